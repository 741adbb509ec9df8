"""When a run is done, against runs played out one by one, against exact moments, and between the two routes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import NotAShareError
from models.goodput.completion import completion
from models.goodput.errors import EndlessRunError, NeverDoneError, RatesWithGapsError
from models.goodput.gaps import Exponential, WeibullGaps, empirical_gaps, run_gap_law
from models.goodput.renewal import expected_run
from models.goodput.run_plan import RunPlan

from .chances import DAY, finite_plans, one_by_one, play

PLAN = RunPlan(1000, 6.5e-3, 3600, 300, 200.0, 300.0, None, 100.0, 1.3 * DAY)
PLANS = {
    "blocking": PLAN,
    "asynchronous": replace(PLAN, checkpoint_write_seconds=900.0, checkpoint_stall_seconds=20.0),
    "overlapping writes": replace(PLAN, checkpoint_write_seconds=9000.0, checkpoint_stall_seconds=20.0),
    "few failures": replace(PLAN, nodes=40),
    "shorter than one interval": replace(PLAN, nodes=3000, productive_seconds=3000.0),
    "mostly failing": replace(PLAN, nodes=20_000, productive_seconds=2 * 3600.0),
}
LAWS = {
    "exponential": run_gap_law,
    "early failures": lambda plan: WeibullGaps.with_mean(run_gap_law(plan).mean_seconds, 0.6),
    "observed": lambda plan: empirical_gaps(
        np.random.default_rng(1).exponential(run_gap_law(plan).mean_seconds, 80), np.arange(80) % 4 > 0
    ),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", PLANS)
def test_the_distribution_is_that_of_runs_played_out(name, law):
    plan, runs = PLANS[name], 1200
    gaps = LAWS[law](plan)
    wall, interruptions = play(plan, one_by_one(gaps, np.random.default_rng(2)), runs)
    found = completion(plan, gaps)
    assert found.mean_wall_seconds == pytest.approx(wall.mean(), abs=3.5 * wall.std() / math.sqrt(runs))
    assert found.sd_wall_seconds == pytest.approx(wall.std(), rel=0.2)
    for probability in (0.05, 0.25, 0.5, 0.75, 0.95):
        by = found.quantile(probability)
        reached = max(probability, found.undisturbed_probability)
        assert (wall <= by + 1e-6).mean() == pytest.approx(reached, abs=3.7 * math.sqrt(reached * (1 - reached) / runs))
        most = found.interruptions_quantile(probability)
        chance = found.interruption_probabilities[: most + 1].sum()
        assert (interruptions <= most).mean() == pytest.approx(
            chance, abs=3.7 * math.sqrt(max(chance * (1 - chance), 1e-3) / runs)
        )


@given(finite_plans)
@settings(max_examples=60, deadline=None)
def test_the_curve_has_the_exact_moments(plan):
    found = completion(plan)
    grid, chance = found.wall_seconds, found.probability_by
    middles, mass = (grid[1:] + grid[:-1]) / 2, np.diff(chance)
    mean = middles @ mass + found.undisturbed_seconds * found.undisturbed_probability
    square = ((middles - mean) ** 2) @ mass + found.undisturbed_probability * (found.undisturbed_seconds - mean) ** 2
    assert mean == pytest.approx(found.mean_wall_seconds, rel=1e-4)
    if found.undisturbed_probability < 0.9999:
        assert math.sqrt(square) == pytest.approx(found.sd_wall_seconds, rel=0.01)
    counts = np.arange(found.interruption_probabilities.size)
    assert found.interruption_probabilities.sum() == pytest.approx(1.0)
    assert found.interruption_probabilities @ counts == pytest.approx(found.mean_interruptions, rel=1e-6, abs=1e-9)
    assert found.interruption_probabilities[0] == pytest.approx(found.undisturbed_probability, abs=1e-9)
    assert expected_run(plan).wall_seconds == pytest.approx(found.mean_wall_seconds)


@given(finite_plans, st.lists(st.floats(0.01, 0.99), min_size=2, max_size=5))
@settings(max_examples=40, deadline=None)
def test_the_probability_of_finishing_rises_from_none_to_all(plan, probabilities):
    found = completion(plan)
    times = np.linspace(0.0, found.wall_seconds[-1], 200)
    by = found.cdf(times)
    assert (np.diff(by) >= 0).all()
    assert by[0] == 0.0
    assert by[-1] == pytest.approx(1.0)
    for probability in probabilities:
        assert found.cdf(found.quantile(probability)) >= probability - 1e-6
    assert found.cdf(found.undisturbed_seconds * (1 - 1e-9)) == 0.0


@pytest.mark.parametrize("name", PLANS)
def test_both_routes_agree_where_both_are_possible(name):
    plan = PLANS[name]
    closed, chain = completion(plan), completion(plan, WeibullGaps(run_gap_law(plan).mean_seconds, 1.0))
    assert chain.sd_wall_seconds == pytest.approx(closed.sd_wall_seconds, rel=2e-3)
    assert chain.sd_interruptions == pytest.approx(closed.sd_interruptions, rel=1e-4)
    times = np.array([closed.quantile(p) for p in (0.1, 0.5, 0.9, 0.99)])
    assert chain.cdf(times) == pytest.approx(closed.cdf(times), abs=3e-3)


def test_a_run_that_never_fails_is_done_on_time():
    found = completion(replace(PLAN, failures_per_node_day=0.0))
    assert found.undisturbed_probability == 1.0
    assert found.quantile(0.99) == found.mean_wall_seconds == found.undisturbed_seconds
    assert found.cdf([found.undisturbed_seconds - 1.0, found.undisturbed_seconds]).tolist() == [0.0, 1.0]
    assert found.interruptions_quantile(0.99) == 0
    assert completion(PLAN, Exponential(math.inf)).quantile(0.5) == found.undisturbed_seconds


def test_an_uncertain_rate_mixes_the_runs_of_each_rate():
    rates = [2e-3, 6.5e-3, 9e-3]
    mixed = completion(PLAN, failures_per_node_day=rates)
    single = [completion(replace(PLAN, failures_per_node_day=rate)) for rate in rates]
    days = np.array([1.4, 1.6, 1.9]) * DAY
    assert mixed.cdf(days) == pytest.approx(np.mean([one.cdf(days) for one in single], axis=0), abs=1e-3)
    assert mixed.mean_wall_seconds == pytest.approx(np.mean([one.mean_wall_seconds for one in single]))
    assert mixed.sd_wall_seconds > max(one.sd_wall_seconds for one in single)
    assert mixed.undisturbed_probability == pytest.approx(np.mean([one.undisturbed_probability for one in single]))


def test_llama_3_is_interrupted_as_often_as_it_was():
    rate = 419 / (54 * 2048)
    # 54 days of which more than 90% were productive, as published, under a restart of 10 and a detection of 1 minute
    found = completion(RunPlan(2048, rate, 600, 600, detection_seconds=60.0, productive_seconds=0.9 * 54 * DAY))
    assert found.interruptions_quantile(0.05) < 419 < found.interruptions_quantile(0.95)


def test_questions_without_an_answer_are_refused():
    with pytest.raises(EndlessRunError):
        completion(replace(PLAN, productive_seconds=math.inf))
    with pytest.raises(NeverDoneError):
        completion(replace(PLAN, nodes=10**8))
    with pytest.raises(NeverDoneError):
        completion(PLAN, empirical_gaps([600.0, 1200.0]))
    with pytest.raises(RatesWithGapsError):
        completion(PLAN, Exponential(1000.0), [1e-3])
    with pytest.raises(NotAShareError):
        completion(PLAN).quantile(1.0)
    with pytest.raises(NotAShareError):
        completion(PLAN).interruptions_quantile(0.0)


def test_gaps_that_all_outlast_the_run_never_interrupt_it():
    found = completion(PLAN, empirical_gaps([10 * DAY, 20 * DAY]))
    assert found.sd_wall_seconds == found.mean_interruptions == 0.0
    assert found.quantile(0.99) == found.undisturbed_seconds
