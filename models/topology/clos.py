"""Clos network (folded, "fat tree"): one top-of-rack switch for all adapters of a rack."""

from __future__ import annotations

from models.topology.cabling import NVLINK_GBPS, Cabling, check_sizes, checked_radix, numbered, span, uplinks_of
from models.topology.fabric import Adapter, Fabric
from models.topology.stages import LeafGroup, join_groups, join_leaves


def clos(
    hosts: int,
    gpus_per_host: int,
    hosts_per_rack: int,
    racks_per_pod: int,
    *,
    radix: int | None = None,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a Clos network of full bisection: racks under aggregation switches in pods, pods under cores.

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
    check_sizes(hosts_per_rack=hosts_per_rack, racks_per_pod=racks_per_pod)
    racks = -(-hosts // hosts_per_rack)
    pods = -(-racks // racks_per_pod)
    down = min(hosts_per_rack, hosts) * gpus_per_host
    uplinks = uplinks_of(down)

    def fits(ports: int) -> bool:
        if racks == 1:
            return down <= ports
        if pods == 1:
            return max(down + uplinks, racks) <= ports
        return max(down + uplinks, 2 * racks_per_pod, pods) <= ports

    radix = checked_radix(radix, fits)
    cabling.scale_up(1, "nvswitch", NVLINK_GBPS)
    groups = []
    for pod in range(pods):
        name = numbered("pod", pod, pods)
        tors = []
        for rack in span(pod, racks_per_pod, racks):
            number = numbered("rack", rack % racks_per_pod, min(racks_per_pod, racks))
            tors.append(cabling.switch(f"{name}-{number}", "tor", pod=pod))
            for host in span(rack, hosts_per_rack, hosts):
                for gpu in range(gpus_per_host):
                    cabling.attach(Adapter(host, gpu), 1, tors[-1], adapter_gbps)
        groups.append(LeafGroup(tuple(tors), f"{name}-agg", "agg", pod=pod))
    if pods > 1:
        join_groups(cabling, groups, uplinks, radix, "core")
    elif racks > 1:
        join_leaves(cabling, LeafGroup(groups[0].leaves, "spine"), uplinks, radix)
    return cabling.fabric("clos")
