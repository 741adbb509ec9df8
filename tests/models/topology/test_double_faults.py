"""Pairs of faults: counted by symmetry, and one by one."""

from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.topology.blast.components import component_classes, components
from models.topology.blast.double_faults import double_faults
from models.topology.blast.radius import blast_radius
from models.topology.blast.table import blast_table
from models.topology.builders.clos import clos
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.builders.torus import torus

from .faulty import built_fabrics, every_fabric

_MOST_PAIRS = 120


def figures(radius):
    """What of a blast radius is the same for components that are alike; where it cuts a torus is not."""
    return (
        radius.gpus_down,
        radius.gpus_cut_off,
        radius.gpus_degraded,
        radius.hosts_down,
        radius.hosts_degraded,
        radius.narrows,
        round(radius.bandwidth_left_share, 9),
        round(radius.host_bandwidth_left_share, 9),
        round(radius.fabric_bandwidth_left_share, 9),
    )


def counted(radii):
    total = Counter()
    for radius in radii:
        total[figures(radius)] += radius.alike
    return total


def assert_all_pairs_counted(fabric, kind_a, kind_b):
    one, other = components(fabric, kind_a), components(fabric, kind_b)
    pairs = list(combinations(one, 2) if kind_a == kind_b else product(one, other))
    found = double_faults(fabric, kind_a, kind_b)
    by_hand = [blast_radius(fabric, pair) for pair in pairs]
    alone = {component: blast_radius(fabric, [component]).takes_down for component in {*one, *other}}
    assert found.pairs == len(pairs)
    assert counted(found.outcomes) == counted(by_hand)
    assert found.pairs_down == sum(radius.gpus_down > 0 for radius in by_hand)
    assert found.pairs_down + found.pairs_split == sum(radius.takes_down for radius in by_hand)
    assert found.pairs_only_together == sum(
        radius.takes_down and not any(alone[component] for component in radius.components) for radius in by_hand
    )


@settings(max_examples=25)
@given(every_fabric, st.data())
def test_all_pairs_are_counted(fabric, data):
    sizes = {kind: len(components(fabric, kind)) for kind in component_classes(fabric)}
    kind_a, kind_b = (data.draw(st.sampled_from(sorted(sizes))) for _ in range(2))
    assume(sizes[kind_a] * sizes[kind_b] <= _MOST_PAIRS)
    assert_all_pairs_counted(fabric, kind_a, kind_b)


@pytest.mark.parametrize(
    ("fabric", "kinds"),
    [
        (hpn(6, 2, hosts_per_segment=2, segments_per_pod=2, aggs_per_plane=2, core_uplinks=1), ("tor", "tor")),
        (hpn(6, 2, hosts_per_segment=2, segments_per_pod=2, aggs_per_plane=2, core_uplinks=1), ("agg", "core")),
        (hpn(4, 2, hosts_per_segment=2, aggs_per_plane=2), ("nic-port", "nic-port")),
        (hpn(4, 2, hosts_per_segment=2, aggs_per_plane=2), ("tor-agg-link", "nic-port")),
        (rail_only(12, 2, 4, radix=16), ("spine", "spine")),
        (railx(9, 4), ("ocs", "ocs")),
        (railx(9, 4), ("gpu", "rail")),
        (clos(16, 2, 2, 4, radix=32), ("tor", "host")),
        (dragonfly(20, 2, adapters_per_router=2, routers_per_group=4, global_links_per_router=1), ("router", "router")),
        (torus((4, 4), (2, 2), (2, 1)), ("gpu", "mesh-link")),
    ],
)
def test_pairs_counted_by_symmetry_are_all_pairs(fabric, kinds, monkeypatch):
    monkeypatch.setattr("models.topology.blast.double_faults._ONE_BY_ONE", 0)
    assert_all_pairs_counted(fabric, *kinds)


@settings(max_examples=40)
@given(built_fabrics, st.data())
def test_components_that_are_alike_reach_equally_many(fabric, data):
    kind = data.draw(st.sampled_from(component_classes(fabric)))
    members = components(fabric, kind)
    sample = data.draw(st.lists(st.sampled_from(members), min_size=1, max_size=12))
    rows = blast_table(fabric, kinds=(kind,))
    found = {figures(blast_radius(fabric, [component])) for component in sample}
    if rows[0].alike == rows[0].of:
        assert found == {figures(rows[0])}
    else:
        assert max(gpus_down for gpus_down, *_ in found) <= max(row.gpus_down for row in rows)


def test_of_a_pods_pairs_of_tors_one_in_239_kills_a_rail_and_some_split_it():
    # 240 ToRs: 120 pairs serve the same adapters. A rail loses its way between two segments if one keeps plane 0 alone
    # and the other plane 1 alone: 8 rails, 15 segments, 14 others.
    found = double_faults(hpn(hosts=15 * 128, gpus_per_host=8), "tor", "tor")
    assert found.pairs == 240 * 239 // 2
    assert (found.pairs_down, found.pairs_split) == (120, 8 * 15 * 14)
    assert found.share_down == pytest.approx(1 / 239)
    assert found.pairs_only_together == found.pairs_down + found.pairs_split
    assert (found.outcomes[0].gpus_down, found.outcomes[0].hosts_down) == (128, 128)


def test_of_a_pods_pairs_of_ports_those_of_one_adapter_kill():
    found = double_faults(hpn(hosts=15 * 128, gpus_per_host=8), "nic-port", "nic-port")
    assert found.pairs == 30_720 * 30_719 // 2
    assert found.pairs_down == 15_360
    assert found.pairs_split == 8 * 1_920 * 1_919
    assert found.share_down == pytest.approx(1 / 30_719)


def test_single_tors_need_no_second_fault():
    found = double_faults(
        hpn(hosts=4, gpus_per_host=2, hosts_per_segment=2, aggs_per_plane=2, single_tor=True), "tor", "agg"
    )
    assert found.share_down == found.share_takes_down == 1
    assert found.share_only_together == 0


def test_a_class_with_one_component_has_no_pairs():
    found = double_faults(rail_only(2, 1, 2), "leaf", "leaf")
    assert (found.pairs, found.share_down, found.share_takes_down, found.share_only_together) == (0, 0, 0, 0)
    assert found.outcomes == ()
