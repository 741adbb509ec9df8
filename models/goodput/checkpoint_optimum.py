"""The checkpoint interval with the highest exact ETTR, and how little it matters to miss it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import optimize, special

from models.errors import NotAShareError
from models.goodput.gaps import Exponential, GapLaw, run_gap_law
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan
from models.guards import checked_positive

#: Intervals longer than this many mean gaps are not looked at: hardly an attempt would keep any work.
_LONGEST_IN_GAPS: Final = 20.0
_GRID: Final = 60
#: Below this the branch point of Lambert's function eats the digits, and its series is exact to 1e-9.
_NEAR_BRANCH_POINT: Final = 1e-2


@dataclass(frozen=True, slots=True)
class BestInterval:
    """The best interval, its ETTR, and the range of intervals that lose at most a share of that ETTR."""

    interval_seconds: float
    ettr: float
    low_seconds: float
    high_seconds: float
    lost_share: float

    @property
    def statement(self) -> str:
        """The range in words.

        >>> best_interval(RunPlan(2000, 6.5e-3, 3600, 300, checkpoint_write_seconds=60)).statement
        'any interval from 9.6 to 21.0 min stays within 1% of the best ETTR, which 14.2 min reaches'
        """
        low, high, best = (seconds / 60 for seconds in (self.low_seconds, self.high_seconds, self.interval_seconds))
        return (
            f"any interval from {low:.1f} to {high:.1f} min stays within {self.lost_share:.0%} of the best ETTR, "
            f"which {best:.1f} min reaches"
        )


def shortest_interval_seconds(plan: RunPlan) -> float:
    """Return the work between two checkpoints below which one would begin before the last is written.

    Parameters
    ----------
    plan : RunPlan
        The run.

    Returns
    -------
    float
        The write less the stall; 0 for blocking checkpoints.

    Examples
    --------
    >>> shortest_interval_seconds(RunPlan(2, 0.1, 60, 0, checkpoint_write_seconds=150, checkpoint_stall_seconds=6))
    144.0
    """
    return float((plan.checkpoint_write_seconds or 0.0) - plan.stall_seconds)


def exact_optimal_interval_seconds(plan: RunPlan, gaps: GapLaw | None = None) -> float:
    """Return the interval that maximises the exact ETTR of a long run.

    Parameters
    ----------
    plan : RunPlan
        The run; its own interval is not used, and its `productive_seconds` are taken as infinite.
    gaps : GapLaw, optional
        Law of the gaps between its failures; exponential at the plan's failure rate if left out.

    Returns
    -------
    float
        Seconds of work between two checkpoints, never below `shortest_interval_seconds`; infinite for a run that never
        fails.

    Raises
    ------
    NotPositiveError
        Checkpoints are free, in stall and in write: no interval is the best.

    Notes
    -----
    With gaps exponential of mean M, an attempt keeps dt e^(-a/M) / (e^((dt + s)/M) - 1) of work, where a, the restart
    and the part of the write behind the stall s, does not depend on dt; nor does the length of an attempt. The
    derivative is zero where (1 - x) e^(x + s/M) = 1 with x = dt/M, that is at x = 1 + W0(-e^(-1 - s/M)), W0 the
    principal branch of Lambert's function (Corless et al. 1996). Restart, detection and queue do not matter. Daly's
    (2006) equation 37 is the expansion of this for small s/M. Any other law is searched numerically.

    Examples
    --------
    >>> plan = RunPlan(1, 24.0, 600, 300, checkpoint_write_seconds=60)  # one failure an hour
    >>> round(exact_optimal_interval_seconds(plan), 1)
    617.9
    """
    shortest = shortest_interval_seconds(plan)
    if shortest == 0.0:
        checked_positive("checkpoint_write_seconds", plan.stall_seconds)
    law = run_gap_law(plan) if gaps is None else gaps
    if math.isinf(law.mean_seconds):
        return math.inf
    if isinstance(law, Exponential):
        best = law.mean_seconds * _best_in_gaps(plan.stall_seconds / law.mean_seconds)
        return max(shortest, best)
    return _searched(plan, law, shortest)


def at_best_interval(plan: RunPlan, gaps: GapLaw | None = None) -> RunPlan:
    """Return the plan with the interval that maximises its exact ETTR; as it is if nothing fails.

    Examples
    --------
    >>> plan = RunPlan(2000, 6.5e-3, 3600, 300, checkpoint_write_seconds=60)
    >>> round(at_best_interval(plan).checkpoint_interval_seconds)
    854
    """
    interval = exact_optimal_interval_seconds(plan, gaps)
    return replace(plan, checkpoint_interval_seconds=interval) if math.isfinite(interval) else plan


def best_interval(plan: RunPlan, gaps: GapLaw | None = None, lost_share: float = 0.01) -> BestInterval:
    """Find the best interval of a long run and the range of intervals that are nearly as good.

    Parameters
    ----------
    plan : RunPlan
        The run, which must fail at times; its own interval and `productive_seconds` are not used.
    gaps : GapLaw, optional
        Law of the gaps between its failures; exponential at the plan's failure rate if left out.
    lost_share : float
        How much less ETTR, as a share of the best, is nearly as good.

    Returns
    -------
    BestInterval
        The range ends at the shortest interval possible where that is good enough.

    Raises
    ------
    NotAShareError
        A lost share outside (0, 1).
    NotPositiveError, NotFiniteError
        Checkpoints are free or nothing fails, so that there is no best interval.

    Examples
    --------
    >>> best = best_interval(RunPlan(2000, 6.5e-3, 3600, 300, checkpoint_write_seconds=60))
    >>> round(best.low_seconds), round(best.interval_seconds), round(best.high_seconds), round(best.ettr, 3)
    (574, 854, 1261, 0.833)
    """
    if not 0.0 < lost_share < 1.0:
        raise NotAShareError("lost_share", lost_share)
    law = run_gap_law(plan) if gaps is None else gaps
    interval = checked_positive("interval_seconds", exact_optimal_interval_seconds(plan, law))
    ettr = _ettr_of_interval(plan, law)
    best = ettr(interval)
    enough = (1.0 - lost_share) * best
    low = _crossing(ettr, enough, interval, max(shortest_interval_seconds(plan), interval * 1e-6))
    high = _crossing(ettr, enough, interval, interval * 1e6)
    return BestInterval(interval, best, low, high, lost_share)


def _best_in_gaps(stall_in_gaps: float) -> float:
    """Return dt/M = 1 + W0(-e^(-1 - s/M))."""
    p = math.sqrt(-2.0 * math.expm1(-stall_in_gaps))
    if p < _NEAR_BRANCH_POINT:
        return p * (1.0 - p * (1.0 / 3.0 - p * (11.0 / 72.0 - p * 43.0 / 540.0)))
    return 1.0 + float(special.lambertw(-math.exp(-1.0 - stall_in_gaps)).real)


def _ettr_of_interval(plan: RunPlan, law: GapLaw) -> Callable[[float], float]:
    long_run = replace(plan, productive_seconds=math.inf)
    return lambda seconds: exact_ettr(replace(long_run, checkpoint_interval_seconds=float(seconds)), law)


def _searched(plan: RunPlan, law: GapLaw, shortest: float) -> float:
    """Return the best interval on a grid of factors, refined around its best point."""
    ettr = _ettr_of_interval(plan, law)
    # An attempt pays at least the stall, so that much shorter intervals than the stall itself are never the best.
    start = max(shortest, plan.stall_seconds / 20.0)
    grid = np.geomspace(start, max(2.0 * start, _LONGEST_IN_GAPS * law.mean_seconds), _GRID)
    best = int(np.argmax([ettr(seconds) for seconds in grid]))
    around = np.log(grid[[max(0, best - 1), min(_GRID - 1, best + 1)]])
    inner = optimize.minimize_scalar(
        lambda log: -ettr(math.exp(float(log))),
        bounds=(around[0], around[1]),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return max((float(grid[best]), math.exp(float(inner.x))), key=ettr)


def _crossing(ettr: Callable[[float], float], enough: float, good: float, far: float) -> float:
    """Return the interval between a good one and one far off at which ETTR falls below what is enough."""
    if ettr(far) >= enough:
        return far
    within, beyond = math.log(good), math.log(far)
    while abs(within - beyond) > 1e-6:
        middle = (within + beyond) / 2.0
        within, beyond = (middle, beyond) if ettr(math.exp(middle)) >= enough else (within, middle)
    return math.exp(within)
