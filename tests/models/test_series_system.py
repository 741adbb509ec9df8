"""The series-system law: its projection, its check, and the published points that do not follow it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError, NegativeValueError, NotACountError, NotFiniteError, ZeroExposureError
from models.rates import poisson_rate
from models.series_system import (
    NoFailureToTestError,
    OneSizeError,
    check_series_system,
    implied_failures_per_1000_node_days,
    projected_mttf,
)

NODES = [1.0, 4.0, 30.0, 200.0]
DAYS = [5000.0, 3000.0, 8000.0, 6000.0]


def checked(nodes=NODES, failures=(30, 20, 60, 41), node_days=DAYS, **options):
    return check_series_system(nodes, failures, node_days, np.random.default_rng(5), **options)


def test_the_published_points_of_small_jobs_do_not_follow_the_law():
    published = 6.50
    at_8_gpus = implied_failures_per_1000_node_days(1, 47.7 * 24)
    at_1024_gpus = implied_failures_per_1000_node_days(1_024 / 8, 7.9)
    assert (round(at_8_gpus, 1), round(at_1024_gpus, 1)) == (21.0, 23.7)
    assert (round(at_8_gpus / published, 1), round(at_1024_gpus / published, 1)) == (3.2, 3.7)
    # those of 16,384 and 131,072 GPUs do: they are projections
    projected = projected_mttf([16_384 / 8, 131_072 / 8], poisson_rate(650, 100_000.0))
    assert projected.mttf_hours.round(3).tolist() == [1.803, 0.225]


def test_the_check_refutes_the_law_on_points_like_the_published_ones():
    # 8 and 1,024 GPUs at their measured rates, 4,096 GPUs at r_f, 20,000 node-days each
    rates = [21.0, 23.7, 6.50]
    found = checked([1, 128, 512], [round(20 * rate) for rate in rates], [20_000.0] * 3)
    assert found.law_is_refuted
    assert found.high < 1.0
    assert found.equal_rates_p_value < 1e-9


def test_the_exponent_is_that_of_a_poisson_regression():
    import statsmodels.api as sm

    failures = np.array([30, 20, 60, 41])
    job_days = np.array(DAYS) / NODES
    fit = sm.GLM(failures, sm.add_constant(np.log(NODES)), family=sm.families.Poisson(), offset=np.log(job_days)).fit(
        tol=1e-14
    )
    found = checked(failures=failures)
    assert found.exponent == pytest.approx(fit.params[1], abs=1e-8)
    # at this many failures the profile is nearly Wald's parabola
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int(0.1)[1]), abs=0.01)
    lawful = sm.GLM(failures, np.ones(4), family=sm.families.Poisson(), offset=np.log(np.array(DAYS))).fit(tol=1e-14)
    from scipy.stats import chi2

    assert found.law_p_value == pytest.approx(chi2.sf(2 * (fit.llf - lawful.llf), 1), abs=1e-8)


def test_both_tests_keep_their_level_under_the_law():
    rng = np.random.default_rng(11)
    tables = rng.poisson(np.array(DAYS) * 3e-3, size=(300, 4))
    found = [check_series_system(NODES, table, DAYS, rng) for table in tables]
    refuted = np.array([(each.law_p_value < 0.1, each.equal_rates_p_value <= 0.1) for each in found])
    assert (refuted.mean(axis=0) < 0.155).all()
    covered = np.mean([each.low < 1 < each.high for each in found])
    assert 0.85 < covered < 0.95


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.4])
def test_a_power_law_is_recovered_within_its_interval(exponent):
    expected = np.array(DAYS) * 0.02 * np.array(NODES) ** (exponent - 1)
    found = checked(failures=np.round(expected))
    assert found.low < exponent < found.high
    assert found.exponent == pytest.approx(exponent, abs=0.02)


def test_failures_at_the_largest_size_alone_leave_the_exponent_without_an_upper_limit():
    found = checked(failures=[0, 0, 0, 9])
    assert (found.exponent, found.high) == (None, None)
    assert found.low > 1
    found = checked(failures=[9, 0, 0, 0])
    assert (found.exponent, found.low) == (None, None)
    assert found.high < 1


def test_a_size_that_never_ran_changes_nothing():
    assert checked([*NODES, 999.0], [30, 20, 60, 41, 0], [*DAYS, 0.0]) == checked()


counts = st.lists(st.integers(0, 60), min_size=4, max_size=4).filter(lambda each: sum(each) > 0)


@given(counts, st.floats(0.01, 100.0))
def test_the_unit_of_time_and_of_size_does_not_matter(failures, factor):
    one, other = checked(failures=failures), checked(failures=failures, node_days=np.array(DAYS) * factor)
    third = checked(np.array(NODES) * factor, failures)
    for found in (other, third):
        for name in ("exponent", "low", "high", "law_p_value"):
            expected = getattr(one, name)
            same = expected is None or pytest.approx(expected, rel=1e-6, abs=1e-6)
            assert (getattr(found, name) is None) if expected is None else (getattr(found, name) == same)


@given(counts)
def test_p_values_are_bounded_and_the_exponent_lies_in_its_interval(failures):
    found = checked(failures=failures)
    assert 0 <= found.law_p_value <= 1
    assert 0 < found.equal_rates_p_value <= 1
    inner = [value for value in (found.low, found.exponent, found.high) if value is not None]
    assert inner == sorted(inner)
    wider = checked(failures=failures, confidence=0.99)
    assert (wider.low or -np.inf) <= (found.low or -np.inf)


def test_splitting_a_size_in_two_halves_changes_no_exponent():
    merged, split = checked(), checked([*NODES, 200.0], [30, 20, 60, 20, 21], [*DAYS[:3], 3000.0, 3000.0])
    assert split.exponent == pytest.approx(merged.exponent, abs=1e-9)
    assert (split.low, split.high) == pytest.approx((merged.low, merged.high), abs=1e-9)


def test_a_projection_without_a_failure_has_a_lower_limit_only():
    found = projected_mttf([1, 10], poisson_rate(0, 1000.0))
    assert np.isinf(found.mttf_hours).all()
    assert np.isinf(found.high_hours).all()
    assert found.low_hours[0] == pytest.approx(10 * found.low_hours[1])


@pytest.mark.parametrize(
    ("error", "values"),
    [
        (NoFailureToTestError, {"failures": [0, 0, 0, 0]}),
        (OneSizeError, {"nodes": [2, 2, 2, 2]}),
        (ZeroExposureError, {"node_days": [0, 0, 0, 0], "failures": [0, 0, 0, 0]}),
        (ZeroExposureError, {"node_days": [0, 1, 1, 1]}),
        (NotFiniteError, {"nodes": [1, 2, np.nan, 4]}),
        (NegativeValueError, {"node_days": [1, 2, -3, 4]}),
        (NotACountError, {"failures": [1, 2, 0.5, 4]}),
        (ModelError, {"nodes": [0, 1, 2, 3]}),
        (ModelError, {"nodes": [1, 2, 3]}),
    ],
)
def test_what_cannot_be_is_refused_by_name(error, values):
    with pytest.raises(error):
        checked(**values)


def test_no_node_has_no_projection():
    with pytest.raises(ModelError):
        projected_mttf([0, 1], poisson_rate(1, 1.0))
