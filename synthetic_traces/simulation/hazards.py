"""The clocks of all that can go wrong on a node, and how long detection and repair take.

Each mode is a Poisson process in the node's time in service, constant or a Weibull's hazard in the age of each part,
multiplied by what depends on the node (batch, firmware) and on the calendar (regressions). Candidates are drawn at the
largest rate that can be and thinned (Lewis and Shedler, 1979), so the law is exact. A node that comes back draws anew:
given that nothing had happened yet, the new draw has the law of the old one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from synthetic_traces.simulation.plant import Lemon, Plant
from synthetic_traces.spec.cluster import DAY, HOUR, ClusterSpec
from synthetic_traces.spec.faults import FailureMode, Firmware, Regression, Repair


@dataclass(frozen=True, slots=True)
class HardwareEvent:
    """The next thing that goes wrong on a node if it stays in service that long.

    Parameters
    ----------
    time_seconds
        When.
    mode
        Number of the mode in the specification.
    slot, xid
        The part that is hit, and the Xid it prints, if any.
    lemon, relapse
        It is the root cause of a lemon; it comes again after a repair in vain.
    """

    time_seconds: float
    mode: int
    slot: int
    xid: int | None
    lemon: bool = False
    relapse: bool = False


class Hazards:
    """Competing clocks of all modes of each node.

    Parameters
    ----------
    spec, plant
        The cluster and its machines.
    rng
        Source of randomness.
    """

    def __init__(self, spec: ClusterSpec, plant: Plant, rng: np.random.Generator) -> None:
        self._spec = spec
        self._plant = plant
        self._rng = rng
        self._modes = spec.failure_modes
        fatal = [(number, mode) for number, mode in enumerate(self._modes) if mode.effect == "down"]
        self._root_causes = {mode.symptom: number for number, mode in reversed(fatal)}
        self._rates = np.array([mode.per_1000_node_days / 1000 / DAY for mode in self._modes])
        self._constant = np.array([mode.shape == 1 for mode in self._modes])
        self._ceilings = np.ones((spec.fleet.nodes, len(self._modes)))
        self._varies = [bool(self._factors(mode)) for mode in self._modes]
        for number, mode in enumerate(self._modes):
            ceiling = math.prod(max(1.0, factor) for factor in self._factors(mode))
            self._ceilings[:, number] = ceiling * plant.batch_factor.get(mode.symptom, 1.0)
        # Age in service of the parts of modes whose hazard depends on it, when the node's service clock stood at 0.
        self._born = {
            number: np.repeat(-plant.age_days[:, None] * DAY, mode.slots, axis=1)
            for number, mode in enumerate(self._modes)
            if mode.shape != 1
        }
        self._clock = np.zeros(spec.fleet.nodes)
        self._relapses: dict[int, list[tuple[int, int]]] = {}
        self._cured: set[int] = set()
        self.expected = dict.fromkeys((mode.symptom for mode in self._modes if mode.effect == "down"), 0.0)

    def _factors(self, mode: FailureMode) -> list[float]:
        changes: tuple[Regression | Firmware, ...] = (*self._spec.regressions, *self._spec.fleet.firmware)
        return [change.factor for change in changes if change.symptom == mode.symptom]

    def next_event(self, node: int, now: float, since: float) -> HardwareEvent | None:
        """Draw the first event of all modes of one node.

        Parameters
        ----------
        node
            Node number, in service.
        now
            The time.
        since
            When the node last entered service.

        Returns
        -------
        HardwareEvent or None
            None if nothing happens before the log ends.
        """
        time = now
        while time < self._spec.seconds:
            event = self._candidate(node, time, since)
            if event.time_seconds >= self._spec.seconds:
                return None
            time = event.time_seconds
            if event.lemon or event.relapse or self._accepts(node, event):
                return event
        return None

    def _candidate(self, node: int, time: float, since: float) -> HardwareEvent:
        rates = np.where(self._constant, self._rates * self._ceilings[node], 0.0)
        lemon = self._lemon(node)
        bad = lemon.per_1000_node_days / 1000 / DAY if lemon is not None else 0.0
        relapses = self._relapses.get(node, [])
        again = [1 / (self._modes[mode].repair.relapse_mean_hours * HOUR) for mode, _ in relapses]
        all_rates = np.concatenate([rates, [bad], again])
        total = float(all_rates.sum())
        wait = float(self._rng.exponential(1 / total)) if total > 0 else math.inf
        chosen = int(self._rng.choice(len(all_rates), p=all_rates / total)) if total > 0 else 0
        first = time + wait
        aged = self._aged_candidate(node, time, since)
        if aged is not None and aged.time_seconds < first:
            return aged
        if chosen > len(rates):
            mode, slot = relapses[chosen - len(rates) - 1]
            return self._event(first, mode, slot, relapse=True)
        if chosen == len(rates):
            assert lemon is not None  # noqa: S101 - its rate is zero otherwise
            mode = self._root_causes[lemon.symptom]
            if first < lemon.from_seconds:  # not yet bad: thinned out
                return self._candidate(node, first, since)
            return self._event(first, mode, node % self._modes[mode].slots, lemon=True)
        return self._event(first, chosen, int(self._rng.integers(self._modes[chosen].slots)))

    def _aged_candidate(self, node: int, time: float, since: float) -> HardwareEvent | None:
        best: tuple[float, int, int] | None = None
        for number, born in self._born.items():
            mode = self._modes[number]
            age = self._clock[node] + (time - since) - born[node]
            scale = self._rates[number] * self._ceilings[node, number] / mode.slots
            reference = mode.reference_age_days * DAY
            # Cumulative hazard of one part: scale × reference / k × (age / reference)^k; invert it at age + Exp(1).
            unit = scale * reference / mode.shape
            if unit == 0:
                continue
            hazard = unit * (age / reference) ** mode.shape + self._rng.exponential(size=mode.slots)
            waits = reference * (hazard / unit) ** (1 / mode.shape) - age
            slot = int(np.argmin(waits))
            if best is None or time + waits[slot] < best[0]:
                best = (time + float(waits[slot]), number, slot)
        return None if best is None else self._event(*best)

    def _event(self, time: float, mode: int, slot: int, *, lemon: bool = False, relapse: bool = False) -> HardwareEvent:
        xids = self._modes[mode].xids
        return HardwareEvent(time, mode, slot, int(self._rng.choice(xids)) if xids else None, lemon, relapse)

    def _accepts(self, node: int, event: HardwareEvent) -> bool:
        if not self._varies[event.mode]:
            return True
        ceiling = self._ceilings[node, event.mode]
        batch = self._plant.batch_factor.get(self._modes[event.mode].symptom)
        constant = batch[node] if batch is not None else 1.0
        return bool(self._rng.random() < constant * self._factor(node, event.mode, event.time_seconds) / ceiling)

    def _factor(self, node: int, mode: int, time: float) -> float:
        symptom = self._modes[mode].symptom
        factor = 1.0
        for regression in self._spec.regressions:
            if regression.symptom == symptom and regression.from_day * DAY <= time < regression.to_day * DAY:
                factor *= regression.factor
        for firmware, since in self._plant.rollouts:
            if firmware.symptom == symptom and time >= since[node]:
                factor *= firmware.factor
        return factor

    def served(self, node: int, begin: float, end: float) -> None:
        """Note that a node was in service: its parts age, and the expected number of faults grows.

        Parameters
        ----------
        node
            Node number.
        begin, end
            Seconds.
        """
        for number, mode in enumerate(self._modes):
            if mode.effect == "down":
                self.expected[mode.symptom] += self._integral(node, number, begin, end)
        lemon = self._lemon(node)
        if lemon is not None:
            bad = max(0.0, end - max(begin, lemon.from_seconds))
            self.expected[lemon.symptom] += bad * lemon.per_1000_node_days / 1000 / DAY
        for number, _ in self._relapses.get(node, ()):
            again = (end - begin) / (self._modes[number].repair.relapse_mean_hours * HOUR)
            self.expected[self._modes[number].symptom] += again
        self._clock[node] += end - begin

    def _integral(self, node: int, number: int, begin: float, end: float) -> float:
        mode = self._modes[number]
        cuts = {begin, end}
        if self._varies[number]:
            cuts |= {
                d * DAY for r in self._spec.regressions if r.symptom == mode.symptom for d in (r.from_day, r.to_day)
            }
            cuts |= {float(at[node]) for f, at in self._plant.rollouts if f.symptom == mode.symptom}
        times = sorted(cut for cut in cuts if begin <= cut <= end)
        batch = self._plant.batch_factor.get(mode.symptom)
        rate = float(self._rates[number]) * (float(batch[node]) if batch is not None else 1.0)
        total = 0.0
        for first, last in pairwise(times):
            total += self._factor(node, number, first) * self._grown(node, number, first - begin, last - begin)
        return rate * total

    def _grown(self, node: int, number: int, first: float, last: float) -> float:
        mode = self._modes[number]
        if mode.shape == 1:
            return last - first
        reference = mode.reference_age_days * DAY
        age = self._clock[node] - self._born[number][node]
        power = ((age + last) / reference) ** mode.shape - ((age + first) / reference) ** mode.shape
        return float(power.mean()) * reference / mode.shape

    def mended(self, node: int, mode: int, slot: int, *, replaced: bool, helped: bool) -> None:
        """Note a repair: a replaced part begins anew, a fault that was not found comes again.

        Parameters
        ----------
        node, mode, slot
            What was repaired.
        replaced
            The part is new.
        helped
            False if the fault is still there.
        """
        if replaced and mode in self._born:
            self._born[mode][node, slot] = self._clock[node]
        waiting = self._relapses.setdefault(node, [])
        if (mode, slot) in waiting:
            waiting.remove((mode, slot))
        if not helped:
            waiting.append((mode, slot))

    def cured(self, node: int) -> None:
        """Note that a repair has found what made a node a lemon: it is none from now on.

        Parameters
        ----------
        node
            Node number.
        """
        self._cured.add(node)

    def _lemon(self, node: int) -> Lemon | None:
        return None if node in self._cured else self._plant.lemons.get(node)


def repair_seconds(repair: Repair, rng: np.random.Generator) -> int:
    """Draw how long a repair takes.

    Parameters
    ----------
    repair
        What it is like.
    rng
        Source of randomness.

    Returns
    -------
    int
        Log-normal seconds, at least ten minutes.
    """
    if rng.random() < repair.automatic_share:
        median, sigma = repair.automatic_median_hours, repair.automatic_sigma
    else:
        median, sigma = repair.median_hours, repair.sigma
    return max(600, int(rng.lognormal(math.log(median * HOUR), sigma)))


def next_check(time: float, phase: int, interval: int) -> int:
    """When the health check of a node next runs.

    Parameters
    ----------
    time
        Now, in seconds.
    phase, interval
        It runs at ``phase + k × interval``.

    Returns
    -------
    int
        The first such time after now.

    Examples
    --------
    >>> next_check(301.5, phase=20, interval=300), next_check(320.0, phase=20, interval=300)
    (320, 620)
    """
    return phase + (math.floor((time - phase) / interval) + 1) * interval
