"""Failures over time."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final

import plotly.graph_objects as go

from reliability.analyses.failures import Failures
from reliability.figures.causes import cause_name
from reliability.figures.theme import GREY, PALETTE, finished, label, new_figure, plural

#: causes with a colour of their own; the rest are drawn together
_MOST_CAUSES: Final = len(PALETTE) - 1


def failures_figure(failures: Failures) -> go.Figure:
    """Draw the infrastructure failures of each week as bars stacked by cause.

    Parameters
    ----------
    failures
        Answer of :func:`reliability.analyses.failures.failures`.

    Returns
    -------
    plotly.graph_objects.Figure
        Counts per week, most frequent cause at the bottom; weeks without a failure are empty, not left out.
    """
    by_cause: Counter[str] = Counter()
    for row in failures.weeks:
        by_cause[row["cause"]] += row["failures"]
    noun = "failed attempt" if failures.counted == "attempt" else "outage"
    figure = new_figure("Infrastructure failures per week", f"{plural(by_cause.total(), noun)}, by cause")
    named = [cause for cause, _ in by_cause.most_common(_MOST_CAUSES)]
    weeks = _all_weeks(failures)
    for number, cause in enumerate([*named, None] if len(by_cause) > len(named) else named):
        counts: Counter[object] = Counter()
        for row in failures.weeks:
            if row["cause"] == cause or (cause is None and row["cause"] not in named):
                counts[row["week"]] += row["failures"]
        name = label(cause_name(cause)) if cause else "other causes"
        figure.add_trace(
            go.Bar(
                x=weeks,
                y=[counts[week] for week in weeks],
                name=name,
                marker={"color": GREY if cause is None else PALETTE[number]},
                customdata=[name] * len(weeks),
                hovertemplate="<b>%{customdata}</b><br>%{y} in the week of %{x|%Y-%m-%d}<extra></extra>",
            )
        )
    figure.update_xaxes(title={"text": "week (UTC)"}, type="date", showgrid=False)
    figure.update_yaxes(title={"text": "failures"}, rangemode="tozero", tickformat="d")
    return finished(figure.update_layout(barmode="stack", bargap=0.2, height=380, showlegend=True))


def _all_weeks(failures: Failures) -> list[object]:
    if not failures.weeks:
        return []
    found = [row["week"] for row in failures.weeks]
    first, last = min(found), max(found)
    return [first + timedelta(weeks=number) for number in range((last - first).days // 7 + 1)]
