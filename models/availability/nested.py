"""Availability of members in nested domains, exactly: what a domain suffers, all its members share.

Given the states of the domains it lies in, each member works or not independently of the others; a domain in a state
lets each of its members survive with one probability. Conditioning on the states from the outside in turns shared
failures of any depth (host, rack, ToR, pod, cluster) into sums of binomials: nothing is approximated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from models.availability.errors import NeededAboveMembersError, NoMembersError, UnevenDomainsError
from models.availability.exact import checked_probabilities
from models.guards import FloatArray, checked_count, checked_non_negative

IntArray = npt.NDArray[np.int64]

#: more shocks at once than have this probability are taken as the most that have it
_RARE = 1e-18


@dataclass(frozen=True, slots=True, eq=False)
class DomainStates:
    """In which states a domain may be, and what share of its members each state spares.

    Parameters
    ----------
    probability : ndarray
        Shape (states,): of each state; they sum to 1.
    survival : ndarray
        Shape (states,): probability that a member is spared, independently of the others.
    """

    probability: FloatArray
    survival: FloatArray

    def __post_init__(self) -> None:
        checked_probabilities("survival", self.survival)
        checked_probabilities("probability", self.probability)

    def and_also(self, other: DomainStates) -> DomainStates:
        """Return the states of a domain that suffers both, independently; states of one survival are joined.

        >>> half = DomainStates(np.array([0.5, 0.5]), np.array([1.0, 0.0]))
        >>> half.and_also(half).probability.tolist()
        [0.25, 0.75]
        """
        survival = np.multiply.outer(self.survival, other.survival).ravel()
        probability = np.multiply.outer(self.probability, other.probability).ravel()
        kept, place = np.unique(survival, return_inverse=True)
        together = np.bincount(place, probability)[::-1]
        return DomainStates(np.asarray(together / together.sum()), kept[::-1])


#: a domain to which nothing happens
UNTOUCHED = DomainStates(np.ones(1), np.ones(1))


def shock_states(shocks_per_hour: float, outage_hours: float, share_taken: float) -> DomainStates:
    """Return the states of a domain hit by Poisson shocks, each taking every member with one probability.

    Parameters
    ----------
    shocks_per_hour : float
        Rate of the shocks of one domain.
    outage_hours : float
        Mean time until what a shock took is back.
    share_taken : float
        Probability that a shock takes a member; 1 for a lethal shock.

    Returns
    -------
    DomainStates
        The number of shocks in force is Poisson with mean rate x outage, whatever the distribution of the outage
        (M/G/infinity), and n of them spare a member with probability (1 - share)^n.

    Raises
    ------
    NegativeValueError, NotFiniteError, NotAProbabilityError
        A number cannot be.

    Notes
    -----
    The binomial failure rate model of Vesely (1977) and Atwood (1986, Technometrics 28:139), in steady state.

    Examples
    --------
    >>> states = shock_states(0.001, 10.0, 1.0)
    >>> [round(float(part), 5) for part in states.probability[:2]], states.survival[:2].tolist()
    ([0.99005, 0.00995], [1.0, 0.0])
    """
    load = checked_non_negative("shocks_per_hour", shocks_per_hour) * checked_non_negative("outage_hours", outage_hours)
    taken = float(checked_probabilities("share_taken", share_taken)[0])
    if load == 0 or taken == 0:
        return UNTOUCHED
    if taken == 1.0:
        return DomainStates(np.array([np.exp(-load), -np.expm1(-load)]), np.array([1.0, 0.0]))
    reach = np.arange(int(load + 12.0 * np.sqrt(load)) + 13)
    likely = np.asarray(stats.poisson.pmf(reach, load), dtype=np.float64)
    shocks = reach[: int(np.flatnonzero(likely > _RARE)[-1]) + 1]
    probability = likely[: shocks.size]
    probability[-1] += stats.poisson.sf(shocks[-1], load)
    return DomainStates(probability, np.asarray((1.0 - taken) ** shocks, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """Members that share their fate, directly or in domains of their own.

    Parameters
    ----------
    states : DomainStates
        What befalls all of them.
    members : int
        Members directly in it.
    inner : tuple of (Domain, int)
        Domains within, each with how many there are alike.
    """

    states: DomainStates = UNTOUCHED
    members: int = 0
    inner: tuple[tuple[Domain, int], ...] = ()

    @property
    def size(self) -> int:
        """Members in it, at any depth."""
        return self.members + sum(domain.size * many for domain, many in self.inner)


def members_down(domain: Domain, member_unavailability: float, most_down: int) -> FloatArray:
    """Return the distribution of how many members are down, up to a number.

    Parameters
    ----------
    domain : Domain
        Nested domains.
    member_unavailability : float
        Probability that a member is down of itself.
    most_down : int
        Largest number asked for.

    Returns
    -------
    ndarray
        Shape (most_down + 1,): probability of 0, 1, … members down. Their sum is the availability of a system that can
        do without that many.

    Raises
    ------
    NoMembersError, NotAProbabilityError, NotACountError
        The question cannot be.

    Examples
    --------
    >>> rack = Domain(shock_states(0.001, 10.0, 1.0), members=2)
    >>> members_down(Domain(inner=((rack, 1),)), 0.0, 2).round(5).tolist()
    [0.99005, 0.0, 0.00995]
    """
    down = float(checked_probabilities("member_unavailability", member_unavailability)[0])
    if domain.size == 0:
        raise NoMembersError
    found: FloatArray = _down(domain, np.array([1.0 - down]), checked_count("most_down", most_down))[0]
    return found


def nested_k_of_n(needed: int, domain: Domain, member_unavailability: float) -> float:
    """Return the probability that at least so many members of nested domains work.

    Parameters
    ----------
    needed : int
        k.
    domain : Domain
        The n members and what they share.
    member_unavailability : float
        Probability that a member is down of itself.

    Returns
    -------
    float
        Availability.

    Raises
    ------
    NeededAboveMembersError, NoMembersError, NotAProbabilityError, NotACountError
        The system cannot be.

    Examples
    --------
    >>> pair = Domain(shock_states(0.001, 10.0, 1.0), members=2)
    >>> round(nested_k_of_n(1, pair, 0.1), 5)  # e^-0.01 (1 - 0.1^2)
    0.98015
    """
    wanted = checked_count("needed", needed)
    if wanted > domain.size:
        raise NeededAboveMembersError(wanted, domain.size)
    if wanted == 0:
        return 1.0
    return min(1.0, float(members_down(domain, member_unavailability, domain.size - wanted).sum()))


def _down(domain: Domain, up: FloatArray, most: int) -> FloatArray:
    """Return the distribution of members down for each probability that the outside and itself spare a member."""
    inside = np.multiply.outer(up, domain.states.survival)
    flat = inside.ravel()
    kept, place = np.unique(flat, return_inverse=True)
    found = _binomials(domain.members, kept, most)
    for inner, many in domain.inner:
        found = _summed(found, _power(_down(inner, kept, most), many))
    spread = found[place].reshape(*inside.shape, most + 1)
    mixed: FloatArray = np.einsum("s,usd->ud", domain.states.probability, spread)
    return mixed


def _binomials(members: int, up: FloatArray, most: int) -> FloatArray:
    found = np.zeros((up.size, most + 1))
    down = np.arange(min(members, most) + 1)
    ways = special.gammaln(members + 1.0) - special.gammaln(down + 1.0) - special.gammaln(members - down + 1.0)
    logs = ways + special.xlog1py(down, -up[:, None]) + special.xlogy(members - down, up[:, None])
    found[:, : down.size] = np.exp(logs)
    return found


def _summed(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the distributions of sums, row by row, cut where the input is cut."""
    if one.shape[1] == 1:
        return one * other
    found = np.zeros_like(one)
    for place in np.flatnonzero((one > 0).any(axis=0)):
        found[:, place:] += one[:, [place]] * other[:, : one.shape[1] - place]
    return found


def _power(distribution: FloatArray, many: int) -> FloatArray:
    """Return the distributions of sums of so many alike."""
    found = np.zeros_like(distribution)
    found[:, 0] = 1.0
    square = distribution
    while many:
        if many % 2:
            found = _summed(found, square)
        many //= 2
        if many:
            square = _summed(square, square)
    return found


def nested_domains(levels: Sequence[tuple[str, npt.ArrayLike, Sequence[DomainStates]]], members: int) -> Domain:
    """Build nested domains from what domain each member lies in at each level.

    Parameters
    ----------
    levels : sequence of (str, array_like, sequence of DomainStates)
        From the widest to the narrowest: name, shape (members,) number of each member's domain, and what happens to
        each domain, by its number.
    members : int
        How many.

    Returns
    -------
    Domain
        Domains alike are kept once, with their number.

    Raises
    ------
    UnevenDomainsError
        A domain lies in two of a wider level.
    NoMembersError
        No members.

    Examples
    --------
    >>> lethal = shock_states(0.001, 10.0, 1.0)
    >>> tree = nested_domains([("pod", [0, 0, 0, 0], [UNTOUCHED]), ("rack", [0, 0, 1, 1], [lethal] * 2)], 4)
    >>> tree.inner[0][0].inner[0][1], tree.size
    (2, 4)
    """
    if members == 0:
        raise NoMembersError
    columns = [(name, np.asarray(numbers, dtype=np.int64), states) for name, numbers, states in levels]
    for (outer_name, outer, _), (inner_name, inner, _) in pairwise(columns):
        pairs = np.unique(np.column_stack([inner, outer]), axis=0)
        if np.unique(pairs[:, 0]).size < len(pairs):
            raise UnevenDomainsError(outer_name, inner_name)
    return _tree(columns, np.arange(members), UNTOUCHED, {})


def _tree(
    levels: Sequence[tuple[str, IntArray, Sequence[DomainStates]]],
    members: IntArray,
    states: DomainStates,
    alike: dict[tuple[object, ...], Domain],
) -> Domain:
    if not levels:
        return _once(alike, states, members.size, ())
    _, numbers, inner_states = levels[0]
    order = np.argsort(numbers[members], kind="stable")
    present, starts = np.unique(numbers[members][order], return_index=True)
    parts = np.split(members[order], starts[1:])
    found = Counter(
        _tree(levels[1:], part, inner_states[number], alike) for number, part in zip(present, parts, strict=True)
    )
    return _once(alike, states, 0, tuple(found.items()))


def _once(
    alike: dict[tuple[object, ...], Domain],
    states: DomainStates,
    members: int,
    inner: tuple[tuple[Domain, int], ...],
) -> Domain:
    """Return the domain of this shape, made only once, so that equal ones are the same object."""
    key = (id(states), members, inner)
    return alike.setdefault(key, Domain(states, members, inner))
