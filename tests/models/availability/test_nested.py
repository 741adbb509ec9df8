"""Nested domains with shared outages: exact against drawing, against conditioning by hand, and against no sharing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.availability.errors import NeededAboveMembersError, UnevenDomainsError
from models.availability.exact import k_of_n
from models.availability.nested import (
    UNTOUCHED,
    Domain,
    DomainStates,
    members_down,
    nested_domains,
    nested_k_of_n,
    shock_states,
)

down_shares = st.floats(0.0, 0.5)


@given(st.floats(0.0, 0.3), st.floats(0.1, 20.0), st.floats(0.0, 1.0))
def test_states_of_a_shocked_domain_are_a_distribution(rate: float, outage: float, share: float) -> None:
    states = shock_states(rate, outage, share)
    assert states.probability.sum() == pytest.approx(1.0, abs=1e-12)
    # On average a member is spared with exp(-load share): Poisson thinning.
    spared = float((states.probability * states.survival).sum())
    assert spared == pytest.approx(np.exp(-rate * outage * share), abs=1e-10)


@given(st.integers(1, 12), down_shares, st.data())
def test_without_shocks_members_are_independent(members: int, down: float, data: st.DataObject) -> None:
    needed = data.draw(st.integers(0, members))
    split = data.draw(st.integers(0, members))
    tree = Domain(members=split, inner=((Domain(members=1), members - split),) if members > split else ())
    assert nested_k_of_n(needed, tree, down) == pytest.approx(k_of_n(needed, members, 1 - down), abs=1e-10)


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(1, 4), down_shares, st.floats(0.0, 0.2), st.floats(0.0, 1.0))
def test_the_numbers_down_have_probabilities_that_sum_to_one(
    racks: int, hosts: int, down: float, rate: float, share: float
) -> None:
    rack = Domain(shock_states(rate, 3.0, share), members=hosts)
    tree = Domain(shock_states(rate / 2, 3.0, share), inner=((rack, racks),))
    distribution = members_down(tree, down, tree.size)
    assert distribution.sum() == pytest.approx(1.0, abs=1e-10)
    cut = members_down(tree, down, max(0, tree.size - 2))
    assert cut == pytest.approx(distribution[: cut.size], abs=1e-12)


def test_three_levels_agree_with_drawing() -> None:
    rng = np.random.default_rng(2)
    replicas, pods, racks, hosts, own = 200_000, 2, 3, 4, 0.02
    levels = {"cluster": (0.004, 5.0, 0.3), "pod": (0.01, 5.0, 0.5), "rack": (0.02, 5.0, 0.9)}
    rack = Domain(shock_states(*levels["rack"]), members=hosts)
    pod = Domain(shock_states(*levels["pod"]), inner=((rack, racks),))
    tree = Domain(shock_states(*levels["cluster"]), inner=((pod, pods),))
    up = np.ones((replicas, pods, racks, hosts), dtype=bool)
    for shape, (rate, outage, share) in zip(
        ((replicas, 1, 1, 1), (replicas, pods, 1, 1), (replicas, pods, racks, 1)), levels.values(), strict=True
    ):
        in_force = rng.poisson(rate * outage, shape)
        up &= rng.random(up.shape) < (1 - share) ** in_force
    up &= rng.random(up.shape) >= own
    working = up.sum(axis=(1, 2, 3))
    for needed in (24, 22, 18, 10, 1):
        exact = nested_k_of_n(needed, tree, own)
        assert (working >= needed).mean() == pytest.approx(
            exact, abs=4 * np.sqrt(exact * (1 - exact) / replicas) + 1e-9
        )


@given(st.integers(1, 10), down_shares, st.floats(0.0, 0.2), st.floats(0.0, 0.2), st.data())
def test_more_shocks_never_help(members: int, down: float, rate: float, more: float, data: st.DataObject) -> None:
    needed = data.draw(st.integers(1, members))
    calm = Domain(shock_states(rate, 2.0, 0.6), members=members)
    rough = Domain(shock_states(rate + more, 2.0, 0.6), members=members)
    assert nested_k_of_n(needed, rough, down) <= nested_k_of_n(needed, calm, down) + 1e-12


def test_suffering_two_things_is_the_product_of_both() -> None:
    one, other = shock_states(0.1, 2.0, 0.5), shock_states(0.05, 4.0, 1.0)
    both = one.and_also(other)
    assert both.probability.sum() == pytest.approx(1.0)
    assert (both.probability * both.survival).sum() == pytest.approx(
        (one.probability * one.survival).sum() * (other.probability * other.survival).sum()
    )
    inside = Domain(one, inner=((Domain(other, members=5), 1),))
    assert members_down(Domain(both, members=5), 0.1, 5) == pytest.approx(members_down(inside, 0.1, 5), abs=1e-12)


def test_domains_alike_are_kept_once_and_order_does_not_matter() -> None:
    lethal = shock_states(0.01, 5.0, 1.0)
    racks = np.repeat(np.arange(6), 3)
    levels = [("pod", racks // 2, [UNTOUCHED] * 3), ("rack", racks, [lethal] * 6)]
    tree = nested_domains(levels, 18)
    assert [many for _, many in tree.inner] == [3]
    mixed = np.random.default_rng(1).permutation(18)
    shuffled = nested_domains([(name, numbers[mixed], states) for name, numbers, states in levels], 18)
    assert members_down(shuffled, 0.05, 18) == pytest.approx(members_down(tree, 0.05, 18), abs=1e-14)


def test_a_rack_in_two_pods_is_refused() -> None:
    with pytest.raises(UnevenDomainsError, match="rack and pod"):
        nested_domains([("pod", [0, 1], [UNTOUCHED] * 2), ("rack", [0, 0], [UNTOUCHED])], 2)


def test_more_than_there_are_cannot_be_needed() -> None:
    with pytest.raises(NeededAboveMembersError):
        nested_k_of_n(3, Domain(members=2), 0.1)


def test_a_large_cluster_is_quick_and_exact() -> None:
    """100,000 members: the mean of the distribution is the mean."""
    rack = Domain(DomainStates(np.array([0.999, 0.001]), np.array([1.0, 0.0])), members=4)
    pod = Domain(inner=((rack, 250),))
    found = members_down(Domain(inner=((pod, 100),)), 1e-5, 400)
    assert found.sum() == pytest.approx(1.0, abs=1e-9)
    assert found @ np.arange(401) == pytest.approx(100_000 * (1 - 0.999 * (1 - 1e-5)), rel=1e-6)
