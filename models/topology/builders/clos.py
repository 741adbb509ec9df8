"""Clos network (folded, "fat tree"): one top-of-rack switch for all adapters of a rack."""

from __future__ import annotations

from collections.abc import Sequence

from models.guards import checked_positive
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
from models.topology.errors import UndersubscribedError
from models.topology.fabric import Adapter, Fabric


def clos(
    hosts: int,
    gpus_per_host: int,
    hosts_per_rack: int,
    racks_per_pod: int,
    *,
    radix: int | None = None,
    oversubscription: float = 1.0,
    hosts_per_domain: int = 1,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a Clos network: racks under aggregation switches in pods, pods under cores.

    A single pod has spines above its racks and no cores (two tiers); a single rack is its ToR alone. The last rack and
    pod may be partial.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Hosts with an NVSwitch among their GPUs.
    hosts_per_rack, racks_per_pod : int
        Hosts under a ToR, and ToRs under the same aggregation switches.
    radix : int, optional
        Ports of a switch; by default the smallest power of two, from 64, that is enough.
    oversubscription : float
        Bandwidth down over bandwidth up of a ToR, from 1 (full bisection); the tiers above have none.
    hosts_per_domain : int
        Hosts that share a scale-up domain: with more than one, this is the any-to-any Clos network over
        high-bandwidth domains that the first version of the rail-only paper compares with.
    adapter_gbps : float
        Gb/s of an adapter and of a link between switches.

    Returns
    -------
    Fabric
        Of kind ``clos``.

    Raises
    ------
    RadixTooSmallError
        A rack, a pod or the number of pods needs more ports.
    UndersubscribedError
        The oversubscription is below one.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    The fat tree that Wang et al. (arXiv 2307.12169) compare with:
    (2 tiers - 1) n / r switches for n adapters, if the leaves have r/2 links down.

    Examples
    --------
    >>> base = clos(hosts=4096, gpus_per_host=8, hosts_per_rack=4, racks_per_pod=32, radix=64)
    >>> sum(switch.tier != "nvswitch" for switch in base.switches)
    2560
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    check_sizes(hosts_per_rack=hosts_per_rack, racks_per_pod=racks_per_pod, hosts_per_domain=hosts_per_domain)
    if checked_positive("oversubscription", oversubscription) < 1.0:
        raise UndersubscribedError(oversubscription)
    racks = -(-hosts // hosts_per_rack)
    pods = -(-racks // racks_per_pod)
    down = min(hosts_per_rack, hosts) * gpus_per_host
    uplinks = uplinks_of(down, oversubscription)

    def fits(ports: int) -> bool:
        if racks == 1:
            return down <= ports
        if pods == 1:
            return max(down + uplinks, racks) <= ports
        return max(down + uplinks, 2 * racks_per_pod, pods) <= ports

    radix = checked_radix(radix, fits)
    cabling.scale_up(hosts_per_domain, "nvswitch", NVLINK_GBPS)
    most_racks = min(racks_per_pod, racks)
    groups = [
        _pod(cabling, numbered("pod", pod, pods), pod, [span(rack, hosts_per_rack, hosts) for rack in own], most_racks)
        for pod, own in enumerate(span(pod, racks_per_pod, racks) for pod in range(pods))
    ]
    if pods > 1:
        join_groups(cabling, groups, uplinks, radix, "core")
    elif racks > 1:
        join_leaves(cabling, LeafGroup(groups[0].leaves, "spine"), uplinks, radix)
    return cabling.fabric("clos")


def _pod(cabling: Cabling, name: str, pod: int, racks: Sequence[range], most_racks: int) -> LeafGroup:
    """Put up the ToRs of a pod and attach the hosts of each."""
    tors = []
    for rack, hosts in enumerate(racks):
        tors.append(cabling.switch(f"{name}-{numbered('rack', rack, most_racks)}", "tor", pod=pod))
        for host in hosts:
            for gpu in range(cabling.gpus_per_host):
                cabling.attach(Adapter(host, gpu), 1, tors[-1], cabling.adapter_gbps)
    return LeafGroup(tuple(tors), f"{name}-agg", "agg", pod=pod)
