"""Write a report: gather the sections, fill the template, put the file in place at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reliability.analyses.goodput import goodput
from reliability.analyses.overview import Overview, overview
from reliability.analyses.plan import FailureRate, measured_rate
from reliability.analyses.status import Status, status
from reliability.errors import NoDataError
from reliability.figures.theme import percent
from reliability.report.numbers import count, day
from reliability.report.page import check_place, filled_page, put
from reliability.report.sections.causes import failure_section
from reliability.report.sections.goodput import goodput_section, loss_sentence
from reliability.report.sections.jobs import job_section
from reliability.report.sections.lemons import lemon_section
from reliability.report.sections.lives import life_section, lives
from reliability.report.sections.nodes import node_section
from reliability.report.sections.plan import plan_section
from reliability.report.sections.quality import quality_section
from reliability.report.sections.replay import replay_section
from reliability.report.sections.runs import run_section
from reliability.report.sections.section import Window, ask
from reliability.report.sections.topology import domain_section, topology_section
from reliability.report.summary import summary_sentences

if TYPE_CHECKING:
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
    check_place(out)
    window = Window(confidence, from_utc, to_utc)
    fleet, state = overview(lake, **window.options()), status(lake)
    rate = _measured(lake, window)
    ledger, no_ledger = ask(lambda: goodput(lake, **window.options()))
    found_lives = lives(lake, fleet, window)
    asked = (
        node_section(lake, fleet, window),
        failure_section(lake, fleet, window),
        job_section(lake, window),
        lemon_section(lake, window),
        *(life_section(found) for found in found_lives),
        goodput_section(ledger, no_ledger),
        run_section(lake, window),
        plan_section(lake, rate, fleet.gpu_count, window),
        replay_section(lake, window),
        topology_section(lake, window),
        domain_section(lake, window),
        quality_section(state),
    )
    begin, end = _period(fleet, state, window)
    page = filled_page(
        title=f"Reliability of {', '.join(fleet.clusters) or 'an empty lake'}",
        period=f"{day(begin)} to {day(end)} UTC" if begin and end else "no logs",
        facts=_facts(fleet, confidence),
        sentences=[
            *summary_sentences(fleet, [story.survival for story in found_lives], rate, confidence),
            *([loss_sentence(ledger)] if ledger is not None else []),
        ],
        sections=[section for section in asked if not section.is_empty],
        missing=[section for section in asked if section.is_empty],
        written_utc=clock(),
    )
    put(out, page)
    return out


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
