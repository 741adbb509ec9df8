"""The vectorised simulation and a plain event loop meet the same luck and keep the same books, run by run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.goodput.run_plan import RunPlan
from models.goodput.simulation.cluster import SimulatedCluster
from models.goodput.simulation.runs import SimulatedRuns, simulate_runs
from tests.models.goodput.simulation.one_run import OneRun, Stock

REPLICAS = 6
KINDS = ("wall", "queue", "restart", "detection", "checkpoint", "lost", "productive")


class Script:
    """A law whose draws are written down beforehand: `column(i)` are those of replica i."""

    def __init__(self, seed: int, mean: float, shape: float = 1.0) -> None:
        self.drawn = mean * np.random.default_rng(seed).weibull(shape, (64 * 400, REPLICAS))
        self.taken = 0

    def sample(self, rng: np.random.Generator, size: int) -> np.ndarray:
        rows = size // REPLICAS
        self.taken += rows
        return self.drawn[self.taken - rows : self.taken].ravel()

    def column(self, replica: int):
        return iter(self.drawn[:, replica].tolist())


def agree(runs: SimulatedRuns, replica: int, books) -> None:
    for kind in KINDS:
        assert getattr(runs, f"{kind}_seconds")[replica] == pytest.approx(books[kind], abs=1e-5), kind
    assert runs.failures[replica] == books["failures"]
    assert runs.interruptions[replica] == books["interruptions"]
    assert runs.finished[replica] == bool(books["finished"])


plans = st.builds(
    lambda interval, overhead, write, share, detection, intervals: RunPlan(
        nodes=4,
        failures_per_node_day=1.0,
        checkpoint_interval_seconds=interval,
        restart_overhead_seconds=overhead,
        checkpoint_write_seconds=write,
        checkpoint_stall_seconds=write * share,
        detection_seconds=detection,
        productive_seconds=intervals * interval,
    ),
    interval=st.floats(50.0, 2000.0),
    overhead=st.sampled_from([0.0, 60.0, 400.0]),
    write=st.sampled_from([0.0, 20.0, 90.0]),
    share=st.sampled_from([0.0, 0.25, 1.0]),
    detection=st.sampled_from([0.0, 200.0, 3000.0]),
    intervals=st.sampled_from([0.4, 1.0, 3.7, 12.0, 40.0]),
)


@settings(max_examples=60, deadline=None)
@given(plans, st.integers(0, 10_000), st.sampled_from([0.7, 1.0, 2.0]), st.sampled_from([math.inf, 20_000.0, 3.0]))
def test_a_run_that_queues_again_as_a_whole(plan, seed, shape, horizon):
    gaps, waits = Script(seed, 3000.0, shape), Script(seed + 1, 500.0)
    runs = simulate_runs(
        plan, gaps=gaps, queue=waits, replicas=REPLICAS, rng=np.random.default_rng(0), horizon_seconds=horizon
    )
    for replica in range(REPLICAS):
        books = OneRun(plan, gaps.column(replica), waits.column(replica), horizon=horizon).play()
        agree(runs, replica, books)


@settings(max_examples=60, deadline=None)
@given(
    plans,
    st.integers(0, 10_000),
    st.sampled_from([0, 1, 3]),
    st.booleans(),
    st.sampled_from([None, 30.0]),
    st.sampled_from([math.inf, 60_000.0]),
)
def test_a_run_that_has_only_the_failed_node_replaced(plan, seed, spares, offered, in_job, horizon):
    gaps, repairs, offers = Script(seed, 3000.0), Script(seed + 1, 6000.0), Script(seed + 2, 4000.0)
    cluster = SimulatedCluster(
        repair=repairs,
        spares=spares,
        handover_seconds=45.0,
        node_queue=offers if offered else None,
        in_job_restart_seconds=in_job,
    )
    first = Script(seed + 3, 500.0)
    runs = simulate_runs(
        plan,
        gaps=gaps,
        queue=first,
        cluster=cluster,
        replicas=REPLICAS,
        rng=np.random.default_rng(0),
        horizon_seconds=horizon,
    )
    for replica in range(REPLICAS):
        stock = Stock(spares, repairs.column(replica), offers.column(replica) if offered else None, 45.0, in_job)
        agree(runs, replica, OneRun(plan, gaps.column(replica), first.column(replica), stock, horizon).play())
