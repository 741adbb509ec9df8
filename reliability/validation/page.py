"""The findings as one self-contained HTML file that looks like the report: it is filled into the report's template."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reliability.figures.theme import percent
from reliability.report.numbers import count
from reliability.report.page import filled_page
from reliability.report.sections.section import Section
from reliability.validation.figures import coverage_figure, sensitivity_figure
from reliability.validation.harness import Validation
from reliability.validation.tables import (
    cause_table,
    certainty_table,
    confusion_table,
    coverage_table,
    definition_table,
    domain_table,
    ettr_table,
    ledger_table,
    lemon_table,
    measure_table,
    sensitivity_table,
    wrong_lemon_table,
)
from reliability.validation.wording import (
    DOMAIN_TEXT,
    GOODPUT_TEXT,
    INTERVAL_TEXT,
    LEMON_TEXT,
    MEASURE_TEXT,
    SENSITIVITY_TEXT,
    VERDICT_TEXT,
    intake_text,
    summary,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go


def page(found: Validation, clock: Callable[[], datetime]) -> str:
    """Return the findings as HTML; it needs no network and no other file.

    Parameters
    ----------
    found
        What was found.
    clock
        Returns the present, with a zone; stamps the page.
    """
    return filled_page(
        title=f"Validation on simulated clusters: {found.preset}",
        period=intake_text(found),
        facts=[
            ("clusters", count(found.clusters)),
            ("seed", str(found.seed)),
            ("confidence of intervals", percent(found.confidence)),
        ],
        sentences=summary(found),
        sections=[section for section in _sections(found) if not section.is_empty],
        missing=[],
        written_utc=clock(),
    )


def _sections(found: Validation) -> tuple[Section, ...]:
    tables = (cause_table(found), confusion_table(found), certainty_table(found))
    goodput = (ledger_table(found), ettr_table(found))
    lemons = (lemon_table(found), wrong_lemon_table(found))
    return (
        Section("Measures", MEASURE_TEXT, tables=(measure_table(found.rows),)),
        Section("Intervals", INTERVAL_TEXT, _figures(found, coverage_figure), _filled(coverage_table(found))),
        Section("Verdicts by cause", VERDICT_TEXT, tables=tuple(table for table in tables if table.rows)),
        Section(
            "Domain incidents",
            DOMAIN_TEXT,
            tables=_filled(domain_table(found)),
        ),
        Section("Goodput", GOODPUT_TEXT, tables=tuple(table for table in goodput if table.rows)),
        Section("Lemons", LEMON_TEXT, tables=tuple(table for table in lemons if table.rows)),
        Section(
            "Sensitivity", SENSITIVITY_TEXT, _figures(found, sensitivity_figure), _filled(sensitivity_table(found))
        ),
        Section("Definitions", "What is counted.", tables=(definition_table(found.rows),)),
    )


def _figures(found: Validation, draw: Callable[[Validation], go.Figure | None]) -> tuple[go.Figure, ...]:
    figure = draw(found)
    return () if figure is None else (figure,)


def _filled(table: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return (table,) if table.rows else ()
