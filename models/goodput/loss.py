"""What failures of the infrastructure cost, with intervals: work they lost, and the share that preemptions lost after.

An event is a failure, or several in one moment (a switch, a rack): its attempts are not independent, so that events
are the sample, each with what it lost itself (first order) and what the preemptions lost that the return of its jobs
brought about (second order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.goodput.event_totals import EventTotal, total_interval
from models.guards import FloatArray, checked_columns, checked_confidence, checked_non_negative
from models.ratio_estimates import FEWEST_CLUSTERS, ClusterSums, clustered_share


@dataclass(frozen=True, slots=True)
class LostHours:
    """Hours lost in events of a kind, with the interval of what was to be expected; ``high`` is None if unknown."""

    hours: float
    low: float
    high: float | None
    events: int


@dataclass(frozen=True, slots=True)
class FailureLoss:
    """First and second order loss, and the share that is second order; the share is None where nothing was lost."""

    first_order: LostHours
    second_order: LostHours
    share: float | None
    share_low: float | None
    share_high: float | None
    effective_events: float
    confidence: float
    warnings: tuple[str, ...]


def events_of(ended_seconds: npt.ArrayLike, gap_seconds: float) -> npt.NDArray[np.intp]:
    """Give each failure the number of its event: failures closer in time than a gap are one.

    Parameters
    ----------
    ended_seconds : array_like of float
        When each failed, in any order.
    gap_seconds : float
        A longer silence ends an event.

    Returns
    -------
    ndarray of int
        Event of each failure, from 0 in order of time.

    Examples
    --------
    >>> events_of([100.0, 500.0, 130.0], gap_seconds=60.0).tolist()
    [0, 1, 0]
    """
    checked_non_negative("gap_seconds", gap_seconds)
    if not np.size(ended_seconds):
        return np.zeros(0, dtype=np.intp)
    (ended,) = checked_columns(ended_seconds=ended_seconds)
    order = np.argsort(ended, kind="stable")
    found = np.zeros(len(ended), dtype=np.intp)
    found[order] = np.concatenate(([0], np.cumsum(np.diff(ended[order]) > gap_seconds)))
    return found


def failure_loss(
    first_hours: npt.ArrayLike, second_hours: npt.ArrayLike, events: npt.ArrayLike, confidence: float = 0.9
) -> FailureLoss:
    """Sum the losses up, with intervals over events.

    Parameters
    ----------
    first_hours, second_hours : array_like of float
        Of each failure: what it lost, and what the preemptions lost that its return brought about.
    events : array_like of int
        Event of each failure, from 0 (`events_of`).
    confidence : float
        Two-sided level.

    Returns
    -------
    FailureLoss
        Without an event the totals have no upper limit: how many were to be expected is bounded, not what one costs.

    Notes
    -----
    Totals: Fay and Feuer's (1997) gamma interval of a compound Poisson sum. Share: second / (first + second), a ratio
    of sums over events, with the linearised variance on the logit scale and Student's t (Cochran 1977, section 6.4).
    Its limits hold the true share in fewer cases than the level says while few events carry most of the loss.

    Examples
    --------
    >>> found = failure_loss([100.0] * 40, [0.0, 0.0, 0.0, 60.0] * 10, range(40))
    >>> f"{found.share:.3f} ({found.share_low:.3f} .. {found.share_high:.3f})"
    '0.130 (0.086 .. 0.193)'
    """
    checked_confidence(confidence)
    if not np.size(first_hours):
        nothing = LostHours(0.0, 0.0, None, 0)
        return FailureLoss(nothing, nothing, None, None, None, 0.0, confidence, (_NOTHING,))
    first, second = checked_columns(first_hours=first_hours, second_hours=second_hours)
    for name, column in (("first_hours", first), ("second_hours", second)):
        checked_non_negative(name, float(column.min(initial=0.0)))
    numbers = np.asarray(events, dtype=np.intp)
    count = int(numbers.max(initial=-1)) + 1
    own, brought = (_summed(column, numbers, count) for column in (first, second))
    largest = float((own + brought).max())
    if largest <= 0.0:
        nothing = LostHours(0.0, 0.0, None, count)
        return FailureLoss(nothing, nothing, None, None, None, 0.0, confidence, (_NOTHING,))
    part, whole = brought / largest, (own + brought) / largest  # squares of tiny hours would vanish
    sums = ClusterSums(
        clusters=count,
        numerator=float(part.sum()),
        denominator=float(whole.sum()),
        numerator_squares=float((part**2).sum()),
        products=float((part * whole).sum()),
        denominator_squares=float((whole**2).sum()),
    )
    share = clustered_share(sums, confidence)
    high = 1.0 if share.high is None else share.high
    second_order = _total(brought, confidence)
    if second_order.hours <= 0.0:  # nothing seen: what the share may be bounds it
        bound = float(own.sum()) * high / (1.0 - high) if high < 1.0 else None
        second_order = LostHours(0.0, 0.0, bound, 0)
    return FailureLoss(
        first_order=_total(own, confidence),
        second_order=second_order,
        share=share.ratio,
        share_low=share.low,
        share_high=high,
        effective_events=share.effective_clusters,
        confidence=confidence,
        warnings=_warnings(share.effective_clusters),
    )


_FEW: Final = (
    "The loss weighs like that of {effective:.2g} equal failures: the interval of the second-order share holds the "
    "true one less often than it says."
)
_NOTHING: Final = "No loss to a failure of the infrastructure was seen: nothing tells what one would cost."


def _summed(hours: FloatArray, events: npt.NDArray[np.intp], count: int) -> FloatArray:
    return np.bincount(events, weights=hours, minlength=count).astype(np.float64)


def _total(hours: FloatArray, confidence: float) -> LostHours:
    largest = float(hours.max())
    if largest <= 0.0:
        return LostHours(0.0, 0.0, None, 0)
    sizes = hours / largest
    low, high = total_interval(EventTotal(float(sizes.sum()), float((sizes**2).sum()), 1.0), confidence)
    return LostHours(float(hours.sum()), low * largest, high * largest, int((hours > 0.0).sum()))


def _warnings(effective: float) -> tuple[str, ...]:
    if effective >= FEWEST_CLUSTERS:
        return ()
    return (_FEW.format(effective=effective),)
