"""The picture of a dragonfly: groups of routers in a circle, any two of them joined, one of them drawn in full."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import cos, pi, sin

from models.topology.fabric import Adapter, Fabric, Switch
from models.topology.layout.drawing import Bundle, Layout, Mark, Row, called, common, counted

_RADIUS = 16.0
#: all routers are drawn up to so many
_FEW_ROUTERS = 260
#: share of the circle for the group that is drawn in full
_OPENED = 0.22
_MOST_MARKS = 32
_HOSTS_OUT = 1.5
_HOST_STEP = 0.75


def circle_layout(fabric: Fabric, expand: str = "") -> Layout:
    """Lay the groups of a dragonfly out in a circle; if there are many routers, all groups but one as sums.

    Parameters
    ----------
    fabric : Fabric
        Of kind ``dragonfly``: the pod of a router is its group.
    expand : str
        Name of the group (``group 3``) that is drawn in full, if not all can be.

    Returns
    -------
    Layout
        Hosts are outside, by the first of their routers.

    Examples
    --------
    >>> from models.topology.builders.dragonfly import dragonfly
    >>> found = circle_layout(dragonfly(hosts=72, gpus_per_host=1, adapters_per_router=2))
    >>> len(found.marks), sum(bundle.cables for bundle in found.bundles)
    (108, 162)
    """
    groups = _groups(fabric)
    names = [f"group {pod}" for pod in groups]
    is_whole = sum(map(len, groups.values())) <= _FEW_ROUTERS
    opened = names.index(expand) if expand in names else 0
    arcs = _arcs(list(groups.values()), names, opened, is_whole=is_whole)
    hosts_of, cables = _attached(fabric)
    marks: list[Mark] = []
    for angle, members, name, is_summed in arcs:
        hosts = tuple(host for router in members for host in hosts_of[router.name])
        pod = common([router.pod for router in members])
        marks.append(
            Mark(
                "router",
                _RADIUS * sin(angle),
                _RADIUS * cos(angle),
                tuple(router.name for router in members),
                (),
                pod,
                None,
                None,
                sum(cables[router.name] for router in members),
                len(hosts),
                group=name if is_summed else "",
            )
        )
        marks += _hosts(angle, hosts, pod, fabric.gpus_per_host, name if is_summed else "", is_summed=is_summed)
    bundles = [*_host_bundles(fabric, marks), *_peer_bundles(fabric, marks)]
    rows = (
        Row(_RADIUS + 4.0, counted(fabric.hosts, "host")),
        Row(_RADIUS + 2.0, counted(sum(map(len, groups.values())), "router")),
    )
    return Layout("circle", tuple(marks), tuple(bundles), (), rows, tuple(names), "" if is_whole else names[opened])


def _groups(fabric: Fabric) -> dict[int, list[Switch]]:
    groups: defaultdict[int, list[Switch]] = defaultdict(list)
    for switch in fabric.switches:
        if switch.tier == "router":
            groups[switch.pod or 0].append(switch)
    return dict(groups)


def _arcs(
    groups: Sequence[Sequence[Switch]], names: Sequence[str], opened: int, *, is_whole: bool
) -> list[tuple[float, tuple[Switch, ...], str, bool]]:
    """Return angle, routers, the group to expand, and whether it is a sum, for all marks around the circle."""
    turn = 2.0 * pi
    if is_whole:
        sector = turn / len(groups)
        return [
            (sector * (number + 0.86 * ((place + 0.5) / len(group) - 0.5)), (router,), names[number], False)
            for number, group in enumerate(groups)
            for place, router in enumerate(group)
        ]
    arc = turn * _OPENED
    own = groups[opened]
    found: list[tuple[float, tuple[Switch, ...], str, bool]] = [
        (arc * ((place + 0.5) / len(own) - 0.5), (router,), names[opened], False) for place, router in enumerate(own)
    ]
    others = [number for number in range(len(groups)) if number != opened]
    each = -(-len(others) // _MOST_MARKS)
    shares = [others[start : start + each] for start in range(0, len(others), each)]
    rest = turn - 1.15 * arc
    for place, share in enumerate(shares):
        angle = 0.575 * arc + rest * (place + 0.5) / len(shares)
        members = tuple(router for number in share for router in groups[number])
        found.append((angle, members, names[share[0]], True))
    return found


def _attached(fabric: Fabric) -> tuple[Mapping[str, list[int]], Mapping[str, int]]:
    """Return the hosts at the first of their routers, and the ports in use of each router."""
    home: dict[int, str] = {}
    cables: defaultdict[str, int] = defaultdict(int)
    for link in fabric.links:
        if isinstance(link.child, Adapter) and link.tier == "router":
            home.setdefault(link.child.host, link.parent)
            cables[link.parent] += 1
    for peer in fabric.peer_links:
        for end in (peer.one, peer.other):
            if isinstance(end, str):
                cables[end] += 1
    hosts_of: defaultdict[str, list[int]] = defaultdict(list)
    for host, router in sorted(home.items()):
        hosts_of[router].append(host)
    return hosts_of, cables


def _hosts(
    angle: float, hosts: Sequence[int], pod: int | None, gpus: int, group: str, *, is_summed: bool
) -> list[Mark]:
    if not hosts:
        return []
    shares = [tuple(hosts)] if is_summed else [(host,) for host in hosts]
    return [
        Mark(
            "host",
            (_RADIUS + _HOSTS_OUT + _HOST_STEP * number) * sin(angle),
            (_RADIUS + _HOSTS_OUT + _HOST_STEP * number) * cos(angle),
            (),
            share,
            pod,
            None,
            None,
            len(share) * gpus,
            len(share),
            group=group,
        )
        for number, share in enumerate(shares)
    ]


def _host_bundles(fabric: Fabric, marks: Sequence[Mark]) -> list[Bundle]:
    mark_of_host = {host: number for number, mark in enumerate(marks) for host in mark.hosts}
    mark_of = _marks_of_routers(marks)
    found: defaultdict[tuple[int, int], list[float]] = defaultdict(lambda: [0, 0.0])
    for link in fabric.links:
        if isinstance(link.child, Adapter) and link.tier == "router":
            cables = found[mark_of_host[link.child.host], mark_of[link.parent]]
            cables[0] += 1
            cables[1] += link.bandwidth_gbps
    return [
        _line(marks[host], marks[router], counted(len(marks[host].hosts), "host"), count, gbps)
        for (host, router), (count, gbps) in found.items()
    ]


def _peer_bundles(fabric: Fabric, marks: Sequence[Mark]) -> list[Bundle]:
    mark_of = _marks_of_routers(marks)
    found: defaultdict[tuple[int, int, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for peer in fabric.peer_links:
        if isinstance(peer.one, str) and isinstance(peer.other, str):
            one, other = sorted((mark_of[peer.one], mark_of[peer.other]))
            cables = found[one, other, peer.kind]
            cables[0] += 1
            cables[1] += peer.bandwidth_gbps
    return [
        _line(marks[one], marks[other], called(marks[one]), count, gbps, ring=kind)
        for (one, other, kind), (count, gbps) in found.items()
        if one != other
    ]


def _marks_of_routers(marks: Sequence[Mark]) -> dict[str, int]:
    return {name: number for number, mark in enumerate(marks) for name in mark.switches}


def _line(one: Mark, other: Mark, name: str, count: float, gbps: float, ring: str = "") -> Bundle:
    return Bundle(
        (one.x, other.x), (one.y, other.y), name, called(other), int(count), gbps, 0, rail=None, plane=None, ring=ring
    )
