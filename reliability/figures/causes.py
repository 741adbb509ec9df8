"""What failed: causes as bars, and the evidence for one job on a time line."""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

from reliability.analyses.causes import CauseRate, Causes, JobVerdict
from reliability.figures.theme import (
    BLUE,
    GREEN,
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

_DOMAINS: Final = {
    "hardware": ("hardware", BLUE),
    "system_software": ("system software", ORANGE),
    "user_program": ("user program", GREEN),
    "other": ("other, or no sign at all", GREY),
}


def cause_name(cause: str) -> str:
    """Return a cause as a reader says it.

    >>> cause_name("ib_link"), cause_name("gpu_memory")
    ('InfiniBand link', 'GPU memory')
    """
    known = {"ib_link": "InfiniBand link", "nvlink": "NVLink", "pcie": "PCIe", "cpu": "CPU", "nic": "NIC", "psu": "PSU"}
    if cause in known:
        return known[cause]
    return cause.replace("_", " ").replace("gpu", "GPU").replace("nccl", "NCCL").replace("dimm", "DIMM")


def causes_figure(causes: Causes) -> go.Figure:
    """Draw the rate of each infrastructure cause with its interval, coloured by domain.

    Parameters
    ----------
    causes
        Answer of :func:`reliability.analyses.causes.causes`.

    Returns
    -------
    plotly.graph_objects.Figure
        Failures per 1000 node-days; the count stands beside each bar. Failures of user programs are only counted in
        the subtitle: set against hardware they would dwarf it.
    """
    drawn = [cause for cause in causes.causes if cause.is_infrastructure]
    others = sum(cause.failures for cause in causes.causes if not cause.is_infrastructure)
    noun = "failed attempt" if causes.counted == "attempt" else "outage"
    subtitle = [
        f"{plural(causes.infrastructure_failures, noun)} in {plural(causes.exposure_node_days, 'node-day')}",
        f"{percent(causes.confidence)} exact Poisson intervals",
    ]
    if others:
        subtitle.append(f"{plural(others, 'failure')} of user programs not drawn")
    figure = new_figure("Infrastructure failures by cause", " · ".join(subtitle))
    for domain, (name, colour) in _DOMAINS.items():
        rows = [(row, cause) for row, cause in enumerate(drawn) if cause.domain == domain]
        if rows:
            figure.add_trace(_bars(rows, name, colour, causes.confidence))
    names = [label(cause_name(cause.cause)) for cause in drawn]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    figure.update_xaxes(title={"text": "failures per 1000 node-days"}, rangemode="tozero")
    return finished(figure.update_layout(height=150 + 30 * max(4, len(names)), showlegend=True))


def _bars(rows: list[tuple[int, CauseRate]], name: str, colour: str, confidence: float) -> go.Bar:
    rates = [cause.rate for _, cause in rows]
    return go.Bar(
        orientation="h",
        name=name,
        x=[rate.rate_per_1000_days for rate in rates],
        y=[row for row, _ in rows],
        width=0.6,
        marker={"color": translucent(colour, 0.45), "line": {"width": 0}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [rate.high_per_1000_days - rate.rate_per_1000_days for rate in rates],
            "arrayminus": [rate.rate_per_1000_days - rate.low_per_1000_days for rate in rates],
            "thickness": 1.5,
            "width": 3,
            "color": colour,
        },
        customdata=[_cause_hover(cause, confidence) for _, cause in rows],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )


def _cause_hover(cause: CauseRate, confidence: float) -> list[str]:
    rate, share = cause.rate, cause.share
    interval = f"{rate.low_per_1000_days:.3g}–{rate.high_per_1000_days:.3g}, {percent(confidence)}"
    return [
        label(cause_name(cause.cause), 60),
        f"{rate.rate_per_1000_days:.3g} ({interval}) per 1000 node-days",
        f"{plural(cause.failures, 'failure')}, {share.share:.1%} of all {share.n:,}",
    ]


def job_figure(verdict: JobVerdict) -> go.Figure:
    """Draw the attempts of one job on a time line, with the signs of trouble on their nodes.

    Parameters
    ----------
    verdict
        Answer of :func:`reliability.analyses.causes.job_verdict`.
    """
    failed = sum(bool(attempt["is_infrastructure"]) for attempt in verdict.attempts)
    figure = new_figure(
        f"Job {label(verdict.job_id)}",
        f"{plural(len(verdict.attempts), 'attempt')}, {failed} ended by the infrastructure · "
        f"{plural(len(verdict.evidence), 'sign')} of trouble within 10 min before to 5 min after an end",
    )
    rows = {
        (attempt["cluster"], attempt["job_id_raw"], attempt["attempt"]): row
        for row, attempt in enumerate(verdict.attempts)
    }
    for name, colour, wanted in (("ended by the infrastructure", VERMILION, True), ("any other end", GREY, False)):
        chosen = [attempt for attempt in verdict.attempts if bool(attempt["is_infrastructure"]) is wanted]
        if chosen:
            figure.add_trace(_attempt_lines(chosen, rows, name, colour))
    if verdict.evidence:
        figure.add_trace(_signs(verdict.evidence, rows))
    names = [f"attempt {attempt['attempt']}" for attempt in verdict.attempts]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    figure.update_xaxes(title={"text": "time (UTC)"}, type="date")
    return finished(figure.update_layout(height=180 + 34 * max(3, len(names))))


def _attempt_lines(
    attempts: list[dict[str, Any]], rows: dict[tuple[Any, ...], int], name: str, colour: str
) -> go.Scatter:
    x, y, texts = [], [], []
    for attempt in attempts:
        row = rows[attempt["cluster"], attempt["job_id_raw"], attempt["attempt"]]
        cause = cause_name(attempt["cause"]) if attempt["cause"] else "no failure"
        text = [label(attempt["state"]), label(cause), plural(attempt["node_count"] or 0, "node")]
        # None breaks the line between two attempts.
        x += [attempt["start_utc"], attempt["end_utc"], None]
        y += [row, row, None]
        texts += [text, text, text]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines+markers",
        name=name,
        line={"color": colour, "width": 8},
        marker={"size": 8, "symbol": "line-ns", "color": colour},
        customdata=texts,
        hovertemplate="<b>%{customdata[0]}</b> %{x|%Y-%m-%d %H:%M:%S}<br>"
        "%{customdata[1]}, %{customdata[2]}<extra></extra>",
    )


def _signs(evidence: tuple[dict[str, Any], ...], rows: dict[tuple[Any, ...], int]) -> go.Scatter:
    return go.Scatter(
        x=[sign["time_utc"] for sign in evidence],
        y=[rows[sign["cluster"], sign["job_id_raw"], sign["attempt"]] for sign in evidence],
        mode="markers",
        name="sign of trouble on a node",
        marker={"symbol": "diamond", "size": 11, "color": ORANGE},
        customdata=[
            [
                label(cause_name(sign["symptom"])),
                label(sign["node"]),
                label(sign["code"] or ""),
                label(sign["message"] or "", 90),
            ]
            for sign in evidence
        ],
        hovertemplate="<b>%{customdata[0]}</b> on %{customdata[1]}, %{x|%H:%M:%S}<br>"
        "%{customdata[2]}<br>%{customdata[3]}<extra></extra>",
    )
