"""Rates by day: rolling bands, change points that a constant rate and a bad day do not give."""

import math

import numpy as np
import pytest

from models.errors import (
    FailuresWithoutExposureError,
    NotACountError,
    NotFiniteError,
    NotPositiveError,
    ZeroExposureError,
)
from models.rates import poisson_rate
from models.recurrence.change_points import change_points
from models.recurrence.rolling import rolling_rate


def test_each_window_has_the_exact_interval():
    rng = np.random.default_rng(30)
    counts, exposure = rng.poisson(3.0, 100), rng.uniform(400, 600, 100)
    found = rolling_rate(counts, exposure)
    assert found.day.tolist() == list(range(29, 100))
    for row in (0, 40, 70):
        days = slice(found.day[row] - 29, found.day[row] + 1)
        exact = poisson_rate(counts[days].sum(), exposure[days].sum())
        assert (found.low_per_day[row], found.high_per_day[row]) == pytest.approx(
            (exact.low_per_day, exact.high_per_day)
        )


def test_windows_without_exposure_are_left_out_and_a_short_record_is_one_window():
    found = rolling_rate([1] + [0] * 9, [5.0] + [0.0] * 9, window_days=3)
    assert found.day.tolist() == [2]
    assert rolling_rate([1, 2], [5.0, 5.0]).rate_per_day.tolist() == [0.3]


@pytest.mark.parametrize("kind", ["poisson", "growing fleet", "overdispersed", "a bad day"])
def test_a_constant_rate_seldom_gives_a_change_point(kind):
    rng = np.random.default_rng(31)
    fleets, accused = 200, 0
    exposure = np.linspace(200, 2000, 180) if kind == "growing fleet" else np.full(180, 512.0)
    for _ in range(fleets):
        mean = 0.004 * exposure
        counts = rng.poisson(mean * rng.gamma(0.5, 2.0, 180) if kind == "overdispersed" else mean)
        if kind == "a bad day":
            counts[rng.integers(180)] += 80
        accused += bool(change_points(counts, exposure, rng))
    assert accused / fleets <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / fleets)


def test_a_rate_that_doubles_is_dated_and_measured():
    rng = np.random.default_rng(32)
    found = dated = ratio = 0
    for _ in range(100):
        counts = np.concatenate([rng.poisson(2.0, 120), rng.poisson(4.0, 120)])
        changes = change_points(counts, np.full(240, 512.0), rng)
        near = [change for change in changes if change.low_day <= 120 <= change.high_day]
        found += bool(changes)
        dated += bool(near)
        ratio += any(change.ratio.low <= 2 <= change.ratio.high for change in near)
    assert found >= 98
    assert dated >= 83
    assert ratio >= 75


def test_several_changes_are_found_in_order_and_skip_days_without_exposure():
    rng = np.random.default_rng(33)
    counts = np.concatenate([rng.poisson(2.0, 80), np.zeros(10), rng.poisson(9.0, 80), rng.poisson(2.0, 80)])
    exposure = np.concatenate([np.full(80, 512.0), np.zeros(10), np.full(160, 512.0)])
    changes = change_points(counts, exposure, rng)
    assert [change.day for change in changes] == sorted(change.day for change in changes)
    assert len(changes) == 2
    assert abs(changes[0].day - 90) <= 5
    assert abs(changes[1].day - 170) <= 5
    assert changes[0].after.failures == changes[1].before.failures


def test_short_and_quiet_records_have_no_change_points():
    rng = np.random.default_rng(34)
    assert change_points([1] * 5, [1.0] * 5, rng) == ()
    assert change_points([0] * 100, [1.0] * 100, rng) == ()


@pytest.mark.parametrize(
    ("counts", "exposure", "error"),
    [
        ([1, 0], [0.0, 1.0], FailuresWithoutExposureError),
        ([0, 0], [0.0, 0.0], ZeroExposureError),
        ([0.5, 0], [1.0, 1.0], NotACountError),
        ([math.nan, 0], [1.0, 1.0], NotFiniteError),
    ],
)
def test_impossible_records_are_refused_by_name(counts, exposure, error):
    with pytest.raises(error):
        rolling_rate(counts, exposure)
    with pytest.raises(error):
        change_points(counts, exposure, np.random.default_rng(1))


def test_a_window_of_no_days_is_refused():
    with pytest.raises(NotPositiveError):
        rolling_rate([1], [1.0], window_days=0)
