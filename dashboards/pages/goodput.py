"""Where the capacity went: the goodput ledger, what failures cost, crash loops."""

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
from reliability.analyses.goodput import LOST, Goodput, goodput
from reliability.figures.goodput import causes_figure, days_figure, ledger_figure
from reliability.figures.theme import percent
from reliability.report.numbers import count, day, interval, number

_UNITS: Final = ("gpu", "node")
_USUAL_GROUP: Final = "job_size"
_OTHER_GROUPS: Final = ("user", "partition", "cause")
_MOST: Final = 1e6
_ROWS_OF_A_PAGE: Final = 20


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    del answers
    filters = [
        _choice("goodput-unit", "Count", query.get("unit"), ("", *_UNITS), "what there is"),
        _choice("goodput-by", "Table by", query.get("by"), (_USUAL_GROUP, *_OTHER_GROUPS), ""),
        _amount("goodput-price", "$ per GPU-hour", query, "price"),
        _amount("goodput-watts", "W per GPU", query, "watts"),
        period_input("goodput-period", day_in(query, "from"), day_in(query, "to")),
    ]
    return page_frame(PAGE.title, PAGE.description, "goodput", filters)


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "goodput-address")

    @app.callback(
        Output("goodput-content", "children"),
        Output("goodput-address", "data"),
        Input("goodput-unit", "value"),
        Input("goodput-by", "value"),
        Input("goodput-price", "value"),
        Input("goodput-watts", "value"),
        Input("goodput-period", "value"),
        Input("scheme", "data"),
    )
    def show(
        unit: str | None,
        by: str | None,
        price: float | str | None,
        watts: float | str | None,
        period: list[str | None] | None,
        scheme: str | None,
    ) -> Any:  # noqa: ANN401 - components or no update
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        options = window_of(first, last) | {
            "unit": unit or None,
            "gpu_hour_price": price or None,
            "gpu_watts": watts or None,
        }
        content = answered(lambda: _content(answers, by or _USUAL_GROUP, options, scheme))
        state = {
            "unit": unit or None,
            "by": None if by == _USUAL_GROUP else by,
            "price": price or None,
            "watts": watts or None,
            "from": first,
            "to": last,
        }
        return content, write_query(state)


def _content(answers: Answers, by: str, options: dict[str, Any], scheme: str) -> Component:
    found = answers.ask(goodput, by=by, **options)
    dark = scheme == "dark"
    charts = [
        chart("goodput-ledger", ledger_figure(found), found.definition, dark=dark),
    ]
    if any(cause.hours.get(bucket) for cause in found.causes for bucket in LOST[:2]):
        charts.append(chart("goodput-causes", causes_figure(found), found.definition, dark=dark))
    charts.append(chart("goodput-days", days_figure(found), found.definition, dark=dark, wide=True))
    tables = [] if by == "cause" else [_table("groups", f"By {by.replace('_', ' ')}", _groups(found), scheme)]
    tables.append(_table("cost", "What each cause cost", _causes(found), scheme))
    if found.crash_loops:
        tables.append(_table("crash-loops", "Crash loops", _loops(found), scheme))
    return html.Div(
        [_tiles(found), *(notice(text) for text in found.warnings), html.Div([*charts, *tables], className="charts")]
    )


def _tiles(found: Goodput) -> Component:
    loss, unit = found.loss, f"{found.unit_name}-hours"
    level = f"{percent(found.confidence)} interval"
    share = "–" if loss.share is None else f"{loss.share:.1%}"
    limits = (
        "no loss to a failure was seen"
        if loss.share_low is None or loss.share_high is None
        else f"{loss.share_low:.1%}–{loss.share_high:.1%}, {level}; {count(found.preemptions)} preemptions"
    )
    first = loss.first_order
    return tiles(
        [
            tile(
                "goodput-productive",
                "Productive",
                f"{found.buckets['productive'] / found.capacity_hours:.1%}",
                f"of {count(found.capacity_hours)} {unit}",
            ),
            tile(
                "goodput-lost",
                "Lost to failures, first order",
                number(first.hours),
                f"{unit}; {interval(first.hours, first.low, first.high)}, {level}; {count(first.events)} events",
            ),
            tile("goodput-second", "Second-order share of what failures lost", share, limits),
            tile(
                "goodput-loops",
                "Crash loops",
                count(len(found.crash_loops)),
                "three or more failures in a row with little kept between",
            ),
        ]
    )


def _groups(found: Goodput) -> list[dict[str, object]]:
    return [
        {
            str(found.by).replace("_", " "): group.name,
            f"{found.unit_name}-hours": round(group.total_hours, 1),
            "productive": f"{group.hours.get('productive', 0.0) / group.total_hours:.1%}",
            "restarts": round(group.hours.get("restart", 0.0), 1),
            **_lost(group.hours),
        }
        for group in found.groups
    ]


def _causes(found: Goodput) -> list[dict[str, object]]:
    return [
        {
            "lost to": cause.cause.replace("_", " "),
            f"{found.unit_name}-hours": round(cause.total_hours, 1),
            **_lost(cause.hours),
            "dollars": "–" if cause.dollars is None else round(cause.dollars),
            "kWh": "–" if cause.kwh is None else round(cause.kwh),
        }
        for cause in found.causes
    ]


def _loops(found: Goodput) -> list[dict[str, object]]:
    return [
        {
            "run": loop["run_id"],
            "name": loop["job_name"],
            "user": loop["user"],
            "GPUs": loop["gpu_count"],
            "failures": loop["failures"],
            "from (UTC)": day(loop["from_utc"]),
            "cause": loop["cause"].replace("_", " "),
            f"{found.unit_name}-hours lost": round(loop["lost_hours"], 1),
            "in restarts": round(loop["restart_hours"], 1),
            "preemptions": loop["preemptions"],
            "lost by them": round(loop["preempted_hours"], 1),
        }
        for loop in found.crash_loops
    ]


def _lost(hours: Mapping[str, float]) -> dict[str, float]:
    return {
        f"lost: {bucket.removeprefix('lost_').replace('_', ' ')}": round(hours.get(bucket, 0.0), 1) for bucket in LOST
    }


def _table(name: str, title: str, rows: list[dict[str, object]], scheme: str) -> Component:
    columns = [{"field": field, "headerName": field, "minWidth": 110, "flex": 1} for field in (rows[0] if rows else ())]
    height = "560px" if len(rows) > _ROWS_OF_A_PAGE else None
    made: Component = dmc.Paper(
        [
            html.H2(title, className="card-title"),
            grid(f"goodput-{name}", rows, columns, scheme, height=height) if rows else dmc.Text("Nothing.", size="sm"),
        ],
        className="card wide",
    )
    return made


def _choice(element_id: str, text: str, value: str | None, choices: tuple[str, ...], placeholder: str) -> Component:
    made: Component = dmc.Select(
        id=element_id,
        label=text,
        data=[{"value": choice, "label": choice.replace("_", " ") or placeholder} for choice in choices],
        value=value if value in choices else choices[0],
        allowDeselect=False,
        w=150,
    )
    return made


def _amount(element_id: str, text: str, query: Mapping[str, str], name: str) -> Component:
    made: Component = dmc.NumberInput(
        id=element_id, label=text, value=number_in(query, name, 0, _MOST) or "", min=0, max=_MOST, w=130, debounce=600
    )
    return made


PAGE = Page(
    "/goodput", "Goodput", "Where every GPU-hour went, what failures cost, and what set it off.", layout, register
)
