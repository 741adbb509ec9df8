"""Failures one by one: every failed attempt or outage with its verdict, and their number per week and cause."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reliability.analyses.answer import Answer
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

#: most failures that are listed one by one
LISTED: Final = 2000

_DEFINITIONS: Final = {
    "attempt": "Attempts that ended NODE_FAIL, or FAILED with a critical sign on one of their nodes from 10 min before "
    "to 5 min after the end, in the week of their end (weeks begin on Monday, UTC).",
    "node": "Unplanned outages by the component their reason names, in the week they began (weeks begin on Monday, "
    "UTC).",
}


@dataclass(frozen=True, slots=True)
class Failures(Answer):
    """Failures, the infrastructure's first and the latest first among equals; ``counted``: attempts or nodes.

    ``weeks`` counts the infrastructure failures of all of them, also of those beyond the list.
    """

    counted: str
    definition: str
    total: int
    weeks: tuple[dict[str, Any], ...]
    listed: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per listed failure."""
        return [dict(row) for row in self.listed]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "counted": self.counted,
            "definition": self.definition,
            "total": self.total,
            "weeks": {"rows": [dict(week) for week in self.weeks]},
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the failures of each week, stacked by cause."""
        from reliability.figures.failures import failures_figure  # noqa: PLC0415 - figures read the results they draw

        return failures_figure(self)


def failures(
    lake: Lake, *, min_gpus: int = 0, from_utc: datetime | None = None, to_utc: datetime | None = None
) -> Failures:
    """List failures: of attempts where the lake has jobs, else of nodes.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    min_gpus
        Only attempts with more GPUs than this (0: all).
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    NoDataError
        If the lake has neither jobs nor node states.
    """
    with closing(
        DuckDBEngine(lake, Parameters(window_from_utc=from_utc, window_to_utc=to_utc, min_gpus=min_gpus))
    ) as engine:
        tables = {row["table_name"] for row in engine.ask("observation_windows")}
        if not tables & {"jobs", "node_states"}:
            raise NoDataError("failures", "jobs (sacct, …) or node states (sacctmgr show event, …)")
        counted = "attempt" if "jobs" in tables else "node"
        weeks = engine.ask(f"{counted}_failures_by_week")
        listed = engine.ask("failed_attempts" if counted == "attempt" else "failed_nodes", most=LISTED)
    return Failures(
        counted=counted,
        definition=_DEFINITIONS[counted],
        total=sum(week["failures"] for week in weeks),
        weeks=tuple(week for week in weeks if week["is_infrastructure"]),
        listed=tuple(listed),
    )
