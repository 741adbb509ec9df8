"""A picture of the dashboard for the README, made from the app itself."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Final

from werkzeug.serving import make_server

from dashboards.app import create_app

_WIDTH: Final = 1440
_WAIT_MILLISECONDS: Final = 120_000


def write_screenshot(lake_path: Path, out: Path, chromium: str, *, path: str = "/", dark: bool = False) -> Path:
    """Write a PNG of one page of the dashboard.

    Parameters
    ----------
    lake_path
        Folder of a lake.
    out
        File to write.
    chromium
        Path of a Chromium binary.
    path
        Page, with its query if any.
    dark
        In the dark colour scheme.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ReliabilityError
        If there is no lake of this release.
    """
    # Playwright is a tool of developers, not a dependency of the package.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    server = make_server("127.0.0.1", 0, create_app(lake_path).server, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": _WIDTH, "height": 900}, color_scheme="dark" if dark else "light")
            page.goto(f"http://127.0.0.1:{server.server_port}{path}")
            page.wait_for_selector(".js-plotly-plot .main-svg", timeout=_WAIT_MILLISECONDS)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=str(out), full_page=True)
            browser.close()
    finally:
        server.shutdown()
    return out
