"""Rail-only network: every rail is a network of its own, and nothing joins the rails but the hosts."""

from __future__ import annotations

from models.topology.builders.cabling import (
    NVLINK_GBPS,
    Cabling,
    check_sizes,
    checked_radix,
    numbered,
    span,
    uplinks_of,
)
from models.topology.builders.stages import LeafGroup, join_groups, join_leaves
from models.topology.fabric import Adapter, Fabric, Switch


def rail_only(
    hosts: int,
    gpus_per_host: int,
    hosts_per_leaf: int,
    *,
    radix: int | None = None,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a rail-only network: per rail a single switch, or a Clos network of two or three tiers.

    Parameters
    ----------
    hosts, gpus_per_host : int
        High-bandwidth domains and their GPUs; GPU r is on rail r. Adapters of different rails and hosts are joined
        through a host's NVSwitch only.
    hosts_per_leaf : int
        Hosts on one rail switch: all of them make a single tier. The last leaf may be partial.
    radix : int, optional
        Ports of a switch; by default the smallest power of two, from 64, that is enough.
    adapter_gbps : float
        Gb/s of an adapter and of a link between switches.

    Returns
    -------
    Fabric
        Of kind ``rail-only``.

    Raises
    ------
    RadixTooSmallError
        A leaf, or the number of leaves, needs more ports.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    Wang et al. (arXiv 2307.12169). The example is its network of 32,768 GPUs with 64 ports, for domains of
    256 GPUs.

    Examples
    --------
    >>> published = rail_only(hosts=128, gpus_per_host=256, hosts_per_leaf=32, radix=64)
    >>> sum(switch.tier != "nvswitch" for switch in published.switches)
    1536
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    check_sizes(hosts_per_leaf=hosts_per_leaf)
    leaves = -(-hosts // hosts_per_leaf)
    down = min(hosts_per_leaf, hosts)
    uplinks = uplinks_of(down) if leaves > 1 else 0

    def fits(ports: int) -> bool:
        blocks = -(-leaves // max(1, ports // 2))
        return down + uplinks <= ports and min(leaves, blocks) <= ports

    radix = checked_radix(radix, fits)
    cabling.scale_up(1, "nvswitch", NVLINK_GBPS)
    for rail in range(gpus_per_host):
        label = numbered("rail", rail, gpus_per_host)
        switches = [
            cabling.switch(f"{numbered('block', leaf, leaves)}-{label}", "leaf", rail=rail) for leaf in range(leaves)
        ]
        for host in range(hosts):
            cabling.attach(Adapter(host, rail), 1, switches[host // hosts_per_leaf], adapter_gbps)
        _join_rail(cabling, tuple(switches), rail, label, uplinks, radix)
    return cabling.fabric("rail-only")


def _join_rail(cabling: Cabling, leaves: tuple[Switch, ...], rail: int, label: str, uplinks: int, radix: int) -> None:
    if len(leaves) == 1:
        return
    if len(leaves) <= radix:
        join_leaves(cabling, LeafGroup(leaves, f"{label}-spine", rail=rail), uplinks, radix)
        return
    blocks = -(-len(leaves) // (radix // 2))
    groups = [
        LeafGroup(
            leaves=tuple(leaves[leaf] for leaf in span(block, radix // 2, len(leaves))),
            name=f"{label}-{numbered('group', block, blocks)}-spine",
            rail=rail,
        )
        for block in range(blocks)
    ]
    join_groups(cabling, groups, uplinks, radix, f"{label}-core")
