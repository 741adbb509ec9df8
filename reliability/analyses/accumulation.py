"""How failures accumulate: the mean cumulative function of units that fail again and again, by group."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.errors import ModelError
from models.recurrence.mean_cumulative import (
    MeanCumulativeDifference,
    MeanCumulativeFunction,
    compare_mean_cumulative,
    mean_cumulative_function,
)
from models.recurrence.units import Recurrences
from reliability.analyses.answer import Answer
from reliability.analyses.rate_question import FAILURE_GROUPS, PERIODS, RateQuestion
from reliability.analyses.unit_keys import unit_keys
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt
    import plotly.graph_objects as go

    from reliability.lake import Lake

_MICROS_PER_HOUR: Final = 3.6e9
_DEFINITION: Final = (
    "Mean number of failures per unit by its time in service since it came under observation, whatever process makes "
    "them; interval from the variation between units (Nelson; Lawless and Nadeau)."
)
#: ages at which a table reads the curves
_MILESTONE_DAYS: Final = (7, 30, 60, 90, 180, 365, 730, 1095, 1460, 1825)


@dataclass(frozen=True, slots=True)
class GroupAccumulation:
    """One group's curve; ``refusal`` says why there is none, as when nothing failed."""

    group: str
    units: int
    failures: int
    curve: MeanCumulativeFunction | None
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Accumulation(Answer):
    """Mean cumulative functions by group; of exactly two groups also their difference with a test."""

    of: str
    by: str | None
    confidence: float
    definition: str
    groups: tuple[GroupAccumulation, ...]
    difference: MeanCumulativeDifference | None

    def rows(self) -> list[dict[str, Any]]:
        """Return the curves read at round ages, as far as each reaches."""
        return [
            {
                "group": group.group,
                "age_days": days,
                "failures_per_unit": float(group.curve.mean[row]) if row >= 0 else 0.0,
                "low": float(group.curve.low[row]) if row >= 0 else 0.0,
                "high": float(group.curve.high[row]) if row >= 0 else None,
                "at_risk": int(group.curve.at_risk[max(row, 0)]),
            }
            for group in self.groups
            if group.curve is not None
            for days in _MILESTONE_DAYS
            if days * 24.0 <= group.curve.time_hours[-1]
            for row in [int(np.searchsorted(group.curve.time_hours, days * 24.0, side="right")) - 1]
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "of": self.of,
            "by": self.by,
            "confidence": self.confidence,
            "definition": self.definition,
            "groups": [
                {
                    "group": group.group,
                    "units": group.units,
                    "failures": group.failures,
                    "refusal": group.refusal,
                    "curve": _curve_rows(group.curve),
                }
                for group in self.groups
            ],
            "comparison": self.difference
            and {"score": self.difference.score, "p_value": self.difference.p_value, "first": self.groups[0].group},
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the curves with their bands."""
        from reliability.figures.accumulation import accumulation_figure  # noqa: PLC0415 - figures read results

        return accumulation_figure(self)


def accumulation(
    lake: Lake,
    of: str = "node",
    *,
    by: str | None = None,
    where: tuple[str, str] | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Accumulation:
    """Estimate how failures accumulate per unit, on its own clock of time in service.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    of
        ``node`` or a component of the schema; without an inventory, failures are counted per node.
    by
        Column to group units by; None for one curve.
    where, confidence, from_utc, to_utc
        As in :func:`~reliability.analyses.rates.rates`.

    Raises
    ------
    BadOptionError
        If ``of`` is ``attempt`` (a job is no unit that is repaired), or ``by`` or ``where`` is not known.
    NoDataError
        If nothing was at risk.
    """
    if of == "attempt":
        raise BadOptionError("--of", of, "node or a component: a job is no unit that fails and is repaired")
    if by in (*FAILURE_GROUPS, *PERIODS):
        raise BadOptionError("--by", by, "a property of units, not of failures or of time")
    question = RateQuestion(of, by, where, 0, confidence, from_utc, to_utc)
    with closing(DuckDBEngine(lake, question.parameters())) as engine:
        question.check(engine)
        question.name_risk(engine)
        stretches, failed = engine.columns("stretches_at_risk"), engine.columns("failures_of_units")
    names = stretches["group_name"].astype(str)
    if not names.size:
        raise NoDataError(f"rates --of {of} --accumulation", question.needs())
    recurrences = {
        str(group): _on_own_clock(_rows(stretches, group), _rows(failed, group)) for group in np.unique(names)
    }
    groups = tuple(_group(group, found, confidence) for group, found in recurrences.items())
    return Accumulation(of, by, confidence, _DEFINITION, groups, _difference(groups, recurrences, confidence))


def _difference(
    groups: tuple[GroupAccumulation, ...], recurrences: dict[str, Recurrences], confidence: float
) -> MeanCumulativeDifference | None:
    if len(groups) != 2 or any(group.curve is None for group in groups):
        return None
    first, second = recurrences.values()
    return compare_mean_cumulative(first, second, confidence)


def _group(name: str, found: Recurrences, confidence: float) -> GroupAccumulation:
    curve, refusal = None, None
    try:
        curve = mean_cumulative_function(found, confidence)
    except ModelError as error:
        refusal = str(error)
    return GroupAccumulation(name, found.start_hours.size, found.time_hours.size, curve, refusal)


def _on_own_clock(stretches: dict[str, npt.NDArray[Any]], failed: dict[str, npt.NDArray[Any]]) -> Recurrences:
    """Put each unit's failures on the clock of its time at risk: its stretches laid end to end."""
    units, owner = np.unique(unit_keys(stretches), return_inverse=True)
    order = np.lexsort((stretches["from_micros"], owner))
    owner, begin, end = owner[order], stretches["from_micros"][order], stretches["to_micros"][order]
    hours = (end - begin) / _MICROS_PER_HOUR
    service = np.bincount(owner, hours)
    before = np.cumsum(hours) - hours
    before -= before[np.searchsorted(owner, owner)]  # of the unit's earlier stretches alone
    names, at = unit_keys(failed), failed["at_micros"]
    unit = np.minimum(np.searchsorted(units, names), units.size - 1)
    # The last stretch that began before the failure; a failure after its end stands at its end. Seconds since the
    # first, unit after unit, are numbers that can be told apart.
    origin = begin.min()
    began, failed_at = (begin - origin) / 1e6, (at - origin) / 1e6
    span = max(began.max(), failed_at.max(initial=0.0)) + 1.0
    place = np.searchsorted(owner * span + began, unit * span + failed_at, side="right") - 1
    known = (units[unit] == names) & (place >= 0) & (owner[np.maximum(place, 0)] == unit)
    unit, at, place = unit[known], at[known], place[known]
    clock = before[place] + np.minimum(at - begin[place], end[place] - begin[place]) / _MICROS_PER_HOUR
    clock = np.clip(clock, np.finfo(np.float64).tiny, service[unit])
    return Recurrences(np.zeros(units.size), service.astype(np.float64), unit, clock)


def _rows(columns: dict[str, npt.NDArray[Any]], group: str) -> dict[str, npt.NDArray[Any]]:
    mine = columns["group_name"].astype(str) == group
    return {name: values[mine] for name, values in columns.items()}


def _curve_rows(curve: MeanCumulativeFunction | None) -> list[dict[str, float]]:
    if curve is None:
        return []
    columns = (curve.time_hours, curve.mean, curve.low, curve.high, curve.at_risk)
    names = ("time_hours", "failures_per_unit", "low", "high", "at_risk")
    return [dict(zip(names, row, strict=True)) for row in np.column_stack(columns).tolist()]
