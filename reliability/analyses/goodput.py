"""Where every GPU-second (or node-second) went, and what failures cost: hours, dollars, energy, crash loops."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import numpy as np

from models.errors import NotPositiveError
from models.goodput.loss import FailureLoss, LostHours, events_of, failure_loss
from models.guards import FloatArray
from reliability.analyses.answer import Answer
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.marts import Parameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

Unit = Literal["gpu", "node"]
#: every unit-second of capacity is in exactly one of these
BUCKETS: Final = (
    *("productive", "checkpoint_write", "restart"),
    *("lost_first_order", "lost_second_order", "lost_preemption", "lost_user"),
    *("serving", "idle", "drained", "down_planned", "down_unplanned", "unknown"),
)
LOST: Final = tuple(bucket for bucket in BUCKETS if bucket.startswith("lost_"))
GROUPS: Final = ("day", "job_size", "user", "partition", "cause")
#: the group of what no job held, and of what was not lost
NOBODY: Final = "not allocated"
#: a run is in a crash loop from this many failures in a row on …
LOOP_FAILURES: Final = 3
#: what the ledger is made from, each read by several questions
KEPT: Final = (
    *("attempts", "attributions", "preemption_chains", "attempt_parts"),
    *("allocations", "node_allocation", "goodput_ledger"),
)
_UNITS: Final = {"gpu": "GPU", "node": "node"}
_SAMPLED_ENOUGH: Final = 0.999


@dataclass(frozen=True, slots=True)
class LedgerGroup:
    """One group of the ledger: hours by bucket, buckets without any left out."""

    name: str
    hours: dict[str, float]

    @property
    def total_hours(self) -> float:
        """Hours of the group."""
        return sum(self.hours.values())


@dataclass(frozen=True, slots=True)
class LostByCause:
    """What one cause cost; dollars and kWh are None where no price or power was given, or the unit is no GPU."""

    cause: str
    hours: dict[str, float]
    dollars: float | None
    kwh: float | None

    @property
    def total_hours(self) -> float:
        """Hours lost to the cause in all ways."""
        return sum(self.hours.values())


@dataclass(frozen=True, slots=True)
class PaperLoss:
    """Goodput loss as Kokolis et al. count it: min(run time, half a checkpoint interval) × GPUs, in GPU-hours."""

    first_order_gpu_hours: float
    second_order_gpu_hours: float

    @property
    def second_order_share(self) -> float | None:
        """Share of the second order; None where nothing was lost."""
        total = self.first_order_gpu_hours + self.second_order_gpu_hours
        return self.second_order_gpu_hours / total if total > 0 else None


@dataclass(frozen=True, slots=True)
class Goodput(Answer):
    """The goodput ledger; ``buckets`` add up to ``capacity_hours``, both in hours of the unit."""

    unit: Unit
    by: str | None
    from_utc: datetime
    to_utc: datetime
    nodes: int
    attempts: int
    confidence: float
    buckets: dict[str, float]
    groups: tuple[LedgerGroup, ...]
    days: tuple[LedgerGroup, ...]
    loss: FailureLoss
    depth_1_hours: float
    preemptions: int
    paper: PaperLoss
    causes: tuple[LostByCause, ...]
    crash_loops: tuple[dict[str, Any], ...]
    gpu_hour_price: float | None
    gpu_watts: float | None
    definition: str
    warnings: tuple[str, ...]

    @property
    def capacity_hours(self) -> float:
        """Hours that the nodes were there for."""
        return sum(self.buckets.values())

    @property
    def unit_name(self) -> str:
        """What an hour is one of: `GPU` or `node`."""
        return _UNITS[self.unit]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per bucket, or one per group asked for."""
        key = f"{self.unit}_hours"
        if self.by is None:
            return [
                {"bucket": bucket, key: hours, "share": hours / self.capacity_hours}
                for bucket, hours in self.buckets.items()
            ]
        if self.by == "cause":
            return [
                {"cause": cause.cause, key: cause.total_hours}
                | {f"{bucket}_hours": cause.hours.get(bucket, 0.0) for bucket in LOST}
                | {"dollars": cause.dollars, "kwh": cause.kwh}
                for cause in self.causes
            ]
        return [
            {self.by: group.name, key: group.total_hours}
            | {f"{bucket}_hours": group.hours.get(bucket, 0.0) for bucket in BUCKETS}
            for group in self.groups
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        share = self.loss
        return {
            "unit": self.unit,
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "nodes": self.nodes,
            "attempts": self.attempts,
            "confidence": self.confidence,
            "capacity_hours": self.capacity_hours,
            "buckets": dict(self.buckets),
            **_lost("lost_first_order", share.first_order),
            **_lost("lost_second_order", share.second_order),
            "second_order_share": share.share,
            "second_order_share_low": share.share_low,
            "second_order_share_high": share.share_high,
            "second_order_depth_1_hours": self.depth_1_hours,
            "second_order_preemptions": self.preemptions,
            "failure_events": share.first_order.events,
            "paper_first_order_gpu_hours": self.paper.first_order_gpu_hours,
            "paper_second_order_gpu_hours": self.paper.second_order_gpu_hours,
            "paper_second_order_share": self.paper.second_order_share,
            "gpu_hour_price": self.gpu_hour_price,
            "gpu_watts": self.gpu_watts,
            "causes": [
                {"cause": cause.cause, "lost_hours": cause.total_hours, "buckets": dict(cause.hours)}
                | {"dollars": cause.dollars, "kwh": cause.kwh}
                for cause in self.causes
            ],
            "crash_loops": [dict(loop) for loop in self.crash_loops],
            "by": self.by,
            "rows": self.rows(),
            "definition": self.definition,
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the ledger: over days where asked by day, else as one bar per bucket."""
        from reliability.figures.goodput import days_figure, ledger_figure  # noqa: PLC0415 - figures read the results they draw

        return days_figure(self) if self.by == "day" else ledger_figure(self)


def goodput(
    lake: Lake,
    *,
    unit: str | None = None,
    by: str | None = None,
    checkpoint_interval_seconds: int = 3600,
    restart_overhead_seconds: int = 300,
    gpu_hour_price: float | None = None,
    gpu_watts: float | None = None,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Goodput:
    """Say where the capacity went and what failures cost.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    unit
        What is counted: GPUs, or nodes, shared by their CPUs. None: GPUs where the fleet has any.
    by
        Split by one of `GROUPS`; None for the cluster as a whole.
    checkpoint_interval_seconds, restart_overhead_seconds
        Assumed of attempts whose training logs were not taken in.
    gpu_hour_price, gpu_watts
        Dollars per GPU-hour and power of a GPU with its share of the node, for the cost of what was lost.
    confidence
        Two-sided confidence level.
    from_utc, to_utc
        Half-open window; None for all from the first to the last end in the log.

    Raises
    ------
    BadOptionError
        If there is no such unit or group.
    NotPositiveError
        If interval, price or power is not above 0.
    NoDataError
        If the lake has no jobs with the nodes they ran on, or the unit has no capacity.
    """
    if by is not None and by not in GROUPS:
        raise BadOptionError("--by", by, f"one of {', '.join(GROUPS)}")
    for name, value in (
        ("checkpoint_interval_seconds", checkpoint_interval_seconds),
        ("gpu_hour_price", gpu_hour_price),
        ("gpu_watts", gpu_watts),
    ):
        if value is not None and not value > 0:
            raise NotPositiveError(name, value)
    asked: dict[str, Any] = {
        "window_from_utc": from_utc,
        "window_to_utc": to_utc,
        "checkpoint_interval_seconds": checkpoint_interval_seconds,
        "restart_overhead_seconds": restart_overhead_seconds,
    }
    counted = counted_unit(lake, unit, asked)
    parameters = Parameters(**asked, unit=counted)
    with closing(DuckDBEngine(lake, parameters)) as engine:
        if not engine.rows("SELECT 1 FROM ledger_window LIMIT 1"):
            raise NoDataError("goodput", "jobs with the nodes they ran on (sacct, …)")
        engine.keep(*KEPT)
        totals = engine.ask("ledger_groups", by="")
        grouped = engine.ask("ledger_groups", by=by) if by is not None else []
        by_day = engine.ask("ledger_groups", by="day")
        by_cause = engine.ask("ledger_groups", by="cause")
        stated = engine.ask("ledger_stated")[0]
        failures = engine.columns("failure_losses")
        loops = engine.ask("crash_loops", failures=LOOP_FAILURES, progress_seconds=checkpoint_interval_seconds)
    buckets = _buckets(totals)
    if not buckets:
        raise NoDataError(f"goodput --unit {counted}", _NEEDS[counted])
    loss = failure_loss(
        _charged(failures["first_hours"], buckets["lost_first_order"]),
        _charged(failures["second_hours"], buckets["lost_second_order"]),
        events_of(failures["ended_seconds"], parameters.event_gap_seconds),
        confidence,
    )
    priced = (gpu_hour_price, gpu_watts) if counted == "gpu" else (None, None)
    return Goodput(
        unit=counted,
        by=by,
        from_utc=stated["from_utc"],
        to_utc=stated["to_utc"],
        nodes=int(stated["nodes"]),
        attempts=int(stated["attempts"]),
        confidence=confidence,
        buckets=buckets,
        groups=_groups(grouped),
        days=_groups(by_day),
        loss=loss,
        depth_1_hours=loss.second_order.hours * _share(failures["depth_1_hours"], failures["second_hours"]),
        preemptions=int(failures["preemptions"].sum()),
        paper=PaperLoss(
            float(np.sum(failures["paper_first_gpu_hours"])), float(np.sum(failures["paper_second_gpu_hours"]))
        ),
        causes=_causes(by_cause, *priced),
        crash_loops=tuple(loops),
        gpu_hour_price=gpu_hour_price,
        gpu_watts=gpu_watts,
        definition=_definition(counted, parameters),
        warnings=(*_warnings(stated, counted, parameters), *loss.warnings),
    )


_NEEDS: Final = {
    "gpu": "nodes with GPUs; `--unit node` counts nodes instead",
    "node": "jobs with the nodes they ran on (sacct, …)",
}


def counted_unit(lake: Lake, unit: str | None, asked: dict[str, Any]) -> Unit:
    """Return what a ledger of this lake counts: what was asked for, else GPUs where there are any.

    Raises
    ------
    BadOptionError
        If there is no such unit.
    """
    if unit is not None:
        if unit not in _UNITS:
            raise BadOptionError("--unit", unit, "gpu or node")
        return cast("Unit", unit)
    with closing(DuckDBEngine(lake, Parameters(**asked))) as engine:
        return "gpu" if engine.rows("SELECT 1 FROM fleet WHERE gpu_count > 0 LIMIT 1") else "node"


def _charged(hours: FloatArray, charged_hours: float) -> FloatArray:
    """Scale what failures lost to what the ledger charges for it, which stops at the window and at capacity."""
    total = float(hours.sum())
    return hours * (charged_hours / total) if total > 0.0 else hours


def _share(part: FloatArray, whole: FloatArray) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() > 0.0 else 0.0


def _buckets(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    hours = {row["bucket"]: float(row["hours"]) for row in rows}
    return {bucket: hours.get(bucket, 0.0) for bucket in BUCKETS} if hours else {}


def _groups(rows: Sequence[dict[str, Any]]) -> tuple[LedgerGroup, ...]:
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["group_name"] or NOBODY, {})[row["bucket"]] = float(row["hours"])
    return tuple(LedgerGroup(name, found[name]) for name in sorted(found, key=_natural))


def _natural(name: str) -> tuple[bool, list[tuple[int, str]]]:
    """Order sizes by number; what nobody held comes last.

    >>> sorted(["9-16", NOBODY, "1", "3-4"], key=_natural)
    ['1', '3-4', '9-16', 'not allocated']
    """
    parts = re.findall(r"\d+|\D+", name)
    return name == NOBODY, [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _causes(
    rows: Sequence[dict[str, Any]], gpu_hour_price: float | None, gpu_watts: float | None
) -> tuple[LostByCause, ...]:
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row["group_name"] is not None:
            found.setdefault(row["group_name"], {})[row["bucket"]] = float(row["hours"])
    causes = []
    for name, hours in found.items():
        total = sum(hours.values())
        dollars = total * gpu_hour_price if gpu_hour_price is not None else None
        causes.append(LostByCause(name, hours, dollars, total * gpu_watts / 1000.0 if gpu_watts is not None else None))
    return tuple(sorted(causes, key=lambda cause: (-cause.total_hours, cause.cause)))


def _lost(name: str, lost: LostHours) -> dict[str, float | None]:
    return {f"{name}_hours": lost.hours, f"{name}_low_hours": lost.low, f"{name}_high_hours": lost.high}


def _definition(unit: Unit, parameters: Parameters) -> str:
    shared = (
        "a node's GPUs are its capacity"
        if unit == "gpu"
        else "nodes are shared by CPUs: of as many as the inventory says, else of the most ever allocated at once"
    )
    return (
        f"Every {_UNITS[unit]}-second of the nodes from the first to the last end in the log of jobs, in one bucket; "
        f"{shared}. An attempt is restart, then kept work with its checkpoint writes, then lost work; read from "
        f"training logs where there are any, else {parameters.restart_overhead_seconds / 60:g} min of restart and a "
        f"checkpoint after every {parameters.checkpoint_interval_seconds / 60:g} min of work are assumed. First order: "
        "lost by attempts that the infrastructure ended. Second order: lost by attempts preempted because a job came "
        "back from that, chained as far as it goes. Intervals: gamma for totals, clustered by failure event for the "
        f"share. Crash loop: {LOOP_FAILURES} or more failures of the infrastructure in a row with at most one "
        "checkpoint interval of work kept between two."
    )


def _warnings(stated: dict[str, Any], unit: Unit, parameters: Parameters) -> tuple[str, ...]:
    found = []
    if stated["without_nodes"]:
        found.append(
            f"{stated['without_nodes']:,} attempts do not say on which nodes they ran: they are charged to no node."
        )
    if stated["beyond_capacity_hours"] > 0:
        found.append(
            f"More was allocated than the nodes have, by {stated['beyond_capacity_hours']:,.1f} {_UNITS[unit]}-hours: "
            "attempts were charged their share."
        )
    if stated["logged_share"] < _SAMPLED_ENOUGH:
        found.append(
            f"{1.0 - stated['logged_share']:.1%} of the run time has no training log: checkpoints every "
            f"{parameters.checkpoint_interval_seconds / 60:g} min are assumed there."
        )
    return tuple(found)
