"""How long attempts run until which end: the competing ends as cumulative incidence over run time."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.guards import FloatArray
from models.lifetimes.competing_risks import CauseTable, CumulativeIncidence, aalen_johansen
from models.lifetimes.risk import RiskTable
from models.lifetimes.survival import SMALL_RISK_SET
from reliability.analyses.answer import Answer
from reliability.analyses.jobs import JOB_GROUPS
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

#: the competing ends, in the order in which they are drawn
ENDS: Final = (
    "infrastructure",
    "user_failure",
    "out_of_memory",
    "preempted",
    "timeout",
    "cancelled",
    "other",
    "completed",
)
#: run times at which the table reads the curves, in hours
HORIZONS_HOURS: Final = (1.0, 6.0, 24.0, 72.0, 168.0)

#: what adding up a thousand steps leaves of 1 - 1
_ROUNDING: Final = 1e-9

DEFINITION: Final = (
    "The probability that an attempt has ended in each way by a given run time, the other ways competing "
    "(Aalen–Johansen). Attempts already running when the log begins enter late, those still running at its end are "
    "censored. Intervals take attempts for independent; those of one user end alike, so true ones are wider."
)


@dataclass(frozen=True, slots=True, eq=False)
class EndCurve:
    """The curves of one group of attempts, one for each of the answer's ``ends``, all at the same run times."""

    group: str
    attempts: int
    incidences: tuple[CumulativeIncidence, ...]
    time_hours: FloatArray
    at_risk: FloatArray

    @property
    def still_running(self) -> FloatArray:
        """The chance that none of the ends has come, at each time."""
        left = 1.0 - np.sum([each.incidence for each in self.incidences], axis=0) + np.zeros_like(self.time_hours)
        return np.where(left > _ROUNDING, left, 0.0)

    def at(self, run_hours: float) -> int | None:
        """Return the row in force at a run time; None beyond the last attempt."""
        row = int(np.searchsorted(self.time_hours, run_hours, side="right")) - 1
        return row if run_hours <= self.time_hours[-1] else None


@dataclass(frozen=True, slots=True)
class JobEnds(Answer):
    """Competing ends over run time, by group. ``ends`` are those that occurred in any group."""

    by: str | None
    confidence: float
    from_utc: datetime | None
    to_utc: datetime | None
    ends: tuple[str, ...]
    curves: tuple[EndCurve, ...]
    warnings: tuple[str, ...]

    @property
    def definition(self) -> str:
        """What the numbers mean."""
        return DEFINITION

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per group and run time of ``HORIZONS_HOURS`` that its attempts reached."""
        return [
            _row(curve, self.ends, hours, row)
            for curve in self.curves
            for hours in HORIZONS_HOURS
            if (row := curve.at(hours)) is not None
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "by": self.by,
            "confidence": self.confidence,
            "interval": "Greenwood-type variance, log-log, pointwise",
            "definition": self.definition,
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "warnings": list(self.warnings),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the ends of the first group, stacked over run time."""
        from reliability.figures.job_ends import ends_figure  # noqa: PLC0415 - figures read the results they draw

        return ends_figure(self)


def job_ends(
    lake: Lake,
    *,
    by: str | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> JobEnds:
    """Ask how attempts end over their run time, the ends competing.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    by
        Column to group by (``JOB_GROUPS``); None for one group of everything.
    confidence
        Two-sided confidence level of the pointwise intervals.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Returns
    -------
    JobEnds
        The group with the most attempts first.

    Raises
    ------
    BadOptionError
        If attempts cannot be grouped by ``by``.
    NoDataError
        If the lake has no attempt that ran.
    """
    if by is not None and by not in JOB_GROUPS:
        raise BadOptionError("--by", by, f"one of {', '.join(JOB_GROUPS)}")
    parameters = Parameters(window_from_utc=from_utc, window_to_utc=to_utc, group_by=by or "")
    with closing(DuckDBEngine(lake, parameters)) as engine:
        table = engine.arrow("SELECT * FROM end_counts ORDER BY group_name, time_hours")
        window = engine.ask("observed")[0]
    if not table.num_rows:
        raise NoDataError("jobs --ends", "jobs (sacct, …) that ran")
    groups = np.array(table["group_name"].to_pylist())
    columns = {name: table[name].to_numpy().astype(np.float64) for name in ("time_hours", "at_risk", "exits", *ENDS)}
    ends = tuple(name for name in ENDS if columns[name].any())
    begins = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    curves = [
        _curve(str(groups[begin]), {name: column[begin:end] for name, column in columns.items()}, ends, confidence)
        for begin, end in zip(begins, [*begins[1:], len(groups)], strict=True)
    ]
    return JobEnds(
        by=by,
        confidence=confidence,
        from_utc=window["from_utc"],
        to_utc=window["to_utc"],
        ends=ends,
        curves=tuple(sorted(curves, key=lambda curve: (-curve.attempts, curve.group))),
        warnings=tuple(_warnings(curves)),
    )


def _curve(group: str, columns: dict[str, FloatArray], ends: tuple[str, ...], confidence: float) -> EndCurve:
    events = np.column_stack([columns[name] for name in ends]) if ends else np.zeros((columns["exits"].size, 0))
    ended = events.sum(axis=1)
    risk = RiskTable(columns["time_hours"], columns["at_risk"], ended, columns["exits"] - ended)
    table = CauseTable(risk, ends, events)
    return EndCurve(
        group=group,
        attempts=int(columns["exits"].sum()),
        incidences=tuple(aalen_johansen(table, end, confidence) for end in ends),
        time_hours=np.append(0.0, risk.time_hours),
        at_risk=np.append(risk.at_risk[0], risk.at_risk),
    )


def _row(curve: EndCurve, ends: tuple[str, ...], run_hours: float, row: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "group": curve.group,
        "run_hours": run_hours,
        "at_risk": int(curve.at_risk[row + 1]) if row + 1 < curve.at_risk.size else 0,
        "still_running": float(curve.still_running[row]),
    }
    for name, found in zip(ends, curve.incidences, strict=True):
        values[name] = float(found.incidence[row])
        values[f"{name}_low"] = float(found.low[row])
        values[f"{name}_high"] = float(found.high[row])
    return values


def _warnings(curves: list[EndCurve]) -> list[str]:
    # at the far end few are left in any group; early on it is delayed entry that leaves few
    thin = [curve.group for curve in curves if ((curve.at_risk < SMALL_RISK_SET) & (curve.still_running > 0.5)).any()]
    if not thin:
        return []
    named = ", ".join(thin[:3]) + (f" and {len(thin) - 3} more" if len(thin) > 3 else "")
    return [f"fewer than {SMALL_RISK_SET} attempts carry part of the early curve of {named}: it says little there"]
