"""The pieces that pages are made of: pure functions from values to components. Text of a log stays text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
