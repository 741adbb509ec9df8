"""Expected ETTR against published what-ifs and against a simulation written here, apart from the formulas."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import (
    CheckpointWriteMissingError,
    NegativeValueError,
    NotACountError,
    NotFiniteError,
    NotPositiveError,
)
from models.goodput.checkpoint_intervals import ettr_v2_optimal_interval_seconds, young_interval_seconds
from models.goodput.closed_forms import expected_ettr_v1, expected_ettr_v2, small_loss_warning
from models.goodput.run_plan import RunPlan

MINUTE, DAY = 60.0, 86_400.0
RSC1 = 6.50e-3

plans = st.builds(
    RunPlan,
    nodes=st.integers(1, 20_000),
    failures_per_node_day=st.floats(0.0, 0.05),
    checkpoint_interval_seconds=st.floats(1.0, 1e5),
    restart_overhead_seconds=st.floats(0.0, 3600.0),
    queue_wait_seconds=st.floats(0.0, 1e5),
    checkpoint_write_seconds=st.floats(0.0, 3600.0),
    productive_seconds=st.one_of(st.just(math.inf), st.floats(60.0, 1e8)),
)


def rsc1_plan(gpus, interval_minutes, queue_minutes=0.0, productive_days=math.inf):
    return RunPlan(
        nodes=gpus // 8,
        failures_per_node_day=RSC1,
        checkpoint_interval_seconds=interval_minutes * MINUTE,
        restart_overhead_seconds=5 * MINUTE,
        queue_wait_seconds=queue_minutes * MINUTE,
        productive_seconds=productive_days * DAY,
    )


def simulated_ettr(plan, rng, runs):
    """Mean ETTR of whole runs: exponential failures while scheduled, work falls back to the last checkpoint."""
    ettr = np.empty(runs)
    for run in range(runs):
        done, wall = 0.0, 0.0
        while done < plan.productive_seconds:
            until_failure = rng.exponential(1 / plan.failures_per_second)
            needed = plan.restart_overhead_seconds + plan.productive_seconds - done
            wall += plan.queue_wait_seconds + min(until_failure, needed)
            if until_failure >= needed:
                break
            worked = max(0.0, until_failure - plan.restart_overhead_seconds)
            done += worked // plan.checkpoint_interval_seconds * plan.checkpoint_interval_seconds
        ettr[run] = plan.productive_seconds / wall
    return float(ettr.mean())


@pytest.mark.parametrize(
    ("plan", "ettr"),
    [
        (rsc1_plan(16_000, 60), 0.684),
        (rsc1_plan(16_000, 5), 0.932),
        (rsc1_plan(8_000, 30, queue_minutes=1), 0.906),  # a long run
        (rsc1_plan(8_000, 30, queue_minutes=1, productive_days=14), 0.905),
        (rsc1_plan(100_000, 7), 0.520),
    ],
)
def test_v1_reproduces_the_published_what_ifs(plan, ettr):
    assert round(expected_ettr_v1(plan), 3) == ettr


@pytest.mark.parametrize(
    ("write_seconds", "rate", "interval_minutes", "ettr"),
    [(300, RSC1, 38.4, 0.740), (10, RSC1, 7.0, 0.921), (300, 1e-3, 98.0, 0.898)],
)
def test_v2_reproduces_the_published_what_ifs_at_youngs_interval(write_seconds, rate, interval_minutes, ettr):
    interval = young_interval_seconds(write_seconds, DAY / (1500 * rate))
    assert round(interval / MINUTE, 1) == interval_minutes
    plan = RunPlan(1500, rate, interval, 5 * MINUTE, checkpoint_write_seconds=write_seconds)
    assert round(expected_ettr_v2(plan), 3) == ettr


def test_the_exact_interval_of_v2_is_shorter_than_youngs_and_a_little_better():
    rate = 1500 * RSC1 / DAY
    exact = ettr_v2_optimal_interval_seconds(300.0, rate, 300.0)
    at_exact = RunPlan(1500, RSC1, exact, 300.0, checkpoint_write_seconds=300.0)
    at_young = replace(at_exact, checkpoint_interval_seconds=young_interval_seconds(300.0, 1 / rate))
    assert round(exact / MINUTE, 1) == 33.1
    assert 0 < expected_ettr_v2(at_exact) - expected_ettr_v2(at_young) < 0.005


@pytest.mark.parametrize(
    ("plan", "tolerance"),
    [
        (rsc1_plan(16_000, 60, productive_days=14), 0.06),
        (rsc1_plan(16_000, 5, productive_days=14), 0.01),
        (rsc1_plan(8_000, 30, queue_minutes=1, productive_days=14), 0.01),
        (rsc1_plan(8_000, 60, productive_days=14), 0.02),
        (rsc1_plan(4_096, 60, productive_days=14), 0.01),
    ],
)
def test_v1_slightly_underestimates_a_simulation(plan, tolerance):
    simulated = simulated_ettr(plan, np.random.default_rng(11), runs=200)
    assert expected_ettr_v1(plan) == pytest.approx(simulated, rel=tolerance)
    assert expected_ettr_v1(plan) < simulated + 0.003


def test_simulation_reproduces_its_documented_value_where_the_formula_is_weakest():
    simulated = simulated_ettr(rsc1_plan(16_000, 60, productive_days=14), np.random.default_rng(7), runs=400)
    assert simulated == pytest.approx(0.722, abs=0.005)


@given(plans)
def test_ettr_is_a_share(plan):
    assert 0 <= expected_ettr_v1(plan) <= 1
    assert 0 <= expected_ettr_v2(plan) <= 1


@given(plans, st.floats(1.0, 10.0))
def test_more_failures_or_slower_restarts_never_help(plan, factor):
    failing = replace(plan, failures_per_node_day=plan.failures_per_node_day * factor)
    slower = replace(plan, restart_overhead_seconds=plan.restart_overhead_seconds * factor)
    for formula in (expected_ettr_v1, expected_ettr_v2):
        assert formula(failing) <= formula(plan) + 1e-12
        assert formula(slower) <= formula(plan) + 1e-12


@given(plans)
def test_splitting_nodes_in_two_of_half_the_rate_changes_nothing(plan):
    split = replace(plan, nodes=plan.nodes * 2, failures_per_node_day=plan.failures_per_node_day / 2)
    assert expected_ettr_v1(split) == pytest.approx(expected_ettr_v1(plan))


def test_a_run_that_never_fails_pays_only_its_start_and_its_writes():
    plan = RunPlan(512, 0.0, 3600.0, 300.0, 600.0, checkpoint_write_seconds=36.0, productive_seconds=DAY)
    assert expected_ettr_v1(plan) == pytest.approx(1 / (1 + 900 / DAY))
    assert expected_ettr_v2(plan) == pytest.approx(1 / 1.01)


def test_warning_appears_only_beyond_the_small_loss_regime():
    limit_seconds = 0.4 / (2000 * RSC1 / DAY)
    within = RunPlan(2000, RSC1, 2 * limit_seconds - 2.0, restart_overhead_seconds=0.0)
    assert small_loss_warning(within) is None
    assert "small-loss" in small_loss_warning(replace(within, checkpoint_interval_seconds=2 * limit_seconds + 2.0))


def test_v2_without_a_write_time_is_refused():
    with pytest.raises(CheckpointWriteMissingError):
        expected_ettr_v2(rsc1_plan(16_000, 60))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"nodes": 0}, NotPositiveError),
        ({"nodes": 1.5}, NotACountError),
        ({"failures_per_node_day": -1.0}, NegativeValueError),
        ({"failures_per_node_day": math.nan}, NotFiniteError),
        ({"checkpoint_interval_seconds": 0.0}, NotPositiveError),
        ({"checkpoint_interval_seconds": math.inf}, NotFiniteError),
        ({"restart_overhead_seconds": -1.0}, NegativeValueError),
        ({"queue_wait_seconds": math.nan}, NotFiniteError),
        ({"checkpoint_write_seconds": -1.0}, NegativeValueError),
        ({"productive_seconds": 0.0}, NotPositiveError),
        ({"productive_seconds": math.nan}, NotPositiveError),
    ],
)
def test_impossible_plans_are_refused_by_the_name_of_the_field(change, error):
    with pytest.raises(error, match=next(iter(change))):
        replace(rsc1_plan(16_000, 60), **change)
