"""Ratios over clusters: laws, an independent route, and coverage where exact intervals fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import (
    ConfidenceOutOfRangeError,
    EmptyShareError,
    FailuresWithoutExposureError,
    NotFiniteError,
    ShareAboveOneError,
    ZeroExposureError,
)
from models.rates import binomial_share, poisson_rate
from models.ratio_estimates import ClusterSums, ImpossibleSquaresError, clustered_rate, clustered_share


def sums(parts, wholes):
    x, y = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    return ClusterSums(len(x), x.sum(), y.sum(), (x * x).sum(), (x * y).sum(), (y * y).sum())


clusters = st.lists(
    st.tuples(st.integers(1, 500), st.floats(0, 1)).map(lambda pair: (round(pair[0] * pair[1]), pair[0])),
    min_size=1,
    max_size=30,
)


@given(clusters)
def test_a_share_lies_in_its_interval_and_both_within_0_and_1(pairs):
    found = clustered_share(sums(*zip(*pairs, strict=True)))
    assert 0 <= found.low <= found.ratio <= found.high <= 1


@given(clusters)
def test_the_shares_of_a_part_and_of_the_rest_mirror_each_other(pairs):
    parts, wholes = (np.array(column) for column in zip(*pairs, strict=True))
    part, rest = clustered_share(sums(parts, wholes)), clustered_share(sums(wholes - parts, wholes))
    assert part.ratio + rest.ratio == pytest.approx(1.0)
    assert (part.low, part.high) == pytest.approx((1 - rest.high, 1 - rest.low), abs=1e-6)


@given(clusters, st.floats(1e-3, 1e3))
def test_the_unit_of_exposure_rescales_a_rate(pairs, factor):
    parts, wholes = (np.array(column) for column in zip(*pairs, strict=True))
    one, other = clustered_rate(sums(parts, wholes)), clustered_rate(sums(parts, wholes * factor))
    if one is None:
        assert other is None
        return
    assert (other.ratio * factor, other.low * factor, other.high * factor) == pytest.approx(
        (one.ratio, one.low, one.high), rel=1e-3
    )


def test_the_standard_error_is_that_of_a_clustered_regression():
    import statsmodels.api as sm
    from scipy.stats import t

    rng = np.random.default_rng(3)
    wholes = rng.integers(5, 60, 25)
    parts = rng.binomial(wholes, rng.beta(2, 5, 25))
    hits = np.concatenate([np.r_[np.ones(k), np.zeros(n - k)] for k, n in zip(parts, wholes, strict=True)])
    groups = np.repeat(np.arange(25), wholes)
    fit = sm.OLS(hits, np.ones(len(hits))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    # statsmodels also multiplies by (n - 1) / (n - k), which is 1 here
    found = clustered_share(sums(parts, wholes))
    logit = np.log(found.high / (1 - found.high)) - np.log(found.ratio / (1 - found.ratio))
    error = logit * found.ratio * (1 - found.ratio) / t.ppf(0.95, 24)
    assert error == pytest.approx(fit.bse[0], rel=1e-9)


def test_where_users_differ_only_the_clustered_interval_covers():
    rng = np.random.default_rng(8)
    exact, clustered = [], []
    for _ in range(400):
        wholes = rng.integers(20, 80, 40)
        parts = rng.binomial(wholes, rng.beta(1.0, 4.0, 40))  # every user has a share of his own, 0.2 on average
        found = clustered_share(sums(parts, wholes))
        plain = binomial_share(int(parts.sum()), int(wholes.sum()))
        clustered.append(found.low <= 0.2 <= found.high)
        exact.append(plain.low <= 0.2 <= plain.high)
    assert np.mean(exact) < 0.6
    assert 0.84 < np.mean(clustered) < 0.95


def test_of_independent_failures_the_clustered_interval_is_the_poisson_one_nearly():
    rng = np.random.default_rng(9)
    exposure = np.full(400, 50.0)
    failures = rng.poisson(exposure * 0.02)
    found = clustered_rate(sums(failures, exposure))
    plain = poisson_rate(int(failures.sum()), float(exposure.sum()))
    assert (found.low, found.high) == pytest.approx((plain.low_per_day, plain.high_per_day), rel=0.03)


def test_one_cluster_says_nothing_of_the_variation_between_clusters():
    assert clustered_rate(sums([3], [10])) is None
    found = clustered_share(sums([3], [10]))
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_part_that_no_cluster_has_is_bounded_by_the_effective_clusters():
    found = clustered_share(sums([0] * 10, [7] * 10))
    assert found.effective_clusters == pytest.approx(10)
    assert (found.low, found.high) == pytest.approx((0.0, binomial_share(0, 10).high))
    assert clustered_rate(sums([0] * 10, [7] * 10)) is None


@pytest.mark.parametrize(
    ("error", "question", "values"),
    [
        (EmptyShareError, clustered_share, ClusterSums(0, 0, 0, 0, 0, 0)),
        (ShareAboveOneError, clustered_share, ClusterSums(2, 3, 2, 5, 5, 2)),
        (NotFiniteError, clustered_share, ClusterSums(2, float("nan"), 2, 5, 5, 2)),
        (ImpossibleSquaresError, clustered_share, ClusterSums(2, 5, 10, 1, 50, 10)),
        (ZeroExposureError, clustered_rate, ClusterSums(0, 0, 0, 0, 0, 0)),
        (FailuresWithoutExposureError, clustered_rate, ClusterSums(1, 2, 0, 4, 0, 0)),
    ],
)
def test_what_cannot_be_is_refused_by_name(error, question, values):
    with pytest.raises(error):
        question(values)


def test_a_confidence_of_90_is_none():
    with pytest.raises(ConfidenceOutOfRangeError):
        clustered_share(sums([1], [2]), 90)
