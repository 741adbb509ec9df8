"""What every page is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dash import ClientsideFunction, Dash, Input
from dash.development.base_component import Component

from dashboards.answers import Answers


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its place, what it is called, how it is laid out from a query, and its callbacks."""

    path: str
    title: str
    description: str
    layout: Callable[[Answers, Mapping[str, str]], Component]
    register: Callable[[Dash, Answers], None]


def keep_in_address(app: Dash, element_id: str) -> None:
    """Write the query string that the store of this id holds into the address, without loading the page anew."""
    app.clientside_callback(ClientsideFunction("address", "keep"), Input(element_id, "data"))  # type: ignore[no-untyped-call]  # Dash ships it untyped
