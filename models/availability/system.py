"""A fabric as a system of parts that fail: which hosts need which of them, and which hosts share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from models.availability.nested import IntArray
from models.topology.blast.wiring import Wiring, once_per_fabric, wiring_of
from models.topology.fabric import TIERS, Fabric


@dataclass(frozen=True, slots=True, eq=False)
class FabricSystem:
    """What each host of a fabric needs.

    A host needs each of its *units*: its adapters, or, where its chips forward for each other (torus, RailX), itself.
    A unit needs one of its *ways*: a cable and the switch above it.

    Parameters
    ----------
    wiring : Wiring
        The fabric's arrays.
    counts : mapping
        Components by class, as `models.topology.blast.components` names them.
    unit_host : array of int, shape (units,)
        Host of each unit.
    way_unit, way_switch : array of int, shape (ways,)
        Unit of each way, and its switch; -1 for a cable straight to another chip.
    way_cable : array of int, shape (ways,)
        Its cable, by its number among those to switches; cables between chips are numbered after these.
    trunk_class : array of int, shape (trunks,)
        Place of each cable between tiers in `trunk_classes`.
    trunk_classes, peer_classes : tuple of str
        Names of the classes of cables between tiers, and between switches of one tier.
    peer_class : array of int, shape (peers,)
        Place of each cable between equals in `peer_classes`.
    scale_up_domain : array of int, shape (hosts,)
        NVSwitch of each host, by its number among NVSwitches; -1 for none.
    pod, group : array of int, shape (hosts,)
        Pod of each host, and its group: the hosts that share switches right above them, directly or through others.
    """

    wiring: Wiring
    counts: Mapping[str, int]
    unit_host: IntArray
    way_unit: IntArray
    way_switch: IntArray
    way_cable: IntArray
    trunk_classes: tuple[str, ...]
    trunk_class: IntArray
    peer_classes: tuple[str, ...]
    peer_class: IntArray
    scale_up_domain: IntArray
    pod: IntArray
    group: IntArray

    @property
    def hosts(self) -> int:
        """How many hosts there are."""
        return self.wiring.fabric.hosts

    @property
    def has_adapters(self) -> bool:
        """Whether GPUs have adapters of their own, that can fail apart from them."""
        return self.wiring.relay == "switches"

    @property
    def links_up(self) -> IntArray:
        """Cables of each switch to the tier above, or to its equals where there is none; shape (switches,)."""
        up = np.bincount(self.wiring.trunks.lower, minlength=self.wiring.switches)
        ends = np.concatenate([self.wiring.switch_peers.lower, self.wiring.switch_peers.upper])
        return np.where(up > 0, up, np.bincount(ends, minlength=self.wiring.switches))

    @property
    def access_class(self) -> str:
        """Class of the cables from a unit to a switch."""
        return "nic-link" if self.has_adapters else "ocs-link"

    def tier(self, switch: int) -> str:
        """Return the class of a switch."""
        return TIERS[int(self.wiring.switch_tier[switch])]


@once_per_fabric
def fabric_system(fabric: Fabric) -> FabricSystem:
    """Return a fabric as a system of parts that fail.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.

    Returns
    -------
    FabricSystem
        Kept for the last few fabrics.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> system = fabric_system(hpn(hosts=8, gpus_per_host=2, hosts_per_segment=4, aggs_per_plane=2))
    >>> {name: count for name, count in system.counts.items() if name in ("nic-link", "tor", "tor-agg-link")}
    {'nic-link': 32, 'tor': 8, 'tor-agg-link': 16}
    >>> system.group.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """
    wiring = wiring_of(fabric)
    by_host = wiring.relay != "switches"
    unit_host = np.arange(fabric.hosts) if by_host else wiring.gpu_host
    way_unit, way_switch, way_cable = _ways_by_host(wiring) if by_host else _ways_by_adapter(wiring)
    trunk_classes, trunk_class = _trunk_classes(wiring)
    peer_classes, peer_class = _peer_classes(fabric)
    group = np.arange(fabric.hosts) if by_host else _groups(wiring)
    return FabricSystem(
        wiring=wiring,
        counts=_counts(wiring, trunk_classes, trunk_class, peer_classes, peer_class),
        unit_host=unit_host,
        way_unit=way_unit,
        way_switch=way_switch,
        way_cable=way_cable,
        trunk_classes=trunk_classes,
        trunk_class=trunk_class,
        peer_classes=peer_classes,
        peer_class=peer_class,
        scale_up_domain=_scale_up_domains(wiring),
        pod=_pods(wiring, by_host=by_host),
        group=group,
    )


def _counts(
    wiring: Wiring,
    trunk_classes: tuple[str, ...],
    trunk_class: IntArray,
    peer_classes: tuple[str, ...],
    peer_class: IntArray,
) -> dict[str, int]:
    adapters = wiring.relay == "switches"
    counts = {
        "gpu": wiring.gpus,
        "nic": int(np.unique(wiring.access.lower).size) if adapters else 0,
        "nic-link" if adapters else "ocs-link": len(wiring.access),
        "nvlink": len(wiring.scale_up),
        "host": int(np.unique(wiring.gpu_host).size),
        "mesh-link": len(wiring.chip_peers),
    }
    counts |= {tier: int((wiring.switch_tier == place).sum()) for place, tier in enumerate(TIERS)}
    counts |= {name: int((trunk_class == place).sum()) for place, name in enumerate(trunk_classes)}
    counts |= {name: int((peer_class == place).sum()) for place, name in enumerate(peer_classes)}
    return {name: count for name, count in counts.items() if count}


def _trunk_classes(wiring: Wiring) -> tuple[tuple[str, ...], IntArray]:
    pairs = np.stack([wiring.switch_tier[wiring.trunks.lower], wiring.switch_tier[wiring.trunks.upper]], axis=1)
    kinds, place = np.unique(pairs, axis=0, return_inverse=True)
    return tuple(f"{TIERS[low]}-{TIERS[high]}-link" for low, high in kinds), place.ravel().astype(np.int64)


def _peer_classes(fabric: Fabric) -> tuple[tuple[str, ...], IntArray]:
    kinds = [link.kind for link in fabric.peer_links if isinstance(link.one, str)]
    names = tuple(dict.fromkeys(kinds))
    return tuple(f"{name}-link" for name in names), np.array([names.index(kind) for kind in kinds], dtype=np.int64)


def _ways_by_adapter(wiring: Wiring) -> tuple[IntArray, IntArray, IntArray]:
    return wiring.access.lower, wiring.access.upper, np.arange(len(wiring.access))


def _ways_by_host(wiring: Wiring) -> tuple[IntArray, IntArray, IntArray]:
    """Return the ways of whole hosts: cables to switches, and those to chips of other hosts, from both ends."""
    cables, peers = len(wiring.access), wiring.chip_peers
    one, other = wiring.gpu_host[peers.lower], wiring.gpu_host[peers.upper]
    between = np.flatnonzero(one != other)
    return (
        np.concatenate([wiring.gpu_host[wiring.access.lower], one[between], other[between]]),
        np.concatenate([wiring.access.upper, np.full(2 * between.size, -1)]),
        np.concatenate([np.arange(cables), cables + between, cables + between]),
    )


def _scale_up_domains(wiring: Wiring) -> IntArray:
    domain = np.full(wiring.fabric.hosts, -1, dtype=np.int64)
    if len(wiring.scale_up):
        _, number = np.unique(wiring.scale_up.upper, return_inverse=True)
        domain[wiring.gpu_host[wiring.scale_up.lower]] = number
    return domain


def _groups(wiring: Wiring) -> IntArray:
    """Return for each host the number of the set that switches right above join it to."""
    hosts = wiring.fabric.hosts
    ends = (wiring.gpu_host[wiring.access.lower], hosts + wiring.access.upper)
    size = hosts + wiring.switches
    matrix = sparse.coo_array((np.ones(ends[0].size), ends), shape=(size, size))
    _, component = csgraph.connected_components(matrix, directed=False)
    return _in_order(component[:hosts])


def _pods(wiring: Wiring, *, by_host: bool) -> IntArray:
    pod = np.zeros(wiring.fabric.hosts, dtype=np.int64)
    if by_host:
        return pod
    of_switch = np.array([0 if switch.pod is None else switch.pod for switch in wiring.fabric.switches], dtype=np.int64)
    pod[wiring.gpu_host[wiring.access.lower]] = of_switch[wiring.access.upper]
    return _in_order(pod)


def _in_order(labels: npt.NDArray[np.signedinteger]) -> IntArray:
    """Return the labels numbered anew, from 0, in the order in which they first appear."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[place]
