"""Lemon nodes: every node's failures against those expected of it, one node's time line, and the back-test."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from reliability.analyses.lemon_drains import DrainOutcome, LemonBackTest
from reliability.analyses.lemons import LemonNode, Lemons
from reliability.figures.causes import cause_name
from reliability.figures.theme import (
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    finished,
    label,
    new_figure,
    percent,
    plural,
    translucent,
)

#: named nodes whose name is written beside their point; the rest only on hovering
_MOST_LABELS: Final = 12
_GROUPS: Final = (
    ("named by model and rule", VERMILION, "diamond", (True, True)),
    ("named by the model", ORANGE, "diamond", (True, False)),
    ("named by the rule alone", BLUE, "square", (False, True)),
    ("not named", GREY, "circle", (False, False)),
)
_WHO: Final = {"model": "the model", "rule": "the rule"}


def lemons_figure(lemons: Lemons) -> go.Figure:
    """Draw each node's failures against those of an ordinary node with the same exposure.

    Parameters
    ----------
    lemons
        Answer of :func:`reliability.analyses.lemons.lemons`.

    Returns
    -------
    plotly.graph_objects.Figure
        Nodes with the same counts lie on one point; hovering names one of them and says how many there are.
    """
    judged = [node for node in lemons.nodes if node.expected_failures is not None]
    failures = sum(node.failures for node in judged)
    exposure = sum(node.exposure_days for node in judged)
    figure = new_figure(
        "Failures of each node against those of an ordinary one",
        f"{plural(len(judged), 'node')}, {plural(failures, 'failure')} in {plural(exposure, 'node-day')} · "
        f"{plural(len(lemons.named), 'node')} named, expected share of wrong names at most "
        f"{percent(lemons.false_discovery_rate)}",
    )
    for name, colour, symbol, (by_model, by_rule) in reversed(_GROUPS):
        chosen = [node for node in judged if (node.named_by_model, node.named_by_rule) == (by_model, by_rule)]
        if chosen:
            figure.add_trace(_points(chosen, name, colour, symbol))
    top = max((node.expected_failures or 0.0 for node in judged), default=1.0) * 1.08
    for multiple, text in ((1.0, "as expected"), (lemons.factor, f"{lemons.factor:g} times that")):
        figure.add_trace(
            go.Scatter(
                x=[0, top],
                y=[0, multiple * top],
                mode="lines",
                name=text,
                line={"color": GREY, "width": 1, "dash": "solid" if multiple == 1 else "dot"},
                hoverinfo="skip",
            )
        )
    figure.update_xaxes(title={"text": "failures expected of an ordinary node"}, rangemode="tozero")
    worst = max((node.failures for node in judged), default=0)
    figure.update_yaxes(title={"text": "failures of the node"}, range=[-0.03 * (worst + 1), 1.08 * (worst + 1)])
    return finished(figure.update_layout(height=460))


def _points(nodes: list[LemonNode], name: str, colour: str, symbol: str) -> go.Scatter:
    labelled = nodes[0].named_by_model and len(nodes) <= _MOST_LABELS
    return go.Scatter(
        x=[node.expected_failures for node in nodes],
        y=[node.failures for node in nodes],
        mode="markers+text" if labelled else "markers",
        text=[label(node.node) for node in nodes] if labelled else None,
        textposition="middle left",
        textfont={"size": 11},
        name=name,
        marker={
            "color": translucent(colour, 0.35) if colour == GREY else colour,
            "symbol": symbol,
            "size": 7 if colour == GREY else 11,
        },
        customdata=[_hover(node) for node in nodes],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )


def _hover(node: LemonNode) -> list[str]:
    return [
        label(node.node),
        f"{plural(node.failures, 'failure')}, {node.expected_failures or 0:.2g} expected",
        f"lemon at some time: {node.probability:.0%}, now: {node.probability_now:.0%}",
    ]


def node_figure(node: LemonNode, lemons: Lemons) -> go.Figure:
    """Draw the troubles of one node on a time line.

    Parameters
    ----------
    node
        One of the nodes of the answer.
    lemons
        The answer.
    """
    figure = new_figure(
        f"Troubles of {label(node.node)}",
        f"{plural(node.failures, 'failure')} of its own in {plural(node.exposure_days, 'node-day')}; "
        f"{node.expected_failures or 0:.2g} expected · lemon at some time: {node.probability:.0%}",
    )
    symptoms = sorted({trouble["symptom"] for trouble in node.troubles})
    rows = {symptom: row for row, symptom in enumerate(symptoms)}
    for name, colour, kind in (
        ("its own", VERMILION, "own"),
        ("the same fault again", ORANGE, "again"),
        ("shared with other nodes", GREY, "shared"),
    ):
        chosen = [trouble for trouble in node.troubles if _kind(trouble) == kind]
        if chosen:
            figure.add_trace(_troubles(chosen, rows, name, colour))
    figure.update_yaxes(
        tickvals=list(range(len(symptoms))),
        ticktext=[label(cause_name(symptom)) for symptom in symptoms],
        range=[len(symptoms) - 0.4, -0.6],
        showgrid=False,
    )
    figure.update_xaxes(title={"text": "time (UTC)"}, type="date", range=[lemons.from_utc, lemons.to_utc])
    return finished(figure.update_layout(height=180 + 34 * max(3, len(symptoms))))


def _kind(trouble: dict[str, Any]) -> str:
    if trouble["is_shared"]:
        return "shared"
    return "again" if trouble["is_relapse"] else "own"


def _troubles(troubles: list[dict[str, Any]], rows: dict[str, int], name: str, colour: str) -> go.Scatter:
    x, y, texts = [], [], []
    for trouble in troubles:
        text = [
            label(cause_name(trouble["symptom"])),
            label(trouble["reason"] or "no reason given", 90),
            f"{plural(trouble['attempts'], 'attempt')} ended",
        ]
        # None breaks the line between two troubles.
        x += [trouble["from_utc"], trouble["back_utc"], None]
        y += [rows[trouble["symptom"]]] * 2 + [None]
        texts += [text, text, text]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 8},
        marker={"size": 9, "symbol": "line-ns", "color": colour, "line": {"width": 2, "color": colour}},
        customdata=texts,
        hovertemplate="<b>%{customdata[0]}</b> %{x|%Y-%m-%d %H:%M}<br>"
        "%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )


def back_test_figure(test: LemonBackTest) -> go.Figure:
    """Draw the share of large attempts that the infrastructure ended, as it was and with the lemons drained.

    Parameters
    ----------
    test
        Answer of :func:`reliability.analyses.lemon_drains.lemon_back_test`.
    """
    outcomes = [outcome for outcome in test.outcomes if outcome.effect is not None]
    attempts = outcomes[0].effect.failed_before.n if outcomes and outcomes[0].effect else 0
    figure = new_figure(
        f"Had the lemons been drained: failures of jobs with {test.min_gpus:,} GPUs and more",
        f"{plural(attempts, 'ended attempt')} · {percent(test.confidence)} Clopper–Pearson intervals",
    )
    bars = [("as it was", outcomes[0], True)] if outcomes else []
    bars += [(f"drained on the word of {_WHO[outcome.by]}", outcome, False) for outcome in outcomes]
    for row, (name, outcome, before) in enumerate(bars):
        figure.add_trace(_share_bar(row, name, outcome, before=before))
    figure.update_yaxes(
        tickvals=list(range(len(bars))), ticktext=[name for name, _, _ in bars], range=[len(bars) - 0.4, -0.6]
    )
    figure.update_xaxes(title={"text": "share of attempts that the infrastructure ended"}, tickformat=".0%")
    figure.update_xaxes(rangemode="tozero")
    return finished(figure.update_layout(height=270, showlegend=False))


def _share_bar(row: int, name: str, outcome: DrainOutcome, *, before: bool) -> go.Bar:
    effect = outcome.effect
    shares = [] if effect is None else [effect.failed_before if before else effect.failed_after]
    return go.Bar(
        orientation="h",
        name=name,
        x=[share.share for share in shares],
        y=[row],
        width=0.6,
        marker={"color": translucent(GREY if before else BLUE, 0.45)},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [share.high - share.share for share in shares],
            "arrayminus": [share.share - share.low for share in shares],
            "thickness": 1.5,
            "width": 3,
            "color": GREY if before else BLUE,
        },
        customdata=[
            [f"{share.share:.1%} ({share.low:.1%}–{share.high:.1%})", f"{share.k} of {share.n:,}"] for share in shares
        ],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} attempts<extra></extra>",
    )
