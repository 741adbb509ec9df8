"""How jobs end: MTTF by size under the projection, failure probability by group, and the mix of ends."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go

from models.series_system import projected_mttf
from reliability.analyses.job_groups import JobGroup
from reliability.analyses.jobs import Jobs
from reliability.figures.theme import (
    BLUE,
    GREY,
    ORANGE,
    finished,
    label,
    new_figure,
    percent,
    plural,
    translucent,
)

#: groups whose order is their own are drawn from top to bottom as they come; of others only the worst
_MOST_ROWS: Final = 30
#: how far beyond the largest size measured the projection is drawn
_BEYOND: Final = 8.0
_BAR: Final = {"type": "data", "symmetric": False, "thickness": 2, "width": 0}


def mttf_figure(jobs: Jobs) -> go.Figure:
    """Draw the measured MTTF of each job size over the series-system projection of r_f, both axes logarithmic.

    Parameters
    ----------
    jobs
        Answer of :func:`reliability.analyses.jobs.jobs`.

    Returns
    -------
    plotly.graph_objects.Figure
        Sizes without a failure are drawn as what they are, a lower bound. Without r_f there is no projection.
    """
    unit = jobs.size_unit
    ran = [size for size in jobs.sizes if size.mttf is not None]
    failures = sum(size.infrastructure_failures for size in ran)
    parts = [
        f"{plural(failures, 'failure')} in {plural(round(sum(size.run_hours for size in ran)), 'run-hour')}",
        f"{percent(jobs.confidence)} exact Poisson intervals",
    ]
    if jobs.law is not None and jobs.law.exponent is not None:
        parts.append(f"failures grow as nodes^{jobs.law.exponent:.2f}; a series system has 1")
    figure = new_figure(f"MTTF of a job by its {unit}s", " · ".join(parts))
    if jobs.rate is not None and ran:
        _add_projection(figure, jobs, ran)
    failed = [size for size in ran if size.infrastructure_failures]
    quiet = [size for size in ran if not size.infrastructure_failures]
    if failed:
        figure.add_trace(_measured(jobs, failed))
    if quiet:
        figure.add_trace(_bounds(jobs, quiet))
    figure.update_xaxes(type="log", dtick=1, title={"text": f"{unit}s of a job (mean over run time)"})
    figure.update_yaxes(type="log", dtick=1, title={"text": "hours between infrastructure failures"})
    return finished(figure.update_layout(height=440, showlegend=True))


def share_figure(jobs: Jobs) -> go.Figure:
    """Draw, by group, the share of attempts that the infrastructure ended, with exact and with clustered intervals.

    Parameters
    ----------
    jobs
        Answer of :func:`reliability.analyses.jobs.jobs`.

    Returns
    -------
    plotly.graph_objects.Figure
        Of more than 30 groups without an order of their own the 30 worst, and the subtitle says so.
    """
    ended = [group for group in jobs.groups if group.infrastructure is not None]
    drawn = ended[:_MOST_ROWS]
    by = f" by {label(jobs.by.replace('_', ' '))}" if jobs.by else ""
    failures, attempts = sum(g.infrastructure_failures for g in ended), sum(g.attempts for g in ended)
    cut = f" · {len(drawn)} of {len(ended):,} groups" if len(drawn) < len(ended) else ""
    figure = new_figure(
        f"Attempts that the infrastructure ended{by}",
        f"{failures:,} of {plural(attempts, 'attempt')} · {percent(jobs.confidence)} intervals{cut}",
    )
    # the wider one lies behind: where it shows, attempts of one user end alike
    clustered = [(row, g.clustered_infrastructure) for row, g in enumerate(drawn)]
    figure.add_trace(
        go.Scatter(
            x=[x for _, c in clustered if c for x in (c.low, c.high, None)],
            y=[y for row, c in clustered if c for y in (row, row, None)],
            mode="lines",
            line={"color": translucent(GREY, 0.45), "width": 7},
            name="interval over users",
            hoverinfo="skip",
        )
    )
    exact = [g.infrastructure for g in drawn if g.infrastructure is not None]
    figure.add_trace(
        go.Scatter(
            x=[share.share for share in exact],
            y=list(range(len(drawn))),
            error_x=_BAR
            | {
                "array": [share.high - share.share for share in exact],
                "arrayminus": [share.share - share.low for share in exact],
                "color": BLUE,
            },
            mode="markers",
            marker={"color": BLUE, "size": 9},
            name="share with exact interval",
            customdata=[
                [
                    label(g.group, 60),
                    f"{s.share:.2%} ({s.low:.2%}–{s.high:.2%})",
                    f"{s.k:,} of {plural(s.n, 'attempt')}",
                ]
                for g, s in zip(drawn, exact, strict=True)
            ],
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
        )
    )
    names = [label(group.group) for group in drawn]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    # a group of two users may reach to 100%: it must not flatten all the others
    widest = max((share.high for share in exact if share.k), default=max((s.high for s in exact), default=1.0))
    figure.update_xaxes(title={"text": "share of attempts that ended"}, tickformat=".1~%", range=[0, 1.1 * widest])
    return finished(figure.update_layout(height=150 + 28 * max(4, len(names)), showlegend=True))


def mix_figure(jobs: Jobs) -> go.Figure:
    """Draw how attempts ended, by count and by GPU-time, with the intervals over users.

    Parameters
    ----------
    jobs
        Answer of :func:`reliability.analyses.jobs.jobs`.
    """
    gpu_hours = sum(end.gpu_hours for end in jobs.mix)
    hours = f", {plural(round(gpu_hours), 'GPU-hour')}" if gpu_hours else ""
    figure = new_figure(
        "How job attempts ended", f"{plural(jobs.attempts, 'attempt')}{hours} · {percent(jobs.confidence)} over users"
    )
    rows = list(range(len(jobs.mix)))
    drawn = [("share of attempts", BLUE, [end.clustered for end in jobs.mix])]
    if gpu_hours:
        drawn.append(("share of GPU-time", ORANGE, [end.gpu_time for end in jobs.mix if end.gpu_time]))
    for name, colour, shares in drawn:
        figure.add_trace(
            go.Bar(
                orientation="h",
                x=[share.ratio for share in shares],
                y=rows,
                name=name,
                marker={"color": colour},
                error_x=_BAR
                | {
                    "array": [(share.high or 1.0) - share.ratio for share in shares],
                    "arrayminus": [share.ratio - share.low for share in shares],
                    "thickness": 1.5,
                    "color": GREY,
                },
                customdata=[
                    [
                        end_name(end.end),
                        f"{share.ratio:.2%} ({share.low:.2%}–{share.high or 1.0:.2%})",
                        f"{end.attempts:,} attempts, {end.gpu_hours:,.0f} GPU-hours",
                    ]
                    for end, share in zip(jobs.mix, shares, strict=True)
                ],
                hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
            )
        )
    figure.update_yaxes(
        tickvals=rows, ticktext=[end_name(end.end) for end in jobs.mix], range=[len(rows) - 0.4, -0.6], showgrid=False
    )
    figure.update_xaxes(title={"text": "share"}, tickformat=".0%", range=[0, 1.02])
    return finished(
        figure.update_layout(height=max(380, 140 + 44 * len(rows)), bargap=0.25, barmode="group", showlegend=True)
    )


def end_name(end: str) -> str:
    """Return one of the competing ends as a reader calls it.

    >>> end_name("user_failure"), end_name("out_of_memory")
    ('failed (user)', 'out of memory')
    """
    return {"user_failure": "failed (user)"}.get(end, end.replace("_", " "))


def _size(jobs: Jobs, size: JobGroup) -> float:
    return (size.mean_gpus if jobs.size_unit == "GPU" else size.mean_nodes) or 1.0


def _steady(value: float) -> float:
    """Return a mean without its last bits, which differ with the order in which a database adds."""
    return float(f"{value:.9g}")


def _add_projection(figure: go.Figure, jobs: Jobs, ran: list[JobGroup]) -> None:
    if jobs.rate is None:
        return
    per_node = _steady(jobs.gpus_per_node or 1.0) if jobs.size_unit == "GPU" else 1.0
    largest = _steady(max(_size(jobs, size) for size in ran))
    sizes = np.geomspace(per_node, max(_BEYOND * largest, 2.0 * per_node), 40)
    projected = projected_mttf(sizes / per_node, jobs.rate)
    above = f"more than {jobs.min_gpus:,} GPUs" if jobs.min_gpus else "any size"
    if jobs.rate.failures:
        figure.add_trace(
            go.Scatter(
                x=[*sizes, *sizes[::-1]],
                y=[*projected.high_hours, *projected.low_hours[::-1]],
                fill="toself",
                fillcolor=translucent(ORANGE),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    value = projected.mttf_hours if jobs.rate.failures else projected.low_hours
    kind = "1/(N r_f)" if jobs.rate.failures else "at least 1/(N r_f)"
    figure.add_trace(
        go.Scatter(
            x=sizes,
            y=value,
            mode="lines",
            line={"color": ORANGE, "width": 2, "dash": "dash"},
            name=f"projection {kind} of jobs with {above}",
            hovertemplate=f"%{{x:,.0f}} {jobs.size_unit}s: %{{y:.3g}} h projected<extra></extra>",
        )
    )


def _measured(jobs: Jobs, sizes: list[JobGroup]) -> go.Scatter:
    found = [size.mttf for size in sizes if size.mttf is not None]
    values = [each.mttf_hours or 0.0 for each in found]
    error = _BAR | {
        "array": [(each.high_hours or value) - value for each, value in zip(found, values, strict=True)],
        "arrayminus": [value - each.low_hours for each, value in zip(found, values, strict=True)],
        "color": BLUE,
    }
    return _points(jobs, sizes, values, error, name="measured, with interval", symbol="circle")


def _bounds(jobs: Jobs, sizes: list[JobGroup]) -> go.Scatter:
    lows = [size.mttf.low_hours for size in sizes if size.mttf is not None]
    return _points(jobs, sizes, lows, None, name="no failure: lower bound", symbol="triangle-up-open")


def _points(
    jobs: Jobs, sizes: list[JobGroup], values: list[float], error: dict[str, object] | None, *, name: str, symbol: str
) -> go.Scatter:
    return go.Scatter(
        x=[_size(jobs, size) for size in sizes],
        y=values,
        error_y=error,
        mode="markers",
        marker={"color": BLUE, "size": 9, "symbol": symbol},
        name=name,
        customdata=[_hover(jobs, size) for size in sizes],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    )


def _hover(jobs: Jobs, size: JobGroup) -> list[str]:
    found = size.mttf
    if found is None:
        return [label(size.group), "", ""]
    high = "∞" if found.high_hours is None else f"{found.high_hours:,.4g}"
    value = "–" if found.mttf_hours is None else f"{found.mttf_hours:,.4g}"
    counted = f"{plural(size.infrastructure_failures, 'failure')} in {plural(size.run_hours, 'run-hour')}"
    return [f"{label(size.group)} {jobs.size_unit}s", f"{value} ({found.low_hours:,.4g}–{high}) h", counted]
