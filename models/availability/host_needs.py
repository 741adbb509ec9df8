"""What the hosts of a fabric need of the network, sorted into kinds: computed once, whatever the rates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.availability.nested import IntArray
from models.availability.system import FabricSystem


@dataclass(frozen=True, slots=True)
class Upward:
    """So many cables of one class from a switch to switches of a tier: above it, or its equals."""

    cable: str
    tier: str
    count: int


@dataclass(frozen=True, slots=True)
class WaySwitch:
    """A switch that serves an adapter: its tier, what joins it to the rest, and the adapter's cables to it."""

    tier: str
    upward: tuple[Upward, ...]
    cables: int


#: switches that serve the same adapters, and how many adapters of each host they serve
Block = tuple[tuple[WaySwitch, ...], int]


@dataclass(frozen=True, slots=True, eq=False)
class HostNeeds:
    """Hosts by kind.

    Parameters
    ----------
    kind : array of int, shape (hosts,)
        Domain of each host: hosts of one group that use the same switches in the same way.
    blocks : tuple of tuple of Block
        For each domain, what serves the adapters of each of its hosts.
    gpus, adapters, scale_up_cables : array of int, shape (hosts,)
        Parts of each host.
    uneven : bool
        Whether hosts of one group use its switches in different ways; they are then taken as independent.
    """

    kind: IntArray
    blocks: tuple[tuple[Block, ...], ...]
    gpus: IntArray
    adapters: IntArray
    scale_up_cables: IntArray
    uneven: bool


@lru_cache(maxsize=4)
def host_needs(system: FabricSystem) -> HostNeeds:
    """Return what the hosts of a fabric need, kept for the last few fabrics.

    Parameters
    ----------
    system : FabricSystem
        The fabric.

    Returns
    -------
    HostNeeds
        Domains in the order of their first host.

    Examples
    --------
    >>> from models.availability.system import fabric_system
    >>> from models.topology.builders.hpn import hpn
    >>> needs = host_needs(fabric_system(hpn(hosts=4, gpus_per_host=2, hosts_per_segment=2, aggs_per_plane=3)))
    >>> needs.kind.tolist(), len(needs.blocks[0]), [way.tier for way in needs.blocks[0][0][0]]
    ([0, 0, 1, 1], 2, ['tor', 'tor'])
    """
    wiring, hosts = system.wiring, system.hosts
    gpus = np.bincount(wiring.gpu_host, minlength=hosts)
    scale_up = np.bincount(wiring.gpu_host[wiring.scale_up.lower], minlength=hosts)
    if not system.has_adapters:
        nothing = np.zeros(hosts, dtype=np.int64)
        return HostNeeds(np.arange(hosts), ((),) * hosts, gpus, nothing, scale_up, uneven=False)
    wired = np.unique(wiring.access.lower)
    adapters = np.bincount(wiring.gpu_host[wired], minlength=hosts)
    served = _served(system)
    numbers: dict[tuple[int, tuple[tuple[tuple[tuple[int, int], ...], int], ...]], int] = {}
    kind = np.empty(hosts, dtype=np.int64)
    for host in range(hosts):
        key = (int(system.group[host]), tuple(sorted(Counter(served[host]).items())))
        kind[host] = numbers.setdefault(key, len(numbers))
    upward = _upward(system)
    blocks = tuple(
        tuple(
            (tuple(WaySwitch(system.tier(switch), upward[switch], cables) for switch, cables in ways), count)
            for ways, count in needs
        )
        for _, needs in numbers
    )
    return HostNeeds(kind, blocks, gpus, adapters, scale_up, uneven=len(numbers) > int(system.group.max()) + 1)


def _served(system: FabricSystem) -> list[list[tuple[tuple[int, int], ...]]]:
    """Return for each host the ways of each of its adapters: switches with the number of cables to each."""
    keys, cables = np.unique(system.way_unit * system.wiring.switches + system.way_switch, return_counts=True)
    unit, switch = keys // system.wiring.switches, keys % system.wiring.switches
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    ends = np.append(starts[1:], unit.size)
    pairs = list(zip(switch.tolist(), cables.tolist(), strict=True))
    served: list[list[tuple[tuple[int, int], ...]]] = [[] for _ in range(system.hosts)]
    for start, end, host in zip(starts.tolist(), ends.tolist(), system.unit_host[unit[starts]].tolist(), strict=True):
        served[host].append(tuple(pairs[start:end]))
    return served


def _upward(system: FabricSystem) -> dict[int, tuple[Upward, ...]]:
    """Return for each switch what joins it to the rest."""
    wiring = system.wiring
    found: dict[int, Counter[tuple[str, str]]] = {switch: Counter() for switch in range(wiring.switches)}
    for low, high, kind in zip(
        wiring.trunks.lower.tolist(), wiring.trunks.upper.tolist(), system.trunk_class.tolist(), strict=True
    ):
        found[low][system.trunk_classes[kind], system.tier(high)] += 1
    for one, other, kind in zip(
        wiring.switch_peers.lower.tolist(), wiring.switch_peers.upper.tolist(), system.peer_class.tolist(), strict=True
    ):
        for here, there in ((one, other), (other, one)):
            found[here][system.peer_classes[kind], system.tier(there)] += 1
    return {
        switch: tuple(Upward(cable, tier, count) for (cable, tier), count in sorted(ups.items()))
        for switch, ups in found.items()
    }
