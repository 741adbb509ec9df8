"""What runs got out of their time: the parts of each in seconds, and the ETTR of many with its interval."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from models.goodput.measured import EttrInterval, GroupEttr, group_ettr
from models.guards import checked_confidence, checked_non_negative, checked_positive
from reliability.analyses.answer import Answer
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

ETTR_DEFINITION: Final = (
    "ETTR = R / W, W = Q + R + U: productive time over the time a run was queued while eligible, productive, or "
    "scheduled but unproductive (restarts, checkpoint writes, work lost since the last safe checkpoint)."
)
_OF_MANY: Final = (
    "The mean of runs is that of a run picked at random, the ratio of sums that of {weighed} picked at random; "
    "intervals: runs resampled (BCa and Student's t, the wider)."
)
#: resampling is part of the answer: the same lake gives the same interval
_SEED: Final = 20_250_301
_TIMES: Final = ("queue", "scheduled", "restart", "checkpoint", "lost", "productive")


@dataclass(frozen=True, slots=True)
class SizeEttr:
    """ETTR of the runs of one size."""

    group: str
    mean_gpus: float
    estimate: GroupEttr


@dataclass(frozen=True, slots=True)
class Runs(Answer):
    """Every run with the parts of its time, and the ETTR of all and of each size."""

    confidence: float
    definition: str
    assumption: str
    size_unit: str
    min_gpus: int
    min_hours: float
    qos: str | None
    sources: dict[str, int]
    whole: int
    overall: GroupEttr
    sizes: tuple[SizeEttr, ...]
    listed: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per run, the largest first."""
        return [dict(row) for row in self.listed]

    def size_rows(self) -> list[dict[str, Any]]:
        """Return one row per size."""
        return [
            {"group": size.group, f"mean_{self.size_unit.lower()}s": size.mean_gpus} | estimate_row(size.estimate)
            for size in self.sizes
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "confidence": self.confidence,
            "definition": self.definition,
            "assumption": self.assumption,
            "min_gpus": self.min_gpus,
            "min_hours": self.min_hours,
            "qos": self.qos,
            "runs_by_checkpoint_source": self.sources,
            "runs_whole": self.whole,
            "overall": estimate_row(self.overall),
            "sizes": self.size_rows(),
            "rows": self.rows(),
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the ETTR by size."""
        from reliability.figures.runs import sizes_figure  # noqa: PLC0415 - figures read the results they draw

        return sizes_figure(self)


def runs(
    lake: Lake,
    *,
    min_gpus: int = 0,
    min_hours: float = 0.0,
    qos: str | None = None,
    most: int | None = None,
    confidence: float = 0.9,
    checkpoint_interval_seconds: int = 3600,
    restart_overhead_seconds: int = 300,
    resubmission_window_seconds: int = 3600,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Runs:
    """Measure the ETTR of runs.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    min_gpus
        Only runs with more GPUs than this (0: all).
    min_hours
        Only runs scheduled for at least this long, all attempts together; the paper takes 24.
    qos
        Only runs of this quality of service; None for all.
    most
        List no more runs than this, the largest; None for all. The estimates are always of all.
    confidence
        Two-sided confidence level of the intervals.
    checkpoint_interval_seconds, restart_overhead_seconds
        Assumed where no training log tells them.
    resubmission_window_seconds
        A job submitted within this time after one of the same user, name and size that did not complete continues its
        run; 0: none does.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    NoDataError
        If no run is left.
    """
    checked_confidence(confidence)
    checked_non_negative("min_hours", min_hours)
    parameters = run_parameters(
        checkpoint_interval_seconds, restart_overhead_seconds, resubmission_window_seconds, from_utc, to_utc
    )
    asked = {"min_gpus": min_gpus, "min_hours": float(min_hours), "qos": qos}
    with closing(DuckDBEngine(lake, parameters)) as engine:
        engine.keep("attempts", "runs")
        times = engine.columns("run_times", **asked)
        if not len(times["wall_seconds"]):
            raise NoDataError(f"the ETTR of runs{_of(min_gpus, min_hours, qos)}", "jobs (sacct, …) that ran")
        listed = tuple(engine.ask("run_rows", most=most, **asked))
    rng = np.random.default_rng(_SEED)
    size_unit = "GPU" if times["gpu_count"].any() else "node"
    size = np.maximum(times["gpu_count" if size_unit == "GPU" else "node_count"].astype(float), 0.0)
    overall = _estimate(times, size if size.any() else np.ones(len(size)), confidence, rng)
    sources = {name: int(np.sum(times["checkpoint_source"] == name)) for name in ("logged", "assumed", "mixed")}
    whole = int(times["whole"].sum())
    return Runs(
        confidence=confidence,
        definition=f"{ETTR_DEFINITION} {_OF_MANY.format(weighed=f'a {size_unit}-hour')}",
        assumption=assumption(parameters, sources),
        size_unit=size_unit,
        min_gpus=min_gpus,
        min_hours=float(min_hours),
        qos=qos,
        sources=sources,
        whole=whole,
        overall=overall,
        sizes=_sizes(times, size, confidence, rng),
        listed=listed,
        warnings=(*overall.warnings, *_cut(len(size) - whole, len(size))),
    )


def run_parameters(
    checkpoint_interval_seconds: int,
    restart_overhead_seconds: int,
    resubmission_window_seconds: int,
    from_utc: datetime | None,
    to_utc: datetime | None,
) -> Parameters:
    """Return what the marts of runs assume.

    Raises
    ------
    NotPositiveError, NegativeValueError
        If an assumption cannot be.
    """
    checked_positive("checkpoint_interval_seconds", checkpoint_interval_seconds)
    checked_non_negative("restart_overhead_seconds", restart_overhead_seconds)
    checked_non_negative("resubmission_window_seconds", resubmission_window_seconds)
    return Parameters(
        window_from_utc=from_utc,
        window_to_utc=to_utc,
        checkpoint_interval_seconds=checkpoint_interval_seconds,
        restart_overhead_seconds=restart_overhead_seconds,
        resubmission_window_seconds=resubmission_window_seconds,
    )


def assumption(parameters: Parameters, sources: dict[str, int]) -> str:
    """Say what was assumed of the runs whose checkpoints no log tells, and of how many.

    >>> assumption(Parameters(), {"logged": 1, "assumed": 2, "mixed": 0})[:60]
    'Of 3 runs, 1 is read from training logs and 0 in part; else '
    """
    logged, mixed = sources["logged"], sources["mixed"]
    return (
        f"Of {sum(sources.values()):,} runs, {logged:,} {'is' if logged == 1 else 'are'} read from training logs and "
        f"{mixed:,} in part; else assumed: {parameters.restart_overhead_seconds / 60:g} min of restart at each start, "
        f"a checkpoint every {parameters.checkpoint_interval_seconds / 3600:g} h from then on that costs what the "
        "logged ones of the cluster do (nothing where none is logged), and "
        f"everything since the last one lost unless the attempt completed or requeued itself. {_chained(parameters)}"
    )


def estimate_row(estimate: GroupEttr) -> dict[str, Any]:
    """Return a group's ETTR, both ways, as a row."""

    def limits(name: str, interval: EttrInterval) -> dict[str, Any]:
        return {f"ettr_{name}": interval.ettr, f"{name}_low": interval.low, f"{name}_high": interval.high}

    return (
        {"runs": estimate.runs, "wall_hours": estimate.wall_hours, "productive_hours": estimate.productive_hours}
        | limits("ratio_of_sums", estimate.ratio_of_sums)
        | limits("mean_of_runs", estimate.mean_of_runs)
    )


def _estimate(
    times: dict[str, npt.NDArray[Any]], weights: npt.NDArray[Any], confidence: float, rng: np.random.Generator
) -> GroupEttr:
    return group_ettr(
        times["productive_seconds"], times["wall_seconds"], rng=rng, weights=weights, confidence=confidence
    )


def _sizes(
    times: dict[str, npt.NDArray[Any]], size: npt.NDArray[np.float64], confidence: float, rng: np.random.Generator
) -> tuple[SizeEttr, ...]:
    """Estimate each size: runs of more than half a power of two up to it, weighed by their GPUs."""
    power = np.ceil(np.log2(np.maximum(size, 0.5))).astype(int)  # -1 for none
    found = []
    for top in np.unique(power):
        chosen = power == top
        low, high = 2 ** (int(top) - 1) + 1 if top > 1 else 2 ** max(0, int(top)), 2 ** max(0, int(top))
        name = "0" if top < 0 else f"{low}" if low >= high else f"{low}-{high}"
        weights = size[chosen] if top >= 0 else np.ones(int(chosen.sum()))
        of_size = {column: values[chosen] for column, values in times.items()}
        found.append(SizeEttr(name, float(size[chosen].mean()), _estimate(of_size, weights, confidence, rng)))
    return tuple(found)


def _chained(parameters: Parameters) -> str:
    hours = parameters.resubmission_window_seconds / 3600
    if not hours:
        return "A run is one job id with its requeues."
    return (
        f"A job submitted within {hours:g} h after one of the same user, name and size that did not complete continues "
        "its run."
    )


def _cut(cut: int, count: int) -> tuple[str, ...]:
    if not cut:
        return ()
    return (f"{cut:,} of {count:,} runs began before the log or go on after it: only what lies within it counts",)


def _of(min_gpus: int, min_hours: float, qos: str | None) -> str:
    parts = [
        *([f" with more than {min_gpus} GPUs"] if min_gpus else []),
        *([f" of at least {min_hours:g} h"] if min_hours else []),
        *([f" of QOS {qos}"] if qos else []),
    ]
    return "".join(parts)
