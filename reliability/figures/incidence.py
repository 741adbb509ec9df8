"""What things die of: cumulative incidence of each cause over age."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from models.lifetimes.competing_risks import CumulativeIncidence
from reliability.analyses.incidence import GroupIncidence, Incidences
from reliability.figures.causes import cause_name
from reliability.figures.life_curves import (
    MOST_GROUPS,
    age_axis,
    colour,
    counted,
    shown,
    steps_drawn,
    time_unit,
    title_of,
)
from reliability.figures.theme import finished, label, new_figure, percent, translucent

#: more bands than this hide each other; the others stand on hovering
_MOST_BANDS: Final = 3
_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def incidence_figure(found: Incidences) -> go.Figure:
    """Draw the chance to have failed by each cause up to each age, with bands.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.incidence.cumulative_incidence`.

    Returns
    -------
    plotly.graph_objects.Figure
        One hue per cause, one dash per group; the most frequent causes where there are many.
    """
    groups, cut = shown(found.groups)
    groups = groups[: len(_DASHES)]
    totals: dict[str, float] = {}
    for group in groups:
        for curve in group.causes:
            totals[curve.cause] = totals.get(curve.cause, 0.0) + float(curve.events.sum())
    causes = sorted(totals, key=lambda cause: -totals[cause])[:MOST_GROUPS]
    some = f" of the {_MOST_BANDS} most frequent" if len(causes) > _MOST_BANDS else ""
    bands = f"Aalen–Johansen, {percent(found.confidence)} pointwise bands{some}"
    figure = new_figure(
        title_of("Causes of failure", found.component, found.by),
        f"{counted(found.component, found.groups)} · {bands}{cut}",
    )
    curves = [curve for group in groups for curve in group.causes]
    longest = max((float(curve.time_hours[-1]) for curve in curves), default=1.0)
    hours_per_unit, unit = time_unit(longest)
    for place, group in enumerate(groups):
        for curve in group.causes:
            if curve.cause in causes:
                for trace in _traces(
                    group, curve, causes.index(curve.cause), place, hours_per_unit, alone=len(groups) == 1
                ):
                    figure.add_trace(trace)
    figure.update_xaxes(title={"text": age_axis(found.component, unit)}, rangemode="tozero")
    figure.update_yaxes(title={"text": "share failed by the cause"}, tickformat=".3~p", rangemode="tozero")
    return finished(figure.update_layout(showlegend=True))


def _traces(
    group: GroupIncidence, curve: CumulativeIncidence, cause: int, place: int, hours_per_unit: float, *, alone: bool
) -> list[go.Scatter]:
    steps = steps_drawn(curve.time_hours.size)
    time, hue = curve.time_hours[steps] / hours_per_unit, colour(cause)
    name = label(cause_name(curve.cause))
    legend = f"{cause}-{place}"
    edge = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "legendgroup": legend, "hoverinfo": "skip"}
    band = [
        go.Scatter(x=time, y=curve.low[steps], showlegend=False, **edge),
        go.Scatter(
            x=time, y=curve.high[steps], showlegend=False, fill="tonexty", fillcolor=translucent(hue, 0.12), **edge
        ),
    ]
    return [
        *(band if cause < _MOST_BANDS else []),
        go.Scatter(
            x=time,
            y=curve.incidence[steps],
            mode="lines",
            name=f"{name} ({curve.events.sum():,.0f})" if alone else f"{name}, {label(group.group, 20)}",
            legendgroup=legend,
            line={"color": hue, "width": 2.2, "shape": "hv", "dash": _DASHES[place]},
            customdata=np.column_stack([curve.low[steps], curve.high[steps]]),
            hovertemplate="%{y:.2%} (%{customdata[0]:.2%}–%{customdata[1]:.2%}) at %{x:.3g}<extra></extra>",
        ),
    ]
