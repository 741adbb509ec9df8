"""What does it die of: the chance to have failed by each cause, the others competing."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.lifetimes.competing_risks import CumulativeIncidence, aalen_johansen
from reliability.analyses.answer import Answer
from reliability.analyses.life_question import GroupTable, LifeQuestion, cause_tables, group_tables
from reliability.analyses.survival import MILESTONE_DAYS

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.engines.duckdb_engine import DuckDBEngine
    from reliability.lake import Lake


@dataclass(frozen=True, slots=True)
class GroupIncidence:
    """One group's cumulative incidences, the most frequent cause first; none where nothing failed."""

    group: str
    lives: int
    events: int
    causes: tuple[CumulativeIncidence, ...]


@dataclass(frozen=True, slots=True)
class Incidences(Answer):
    """Cumulative incidence of each cause by group: they add up to one minus survival."""

    component: str
    by: str | None
    confidence: float
    definition: str
    groups: tuple[GroupIncidence, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group, cause and time at which a unit left observation."""
        return [
            {
                "group": group.group,
                "cause": found.cause,
                "time_hours": float(time),
                "incidence": float(incidence),
                "low": float(low),
                "high": float(high),
            }
            for group in self.groups
            for found in group.causes
            for time, incidence, low, high in zip(found.time_hours, found.incidence, found.low, found.high, strict=True)
        ]

    def summary(self) -> list[dict[str, Any]]:
        """Return one row per group and cause: its failures, and its incidence at the end of the curve."""
        return [
            {
                "group": group.group,
                "cause": found.cause,
                "lives": group.lives,
                "events": round(float(found.events.sum())),
                "incidence_at_end": float(found.incidence[-1]),
                "low": float(found.low[-1]),
                "high": float(found.high[-1]),
                "end_hours": float(found.time_hours[-1]),
                "warnings": list(found.warnings),
            }
            for group in self.groups
            for found in group.causes
        ]

    def milestones(self) -> list[dict[str, Any]]:
        """Return the incidences at round ages, as far as each curve reaches."""
        return [
            {
                "group": group.group,
                "cause": found.cause,
                "age_days": days,
                "incidence": float(found.incidence[row]),
                "low": float(found.low[row]),
                "high": float(found.high[row]),
            }
            for group in self.groups
            for found in group.causes
            for days in MILESTONE_DAYS
            if days * 24 <= found.time_hours[-1]
            for row in [int(found.time_hours.searchsorted(days * 24.0, side="right")) - 1]
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "by": self.by,
            "model": "incidence",
            "confidence": self.confidence,
            "interval": "log-log (Aalen–Johansen)",
            "definition": self.definition,
            "groups": self.summary(),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the incidences, stacked for a single group."""
        from reliability.figures.incidence import incidence_figure  # noqa: PLC0415 - figures read the results they draw

        return incidence_figure(self)


def cumulative_incidence(
    lake: Lake,
    component: str = "gpu",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Incidences:
    """Estimate the chance to have failed by each symptom up to each age (Aalen–Johansen).

    Parameters
    ----------
    lake, component, by, where, confidence, from_utc, to_utc
        As for :func:`reliability.analyses.survival.survival`.

    Returns
    -------
    Incidences
        Failures whose symptom no log tells are of the cause ``other``.

    Raises
    ------
    BadOptionError
        If ``component``, ``by`` or ``where`` is not known for this lake.
    NoDataError
        If the lake holds no lives of it.
    """
    question = LifeQuestion(component, by, where, confidence, from_utc, to_utc)
    with closing(question.engine(lake)) as engine:
        return cumulative_incidence_of(engine, question, group_tables(engine, question))


def cumulative_incidence_of(engine: DuckDBEngine, question: LifeQuestion, tables: tuple[GroupTable, ...]) -> Incidences:
    """Answer :func:`cumulative_incidence` from risk tables at hand."""
    by_cause = cause_tables(engine, tables)
    groups = []
    for table in tables:
        causes = by_cause.get(table.group)
        found = [aalen_johansen(causes, cause, question.confidence) for cause in causes.causes] if causes else []
        found.sort(key=lambda curve: -float(curve.events.sum()))
        groups.append(GroupIncidence(table.group, table.lives, table.events, tuple(found)))
    definition = (
        f"{question.definition(engine)} A failure's cause is its symptom; the cumulative incidence of a cause is the "
        "chance to have failed by it up to an age, units that failed by another cause not being at risk any more."
    )
    return Incidences(question.component, question.by, question.confidence, definition, tuple(groups))
