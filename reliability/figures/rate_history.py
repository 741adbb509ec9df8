"""The course of a failure rate: the trailing window with its band, and the regimes between changes."""

from __future__ import annotations

from datetime import timedelta

import plotly.graph_objects as go

from reliability.analyses.rate_history import RateHistory
from reliability.figures.theme import BLUE, VERMILION, finished, new_figure, percent, plural, translucent


def history_figure(history: RateHistory) -> go.Figure:
    """Draw the rate of the trailing window day by day, and each regime between changes as a step.

    Parameters
    ----------
    history
        Answer of :func:`reliability.analyses.rate_history.rate_history`.

    Returns
    -------
    plotly.graph_objects.Figure
        Rates per 1000 days of exposure.
    """
    rolling, unit = history.rolling, history.unit
    subtitle = (
        f"{plural(history.failures, 'failure')} in {plural(history.exposure_days, f'{unit}-day')} · last "
        f"{rolling.window_days} days, {percent(history.confidence)} exact Poisson band at each day · "
        + (plural(len(history.changes), "change") if history.changes else "no change found")
    )
    figure = new_figure("Rate over time", subtitle)
    days = [history.day(day) for day in rolling.day]
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_trace(go.Scatter(x=days, y=1000 * rolling.high_per_day, showlegend=False, **band))
    figure.add_trace(
        go.Scatter(
            x=days,
            y=1000 * rolling.low_per_day,
            fill="tonexty",
            fillcolor=translucent(BLUE),
            name=f"{percent(history.confidence)} band",
            **band,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=days,
            y=1000 * rolling.rate_per_day,
            mode="lines",
            line={"color": BLUE, "width": 2},
            name=f"last {rolling.window_days} days",
            customdata=list(
                zip(rolling.failures, 1000 * rolling.low_per_day, 1000 * rolling.high_per_day, strict=True)
            ),
            hovertemplate="%{x|%Y-%m-%d}: %{y:.3g} (%{customdata[1]:.3g}–%{customdata[2]:.3g}), "
            "%{customdata[0]:.0f} failures<extra></extra>",
        )
    )
    if history.changes:
        figure.add_trace(_regimes(history))
        for change in history.changes:
            figure.add_vrect(
                x0=history.day(change.low_day).isoformat(),
                x1=(history.day(change.high_day) + timedelta(days=1)).isoformat(),
                fillcolor=translucent(VERMILION, 0.12),
                line_width=0,
                layer="below",
            )
    figure.update_yaxes(title={"text": f"failures per 1000 {unit}-days"}, rangemode="tozero")
    return finished(figure)


def _regimes(history: RateHistory) -> go.Scatter:
    """Return the rates between changes as steps; where a change may lie is drawn behind them as a band."""
    changes = history.changes
    borders = [
        history.first_day,
        *(history.day(change.day) for change in changes),
        history.day(history.rolling.day[-1]),
    ]
    rates = [changes[0].before, *(change.after for change in changes)]
    return go.Scatter(
        x=borders,
        y=[*(rate.rate_per_1000_days for rate in rates), rates[-1].rate_per_1000_days],
        mode="lines",
        line={"color": VERMILION, "width": 2, "shape": "hv"},
        name="rate between changes",
        hovertemplate="from %{x|%Y-%m-%d}: %{y:.3g}<extra></extra>",
    )
