"""The failure rate over age: in bins with exact intervals (the bathtub), and accumulated."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from reliability.analyses.hazards import GroupHazard, Hazards
from reliability.figures.life_curves import (
    HOURS_PER_DAY,
    age_axis,
    colour,
    counted,
    shown,
    steps_drawn,
    time_unit,
    title_of,
)
from reliability.figures.theme import finished, label, new_figure, percent, translucent


def bathtub_figure(found: Hazards) -> go.Figure:
    """Draw the rate in bins of age as levels with their exact intervals as boxes.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.hazards.hazards`.

    Returns
    -------
    plotly.graph_objects.Figure
        Failures per 1000 days of exposure over age.
    """
    groups, cut = shown(found.groups)
    subtitle = f"{counted(found.component, found.groups)} · exact Poisson intervals, {percent(found.confidence)}{cut}"
    what = "Rate of being repaired" if found.component == "repair" else "Failure rate by age"
    figure = new_figure(title_of(what, found.component, found.by), subtitle)
    hours_per_unit, unit = time_unit(max(float(group.binned.end_hours[-1]) for group in groups))
    for number, group in enumerate(groups):
        for trace in _levels(group, number, hours_per_unit, found.confidence):
            figure.add_trace(trace)
    figure.update_xaxes(title={"text": age_axis(found.component, unit)}, rangemode="tozero")
    ends = "repairs" if found.component == "repair" else "failures"
    figure.update_yaxes(title={"text": f"{ends} per 1000 days"}, range=[0, 1.05 * _top(groups)])
    return finished(figure.update_layout(showlegend=len(groups) > 1))


def _top(groups: list[GroupHazard]) -> float:
    """Return how high the axis reaches: a bin with hardly any exposure has a limit that would flatten all others."""
    per = 1000.0 * HOURS_PER_DAY
    highest = max(float(group.binned.high_per_hour.max()) for group in groups)
    rate = max(float(group.binned.rate_per_hour.max()) for group in groups)
    return per * (min(highest, 2.5 * rate) if rate else highest)


def cumulative_hazard_figure(found: Hazards) -> go.Figure:
    """Draw Nelson–Aalen curves as steps with their bands.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.hazards.hazards`.
    """
    groups, cut = shown(found.groups)
    bands = f"Nelson–Aalen, {percent(found.confidence)} bands"
    figure = new_figure(
        title_of("Cumulative hazard", found.component, found.by),
        f"{counted(found.component, found.groups)} · {bands}{cut}",
    )
    hours_per_unit, unit = time_unit(max(float(group.cumulative.time_hours[-1]) for group in groups))
    highest = max(float(group.cumulative.cumulative_hazard.max()) for group in groups)
    for number, group in enumerate(groups):
        curve = group.cumulative
        steps = steps_drawn(curve.time_hours.size)
        time, hue = curve.time_hours[steps] / hours_per_unit, colour(number)
        edge = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "legendgroup": str(number), "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(x=time, y=curve.low[steps], showlegend=False, **edge))
        figure.add_trace(
            go.Scatter(
                x=time,
                y=curve.high[steps],
                showlegend=False,
                fill="tonexty",
                fillcolor=translucent(hue),
                **edge,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=time,
                y=curve.cumulative_hazard[steps],
                mode="lines",
                name=f"{label(group.group)} ({group.events:,} of {group.lives:,})",
                legendgroup=str(number),
                line={"color": hue, "width": 2.2, "shape": "hv"},
                customdata=np.column_stack([curve.low[steps], curve.high[steps]]),
                hovertemplate="%{y:.3g} (%{customdata[0]:.3g}–%{customdata[1]:.3g}) at %{x:.3g}<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": age_axis(found.component, unit)}, rangemode="tozero")
    # The bound of an emptied risk set is infinite: the axis is of the curves.
    figure.update_yaxes(title={"text": "failures per unit so far"}, range=[0, 1.25 * highest if highest else 1.0])
    return finished(figure.update_layout(showlegend=len(groups) > 1))


def _levels(
    group: GroupHazard, number: int, hours_per_unit: float, confidence: float
) -> tuple[go.Scatter, go.Scatter, go.Scatter]:
    binned, hue = group.binned, colour(number)
    per = 1000.0 * HOURS_PER_DAY
    # Each bin is two points; steps between neighbours are drawn by the line itself.
    age = np.column_stack([binned.start_hours, binned.end_hours]).ravel() / hours_per_unit
    rate, low, high = (
        np.repeat(per * part, 2) for part in (binned.rate_per_hour, binned.low_per_hour, binned.high_per_hour)
    )
    hours = np.repeat(binned.exposure_hours / HOURS_PER_DAY, 2)
    edge = {"mode": "lines", "line": {"width": 0}, "legendgroup": str(number), "hoverinfo": "skip"}
    line = go.Scatter(
        x=age,
        y=rate,
        mode="lines",
        name=f"{label(group.group)} ({group.events:,} of {group.lives:,})",
        legendgroup=str(number),
        line={"color": hue, "width": 2.2},
        customdata=np.column_stack([low, high, np.repeat(binned.events, 2), hours]),
        hovertemplate=f"%{{y:.3g}} (%{{customdata[0]:.3g}}–%{{customdata[1]:.3g}}, {percent(confidence)}): "
        "%{customdata[2]:,.0f} in %{customdata[3]:,.0f} days at risk<extra></extra>",
    )
    return (
        go.Scatter(x=age, y=low, showlegend=False, **edge),
        go.Scatter(x=age, y=high, showlegend=False, fill="tonexty", fillcolor=translucent(hue), **edge),
        line,
    )
