"""Exact availability: identities, laws, and every state of small systems counted out."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.availability.errors import NeededAboveMembersError, NoMembersError, NotAProbabilityError
from models.availability.exact import (
    k_of_n,
    k_of_n_unequal,
    poisson_binomial,
    series,
    unavailability,
)
from models.errors import NegativeValueError, NotFiniteError

shares = st.floats(0.0, 1.0)
some_shares = st.lists(shares, min_size=1, max_size=7)


def counted_out(needed: int, availabilities: list[float]) -> float:
    total = 0.0
    for state in product((True, False), repeat=len(availabilities)):
        if sum(state) >= needed:
            total += np.prod([up if works else 1 - up for works, up in zip(state, availabilities, strict=True)])
    return float(total)


@given(some_shares, st.data())
def test_unequal_members_agree_with_every_state_counted_out(members: list[float], data: st.DataObject) -> None:
    needed = data.draw(st.integers(0, len(members)))
    assert k_of_n_unequal(needed, members) == pytest.approx(counted_out(needed, members), abs=1e-12)


@given(shares, st.integers(1, 12), st.data())
def test_equal_members_are_a_case_of_unequal_ones(up: float, members: int, data: st.DataObject) -> None:
    needed = data.draw(st.integers(0, members))
    assert k_of_n(needed, members, up) == pytest.approx(k_of_n_unequal(needed, [up] * members), abs=1e-12)


@given(some_shares)
def test_all_of_n_is_a_series_and_one_of_n_is_parallel(members: list[float]) -> None:
    assert k_of_n_unequal(len(members), members) == pytest.approx(series(members), abs=1e-12)
    assert k_of_n_unequal(1, members) == pytest.approx(1 - np.prod(1 - np.array(members)), abs=1e-12)


@given(some_shares)
def test_a_series_is_no_better_than_its_worst(members: list[float]) -> None:
    assert series(members) <= min(members) + 1e-15


@given(some_shares)
def test_the_numbers_at_work_have_probabilities_that_sum_to_one(members: list[float]) -> None:
    distribution = poisson_binomial(members)
    assert distribution.sum() == pytest.approx(1.0, abs=1e-12)
    assert (distribution >= 0).all()
    assert distribution @ np.arange(len(members) + 1) == pytest.approx(sum(members), abs=1e-10)


@given(some_shares, st.randoms())
def test_the_order_of_members_changes_nothing(members: list[float], random: object) -> None:
    shuffled = members[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert poisson_binomial(shuffled) == pytest.approx(poisson_binomial(members), abs=1e-12)


@given(st.integers(1, 200), st.integers(0, 20), shares)
def test_a_placed_job_never_loses_by_a_spare(hosts: int, spares: int, up: float) -> None:
    fewer = k_of_n(hosts, hosts + spares, up)
    assert k_of_n(hosts, hosts + spares + 1, up) >= fewer - 1e-12
    assert k_of_n(hosts + 1, hosts + spares + 1, up) <= fewer + 1e-12


@given(st.floats(1e-6, 1e6), st.floats(0.0, 1e6), st.floats(1e-3, 1e3))
def test_unavailability_is_the_same_in_any_unit_of_time(mtbf: float, mttr: float, unit: float) -> None:
    down = mttr / (mtbf + mttr)
    assert unavailability(1.0 / mtbf, mttr) == pytest.approx(down, abs=1e-12)
    assert unavailability(1.0 / (mtbf * unit), mttr * unit) == pytest.approx(down, rel=1e-9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(NeededAboveMembersError, match="3 of 2"):
        k_of_n(3, 2, 0.9)
    with pytest.raises(NoMembersError):
        series([])
    with pytest.raises(NotAProbabilityError, match=r"1\.2"):
        series([0.5, 1.2])
    with pytest.raises(NotFiniteError):
        series([0.5, float("nan")])
    with pytest.raises(NegativeValueError):
        unavailability(1.0, -1.0)


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(0, 3), st.floats(0.5, 0.999))
def test_drawing_states_agrees_with_the_exact_value(k: int, more: int, up: float) -> None:
    rng = np.random.default_rng(11)
    works = (rng.random((20_000, k + more)) < up).sum(axis=1) >= k
    exact = k_of_n(k, k + more, up)
    assert works.mean() == pytest.approx(exact, abs=5 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-9)
