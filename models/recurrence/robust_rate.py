"""The rate of failures that are not independent: lemons repeat, and one switch takes down twenty nodes at once.

Cells (a node on a day) are clustered twice, by unit and by time. With e = x - r y the residual of a cell,
Var r = (S_unit + S_time - S_cell) / (Σy)², each S the sum over clusters of squared sums of e (Cameron, Gelbach and
Miller 2011, J. Bus. Econ. Stat. 29:238).
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from models.errors import LengthMismatchError
from models.guards import FloatArray, checked_columns, checked_confidence
from models.rates import poisson_rate
from models.recurrence.errors import TooFewClustersError
from models.recurrence.negative_binomial import checked_cells, negative_binomial_rate

#: with fewer clusters than this, in either direction, their variation is not known well enough
FEWEST_CLUSTERS: Final = 20
#: fewer failures show nothing of their dependence
FEWEST_FAILURES: Final = 10


@dataclass(frozen=True, slots=True)
class UnitDispersion:
    """Pearson's statistic over its degrees of freedom, 1 for Poisson counts of one rate; one-sided p-value."""

    index: float
    p_value: float
    units: int
    failures: int


@dataclass(frozen=True, slots=True)
class RobustRate:
    """Failures per day with an interval that dependent failures do not break.

    `dispersion` is the variance of the rate over what Poisson counts would give it.
    """

    rate_per_day: float
    low_per_day: float
    high_per_day: float
    dispersion: float
    method: Literal["exact", "negative binomial", "cluster-robust", "two-way cluster-robust"]
    failures: int
    exposure_days: float
    confidence: float
    warnings: tuple[str, ...]


def unit_dispersion(failures: npt.ArrayLike, exposure_days: npt.ArrayLike) -> UnitDispersion:
    """Test whether units differ more than Poisson counts of one rate do.

    Parameters
    ----------
    failures, exposure_days : array-like of shape (n_units,)
        Failures and time at risk of each unit (or day, or rack).

    Returns
    -------
    UnitDispersion
        Without failures the index is 1 and the p-value 1.

    Raises
    ------
    TooFewClustersError, ZeroExposureError, NotACountError, LengthMismatchError, NegativeValueError, NotFiniteError
        The counts cannot be, or there is one unit.

    Notes
    -----
    Score test against the negative binomial, Σ((x - m)² - x) standardised by its variance given the total, so it holds
    for units that expect less than one failure (Dean and Lawless 1989, JASA 84:467); normal approximation.

    Examples
    --------
    >>> unit_dispersion([0, 0, 30, 1, 0, 2], [100.0] * 6).p_value < 1e-6
    True
    """
    counts, exposure = checked_cells(failures, exposure_days)
    if counts.size < 2:
        raise TooFewClustersError(counts.size)
    total, share = counts.sum(), exposure / exposure.sum()
    if total == 0:
        return UnitDispersion(1.0, 1.0, counts.size, 0)
    means = total * share
    index = float(((counts - means) ** 2 / means).sum() / (counts.size - 1))
    # Σ x(x-1) given the total is that of multinomial counts: mean n(n-1)Σp². Its variance
    # is that of the projection on single failures (last term) and of the pairs beyond it (Hoeffding's decomposition).
    second, third = (share**2).sum(), (share**3).sum()
    pairs = total * (total - 1.0)
    cross = means * counts
    score = (counts * (counts - 1.0) - 2.0 * cross).sum() + 2.0 * total**2 * second - pairs * second
    variance = 2.0 * pairs * (second - 2.0 * third + second**2) + 4.0 * total * (third - second**2)
    if variance <= 0:
        return UnitDispersion(index, 1.0, counts.size, int(total))
    return UnitDispersion(index, float(special.ndtr(-score / math.sqrt(variance))), counts.size, int(total))


def robust_rate(
    failures: npt.ArrayLike,
    exposure_days: npt.ArrayLike,
    unit: npt.ArrayLike,
    block: npt.ArrayLike | None = None,
    confidence: float = 0.9,
) -> RobustRate:
    """Estimate a rate with an interval that holds when units differ and failures come together.

    Parameters
    ----------
    failures, exposure_days : array-like of shape (n_cells,)
        Failures and time at risk of each cell, such as a node on a day.
    unit : array-like of shape (n_cells,)
        Whose cell it is: node, rack.
    block : array-like of shape (n_cells,), optional
        When: day or week. Without it failures of different units are taken to be independent.
    confidence : float
        Nominal coverage.

    Returns
    -------
    RobustRate
        Two-way or one-way cluster-robust from 20 clusters in each direction on; else negative binomial over units; with
        fewer than ten failures or a single unit the exact Poisson interval, with a warning.

    Raises
    ------
    ZeroExposureError, NotACountError, LengthMismatchError, NegativeValueError, NotFiniteError,
    ConfidenceOutOfRangeError
        The cells cannot be.

    Notes
    -----
    Symmetric on the log scale, with Student's t of (smaller number of clusters - 1) degrees of freedom, each sum of
    squares times C / (C - 1). The variance is never taken below Poisson's.

    Examples
    --------
    >>> nodes, days = np.repeat(np.arange(40), 30), np.tile(np.arange(30), 40)
    >>> lemons = ((nodes < 2) & (days % 2 == 0)).astype(int)
    >>> found = robust_rate(lemons, np.ones(1200), nodes, days)
    >>> found.method, found.dispersion > 5
    ('two-way cluster-robust', True)
    """
    checked_confidence(confidence)
    counts, exposure, clusters = _cells(failures, exposure_days, unit, block)
    total, days = int(counts.sum()), float(exposure.sum())
    sizes = [int(labels.max()) + 1 for labels in clusters]
    fallback = _without_clusters(counts, exposure, clusters[0], sizes, confidence)
    if fallback is not None:
        return fallback
    variance = _variance(counts - total / days * exposure, clusters, sizes)
    return _clustered(total, days, variance, sizes, confidence)


def robust_rate_from_margins(
    unit_failures: npt.ArrayLike,
    unit_exposure_days: npt.ArrayLike,
    day_failures: npt.ArrayLike,
    day_exposure_days: npt.ArrayLike,
    cell_failures: npt.ArrayLike,
    confidence: float = 0.9,
) -> RobustRate:
    """Estimate the rate of `robust_rate` from totals by unit and by day, where the cells are too many to list.

    Parameters
    ----------
    unit_failures, unit_exposure_days : array-like of shape (n_units,)
        Failures and time at risk of each unit.
    day_failures, day_exposure_days : array-like of shape (n_days,)
        Failures and time at risk of each day, or longer block of time.
    cell_failures : array-like of shape (n_cells,)
        Failures of each unit and day that has any.
    confidence : float
        Nominal coverage.

    Returns
    -------
    RobustRate
        As `robust_rate` over units and days.

    Raises
    ------
    ModelError
        As `robust_rate`.

    Notes
    -----
    The sum of squared residuals of cells is taken as Σ x² - r Σ x: exact for cells of one day of exposure or less, but
    for terms of the order of the rate per unit and day, which is far below one.

    Examples
    --------
    >>> margins = ([15.0] * 2 + [0.0] * 38, [30.0] * 40, [2.0, 0.0] * 15, [40.0] * 30, [1.0] * 30)
    >>> robust_rate_from_margins(*margins).method
    'two-way cluster-robust'
    """
    checked_confidence(confidence)
    counts, exposure = checked_cells(unit_failures, unit_exposure_days)
    # A failure may fall on a day without exposure: the moment in which the last unit leaves, at midnight.
    by_day, at_risk = checked_columns(day_failures=day_failures, day_exposure_days=day_exposure_days)
    total, days = int(counts.sum()), float(exposure.sum())
    sizes = [counts.size, by_day.size]
    fallback = _without_clusters(counts, exposure, np.arange(counts.size), sizes, confidence)
    if fallback is not None:
        return fallback
    rate = total / days
    ways = [
        size / (size - 1) * float(((failed - rate * watched) ** 2).sum())
        for size, failed, watched in zip(sizes, (counts, by_day), (exposure, at_risk), strict=True)
    ]
    together = np.atleast_1d(np.asarray(cell_failures, dtype=np.float64))
    both = sum(ways) - (float((together**2).sum()) - rate * total)
    return _clustered(total, days, both if both > 0 else max(ways), sizes, confidence)


def _without_clusters(
    counts: FloatArray, exposure: FloatArray, unit: npt.NDArray[np.intp], sizes: list[int], confidence: float
) -> RobustRate | None:
    """Return the interval for failures or clusters too few to show their variation, None where there are enough."""
    total, days = int(counts.sum()), float(exposure.sum())
    if total < FEWEST_FAILURES or sizes[0] < 2:
        exact = poisson_rate(total, days, confidence)
        few = f"{total} failures of {sizes[0]} units cannot show whether they are independent; the interval assumes it."
        return RobustRate(
            exact.rate_per_day, exact.low_per_day, exact.high_per_day, 1.0, "exact", total, days, confidence, (few,)
        )
    return _over_units(counts, exposure, unit, sizes, confidence) if min(sizes) < FEWEST_CLUSTERS else None


def _clustered(total: int, days: float, variance: float, sizes: list[int], confidence: float) -> RobustRate:
    """Return the interval of a rate from the variance of the total of failures that its clusters show."""
    rate = total / days
    dispersion = max(1.0, variance / total)
    t = float(special.stdtrit(min(sizes) - 1, (1.0 + confidence) / 2.0))
    factor = math.exp(min(700.0, t * math.sqrt(dispersion / total)))
    method: Literal["cluster-robust", "two-way cluster-robust"] = (
        "two-way cluster-robust" if len(sizes) > 1 else "cluster-robust"
    )
    effective = total / dispersion
    warnings = (
        ()
        if effective >= FEWEST_FAILURES
        else (f"The {total} failures weigh no more than {effective:.0f} independent ones; the interval may be narrow.",)
    )
    return RobustRate(rate, rate / factor, rate * factor, dispersion, method, total, days, confidence, warnings)


def _cells(
    failures: npt.ArrayLike, exposure_days: npt.ArrayLike, unit: npt.ArrayLike, block: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, list[npt.NDArray[np.intp]]]:
    labels = [np.asarray(each) for each in (unit, block) if each is not None]
    lengths = [np.size(failures), *(each.size for each in labels)]
    if len(set(lengths)) > 1:
        raise LengthMismatchError(dict(zip(("failures", "unit", "block"), lengths, strict=False)))
    counts, exposure = checked_cells(failures, exposure_days)
    watched = np.atleast_1d(np.asarray(exposure_days, dtype=np.float64)) > 0
    return counts, exposure, [np.unique(each[watched], return_inverse=True)[1] for each in labels]


def _over_units(
    counts: FloatArray, exposure: FloatArray, unit: npt.NDArray[np.intp], sizes: list[int], confidence: float
) -> RobustRate:
    found = negative_binomial_rate(np.bincount(unit, counts), np.bincount(unit, exposure), confidence)
    warning = (
        f"With {min(sizes)} clusters only differences between units are allowed for, not failures that come together."
    )
    total, days = found.failures, float(exposure.sum())
    inflation = 1.0 + found.dispersion * found.rate_per_day * float((np.bincount(unit, exposure) ** 2).sum()) / days
    return RobustRate(
        found.rate_per_day,
        found.low_per_day,
        found.high_per_day,
        inflation,
        "negative binomial",
        total,
        days,
        confidence,
        (warning,),
    )


def _variance(residual: FloatArray, clusters: list[npt.NDArray[np.intp]], sizes: list[int]) -> float:
    """Return the variance of the total of failures that the clusters show."""
    ways = [
        size / (size - 1) * float((np.bincount(labels, residual) ** 2).sum())
        for labels, size in zip(clusters, sizes, strict=True)
    ]
    if len(ways) == 1:
        return ways[0]
    cell = np.unique(clusters[0] * sizes[1] + clusters[1], return_inverse=True)[1]
    both = sum(ways) - float((np.bincount(cell, residual) ** 2).sum())
    return both if both > 0 else max(ways)
