"""Checkpoints that follow the hazard: close together where failures are likely, apart where they are not.

If failures cluster after a start (Weibull gaps of shape below 1, as Schroeder and Gibson, DSN 2006, found), the best
intervals grow with the time since the last failure. How much that buys over the best constant interval is the question
answered here; mostly it is little.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.goodput.checkpoint_optimum import best_interval, shortest_interval_seconds
from models.goodput.gaps import GapLaw
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray, checked_positive

#: Points of the time grid per best constant interval, and intervals up to so many of these.
_POINTS: Final = 25
_LONGEST: Final = 10
#: The schedule ends where so small a share of the mean gap is left.
_LEFT: Final = 1e-4
_MOST_POINTS: Final = 400_000


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """The best intervals after a start, one after the other, beside the best constant one.

    After the last interval nearly every attempt has failed; what little work comes later is not counted in `ettr`, so
    that it is a lower bound, by less than a thousandth.
    """

    interval_seconds: FloatArray
    ettr: float
    constant_interval_seconds: float
    constant_ettr: float

    @property
    def gain(self) -> float:
        """What the schedule adds to the ETTR of the best constant interval."""
        return self.ettr - self.constant_ettr


def best_schedule(plan: RunPlan, gaps: GapLaw) -> Schedule:
    """Find the checkpoint times after a start that keep the most work per attempt.

    Parameters
    ----------
    plan : RunPlan
        The run; its own interval is not used, and its `productive_seconds` are taken as infinite.
    gaps : GapLaw
        Law of the gaps between its failures.

    Returns
    -------
    Schedule
        Intervals no shorter than a write that is not yet safe allows.

    Raises
    ------
    NotPositiveError, NotFiniteError
        Checkpoints are free or nothing fails.

    Notes
    -----
    The length of an attempt does not depend on the checkpoints, so the best schedule maximises the mean work kept,
    the sum of dt_k S(t_k) over the times t_k at which the kth checkpoint is safe: dynamic programming backwards in time
    on a grid of a 25th of the best constant interval. At the optimum S(t_k) - S(t_k+1) = dt_k f(t_k), the recursion
    of Toueg and Babaoğlu (1984); for exponential gaps that is a constant interval.

    Examples
    --------
    >>> from models.goodput.gaps import WeibullGaps
    >>> plan = RunPlan(1, 12.0, 900, 300, checkpoint_write_seconds=60)
    >>> schedule = best_schedule(plan, WeibullGaps.with_mean(7200, shape=0.7))
    >>> first, tenth = schedule.interval_seconds[[0, 9]] / 60
    >>> f"{first:.0f} min, then up to {tenth:.0f} min; gain {schedule.gain:.3f}"
    '12 min, then up to 17 min; gain 0.001'
    """
    constant = best_interval(plan, gaps)
    stall, shortest = plan.stall_seconds, shortest_interval_seconds(plan)
    end = _last_time(gaps)
    step = max(constant.interval_seconds / _POINTS, end / _MOST_POINTS)
    fewest = max(1, math.ceil(shortest / step - 1e-9))
    choices: FloatArray = step * np.arange(fewest, fewest + _POINTS * _LONGEST, dtype=np.float64)
    begin, lag = plan.restart_overhead_seconds, shortest
    times: FloatArray = begin + step * np.arange(math.ceil(end / step) + 1, dtype=np.float64)
    # Beyond the grid nothing is kept; np.interp returns 0 there.
    kept, best = np.zeros(times.size), np.zeros(times.size, dtype=np.int64)
    for row in range(times.size - 1, -1, -1):
        after = times[row] + choices + stall
        worth = choices * gaps.survival(after + lag) + np.interp(after, times, kept, right=0.0)
        best[row] = int(np.argmax(worth))
        kept[row] = worth[best[row]]
    intervals = _followed(times, choices[best], stall)
    safe = begin + np.cumsum(intervals + stall) + lag
    idle = plan.detection_seconds + plan.queue_wait_seconds
    ettr = float(intervals @ gaps.survival(safe)) / (gaps.mean_seconds + idle)
    return Schedule(intervals, ettr, constant.interval_seconds, constant.ettr)


def _last_time(gaps: GapLaw) -> float:
    """Return a time by which all but a small share of the mean gap has passed."""
    mean = checked_positive("mean_seconds", gaps.mean_seconds)
    time = mean
    while float(gaps.mean_within(time)) < (1.0 - _LEFT) * mean:
        time *= 1.5
    return time


def _followed(times: FloatArray, chosen: FloatArray, stall: float) -> FloatArray:
    """Return the intervals of an attempt that takes the chosen one at every time."""
    intervals, now = [], float(times[0])
    while now < times[-1]:
        intervals.append(float(chosen[int(np.searchsorted(times, now, side="right")) - 1]))
        now += intervals[-1] + stall
    return np.array(intervals)
