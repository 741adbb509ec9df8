"""How long does it live: Kaplan–Meier curves, mean life within a horizon, and whether groups differ."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from models.errors import ModelError
from models.lifetimes.log_rank import LogRank, log_rank
from models.lifetimes.restricted_mean import (
    RestrictedMean,
    RestrictedMeanDifference,
    restricted_mean,
    restricted_mean_difference,
)
from models.lifetimes.survival import SMALL_RISK_SET, SurvivalCurve, kaplan_meier
from reliability.analyses.answer import Answer
from reliability.analyses.life_question import GroupTable, LifeQuestion, group_tables

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.engines.duckdb_engine import DuckDBEngine
    from reliability.lake import Lake

Interval = Literal["log-log", "plain"]

#: ages at which a table for people reads the curves
MILESTONE_DAYS: Final = (1, 7, 30, 90, 180, 365, 730, 1095, 1460, 1825)


@dataclass(frozen=True, slots=True)
class GroupCurve:
    """The Kaplan–Meier curve of one group, how many units and events it rests on, and its mean within the horizon.

    ``mean`` is None where the group's curve ends before the horizon.
    """

    group: str
    lives: int
    events: int
    curve: SurvivalCurve
    mean: RestrictedMean | None = None


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """How much longer a group lives within the horizon than the largest group."""

    group: str
    reference: str
    difference: RestrictedMeanDifference


@dataclass(frozen=True, slots=True)
class Survival(Answer):
    """Kaplan–Meier curves by group.

    ``test`` is the log-rank test of all groups being alike, None for a single group or where they never meet.
    """

    component: str
    by: str | None
    confidence: float
    definition: str
    curves: tuple[GroupCurve, ...]
    interval: Interval = "log-log"
    horizon_hours: float | None = None
    test: LogRank | None = None
    differences: tuple[MeanDifference, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group and time at which a unit left observation."""
        return [
            {
                "group": group.group,
                "time_hours": float(time),
                "survival": float(survival),
                "low": float(low),
                "high": float(high),
                "at_risk": int(at_risk),
            }
            for group in self.curves
            for time, survival, low, high, at_risk in zip(
                group.curve.time_hours,
                group.curve.survival,
                group.curve.low,
                group.curve.high,
                group.curve.at_risk,
                strict=True,
            )
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "by": self.by,
            "model": "km",
            "confidence": self.confidence,
            "interval": f"{self.interval} (Greenwood)",
            "definition": self.definition,
            "horizon_hours": self.horizon_hours,
            "log_rank": _test_row(self.test),
            "groups": self.summary(),
            "differences": self.difference_rows(),
            "rows": self.rows(),
        }

    def summary(self) -> list[dict[str, Any]]:
        """Return one row per group: units, events, median life and mean within the horizon, warnings."""
        return [_summary_row(group) for group in self.curves]

    def milestones(self) -> list[dict[str, Any]]:
        """Return the curves read at round ages, as far as each reaches."""
        return [
            {
                "group": group.group,
                "age_days": days,
                "survival": point.survival,
                "low": point.low,
                "high": point.high,
                "at_risk": int(point.at_risk),
            }
            for group in self.curves
            for days in MILESTONE_DAYS
            if days * 24 <= group.curve.time_hours[-1]
            for point in [group.curve.at(days * 24.0)]
        ]

    def difference_rows(self) -> list[dict[str, Any]]:
        """Return how much longer each group lives within the horizon than the largest one."""
        return [
            {
                "group": row.group,
                "against": row.reference,
                "longer_by_hours": row.difference.difference_hours,
                "low_hours": row.difference.low_hours,
                "high_hours": row.difference.high_hours,
                "p_value": row.difference.p_value,
                "warnings": list(row.difference.warnings),
            }
            for row in self.differences
        ]

    def comparison(self) -> str:
        """Return whether the groups differ, as a sentence; empty where there is nothing to compare."""
        if self.test is None:
            return ""
        p_value = "p < 0.0001" if self.test.p_value < 1e-4 else f"p = {self.test.p_value:.2g}"
        degrees = self.test.degrees_of_freedom
        freedom = "1 degree of freedom" if degrees == 1 else f"{degrees} degrees of freedom"
        tested = f"log-rank test, {p_value} (chi-square {self.test.statistic:.1f} with {freedom})"
        if self.test.p_value < 1.0 - self.confidence:
            return f"The groups fail at different rates: {tested}."
        return f"The data do not show that the groups fail at different rates: {tested}."

    def figure(self) -> go.Figure:
        """Draw the curves with bands and at-risk counts."""
        from reliability.figures.survival import survival_figure  # noqa: PLC0415 - figures read the results they draw

        return survival_figure(self)


def survival(
    lake: Lake,
    component: str = "gpu",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    interval: Interval = "log-log",
    horizon_hours: float | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Survival:
    """Estimate survival curves from at-risk counts that the engine computes, and compare the groups.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    component
        ``node``, ``gpu``, any component with an inventory in the lake, or ``repair`` (outages of nodes).
    by
        ``cluster``, or an attribute of the inventory; without one ``gpu_model``, ``rack`` or ``pod``.
    where
        Keep the inventoried components with this attribute and value: ``("batch", "old")``.
    interval
        ``log-log``, which holds its level with fewer failures, or ``plain``: symmetric around the curve.
    horizon_hours
        Age up to which mean lives are taken; None for the highest age at which every group has enough at risk.
    confidence
        Two-sided confidence level of the bands.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Returns
    -------
    Survival
        One curve per group.

    Raises
    ------
    BadOptionError
        If ``component``, ``by`` or ``where`` is not known for this lake.
    NoDataError
        If the lake holds no lives of it.
    """
    question = LifeQuestion(component, by, where, confidence, from_utc, to_utc)
    with closing(question.engine(lake)) as engine:
        tables = group_tables(engine, question)
        return survival_of(engine, question, tables, interval=interval, horizon_hours=horizon_hours)


def survival_of(
    engine: DuckDBEngine,
    question: LifeQuestion,
    tables: tuple[GroupTable, ...],
    *,
    interval: Interval = "log-log",
    horizon_hours: float | None = None,
) -> Survival:
    """Answer :func:`survival` from risk tables at hand."""
    confidence = question.confidence
    horizon = common_horizon(tables) if horizon_hours is None else horizon_hours
    largest = max(tables, key=lambda table: table.lives)
    return Survival(
        component=question.component,
        by=question.by,
        confidence=confidence,
        definition=question.definition(engine),
        curves=tuple(
            GroupCurve(
                group=table.group,
                lives=table.lives,
                events=table.events,
                curve=kaplan_meier(table.risk, confidence, "log-log" if interval == "log-log" else "greenwood"),
                mean=_mean(table, horizon, confidence),
            )
            for table in tables
        ),
        interval=interval,
        horizon_hours=horizon,
        test=_test(tables),
        differences=tuple(_differences(tables, largest, horizon, confidence)),
    )


def common_horizon(tables: tuple[GroupTable, ...]) -> float:
    """Return the highest age at which every group has enough at risk, or the last failure where all failed."""
    return min(_reliable_to(table) for table in tables)


def _reliable_to(table: GroupTable) -> float:
    risk = table.risk
    enough = risk.at_risk >= SMALL_RISK_SET
    all_failed = risk.events[-1] >= risk.at_risk[-1]
    return float(risk.time_hours[-1] if all_failed or not enough.any() else risk.time_hours[enough][-1])


def _mean(table: GroupTable, horizon: float, confidence: float) -> RestrictedMean | None:
    try:
        return restricted_mean(table.risk, horizon, confidence)
    except ModelError:  # the group's curve ends before the horizon: it has no mean within it
        return None


def _test(tables: tuple[GroupTable, ...]) -> LogRank | None:
    if len(tables) < 2:
        return None
    try:
        return log_rank({table.group: table.risk for table in tables})
    except ModelError:  # nothing failed while several groups were at risk
        return None


def _differences(
    tables: tuple[GroupTable, ...], reference: GroupTable, horizon: float, confidence: float
) -> list[MeanDifference]:
    found = []
    for table in tables:
        if table is reference:
            continue
        try:
            difference = restricted_mean_difference(table.risk, reference.risk, horizon, confidence)
        except ModelError:  # one of the two curves ends before the horizon
            continue
        found.append(MeanDifference(table.group, reference.group, difference))
    return found


def _summary_row(group: GroupCurve) -> dict[str, Any]:
    mean = group.mean
    return {
        "group": group.group,
        "lives": group.lives,
        "events": group.events,
        "median_hours": group.curve.median_hours,
        "median_low_hours": group.curve.median_low_hours,
        "median_high_hours": group.curve.median_high_hours,
        "mean_to_horizon_hours": mean.mean_hours if mean else None,
        "mean_low_hours": mean.low_hours if mean else None,
        "mean_high_hours": mean.high_hours if mean else None,
        "warnings": [*group.curve.warnings, *(mean.warnings if mean else ())],
    }


def _test_row(test: LogRank | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {
        "statistic": test.statistic,
        "degrees_of_freedom": test.degrees_of_freedom,
        "p_value": test.p_value,
        "warnings": list(test.warnings),
        "rows": [
            {"group": group, "observed": observed, "expected_if_alike": expected}
            for group, observed, expected in zip(test.groups, test.observed, test.expected, strict=True)
        ],
    }
