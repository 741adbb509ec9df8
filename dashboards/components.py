"""The pieces that pages are made of: pure functions from values to components. Text of a log stays text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from models.errors import ModelError
from reliability.errors import ReliabilityError
from reliability.figures.theme import headline, themed, without_headline


def tile(element_id: str, name: str, value: str, detail: str) -> Component:
    """Return one big number with what it is above and what it rests on below; the number bears the id."""
    made: Component = dmc.Paper(
        [
            dmc.Text(name, size="sm", c="dimmed", className="tile-name"),
            dmc.Text(value, id=element_id, className="tile-value"),
            dmc.Text(detail, id=f"{element_id}-detail", size="xs", c="dimmed"),
        ],
        className="card tile",
    )
    return made


def tiles(children: Sequence[Component]) -> Component:
    """Return tiles side by side, as many as fit."""
    return html.Div(list(children), className="tiles")


def chart(element_id: str, figure: go.Figure, definition: str, *, dark: bool, wide: bool = False) -> Component:
    """Return a card with a figure: title, n and confidence above it, its definition a click away."""
    title, subtitle = headline(figure)
    made: Component = dmc.Paper(
        [
            html.H2(title, className="card-title"),
            dmc.Text(subtitle, size="xs", c="dimmed"),
            dcc.Graph(
                id=element_id,
                figure=themed(without_headline(figure), dark=dark),
                config={"displayModeBar": False, "responsive": True},
                style={"height": f"{figure.layout.height - 40}px"},
            ),
            html.Details([html.Summary("Definition"), html.P(definition.replace("`", ""))], className="definition"),
        ],
        className="card wide" if wide else "card",
    )
    return made


def grid(
    element_id: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Mapping[str, Any]],
    scheme: str,
    *,
    height: str | None = "560px",
    **options: Any,  # noqa: ANN401 - whatever AG Grid takes
) -> Component:
    """Return a table that sorts, filters and turns pages; without a height it is as high as its rows."""
    paged = {"pagination": True, "paginationPageSize": 20} if height else {"domLayout": "autoHeight"}
    return html.Div(
        dag.AgGrid(
            id=element_id,
            rowData=list(rows),
            columnDefs=list(columns),
            defaultColDef={"sortable": True, "resizable": True, "filter": height is not None},
            dashGridOptions={**paged, "enableCellTextSelection": True},
            style={"height": height},
            **options,
        ),
        # AG Grid's own theme follows this attribute.
        **{"data-ag-theme-mode": scheme},  # type: ignore[arg-type]  # any data-* is taken
    )


def page_frame(title: str, description: str, name: str, filters: Sequence[Component]) -> Component:
    """Return a page of filters over what they choose; its content and its address are the callbacks' to fill."""
    head = dmc.Group([heading(title, description), dmc.Group(list(filters))], justify="space-between", align="flex-end")
    content = dcc.Loading(html.Div(id=f"{name}-content"), delay_show=300, type="dot")
    return html.Div([head, dcc.Store(id=f"{name}-address"), content], className="page")


def notice(text: str, *, colour: str = "blue") -> Component:
    """Return a friendly sentence where there is nothing to draw."""
    made: Component = dmc.Alert(text, color=colour, variant="light", radius="md", className="notice")
    return made


def heading(title: str, description: str) -> Component:
    """Return the head of a page."""
    return html.Div([html.H1(title, className="page-title"), dmc.Text(description, c="dimmed", size="sm")])


def period_input(element_id: str, first_day: str | None, last_day: str | None) -> Component:
    """Return the filter for a range of UTC days."""
    made: Component = dmc.DatePickerInput(
        id=element_id,
        type="range",
        label="Period (UTC days)",
        placeholder="everything observed",
        value=[first_day, last_day],
        clearable=True,
        allowSingleDateInRange=True,
        w=280,
    )
    return made


def answered(build: Callable[[], Component]) -> Component:
    """Return what ``build`` makes, or the sentence that says why it cannot."""
    try:
        return build()
    except (ReliabilityError, ModelError) as error:
        text = str(error)
        return notice(f"{text[:1].upper()}{text[1:]}.")
