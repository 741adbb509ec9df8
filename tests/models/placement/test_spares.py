"""Spares of a segment, against counting out all states, the balance equations of the chain, and HPN's 8 of 128."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.availability.exact import k_of_n
from models.errors import ModelError, NotAShareError
from models.placement.spares import HostRate, binomial_availability, segment_spares, shelf_availability

RSC_1 = HostRate(6.5e-3)


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@given(st.integers(1, 5), st.integers(0, 4), st.floats(0, 3))
def test_switched_on_spares_are_all_states_counted_out(hosts, spares, load):
    up = 1 / (1 + load)
    counted = sum(
        up ** sum(state) * (1 - up) ** (hosts + spares - sum(state))
        for state in itertools.product([0, 1], repeat=hosts + spares)
        if sum(state) >= hosts
    )
    assert binomial_availability(hosts, spares, [load])[0] == pytest.approx(counted)
    assert counted == pytest.approx(k_of_n(hosts, hosts + spares, up))


@given(st.integers(1, 6), st.integers(0, 5), st.floats(0.01, 3))
def test_spares_on_the_shelf_balance(hosts, spares, load):
    states = hosts + spares + 1
    flow = np.zeros((states, states))
    for out in range(states - 1):
        flow[out, out + 1] = min(hosts, hosts + spares - out) * load
        flow[out + 1, out] = out + 1
    np.fill_diagonal(flow, -flow.sum(axis=1))
    equations = np.vstack([flow.T, np.ones(states)])
    share = np.linalg.lstsq(equations, np.append(np.zeros(states), 1.0), rcond=None)[0]
    assert shelf_availability(hosts, spares, load) == pytest.approx(share[: spares + 1].sum(), abs=1e-9)


@given(st.integers(1, 40), st.integers(0, 8), st.floats(0, 2))
def test_a_spare_on_the_shelf_is_worth_no_less_than_one_switched_on(hosts, spares, load):
    assert shelf_availability(hosts, spares, load) >= binomial_availability(hosts, spares, [load])[0] - 1e-12


def test_without_spares_every_host_has_to_work():
    assert shelf_availability(128, 0, 6.5e-3) == pytest.approx((1 / 1.0065) ** 128)
    assert binomial_availability(128, 0, [6.5e-3])[0] == pytest.approx((1 / 1.0065) ** 128)


def test_hpns_eight_spares_are_more_than_a_day_of_repair_needs_and_about_right_for_a_week():
    assert segment_spares(128, RSC_1, 24.0, 0.999, rng()).enough == 5
    week = segment_spares(128, RSC_1, 7 * 24.0, 0.9, rng()).enough
    assert week is not None
    assert 7 <= week <= 10


def test_many_hosts_with_few_down_are_poisson():
    load = 0.832
    found = segment_spares(100_000, HostRate(load / 100_000), 24.0, 0.999, rng())
    tail = 1 - sum(math.exp(-load) * load**n / math.factorial(n) for n in range(5))
    assert 1 - found.levels[4].availability == pytest.approx(tail, rel=1e-3)


def test_availability_never_falls_with_more_spares_and_its_limits_hold_it():
    found = segment_spares(128, HostRate(6.5e-3, 65, 10_000.0), 24.0, 0.9999, rng())
    values = [level.availability for level in found.levels]
    assert values == sorted(values)
    assert all(level.low <= level.availability <= level.high for level in found.levels)
    assert found.enough is not None
    assert found.surely_enough is not None
    assert found.enough <= found.surely_enough


def test_fewer_failures_counted_leave_wider_limits():
    wide, narrow = (
        segment_spares(128, HostRate(6.5e-3, k, k / 6.5e-3), 24.0, 0.99, rng()).levels[2] for k in (13, 1300)
    )
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_without_a_failure_the_limits_are_a_bound_and_what_holds_if_nothing_ever_fails():
    found = segment_spares(128, HostRate(0.0, 0, 10_000.0), 24.0, 0.999, rng())
    assert all(level.low < level.availability == level.high == 1.0 for level in found.levels[:2])
    assert binomial_availability(128, 0, [-math.log(0.1) / 10_000])[0] == pytest.approx(found.levels[0].low)


def test_what_takes_the_whole_segment_down_is_a_ceiling_that_no_spare_lifts():
    found = segment_spares(
        16, RSC_1, 24.0, 0.99999, rng(), shared_failures_per_day=8 * 0.00051 / 30.4, shared_repair_hours=4.0
    )
    assert found.enough is None
    assert found.ceiling == pytest.approx(1 - 8 * 0.00051 / 30.4 * 4 / 24, rel=1e-6)
    assert max(level.availability for level in found.levels) <= found.ceiling
    assert "no number of them" in found.warnings[0]
    assert "above that" in found.warnings[0]


def test_hosts_that_never_fail_need_no_spare():
    assert segment_spares(128, HostRate(0.0), 24.0, 0.999, rng()).enough == 0


@pytest.mark.parametrize("target", [0.0, 1.0, -1.0, float("nan")])
def test_a_target_that_is_no_share_is_refused(target):
    with pytest.raises(NotAShareError, match="target"):
        segment_spares(128, RSC_1, 24.0, target, rng())


@pytest.mark.parametrize(("hosts", "repair"), [(0, 24.0), (128, -1.0), (128, float("nan"))])
def test_numbers_that_cannot_be_are_refused(hosts, repair):
    with pytest.raises(ModelError):
        segment_spares(hosts, RSC_1, repair, 0.9, rng())
