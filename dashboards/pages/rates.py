"""How often does it fail: by group, over time, and how failures accumulate on a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, notice, page_frame, period_input
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.accumulation import accumulation
from reliability.analyses.rate_history import RateHistory, rate_history
from reliability.analyses.rate_question import FAILURE_GROUPS, PERIODS
from reliability.analyses.rates import GroupRate, Rates, rate_groups, rates
from reliability.report.numbers import interval, number
from reliability.schema import COMPONENTS

_KINDS: Final = tuple(dict.fromkeys(("node", "attempt", *COMPONENTS)))
_USUAL_KIND: Final = "node"
_USUAL_GROUP: Final = "month"
_TREND_NOTE: Final = (
    "The last 30 days, day by day, with an exact Poisson band at each day; neighbouring days share most of their "
    "window. A change is a day at which the rates before and after differ more than days in random order would (5% "
    "false alarms over the whole record); the shaded days hold it with the confidence asked for."
)


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    of = query.get("of", _USUAL_KIND)
    of = of if of in _KINDS else _USUAL_KIND
    by = query.get("by", _USUAL_GROUP)
    known = answers.ask(rate_groups, of)
    filters = [
        dmc.Select(
            id="rates-of",
            label="Of",
            data=[{"value": kind, "label": kind} for kind in _KINDS],
            value=of,
            allowDeselect=False,
            searchable=True,
            w=130,
        ),
        dmc.Select(
            id="rates-by",
            label="By",
            data=_choices(known),
            value=by if by in known else _USUAL_GROUP,
            allowDeselect=False,
            w=150,
        ),
        period_input("rates-period", day_in(query, "from"), day_in(query, "to")),
    ]
    return page_frame(PAGE.title, PAGE.description, "rates", filters)


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "rates-address")

    @app.callback(
        Output("rates-by", "data"),
        Output("rates-by", "value"),
        Input("rates-of", "value"),
        State("rates-by", "value"),
        prevent_initial_call=True,  # the layout offers what fits
    )
    def offer(of: str, by: str) -> tuple[Any, Any]:
        known = answers.ask(rate_groups, of)
        return _choices(known), by if by in known else _USUAL_GROUP

    @app.callback(
        Output("rates-content", "children"),
        Output("rates-address", "data"),
        Input("rates-of", "value"),
        Input("rates-by", "value"),
        Input("rates-period", "value"),
        Input("scheme", "data"),
    )
    def show(of: str, by: str, period: list[str | None] | None, scheme: str | None) -> tuple[Any, Any]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        if by not in answers.ask(rate_groups, of):
            return no_update, no_update  # the offer is about to change
        state = {
            "of": None if of == _USUAL_KIND else of,
            "by": None if by == _USUAL_GROUP else by,
            "from": first,
            "to": last,
        }
        return answered(lambda: _content(answers, of, by, window_of(first, last), scheme)), write_query(state)


def _choices(known: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"value": name, "label": name.replace("_", " ")} for name in known]


def _content(answers: Answers, of: str, by: str, window: dict[str, Any], scheme: str) -> Component:
    dark = scheme == "dark"
    found = answers.ask(rates, of, by=by, **window)
    history = answers.ask(rate_history, of, **window)
    charts = [
        chart("rates-groups", found.figure(), _definition(found), dark=dark, wide=True),
        chart("rates-history", history.figure(), f"{history.definition} {_TREND_NOTE}", dark=dark, wide=True),
    ]
    if of != "attempt":
        of_units = by not in (*FAILURE_GROUPS, *PERIODS, "node")
        curves = answers.ask(accumulation, of, by=by if of_units else None, **window)
        charts.append(chart("rates-accumulation", curves.figure(), curves.definition, dark=dark, wide=True))
    cautions = [*found.warnings, *history.warnings]
    return html.Div(
        [
            *(
                [notice(" ".join(f"{text[:1].upper()}{text[1:]}." for text in cautions), colour="yellow")]
                if cautions
                else []
            ),
            html.Div(charts, className="charts"),
            _trend(history),
            _table(found, scheme),
        ]
    )


def _definition(found: Rates) -> str:
    equal = "" if found.equal_rates_p is None else f" All groups have one rate: p = {found.equal_rates_p:.2g}."
    return (
        f"{found.definition}{equal} Robust intervals take failures of one unit, and those of one day, to depend on "
        "each other; shrunk rates are drawn towards the fleet's as far as a group's own exposure is short."
    )


def _trend(history: RateHistory) -> Component:
    """Return the tests of a trend and the changes found, as sentences."""
    card: Component = dmc.Paper(
        [
            html.H2("Is there a trend", className="card-title"),
            html.Ul([html.Li(sentence) for sentence in history.sentences()]),
        ],
        id="rates-trend",
        className="card",
    )
    return card


def _table(found: Rates, scheme: str) -> Component:
    columns = [
        ("group", "Group", 170),
        ("failures", "Failures", 110),
        ("exposure", f"{found.unit}-days".capitalize(), 130),
        ("rate", f"Per 1000 {found.unit}-days", 210),
        ("robust", "Robust interval", 170),
        ("ratio", "Times the rest", 190),
        ("adjusted_p_value", "Adjusted p", 120),
        ("shrunk", "Shrunk rate", 200),
        ("mttf", "MTTF (h)", 220),
    ]
    numeric = {"failures", "exposure", "adjusted_p_value"}
    card: Component = dmc.Paper(
        [
            html.H2("Every group", className="card-title"),
            grid(
                "rates-grid",
                [_row(group) for group in found.groups],
                [
                    {"field": field, "headerName": name, "width": width}
                    | ({"type": "rightAligned", "filter": "agNumberColumnFilter"} if field in numeric else {})
                    for field, name, width in columns
                ],
                scheme,
                height="440px",
            ),
        ],
        className="card",
    )
    return card


def _row(group: GroupRate) -> dict[str, Any]:
    estimate, robust, rest, shrunk = group.estimate, group.robust, group.against_rest, group.shrunk
    row: dict[str, Any] = {
        "group": group.group,
        "failures": group.failures,
        "exposure": round(group.exposure_days, 1),
        "rate": "–",
        "robust": "–",
        "ratio": "–",
        "adjusted_p_value": None,
        "shrunk": "–",
        "mttf": "–",
    }
    if estimate is not None:
        row["rate"] = interval(estimate.rate_per_1000_days, estimate.low_per_1000_days, estimate.high_per_1000_days)
        row["mttf"] = interval(estimate.mttf_hours, estimate.mttf_low_hours, estimate.mttf_high_hours)
    if robust is not None:
        row["robust"] = f"{number(1000 * robust.low_per_day)}–{number(1000 * robust.high_per_day)}"
    if rest is not None:
        row["ratio"] = interval(rest.ratio, rest.low, rest.high)
        row["adjusted_p_value"] = float(f"{rest.adjusted_p_value:.2g}")
    if shrunk is not None:
        row["shrunk"] = interval(shrunk.rate_per_1000_days, shrunk.low_per_1000_days, shrunk.high_per_1000_days)
    return row


PAGE = Page("/rates", "Rates", "How often things fail, how sure that is, and how it changed.", layout, register)
