"""Alibaba's HPN: segments with a ToR pair per rail, two planes that never meet below the hosts' adapters."""

from __future__ import annotations

from collections.abc import Sequence

from models.topology.builders.cabling import NVLINK_GBPS, Cabling, check_sizes, numbered, span
from models.topology.fabric import Adapter, Fabric, Switch

#: ports of a core switch: 51.2 Tb/s
_CORE_PORTS = 128


def hpn(
    hosts: int,
    gpus_per_host: int,
    *,
    hosts_per_segment: int = 128,
    segments_per_pod: int = 15,
    aggs_per_plane: int = 60,
    core_uplinks: int = 8,
    with_cores: bool = False,
    single_tor: bool = False,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build HPN's backend network, or the baseline with one ToR in the place of each pair.

    Port p of the adapter of GPU r goes to the ToR of its segment, rail r and plane p - 1, at half the adapter's
    bandwidth; every ToR has one link to each Agg of its plane and pod; cores, if there are several pods, keep to the
    planes, too. The last segment and pod may be partial.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Hosts with an NVSwitch among their GPUs.
    hosts_per_segment, segments_per_pod : int
        Hosts on the same ToRs (the 8 spare hosts of a segment are not built), and segments on the same Aggs.
    aggs_per_plane : int
        Aggs of a pod and plane.
    core_uplinks : int
        Links of an Agg to the cores.
    with_cores : bool
        Build the cores even over a single pod, for its links to pods that are not built.
    single_tor : bool
        Build the baseline: a pair becomes one ToR of twice the capacity, the two planes one. Switches, apart from the
        halved ToRs, and the bandwidth between the tiers stay the same; adapters have one port.
    adapter_gbps : float
        Gb/s of an adapter and of a link between switches.

    Returns
    -------
    Fabric
        Of kind ``hpn`` or ``hpn-single-tor``.

    Raises
    ------
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    Qian et al. (SIGCOMM 2024), section 3 for the build rule and the counts.
    The number of cores is not published; here a core
    takes one link from each Agg of a block, and blocks are as large as 128 ports allow [D]. Whether sizes other than
    the published ones fit a chip of 51.2 Tb/s is not checked.

    Examples
    --------
    >>> segment = hpn(hosts=128, gpus_per_host=8)
    >>> [sum(switch.tier == tier for switch in segment.switches) for tier in ("tor", "agg", "core")]
    [16, 120, 0]
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    check_sizes(
        hosts_per_segment=hosts_per_segment,
        segments_per_pod=segments_per_pod,
        aggs_per_plane=aggs_per_plane,
        core_uplinks=core_uplinks,
    )
    segments = -(-hosts // hosts_per_segment)
    pods = -(-segments // segments_per_pod)
    planes: tuple[int | None, ...] = (None,) if single_tor else (0, 1)
    cabling.scale_up(1, "nvswitch", NVLINK_GBPS)
    tors: list[list[Switch]] = []
    for segment in range(segments):
        place = _place(segment, segments, segments_per_pod)
        tors.append(
            _segment(cabling, segment // segments_per_pod, place, planes, span(segment, hosts_per_segment, hosts))
        )
    aggs = aggs_per_plane * (2 if single_tor else 1)
    for plane in planes:
        label = "" if plane is None else f"-plane{plane}"
        rows = []
        for pod in range(pods):
            name = f"{numbered('pod', pod, pods)}{label}-agg"
            rows.append([cabling.switch(numbered(name, agg, aggs), "agg", pod=pod, plane=plane) for agg in range(aggs)])
            below = [tor for segment in span(pod, segments_per_pod, segments) for tor in tors[segment]]
            for tor in (tor for tor in below if tor.plane == plane):
                for agg in rows[-1]:
                    cabling.join(tor, agg)
        if pods > 1 or with_cores:
            _join_pods(cabling, rows, f"core{label}-", plane, core_uplinks)
    return cabling.fabric("hpn-single-tor" if single_tor else "hpn")


def _place(segment: int, segments: int, segments_per_pod: int) -> str:
    pod = numbered("pod", segment // segments_per_pod, -(-segments // segments_per_pod))
    return f"{pod}-{numbered('segment', segment % segments_per_pod, min(segments_per_pod, segments))}"


def _segment(cabling: Cabling, pod: int, place: str, planes: Sequence[int | None], hosts: range) -> list[Switch]:
    """Put up the ToRs of a segment, rail by rail, and attach its hosts."""
    tors = []
    for rail in range(cabling.gpus_per_host):
        name = f"{place}-{numbered('rail', rail, cabling.gpus_per_host)}"
        for port, plane in enumerate(planes, start=1):
            label = "" if plane is None else f"-plane{plane}"
            tors.append(cabling.switch(name + label, "tor", pod=pod, rail=rail, plane=plane))
            for host in hosts:
                cabling.attach(Adapter(host, rail), port, tors[-1], cabling.adapter_gbps / len(planes))
    return tors


def _join_pods(cabling: Cabling, rows: Sequence[Sequence[Switch]], name: str, plane: int | None, uplinks: int) -> None:
    """Join the Aggs of all pods: those of a block by one link each to every core of the block."""
    aggs = len(rows[0])
    block_size = max(1, _CORE_PORTS // len(rows))
    blocks = -(-aggs // block_size)
    for block in range(blocks):
        label = f"{numbered(name, block, blocks)}-"
        cores = [cabling.switch(numbered(label, core, uplinks), "core", plane=plane) for core in range(uplinks)]
        for row in rows:
            for agg in span(block, block_size, aggs):
                for core in cores:
                    cabling.join(row[agg], core)
