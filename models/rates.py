"""Failure rates, MTTF and shares with exact intervals.

A rate is failures over exposure. Intervals are the exact Poisson limits of Garwood (1936, Biometrika 28:437): with k
failures in exposure T and a = 1 - confidence, low = G(a/2; k) / T and high = G(1 - a/2; k + 1) / T, where G is the
quantile of the unit Gamma distribution. They assume that failures come independently at a constant rate. Mid-p limits
count only half of the observed count's own probability: narrower, with a coverage near the level instead of above it.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import special

from models.errors import (
    EmptyShareError,
    FailuresWithoutExposureError,
    NegativeExposureError,
    NotFiniteError,
    ShareAboveOneError,
    UnknownMethodError,
    ZeroExposureError,
)
from models.guards import FloatArray, checked_confidence, checked_count, checked_non_negative, checked_positive

HOURS_PER_DAY = 24.0
#: halvings of the interval in which a mid-p limit lies; each gains one binary digit
_HALVINGS: Final = 60

#: how a Poisson interval is made: at least the level (Garwood), or near it (mid-p)
PoissonMethod = Literal["exact", "mid-p"]


@dataclass(frozen=True, slots=True)
class RateEstimate:
    """Failures per day of exposure, with an exact two-sided interval.

    `exposure_days` counts days of whatever is at risk: node-days, GPU-days, link-days.
    """

    failures: int
    exposure_days: float
    rate_per_day: float
    low_per_day: float
    high_per_day: float
    confidence: float

    @property
    def rate_per_1000_days(self) -> float:
        """Failures per 1000 days of exposure."""
        return 1000.0 * self.rate_per_day

    @property
    def low_per_1000_days(self) -> float:
        """Lower limit per 1000 days of exposure."""
        return 1000.0 * self.low_per_day

    @property
    def high_per_1000_days(self) -> float:
        """Upper limit per 1000 days of exposure."""
        return 1000.0 * self.high_per_day

    @property
    def mttf_hours(self) -> float | None:
        """Mean time to failure in hours; None without failures, when only its lower limit is known."""
        return HOURS_PER_DAY / self.rate_per_day if self.failures else None

    @property
    def mttf_low_hours(self) -> float:
        """Lower limit of the MTTF in hours: the reciprocal of the rate's upper limit, known even without failures."""
        return HOURS_PER_DAY / self.high_per_day

    @property
    def mttf_high_hours(self) -> float | None:
        """Upper limit of the MTTF in hours; None without failures."""
        return HOURS_PER_DAY / self.low_per_day if self.failures else None


@dataclass(frozen=True, slots=True)
class MttfEstimate:
    """Mean time to failure; `mttf_hours` and `high_hours` are None when nothing failed."""

    mttf_hours: float | None
    low_hours: float
    high_hours: float | None
    failures: int
    exposure_node_hours: float
    confidence: float


@dataclass(frozen=True, slots=True)
class ShareEstimate:
    """k out of n as a share, with its exact interval."""

    share: float
    low: float
    high: float
    k: int
    n: int
    confidence: float


def poisson_rate(
    failures: int, exposure_days: float, confidence: float = 0.9, method: PoissonMethod = "exact"
) -> RateEstimate:
    """Estimate a failure rate with its two-sided interval, exact (Garwood) or mid-p.

    Parameters
    ----------
    failures : int
        Failures counted during the exposure.
    exposure_days : float
        Time at risk in days, summed over units (node-days).
    confidence : float
        Coverage of the interval; with the exact method the true coverage is at least this.
    method : {"exact", "mid-p"}
        Mid-p intervals are narrower and cover about as often as they say, at times a little less.

    Returns
    -------
    RateEstimate
        With zero failures the lower limit is 0, the upper one the two-sided bound -ln((1 - confidence) / 2) / exposure,
        or -ln(1 - confidence) / exposure with mid-p.

    Raises
    ------
    ZeroExposureError
        Nothing was observed.
    FailuresWithoutExposureError, NegativeExposureError, NotFiniteError, NotACountError, ConfidenceOutOfRangeError
        The input cannot be.

    Notes
    -----
    Garwood (1936); the same Gamma form as the MTTF intervals of Kokolis et al. (HPCA 2025). Mid-p: the means at which
    P(fewer) + P(equal) / 2 is a tail's share (Lancaster 1961, JASA 56:223; Cohen and Yang 1994, Stat. Med. 13:2189).

    Examples
    --------
    >>> estimate = poisson_rate(10, 10 / 6.5e-3)
    >>> f"{estimate.low_per_1000_days:.2f} .. {estimate.high_per_1000_days:.2f}"
    '3.53 .. 11.03'
    >>> poisson_rate(0, 1000.0).mttf_hours is None
    True
    """
    checked_confidence(confidence)
    count = checked_count("failures", failures)
    exposure = _checked_exposure(count, exposure_days)
    low, high = poisson_limits(np.array([count]), confidence, method)
    return RateEstimate(
        failures=count,
        exposure_days=exposure,
        rate_per_day=count / exposure,
        low_per_day=float(low[0]) / exposure,
        high_per_day=float(high[0]) / exposure,
        confidence=confidence,
    )


def mttf(failures: int, exposure_node_hours: float, confidence: float = 0.9) -> MttfEstimate:
    """Estimate the mean time to failure of a node with its exact interval.

    Parameters
    ----------
    failures : int
        Failures counted during the exposure.
    exposure_node_hours : float
        Time at risk in node-hours; job-hours give the MTTF of a job.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    MttfEstimate
        The reciprocal of the rate, its limits swapped.

    Raises
    ------
    ModelError
        As `poisson_rate`.

    Notes
    -----
    Garwood (1936). The interval of Llama 3's 419 interruptions in 54 days (arXiv 2407.21783) is the example.

    Examples
    --------
    >>> llama = mttf(419, 54 * 24.0)
    >>> f"{llama.low_hours:.2f} < {llama.mttf_hours:.2f} < {llama.high_hours:.2f} h"
    '2.85 < 3.09 < 3.36 h'
    """
    rate = poisson_rate(failures, exposure_node_hours / HOURS_PER_DAY, confidence)
    return MttfEstimate(
        mttf_hours=rate.mttf_hours,
        low_hours=rate.mttf_low_hours,
        high_hours=rate.mttf_high_hours,
        failures=rate.failures,
        exposure_node_hours=float(exposure_node_hours),
        confidence=confidence,
    )


def binomial_share(k: int, n: int, confidence: float = 0.9) -> ShareEstimate:
    """Estimate a share with its exact (Clopper–Pearson) interval.

    Parameters
    ----------
    k, n : int
        k hits among n trials.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    ShareEstimate
        k / n, between 0 and 1.

    Raises
    ------
    EmptyShareError, ShareAboveOneError, NotACountError, ConfidenceOutOfRangeError
        The input is no share.

    Notes
    -----
    Clopper and Pearson (1934, Biometrika 26:404).

    Examples
    --------
    >>> gpu = binomial_share(148, 419)
    >>> f"{gpu.share:.3f} ({gpu.low:.3f} .. {gpu.high:.3f})"
    '0.353 (0.314 .. 0.394)'
    """
    checked_confidence(confidence)
    hits, trials = checked_count("k", k), checked_count("n", n)
    if hits > trials:
        raise ShareAboveOneError(hits, trials)
    if trials == 0:
        raise EmptyShareError
    low, high = clopper_pearson_limits(hits, trials, confidence)
    return ShareEstimate(hits / trials, low, high, hits, trials, confidence)


def projected_mttf_hours(nodes: int, failures_per_1000_node_days: float) -> float:
    """Project the MTTF of a job on many nodes from the rate of one: 1 / (N r_f).

    Parameters
    ----------
    nodes : int
        Nodes the job needs, all of them at once (a series system).
    failures_per_1000_node_days : float
        The rate r_f.

    Returns
    -------
    float
        Hours between failures of the job.

    Raises
    ------
    NotACountError, NotPositiveError, NotFiniteError
        No node or no rate, so nothing to project.

    Notes
    -----
    Kokolis et al. (HPCA 2025). Measured jobs below about 128 GPUs fail three times as often as this projection.

    Examples
    --------
    >>> round(projected_mttf_hours(16_384 // 8, 6.50), 3)
    1.803
    """
    count = checked_positive("nodes", checked_count("nodes", nodes))
    rate = checked_positive("failures_per_1000_node_days", failures_per_1000_node_days)
    return 1000.0 * HOURS_PER_DAY / (count * rate)


def poisson_coverage(expected_failures: float, confidence: float = 0.9, method: PoissonMethod = "exact") -> float:
    """Compute how often the interval of a rate holds the truth, by enumerating all counts.

    Counts are discrete, so the coverage of the exact interval is above the level, and more so for few failures; that of
    the mid-p interval swings around it.

    Parameters
    ----------
    expected_failures : float
        The true mean: rate times exposure.
    confidence : float
        Nominal coverage of the interval.
    method : {"exact", "mid-p"}
        As in `poisson_rate`.

    Returns
    -------
    float
        True coverage; of the exact interval at least `confidence`.

    Raises
    ------
    NegativeValueError, NotFiniteError, ConfidenceOutOfRangeError
        The mean or the level cannot be.

    Notes
    -----
    The sum over k of the Poisson probability of k where low(k) <= mean <= high(k); the tail left out is below 1e-12.

    Examples
    --------
    >>> round(poisson_coverage(2.0), 3), round(poisson_coverage(2.0, method="mid-p"), 3)
    (0.983, 0.947)
    """
    checked_confidence(confidence)
    mean = checked_non_negative("expected_failures", expected_failures)
    # Poisson tails fall faster than exp(-x^2 / (2 (mean + x))): 8 standard deviations and 40 more leave < 1e-12.
    reach = 8.0 * math.sqrt(mean) + 40.0
    counts = np.arange(max(0, math.floor(mean - reach)), math.ceil(mean + reach) + 1)
    low, high = poisson_limits(counts, confidence, method)
    probability = np.exp(special.xlogy(counts, mean) - mean - special.gammaln(counts + 1.0))
    return float(probability[(low <= mean) & (mean <= high)].sum())


def _checked_exposure(failures: int, exposure_days: float) -> float:
    if not math.isfinite(exposure_days):
        raise NotFiniteError("exposure")
    if exposure_days < 0:
        raise NegativeExposureError(exposure_days)
    if exposure_days == 0:
        if failures:
            raise FailuresWithoutExposureError(failures)
        raise ZeroExposureError
    return float(exposure_days)


def poisson_limits(
    failures: npt.NDArray[np.int64], confidence: float, method: PoissonMethod = "exact"
) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the Poisson mean for each count; divided by exposure they are those of the rates.

    >>> low, high = poisson_limits(np.array([0, 10]), 0.9)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.0, 5.43], [3.0, 16.96])
    """
    if method not in get_args(PoissonMethod):
        raise UnknownMethodError(method, get_args(PoissonMethod))
    return _garwood_limits(failures, confidence) if method == "exact" else _mid_p_limits(failures, confidence)


def _garwood_limits(failures: npt.NDArray[np.int64], confidence: float) -> tuple[FloatArray, FloatArray]:
    """Return the exact limits of the Poisson mean for each count."""
    tail = (1.0 - confidence) / 2.0
    count = failures.astype(np.float64)
    low = np.where(count > 0, special.gammaincinv(np.maximum(count, 1.0), tail), 0.0)
    high = np.asarray(special.gammainccinv(count + 1.0, tail), dtype=np.float64)
    return low, high


def _mid_p_limits(failures: npt.NDArray[np.int64], confidence: float) -> tuple[FloatArray, FloatArray]:
    """Return the mid-p limits of the Poisson mean for each count, found by halving within the exact limits.

    A limit never passes the count itself, so the interval holds the estimate even at levels of a few percent.
    """
    tail = (1.0 - confidence) / 2.0
    count = failures.astype(np.float64)
    inside = np.maximum(count, 1.0)
    limits = []
    for share, outer in zip((1.0 - tail, tail), _garwood_limits(failures, confidence), strict=True):
        below, above = np.minimum(outer, count), np.maximum(outer, count)
        for _ in range(_HALVINGS):
            middle = (below + above) / 2.0
            fewer = np.where(count > 0, special.gammaincc(inside, middle), 0.0)
            falls = (fewer + special.gammaincc(count + 1.0, middle)) / 2.0 > share
            below, above = np.where(falls, middle, below), np.where(falls, above, middle)
        limits.append(np.where((count == 0) & (share > tail), 0.0, (below + above) / 2.0))
    return limits[0], limits[1]


def clopper_pearson_limits(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    """Return the exact limits of a binomial share.

    >>> low, high = clopper_pearson_limits(0, 10, 0.9)
    >>> low, round(high, 3)
    (0.0, 0.259)
    """
    tail = (1.0 - confidence) / 2.0
    low = float(special.betaincinv(hits, trials - hits + 1, tail)) if hits > 0 else 0.0
    high = float(special.betainccinv(hits + 1, trials - hits, tail)) if hits < trials else 1.0
    return low, high
