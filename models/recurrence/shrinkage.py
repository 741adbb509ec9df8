"""Rates of many groups, each drawn towards the fleet as far as its own exposure is short (Gamma–Poisson)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from models.guards import FloatArray, checked_confidence
from models.recurrence.errors import TooFewFailuresError
from models.recurrence.negative_binomial import checked_cells, negative_binomial_rate

_ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkenRates:
    """Posterior of each group's rate; arrays have one entry per group with exposure, in the order given.

    `prior_shape` is None where the groups do not differ more than chance: then every group has the pooled rate, its
    interval the fleet's own. `probability_above_fleet` is that of a rate above the fleet's mean; pooled, it is 1/2.
    """

    mean_per_day: FloatArray
    low_per_day: FloatArray
    high_per_day: FloatArray
    probability_above_fleet: FloatArray
    expected_rank: FloatArray
    fleet_rate_per_day: float
    prior_shape: float | None
    confidence: float


def shrunken_rates(failures: npt.ArrayLike, exposure_days: npt.ArrayLike, confidence: float = 0.9) -> ShrunkenRates:
    """Estimate every group's rate by empirical Bayes.

    Parameters
    ----------
    failures, exposure_days : array-like of shape (n_groups,)
        Failures and time at risk by group; groups without exposure are left out.
    confidence : float
        Posterior probability within each interval.

    Returns
    -------
    ShrunkenRates
        `expected_rank` is 1 for the group most likely to have the highest rate; ties share the middle.

    Raises
    ------
    TooFewFailuresError, ZeroExposureError, NotACountError, LengthMismatchError, NegativeValueError, NotFiniteError
        The counts cannot be, or nothing failed.

    Notes
    -----
    Prior Gamma(a, a / r) with r and a by marginal maximum likelihood, posterior Gamma(a + x, a / r + y) (Clayton and
    Kaldor 1987, Biometrics 43:671). The intervals take the prior as known, so with few groups they are too narrow.

    Examples
    --------
    >>> found = shrunken_rates([0, 1, 0, 12, 2, 0, 1, 8], [100.0] * 8)
    >>> found.mean_per_day.round(3).tolist()[2:4], round(float(found.expected_rank[3]), 1)
    ([0.004, 0.108], 1.2)
    """
    checked_confidence(confidence)
    counts, exposure = checked_cells(failures, exposure_days)
    if counts.sum() == 0:
        raise TooFewFailuresError("a prior of rates", 0, 1)
    tail = (1.0 - confidence) / 2.0
    fleet = negative_binomial_rate(counts, exposure, confidence)
    if fleet.dispersion == 0.0:
        same, middle = np.ones(counts.size), (counts.size + 1) / 2.0
        limits = (fleet.low_per_day * same, fleet.high_per_day * same)
        return ShrunkenRates(
            fleet.rate_per_day * same, *limits, 0.5 * same, middle * same, fleet.rate_per_day, None, confidence
        )
    prior = 1.0 / fleet.dispersion
    shape, scale = prior + counts, prior / fleet.rate_per_day + exposure
    return ShrunkenRates(
        mean_per_day=shape / scale,
        low_per_day=special.gammaincinv(shape, tail) / scale,
        high_per_day=special.gammainccinv(shape, tail) / scale,
        probability_above_fleet=special.gammaincc(shape, fleet.rate_per_day * scale),
        expected_rank=_expected_rank(shape, scale),
        fleet_rate_per_day=fleet.rate_per_day,
        prior_shape=prior,
        confidence=confidence,
    )


def _expected_rank(shape: FloatArray, scale: FloatArray) -> FloatArray:
    """Return 1 + Σ P(other rate is higher), each a beta probability of two Gamma variables."""
    ranks = np.empty(shape.size)
    for begin in range(0, shape.size, _ROWS_AT_ONCE):
        rows = slice(begin, begin + _ROWS_AT_ONCE)
        mine, other = shape[rows, None], shape[None, :]
        higher = special.betainc(mine, other, scale[rows, None] / (scale[rows, None] + scale[None, :]))
        ranks[rows] = higher.sum(axis=1) + 0.5  # a group is above itself half the time
    return ranks
