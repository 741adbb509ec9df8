"""What time the logs of each table cover."""

from __future__ import annotations

import plotly.graph_objects as go

from reliability.analyses.status import Status
from reliability.figures.theme import PALETTE, finished, label, new_figure, plural


def coverage_figure(status: Status) -> go.Figure:
    """Draw, for every cluster and table, the window over which the logs are a complete record.

    Parameters
    ----------
    status
        Answer of :func:`reliability.analyses.status.status`.
    """
    windows = status.observation
    clusters = sorted({window["cluster"] for window in windows})
    subtitle = (
        f"{plural(len(status.files), 'file')}, {plural(len(clusters), 'cluster')} · rates count only what lies within"
    )
    figure = new_figure("Time covered by the logs", subtitle)
    for number, cluster in enumerate(clusters):
        figure.add_trace(_windows(windows, cluster, PALETTE[number % len(PALETTE)]))
    names = [
        label(window["table_name"] if len(clusters) == 1 else f"{window['cluster']}: {window['table_name']}")
        for window in windows
    ]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    figure.update_xaxes(title={"text": "time (UTC)"}, type="date")
    return finished(figure.update_layout(showlegend=len(clusters) > 1, height=170 + 26 * max(2, len(names))))


def _windows(windows: tuple[dict[str, object], ...], cluster: str, colour: str) -> go.Scatter:
    x: list[object] = []
    y: list[int | None] = []
    texts: list[list[str] | None] = []
    for row, window in enumerate(windows):
        if window["cluster"] == cluster:
            text = [label(window["cluster"]), label(window["table_name"]), f"{window['observed_days']:,.1f} days"]
            # None breaks the line between two windows.
            x += [window["from_utc"], window["to_utc"], None]
            y += [row, row, None]
            texts += [text, text, None]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name=label(cluster),
        line={"color": colour, "width": 10},
        customdata=texts,
        hovertemplate="<b>%{customdata[0]}: %{customdata[1]}</b><br>"
        "%{x|%Y-%m-%d %H:%M} (%{customdata[2]})<extra></extra>",
    )
