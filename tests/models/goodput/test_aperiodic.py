"""Schedules that follow the hazard, against the recursion of the optimum and a general optimiser."""

import numpy as np
import pytest
from scipy import optimize

from models.errors import NotPositiveError
from models.goodput.aperiodic import best_schedule
from models.goodput.gaps import Exponential, WeibullGaps
from models.goodput.run_plan import RunPlan

RUN = RunPlan(1, 12.0, 900, 300, checkpoint_write_seconds=60)
EARLY = WeibullGaps.with_mean(7200.0, shape=0.7)


def test_exponential_gaps_have_a_constant_interval_and_nothing_to_gain():
    schedule = best_schedule(RUN, Exponential(7200.0))
    middle = schedule.interval_seconds[:20]
    assert middle == pytest.approx(schedule.constant_interval_seconds, rel=0.06)
    assert -0.001 < schedule.gain <= 1e-9


@pytest.mark.parametrize("shape", [0.5, 0.7, 0.85])
def test_falling_hazards_have_growing_intervals_and_something_small_to_gain(shape):
    schedule = best_schedule(RUN, WeibullGaps.with_mean(7200.0, shape))
    smooth = schedule.interval_seconds[:12]
    assert smooth[-1] > smooth[0]
    assert (np.diff(smooth) >= -0.06 * smooth[:-1]).all()
    assert 0 < schedule.gain < 0.03


def test_rising_hazards_have_shrinking_intervals():
    schedule = best_schedule(RUN, WeibullGaps.with_mean(7200.0, 2.0))
    assert schedule.interval_seconds[5] < schedule.interval_seconds[0]
    assert schedule.gain > 0


def test_a_general_optimiser_over_all_intervals_finds_no_better_schedule():
    schedule = best_schedule(RUN, EARLY)

    def loss_and_slope(logs):
        intervals = np.exp(logs)
        safe = 300 + np.cumsum(intervals + 60)
        survival = EARLY.survival(safe)
        density = survival * EARLY.shape / EARLY.scale_seconds * (safe / EARLY.scale_seconds) ** (EARLY.shape - 1)
        slope = survival - np.cumsum((intervals * density)[::-1])[::-1]
        return -(intervals @ survival), -slope * intervals

    start = np.log(np.full(schedule.interval_seconds.size, schedule.constant_interval_seconds))
    found = optimize.minimize(loss_and_slope, start, jac=True, method="L-BFGS-B")
    best = -found.fun / 7200.0
    assert schedule.constant_ettr < schedule.ettr <= best + 1e-6
    assert schedule.ettr == pytest.approx(best, rel=5e-4)


def test_an_asynchronous_write_bounds_the_intervals_from_below():
    slow = RunPlan(1, 12.0, 900, 300, checkpoint_write_seconds=600, checkpoint_stall_seconds=5)
    assert best_schedule(slow, EARLY).interval_seconds.min() >= 595.0 * (1 - 1e-9)


def test_free_checkpoints_have_no_schedule():
    with pytest.raises(NotPositiveError, match="checkpoint_write_seconds"):
        best_schedule(RunPlan(1, 12.0, 900, 300), EARLY)
