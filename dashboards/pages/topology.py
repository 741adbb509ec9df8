"""The fabric: its map with what failed, what one broken part takes down, and how other fabrics would fare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from dashboards.address import day_in, window_of, write_query
from dashboards.answers import Answers
from dashboards.components import answered, heading, notice, period_input
from dashboards.pages.page import Page, keep_in_address
from dashboards.pages.topology_choice import Choice, choices, lake_fabrics, settings_help
from dashboards.pages.topology_domains import domain_section
from dashboards.pages.topology_fabric import explorer, fabric_view
from dashboards.pages.topology_sections import FURTHER, comparison, further
from reliability.figures.fabric_map import clicked

#: what the comparison starts with
_COMPARED: Final = ("hpn", "hpn-single-tor")
_NO_CABLES: Final = (
    "This lake has no cables: take in an ibnetdiscover dump, LLDP neighbours or Slurm's topology to see the fabric of "
    "this cluster and what failed in it. Until then, planned fabrics can be explored."
)
#: what is shown besides, unless the address says otherwise
_MORE: Final = "step,spread"


def layout(answers: Answers, query: Mapping[str, str]) -> Component:
    """Return the page with its controls set from the address."""
    has_own = lake_fabrics(answers)
    fabrics = choices(has_own)
    known = [value for value, _ in fabrics]
    chosen = query.get("fabric", "")
    compared = [kind for kind in query.get("compare", ",".join(_COMPARED)).split(",") if kind in known]
    filters = [
        dmc.Select(
            id="topology-fabric",
            label="Fabric",
            data=[{"value": value, "label": text} for value, text in fabrics],
            value=chosen if chosen in known else known[0],
            allowDeselect=False,
            w=250,
        ),
        dmc.TextInput(
            id="topology-settings",
            label="Settings",
            placeholder="gpus=4096 radix=64",
            value=query.get("set", ""),
            debounce=700,
            w=230,
        ),
        period_input("topology-period", day_in(query, "from"), day_in(query, "to")),
    ]
    return html.Div(
        [
            dmc.Group(
                [heading(PAGE.title, PAGE.description), dmc.Group(filters)], justify="space-between", align="flex-end"
            ),
            *([] if has_own else [notice(_NO_CABLES)]),
            dcc.Store(id="topology-address"),
            dcc.Store(id="topology-expand", data=query.get("expand", "")),
            html.Div(id="topology-help", className="definition"),
            dcc.Loading(html.Div(id="topology-content"), delay_show=500, type="dot"),
            _broken(query),
            dcc.Loading(html.Div(id="topology-blast"), delay_show=500, type="dot"),
            dmc.Select(
                id="topology-kind",
                label="Domains over time: of this kind",
                data=[query["kind"]] if query.get("kind") else [],
                value=query.get("kind") or None,
                placeholder="racks, or what is known",
                clearable=True,
                w=250,
                mt=16,
            ),
            dcc.Loading(html.Div(id="topology-domains"), delay_show=500, type="dot"),
            dmc.MultiSelect(
                id="topology-compare",
                label="Fabrics side by side",
                data=[{"value": value, "label": text} for value, text in fabrics],
                value=compared,
                mt=16,
            ),
            dcc.Loading(html.Div(id="topology-comparison"), delay_show=500, type="dot"),
            dmc.MultiSelect(
                id="topology-more",
                label="Of the fabric chosen above, also",
                data=[{"value": name, "label": text} for name, text in FURTHER.items()],
                value=[name for name in query.get("more", _MORE).split(",") if name in FURTHER],
                mt=16,
            ),
            dcc.Loading(html.Div(id="topology-further"), delay_show=500, type="dot"),
        ],
        className="page",
    )


def _broken(query: Mapping[str, str]) -> Component:
    """Return the controls that say which part is broken; a click in the map sets them."""
    made: Component = dmc.Group(
        [
            dmc.Select(
                id="topology-component",
                label="Broken: a part of this class",
                data=[query["component"]] if query.get("component") else [],
                value=query.get("component") or None,
                placeholder="click a host or a switch",
                clearable=True,
                searchable=True,
                w=250,
            ),
            dmc.TextInput(
                id="topology-name",
                label="of this name",
                value=query.get("name", ""),
                placeholder="the worst of its class",
                debounce=700,
                w=320,
            ),
        ],
        mt=16,
    )
    return made


def register(app: Dash, answers: Answers) -> None:
    """Add the page's callbacks."""
    _register_address(app)
    _register_map(app, answers)
    _register_sections(app, answers)

    @app.callback(
        Output("topology-component", "value"),
        Output("topology-name", "value"),
        Output("topology-expand", "data"),
        Input("topology-map", "clickData"),
        Input("topology-fabric", "value"),
        State("topology-expand", "data"),
        prevent_initial_call=True,
    )
    def choose(click: Mapping[str, Any] | None, fabric: str, expand: str | None) -> tuple[Any, Any, Any]:
        del fabric
        if ctx.triggered_id == "topology-fabric":
            return None, "", ""
        kind, name, group = clicked((click or {}).get("points", [None])[0])
        if group and group != expand:
            return no_update, no_update, group
        return (kind, name, no_update) if kind else (no_update, no_update, no_update)


def _register_map(app: Dash, answers: Answers) -> None:
    @app.callback(
        Output("topology-content", "children"),
        Output("topology-blast", "children"),
        Output("topology-component", "data"),
        Output("topology-help", "children"),
        Input("topology-fabric", "value"),
        Input("topology-settings", "value"),
        Input("topology-period", "value"),
        Input("topology-component", "value"),
        Input("topology-name", "value"),
        Input("topology-expand", "data"),
        Input("scheme", "data"),
    )
    def show(
        fabric: str,
        settings: str | None,
        period: list[str | None] | None,
        component: str | None,
        name: str | None,
        expand: str | None,
        scheme: str | None,
    ) -> tuple[Any, ...]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return (no_update,) * 4
        choice = Choice(fabric, (settings or "").strip(), component or None, (name or "").strip(), expand or "")
        window = window_of(first, last)
        classes: list[str] = []

        def build() -> Component:
            shown, found = fabric_view(answers, choice, window, dark=scheme == "dark")
            classes.extend(found)
            return shown

        content = answered(build)
        blast = answered(lambda: explorer(answers, choice, scheme)) if classes else None
        return content, blast, classes, settings_help(fabric)


def _register_address(app: Dash) -> None:
    keep_in_address(app, "topology-address")

    @app.callback(
        Output("topology-address", "data"),
        Input("topology-fabric", "value"),
        Input("topology-settings", "value"),
        Input("topology-period", "value"),
        Input("topology-component", "value"),
        Input("topology-name", "value"),
        Input("topology-expand", "data"),
        Input("topology-kind", "value"),
        Input("topology-compare", "value"),
        Input("topology-more", "value"),
    )
    def write(
        fabric: str,
        settings: str | None,
        period: list[str | None] | None,
        component: str | None,
        name: str | None,
        expand: str | None,
        kind: str | None,
        compared: list[str] | None,
        more: list[str] | None,
    ) -> Any:  # noqa: ANN401 - Dash's no_update or a query
        first, last = period or (None, None)
        if (first is None) != (last is None):
            return no_update
        return write_query(
            {
                "fabric": fabric,
                "set": (settings or "").strip() or None,
                "from": first,
                "to": last,
                "component": component or None,
                "name": (name or "").strip() or None,
                "expand": expand or None,
                "kind": kind or None,
                "compare": _listed(compared, _COMPARED),
                "more": _listed(more, _MORE.split(",")),
            }
        )


def _listed(chosen: Sequence[str] | None, usual: Sequence[str]) -> str | None:
    """Return a choice of several as the address has it; the usual one needs no mention.

    >>> _listed(["a", "b"], ["a"]), _listed(["a"], ["a"]), _listed([], ["a"])
    ('a,b', None, '')
    """
    return None if list(chosen or ()) == list(usual) else ",".join(chosen or ())


def _register_sections(app: Dash, answers: Answers) -> None:
    @app.callback(
        Output("topology-domains", "children"),
        Output("topology-kind", "data"),
        Input("topology-kind", "value"),
        Input("topology-period", "value"),
        Input("scheme", "data"),
    )
    def show_domains(kind: str | None, period: list[str | None] | None, scheme: str | None) -> tuple[Any, Any]:
        first, last = period or (None, None)
        if scheme is None or (first is None) != (last is None):
            return no_update, no_update
        kinds: list[str] = []

        def build() -> Component:
            section, known = domain_section(answers, kind, window_of(first, last), scheme)
            kinds.extend(known)
            return section

        return answered(build), kinds

    @app.callback(
        Output("topology-comparison", "children"),
        Input("topology-compare", "value"),
        Input("topology-fabric", "value"),
        Input("topology-settings", "value"),
        Input("scheme", "data"),
    )
    def show_comparison(kinds: list[str] | None, fabric: str, settings: str | None, scheme: str | None) -> Any:  # noqa: ANN401 - Dash's no_update
        if scheme is None:
            return no_update
        return answered(lambda: comparison(answers, tuple(kinds or ()), fabric, (settings or "").strip(), scheme))

    @app.callback(
        Output("topology-further", "children"),
        Input("topology-more", "value"),
        Input("topology-fabric", "value"),
        Input("topology-settings", "value"),
        Input("scheme", "data"),
    )
    def show_further(asked: list[str] | None, fabric: str, settings: str | None, scheme: str | None) -> Any:  # noqa: ANN401 - Dash's no_update
        if scheme is None:
            return no_update
        return further(answers, asked or (), fabric, (settings or "").strip(), scheme)


PAGE = Page(
    "/topology",
    "Topology",
    "Who shares fate with whom: the fabric, what failed in it, and what one broken part takes down.",
    layout,
    register,
)
