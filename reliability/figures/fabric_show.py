"""What a fabric consists of, as bars: switches and cables by tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from reliability.figures.theme import BLUE, ORANGE, finished, label, new_figure, plural, translucent

if TYPE_CHECKING:
    from reliability.analyses.fabric_show import FabricShow


def fabric_show_figure(show: FabricShow) -> go.Figure:
    """Draw switches and cables by tier, the hosts' own cables at the bottom.

    Parameters
    ----------
    show
        Answer of :func:`reliability.analyses.fabric_show.fabric_show`.

    Returns
    -------
    plotly.graph_objects.Figure
        Two panels with the tiers in common.
    """
    counts = show.counts
    said = [plural(counts.gpus, "GPU"), plural(counts.hosts, "host"), f"${counts.cost_dollars:,.0f} for the network"]
    name = counts.kind if show.real is None else f"the fabric of cluster {show.real.cluster}"
    frame = new_figure(f"What {label(name, 60)} consists of", " · ".join(said))
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.08)
    figure.update_layout(frame.layout)
    rows = show.rows()
    tiers = [label(row["tier"]) for row in rows]
    for column, (key, colour) in enumerate((("switches", BLUE), ("links", ORANGE)), start=1):
        numbers = [row[key] or 0 for row in rows]
        figure.add_trace(
            go.Bar(
                orientation="h",
                x=numbers,
                y=tiers,
                text=[f"{number:,}" for number in numbers],
                cliponaxis=False,
                marker={"color": translucent(colour, 0.55)},
                hovertemplate="%{y}: %{x:,}<extra></extra>",
                showlegend=False,
            ),
            row=1,
            col=column,
        )
    figure.update_xaxes(title={"text": "switches"}, col=1)
    figure.update_xaxes(title={"text": "cables up to the tier"}, col=2)
    return finished(figure.update_layout(height=180 + 36 * max(3, len(rows)), showlegend=False))
