"""What is in the lake: files taken in, rows per table, rejects, and the time each table covers."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reliability.analyses.answer import Answer
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake
from reliability.schema import DATA_TABLES

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Status(Answer):
    """The state of a lake."""

    path: str
    tables: tuple[dict[str, Any], ...]
    files: tuple[dict[str, Any], ...]
    rejects: tuple[dict[str, Any], ...]
    observation: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per table that holds anything."""
        return [dict(row) for row in self.tables]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "lake": self.path,
            "tables": {"rows": self.rows()},
            "files": {"rows": [dict(row) for row in self.files]},
            "rejects": {"rows": [dict(row) for row in self.rejects]},
            "observation": {"rows": [dict(row) for row in self.observation]},
        }

    def figure(self) -> go.Figure:
        """Draw what time each table covers."""
        from reliability.figures.status import coverage_figure  # noqa: PLC0415 - figures read the results they draw

        return coverage_figure(self)


def status(lake: Lake) -> Status:
    """Read the state of a lake."""
    with closing(DuckDBEngine(lake)) as engine:
        counts = " UNION ALL ".join(
            f"SELECT '{table.name}' AS table_name, count(*) AS row_count, "  # noqa: S608 - schema names
            f"count(DISTINCT cluster) AS clusters FROM {table.name}"
            for table in DATA_TABLES
        )
        tables = [row for row in engine.rows(counts) if row["row_count"]]
        files = engine.ask("files_taken_in")
        rejects = engine.ask("reject_reasons")
        observation = engine.ask("observation_windows")
    return Status(str(lake.path), tuple(tables), tuple(files), tuple(rejects), tuple(observation))
