"""Totals over events of unequal size, against the exact Poisson interval and by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfidenceOutOfRangeError, NegativeValueError, NotFiniteError
from models.goodput.event_totals import EventTotal, difference_interval, total_interval
from models.rates import poisson_rate


def of(sizes):
    array = np.asarray(sizes, dtype=float)
    return EventTotal(float(array.sum()), float((array**2).sum()), float(array.max(initial=0.0)))


sizes = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=30)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_events_of_equal_size_have_the_exact_poisson_interval(count):
    rate = poisson_rate(count, 1.0)
    low, high = total_interval(of([2.5] * count))
    assert low == pytest.approx(2.5 * rate.low_per_day)
    assert high == pytest.approx(2.5 * rate.high_per_day)


@given(sizes, st.floats(0.5, 0.99))
def test_the_interval_holds_what_was_seen_and_widens_with_its_level(seen, level):
    events = of(seen)
    low, high = total_interval(events, level)
    wider_low, wider_high = total_interval(events, level + (1 - level) / 2)
    assert 0 <= wider_low <= low <= events.total <= high <= wider_high


@given(sizes, st.floats(0.001, 1000.0))
def test_hours_and_seconds_have_the_same_interval(seen, factor):
    rescaled = total_interval(of([factor * size for size in seen]))
    assert rescaled == pytest.approx([factor * bound for bound in total_interval(of(seen))], rel=1e-6)


@given(sizes, sizes)
def test_a_difference_turned_round_has_its_bounds_turned_round(gained, lost):
    low, high = difference_interval(of(gained), of(lost))
    back_low, back_high = difference_interval(of(lost), of(gained))
    assert (low, high) == pytest.approx((-back_high, -back_low), abs=1e-9)
    assert low <= of(gained).total - of(lost).total <= high


def test_nothing_seen_is_bounded_by_nothing():
    assert total_interval(EventTotal()) == (0.0, 0.0)
    assert difference_interval(EventTotal(), EventTotal()) == (0.0, 0.0)


def test_impossible_totals_are_refused():
    with pytest.raises(NegativeValueError, match="total is -1"):
        EventTotal(total=-1.0)
    with pytest.raises(NegativeValueError, match="total - largest"):
        EventTotal(total=1.0, squares=4.0, largest=2.0)
    with pytest.raises(NotFiniteError, match="squares"):
        EventTotal(total=1.0, squares=float("nan"), largest=1.0)
    with pytest.raises(ConfidenceOutOfRangeError):
        total_interval(EventTotal(1.0, 1.0, 1.0), 1.0)


def test_the_interval_covers_the_expected_total_of_given_sizes():
    rng = np.random.default_rng(11)
    of_each, covered, trials = np.array([1.0, 2.0, 4.0]), 0, 2000
    for counts in rng.poisson([6.0, 5.0, 4.0], (trials, 3)):
        low, high = total_interval(of(np.repeat(of_each, counts)))
        covered += low <= 32.0 <= high
    assert covered / trials >= 0.9


def test_the_interval_nearly_covers_the_expected_total_of_skewed_random_sizes():
    rng = np.random.default_rng(11)
    expected, covered, trials = 8 * np.exp(0.5), 0, 2000
    for count in rng.poisson(8, trials):
        low, high = total_interval(of(rng.lognormal(0.0, 1.0, count)))
        covered += low <= expected <= high
    assert covered / trials >= 0.85
