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
    k_of_n_unavailability,
    k_of_n_unequal,
    parallel,
    placed_job_availability,
    poisson_binomial,
    series,
    steady_availability,
    unavailability,
)
from models.availability.loss_times import hours_to_loss, outages_per_hour
from models.errors import NegativeValueError, NotFiniteError, NotPositiveError

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
    assert k_of_n_unavailability(needed, members, 1.0 - up) == pytest.approx(
        1.0 - k_of_n(needed, members, up), abs=1e-12
    )


@given(some_shares)
def test_all_of_n_is_a_series_and_one_of_n_is_parallel(members: list[float]) -> None:
    assert k_of_n_unequal(len(members), members) == pytest.approx(series(members), abs=1e-12)
    assert k_of_n_unequal(1, members) == pytest.approx(parallel(members), abs=1e-12)


@given(some_shares)
def test_a_series_is_no_better_than_its_worst_and_parallel_no_worse_than_its_best(
    members: list[float],
) -> None:
    assert series(members) <= min(members) + 1e-15
    assert parallel(members) >= max(members) - 1e-15


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
    fewer = placed_job_availability(hosts, spares, up)
    assert placed_job_availability(hosts, spares + 1, up) >= fewer - 1e-12
    assert placed_job_availability(hosts + 1, spares, up) <= fewer + 1e-12


@given(st.floats(1e-6, 1e6), st.floats(0.0, 1e6), st.floats(1e-3, 1e3))
def test_availability_is_the_same_in_any_unit_of_time(mtbf: float, mttr: float, unit: float) -> None:
    assert steady_availability(mtbf * unit, mttr * unit) == pytest.approx(steady_availability(mtbf, mttr), rel=1e-9)
    assert unavailability(1.0 / mtbf, mttr) == pytest.approx(1.0 - steady_availability(mtbf, mttr), abs=1e-12)


def test_tiny_unavailabilities_keep_their_digits() -> None:
    assert k_of_n_unavailability(1, 3, 1e-8) == pytest.approx(1e-24, rel=1e-9)


def loss_by_linear_system(needed: int, members: int, rate: float, repair: float, crews: int) -> float:
    """Solve the mean time to absorption of the chain, another way than by the recursion."""
    states = members - needed + 1
    generator = np.zeros((states, states))
    for down in range(states):
        birth, death = (members - down) * rate, min(down, crews) / repair
        generator[down, down] = -(birth + death)
        if down + 1 < states:
            generator[down, down + 1] = birth
        if down:
            generator[down, down - 1] = death
    return float(np.linalg.solve(generator, -np.ones(states))[0])


@given(st.integers(1, 8), st.integers(0, 3), st.floats(0.02, 1.0), st.floats(0.5, 10.0), st.integers(0, 9))
def test_the_time_to_the_first_loss_solves_the_chain(k: int, more: int, rate: float, repair: float, crews: int) -> None:
    found = hours_to_loss(k, k + more, rate, repair, repairs_at_once=crews)
    assert found == pytest.approx(loss_by_linear_system(k, k + more, rate, repair, crews), rel=1e-6)


def test_without_repair_the_time_to_loss_is_the_sum_of_the_steps() -> None:
    assert hours_to_loss(2, 4, 0.01, 1.0, repairs_at_once=0) == pytest.approx(100 * (1 / 4 + 1 / 3 + 1 / 2))


def test_more_spares_and_faster_repair_put_the_loss_off() -> None:
    times = [hours_to_loss(8, 8 + spares, 0.001, 10.0) for spares in range(5)]
    assert times == sorted(times)
    assert hours_to_loss(8, 9, 0.001, 5.0) > hours_to_loss(8, 9, 0.001, 10.0)


@given(st.integers(1, 9), st.integers(0, 5), st.floats(1e-4, 0.1), st.floats(0.5, 20.0))
def test_outages_balance_between_the_states(k: int, more: int, rate: float, repair: float) -> None:
    """In the long run a system goes down as often as it comes back: from one short of k."""
    members, up = k + more, 1.0 - unavailability(rate, repair)
    below = k - 1
    weight = np.prod([(members - i) / (i + 1) for i in range(below)]) * up**below * (1 - up) ** (members - below)
    comes_back = float(weight) * (members - below) / repair
    assert outages_per_hour(k, members, rate, repair) == pytest.approx(comes_back, rel=1e-9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(NeededAboveMembersError, match="3 of 2"):
        k_of_n(3, 2, 0.9)
    with pytest.raises(NoMembersError):
        series([])
    with pytest.raises(NotAProbabilityError, match=r"1\.2"):
        parallel([0.5, 1.2])
    with pytest.raises(NotFiniteError):
        series([0.5, float("nan")])
    with pytest.raises(NotPositiveError):
        steady_availability(0.0, 1.0)
    with pytest.raises(NegativeValueError):
        steady_availability(1.0, -1.0)
    with pytest.raises(NotPositiveError):
        hours_to_loss(0, 2, 0.1, 1.0)


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(0, 3), st.floats(0.5, 0.999))
def test_drawing_states_agrees_with_the_exact_value(k: int, more: int, up: float) -> None:
    rng = np.random.default_rng(11)
    works = (rng.random((20_000, k + more)) < up).sum(axis=1) >= k
    exact = k_of_n(k, k + more, up)
    assert works.mean() == pytest.approx(exact, abs=5 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-9)
