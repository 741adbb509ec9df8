"""Rates, MTTF and shares: exact intervals, their coverage, and refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.errors import (
    ConfidenceOutOfRangeError,
    EmptyShareError,
    FailuresWithoutExposureError,
    ModelError,
    NegativeExposureError,
    NotACountError,
    NotFiniteError,
    NotPositiveError,
    ShareAboveOneError,
    UnknownMethodError,
    ZeroExposureError,
)
from models.rate_comparisons import compare_rates
from models.rates import binomial_share, mttf, poisson_coverage, poisson_rate, projected_mttf_hours

counts = st.integers(min_value=0, max_value=100_000)
exposures = st.floats(min_value=1e-3, max_value=1e9)
confidences = st.floats(min_value=0.01, max_value=0.999)


@given(counts, exposures, confidences)
def test_rate_lies_within_its_interval(failures, exposure, confidence):
    rate = poisson_rate(failures, exposure, confidence)
    assert 0 <= rate.low_per_day <= rate.rate_per_day <= rate.high_per_day


@given(counts, exposures, st.tuples(confidences, confidences).map(sorted))
def test_interval_widens_with_confidence(failures, exposure, levels):
    narrow, wide = (poisson_rate(failures, exposure, level) for level in levels)
    assert wide.low_per_day <= narrow.low_per_day * (1 + 1e-9)
    assert wide.high_per_day >= narrow.high_per_day * (1 - 1e-9)


@given(counts, exposures, st.integers(min_value=1, max_value=1000))
def test_rate_does_not_depend_on_how_exposure_is_split_into_units(failures, exposure, units):
    whole = poisson_rate(failures, exposure)
    summed = poisson_rate(failures, math.fsum([exposure / units] * units))
    for name in ("rate_per_day", "low_per_day", "high_per_day"):
        assert getattr(summed, name) == pytest.approx(getattr(whole, name), rel=1e-9)


@given(counts, exposures, st.floats(min_value=1e-3, max_value=1e3))
def test_changing_the_unit_of_exposure_rescales_the_rate(failures, exposure, factor):
    rate, rescaled = poisson_rate(failures, exposure), poisson_rate(failures, exposure * factor)
    assert rescaled.low_per_day * factor == pytest.approx(rate.low_per_day, rel=1e-9)
    assert rescaled.high_per_day * factor == pytest.approx(rate.high_per_day, rel=1e-9)


@given(st.integers(min_value=1, max_value=10_000), exposures, confidences)
def test_interval_is_the_textbook_chi_square_form(failures, exposure, confidence):
    tail = (1 - confidence) / 2
    rate = poisson_rate(failures, exposure, confidence)
    assert rate.low_per_day == pytest.approx(stats.chi2.ppf(tail, 2 * failures) / 2 / exposure, rel=1e-8)
    assert rate.high_per_day == pytest.approx(stats.chi2.isf(tail, 2 * failures + 2) / 2 / exposure, rel=1e-8)


@pytest.mark.parametrize(("failures", "low", "high"), [(10, 3.53, 11.03), (100, 5.47, 7.68)])
def test_published_rate_gets_the_documented_gamma_interval(failures, low, high):
    rate = poisson_rate(failures, failures / 6.5e-3, confidence=0.9)
    assert round(rate.rate_per_1000_days, 2) == 6.50
    assert (round(rate.low_per_1000_days, 2), round(rate.high_per_1000_days, 2)) == (low, high)


def test_zero_failures_leave_a_two_sided_upper_bound_and_no_mttf():
    rate = poisson_rate(0, 1000.0, confidence=0.9)
    assert (rate.rate_per_day, rate.low_per_day) == (0.0, 0.0)
    assert rate.high_per_1000_days == pytest.approx(-math.log(0.05))
    assert (rate.mttf_hours, rate.mttf_high_hours) == (None, None)
    assert rate.mttf_low_hours == pytest.approx(24_000 / -math.log(0.05))


@given(st.integers(min_value=1, max_value=10_000), st.floats(min_value=1.0, max_value=1e8), confidences)
def test_mttf_is_the_reciprocal_of_the_rate_with_limits_swapped(failures, node_hours, confidence):
    estimate = mttf(failures, node_hours, confidence)
    rate = poisson_rate(failures, node_hours / 24, confidence)
    assert estimate.mttf_hours == pytest.approx(node_hours / failures)
    assert estimate.low_hours == pytest.approx(24 / rate.high_per_day)
    assert estimate.high_hours == pytest.approx(24 / rate.low_per_day)
    assert (estimate.failures, estimate.exposure_node_hours) == (failures, node_hours)


def test_llama3_interruptions_give_their_published_mttf_and_rate():
    assert round(mttf(419, 54 * 24).mttf_hours, 2) == 3.09
    assert round(poisson_rate(419, 54 * 16_384 / 8).rate_per_1000_days, 2) == 3.79


@pytest.mark.parametrize(("gpus", "hours"), [(16_384, 1.803), (131_072, 0.225)])
def test_projection_gives_the_published_mttf_of_large_jobs(gpus, hours):
    assert round(projected_mttf_hours(gpus // 8, 6.50), 3) == hours


@pytest.mark.parametrize("expected", [0.5, 2.0, 5.0, 20.0, 100.0])
def test_simulated_coverage_equals_the_enumerated_one(expected):
    draws = np.random.default_rng(20_240).poisson(expected, size=2000)
    exposure_days = 1000.0
    by_count = {k: poisson_rate(k, exposure_days) for k in set(draws.tolist())}
    covered = np.mean([by_count[k].low_per_day <= expected / 1000 <= by_count[k].high_per_day for k in draws.tolist()])
    exact = poisson_coverage(expected)
    assert covered == pytest.approx(exact, abs=3.5 * math.sqrt(exact * (1 - exact) / draws.size) + 1e-9)


@given(st.floats(min_value=0.0, max_value=1e4), confidences)
def test_enumerated_coverage_never_falls_below_the_level(expected, confidence):
    assert confidence - 1e-9 <= poisson_coverage(expected, confidence) <= 1 + 1e-9


@pytest.mark.parametrize(("expected", "longest_run"), [(0.5, 400), (7.0, 400), (300.0, 2000)])
def test_enumerated_coverage_is_the_sum_over_every_count(expected, longest_run):
    summed = sum(
        stats.poisson.pmf(k, expected)
        for k in range(longest_run)
        if poisson_rate(k, 1.0).low_per_day <= expected <= poisson_rate(k, 1.0).high_per_day
    )
    assert poisson_coverage(expected) == pytest.approx(summed, abs=1e-10)


@given(st.integers(0, 300), st.integers(0, 300), exposures, exposures, confidences)
def test_equality_is_rejected_exactly_when_the_interval_excludes_one(a, b, a_days, b_days, confidence):
    comparison = compare_rates(poisson_rate(a, a_days), poisson_rate(b, b_days), confidence)
    high = math.inf if comparison.high is None else comparison.high
    distance = min(abs(comparison.low - 1), abs(high - 1))
    if distance > 1e-6:
        assert (comparison.p_value < 1 - confidence) == (not comparison.low <= 1 <= high)


@given(st.integers(1, 300), st.integers(1, 300), exposures, exposures)
def test_swapping_two_rates_inverts_their_comparison(a, b, a_days, b_days):
    first, second = poisson_rate(a, a_days), poisson_rate(b, b_days)
    forth, back = compare_rates(first, second), compare_rates(second, first)
    assert forth.ratio == pytest.approx(1 / back.ratio)
    assert forth.low == pytest.approx(1 / back.high, rel=1e-6)
    assert forth.p_value == pytest.approx(back.p_value, rel=1e-6, abs=1e-12)
    assert forth.low <= forth.ratio <= forth.high


def test_comparison_agrees_with_the_exact_binomial_test():
    comparison = compare_rates(poisson_rate(24, 1000.0), poisson_rate(9, 1000.0))
    interval = stats.binomtest(24, 33).proportion_ci(0.9, method="exact")
    assert comparison.low == pytest.approx(interval.low / (1 - interval.low))
    assert comparison.high == pytest.approx(interval.high / (1 - interval.high))
    assert comparison.p_value == pytest.approx(stats.binomtest(24, 33).pvalue)  # symmetric, so both tests agree


@pytest.mark.parametrize(("a", "b", "ratio_known", "high_known"), [(0, 5, True, True), (5, 0, False, False)])
def test_zero_counts_give_bounds_and_never_nan(a, b, ratio_known, high_known):
    comparison = compare_rates(poisson_rate(a, 100.0), poisson_rate(b, 200.0))
    assert (comparison.ratio is not None, comparison.high is not None) == (ratio_known, high_known)
    assert comparison.low >= 0
    assert 0 < comparison.p_value <= 1


def test_two_rates_without_failures_say_nothing_about_their_ratio():
    comparison = compare_rates(poisson_rate(0, 100.0), poisson_rate(0, 200.0))
    assert (comparison.ratio, comparison.low, comparison.high, comparison.p_value) == (None, 0.0, None, 1.0)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), confidences)
def test_share_and_its_complement_mirror_each_other(hits_and_trials, confidence):
    hits, trials = hits_and_trials
    share, rest = binomial_share(hits, trials, confidence), binomial_share(trials - hits, trials, confidence)
    assert share.low == pytest.approx(1 - rest.high, abs=1e-9)
    assert share.share == pytest.approx(1 - rest.share)
    assert 0 <= share.low <= share.high <= 1


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (10, 10), (148, 419), (1, 1)])
def test_share_has_the_exact_binomial_interval(hits, trials):
    interval = stats.binomtest(hits, trials).proportion_ci(0.9, method="exact")
    share = binomial_share(hits, trials)
    assert (share.low, share.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize(
    ("failures", "exposure_days", "confidence", "error"),
    [
        (0, 0.0, 0.9, ZeroExposureError),
        (3, 0.0, 0.9, FailuresWithoutExposureError),
        (3, -1.0, 0.9, NegativeExposureError),
        (3, math.nan, 0.9, NotFiniteError),
        (3, math.inf, 0.9, NotFiniteError),
        (-1, 10.0, 0.9, NotACountError),
        (1.5, 10.0, 0.9, NotACountError),
        (math.nan, 10.0, 0.9, NotACountError),
        (1, 10.0, 1.0, ConfidenceOutOfRangeError),
        (1, 10.0, 0.0, ConfidenceOutOfRangeError),
        (1, 10.0, math.nan, ConfidenceOutOfRangeError),
    ],
)
def test_impossible_rates_are_refused_by_name(failures, exposure_days, confidence, error):
    with pytest.raises(error) as caught:
        poisson_rate(failures, exposure_days, confidence)
    assert isinstance(caught.value, ModelError)


def test_impossible_shares_and_projections_are_refused_by_name():
    with pytest.raises(EmptyShareError):
        binomial_share(0, 0)
    with pytest.raises(ShareAboveOneError, match="3 out of 2"):
        binomial_share(3, 2)
    with pytest.raises(NotPositiveError, match="nodes"):
        projected_mttf_hours(0, 6.5)
    with pytest.raises(NotPositiveError, match="failures_per_1000_node_days"):
        projected_mttf_hours(8, 0.0)


def test_counts_from_a_data_frame_are_taken_as_whole_numbers():
    assert poisson_rate(np.float64(3.0), 10.0) == poisson_rate(np.int64(3), 10.0) == poisson_rate(3, 10.0)


@given(counts, exposures, confidences)
def test_mid_p_limits_lie_within_the_exact_ones(failures, exposure, confidence):
    exact, mid = poisson_rate(failures, exposure, confidence), poisson_rate(failures, exposure, confidence, "mid-p")
    assert exact.low_per_day <= mid.low_per_day <= mid.rate_per_day * (1 + 1e-9)
    assert mid.rate_per_day <= mid.high_per_day * (1 + 1e-9)
    assert mid.high_per_day <= exact.high_per_day


@given(st.integers(1, 2000), st.floats(0.5, 0.999))
def test_mid_p_limits_solve_their_equation(failures, confidence):
    rate, tail = poisson_rate(failures, 1.0, confidence, "mid-p"), (1 - confidence) / 2
    for limit, share in ((rate.low_per_day, 1 - tail), (rate.high_per_day, tail)):
        below = stats.poisson.cdf(failures - 1, limit) + stats.poisson.pmf(failures, limit) / 2
        assert below == pytest.approx(share, abs=1e-8)


def test_zero_failures_have_the_one_sided_bound_with_mid_p():
    rate = poisson_rate(0, 1000.0, method="mid-p")
    assert rate.low_per_day == 0
    assert rate.high_per_1000_days == pytest.approx(-math.log(0.1))


@given(st.floats(min_value=30.0, max_value=1e4))
def test_mid_p_covers_near_its_level_from_thirty_failures_on(expected):
    assert poisson_coverage(expected, 0.9, "mid-p") == pytest.approx(0.9, abs=0.015)


def test_an_unknown_method_is_refused():
    with pytest.raises(UnknownMethodError, match="wald"):
        poisson_rate(1, 1.0, method="wald")
