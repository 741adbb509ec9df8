"""How often a fabric or a placed job goes down and for how long: histories of failures and repairs, event by event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.availability.component_rates import ComponentRate
from models.availability.plant import PartClass, Plant, Takes, part_classes
from models.availability.redundancy import checked_placement
from models.availability.shocks import ShockLevel
from models.availability.system import FabricSystem
from models.guards import FloatArray, checked_confidence, checked_count, checked_positive
from models.rates import HOURS_PER_DAY, RateEstimate, poisson_rate


@dataclass(frozen=True, slots=True)
class OutageHistory:
    """Outages in simulated time.

    Parameters
    ----------
    hours : float
        Simulated, over all histories.
    availability, standard_error : float
        Share of the time without an outage; the error is that of the mean of the histories.
    outages : RateEstimate
        Outages begun, per day, with the exact Poisson interval.
    mean_outage_hours : float or None
        Down time over outages; None without outages.
    longest_outage_hours : float
        The longest seen.
    """

    hours: float
    availability: float
    standard_error: float
    outages: RateEstimate
    mean_outage_hours: float | None
    longest_outage_hours: float


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Outages of the fabric (a host without network) and of the job (fewer hosts than it needs)."""

    fabric: OutageHistory
    job: OutageHistory


def trajectories(
    system: FabricSystem,
    rates: Mapping[str, ComponentRate],
    job_hosts: int,
    spare_hosts: int,
    histories: int,
    hours: float,
    rng: np.random.Generator,
    *,
    beta: float = 0.0,
    shocks: Sequence[ShockLevel] = (),
    confidence: float = 0.9,
) -> Trajectories:
    """Follow a fabric through failures and repairs.

    Parameters
    ----------
    system, rates, job_hosts, spare_hosts, beta, shocks
        As for `models.availability.monte_carlo.simulated_availability`.
    histories : int
        How many, at least 2.
    hours : float
        Length of each.
    rng : numpy.random.Generator
        Source of randomness.
    confidence : float
        Of the interval of the outage rate.

    Returns
    -------
    Trajectories
        Times to failure and to repair are exponential; a history begins in the long run, not with everything new.

    Raises
    ------
    JobDoesNotFitError, NotAProbabilityError, NotPositiveError, NotACountError, ConfidenceOutOfRangeError
        A number cannot be.

    Notes
    -----
    Above the switches that serve hosts the graph is not searched: a switch is cut off when all its cables upwards, or
    to its equals, are lost.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from models.availability.system import fabric_system
    >>> from models.topology.builders.hpn import hpn
    >>> segment = fabric_system(hpn(hosts=16, gpus_per_host=8))
    >>> seen = trajectories(segment, published_rates("hpn"), 16, 0, 4, 8766.0, np.random.default_rng(3))
    >>> seen.job.outages.failures > seen.fabric.outages.failures > 0
    True
    """
    several = checked_count("histories", checked_positive("histories", histories - 1)) + 1
    length = checked_positive("hours", hours)
    checked_confidence(confidence)
    placed = checked_placement(system, job_hosts, spare_hosts)
    classes = part_classes(system, rates, beta=beta, shocks=shocks)
    fabric, job = _Watch(several), _Watch(several)
    for history in range(several):
        plant = Plant(system, placed)
        for time, takes, taken, by in _events(classes, length, rng):
            plant.change(takes, taken, by)
            fabric.note(history, time, down=plant.without_network > 0)
            job.note(history, time, down=plant.placed_down > spare_hosts)
        fabric.close(history, length)
        job.close(history, length)
    return Trajectories(fabric.story(length, confidence), job.story(length, confidence))


def _events(
    classes: Sequence[PartClass], hours: float, rng: np.random.Generator
) -> list[tuple[float, Takes, tuple[int, ...], int]]:
    """Return failures (1) and repairs (-1) of one history in order of time, with what they take."""
    found: list[tuple[float, Takes, tuple[int, ...], int]] = []
    for part in classes:
        number, start = _failures(part, hours, rng)
        repair = rng.exponential(part.repair_hours, number.size)
        busy: dict[int, float] = {}
        for component, began, lasted in zip(number.tolist(), start.tolist(), repair.tolist(), strict=True):
            # A part that is down cannot fail; shocks can come on top of each other.
            if not part.overlaps and began < busy.get(component, -1.0):
                continue
            busy[component] = began + lasted
            taken = part.taken(component, rng)
            found += [(began, part.takes, taken, 1), (began + lasted, part.takes, taken, -1)]
    return sorted((event for event in found if event[0] < hours), key=lambda event: event[0])


def _failures(part: PartClass, hours: float, rng: np.random.Generator) -> tuple[np.ndarray, FloatArray]:
    """Return the parts that fail and when, in order of time; those down at the beginning first, at time 0."""
    load = part.failures_per_hour * part.repair_hours
    if part.overlaps:
        at_start = rng.integers(part.count, size=int(rng.poisson(load * part.count)))
    else:
        at_start = np.flatnonzero(rng.random(part.count) < load / (1.0 + load))
    later = int(rng.poisson(part.failures_per_hour * part.count * hours))
    number = np.concatenate([at_start, rng.integers(part.count, size=later)])
    return number, np.concatenate([np.zeros(at_start.size), np.sort(rng.uniform(0.0, hours, later))])


class _Watch:
    """When something was down, history by history."""

    def __init__(self, histories: int) -> None:
        self._down_since: list[float | None] = [None] * histories
        self._down_hours = np.zeros(histories)
        self._begun = 0
        self._longest = 0.0

    def note(self, history: int, time: float, *, down: bool) -> None:
        """Take down whether it is down from this time on."""
        since = self._down_since[history]
        if down and since is None:
            self._down_since[history] = time
            # An outage at the very beginning was begun before.
            self._begun += time > 0
        elif not down and since is not None:
            self._down_hours[history] += time - since
            self._longest = max(self._longest, time - since)
            self._down_since[history] = None

    def close(self, history: int, hours: float) -> None:
        """End the history."""
        self.note(history, hours, down=False)

    def story(self, hours: float, confidence: float) -> OutageHistory:
        """Return what was seen."""
        histories = self._down_hours.size
        up = 1.0 - self._down_hours / hours
        return OutageHistory(
            hours=hours * histories,
            availability=float(up.mean()),
            standard_error=float(up.std(ddof=1) / np.sqrt(histories)),
            outages=poisson_rate(self._begun, hours * histories / HOURS_PER_DAY, confidence),
            mean_outage_hours=float(self._down_hours.sum() / self._begun) if self._begun else None,
            longest_outage_hours=self._longest,
        )
