"""How long between failures: the mean gap between distinct times of failure, quarter by quarter."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.guards import checked_confidence
from models.rates import poisson_rate
from reliability.analyses.answer import Answer
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.marts import Parameters
from reliability.schema import COMPONENTS

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

_HOURS_PER_DAY: Final = 24.0
_DEFINITION: Final = (
    "Mean gap: time from the first to the last failure of a quarter over the number of gaps between distinct times of "
    "failure; several failures at one instant are one time. Its interval takes the times as a Poisson process (exact)."
)


@dataclass(frozen=True, slots=True)
class QuarterGap:
    """One quarter's failures, their distinct times, and the mean gap with its interval; None below two times."""

    quarter: str
    failures: int
    times: int
    gap_hours: float | None
    low_hours: float | None
    high_hours: float | None


@dataclass(frozen=True, slots=True)
class FailureGaps(Answer):
    """Mean gaps between failures by quarter of a calendar."""

    component: str
    calendar_zone: str
    confidence: float
    definition: str
    quarters: tuple[QuarterGap, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per quarter."""
        return [
            {
                "quarter": row.quarter,
                "failures": row.failures,
                "distinct_times": row.times,
                "mean_gap_hours": row.gap_hours,
                "low_hours": row.low_hours,
                "high_hours": row.high_hours,
            }
            for row in self.quarters
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "calendar_zone": self.calendar_zone,
            "confidence": self.confidence,
            "definition": self.definition,
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the mean gaps over the quarters."""
        from reliability.figures.failure_gaps import gaps_figure  # noqa: PLC0415 - figures read the results they draw

        return gaps_figure(self)


def failure_gaps(
    lake: Lake,
    component: str = "gpu",
    *,
    calendar_zone: str = "UTC",
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> FailureGaps:
    """Measure mean times between failures of a fleet by quarter.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    component
        Of which critical events that no user program caused are the failures.
    calendar_zone
        At whose midnight quarters begin.
    confidence
        Two-sided confidence level of the intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    BadOptionError
        If ``component`` or ``calendar_zone`` is not known.
    NoDataError
        If the lake holds no failure of it.
    """
    checked_confidence(confidence)
    if component not in COMPONENTS:
        raise BadOptionError("--component", component, f"one of {', '.join(COMPONENTS)}")
    parameters = Parameters(
        component=component, calendar_zone=calendar_zone, window_from_utc=from_utc, window_to_utc=to_utc
    )
    with closing(DuckDBEngine(lake, parameters)) as engine:
        rows = engine.ask("failure_gaps")
    if not rows:
        raise NoDataError(f"mean gaps between failures of {component}", f"critical events of {component} components")
    return FailureGaps(
        component, calendar_zone, confidence, _DEFINITION, tuple(_quarter(row, confidence) for row in rows)
    )


def _quarter(row: dict[str, Any], confidence: float) -> QuarterGap:
    gaps, span_hours = int(row["times"]) - 1, float(row["span_hours"])
    if gaps < 1:
        return QuarterGap(str(row["quarter"]), int(row["failures"]), int(row["times"]), None, None, None)
    estimate = poisson_rate(gaps, span_hours / _HOURS_PER_DAY, confidence)
    return QuarterGap(
        quarter=str(row["quarter"]),
        failures=int(row["failures"]),
        times=int(row["times"]),
        gap_hours=estimate.mttf_hours,
        low_hours=estimate.mttf_low_hours,
        high_hours=estimate.mttf_high_hours,
    )
