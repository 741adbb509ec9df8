"""The fleet at a glance: node time lost per day, and how jobs ended."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import plotly.graph_objects as go

from reliability.analyses.overview import Overview
from reliability.figures.theme import BLUE, GREY, ORANGE, SKY, VERMILION, finished, label, new_figure, plural

#: what a node-day was that was not up, worst at the bottom of the stack
_LOSSES: Final = (
    ("down_unplanned_node_days", "down, unplanned", VERMILION),
    ("down_planned_node_days", "down, planned", SKY),
    ("drain_node_days", "drained", ORANGE),
    ("unknown_node_days", "unknown", GREY),
)


def availability_figure(overview: Overview) -> go.Figure:
    """Draw the share of node time that was not available, day by day, by reason.

    Parameters
    ----------
    overview
        Answer of :func:`reliability.analyses.overview.overview`.

    Returns
    -------
    plotly.graph_objects.Figure
        Stacked shares of the in-service node-days of each day, all clusters together.
    """
    days = _summed(overview.days)
    in_service = sum(day["in_service_node_days"] for day in days.values())
    up = sum(day["up_node_days"] for day in days.values())
    available = f"{up / in_service:.2%} available" if in_service else "no node time observed"
    outages = sum(day["failures"] for day in days.values())
    figure = new_figure(
        "Node time not available",
        f"{available} of {plural(in_service, 'node-day')} in service · {plural(outages, 'unplanned outage')}",
    )
    for column, name, colour in _LOSSES:
        if any(day[column] > 1e-9 for day in days.values()):
            figure.add_trace(_loss_bars(days, column, name, colour))
    figure.update_xaxes(title={"text": "day (UTC)"}, type="date", showgrid=False)
    figure.update_yaxes(title={"text": "share of node time"}, tickformat=".1~%", rangemode="tozero")
    return finished(figure.update_layout(barmode="stack", bargap=0.1, height=380, showlegend=True))


def states_figure(overview: Overview) -> go.Figure:
    """Draw how jobs ended: each state's share of attempts and of GPU-hours.

    Parameters
    ----------
    overview
        Answer of :func:`reliability.analyses.overview.overview`.
    """
    states = overview.states
    attempts = sum(state["attempts"] for state in states)
    gpu_hours = sum(state["gpu_hours"] or 0.0 for state in states)
    hours = f", {plural(round(gpu_hours), 'GPU-hour')}" if gpu_hours else ""
    figure = new_figure("How job attempts ended", f"{plural(attempts, 'attempt')}{hours}")
    rows = list(range(len(states)))
    shares = [("share of attempts", BLUE, [state["attempts"] / attempts for state in states])]
    if gpu_hours:
        shares.append(("share of GPU-hours", ORANGE, [(state["gpu_hours"] or 0.0) / gpu_hours for state in states]))
    for name, colour, values in shares:
        figure.add_trace(
            go.Bar(
                orientation="h",
                x=values,
                y=rows,
                name=name,
                marker={"color": colour},
                text=[f"{value:.1%}" for value in values],
                textposition="outside",
                cliponaxis=False,
                customdata=[
                    [label(state["state"]), f"{state['attempts']:,}", f"{state['gpu_hours'] or 0:,.0f}"]
                    for state in states
                ],
                hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} attempts<br>"
                "%{customdata[2]} GPU-hours<extra></extra>",
            )
        )
    names = [label(state["state"].replace("_", " ").lower()) for state in states]
    figure.update_yaxes(tickvals=rows, ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False)
    longest = max((value for _, _, values in shares for value in values), default=1.0)
    figure.update_xaxes(title={"text": "share"}, tickformat=".0%", range=[0, 1.16 * longest])
    return finished(
        figure.update_layout(height=max(380, 140 + 44 * len(names)), bargap=0.25, barmode="group", showlegend=True)
    )


def _summed(rows: tuple[dict[str, Any], ...]) -> dict[date, dict[str, float]]:
    """Sum the clusters of each day; what no column names is unknown."""
    days: dict[date, dict[str, float]] = {}
    for row in rows:
        day = days.setdefault(row["day"], dict.fromkeys((*row.keys() - {"cluster", "day"}, "unknown_node_days"), 0.0))
        for column in day.keys() & row.keys():
            day[column] += row[column]
        named = ("up", "drain", "down_planned", "down_unplanned")
        day["unknown_node_days"] += row["in_service_node_days"] - sum(row[f"{state}_node_days"] for state in named)
    return days


def _loss_bars(days: dict[date, dict[str, float]], column: str, name: str, colour: str) -> go.Bar:
    return go.Bar(
        x=list(days),
        y=[day[column] / day["in_service_node_days"] for day in days.values()],
        name=name,
        marker={"color": colour, "line": {"width": 0}},
        customdata=[
            [
                f"{day[column]:.3g}",
                f"{day['in_service_node_days']:,.0f}",
                f"{day['up_node_days'] / day['in_service_node_days']:.2%}",
            ]
            for day in days.values()
        ],
        hovertemplate=f"<b>%{{x|%Y-%m-%d}}</b><br>"
        f"{name}: %{{y:.2%}} (%{{customdata[0]}} of %{{customdata[1]}} node-days)<br>"
        "%{customdata[2]} up<extra></extra>",
    )
