"""The fleet at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, heading, notice, period_input, tile, tiles
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.overview import Overview, overview
from reliability.analyses.rates import Rates
from reliability.analyses.status import Status, status
from reliability.figures.overview import availability_figure, states_figure
from reliability.figures.theme import percent, plural
from reliability.report.numbers import count, number

_AVAILABILITY = (
    "In-service node time that was not up, by reason: down unplanned, down planned (maintenance), drained, or unknown. "
    "Each second counts once, in the worst state any record gives it."
)
_STATES = "Attempts that ended within the observation, by the state Slurm gave them; GPU-hours of run time within it."
_COVERAGE = "From the first to the last moment that any ingested file covers completely, per table."


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filter set from the address."""
    del answers
    return html.Div(
        [
            dmc.Group(
                [
                    heading(PAGE.title, PAGE.description),
                    period_input("overview-period", day_in(query, "from"), day_in(query, "to")),
                ],
                justify="space-between",
                align="flex-end",
            ),
            dcc.Store(id="overview-address"),
            dcc.Loading(html.Div(id="overview-content"), delay_show=300, type="dot"),
        ],
        className="page",
    )


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "overview-address")

    @app.callback(
        Output("overview-content", "children"),
        Output("overview-address", "data"),
        Input("overview-period", "value"),
        Input("scheme", "data"),
    )
    def show(period: list[str | None] | None, scheme: str | None) -> tuple[Any, Any]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        dark = scheme == "dark"
        content = answered(lambda: _content(answers, window_of(first, last), dark=dark))
        return content, write_query({"from": first, "to": last})


def _content(answers: Answers, window: dict[str, Any], *, dark: bool) -> Component:
    state = answers.ask(status)
    if not state.files:
        return notice("This lake is empty: run 'reliability ingest --lake DIR PATH...' and reload this page.")
    fleet = answers.ask(overview, **window)
    charts = []
    if fleet.days:
        charts.append(chart("overview-availability", availability_figure(fleet), _AVAILABILITY, dark=dark))
    if fleet.states:
        charts.append(chart("overview-states", states_figure(fleet), _STATES, dark=dark))
    if state.observation:
        charts.append(chart("overview-coverage", state.figure(), _COVERAGE, dark=dark))
    return html.Div([tiles(_tiles(fleet)), html.Div([*charts, _quality(fleet, state)], className="charts")])


def _tiles(fleet: Overview) -> list[Component]:
    found = [
        tile(
            "overview-nodes",
            "Nodes",
            count(fleet.node_count),
            f"in {plural(len(fleet.clusters), 'cluster')}: {_named(fleet)}",
        ),
        tile("overview-gpus", "GPUs", count(fleet.gpu_count) if fleet.gpu_count else "–", "in the nodes of the fleet"),
    ]
    if fleet.from_utc and fleet.to_utc:
        days = (fleet.to_utc - fleet.from_utc).total_seconds() / 86_400
        found.append(
            tile(
                "overview-period-days",
                "Observed",
                plural(round(days), "day"),
                f"{fleet.from_utc:%d %b %Y} – {fleet.to_utc:%d %b %Y}",
            )
        )
    if fleet.node_rates:
        found.append(_rate_tile("overview-node-rate", "Outages per 1000 node-days", fleet.node_rates))
        share = fleet.node_rates.groups[0].unavailable_share
        if share is not None:
            found.append(tile("overview-unavailable", "Down, unplanned", f"{share:.2%}", "of in-service node time"))
    if fleet.attempt_rates:
        found.append(_rate_tile("overview-attempt-rate", "Job failures per 1000 node-days (r_f)", fleet.attempt_rates))
    if fleet.causes and fleet.causes.lost_gpu_hours is not None:
        lost = f"work done again after {plural(fleet.causes.infrastructure_failures, 'infrastructure failure')}"
        found.append(tile("overview-lost", "GPU-hours lost", number(fleet.causes.lost_gpu_hours), lost))
    return found


def _rate_tile(element_id: str, name: str, rates: Rates) -> Component:
    group = rates.groups[0]
    estimate = group.estimate
    if estimate is None:
        return tile(element_id, name, "–", "no time at risk")
    limits = f"{number(estimate.low_per_1000_days)}–{number(estimate.high_per_1000_days)} ({percent(rates.confidence)})"
    return tile(
        element_id,
        name,
        number(estimate.rate_per_1000_days),
        f"{limits}, {count(group.failures)} in {plural(group.exposure_days, 'node-day')}",
    )


def _named(fleet: Overview) -> str:
    names = ", ".join(fleet.clusters[:3])
    return f"{names}, …" if len(fleet.clusters) > 3 else names


_SUBJECTS: Final = {"node": "Nodes", "attempt": "Jobs"}


def _quality(fleet: Overview, state: Status) -> Component:
    read, rejected = (sum(file[name] for file in state.files) for name in ("rows_read", "rows_rejected"))
    rates = [found for found in (fleet.node_rates, fleet.attempt_rates) if found]
    warnings = [f"{_SUBJECTS[found.of]}: {warning}" for found in rates for warning in found.warnings]
    warnings += sorted({warning for file in state.files for warning in file["warnings"]})
    refused = [
        f"{count(row['rejected_rows'])} × {row['reason']} (first: {row['first_path']}, line {row['first_line']})"
        for row in state.rejects
    ]
    card: Component = dmc.Paper(
        [
            html.H2("Data quality", className="card-title"),
            dmc.Text(
                f"{plural(len(state.files), 'file')}, {plural(read, 'record')} read, {count(rejected)} refused",
                size="xs",
                c="dimmed",
            ),
            _list("Refused records", refused, "No record was refused."),
            _list("To know when reading the numbers", warnings, "There is nothing to warn of."),
        ],
        id="overview-quality",
        className="card",
    )
    return card


def _list(title: str, lines: list[str], none: str) -> Component:
    body = html.Ul([html.Li(line) for line in lines]) if lines else dmc.Text(none, size="sm")
    return html.Div([html.H3(title, className="card-subtitle"), body], className="lines")


PAGE = Page("/", "Fleet overview", "How many nodes, how often they fail, and what it costs.", layout, register)
