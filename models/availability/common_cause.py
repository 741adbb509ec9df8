"""Common-cause failures of a group of equal members: the beta factor.

A group of m members suffers events that take any one of them, any two, … or all at once. The basic parameters are
Q_k, the unavailability due to events that take one given set of k members and no other. The beta factor model tells
the Q_k from the total unavailability Q_t of a member.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from models.availability.errors import NoMembersError
from models.availability.exact import checked_needed, checked_probabilities, checked_probability
from models.errors import EmptyShareError
from models.guards import FloatArray, checked_columns, checked_confidence, checked_count
from models.rates import clopper_pearson_limits


@dataclass(frozen=True, slots=True)
class BetaFactor:
    """Share of a member's failures that it shares with others of its group.

    Parameters
    ----------
    beta, low, high : float
        The share and its limits.
    events, shared_events : int
        All events, and those that took two members or more.
    confidence : float
        Of the limits.
    """

    beta: float
    low: float
    high: float
    events: int
    shared_events: int
    confidence: float


def beta_factor(
    events: npt.ArrayLike, rng: np.random.Generator, confidence: float = 0.9, draws: int = 4000
) -> BetaFactor:
    """Estimate the beta factor from counts of events by the number of members they took.

    Parameters
    ----------
    events : array_like
        Shape (m,): events that took exactly 1, 2, … members of one group.
    rng : numpy.random.Generator
        Source of randomness of the limits.
    confidence : float
        Of the limits.
    draws : int
        Of the posterior.

    Returns
    -------
    BetaFactor
        Failures that came with others over all failures. Limits: quantiles over Dirichlet draws of the shares of
        events, no prior weight on sizes that were not seen. Where no event, or every event, was shared, the limit on
        the other side is the exact one of a binomial share of events.

    Raises
    ------
    EmptyShareError
        No events at all.
    NegativeValueError, NotFiniteError, ConfidenceOutOfRangeError
        The counts cannot be.

    Notes
    -----
    NUREG/CR-5485, section 5: beta = sum over k >= 2 of k n_k over that over all k. The draws weigh events, not
    failures: those of one event are one observation.

    Examples
    --------
    >>> found = beta_factor([90, 4, 1], np.random.default_rng(1))
    >>> f"{found.beta:.3f}", found.low < found.beta < found.high
    ('0.109', True)
    """
    level = checked_confidence(confidence)
    (counts,) = checked_columns(events=events)
    if counts.sum() == 0:
        raise EmptyShareError
    size = np.arange(1, counts.size + 1)
    seen = counts > 0
    failures = size * rng.gamma(np.where(seen, counts, 1.0), 1.0, (draws, counts.size)) * seen
    low, high = np.quantile(
        failures[:, 1:].sum(axis=1) / failures.sum(axis=1), [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    )
    total, shared = round(float(counts.sum())), round(float(counts[1:].sum()))
    exact = clopper_pearson_limits(shared, total, level)
    return BetaFactor(
        beta=float((size * counts)[1:].sum() / (size * counts).sum()),
        low=exact[0] if shared == total else float(low),
        high=exact[1] if shared == 0 else float(high),
        events=total,
        shared_events=shared,
        confidence=level,
    )


def basic_from_beta(total: float, beta: float, members: int) -> FloatArray:
    """Return the basic parameters of the beta factor model: a shared event takes all.

    Parameters
    ----------
    total : float
        Unavailability Q_t of one member.
    beta : float
        Share of it that is common to all members.
    members : int
        m.

    Returns
    -------
    ndarray
        Shape (m,): Q_1 = (1 - beta) Q_t, Q_m = beta Q_t, nothing between.

    Raises
    ------
    NoMembersError, NotAProbabilityError, NotFiniteError, NotACountError
        The numbers cannot be.

    Notes
    -----
    Fleming (1975). With one member there is nobody to share with: Q_1 = Q_t.

    Examples
    --------
    >>> basic_from_beta(0.01, 0.1, 3).tolist()
    [0.009000000000000001, 0.0, 0.001]
    """
    several = checked_count("members", members)
    if several == 0:
        raise NoMembersError
    down, share = checked_probability("total", total), checked_probability("beta", beta)
    basic = np.zeros(several)
    basic[0] += (1.0 - share) * down if several > 1 else down
    basic[-1] += share * down if several > 1 else 0.0
    return basic


def common_cause_k_of_n(needed: int, basic: npt.ArrayLike) -> float:
    """Return the probability that at least k of a group's members work, given its basic parameters.

    Parameters
    ----------
    needed : int
        k.
    basic : array_like
        Shape (m,): Q_1 … Q_m.

    Returns
    -------
    float
        Availability, exact.

    Raises
    ------
    NeededAboveMembersError, NotAProbabilityError, NotFiniteError, NotACountError
        The system cannot be.

    Notes
    -----
    A given set of s members is untouched with probability u_s = product over k of (1 - Q_k)^(C(m,k) - C(m-s,k)), events
    being independent; the number at work follows from the u_s by inclusion and exclusion: exactly j are at work with
    probability C(m,j) sum over i of (-1)^i C(m-j,i) u_(j+i). The sums cancel for large groups; up to about 20 members
    twelve digits are kept.

    Examples
    --------
    >>> round(common_cause_k_of_n(1, basic_from_beta(0.1, 0.0, 2)), 6)  # independent: 1 - 0.1^2
    0.99
    >>> round(common_cause_k_of_n(1, basic_from_beta(0.1, 0.5, 2)), 6)  # 1 - (0.05 + 0.95 x 0.05^2)
    0.947625
    """
    share = checked_probabilities("basic", basic)
    wanted, members = checked_needed(needed, share.size)
    size = np.arange(1, members + 1)
    outside = members - np.arange(members + 1)
    touched = special.binom(members, size) - special.binom(outside[:, None], size)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(touched > 0, touched * np.log1p(-share), 0.0)
    untouched = np.exp(logs.sum(axis=1))
    total = 0.0
    for at_work in range(wanted, members + 1):
        others = np.arange(members - at_work + 1)
        signs = (-1.0) ** others * special.binom(members - at_work, others)
        total += float(special.binom(members, at_work) * (signs * untouched[at_work:]).sum())
    return min(1.0, max(0.0, total))
