"""Is reliability growing or wearing out: Laplace's test pooled over units, and Lewis–Robinson's for renewals.

Laplace's test takes a Poisson process under the null; where gaps vary more or less than exponential ones it accuses
renewal processes without a trend. Lewis and Robinson divide its score by the gaps' coefficient of variation.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from models.guards import FloatArray, checked_columns
from models.recurrence.units import Recurrences

#: fewer failures, or gaps for the coefficient of variation, say nothing
FEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class PooledTrend:
    """Standard normal score without a trend, positive when failures become more frequent; two-sided p-value."""

    score: float
    p_value: float
    failures: int
    units: int


def pooled_laplace(recurrences: Recurrences) -> PooledTrend | None:
    """Test whether failures become more or less frequent within units, each with a constant rate of its own.

    Parameters
    ----------
    recurrences : Recurrences
        One unit or many. Where exposure is uneven, give it `on_exposure` first.

    Returns
    -------
    PooledTrend or None
        None for fewer than ten failures.

    Notes
    -----
    Σ(t - middle of its unit) / sqrt(Σ n L² / 12) given each unit's count (Cox and Lewis 1966, section 3.3; pooled as in
    Kvaløy and Lindqvist 1998, Reliab. Eng. Syst. Saf. 60:13).

    Examples
    --------
    >>> rising = Recurrences([0.0], [100.0], [0] * 10, [60, 65, 70, 72, 80, 85, 88, 90, 95, 99])
    >>> pooled_laplace(rising).score > 3
    True
    """
    if recurrences.time_hours.size < FEWEST:
        return None
    return _trend(_laplace_score(recurrences), recurrences)


def lewis_robinson(recurrences: Recurrences) -> PooledTrend | None:
    """Test for trend against renewal processes: gaps of any distribution, of any mean per unit.

    Parameters
    ----------
    recurrences : Recurrences
        One unit or many, all with gaps of the same shape.

    Returns
    -------
    PooledTrend or None
        None for fewer than ten gaps, beyond one per unit, between failures of one unit, or gaps that do not vary.

    Notes
    -----
    Laplace's score over the coefficient of variation of the gaps (Lewis and Robinson 1974), each gap divided by its
    unit's mean gap, with the degrees of freedom that the means use up.

    Examples
    --------
    >>> burst = np.ravel([[t, t + 1] for t in range(5, 100, 10)])
    >>> even = Recurrences([0.0], [100.0], [0] * 20, burst)
    >>> abs(lewis_robinson(even).score) < 0.5
    True
    """
    same = recurrences.unit[1:] == recurrences.unit[:-1]
    gaps, owner = np.diff(recurrences.time_hours)[same], recurrences.unit[1:][same]
    if gaps.size < FEWEST:
        return None
    number = np.bincount(owner, minlength=recurrences.start_hours.size)
    mean = np.bincount(owner, gaps, minlength=number.size) / np.maximum(number, 1)
    usable = (number[owner] > 1) & (mean[owner] > 0)
    freedom = int(usable.sum()) - np.unique(owner[usable]).size
    squares = float(((gaps[usable] / mean[owner[usable]] - 1.0) ** 2).sum())
    if freedom < FEWEST or squares == 0:
        return None
    return _trend(_laplace_score(recurrences) / math.sqrt(squares / freedom), recurrences)


def on_exposure(recurrences: Recurrences, time_hours: npt.ArrayLike, cumulative_exposure: npt.ArrayLike) -> Recurrences:
    """Put failures on the clock of exposure, on which an uneven one is even.

    Parameters
    ----------
    recurrences : Recurrences
        On the clock of time.
    time_hours, cumulative_exposure : array-like of shape (n_points,)
        Rising points of the exposure accumulated so far, straight between them.

    Returns
    -------
    Recurrences
        The same failures, with exposure in place of hours.

    Examples
    --------
    >>> on_exposure(Recurrences([0.0], [10.0], [0], [5.0]), [0, 5, 10], [0, 1, 4]).time_hours.tolist()
    [1.0]
    """
    knots, exposure = checked_columns(time_hours=time_hours, cumulative_exposure=cumulative_exposure)
    start, end, time = (
        np.interp(column, knots, exposure)
        for column in (recurrences.start_hours, recurrences.end_hours, recurrences.time_hours)
    )
    return Recurrences(start, end, recurrences.unit, time)


def _laplace_score(recurrences: Recurrences) -> float:
    length: FloatArray = recurrences.end_hours - recurrences.start_hours
    middle = recurrences.start_hours + length / 2.0
    distance = float((recurrences.time_hours - middle[recurrences.unit]).sum())
    return distance / math.sqrt(float((length[recurrences.unit] ** 2).sum()) / 12.0)


def _trend(score: float, recurrences: Recurrences) -> PooledTrend:
    p_value = 2.0 * float(special.ndtr(-abs(score)))
    return PooledTrend(score, p_value, recurrences.time_hours.size, recurrences.start_hours.size)
