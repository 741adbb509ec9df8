"""Pictures of fabrics: everything is drawn once, every cable is in a bundle, and what is summed up can be expanded."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.topology.build import FABRIC_KINDS, build_fabric
from models.topology.builders.dcn_plus import dcn_plus
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.rail import rail
from models.topology.builders.torus import torus
from models.topology.designs import DESIGNS, design_fabric
from models.topology.fabric import Fabric
from models.topology.layout.arrange import fabric_layout
from models.topology.layout.columns import ROOM, columns_of
from models.topology.layout.drawing import pieces
from models.topology.layout.grid import torus_layout
from models.topology.layout.host_groups import host_groups
from tests.models.topology.networks import every_fabric

SIZES = {
    "hosts": st.integers(1, 40),
    "gpus_per_host": st.sampled_from([1, 2, 4, 8]),
    "hosts_per_rack": st.integers(1, 6),
    "racks_per_pod": st.integers(1, 4),
}


def drawn(fabric):
    """Names of the switches that a picture has a mark for: all but those of a single host."""
    hosts = {}
    for link in fabric.links:
        if link.tier == "nvswitch":
            hosts.setdefault(link.parent, set()).add(link.child.host)
    return {switch.name for switch in fabric.switches if len(hosts.get(switch.name, "12")) > 1}


def marked(layout):
    return Counter(name for mark in layout.marks for name in mark.switches)


def hosts_in(layout):
    return Counter(host for mark in layout.marks for host in mark.hosts)


@settings(max_examples=200, deadline=None)
@given(every_fabric)
def test_every_switch_and_every_host_is_drawn_once(fabric):
    layout = fabric_layout(fabric)
    assert set(marked(layout)) == drawn(fabric)
    assert set(hosts_in(layout)) == set(range(fabric.hosts))
    assert not marked(layout) or max(marked(layout).values()) == 1
    assert max(hosts_in(layout).values()) == 1


@settings(max_examples=80, deadline=None)
@given(kind=st.sampled_from([kind for kind in FABRIC_KINDS if kind != "railx"]), **SIZES)
def test_every_cable_of_a_tree_is_in_a_bundle(kind, hosts, gpus_per_host, hosts_per_rack, racks_per_pod):
    fabric = build_fabric(kind, hosts, gpus_per_host, hosts_per_rack, racks_per_pod)
    cables = [link for link in fabric.links if link.tier != "nvswitch"]
    bundles = fabric_layout(fabric).bundles
    assert sum(bundle.cables for bundle in bundles) == len(cables)
    assert sum(bundle.gbps for bundle in bundles) == pytest.approx(sum(link.bandwidth_gbps for link in cables))


@pytest.mark.parametrize("kind", DESIGNS)
def test_every_published_fabric_is_drawn_with_few_marks(kind):
    settings_of = {"torus": {"gpus": 512}, "railx": {"ocs_ports": 32}}
    fabric = design_fabric(kind, settings_of.get(kind, {}))
    layout = fabric_layout(fabric)
    assert set(marked(layout)) == drawn(fabric)
    assert sum(hosts_in(layout).values()) == fabric.hosts
    assert len(layout.marks) < 700
    assert len(layout.bundles) < 2_500


def test_tiers_rise_and_no_two_marks_are_on_the_same_spot():
    layout = fabric_layout(hpn(hosts=4 * 128, gpus_per_host=8))
    heights = {mark.kind: mark.y for mark in layout.marks if mark.kind != "host"}
    assert 0.0 < heights["tor"] < heights["agg"]
    spots = [(mark.x, mark.y) for mark in layout.marks]
    assert len(set(spots)) == len(spots)


@pytest.mark.parametrize("segment", ["pod0-segment00", "pod0-segment07", "pod0-segment14"])
def test_the_segment_asked_for_is_drawn_in_full_and_the_others_as_sums(segment):
    layout = fabric_layout(hpn(hosts=15 * 128, gpus_per_host=8), segment)
    assert layout.expanded == segment
    single_hosts = [mark for mark in layout.marks if mark.kind == "host" and mark.count == 1]
    assert len(single_hosts) == 128
    assert len(layout.groups) == 15
    sums = [mark for mark in layout.marks if mark.kind == "tor" and mark.count > 1]
    assert {mark.group for mark in sums} == set(layout.groups) - {segment}


def test_planes_are_never_in_one_mark():
    layout = fabric_layout(hpn(hosts=15 * 128, gpus_per_host=8))
    aggs = [mark for mark in layout.marks if mark.kind == "agg"]
    assert {mark.plane for mark in aggs} == {0, 1}
    assert max(mark.x for mark in aggs if mark.plane == 0) < min(mark.x for mark in aggs if mark.plane == 1)


def test_a_pod_has_a_frame_around_its_switches_and_the_other_pods_are_sums():
    layout = fabric_layout(dcn_plus(hosts=2_048, gpus_per_host=8))
    (pod,) = [frame for frame in layout.frames if frame.holds_switches]
    inside = [mark for mark in layout.marks if mark.kind == "agg" and pod.x0 < mark.x < pod.x1]
    assert {mark.pod for mark in inside} == {0}
    assert len(inside) == 8


def test_hosts_below_and_ports_are_those_of_the_wiring():
    layout = fabric_layout(rail(hosts=64, gpus_per_host=8, hosts_per_pod=32))
    leaf = next(mark for mark in layout.marks if mark.kind == "leaf")
    spine = next(mark for mark in layout.marks if mark.kind == "spine")
    assert (leaf.hosts_below, leaf.cables, leaf.rail) == (32, 64, 0)
    assert (spine.hosts_below, spine.cables, spine.rail) == (64, 64, None)


def test_a_cable_that_is_missing_in_a_real_fabric_is_told():
    whole = rail(hosts=32, gpus_per_host=2, hosts_per_pod=4)
    trunks = [link for link in whole.links if link.tier == "spine"]
    pair = (trunks[0].child, trunks[0].parent)
    names = tuple(f"node-{number}" for number in range(32))

    def without(gone):
        links = tuple(link for link in whole.links if link not in gone)
        return fabric_layout(replace(whole, kind="from-lake", links=links, host_names=names))

    assert not any(bundle.missing for bundle in without([]).bundles)
    (one,) = [bundle for bundle in without([trunks[0]]).bundles if bundle.missing]
    assert {one.one, one.other} == set(pair)
    all_of_pair = [link for link in trunks if (link.child, link.parent) == pair]
    (none,) = [bundle for bundle in without(all_of_pair).bundles if not bundle.cables]
    assert none.missing == len(all_of_pair)


def test_a_host_on_a_wrong_leaf_does_not_join_two_groups():
    whole = rail(hosts=8, gpus_per_host=2, hosts_per_pod=4)
    astray = next(link for link in whole.links if link.tier == "leaf" and link.child.host == 0)
    other = next(link.parent for link in whole.links if link.tier == "leaf" and link.child.host == 7)
    links = tuple(replace(link, parent=other) if link is astray else link for link in whole.links)
    groups = host_groups(replace(whole, links=links))
    assert [len(group.hosts) for group in groups] == [4, 4]


def test_hosts_without_a_network_are_a_group_of_their_own():
    lonely = Fabric("from-lake", 3, 1, (), (), host_names=("a", "b", "c"))
    assert [(group.name, group.hosts) for group in host_groups(lonely)] == [("no network", (0, 1, 2))]
    assert sum(hosts_in(fabric_layout(lonely)).values()) == 3


def test_groups_are_called_after_their_hosts_where_these_tell_them_apart():
    built = rail(hosts=4, gpus_per_host=2, hosts_per_pod=2)
    racks = host_groups(replace(built, host_names=("a05-01", "a05-02", "a06-01", "a06-02")))
    assert [group.name for group in racks] == ["a05", "a06"]
    numbers = host_groups(replace(built, host_names=("n-1", "n-2", "n-3", "n-4")))
    assert [group.name for group in numbers] == ["pod0", "pod1"]


@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 3), st.integers(1, 9))
def test_pieces_are_all_the_switches_and_few(count, most, planes, rails):
    built = hpn(hosts=1, gpus_per_host=1).switches[0]
    row = [replace(built, name=f"s{n}", plane=n % planes, rail=n // planes % rails) for n in range(count)]
    cut = pieces(row, most)
    assert Counter(switch for piece in cut for switch in piece) == Counter(row)
    assert len(cut) <= max(most, planes)
    assert all(len({switch.plane for switch in piece}) == 1 for piece in cut)


def test_columns_fit_or_all_but_one_are_sums():
    small = build_fabric("clos", 64, 8, 4, 8)
    assert all(column.is_expanded for column in columns_of(small, host_groups(small)))
    large = build_fabric("clos", 4_096, 8, 4, 32)
    columns = columns_of(large, host_groups(large))
    assert sum(column.is_expanded for column in columns) == 1
    assert Counter(group for column in columns for group in column.groups) == Counter(range(1_024))
    assert columns[-1].x1 < 2 * ROOM


def test_the_rings_of_a_torus_close():
    layout = torus_layout(torus(shape=(4, 4, 4), block=(2, 2, 2), host=(2, 2, 1)))
    for ring in "xyz":
        ends = Counter(end for bundle in layout.bundles if bundle.ring == ring for end in (bundle.one, bundle.other))
        assert set(ends.values()) == {2}
        assert len(ends) == 8


def test_any_two_groups_of_a_dragonfly_are_joined_in_the_picture():
    layout = fabric_layout(dragonfly(hosts=72, gpus_per_host=1, adapters_per_router=2))
    pod = {mark.switches[0]: mark.pod for mark in layout.marks if mark.kind == "router"}
    pairs = {frozenset((pod[bundle.one], pod[bundle.other])) for bundle in layout.bundles if bundle.ring == "global"}
    assert len(pairs) == 9 * 8 // 2
    radii = {round((mark.x**2 + mark.y**2) ** 0.5, 6) for mark in layout.marks if mark.kind == "router"}
    assert len(radii) == 1


def test_another_group_of_a_large_dragonfly_can_be_expanded():
    layout = fabric_layout(dragonfly(hosts=512, gpus_per_host=8, adapters_per_router=8), "group 3")
    assert layout.expanded == "group 3"
    assert {mark.pod for mark in layout.marks if mark.kind == "router" and mark.count == 1} == {3}
