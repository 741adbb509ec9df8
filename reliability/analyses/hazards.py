"""How does the failure rate change with age: cumulative hazard, and the rate in bins of age (the bathtub)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.lifetimes.nelson_aalen import BinnedHazard, CumulativeHazard, binned_hazard, nelson_aalen
from reliability.analyses.answer import Answer
from reliability.analyses.life_question import GroupTable, LifeQuestion, group_tables

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from models.guards import FloatArray
    from reliability.engines.duckdb_engine import DuckDBEngine
    from reliability.lake import Lake

_HOURS_PER_DAY: Final = 24.0
#: failures that a bin should hold, so that its interval says something; and the most bins
_FAILURES_PER_BIN: Final = 25
_MOST_BINS: Final = 12


@dataclass(frozen=True, slots=True)
class GroupHazard:
    """One group's cumulative hazard and its rate in bins of age."""

    group: str
    lives: int
    events: int
    cumulative: CumulativeHazard
    binned: BinnedHazard


@dataclass(frozen=True, slots=True)
class Hazards(Answer):
    """Nelson–Aalen curves and binned hazards by group."""

    component: str
    by: str | None
    confidence: float
    definition: str
    groups: tuple[GroupHazard, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group and time at which a unit left observation."""
        return [
            {
                "group": group.group,
                "time_hours": float(time),
                "cumulative_hazard": float(hazard),
                "low": float(low),
                "high": float(high),
                "at_risk": int(at_risk),
            }
            for group in self.groups
            for time, hazard, low, high, at_risk in zip(
                group.cumulative.time_hours,
                group.cumulative.cumulative_hazard,
                group.cumulative.low,
                group.cumulative.high,
                group.cumulative.at_risk,
                strict=True,
            )
        ]

    def bins(self) -> list[dict[str, Any]]:
        """Return one row per group and bin of age: failures, exposure and their rate with exact limits."""
        return [
            {
                "group": group.group,
                "from_age_hours": float(start),
                "to_age_hours": float(end),
                "failures": round(float(events)),
                "exposure_days": float(exposure) / _HOURS_PER_DAY,
                "rate_per_1000_days": 1000.0 * _HOURS_PER_DAY * float(rate),
                "low": 1000.0 * _HOURS_PER_DAY * float(low),
                "high": 1000.0 * _HOURS_PER_DAY * float(high),
            }
            for group in self.groups
            for start, end, events, exposure, rate, low, high in zip(
                group.binned.start_hours,
                group.binned.end_hours,
                group.binned.events,
                group.binned.exposure_hours,
                group.binned.rate_per_hour,
                group.binned.low_per_hour,
                group.binned.high_per_hour,
                strict=True,
            )
        ]

    def summary(self) -> list[dict[str, Any]]:
        """Return one row per group: lives, failures, warnings."""
        return [
            {
                "group": group.group,
                "lives": group.lives,
                "events": group.events,
                "cumulative_hazard_at_end": float(group.cumulative.cumulative_hazard[-1]),
                "low": float(group.cumulative.low[-1]),
                "high": float(group.cumulative.high[-1]),
                "warnings": [*group.cumulative.warnings, *group.binned.warnings],
            }
            for group in self.groups
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "by": self.by,
            "model": "na",
            "confidence": self.confidence,
            "interval": "log (Nelson–Aalen); exact Poisson (Garwood) in the bins",
            "definition": self.definition,
            "groups": self.summary(),
            "bins": self.bins(),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the rate in bins of age."""
        from reliability.figures.hazards import bathtub_figure  # noqa: PLC0415 - figures read the results they draw

        return bathtub_figure(self)


def hazards(
    lake: Lake,
    component: str = "gpu",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Hazards:
    """Estimate cumulative hazards, and failure rates in bins of age with exact limits.

    Parameters
    ----------
    lake, component, by, where, confidence, from_utc, to_utc
        As for :func:`reliability.analyses.survival.survival`.

    Returns
    -------
    Hazards
        All groups share the bins, which hold about as many failures each.

    Raises
    ------
    BadOptionError
        If ``component``, ``by`` or ``where`` is not known for this lake.
    NoDataError
        If the lake holds no lives of it.
    """
    question = LifeQuestion(component, by, where, confidence, from_utc, to_utc)
    with closing(question.engine(lake)) as engine:
        return hazards_of(engine, question, group_tables(engine, question))


def hazards_of(engine: DuckDBEngine, question: LifeQuestion, tables: tuple[GroupTable, ...]) -> Hazards:
    """Answer :func:`hazards` from risk tables at hand."""
    edges = _edges(tables)
    return Hazards(
        component=question.component,
        by=question.by,
        confidence=question.confidence,
        definition=question.definition(engine),
        groups=tuple(
            GroupHazard(
                group=table.group,
                lives=table.lives,
                events=table.events,
                cumulative=nelson_aalen(table.risk, question.confidence),
                binned=binned_hazard(table.risk, edges, question.confidence),
            )
            for table in tables
        ),
    )


def _edges(tables: tuple[GroupTable, ...]) -> FloatArray:
    """Return ages between which about as many units of all groups fail."""
    ages = np.concatenate([np.repeat(t.risk.time_hours, np.rint(t.risk.events).astype(int)) for t in tables])
    last = max(float(table.risk.time_hours[-1]) for table in tables)
    bins = min(_MOST_BINS, ages.size // _FAILURES_PER_BIN)
    if bins < 2:
        return np.array([0.0, last])
    cuts = np.quantile(ages, np.arange(1, bins) / bins, method="higher")
    inner = np.unique(cuts)
    return np.concatenate([[0.0], inner[(inner > 0) & (inner < last)], [last]])
