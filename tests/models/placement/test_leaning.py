"""How hosts lean on a fabric: shares add up, HPN's published shares come out, and more hosts lean on more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.placement.errors import NoSuchHostError
from models.placement.leaning import leaning, switches_used, touched
from models.placement.segments import segments
from models.topology.blast.components import component_classes, components
from models.topology.blast.radius import blast_radius
from tests.models.placement.fabrics import KINDS, pod, small

LEANS = {kind: leaning(small(kind)) for kind in KINDS}


def row(single_tor: bool, component: str, hosts: int = 375):
    lean = leaning(pod(single_tor=single_tor))
    return next(each for each in touched(lean, range(hosts)) if each.component == component)


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_hosts_traffic_goes_through_its_first_switches(kind):
    lean = LEANS[kind]
    first = lean.direct & (lean.tiers != "nvswitch")
    assert lean.through.toarray()[:, first].sum(axis=1) == pytest.approx(np.ones(lean.fabric.hosts))


@pytest.mark.parametrize("kind", KINDS)
def test_no_tier_carries_more_than_all_traffic(kind):
    lean = LEANS[kind]
    for tier in set(lean.tiers.tolist()):
        assert (lean.through.toarray()[:, lean.tiers == tier].sum(axis=1) <= 1 + 1e-12).all()


def test_a_lost_port_costs_a_sixteenth_of_the_host_and_a_lost_agg_a_sixtieth_of_a_plane():
    assert row(False, "nic-link").lost_share == 1 / 16
    assert row(False, "tor").lost_share == 1 / 16
    assert row(False, "agg").lost_share == pytest.approx(1 / 120)


def test_a_cable_from_tor_to_agg_is_a_sixtieth_of_the_tors_way_up():
    assert row(False, "tor-agg-link").lost_share == pytest.approx(1 / 16 / 60)
    assert row(False, "tor-agg-link").parts == 48 * 60


@pytest.mark.parametrize("kind", KINDS)
def test_the_blast_radius_of_each_class_says_the_same(kind):
    fabric = small(kind)
    known = component_classes(fabric)
    for each in touched(LEANS[kind], range(fabric.hosts)):
        assert each.component in known
        radius = blast_radius(fabric, [components(fabric, each.component)[0]])
        assert radius.takes_down == (each.fatal > 0)
        if not radius.takes_down:
            assert 1 - radius.host_bandwidth_left_share == pytest.approx(each.lost_share)


def test_a_pair_of_tors_takes_nothing_down_and_a_single_one_its_segment():
    assert (row(False, "tor").parts, row(False, "tor").fatal) == (48, 0)
    assert (row(True, "tor").parts, row(True, "tor").fatal, row(True, "tor").hosts) == (24, 24, 128)


def test_every_link_of_a_single_homed_run_is_fatal():
    assert (row(True, "nic-link").parts, row(True, "nic-link").fatal) == (3000, 3000)
    assert (row(False, "nic-link").parts, row(False, "nic-link").fatal) == (6000, 0)


def test_a_run_in_one_segment_needs_no_agg():
    lean = leaning(pod(single_tor=False))
    assert {each.component for each in touched(lean, range(128))} == {"host", "nic-link", "nvswitch", "tor"}
    assert {"agg", "tor-agg-link"} <= {each.component for each in touched(lean, range(129))}


def test_what_leads_up_to_a_switch_that_joins_is_needed_too():
    lean = leaning(small("clos"))
    # One rack in each of two pods: cores join them, and aggregation switches lead there though each sees one rack.
    used = switches_used(lean, [0, 1, 4, 5])
    assert {str(tier) for tier in lean.tiers[used]} == {"nvswitch", "tor", "agg", "core"}
    assert {str(tier) for tier in lean.tiers[switches_used(lean, [0, 1])]} == {"nvswitch", "tor"}


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_a_run_that_grows_never_needs_fewer_switches(kind, data):
    lean = LEANS[kind]
    order = data.draw(st.permutations(range(lean.fabric.hosts)))
    cut = data.draw(st.integers(1, len(order) - 1))
    fewer, more = switches_used(lean, order[:cut]), switches_used(lean, order[: cut + 1])
    assert (fewer <= more).all()


@pytest.mark.parametrize("hosts", [[16], [-1], [3, 3]])
def test_a_host_that_is_none_or_comes_twice_is_named(hosts):
    with pytest.raises(NoSuchHostError, match=str(hosts[-1])):
        touched(LEANS["clos"], hosts)


def test_segments_are_the_hosts_on_the_same_switches():
    assert [found.hosts.tolist() for found in segments(LEANS["clos"])] == [[n, n + 1] for n in range(0, 16, 2)]
    assert segments(LEANS["railx"]) == ()
    (first, *_) = segments(LEANS["hpn"])
    assert (dict(first.fatal), first.tier, first.pairs) == ({}, "tor", 2)
