"""How many spares: how many of the units now in service fail within a horizon, with a prediction interval."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.guards import FloatArray, checked_positive
from models.lifetimes.parametric.lifetime_fit import FEW_EVENTS
from models.lifetimes.spares import SparesForecast, spares_forecast, spares_from_rate
from reliability.analyses.answer import Answer
from reliability.analyses.life_question import GroupTable, LifeQuestion, group_lives, group_tables
from reliability.analyses.lifetime_models import AUTO, group_fit, hazard_as_seen
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from models.lifetimes.parametric.lifetime_fit import LifetimeFit
    from reliability.engines.duckdb_engine import DuckDBEngine
    from reliability.lake import Lake

_ALL: Final = "all"
_RATE: Final = "constant rate"
#: ages drawn for a forecast; neighbours closer than this share their mean age
_MOST_AGES: Final = 400
#: chance with which the stock named to a reader suffices
SUFFICIENT: Final = 0.95
#: the same question gets the same answer
_SEED: Final = 20_260_103


@dataclass(frozen=True, slots=True)
class GroupSpares:
    """One group's forecast and the distribution, or rate, that it rests on."""

    group: str
    failures_seen: int
    basis: str
    forecast: SparesForecast


@dataclass(frozen=True, slots=True)
class Spares(Answer):
    """Forecasts by group, and of all groups together.

    ``total`` is the sum of the groups' forecasts, failures of different groups being independent.
    """

    component: str
    by: str | None
    horizon_hours: float
    replaced: bool
    confidence: float
    definition: str
    groups: tuple[GroupSpares, ...]
    total: GroupSpares

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group, and one of all where there are several."""
        shown = self.groups if len(self.groups) == 1 else (*self.groups, self.total)
        return [
            {
                "group": group.group,
                "units_in_service": round(group.forecast.units),
                "failures_seen": group.failures_seen,
                "basis": group.basis,
                "expected_failures": group.forecast.failures,
                "low": group.forecast.low,
                "high": group.forecast.high,
                "spares_for_95_percent": group.forecast.spares_for(SUFFICIENT),
                "warnings": list(group.forecast.warnings),
            }
            for group in shown
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "component": self.component,
            "by": self.by,
            "horizon_hours": self.horizon_hours,
            "replaced": self.replaced,
            "confidence": self.confidence,
            "interval": "prediction",
            "definition": self.definition,
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw how likely each number of failures is."""
        from reliability.figures.spares import spares_figure  # noqa: PLC0415 - figures read the results they draw

        return spares_figure(self)


def spares(
    lake: Lake,
    component: str = "gpu",
    horizon_hours: float = 2160.0,
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    replaced: bool = False,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Spares:
    """Predict how many of the units in service at the end of the log fail within a horizon.

    Parameters
    ----------
    lake, component, by, where, confidence, from_utc, to_utc
        As for :func:`reliability.analyses.survival.survival`; not for ``repair``.
    horizon_hours
        How far ahead; 90 days by default.
    replaced
        Whether a failed unit is replaced at once by a new one, which may fail in its turn.

    Returns
    -------
    Spares
        From the present ages and the family with the lowest AIC; where that leaves the Kaplan–Meier band, from the
        rates seen in pieces of age; where a group had fewer than ten failures, or no family can be fitted, from its
        rate, taken as constant.

    Raises
    ------
    BadOptionError
        If ``component``, ``by`` or ``where`` is not known for this lake.
    NoDataError
        If the lake holds no lives of it, or none still in service.
    NotPositiveError
        If the horizon is not above zero.
    """
    if component == "repair":
        raise BadOptionError("--component", component, "something in service: an outage is not")
    checked_positive("horizon_hours", horizon_hours)
    question = LifeQuestion(component, by, where, confidence, from_utc, to_utc)
    with closing(question.engine(lake)) as engine:
        return spares_of(engine, question, group_tables(engine, question), horizon_hours, replaced=replaced)


def spares_of(
    engine: DuckDBEngine,
    question: LifeQuestion,
    tables: tuple[GroupTable, ...],
    horizon_hours: float,
    *,
    replaced: bool = False,
    fits: dict[str, LifetimeFit | None] | None = None,
) -> Spares:
    """Answer :func:`spares` from risk tables, and fits, at hand."""
    ages = engine.columns("ages_in_service")
    names = ages["group_name"].astype(str)
    if not names.size:
        raise NoDataError(f"survival --component {question.component} --spares", "units in service when the log ends")
    if fits is None:
        lives = group_lives(engine)
        fits = {
            table.group: group_fit(table, lives[table.group], AUTO, question.confidence).fit
            for table in tables
            if table.events >= FEW_EVENTS
        }
    rng = np.random.default_rng(_SEED)
    groups = []
    for table in tables:
        rows = names == table.group
        if not rows.any():
            continue
        found = _forecast(
            table,
            fits.get(table.group),
            (ages["age_hours"][rows].astype(float), ages["units"][rows].astype(float)),
            horizon_hours,
            rng,
            question.confidence,
            replaced=replaced,
        )
        groups.append(found)
    return Spares(
        component=question.component,
        by=question.by,
        horizon_hours=horizon_hours,
        replaced=replaced,
        confidence=question.confidence,
        definition=_definition(engine, question, replaced=replaced),
        groups=tuple(groups),
        total=_together(groups, question.confidence),
    )


def _forecast(
    table: GroupTable,
    fit: LifetimeFit | None,
    ages: tuple[FloatArray, FloatArray],
    horizon_hours: float,
    rng: np.random.Generator,
    confidence: float,
    *,
    replaced: bool,
) -> GroupSpares:
    if fit is not None and table.events >= FEW_EVENTS:
        age, many = _thinned(*ages)
        distance = fit.km_distance
        used = fit if distance is None or distance.leaves_band_hours is None else hazard_as_seen(fit.lives, confidence)
        found = spares_forecast(used, age, horizon_hours, rng, many, confidence, replaced=replaced)
        if used is not fit:
            misfit = (
                f"the best distribution, {fit.family.name}, leaves the band of the Kaplan–Meier curve: the forecast "
                "takes the rates seen in pieces of age instead"
            )
            own = [warning for warning in found.warnings if warning not in used.warnings]
            found = replace(found, warnings=(misfit, *own))
        return GroupSpares(table.group, table.events, used.family.name, found)
    units = float(ages[1].sum())
    found = spares_from_rate(table.events, table.exposure_hours, units, horizon_hours, confidence)
    few = f"only {table.events} failures so far: the forecast takes their rate as constant, whatever the age"
    found = replace(found, replaced=replaced, warnings=(*found.warnings, *([few] if table.events else [])))
    if not replaced:
        # At most every unit fails once.
        most = int(units)
        tail = np.append(found.probability[:most], found.probability[most:].sum())
        found = replace(found, low=min(found.low, most), high=min(found.high, most), probability=tail)
    return GroupSpares(table.group, table.events, _RATE, found)


def _thinned(ages: FloatArray, units: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Let units of neighbouring ages share their mean age, so that a large fleet has few distinct ones."""
    if ages.size <= _MOST_AGES:
        return ages, units
    bins = (np.arange(ages.size) * _MOST_AGES) // ages.size
    many: FloatArray = np.bincount(bins, units).astype(np.float64)
    return np.bincount(bins, units * ages) / many, many


def _together(groups: list[GroupSpares], confidence: float) -> GroupSpares:
    """Add up independent numbers of failures."""
    if len(groups) == 1:
        return replace(groups[0], group=_ALL)
    probability = groups[0].forecast.probability
    for group in groups[1:]:
        probability = np.convolve(probability, group.forecast.probability)
    reached = np.cumsum(probability)
    tail = (1.0 - confidence) / 2.0
    whole = replace(
        groups[0].forecast,
        failures=sum(group.forecast.failures for group in groups),
        low=int(np.searchsorted(reached, tail, side="right")),
        high=int(np.searchsorted(reached, 1.0 - tail - 1e-12)),
        units=sum(group.forecast.units for group in groups),
        probability=probability,
        warnings=tuple(f"{group.group}: {warning}" for group in groups for warning in group.forecast.warnings),
    )
    return GroupSpares(_ALL, sum(group.failures_seen for group in groups), "sum of the groups", whole)


def _definition(engine: DuckDBEngine, question: LifeQuestion, *, replaced: bool) -> str:
    again = "a failed unit is replaced at once by a new one" if replaced else "failed units are not replaced"
    return (
        f"{question.definition(engine)} The forecast counts the units in service at the end of the log that had not "
        f"failed, at their present ages; {again}. Its interval holds the true number with the stated confidence, if "
        "units go on failing at each age as they did: chance and the uncertainty of the fit are both in it."
    )
