"""Fabrics side by side, as bars: how far the loss of each component reaches in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from reliability.figures.theme import PALETTE, finished, label, new_figure, translucent

if TYPE_CHECKING:
    from models.topology.blast.radius import BlastRadius
    from reliability.analyses.fabric_compare import FabricCompare

#: what a reader compares first; other classes are in the table
_DRAWN: Final = (
    *("gpu", "nic", "nic-link", "ocs-link", "host", "nvswitch", "tor", "leaf", "router", "tor-pair", "agg"),
    *("spine", "core", "ocs", "rail", "plane"),
)


def fabric_compare_figure(compare: FabricCompare) -> go.Figure:
    """Draw the share of each fabric's GPUs that the worst component of a class takes down, and that it degrades.

    Parameters
    ----------
    compare
        Answer of :func:`reliability.analyses.fabric_compare.fabric_compare`.

    Returns
    -------
    plotly.graph_objects.Figure
        Two panels with the classes in common, a colour for each fabric.
    """
    classes = [kind for kind in _DRAWN if kind in compare.classes]
    said = [
        f"{fabric.name}: {fabric.show.counts.gpus:,} GPUs, ${fabric.cost_per_gpu:,.0f} of network each"
        for fabric in compare.fabrics
    ]
    frame = new_figure("What the worst fault of each class reaches", label(" · ".join(said), 400))
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.05)
    figure.update_layout(frame.layout)
    for number, fabric in enumerate(compare.fabrics):
        colour = translucent(PALETTE[number % len(PALETTE)], 0.7)
        gpus = fabric.show.counts.gpus
        for column in (1, 2):
            radii = [fabric.worst.get(kind) for kind in classes]
            figure.add_trace(
                go.Bar(
                    orientation="h",
                    name=label(fabric.name),
                    legendgroup=str(number),
                    showlegend=column == 1,
                    x=[_share(radius, gpus, down=column == 1) for radius in radii],
                    y=list(range(len(classes))),
                    marker={"color": colour},
                    customdata=[_hover(kind, radius) for kind, radius in zip(classes, radii, strict=True)],
                    hovertemplate="<b>%{customdata[0]}</b><br>%{x:.4%} of the GPUs<br>%{customdata[1]}<extra></extra>",
                ),
                row=1,
                col=column,
            )
    figure.update_yaxes(
        tickvals=list(range(len(classes))),
        ticktext=[label(kind) for kind in classes],
        range=[len(classes) - 0.4, -0.6],
        showgrid=False,
    )
    figure.update_xaxes(type="log", tickformat="~p", dtick=1, range=[-5.2, 0.1])
    figure.update_xaxes(title={"text": "share of the GPUs: down"}, col=1)
    figure.update_xaxes(title={"text": "degraded"}, col=2)
    height = 190 + (14 + 10 * len(compare.fabrics)) * max(4, len(classes))
    return finished(figure.update_layout(height=height, barmode="group", showlegend=True))


def _share(radius: BlastRadius | None, gpus: int, *, down: bool) -> float | None:
    reached = 0 if radius is None else radius.gpus_down if down else radius.gpus_degraded
    return reached / gpus if reached else None


def _hover(kind: str, radius: BlastRadius | None) -> list[str]:
    if radius is None:
        return [label(kind), "none in this fabric"]
    left = f"{radius.bandwidth_left_share:.2%} of their bandwidth left" if radius.gpus_degraded else ""
    return [label(kind), f"{radius.gpus_down:,} down, {radius.gpus_degraded:,} degraded {left}".strip()]
