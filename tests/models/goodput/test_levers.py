"""Levers: each helps or at least does not harm, they compose, and those that average agree with a simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import CheckpointWriteMissingError, NegativeValueError, NotACountError, NotAShareError
from models.goodput.errors import NotALeverError, NotLeverValuesError
from models.goodput.levers import LEVERS, lever, with_in_job_restart, with_write_time
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan

RUN = RunPlan(2000, 6.5e-3, 1800, 600, 1200, checkpoint_write_seconds=120, detection_seconds=600)
BETTER = {
    "drain_lemons": {"removed_share": 0.2},
    "dual_tor": {"removed_share": 35 / 419},
    "detection": {"detection_seconds": 30},
    "restart": {"restart_overhead_seconds": 120},
    "in_job_restart": {"in_job_share": 0.3, "in_job_restart_seconds": 60},
    "replace_failed_node": {"replacement_seconds": 120},
    "hot_spares": {"spares": 16, "repair_seconds": 86_400, "swap_seconds": 30},
    "asynchronous_checkpoints": {"stall_share": 6.3 / 148.8},
    "checkpoint_write": {"checkpoint_write_seconds": 10},
}


def test_every_lever_says_what_it_is_and_under_which_assumption():
    assert LEVERS.keys() == BETTER.keys()
    for name, each in LEVERS.items():
        assert each.name == name
        assert each.meaning
        assert each.assumption
        assert each.source
        assert all(value.endswith(("_seconds", "_share", "spares")) for value in each.values)


@pytest.mark.parametrize("name", LEVERS)
def test_every_lever_raises_the_ettr_of_a_run_that_it_fits(name):
    assert exact_ettr(lever(name).pull(RUN, **BETTER[name])) > exact_ettr(RUN) + 1e-4


@given(
    st.permutations([name for name in BETTER if name not in {"replace_failed_node", "hot_spares", "in_job_restart"}])
)
def test_levers_on_different_inputs_compose_in_any_order(names):
    plan, sorted_plan = RUN, RUN
    for name, in_order in zip(names, sorted(names), strict=True):
        plan, sorted_plan = (
            LEVERS[name].pull(plan, **BETTER[name]),
            LEVERS[in_order].pull(sorted_plan, **BETTER[in_order]),
        )
    assert exact_ettr(plan) == pytest.approx(exact_ettr(sorted_plan), rel=1e-12)


def test_a_dead_lever_changes_nothing():
    same = {
        "drain_lemons": {"removed_share": 0.0},
        "in_job_restart": {"in_job_share": 0.0, "in_job_restart_seconds": 60},
        "hot_spares": {"spares": 0, "repair_seconds": 86_400, "swap_seconds": 30},
        "asynchronous_checkpoints": {"stall_share": 1.0},
    }
    for name, values in same.items():
        assert exact_ettr(LEVERS[name].pull(RUN, **values)) == pytest.approx(exact_ettr(RUN), rel=1e-12)


def test_spares_never_make_a_run_wait_longer_than_its_queue():
    slow = LEVERS["hot_spares"].pull(RUN, spares=2, repair_seconds=86_400, swap_seconds=7200)
    assert slow.queue_wait_seconds == pytest.approx(RUN.queue_wait_seconds)


@given(st.integers(0, 60))
def test_one_more_spare_never_harms(spares):
    waits = [
        LEVERS["hot_spares"].pull(RUN, spares=many, repair_seconds=86_400, swap_seconds=30).queue_wait_seconds
        for many in (spares, spares + 1)
    ]
    assert waits[1] <= waits[0]


def simulated_two_restarts(plan, share, fast, rng, failures):
    """Long-run ETTR where each failure draws which of the two restarts follows it."""
    gaps = rng.exponential(1 / plan.failures_per_second, failures)
    in_job = rng.random(failures) < share
    worked = gaps - np.where(in_job, fast, plan.restart_overhead_seconds) - plan.checkpoint_write_seconds
    cycle = plan.checkpoint_interval_seconds + plan.checkpoint_write_seconds
    kept = np.maximum(0.0, (worked + plan.checkpoint_write_seconds) // cycle) * plan.checkpoint_interval_seconds
    wall = gaps + plan.detection_seconds + np.where(in_job, 0.0, plan.queue_wait_seconds)
    return kept.sum() / wall.sum()


def test_two_kinds_of_restart_agree_with_a_simulation_that_draws_them():
    averaged = exact_ettr(with_in_job_restart(RUN, 0.5, 60.0))
    simulated = simulated_two_restarts(RUN, 0.5, 60.0, np.random.default_rng(8), 2_000_000)
    # Low by about (rate * standard deviation)^2 / 2 of itself.
    error = (RUN.failures_per_second * 270.0) ** 2 / 2
    assert averaged == pytest.approx(simulated * (1 - error), rel=0.001)


def test_a_faster_write_keeps_its_share_of_stall():
    asynchronous = replace(RUN, checkpoint_stall_seconds=12.0)
    assert with_write_time(asynchronous, 60.0).stall_seconds == pytest.approx(6.0)
    assert with_write_time(RUN, 60.0).stall_seconds == 60.0
    assert (
        with_write_time(replace(RUN, checkpoint_write_seconds=0.0, checkpoint_stall_seconds=0.0), 60.0).stall_seconds
        == 60.0
    )


def test_levers_without_their_values_or_with_impossible_ones_are_refused():
    with pytest.raises(NotALeverError, match="known are drain_lemons"):
        lever("prayer")
    with pytest.raises(NotLeverValuesError, match="lever restart takes restart_overhead_seconds, not nothing"):
        LEVERS["restart"].pull(RUN)
    with pytest.raises(NotAShareError, match="removed_share"):
        LEVERS["dual_tor"].pull(RUN, removed_share=1.5)
    with pytest.raises(NotAShareError, match="stall_share"):
        LEVERS["asynchronous_checkpoints"].pull(RUN, stall_share=math.nan)
    with pytest.raises(NegativeValueError, match="detection_seconds"):
        LEVERS["detection"].pull(RUN, detection_seconds=-1.0)
    with pytest.raises(NotACountError, match="spares"):
        LEVERS["hot_spares"].pull(RUN, spares=1.5, repair_seconds=1.0, swap_seconds=1.0)
    with pytest.raises(CheckpointWriteMissingError):
        LEVERS["asynchronous_checkpoints"].pull(replace(RUN, checkpoint_write_seconds=None), stall_share=0.1)
