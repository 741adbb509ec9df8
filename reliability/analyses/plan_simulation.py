"""A plan simulated, failure by failure: the judge beside the formulas, with spares where they are asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.goodput.simulation.cluster import SimulatedCluster
from models.goodput.simulation.laws import Fixed
from models.goodput.simulation.runs import simulate_runs
from reliability.analyses.plan import SEED

REPLICAS: Final = 300
#: mean gaps between failures for which a run with an end is watched at most, and one without an end
_MOST_GAPS: Final = 3000
_ENDLESS_GAPS: Final = 1000
#: a run without an end is not watched longer than this
_ENDLESS_DAYS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """The ETTR of simulated runs: its mean with its Monte Carlo interval, and the range that single runs fall in."""

    ettr: float
    low: float
    high: float
    run_low: float
    run_high: float
    replicas: int
    seed: int
    failures_per_run: float
    watched_days: float
    is_whole: bool
    spares: int | None
    warnings: tuple[str, ...]

    @property
    def definition(self) -> str:
        """What was simulated, in a sentence."""
        watched = "until they finish" if self.is_whole else f"for {self.watched_days:.3g} days each"
        surroundings = (
            "no spares and no failure domains: the whole run queues again after each failure"
            if self.spares is None
            else f"spare nodes: {self.spares:,}, a failed node being replaced alone and repaired"
        )
        return f"{self.replicas} runs simulated {watched} (seed {self.seed}); {surroundings}."


def simulated(
    run: RunPlan,
    *,
    confidence: float,
    seed: int = SEED,
    replicas: int = REPLICAS,
    spares: int | None = None,
    repair_seconds: float = SECONDS_PER_DAY,
) -> Simulated:
    """Simulate a planned run some hundred times.

    Parameters
    ----------
    run
        As planned.
    confidence
        Of the Monte Carlo interval, and of the range of single runs.
    seed
        Of the random numbers.
    replicas
        Runs simulated.
    spares
        Spare nodes; None for no cluster around the run: it queues as a whole after each failure.
    repair_seconds
        How long a failed node is gone; used with spares alone.

    Returns
    -------
    Simulated
        A run without an end is watched for 90 days or for 1000 mean gaps between failures, whichever is shorter; one
        with an end until it finishes, or for 3000 gaps.
    """
    cluster = None if spares is None else SimulatedCluster(repair=Fixed(repair_seconds), spares=spares)
    horizon_seconds = _horizon_seconds(run)
    runs = simulate_runs(
        run, replicas=replicas, rng=np.random.default_rng(seed), cluster=cluster, horizon_seconds=horizon_seconds
    )
    low, high = runs.ettr_interval(confidence)
    run_low, run_high = np.quantile(runs.ettr_per_run, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Simulated(
        ettr=runs.ettr,
        low=low,
        high=high,
        run_low=float(run_low),
        run_high=float(run_high),
        replicas=replicas,
        seed=seed,
        failures_per_run=float(runs.failures.mean()),
        watched_days=float(runs.wall_seconds.max()) / SECONDS_PER_DAY,
        is_whole=bool(runs.finished.all()),
        spares=spares,
        warnings=runs.warnings,
    )


def _horizon_seconds(run: RunPlan) -> float:
    rate = run.failures_per_second
    gap_seconds = 1 / rate if rate > 0 else math.inf
    if math.isfinite(run.productive_seconds):
        return _MOST_GAPS * gap_seconds
    return min(_ENDLESS_GAPS * gap_seconds, _ENDLESS_DAYS * SECONDS_PER_DAY)
