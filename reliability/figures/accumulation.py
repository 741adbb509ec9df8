"""Mean cumulative functions: failures per unit by its time in service."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from reliability.analyses.accumulation import Accumulation
from reliability.figures.theme import PALETTE, finished, label, new_figure, percent, plural, translucent

_HOURS_PER_DAY: Final = 24.0
#: more curves cannot be told apart
_MOST_CURVES: Final = 7


def accumulation_figure(found: Accumulation) -> go.Figure:
    """Draw the curves of the groups that failed most per unit, each with its pointwise band.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.accumulation.accumulation`.

    Returns
    -------
    plotly.graph_objects.Figure
        Failures per unit against days in service.
    """
    curves = [(group.group, group.curve) for group in found.groups if group.curve is not None]
    curves.sort(key=lambda pair: -float(pair[1].mean[-1]))
    drawn = curves[:_MOST_CURVES]
    failures, units = sum(group.failures for group in found.groups), sum(group.units for group in found.groups)
    parts = [f"{plural(failures, 'failure')} of {plural(units, 'unit')}", f"{percent(found.confidence)} robust band"]
    if found.difference is not None:
        parts.append(f"equal curves: p = {found.difference.p_value:.2g}")
    if len(drawn) < len(found.groups):
        parts.append(f"{len(drawn)} of {len(found.groups)} groups drawn")
    by = "" if found.by is None else f" by {label(found.by.replace('_', ' '))}"
    figure = new_figure(f"Failures per unit{by}", " · ".join(parts))
    for number, (name, curve) in enumerate(drawn):
        colour = PALETTE[number % len(PALETTE)]
        days = [0.0, *(curve.time_hours / _HOURS_PER_DAY)]
        band = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip", "showlegend": False}
        figure.add_trace(go.Scatter(x=days, y=[0.0, *curve.high], **band))
        figure.add_trace(go.Scatter(x=days, y=[0.0, *curve.low], fill="tonexty", fillcolor=translucent(colour), **band))
        figure.add_trace(
            go.Scatter(
                x=days,
                y=[0.0, *curve.mean],
                mode="lines",
                line={"color": colour, "width": 2, "shape": "hv"},
                name=label(name),
                hovertemplate="%{x:.4g} days: %{y:.3g} per unit<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": "days in service under observation"}, rangemode="tozero")
    figure.update_yaxes(title={"text": "failures per unit"}, rangemode="tozero")
    return finished(figure.update_layout(showlegend=len(drawn) > 1))
