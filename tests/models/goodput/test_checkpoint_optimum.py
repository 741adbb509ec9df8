"""The exact optimum against classical intervals, a brute-force search and intervals nearby."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import NotAShareError, NotFiniteError, NotPositiveError
from models.goodput.checkpoint_intervals import daly_interval_seconds, young_interval_seconds
from models.goodput.checkpoint_optimum import (
    at_best_interval,
    best_interval,
    exact_optimal_interval_seconds,
    shortest_interval_seconds,
)
from models.goodput.gaps import Exponential, WeibullGaps, empirical_gaps
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan

writes, mttfs = st.floats(1.0, 600.0), st.floats(1800.0, 1e6)


def plan_of(write_seconds, mttf_seconds, restart_seconds=300.0, **fields):
    return RunPlan(1, 86_400 / mttf_seconds, 3600.0, restart_seconds, checkpoint_write_seconds=write_seconds, **fields)


def long_run_ettr(interval, *, stall, write, mttf, restart, idle):
    """Work kept per attempt over its length, summed checkpoint by checkpoint, apart from the code under test."""
    safe = restart + np.arange(1, 100_000) * (interval + stall) + write - stall
    return interval * np.exp(-safe / mttf).sum() / (mttf + idle)


@given(writes, mttfs, st.floats(0.0, 1800.0), st.floats(0.0, 3600.0))
def test_no_other_interval_beats_the_exact_optimum(write, mttf, restart, queue):
    plan = plan_of(write, mttf, restart, queue_wait_seconds=queue)
    best = exact_optimal_interval_seconds(plan)
    at_best = exact_ettr(at_best_interval(plan))
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        assert exact_ettr(replace(plan, checkpoint_interval_seconds=best * factor)) <= at_best + 1e-12


def test_the_optimum_is_that_of_a_sum_over_checkpoints():
    costs = {"stall": 60.0, "write": 60.0, "mttf": 3600.0, "restart": 300.0, "idle": 120.0}
    grid = np.linspace(560, 680, 1201)
    best = grid[np.argmax([long_run_ettr(seconds, **costs) for seconds in grid])]
    plan = plan_of(60.0, 3600.0, detection_seconds=120.0)
    assert exact_optimal_interval_seconds(plan) == pytest.approx(best, abs=0.1)


@pytest.mark.parametrize(("write", "mttf"), [(60, 3600), (300, 11_124), (10, 6480)])
def test_dalys_expansion_is_within_a_thousandth_where_writes_are_short(write, mttf):
    exact = exact_optimal_interval_seconds(plan_of(write, mttf))
    assert exact == pytest.approx(daly_interval_seconds(write, mttf), rel=1e-3)


def test_writes_far_longer_than_the_mttf_end_at_the_mttf():
    assert exact_optimal_interval_seconds(plan_of(1e6, 1000.0)) == pytest.approx(1000.0)


@given(st.floats(1e-9, 1e-3))
def test_the_series_at_the_branch_point_solves_the_equation(stall_in_gaps):
    x = exact_optimal_interval_seconds(plan_of(stall_in_gaps * 1e6, 1e6)) / 1e6
    # log(1 - x) + x + c = 0, by the terms of log(1 - x) + x, which cancel in floating point for small x.
    terms = sum(x**k / k for k in range(2, 400))
    assert terms == pytest.approx(stall_in_gaps, rel=1e-6)


@given(writes, mttfs, st.floats(1e-2, 1e2))
def test_the_optimum_scales_with_the_unit_of_time(write, mttf, unit):
    scaled = exact_optimal_interval_seconds(plan_of(write * unit, mttf * unit, 300.0 * unit))
    assert scaled == pytest.approx(unit * exact_optimal_interval_seconds(plan_of(write, mttf)), rel=1e-9)


@given(writes, mttfs, st.floats(1.0, 10.0))
def test_slower_writes_and_rarer_failures_mean_longer_intervals(write, mttf, factor):
    best = exact_optimal_interval_seconds(plan_of(write, mttf))
    assert exact_optimal_interval_seconds(plan_of(write * factor, mttf)) >= best * (1 - 1e-9)
    assert exact_optimal_interval_seconds(plan_of(write, mttf * factor)) >= best * (1 - 1e-9)


def test_an_asynchronous_checkpoint_is_as_frequent_as_its_stall_allows_but_never_overlaps():
    asynchronous = plan_of(300.0, 20_000.0, checkpoint_stall_seconds=10.0)
    assert exact_optimal_interval_seconds(asynchronous) == exact_optimal_interval_seconds(plan_of(10.0, 20_000.0))
    free = replace(asynchronous, checkpoint_stall_seconds=0.0)
    assert exact_optimal_interval_seconds(free) == shortest_interval_seconds(free) == 300.0


def test_a_weibull_of_shape_one_has_the_exponential_optimum():
    plan = plan_of(60.0, 7200.0)
    searched = exact_optimal_interval_seconds(plan, WeibullGaps.with_mean(7200.0, 1.0))
    assert searched == pytest.approx(exact_optimal_interval_seconds(plan), rel=1e-3)


@pytest.mark.parametrize("shape", [0.7, 1.5])
def test_the_searched_optimum_beats_youngs_interval_and_its_neighbours(shape):
    plan, law = plan_of(60.0, 7200.0), WeibullGaps.with_mean(7200.0, shape)
    best = exact_optimal_interval_seconds(plan, law)

    def ettr(seconds):
        return exact_ettr(replace(plan, checkpoint_interval_seconds=seconds), law)

    for other in (0.8 * best, 0.95 * best, 1.05 * best, 1.25 * best, young_interval_seconds(60.0, 7200.0)):
        assert ettr(other) <= ettr(best) + 1e-9


def test_the_optimum_of_observed_gaps_is_near_that_of_the_law_they_came_from():
    plan = plan_of(60.0, 7200.0)
    law = empirical_gaps(Exponential(7200.0).sample(np.random.default_rng(3), 4000))
    there, known = exact_optimal_interval_seconds(plan, law), exact_optimal_interval_seconds(plan)
    loss = exact_ettr(at_best_interval(plan)) - exact_ettr(replace(plan, checkpoint_interval_seconds=there))
    assert 0.5 < there / known < 2.0
    assert 0.0 <= loss < 0.005


@settings(max_examples=30)
@given(writes, mttfs, st.floats(0.001, 0.1))
def test_the_range_nearly_as_good_ends_where_the_loss_is_what_was_asked(write, mttf, lost_share):
    plan = plan_of(write, mttf)
    best = best_interval(plan, lost_share=lost_share)
    assert best.low_seconds < best.interval_seconds < best.high_seconds
    for end in (best.low_seconds, best.high_seconds):
        ettr = exact_ettr(replace(plan, checkpoint_interval_seconds=end))
        assert ettr == pytest.approx((1 - lost_share) * best.ettr, rel=1e-4)


def test_the_range_ends_at_the_shortest_interval_if_that_is_good_enough():
    plan = plan_of(600.0, 20_000.0, checkpoint_stall_seconds=10.0)
    best = best_interval(plan)
    assert best.low_seconds == shortest_interval_seconds(plan) == 590.0


def test_a_run_that_never_fails_has_no_best_interval():
    plan = RunPlan(1, 0.0, 3600.0, 300.0, checkpoint_write_seconds=60.0)
    assert exact_optimal_interval_seconds(plan) == math.inf
    assert at_best_interval(plan) == plan
    with pytest.raises(NotFiniteError, match="interval_seconds"):
        best_interval(plan)


def test_free_checkpoints_and_impossible_shares_are_refused():
    with pytest.raises(NotPositiveError, match="checkpoint_write_seconds"):
        exact_optimal_interval_seconds(RunPlan(1, 1.0, 3600.0, 300.0))
    with pytest.raises(NotAShareError, match="lost_share"):
        best_interval(plan_of(60.0, 3600.0), lost_share=1.0)
