"""What runs got out of their time: ETTR by size, every run, and the story of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, number_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, notice, page_frame, period_input
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.run_story import run_story
from reliability.analyses.runs import Runs, runs
from reliability.figures.theme import plural
from reliability.report.numbers import day

_SIZES: Final = (0, 8, 64, 128, 512, 1024, 4096)
_HOURS: Final = (0, 1, 24, 168)
#: a browser's table; the command line's --csv has all
_MOST_LISTED: Final = 2_000
_SECONDS: Final = ("queue", "scheduled", "productive", "checkpoint", "restart", "lost")
_COLUMNS: Final = (
    ("run_id", "Run", 110),
    ("job_name", "Name", 160),
    ("user", "User", 110),
    ("qos", "QOS", 90),
    ("gpu_count", "GPUs", 95),
    ("began", "Began (UTC)", 165),
    ("state", "Ended", 125),
    ("ettr", "ETTR", 90),
    ("attempt_count", "Attempts", 110),
    ("infrastructure_failures", "Failures", 105),
    *((f"{name}_hours", f"{name.capitalize()} (h)", 130) for name in _SECONDS),
    ("checkpoint_source", "Checkpoints", 125),
)
_TEXTS: Final = ("run_id", "job_name", "user", "qos", "began", "state", "checkpoint_source")


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    del answers
    filters = [
        _choice("runs-min-gpus", "Runs with", _SIZES, query, "min_gpus", "more than {:,} GPUs", "any size"),
        _choice("runs-min-hours", "Scheduled", _HOURS, query, "min_hours", "at least {:,} h", "any time"),
        dmc.TextInput(
            id="runs-run",
            label="The story of run",
            placeholder="a job id, or click one below",
            value=query.get("run", ""),
            debounce=500,
            w=190,
        ),
        period_input("runs-period", day_in(query, "from"), day_in(query, "to")),
    ]
    return page_frame(PAGE.title, PAGE.description, "runs", filters)


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "runs-address")

    @app.callback(
        Output("runs-content", "children"),
        Output("runs-address", "data"),
        Input("runs-period", "value"),
        Input("runs-min-gpus", "value"),
        Input("runs-min-hours", "value"),
        Input("runs-run", "value"),
        Input("scheme", "data"),
    )
    def show(
        period: list[str | None] | None, min_gpus: str, min_hours: str, run: str | None, scheme: str | None
    ) -> tuple[Any, Any]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        size, hours, wanted = int(min_gpus), int(min_hours), (run or "").strip()
        window = window_of(first, last)
        content = html.Div(
            [
                *([answered(lambda: _story(answers, wanted, window, scheme))] if wanted else []),
                answered(lambda: _content(answers, size, hours, window, scheme)),
            ]
        )
        state = {"from": first, "to": last, "min_gpus": size or None, "min_hours": hours or None}
        return content, write_query({**state, "run": wanted or None})

    @app.callback(Output("runs-run", "value"), Input("runs-grid", "cellClicked"), prevent_initial_call=True)
    def choose(clicked: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - Dash's no_update is of no type
        return clicked["value"] if clicked and clicked.get("colId") == "run_id" else no_update


def _choice(
    element_id: str, name: str, steps: tuple[int, ...], query: Mapping[str, str], key: str, text: str, none: str
) -> Component:
    wanted = number_in(query, key, steps[0], steps[-1]) or 0
    made: Component = dmc.Select(
        id=element_id,
        label=name,
        data=[{"value": str(step), "label": text.format(step) if step else none} for step in steps],
        value=str(max(step for step in steps if step <= wanted)),
        allowDeselect=False,
        w=190,
    )
    return made


def _story(answers: Answers, run: str, window: dict[str, Any], scheme: str) -> Component:
    story = answers.ask(run_story, run, **window)
    return html.Div(
        [chart("runs-story", story.figure(), story.definition, dark=scheme == "dark", wide=True)], className="charts"
    )


def _content(answers: Answers, min_gpus: int, min_hours: int, window: dict[str, Any], scheme: str) -> Component:
    found = answers.ask(runs, min_gpus=min_gpus, min_hours=float(min_hours), most=_MOST_LISTED, **window)
    return html.Div(
        [
            *(notice(f"{warning[:1].upper()}{warning[1:]}.", colour="orange") for warning in found.warnings),
            html.Div(
                [chart("runs-sizes", found.figure(), found.definition, dark=scheme == "dark", wide=True)],
                className="charts",
            ),
            _table(found, scheme),
        ]
    )


def _table(found: Runs, scheme: str) -> Component:
    listed = plural(found.overall.runs, "run")
    if len(found.listed) < found.overall.runs:
        listed = f"the {len(found.listed):,} largest of {listed}"
    card: Component = dmc.Paper(
        [
            html.H2("Every run and where its time went", className="card-title"),
            dmc.Text(f"{listed[:1].upper()}{listed[1:]}. {found.assumption}", size="xs", c="dimmed"),
            grid("runs-grid", [_row(row) for row in found.listed], [_column(*column) for column in _COLUMNS], scheme),
        ],
        className="card",
    )
    return card


def _column(field: str, name: str, width: int) -> dict[str, Any]:
    column: dict[str, Any] = {"field": field, "headerName": name, "width": width}
    if field not in _TEXTS:
        column |= {"type": "rightAligned", "filter": "agNumberColumnFilter"}
    if field == "run_id":
        column |= {"pinned": "left", "cellStyle": {"cursor": "pointer", "textDecoration": "underline"}}
    return column


def _row(run: Mapping[str, Any]) -> dict[str, Any]:
    row = {field: run[field] for field, _, _ in _COLUMNS if field in run}
    row["began"] = day(run["start_utc"])
    row["ettr"] = round(run["ettr"], 4)
    for name in _SECONDS:
        row[f"{name}_hours"] = round(run[f"{name}_seconds"] / 3600, 2)
    return row


PAGE = Page("/runs", "Runs", "What each run got out of its time: ETTR, and what became of the rest.", layout, register)
