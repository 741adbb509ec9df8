"""Where to put a job: the hosts that lose least to the fabric's failures, those that share least, and any at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from models.availability.component_rates import ComponentRate
from models.guards import FloatArray, checked_non_negative
from models.placement.errors import HostsDoNotFitError
from models.placement.host_tree import HostSet, host_tree
from models.placement.leaning import BoolArray, IntArray, Leaning, checked_hosts, switches_used
from models.rates import HOURS_PER_DAY

#: where no tree orders the hosts, so many starting points are tried
_STARTS: Final = 16
#: gains below this share are none
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Hosts for a job and what the shared parts of the fabric cost it there.

    Parameters
    ----------
    name : str
        How they were chosen: ``compact``, ``spread`` or ``random``.
    hosts : array of shape (n_hosts,)
        Their numbers, ascending.
    switches : dict of str to int
        Switches the job needs, by tier; those within a host left out.
    fatal_per_day : float
        Failures of shared parts that take hosts of the job down.
    lost_hours_per_day : float
        Hours of the job that shared parts cost it, by stopping and by slowing.
    largest_share : float
        Share of its hosts that one failure takes at once, at most: a host of its own where nothing shared is fatal.
    hosts_lost_per_day : float
        Hosts of the job that failures of shared parts take, on average.
    """

    name: str
    hosts: IntArray
    switches: Mapping[str, int]
    fatal_per_day: float
    lost_hours_per_day: float
    largest_share: float
    hosts_lost_per_day: float


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """The placements side by side.

    ``random`` are the drawn ones; ``is_exact`` is false where the best was searched for step by step.
    """

    compact: Placement
    spread: Placement
    random: tuple[Placement, ...]
    is_exact: bool

    @property
    def saved_hours_per_day(self) -> float:
        """What the compact placement saves against the mean random one."""
        return float(np.mean([one.lost_hours_per_day for one in self.random])) - self.compact.lost_hours_per_day


def advise(
    lean: Leaning,
    hosts: int,
    rates: Mapping[str, ComponentRate],
    lost_hours_per_failure: float,
    rng: np.random.Generator,
    *,
    free: npt.ArrayLike | None = None,
    draws: int = 100,
) -> Advice:
    """Find hosts for a job.

    Parameters
    ----------
    lean : Leaning
        The fabric, from `models.placement.leaning.leaning`.
    hosts : int
        Hosts of the job.
    rates : mapping of class to ComponentRate
        Failures of switches by tier; a tier without a rate costs nothing.
    lost_hours_per_failure : float
        What one stop costs the job: detection, restart, and the work done again.
    rng : numpy.random.Generator
        For the random placements.
    free : array-like of hosts, optional
        Those to choose from; all by default.
    draws : int
        Random placements.

    Returns
    -------
    Advice
        ``compact`` has the least expected loss for a job that needs all its hosts; ``spread`` the smallest part on one
        set of switches, for replicas of which some may be lost.

    Raises
    ------
    HostsDoNotFitError
        Fewer hosts are free than wanted.
    NoSuchHostError, ModelError
        A host or a number cannot be.

    Notes
    -----
    What a host does by itself costs the same everywhere. A job that needs all its hosts stops once for each failure of
    a fatal part, however many of its hosts stand below: the fewer such parts the better. Where the sets of hosts below
    switches are nested, the least sum is found exactly (a knapsack over the tree); else greedily.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from models.placement.leaning import leaning
    >>> from models.topology.builders.hpn import hpn
    >>> lean = leaning(hpn(hosts=512, gpus_per_host=8, single_tor=True))
    >>> found = advise(lean, 128, published_rates("hpn-single-tor"), 0.6, np.random.default_rng(1))
    >>> found.compact.switches, found.spread.switches["tor"], found.spread.largest_share
    ({'tor': 8}, 32, 0.25)
    """
    chosen = _free_hosts(lean, hosts, free)
    prices = switch_prices(lean, rates, lost_hours_per_failure)
    tree = host_tree(lean, prices, chosen)
    compact = _greedy(lean, prices, chosen, hosts) if tree is None else _cheapest(tree, hosts)
    apart = chosen[np.linspace(0, chosen.size - 1, hosts).astype(np.intp)] if tree is None else _apart(tree, hosts)
    anywhere = [rng.choice(chosen, hosts, replace=False) for _ in range(draws)]

    def told(name: str, where: npt.ArrayLike) -> Placement:
        return placement(name, lean, where, rates, prices)

    return Advice(
        compact=told("compact", compact),
        spread=told("spread", apart),
        random=tuple(told("random", where) for where in anywhere),
        is_exact=tree is not None,
    )


def compact_hosts(
    lean: Leaning,
    hosts: int,
    rates: Mapping[str, ComponentRate],
    lost_hours_per_failure: float,
    *,
    free: npt.ArrayLike | None = None,
) -> IntArray:
    """Return the hosts on which a job loses least to the shared parts of the fabric.

    Parameters
    ----------
    lean, hosts, rates, lost_hours_per_failure, free
        As `advise` takes them.

    Returns
    -------
    array of shape (hosts,)
        Their numbers, ascending.

    Raises
    ------
    HostsDoNotFitError, NoSuchHostError, ModelError
        As `advise`.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from models.placement.leaning import leaning
    >>> from models.topology.builders.hpn import hpn
    >>> lean = leaning(hpn(hosts=12, gpus_per_host=8, hosts_per_segment=4, single_tor=True))
    >>> compact_hosts(lean, 4, published_rates("hpn"), 1.0, free=[0, 1, 4, 5, 6, 7, 8]).tolist()
    [4, 5, 6, 7]
    """
    chosen = _free_hosts(lean, hosts, free)
    prices = switch_prices(lean, rates, lost_hours_per_failure)
    tree = host_tree(lean, prices, chosen)
    return _greedy(lean, prices, chosen, hosts) if tree is None else _cheapest(tree, hosts)


def switch_prices(lean: Leaning, rates: Mapping[str, ComponentRate], lost_hours_per_failure: float) -> FloatArray:
    """Return what leaning on each switch costs a job, in hours lost per day.

    Parameters
    ----------
    lean : Leaning
        The fabric.
    rates : mapping of class to ComponentRate
        By tier.
    lost_hours_per_failure : float
        What one stop costs.

    Returns
    -------
    array of shape (n_switches,)
        Failures per day times the hours lost by a stop, or by the slow hours of a repair.
    """
    checked_non_negative("lost_hours_per_failure", lost_hours_per_failure)
    share = lean.through.max(axis=0).toarray().ravel()
    shared = lean.shared
    prices = np.zeros(len(lean.tiers))
    for tier in np.unique(lean.tiers):
        rate = rates.get(str(tier))
        if rate is None:
            continue
        of_tier = lean.tiers == tier
        slow_hours = rate.repair_hours * share[of_tier]
        lost = np.where(lean.takes_down[of_tier], lost_hours_per_failure, slow_hours)
        prices[of_tier] = rate.failures_per_hour * HOURS_PER_DAY * lost * shared[of_tier]
    return prices


def placement(
    name: str, lean: Leaning, hosts: npt.ArrayLike, rates: Mapping[str, ComponentRate], prices: FloatArray
) -> Placement:
    """Say what the shared parts of the fabric cost a job on these hosts.

    Parameters
    ----------
    name : str
        How they were chosen.
    lean : Leaning
        The fabric.
    hosts : array-like of hosts
        Those of the job.
    rates : mapping of class to ComponentRate
        By tier.
    prices : array of shape (n_switches,)
        From `switch_prices`.

    Returns
    -------
    Placement
        Switches that serve a single host are the host's own and left out.
    """
    chosen = checked_hosts(lean.fabric, hosts)
    reached = lean.reached(chosen)
    used = switches_used(lean, chosen) & lean.shared
    per_hour = np.array([rates[str(t)].failures_per_hour if str(t) in rates else 0.0 for t in lean.tiers])
    per_day = per_hour * HOURS_PER_DAY
    fatal = used & lean.takes_down
    return Placement(
        name=name,
        hosts=chosen,
        switches={str(tier): int((used & (lean.tiers == tier)).sum()) for tier in dict.fromkeys(lean.tiers[used])},
        fatal_per_day=float(per_day[fatal].sum()),
        lost_hours_per_day=float(prices[used].sum()),
        largest_share=float(reached[fatal].max(initial=1) / chosen.size),
        hosts_lost_per_day=float((per_day * reached)[fatal].sum()),
    )


def _free_hosts(lean: Leaning, wanted: int, free: npt.ArrayLike | None) -> IntArray:
    """Return the hosts to choose from, of which there must be as many as wanted."""
    chosen = checked_hosts(lean.fabric, np.arange(lean.fabric.hosts) if free is None else free)
    if not 0 < wanted <= chosen.size:
        raise HostsDoNotFitError(wanted, chosen.size)
    return chosen


def _cheapest(root: HostSet, wanted: int) -> IntArray:
    """Return the hosts of the least price: a knapsack over the tree, exact."""
    plans: dict[int, _Plan] = {}
    _price(root, wanted, plans)
    return _pick(root, wanted, plans)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Least price of taking 0, 1, 2, … hosts of a set, and how: all from one part, or so many from each in turn."""

    price: FloatArray
    one_part: IntArray
    from_part: tuple[IntArray, ...]


def _price(one: HostSet, wanted: int, plans: dict[int, _Plan]) -> FloatArray:
    most = min(wanted, one.size)
    joint = np.zeros(min(wanted, one.loose.size) + 1)
    single = np.full(most + 1, np.inf)
    # Loose hosts are parts of their own: one of them alone spans nothing.
    single[: min(2, joint.size)] = 0.0
    one_part = np.full(most + 1, -1, dtype=np.intp)
    taken = []
    for number, part in enumerate(one.parts):
        price = _price(part, wanted, plans)
        better = price < single[: price.size]
        one_part[: price.size][better] = number
        single[: price.size] = np.minimum(single[: price.size], price)
        joint, chosen = _joined(joint, price, most)
        taken.append(chosen)
    inside = np.arange(most + 1) == wanted
    spanning = joint + one.span
    single = np.where(inside, single, single + one.span)
    is_single = single <= spanning
    price = np.where(is_single, single, spanning) + one.touch + np.where(inside, 0.0, one.leave)
    price[0] = 0.0
    plans[id(one)] = _Plan(price, np.where(is_single, one_part, -2), tuple(taken))
    return price


def _joined(left: FloatArray, right: FloatArray, most: int) -> tuple[FloatArray, IntArray]:
    """Return the least price of so many from both, and how many of them from the right."""
    size = min(most, left.size + right.size - 2) + 1
    best, chosen = np.full(size, np.inf), np.zeros(size, dtype=np.intp)
    for many, price in enumerate(right):
        if many >= size:
            break
        reach = min(left.size, size - many)
        total = left[:reach] + price
        place = slice(many, many + reach)
        better = total < best[place]
        best[place][better] = total[better]
        chosen[place][better] = many
    return best, chosen


def _pick(one: HostSet, wanted: int, plans: dict[int, _Plan]) -> IntArray:
    if wanted == 0:
        return np.empty(0, dtype=np.intp)
    plan = plans[id(one)]
    part = plan.one_part[wanted]
    if part >= 0:
        return _pick(one.parts[part], wanted, plans)
    if part == -1:
        return one.loose[:wanted]
    found = []
    for number in range(len(one.parts) - 1, -1, -1):
        many = int(plan.from_part[number][wanted])
        found.append(_pick(one.parts[number], many, plans))
        wanted -= many
    return np.sort(np.concatenate([one.loose[:wanted], *found]))


def _apart(one: HostSet, wanted: int) -> IntArray:
    """Return hosts spread as evenly as the parts allow, at every level of the tree."""
    if wanted == one.size or not one.parts:
        return one.hosts[:wanted]
    sizes = np.array([part.size for part in one.parts] + [1] * one.loose.size, dtype=np.intp)
    level = int(np.searchsorted([np.minimum(sizes, most).sum() for most in range(sizes.max() + 1)], wanted))
    many = np.minimum(sizes, max(0, level - 1))
    more = np.flatnonzero(sizes > many)[: wanted - int(many.sum())]
    many[more] += 1
    picked = [_apart(part, int(some)) for part, some in zip(one.parts, many, strict=False)]
    loose = one.loose[many[len(one.parts) :] > 0]
    return np.sort(np.concatenate([loose, *picked]))


def _greedy(lean: Leaning, prices: FloatArray, free: IntArray, wanted: int) -> IntArray:
    """Return hosts found one by one, each adding least, then exchanged while that helps; the best of several starts."""
    below = lean.below[free].astype(np.float64)
    best, least = np.arange(wanted), np.inf
    for start in np.unique(np.linspace(0, free.size - 1, min(_STARTS, free.size)).astype(np.intp)):
        taken = np.zeros(free.size, dtype=np.bool_)
        taken[start] = True
        for _ in range(wanted - 1):
            taken[_cheapest_next(below, prices, taken)] = True
        spent = _exchanged(below, prices, taken)
        if spent < least:
            best, least = np.flatnonzero(taken), spent
    return free[best]


def _cheapest_next(below: sparse.csr_array, prices: FloatArray, taken: BoolArray) -> int:
    unused = np.where(below.T @ taken.astype(np.float64) > 0, 0.0, prices)
    return int(np.argmin(np.where(taken, np.inf, below @ unused)))


def _exchanged(below: sparse.csr_array, prices: FloatArray, taken: BoolArray) -> float:
    """Exchange hosts, in place, one for one, those first that alone use most, while the sum of prices falls."""
    spent, improved = _spent(below, prices, taken), True
    while improved and not taken.all():
        improved = False
        alone = np.where(below.T @ taken.astype(np.float64) == 1, prices, 0.0)
        for gone in np.flatnonzero(taken)[np.argsort(-(below @ alone)[taken], kind="stable")]:
            taken[gone] = False
            come = _cheapest_next(below, prices, taken)
            taken[come] = True
            now = _spent(below, prices, taken)
            improved = now < spent * (1 - _ROUNDING)
            if improved:
                spent = now
                break
            taken[come], taken[gone] = False, True
    return spent


def _spent(below: sparse.csr_array, prices: FloatArray, taken: BoolArray) -> float:
    return float(prices[below.T @ taken.astype(np.float64) > 0].sum())
