"""What failures cost, with intervals: laws, hand-worked cases, and coverage against simulated compound processes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfidenceOutOfRangeError, NegativeValueError
from models.goodput.loss import events_of, failure_loss

hours = st.lists(st.floats(0.0, 1e6), min_size=2, max_size=30)


def test_failures_closer_than_the_gap_are_one_event_whatever_their_order() -> None:
    assert events_of([1000.0, 0.0, 59.0, 110.0], 60.0).tolist() == [1, 0, 0, 0]
    assert events_of([], 60.0).tolist() == []


@given(first=hours, scale=st.floats(0.01, 100.0))
def test_the_unit_of_the_hours_changes_no_share(first: list[float], scale: float) -> None:
    second = first[::-1]
    once = failure_loss(first, second, range(len(first)))
    again = failure_loss(np.multiply(first, scale), np.multiply(second, scale), range(len(first)))
    if once.share is not None and again.share is not None:
        assert again.share == pytest.approx(once.share)
        assert again.share_low == pytest.approx(once.share_low, abs=1e-9)
        assert again.first_order.hours == pytest.approx(scale * once.first_order.hours)
        assert again.first_order.low == pytest.approx(scale * once.first_order.low)


@given(first=hours, second=hours)
def test_limits_stand_around_what_they_bound(first: list[float], second: list[float]) -> None:
    size = min(len(first), len(second))
    found = failure_loss(first[:size], second[:size], range(size))
    for total in (found.first_order, found.second_order):
        assert total.low <= total.hours * (1 + 1e-9)
        assert total.high is None or total.hours <= total.high * (1 + 1e-9)
    if found.share is not None and found.share_low is not None and found.share_high is not None:
        assert 0.0 <= found.share_low <= found.share <= found.share_high <= 1.0


def test_without_a_loss_nothing_is_bounded_and_the_reader_is_told() -> None:
    for found in (failure_loss([], [], []), failure_loss([0.0], [0.0], [0])):
        assert (found.first_order.hours, found.first_order.high, found.share) == (0.0, None, None)
        assert "nothing tells what one would cost" in found.warnings[0]


def test_without_a_second_order_loss_its_share_has_an_upper_bound() -> None:
    found = failure_loss([10.0] * 50, [0.0] * 50, range(50))
    assert (found.share, found.share_low, found.second_order.hours) == (0.0, 0.0, 0.0)
    assert found.share_high == pytest.approx(1.0 - 0.05 ** (1 / 50))
    assert found.second_order.high == pytest.approx(500.0 * found.share_high / (1.0 - found.share_high))


def test_one_event_says_nothing_of_the_share() -> None:
    found = failure_loss([10.0, 20.0], [5.0, 1.0], [0, 0])
    assert (found.share, found.share_low, found.share_high) == (pytest.approx(1 / 6), 0.0, 1.0)
    assert found.first_order.events == 1
    assert "weighs like that of 1 equal failures" in found.warnings[0]


def test_failures_of_one_moment_are_one_event_for_the_interval() -> None:
    apart = failure_loss([10.0] * 40, [0.0] * 40, range(40)).first_order
    together = failure_loss([10.0] * 40, [0.0] * 40, [number // 10 for number in range(40)]).first_order
    assert apart.hours == together.hours
    assert together.low < apart.low
    assert together.high is not None
    assert apart.high is not None
    assert together.high > apart.high


def test_bad_input_has_a_name() -> None:
    with pytest.raises(NegativeValueError, match="second_hours"):
        failure_loss([1.0], [-1.0], [0])
    with pytest.raises(ConfidenceOutOfRangeError):
        failure_loss([1.0], [1.0], [0], confidence=1.0)


def _compound(rng: np.random.Generator, mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the losses of a Poisson number of failures: log-normal, and after one in six a preemption as large."""
    size = rng.poisson(mean)
    first = rng.lognormal(0.0, 0.8, size)
    second = np.where(rng.random(size) < 1 / 6, rng.lognormal(0.0, 0.8, size), 0.0)
    return first, second


def _coverage(rng: np.random.Generator, mean: float, trials: int) -> tuple[float, float, float]:
    expected = float(np.exp(0.32)) * mean
    hits = np.zeros(3)
    for _ in range(trials):
        first, second = _compound(rng, mean)
        found = failure_loss(first, second, np.arange(len(first)))
        for place, (total, truth) in enumerate(((found.first_order, expected), (found.second_order, expected / 6))):
            hits[place] += total.low <= truth and (total.high is None or truth <= total.high)
        low, high = found.share_low, found.share_high
        hits[2] += low is None or high is None or low <= 1 / 7 <= high
    first_hits, second_hits, share_hits = (hits / trials).tolist()
    return first_hits, second_hits, share_hits


def test_intervals_of_many_failures_hold_the_truth() -> None:
    assert min(_coverage(np.random.default_rng(3), mean=120.0, trials=300)) > 0.84


@pytest.mark.validation
@pytest.mark.parametrize(("mean", "least"), [(12.0, 0.80), (40.0, 0.85), (120.0, 0.87), (1000.0, 0.88)])
def test_coverage_by_number_of_failures(mean: float, least: float) -> None:
    coverage = _coverage(np.random.default_rng(4), mean, trials=3000)
    print(mean, coverage)
    assert min(coverage) > least
