"""The fleet that a node is compared with: its rate, how much ordinary nodes differ, and the share of lemons.

Failures of node i are Poisson with mean rate_i * exposure_i. Ordinary nodes have Gamma distributed rates around the
fleet's, so that their counts are negative binomial; a small share of nodes are lemons, whose rate is `factor` to
`HIGHEST` times the fleet's, log-uniformly. All of it is estimated from the counts (empirical Bayes; Robbins 1956,
Efron 2010, chapter 1 and 5).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from models.errors import NoEventsError
from models.guards import FloatArray, checked_columns
from models.lemons.errors import LemonFactorError, OneNodeError

#: lemons fail at most so many times as often as the fleet
HIGHEST = 150.0
#: multiples of the fleet's rate at which a lemon's rate is looked at
_LEMON_POINTS = 24
#: what is thought of the share of lemons before any failure: the paper's 24 of 2,000, worth so many nodes
_PRIOR_SHARE, _PRIOR_NODES = 0.012, 50.0
#: ordinary nodes differ by a Gamma shape between these; at the upper one they are as good as equal
_LOWEST_SHAPE, _HIGHEST_SHAPE = 1.5, 200.0
#: what is thought of the shape before: its median, and the standard deviation of its logarithm. Without, the weaker
#: lemons of a small fleet pass for the spread of ordinary nodes.
_PRIOR_SHAPE, _PRIOR_SPREAD = 20.0, 0.7
#: failures that a block of days needs to say as much about its rate as the average does
_CALENDAR_PRIOR = 20.0


@dataclass(frozen=True, slots=True)
class FleetRate:
    """What is usual in a fleet.

    `rate_per_day` is the mean rate of ordinary nodes, `shape` that of the Gamma distribution of their rates (the
    higher, the more alike), `lemon_share` the estimated share of lemons, `factor` the least multiple of the rate that
    makes one. `failures` and `exposure_days` are what it was estimated from.
    """

    rate_per_day: float
    shape: float
    lemon_share: float
    factor: float
    failures: int
    exposure_days: float


def lemon_multiples(factor: float) -> FloatArray:
    """Return the multiples of the fleet's rate at which a lemon's rate is looked at, evenly on a logarithmic scale.

    >>> lemon_multiples(4.0)[[0, -1]].tolist()
    [4.0, 150.0]
    """
    if not 1.0 < factor < HIGHEST:
        raise LemonFactorError(factor, HIGHEST)
    multiples = np.geomspace(factor, HIGHEST, _LEMON_POINTS)
    multiples[[0, -1]] = factor, HIGHEST
    return multiples


def fit_fleet(failures: npt.ArrayLike, exposure_days: npt.ArrayLike, factor: float = 4.0) -> FleetRate:
    """Estimate the fleet's rate, the spread of ordinary nodes and the share of lemons.

    Parameters
    ----------
    failures : array_like, shape (nodes,)
        Failures of each node.
    exposure_days : array_like, shape (nodes,)
        Days at risk of each node; nodes without any say nothing.
    factor : float
        A lemon fails at least so many times as often as the fleet.

    Returns
    -------
    FleetRate
        The maximum of the marginal likelihood, with priors that matter in a small fleet: on the share of lemons, worth
        50 nodes of which 1.2% are lemons (Kokolis et al.), and on the shape, log-normal around 20.

    Raises
    ------
    OneNodeError
        Fewer than two nodes were at risk.
    NoEventsError
        Nothing failed: there is no rate to be above.
    LemonFactorError, NotFiniteError, NegativeValueError, LengthMismatchError, EmptySampleError
        The input cannot be.

    Notes
    -----
    Counts of ordinary nodes: negative binomial with mean rate * exposure and size `shape`. Counts of lemons: the mean
    of Poisson probabilities over `lemon_multiples`.

    Examples
    --------
    >>> fleet = fit_fleet([1, 0, 2, 1, 0, 1, 1, 0, 24], [100.0] * 9)
    >>> f"{1000 * fleet.rate_per_day:.1f} per 1000 days, {fleet.lemon_share:.2f} lemons"
    '7.4 per 1000 days, 0.03 lemons'
    """
    counts, days = checked_columns(failures=failures, exposure_days=exposure_days)
    counts, days = counts[days > 0], days[days > 0]
    if counts.size < 2:
        raise OneNodeError(counts.size)
    if not counts.sum():
        raise NoEventsError(counts.size)
    multiples = lemon_multiples(factor)
    start = _trimmed_rate(counts, days)

    def loss(point: FloatArray) -> float:
        ordinary = ordinary_log_pmf(counts, days * start * math.exp(point[0]), math.exp(point[1]))
        lemon = lemon_log_pmf(counts, days * start * math.exp(point[0]), multiples)
        share = special.expit(point[2])
        evidence = np.logaddexp(np.log1p(-share) + ordinary, np.log(share) + lemon).sum()
        prior = _PRIOR_NODES * (_PRIOR_SHARE * np.log(share) + (1 - _PRIOR_SHARE) * np.log1p(-share))
        prior -= 0.5 * ((point[1] - math.log(_PRIOR_SHAPE)) / _PRIOR_SPREAD) ** 2
        return -float(evidence + prior)

    bounds = [(-4.0, 4.0), (math.log(_LOWEST_SHAPE), math.log(_HIGHEST_SHAPE)), (-12.0, 0.0)]
    best = optimize.minimize(
        loss,
        np.array([0.0, math.log(_PRIOR_SHAPE), special.logit(_PRIOR_SHARE)]),
        method="Nelder-Mead",
        bounds=bounds,
        options={"xatol": 1e-3, "fatol": 1e-4, "maxiter": 400},
    )
    return FleetRate(
        rate_per_day=start * math.exp(best.x[0]),
        shape=math.exp(best.x[1]),
        lemon_share=float(special.expit(best.x[2])),
        factor=factor,
        failures=int(counts.sum()),
        exposure_days=float(days.sum()),
    )


def calendar_weights(failures: npt.ArrayLike, exposure_days: npt.ArrayLike, block_days: int = 7) -> FloatArray:
    """Return how much more or less than on average the whole fleet failed on each day.

    A driver regression or a heat wave raises every node's rate: exposure weighted by this makes nobody a lemon for it.

    Parameters
    ----------
    failures, exposure_days : array_like, shape (nodes, days)
        Failures and time at risk; a node counts at most once in a block, so that one bad node does not move the fleet.
    block_days : int
        Days that share a weight.

    Returns
    -------
    array, shape (days,)
        Ratios to the average, drawn towards 1 as if each block had 20 failures more than it had, at the average rate.

    Examples
    --------
    >>> weights = calendar_weights(np.zeros((3, 14)), np.ones((3, 14)))
    >>> weights.tolist() == [1.0] * 14
    True
    """
    counts, days = np.asarray(failures, dtype=np.float64), np.asarray(exposure_days, dtype=np.float64)
    starts = np.arange(0, counts.shape[1], block_days)
    hit = np.minimum(1.0, np.add.reduceat(counts, starts, axis=1)).sum(axis=0)
    at_risk = np.add.reduceat(days, starts, axis=1).sum(axis=0)
    expected = hit.sum() * at_risk / max(at_risk.sum(), 1e-300)
    weights = (hit + _CALENDAR_PRIOR) / (expected + _CALENDAR_PRIOR)
    return np.asarray(np.repeat(weights, block_days)[: counts.shape[1]], dtype=np.float64)


def ordinary_log_pmf(counts: FloatArray, expected: FloatArray, shape: float) -> FloatArray:
    """Return the logarithm of the negative binomial probability of each count.

    >>> float(ordinary_log_pmf(np.array([0.0]), np.array([1.0]), 1e9)[0].round(6))
    -1.0
    """
    total = expected + shape
    log_pmf: FloatArray = (
        special.gammaln(counts + shape)
        - special.gammaln(shape)
        - special.gammaln(counts + 1.0)
        - shape * np.log1p(expected / shape)
        + special.xlogy(counts, expected / total)
    )
    return log_pmf


def lemon_log_pmf(counts: FloatArray, expected: FloatArray, multiples: FloatArray) -> FloatArray:
    """Return the logarithm of the mean Poisson probability of each count over the multiples of what is expected."""
    means = expected[:, None] * multiples
    terms = special.xlogy(counts[:, None], means) - means
    log_pmf: FloatArray = special.logsumexp(terms, axis=1) - math.log(multiples.size) - special.gammaln(counts + 1.0)
    return log_pmf


def _trimmed_rate(counts: FloatArray, days: FloatArray) -> float:
    """Return a rate to begin with: without the tenth of the nodes that fail most."""
    order = np.argsort(counts / days, kind="stable")
    kept = order[: max(1, int(0.9 * order.size))]
    return float((counts[kept].sum() + 0.5) / days[kept].sum())
