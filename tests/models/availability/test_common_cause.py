"""Common-cause models: independent without a common cause, and equal to every event counted out."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.availability.common_cause import (
    basic_from_beta,
    beta_factor,
    common_cause_k_of_n,
)
from models.availability.errors import NotAProbabilityError
from models.availability.exact import k_of_n
from models.errors import EmptyShareError

small = st.floats(0.0, 0.3)


def counted_out(needed: int, basic: list[float]) -> float:
    """Every combination of events: each set of members has one of its own."""
    members = len(basic)
    events = [
        (set(chosen), basic[size - 1])
        for size in range(1, members + 1)
        for chosen in combinations(range(members), size)
    ]
    total = 0.0
    for state in product((True, False), repeat=len(events)):
        down: set[int] = set()
        weight = 1.0
        for struck, (chosen, probability) in zip(state, events, strict=True):
            weight *= probability if struck else 1 - probability
            if struck:
                down |= chosen
        total += weight * (members - len(down) >= needed)
    return total


@settings(max_examples=30, deadline=None)
@given(st.lists(small, min_size=1, max_size=3), st.data())
def test_the_exact_value_agrees_with_every_event_counted_out(basic: list[float], data: st.DataObject) -> None:
    needed = data.draw(st.integers(0, len(basic)))
    assert common_cause_k_of_n(needed, basic) == pytest.approx(counted_out(needed, basic), abs=1e-12)


@given(small, st.integers(1, 12), st.data())
def test_beta_of_zero_is_independence(down: float, members: int, data: st.DataObject) -> None:
    needed = data.draw(st.integers(0, members))
    found = common_cause_k_of_n(needed, basic_from_beta(down, 0.0, members))
    assert found == pytest.approx(k_of_n(needed, members, 1 - down), abs=1e-9)


@given(st.floats(1e-4, 0.3), st.integers(2, 6))
def test_a_redundant_group_only_loses_by_sharing_causes(down: float, members: int) -> None:
    found = [common_cause_k_of_n(1, basic_from_beta(down, beta, members)) for beta in (0.0, 0.1, 0.5, 1.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(1 - down)


def test_the_beta_factor_counts_failures_that_came_with_others() -> None:
    found = beta_factor([10, 3, 0, 1], np.random.default_rng(1))
    assert found.beta == pytest.approx(10 / 20)
    assert (found.events, found.shared_events) == (14, 4)
    assert found.low < found.beta < found.high


def test_a_beta_factor_of_none_or_all_has_a_limit() -> None:
    none, every = (beta_factor(counts, np.random.default_rng(1)) for counts in ([20, 0], [0, 20]))
    assert (none.beta, none.low) == (0.0, 0.0)
    assert 0.1 < none.high < 0.2
    assert (every.beta, every.high) == (1.0, 1.0)
    assert 0.8 < every.low < 0.9


def test_limits_of_the_beta_factor_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    shares, size = np.array([0.8, 0.1, 0.0, 0.1]), np.arange(1, 5)
    truth = (size * shares)[1:].sum() / (size * shares).sum()
    limits = [beta_factor(counts, rng, draws=500) for counts in rng.multinomial(80, shares, size=400)]
    held = np.mean([found.low <= truth <= found.high for found in limits])
    assert 0.85 < held < 0.95


def test_no_events_and_bad_shares_are_refused() -> None:
    with pytest.raises(EmptyShareError):
        beta_factor([0, 0], np.random.default_rng(1))
    with pytest.raises(NotAProbabilityError):
        basic_from_beta(0.1, 1.5, 2)
