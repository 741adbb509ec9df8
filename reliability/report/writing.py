"""Write a report: gather the sections, fill the template, put the file in place at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from reliability.analyses.overview import Overview, overview
from reliability.analyses.plan import FailureRate, measured_rate
from reliability.analyses.status import Status, status
from reliability.errors import NoDataError, OutputError
from reliability.figures.theme import TEMPLATES, headline, percent, without_headline
from reliability.report.numbers import count, day
from reliability.report.sections import (
    Window,
    failure_section,
    job_section,
    life_section,
    lives,
    node_section,
    plan_section,
    quality_section,
)
from reliability.report.summary import summary_sentences

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake


def write_report(
    lake: Lake,
    out: Path,
    clock: Callable[[], datetime],
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Path:
    """Write one HTML file with everything the lake can answer; it needs no network and no other file.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    out
        File to write; replaced at once, so that a reader never sees half a report.
    clock
        Returns the present, with a zone; stamps the report.
    confidence
        Two-sided confidence level of all intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    _check_place(out)
    window = Window(confidence, from_utc, to_utc)
    fleet, state = overview(lake, **window.options()), status(lake)
    rate = _measured(lake, window)
    found_lives = lives(lake, fleet, window)
    asked = (
        node_section(lake, fleet, window),
        failure_section(lake, fleet, window),
        job_section(lake, fleet, window),
        *(life_section(found) for found in found_lives),
        plan_section(rate, fleet.gpu_count),
        quality_section(state),
    )
    begin, end = _period(fleet, state, window)
    page = _template().render(
        title=f"Reliability of {', '.join(fleet.clusters) or 'an empty lake'}",
        period=f"{day(begin)} to {day(end)} UTC" if begin and end else "no logs",
        facts=_facts(fleet, confidence),
        sentences=summary_sentences(fleet, found_lives, rate, confidence),
        sections=[section for section in asked if not section.is_empty],
        missing=[section for section in asked if section.is_empty],
        written=day(clock()),
        headline=headline,
        drawing=_drawing,
        templates={name: template.to_plotly_json() for name, template in TEMPLATES.items()},
        plotly_js=Markup(get_plotlyjs()),  # noqa: S704 - the library's own text, not a log's
    )
    _put(out, page)
    return out


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(files("reliability").joinpath("report", "template.html").read_text(encoding="utf-8"))


def _drawing(figure: go.Figure) -> dict[str, Any]:
    """Return data and layout without the template: the page brings both and picks by the reader's colour scheme."""
    # Nine digits: the last ones of a parallel sum change from run to run, and equal lakes give equal reports.
    drawn: dict[str, Any] = json.loads(
        without_headline(figure).to_json(), parse_float=lambda text: float(f"{float(text):.9g}")
    )
    drawn["layout"].pop("template")
    return drawn


def _measured(lake: Lake, window: Window) -> FailureRate | None:
    try:
        return measured_rate(lake, **window.options())
    except NoDataError:
        return None


def _period(fleet: Overview, state: Status, window: Window) -> tuple[datetime | None, datetime | None]:
    """Return the fleet's window; a lake with inventories alone has only that of its files."""
    if fleet.from_utc and fleet.to_utc:
        return fleet.from_utc, fleet.to_utc
    begins = [row["from_utc"] for row in state.observation]
    ends = [row["to_utc"] for row in state.observation]
    return window.from_utc or min(begins, default=None), window.to_utc or max(ends, default=None)


def _facts(fleet: Overview, confidence: float) -> list[tuple[str, str]]:
    facts = [("nodes", count(fleet.node_count))] if fleet.node_count else []
    facts += [("GPUs", count(fleet.gpu_count))] if fleet.gpu_count else []
    attempts = sum(row["attempts"] for row in fleet.states)
    facts += [("job attempts", count(attempts))] if attempts else []
    return [*facts, ("confidence of intervals", percent(confidence))]


def _check_place(out: Path) -> None:
    """Refuse what cannot be written before the work, not after it."""
    if out.is_dir():
        raise OutputError(str(out), "it is a folder; name a file")
    if not out.parent.is_dir():
        raise OutputError(str(out), f"there is no folder {out.parent}")


def _put(out: Path, page: str) -> None:
    fresh = out.with_name(f"{out.name}.{os.getpid()}.new")
    try:
        fresh.write_text(page, encoding="utf-8")
        fresh.replace(out)
    except OSError as error:
        raise OutputError(str(out), error.strerror or str(error)) from error
    finally:
        fresh.unlink(missing_ok=True)
