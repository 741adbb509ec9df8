"""Clustering and trend: the tests hold their level on Poisson processes and see what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.recurrence.poisson_checks import dispersion_test, laplace_trend_test

CHECKS = [dispersion_test, laplace_trend_test]
times_of_failures = st.lists(st.floats(0, 100), min_size=10, max_size=60)


@pytest.mark.parametrize("check", CHECKS)
def test_a_poisson_process_is_rarely_accused(check) -> None:
    rng = np.random.default_rng(5)
    accused = sum(check(rng.uniform(0, 1000, rng.poisson(60)), 1000.0).p_value < 0.05 for _ in range(2000))
    # 5% of 2000 is 100; four standard errors are 39, and the chi-square form is an approximation
    assert 55 <= accused <= 145


def test_failures_that_come_in_tens_are_seen_as_clustered() -> None:
    rng = np.random.default_rng(6)
    found = 0
    for _ in range(200):
        bursts = np.repeat(rng.uniform(0, 990, 8), 8) + rng.uniform(0, 10, 64)
        found += dispersion_test(bursts, 1000.0).p_value < 0.01
    assert found >= 190


@pytest.mark.parametrize("sign", [1, -1])
def test_a_rate_that_triples_or_falls_to_a_third_is_seen(sign: int) -> None:
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(200):
        early, late = rng.uniform(0, 500, rng.poisson(20)), rng.uniform(500, 1000, rng.poisson(60))
        times = np.concatenate([early, late])
        score = laplace_trend_test(times if sign > 0 else 1000 - times, 1000.0).score
        found += sign * score > 1.96
    assert found >= 190


def test_laplace_matches_its_formula_by_hand() -> None:
    trend = laplace_trend_test(range(1, 11), 20.0)
    assert trend.score == pytest.approx((5.5 - 10) / (20 / np.sqrt(120)))


@pytest.mark.parametrize("check", CHECKS)
def test_few_failures_say_nothing(check) -> None:
    assert check([], 10.0) is None
    assert check([1.0] * 9, 10.0) is None


@pytest.mark.parametrize("check", CHECKS)
@given(times=times_of_failures, factor=st.floats(0.01, 100))
def test_the_unit_of_time_does_not_matter(check, times, factor) -> None:
    # times on a border of two bins may fall to either side when rescaled: keep to the middles of fine cells
    middles = np.floor(np.array(times)) * 0.97 + 0.313
    before, after = check(middles, 100.0), check(middles * factor, 100.0 * factor)
    assert after.p_value == pytest.approx(before.p_value, rel=1e-6, abs=1e-12)


@given(times=times_of_failures)
def test_time_reversed_the_trend_turns(times) -> None:
    forward, back = laplace_trend_test(times, 100.0), laplace_trend_test(100.0 - np.array(times), 100.0)
    assert back.score == pytest.approx(-forward.score, abs=1e-9)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(
    ("times", "observed"), [([float("nan")] * 10, 10.0), ([-1.0] * 10, 10.0), ([11.0] * 10, 10.0), ([1.0] * 10, 0.0)]
)
def test_nonsense_is_refused_by_name(check, times, observed) -> None:
    with pytest.raises(ModelError):
        check(times, observed)
