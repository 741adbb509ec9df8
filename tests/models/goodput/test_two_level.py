"""Two levels of checkpoints against a simulation written here, their limits of one level, and brute force."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import NegativeValueError, NotAShareError, NotPositiveError
from models.goodput.checkpoint_optimum import exact_optimal_interval_seconds
from models.goodput.errors import CheckpointsOverlapError, StallAboveWriteError
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan
from models.goodput.two_level import MOST_COPIES, TwoLevel, best_two_level, two_level_ettr

BLOCKING = RunPlan(2048, 6.5e-3, 3600, 600, 900, checkpoint_write_seconds=300, detection_seconds=60)
LEVELS = TwoLevel(BLOCKING, 20, memory_write_seconds=5, memory_restart_seconds=120, memory_lost_share=0.2)

levels_drawn = st.builds(
    lambda rate, restart, queue, **fields: TwoLevel(
        replace(BLOCKING, failures_per_node_day=rate, restart_overhead_seconds=restart, queue_wait_seconds=queue),
        **fields,
    ),
    rate=st.floats(1e-5, 0.05),
    restart=st.floats(0.0, 1800.0),
    queue=st.floats(0.0, 3600.0),
    copies=st.integers(1, 200),
    memory_write_seconds=st.floats(0.0, 10.0),
    memory_restart_seconds=st.floats(0.0, 600.0),
    memory_lost_share=st.floats(0.0, 1.0),
)


def simulated_ettr(levels, rng, failures):
    """ETTR of one long run, checkpoint by checkpoint; a remote write runs on until memory is lost."""
    plan, work = levels.plan, levels.memory_interval_seconds
    memory = remote = 0
    wall, from_remote, pending = 0.0, True, []
    for gap in rng.exponential(1 / plan.failures_per_second, failures):
        restart = plan.restart_overhead_seconds if from_remote else levels.memory_restart_seconds
        end, clock, done = wall + gap, wall + restart, memory
        stands = clock <= end
        while (clock := clock + work) <= end:
            done += 1
            if done % levels.copies == 0:
                pending.append((clock + (plan.checkpoint_write_seconds or 0.0), done))
                clock += plan.stall_seconds
            if clock + levels.memory_write_seconds <= end:
                memory = done
            clock += levels.stall_seconds
        remote = max([remote, *(step for safe, step in pending if safe <= end)])
        pending = [(safe, step) for safe, step in pending if safe > end]
        wall = end + plan.detection_seconds
        # While the state is read from remote storage there is no memory to survive.
        from_remote = (from_remote and not stands) or rng.random() < levels.memory_lost_share
        if from_remote:
            wall += plan.queue_wait_seconds
            memory, pending = remote, []
    return memory * work / wall


@pytest.mark.parametrize(
    ("levels", "tolerance"),
    [
        (LEVELS, 0.006),
        (replace(LEVELS, memory_lost_share=0.7, copies=4), 0.006),
        (replace(LEVELS, memory_write_seconds=120, memory_stall_seconds=2), 0.006),
        # The remote write is safe at a memory checkpoint in the model and at its own end here.
        (replace(LEVELS, plan=replace(BLOCKING, checkpoint_write_seconds=900, checkpoint_stall_seconds=10)), 0.008),
        (replace(LEVELS, plan=replace(BLOCKING, checkpoint_write_seconds=3600, checkpoint_stall_seconds=0)), 0.008),
        (replace(LEVELS, plan=replace(BLOCKING, failures_per_node_day=0.03)), 0.015),
    ],
)
def test_two_levels_agree_with_a_simulation(levels, tolerance):
    assert two_level_ettr(levels) == pytest.approx(
        simulated_ettr(levels, np.random.default_rng(5), 40_000), rel=tolerance
    )


@given(st.floats(1e-4, 0.05), st.integers(1, 100), st.floats(0.0, 900.0))
def test_memory_that_never_survives_and_costs_nothing_is_one_level(rate, copies, write):
    plan = replace(BLOCKING, failures_per_node_day=rate, checkpoint_write_seconds=write)
    levels = TwoLevel(plan, copies, 0.0, memory_restart_seconds=60, memory_lost_share=1.0)
    assert two_level_ettr(levels) == pytest.approx(exact_ettr(plan), rel=1e-9)


@given(st.floats(1e-4, 0.05), st.integers(1, 100), st.floats(0.0, 30.0))
def test_memory_that_always_survives_behind_a_free_remote_level_is_one_level(rate, copies, write):
    plan = replace(BLOCKING, failures_per_node_day=rate, checkpoint_write_seconds=None)
    levels = TwoLevel(plan, copies, write, memory_restart_seconds=60, memory_lost_share=0.0)
    alone = replace(
        plan,
        checkpoint_interval_seconds=levels.memory_interval_seconds,
        checkpoint_write_seconds=write,
        restart_overhead_seconds=60,
        queue_wait_seconds=0.0,
    )
    assert two_level_ettr(levels) == pytest.approx(exact_ettr(alone), rel=1e-9)


@given(levels_drawn, st.floats(0.0, 1.0))
def test_ettr_is_a_share_and_falls_with_the_chance_to_lose_memory(levels, factor):
    safer = replace(levels, memory_lost_share=factor * levels.memory_lost_share)
    assert 0.0 <= two_level_ettr(levels) <= 1.0
    # Only if a restart from memory is no slower than one from remote storage.
    if levels.memory_restart_seconds <= levels.plan.restart_overhead_seconds:
        assert two_level_ettr(safer) >= two_level_ettr(levels) - 1e-12


@given(levels_drawn, st.floats(1.0, 5.0))
def test_more_failures_or_slower_restarts_never_help(levels, factor):
    failing = replace(levels.plan, failures_per_node_day=levels.plan.failures_per_node_day * factor)
    slower = replace(levels, memory_restart_seconds=levels.memory_restart_seconds * factor)
    assert two_level_ettr(replace(levels, plan=failing)) <= two_level_ettr(levels) + 1e-12
    assert two_level_ettr(slower) <= two_level_ettr(levels) + 1e-12


def test_a_run_that_never_fails_pays_its_stalls_only():
    levels = replace(LEVELS, plan=replace(BLOCKING, failures_per_node_day=0.0))
    assert two_level_ettr(levels) == 3600 / (3600 + 20 * 5 + 300)


def test_a_run_that_fails_every_second_gets_nowhere_and_says_zero():
    assert two_level_ettr(replace(LEVELS, plan=replace(BLOCKING, failures_per_node_day=1000.0))) == 0.0


@pytest.mark.parametrize(("lost_share", "stall"), [(0.05, None), (0.5, None), (0.2, 1.0)])
def test_no_pair_of_intervals_on_a_grid_beats_the_best(lost_share, stall):
    levels = replace(LEVELS, memory_lost_share=lost_share, memory_stall_seconds=stall)
    best = two_level_ettr(best_two_level(levels))
    for copies in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144):
        for interval in np.geomspace(20.0, 5000.0, 40):
            plan = replace(BLOCKING, checkpoint_interval_seconds=copies * interval)
            assert two_level_ettr(replace(levels, plan=plan, copies=copies)) <= best * (1 + 1e-6)


@settings(max_examples=10, deadline=None)
@given(levels_drawn.filter(lambda levels: levels.memory_write_seconds > 0.1))
def test_the_best_pair_is_no_worse_than_the_pair_given(levels):
    assert two_level_ettr(best_two_level(levels)) >= two_level_ettr(levels) * (1 - 1e-4)


def test_two_levels_beat_the_best_of_one():
    one = replace(BLOCKING, checkpoint_interval_seconds=exact_optimal_interval_seconds(BLOCKING))
    assert two_level_ettr(best_two_level(LEVELS)) > exact_ettr(one) + 0.05


def test_memory_that_is_never_lost_makes_the_remote_level_as_rare_as_is_asked_about():
    assert best_two_level(replace(LEVELS, memory_lost_share=0.0)).copies == MOST_COPIES


def test_writes_that_overlap_are_refused():
    with pytest.raises(CheckpointsOverlapError, match="200 s to write, but the next begins after 180 s"):
        replace(LEVELS, memory_write_seconds=200, memory_stall_seconds=0)
    with pytest.raises(CheckpointsOverlapError, match="5000 s"):
        replace(LEVELS, plan=replace(BLOCKING, checkpoint_write_seconds=5000, checkpoint_stall_seconds=0))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"copies": 0}, NotPositiveError),
        ({"memory_write_seconds": -1.0}, NegativeValueError),
        ({"memory_restart_seconds": -1.0}, NegativeValueError),
        ({"memory_lost_share": 1.1}, NotAShareError),
        ({"memory_lost_share": math.nan}, NotAShareError),
        ({"memory_stall_seconds": 6.0}, StallAboveWriteError),
    ],
)
def test_impossible_levels_are_refused(change, error):
    with pytest.raises(error):
        replace(LEVELS, **change)


def test_levels_without_an_optimum_are_refused():
    with pytest.raises(NotPositiveError, match="memory_write_seconds"):
        best_two_level(replace(LEVELS, memory_write_seconds=0.0))
    with pytest.raises(NotPositiveError, match="failures_per_second"):
        best_two_level(replace(LEVELS, plan=replace(BLOCKING, failures_per_node_day=0.0)))
