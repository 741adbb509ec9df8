"""Rail-optimised network: the adapters of one rail in a pod share a leaf; spines join the rails."""

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
from models.topology.fabric import Adapter, Fabric


def rail(
    hosts: int,
    gpus_per_host: int,
    hosts_per_pod: int,
    *,
    radix: int | None = None,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a rail-optimised network of full bisection.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Hosts with an NVSwitch among their GPUs; GPU r is on rail r.
    hosts_per_pod : int
        Hosts whose adapters of a rail share a leaf; the last pod may be partial.
    radix : int, optional
        Ports of a switch; by default the smallest power of two, from 64, that is enough.
    adapter_gbps : float
        Gb/s of an adapter and of a link between switches.

    Returns
    -------
    Fabric
        Of kind ``rail``.

    Raises
    ------
    RadixTooSmallError
        A leaf, or the number of pods, needs more ports.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    Wang et al. (arXiv 2307.12169): adapters of the same local rank are under the same rail switches, spines join the
    rails into a Clos network. The switch counts are those that NVIDIA publishes for DGX SuperPODs (64 pods of 32 hosts:
    512 leaves, 512 spines, 256 cores).

    Examples
    --------
    >>> pod = rail(hosts=32, gpus_per_host=8, hosts_per_pod=32)
    >>> [sum(switch.tier == tier for switch in pod.switches) for tier in ("leaf", "spine", "core")]
    [8, 4, 0]
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    check_sizes(hosts_per_pod=hosts_per_pod)
    cabling.scale_up(1, "nvswitch", NVLINK_GBPS)
    join_rails(cabling, hosts_per_pod, radix)
    return cabling.fabric("rail")


def join_rails(cabling: Cabling, hosts_per_pod: int, radix: int | None) -> None:
    """Add a rail-optimised network to hosts.

    As many leaves as a spine has ports make a tree of two tiers. With more, the leaves of one rail share their spines,
    and cores join rails and blocks of pods.

    Parameters
    ----------
    cabling : Cabling
        Where the switches and cables go.
    hosts_per_pod : int
        Hosts whose adapters of a rail share a leaf.
    radix : int or None
        Ports of a switch; None takes what is needed.

    Raises
    ------
    RadixTooSmallError
        A leaf, or the number of pods, needs more ports.
    """
    rails = cabling.gpus_per_host
    pods = -(-cabling.hosts // hosts_per_pod)
    down = min(hosts_per_pod, cabling.hosts)
    uplinks = uplinks_of(down)

    def fits(ports: int) -> bool:
        groups = rails * -(-pods // max(1, ports // 2))
        return down + uplinks <= ports and min(rails * pods, groups) <= ports

    radix = checked_radix(radix, fits)
    leaves = [
        [
            cabling.switch(f"{numbered('pod', pod, pods)}-{numbered('rail', rail, rails)}", "leaf", pod=pod, rail=rail)
            for rail in range(rails)
        ]
        for pod in range(pods)
    ]
    for host in range(cabling.hosts):
        for rail, leaf in enumerate(leaves[host // hosts_per_pod]):
            cabling.attach(Adapter(host, rail), 1, leaf, cabling.adapter_gbps)
    if rails * pods == 1:
        return
    if rails * pods <= radix:
        join_leaves(cabling, LeafGroup(tuple(leaf for pod in leaves for leaf in pod), "spine"), uplinks, radix)
        return
    blocks = -(-pods // (radix // 2))
    groups = [
        LeafGroup(
            leaves=tuple(leaves[pod][rail] for pod in span(block, radix // 2, pods)),
            name=f"{numbered('block', block, blocks)}-{numbered('rail', rail, rails)}-spine",
            rail=rail,
        )
        for block in range(blocks)
        for rail in range(rails)
    ]
    join_groups(cabling, groups, uplinks, radix, "core")
