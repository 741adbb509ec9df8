"""Fine–Gray regression: hazard ratios of the subdistribution of one cause among several.

A unit that ended by another cause stays in the risk set, with the weight of not yet having been censored (and, under
late entry, of having entered); each stretch of constant weight becomes one row of a Cox model, as R's `finegray` does.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.errors import ExitBeforeEntryError
from models.guards import FloatArray, checked_columns, checked_count
from models.regression.counting_process import IntArray
from models.regression.cox import CoxFit, fit_cox
from models.regression.errors import TooManyEpisodesError, UnknownCauseError
from models.regression.partial_likelihood import Ties

MOST_EPISODES = 30_000_000


def fit_fine_gray(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    cause: npt.ArrayLike,
    covariates: npt.ArrayLike,
    names: Sequence[str],
    *,
    of: int = 1,
    clusters: npt.ArrayLike | None = None,
    ties: Ties = "efron",
    confidence: float = 0.9,
) -> CoxFit:
    """Fit subdistribution hazard ratios of one cause.

    Parameters
    ----------
    entry_hours, exit_hours : array-like of shape (n_units,)
        One row per unit, at risk when entry < t <= exit.
    cause : array-like of int, shape (n_units,)
        0 where the unit is censored at its exit, else the number of the cause it ended by.
    covariates : array-like of shape (n_units, n_covariates)
        Fixed over time.
    names : sequence of str
        One per covariate.
    of : int
        The cause asked about.
    clusters : array-like of shape (n_units,), optional
        Labels of units that may fail together; each unit is its own cluster by default, for its rows repeat it.
    ties : {"efron", "breslow"}
        Treatment of simultaneous events.
    confidence : float
        Coverage of the intervals, which rest on the sandwich error.

    Returns
    -------
    CoxFit
        A ratio above 1 means more of the units ever end by this cause. `units` is the sum of the weighted rows.

    Raises
    ------
    UnknownCauseError
        No unit ends by the cause.
    TooManyEpisodesError
        Competing ends times changes of weight are too many for memory.
    ModelError
        As `fit_cox`.

    Notes
    -----
    Fine and Gray, JASA 94 (1999); Geskus, Biometrics 67 (2011), for late entry. The weights count as known.

    Examples
    --------
    >>> fit = fit_fine_gray([0] * 6, [1, 2, 3, 4, 5, 6], [1, 2, 1, 0, 1, 1], [[1], [1], [0], [0], [1], [0]], ["x"])
    >>> fit.events
    4.0
    """
    entry, leave, end = checked_columns(entry_hours=entry_hours, exit_hours=exit_hours, cause=cause)
    for value in np.unique(end):
        checked_count("cause", float(value))
    never_at_risk = leave <= entry
    if never_at_risk.any():
        position = int(np.argmax(never_at_risk))
        raise ExitBeforeEntryError(position, entry[position], leave[position])
    if of < 1 or not (end == of).any():
        raise UnknownCauseError(of)
    cuts, still = _weight_steps(entry, leave, end > 0)
    table = np.asarray(covariates, dtype=np.float64).reshape(leave.size, -1)
    unit, begin, finish, weight = _episodes(entry, leave, end, of, cuts, still)
    failed = (end[unit] == of) & (finish == leave[unit])
    labels = unit if clusters is None else np.asarray(clusters)[unit]
    return fit_cox(
        begin, finish, failed, table[unit], names, weights=weight, clusters=labels, ties=ties, confidence=confidence
    )


def _weight_steps(entry: FloatArray, leave: FloatArray, failed: npt.NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Return cut times and the probability of being under observation on each stretch that ends at one.

    Failures come just before censorings of the same time. Late entry counts when somebody enters after a first exit.
    """
    late = entry.max() > leave.min()
    censored = np.unique(leave[~failed])
    entered = np.searchsorted(np.sort(entry), censored, side="left")
    gone = np.searchsorted(np.sort(leave), censored, side="left")
    gone = gone + np.searchsorted(np.sort(leave[failed]), censored, "right")
    gone = gone - np.searchsorted(np.sort(leave[failed]), censored, "left")
    leaving = np.searchsorted(np.sort(leave[~failed]), censored, "right")
    leaving = leaving - np.searchsorted(np.sort(leave[~failed]), censored, "left")
    uncensored = np.append(1.0, np.cumprod(1 - leaving / np.maximum(entered - gone, 1)))
    if not late:
        return np.append(censored, leave.max()), uncensored
    entries, count = np.unique(entry, return_counts=True)
    # Backwards in time entry is the event: those who have entered by then and are still there are at risk of it.
    there = np.searchsorted(np.sort(entry), entries, side="right")
    there = there - np.searchsorted(np.sort(leave), entries, side="right")
    # A failure counts just before its time, so one at an entry's own time has left.
    there = np.maximum(there, count)
    later = np.append(np.cumprod((1 - count / there)[::-1])[::-1][1:], 1.0)
    moments = np.union1d(entries, censored)
    both = later[np.searchsorted(entries, moments, side="right") - 1]
    both = both * uncensored[np.searchsorted(censored, moments, side="right")]
    return np.append(moments, leave.max()), np.append(1.0, both)


def _episodes(
    entry: FloatArray, leave: FloatArray, end: FloatArray, of: int, cuts: FloatArray, still: FloatArray
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Return unit, entry, exit and weight of every row, only stretches in which the cause happens."""
    needed = np.unique(np.searchsorted(cuts, leave[end == of], side="left"))
    competing = np.flatnonzero((end > 0) & (end != of))
    own = np.searchsorted(cuts, leave[competing], side="left")
    skipped = np.searchsorted(needed, own, side="right")
    extra = needed.size - skipped
    total = int(extra.sum()) + leave.size
    if total > MOST_EPISODES:
        raise TooManyEpisodesError(total, MOST_EPISODES)
    finish = leave.copy()
    finish[competing] = cuts[own]  # the weight is still 1 to the end of the stretch
    within = np.arange(extra.sum()) - np.repeat(np.cumsum(extra) - extra, extra)
    stretch = needed[np.repeat(skipped, extra) + within]
    unit = np.concatenate([np.arange(leave.size), np.repeat(competing, extra)])
    start_value = np.repeat(still[own], extra)
    ratio = np.divide(still[stretch], start_value, out=np.zeros(stretch.size), where=start_value > 0)
    return (
        unit,
        np.concatenate([entry, cuts[stretch - 1]]),
        np.concatenate([finish, cuts[stretch]]),
        np.concatenate([np.ones(leave.size), ratio]),
    )
