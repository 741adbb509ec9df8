"""ETTR of single runs: the prediction is calibrated on runs played out, whole, picked by length, or cut."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from models.errors import NotAShareError, NotPositiveError
from models.goodput.errors import NeverThatLongError, PickedTooShortError
from models.goodput.ettr_distribution import cut_run_ettr, ettr_distribution
from models.goodput.gaps import Exponential, WeibullGaps
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan

from .chances import DAY, one_by_one, play

SMALL = RunPlan(64, 6.5e-3, 3600, 300, 120.0, productive_seconds=1.5 * DAY)
LARGE = replace(SMALL, nodes=2000)


@pytest.mark.parametrize("plan", [SMALL, LARGE])
@pytest.mark.parametrize("law", [None, WeibullGaps.with_mean(30_000.0, 0.7)])
def test_runs_played_out_stand_uniformly_in_their_prediction(plan, law):
    gaps = law or Exponential(1.0 / plan.failures_per_second)
    rng = np.random.default_rng(1)
    wall, _ = play(plan, one_by_one(gaps, rng), 800)
    found = ettr_distribution(plan, law)
    stands = [found.randomised_pit(seconds, rng) for seconds in wall]
    assert stats.kstest(stands, "uniform").pvalue > 1e-3
    ettr = plan.productive_seconds / wall
    low, high = found.interval(0.9)
    assert ((low <= ettr + 1e-9) & (ettr <= high + 1e-9)).mean() > 0.87
    assert found.mean == pytest.approx(ettr.mean(), abs=4 * ettr.std() / np.sqrt(800))


def test_runs_picked_for_their_length_are_compared_with_such():
    rng, shortest = np.random.default_rng(2), 1.52 * DAY
    wall, _ = play(SMALL, one_by_one(Exponential(1.0 / SMALL.failures_per_second), rng), 3000)
    picked = wall[wall >= shortest]
    found = ettr_distribution(SMALL, at_least_seconds=shortest)
    assert stats.kstest([found.randomised_pit(w, rng) for w in picked], "uniform").pvalue > 1e-3
    blind = ettr_distribution(SMALL)
    assert stats.kstest([blind.randomised_pit(w, rng) for w in picked], "uniform").pvalue < 1e-6
    assert found.undisturbed_probability == 0.0
    assert found.quantile(0.999) <= SMALL.productive_seconds / shortest
    with pytest.raises(PickedTooShortError):
        found.randomised_pit(1.5 * DAY, rng)


def test_the_run_without_a_failure_is_an_atom_and_is_spread_over_it():
    found, rng = ettr_distribution(SMALL), np.random.default_rng(3)
    stands = [found.randomised_pit(found.completion.undisturbed_seconds, rng) for _ in range(500)]
    assert min(stands) == pytest.approx(1 - found.undisturbed_probability, abs=0.02)
    assert max(stands) == pytest.approx(1.0, abs=0.02)
    assert found.quantile(0.999) == found.undisturbed_ettr


def test_an_uncertain_rate_widens_the_interval():
    known = ettr_distribution(LARGE).interval()
    draws = np.random.default_rng(4).gamma(5.5, LARGE.failures_per_node_day / 5.5, 100)
    unsure = ettr_distribution(LARGE, failures_per_node_day=draws).interval()
    assert unsure[0] < known[0] < known[1] < unsure[1]


@pytest.mark.parametrize("law", [None, WeibullGaps.with_mean(8000.0, 0.7)])
def test_runs_cut_late_have_the_long_run_ettr(law):
    plan = replace(LARGE, checkpoint_write_seconds=300.0, detection_seconds=200.0)
    drawn = cut_run_ettr(plan, 200 * DAY, 60, np.random.default_rng(5), law)
    long_run = exact_ettr(replace(plan, productive_seconds=np.inf), law)
    assert drawn.mean() == pytest.approx(long_run, abs=4 * drawn.std() / np.sqrt(60) + 1e-3)


def test_a_cut_run_without_failures_has_lost_queue_restart_and_stalls_only():
    plan = replace(SMALL, failures_per_node_day=0.0, checkpoint_write_seconds=60.0)
    drawn = cut_run_ettr(plan, 120 + 300 + 2 * 3660 + 100, 3, np.random.default_rng(6))
    assert drawn == pytest.approx([7300 / 7840] * 3)
    assert cut_run_ettr(plan, 60.0, 2, np.random.default_rng(6)).tolist() == [0.0, 0.0]


def test_questions_without_an_answer_are_refused():
    found = ettr_distribution(SMALL)
    with pytest.raises(NotAShareError):
        found.quantile(0.0)
    with pytest.raises(NotPositiveError):
        found.randomised_pit(0.0, np.random.default_rng(1))
    with pytest.raises(NeverThatLongError):
        ettr_distribution(replace(SMALL, failures_per_node_day=0.0), at_least_seconds=30 * DAY)
