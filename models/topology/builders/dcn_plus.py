"""DCN+: the three-tier Clos network with dual ToRs that HPN is measured against."""

from __future__ import annotations

from models.topology.builders.cabling import NVLINK_GBPS, Cabling, numbered, span
from models.topology.builders.stages import LeafGroup, join_groups
from models.topology.errors import RadixTooSmallError
from models.topology.fabric import Adapter, Fabric, Switch

#: published
_GPUS_PER_SEGMENT, _SEGMENTS_PER_POD, _MOST_PODS = 128, 4, 32
#: of a switch of 51.2 Tb/s, at 400 Gb/s
_RADIX = 128
#: of a ToR: the 25.6 Tb/s of its 128 ports of 200 Gb/s down, at 400 Gb/s
_TOR_UPLINKS = 64


def dcn_plus(hosts: int, gpus_per_host: int = 8, *, adapter_gbps: float = 400.0) -> Fabric:
    """Build DCN+: segments of 128 GPUs under a pair of ToRs, pods of four segments under eight Aggs, cores over them.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Hosts with an NVSwitch among their GPUs; the last segment and pod may be partial.
    adapter_gbps : float
        Gb/s of an adapter, half of it on either port, and of a link between switches.

    Returns
    -------
    Fabric
        Of kind ``dcn-plus``.

    Raises
    ------
    RadixTooSmallError
        There are more than 32 pods (16,384 GPUs).
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    Qian et al. (HPN, SIGCOMM 2024) print the sizes: segments of 128 GPUs, 4 of them and 8 Aggs in a pod of 512 GPUs,
    32 pods, 16,384 GPUs. The rest is derived [D] from switches of 51.2 Tb/s without oversubscription: the 16 hosts of a
    segment lead all their adapters to two ToRs, one port to each, neither of them tied to a rail or plane; a ToR has 64
    links up, 8 to each Agg, which makes 64 down and 64 up for the Agg; the 16,384 links up of all pods fill 128 cores.

    Examples
    --------
    >>> whole = dcn_plus(hosts=2_048)
    >>> [sum(switch.tier == tier for switch in whole.switches) for tier in ("tor", "agg", "core")]
    [256, 256, 128]
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    hosts_per_segment = max(1, _GPUS_PER_SEGMENT // gpus_per_host)
    segments = -(-hosts // hosts_per_segment)
    pods = -(-segments // _SEGMENTS_PER_POD)
    if pods > _MOST_PODS:
        raise RadixTooSmallError(_RADIX, _RADIX * -(-pods // _MOST_PODS))
    cabling.scale_up(1, "nvswitch", NVLINK_GBPS)
    groups = []
    for pod in range(pods):
        place = numbered("pod", pod, pods)
        tors: list[Switch] = []
        for segment in span(pod, _SEGMENTS_PER_POD, segments):
            number = numbered("segment", segment % _SEGMENTS_PER_POD, _SEGMENTS_PER_POD)
            for port in (1, 2):
                tors.append(cabling.switch(f"{place}-{number}-tor{port}", "tor", pod=pod))
                for host in span(segment, hosts_per_segment, hosts):
                    for gpu in range(gpus_per_host):
                        cabling.attach(Adapter(host, gpu), port, tors[-1], adapter_gbps / 2)
        groups.append(LeafGroup(tuple(tors), f"{place}-agg", "agg", pod=pod))
    join_groups(cabling, groups, _TOR_UPLINKS, _RADIX, "core")
    return cabling.fabric("dcn-plus")
