"""What is published of large runs, beside what the models say of the same run."""

from __future__ import annotations

import pytest

from models.goodput.closed_forms import expected_ettr_v1, expected_ettr_v2
from models.goodput.run_plan import RunPlan
from models.rates import poisson_rate

# Meta, "The Llama 3 Herd of Models" (2024), section 3.3.4: 419 unexpected interruptions in 54 days of 16,384 GPUs.
DAYS, NODES, INTERRUPTIONS = 54, 16_384 // 8, 419
MINUTE = 60.0


def llama(**costs: float) -> RunPlan:
    return RunPlan(NODES, poisson_rate(INTERRUPTIONS, DAYS * NODES).rate_per_day, **costs)


def test_llama_3_was_interrupted_every_3_09_hours() -> None:
    rate = poisson_rate(INTERRUPTIONS, DAYS * NODES, confidence=0.9)
    assert 1000 * rate.rate_per_day == pytest.approx(3.79, abs=0.005)
    plan = llama(checkpoint_interval_seconds=10 * MINUTE, restart_overhead_seconds=5 * MINUTE)
    assert 1 / plan.failures_per_second / 3600 == pytest.approx(3.09, abs=0.005)
    assert rate.low_per_day < rate.rate_per_day < rate.high_per_day


@pytest.mark.parametrize("interval_minutes", [5, 10, 15])
@pytest.mark.parametrize("restart_minutes", [3, 5, 9])
def test_more_than_90_percent_effective_training_time_needs_frequent_checkpoints_and_short_restarts(
    interval_minutes: int, restart_minutes: int
) -> None:
    plan = llama(
        checkpoint_interval_seconds=interval_minutes * MINUTE,
        restart_overhead_seconds=restart_minutes * MINUTE,
        checkpoint_write_seconds=60.0,
        checkpoint_stall_seconds=5.0,
    )
    # Half an interval and a restart of every 186 minutes; the published "> 90%" lies within these.
    assert expected_ettr_v2(plan) > 0.89
    assert expected_ettr_v1(plan) >= expected_ettr_v2(plan)


def test_hourly_blocking_checkpoints_would_have_cost_llama_3_a_fifth_of_its_time() -> None:
    plan = llama(
        checkpoint_interval_seconds=60 * MINUTE,
        restart_overhead_seconds=5 * MINUTE,
        checkpoint_write_seconds=5 * MINUTE,
    )
    assert expected_ettr_v2(plan) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(("gpus", "hours"), [(16_384, 1.803), (131_072, 0.225)])
def test_the_mean_times_to_failure_that_kokolis_et_al_project_from_rsc_1(gpus: int, hours: float) -> None:
    plan = RunPlan(gpus // 8, 6.50e-3, 3600.0, 300.0)
    assert 1 / plan.failures_per_second / 3600 == pytest.approx(hours, abs=0.0005)
