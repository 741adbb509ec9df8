"""The exact ETTR against runs played out, published values, Daly's formula, and the laws it must obey."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.errors import NegativeValueError
from models.goodput.closed_forms import expected_ettr_v1, expected_ettr_v2
from models.goodput.ettr_distribution import ettr_distribution
from models.goodput.gaps import Exponential, WeibullGaps, empirical_gaps, run_gap_law
from models.goodput.renewal import exact_ettr, exact_ettr_at, expected_run, no_progress_warning, time_shares
from models.goodput.run_plan import RunPlan

from .chances import DAY, finite_plans, one_by_one, play

DAYS = RunPlan(2000, 6.5e-3, 3600, 300, productive_seconds=1.3 * DAY)
BLOCKING = replace(DAYS, checkpoint_write_seconds=300.0, queue_wait_seconds=120.0)
ASYNCHRONOUS = replace(DAYS, checkpoint_write_seconds=900.0, checkpoint_stall_seconds=20.0, detection_seconds=400.0)
OVERLAPPING = replace(ASYNCHRONOUS, checkpoint_write_seconds=9000.0, nodes=500)


def rsc1(gpus, interval_minutes, queue_seconds=0.0):
    return RunPlan(gpus // 8, 6.5e-3, interval_minutes * 60, 300, queue_seconds, productive_seconds=14 * DAY)


def any_law(kind, plan):
    mean = run_gap_law(plan).mean_seconds
    seen = np.random.default_rng(6).exponential(mean, 60)
    return {
        "exponential": Exponential(mean),
        "early failures": WeibullGaps.with_mean(mean, 0.6),
        "wear": WeibullGaps.with_mean(mean, 2.0),
        "observed": empirical_gaps(seen, np.arange(60) % 5 > 0),
    }[kind]


@pytest.mark.parametrize("kind", ["exponential", "early failures", "wear", "observed"])
@pytest.mark.parametrize("plan", [DAYS, BLOCKING, ASYNCHRONOUS, OVERLAPPING])
def test_exact_means_are_those_of_runs_played_out(plan, kind):
    law, runs = any_law(kind, plan), 1500
    wall, interruptions = play(plan, one_by_one(law, np.random.default_rng(7)), runs)
    expected = expected_run(plan, law)
    assert expected.wall_seconds == pytest.approx(wall.mean(), abs=3.5 * wall.std() / math.sqrt(runs))
    assert expected.interruptions == pytest.approx(
        interruptions.mean(), abs=3.5 * interruptions.std() / math.sqrt(runs)
    )


@pytest.mark.parametrize(
    ("plan", "ettr"),
    [
        (rsc1(16_000, 60), 0.722),
        (rsc1(16_000, 5), 0.935),
        (rsc1(8_000, 30, 60.0), 0.908),
        (rsc1(8_000, 60), 0.851),
        (rsc1(4_096, 60), 0.922),
    ],
)
def test_the_mean_ettr_of_a_fortnight_is_that_of_an_earlier_simulation(plan, ettr):
    assert ettr_distribution(plan).mean == pytest.approx(ettr, abs=1.5e-3)
    assert exact_ettr(plan) == pytest.approx(ettr, abs=2e-3)


@pytest.mark.parametrize(
    ("plan", "published"),
    [
        (replace(rsc1(16_000, 60), productive_seconds=math.inf), 0.684),
        (replace(rsc1(16_000, 5), productive_seconds=math.inf), 0.932),
        (replace(rsc1(8_000, 30, 60.0), productive_seconds=math.inf), 0.906),
    ],
)
def test_the_published_first_form_lies_just_below_the_exact_ettr(plan, published):
    assert round(expected_ettr_v1(plan), 3) == published
    assert 0.0 < exact_ettr(plan) / published - 1.0 < 0.06


@pytest.mark.parametrize(
    ("write_seconds", "rate", "interval_minutes", "published"),
    [(300.0, 6.5e-3, 38.4, 0.740), (10.0, 6.5e-3, 7.0, 0.921), (300.0, 1e-3, 98.0, 0.898)],
)
def test_the_published_second_form_is_within_four_percent_of_the_exact_ettr(
    write_seconds, rate, interval_minutes, published
):
    plan = RunPlan(1500, rate, interval_minutes * 60, 300, checkpoint_write_seconds=write_seconds)
    assert round(expected_ettr_v2(plan), 3) == published
    assert abs(exact_ettr(plan) / published - 1.0) < 0.04


@given(st.floats(60, 7200), st.floats(0, 600), st.floats(0, 1200), st.floats(3600, 1e6))
def test_blocking_checkpoints_in_a_long_run_give_dalys_wall_time(interval, write, restart, mttf):
    plan = RunPlan(1, 86_400 / mttf, interval, restart, checkpoint_write_seconds=write)
    daly = mttf * math.exp(restart / mttf) * math.expm1((interval + write) / mttf) / interval
    assert exact_ettr(plan) == pytest.approx(1.0 / daly, rel=1e-9)


@given(finite_plans)
def test_the_chain_over_segments_agrees_with_the_closed_form(plan):
    assume(plan.failures_per_second > 1e-12)
    plan = replace(plan, checkpoint_stall_seconds=(plan.checkpoint_write_seconds or 0.0) / 3.0)
    mean = run_gap_law(plan).mean_seconds
    closed, chain = expected_run(plan), expected_run(plan, WeibullGaps(mean, 1.0))
    assert chain.wall_seconds == pytest.approx(closed.wall_seconds, rel=1e-6)
    assert chain.interruptions == pytest.approx(closed.interruptions, rel=1e-6, abs=1e-9)


@given(finite_plans, st.booleans())
def test_ettr_is_a_share_and_falls_with_every_cost(plan, endless):
    plan = replace(plan, productive_seconds=math.inf) if endless else plan
    ettr = exact_ettr(plan)
    assert 0.0 <= ettr <= 1.0
    for worse in (
        replace(plan, failures_per_node_day=plan.failures_per_node_day * 1.3 + 1e-6),
        replace(plan, restart_overhead_seconds=plan.restart_overhead_seconds + 60.0),
        replace(plan, queue_wait_seconds=plan.queue_wait_seconds + 60.0),
        replace(plan, detection_seconds=plan.detection_seconds + 60.0),
    ):
        assert exact_ettr(worse) <= ettr * (1 + 1e-12)


@given(finite_plans, st.floats(0.1, 10.0))
def test_ettr_does_not_depend_on_the_unit_of_time(plan, factor):
    scaled = RunPlan(
        plan.nodes,
        plan.failures_per_node_day / factor,
        plan.checkpoint_interval_seconds * factor,
        plan.restart_overhead_seconds * factor,
        plan.queue_wait_seconds * factor,
        (plan.checkpoint_write_seconds or 0.0) * factor,
        None,
        plan.detection_seconds * factor,
        plan.productive_seconds * factor,
    )
    assert exact_ettr(scaled) == pytest.approx(exact_ettr(plan), rel=1e-9)


def test_without_failures_only_the_start_and_the_checkpoints_cost():
    plan = replace(BLOCKING, failures_per_node_day=0.0, productive_seconds=7200.0 + 10.0)
    assert expected_run(plan).wall_seconds == pytest.approx(120 + 300 + 7210 + 2 * 300)
    assert exact_ettr(replace(plan, productive_seconds=math.inf)) == pytest.approx(3600 / 3900)
    assert exact_ettr(plan, Exponential(math.inf)) == exact_ettr(plan)


def test_free_and_endless_checkpoints_lose_restarts_only():
    plan = replace(DAYS, productive_seconds=math.inf, checkpoint_interval_seconds=1e-3)
    rate = plan.failures_per_second
    assert exact_ettr(plan) == pytest.approx(math.exp(-rate * 300.0), rel=1e-6)


@pytest.mark.parametrize("plan", [DAYS, BLOCKING, ASYNCHRONOUS])
def test_the_law_of_very_many_observed_gaps_predicts_as_the_law_they_came_from(plan):
    observed = empirical_gaps(run_gap_law(plan).sample(np.random.default_rng(8), 200_000))
    assert exact_ettr(plan, observed) == pytest.approx(exact_ettr(plan), rel=0.01)
    endless = replace(plan, productive_seconds=math.inf)
    assert exact_ettr(endless, observed) == pytest.approx(exact_ettr(endless), rel=0.01)


@given(st.floats(0.3, 3.0), st.floats(1e4, 1e6))
@settings(max_examples=30)
def test_a_long_run_is_the_limit_of_ever_longer_ones(shape, mean):
    plan, law = replace(BLOCKING, checkpoint_interval_seconds=1800.0), WeibullGaps.with_mean(mean, shape)
    limit = exact_ettr(replace(plan, productive_seconds=math.inf), law)
    errors = [abs(exact_ettr(replace(plan, productive_seconds=n * 1800.0), law) - limit) for n in (1000, 8000)]
    assert errors[1] < 0.02
    assert errors[1] <= errors[0] + 1e-9


@given(finite_plans, st.booleans(), st.floats(0.5, 2.0))
def test_shares_of_time_add_up(plan, endless, shape):
    plan = replace(plan, productive_seconds=math.inf) if endless else plan
    for law in (None, WeibullGaps(50_000.0, shape)):
        shares = time_shares(plan, law)
        parts = (getattr(shares, part) for part in shares.__slots__)
        assert sum(parts) == pytest.approx(1.0, abs=1e-9)
        assert shares.productive == pytest.approx(exact_ettr(plan, law))


def test_many_rates_are_many_plans():
    rates = np.array([0.0, 1e-4, 6.5e-3, 0.1])
    one_by_one_ettr = [exact_ettr(replace(ASYNCHRONOUS, failures_per_node_day=rate)) for rate in rates]
    assert exact_ettr_at(ASYNCHRONOUS, rates) == pytest.approx(one_by_one_ettr)
    with pytest.raises(NegativeValueError):
        exact_ettr_at(ASYNCHRONOUS, [-1.0])


@pytest.mark.parametrize("days", [1.3, math.inf])
def test_a_run_that_gets_nowhere_has_no_ettr_and_says_so(days):
    hopeless = replace(DAYS, nodes=10**7, productive_seconds=days * DAY)
    assert exact_ettr(hopeless) == 0.0
    assert exact_ettr(hopeless, WeibullGaps(10.0, 2.0)) == 0.0
    assert "nothing is ever finished" in (no_progress_warning(hopeless) or "")
    assert time_shares(hopeless).restart == pytest.approx(1.0)


def test_gaps_that_never_reach_a_checkpoint_give_nothing():
    law = empirical_gaps([600.0, 1200.0, 3000.0])
    assert exact_ettr(DAYS, law) == 0.0
    assert math.isinf(expected_run(DAYS, law).wall_seconds)
    assert "nothing is ever finished" in (no_progress_warning(DAYS, law) or "")


def test_a_restart_longer_than_the_mean_gap_is_said():
    plan = replace(DAYS, restart_overhead_seconds=8000.0)
    assert 0.0 < exact_ettr(plan) < 0.3
    assert "no less than the mean gap" in (no_progress_warning(plan) or "")


def test_a_run_shorter_than_an_interval_needs_no_checkpoint_to_be_done():
    short = replace(DAYS, nodes=10**6, productive_seconds=60.0)
    assert "the run is done only 360 s after a start" in (no_progress_warning(short) or "")
    assert no_progress_warning(replace(short, nodes=10**4)) is None
