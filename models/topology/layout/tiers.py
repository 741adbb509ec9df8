"""The picture of a tree: hosts at the bottom, by segment, pod or rack, and the tiers of switches above them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from models.topology.fabric import TIERS, Adapter, Fabric, Switch, Tier
from models.topology.layout.columns import Column, columns_of, domain_hosts, host_spots
from models.topology.layout.drawing import Bundle, Frame, Layout, Mark, Row, called, common, counted, pieces
from models.topology.layout.host_groups import HostGroup, host_groups

#: rise from tier to tier, and from the hosts to the first switches
_RISE = 2.6
_FIRST = 1.25
_FRAME_TOP = 0.45
#: hosts of a group that are drawn one by one
_MOST_HOSTS = 320
_MOST_IN_ROW = 40
#: the same where not all hosts are drawn
_MOST_SUMMED = 24
#: share of the pairs of a stage that must be joined for a missing cable to be one
_COMPLETE = 0.9


@dataclass(frozen=True, slots=True)
class _Wires:
    """What every switch has: ports in use, hosts and groups below (as bit sets)."""

    ports: Mapping[str, int]
    hosts: Mapping[str, int]
    groups: Mapping[str, int]


def tier_layout(fabric: Fabric, expand: str = "") -> Layout:
    """Lay a tree out: hosts by the switches they share, above them each tier, everything alike drawn as one.

    Parameters
    ----------
    fabric : Fabric
        A fabric of tiers.
    expand : str
        Name of the group of hosts that is drawn in full, if not all can be.

    Returns
    -------
    Layout
        Scale-up switches that serve a single host are not drawn: the host stands for them.

    Examples
    --------
    >>> from models.topology.builders.rail import rail
    >>> found = tier_layout(rail(hosts=64, gpus_per_host=8, hosts_per_pod=32))
    >>> len(found.marks), [row.text for row in found.rows]
    (88, ['64 hosts', '16 leaves', '8 spines'])
    """
    groups = host_groups(fabric)
    columns = columns_of(fabric, groups, expand)
    wires = _wires(fabric, groups)
    heights = _heights(fabric, wires)
    marks, host_mark = _host_marks(fabric, groups, columns)
    marks += _switch_marks(fabric, columns, wires, heights)
    frames = _frames(columns, marks, heights)
    return Layout(
        shape="tiers",
        marks=tuple(marks),
        bundles=_bundles(fabric, columns, marks, host_mark),
        frames=frames,
        rows=_rows(fabric, wires, heights),
        groups=tuple(group.name for group in groups),
        expanded="" if all(column.is_expanded for column in columns) else _opened(columns),
    )


def _opened(columns: Sequence[Column]) -> str:
    return next((column.name for column in columns if column.is_expanded), "")


def _wires(fabric: Fabric, groups: Sequence[HostGroup]) -> _Wires:
    ports: defaultdict[str, int] = defaultdict(int)
    hosts: defaultdict[str, int] = defaultdict(int)
    children: defaultdict[str, set[str]] = defaultdict(set)
    for link in fabric.links:
        ports[link.parent] += 1
        if isinstance(link.child, Adapter):
            hosts[link.parent] |= 1 << link.child.host
        else:
            ports[link.child] += 1
            children[link.parent].add(link.child)
    below: defaultdict[str, int] = defaultdict(int)
    for number, group in enumerate(groups):
        for switch in group.switches:
            below[switch.name] |= 1 << number
    for switch in sorted(fabric.switches, key=lambda switch: TIERS.index(switch.tier)):
        for child in children[switch.name]:
            hosts[switch.name] |= hosts[child]
            below[switch.name] |= below[child]
    return _Wires(ports, hosts, below)


def _is_drawn(switch: Switch, wires: _Wires) -> bool:
    return switch.tier != "nvswitch" or wires.hosts[switch.name].bit_count() > 1


def _heights(fabric: Fabric, wires: _Wires) -> dict[Tier, float]:
    tiers = sorted({switch.tier for switch in fabric.switches} - {"nvswitch"}, key=TIERS.index)
    heights: dict[Tier, float] = {tier: _FIRST + _RISE * number for number, tier in enumerate(tiers)}
    if any(switch.tier == "nvswitch" and _is_drawn(switch, wires) for switch in fabric.switches):
        heights["nvswitch"] = _FRAME_TOP - 0.1
    return heights


def _host_marks(
    fabric: Fabric, groups: Sequence[HostGroup], columns: Sequence[Column]
) -> tuple[list[Mark], dict[int, int]]:
    """Return the marks of the hosts, and the column of every host."""
    marks: list[Mark] = []
    column_of: dict[int, int] = {}
    per_domain = domain_hosts(fabric)
    cables: defaultdict[int, int] = defaultdict(int)
    for link in fabric.links:
        if isinstance(link.child, Adapter) and link.tier != "nvswitch":
            cables[link.child.host] += 1
    for number, column in enumerate(columns):
        hosts = [host for group in column.groups for host in groups[group].hosts]
        column_of.update(dict.fromkeys(hosts, number))
        if not hosts:
            continue
        if column.is_expanded and len(hosts) <= _MOST_HOSTS:
            shares: Iterable[tuple[int, ...]] = [(host,) for host in hosts]
            spots = host_spots(len(hosts), per_domain, column.x0, column.x1)
        else:
            shares, spots = [tuple(hosts)], [(column.centre, 0.0)]
        for share, (x, y) in zip(shares, spots, strict=True):
            marks.append(
                Mark(
                    kind="host",
                    x=x,
                    y=y,
                    switches=(),
                    hosts=share,
                    pod=common([groups[group].pod for group in column.groups]),
                    rail=None,
                    plane=None,
                    cables=sum(cables[host] for host in share),
                    hosts_below=len(share),
                    group="" if column.is_expanded else column.opens,
                )
            )
    return marks, column_of


def _switch_marks(
    fabric: Fabric, columns: Sequence[Column], wires: _Wires, heights: Mapping[Tier, float]
) -> list[Mark]:
    column_of_group = {group: number for number, column in enumerate(columns) for group in column.groups}
    rows: defaultdict[Tier, list[tuple[int, int, Switch]]] = defaultdict(list)
    above_hosts: list[Tier] = [tier for tier in TIERS if tier in heights and tier != "nvswitch"]
    lowest = above_hosts[0] if above_hosts else "tor"
    home_of_host = _column_of_hosts(fabric, wires, column_of_group, lowest)
    for switch in fabric.switches:
        if not _is_drawn(switch, wires):
            continue
        if switch.tier == "nvswitch":
            touched = {home_of_host.get(host, 0) for host in _bits(wires.hosts[switch.name])}
        else:
            touched = {column_of_group[group] for group in _bits(wires.groups[switch.name])}
        touched = touched or set(range(len(columns)))
        rows[switch.tier].append((min(touched), max(touched), switch))
    marks: list[Mark] = []
    for tier in sorted(rows, key=TIERS.index):
        for first, last, members in _merged(rows[tier]):
            span = columns[first : last + 1]
            marks += _row_marks(tier, members, span, wires, heights[tier], is_lowest=tier == lowest)
    return marks


def _column_of_hosts(fabric: Fabric, wires: _Wires, column_of_group: Mapping[int, int], lowest: Tier) -> dict[int, int]:
    found: dict[int, int] = {}
    for switch in fabric.switches:
        if switch.tier == lowest:
            for group in _bits(wires.groups[switch.name]):
                found.update(dict.fromkeys(_bits(wires.hosts[switch.name]), column_of_group[group]))
    return found


def _row_marks(
    tier: Tier, members: Sequence[Switch], span: Sequence[Column], wires: _Wires, y: float, *, is_lowest: bool
) -> list[Mark]:
    """Return the marks of the switches of a tier that belong above the same columns."""
    is_summed = len(span) == 1 and not span[0].is_expanded
    x0, x1 = span[0].x0, span[-1].x1
    most = _MOST_IN_ROW if all(column.is_expanded for column in span) else _MOST_SUMMED
    room = 1 if is_summed else max(4, min(most, round(x1 - x0)))
    order = {switch.name: number for number, switch in enumerate(members)}
    ordered = sorted(
        members,
        key=lambda switch: (
            (_or(switch.rail), _or(switch.plane)) if is_lowest else (_or(switch.plane), _or(switch.rail)),
            order[switch.name],
        ),
    )
    cut = pieces(ordered, room)
    planes = sorted({_or(piece[0].plane) for piece in cut})
    gap = 0.0 if is_lowest else 1.5 * (len(planes) - 1)
    step = min((x1 - x0) / (len(cut) + gap), 3.2)
    left = (x0 + x1) / 2 - step * (len(cut) + gap) / 2
    marks = []
    for number, piece in enumerate(cut):
        shift = 0.0 if is_lowest else 1.5 * planes.index(_or(piece[0].plane))
        below = 0
        for switch in piece:
            below |= wires.hosts[switch.name]
        marks.append(
            Mark(
                kind=tier,
                x=left + step * (number + 0.5 + shift),
                y=y,
                switches=tuple(switch.name for switch in piece),
                hosts=(),
                pod=common([switch.pod for switch in piece]),
                rail=common([switch.rail for switch in piece]),
                plane=common([switch.plane for switch in piece]),
                cables=sum(wires.ports[switch.name] for switch in piece),
                hosts_below=below.bit_count(),
                group=span[0].opens if is_summed else "",
            )
        )
    return marks


def _merged(row: Sequence[tuple[int, int, Switch]]) -> list[tuple[int, int, list[Switch]]]:
    """Put switches together whose columns overlap: a missing cable does not set a spine apart from the others."""
    merged: list[tuple[int, int, list[Switch]]] = []
    for first, last, switch in sorted(row, key=lambda item: item[:2]):
        if merged and first <= merged[-1][1]:
            start, end, members = merged.pop()
            merged.append((start, max(end, last), [*members, switch]))
        else:
            merged.append((first, last, [switch]))
    return merged


def _bundles(
    fabric: Fabric, columns: Sequence[Column], marks: Sequence[Mark], column_of: Mapping[int, int]
) -> tuple[Bundle, ...]:
    mark_of = {name: number for number, mark in enumerate(marks) for name in mark.switches}
    cables: defaultdict[tuple[bool, int, int], list[float]] = defaultdict(lambda: [0, 0.0])
    carried: defaultdict[tuple[bool, int, int], set[tuple[int | None, int | None]]] = defaultdict(set)
    for link in fabric.links:
        if link.parent not in mark_of or link.tier == "nvswitch":
            continue
        from_host = isinstance(link.child, Adapter)
        lower = column_of.get(link.child.host) if isinstance(link.child, Adapter) else mark_of[link.child]
        if lower is None:
            continue
        key = (from_host, lower, mark_of[link.parent])
        cables[key][0] += 1
        cables[key][1] += link.bandwidth_gbps
        carried[key].add((link.rail, link.plane))
    usual = _usual(marks, {key: int(count) for key, (count, _) in cables.items()}) if fabric.host_names else {}
    found = []
    for (from_host, lower, upper), (count, gbps) in cables.items():
        top = marks[upper]
        if from_host:
            column = columns[lower]
            x, y, one = min(max(top.x, column.x0), column.x1), _FRAME_TOP, column.name
        else:
            x, y, one = marks[lower].x, marks[lower].y, called(marks[lower])
        stage = None if from_host else (marks[lower].kind, top.kind)
        short = 0 if stage is None else max(0, usual.get(stage, 0) - int(count))
        rails, planes = zip(*carried[from_host, lower, upper], strict=True)
        found.append(
            Bundle((x, top.x), (y, top.y), one, called(top), int(count), gbps, short, common(rails), common(planes))
        )
    return (*found, *_absent(marks, cables.keys(), usual))


def _usual(marks: Sequence[Mark], cables: Mapping[tuple[bool, int, int], int]) -> dict[tuple[str, str], int]:
    """Return for each stage whose switches are all joined how many cables are usual between two of them."""
    counts: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for (from_host, lower, upper), count in cables.items():
        if not from_host:
            counts[marks[lower].kind, marks[upper].kind].append(count)
    sizes: defaultdict[str, int] = defaultdict(int)
    for mark in marks:
        sizes[mark.kind] += 1
    singles = all(len(mark.switches) <= 1 for mark in marks)
    return {
        stage: int(median(found))
        for stage, found in counts.items()
        if singles and len(found) >= _COMPLETE * sizes[stage[0]] * sizes[stage[1]]
    }


def _absent(
    marks: Sequence[Mark], joined: Iterable[tuple[bool, int, int]], usual: Mapping[tuple[str, str], int]
) -> list[Bundle]:
    """Return the pairs of switches that are not joined although all others of their stage are."""
    pairs = {(lower, upper) for from_host, lower, upper in joined if not from_host}
    return [
        Bundle((one.x, other.x), (one.y, other.y), called(one), called(other), 0, 0.0, count, one.rail, other.plane)
        for (kind, above), count in usual.items()
        for lower, one in enumerate(marks)
        if one.kind == kind
        for upper, other in enumerate(marks)
        if other.kind == above and (lower, upper) not in pairs
    ]


def _frames(columns: Sequence[Column], marks: Sequence[Mark], heights: Mapping[Tier, float]) -> tuple[Frame, ...]:
    frames = []
    for column in columns:
        inside = [mark.y for mark in marks if mark.kind == "host" and column.x0 <= mark.x <= column.x1]
        bottom = min(inside, default=0.0) - 0.35
        frames.append(
            Frame(
                column.x0 - 0.2, bottom, column.x1 + 0.2, _FRAME_TOP, column.name, column.detail, not column.is_expanded
            )
        )
    pods = {column.pod for column in columns if column.pod is not None}
    tops = sorted(heights.values())
    for pod in sorted(pods):
        members = [column for column in columns if column.pod == pod]
        low = min(frame.y0 for frame in frames) - 1.0
        top = tops[-2] if len(tops) > 1 else tops[-1]
        detail = counted(sum(len(column.groups) for column in members), "group")
        frames.append(
            Frame(
                members[0].x0 - 0.7,
                low,
                members[-1].x1 + 0.7,
                top + 0.75,
                f"pod {pod}",
                detail,
                is_collapsed=False,
                holds_switches=True,
            )
        )
    return tuple(frames)


def _rows(fabric: Fabric, wires: _Wires, heights: Mapping[Tier, float]) -> tuple[Row, ...]:
    counts: defaultdict[Tier, int] = defaultdict(int)
    for switch in fabric.switches:
        if _is_drawn(switch, wires):
            counts[switch.tier] += 1
    rows = [Row(0.0, counted(fabric.hosts, "host"))]
    tiers = sorted((tier for tier in counts if tier in heights and tier != "nvswitch"), key=TIERS.index)
    return (*rows, *(Row(heights[tier], counted(counts[tier], tier)) for tier in tiers))


def _bits(mask: int) -> Iterable[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _or(value: int | None) -> int:
    return -1 if value is None else value
