"""Trend over units: equal to the single-unit test, level for renewals, power, uneven exposure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.recurrence.poisson_checks import laplace_trend_test
from models.recurrence.trend import lewis_robinson, on_exposure, pooled_laplace
from models.recurrence.units import Recurrences


def poisson_units(rng, units, wear=1.0):
    start = rng.uniform(0, 50, units)
    end = start + rng.uniform(20, 100, units)
    unit = np.repeat(np.arange(units), rng.poisson(0.1 * (end - start) * rng.gamma(1.0, 1.0, units)))
    return Recurrences(start, end, unit, start[unit] + (1 - rng.random(unit.size)) ** (1 / wear) * (end - start)[unit])


def renewal_units(rng, units, shape):
    gaps = rng.gamma(shape, 10 / shape, (units, 200))
    times = np.cumsum(gaps, axis=1) - rng.uniform(100, 300, (units, 1))
    unit, place = np.nonzero((times > 0) & (times <= 300))
    return Recurrences(np.zeros(units), np.full(units, 300.0), unit, times[unit, place])


@given(st.lists(st.floats(0.1, 100), min_size=10, max_size=40))
def test_one_unit_pooled_is_laplace(times):
    pooled = pooled_laplace(Recurrences([0], [100], [0] * len(times), times))
    assert pooled.score == pytest.approx(laplace_trend_test(times, 100.0).score, abs=1e-9)


def test_pooled_laplace_holds_its_level_whatever_the_units_rates_and_sees_wear():
    rng = np.random.default_rng(40)
    level = np.mean([pooled_laplace(poisson_units(rng, 30)).p_value < 0.1 for _ in range(600)])
    assert 0.065 <= level <= 0.14
    assert np.mean([pooled_laplace(poisson_units(rng, 30, wear=1.6)).score > 1.96 for _ in range(100)]) > 0.9


@pytest.mark.parametrize("shape", [0.4, 4.0])
def test_lewis_robinson_holds_its_level_for_renewals_where_laplace_does_not(shape):
    rng = np.random.default_rng(41)
    fleets = [renewal_units(rng, 10, shape) for _ in range(400)]
    fair = np.mean([lewis_robinson(fleet).p_value < 0.1 for fleet in fleets])
    naive = np.mean([pooled_laplace(fleet).p_value < 0.1 for fleet in fleets])
    assert 0.05 <= fair <= 0.16
    assert abs(naive - 0.1) > abs(fair - 0.1)


def test_uneven_exposure_is_no_trend_on_its_own_clock():
    rng = np.random.default_rng(42)
    knots, exposure = np.linspace(0, 100, 101), np.linspace(0, 100, 101) ** 2
    accused = naive = 0
    for _ in range(400):
        times = 100 * np.sqrt(1 - rng.random(40))
        plain = Recurrences([0], [100], [0] * 40, times)
        naive += pooled_laplace(plain).p_value < 0.1
        accused += pooled_laplace(on_exposure(plain, knots, exposure)).p_value < 0.1
    assert naive / 400 > 0.9
    assert 0.06 <= accused / 400 <= 0.145


def test_few_failures_say_nothing():
    few = Recurrences([0], [100], [0] * 9, range(1, 10))
    assert pooled_laplace(few) is None
    assert lewis_robinson(few) is None
    assert lewis_robinson(Recurrences([0], [100], [0] * 20, range(5, 105, 5))) is None
