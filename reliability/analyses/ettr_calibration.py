"""Do runs get the ETTR that the model predicts? Each long run at its place in its own predicted distribution."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.errors import ModelError
from models.goodput.calibration import PitCheck, pit_check
from models.goodput.ettr_distribution import EttrDistribution, ettr_distribution
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray, checked_confidence
from reliability.analyses.answer import Answer
from reliability.analyses.plan import FailureRate, measured_rate
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

LONG_SECONDS: Final = 86_400.0
BAND: Final = 0.9
DEFINITION: Final = (
    "The place of a run's ETTR while it held its nodes (productive over scheduled time, as in v2 of Kokolis et al.: "
    "the wait in the queue is left out) in the exact distribution of runs of its size, its work and a day or more, at "
    "this lake's failure rate. A run without a failure is put at random within the probability of having none. Only "
    "runs that completed and that nothing but the infrastructure interrupted."
)
#: the random places of runs without a failure are part of the answer: the same lake gives the same places
_SEED: Final = 20_250_302
_FEW: Final = 20
_BINS: Final = ((8, 128), (129, 512), (513, 1024), (1025, None))


@dataclass(frozen=True, slots=True)
class CalibratedRun:
    """One run beside its prediction."""

    cluster: str
    run_id: str
    gpu_count: int
    failures: int
    ettr: float
    predicted_low: float
    predicted_mean: float
    predicted_high: float
    place: float


@dataclass(frozen=True, slots=True)
class EttrCalibration(Answer):
    """Long runs at their places in what was predicted for them."""

    confidence: float
    definition: str
    rate: FailureRate
    runs: tuple[CalibratedRun, ...]
    long_runs: int
    check: PitCheck
    warnings: tuple[str, ...]

    @property
    def places(self) -> FloatArray:
        """Places of the runs, 0 to 1."""
        return np.array([run.place for run in self.runs])

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per range of sizes."""
        rows = []
        for least, most in _BINS:
            found = [run for run in self.runs if run.gpu_count >= least and (most is None or run.gpu_count <= most)]
            if found:
                check = pit_check([run.place for run in found], BAND, self.confidence)
                rows.append(
                    {
                        "gpus": f"{least}-{most}" if most else f"{least}-",
                        "runs": len(found),
                        "failures": sum(run.failures for run in found),
                        "ettr": float(np.mean([run.ettr for run in found])),
                        "predicted_ettr": float(np.mean([run.predicted_mean for run in found])),
                        "inside": check.inside.share,
                        "inside_low": check.inside.low,
                        "inside_high": check.inside.high,
                        "below": check.below,
                        "above": check.above,
                    }
                )
        return rows

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "confidence": self.confidence,
            "definition": self.definition,
            "band": self.check.band,
            "runs": len(self.runs),
            "long_runs": self.long_runs,
            "inside": self.check.inside.share,
            "inside_low": self.check.inside.low,
            "inside_high": self.check.inside.high,
            "below": self.check.below,
            "above": self.check.above,
            "uniform_p_value": self.check.p_value,
            "histogram": self.check.counts.tolist(),
            "failures_per_1000_node_days": self.rate.per_1000_node_days,
            "rows": self.rows(),
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the places as a histogram and as a curve."""
        from reliability.figures.calibration import calibration_figure  # noqa: PLC0415 - figures read the results

        return calibration_figure(self)


def ettr_calibration(
    lake: Lake,
    *,
    min_gpus: int = 8,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> EttrCalibration:
    """Hold the measured ETTR of long runs against its predicted distribution.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    min_gpus
        Only runs with more GPUs than this.
    confidence
        Two-sided level of the interval of the share inside the 90% band.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    NoDataError
        If no run is left, or the lake gives no failure rate.
    """
    checked_confidence(confidence)
    rate = measured_rate(lake, confidence=confidence, from_utc=from_utc, to_utc=to_utc)
    parameters = Parameters(window_from_utc=from_utc, window_to_utc=to_utc)
    with closing(DuckDBEngine(lake, parameters)) as engine:
        asked = engine.ask("calibration_runs", min_gpus=min_gpus, least_seconds=LONG_SECONDS)
    rng = np.random.default_rng(_SEED)
    placed, unpredicted = [], []
    for row in asked:
        try:
            placed.append(_placed(row, rate, parameters, rng))
        except ModelError as error:
            unpredicted.append(str(error))
    runs = tuple(placed)
    if not runs:
        raise NoDataError(
            f"the calibration of ETTR, on runs of more than {min_gpus} GPUs for a day and more",
            "runs that completed and that only the infrastructure interrupted",
        )
    return EttrCalibration(
        confidence=confidence,
        definition=DEFINITION,
        rate=rate,
        runs=runs,
        long_runs=int(asked[0]["long_runs"]),
        check=pit_check([run.place for run in runs], BAND, confidence),
        warnings=_warnings(runs, asked, unpredicted),
    )


def _placed(row: dict[str, Any], rate: FailureRate, parameters: Parameters, rng: np.random.Generator) -> CalibratedRun:
    """Return a run beside its prediction; a plan without one, as none of its runs could last a day, raises."""
    plan = _plan(row, rate, parameters)
    wall = float(row["scheduled_seconds"])
    predicted = ettr_distribution(plan, at_least_seconds=LONG_SECONDS)
    place = _place(predicted, row, wall, rng)
    low, high = predicted.interval(BAND)
    return CalibratedRun(
        cluster=row["cluster"],
        run_id=row["run_id"],
        gpu_count=row["gpu_count"],
        failures=row["infrastructure_failures"],
        ettr=row["productive_seconds"] / wall,
        predicted_low=low,
        predicted_mean=predicted.mean,
        predicted_high=high,
        place=place,
    )


def _place(predicted: EttrDistribution, row: dict[str, Any], wall: float, rng: np.random.Generator) -> float:
    if row["infrastructure_failures"]:
        return predicted.randomised_pit(max(wall, LONG_SECONDS), rng)
    # Without a failure it is the atom, whatever rounding did to its times.
    return 1.0 - predicted.undisturbed_probability * float(rng.random())


def _plan(row: dict[str, Any], rate: FailureRate, parameters: Parameters) -> RunPlan:
    interval = float(parameters.checkpoint_interval_seconds)
    written = max(1.0, (row["productive_seconds"] + row["lost_seconds"]) // interval)
    stall = row["checkpoint_seconds"] / written
    return RunPlan(
        nodes=int(row["node_count"]),
        failures_per_node_day=rate.per_1000_node_days / 1000.0,
        checkpoint_interval_seconds=interval,
        restart_overhead_seconds=float(parameters.restart_overhead_seconds),
        checkpoint_write_seconds=stall,
        productive_seconds=float(row["productive_seconds"]),
    )


def _warnings(
    runs: Sequence[CalibratedRun], asked: Sequence[dict[str, Any]], unpredicted: Sequence[str]
) -> tuple[str, ...]:
    compared = (
        f"{len(runs):,} of {asked[0]['long_runs']:,} long runs are compared: the others did not complete, were "
        "preempted, requeued or resubmitted for another reason, which the prediction knows nothing of"
    )
    warnings = [compared]
    if unpredicted:
        warnings.append(f"{len(unpredicted):,} more have no predicted distribution, the first because {unpredicted[0]}")
    if sum(run.failures for run in runs) < _FEW:
        warnings.append(
            "fewer than 20 failures in these runs: most places are those of runs without one, put at random"
        )
    assumed = sum(row["checkpoint_source"] != "logged" for row in asked)
    if assumed:
        warnings.append(
            f"the checkpoints of {assumed:,} runs were not logged in whole: their lost work rests on the same "
            "assumption as the prediction, so that they test the failures, not the checkpoints"
        )
    return tuple(warnings)
