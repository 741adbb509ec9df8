"""The kinds of fabrics that can be planned, each at the size it is published with."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import isqrt
from types import MappingProxyType

from models.guards import checked_positive
from models.topology.builders.cabling import check_sizes
from models.topology.builders.clos import clos
from models.topology.builders.dcn_plus import dcn_plus
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.nvl72 import nvl72
from models.topology.builders.rail import rail
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.builders.torus import torus
from models.topology.design import Design, Setting
from models.topology.errors import ShapeMismatchError
from models.topology.fabric import Fabric, FabricKind


def _groups(gpus: int, size: int, part: str) -> int:
    """Return how many parts of a size the GPUs make."""
    check_sizes(gpus=gpus, **{part: size})
    if gpus % size:
        raise ShapeMismatchError("gpus", gpus, part, size)
    return gpus // size


def _clos(
    *, gpus: int, gpus_per_host: int, gpus_per_domain: int, radix: int, oversubscription: float, adapter_gbps: float
) -> Fabric:
    hosts = _groups(gpus, gpus_per_host, "hosts")
    check_sizes(radix=radix)
    checked_positive("oversubscription", oversubscription)
    most_down = int(radix * oversubscription / (1.0 + oversubscription)) if gpus > radix else radix
    hosts_per_rack = max(1, most_down // gpus_per_host)
    racks = -(-hosts // hosts_per_rack)
    return clos(
        hosts,
        gpus_per_host,
        hosts_per_rack,
        racks if racks <= radix else max(1, radix // 2),
        radix=radix,
        oversubscription=oversubscription,
        hosts_per_domain=_groups(gpus_per_domain, gpus_per_host, "hosts"),
        adapter_gbps=adapter_gbps,
    )


def _rail(*, gpus: int, gpus_per_host: int, radix: int, adapter_gbps: float) -> Fabric:
    hosts = _groups(gpus, gpus_per_host, "hosts")
    check_sizes(radix=radix)
    return rail(hosts, gpus_per_host, max(1, radix // 2), radix=radix, adapter_gbps=adapter_gbps)


def _rail_only(*, gpus: int, gpus_per_domain: int, radix: int, adapter_gbps: float) -> Fabric:
    domains = _groups(gpus, gpus_per_domain, "domains")
    check_sizes(radix=radix)
    per_leaf = domains if domains <= radix else max(1, radix // 2)
    return rail_only(domains, gpus_per_domain, per_leaf, radix=radix, adapter_gbps=adapter_gbps)


def _hpn(
    *,
    gpus: int,
    gpus_per_host: int,
    hosts_per_segment: int,
    segments_per_pod: int,
    aggs_per_plane: int,
    core_uplinks: int,
    cores: bool,
    adapter_gbps: float,
    single_tor: bool = False,
) -> Fabric:
    return hpn(
        _groups(gpus, gpus_per_host, "hosts"),
        gpus_per_host,
        hosts_per_segment=hosts_per_segment,
        segments_per_pod=segments_per_pod,
        aggs_per_plane=aggs_per_plane,
        core_uplinks=core_uplinks,
        with_cores=cores,
        single_tor=single_tor,
        adapter_gbps=adapter_gbps,
    )


def _dcn_plus(*, gpus: int, adapter_gbps: float) -> Fabric:
    return dcn_plus(_groups(gpus, 8, "hosts"), 8, adapter_gbps=adapter_gbps)


def _railx(*, gpus: int, m: int, ocs_ports: int, links_per_side: int, adapter_gbps: float) -> Fabric:
    check_sizes(m=m, ocs_ports=ocs_ports)
    nodes = _groups(gpus, m**2, "nodes") if gpus else (ocs_ports // 2) ** 2
    return railx(nodes, m**2, ocs_ports=ocs_ports, links_per_side=links_per_side, adapter_gbps=adapter_gbps)


def _nvl72(
    *, gpus: int, gpus_per_host: int, hosts_per_domain: int, domains_per_pod: int, radix: int, adapter_gbps: float
) -> Fabric:
    return nvl72(
        _groups(gpus, gpus_per_host, "hosts"),
        gpus_per_host,
        hosts_per_domain=hosts_per_domain,
        domains_per_pod=domains_per_pod,
        radix=radix,
        adapter_gbps=adapter_gbps,
    )


def _torus(
    *, gpus: int, dimensions: int, block_side: int, gpus_per_host: int, ocs_ports: int, adapter_gbps: float
) -> Fabric:
    check_sizes(dimensions=dimensions, block_side=block_side, gpus_per_host=gpus_per_host)
    blocks = _squarest(_groups(gpus, block_side**dimensions, "blocks"), dimensions)
    shape = [block_side * side for side in blocks]
    host = [*_squarest(gpus_per_host, 2), *[1] * (dimensions - 2)]
    return torus(shape, [block_side] * dimensions, host, ocs_ports=ocs_ports or None, adapter_gbps=adapter_gbps)


def _squarest(number: int, dimensions: int) -> list[int]:
    """Return sides with a product that are as equal as its divisors allow, the shortest first.

    >>> _squarest(64, 3), _squarest(7, 2), _squarest(12, 3)
    ([4, 4, 4], [1, 7], [2, 2, 3])
    """
    if dimensions == 1:
        return [number]
    side = max(side for side in range(1, isqrt(number) + 1) if number % side == 0 and side**dimensions <= number)
    return [side, *_squarest(number // side, dimensions - 1)]


def _dragonfly(*, gpus: int, gpus_per_host: int, p: int, a: int, h: int, adapter_gbps: float) -> Fabric:
    check_sizes(gpus_per_host=gpus_per_host, p=p, a=a, h=h)
    most = p * a * (a * h + 1)
    return dragonfly(
        _groups(gpus or most, gpus_per_host, "hosts"),
        gpus_per_host,
        adapters_per_router=p,
        routers_per_group=a,
        global_links_per_router=h,
        adapter_gbps=adapter_gbps,
    )


def _gpus(default: int, more: str = "") -> Setting:
    return Setting("gpus", default, f"all GPUs{more}")


_PER_HOST = Setting("gpus_per_host", 8, "GPUs of a host, each with an adapter")
_RADIX = Setting("radix", 64, "ports of a switch")
_GBPS = Setting("adapter_gbps", 400.0, "Gb/s of an adapter, both its ports together, and of a link between switches")
_LINK_GBPS = Setting("adapter_gbps", 400.0, "Gb/s of a link")
_HPN_SETTINGS = (
    _gpus(15_360),
    _PER_HOST,
    Setting("hosts_per_segment", 128, "hosts on the same ToRs; spare ones are not counted"),
    Setting("segments_per_pod", 15, "segments on the same Aggs"),
    Setting("aggs_per_plane", 60, "Aggs of a pod and plane"),
    Setting("core_uplinks", 8, "links of an Agg to the cores"),
    Setting("cores", default=True, meaning="whether a single pod has cores over it"),
    _GBPS,
)
_RAIL_ONLY_PAPER = "Wang et al., arXiv 2307.12169 (HOTI 2024): 32,768 GPUs, switches of 64 ports"
_HPN_PAPER = "Qian et al., HPN, SIGCOMM 2024: a pod of 15 segments of 128 hosts"
_CORES_DERIVED = "The number of cores is not published: each takes one link from every Agg of a block of 128 ports."

DESIGNS: Mapping[FabricKind, Design] = MappingProxyType(
    {
        design.kind: design
        for design in (
            Design(
                "clos",
                _clos,
                (
                    _gpus(32_768),
                    _PER_HOST,
                    Setting(
                        "gpus_per_domain", 8, "GPUs that NVLink joins: a host, or a high-bandwidth domain of several"
                    ),
                    _RADIX,
                    Setting("oversubscription", 1.0, "bandwidth down over bandwidth up of a ToR"),
                    _GBPS,
                ),
                f"{_RAIL_ONLY_PAPER}, the base network",
                "One, two or three tiers, as few as the ports allow.",
            ),
            Design(
                "rail",
                _rail,
                (_gpus(32_768), _PER_HOST, _RADIX, _GBPS),
                f"{_RAIL_ONLY_PAPER}; NVIDIA DGX SuperPOD reference architecture for the counts",
                "A leaf has half its ports down.",
            ),
            Design(
                "rail-only",
                _rail_only,
                (
                    _gpus(32_768),
                    Setting("gpus_per_domain", 256, "GPUs of a high-bandwidth domain, and thus the number of rails"),
                    _RADIX,
                    _GBPS,
                ),
                _RAIL_ONLY_PAPER,
                "256 GPUs per domain are concluded from the published savings.",
            ),
            Design("hpn", _hpn, _HPN_SETTINGS, _HPN_PAPER, _CORES_DERIVED),
            Design(
                "hpn-single-tor",
                partial(_hpn, single_tor=True),
                _HPN_SETTINGS,
                f"{_HPN_PAPER}, the baseline with one ToR for each pair",
                f"{_CORES_DERIVED} A ToR has the bandwidth of the pair; Aggs and links between switches are the same.",
            ),
            Design(
                "dcn-plus",
                _dcn_plus,
                (_gpus(16_384), _GBPS),
                "Qian et al., HPN, SIGCOMM 2024: segments of 128 GPUs, 8 Aggs, pods of 512 GPUs, 32 pods",
                "Two ToRs per segment and 128 cores: what switches of 51.2 Tb/s without oversubscription need.",
            ),
            Design(
                "railx",
                _railx,
                (
                    _gpus(0, "; 0 fills the grid that the OCSs allow"),
                    Setting("m", 5, "rows and columns of chips in a node"),
                    Setting("ocs_ports", 128, "ports of an optical circuit switch"),
                    Setting("links_per_side", 1, "links of a chip on an edge of its node to that side"),
                    _LINK_GBPS,
                ),
                "RailX, arXiv 2507.18889: (R/2)² m² chips",
                "Which Hamiltonian rings the rails close while there are fewer rails than all-to-all takes: one link "
                "per side and m = 5 leave the 64 nodes of a row three hops apart, 7 join them all, for the published 2 "
                "hops in all. OCS ports cost as much as those of packet switches.",
            ),
            Design(
                "nvl72",
                _nvl72,
                (
                    _gpus(9_216),
                    Setting("gpus_per_host", 4, "GPUs of a compute tray"),
                    Setting("hosts_per_domain", 18, "trays of a scale-up domain"),
                    Setting("domains_per_pod", 4, "domains whose adapters of a rail share a leaf"),
                    Setting("radix", 144, "ports of a switch"),
                    _GBPS,
                ),
                "NVIDIA, GB200 NVL72: 18 trays of 4 GPUs",
                "The network between the racks: leaves of 144 ports, half of them down.",
            ),
            Design(
                "torus",
                _torus,
                (
                    _gpus(4_096),
                    Setting("dimensions", 3, "of the torus, 2 or 3"),
                    Setting("block_side", 4, "chips along each side of a block"),
                    Setting("gpus_per_host", 4, "chips of a host"),
                    Setting("ocs_ports", 0, "ports of an optical circuit switch; 0 takes what is needed"),
                    _LINK_GBPS,
                ),
                "Jouppi et al., TPU v4, ISCA 2023: 64 blocks of 4 × 4 × 4 chips",
                "The torus is as cubic as the number of blocks allows; OCS ports cost as much as those of packet "
                "switches.",
            ),
            Design(
                "dragonfly",
                _dragonfly,
                (
                    _gpus(0, "; 0 fills all groups that the global links reach"),
                    _PER_HOST,
                    Setting("p", 8, "adapters on a router"),
                    Setting("a", 16, "routers of a group"),
                    Setting("h", 8, "global links of a router"),
                    _GBPS,
                ),
                "Kim et al., ISCA 2008: a = 2 p = 2 h, up to a h + 1 groups",
                "The size, close to that of an HPN pod, and which router holds which global link.",
            ),
        )
    }
)
