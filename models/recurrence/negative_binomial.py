"""A rate that varies from unit to unit: the negative binomial, by maximum likelihood.

Unit i has rate r·g_i with g_i Gamma of mean 1 and variance a (the dispersion), so its count in exposure y has mean
m = r y and variance m + a m². At a = 0 this is Poisson.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from models.errors import NotACountError, ZeroExposureError
from models.guards import FloatArray, checked_columns, checked_confidence
from models.recurrence.errors import TooFewFailuresError

#: limits of the logarithm of the dispersion; below, the likelihood is Poisson's to nine digits
_LOG_DISPERSION: Final = (-14.0, 7.0)

#: a limit farther than this on the log scale is none
_FARTHEST: Final = 64.0


@dataclass(frozen=True, slots=True)
class NegativeBinomialRate:
    """Mean rate over units, its profile-likelihood interval, and the variance of relative rates between units."""

    rate_per_day: float
    low_per_day: float
    high_per_day: float
    dispersion: float
    log_likelihood: float
    failures: int
    units: int
    confidence: float


def negative_binomial_rate(
    failures: npt.ArrayLike, exposure_days: npt.ArrayLike, confidence: float = 0.9
) -> NegativeBinomialRate:
    """Estimate the mean rate of units that differ, with the interval that their differences allow.

    Parameters
    ----------
    failures, exposure_days : array-like of shape (n_units,)
        Failures and time at risk of each unit; units without exposure are left out.
    confidence : float
        Nominal coverage of the interval.

    Returns
    -------
    NegativeBinomialRate
        `dispersion` is 0 where the counts vary no more than Poisson counts.

    Raises
    ------
    TooFewFailuresError, ZeroExposureError, NotACountError, LengthMismatchError, NegativeValueError, NotFiniteError
        The counts cannot be, or nothing failed.

    Notes
    -----
    Lawless (1987, Can. J. Statist. 15:209); the interval holds the rates whose likelihood, maximised over the
    dispersion, is within half a chi-square quantile of the best.

    Examples
    --------
    >>> found = negative_binomial_rate([0, 1, 0, 12, 2, 0, 1, 8], [100.0] * 8)
    >>> f"{found.rate_per_day:.3f} ({found.low_per_day:.3f} .. {found.high_per_day:.3f}), {found.dispersion:.1f}"
    '0.030 (0.012 .. 0.100), 2.2'
    """
    checked_confidence(confidence)
    counts, exposure = checked_cells(failures, exposure_days)
    total = int(counts.sum())
    if total == 0:
        raise TooFewFailuresError("a negative binomial rate", 0, 1)
    start = float(np.log(total / exposure.sum()))
    allowed = float(special.ndtri((1.0 + confidence) / 2.0)) ** 2 / 2.0

    def profile(log_rate: float) -> tuple[float, float]:
        return best_dispersion(counts, np.exp(log_rate) * exposure)

    found = optimize.minimize_scalar(
        lambda log_rate: -profile(log_rate)[1], bracket=(start - 0.1, start + 0.1), options={"xtol": 1e-9}
    )
    centre = float(found.x)
    dispersion, highest = profile(centre)

    def excess(log_rate: float) -> float:
        return profile(log_rate)[1] - highest + allowed

    low, high = (_crossing(excess, centre, direction) for direction in (-1.0, 1.0))
    return NegativeBinomialRate(
        float(np.exp(centre)),
        float(np.exp(low)),
        float(np.exp(high)),
        dispersion,
        highest,
        total,
        counts.size,
        confidence,
    )


def best_dispersion(counts: FloatArray, means: FloatArray) -> tuple[float, float]:
    """Return the likeliest dispersion of counts with given means, and the log-likelihood there.

    >>> best_dispersion(np.array([5.0, 5.0, 5.0]), np.array([5.0, 5.0, 5.0]))[0]
    0.0
    """
    poisson = log_likelihood(counts, means, 0.0)
    found = optimize.minimize_scalar(
        lambda logged: -log_likelihood(counts, means, float(np.exp(logged))),
        bounds=_LOG_DISPERSION,
        method="bounded",
        options={"xatol": 1e-7},
    )
    best = -float(found.fun)
    return (float(np.exp(found.x)), best) if best > poisson + 1e-9 else (0.0, poisson)


def log_likelihood(counts: FloatArray, means: FloatArray, dispersion: float) -> float:
    """Return the log-likelihood of counts with the given means and dispersion.

    >>> round(log_likelihood(np.array([1.0]), np.array([1.0]), 0.0), 3)
    -1.0
    """
    if dispersion == 0.0:
        return float((special.xlogy(counts, means) - means - special.gammaln(counts + 1.0)).sum())
    shape = 1.0 / dispersion
    spread = special.gammaln(counts + shape) - special.gammaln(shape) - special.gammaln(counts + 1.0)
    shares = special.xlogy(counts, means * dispersion) - (counts + shape) * np.log1p(means * dispersion)
    return float((spread + shares).sum())


def checked_cells(failures: npt.ArrayLike, exposure_days: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return counts and exposures of the cells that were at risk.

    >>> [column.tolist() for column in checked_cells([1, 0], [2.0, 0.0])]
    [[1.0], [2.0]]
    """
    counts, exposure = checked_columns(failures=failures, exposure_days=exposure_days)
    if (counts != np.floor(counts)).any():
        raise NotACountError("failures", float(counts[counts != np.floor(counts)][0]))
    if (exposure == 0).all() or (counts[exposure == 0] > 0).any():
        raise ZeroExposureError
    watched = exposure > 0
    return counts[watched], exposure[watched]


def _crossing(excess: Callable[[float], float], centre: float, direction: float) -> float:
    step = 0.25
    while step < _FARTHEST and excess(centre + direction * step) > 0:
        step *= 2.0
    if step >= _FARTHEST:
        return centre + direction * step
    return float(optimize.brentq(excess, centre, centre + direction * step, xtol=1e-9))
