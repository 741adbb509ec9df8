"""A planned run simulated in a fabric: what takes it down with its nodes, and what slows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import special

from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.goodput.simulation.cluster import SimulatedCluster
from models.goodput.simulation.failures import FailureDomain
from models.goodput.simulation.laws import Fixed
from models.goodput.simulation.runs import simulate_runs
from models.placement.fabric_failures import ClassFailures, fatal_per_day
from models.placement.same_failures import mean_speeds

_REPLICAS: Final = 1000
_MOST_GAPS: Final = 1000
_MOST_DAYS: Final = 90.0


@dataclass(frozen=True, slots=True)
class SimulatedFabric:
    """Mean ETTR of simulated runs with its Monte Carlo interval."""

    ettr: float
    low: float
    high: float
    replicas: int
    watched_days: float
    spares: int | None

    @property
    def definition(self) -> str:
        """What was simulated, in a sentence."""
        rest = (
            "the run waits for its queue after each failure, as in the exact form"
            if self.spares is None
            else f"spare nodes: {self.spares:,}; a failed part takes all its hosts of the run until it is repaired"
        )
        return (
            f"{self.replicas:,} runs simulated for {self.watched_days:.3g} days each, failure domains included; {rest}."
        )


def watched_days(run: RunPlan, fatal_parts_per_day: float) -> float:
    """Return how long a run is watched: 90 days or 1000 mean gaps between failures, whichever is shorter."""
    per_day = run.nodes * run.failures_per_node_day + fatal_parts_per_day
    return min(_MOST_DAYS, _MOST_GAPS / per_day if per_day > 0 else math.inf)


def simulated_in_fabric(
    run: RunPlan,
    classes: Sequence[ClassFailures],
    *,
    confidence: float,
    seed: int,
    spares: int | None = None,
    repair_seconds: float = SECONDS_PER_DAY,
    nodes_per_host: float = 1.0,
    replicas: int = _REPLICAS,
) -> SimulatedFabric:
    """Simulate a planned run, each class of fatal parts a kind of failure domain.

    Parameters
    ----------
    run
        As planned; its failure rate is that of its nodes alone. It is watched as a long run, whatever its end.
    classes
        What the fabric adds.
    confidence
        Of the Monte Carlo interval.
    seed
        Of the random numbers.
    spares, repair_seconds
        Spare nodes, and how long a failed node is gone; without spares nodes come back while the run queues.
    nodes_per_host
        Nodes of the run in a host of the fabric.
    replicas
        Runs simulated.
    """
    horizon_seconds = watched_days(run, fatal_per_day(classes)) * SECONDS_PER_DAY
    # All nodes are back when a queue wait has passed since the failure was detected: none is ever missed.
    queued = Fixed(run.queue_wait_seconds + run.detection_seconds)
    cluster = SimulatedCluster(
        repair=queued if spares is None else Fixed(repair_seconds),
        spares=spares or 0,
        domains=tuple(
            FailureDomain(
                nodes=nodes,
                # Of one domain; the run uses as many as its nodes fill.
                failures_per_day=row.fatal_per_day / -(-run.nodes // nodes),
                repair=queued if spares is None else Fixed(row.repair_hours * 3600.0),
            )
            for row in classes
            if row.fatal_per_day > 0
            for nodes in [math.ceil(row.hosts * nodes_per_host)]
        ),
    )
    of_runs, of_slow = np.random.default_rng([seed, 3]).spawn(2)
    runs = simulate_runs(
        replace(run, productive_seconds=math.inf),
        replicas=replicas,
        rng=of_runs,
        cluster=cluster,
        horizon_seconds=horizon_seconds,
    )
    ettr = runs.ettr_per_run * mean_speeds(classes, replicas, horizon_seconds, of_slow)
    margin = float(special.stdtrit(replicas - 1, (1.0 + confidence) / 2.0) * ettr.std(ddof=1) / math.sqrt(replicas))
    mean = float(ettr.mean())
    return SimulatedFabric(
        mean, max(0.0, mean - margin), min(1.0, mean + margin), replicas, horizon_seconds / SECONDS_PER_DAY, spares
    )
