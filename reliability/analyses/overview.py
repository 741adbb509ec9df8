"""The fleet at a glance: size, availability, failure rates, what failures cost, and how it went over time."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reliability.analyses.answer import Answer
from reliability.analyses.causes import Causes, causes
from reliability.analyses.rates import Rates, rates
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

#: jobs above this many GPUs carry r_f in Kokolis et al.
LARGE_JOB_GPUS: Final = 128


@dataclass(frozen=True, slots=True)
class Overview(Answer):
    """What the first page and the head of a report show. Parts the lake cannot answer are None or empty."""

    clusters: tuple[str, ...]
    from_utc: datetime | None
    to_utc: datetime | None
    node_count: int
    gpu_count: int
    node_rates: Rates | None
    attempt_rates: Rates | None
    causes: Causes | None
    states: tuple[dict[str, Any], ...]
    days: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per day: node-days by state and outages."""
        return [dict(day) for day in self.days]

    def document(self) -> dict[str, Any]:
        """Return the answer as one document."""
        return {
            "clusters": list(self.clusters),
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "node_count": self.node_count,
            "gpu_count": self.gpu_count,
            "node_rates": self.node_rates.document() if self.node_rates else None,
            "attempt_rates": self.attempt_rates.document() if self.attempt_rates else None,
            "causes": self.causes.document() if self.causes else None,
            "job_states": {"rows": [dict(row) for row in self.states]},
            "days": {"rows": self.rows()},
        }

    def figure(self) -> go.Figure:
        """Draw node-days by state over time."""
        from reliability.figures.overview import availability_figure  # noqa: PLC0415 - figures read the results they draw

        return availability_figure(self)


def overview(
    lake: Lake, *, confidence: float = 0.9, from_utc: datetime | None = None, to_utc: datetime | None = None
) -> Overview:
    """Gather the overview.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    confidence
        Two-sided confidence level of the intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.
    """
    with closing(DuckDBEngine(lake, Parameters(window_from_utc=from_utc, window_to_utc=to_utc))) as engine:
        clusters = [row["cluster"] for row in engine.rows("SELECT DISTINCT cluster FROM observation ORDER BY cluster")]
        fleet = engine.ask("fleet_size")[0]
        states = engine.ask("job_states")
        days = engine.ask("days_observed")

    def asked(question: str, min_gpus: int = 0) -> Rates | None:
        try:
            return rates(lake, question, min_gpus=min_gpus, confidence=confidence, from_utc=from_utc, to_utc=to_utc)
        except NoDataError:
            return None

    # Without large jobs the rate over all attempts is the best there is.
    attempt_rates = asked("attempt", LARGE_JOB_GPUS) or asked("attempt")
    try:
        by_cause = causes(lake, confidence=confidence, from_utc=from_utc, to_utc=to_utc)
    except NoDataError:
        by_cause = None
    return Overview(
        clusters=tuple(clusters),
        from_utc=fleet["from_utc"],
        to_utc=fleet["to_utc"],
        node_count=int(fleet["nodes"]),
        gpu_count=int(fleet["gpus"]),
        node_rates=asked("node"),
        attempt_rates=attempt_rates,
        causes=by_cause,
        states=tuple(states),
        days=tuple(days),
    )
