"""The picture of rings: hosts on a grid, its rows and columns closed by optical circuit switches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import ceil, sqrt

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from models.topology.fabric import Adapter, Fabric, Switch
from models.topology.layout.drawing import Bundle, Frame, Layout, Mark, Row, common, counted, pieces

_WIDTH = 62.0
#: rows or columns up to which each rail of them is drawn
_FEW_LINES = 16
_CELL_GAP = 1.1
#: how far a switch stands from the grid at least
_ASIDE = 1.2
_HOST = 0.55
#: hosts that are drawn one by one
_MOST_HOSTS = 4_096


def rail_grid_layout(fabric: Fabric) -> Layout:
    """Lay out hosts on a grid whose rows and columns have an optical circuit switch for each of their rails (RailX).

    Parameters
    ----------
    fabric : Fabric
        Of kind ``railx``: its switches are called after their row or column.

    Returns
    -------
    Layout
        Rows have their switches at their right, columns at their top.

    Examples
    --------
    >>> from models.topology.builders.railx import railx
    >>> found = rail_grid_layout(railx(hosts=9, gpus_per_host=4))
    >>> len(found.marks), len(found.bundles), [row.text for row in found.rows]
    (21, 12, ['9 hosts', '12 OCSs'])
    """
    lines: defaultdict[str, list[Switch]] = defaultdict(list)
    for switch in fabric.switches:
        lines[switch.name.split("-")[0]].append(switch)
    order = {name: number for number, name in enumerate(lines)}
    rows = [name for name in lines if name.startswith("row")]
    columns = [name for name in lines if name.startswith("column")]
    at: dict[int, dict[str, int]] = defaultdict(dict)
    cables: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0])
    hosts_of: defaultdict[str, set[int]] = defaultdict(set)
    for link in fabric.links:
        if isinstance(link.child, Adapter):
            line = link.parent.split("-")[0]
            at[link.child.host]["row" if line.startswith("row") else "column"] = order[line]
            cables[link.parent][0] += 1
            cables[link.parent][1] += link.bandwidth_gbps
            hosts_of[link.parent].add(link.child.host)
    step = min(3.2, _WIDTH / max(1, len(columns)))
    place = {host: (step * (where["column"] - len(rows)), -step * where["row"]) for host, where in sorted(at.items())}
    marks = [_host((host,), x, y, fabric) for host, (x, y) in place.items()]
    bundles: list[Bundle] = []
    for name in (*rows, *columns):
        is_row = name in rows
        cut = pieces(lines[name], len(lines[name]) if max(len(rows), len(columns)) <= _FEW_LINES else 1)
        for number, piece in enumerate(cut):
            # The rails of a line run beside each other, and their switches stand where they end.
            aside = (number - (len(cut) - 1) / 2) * step / 8
            along = max(_ASIDE, 0.7 * step) + 0.35 * step * number
            if is_row:
                y = -step * order[name] + aside
                x = step * (len(columns) - 1) + along
                xs, ys = (0.0, x), (y, y)
            else:
                x = step * (order[name] - len(rows)) + aside
                y = along
                xs, ys = (x, x), (-step * (len(rows) - 1), y)
            count = sum(int(cables[switch.name][0]) for switch in piece)
            gbps = sum(cables[switch.name][1] for switch in piece)
            rail = common([switch.rail for switch in piece])
            below = len({host for switch in piece for host in hosts_of[switch.name]})
            marks.append(
                Mark("ocs", x, y, tuple(switch.name for switch in piece), (), None, rail, None, count, below, ring=name)
            )
            bundles.append(Bundle(xs, ys, counted(below, "host"), name, count, gbps, 0, rail, None))
    heights = (Row(-step * (len(rows) - 1) / 2, counted(fabric.hosts, "host")), Row(max(_ASIDE, step), _ocs(fabric)))
    return Layout("grid", tuple(marks), tuple(bundles), (), heights, (), "")


def torus_layout(fabric: Fabric) -> Layout:
    """Lay out the blocks of a torus on a grid, layers side by side, with the rings that its circuits close.

    Parameters
    ----------
    fabric : Fabric
        Of kind ``torus``: its switches are called after the dimension whose rings they close.

    Returns
    -------
    Layout
        Rings lead from block to block; the switches that close them stand above.

    Examples
    --------
    >>> from models.topology.builders.torus import torus
    >>> found = torus_layout(torus(shape=(8, 8), block=(4, 4), host=(2, 2)))
    >>> len(found.frames), len(found.marks), sum(bundle.cables for bundle in found.bundles)
    (4, 24, 32)
    """
    block_of = _blocks(fabric)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for host, block in enumerate(block_of.tolist()):
        members[block].append(host)
    rings = _rings(fabric, block_of)
    place = _coordinates(len(members), rings)
    side = ceil(sqrt(max(map(len, members.values()))))
    cell = side * _HOST + _CELL_GAP
    across = max(x for x, _, _ in place.values()) + 1
    down = max(y for _, y, _ in place.values()) + 1
    panel = across * cell + 1.8
    corner = {block: (z * panel + x * cell, -y * cell) for block, (x, y, z) in place.items()}
    marks, frames = [], []
    is_detailed = fabric.hosts <= _MOST_HOSTS
    for block, hosts in members.items():
        left, top = corner[block]
        size = side * _HOST
        name = f"block {block}"
        frames.append(Frame(left - 0.15, top - size - 0.15, left + size + 0.15, top + 0.15, "", name, not is_detailed))
        if is_detailed:
            for number, host in enumerate(hosts):
                x, y = left + _HOST * (number % side + 0.5), top - _HOST * (number // side + 0.5)
                marks.append(_host((host,), x, y, fabric))
        else:
            marks.append(_host(tuple(hosts), left + size / 2, top - size / 2, fabric))
    bundles = _ring_bundles(rings, place, corner, side * _HOST)
    width = max(left for left, _ in corner.values()) + cell
    marks += _ocs_rows(fabric, width)
    heights = (
        Row(-down * cell / 2, counted(fabric.hosts, "host")),
        Row(1.6 + _HOST * (len(rings) - 1) / 2, _ocs(fabric)),
    )
    return Layout("grid", tuple(marks), tuple(bundles), tuple(frames), heights, (), "")


def _host(hosts: tuple[int, ...], x: float, y: float, fabric: Fabric) -> Mark:
    return Mark("host", x, y, (), hosts, None, None, None, len(hosts) * fabric.gpus_per_host, len(hosts))


def _ocs(fabric: Fabric) -> str:
    return counted(len(fabric.switches), "ocs")


def _blocks(fabric: Fabric) -> np.ndarray:
    """Return the block of each host: hosts joined by cables of their own are in one."""
    pairs = np.array(
        [
            (link.one.host, link.other.host)
            for link in fabric.peer_links
            if isinstance(link.one, Adapter) and isinstance(link.other, Adapter)
        ],
        int,
    ).reshape(-1, 2)
    joined = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (fabric.hosts, fabric.hosts))
    return np.asarray(connected_components(joined, directed=False)[1])


def _rings(fabric: Fabric, block_of: np.ndarray) -> dict[str, dict[tuple[int, int], list[float]]]:
    """Return for each dimension which block follows which, by how many cables and Gb/s."""
    rings: dict[str, dict[tuple[int, int], list[float]]] = {
        _dimension(switch.name): {} for switch in fabric.switches if switch.tier == "ocs"
    }
    for circuit in fabric.circuits:
        if not isinstance(circuit.one.child, Adapter) or not isinstance(circuit.other.child, Adapter):
            continue
        ring = rings[_dimension(circuit.one.parent)]
        pair = (int(block_of[circuit.one.child.host]), int(block_of[circuit.other.child.host]))
        found = ring.setdefault(pair, [0, 0.0])
        found[0] += 1
        found[1] += circuit.one.bandwidth_gbps
    return rings


def _dimension(name: str) -> str:
    """Return the dimension in the name of a switch of a torus.

    >>> _dimension("ocs-x07")
    'x'
    """
    return name.rpartition("-")[2].rstrip("0123456789")


def _coordinates(
    blocks: int, rings: Mapping[str, Mapping[tuple[int, int], Sequence[float]]]
) -> dict[int, tuple[int, int, int]]:
    """Follow the rings from the first block: along one dimension, from each of these along the next, and so on."""
    place: dict[int, tuple[int, ...]] = {0: ()}
    for pairs in rings.values():
        extended: dict[int, tuple[int, ...]] = {}
        after = dict(pairs.keys())
        for start, so_far in place.items():
            block: int | None = start
            step = 0
            while block is not None and block not in extended:
                extended[block] = (*so_far, step)
                block, step = after.get(block), step + 1
        place = extended
    full = {block: (*where, 0, 0, 0)[:3] for block, where in place.items()}
    lost = [block for block in range(blocks) if block not in full]
    below = max((y for _, y, _ in full.values()), default=0) + 1
    full.update({block: (number, below, 0) for number, block in enumerate(lost)})
    return {block: (where[0], where[1], where[2]) for block, where in sorted(full.items())}


def _ring_bundles(
    rings: Mapping[str, Mapping[tuple[int, int], Sequence[float]]],
    place: Mapping[int, tuple[int, int, int]],
    corner: Mapping[int, tuple[float, float]],
    size: float,
) -> list[Bundle]:
    bundles = []
    for axis, (name, pairs) in enumerate(rings.items()):
        for (one, other), (count, gbps) in pairs.items():
            if one == other:
                continue
            xs, ys = _path(axis, place[one], place[other], corner[one], corner[other], size)
            bundles.append(Bundle(xs, ys, f"block {one}", f"block {other}", int(count), gbps, 0, None, None, ring=name))
    return bundles


def _path(
    axis: int,
    one: tuple[int, int, int],
    other: tuple[int, int, int],
    at_one: tuple[float, float],
    at_other: tuple[float, float],
    size: float,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return a straight line to the next block, a bow back to the first one, and a bow from layer to layer."""
    is_next = other[axis] == one[axis] + 1
    (x0, y0), (x1, y1) = at_one, at_other
    share = np.linspace(0.0, 1.0, 13)
    bow = 4.0 * share * (1.0 - share)
    if axis == 0:
        y = y0 - size / 2
        if is_next:
            return (x0 + size, x1), (y, y)
        return tuple(x0 + size + (x1 - x0 - size) * share), tuple(y0 + 0.15 + 0.45 * bow)
    if axis == 1:
        x = x0 + size / 2
        if is_next:
            return (x, x), (y0 - size, y1)
        return tuple(x0 - 0.15 - 0.45 * bow), tuple(y0 - size + (y1 - y0 + size) * share)
    height = 0.35 if is_next else 0.75
    middle = size * 0.75
    return tuple(x0 + middle + (x1 - x0) * share), tuple(y0 - size + 0.15 - (height * bow + 0.2))


def _ocs_rows(fabric: Fabric, width: float) -> list[Mark]:
    """Return a row of marks for the switches of each dimension, above the grid."""
    lines: defaultdict[str, list[Switch]] = defaultdict(list)
    hosts_of: defaultdict[str, set[int]] = defaultdict(set)
    cables: defaultdict[str, int] = defaultdict(int)
    for switch in fabric.switches:
        lines[_dimension(switch.name)].append(switch)
    for link in fabric.links:
        if isinstance(link.child, Adapter):
            hosts_of[link.parent].add(link.child.host)
            cables[link.parent] += 1
    marks = []
    for number, (name, switches) in enumerate(reversed(lines.items())):
        cut = pieces(switches, 32)
        step = min(1.6, width / len(cut))
        for place, piece in enumerate(cut):
            below = set().union(*(hosts_of[switch.name] for switch in piece))
            marks.append(
                Mark(
                    "ocs",
                    width / 2 + step * (place - (len(cut) - 1) / 2),
                    1.6 + 0.8 * number,
                    tuple(switch.name for switch in piece),
                    (),
                    None,
                    None,
                    None,
                    sum(cables[switch.name] for switch in piece),
                    len(below),
                    ring=name,
                )
            )
    return marks
