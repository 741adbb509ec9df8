"""How jobs end: by size, user or any other group; by count and by GPU-time; over run time; and whether r_f projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, number_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, notice, page_frame, period_input, tile, tiles
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.job_ends import job_ends
from reliability.analyses.jobs import JOB_GROUPS, Jobs, jobs
from reliability.figures.jobs import mix_figure, share_figure
from reliability.figures.theme import percent, plural
from reliability.report.numbers import interval, number

_SIZES: Final = (0, 8, 64, 128, 512, 1024, 4096)
_USUAL_SIZE: Final = 128
_USUAL_GROUP: Final = "job_size"
_COLUMNS: Final = (
    ("group", "Group", 150),
    ("attempts", "Attempts", 110),
    ("infrastructure_failures", "Ended by infrastructure", 180),
    ("infrastructure", "Share", 215),
    ("infrastructure_over_users", "Share over users", 215),
    ("user_program_failures", "By the user's program", 175),
    ("user_program", "Share", 215),
    ("user_program_over_users", "Share over users", 215),
    ("run_hours", "Run-hours", 120),
    ("mttf", "MTTF of a job (h)", 210),
)
_COUNTS: Final = ("attempts", "infrastructure_failures", "user_program_failures", "run_hours")


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    del answers
    wanted = number_in(query, "min_gpus", _SIZES[0], _SIZES[-1])
    size = max(size for size in _SIZES if size <= (_USUAL_SIZE if wanted is None else wanted))
    by = query.get("by", _USUAL_GROUP)
    filters = [
        dmc.Select(
            id="jobs-by",
            label="By",
            data=[{"value": name, "label": name.replace("_", " ")} for name in JOB_GROUPS],
            value=by if by in JOB_GROUPS else _USUAL_GROUP,
            allowDeselect=False,
            w=150,
        ),
        dmc.Select(
            id="jobs-min-gpus",
            label="Project from jobs with",
            data=[{"value": str(n), "label": f"more than {n:,} GPUs" if n else "any size"} for n in _SIZES],
            value=str(size),
            allowDeselect=False,
            w=190,
        ),
        period_input("jobs-period", day_in(query, "from"), day_in(query, "to")),
    ]
    return page_frame(PAGE.title, PAGE.description, "jobs", filters)


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "jobs-address")

    @app.callback(
        Output("jobs-content", "children"),
        Output("jobs-address", "data"),
        Input("jobs-period", "value"),
        Input("jobs-by", "value"),
        Input("jobs-min-gpus", "value"),
        Input("scheme", "data"),
    )
    def show(period: list[str | None] | None, by: str, min_gpus: str, scheme: str | None) -> tuple[Any, Any]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        size = int(min_gpus)
        content = answered(lambda: _content(answers, by, size, window_of(first, last), scheme))
        state = {
            "from": first,
            "to": last,
            "by": None if by == _USUAL_GROUP else by,
            "min_gpus": None if size == _USUAL_SIZE else size,
        }
        return content, write_query(state)


def _content(answers: Answers, by: str, min_gpus: int, window: dict[str, Any], scheme: str) -> Component:
    dark = scheme == "dark"
    found = answers.ask(jobs, by=by, min_gpus=min_gpus, **window)
    ends = answers.ask(job_ends, **window)
    cautions = [*found.warnings, *ends.warnings]
    return html.Div(
        [
            _tiles(found),
            *(
                [notice(" ".join(f"{text[:1].upper()}{text[1:]}." for text in cautions), colour="yellow")]
                if cautions
                else []
            ),
            html.Div(
                [
                    chart("jobs-mttf", found.figure(), f"{found.definition} {_LAW}", dark=dark, wide=True),
                    chart("jobs-ends", ends.figure(), ends.definition, dark=dark, wide=True),
                    chart("jobs-mix", mix_figure(found), _MIX, dark=dark),
                    chart("jobs-shares", share_figure(found), found.definition, dark=dark),
                ],
                className="charts",
            ),
            _table(found, scheme),
        ]
    )


_MIX: Final = (
    "Of the attempts that ended within the log: by their number, and by the GPU-time they ran within it. The intervals "
    "take users, not attempts, for independent."
)
_LAW: Final = (
    "The dashed line is 1/(N r_f) (Kokolis et al.), r_f being infrastructure failures per node-day of the large jobs, "
    "with the band of its interval. It holds only if a job on N nodes fails N times as often as one on a single node."
)


def _tiles(found: Jobs) -> Component:
    ended = {end.end: end for end in found.mix}
    infrastructure = ended.get("infrastructure")
    rate, law = found.rate, found.law
    level = percent(found.confidence)
    share = infrastructure.share if infrastructure else None
    time = infrastructure.gpu_time if infrastructure else None
    return tiles(
        [
            tile(
                "jobs-share",
                "Attempts ended by infrastructure",
                f"{share.share:.2%}" if share else "none",
                f"{share.low:.2%}–{share.high:.2%}, {level}, of {plural(share.n, 'attempt')}"
                if share
                else f"of {plural(found.attempts, 'attempt')}",
            ),
            tile(
                "jobs-gpu-time",
                "GPU-time of those attempts",
                f"{time.ratio:.1%}" if time else "–",
                f"{time.low:.1%}–{time.high:.1%} over users, {level}" if time else "no GPU-time is known",
            ),
            tile(
                "jobs-rate",
                "r_f, failures per 1000 node-days",
                number(rate.rate_per_1000_days) if rate else "–",
                f"{rate.low_per_1000_days:.3g}–{rate.high_per_1000_days:.3g}, {level}, of jobs with more than "
                f"{found.min_gpus:,} GPUs: {plural(rate.failures, 'failure')}"
                if rate
                else f"no job has more than {found.min_gpus:,} GPUs",
            ),
            tile(
                "jobs-exponent",
                "Failures grow as nodes to the power",
                number(law.exponent) if law else "–",
                f"{number(law.low)}–{number(law.high)}, {level}; a series system has 1"
                if law
                else "one size, or no failure",
            ),
        ]
    )


def _table(found: Jobs, scheme: str) -> Component:
    columns = [_column(*column) for column in _COLUMNS]
    card: Component = dmc.Paper(
        [
            html.H2(f"By {(found.by or 'nothing').replace('_', ' ')}", className="card-title"),
            dmc.Text(
                f"{plural(len(found.groups), 'group')} · {percent(found.confidence)} intervals", size="xs", c="dimmed"
            ),
            grid(
                "jobs-grid",
                [_row(row) for row in found.rows()],
                columns,
                scheme,
                height="460px",
            ),
        ],
        className="card",
    )
    return card


def _column(field: str, name: str, width: int) -> dict[str, Any]:
    column: dict[str, Any] = {"field": field, "headerName": name, "width": width}
    if field in _COUNTS:
        column |= {"type": "rightAligned", "filter": "agNumberColumnFilter"}
    return column


def _row(group: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: group[name] for name in ("group", "attempts", "infrastructure_failures", "user_program_failures")}
    row["run_hours"] = round(group["run_hours"], 1)
    for name in ("infrastructure", "user_program"):
        value = group[f"{name}_share"]
        row[name] = _percents(value, group[f"{name}_low"], group[f"{name}_high"])
        row[f"{name}_over_users"] = _percents(value, group[f"{name}_clustered_low"], group[f"{name}_clustered_high"])
    row["mttf"] = interval(group["mttf_hours"], group["mttf_low_hours"], group["mttf_high_hours"])
    return row


def _percents(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "–"
    return f"{value:.2%} ({low:.2%}–{high:.2%})"


PAGE = Page(
    "/jobs",
    "Jobs",
    "How jobs end, how often the infrastructure ends them, and what that means for larger ones.",
    layout,
    register,
)
