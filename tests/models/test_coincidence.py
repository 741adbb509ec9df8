"""What happens together, against chance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.coincidence import chance_in_window, coincidence, expected_coincidences
from models.errors import EmptyShareError, NegativeValueError, ShareAboveOneError

RATES = st.floats(0.0, 10.0)


@given(RATES, st.floats(0.0, 100.0), st.floats(0.1, 10.0))
def test_chance_is_a_probability_and_does_not_depend_on_the_unit_of_time(rate, window, scale):
    chance = chance_in_window(rate, window)
    assert 0.0 <= chance <= 1.0
    assert chance_in_window(rate / scale, window * scale) == pytest.approx(chance)


@given(RATES, st.floats(0.0, 50.0), st.floats(0.0, 50.0))
def test_two_windows_stay_empty_together_as_one_of_their_length_does(rate, first, second):
    both = (1 - chance_in_window(rate, first)) * (1 - chance_in_window(rate, second))
    assert 1 - chance_in_window(rate, first + second) == pytest.approx(both)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(1e-4, 0.5))
def test_the_p_value_is_the_binomial_tail(k, n, rate):
    k = min(k, n)
    found = coincidence(k, n, rate, 1.0)
    assert found.p_value == pytest.approx(stats.binom.sf(k - 1, n, -math.expm1(-rate)), abs=1e-12)
    assert found.excess_low <= found.excess <= found.excess_high
    assert found.lift_low <= found.lift <= found.lift_high


def test_what_chance_never_does_has_no_lift():
    assert coincidence(3, 10, 0.0, 1.0).lift is None


def test_no_incident_or_too_many_are_errors():
    with pytest.raises(EmptyShareError):
        coincidence(0, 0, 1.0, 1.0)
    with pytest.raises(ShareAboveOneError):
        coincidence(2, 1, 1.0, 1.0)
    with pytest.raises(NegativeValueError):
        chance_in_window(-1.0, 1.0)


def test_as_many_are_joined_by_chance_as_a_simulation_joins():
    times = np.sort(np.random.default_rng(3).uniform(0, 86_400.0, (400, 300)), axis=1)
    joined = (np.diff(times, axis=1) <= 60.0).sum(axis=1)
    assert expected_coincidences(300, 60.0, 86_400.0) == pytest.approx(joined.mean(), rel=0.03)
    assert expected_coincidences(0, 60.0, 86_400.0) == 0.0
