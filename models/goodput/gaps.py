"""Gaps between the failures of a run: exponential, Weibull, or as they were observed.

A gap is the scheduled time of one attempt until a failure ends it: from the moment the run holds its nodes, through the
restart, the work and the checkpoint writes. The clock does not run while the run is queued (as in Kokolis et al., HPCA
2025, a run fails only while it is scheduled), nor while the failure that ended the attempt is detected: that run is
stopped already. Each attempt begins a new gap, independent of the ones before.

A law of the life of a *node* is not the law of the gaps of a *run*. `gaps_of_new_nodes` and `gaps_of_settled_nodes` are
the two readings that have an answer: every failure renews all nodes, or only the one that failed. A law fitted to the
gaps of runs of this size needs neither.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from models.errors import LengthMismatchError, NotPositiveError
from models.goodput.errors import NoGapEndedError
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray, checked_columns, checked_count, checked_positive


class GapLaw(Protocol):
    """The law of a gap between failures, in seconds."""

    @property
    def mean_seconds(self) -> float:
        """Mean gap; infinite where nothing fails."""

    def survival(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the chance that a gap is longer than each time (zero or more, infinity allowed)."""

    def mean_within(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the mean of the smaller of gap and time: the integral of survival from 0 to each finite time."""

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw gaps; infinite where nothing fails."""


@dataclass(frozen=True, slots=True)
class Exponential:
    """Gaps of failures that come at a constant rate; an infinite mean is a run that never fails.

    Examples
    --------
    >>> hourly = Exponential(3600.0)
    >>> round(float(hourly.survival(1800.0)), 4), round(float(hourly.mean_within(1800.0)))
    (0.6065, 1416)
    """

    mean_seconds: float

    def __post_init__(self) -> None:
        if not self.mean_seconds > 0:  # NaN fails this too; infinity never fails
            raise NotPositiveError("mean_seconds", self.mean_seconds)

    def survival(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the chance that a gap is longer than each time."""
        times = np.asarray(seconds, dtype=np.float64)
        if math.isinf(self.mean_seconds):
            return np.ones_like(times)
        return np.exp(-times / self.mean_seconds)

    def mean_within(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the mean of the smaller of gap and time."""
        times = np.asarray(seconds, dtype=np.float64)
        # t (1 - e^-x) / x keeps its digits where x = t / mean is tiny, and is t where it is zero.
        return times * special.exprel(-times / self.mean_seconds)

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw gaps."""
        return rng.standard_exponential(size) * self.mean_seconds


@dataclass(frozen=True, slots=True)
class WeibullGaps:
    """Weibull gaps: survival exp(-(t / scale)^shape); shape below 1 means that failures follow close on a start.

    Examples
    --------
    >>> early = WeibullGaps.with_mean(3600.0, shape=0.7)
    >>> round(early.mean_seconds), round(float(early.survival(1800.0)), 4)
    (3600, 0.4838)
    """

    scale_seconds: float
    shape: float

    def __post_init__(self) -> None:
        checked_positive("scale_seconds", self.scale_seconds)
        checked_positive("shape", self.shape)

    @classmethod
    def with_mean(cls, mean_seconds: float, shape: float) -> "WeibullGaps":
        """Return the law of this shape whose mean gap is the one given."""
        mean = checked_positive("mean_seconds", mean_seconds)
        return cls(mean / math.gamma(1.0 + 1.0 / checked_positive("shape", shape)), shape)

    @property
    def mean_seconds(self) -> float:
        """Mean gap, scale Γ(1 + 1/shape)."""
        return self.scale_seconds * math.gamma(1.0 + 1.0 / self.shape)

    def survival(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the chance that a gap is longer than each time."""
        return np.exp(-((np.asarray(seconds, dtype=np.float64) / self.scale_seconds) ** self.shape))

    def mean_within(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the mean of the smaller of gap and time: the mean gap × P(1/shape, (t/scale)^shape)."""
        ratio = (np.asarray(seconds, dtype=np.float64) / self.scale_seconds) ** self.shape
        return np.asarray(self.mean_seconds * special.gammainc(1.0 / self.shape, ratio), dtype=np.float64)

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw gaps."""
        return self.scale_seconds * rng.weibull(self.shape, size)


@dataclass(frozen=True, slots=True, eq=False)
class EmpiricalGaps:
    """Gaps as observed: the Kaplan–Meier curve of `empirical_gaps`, with an exponential tail where it ends above zero.

    Parameters
    ----------
    knot_seconds, survival_after : array of shape (n_knots,)
        From 0 on, the times at which the curve falls and its value from there to the next knot.
    tail_rate_per_second : float
        Failure rate beyond the last knot; infinite where the curve ends at zero.
    gaps, failures : int
        Gaps observed, and how many of them a failure ended.
    """

    knot_seconds: FloatArray
    survival_after: FloatArray
    tail_rate_per_second: float
    gaps: int
    failures: int

    @property
    def mean_seconds(self) -> float:
        """Mean gap, its tail included."""
        return float(self._area()[-1]) + float(self.survival_after[-1]) / self.tail_rate_per_second

    def survival(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the chance that a gap is longer than each time."""
        times = np.asarray(seconds, dtype=np.float64)
        stairs = np.asarray(self.survival_after[self._knot(times)], dtype=np.float64)
        return stairs * self._tail(times) if self.survival_after[-1] > 0 else stairs

    def mean_within(self, seconds: npt.ArrayLike) -> FloatArray:
        """Return the mean of the smaller of gap and time."""
        times = np.asarray(seconds, dtype=np.float64)
        knot, last = self._knot(times), float(self.knot_seconds[-1])
        on_stair = self.survival_after[knot] * (np.minimum(times, last) - self.knot_seconds[knot])
        stairs = np.asarray(self._area()[knot] + on_stair, dtype=np.float64)
        if self.survival_after[-1] == 0:
            return stairs
        return stairs + float(self.survival_after[-1]) * (1.0 - self._tail(times)) / self.tail_rate_per_second

    def sample(self, rng: np.random.Generator, size: int) -> FloatArray:
        """Draw gaps."""
        share = 1.0 - rng.random(size)  # in (0, 1], so that a logarithm is finite
        knot = np.searchsorted(-self.survival_after, -share)
        beyond = knot == self.knot_seconds.size
        drawn = self.knot_seconds[np.minimum(knot, self.knot_seconds.size - 1)]
        if beyond.any():
            left = np.log(self.survival_after[-1]) - np.log(share[beyond])
            drawn[beyond] += left / self.tail_rate_per_second
        return drawn

    def _knot(self, times: FloatArray) -> npt.NDArray[np.intp]:
        return np.searchsorted(self.knot_seconds, times, side="right") - 1

    def _area(self) -> FloatArray:
        """Return the integral of the stairs from 0 to each knot."""
        return np.append(0.0, np.cumsum(self.survival_after[:-1] * np.diff(self.knot_seconds)))

    def _tail(self, times: FloatArray) -> FloatArray:
        beyond = np.maximum(times - float(self.knot_seconds[-1]), 0.0)
        return np.exp(-beyond * self.tail_rate_per_second)


def empirical_gaps(gap_seconds: npt.ArrayLike, ended: npt.ArrayLike | None = None) -> EmpiricalGaps:
    """Take the law of gaps from observed ones, some of them perhaps not yet over.

    Parameters
    ----------
    gap_seconds : array-like of shape (n_gaps,)
        Scheduled seconds of each attempt until its failure, or until it was last seen without one.
    ended : array-like of bool of shape (n_gaps,), optional
        False where no failure ended the gap (the run finished, was cancelled or still runs); all ended if left out.

    Returns
    -------
    EmpiricalGaps
        The Kaplan–Meier curve. If the longest gap is one without a failure, the curve stops above zero and is continued
        by the constant failure rate that would have led to where it stops.

    Raises
    ------
    NoGapEndedError
        No gap ended, or all that did were of no length.
    NotFiniteError, NegativeValueError, LengthMismatchError, EmptySampleError
        The input cannot be.

    Notes
    -----
    Kaplan and Meier (1958). The tail is that of Brown, Hollander and Korwar (1974): S(t) = S(last)^(t / last). Leaving
    the unfinished gaps out instead would make failures seem more frequent than they are.

    Examples
    --------
    >>> empirical_gaps([3600, 7200, 7200, 14_400]).mean_seconds
    8100.0
    >>> round(empirical_gaps([3600, 7200, 7200, 14_400], [True, True, False, False]).mean_seconds)
    20287
    """
    if ended is None:
        ended = np.ones(np.shape(np.atleast_1d(gap_seconds)), dtype=np.bool_)
    (seconds,) = checked_columns(gap_seconds=gap_seconds)
    failed = np.atleast_1d(np.asarray(ended, dtype=np.bool_))
    if failed.shape != seconds.shape:
        raise LengthMismatchError({"gap_seconds": seconds.size, "ended": failed.size})
    if not seconds[failed].any():
        raise NoGapEndedError(seconds.size, int(failed.sum()))
    times, row = np.unique(seconds, return_inverse=True)
    failures = np.bincount(row, failed)
    left = np.bincount(row)
    at_risk = seconds.size - np.cumsum(left) + left
    survival = np.cumprod(1.0 - failures / at_risk, dtype=np.float64)
    # Times at which nothing failed are no knots, but the last is: there the tail begins.
    kept = failures > 0
    kept[-1] = True
    knots, after = times[kept], survival[kept]
    if knots[0] > 0:
        knots, after = np.append(0.0, knots), np.append(1.0, after)
    last = float(after[-1])
    return EmpiricalGaps(
        knot_seconds=knots,
        survival_after=after,
        tail_rate_per_second=-math.log(last) / float(knots[-1]) if last > 0 else math.inf,
        gaps=seconds.size,
        failures=int(failed.sum()),
    )


def run_gap_law(plan: RunPlan) -> Exponential:
    """Return the law of the gaps of a planned run: exponential at its failure rate.

    Examples
    --------
    >>> run_gap_law(RunPlan(2000, 6.5e-3, 3600, 300)).mean_seconds
    6646.153846153846
    """
    rate = plan.failures_per_second
    return Exponential(1.0 / rate if rate > 0 else math.inf)


def gaps_of_new_nodes(node_life: WeibullGaps, nodes: int) -> WeibullGaps:
    """Return the gaps of a run whose nodes are all as new at each start.

    Parameters
    ----------
    node_life : WeibullGaps
        The life of one node from a start to its failure.
    nodes : int
        Nodes of the run, all of them needed.

    Returns
    -------
    WeibullGaps
        The shortest of that many lives: the scale falls with nodes^(-1/shape), the shape stays.

    Raises
    ------
    NotACountError, NotPositiveError
        No node.

    Notes
    -----
    Holds where the start itself renews all: faults that a restart clears, or a fresh set of nodes for each attempt.

    Examples
    --------
    >>> gaps_of_new_nodes(WeibullGaps(1e7, 0.5), 100).scale_seconds
    1000.0
    """
    count = checked_positive("nodes", checked_count("nodes", nodes))
    return WeibullGaps(node_life.scale_seconds * count ** (-1.0 / node_life.shape), node_life.shape)


def gaps_of_settled_nodes(node_life: GapLaw, nodes: int) -> Exponential:
    """Return the gaps of a run of many nodes of which a failure renews only the one that failed.

    Parameters
    ----------
    node_life : GapLaw
        The time between two failures of one node, whatever its law.
    nodes : int
        Nodes of the run, all of them needed.

    Returns
    -------
    Exponential
        At the rate nodes / mean life.

    Raises
    ------
    NotACountError, NotPositiveError
        No node.

    Notes
    -----
    The superposition of many independent renewal processes tends to a Poisson process (Palm 1943, Khintchine 1960)
    once the nodes are older than a few lives, of all ages mixed. Nodes that are all young together fail at N h(age)
    instead: give that as a rate that changes over the run.

    Examples
    --------
    >>> gaps_of_settled_nodes(WeibullGaps.with_mean(1e7, 0.5), 100).mean_seconds
    100000.0
    """
    return Exponential(node_life.mean_seconds / checked_positive("nodes", checked_count("nodes", nodes)))
