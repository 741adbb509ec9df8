"""The dashboard: one Dash app over one lake."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import dash
import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from flask import Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from dashboards.address import read_query
from dashboards.answers import Answers
from dashboards.components import answered, notice
from dashboards.pages import PAGES
from dashboards.pages.page import Page
from reliability.errors import OutputError

_NAME: Final = "Cluster reliability"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
# Everything comes from this server, and whatever a log smuggles in can load nothing. Dash starts from inline scripts.
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def create_app(lake_path: Path) -> dash.Dash:
    """Make the app; nothing of the lake is read before a page asks.

    Parameters
    ----------
    lake_path
        Folder of a lake.

    Returns
    -------
    dash.Dash
        Its Flask server is ``app.server``.

    Raises
    ------
    ReliabilityError
        If there is no lake of this release.
    """
    answers = Answers(lake_path)
    app = _App(
        __name__,
        title=_NAME,
        update_title="",
        suppress_callback_exceptions=True,
        serve_locally=True,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.server.after_request(_guarded)
    app.layout = _frame()
    _register(app, answers)
    for page in PAGES:
        page.register(app, answers)
    return app


def serve(
    lake_path: Path, host: str = "127.0.0.1", port: int = 8050, listening: Callable[[str], None] | None = None
) -> None:
    """Serve the dashboard until interrupted.

    Parameters
    ----------
    lake_path
        Folder of a lake.
    host, port
        Where to listen; by default only this machine can reach it.
    listening
        Called with the address once it can be opened.

    Raises
    ------
    OutputError
        If the address cannot be used.
    ReliabilityError
        If there is no lake of this release.
    """
    app = create_app(lake_path)
    if host in _LOOPBACK:
        # A web page elsewhere must not reach a private dashboard by a name that resolves to this machine.
        app.server.config["TRUSTED_HOSTS"] = list(_LOOPBACK)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise OutputError(
            f"{host}:{port}", f"cannot listen there: {error.strerror or error}; give another --port"
        ) from error
    with listener:
        server = make_server(host, port, app.server, threaded=True, request_handler=_Quiet, fd=listener.fileno())
        if listening is not None:
            listening(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


class _Quiet(WSGIRequestHandler):
    """Answers without a line on the terminal for every request; errors are still printed."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


class _App(Dash):
    """Dash with the title and description of the page that was asked for."""

    def interpolate_index(self, metas: str = "", title: str = "", **parts: str) -> str:  # type: ignore[override]  # Dash passes keywords, all of them
        page = _page_at(request.path)
        if page is not None:
            title = f"{page.title} · {_NAME}"
            metas += f'\n<meta name="description" content="{page.description}">'
        return str(super().interpolate_index(metas=metas, title=title, **parts))  # type: ignore[no-untyped-call]  # of Dash


def _frame() -> Component:
    links = [
        dcc.Link(page.title, href=page.path, id=f"link{page.path.replace('/', '-')}", className="link")
        for page in PAGES
    ]
    toggle = dmc.ActionIcon(
        html.Span(className="scheme-icon"),
        id="scheme-toggle",
        variant="default",
        size="lg",
        radius="md",
        n_clicks=0,
        **{"aria-label": "light or dark"},
    )
    frame: Component = dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="scheme"),
            html.Header(
                [html.Div([html.Span(_NAME, className="brand"), html.Nav(links)], className="bar"), toggle],
                className="header",
            ),
            html.Main(id="page"),
        ],
        id="mantine",
        theme={"primaryColor": "blue", "defaultRadius": "md", "fontFamily": "inherit"},
    )
    return frame


def _register(app: Dash, answers: Answers) -> None:
    app.clientside_callback(
        ClientsideFunction("scheme", "choose"),
        Output("scheme", "data"),
        Output("mantine", "forceColorScheme"),
        Input("scheme-toggle", "n_clicks"),
    )  # type: ignore[no-untyped-call]  # Dash ships it untyped
    app.clientside_callback(ClientsideFunction("address", "mark"), Input("url", "pathname"))  # type: ignore[no-untyped-call]  # Dash ships it untyped

    @app.callback(Output("page", "children"), Input("url", "pathname"), State("url", "search"))
    def show(path: str | None, search: str | None) -> Component:
        page = _page_at(path or "/")
        if page is None:
            return html.Div(notice("There is no such page; the menu above leads to those there are."), className="page")
        return answered(lambda: page.layout(answers, read_query(search)))


def _page_at(path: str) -> Page | None:
    return next((page for page in PAGES if page.path == (path.rstrip("/") or "/")), None)


def _guarded(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
