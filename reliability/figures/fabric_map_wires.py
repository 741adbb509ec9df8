"""What lies between the marks of a fabric's map: frames around what belongs together, and bundles of cables."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import plotly.graph_objects as go

from models.topology.layout.drawing import Bundle, Layout
from reliability.figures.theme import BLUE, GREEN, GREY, ORANGE, PINK, SKY, VERMILION, label, plural, translucent

#: of what has neither rail nor plane
PLAIN: Final = GREY
#: rail 0 to 7; more rails begin again
RAILS: Final = (BLUE, ORANGE, GREEN, PINK, "#8f6fd1", SKY, "#b09a2b", "#b3694a")
PLANES: Final = ("#5a6fc0", "#c07a3a", "#4c9a8e", "#a35c8f")
#: dimensions of a grid and kinds of a dragonfly's cables
RINGS: Final = {"x": BLUE, "y": ORANGE, "z": GREEN, "local": GREY, "global": BLUE}
#: pixels across that the picture may be expected to have
_PIXELS: Final = 1250.0
_LETTER: Final = 5.6
_WIDTHS: Final = (0.7, 1.3, 2.2, 3.6)


def draw_frames(figure: go.Figure, layout: Layout, together: Mapping[str, int]) -> None:
    """Draw the boxes around groups of hosts and pods, with their captions as far as there is room.

    Parameters
    ----------
    figure, layout
        Where to draw what.
    together
        Shared events of groups, by name; their boxes stand out.
    """
    (left, right), _ = extent(layout)
    pixels = _PIXELS / max(1.0, right - left)
    for frame in layout.frames:
        shared = together.get(frame.name, 0)
        detail = f"{frame.detail}, {plural(shared, 'shared event')}" if shared else frame.detail
        dash = "dot" if frame.holds_switches else "solid"
        figure.add_shape(
            type="rect",
            x0=frame.x0,
            y0=frame.y0,
            x1=frame.x1,
            y1=frame.y1,
            line={"color": VERMILION, "width": 2, "dash": dash}
            if shared
            else {"color": GREY, "width": 1, "dash": dash},
            fillcolor=translucent(GREY, 0.04 if frame.holds_switches else 0.10),
            layer="below",
        )
        if not frame.name:
            continue
        # Collapsed groups are narrow: the last word of the name is what tells them apart.
        room = (frame.x1 - frame.x0) * pixels
        is_short = frame.is_collapsed or room < _LETTER * len(frame.name)
        name = frame.name.rpartition("-")[2] if is_short else frame.name
        narrow = not frame.holds_switches and room < _LETTER * max(len(name), len(detail))
        figure.add_annotation(
            x=frame.x0 if frame.holds_switches else (frame.x0 + frame.x1) / 2,
            y=frame.y1 if frame.holds_switches else frame.y0,
            xanchor="left" if frame.holds_switches else "center",
            yanchor="bottom" if frame.holds_switches else "top",
            text=_caption(name, detail, is_line=frame.holds_switches, is_narrow=narrow),
            textangle=-90 if narrow and room < _LETTER * len(name) else 0,
            font={"size": 10 if narrow else 11},
        )


def _caption(name: str, detail: str, *, is_line: bool, is_narrow: bool) -> str:
    if is_line:
        return f"{label(name)} · {label(detail)}"
    if is_narrow:
        return label(name, 24)
    return f"{label(name, 24)}<br><span style='font-size:10px'>{label(detail)}</span>"


def draw_bundles(figure: go.Figure, layout: Layout) -> None:
    """Draw the lines, those of one colour and width as one trace; what a line is can be read at its middle."""
    most = max((bundle.gbps for bundle in layout.bundles), default=1.0)
    least = min((bundle.gbps for bundle in layout.bundles if bundle.gbps), default=1.0)
    dense = min(1.0, 40.0 / math.sqrt(max(1, len(layout.bundles))) / 2)
    lines: defaultdict[tuple[str, float, str], tuple[list[float | None], list[float | None]]] = defaultdict(
        lambda: ([], [])
    )
    for bundle in layout.bundles:
        colour = RINGS.get(bundle.ring) or carried_colour(bundle.rail, bundle.plane)
        key = (VERMILION, 1.6, "dot") if bundle.missing else (colour, _width(bundle.gbps, least, most), "solid")
        xs, ys = lines[key]
        xs += [*bundle.xs, None]
        ys += [*bundle.ys, None]
    for (colour, width, dash), (xs, ys) in sorted(lines.items()):
        figure.add_trace(
            go.Scatter(
                x=xs,
                y=ys,
                mode="lines",
                line={"color": colour, "width": width, "dash": dash},
                opacity=0.9 if dash == "dot" else max(0.3, 0.8 * dense),
                hoverinfo="skip",
                showlegend=False,
            )
        )
    if layout.bundles:
        middles = [_middle(bundle) for bundle in layout.bundles]
        figure.add_trace(
            go.Scatter(
                x=[x for x, _ in middles],
                y=[y for _, y in middles],
                mode="markers",
                marker={"size": 7, "color": GREY, "opacity": 0},
                customdata=[[_cable_text(bundle), "cables", "", ""] for bundle in layout.bundles],
                hovertemplate="%{customdata[0]}<extra></extra>",
                showlegend=False,
            )
        )


def _middle(bundle: Bundle) -> tuple[float, float]:
    """Return a point of the line: a third up, where lines to many parents are still apart."""
    if len(bundle.xs) > 2:
        half = len(bundle.xs) // 2
        return bundle.xs[half], bundle.ys[half]
    share = 0.35
    return (
        bundle.xs[0] + share * (bundle.xs[1] - bundle.xs[0]),
        bundle.ys[0] + share * (bundle.ys[1] - bundle.ys[0]),
    )


def _cable_text(bundle: Bundle) -> str:
    ends = f"{label(bundle.one, 48)} – {label(bundle.other, 48)}"
    text = f"{ends}<br>{plural(bundle.cables, 'cable')}, {bundle.gbps:,.0f} Gb/s"
    if bundle.missing:
        text += f"<br>{plural(bundle.missing, 'cable')} fewer than between others of these tiers"
    return text


def _width(gbps: float, least: float, most: float) -> float:
    if most <= least:
        return _WIDTHS[1]
    place = math.log(max(gbps, least) / least) / math.log(most / least)
    return _WIDTHS[min(len(_WIDTHS) - 1, int(place * len(_WIDTHS)))]


def carried_colour(rail: int | None, plane: int | None) -> str:
    """Return the colour of what carries a rail, or else a plane."""
    if rail is not None:
        return RAILS[rail % len(RAILS)]
    return PLANES[plane % len(PLANES)] if plane is not None else PLAIN


def extent(layout: Layout) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the left and right, and the lower and upper end of a picture."""
    xs: list[float] = [mark.x for mark in layout.marks]
    ys: list[float] = [mark.y for mark in layout.marks]
    for frame in layout.frames:
        xs += [frame.x0, frame.x1]
        ys += [frame.y0, frame.y1]
    return (min(xs, default=0.0), max(xs, default=1.0)), (min(ys, default=0.0), max(ys, default=1.0))
