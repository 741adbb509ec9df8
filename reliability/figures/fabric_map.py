"""The map of a fabric as a network engineer draws it: hosts below, tiers above, rails and planes by colour."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import plotly.graph_objects as go

from models.topology.layout.drawing import Layout, Mark, counted
from reliability.analyses.fabric_map import FabricMap
from reliability.figures.fabric_map_wires import (
    PLAIN,
    RINGS,
    carried_colour,
    draw_bundles,
    draw_frames,
    extent,
)
from reliability.figures.theme import FONT, VERMILION, finished, label, new_figure, plural

#: ring around what is looked at; it shows on white and on near-black
_HIT_RING: Final = "#e5007d"
#: share of the width that the names of the tiers take
_CAPTION_SHARE: Final = 0.05
#: how far from the middle of a mark the number of its failures stands
_CORNER: Final = 0.3
_HOST: Final = "#8a94a1"
_NVSWITCH: Final = "#6f9a2f"
_SYMBOLS: Final = {
    "host": "square",
    "nvswitch": "diamond-wide",
    "ocs": "circle",
    "router": "hexagon",
    "core": "diamond",
}
#: pixels of a mark, and of one in a crowded row
_SIZES: Final = {"host": 11, "nvswitch": 14, "ocs": 11, "router": 13}
_SWITCH_SIZE: Final = 17
_MOST_LEGEND: Final = 14
#: spacings of marks across the picture beyond which they shrink
_ROOMY: Final = 46.0
#: marks beyond which they are too close for a number in them
_MOST_NUMBERED: Final = 2_000
#: pixels of a host there
_CROWDED_SIZE: Final = 7
_PIXELS_PER_RISE: Final = 52.0
#: what the kinds of fabric are called
FABRIC_NAMES: Final = {
    "clos": "Clos",
    "rail": "Rail-optimised",
    "rail-only": "Rail-only",
    "hpn": "HPN",
    "hpn-single-tor": "HPN with single ToRs",
    "dcn-plus": "DCN+",
    "railx": "RailX",
    "nvl72": "NVL72",
    "torus": "Torus",
    "dragonfly": "Dragonfly",
}


def map_figure(found: FabricMap) -> go.Figure:
    """Draw a fabric with the failures of the log and the reach of one fault.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.fabric_map.fabric_map`.

    Returns
    -------
    plotly.graph_objects.Figure
        Every mark has ``customdata`` of hover text, kind, name and the group to expand.
    """
    layout = found.layout
    figure = new_figure(_title(found), _subtitle(found))
    scale = _scale(layout)
    draw_frames(figure, layout, found.happened.together)
    draw_bundles(figure, layout)
    _draw_marks(figure, found, scale)
    _draw_rows(figure, layout)
    return _framed(figure, layout)


def _title(found: FabricMap) -> str:
    kind = found.fabric.kind
    name = "The fabric of this lake" if kind == "from-lake" else f"{FABRIC_NAMES[kind]} fabric"
    return f"{name}, from the hosts up" if found.layout.shape == "tiers" else name


def _subtitle(found: FabricMap) -> str:
    fabric, layout = found.fabric, found.layout
    parts = [f"{plural(fabric.hosts, 'host')}, {plural(fabric.hosts * fabric.gpus_per_host, 'GPU')}"]
    if fabric.kind == "from-lake":
        parts = [plural(fabric.hosts, "host")]
    parts += [row.text for row in layout.rows[1:]]
    if layout.expanded:
        parts.append(f"{label(layout.expanded)} in full, the others as sums: click one")
    missing = sum(bundle.missing for bundle in layout.bundles)
    if missing:
        parts.append(f"{plural(missing, 'cable')} fewer than usual between its switches (dotted)")
    if found.happened.exposure:
        failed = plural(sum(found.happened.failures.values()), "failure")
        beside = f" and {found.happened.elsewhere:,} off its cables" if found.happened.elsewhere else ""
        parts.append(f"{failed}{beside} in {label(found.happened.exposure)}")
    if found.hit:
        parts.append(
            f"loss of {label(found.hit.name)}: {plural(len(found.hit.down), 'host')} down, "
            f"{len(found.hit.degraded):,} slowed"
        )
    return " · ".join(parts)


def _scale(layout: Layout) -> float:
    (left, right), _ = extent(layout)
    return min(1.0, max(0.45, _ROOMY / max(right - left, 1.0)))


def _draw_marks(figure: go.Figure, found: FabricMap, scale: float) -> None:
    traces: defaultdict[tuple[str, str, str], list[Mark]] = defaultdict(list)
    for mark in found.layout.marks:
        traces[(*_legend(mark, found), _SYMBOLS.get(mark.kind, "square"))].append(mark)
    shown: set[str] = set()
    crowded = len(found.layout.marks) > _MOST_NUMBERED
    entries = sorted({name for name, _, _ in traces}, key=_legend_order)[:_MOST_LEGEND]
    for (name, colour, symbol), marks in sorted(traces.items(), key=lambda item: _legend_order(item[0][0])):
        failures = [found.failures_of(mark) for mark in marks]
        sizes = [_size(mark, scale, count, is_crowded=crowded) for mark, count in zip(marks, failures, strict=True)]
        hit = [found.hit is not None and found.hit.name in found.names_of(mark) for mark in marks]
        figure.add_trace(
            go.Scatter(
                x=[mark.x for mark in marks],
                y=[mark.y for mark in marks],
                mode="markers+text",
                name=name,
                legendgroup=name,
                showlegend=name in entries and name not in shown,
                text=[_inside(mark, count, is_crowded=crowded) for mark, count in zip(marks, failures, strict=True)],
                textfont={"size": 10, "color": "#ffffff", "family": FONT},
                customdata=[
                    [_mark_text(mark, found, count), mark.kind, found.names_of(mark)[0], mark.group]
                    for mark, count in zip(marks, failures, strict=True)
                ],
                hovertemplate="%{customdata[0]}<extra></extra>",
                marker={
                    "symbol": symbol,
                    "size": sizes,
                    "color": colour,
                    "opacity": 1,
                    "line": {
                        "color": [
                            _HIT_RING if is_hit else _ring(mark) for mark, is_hit in zip(marks, hit, strict=True)
                        ],
                        "width": [4 if is_hit else _ring_width(mark) for mark, is_hit in zip(marks, hit, strict=True)],
                    },
                },
            )
        )
        shown.add(name)
    _draw_failures(figure, found)


def _draw_failures(figure: go.Figure, found: FabricMap) -> None:
    """Mark switches, and hosts drawn as one, with how often they failed, at the corner of their mark."""
    failed = [
        (mark, count) for mark in found.layout.marks if len(mark.hosts) != 1 and (count := found.failures_of(mark))
    ]
    if not failed:
        return
    figure.add_trace(
        go.Scatter(
            x=[mark.x + _CORNER for mark, _ in failed],
            y=[mark.y + _CORNER for mark, _ in failed],
            mode="markers+text",
            name="failures in the log",
            text=[f"{count:,}" for _, count in failed],
            textfont={"size": 10, "color": "#ffffff", "family": FONT},
            customdata=[
                [_mark_text(mark, found, count), mark.kind, found.names_of(mark)[0], mark.group]
                for mark, count in failed
            ],
            hovertemplate="%{customdata[0]}<extra></extra>",
            marker={
                "symbol": "circle",
                "size": [max(15.0, min(24.0, 11.0 + 3.0 * len(f"{count:,}"))) for _, count in failed],
                "color": VERMILION,
                "line": {"width": 0},
                "opacity": 0.95,
            },
        )
    )


def _legend(mark: Mark, found: FabricMap) -> tuple[str, str]:
    """Return the entry of the legend, and the colour, of a mark."""
    if mark.kind == "host":
        if found.hit and any(host in found.hit.down for host in mark.hosts):
            return "host down", "#c0392b"
        if found.hit and any(host in found.hit.degraded for host in mark.hosts):
            return "host slowed", "#d9a400"
        if not found.hit and len(mark.hosts) == 1 and found.failures_of(mark):
            return "host with failures", VERMILION
        return "host", _HOST
    if mark.ring in RINGS:
        return f"OCSs of {mark.ring} rings", RINGS[mark.ring]
    if mark.kind == "nvswitch":
        return "NVSwitch domain", _NVSWITCH
    if mark.rail is not None:
        return f"rail {mark.rail}", carried_colour(mark.rail, None)
    if mark.plane is not None:
        return f"plane {mark.plane}", carried_colour(None, mark.plane)
    return counted(2, mark.kind).removeprefix("2 "), PLAIN


def _legend_order(name: str) -> tuple[int, int, str]:
    kind, _, number = name.rpartition(" ")
    order = {"rail": 1, "plane": 2}
    if kind in order and number.isdigit():
        return order[kind], int(number), ""
    return (0, 0, name) if name.startswith("host") else (3, 0, name)


def _size(mark: Mark, scale: float, failures: int, *, is_crowded: bool) -> float:
    if mark.count > 1 and not is_crowded:
        return max(20.0, 8.0 + 6.0 * len(f"{mark.count:,}"))
    size = _CROWDED_SIZE if is_crowded and mark.kind == "host" else _SIZES.get(mark.kind, _SWITCH_SIZE)
    return size * scale * (1.25 if failures and mark.kind == "host" else 1.0)


def _inside(mark: Mark, failures: int, *, is_crowded: bool) -> str:
    """Return the number in a mark: how many it stands for, or how often the one host failed."""
    if is_crowded:
        return ""
    if mark.count > 1:
        return f"{mark.count:,}"
    return f"{failures:,}" if failures and mark.kind == "host" else ""


def _ring(mark: Mark) -> str:
    """Return the outline: of a switch that has a rail for its colour it tells the plane."""
    if mark.kind != "host" and mark.rail is not None and mark.plane is not None:
        return carried_colour(None, mark.plane)
    return "rgba(0, 0, 0, 0)"


def _ring_width(mark: Mark) -> float:
    return 2.5 if mark.kind != "host" and mark.rail is not None and mark.plane is not None else 0.0


def _mark_text(mark: Mark, found: FabricMap, failures: int) -> str:
    names = found.names_of(mark)
    title = label(names[0], 48) if len(names) == 1 else f"{label(names[0], 40)} … {label(names[-1], 40)}"
    lines = [f"<b>{title}</b>", counted(mark.count, mark.kind)]
    lines += [
        f"{name} {value}"
        for name, value in (("pod", mark.pod), ("rail", mark.rail), ("plane", mark.plane))
        if value is not None
    ]
    lines.append(f"{plural(mark.cables, 'port')} in use")
    if mark.kind != "host":
        lines.append(f"{plural(mark.hosts_below, 'host')} below")
    lines += [label(found.notes[name], 60) for name in names if name in found.notes]
    if found.happened.exposure:
        lines.append(f"{plural(failures, 'failure')} in the log")
    if mark.group:
        lines.append("click to see all of them")
    return "<br>".join(lines)


def _draw_rows(figure: go.Figure, layout: Layout) -> None:
    """Name the tiers at the left, in the picture itself: a page sets the margins as it likes."""
    if layout.shape == "circle":
        return
    (left, right), _ = extent(layout)
    for row in layout.rows:
        text = row.text.replace(" ", "<br>", 1)
        figure.add_annotation(x=left - 0.012 * (right - left), xanchor="right", y=row.y, text=text, align="right")


def _framed(figure: go.Figure, layout: Layout) -> go.Figure:
    xs, ys = extent(layout)
    pad = 0.015 * (xs[1] - xs[0]) + 0.2
    rise = ys[1] - ys[0]
    height = int(min(900.0, max(400.0, 190.0 + _PIXELS_PER_RISE * rise)))
    captions = 0.0 if layout.shape == "circle" else _CAPTION_SHARE * (xs[1] - xs[0])
    figure.update_xaxes(visible=False, range=[xs[0] - pad - captions, xs[1] + pad], fixedrange=True)
    figure.update_yaxes(visible=False, range=[ys[0] - 1.2, ys[1] + 0.7], fixedrange=True)
    if layout.shape == "circle":
        height = 820
        figure.update_yaxes(scaleanchor="x", constrain="domain")
    figure.update_layout(height=height, hovermode="closest", legend={"itemclick": False, "itemdoubleclick": False})
    return finished(figure).update_layout(margin={"b": 8})


def clicked(point: dict[str, Any] | None) -> tuple[str, str, str]:
    """Return kind, name and group of a mark that a click's ``points[0]`` names; empty texts for a line.

    >>> clicked({"customdata": ["text", "tor", "pod0-rack1", ""]}), clicked(None)
    (('tor', 'pod0-rack1', ''), ('', '', ''))
    """
    data = (point or {}).get("customdata")
    if not isinstance(data, list) or len(data) != 4 or data[1] == "cables":
        return "", "", ""
    return str(data[1]), str(data[2]), str(data[3])
