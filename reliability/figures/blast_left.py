"""What a fault leaves of each rail and plane."""

from __future__ import annotations

import plotly.graph_objects as go

from models.topology.blast.radius import BlastRadius
from reliability.figures.fabric_map_wires import carried_colour
from reliability.figures.theme import finished, label, new_figure, plural


def left_figure(radius: BlastRadius) -> go.Figure:
    """Draw the bandwidth that a fault leaves of each rail and plane, as bars.

    Parameters
    ----------
    radius
        Of :func:`models.topology.blast.radius.blast_radius`; it has a rail or a plane.
    """
    bars = [(f"rail {rail}", share, carried_colour(rail, None)) for rail, share in sorted(radius.by_rail.items())]
    bars += [(f"plane {plane}", share, carried_colour(None, plane)) for plane, share in sorted(radius.by_plane.items())]
    hosts = plural(radius.hosts_down + radius.hosts_degraded, "host")
    lost = ", ".join(label(component.name) for component in radius.components)
    figure = new_figure("Bandwidth left of each rail and plane", f"loss of {lost} · {hosts} that it reaches")
    figure.add_trace(
        go.Bar(
            x=[name for name, _, _ in bars],
            y=[100 * share for _, share, _ in bars],
            marker={"color": [colour for _, _, colour in bars]},
            text=[f"{100 * share:.3g}" for _, share, _ in bars],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x}: %{y:.4g}% left<extra></extra>",
            showlegend=False,
        )
    )
    figure.update_yaxes(title={"text": "left (%)"}, range=[0, 108])
    return finished(figure.update_layout(height=360))
