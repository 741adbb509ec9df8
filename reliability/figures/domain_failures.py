"""Events of several nodes in time: of a domain, by chance, flags, or of something that nobody told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import plotly.graph_objects as go

from reliability.figures.theme import BLUE, GREY, ORANGE, VERMILION, finished, label, new_figure, percent, plural

if TYPE_CHECKING:
    from reliability.analyses.domain_failures import DomainFailures

_VERDICTS: Final = (
    ("domain", VERMILION, "diamond"),
    ("no known domain", ORANGE, "square"),
    ("flagged, all healthy", BLUE, "circle-open"),
    ("chance", GREY, "circle"),
)


def domain_failures_figure(found: DomainFailures) -> go.Figure:
    """Draw every event of several nodes: when, how many nodes, and what it was.

    Parameters
    ----------
    found
        Answer of :func:`reliability.analyses.domain_failures.domain_failures`.

    Returns
    -------
    plotly.graph_objects.Figure
        Nodes on a logarithmic axis.
    """
    figure = new_figure(
        "What befell several nodes at once",
        f"{plural(len(found.events), 'event')} of several nodes, {found.verdicts['domain']:,} of a domain · "
        f"{plural(len(found.found), 'domain')} found to fail again and again · expected share of wrong names at most "
        f"{percent(found.fdr)}",
    )
    for verdict, colour, symbol in _VERDICTS:
        events = [event for event in found.events if event.verdict == verdict]
        if not events:
            continue
        figure.add_trace(
            go.Scatter(
                x=[event.from_utc for event in events],
                y=[len(event.nodes) for event in events],
                mode="markers",
                name=verdict,
                marker={"color": colour, "symbol": symbol, "size": 10},
                customdata=[
                    [label(event.domain or "no domain named"), event.nodes_hurt, label(event.symptom)]
                    for event in events
                ],
                hovertemplate="%{y:,} nodes, %{customdata[1]:,} hurt; %{customdata[0]}; %{customdata[2]}"
                "<extra>%{x|%Y-%m-%d %H:%M}</extra>",
            )
        )
    figure.update_yaxes(type="log", title={"text": "nodes of the event (logarithmic)"}, dtick=1)
    return finished(figure.update_layout(showlegend=True))
