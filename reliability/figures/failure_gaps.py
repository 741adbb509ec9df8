"""Mean gaps between failures, quarter by quarter."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from reliability.analyses.failure_gaps import FailureGaps
from reliability.figures.life_curves import plural_of
from reliability.figures.theme import BLUE, finished, new_figure, percent, plural


def gaps_figure(found: FailureGaps) -> go.Figure:
    """Draw the mean gap of each quarter with its interval.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.failure_gaps.failure_gaps`.

    Returns
    -------
    plotly.graph_objects.Figure
        Hours on a logarithmic axis; quarters with fewer than two times of failure have no gap.
    """
    rows = [row for row in found.quarters if row.gap_hours is not None]
    failures = sum(row.failures for row in found.quarters)
    times = sum(row.times for row in found.quarters)
    figure = new_figure(
        f"Mean time between failures of the fleet's {plural_of(found.component)}",
        f"{plural(failures, 'failure')} at {plural(times, 'distinct time')} · exact intervals, "
        f"{percent(found.confidence)}",
    )
    gap = np.array([row.gap_hours for row in rows], dtype=float)
    low = np.array([row.low_hours for row in rows], dtype=float)
    high = np.array([np.nan if row.high_hours is None else row.high_hours for row in rows], dtype=float)
    figure.add_trace(
        go.Scatter(
            x=[row.quarter for row in rows],
            y=gap,
            mode="markers",
            marker={"color": BLUE, "size": 9},
            error_y={"type": "data", "array": high - gap, "arrayminus": gap - low, "thickness": 1.5, "width": 4},
            customdata=np.column_stack([low, high, [row.failures for row in rows], [row.times for row in rows]])
            if rows
            else None,
            hovertemplate="%{y:.3g} h (%{customdata[0]:.3g}–%{customdata[1]:.3g}): %{customdata[2]:,} failures at "
            "%{customdata[3]:,} times<extra>%{x}</extra>",
        )
    )
    figure.update_xaxes(type="category", dtick=1 + len(rows) // 8, showgrid=False)
    figure.update_yaxes(type="log", title={"text": "hours between failures (logarithmic)"}, dtick=1)
    return finished(figure.update_layout(showlegend=False))
