"""One door to all fabrics, from what every cluster can say of itself: hosts, racks and pods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models.topology.builders.cabling import check_sizes
from models.topology.builders.clos import clos
from models.topology.builders.hpn import hpn
from models.topology.builders.nvl72 import nvl72
from models.topology.builders.rail import rail
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.errors import UnknownFabricKindError
from models.topology.fabric import Fabric, FabricKind

FABRIC_KINDS: tuple[FabricKind, ...] = ("clos", "rail", "rail-only", "hpn", "hpn-single-tor", "railx", "nvl72")

#: Aggs of an HPN plane for each host of a segment: 24 Tb/s up for 25.6 Tb/s down
_AGGS_PER_SEGMENT_HOST = (60, 128)


@dataclass(frozen=True, slots=True)
class _Cluster:
    hosts: int
    gpus_per_host: int
    hosts_per_rack: int
    racks_per_pod: int
    adapter_gbps: float

    @property
    def hosts_per_pod(self) -> int:
        return self.hosts_per_rack * self.racks_per_pod


def build_fabric(
    kind: str,
    hosts: int,
    gpus_per_host: int,
    hosts_per_rack: int,
    racks_per_pod: int,
    *,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a fabric of a kind for a cluster of racks and pods.

    What a rack and a pod are to the network depends on the kind; switches get as many ports as they need, from 64.

    ================== ======================================= ==========================================
    kind               rack                                    pod
    ================== ======================================= ==========================================
    ``clos``           hosts under a ToR                       racks under the same aggregation switches
    ``rail``           (none)                                  hosts whose adapters of a rail share a leaf
    ``rail-only``      (none)                                  hosts on the same switch of a rail
    ``hpn``            (none)                                  a segment; 15 segments share their Aggs
    ``hpn-single-tor`` (none)                                  a segment, as above
    ``railx``          (none: hosts are on a square grid)      (none)
    ``nvl72``          hosts of a scale-up domain              hosts whose adapters of a rail share a leaf
    ================== ======================================= ==========================================

    Parameters
    ----------
    kind : str
        One of `FABRIC_KINDS`.
    hosts, gpus_per_host : int
        Size of the cluster.
    hosts_per_rack, racks_per_pod : int
        Its order; the last rack and pod may be partial.
    adapter_gbps : float
        Gb/s of an adapter and of a link between switches.

    Returns
    -------
    Fabric
        The fabric. HPN's Aggs are in the published proportion to the hosts of a segment, 60 to 128.

    Raises
    ------
    UnknownFabricKindError
        There is no such kind.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Examples
    --------
    >>> fabric = build_fabric("rail", hosts=64, gpus_per_host=8, hosts_per_rack=4, racks_per_pod=8)
    >>> fabric.switches[-1], len(fabric.links)
    (Switch(name='spine7', tier='spine', pod=None, rail=None, plane=None), 1536)
    >>> build_fabric("torus", 64, 8, 4, 8)
    Traceback (most recent call last):
    models.topology.errors.UnknownFabricKindError: unknown fabric 'torus'; known fabrics: clos, rail, rail-only, hpn, \
hpn-single-tor, railx, nvl72
    """
    build = _BUILDERS.get(kind)
    if build is None:
        raise UnknownFabricKindError(kind, FABRIC_KINDS)
    check_sizes(hosts_per_rack=hosts_per_rack, racks_per_pod=racks_per_pod)
    return build(_Cluster(hosts, gpus_per_host, hosts_per_rack, racks_per_pod, adapter_gbps))


def _clos(cluster: _Cluster) -> Fabric:
    return clos(
        cluster.hosts,
        cluster.gpus_per_host,
        cluster.hosts_per_rack,
        cluster.racks_per_pod,
        adapter_gbps=cluster.adapter_gbps,
    )


def _rail(cluster: _Cluster) -> Fabric:
    return rail(cluster.hosts, cluster.gpus_per_host, cluster.hosts_per_pod, adapter_gbps=cluster.adapter_gbps)


def _rail_only(cluster: _Cluster) -> Fabric:
    return rail_only(cluster.hosts, cluster.gpus_per_host, cluster.hosts_per_pod, adapter_gbps=cluster.adapter_gbps)


def _hpn(cluster: _Cluster, *, single_tor: bool = False) -> Fabric:
    aggs, segment_hosts = _AGGS_PER_SEGMENT_HOST
    return hpn(
        cluster.hosts,
        cluster.gpus_per_host,
        hosts_per_segment=cluster.hosts_per_pod,
        aggs_per_plane=-(-cluster.hosts_per_pod * aggs // segment_hosts),
        single_tor=single_tor,
        adapter_gbps=cluster.adapter_gbps,
    )


def _hpn_single_tor(cluster: _Cluster) -> Fabric:
    return _hpn(cluster, single_tor=True)


def _railx(cluster: _Cluster) -> Fabric:
    return railx(cluster.hosts, cluster.gpus_per_host, adapter_gbps=cluster.adapter_gbps)


def _nvl72(cluster: _Cluster) -> Fabric:
    return nvl72(
        cluster.hosts,
        cluster.gpus_per_host,
        hosts_per_domain=cluster.hosts_per_rack,
        domains_per_pod=cluster.racks_per_pod,
        adapter_gbps=cluster.adapter_gbps,
    )


_BUILDERS: dict[str, Callable[[_Cluster], Fabric]] = {
    "clos": _clos,
    "rail": _rail,
    "rail-only": _rail_only,
    "hpn": _hpn,
    "hpn-single-tor": _hpn_single_tor,
    "railx": _railx,
    "nvl72": _nvl72,
}
