"""How long things live."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from reliability.analyses.overview import Overview
from reliability.analyses.survival import Survival, survival
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.figures.survival import plural_of
from reliability.report.numbers import count, interval
from reliability.report.sections.section import Section, Table, Window, ask

if TYPE_CHECKING:
    from reliability.lake import Lake


def lives(lake: Lake, overview: Overview, window: Window) -> tuple[Survival, ...]:
    """Ask how long things live: every inventoried kind of component, and nodes where their states were logged."""
    with closing(DuckDBEngine(lake)) as engine:
        kinds = [
            row["component"] for row in engine.rows("SELECT DISTINCT component FROM components ORDER BY component")
        ]
    asked = [*kinds, "node"] if overview.node_rates is not None else kinds
    found = [ask(lambda kind=kind: survival(lake, kind, **window.options()))[0] for kind in asked]  # type: ignore[misc]  # kind is bound now, not later
    return tuple(answer for answer in found if answer is not None)


def life_section(found: Survival) -> Section:
    """Draw how long one kind of thing lives."""
    rows = tuple(
        (
            row["group"],
            count(row["lives"]),
            count(row["events"]),
            interval(row["median_hours"], row["median_low_hours"], row["median_high_hours"]),
            "; ".join(row["warnings"]),
        )
        for row in found.summary()
    )
    table = Table(("group", "units", "failures", "median life (h)", "to know"), rows, frozenset({1, 2, 3}))
    return Section(f"Lives of {plural_of(found.component)}", found.definition, (found.figure(),), (table,))
