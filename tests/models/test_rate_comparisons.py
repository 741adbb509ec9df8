"""Several rates: homogeneity at any counts, each against the rest, adjusted p-values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import UnknownMethodError
from models.rate_comparisons import TooFewGroupsError, adjusted_p_values, compare_groups, rate_homogeneity
from models.rates import poisson_rate

p_value_lists = st.lists(st.floats(0, 1), min_size=1, max_size=30).map(np.array)


def groups(counts, exposure):
    return {f"g{row}": poisson_rate(int(k), float(t)) for row, (k, t) in enumerate(zip(counts, exposure, strict=True))}


@pytest.mark.parametrize(("expected", "method"), [(0.5, "monte carlo"), (20.0, "chi-square")])
def test_homogeneity_holds_its_level_at_any_counts(expected, method):
    rng = np.random.default_rng(50)
    exposure = np.linspace(0.5, 1.5, 12) * expected * 2
    found = [rate_homogeneity(groups(rng.poisson(exposure), exposure), rng) for _ in range(200)]
    assert np.mean([each.p_value < 0.1 for each in found]) <= 0.1 + 3 * np.sqrt(0.09 / 200)
    assert method in {each.method for each in found}


def test_drawn_p_value_is_the_enumerated_one_for_two_groups():
    from scipy import stats

    found = rate_homogeneity(groups([4, 0], [1.0, 1.0]), np.random.default_rng(51))
    assert found.p_value == pytest.approx(2 * stats.binom.pmf(4, 4, 0.5), abs=0.01)


def test_no_failures_speak_against_nothing():
    found = compare_groups(groups([0, 0, 0], [1.0, 2.0, 3.0]), np.random.default_rng(52))
    assert found.homogeneity.p_value == 1
    assert all(group.adjusted_p_value == 1 and group.ratio is None for group in found.groups)


@pytest.mark.parametrize("adjustment", ["holm", "benjamini-hochberg"])
def test_equal_groups_are_rarely_accused_and_a_bad_one_is_named(adjustment):
    rng = np.random.default_rng(53)
    exposure, alarms, named = np.full(20, 10.0), 0, 0
    for _ in range(200):
        counts = rng.poisson(exposure)
        alarms += any(
            g.adjusted_p_value < 0.1
            for g in compare_groups(groups(counts, exposure), rng, adjustment=adjustment).groups
        )
        counts[3] = rng.poisson(50)
        named += compare_groups(groups(counts, exposure), rng, adjustment=adjustment).groups[3].adjusted_p_value < 0.1
    assert alarms / 200 <= 0.1 + 3 * np.sqrt(0.09 / 200)
    assert named >= 195


@given(p_value_lists)
def test_adjusted_p_values_keep_their_order_and_only_grow(p_values):
    holm, hochberg = (adjusted_p_values(p_values, kind) for kind in ("holm", "benjamini-hochberg"))
    assert (p_values <= hochberg + 1e-12).all()
    assert (hochberg <= holm + 1e-12).all()
    assert (holm <= 1).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(holm[order]) >= 0).all()
    assert (np.diff(hochberg[order]) >= 0).all()


@settings(max_examples=20, deadline=None)
@given(p_value_lists)
def test_adjusted_p_values_equal_those_of_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests

    for mine, theirs in (("holm", "holm"), ("benjamini-hochberg", "fdr_bh")):
        assert adjusted_p_values(p_values, mine) == pytest.approx(multipletests(p_values, method=theirs)[1], abs=1e-12)


def test_impossible_comparisons_are_refused_by_name():
    with pytest.raises(TooFewGroupsError):
        compare_groups(groups([1], [1.0]), np.random.default_rng(1))
    with pytest.raises(UnknownMethodError):
        compare_groups(groups([1, 2], [1.0, 1.0]), np.random.default_rng(1), adjustment="none")
