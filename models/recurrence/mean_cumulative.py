"""Mean cumulative function: failures per unit up to an age, whatever process makes them (Nelson).

Needs the failures of each unit: a table of (time, at risk, failures) gives the curve, but not its variance, because
the failures of one unit are not independent.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from models.guards import FloatArray, checked_confidence
from models.recurrence.errors import TooFewFailuresError
from models.recurrence.units import Recurrences

# With five failures the interval holds the truth in six fleets of ten, with twenty in more than eight.
_FEW: Final = 20
_CELLS_AT_ONCE: Final = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class MeanCumulativeFunction:
    """Mean failures per unit by each time of failure, with the robust standard error and a pointwise interval."""

    time_hours: FloatArray
    at_risk: FloatArray
    failures: FloatArray
    mean: FloatArray
    standard_error: FloatArray
    low: FloatArray
    high: FloatArray
    units: int
    confidence: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MeanCumulativeDifference:
    """First minus second curve with a pointwise interval, while both were watched, and a test over all."""

    time_hours: FloatArray
    difference: FloatArray
    low: FloatArray
    high: FloatArray
    score: float
    p_value: float
    confidence: float


def mean_cumulative_function(recurrences: Recurrences, confidence: float = 0.9) -> MeanCumulativeFunction:
    """Estimate the mean number of failures per unit up to each age.

    Parameters
    ----------
    recurrences : Recurrences
        Units watched from any age to any other.
    confidence : float
        Nominal coverage at each time.

    Returns
    -------
    MeanCumulativeFunction
        One entry per distinct time of failure.

    Raises
    ------
    TooFewFailuresError, ConfidenceOutOfRangeError
        Nothing failed, or no such level.

    Notes
    -----
    Nelson (1995, Technometrics 37:147); variance Σ_i (∫ (dN_i - Y_i dM) / Y)² (Lawless and Nadeau 1995, Technometrics
    37:158), the same as the robust one of R's survfit; interval symmetric in the logarithm.

    Examples
    --------
    >>> curve = mean_cumulative_function(Recurrences([0, 0], [10, 20], [0, 1, 1], [5, 3, 15]))
    >>> curve.mean.tolist()
    [0.5, 1.0, 2.0]
    """
    checked_confidence(confidence)
    time, at_risk, failures = _table(recurrences)
    mean = np.cumsum(failures / at_risk)
    variance = np.zeros(time.size)
    for part in _influence(recurrences, time, at_risk, failures, np.ones(time.size)):
        variance += (part**2).sum(axis=0)
    error = np.sqrt(variance)
    factor = np.exp(np.minimum(700.0, special.ndtri((1.0 + confidence) / 2.0) * error / mean))
    units = recurrences.start_hours.size
    count = recurrences.time_hours.size
    few = (f"{count} failures: the interval holds less often than it says.",) if count < _FEW else ()
    low, high = mean / factor, mean * factor
    return MeanCumulativeFunction(time, at_risk, failures, mean, error, low, high, units, confidence, few)


def compare_mean_cumulative(
    first: Recurrences, second: Recurrences, confidence: float = 0.9
) -> MeanCumulativeDifference:
    """Compare the mean cumulative functions of two groups.

    Parameters
    ----------
    first, second : Recurrences
        Independent groups.
    confidence : float
        Nominal coverage at each time.

    Returns
    -------
    MeanCumulativeDifference
        A positive score means that the first group fails more.

    Raises
    ------
    TooFewFailuresError, ConfidenceOutOfRangeError
        A group without failures (give its rate a bound instead), or no such level.

    Notes
    -----
    Score ∫ Y1 Y2 / (Y1 + Y2) (dM1 - dM2) over its robust standard error (Cook and Lawless 2007, Statistical Analysis
    of Recurrent Events, section 3.7.5), standard normal when both curves are one.

    Examples
    --------
    >>> often = Recurrences([0] * 3, [20] * 3, [0, 0, 1, 1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7])
    >>> seldom = Recurrences([0] * 3, [20] * 3, [0, 1], [10, 12])
    >>> compare_mean_cumulative(often, seldom).p_value < 0.01
    True
    """
    checked_confidence(confidence)
    groups = (first, second)
    times = np.union1d(first.time_hours, second.time_hours)
    watched = [_at_risk(group, times) for group in groups]
    both = (watched[0] > 0) & (watched[1] > 0)
    if any(group.time_hours.size == 0 for group in groups) or not both.any():
        raise TooFewFailuresError("a comparison of mean cumulative functions", 0, 1)
    times = times[both]
    watched = [each[both] for each in watched]
    weight = watched[0] * watched[1] / (watched[0] + watched[1])
    means, variances = [], []
    score, spread = 0.0, 0.0
    for sign, group, at_risk in zip((1.0, -1.0), groups, watched, strict=True):
        failures = _failures_at(group, times)
        means.append(np.cumsum(failures / at_risk))
        score += sign * float((weight * failures / at_risk).sum())
        variances.append(np.zeros(times.size))
        for part in _influence(group, times, at_risk, failures, np.ones(times.size)):
            variances[-1] += (part**2).sum(axis=0)
        spread += sum(float((p[:, -1] ** 2).sum()) for p in _influence(group, times, at_risk, failures, weight))
    difference = means[0] - means[1]
    reach = special.ndtri((1.0 + confidence) / 2.0) * np.sqrt(variances[0] + variances[1])
    standard = score / math.sqrt(spread) if spread > 0 else 0.0
    p_value = 2.0 * float(special.ndtr(-abs(standard)))
    return MeanCumulativeDifference(
        times, difference, difference - reach, difference + reach, standard, p_value, confidence
    )


def _table(recurrences: Recurrences) -> tuple[FloatArray, FloatArray, FloatArray]:
    if recurrences.time_hours.size == 0:
        raise TooFewFailuresError("a mean cumulative function", 0, 1)
    time, failures = np.unique(recurrences.time_hours, return_counts=True)
    return time, _at_risk(recurrences, time), failures.astype(np.float64)


def _at_risk(recurrences: Recurrences, time: FloatArray) -> FloatArray:
    """Return how many units started before each time and had not ended before it."""
    started = np.searchsorted(np.sort(recurrences.start_hours), time, side="left")
    ended = np.searchsorted(np.sort(recurrences.end_hours), time, side="left")
    return (started - ended).astype(np.float64)


def _failures_at(recurrences: Recurrences, time: FloatArray) -> FloatArray:
    ordered = np.sort(recurrences.time_hours)
    return (np.searchsorted(ordered, time, "right") - np.searchsorted(ordered, time, "left")).astype(np.float64)


def _influence(
    recurrences: Recurrences, time: FloatArray, at_risk: FloatArray, failures: FloatArray, weight: FloatArray
) -> Iterator[FloatArray]:
    """Yield, for blocks of units, each unit's part of the weighted curve's error up to each time."""
    expected = np.concatenate([[0.0], np.cumsum(weight * failures / at_risk**2)])
    own = np.searchsorted(time, recurrences.time_hours)
    counted = (own < time.size) & np.isin(recurrences.time_hours, time)
    column = np.arange(1, time.size + 1)
    rows = max(1, _CELLS_AT_ONCE // time.size)
    entered = np.searchsorted(time, recurrences.start_hours, side="right")
    left = np.searchsorted(time, recurrences.end_hours, side="right")
    for begin in range(0, recurrences.start_hours.size, rows):
        block = slice(begin, begin + rows)
        until = np.clip(column[None, :], entered[block, None], np.maximum(left, entered)[block, None])
        part = -(expected[until] - expected[entered[block], None])
        inside = counted & (recurrences.unit >= begin) & (recurrences.unit < begin + rows)
        jumps = np.zeros(part.shape)
        np.add.at(jumps, (recurrences.unit[inside] - begin, own[inside]), (weight / at_risk)[own[inside]])
        yield part + np.cumsum(jumps, axis=1)
