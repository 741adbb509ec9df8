"""What the exact and the simulated availability of a fabric both need: unavailabilities, shared ways, domains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.availability.component_rates import ComponentRate
from models.availability.errors import JobDoesNotFitError, UnknownComponentClassError
from models.availability.exact import unavailability
from models.availability.nested import IntArray
from models.availability.reachability import whole_networks
from models.availability.shocks import ShockLevel
from models.availability.system import FabricSystem
from models.guards import checked_count, checked_positive
from models.topology.fabric import TIERS

#: levels of shocks, from the widest
LEVELS: Final = ("cluster", "pod", "group", "rack")


@dataclass(frozen=True, slots=True, eq=False)
class SharedWays:
    """Sets of switches that serve the same units, where there are two or more: redundant for each other.

    Parameters
    ----------
    switch : array of int
        Switches in such sets.
    number : array of int
        Set of each of them.
    sets : int
        How many sets.
    """

    switch: IntArray
    number: IntArray
    sets: int


def unavailabilities(system: FabricSystem, rates: Mapping[str, ComponentRate]) -> dict[str, float]:
    """Return the share of the time that a component of each class of a fabric is down; 0 for classes without a rate."""
    return {name: rates[name].unavailability if name in rates else 0.0 for name in (*system.counts, "nic", "host")}


def classes_without_rate(system: FabricSystem, rates: Mapping[str, ComponentRate]) -> tuple[str, ...]:
    """Return the classes of a fabric whose failures are not counted."""
    return tuple(name for name in system.counts if name not in rates)


def shared_ways(system: FabricSystem) -> SharedWays:
    """Return the sets of switches that serve the same adapters, by pairs or more; of a switch in several, the first."""
    nothing = np.zeros(0, dtype=np.int64)
    if not system.has_adapters:
        return SharedWays(nothing, nothing, 0)
    order = np.lexsort((system.way_switch, system.way_unit))
    unit, switch = system.way_unit[order], system.way_switch[order]
    sets = {tuple(np.unique(ways).tolist()) for ways in np.split(switch, np.flatnonzero(np.diff(unit)) + 1)}
    taken: dict[int, int] = {}
    several = sorted(found for found in sets if len(found) > 1)
    for number, members in enumerate(several):
        for member in members:
            taken.setdefault(member, number)
    return SharedWays(
        np.array(list(taken), dtype=np.int64), np.array(list(taken.values()), dtype=np.int64), len(several)
    )


def split_by_beta(rate: ComponentRate, beta: float) -> tuple[float, float]:
    """Return the unavailability of a redundant switch of itself, and that of all its set from a shared cause.

    >>> rate = ComponentRate("tor", 0.01, 1.0, "an example", "assumption")
    >>> [round(part, 5) for part in split_by_beta(rate, 0.5)]
    [0.00498, 0.00498]
    """
    own, shared = (1.0 - beta) * rate.failures_per_hour, beta * rate.failures_per_hour
    return unavailability(own, rate.repair_hours), unavailability(shared, rate.repair_hours)


def level_domains(system: FabricSystem, shock: ShockLevel) -> IntArray:
    """Return the number of each host's domain at the level of a shock; shape (hosts,).

    Raises
    ------
    UnknownComponentClassError
        There is no such level.
    """
    if shock.level == "cluster":
        return np.zeros(system.hosts, dtype=np.int64)
    if shock.level == "pod":
        return system.pod
    if shock.level == "group":
        return system.group
    if shock.level == "rack":
        size = max(1, shock.members or 1)
        # Hosts of a group fill its racks in order.
        first = np.searchsorted(np.sort(system.group), np.arange(system.group.max() + 2))
        order = np.argsort(system.group, kind="stable")
        place = np.empty(system.hosts, dtype=np.int64)
        place[order] = np.arange(system.hosts) - first[system.group[order]]
        _, rack = np.unique(system.group * system.hosts + place // size, return_inverse=True)
        return np.asarray(rack, dtype=np.int64)
    raise UnknownComponentClassError(shock.level, LEVELS)


def switch_rates(system: FabricSystem, rates: Mapping[str, ComponentRate]) -> Sequence[tuple[str, IntArray]]:
    """Return the tiers of network switches that have a rate, each with its switches."""
    tiers = system.wiring.switch_tier
    return [
        (tier, np.flatnonzero(tiers == place))
        for place, tier in enumerate(TIERS)
        if tier != "nvswitch" and tier in rates and (tiers == place).any()
    ]


def plane_rails(system: FabricSystem) -> tuple[IntArray, IntArray] | None:
    """Return for each way its rail and its side, where adapters have ways into two networks that never meet.

    Returns
    -------
    tuple of array of int, or None
        Shape (ways,) each: rail (-1 for a way of an adapter that has one network only) and side, 0 or 1; None in a
        fabric without such planes.

    Examples
    --------
    >>> from models.availability.system import fabric_system
    >>> from models.topology.builders.hpn import hpn
    >>> rail, side = plane_rails(fabric_system(hpn(hosts=2, gpus_per_host=2, hosts_per_segment=2, aggs_per_plane=2)))
    >>> sorted(zip(rail.tolist(), side.tolist()))[:4]
    [(0, 0), (0, 0), (0, 1), (0, 1)]
    """
    if not system.has_adapters or not system.way_unit.size:
        return None
    network = whole_networks(system)[system.way_switch]
    units = system.unit_host.size
    low, high = np.full(units, network.max()), np.zeros(units, dtype=np.int64)
    np.minimum.at(low, system.way_unit, network)
    np.maximum.at(high, system.way_unit, network)
    apart = (low < high)[system.way_unit]
    if not apart.any():
        return None
    # Adapters of a rail meet in the same two networks.
    rail = np.maximum(system.wiring.gpu_rail, 0)[system.way_unit]
    keys = np.stack([rail, low[system.way_unit], high[system.way_unit]], axis=1)
    _, number = np.unique(keys, axis=0, return_inverse=True)
    return np.where(apart, number.ravel(), -1), (network == high[system.way_unit]).astype(np.int64)


def checked_placement(system: FabricSystem, job_hosts: int, spare_hosts: int) -> int:
    """Return how many hosts a job and its spares hold.

    Raises
    ------
    JobDoesNotFitError, NotPositiveError, NotACountError
        They cannot be placed.
    """
    wanted = checked_count("job_hosts", checked_positive("job_hosts", checked_count("job_hosts", job_hosts)))
    placed = wanted + checked_count("spare_hosts", spare_hosts)
    if placed > system.hosts:
        raise JobDoesNotFitError(placed, system.hosts)
    return placed
