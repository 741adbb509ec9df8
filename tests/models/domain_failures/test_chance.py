"""The exact tails of the permutation of labels against counting, drawing and the hypergeometric distribution."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from models.domain_failures import node_propensity
from models.domain_failures.chance import chance_tails
from models.errors import LengthMismatchError, NegativeValueError


def test_with_equal_nodes_it_is_the_hypergeometric_distribution() -> None:
    members = np.zeros((3, 64), dtype=bool)
    members[0, :4] = members[1, :32] = members[2, 10:18] = True
    tails = chance_tails(6, np.ones(64), members)
    for domain, size in enumerate((4, 32, 8)):
        expected = stats.hypergeom.sf(np.arange(6), 64, size, 6)
        found = tails.at_least(np.full(6, domain), np.arange(1, 7))
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-300)


def test_a_tail_far_out_is_exact() -> None:
    tails = chance_tails(30, np.ones(2000), (np.arange(2000) < 40)[None, :])
    expected = stats.hypergeom.pmf(30, 2000, 40, 30)
    assert 0 < expected < 1e-50
    assert tails.at_least(np.array([0]), np.array([30]))[0] == pytest.approx(expected, rel=1e-6)


def test_unequal_nodes_are_weighed_as_counting_every_choice_does() -> None:
    rng = np.random.default_rng(1)
    weights = rng.choice([1.0, 5.0, 20.0], 10)
    members = rng.random((4, 10)) < 0.5
    counted = np.zeros((4, 6))
    for chosen in combinations(range(10), 4):
        counted[np.arange(4), members[:, chosen].sum(axis=1)] += weights[list(chosen)].prod()
    expected = np.cumsum((counted / counted.sum(axis=1, keepdims=True))[:, ::-1], axis=1)[:, ::-1]
    tails = chance_tails(4, weights, members)
    assert tails.tails[tails.composition][:, :5] == pytest.approx(expected[:, :5], abs=1e-12)


def test_permuting_labels_within_events_comes_to_the_same() -> None:
    rng = np.random.default_rng(2)
    rack = np.arange(48) < 8
    tails = chance_tails(5, np.ones(48), rack[None, :])
    inside = np.array([rack[rng.permutation(48)[:5]].sum() for _ in range(20_000)])
    for least in (1, 2, 3):
        assert np.mean(inside >= least) == pytest.approx(tails.tails[0, least], abs=0.015)


def test_an_event_of_everybody_holds_all_nodes_of_every_domain() -> None:
    tails = chance_tails(10, np.ones(10), (np.arange(10) < 3)[None, :])
    assert tails.tails[0, :5].tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]


@given(
    weights=hnp.arrays(float, 24, elements=st.sampled_from([0.1, 1.0, 3.0, 30.0])),
    size=st.integers(1, 23),
    domain=st.integers(1, 23),
    seed=st.integers(0, 99),
)
def test_tails_fall_from_one_and_neither_scale_nor_order_matters(
    weights: np.ndarray, size: int, domain: int, seed: int
) -> None:
    members = (np.arange(24) < domain)[None, :]
    tails = chance_tails(size, weights, members).tails[0]
    assert tails[0] == pytest.approx(1.0)
    assert np.all(np.diff(tails) <= 1e-12)
    order = np.random.default_rng(seed).permutation(24)
    again = chance_tails(size, 7.0 * weights[order], members[:, order]).tails[0]
    assert again == pytest.approx(tails, abs=1e-9)


def test_nodes_that_differ_no_more_than_chance_are_alike() -> None:
    assert node_propensity([0, 0, 1, 2, 1, 0], [30.0] * 6).tolist() == [1.0] * 6
    assert node_propensity([0, 0], [30.0, 30.0]).tolist() == [1.0, 1.0]


def test_a_lemon_stands_out_and_does_not_make_the_others_immune() -> None:
    found = node_propensity([0] * 99 + [200], [30.0] * 100)
    assert found[-1] > 50
    assert found[:-1] == pytest.approx(np.full(99, found[0]))
    assert found[0] > 0.3


def test_a_node_in_service_half_as_long_with_half_as_many_failures_is_as_ready_to_fail() -> None:
    found = node_propensity([40, 20, 2, 1, 2, 1], [60.0, 30.0, 60.0, 30.0, 60.0, 30.0])
    assert found[0] == pytest.approx(found[1], rel=0.12)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(NegativeValueError, match="lone_failures"):
        node_propensity([-1, 2], [30.0, 30.0])
    with pytest.raises(LengthMismatchError):
        node_propensity([1, 2], [30.0])
