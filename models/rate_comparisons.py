"""Are rates equal: two of them exactly, or several groups with their own errors of testing kept in check.

Given the total of failures, those of independent Poisson groups are multinomial with shares in proportion to exposure
when all rates are equal. That makes tests exact at any number of failures, and needs no estimate of the common rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from scipy import special

from models.errors import ModelError, UnknownMethodError
from models.guards import FloatArray, checked_confidence
from models.rates import RateEstimate, clopper_pearson_limits, poisson_rate

#: expected failures in every group from which the chi-square form of the homogeneity test holds
_ENOUGH_EXPECTED: Final = 5.0
_DRAWS: Final = 19_999
#: multinomial draws held in memory at once
_CELLS_AT_ONCE: Final = 2_000_000

#: Holm keeps the chance of any false alarm below the level, Benjamini–Hochberg the share of false alarms among alarms
Adjustment = Literal["holm", "benjamini-hochberg"]


class TooFewGroupsError(ModelError):
    """A comparison of fewer than two groups."""

    def __init__(self, groups: int) -> None:
        super().__init__(f"{groups} groups given; a comparison needs at least two")


@dataclass(frozen=True, slots=True)
class RateComparison:
    """Ratio of two rates; `ratio` and `high` are None when the second rate had no failure."""

    ratio: float | None
    low: float
    high: float | None
    p_value: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """Are all rates one: Pearson's statistic over the groups; `method` says where its p-value comes from."""

    statistic: float
    degrees_of_freedom: int
    p_value: float
    method: Literal["chi-square", "monte carlo", "no failures"]


@dataclass(frozen=True, slots=True)
class GroupAgainstRest:
    """One group's rate, and its ratio to the rate of all others together.

    `ratio`, `low` and `high` are of this group alone; only `adjusted_p_value` allows for the number of groups.
    """

    group: str
    rate: RateEstimate
    ratio: float | None
    low: float
    high: float | None
    p_value: float
    adjusted_p_value: float


@dataclass(frozen=True, slots=True)
class GroupComparison:
    """Several groups: the test that all are alike, and each against the rest."""

    homogeneity: Homogeneity
    groups: tuple[GroupAgainstRest, ...]
    adjustment: Adjustment
    confidence: float


def compare_rates(a: RateEstimate, b: RateEstimate, confidence: float = 0.9) -> RateComparison:
    """Compare two rates exactly: their ratio a / b, its interval, and a test of equality.

    Parameters
    ----------
    a, b : RateEstimate
        Independent rates of the same unit.
    confidence : float
        Coverage of the interval of the ratio.

    Returns
    -------
    RateComparison
        `p_value` is twice the smaller tail, so it lies below 1 - confidence exactly when the interval excludes 1.

    Raises
    ------
    ConfidenceOutOfRangeError
        The level is outside (0, 1).

    Notes
    -----
    Przyborowski and Wilenski (1940): given the total, a's failures are binomial with
    p = ratio * T_a / (ratio * T_a + T_b), so Clopper–Pearson limits of p give those of the ratio.

    Examples
    --------
    >>> before, after = poisson_rate(24, 1000.0), poisson_rate(9, 1000.0)
    >>> comparison = compare_rates(before, after)
    >>> f"{comparison.ratio:.2f} ({comparison.low:.2f} .. {comparison.high:.2f}), p = {comparison.p_value:.3f}"
    '2.67 (1.34 .. 5.65), p = 0.014'
    """
    checked_confidence(confidence)
    total = a.failures + b.failures
    exposure_ratio = b.exposure_days / a.exposure_days
    low_share, high_share = clopper_pearson_limits(a.failures, total, confidence)
    return RateComparison(
        ratio=a.rate_per_day / b.rate_per_day if b.failures else None,
        low=low_share / (1.0 - low_share) * exposure_ratio,
        high=high_share / (1.0 - high_share) * exposure_ratio if b.failures else None,
        p_value=_equal_rates_p_value(a, b),
        confidence=confidence,
    )


def rate_homogeneity(rates: Mapping[str, RateEstimate], rng: np.random.Generator) -> Homogeneity:
    """Test whether all groups have one rate.

    Parameters
    ----------
    rates : mapping of group to RateEstimate
        At least two independent groups.
    rng : numpy.random.Generator
        Draws the multinomial counts where the groups are too small for the chi-square form.

    Returns
    -------
    Homogeneity
        Without any failure the p-value is 1: nothing speaks against one rate.

    Raises
    ------
    TooFewGroupsError
        Fewer than two groups.

    Notes
    -----
    Pearson's statistic given the total. Where every group expects five failures its p-value comes from the chi-square
    distribution; else from 19,999 multinomial draws, (1 + draws as extreme) / 20,000, a valid p-value for any counts
    (Davison and Hinkley 1997, Bootstrap Methods, section 4.2).

    Examples
    --------
    >>> racks = {"r1": poisson_rate(9, 100.0), "r2": poisson_rate(11, 100.0), "r3": poisson_rate(31, 100.0)}
    >>> found = rate_homogeneity(racks, np.random.default_rng(1))
    >>> found.method, found.p_value < 0.001
    ('chi-square', True)
    """
    if len(rates) < 2:
        raise TooFewGroupsError(len(rates))
    failures = np.array([rate.failures for rate in rates.values()], dtype=np.float64)
    exposure = np.array([rate.exposure_days for rate in rates.values()])
    share, total = exposure / exposure.sum(), failures.sum()
    freedom = len(rates) - 1
    if total == 0:
        return Homogeneity(0.0, freedom, 1.0, "no failures")
    expected = total * share
    statistic = float(((failures - expected) ** 2 / expected).sum())
    if expected.min() >= _ENOUGH_EXPECTED:
        return Homogeneity(statistic, freedom, float(special.chdtrc(freedom, statistic)), "chi-square")
    return Homogeneity(statistic, freedom, _drawn_p_value(int(total), share, statistic, rng), "monte carlo")


def compare_groups(
    rates: Mapping[str, RateEstimate],
    rng: np.random.Generator,
    confidence: float = 0.9,
    adjustment: Adjustment = "holm",
) -> GroupComparison:
    """Compare each of several groups with all others together, exactly, with p-values adjusted for their number.

    Parameters
    ----------
    rates : mapping of group to RateEstimate
        At least two independent groups.
    rng : numpy.random.Generator
        As in `rate_homogeneity`.
    confidence : float
        Coverage of each ratio's interval.
    adjustment : {"holm", "benjamini-hochberg"}
        Holm: at most this chance of any false alarm. Benjamini–Hochberg: at most this share of false alarms among the
        alarms, on average; it sees more when many groups differ.

    Returns
    -------
    GroupComparison
        Groups in the order given.

    Raises
    ------
    TooFewGroupsError, UnknownMethodError, ConfidenceOutOfRangeError
        Nothing to compare, or no such adjustment or level.

    Notes
    -----
    Each group as in `compare_rates`. Holm (1979, Scand. J. Statist. 6:65); Benjamini and Hochberg (1995, JRSSB 57:289).

    Examples
    --------
    >>> racks = {"r1": poisson_rate(9, 100.0), "r2": poisson_rate(11, 100.0), "r3": poisson_rate(31, 100.0)}
    >>> found = compare_groups(racks, np.random.default_rng(1))
    >>> [group.group for group in found.groups if group.adjusted_p_value < 0.01]
    ['r3']
    """
    checked_confidence(confidence)
    homogeneity = rate_homogeneity(rates, rng)
    failures = sum(rate.failures for rate in rates.values())
    exposure = sum(rate.exposure_days for rate in rates.values())
    found = [
        compare_rates(rate, poisson_rate(failures - rate.failures, exposure - rate.exposure_days), confidence)
        for rate in rates.values()
    ]
    adjusted = adjusted_p_values(np.array([each.p_value for each in found]), adjustment)
    groups = tuple(
        GroupAgainstRest(group, rate, each.ratio, each.low, each.high, each.p_value, float(p_value))
        for (group, rate), each, p_value in zip(rates.items(), found, adjusted, strict=True)
    )
    return GroupComparison(homogeneity, groups, adjustment, confidence)


def adjusted_p_values(p_values: FloatArray, adjustment: Adjustment) -> FloatArray:
    """Return p-values adjusted for their number, in the order given.

    >>> adjusted_p_values(np.array([0.01, 0.04, 0.03]), "holm").tolist()
    [0.03, 0.06, 0.06]
    >>> adjusted_p_values(np.array([0.01, 0.04, 0.03]), "benjamini-hochberg").tolist()
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(p_values, kind="stable")
    ranked, number = p_values[order], p_values.size
    if adjustment == "holm":
        stepped = np.maximum.accumulate(ranked * np.arange(number, 0, -1))
    elif adjustment == "benjamini-hochberg":
        stepped = np.minimum.accumulate((ranked * number / np.arange(1, number + 1))[::-1])[::-1]
    else:
        raise UnknownMethodError(adjustment, get_args(Adjustment))
    adjusted = np.empty(number)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _equal_rates_p_value(a: RateEstimate, b: RateEstimate) -> float:
    total = a.failures + b.failures
    share = a.exposure_days / (a.exposure_days + b.exposure_days)
    at_most = special.bdtr(a.failures, total, share)
    at_least = special.bdtrc(a.failures - 1, total, share) if a.failures else 1.0
    return min(1.0, 2.0 * float(min(at_most, at_least)))


def _drawn_p_value(total: int, share: FloatArray, statistic: float, rng: np.random.Generator) -> float:
    expected = total * share
    as_extreme, left = 1, _DRAWS
    while left:
        draws = min(left, max(1, _CELLS_AT_ONCE // share.size))
        counts = rng.multinomial(total, share, size=draws)
        drawn = ((counts - expected) ** 2 / expected).sum(axis=1)
        as_extreme += int((drawn >= statistic * (1.0 - 1e-9)).sum())
        left -= draws
    return as_extreme / (_DRAWS + 1)
