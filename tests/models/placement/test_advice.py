"""Placement advice: the best of all placements on fabrics small enough to try them all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.availability.component_rates import ComponentRate, ComponentRates
from models.errors import ModelError
from models.placement.advice import advise, compact_hosts, placement, switch_prices
from models.placement.errors import HostsDoNotFitError, NoSuchHostError
from models.placement.leaning import leaning
from tests.models.placement.fabrics import KINDS, pod, small

#: rates that make every tier matter
RATES = ComponentRates(
    tuple(
        ComponentRate(tier, rate, 5.0, "an example", "assumption")
        for tier, rate in (
            ("nvswitch", 3e-4),
            ("ocs", 2e-4),
            ("tor", 1e-4),
            ("leaf", 2e-4),
            ("agg", 5e-3),
            ("spine", 7e-3),
            ("core", 1e-2),
        )
    )
)
LEANS = {kind: leaning(small(kind, 8)) for kind in KINDS}
LOST_HOURS = 0.6


def lost(lean, hosts) -> float:
    prices = switch_prices(lean, RATES, LOST_HOURS)
    return placement("tried", lean, hosts, RATES, prices).lost_hours_per_day


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "railx"])
@settings(max_examples=12, deadline=None)
@given(st.data())
def test_no_placement_loses_less_than_the_compact_one(kind, data):
    lean = LEANS[kind]
    free = sorted(data.draw(st.sets(st.integers(0, 7), min_size=1)))
    hosts = data.draw(st.integers(1, len(free)))
    best = min(lost(lean, tried) for tried in itertools.combinations(free, hosts))
    found = compact_hosts(lean, hosts, RATES, LOST_HOURS, free=free)
    assert set(found.tolist()) <= set(free)
    assert found.size == hosts
    assert lost(lean, found) == pytest.approx(best)


@pytest.mark.parametrize("hosts", range(1, 9))
def test_the_search_where_no_tree_orders_the_hosts_is_close_to_the_best(hosts):
    lean = leaning(small("railx", 9))
    best = min(lost(lean, tried) for tried in itertools.combinations(range(9), hosts))
    found = advise(lean, hosts, RATES, LOST_HOURS, np.random.default_rng(1), draws=20)
    assert not found.is_exact
    assert best - 1e-12 <= found.compact.lost_hours_per_day <= 1.2 * best
    assert found.compact.lost_hours_per_day <= min(one.lost_hours_per_day for one in found.random) + 1e-12


@pytest.mark.parametrize("hosts", range(1, 9))
def test_no_placement_has_less_of_the_job_on_one_tor_than_the_spread_one(hosts):
    lean = leaning(small("hpn-single-tor", 8))
    found = advise(lean, hosts, RATES, LOST_HOURS, np.random.default_rng(1), draws=1).spread
    prices = switch_prices(lean, RATES, LOST_HOURS)
    tried = (placement("", lean, each, RATES, prices) for each in itertools.combinations(range(8), hosts))
    assert found.largest_share == pytest.approx(min(one.largest_share for one in tried))


def test_advice_on_hpn_with_single_tors_fills_segments_one_by_one():
    found = advise(leaning(pod(single_tor=True, hosts=640)), 256, RATES, LOST_HOURS, np.random.default_rng(1))
    assert found.compact.switches["tor"] == 16
    assert found.spread.switches["tor"] == 40
    assert found.spread.largest_share == pytest.approx(52 / 256)
    assert all(one.switches["tor"] == 40 for one in found.random)
    # However they stand, as many hosts are lost to switches on average; it is the stops that differ.
    assert found.compact.hosts_lost_per_day == pytest.approx(found.spread.hosts_lost_per_day)
    assert found.compact.fatal_per_day == pytest.approx(found.spread.fatal_per_day * 16 / 40)
    assert found.saved_hours_per_day > 0


def test_hosts_that_are_taken_are_never_advised():
    lean = leaning(small("clos"))
    free = [0, 1, 2, 5, 8, 9, 10, 11, 14]
    assert compact_hosts(lean, 4, RATES, LOST_HOURS, free=free).tolist() == [8, 9, 10, 11]


@pytest.mark.parametrize("hosts", [0, 5])
def test_more_hosts_than_are_free_are_refused(hosts):
    with pytest.raises(HostsDoNotFitError, match="4 are there"):
        advise(LEANS["clos"], hosts, RATES, LOST_HOURS, np.random.default_rng(1), free=range(4))


def test_a_host_that_is_none_and_a_loss_that_is_none_are_named():
    with pytest.raises(NoSuchHostError, match="host 9"):
        compact_hosts(LEANS["clos"], 1, RATES, LOST_HOURS, free=[9])
    with pytest.raises(ModelError, match="lost_hours_per_failure"):
        compact_hosts(LEANS["clos"], 1, RATES, float("nan"))


def test_a_thousand_of_four_thousand_hosts_fill_their_segments():
    lean = leaning(small("hpn-single-tor", 4000))
    found = compact_hosts(lean, 1000, RATES, LOST_HOURS)
    assert (found.size, np.unique(found // 4).size) == (1000, 250)
