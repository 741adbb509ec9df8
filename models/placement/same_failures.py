"""One run in two fabrics that meet the same failures: the difference of their ETTR, simulated.

What both fabrics suffer strikes both at the same moment of held time; what only one suffers strikes it alone. The
difference of the two runs is then free of the luck that both share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import special

from models.errors import NotPositiveError
from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.goodput.simulation.errors import TooFewReplicasError
from models.goodput.simulation.runs import simulate_runs
from models.guards import FloatArray, checked_confidence, checked_count
from models.placement.fabric_failures import ClassFailures

#: beyond any horizon, in horizons
_NEVER: Final = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class PairedRuns:
    """ETTR of each replica in both fabrics, slow hours counted at their speed, shape (replicas,) each."""

    one: FloatArray
    other: FloatArray
    failures_one: FloatArray
    failures_other: FloatArray

    @property
    def difference(self) -> float:
        """Mean ETTR in the first fabric less that in the other."""
        return float((self.one - self.other).mean())

    @property
    def standard_error(self) -> float:
        """Monte Carlo error of the difference."""
        return float((self.one - self.other).std(ddof=1) / math.sqrt(self.one.size))

    def interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the Monte Carlo interval of the difference, by Student's t."""
        level = (1.0 + checked_confidence(confidence)) / 2.0
        margin = float(special.stdtrit(self.one.size - 1, level)) * self.standard_error
        return self.difference - margin, self.difference + margin


def paired_runs(
    plan: RunPlan,
    one: Sequence[ClassFailures],
    other: Sequence[ClassFailures],
    *,
    replicas: int,
    horizon_seconds: float,
    rng: np.random.Generator,
) -> PairedRuns:
    """Simulate a long run in two fabrics on the same failures.

    Parameters
    ----------
    plan : RunPlan
        The run; its failure rate is that of its nodes, the same in both; its end is not looked at.
    one, other : sequence of ClassFailures
        What each fabric adds, from `models.placement.fabric_failures.class_failures`.
    replicas : int
        Pairs of runs, two at least.
    horizon_seconds : float
        Wall-clock time each is watched.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    PairedRuns
        One ETTR per replica and fabric.

    Raises
    ------
    TooFewReplicasError, NotPositiveError
        An argument cannot be.

    Notes
    -----
    Failures are one Poisson process of held time, split by class: the smaller of the two rates of a class strikes both
    fabrics, the rest the one that has it. Work done while parts are out goes at the speed of the worst; outages of a
    class begin by a Poisson process of the wall clock, as they do whether the run is up or not, and last as long as its
    repair. A class that slows both is out at the same times in both.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from models.placement.fabric_failures import class_failures, standing
    >>> from models.placement.leaning import leaning
    >>> from models.topology.builders.hpn import hpn
    >>> fabrics = [leaning(hpn(hosts=375, gpus_per_host=8, single_tor=single)) for single in (False, True)]
    >>> one, other = (class_failures(standing(f, range(375)), published_rates("hpn")) for f in fabrics)
    >>> plan = RunPlan(375, 6.5e-3, 3600, 300)
    >>> runs = paired_runs(plan, one, other, replicas=20, horizon_seconds=30 * 86_400, rng=np.random.default_rng(1))
    >>> bool((runs.failures_one <= runs.failures_other).all())
    True
    """
    if checked_count("replicas", replicas) < 2:
        raise TooFewReplicasError(replicas)
    if not 0 < horizon_seconds < math.inf:
        raise NotPositiveError("horizon_seconds", horizon_seconds)
    of_failures, of_slow, of_runs = rng.spawn(3)
    long = replace(plan, productive_seconds=math.inf)
    rates = [{row.component: row.fatal_per_day for row in rows} for rows in (one, other)]
    shared = sum(min(rates[0].get(name, 0.0), rates[1].get(name, 0.0)) for name in rates[0])
    own = [sum(found.values()) - shared for found in rates]
    times = [
        _arrivals(per_second, replicas, horizon_seconds, each)
        for per_second, each in zip(
            (
                plan.failures_per_second + shared / SECONDS_PER_DAY,
                own[0] / SECONDS_PER_DAY,
                own[1] / SECONDS_PER_DAY,
            ),
            of_failures.spawn(3),
            strict=True,
        )
    ]
    ettr, failures = [], []
    seed = of_runs.integers(2**63)
    slow_seed = of_slow.integers(2**63)
    for mine, rows in ((times[1], one), (times[2], other)):
        runs = simulate_runs(
            long,
            gaps=_Drawn(_gaps(np.concatenate([times[0], mine]), horizon_seconds)),
            replicas=replicas,
            rng=np.random.default_rng(seed),
            horizon_seconds=horizon_seconds,
        )
        ettr.append(runs.ettr_per_run * mean_speeds(rows, replicas, horizon_seconds, np.random.default_rng(slow_seed)))
        failures.append(runs.failures.astype(np.float64))
    return PairedRuns(ettr[0], ettr[1], failures[0], failures[1])


def mean_speeds(
    classes: Sequence[ClassFailures], replicas: int, horizon_seconds: float, rng: np.random.Generator
) -> FloatArray:
    """Simulate what is out when, and return the mean speed of each replica over its time.

    Parameters
    ----------
    classes : sequence of ClassFailures
        What slows the run.
    replicas : int
        Runs.
    horizon_seconds : float
        Wall-clock time each is watched.
    rng : numpy.random.Generator
        Source of chance; the outages of a class hang on its name alone, not on the other classes.

    Returns
    -------
    array of shape (replicas,)
        1 where nothing was out.
    """
    key = int(rng.integers(2**63))
    ranked = sorted((row for row in classes if row.slowdown * row.slowing_per_day > 0), key=lambda row: -row.slowdown)
    starts, ends = np.empty((0, replicas)), np.empty((0, replicas))
    lost, covered = np.zeros(replicas), np.zeros(replicas)
    for row in ranked:
        own = np.random.default_rng([key, *row.component.encode()])
        repair = row.repair_hours * 3600.0
        begun = _arrivals(row.slowing_per_day / SECONDS_PER_DAY, replicas, horizon_seconds + repair, own) - repair
        starts = np.concatenate([starts, np.clip(begun, 0.0, horizon_seconds)])
        ends = np.concatenate([ends, np.clip(begun + repair, 0.0, horizon_seconds)])
        out = _covered(starts, ends)
        lost += row.slowdown * (out - covered)
        covered = out
    return np.asarray(1.0 - lost / horizon_seconds)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Gaps that were drawn before, handed out row by row; after the last one nothing fails."""

    rows: list[FloatArray]

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:  # noqa: ARG002 - a Law
        """Return the next rows, `size` numbers in all."""
        replicas = self.rows[-1].size
        taken = [self.rows.pop(0) if len(self.rows) > 1 else self.rows[0] for _ in range(size // replicas)]
        return np.concatenate(taken)


def _gaps(times: FloatArray, horizon_seconds: float) -> list[FloatArray]:
    """Return the gaps between times, one row per failure, and last a row that never comes."""
    ordered = np.sort(times, axis=0)
    gaps = np.diff(ordered, axis=0, prepend=0.0)
    # Times beyond the horizon are drawn only to reach it; they strike nobody.
    gaps = np.where(ordered > horizon_seconds, _NEVER * horizon_seconds, gaps)
    return [*gaps, np.full(times.shape[1], _NEVER * horizon_seconds)]


def _arrivals(per_second: float, replicas: int, until_seconds: float, rng: np.random.Generator) -> FloatArray:
    """Return the times of a Poisson process until all replicas are beyond a time, shape (arrivals, replicas)."""
    if per_second <= 0:
        return np.empty((0, replicas))
    blocks, last = [], np.zeros(replicas)
    rows = max(16, int(per_second * until_seconds))
    while last.min() <= until_seconds:
        block = last + np.cumsum(rng.exponential(1.0 / per_second, (rows, replicas)), axis=0)
        blocks.append(block)
        last = block[-1]
    return np.concatenate(blocks)


def _covered(starts: FloatArray, ends: FloatArray) -> FloatArray:
    """Return the length of the union of intervals, for each column."""
    order = np.argsort(starts, axis=0)
    begun, over = np.take_along_axis(starts, order, axis=0), np.take_along_axis(ends, order, axis=0)
    reached = np.maximum.accumulate(over, axis=0)
    before = np.vstack([np.zeros((1, begun.shape[1])), reached[:-1]])
    return np.asarray(np.maximum(0.0, over - np.maximum(begun, before)).sum(axis=0))
