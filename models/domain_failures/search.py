"""Which domains fail as one: events concentrated in a domain beyond chance, and domains that see too many of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse, stats

from models.domain_failures.chance import ChanceTails, chance_tails
from models.domain_failures.errors import MembersMismatchError
from models.domain_failures.events import BoolArray, Events, IntArray
from models.errors import LengthMismatchError, NotAShareError
from models.guards import FloatArray, checked_count
from models.rate_comparisons import adjusted_p_values

#: an event counts for a domain with two or more of its nodes, and so many that chance does so at most this often:
#: many events that say a little each, or few that say much
_LEVELS = (0.01, 1e-4)
#: a domain of which fewer nodes are hit did not fail: a smaller one within it, which nobody told of, may have
_LEAST_SHARE = 0.2
#: of the false discovery rate: an event that stands alone is to be the surer, of many pairs some share a rack by chance
_EVENTS_SHARE = 0.25
#: room for rounding where two tails should be equal
_EQUAL = 1.0 + 1e-9
#: below this a tail as a difference from one is rounding alone
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class DomainSearch:
    """What was found.

    Parameters
    ----------
    domain : array, shape (events,)
        The domain that explains each event best: the one whose share of the event's nodes is least likely by chance, of
        those of which a fifth of the nodes or more, and two at least, are hit; -1 if there is none. A rack within a pod
        is less likely than the pod: the smallest is named.
    nodes_inside : array, shape (events,)
        Nodes of the event in that domain.
    event_p : array, shape (events,)
        Probability that chance concentrates an event of this size so much in any domain.
    is_domain_event : array of bool, shape (events,)
        Whether the domain is named for the event.
    counted : array, shape (domains,)
        Events that each domain explains best and in which it is concentrated.
    expected : array, shape (domains,)
        Events concentrated in it by chance.
    possible : array, shape (domains,)
        Events that could have counted: of a size at which so many nodes inside would be no chance.
    domain_p : array, shape (domains,)
        Probability that chance has at least as many, or as many as concentrated; 1 where there was none.
    found : array of bool, shape (domains,)
        Whether it fails as one again and again.
    """

    domain: IntArray
    nodes_inside: IntArray
    event_p: FloatArray
    is_domain_event: BoolArray
    counted: IntArray
    expected: FloatArray
    possible: IntArray
    domain_p: FloatArray
    found: BoolArray


def search_domains(
    events: Events,
    members: npt.ArrayLike,
    propensity: npt.ArrayLike,
    *,
    false_discovery_rate: float = 0.05,
    min_events: int = 2,
) -> DomainSearch:
    """Return which domains fail as one, and which events are theirs.

    Parameters
    ----------
    events : Events
        What befell two or more nodes.
    members : array of bool, shape (domains, nodes)
        Who is in which domain; each set of nodes once (``distinct_domains``).
    propensity : array, shape (nodes,)
        How readily each node fails by itself (``node_propensity``).
    false_discovery_rate : float
        A quarter of it for the events, the rest for the domains.
    min_events : int
        A domain is found only with so many events of its own.

    Returns
    -------
    DomainSearch
        Events and domains in the order given.

    Raises
    ------
    ModelError
        The arrays do not belong together, or the rate is no share.

    Notes
    -----
    Null: labels permuted within each event among the nodes in service then, each with the odds of its propensity
    (``chance_tails``). Of an event: the least tail over all domains, its p-value the sum over the domains of the
    chance to come as low (Boole), so that many domains cost what they should. Of a domain: the number of events
    concentrated in it, a sum of independent Bernoulli trials (Poisson binomial), exact; at two levels of concentration
    (tails of 1% and 0.01%), the lower p-value doubled. An event counts for one domain,
    the one that explains it best: a pod is not blamed for what befell a rack in it, and the p-value of the pod stays
    valid, since its count can only be smaller than under the null. Benjamini and Hochberg (1995) over events and over
    domains: in racks side by side and in pods above them the statistics depend on each other, and discrete p-values
    are large, so that fewer false finds come out than the rate allows (the null study holds it to that). Found events
    and the concentrated events of found domains are the domains' events.

    Examples
    --------
    >>> import numpy as np
    >>> from models.domain_failures.events import checked_events
    >>> racks = np.repeat(np.eye(8, dtype=bool), 4, axis=1)
    >>> seen = search_domains(checked_events([[4, 5, 6, 7], [4, 5, 7], [3, 20]], 32), racks, np.ones(32))
    >>> seen.domain.tolist(), seen.is_domain_event.tolist(), np.flatnonzero(seen.found).tolist()
    ([1, 1, -1], [True, True, False], [1])
    """
    table, odds = np.asarray(members, dtype=np.bool_), np.asarray(propensity, dtype=np.float64)
    nodes = events.struck.shape[1]
    if table.ndim != 2 or table.shape[1] != nodes:
        raise MembersMismatchError(table.shape[-1], nodes)
    if odds.size != nodes:
        raise LengthMismatchError({"propensity": odds.size, "nodes": nodes})
    if not 0.0 < false_discovery_rate < 1.0:
        raise NotAShareError("false_discovery_rate", false_discovery_rate)
    least = max(1, checked_count("min_events", min_events))
    fit = _explained(events, table, odds)
    concentrated = fit.tail <= _LEVELS[0]
    counted = np.bincount(fit.best[concentrated], minlength=table.shape[0]).astype(np.int64)
    possible = (fit.times[:, None] * (fit.chances[0] > 0)).sum(axis=0).astype(np.int64)
    domain_p = _domain_chance(fit)
    of_domains = (1.0 - _EVENTS_SHARE) * false_discovery_rate
    found = (counted >= least) & _discovered(domain_p, possible >= least, of_domains)
    # All events are tested, those that no domain explains as well: to leave them out would be to choose by the outcome.
    everything = np.ones(fit.best.size, dtype=np.bool_)
    named = _discovered(fit.event_p, everything, _EVENTS_SHARE * false_discovery_rate)
    named[concentrated] |= found[fit.best[concentrated]]
    return DomainSearch(
        domain=fit.best,
        nodes_inside=fit.inside,
        event_p=fit.event_p,
        is_domain_event=named,
        counted=counted,
        expected=np.asarray(fit.times @ fit.chances[0], dtype=np.float64),
        possible=possible,
        domain_p=domain_p,
        found=found,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Each event's best domain, its nodes there, the tail and what it means among all domains; what chance would do.

    ``times``: events of each size and fleet. ``chances``, shape (levels, sizes and fleets, domains): that such an event
    is concentrated in the domain.
    """

    best: IntArray
    inside: IntArray
    tail: FloatArray
    event_p: FloatArray
    times: IntArray
    chances: FloatArray


def _explained(events: Events, table: BoolArray, odds: FloatArray) -> _Fit:
    count, alike = events.struck.shape[0], _alike(events)
    fit = _Fit(
        best=np.full(count, -1, dtype=np.int64),
        inside=np.zeros(count, dtype=np.int64),
        tail=np.ones(count),
        event_p=np.ones(count),
        times=np.array([rows.size for _, _, rows in alike], dtype=np.int64),
        chances=np.zeros((len(_LEVELS), len(alike), table.shape[0])),
    )
    if not table.size:
        return fit
    shared = events.struck @ sparse.csr_array(table.T.astype(np.int64))
    for number, (size, fleet, rows) in enumerate(alike):
        there = events.fleets[fleet]
        tails = chance_tails(size, odds[there], table[:, there])
        for level, limit in enumerate(_LEVELS):
            fit.chances[level, number] = _reachable(tails, limit)
        for row in rows:
            fit.best[row], fit.inside[row], fit.tail[row] = _best(shared[[row]].toarray()[0], tails)
            if fit.best[row] >= 0:
                fit.event_p[row] = min(1.0, float(_reachable(tails, fit.tail[row] * _EQUAL).sum()))
    return fit


def _domain_chance(fit: _Fit) -> FloatArray:
    """Return for each domain the chance of at least as many events as it has, at the level at which that is least."""
    found = np.ones(fit.chances.shape[2])
    for level, limit in enumerate(_LEVELS):
        successes = np.bincount(fit.best[fit.tail <= limit], minlength=found.size)
        for row in np.flatnonzero(successes):
            chance = len(_LEVELS) * _at_least(int(successes[row]), fit.times, fit.chances[level, :, row])
            found[row] = min(found[row], chance)
    return found


def _alike(events: Events) -> list[tuple[int, int, IntArray]]:
    """Return the events of each size and fleet: they have one null distribution."""
    kinds, which = np.unique(np.stack([events.sizes, events.fleet], axis=1), axis=0, return_inverse=True)
    rows = which.reshape(-1)
    return [(int(size), int(fleet), np.flatnonzero(rows == number)) for number, (size, fleet) in enumerate(kinds)]


def _least_nodes(tails: ChanceTails) -> IntArray:
    """Return for each composition the nodes that must be hit for the domain to have failed."""
    return np.asarray(np.maximum(2, np.ceil(_LEAST_SHARE * tails.sizes)), dtype=np.int64)


def _reachable(tails: ChanceTails, limit: float) -> FloatArray:
    """Return for each domain the largest chance, up to the limit, that a number of nodes that would do can have."""
    columns = np.arange(tails.tails.shape[1])
    low = (tails.tails <= limit) & (columns >= _least_nodes(tails)[:, None])
    return np.asarray(np.where(low, tails.tails, 0.0).max(axis=1)[tails.composition])


def _best(shared: IntArray, tails: ChanceTails) -> tuple[int, int, float]:
    """Return the domain whose share of an event is least likely, its nodes, and how likely; the first of equal ones."""
    candidates = np.flatnonzero(shared >= _least_nodes(tails)[tails.composition])
    if not candidates.size:
        return -1, 0, 1.0
    chance = tails.at_least(candidates, shared[candidates])
    least = int(np.argmin(chance))
    return int(candidates[least]), int(shared[candidates[least]]), float(chance[least])


def _at_least(counted: int, times: IntArray, chances: FloatArray) -> float:
    """Return the probability of at least so many successes, ``times`` trials at each chance."""
    if not counted:
        return 1.0
    at_risk = chances > 0
    fewer = np.zeros(counted)
    fewer[0] = 1.0
    mean = float(times @ chances)
    for n, chance in zip(times[at_risk], chances[at_risk], strict=True):
        fewer = np.convolve(fewer, stats.binom.pmf(np.arange(counted), n, chance))[:counted]
    tail = 1.0 - fewer.sum()
    # Far out Chernoff's bound, for k successes where m are expected: exp(k - m) (m / k)^k.
    return float(tail if tail > _ROUNDING else np.exp(counted - mean + counted * np.log(mean / counted)))


def _discovered(p_values: FloatArray, tested: BoolArray, level: float) -> BoolArray:
    """Return what Benjamini and Hochberg let pass of what was tested."""
    passed = np.zeros(p_values.size, dtype=np.bool_)
    passed[tested] = adjusted_p_values(p_values[tested], "benjamini-hochberg") <= level
    return passed
