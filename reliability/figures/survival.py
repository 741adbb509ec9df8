"""Survival curves with their bands, and the units at risk under them."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from models.lifetimes.survival import SurvivalCurve
from reliability.analyses.survival import GroupCurve, Survival
from reliability.figures.life_curves import age_axis, colour, counted, shown, steps_drawn, time_unit, title_of
from reliability.figures.theme import finished, label, new_figure, percent, translucent

_AT_RISK_COLUMNS: Final = 6


def survival_figure(survival: Survival) -> go.Figure:
    """Draw Kaplan–Meier curves as steps with their bands, and the numbers at risk under the axis.

    Parameters
    ----------
    survival
        Answer of :func:`reliability.analyses.survival.survival`.

    Returns
    -------
    plotly.graph_objects.Figure
        Share surviving over time in service.
    """
    what = "Duration" if survival.component == "repair" else "Survival"
    figure = new_figure(title_of(what, survival.component, survival.by), curves_subtitle(survival))
    return with_curves(figure, survival)


def curves_subtitle(survival: Survival) -> str:
    """Return n, method and confidence of the curves."""
    _, cut = shown(survival.curves)
    bands = f"{percent(survival.confidence)} {survival.interval} bands"
    return f"{counted(survival.component, survival.curves)} · Kaplan–Meier, {bands}{cut}"


def with_curves(figure: go.Figure, survival: Survival) -> go.Figure:
    """Add the curves, their bands and the numbers at risk to a figure."""
    groups, _ = shown(survival.curves)
    hours_per_unit, unit = time_unit(longest_hours(groups))
    for number, group in enumerate(groups):
        for trace in _curve_traces(group, number, hours_per_unit, survival.confidence):
            figure.add_trace(trace)
    lowest = min(float(group.curve.low.min()) for group in groups)
    figure.update_xaxes(title={"text": age_axis(survival.component, unit)}, rangemode="tozero")
    share = "share still down" if survival.component == "repair" else "share surviving"
    # A curve that stays high is looked at from near, never with an axis that hides how high it is.
    figure.update_yaxes(title={"text": share}, tickformat=".0%", range=[0 if lowest < 0.6 else lowest - 0.05, 1.01])
    _add_numbers_at_risk(figure, groups, hours_per_unit)
    return finished(figure.update_layout(showlegend=len(groups) > 1))


def longest_hours(groups: list[GroupCurve]) -> float:
    """Return where the longest curve ends."""
    return max(float(group.curve.time_hours[-1]) for group in groups)


def _curve_traces(
    group: GroupCurve, number: int, hours_per_unit: float, confidence: float
) -> tuple[go.Scatter, go.Scatter, go.Scatter]:
    curve, hue = group.curve, colour(number)
    steps = steps_drawn(len(curve.time_hours))
    time = curve.time_hours[steps] / hours_per_unit
    edge = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "legendgroup": str(number), "hoverinfo": "skip"}
    low = go.Scatter(x=time, y=curve.low[steps], showlegend=False, **edge)
    line = go.Scatter(
        x=time,
        y=curve.survival[steps],
        mode="lines",
        name=f"{label(group.group)} ({group.events:,} of {group.lives:,})",
        legendgroup=str(number),
        line={"color": hue, "width": 2.2, "shape": "hv"},
        customdata=np.column_stack([curve.low[steps], curve.high[steps], curve.at_risk[steps]]),
        hovertemplate="%{y:.1%} "
        f"(%{{customdata[0]:.1%}}–%{{customdata[1]:.1%}}, {percent(confidence)}) at %{{x:.3g}}, "
        "%{customdata[2]:,.0f} at risk<extra></extra>",
    )
    # The upper edge fills down to the trace before it: the lower edge.
    high = go.Scatter(x=time, y=curve.high[steps], showlegend=False, fill="tonexty", fillcolor=translucent(hue), **edge)
    return low, high, line


def _add_numbers_at_risk(figure: go.Figure, groups: list[GroupCurve], hours_per_unit: float) -> None:
    columns = np.linspace(0.0, longest_hours(groups), _AT_RISK_COLUMNS)
    below: dict[str, object] = {"y": 0, "yref": "paper", "yanchor": "middle"}
    heading = {**below, "x": 0, "xref": "paper", "xanchor": "left", "yshift": -66, "text": "at risk"}
    numbers = [
        {
            **below,
            "x": hours / hours_per_unit,
            "yshift": -84 - 18 * number,
            "text": f"{_at_risk(group.curve, float(hours)):,.0f}",
            "font": {"color": colour(number)},
        }
        for number, group in enumerate(groups)
        for hours in columns
    ]
    rows = len(groups)
    figure.update_layout(annotations=[heading, *numbers], margin={"b": 100 + 18 * rows}, height=420 + 18 * rows)


def _at_risk(curve: SurvivalCurve, hours: float) -> float:
    return curve.at(hours).at_risk if hours <= curve.time_hours[-1] else 0.0
