"""Rates of dependent failures: dispersion is seen, intervals cover fleets with lemons and shared shocks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import LengthMismatchError, NotACountError, NotFiniteError, ZeroExposureError
from models.rates import poisson_rate
from models.recurrence.errors import TooFewClustersError, TooFewFailuresError
from models.recurrence.negative_binomial import log_likelihood, negative_binomial_rate
from models.recurrence.robust_rate import robust_rate, robust_rate_from_margins, unit_dispersion
from models.recurrence.shrinkage import shrunken_rates

NODES, DAYS = 200, 250
NODE, DAY = np.repeat(np.arange(NODES), DAYS), np.tile(np.arange(DAYS), NODES)


def dependent_fleet(rng, rate=0.01, lemon_shape=2.0, shock_share=0.3):
    """Node-days: rates differ by node, and shocks strike a few percent of the nodes on the same day."""
    own = rng.gamma(lemon_shape, 1 / lemon_shape, NODES)
    counts = rng.poisson(rate * (1 - shock_share) * own[NODE])
    shocks = rng.poisson(rate * shock_share * NODES / 6 * np.ones(DAYS))
    for day in np.flatnonzero(shocks):
        for _ in range(shocks[day]):
            counts[rng.choice(NODES, 6, replace=False) * DAYS + day] += 1
    return counts


def test_two_way_interval_covers_fleets_with_lemons_and_shared_shocks():
    rng = np.random.default_rng(20)
    robust = plain = 0
    exposure = np.ones(NODE.size)
    for _ in range(300):
        counts = dependent_fleet(rng)
        found = robust_rate(counts, exposure, NODE, DAY)
        assert found.method == "two-way cluster-robust"
        robust += found.low_per_day <= 0.01 <= found.high_per_day
        exact = poisson_rate(counts.sum(), exposure.sum())
        plain += exact.low_per_day <= 0.01 <= exact.high_per_day
    assert 0.86 <= robust / 300 <= 0.95
    assert plain / 300 < 0.8


def test_two_way_variance_is_the_double_sum_over_cells_that_share_a_cluster():
    rng = np.random.default_rng(21)
    node, day = np.repeat(np.arange(25), 30), np.tile(np.arange(30), 25)
    counts, exposure = rng.poisson(2.0 * rng.gamma(1.0, 1.0, 25)[node]), rng.uniform(0.5, 1.5, node.size)
    found = robust_rate(counts, exposure, node, day)
    residual = counts - counts.sum() / exposure.sum() * exposure
    product = np.outer(residual, residual)
    by_node, by_day = ((label[:, None] == label[None, :]) * product for label in (node, day))
    variance = 25 / 24 * by_node.sum() + 30 / 29 * by_day.sum() - (residual**2).sum()
    assert found.dispersion == pytest.approx(variance / counts.sum())


def test_negative_binomial_interval_covers_units_that_differ():
    rng = np.random.default_rng(22)
    held = 0
    exposure = rng.uniform(50, 300, 80)
    for _ in range(200):
        counts = rng.poisson(0.02 * exposure * rng.gamma(1.5, 1 / 1.5, 80))
        found = negative_binomial_rate(counts, exposure)
        held += found.low_per_day <= 0.02 <= found.high_per_day
    assert 0.83 <= held / 200 <= 0.955


def test_negative_binomial_fit_is_the_highest_on_a_grid():
    rng = np.random.default_rng(23)
    exposure = rng.uniform(50, 300, 60)
    counts = rng.poisson(0.02 * exposure * rng.gamma(1.0, 1.0, 60)).astype(float)
    found = negative_binomial_rate(counts, exposure)
    grid = [
        log_likelihood(counts, found.rate_per_day * f * exposure, found.dispersion * g)
        for f in np.linspace(0.7, 1.4, 40)
        for g in np.linspace(0.5, 2.0, 40)
    ]
    assert found.log_likelihood >= max(grid) - 1e-9
    assert found.log_likelihood == pytest.approx(
        log_likelihood(counts, found.rate_per_day * exposure, found.dispersion)
    )


def test_counts_that_vary_less_than_poisson_have_no_dispersion():
    found = negative_binomial_rate([5] * 20, [100.0] * 20)
    exact = poisson_rate(100, 2000.0)
    assert found.dispersion == 0
    assert found.rate_per_day == pytest.approx(exact.rate_per_day)
    assert found.low_per_day == pytest.approx(exact.low_per_day, rel=0.02)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=3, max_size=30).filter(any), st.floats(1e-3, 1e3))
def test_the_unit_of_exposure_only_rescales(counts, factor):
    exposure = np.linspace(50, 150, len(counts))
    one, other = (negative_binomial_rate(counts, days) for days in (exposure, exposure * factor))
    assert one.low_per_day <= one.rate_per_day <= one.high_per_day
    for name in ("rate_per_day", "low_per_day", "high_per_day"):
        assert getattr(other, name) * factor == pytest.approx(getattr(one, name), rel=1e-4)


@pytest.mark.parametrize("expected", [0.3, 2.0, 10.0])
def test_dispersion_over_units_holds_its_level_on_poisson_counts_and_sees_lemons(expected):
    rng = np.random.default_rng(24)
    exposure = rng.uniform(0.5, 1.5, 300) * expected
    accused = np.mean([unit_dispersion(rng.poisson(exposure), exposure).p_value < 0.05 for _ in range(1000)])
    assert 0.03 <= accused <= 0.075
    lemons = np.where(np.arange(300) < 6, 12.0, 1.0)
    seen = np.mean([unit_dispersion(rng.poisson(exposure * lemons), exposure).p_value < 0.05 for _ in range(50)])
    assert seen >= 0.95


def test_few_failures_or_clusters_fall_back_with_a_warning():
    few = robust_rate([1, 0, 2], [10.0] * 3, ["a", "b", "c"])
    exact = poisson_rate(3, 30.0)
    assert (few.method, few.low_per_day, few.high_per_day) == ("exact", exact.low_per_day, exact.high_per_day)
    assert len(few.warnings) == 1
    racks = robust_rate([10, 30, 5], [100.0] * 3, ["a", "b", "c"])
    assert racks.method == "negative binomial"
    assert len(racks.warnings) == 1
    none = robust_rate([0] * 50, [1.0] * 50, np.arange(50))
    assert (none.rate_per_day, none.low_per_day) == (0, 0)
    assert none.high_per_day == pytest.approx(-math.log(0.05) / 50)


def test_one_way_interval_is_never_narrower_than_poisson():
    even = robust_rate([5] * 30, [100.0] * 30, np.arange(30))
    assert (even.method, even.dispersion) == ("cluster-robust", 1.0)


def test_impossible_cells_are_refused_by_name():
    with pytest.raises(LengthMismatchError):
        robust_rate([1, 2], [1.0, 1.0], [1, 2, 3])
    with pytest.raises(LengthMismatchError):
        robust_rate([1, 2], [1.0, 1.0], [1, 2], [1])
    with pytest.raises(NotACountError):
        robust_rate([0.5, 2], [1.0, 1.0], [1, 2])
    with pytest.raises(NotFiniteError):
        robust_rate([1, 2], [1.0, math.nan], [1, 2])
    with pytest.raises(ZeroExposureError):
        robust_rate([0, 0], [0.0, 0.0], [1, 2])
    with pytest.raises(TooFewClustersError):
        unit_dispersion([3], [1.0])
    with pytest.raises(TooFewFailuresError):
        negative_binomial_rate([0, 0], [1.0, 1.0])
    with pytest.raises(TooFewFailuresError):
        shrunken_rates([0, 0], [1.0, 1.0])


def test_shrunken_rates_lie_between_their_own_rate_and_the_fleets():
    rng = np.random.default_rng(25)
    exposure = rng.uniform(50, 300, 60)
    counts = rng.poisson(0.02 * exposure * rng.gamma(1.0, 1.0, 60))
    found = shrunken_rates(counts, exposure)
    own = counts / exposure
    low, high = np.minimum(own, found.fleet_rate_per_day), np.maximum(own, found.fleet_rate_per_day)
    assert ((low - 1e-12 <= found.mean_per_day) & (found.mean_per_day <= high + 1e-12)).all()
    assert found.expected_rank.sum() == pytest.approx(60 * 61 / 2)


def test_credible_intervals_hold_the_rates_they_were_drawn_from():
    rng = np.random.default_rng(26)
    held = []
    exposure = rng.uniform(50, 300, 200)
    for _ in range(40):
        rates = 0.02 * rng.gamma(2.0, 0.5, 200)
        found = shrunken_rates(rng.poisson(rates * exposure), exposure)
        held.append(np.mean((found.low_per_day <= rates) & (rates <= found.high_per_day)))
    assert 0.875 <= np.mean(held) <= 0.915


def test_groups_that_do_not_differ_share_the_pooled_rate():
    found = shrunken_rates([5] * 20, [100.0] * 20)
    assert found.prior_shape is None
    assert found.mean_per_day == pytest.approx(np.full(20, 0.05))
    assert (found.probability_above_fleet == 0.5).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_margins_tell_nearly_what_all_cells_tell(seed):
    rng = np.random.default_rng(seed)
    nodes, days = np.repeat(np.arange(60), 90), np.tile(np.arange(90), 60)
    lemons = np.where(nodes < 3, 0.3, 0.01)
    failures = rng.poisson(lemons) + (rng.random(90) < 0.03)[days] * (nodes < 20)
    exposure = np.ones(failures.size)
    cells = robust_rate(failures, exposure, nodes, days)
    margins = robust_rate_from_margins(
        np.bincount(nodes, failures),
        np.full(60, 90.0),
        np.bincount(days, failures),
        np.full(90, 60.0),
        failures[failures > 0],
    )
    assert margins.rate_per_day == pytest.approx(cells.rate_per_day)
    assert margins.method == cells.method
    assert margins.low_per_day == pytest.approx(cells.low_per_day, rel=0.02)
    assert margins.high_per_day == pytest.approx(cells.high_per_day, rel=0.02)
