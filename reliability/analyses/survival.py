"""How long does it live: Kaplan–Meier curves and Weibull fits of units, with delayed entry and censoring."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.errors import ModelError
from models.lifetimes.risk import RiskTable
from models.lifetimes.survival import SurvivalCurve, kaplan_meier
from models.lifetimes.weibull import WeibullEstimate, fit_weibull
from reliability.analyses.answer import Answer
from reliability.analyses.rates import check_attribute
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters
from reliability.schema import COMPONENTS

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

_FLEET_GROUPS: Final[tuple[str, ...]] = ("cluster", "gpu_model", "rack", "pod")
_DEFINITIONS: Final = {
    "component": "Time in service until the first recorded failure of a serial number, stays summed; units that had "
    "not failed are censored, units older than the log enter late.",
    "slot": "Time from the beginning of the log to the first critical event of a GPU slot that no user program caused "
    "(no inventory names the GPUs, so their true age is not known); slots that had none are censored.",
    "node": "Time from entering service (or from returning after an outage, or from the beginning of the log) to the "
    "next unplanned outage; nodes that had none by the end of the log are censored.",
}
#: ages at which a table for people reads the curves
_MILESTONE_DAYS: Final = (1, 7, 30, 90, 180, 365, 730, 1095, 1460, 1825)


@dataclass(frozen=True, slots=True)
class GroupCurve:
    """The Kaplan–Meier curve of one group, and how many units and events it rests on."""

    group: str
    lives: int
    events: int
    curve: SurvivalCurve


@dataclass(frozen=True, slots=True)
class Survival(Answer):
    """Kaplan–Meier curves by group, log-log intervals."""

    component: str
    by: str | None
    confidence: float
    definition: str
    curves: tuple[GroupCurve, ...]

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
            "interval": "log-log (Greenwood)",
            "definition": self.definition,
            "groups": self.summary(),
            "rows": self.rows(),
        }

    def summary(self) -> list[dict[str, Any]]:
        """Return one row per group: units, events, median life with its interval, warnings."""
        return [
            {
                "group": group.group,
                "lives": group.lives,
                "events": group.events,
                "median_hours": group.curve.median_hours,
                "median_low_hours": group.curve.median_low_hours,
                "median_high_hours": group.curve.median_high_hours,
                "warnings": list(group.curve.warnings),
            }
            for group in self.curves
        ]

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
            for days in _MILESTONE_DAYS
            if days * 24 <= group.curve.time_hours[-1]
            for point in [group.curve.at(days * 24.0)]
        ]

    def figure(self) -> go.Figure:
        """Draw the curves with bands and at-risk counts."""
        from reliability.figures.survival import survival_figure  # noqa: PLC0415 - figures read the results they draw

        return survival_figure(self)


@dataclass(frozen=True, slots=True)
class GroupWeibull:
    """The Weibull fit of one group, or why there is none."""

    group: str
    lives: int
    events: int
    estimate: WeibullEstimate | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class WeibullFits(Answer):
    """Weibull fits by group, beside the Kaplan–Meier curves they must stand against."""

    component: str
    by: str | None
    confidence: float
    definition: str
    fits: tuple[GroupWeibull, ...]
    curves: Survival

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group: parameters with intervals and the largest distance from Kaplan–Meier."""
        return [_weibull_row(fit) for fit in self.fits]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "by": self.by,
            "model": "weibull",
            "confidence": self.confidence,
            "definition": self.definition,
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the fits over the Kaplan–Meier curves."""
        from reliability.figures.survival import weibull_figure  # noqa: PLC0415 - figures read the results they draw

        return weibull_figure(self)


def survival(
    lake: Lake,
    component: str = "gpu",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Survival:
    """Estimate survival curves from at-risk counts that the engine computes.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    component
        ``node``, ``gpu``, or any component with an inventory in the lake.
    by
        ``cluster``, or an attribute of the inventory; without one ``gpu_model``, ``rack`` or ``pod``.
    where
        Keep the inventoried components with this attribute and value: ``("batch", "old")``.
    confidence
        Two-sided confidence level of the bands.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    BadOptionError
        If ``component``, ``by`` or ``where`` is not known for this lake.
    NoDataError
        If the lake holds no lives of it.
    """
    with closing(_engine(lake, component, by, where, from_utc, to_utc)) as engine:
        table = engine.arrow("SELECT * FROM risk_counts ORDER BY group_name, time_hours")
        inventoried = bool(engine.ask("inventory_groups", component=component))
    names = table.column("group_name").to_numpy(zero_copy_only=False)
    columns = {name: table.column(name).to_numpy() for name in ("time_hours", "at_risk", "events", "censored")}
    if not len(names):
        raise NoDataError(f"survival --component {component}", _needs(component))
    clock = "node" if component == "node" else "component" if inventoried else "slot"
    return Survival(
        component=component,
        by=by,
        confidence=confidence,
        definition=_DEFINITIONS[clock],
        curves=tuple(
            _curve(str(group), {name: column[names == group] for name, column in columns.items()}, confidence)
            for group in np.unique(names.astype(str))
        ),
    )


def weibull(
    lake: Lake,
    component: str = "gpu",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> WeibullFits:
    """Fit a Weibull life to each group; a group it cannot be fitted to says why.

    Parameters and errors are those of :func:`survival`.
    """
    curves = survival(lake, component, by=by, where=where, confidence=confidence, from_utc=from_utc, to_utc=to_utc)
    with closing(_engine(lake, component, by, where, from_utc, to_utc)) as engine:
        table = engine.arrow(
            "SELECT group_name, entry_hours, exit_hours, observed, lives FROM grouped_lives ORDER BY group_name"
        )
    names = table.column("group_name").to_numpy(zero_copy_only=False).astype(str)
    columns = [
        table.column(name).to_numpy(zero_copy_only=False) for name in ("entry_hours", "exit_hours", "observed", "lives")
    ]
    fits = []
    for group in curves.curves:
        entry, exits, observed, lives = (column[names == group.group] for column in columns)
        try:
            estimate, refusal = fit_weibull(entry, exits, observed, weights=lives, confidence=confidence), None
        except ModelError as error:
            estimate, refusal = None, str(error)
        fits.append(GroupWeibull(group.group, group.lives, group.events, estimate, refusal))
    return WeibullFits(component, by, confidence, curves.definition, tuple(fits), curves)


def _engine(
    lake: Lake,
    component: str,
    by: str | None,
    where: tuple[str, str] | None,
    from_utc: datetime | None,
    to_utc: datetime | None,
) -> DuckDBEngine:
    if component not in COMPONENTS:
        raise BadOptionError("--component", component, f"one of {', '.join(COMPONENTS)}")
    attribute, value = where or ("", "")
    parameters = Parameters(
        window_from_utc=from_utc,
        window_to_utc=to_utc,
        component=component,
        group_by=by or "",
        where_attribute=attribute,
        where_value=value,
    )
    engine = DuckDBEngine(lake, parameters)
    try:
        if by is not None:
            _check_group(engine, component, by)
        if where:
            check_attribute(engine, component, attribute)
    except BadOptionError:
        engine.close()
        raise
    return engine


def _check_group(engine: DuckDBEngine, component: str, by: str) -> None:
    keys = engine.ask("inventory_groups", component=component)
    known = ("cluster", *(row["known"] for row in keys if row["known"])) if keys else _FLEET_GROUPS
    if by not in known:
        raise BadOptionError("--by", by, f"one of {', '.join(known)}")


def _needs(component: str) -> str:
    if component == "node":
        return "node states (sacctmgr show event, …)"
    inventory = f"an inventory of {component} components with their stays (see the `components` table)"
    return f"{inventory}, or events that name GPU slots and the GPUs per node" if component == "gpu" else inventory


def _curve(group: str, columns: dict[str, np.ndarray[Any, Any]], confidence: float) -> GroupCurve:
    table = RiskTable(**{name: column.astype(float) for name, column in columns.items()})
    curve = kaplan_meier(table, confidence)
    events = int(columns["events"].sum())
    return GroupCurve(group, events + int(columns["censored"].sum()), events, curve)


def _weibull_row(fit: GroupWeibull) -> dict[str, Any]:
    estimate = fit.estimate
    return {
        "group": fit.group,
        "lives": fit.lives,
        "events": fit.events,
        "shape": estimate.shape if estimate else None,
        "shape_low": estimate.shape_low if estimate else None,
        "shape_high": estimate.shape_high if estimate else None,
        "scale_hours": estimate.scale_hours if estimate else None,
        "scale_low_hours": estimate.scale_low_hours if estimate else None,
        "scale_high_hours": estimate.scale_high_hours if estimate else None,
        "mean_hours": estimate.mean_hours if estimate else None,
        "largest_distance_from_km": estimate.km_distance if estimate else None,
        "warnings": list(estimate.warnings) if estimate else [fit.refusal],
    }
