"""The goodput ledger: one bar of where the capacity went, its days, and what each cause cost."""

from __future__ import annotations

from math import floor, log10
from typing import Final

import plotly.graph_objects as go

from reliability.analyses.goodput import BUCKETS, LOST, Goodput
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
    translucent,
)

#: what a bucket is called in a picture
NAMES: Final = {
    "productive": "productive",
    "checkpoint_write": "checkpoint writes",
    "restart": "restarts",
    "lost_first_order": "lost: failures (first order)",
    "lost_second_order": "lost: preempted by what came back (second order)",
    "lost_preemption": "lost: other preemptions",
    "lost_user": "lost: users' own failures and limits",
    "serving": "serving",
    "idle": "idle",
    "drained": "drained",
    "down_planned": "down, planned",
    "down_unplanned": "down, unplanned",
    "unknown": "state unknown",
}
_COLOURS: Final = {
    "productive": GREEN,
    "checkpoint_write": SKY,
    "restart": BLUE,
    "lost_first_order": VERMILION,
    "lost_second_order": ORANGE,
    "lost_preemption": PINK,
    "lost_user": translucent(PINK, 0.5),
    "serving": translucent(GREEN, 0.5),
    "idle": translucent(GREY, 0.35),
    "drained": translucent(GREY, 0.6),
    "down_planned": GREY,
    "down_unplanned": translucent(VERMILION, 0.5),
    "unknown": translucent(GREY, 0.15),
}
_MOST_CAUSES: Final = 20


def ledger_figure(found: Goodput) -> go.Figure:
    """Draw one bar per bucket on a logarithmic axis: a share of a thousandth is money too.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.goodput.goodput`.

    Returns
    -------
    plotly.graph_objects.Figure
        Buckets without any hour are left out.
    """
    figure = new_figure(f"Where the {found.unit_name}-hours went", _subtitle(found))
    shown = [bucket for bucket in reversed(BUCKETS) if found.buckets[bucket] > 0]
    shares = [found.buckets[bucket] / found.capacity_hours for bucket in shown]
    figure.add_trace(
        go.Bar(
            x=shares,
            y=[NAMES[bucket] for bucket in shown],
            orientation="h",
            marker={"color": [_COLOURS[bucket] for bucket in shown]},
            customdata=[f"{found.buckets[bucket]:,.1f} {found.unit_name}-hours" for bucket in shown],
            text=[f"{share:.2%}" for share in shares],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}<br>%{customdata}, %{text} of capacity<extra></extra>",
            showlegend=False,
        )
    )
    # from the decade below the least to a little beyond everything, where the largest bar's text stands
    span = [floor(log10(min(shares, default=1.0))) - 0.2, 1.1]
    figure.update_xaxes(type="log", dtick=1, tickformat=".3~%", range=span, title={"text": "share of capacity"})
    return finished(figure.update_layout(height=150 + 30 * max(3, len(shown))))


def days_figure(found: Goodput) -> go.Figure:
    """Draw each day's capacity, stacked by bucket.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.goodput.goodput`.

    Returns
    -------
    plotly.graph_objects.Figure
        The first and the last day are as long as the log is.
    """
    figure = new_figure(f"{found.unit_name}-hours by day", _subtitle(found))
    days = [group for group in found.days if group.total_hours > 0]
    for bucket in BUCKETS:
        hours = [group.hours.get(bucket, 0.0) for group in days]
        if any(hours):
            figure.add_trace(
                go.Bar(
                    x=[group.name for group in days],
                    y=hours,
                    name=NAMES[bucket],
                    marker={"color": _COLOURS[bucket], "line": {"width": 0}},
                    hovertemplate="%{x}: %{y:,.1f}<extra>" + NAMES[bucket] + "</extra>",
                )
            )
    figure.update_yaxes(title={"text": f"{found.unit_name}-hours"})
    return finished(figure.update_layout(barmode="stack", bargap=0.05, height=520, legend={"traceorder": "normal"}))


def causes_figure(found: Goodput) -> go.Figure:
    """Draw what each cause of the infrastructure cost, first and second order; of more than 20 causes the costliest.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.goodput.goodput`.

    Returns
    -------
    plotly.graph_objects.Figure
        A second-order loss stands with the cause of the failure that set it off.
    """
    orders = LOST[:2]
    causes = [cause for cause in found.causes if any(cause.hours.get(bucket) for bucket in orders)]
    causes.sort(key=lambda cause: -sum(cause.hours.get(bucket, 0.0) for bucket in orders))
    drawn = causes[:_MOST_CAUSES][::-1]
    cut = f" · {len(drawn)} of {len(causes)} causes" if len(drawn) < len(causes) else ""
    figure = new_figure(
        f"{found.unit_name}-hours lost to failures, by cause",
        f"{plural(found.loss.first_order.events, 'failure event')}, {plural(found.preemptions, 'preemption')} after"
        f"{cut}",
    )
    names = [label(cause.cause.replace("_", " ")) for cause in drawn]
    for bucket in orders:
        figure.add_trace(
            go.Bar(
                x=[cause.hours.get(bucket, 0.0) for cause in drawn],
                y=names,
                orientation="h",
                name=NAMES[bucket],
                marker={"color": _COLOURS[bucket]},
                hovertemplate="%{y}: %{x:,.1f}<extra>" + NAMES[bucket] + "</extra>",
            )
        )
    figure.update_xaxes(title={"text": f"{found.unit_name}-hours lost"})
    return finished(
        figure.update_layout(
            barmode="stack", height=170 + 28 * max(3, len(drawn)), showlegend=True, legend={"traceorder": "normal"}
        )
    )


def _subtitle(found: Goodput) -> str:
    return (
        f"{plural(round(found.capacity_hours), f'{found.unit_name}-hour')} of {plural(found.nodes, 'node')} · "
        f"{plural(found.attempts, 'attempt')} · lost to failures: {_interval(found)}"
    )


def _interval(found: Goodput) -> str:
    lost = found.loss.first_order
    high = "unknown" if lost.high is None else f"{lost.high:,.0f}"
    return f"{lost.hours:,.0f} ({lost.low:,.0f} to {high}, {percent(found.confidence)} interval)"
