"""What-if on the past: the goodput ledger as it was, and as it would have been had a lever stood otherwise."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.goodput.event_totals import EventTotal, difference_interval
from models.guards import checked_confidence
from reliability.analyses.answer import Answer
from reliability.analyses.goodput import BUCKETS, Unit, counted_unit
from reliability.analyses.replay_drains import DrainedNode, drain_values, drained_nodes
from reliability.analyses.replay_levers import DUAL_TOR_SYMPTOMS, Levers, duration_text
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.marts import Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

_SECONDS_PER_HOUR: Final = 3600.0
#: difference in hours, with its bounds
Change = tuple[float, float, float]
_NONE: Final = (0.0, 0.0, 0.0)
_DEFINITION: Final = (
    "The goodput ledger as it was, and as it would have been with the levers set. First order: attempts start and end "
    "when they did, and only what became of their seconds changes; time that is freed counts as productive of the "
    "same run. Intervals are those of a sum over random events (Fay and Feuer): the failures of one run are one event, "
    "and what does not hang on failures has none."
)
#: marts read several times for one answer
_SHARED: Final = (
    *("attempts", "evidence", "attributions", "run_members", "attempt_parts", "preemption_chains"),
    *("allocations", "node_allocation", "replay_attempts"),
)


@dataclass(frozen=True, slots=True)
class BucketChange:
    """Hours of one bucket, then and now; the interval is that of the difference."""

    bucket: str
    then_hours: float
    difference_hours: float
    low_hours: float
    high_hours: float

    @property
    def now_hours(self) -> float:
        """What the bucket would hold."""
        return self.then_hours + self.difference_hours


@dataclass(frozen=True, slots=True)
class LeverEffect:
    """What one lever alone would have made productive."""

    lever: str
    setting: str
    productive_hours: float
    low_hours: float
    high_hours: float
    assumption: str


@dataclass(frozen=True, slots=True)
class Replay(Answer):
    """The ledger then and now, the effect of each lever alone, and what was assumed."""

    from_utc: datetime | None
    to_utc: datetime | None
    confidence: float
    unit: Unit
    levers: Levers
    buckets: tuple[BucketChange, ...]
    effects: tuple[LeverEffect, ...]
    attempts_spared: int
    drained: tuple[DrainedNode, ...]
    definition: str
    warnings: tuple[str, ...] = ()

    @property
    def capacity_hours(self) -> float:
        """Hours of all buckets, the same then and now."""
        return sum(change.then_hours for change in self.buckets)

    @property
    def unit_name(self) -> str:
        """What the hours are of."""
        return "GPU" if self.unit == "gpu" else "node"

    @property
    def productive(self) -> BucketChange:
        """The bucket that counts."""
        return next(change for change in self.buckets if change.bucket == "productive")

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per bucket."""
        return [
            {
                "bucket": change.bucket,
                "then_hours": change.then_hours,
                "now_hours": change.now_hours,
                "difference_hours": change.difference_hours,
                "difference_low_hours": change.low_hours,
                "difference_high_hours": change.high_hours,
                "difference_share_of_capacity": _share(change.difference_hours, self.capacity_hours),
            }
            for change in self.buckets
        ]

    def effect_rows(self) -> list[dict[str, Any]]:
        """Return one row per lever: what it alone would have made productive."""
        return [
            {
                "lever": effect.lever,
                "setting": effect.setting,
                "productive_hours": effect.productive_hours,
                "low_hours": effect.low_hours,
                "high_hours": effect.high_hours,
                "assumption": effect.assumption,
            }
            for effect in self.effects
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "confidence": self.confidence,
            "unit": self.unit,
            "settings": self.levers.settings(),
            "capacity_hours": self.capacity_hours,
            "then": {change.bucket: change.then_hours for change in self.buckets},
            "now": {change.bucket: change.now_hours for change in self.buckets},
            "difference": {
                change.bucket: {
                    "hours": change.difference_hours,
                    "low_hours": change.low_hours,
                    "high_hours": change.high_hours,
                }
                for change in self.buckets
            },
            "levers": self.effect_rows(),
            "attempts_spared": self.attempts_spared,
            "drained": [
                {"cluster": node.cluster, "node": node.node, "from_utc": node.from_utc} for node in self.drained
            ],
            "definition": self.definition,
            "assumptions": [effect.assumption for effect in self.effects],
            "warnings": list(self.warnings),
            "rows": self.rows(),
        }

    def figure(self) -> go.Figure:
        """Draw the change of every bucket."""
        from reliability.figures.replay import replay_figure  # noqa: PLC0415 - figures read the results they draw

        return replay_figure(self)


def replay(
    lake: Lake,
    levers: Levers,
    *,
    unit: str | None = None,
    checkpoint_interval_seconds: int = 3600,
    restart_overhead_seconds: int = 300,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Replay:
    """Ask what the ledger of the past would have been, had levers stood otherwise.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    levers
        What is set; at least one.
    unit
        ``gpu`` or ``node``: what the ledger counts hours of; None for GPUs where there are any.
    checkpoint_interval_seconds, restart_overhead_seconds
        Assumed of then where no training log tells it, as in :func:`reliability.analyses.goodput.goodput`.
    confidence
        Two-sided level of the intervals of differences.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Returns
    -------
    Replay
        Every bucket then and now, and each lever alone.

    Raises
    ------
    BadOptionError
        If no lever is set, or there is no such unit.
    NoDataError
        If no attempt of a job ran on known GPUs.
    """
    checked_confidence(confidence)
    if not levers.are_set:
        raise BadOptionError("--set", "nothing", "at least one lever, such as checkpoint_interval=10m")
    asked: dict[str, Any] = {
        "window_from_utc": from_utc,
        "window_to_utc": to_utc,
        "checkpoint_interval_seconds": checkpoint_interval_seconds,
        "restart_overhead_seconds": restart_overhead_seconds,
    }
    counted = counted_unit(lake, unit, asked)
    parameters = Parameters(**asked, unit=counted)
    drained = drained_nodes(lake, levers)
    with closing(DuckDBEngine(lake, parameters)) as engine:
        engine.keep(*_SHARED)
        then = {row["bucket"]: row["hours"] for row in engine.ask("ledger_groups", by="")}
        if not sum(then.values()) > 0:
            raise NoDataError(
                "replay", "jobs with the nodes they ran on (sacct, …), and nodes with GPUs or --unit node"
            )
        past = _Past(engine, confidence, drain_values(drained))
        changes, spared = past.changes(levers)
        alone = {
            name: (lever, changes if lever == levers else past.changes(lever)[0])
            for name, lever in levers.alone().items()
        }
        facts = engine.ask("ledger_stated")[0]
    return Replay(
        from_utc=facts["from_utc"],
        to_utc=facts["to_utc"],
        confidence=confidence,
        unit=counted,
        levers=levers,
        buckets=tuple(BucketChange(bucket, then.get(bucket, 0.0), *changes.get(bucket, _NONE)) for bucket in BUCKETS),
        effects=tuple(
            LeverEffect(name, lever.setting(name), *found.get("productive", _NONE), lever.assumption(name))
            for name, (lever, found) in alone.items()
        ),
        attempts_spared=spared,
        drained=drained,
        definition=_DEFINITION,
        warnings=tuple(_warnings(levers, parameters, facts, spared, drained)),
    )


class _Past:
    """One lake and window, asked about one setting of the levers after another."""

    def __init__(self, engine: DuckDBEngine, confidence: float, drained: Mapping[str, list[Any]]) -> None:
        self._engine = engine
        self._confidence = confidence
        self._drained = drained

    def changes(self, levers: Levers) -> tuple[dict[str, Change], int]:
        """Return each bucket's change in hours with its bounds, and how many attempts would not have ended."""
        drained = self._drained if levers.drain_lemons else drain_values(())
        rows = self._engine.ask(
            "replay_changes",
            interval_seconds=levers.checkpoint_interval,
            write_seconds=levers.checkpoint_write,
            stall_seconds=levers.stall,
            restart_seconds=levers.restart_overhead,
            detection_seconds=levers.detection,
            spared_symptoms=list(DUAL_TOR_SYMPTOMS) if levers.dual_tor else [],
            none_preempted=levers.no_preemption_after_failure,
            **drained,
        )
        certain = {row["bucket"]: row["certain_seconds"] for row in rows}
        for bucket, seconds in self._capacity(drained).items():
            certain[bucket] = certain.get(bucket, 0.0) + seconds
        eventual = {row["bucket"]: row for row in rows}
        changes = {bucket: self._change(seconds, eventual.get(bucket)) for bucket, seconds in certain.items()}
        return changes, rows[0]["attempts_spared"] if rows else 0

    def _capacity(self, drained: Mapping[str, list[Any]]) -> dict[str, float]:
        """Return what taking nodes out moves: their time is drained, others do their work as far as they were idle."""
        if not drained["drained_nodes"]:
            return {}
        taken = self._engine.ask("replay_capacity", **drained)[0]
        return {
            "drained": taken["up_seconds"] + taken["down_seconds"],
            "down_unplanned": -taken["down_seconds"],
            "idle": -taken["from_idle_seconds"],
            "productive": taken["from_idle_seconds"] - taken["up_seconds"],
        }

    def _change(self, certain: float, eventual: Mapping[str, float] | None) -> Change:
        if eventual is None:
            return (certain / _SECONDS_PER_HOUR,) * 3
        gained, lost = (
            EventTotal(*(eventual[f"{side}_{name}"] for name in ("seconds", "squares", "largest")))
            for side in ("gained", "lost")
        )
        low, high = difference_interval(gained, lost, self._confidence)
        change = certain + gained.total - lost.total
        return change / _SECONDS_PER_HOUR, (certain + low) / _SECONDS_PER_HOUR, (certain + high) / _SECONDS_PER_HOUR


def _warnings(
    levers: Levers,
    parameters: Parameters,
    facts: Mapping[str, Any],
    spared: int,
    drained: tuple[DrainedNode, ...],
) -> Iterator[str]:
    assumed = 1.0 - facts["logged_share"]
    if (levers.checkpoint_interval is not None or levers.stall is not None) and assumed > 0.0:
        yield (
            f"for {assumed:.0%} of the GPU time of jobs no checkpoints were logged: there one every "
            f"{duration_text(parameters.checkpoint_interval_seconds)} is assumed of then, which takes as long as those "
            "that were logged"
        )
        if levers.checkpoint_interval is not None and levers.stall is None and not facts["logged_share"]:
            yield "no checkpoint was logged, so that writing more of them costs nothing here: say checkpoint_write"
    if levers.restart_overhead is not None and assumed > 0.0:
        yield (
            f"for {assumed:.0%} of the GPU time of jobs no restart was logged: there "
            f"{duration_text(parameters.restart_overhead_seconds)} after each start are assumed of then"
        )
    if levers.drain_lemons and not drained:
        yield "nobody would have been named, so nothing is drained"
    elif not spared and (levers.drain_lemons or levers.dual_tor or levers.no_preemption_after_failure):
        yield "no attempt would have been spared its end; what the lever saves where one is, is not known"


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
