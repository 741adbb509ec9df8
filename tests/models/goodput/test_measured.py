"""ETTR as measured: what holds for every run and group, and whether intervals cover the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import LengthMismatchError, NegativeValueError, NotAShareError, NotPositiveError, ShareAboveOneError
from models.goodput.errors import EmptyRunError
from models.goodput.measured import FEW_RUNS, ettr_over_time, group_ettr

times = st.floats(1.0, 1e7)
shares = st.floats(0.0, 1.0)
runs = st.lists(st.tuples(times, shares), min_size=1, max_size=30)


def rng():
    return np.random.default_rng(5)


def measured(pairs, **options):
    wall = np.array([time for time, _ in pairs])
    return group_ettr(wall * np.array([share for _, share in pairs]), wall, rng=rng(), replicas=200, **options)


@given(runs)
def test_an_ettr_lies_within_its_interval_and_both_within_0_and_1(pairs):
    found = measured(pairs)
    for estimate in (found.ratio_of_sums, found.mean_of_runs):
        assert 0 <= estimate.ettr <= 1 + 1e-12
        if len(pairs) > 1:
            assert -1e-12 <= estimate.low <= estimate.ettr + 1e-9
            assert estimate.ettr - 1e-9 <= estimate.high <= 1 + 1e-12
        else:
            assert estimate.low is None
            assert estimate.high is None


@given(runs, st.floats(1e-3, 1e3))
def test_the_unit_of_time_does_not_matter(pairs, factor):
    scaled = measured([(time * factor, share) for time, share in pairs])
    assert scaled.ratio_of_sums.ettr == pytest.approx(measured(pairs).ratio_of_sums.ettr)


@given(runs, runs)
def test_the_ratio_of_sums_of_two_groups_lies_between_theirs(left, right):
    one, other = measured(left).ratio_of_sums.ettr, measured(right).ratio_of_sums.ettr
    both = measured(left + right).ratio_of_sums.ettr
    assert min(one, other) - 1e-9 <= both <= max(one, other) + 1e-9


def test_the_two_numbers_of_a_group_differ_by_what_they_weigh():
    found = group_ettr([100.0, 0.0], [1000.0, 10.0], rng=rng())
    assert found.ratio_of_sums.ettr == pytest.approx(100 / 1010)
    assert found.mean_of_runs.ettr == pytest.approx(0.05)
    weighed = group_ettr([100.0, 0.0], [1000.0, 10.0], rng=rng(), weights=[1.0, 100.0])
    assert weighed.ratio_of_sums.ettr == pytest.approx(100 / 2000)
    assert weighed.mean_of_runs.ettr == pytest.approx(0.05)


def test_equal_generators_give_equal_intervals():
    assert measured([(10.0, 0.5), (20.0, 0.9), (5.0, 0.1)]) == measured([(10.0, 0.5), (20.0, 0.9), (5.0, 0.1)])


def test_one_run_has_no_interval_and_a_sentence_says_so():
    found = group_ettr([50.0], [100.0], rng=rng())
    assert (found.ratio_of_sums.low, found.mean_of_runs.high) == (None, None)
    assert found.warnings == ("one run has no spread: no interval can be given",)


def test_few_runs_warn_and_many_do_not():
    assert "3 runs are few" in measured([(10.0, 0.5)] * 3).warnings[0]
    assert measured([(10.0, 0.5)] * FEW_RUNS).warnings == ()


def test_a_run_that_outweighs_all_others_warns():
    (warning,) = measured([(1e6, 0.9)] + [(10.0, 0.5)] * 50).warnings
    assert warning.startswith("the longest runs weigh like 1.0 runs")


def test_alike_runs_have_an_interval_without_width():
    found = measured([(10.0, 0.5)] * 12).ratio_of_sums
    assert found.low == pytest.approx(0.5)
    assert found.high == pytest.approx(0.5)


def test_more_runs_narrow_the_interval():
    def width(count):
        draws = np.random.default_rng(3)
        wall = draws.exponential(100.0, count)
        found = group_ettr(wall * draws.beta(9, 1, count), wall, rng=rng()).ratio_of_sums
        return found.high - found.low

    assert width(400) < 0.5 * width(40)


def test_runs_beyond_count_are_summed_in_blocks_without_changing_the_interval():
    draws = np.random.default_rng(11)
    wall = draws.exponential(100.0, 20_000)
    found = group_ettr(wall * draws.beta(9, 1, 20_000), wall, rng=rng()).ratio_of_sums
    share = draws.beta(9, 1, 200_000)
    spread = 1.645 * math.sqrt(float(np.var(share)) * 2 / 20_000)  # E[W²] = 2 E[W]² for exponential W
    assert found.high - found.low == pytest.approx(2 * spread, rel=0.1)


@pytest.mark.parametrize(
    ("productive", "wall", "error"),
    [
        ([1.0], [0.0], EmptyRunError),
        ([2.0], [1.0], ShareAboveOneError),
        ([-1.0], [1.0], NegativeValueError),
        ([1.0, 1.0], [2.0], LengthMismatchError),
    ],
)
def test_what_is_no_run_is_refused(productive, wall, error):
    with pytest.raises(error):
        group_ettr(productive, wall, rng=rng())


def test_weights_must_weigh_something():
    with pytest.raises(NotPositiveError, match="weights"):
        group_ettr([1.0, 1.0], [2.0, 2.0], rng=rng(), weights=[0.0, 0.0])


def simulated_runs(draws, count):
    """Runs of one to ten days with Poisson failures, each losing up to an hour and a queue wait: the truth is exact."""
    wall = draws.uniform(24.0, 240.0, count)
    failures = draws.poisson(wall / 30)
    lost = np.array([draws.uniform(0, 1, n).sum() + draws.exponential(1.0, n).sum() for n in failures])
    return np.maximum(0.0, wall - lost), wall


def covered(count, replicas, weighed):
    draws = np.random.default_rng(100 + count)
    truth_productive, truth_wall = simulated_runs(np.random.default_rng(1), 400_000)
    truth = truth_productive.sum() / truth_wall.sum() if weighed else float(np.mean(truth_productive / truth_wall))
    hits = 0
    for _ in range(replicas):
        found = group_ettr(*simulated_runs(draws, count), rng=draws, replicas=400)
        interval = found.ratio_of_sums if weighed else found.mean_of_runs
        hits += interval.low <= truth <= interval.high
    return hits / replicas


@pytest.mark.parametrize("weighed", [True, False], ids=["ratio of sums", "mean of runs"])
@pytest.mark.parametrize("count", [4, 12, 60])
def test_intervals_cover_the_true_ettr(count, weighed):
    replicas = 300
    at_least = 0.9 - 2.5 * math.sqrt(0.9 * 0.1 / replicas)
    assert covered(count, replicas, weighed) >= at_least


@pytest.mark.validation
@pytest.mark.parametrize("count", [3, 5, 8, 20, 100])
def test_intervals_cover_the_true_ettr_over_many_groups(count):
    share = covered(count, 3000, weighed=True)
    assert (0.86 if count < FEW_RUNS else 0.885) <= share <= 0.98


def test_the_last_cumulative_ettr_is_that_of_the_run():
    found = ettr_over_time([0, 100, 300], [100, 300, 1000], [0, 0.5, 1.0])
    assert found.cumulative[-1] == pytest.approx((100 + 700) / 1000)


def test_time_that_nobody_could_use_changes_neither_number():
    apart = ettr_over_time([0, 10_000], [1000, 11_000], [1.0, 0.0], points=12)
    assert apart.cumulative[-1] == pytest.approx(0.5)
    inside = (apart.time_seconds > 5000) & (apart.time_seconds < 10_000)
    assert np.isnan(apart.sliding[inside]).all()
    assert apart.cumulative[inside] == pytest.approx(1.0)


@given(
    st.lists(st.tuples(st.floats(0, 5000), st.floats(1, 5000), shares), min_size=1, max_size=20),
    st.floats(1, 1e5),
)
def test_ettr_over_time_stays_within_0_and_1(pieces, window):
    begins, ends, moment = [], [], 0.0
    for gap, length, _ in pieces:
        begins.append(moment + gap)
        moment = begins[-1] + length
        ends.append(moment)
    found = ettr_over_time(begins, ends, [share for _, _, share in pieces], window_seconds=window, points=50)
    assert ((found.cumulative >= -1e-9) & (found.cumulative <= 1 + 1e-9)).all()
    sliding = found.sliding[~np.isnan(found.sliding)]
    assert ((sliding >= 0) & (sliding <= 1)).all()
    assert (np.diff(found.time_seconds) > 0).all()


def test_a_window_as_long_as_the_run_slides_to_the_same_number():
    found = ettr_over_time([0, 600], [600, 7200], [0, 0.8], window_seconds=7200)
    assert found.sliding == pytest.approx(found.cumulative)


@pytest.mark.parametrize(
    ("begin", "end", "share", "window", "error"),
    [
        ([0.0], [0.0], [1.0], 3600.0, EmptyRunError),
        ([0.0], [1.0], [1.5], 3600.0, NotAShareError),
        ([0.0], [1.0], [1.0], 0.0, NotPositiveError),
    ],
)
def test_what_is_no_course_of_a_run_is_refused(begin, end, share, window, error):
    with pytest.raises(error):
        ettr_over_time(begin, end, share, window_seconds=window)
