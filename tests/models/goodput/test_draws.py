"""Intervals carried through from counts: they cover the truth, and without a failure they are bounds."""

import time

import numpy as np
import pytest

from models.errors import (
    ConfidenceOutOfRangeError,
    EmptySampleError,
    NotACountError,
    NotFiniteError,
    ZeroExposureError,
)
from models.goodput.checkpoint_intervals import young_interval_seconds
from models.goodput.draws import draw_interval, rate_draws
from models.goodput.errors import NotOnePerDrawError
from models.goodput.renewal import exact_ettr, exact_ettr_at
from models.goodput.run_plan import RunPlan
from models.rates import poisson_rate

PLAN = RunPlan(512, 6.5e-3, 3600, 300, productive_seconds=30 * 86_400)


def ettr(rates):
    return exact_ettr_at(PLAN, rates)


@pytest.mark.parametrize("expected_failures", [2.0, 10.0, 100.0])
def test_intervals_cover_the_true_ettr_about_as_often_as_they_say(expected_failures):
    rng, exposure = np.random.default_rng(1), expected_failures / PLAN.failures_per_node_day
    truth, covered = exact_ettr(PLAN), 0
    for failures in rng.poisson(expected_failures, 600):
        found = draw_interval(ettr, rate_draws(int(failures), exposure, 500, rng))
        covered += found.low <= truth <= found.high
    assert 0.86 < covered / 600 < 0.96


def test_draws_lie_within_the_exact_interval_of_the_rate():
    draws = rate_draws(10, 1500.0, 20_000, np.random.default_rng(2)).per_node_day
    exact = poisson_rate(10, 1500.0)
    low, high = np.quantile(draws, [0.05, 0.95])
    assert exact.low_per_day < low < 10 / 1500 < high < exact.high_per_day


def test_more_observation_narrows_the_interval_around_the_same_estimate():
    found = [draw_interval(ettr, rate_draws(n, n / 6.5e-3, 2000, np.random.default_rng(3))) for n in (5, 50, 500)]
    widths = [one.high - one.low for one in found]
    assert widths[0] > widths[1] > widths[2]
    assert all(one.estimate == pytest.approx(exact_ettr(PLAN)) for one in found)
    assert not found[0].warnings


def test_without_a_failure_the_ettr_has_a_lower_bound_and_the_interval_too():
    draws = rate_draws(0, 2000.0, 1000, np.random.default_rng(4))
    bound = -np.log(0.1) / 2000.0
    found = draw_interval(ettr, draws)
    assert found.estimate is None
    assert found.low == pytest.approx(float(ettr(np.array([bound]))[0]))
    assert found.high == pytest.approx(float(ettr(np.array([0.0]))[0]))
    assert "at least" in found.warnings[0]
    interval = draw_interval(
        lambda rates: np.array([young_interval_seconds(60.0, 86_400 / rate) if rate else np.inf for rate in rates]),
        draws,
    )
    assert interval.low == pytest.approx(young_interval_seconds(60.0, 86_400 / bound))
    assert np.isinf(interval.high)
    days = draw_interval(lambda rates: 30 / ettr(rates), draws)
    assert "at most" in days.warnings[0]
    assert np.quantile(draws.per_node_day, 0.9) == pytest.approx(bound, rel=0.15)


def test_a_thousand_draws_take_a_moment():
    plan = RunPlan(12_500, 6.5e-3, 300, 300, checkpoint_write_seconds=30.0, productive_seconds=90 * 86_400)
    draws = rate_draws(100, 20_000.0, 1000, np.random.default_rng(5))
    began = time.perf_counter()
    draw_interval(lambda rates: exact_ettr_at(plan, rates), draws)
    assert time.perf_counter() - began < 0.2


def test_what_cannot_be_drawn_or_carried_is_refused():
    rng = np.random.default_rng(6)
    draws = rate_draws(3, 100.0, 10, rng)
    for arguments, error in (
        ((3, 0.0, 10), ZeroExposureError),
        ((3, np.nan, 10), NotFiniteError),
        ((2.5, 10.0, 10), NotACountError),
        ((3, 10.0, 0), EmptySampleError),
    ):
        with pytest.raises(error):
            rate_draws(*arguments, rng)
    with pytest.raises(NotOnePerDrawError):
        draw_interval(lambda rates: rates[:3], draws)
    with pytest.raises(NotFiniteError):
        draw_interval(lambda rates: rates * np.nan, draws)
    with pytest.raises(ConfidenceOutOfRangeError):
        draw_interval(ettr, draws, 1.0)
