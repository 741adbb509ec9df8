"""ETTR of long runs against the truth: the interval of the group, and each run by itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.goodput.measured import group_ettr
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters
from reliability.validation.case import Case
from reliability.validation.findings import Findings, share_row
from reliability.validation.truth import read_rows

#: a run is long from one day of holding its nodes on
LONG_SECONDS: Final = 86_400
#: jobs of a few GPUs often save nothing, which no log tells and the assumption of hourly checkpoints cannot know
LEAST_GPUS: Final = 8
_NEAR: Final = 0.02
_SEED: Final = 1  # of the resamples, so that equal lakes give equal findings
_PARTS: Final = ("queued", "productive", "restart", "checkpoint", "lost", "slowed")
_GPU_BINS: Final = ((8, 128), (128, 1024), (1024, None))
_DEFINITIONS: Final = {
    "covered": "Clusters whose interval of the ETTR of all runs that held 8 GPUs or more for a day and more holds the "
    "true one of the same runs: "
    "productive over wall-clock time, summed over truth/runs.parquet. Only runs that began and ended in the log.",
    "near": "Of these runs of all clusters, those whose ETTR is within 0.02 of the truth. Where a run "
    "logs no checkpoints its ETTR rests on the assumption of hourly ones.",
}


@dataclass(frozen=True, slots=True)
class RunPair:
    """One run as the lake tells it, and as it was."""

    gpus: int
    measured_productive: float
    measured_wall: float
    true_productive: float
    true_wall: float

    @property
    def error(self) -> float:
        """Measured ETTR less the true one."""
        return self.measured_productive / self.measured_wall - self.true_productive / self.true_wall


@dataclass(frozen=True, slots=True)
class EttrPairs:
    """The long runs of one cluster, and the interval of their common ETTR."""

    runs: tuple[RunPair, ...]
    low: float | None
    high: float | None

    @property
    def covered(self) -> bool | None:
        """Whether the interval holds the true ETTR of the runs; None without one."""
        if self.low is None or self.high is None:
            return None
        true = sum(run.true_productive for run in self.runs) / sum(run.true_wall for run in self.runs)
        return self.low <= true <= self.high


def count_ettr(case: Case, confidence: float) -> EttrPairs | None:
    """Set the long runs of one cluster beside the truth; None where the truth tells of none.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Of the interval of their common ETTR.
    """
    columns = ("job_id_raw", "whole", *(f"{part}_seconds" for part in _PARTS))
    told = read_rows(case.truth, "runs", columns)
    if told is None:
        return None
    written = {str(row["job_id_raw"]): row for row in told}
    with closing(DuckDBEngine(case.lake, Parameters())) as engine:
        measured = engine.ask("long_runs_with_jobs", least_gpus=LEAST_GPUS, least_seconds=LONG_SECONDS)
    pairs = tuple(pair for row in measured if (pair := _pair(row, written)) is not None)
    if len(pairs) < 2:  # one run says nothing of the variation between runs
        return EttrPairs(pairs, None, None)
    found = group_ettr(
        [pair.measured_productive for pair in pairs],
        [pair.measured_wall for pair in pairs],
        rng=np.random.default_rng(_SEED),
        confidence=confidence,
    ).ratio_of_sums
    return EttrPairs(pairs, found.low, found.high)


def find_ettr(counts: Sequence[EttrPairs | None], confidence: float) -> Findings:
    """Sum up: how often the interval of a cluster's runs holds the truth, and how near the single runs are.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    told = [pairs for pairs in counts if pairs is not None]
    verdicts = [pairs.covered for pairs in told if pairs.covered is not None]
    runs = [run for pairs in told for run in pairs.runs]
    near = sum(abs(run.error) <= _NEAR for run in runs)
    worst = max((abs(run.error) for run in runs), default=None)
    rows = (
        share_row(
            "ettr_coverage",
            "ETTR of runs",
            sum(verdicts),
            len(verdicts),
            confidence,
            _DEFINITIONS["covered"],
            bar=confidence,
        ),
        share_row(
            "ettr_near",
            "long runs with their ETTR within 0.02",
            near,
            len(runs),
            confidence,
            _DEFINITIONS["near"],
            bar=0.9,
            note=f"largest error {worst:.3f}" if worst is not None else "",
        ),
    )
    headline = {
        "ettr_covered": float(sum(verdicts)) if verdicts else None,
        "ettr_intervals": float(len(verdicts)) if verdicts else None,
    }
    return Findings(headline, rows, {"ettr": _by_size(runs)})


def _pair(row: dict[str, Any], written: dict[str, dict[str, Any]]) -> RunPair | None:
    """Return a run beside the jobs of the truth that it consists of; None where the log's edge cut one of them."""
    jobs = [written.get(str(job)) for job in row["jobs"]]
    known = [job for job in jobs if job is not None and job["whole"]]
    if len(known) < len(jobs):
        return None
    return RunPair(
        gpus=row["gpu_count"],
        measured_productive=row["productive_seconds"],
        measured_wall=row["wall_seconds"],
        true_productive=float(sum(job["productive_seconds"] for job in known)),
        true_wall=float(sum(job[f"{part}_seconds"] for job in known for part in _PARTS)),
    )


def _by_size(runs: Sequence[RunPair]) -> list[dict[str, Any]]:
    table = []
    for least, most in _GPU_BINS:
        errors = np.array([run.error for run in runs if run.gpus >= least and (most is None or run.gpus < most)])
        if errors.size:
            table.append(
                {
                    "gpus_from": least,
                    "gpus_to": most,
                    "runs": int(errors.size),
                    "mean_error": float(errors.mean()),
                    "mean_absolute_error": float(np.abs(errors).mean()),
                    "largest_error": float(np.abs(errors).max()),
                }
            )
    return table
