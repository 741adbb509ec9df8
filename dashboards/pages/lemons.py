"""Which nodes fail far more than the fleet, and everything known of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, dcc, html, no_update
from dash.development.base_component import Component

from dashboards.address import number_in, write_query
from dashboards.answers import Answers
from dashboards.components import answered, chart, grid, heading, notice, tile, tiles
from dashboards.pages.page import Page, keep_in_address
from reliability.analyses.lemons import LemonNode, Lemons, lemons
from reliability.figures.lemons import node_figure
from reliability.figures.theme import plural
from reliability.report.numbers import day

_WINDOWS: Final = (("", "everything observed"), ("28", "the last 28 days"), ("90", "the last 90 days"))
#: field, heading, width, and whether it is a number
_ROW_ID: Final = "params.data.cluster + '/' + params.data.node"
_COLUMNS: Final = (
    ("node", "Node", 140, False),
    ("named", "Named by", 150, False),
    ("status", "At the end", 130, False),
    ("probability", "P(lemon), %", 120, True),
    ("since", "Since (UTC)", 120, False),
    ("failures", "Failures", 105, True),
    ("expected_failures", "Expected", 110, True),
    ("rate", "per 1000 node-days", 190, False),
    ("shared_troubles", "Shared", 95, True),
    ("xid_cnt", "Xids", 85, True),
    ("tickets", "Tickets", 95, True),
    ("out_count", "Taken out", 110, True),
    ("multi_node_node_fails", "Multi-node fails", 140, True),
    ("single_node_node_fails", "Single-node fails", 145, True),
    ("single_node_node_failure_rate", "Single-node rate", 140, True),
    ("excl_jobid_count", "Excluded by jobs", 145, True),
    ("last_repair", "Last repair (UTC)", 160, False),
    ("evidence", "Evidence", 520, False),
)


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its filters set from the address."""
    del answers
    wanted = number_in(query, "window_days", 1, 10_000)
    known = [value for value, _ in _WINDOWS]
    window = f"{wanted:.0f}" if wanted is not None and f"{wanted:.0f}" in known else ""
    node = query.get("node")
    return html.Div(
        [
            dmc.Group(
                [
                    heading(PAGE.title, PAGE.description),
                    dmc.Group(
                        [
                            dmc.Select(
                                id="lemons-window",
                                label="Judged by",
                                data=[{"value": value or "all", "label": text} for value, text in _WINDOWS],
                                value=window or "all",
                                allowDeselect=False,
                                w=200,
                            ),
                            dmc.Select(
                                id="lemons-node",
                                label="Node",
                                data=[node] if node else [],
                                value=node,
                                placeholder="the surest lemon",
                                searchable=True,
                                clearable=True,
                                w=200,
                            ),
                        ]
                    ),
                ],
                justify="space-between",
                align="flex-end",
            ),
            dcc.Store(id="lemons-address"),
            dcc.Loading(html.Div(id="lemons-content"), delay_show=300, type="dot"),
            html.Div(id="lemons-detail"),
        ],
        className="page",
    )


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    keep_in_address(app, "lemons-address")

    @app.callback(
        Output("lemons-content", "children"),
        Output("lemons-node", "data"),
        Input("lemons-window", "value"),
        Input("scheme", "data"),
    )
    def show(window: str, scheme: str | None) -> tuple[Any, Any]:
        if scheme is None:
            return no_update, no_update
        names: list[str] = []

        def build() -> Component:
            found = _asked(answers, window)
            names.extend(dict.fromkeys(node.node for node in found.nodes))
            return _content(found, scheme)

        return answered(build), names

    @app.callback(
        Output("lemons-detail", "children"),
        Output("lemons-address", "data"),
        Input("lemons-window", "value"),
        Input("lemons-node", "value"),
        Input("scheme", "data"),
    )
    def show_node(window: str, node: str | None, scheme: str | None) -> tuple[Any, Any]:
        if scheme is None:
            return no_update, no_update
        detail = answered(lambda: _detail(_asked(answers, window), node, scheme))
        return detail, write_query({"window_days": None if window == "all" else window, "node": node})

    @app.callback(Output("lemons-node", "value"), Input("lemons-grid", "cellClicked"), prevent_initial_call=True)
    def choose(cell: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - Dash's no_update or a name
        return cell["rowId"].split("/", 1)[1] if cell and cell.get("rowId") else no_update


def _asked(answers: Answers, window: str) -> Lemons:
    return answers.ask(lemons, window_days=None if window == "all" else float(window))


def _content(found: Lemons, scheme: str) -> Component:
    dark = scheme == "dark"
    lost = sum(node.exposure_days for node in found.nodes if node.is_lemon_now)
    served = sum(node.exposure_days for node in found.nodes)
    of_named = sum(node.failures for node in found.named)
    failures = sum(node.failures for node in found.nodes)
    by_rule = sum(node.named_by_rule for node in found.nodes)
    return html.Div(
        [
            tiles(
                [
                    tile("lemons-named", "Named by the model", f"{len(found.named):,}", _of_nodes(found)),
                    tile("lemons-ruled", "Named by the rule", f"{by_rule:,}", f"over {found.rule_days:g} days"),
                    tile(
                        "lemons-failures",
                        "Failures of the named",
                        f"{of_named / failures:.0%}" if failures else "–",
                        f"{of_named:,} of {plural(failures, 'failure')}",
                    ),
                    tile(
                        "lemons-capacity",
                        "Capacity if drained",
                        f"−{lost / served:.1%}" if served else "–",
                        f"{plural(sum(node.is_lemon_now for node in found.nodes), 'node')} lemon at the end",
                    ),
                ]
            ),
            *(notice(f"{warning[:1].upper()}{warning[1:]}.") for warning in found.warnings),
            html.Div(
                [chart("lemons-scatter", found.figure(), found.definition, dark=dark, wide=True)], className="charts"
            ),
            _table(found, scheme),
        ]
    )


def _of_nodes(found: Lemons) -> str:
    return f"of {plural(len(found.nodes), 'node')}; at most {found.false_discovery_rate:.0%} of the names wrong"


def _detail(found: Lemons, name: str | None, scheme: str) -> Component:
    node = next((node for node in found.nodes if node.node == name), None) if name else found.nodes[0]
    if node is None:
        return notice(f"There is no node {name} in this fleet.")
    definition = (
        "Troubles: unplanned outages with the attempts they ended, and attempts that the node ended without one. "
        "Shared: several nodes showed one symptom within minutes of each other. Again: the same symptom within a day "
        "of the repair."
    )
    return html.Div(
        [
            chart("lemons-timeline", node_figure(node, found), definition, dark=scheme == "dark", wide=True),
            dmc.Paper(
                [
                    html.H2(f"What speaks for and against {node.node}", className="card-title"),
                    html.Ul([html.Li(sentence) for sentence in node.evidence] or [html.Li("nothing happened to it")]),
                ],
                className="card wide",
                id="lemons-evidence",
            ),
        ],
        className="charts",
    )


def _table(found: Lemons, scheme: str) -> Component:
    columns = [_column(*column) for column in _COLUMNS]
    card: Component = dmc.Paper(
        [
            html.H2("Every node with its evidence", className="card-title"),
            dmc.Text("the surest lemon first; click a row for its time line", size="xs", c="dimmed"),
            grid(
                "lemons-grid",
                [_row(node) for node in found.nodes],
                columns,
                scheme,
                getRowId="params.data.cluster + '/' + params.data.node",
            ),
        ],
        className="card",
    )
    return card


def _column(field: str, name: str, width: int, numeric: bool) -> dict[str, Any]:  # noqa: FBT001 - a row of the table above
    column: dict[str, Any] = {"field": field, "headerName": name, "width": width}
    if numeric:
        column |= {"type": "rightAligned", "filter": "agNumberColumnFilter"}
    if field == "node":
        column["pinned"] = "left"
    if field == "evidence":
        column |= {"tooltipField": field, "flex": 1, "minWidth": width}
    return column


def _row(node: LemonNode) -> dict[str, Any]:
    by = " and ".join(name for name, named in (("model", node.named_by_model), ("rule", node.named_by_rule)) if named)
    rate, status = node.rate, ""
    if node.named_by_model:
        status = "lemon" if node.is_lemon_now else "was a lemon"
    return {
        "cluster": node.cluster,
        "node": node.node,
        "named": by,
        "status": status,
        "probability": round(100 * node.probability, 1),
        "since": day(node.since_utc)[:10] if node.since_utc else "",
        "failures": node.failures,
        "expected_failures": round(node.expected_failures, 2) if node.expected_failures is not None else None,
        "rate": f"{rate.rate_per_1000_days:.3g} ({rate.low_per_1000_days:.3g}–{rate.high_per_1000_days:.3g})"
        if rate
        else "",
        "shared_troubles": node.shared_troubles,
        **{name: round(value, 4) for name, value in node.features.items()},
        "last_repair": day(node.last_repair_utc) if node.last_repair_utc else "",
        "evidence": "; ".join(node.evidence),
    }


PAGE = Page("/lemons", "Lemons", "Which nodes fail far more than the fleet, and on which evidence.", layout, register)
