"""Whether jobs that are spread over many domains fail more than packed ones of the same size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from models.errors import LengthMismatchError, NoEventsError
from models.guards import FloatArray, checked_columns, checked_confidence
from models.placement.errors import OneKindOfPlacementError

#: failures below which the normal approximation of the logarithm says little
_FEW: Final = 10


@dataclass(frozen=True, slots=True)
class SpreadRatio:
    """Failure rate of spread jobs over that of packed ones of the same size.

    Parameters
    ----------
    ratio : float or None
        Mantel–Haenszel estimate; None without a failure among the packed.
    low, high : float or None
        Its limits; one-sided where one side has no failure.
    p_value : float
        Of equal rates at every size, exact.
    failures_spread, failures_packed : int
        Failures in the sizes that have both.
    exposure_spread_days, exposure_packed_days : float
        Their node-days.
    sizes : int
        Sizes that have both kinds; the others say nothing and are left out.
    homogeneity_p_value : float or None
        Of one ratio at all sizes; None for a single size or without failures on both sides.
    warnings : tuple of str
        What a reader should know.
    """

    ratio: float | None
    low: float | None
    high: float | None
    p_value: float
    failures_spread: int
    failures_packed: int
    exposure_spread_days: float
    exposure_packed_days: float
    sizes: int
    homogeneity_p_value: float | None
    confidence: float
    warnings: tuple[str, ...]


def spread_ratio(
    sizes: npt.ArrayLike,
    is_spread: npt.ArrayLike,
    failures: npt.ArrayLike,
    exposure_days: npt.ArrayLike,
    confidence: float = 0.9,
) -> SpreadRatio:
    """Compare spread with packed jobs, size by size.

    Parameters
    ----------
    sizes : array-like of shape (n_rows,)
        Stratum of each row: jobs of like size.
    is_spread : array-like of bool, shape (n_rows,)
        Whether its jobs are spread.
    failures, exposure_days : array-like of shape (n_rows,)
        Failures and node-days.
    confidence : float
        Nominal coverage of the interval.

    Returns
    -------
    SpreadRatio
        With limits that are bounds where one side has no failures.

    Raises
    ------
    OneKindOfPlacementError
        No size has both kinds.
    NoEventsError
        Nothing failed where both are.
    LengthMismatchError, ModelError
        The columns cannot be.

    Notes
    -----
    Mantel–Haenszel for person-time data: sum of a_i T0_i / T_i over sum of b_i T1_i / T_i; variance of its logarithm of
    Greenland and Robins (1985, Biometrics 41:55). The test is exact: given the failures of a size, those of spread jobs
    are binomial with their share of its exposure, and sums over sizes are convolved. Without failures on one side the
    bound is where the exact tail reaches (1 - confidence) / 2.

    Examples
    --------
    >>> found = spread_ratio([8, 8, 16, 16], [True, False, True, False], [20, 10, 24, 12], [1000.0] * 4)
    >>> round(found.ratio, 3), found.sizes
    (2.0, 2)
    """
    level = checked_confidence(confidence)
    counts, days = checked_columns(failures=failures, exposure_days=exposure_days)
    strata, spread = np.atleast_1d(np.asarray(sizes)), np.atleast_1d(np.asarray(is_spread, dtype=np.bool_))
    if not strata.size == spread.size == counts.size:
        raise LengthMismatchError({"sizes": strata.size, "is_spread": spread.size, "failures": counts.size})
    _, which = np.unique(strata, return_inverse=True)

    def summed(values: FloatArray, side: npt.NDArray[np.bool_]) -> FloatArray:
        return np.bincount(which[side], values[side], minlength=int(which.max()) + 1).astype(np.float64)

    a, b, t1, t0 = summed(counts, spread), summed(counts, ~spread), summed(days, spread), summed(days, ~spread)
    both = (t1 > 0) & (t0 > 0)
    if not both.any():
        raise OneKindOfPlacementError
    a, b, t1, t0 = a[both], b[both], t1[both], t0[both]
    if a.sum() + b.sum() == 0:
        raise NoEventsError(int(both.sum()))
    total = t1 + t0
    upper, lower = float((a * t0 / total).sum()), float((b * t1 / total).sum())
    chances = t1 / total
    ratio = upper / lower if lower > 0 else None
    low, high = _limits(a, b, t1, t0, level)
    few = int(min(a.sum(), b.sum()))
    warnings = []
    if few < _FEW:
        warnings.append(f"only {few} failures on one side: the ratio is hardly known")
    return SpreadRatio(
        ratio=ratio,
        low=low,
        high=high,
        p_value=min(1.0, 2.0 * min(_tails(a, b, chances))),
        failures_spread=int(a.sum()),
        failures_packed=int(b.sum()),
        exposure_spread_days=float(t1.sum()),
        exposure_packed_days=float(t0.sum()),
        sizes=int(both.sum()),
        homogeneity_p_value=_homogeneity(a, b, chances, ratio),
        confidence=level,
        warnings=tuple(warnings),
    )


def _limits(
    a: FloatArray, b: FloatArray, t1: FloatArray, t0: FloatArray, confidence: float
) -> tuple[float | None, float | None]:
    total = t1 + t0
    upper, lower = float((a * t0 / total).sum()), float((b * t1 / total).sum())
    if upper > 0 and lower > 0:
        variance = float(((a + b) * t1 * t0 / total**2).sum()) / (upper * lower)
        reach = float(special.ndtri((1.0 + confidence) / 2.0)) * math.sqrt(variance)
        return upper / lower * math.exp(-reach), upper / lower * math.exp(reach)
    # All failures on one side: given them, each falls there with chance R t1 / (R t1 + t0).
    tail = math.log((1.0 - confidence) / 2.0)
    side, other = (t0, t1) if upper == 0 else (t1, t0)
    many = a + b

    def excess(log_ratio: float) -> float:
        return float((many * -np.log1p(np.exp(log_ratio) * other / side)).sum()) - tail

    bound = math.exp(float(optimize.brentq(excess, -50.0, 50.0, xtol=1e-10)))
    return (0.0, bound) if upper == 0 else (1.0 / bound, None)


def _tails(a: FloatArray, b: FloatArray, chances: FloatArray) -> tuple[float, float]:
    """Return the chances of as few and of as many failures of spread jobs, at equal rates."""
    law = np.ones(1)
    for many, chance in zip(a + b, chances, strict=True):
        if many > 0:
            law = np.convolve(law, stats.binom.pmf(np.arange(int(many) + 1), int(many), chance))
    seen = int(a.sum())
    return float(law[: seen + 1].sum()), float(law[seen:].sum())


def _homogeneity(a: FloatArray, b: FloatArray, chances: FloatArray, ratio: float | None) -> float | None:
    """Return the p-value of one ratio at all sizes: Pearson's chi-square on the failures of spread jobs."""
    used = a + b > 0
    if ratio is None or ratio == 0 or used.sum() < 2:
        return None
    a, b, chances = a[used], b[used], chances[used]
    share = ratio * chances / (ratio * chances + 1.0 - chances)
    many = a + b
    statistic = float(((a - many * share) ** 2 / (many * share * (1.0 - share))).sum())
    return float(stats.chi2.sf(statistic, int(used.sum()) - 1))
