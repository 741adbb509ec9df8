"""The self-contained HTML page of reports: one template filled, one file put in place at once."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from reliability.errors import OutputError
from reliability.figures.theme import TEMPLATES, headline, without_headline
from reliability.report.numbers import day
from reliability.report.sections.section import Section

if TYPE_CHECKING:
    import plotly.graph_objects as go


def filled_page(
    *,
    title: str,
    period: str,
    facts: Sequence[tuple[str, str]],
    sentences: Sequence[str],
    sections: Sequence[Section],
    missing: Sequence[Section],
    written_utc: datetime,
) -> str:
    """Fill the template; everything is escaped, nothing is fetched.

    Parameters
    ----------
    title, period
        What the page is about, and of which time.
    facts
        Names and values of the line of numbers at the top.
    sentences
        The answer in words.
    sections, missing
        What the page shows, and what there was no data for.
    written_utc
        Stamp of the page.

    Returns
    -------
    str
        HTML that needs no network and no other file.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = files("reliability").joinpath("report", "template.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        title=title,
        period=period,
        facts=facts,
        sentences=sentences,
        sections=sections,
        missing=missing,
        written=day(written_utc),
        headline=headline,
        drawing=_drawing,
        templates={name: theme.to_plotly_json() for name, theme in TEMPLATES.items()},
        plotly_js=Markup(get_plotlyjs()),  # noqa: S704 - the library's own text, not a log's
    )


def _drawing(figure: go.Figure) -> dict[str, Any]:
    """Return data and layout without the template: the page brings both and picks by the reader's colour scheme."""
    # Nine digits: the last ones of a parallel sum change from run to run, and equal lakes give equal reports.
    drawn: dict[str, Any] = json.loads(
        without_headline(figure).to_json(), parse_float=lambda text: float(f"{float(text):.9g}")
    )
    drawn["layout"].pop("template")
    return drawn


def check_place(out: Path) -> None:
    """Refuse a file that cannot be written before the work, not after it.

    Raises
    ------
    OutputError
        If it is a folder, or its folder does not exist or takes no files.
    """
    if out.is_dir():
        raise OutputError(str(out), "it is a folder; name a file")
    if not out.parent.is_dir():
        raise OutputError(str(out), f"there is no folder {out.parent}")
    if not os.access(out.parent, os.W_OK):
        raise OutputError(str(out), "its folder cannot be written to")


def put(out: Path, text: str) -> None:
    """Put a file in place at once: a reader never sees half of it.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    fresh = out.with_name(f"{out.name}.{os.getpid()}.new")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(out)
    except OSError as error:
        raise OutputError(str(out), error.strerror or str(error)) from error
    finally:
        fresh.unlink(missing_ok=True)
