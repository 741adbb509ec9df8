"""Availability of a fabric, a group of hosts and a placed job, exact in the switches right above the hosts.

Hosts that share switches are conditioned on the states of these, and on shocks, from the outside in; given them hosts
are independent. What lies above enters as the chance that a switch has lost all its cables upwards, switches taken as
independent in that: the one approximation, of the order of a product of many unavailabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np

from models.availability.component_rates import ComponentRate
from models.availability.exact import checked_probability
from models.availability.host_needs import Block, WaySwitch, host_needs
from models.availability.nested import UNTOUCHED, Domain, DomainStates, IntArray, nested_domains, nested_k_of_n
from models.availability.redundancy import (
    LEVELS,
    checked_placement,
    level_domains,
    plane_rails,
    shared_ways,
    split_by_beta,
    unavailabilities,
)
from models.availability.shocks import ShockLevel
from models.availability.system import FabricSystem

#: whose hosts must all have the network
Scope = Literal["fabric", "group", "pod"]


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """What the parts of a fabric suffer.

    Parameters
    ----------
    rates : mapping
        Rate and repair time by class; a class without one never fails.
    beta : float
        Share of the failures of switches that take all switches of the same adapters at once.
    shocks : tuple of ShockLevel
        Shared outages of hosts.
    """

    rates: Mapping[str, ComponentRate]
    beta: float = 0.0
    shocks: tuple[ShockLevel, ...] = ()

    def __post_init__(self) -> None:
        checked_probability("beta", self.beta)

    def with_rate(self, component: str, failures_per_hour: float) -> Conditions:
        """Return the conditions with another rate of one class, or of the shocks of one level (``rack shock``)."""
        if component in self.rates:
            changed = {**self.rates, component: replace(self.rates[component], failures_per_hour=failures_per_hour)}
            return replace(self, rates=changed)
        shocks = tuple(
            replace(shock, shocks_per_hour=failures_per_hour) if shock_class(shock) == component else shock
            for shock in self.shocks
        )
        return replace(self, shocks=shocks)


def shock_class(shock: ShockLevel) -> str:
    """Return the name under which shocks stand beside component classes.

    >>> shock_class(ShockLevel("rack", 1e-5, 4.0, 0.8))
    'rack shock'
    """
    return f"{shock.level} shock"


def fabric_availability(system: FabricSystem, conditions: Conditions, scope: Scope = "fabric") -> float:
    """Return how often every host has the network: no adapter, cable or switch outage cuts one off.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    conditions : Conditions
        Rates; shocks are outages of hosts and do not count here.
    scope : {"fabric", "group", "pod"}
        Whose hosts: all, those of the first group under the same switches, those of the first pod.

    Returns
    -------
    float
        Availability.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from models.availability.system import fabric_system
    >>> from models.topology.builders.hpn import hpn
    >>> pods = [fabric_system(hpn(hosts=128, gpus_per_host=8, single_tor=single)) for single in (False, True)]
    >>> [round(fabric_availability(pod, Conditions(published_rates(pod.wiring.fabric.kind))), 4) for pod in pods]
    [0.9981, 0.9948]
    """
    hosts = np.arange(system.hosts)
    if scope == "group":
        hosts = np.flatnonzero(system.group == 0)
    elif scope == "pod":
        hosts = np.flatnonzero(system.pod == 0)
    tree = _tree(system, replace(conditions, shocks=()), hosts, own=False)
    return nested_k_of_n(hosts.size, tree, 0.0)


def same_plane_availability(system: FabricSystem, conditions: Conditions) -> float | None:
    """Return how often, besides, any two adapters of a rail have a network in common.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    conditions : Conditions
        Rates.

    Returns
    -------
    float or None
        None where the fabric has no two networks that never meet, or where one switch serves several rails.

    Notes
    -----
    A rail is whole unless one adapter has lost its way into one plane and another, or the same, its way into the other
    plane: planes share no part, so the two are independent, P = 1 - L0 L1 with L the chance that a plane has lost any
    way of the rail. HPN's planes never meet (Qian et al., SIGCOMM 2024); the conclusion for a rail is derived.
    """
    sides = plane_rails(system)
    if sides is None:
        return None
    rail, side = sides
    kept = rail >= 0
    pairs = np.unique(np.stack([system.way_switch[kept], rail[kept], side[kept]], axis=1), axis=0)
    if np.unique(pairs[:, 0]).size < len(pairs) or not kept.all():
        return None
    down = unavailabilities(system, conditions.rates)
    ways = {
        way: _upward(way, down) for blocks in host_needs(system).blocks for switches, _ in blocks for way in switches
    }
    upward = max(ways.values(), default=0.0)
    shared = shared_ways(system)
    redundant = set(shared.switch.tolist())
    whole_side = np.zeros((int(rail.max()) + 1, 2))
    np.add.at(whole_side, (rail, side), np.log1p(-down[system.access_class]))
    common = 0.0
    for switch, of_rail, of_side in pairs.tolist():
        own, together = _switch_split(system.tier(switch), conditions, redundant=switch in redundant)
        whole_side[of_rail, of_side] += np.log1p(-own) + np.log1p(-upward)
        common += np.log1p(-together) / 2.0  # of a pair, counted at both
    lost = -np.expm1(whole_side)
    nics = np.unique(system.wiring.access.lower).size * np.log1p(-down["nic"])
    return float(np.exp(common + nics) * np.prod(1.0 - lost[:, 0] * lost[:, 1]))


def job_availability(system: FabricSystem, conditions: Conditions, job_hosts: int, spare_hosts: int = 0) -> float:
    """Return how often a placed job finds its hosts, any spare stepping in at once.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    conditions : Conditions
        Rates, beta factor and shocks.
    job_hosts, spare_hosts : int
        The job stands on the first hosts of the fabric, its spares on the next.

    Returns
    -------
    float
        Availability: at least `job_hosts` of all these work and have the network.

    Raises
    ------
    JobDoesNotFitError, NotPositiveError, NotACountError
        The job cannot be placed.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from models.availability.system import fabric_system
    >>> from models.topology.builders.hpn import hpn
    >>> segment = fabric_system(hpn(hosts=136, gpus_per_host=8, hosts_per_segment=136))
    >>> given = Conditions(published_rates("hpn"))
    >>> [round(job_availability(segment, given, 128, spares), 4) for spares in (0, 2, 8)]
    [0.9155, 0.9999, 1.0]
    """
    placed = checked_placement(system, job_hosts, spare_hosts)
    tree = _tree(system, conditions, np.arange(placed), own=True)
    return nested_k_of_n(job_hosts, tree, 0.0)


def hosts_down_on_average(system: FabricSystem, conditions: Conditions) -> float:
    """Return the mean number of hosts down at a moment, for any reason."""
    return _mean_down(_tree(system, conditions, np.arange(system.hosts), own=True), 1.0)


def _mean_down(domain: Domain, up: float) -> float:
    spared = up * float((domain.states.probability * domain.states.survival).sum())
    return domain.members * (1.0 - spared) + sum(many * _mean_down(inner, spared) for inner, many in domain.inner)


def _tree(system: FabricSystem, conditions: Conditions, hosts: IntArray, *, own: bool) -> Domain:
    """Return the hosts as nested domains: shocks, switches above them, racks, NVSwitches, hosts alike."""
    needs = host_needs(system)
    down = unavailabilities(system, conditions.rates)
    shocks: dict[str, DomainStates] = {}
    for shock in conditions.shocks if own else ():
        shocks[shock.level] = shocks.get(shock.level, UNTOUCHED).and_also(shock.states())
    levels: list[tuple[str, IntArray, Sequence[DomainStates]]] = []
    for level in LEVELS:
        if level in shocks:
            shock = next(shock for shock in conditions.shocks if shock.level == level)
            numbers = level_domains(system, shock)[hosts]
            levels.append((level, numbers, [shocks[level]] * (int(numbers.max()) + 1)))
        if level == "group":
            levels.append(("network", needs.kind[hosts], _network_states(system, conditions, down)))
    sizes = np.bincount(system.scale_up_domain[system.scale_up_domain >= 0], minlength=1)
    several = own and down.get("nvswitch", 0.0) > 0 and int(sizes.max()) > 1
    if several:
        lethal = DomainStates(np.array([1.0 - down["nvswitch"], down["nvswitch"]]), np.array([1.0, 0.0]))
        states = [*[lethal] * sizes.size, UNTOUCHED]
        levels.append(("nvswitch", system.scale_up_domain[hosts] % (sizes.size + 1), states))
    alike, survival = _host_survival(system, down, own=own, nvswitch=not several)
    each = [DomainStates(np.ones(1), np.array([up])) for up in survival.tolist()]
    levels.append(("host", alike[hosts], each))
    return nested_domains(_refined(levels), hosts.size)


def _refined(
    levels: Sequence[tuple[str, IntArray, Sequence[DomainStates]]],
) -> list[tuple[str, IntArray, Sequence[DomainStates]]]:
    """Return the levels with domains that cross one of a wider level cut there."""
    found: list[tuple[str, IntArray, Sequence[DomainStates]]] = []
    outer = np.zeros(levels[0][1].size, dtype=np.int64)
    for name, numbers, states in levels:
        keys = outer * (int(numbers.max()) + 1) + numbers
        _, first, place = np.unique(keys, return_index=True, return_inverse=True)
        outer = place.astype(np.int64)
        found.append((name, outer, [states[number] for number in numbers[first].tolist()]))
    return found


def _network_states(system: FabricSystem, conditions: Conditions, down: Mapping[str, float]) -> list[DomainStates]:
    """Return, for each kind of host, which share of such hosts the switches right above them spare."""
    of_block: dict[Block, DomainStates] = {}
    known: dict[tuple[Block, ...], DomainStates] = {}
    found = []
    for blocks in host_needs(system).blocks:
        if blocks not in known:
            states = UNTOUCHED
            for block in blocks:
                if block not in of_block:
                    of_block[block] = _block_states(block, conditions, down, system.access_class)
                states = states.and_also(of_block[block])
            known[blocks] = states
        found.append(known[blocks])
    return found


def _block_states(block: Block, conditions: Conditions, down: Mapping[str, float], access_class: str) -> DomainStates:
    """Return the states of switches that serve the same adapters: which of them work, and what cables then do."""
    switches, adapters = block
    redundant = len(switches) > 1
    splits = [_switch_split(way.tier, conditions, redundant=redundant) for way in switches]
    lost = [1.0 - (1.0 - own) * (1.0 - _upward(way, down)) for (own, _), way in zip(splits, switches, strict=True)]
    cables = [down[access_class] ** way.cables for way in switches]
    probability, survival = [], []
    for works in product((True, False), repeat=len(switches)):
        probability.append(np.prod([1.0 - loss if up else loss for up, loss in zip(works, lost, strict=True)]))
        cut = np.prod([loss for up, loss in zip(works, cables, strict=True) if up])
        survival.append((1.0 - cut) ** adapters)
    states = DomainStates(np.array(probability), np.array(survival))
    # What all of a set share, each of its tiers contributes alike: the rarest of them is what one event can do.
    common = min(together for _, together in splits)
    if common == 0:
        return states
    return states.and_also(DomainStates(np.array([1.0 - common, common]), np.array([1.0, 0.0])))


def _switch_split(tier: str, conditions: Conditions, *, redundant: bool) -> tuple[float, float]:
    """Return a switch's unavailability of itself, and that of its whole set."""
    if tier not in conditions.rates:
        return 0.0, 0.0
    return split_by_beta(conditions.rates[tier], conditions.beta if redundant else 0.0)


def _upward(way: WaySwitch, down: Mapping[str, float]) -> float:
    """Return the chance that a switch has lost everything upwards; 0 for one at the top."""
    if not way.upward:
        return 0.0
    each = [(1.0 - (1.0 - down[up.cable]) * (1.0 - down[up.tier])) ** up.count for up in way.upward]
    return float(np.prod(each))


def _host_survival(
    system: FabricSystem, down: Mapping[str, float], *, own: bool, nvswitch: bool
) -> tuple[IntArray, np.ndarray]:
    """Return for each host its kind by its own parts, and for each kind the chance that all of them work."""
    needs = host_needs(system)
    logs = needs.adapters * np.log1p(-down["nic"])
    if not system.has_adapters:
        logs = logs + np.log1p(-_cut_off_chance(system, down))
    if own:
        logs = logs + needs.gpus * np.log1p(-down["gpu"]) + np.log1p(-down["host"])
        logs = logs + needs.scale_up_cables * np.log1p(-down.get("nvlink", 0.0))
        if nvswitch:
            logs = logs + (system.scale_up_domain >= 0) * np.log1p(-down.get("nvswitch", 0.0))
    kinds, place = np.unique(logs, return_inverse=True)
    return place.astype(np.int64), np.exp(kinds)


def _cut_off_chance(system: FabricSystem, down: Mapping[str, float]) -> np.ndarray:
    """Return for each host, where chips forward for each other, the chance that all its ways are lost."""
    switch = np.array([*(down[system.tier(number)] for number in range(system.wiring.switches)), 0.0])
    access = len(system.wiring.access)
    cable = np.where(system.way_cable < access, down.get("ocs-link", 0.0), down.get("mesh-link", 0.0))
    lost = 1.0 - (1.0 - cable) * (1.0 - switch[system.way_switch])
    with np.errstate(divide="ignore"):
        logs = np.log(lost)
    total = np.zeros(system.hosts)
    np.add.at(total, system.way_unit, logs)
    # A host without any way has no network to lose.
    return np.where(np.bincount(system.way_unit, minlength=system.hosts) > 0, np.exp(total), 0.0)
