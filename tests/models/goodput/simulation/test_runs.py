"""Laws of the simulated books: they add up, rescale with the unit of time, repeat with a seed, worsen with the rate."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError, NotFiniteError, NotPositiveError
from models.goodput.gaps import Exponential, WeibullGaps
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan
from models.goodput.simulation.cluster import SimulatedCluster
from models.goodput.simulation.errors import HorizonMissingError, NoEndInSightError, TooFewReplicasError
from models.goodput.simulation.failures import FailureDomain, NodeLives
from models.goodput.simulation.laws import Fixed
from models.goodput.simulation.runs import simulate_runs

DAY = 86_400.0
KINDS = ("queue", "restart", "detection", "checkpoint", "lost", "productive")
PLAN = RunPlan(
    2000,
    6.5e-3,
    1800.0,
    300.0,
    queue_wait_seconds=60.0,
    checkpoint_write_seconds=120.0,
    checkpoint_stall_seconds=30.0,
    detection_seconds=240.0,
    productive_seconds=5 * DAY,
)
CLUSTER = SimulatedCluster(
    repair=Exponential(6 * 3600.0),
    spares=4,
    handover_seconds=90.0,
    node_queue=Exponential(3 * 3600.0),
    in_job_restart_seconds=60.0,
    in_place_share=0.3,
    domains=(FailureDomain(32, 1e-3), FailureDomain(500, 5e-3, repair=Fixed(7200.0))),
)


def simulated(plan=PLAN, seed=1, replicas=300, **options):
    return simulate_runs(plan, replicas=replicas, rng=np.random.default_rng(seed), **options)


def books(runs):
    return {kind: getattr(runs, f"{kind}_seconds") for kind in ("wall", *KINDS)}


@settings(max_examples=25, deadline=None)
@given(
    interval=st.floats(60, 7200),
    write=st.floats(0, 900),
    stall=st.floats(0, 1),
    detection=st.floats(0, 3600),
    horizon=st.sampled_from([math.inf, 3600.0, 2 * DAY]),
    cluster=st.sampled_from([None, CLUSTER]),
    gaps=st.sampled_from([None, WeibullGaps.with_mean(7200.0, 0.7)]),
    seed=st.integers(0, 1000),
)
def test_the_parts_add_up_to_the_wall_clock_to_the_microsecond(
    interval, write, stall, detection, horizon, cluster, gaps, seed
):
    plan = replace(
        PLAN,
        checkpoint_interval_seconds=interval,
        checkpoint_write_seconds=write,
        checkpoint_stall_seconds=write * stall,
        detection_seconds=detection,
        productive_seconds=DAY,
    )
    runs = simulated(plan, seed, 40, gaps=gaps, cluster=cluster, horizon_seconds=horizon)
    parts = books(runs)
    assert np.abs(parts["wall"] - sum(parts[kind] for kind in KINDS)).max() < 1e-6
    assert all((parts[kind] >= -1e-6).all() for kind in KINDS)
    assert ((runs.ettr_per_run >= 0) & (runs.ettr_per_run <= 1)).all()
    assert np.allclose(runs.productive_seconds[runs.finished], DAY)
    assert (runs.wall_seconds[~runs.finished] == horizon).all()
    assert (runs.interruptions <= runs.failures).all()


@pytest.mark.parametrize("cluster", [None, CLUSTER])
def test_equal_seeds_give_equal_books_and_other_seeds_others(cluster):
    one, same, other = (books(simulated(seed=seed, cluster=cluster)) for seed in (1, 1, 2))
    assert all(np.array_equal(one[kind], same[kind]) for kind in one)
    assert not np.array_equal(one["wall"], other["wall"])


@pytest.mark.parametrize("factor", [1 / 3600, 60.0])
def test_another_unit_of_time_rescales_all_books(factor):
    scaled = replace(
        PLAN,
        failures_per_node_day=PLAN.failures_per_node_day / factor,
        **{
            name: getattr(PLAN, name) * factor
            for name in RunPlan.__slots__
            if name.endswith("_seconds") and getattr(PLAN, name) is not None
        },
    )
    ours, theirs = simulated(), simulated(scaled)
    assert np.array_equal(ours.failures, theirs.failures)
    for kind, seconds in books(ours).items():
        assert books(theirs)[kind] == pytest.approx(seconds * factor, rel=1e-9, abs=1e-6 * factor)


def test_with_the_same_luck_more_failures_never_help_the_mean():
    rates = (0.0, 1e-3, 3e-3, 6.5e-3, 13e-3)
    ettrs = [simulated(replace(PLAN, failures_per_node_day=rate)).ettr for rate in rates]
    assert ettrs == sorted(ettrs, reverse=True)
    assert len(set(ettrs)) == len(ettrs)


def test_a_run_without_failures_is_arithmetic():
    runs = simulated(replace(PLAN, failures_per_node_day=0.0))
    stalls = (5 * DAY / 1800.0 - 1) * 30.0
    assert runs.wall_seconds == pytest.approx(np.full(300, 60.0 + 300.0 + 5 * DAY + stalls))
    assert runs.checkpoint_seconds == pytest.approx(np.full(300, stalls))
    assert runs.finished.all()
    assert runs.ettr_standard_error < 1e-12
    assert runs.warnings[0].startswith("only 0 failures in 300 simulated runs")
    assert simulated(replace(PLAN, failures_per_node_day=0.0), horizon_seconds=DAY).wall_seconds.tolist() == [DAY] * 300


@pytest.mark.parametrize("productive_days", [0.01, 2.0, 20.0])
@pytest.mark.parametrize("shape", [0.7, 1.0, 1.5])
def test_the_exact_renewal_solution_agrees(productive_days, shape):
    plan = replace(PLAN, productive_seconds=productive_days * DAY, detection_seconds=0.0)
    gaps = WeibullGaps.with_mean(1 / plan.failures_per_second, shape)
    runs = simulated(plan, replicas=4000, gaps=gaps)
    # The exact one is work over mean wall time.
    pooled = runs.productive_seconds.sum() / runs.wall_seconds.sum()
    assert exact_ettr(plan, gaps) == pytest.approx(pooled, abs=4.5 * runs.ettr_standard_error + 1e-9)


def test_detection_prolongs_an_exponential_run_as_the_renewal_solution_says():
    runs = simulated(replicas=4000)
    assert exact_ettr(PLAN) == pytest.approx(runs.ettr, abs=4.5 * runs.ettr_standard_error + 1e-4)
    assert runs.failures.mean() == pytest.approx(
        PLAN.failures_per_second * (runs.wall_seconds - runs.queue_seconds).mean(), rel=0.01
    )


@pytest.mark.parametrize(
    ("gpus", "minutes", "queue", "ettr"),
    [(16_000, 60, 0, 0.722), (16_000, 5, 0, 0.935), (8000, 30, 1, 0.908), (8000, 60, 0, 0.851), (4096, 60, 0, 0.922)],
)
def test_an_earlier_monte_carlo_gave_the_same(gpus, minutes, queue, ettr):
    plan = RunPlan(
        gpus // 8, 6.5e-3, 60.0 * minutes, 300.0, queue_wait_seconds=60.0 * queue, productive_seconds=14 * DAY
    )
    runs = simulated(plan, replicas=3000)
    assert runs.ettr == pytest.approx(ettr, abs=2e-3)
    low, high = runs.ettr_interval()
    assert low < runs.ettr < high < low + 1.5e-3


def test_nodes_with_lives_of_their_own_are_poisson_together_if_these_are_exponential():
    plan = replace(PLAN, nodes=200, failures_per_node_day=65e-3)
    lives = NodeLives(Exponential(DAY / 65e-3))
    theirs, ours = simulated(plan, gaps=lives), simulated(plan)
    assert theirs.ettr == pytest.approx(
        ours.ettr, abs=4 * math.hypot(theirs.ettr_standard_error, ours.ettr_standard_error)
    )


def test_new_nodes_of_falling_hazard_fail_more_often_than_old_ones():
    plan = replace(PLAN, nodes=200)
    law = WeibullGaps.with_mean(DAY / 65e-3, 0.7)
    new, old = (simulated(plan, gaps=NodeLives(law, age)) for age in (0.0, 600 * DAY))
    held = (old.wall_seconds - old.queue_seconds).mean()
    # Settled nodes fail once per mean life.
    assert old.failures.mean() == pytest.approx(200 * held / law.mean_seconds, rel=0.03)
    assert new.failures.mean() > 1.3 * old.failures.mean()


def test_failures_during_restarts_alone_can_keep_a_run_from_ever_finishing():
    hopeless = replace(PLAN, nodes=200_000, restart_overhead_seconds=3600.0)
    with pytest.raises(NoEndInSightError, match=r"0\.00% of its work"):
        simulated(hopeless, replicas=2)
    assert simulated(hopeless, replicas=2, horizon_seconds=DAY).ettr == 0.0


@pytest.mark.parametrize(
    ("error", "plan", "options"),
    [
        (HorizonMissingError, replace(PLAN, productive_seconds=math.inf), {}),
        (TooFewReplicasError, PLAN, {"replicas": 1}),
        (NotPositiveError, PLAN, {"horizon_seconds": 0.0}),
        (NotFiniteError, PLAN, {"horizon_seconds": math.nan}),
    ],
)
def test_what_cannot_be_simulated_is_said(error, plan, options):
    with pytest.raises(error):
        simulated(plan, **options)


@pytest.mark.parametrize(
    "wrong",
    [{"spares": -1}, {"handover_seconds": -1.0}, {"in_job_restart_seconds": math.nan}, {"in_place_share": 1.5}],
)
def test_a_cluster_that_cannot_be_is_refused(wrong):
    with pytest.raises(ModelError):
        SimulatedCluster(Fixed(1.0), **wrong)
    with pytest.raises(ModelError):
        FailureDomain(0, 1.0)


def test_without_spares_a_node_from_the_queue_is_the_queue_itself():
    cluster = SimulatedCluster(Fixed(1e9), node_queue=Fixed(PLAN.queue_wait_seconds))
    one, other = books(simulated(cluster=cluster)), books(simulated())
    plan = replace(PLAN, queue_wait_seconds=0.0)
    spared, free = books(simulated(plan, cluster=SimulatedCluster(Fixed(1.0), spares=10**6))), books(simulated(plan))
    for kind in one:
        assert one[kind] == pytest.approx(other[kind], abs=1e-5)
        assert spared[kind] == pytest.approx(free[kind], abs=1e-5)


@pytest.mark.parametrize("repair", [Exponential(4 * 3600.0), Fixed(4 * 3600.0)])
def test_the_share_of_time_without_spare_is_erlangs_loss_whatever_the_law_of_repair(repair):
    plan = replace(PLAN, detection_seconds=0.0, queue_wait_seconds=0.0, productive_seconds=math.inf)
    spares, load = 2, plan.failures_per_second * 4 * 3600.0
    terms = [load**k / math.factorial(k) for k in range(spares + 2)]
    runs = simulated(plan, replicas=400, cluster=SimulatedCluster(repair, spares), horizon_seconds=60 * DAY)
    waiting = runs.queue_seconds / runs.wall_seconds
    error = waiting.std() / 20
    assert error < 0.002
    assert waiting.mean() == pytest.approx(terms[-1] / sum(terms), abs=4 * error + 5e-4)


def test_a_domain_of_one_node_fails_as_a_node_does():
    as_nodes = simulated(cluster=SimulatedCluster(Exponential(7200.0), 2))
    domains = (FailureDomain(1, PLAN.failures_per_node_day),)
    as_domains = simulated(
        replace(PLAN, failures_per_node_day=0.0), cluster=SimulatedCluster(Exponential(7200.0), 2, domains=domains)
    )
    error = math.hypot(as_nodes.ettr_standard_error, as_domains.ettr_standard_error)
    assert as_nodes.ettr == pytest.approx(as_domains.ettr, abs=4 * error)


def test_nodes_that_fail_together_need_as_many_spares_together():
    few_strikes = replace(PLAN, nodes=63 * 32, failures_per_node_day=0.0)
    rack = (FailureDomain(32, 0.05),)
    waits = [
        simulated(few_strikes, cluster=SimulatedCluster(Fixed(7200.0), spares, domains=rack)).queue_seconds.mean()
        for spares in (0, 31, 32, 64)
    ]
    assert waits[0] == pytest.approx(waits[1], rel=1e-12)  # one too few is as good as none
    assert waits[1] > 3 * waits[2] > 9 * waits[3] - 60 * 6


def test_failures_cured_in_place_take_no_node():
    nothing_lost = SimulatedCluster(Fixed(1e9), in_place_share=1.0)
    runs = simulated(cluster=nothing_lost)
    assert (runs.queue_seconds == PLAN.queue_wait_seconds).all()
    faster = simulated(cluster=replace(nothing_lost, in_job_restart_seconds=30.0))
    assert faster.ettr > runs.ettr
