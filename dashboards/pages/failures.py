"""Failures and their causes over time, and every failure with its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, number_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, heading, notice, period_input
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.causes import causes
from reliability.analyses.failures import Failures, failures
from reliability.analyses.rates import rates
from reliability.figures.causes import cause_name
from reliability.figures.theme import plural
from reliability.report.numbers import day

_SIZES: Final = (0, 8, 64, 128, 512, 1024, 4096)
_COLUMNS: Final = {
    "attempt": (
        ("failed", "Failed (UTC)", 165),
        ("verdict", "Verdict", 140),
        ("cause", "Cause", 170),
        ("job_id", "Job", 110),
        ("job_name", "Name", 150),
        ("user", "User", 110),
        ("state", "State", 125),
        ("gpu_count", "GPUs", 95),
        ("run_hours", "Ran (h)", 100),
        ("lost_gpu_hours", "Lost GPU-h", 120),
        ("node", "Node", 130),
        ("code", "Sign", 120),
        ("message", "Evidence", 420),
    ),
    "node": (
        ("failed", "Down (UTC)", 165),
        ("back", "Back (UTC)", 165),
        ("node", "Node", 160),
        ("verdict", "Verdict", 140),
        ("cause", "Cause", 170),
        ("message", "Reason", 520),
    ),
}
_NUMERIC: Final = ("gpu_count", "run_hours", "lost_gpu_hours")


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    del answers
    wanted = number_in(query, "min_gpus", _SIZES[0], _SIZES[-1]) or 0
    size = max(size for size in _SIZES if size <= wanted)
    return html.Div(
        [
            dmc.Group(
                [
                    heading(PAGE.title, PAGE.description),
                    dmc.Group(
                        [
                            dmc.Select(
                                id="failures-min-gpus",
                                label="Jobs with",
                                data=[
                                    {"value": str(n), "label": f"more than {n:,} GPUs" if n else "any size"}
                                    for n in _SIZES
                                ],
                                value=str(size),
                                allowDeselect=False,
                                w=190,
                            ),
                            period_input("failures-period", day_in(query, "from"), day_in(query, "to")),
                        ]
                    ),
                ],
                justify="space-between",
                align="flex-end",
            ),
            dcc.Store(id="failures-address"),
            dcc.Loading(html.Div(id="failures-content"), delay_show=300, type="dot"),
        ],
        className="page",
    )


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "failures-address")

    @app.callback(
        Output("failures-content", "children"),
        Output("failures-address", "data"),
        Input("failures-period", "value"),
        Input("failures-min-gpus", "value"),
        Input("scheme", "data"),
    )
    def show(period: list[str | None] | None, min_gpus: str, scheme: str | None) -> tuple[Any, Any]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        size = int(min_gpus)
        content = answered(lambda: _content(answers, size, window_of(first, last), scheme))
        return content, write_query({"from": first, "to": last, "min_gpus": size or None})


def _content(answers: Answers, min_gpus: int, window: dict[str, Any], scheme: str) -> Component:
    dark = scheme == "dark"
    found = answers.ask(failures, min_gpus=min_gpus, **window)
    by_cause = answers.ask(causes, min_gpus=min_gpus, **window)
    options = {"min_gpus": min_gpus} if found.counted == "attempt" else {}
    by_month = answers.ask(rates, found.counted, by="month", **options, **window)
    if not by_cause.infrastructure_failures:
        node_days = plural(by_cause.exposure_node_days, "node-day")
        return html.Div([notice(f"The infrastructure ended nothing in {node_days}."), _table(found, scheme)])
    return html.Div(
        [
            html.Div(
                [
                    chart("failures-weeks", found.figure(), found.definition, dark=dark, wide=True),
                    chart("failures-rates", by_month.figure(), by_month.definition, dark=dark),
                    chart("failures-causes", by_cause.figure(), by_cause.definition, dark=dark),
                ],
                className="charts",
            ),
            _table(found, scheme),
        ]
    )


def _table(found: Failures, scheme: str) -> Component:
    listed = plural(found.total, "failed attempt" if found.counted == "attempt" else "outage")
    if len(found.listed) < found.total:
        listed = f"{len(found.listed):,} of {listed}, the infrastructure's first, the latest first"
    columns = [_column(*column) for column in _COLUMNS[found.counted]]
    card: Component = dmc.Paper(
        [
            html.H2("Every failure and its verdict", className="card-title"),
            dmc.Text(listed, size="xs", c="dimmed"),
            grid(
                "failures-grid",
                [_row(row) for row in found.listed],
                columns,
                scheme,
            ),
        ],
        className="card",
    )
    return card


def _column(field: str, name: str, width: int) -> dict[str, Any]:
    column: dict[str, Any] = {"field": field, "headerName": name, "width": width}
    if field in _NUMERIC:
        column |= {"type": "rightAligned", "filter": "agNumberColumnFilter"}
    if field == "message":
        column |= {"tooltipField": field, "flex": 1, "minWidth": width}
    return column


def _row(failure: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: value for name, value in failure.items() if isinstance(value, str | int | float) or value is None}
    row["failed"] = day(failure["failed_utc"])
    if "back_utc" in failure:
        row["back"] = day(failure["back_utc"]) if failure["back_utc"] else "not yet"
    row["verdict"] = "infrastructure" if failure["is_infrastructure"] else "user program"
    row["cause"] = cause_name(failure["cause"])
    for name in ("run_hours", "lost_gpu_hours"):
        if failure.get(name) is not None:
            row[name] = round(failure[name], 2)
    return row


PAGE = Page("/failures", "Failures", "What failed, when, why, and on which evidence.", layout, register)
