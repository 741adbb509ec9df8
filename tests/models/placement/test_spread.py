"""Spread against packed jobs: Mantel–Haenszel by hand, its laws, exact bounds, and coverage on drawn counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.errors import ModelError, NoEventsError
from models.placement.errors import OneKindOfPlacementError
from models.placement.spread import spread_ratio
from models.regression.counts import count_regression

SIZES = [1, 1, 2, 2, 3, 3]
SPREAD = [True, False] * 3


def test_a_single_size_is_the_ratio_of_its_rates():
    found = spread_ratio([1, 1], [True, False], [12, 8], [100.0, 200.0])
    reach = stats.norm.ppf(0.95) * math.sqrt(1 / 12 + 1 / 8)
    assert found.ratio == pytest.approx(3.0)
    assert (found.low, found.high) == pytest.approx((3 * math.exp(-reach), 3 * math.exp(reach)))
    assert found.p_value == pytest.approx(2 * stats.binom.sf(11, 20, 1 / 3))


def test_two_sizes_by_hand():
    found = spread_ratio([1, 1, 2, 2], SPREAD[:4], [10, 5, 6, 9], [100.0, 100.0, 50.0, 150.0])
    assert found.ratio == pytest.approx((10 * 100 / 200 + 6 * 150 / 200) / (5 * 100 / 200 + 9 * 50 / 200))
    assert (found.failures_spread, found.failures_packed, found.sizes) == (16, 14, 2)


def test_many_failures_give_what_a_poisson_regression_gives():
    failures, days = [400, 100, 900, 300, 250, 60], [100.0, 50.0, 300.0, 200.0, 50.0, 25.0]
    found = spread_ratio(SIZES, SPREAD, failures, days)
    fitted = count_regression(
        failures, days, {"spread": [float(each) for each in SPREAD], "size": [str(size) for size in SIZES]}
    )
    (ratio,) = (each for each in fitted.ratios if each.covariate == "spread")
    assert found.ratio == pytest.approx(ratio.ratio, rel=0.02)
    assert (found.low, found.high) == pytest.approx((ratio.low, ratio.high), rel=0.03)


@given(st.lists(st.integers(1, 30), min_size=6, max_size=6), st.lists(st.floats(1, 1e3), min_size=6, max_size=6))
def test_changing_sides_gives_the_reciprocal_and_another_unit_of_time_nothing(failures, days):
    found = spread_ratio(SIZES, SPREAD, failures, days)
    turned = spread_ratio(SIZES, [not each for each in SPREAD], failures, days)
    scaled = spread_ratio(SIZES, SPREAD, failures, [24 * each for each in days])
    assert turned.ratio == pytest.approx(1 / found.ratio)
    assert (turned.low, turned.high) == pytest.approx((1 / found.high, 1 / found.low))
    assert turned.p_value == pytest.approx(found.p_value)
    assert scaled.ratio == pytest.approx(found.ratio)


def test_a_side_without_failures_gives_a_bound_that_is_exact():
    none_spread = spread_ratio([1, 1], [True, False], [0, 12], [100.0, 300.0])
    assert (none_spread.ratio, none_spread.low) == (0.0, 0.0)
    # Twelve of twelve failures are packed with a chance of 5% at this ratio.
    share = none_spread.high * 100 / (none_spread.high * 100 + 300)
    assert (1 - share) ** 12 == pytest.approx(0.05)
    none_packed = spread_ratio([1, 1], [True, False], [12, 0], [100.0, 300.0])
    assert (none_packed.ratio, none_packed.high) == (None, None)
    share = none_packed.low * 100 / (none_packed.low * 100 + 300)
    assert share**12 == pytest.approx(0.05)


def test_sizes_with_one_kind_alone_say_nothing():
    found = spread_ratio([1, 1, 2, 3], [True, False, True, False], [5, 5, 100, 100], [10.0] * 4)
    assert (found.ratio, found.sizes, found.failures_spread) == (1.0, 1, 5)


def test_few_failures_are_warned_of_and_unlike_sizes_are_seen():
    assert "only 3 failures" in spread_ratio([1, 1], [True, False], [3, 30], [10.0, 10.0]).warnings[0]
    unlike = spread_ratio([1, 1, 2, 2], SPREAD[:4], [90, 10, 10, 90], [10.0] * 4)
    assert unlike.ratio == pytest.approx(1.0)
    assert unlike.homogeneity_p_value < 1e-6


def test_intervals_cover_and_the_test_keeps_its_level_on_drawn_counts():
    rng, covered, rejected = np.random.default_rng(3), 0, 0
    days = np.array([400.0, 300.0, 200.0, 500.0, 100.0, 50.0])
    rates = np.array([0.05, 0.05, 0.1, 0.1, 0.2, 0.2])
    for _ in range(400):
        null = spread_ratio(SIZES, SPREAD, rng.poisson(rates * days), days)
        twice = spread_ratio(SIZES, SPREAD, rng.poisson(rates * days * np.array([2, 1] * 3)), days)
        rejected += null.p_value < 0.05
        covered += twice.low <= 2.0 <= twice.high
    assert rejected <= stats.binom.ppf(0.995, 400, 0.05)
    assert stats.binom.ppf(0.005, 400, 0.9) <= covered <= stats.binom.ppf(0.995, 400, 0.9)


def test_mistakes_are_named():
    with pytest.raises(OneKindOfPlacementError):
        spread_ratio([1, 2], [True, False], [1, 1], [1.0, 1.0])
    with pytest.raises(NoEventsError):
        spread_ratio([1, 1], [True, False], [0, 0], [1.0, 1.0])
    with pytest.raises(ModelError):
        spread_ratio([1, 1], [True, False], [1, 1], [-1.0, 1.0])
    with pytest.raises(ModelError, match="differ in length"):
        spread_ratio([1, 1, 1], [True, False], [1, 1], [1.0, 1.0])
