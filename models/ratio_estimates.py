"""Shares and rates of clustered counts: a ratio of two sums over clusters, with the interval that clusters allow.

The attempts of one user share that user's code, habits and luck, so exact binomial and Poisson intervals, which take
every attempt to be independent, are too narrow. Here the clusters are the sample: with x and y the sums of cluster c,
r = Σx / Σy and Var r = C / (C - 1) × Σ(x - r y)² / (Σy)², the linearised variance of a ratio (Cochran 1977, Sampling
Techniques, section 6.4), with Student's t of C - 1 degrees of freedom. Only sums and sums of squares are needed, so SQL
can make them for any number of clusters.
"""

import math
from dataclasses import dataclass
from typing import Final

from scipy import special

from models.errors import (
    EmptyShareError,
    FailuresWithoutExposureError,
    ModelError,
    ShareAboveOneError,
    ZeroExposureError,
)
from models.guards import checked_confidence, checked_count, checked_non_negative

#: with fewer clusters than this the t interval of a ratio is known to cover too little
FEWEST_CLUSTERS: Final = 20
#: rounding left in a sum of squares, relative to the sums it is the difference of
_ROUNDING: Final = 1e-12


class ImpossibleSquaresError(ModelError):
    """Sums of squares that no clusters can have."""

    def __init__(self, residual_squares: float) -> None:
        super().__init__(
            f"the residual sum of squares is {residual_squares:g}; "
            "numerator, denominator and their squares do not describe the same clusters"
        )


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """What is known of the clusters: how many, and the sums over them of x, y, x², x y and y²."""

    clusters: int
    numerator: float
    denominator: float
    numerator_squares: float
    products: float
    denominator_squares: float

    @property
    def effective_clusters(self) -> float:
        """Clusters of equal size that would weigh as much (Kish 1965): (Σy)² / Σy²."""
        return self.denominator**2 / self.denominator_squares


@dataclass(frozen=True, slots=True)
class RatioInterval:
    """A ratio with its clustered interval; ``high`` is None where the clusters set no upper limit."""

    ratio: float
    low: float
    high: float | None
    clusters: int
    effective_clusters: float
    confidence: float


def clustered_share(sums: ClusterSums, confidence: float = 0.9) -> RatioInterval:
    """Estimate the share that one part has of a whole, both summed over clusters.

    Parameters
    ----------
    sums : ClusterSums
        x is the part (attempts that failed, GPU-hours of one end) and y the whole, in any unit; x <= y per cluster.
    confidence : float
        Nominal coverage of the interval.

    Returns
    -------
    RatioInterval
        Limits within 0 and 1. With one cluster nothing is known of the variation between clusters: 0 to 1. Where no
        cluster has any of the part (or all have nothing else) the far limit is the exact binomial one for as many
        trials as there are effective clusters.

    Raises
    ------
    EmptyShareError, ShareAboveOneError, ImpossibleSquaresError, NotACountError, NegativeValueError, NotFiniteError
        The sums are no share.

    Notes
    -----
    Cochran (1977), section 6.4, on the logit scale, so that limits stay within 0 and 1. Below about 20 effective
    clusters the true coverage lies below the nominal one.

    Examples
    --------
    >>> even = ClusterSums(clusters=50, numerator=100, denominator=1000, numerator_squares=250, products=2000,
    ...                    denominator_squares=20_000)
    >>> found = clustered_share(even)
    >>> f"{found.ratio:.2f} ({found.low:.3f} .. {found.high:.3f})"
    '0.10 (0.089 .. 0.113)'
    """
    checked_confidence(confidence)
    _check(sums)
    if sums.denominator == 0:
        raise EmptyShareError
    share = sums.numerator / sums.denominator
    if share > 1.0 + _ROUNDING:
        raise ShareAboveOneError(sums.numerator, sums.denominator)
    share = min(1.0, share)
    low, high = 0.0, 1.0
    if share in (0.0, 1.0):
        beyond = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / sums.effective_clusters)
        low, high = (0.0, beyond) if share == 0.0 else (1.0 - beyond, 1.0)
    elif sums.clusters > 1:
        logit = math.log(share / (1.0 - share))
        reach = _reach(sums, confidence) / (share * (1.0 - share))
        low, high = min(share, float(special.expit(logit - reach))), max(share, float(special.expit(logit + reach)))
    return RatioInterval(share, low, high, sums.clusters, sums.effective_clusters, confidence)


def clustered_rate(sums: ClusterSums, confidence: float = 0.9) -> RatioInterval | None:
    """Estimate failures per exposure, both summed over clusters.

    Parameters
    ----------
    sums : ClusterSums
        x counts failures, y is exposure in days, hours, or any unit the rate is wanted in.
    confidence : float
        Nominal coverage of the interval.

    Returns
    -------
    RatioInterval or None
        None without a failure, or with a single cluster: such data say nothing of the variation between clusters.

    Raises
    ------
    ZeroExposureError, FailuresWithoutExposureError, ImpossibleSquaresError, NotACountError, NegativeValueError,
    NotFiniteError
        The sums are no rate.

    Notes
    -----
    Cochran (1977), section 6.4, on the log scale, so that limits stay positive. Below about 20 effective clusters the
    true coverage lies below the nominal one.

    Examples
    --------
    >>> one_user_has_them_all = ClusterSums(clusters=10, numerator=30, denominator=1000, numerator_squares=900,
    ...                                     products=3000, denominator_squares=100_000)
    >>> found = clustered_rate(one_user_has_them_all)
    >>> f"{found.ratio:.2f} ({found.low:.3f} .. {found.high:.3f})"
    '0.03 (0.005 .. 0.188)'
    """
    checked_confidence(confidence)
    _check(sums)
    if sums.denominator == 0:
        if sums.numerator:
            raise FailuresWithoutExposureError(round(sums.numerator))
        raise ZeroExposureError
    if sums.numerator == 0 or sums.clusters < 2:
        return None
    rate = sums.numerator / sums.denominator
    factor = math.exp(min(700.0, _reach(sums, confidence) / rate))
    return RatioInterval(rate, rate / factor, rate * factor, sums.clusters, sums.effective_clusters, confidence)


def _check(sums: ClusterSums) -> None:
    checked_count("clusters", sums.clusters)
    for name in ("numerator", "denominator", "numerator_squares", "products", "denominator_squares"):
        checked_non_negative(name, getattr(sums, name))


def _reach(sums: ClusterSums, confidence: float) -> float:
    """Return half the width of the symmetric interval of the ratio."""
    ratio = sums.numerator / sums.denominator
    parts = (sums.numerator_squares, -2.0 * ratio * sums.products, ratio**2 * sums.denominator_squares)
    squares = sum(parts)
    if squares < -_ROUNDING * sum(abs(part) for part in parts):
        raise ImpossibleSquaresError(squares)
    freedom = sums.clusters - 1
    error = math.sqrt(max(0.0, squares) * sums.clusters / freedom) / sums.denominator
    return float(special.stdtrit(freedom, (1.0 + confidence) / 2.0)) * error
