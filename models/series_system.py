"""Does a job on N nodes fail N times as often as one on a single node: the series-system law, and its check.

The law, MTTF(N) = 1 / (N r_f), is what Kokolis et al. (HPCA 2025) project large jobs with. It holds if every node fails
at the same rate whatever the size of the job on it, and if any one failure ends the job.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from models.errors import ModelError, ZeroExposureError
from models.guards import FloatArray, checked_columns, checked_confidence, checked_count, checked_positive
from models.rate_comparisons import rate_homogeneity
from models.rates import HOURS_PER_DAY, RateEstimate, poisson_rate

#: the exponent is looked for until one size has e^500 times the other's failures; beyond, the data set no limit
_STEEPEST: Final = 500.0


class NoFailureToTestError(ModelError):
    """The law asked of sizes of which none failed."""

    def __init__(self) -> None:
        super().__init__("no job failed at any size; whether failures grow with the nodes cannot be told")


class OneSizeError(ModelError):
    """The law asked of jobs that all have one size."""

    def __init__(self, nodes: float) -> None:
        super().__init__(f"all jobs have {nodes:g} nodes; how failures grow with the nodes needs at least two sizes")


@dataclass(frozen=True, slots=True, eq=False)
class ProjectedMttf:
    """MTTF of jobs on ``nodes`` nodes if the law holds; the upper limit is infinite where no failure was seen."""

    nodes: FloatArray
    mttf_hours: FloatArray
    low_hours: FloatArray
    high_hours: FloatArray
    confidence: float


@dataclass(frozen=True, slots=True)
class SeriesSystemCheck:
    """How failures per job-day grow with the nodes of a job, proportionally to nodes ** exponent; the law is 1.

    ``exponent`` is None where all failures happened at the smallest or the largest size: then only the other side's
    limit is known. ``high`` or ``low`` is None where there is none. ``law_p_value`` tests exponent 1 (likelihood
    ratio), ``equal_rates_p_value`` that all sizes have one rate per node-day (`rate_homogeneity`).
    """

    exponent: float | None
    low: float | None
    high: float | None
    law_p_value: float
    equal_rates_p_value: float
    rate: RateEstimate
    failures: int
    sizes: int
    confidence: float

    @property
    def law_is_refuted(self) -> bool:
        """Whether either test rejects the law at the level of the interval."""
        return min(self.law_p_value, self.equal_rates_p_value) < 1.0 - self.confidence


def implied_failures_per_1000_node_days(nodes: float, mttf_hours: float) -> float:
    """Return the rate r_f at which jobs on this many nodes would have this MTTF: the projection read backwards.

    Parameters
    ----------
    nodes : float
        Nodes of a job.
    mttf_hours : float
        Hours between its failures.

    Returns
    -------
    float
        Failures per 1000 node-days.

    Raises
    ------
    NotPositiveError, NotFiniteError
        No node or no time.

    Notes
    -----
    Of the values that Kokolis et al. give for RSC-1, those for 16,384 and 131,072 GPUs (1.8 h and 0.23 h) are the
    projection itself and follow from its r_f of 6.50 failures per 1000 node-days. Their measured values for small jobs
    do not: 47.7 days at 8 GPUs and 7.9 h at 1,024 GPUs imply 21.0 and 23.7, which agree with each other and are 3.2 and
    3.7 times r_f. A projection from large jobs therefore says nothing about small ones; use the rate of the size.

    Examples
    --------
    >>> [round(implied_failures_per_1000_node_days(*point), 1) for point in ((1, 47.7 * 24), (128, 7.9))]
    [21.0, 23.7]
    """
    return 1000.0 * HOURS_PER_DAY / (checked_positive("nodes", nodes) * checked_positive("mttf_hours", mttf_hours))


def projected_mttf(nodes: npt.ArrayLike, rate: RateEstimate) -> ProjectedMttf:
    """Project the MTTF of jobs of several sizes from one rate, with the band of its interval: 1 / (N r_f).

    Parameters
    ----------
    nodes : array-like of shape (n_sizes,)
        Nodes of a job.
    rate : RateEstimate
        Failures per node-day.

    Returns
    -------
    ProjectedMttf
        Arrays of shape (n_sizes,). Without a failure the MTTF and its upper limit are infinite: the lower is known.

    Raises
    ------
    NotPositiveError, NotFiniteError, EmptySampleError
        A size cannot be.

    Notes
    -----
    Kokolis et al. (HPCA 2025); the band is that of r_f alone and takes the law as given.

    Examples
    --------
    >>> papers = poisson_rate(650, 100_000.0)
    >>> [round(float(hours), 3) for hours in projected_mttf([2_048, 16_384], papers).mttf_hours]
    [1.803, 0.225]
    """
    (sizes,) = checked_columns(nodes=nodes)
    if not sizes.all():
        checked_positive("nodes", 0.0)
    with np.errstate(divide="ignore"):
        hours = [
            HOURS_PER_DAY / (sizes * per_day) for per_day in (rate.rate_per_day, rate.high_per_day, rate.low_per_day)
        ]
    return ProjectedMttf(sizes, hours[0], hours[1], hours[2], rate.confidence)


def check_series_system(
    nodes: npt.ArrayLike,
    failures: npt.ArrayLike,
    node_days: npt.ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.9,
) -> SeriesSystemCheck:
    """Test whether failures grow with the nodes of a job as a series system's do.

    Parameters
    ----------
    nodes : array-like of shape (n_sizes,)
        Nodes of the jobs of one size; the mean over run time where a size is a range.
    failures : array-like of shape (n_sizes,)
        Failures of jobs of that size.
    node_days : array-like of shape (n_sizes,)
        Node-days of their run time, in days; sizes without any are left out.
    rng : numpy.random.Generator
        Draws the failures of the second test where sizes expect too few for its chi-square form.
    confidence : float
        Coverage of the interval of the exponent.

    Returns
    -------
    SeriesSystemCheck
        The exponent with its profile-likelihood interval, the two tests, and the pooled rate.

    Raises
    ------
    NoFailureToTestError, OneSizeError, ZeroExposureError
        The data cannot tell.
    NotACountError, NotPositiveError, NotFiniteError, NegativeValueError, LengthMismatchError, EmptySampleError
        The input cannot be.

    Notes
    -----
    Poisson regression of failures on log nodes with log job-days as offset: mean = a × job-days × nodes ** g. Given the
    total, the failures are multinomial with p proportional to node-days × nodes ** (g - 1), which frees the likelihood
    of a; it is that of an exponential family, hence concave, with at most one maximum. The second test is that
    of `rate_homogeneity` over the sizes. Both take failures to be independent; where failures
    cluster (one job in a crash loop, a switch that ends twenty) they reject too often.

    Examples
    --------
    >>> lawful = check_series_system([1, 8, 64], [6, 7, 5], [1000.0] * 3, np.random.default_rng(1))
    >>> f"{lawful.exponent:.2f} ({lawful.low:.2f} .. {lawful.high:.2f})", lawful.law_is_refuted
    ('0.96 (0.73 .. 1.19)', False)
    """
    checked_confidence(confidence)
    sizes, counts, days = _exposed(nodes, failures, node_days)
    total = int(counts.sum())
    log_sizes = np.log(sizes)
    excess = _Excess(log_sizes, counts, np.log(days))
    reach = _STEEPEST / float(np.ptp(log_sizes))
    best = _steepest(excess, reach)
    top = excess.log_likelihood(best)
    level = top - float(special.chdtri(1.0, 1.0 - confidence)) / 2.0
    low, high = (_crossing(excess, level, best, far) for far in (-reach, reach))
    by_size = {str(row): poisson_rate(int(count), float(days[row]), confidence) for row, count in enumerate(counts)}
    return SeriesSystemCheck(
        exponent=None if abs(best) == reach else 1.0 + best,
        low=None if low is None else 1.0 + low,
        high=None if high is None else 1.0 + high,
        law_p_value=float(special.chdtrc(1.0, max(0.0, 2.0 * (top - excess.log_likelihood(0.0))))),
        equal_rates_p_value=rate_homogeneity(by_size, rng).p_value,
        rate=poisson_rate(total, float(days.sum()), confidence),
        failures=total,
        sizes=len(sizes),
        confidence=confidence,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Excess:
    """The conditional likelihood of the exponent's excess over 1."""

    log_sizes: FloatArray
    counts: FloatArray
    log_days: FloatArray

    def log_likelihood(self, excess: float) -> float:
        weights = self.log_days + excess * self.log_sizes
        return float(self.counts @ (weights - special.logsumexp(weights)))

    def score(self, excess: float) -> float:
        expected = special.softmax(self.log_days + excess * self.log_sizes) @ self.log_sizes
        return float(self.counts @ self.log_sizes - self.counts.sum() * expected)


def _exposed(
    nodes: npt.ArrayLike, failures: npt.ArrayLike, node_days: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    sizes, counts, days = checked_columns(nodes=nodes, failures=failures, node_days=node_days)
    for value in counts:
        checked_count("failures", value)
    if counts[days == 0].any():
        raise ZeroExposureError
    sizes, counts, days = (column[days > 0] for column in (sizes, counts, days))
    if not len(sizes):
        raise ZeroExposureError
    checked_positive("nodes", float(sizes.min()))
    if not counts.any():
        raise NoFailureToTestError
    if np.ptp(sizes) == 0:
        raise OneSizeError(float(sizes[0]))
    return sizes, counts, days


def _steepest(excess: _Excess, reach: float) -> float:
    """Return where the likelihood is highest; the end of the reach where all failures are at one end of the sizes."""
    failed = excess.log_sizes[excess.counts > 0]
    if failed.min() == excess.log_sizes.max():
        return reach
    if failed.max() == excess.log_sizes.min():
        return -reach
    return float(optimize.brentq(excess.score, -reach, reach, xtol=1e-12))


def _crossing(excess: _Excess, level: float, best: float, far: float) -> float | None:
    """Return where the likelihood falls to the level between its top and the end of the reach; None if nowhere."""
    if excess.log_likelihood(far) >= level:
        return None
    return float(optimize.brentq(lambda value: excess.log_likelihood(value) - level, best, far, xtol=1e-12))
