"""The competing ends of attempts, stacked over run time."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from reliability.analyses.job_ends import JobEnds
from reliability.figures.jobs import end_name
from reliability.figures.theme import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    VERMILION,
    finished,
    label,
    new_figure,
    percent,
    plural,
)

_COLOURS: Final = {
    "infrastructure": VERMILION,
    "user_failure": ORANGE,
    "out_of_memory": PINK,
    "preempted": BLUE,
    "timeout": SKY,
    "cancelled": GREY,
    "other": "#a9b0ba",
    "completed": GREEN,
}
#: steps drawn of a curve; more could not be told apart
_MOST_STEPS: Final = 300


def ends_figure(ends: JobEnds) -> go.Figure:
    """Draw the cumulative incidence of each end over run time, stacked: what is left above them still runs.

    Parameters
    ----------
    ends
        Answer of :func:`reliability.analyses.job_ends.job_ends`; its first group is drawn.

    Returns
    -------
    plotly.graph_objects.Figure
        Run time on a logarithmic axis from a minute on; intervals on hovering.
    """
    curve = ends.curves[0]
    of = f" of {label(curve.group)}" if ends.by else ""
    figure = new_figure(
        f"How attempts{of} end over their run time",
        f"{plural(curve.attempts, 'attempt')} · {percent(ends.confidence)} pointwise intervals on hovering",
    )
    last = float(curve.time_hours[-1])
    hours = np.geomspace(min(1 / 60, last / 2), last, _MOST_STEPS)
    rows = np.searchsorted(curve.time_hours, hours, side="right") - 1
    for name, found in zip(ends.ends, curve.incidences, strict=True):
        figure.add_trace(
            go.Scatter(
                x=hours,
                y=found.incidence[rows],
                name=end_name(name),
                mode="lines",
                line={"width": 0.5, "color": _COLOURS[name], "shape": "hv"},
                fillcolor=_COLOURS[name],
                stackgroup="ends",
                customdata=np.column_stack([found.low[rows], found.high[rows]]),
                hovertemplate=f"{end_name(name)}: %{{y:.2%}} (%{{customdata[0]:.2%}}–%{{customdata[1]:.2%}})"
                "<extra></extra>",
            )
        )
    figure.update_xaxes(
        type="log", title={"text": "run time (hours)"}, showgrid=False, hoverformat=".3~g", tickformat="~g", dtick=1
    )
    figure.update_yaxes(title={"text": "share of attempts"}, tickformat=".0%", range=[0, 1])
    return finished(figure.update_layout(height=420, showlegend=True, hovermode="x unified"))
