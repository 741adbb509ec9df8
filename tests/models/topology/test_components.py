"""The components of a fabric: their classes, their names, and groups that the caller knows of."""

import pytest
from hypothesis import given, settings

from models.topology import Fabric
from models.topology.blast.components import Component, Grouping, component_classes, components
from models.topology.blast.double_faults import double_faults
from models.topology.blast.radius import blast_radius, hosts_reached
from models.topology.blast.table import blast_table
from models.topology.builders.hpn import hpn
from models.topology.builders.rail import rail
from models.topology.errors import UnknownComponentError, UnknownComponentKindError

from .faulty import every_fabric


@settings(max_examples=60)
@given(every_fabric)
def test_components_have_names_of_their_own_and_every_switch_and_cable_is_one(fabric):
    everything = {kind: components(fabric, kind) for kind in component_classes(fabric)}
    for kind, found in everything.items():
        assert found
        assert len(set(found)) == len(found)
        assert {component.kind for component in found} == {kind}
    for switch in fabric.switches:
        assert Component(switch.tier, switch.name) in everything[switch.tier]
    cables = [kind for kind in everything if kind.endswith("-link") or kind == "nvlink"]
    assert sum(len(everything[kind]) for kind in cables) == len(fabric.links) + len(fabric.peer_links)


def test_hosts_are_called_by_their_names_where_they_have_some():
    built = rail(hosts=2, gpus_per_host=2, hosts_per_pod=2)
    named = Fabric("from-lake", 2, 2, built.switches, built.links, host_names=("a-1", "b-2"))
    assert components(named, "host") == (Component("host", "a-1"), Component("host", "b-2"))
    assert components(named, "nic-port")[2] == Component("nic-port", "b-2/nic0/port1")


def test_what_a_fabric_does_not_have_is_told():
    fabric = hpn(hosts=2, gpus_per_host=2, hosts_per_segment=2, aggs_per_plane=2)
    with pytest.raises(UnknownComponentKindError, match="no component of class 'core'; it has: gpu, nic, nic-port"):
        components(fabric, "core")
    with pytest.raises(UnknownComponentKindError, match="'core'"):
        blast_table(fabric, kinds=("core",))
    with pytest.raises(UnknownComponentKindError, match="'core'"):
        double_faults(fabric, "tor", "core")
    with pytest.raises(UnknownComponentError, match="no host 'host9'; they are called like 'host0'"):
        blast_radius(fabric, [Component("host", "host9")])


def test_racks_power_feeds_and_storage_take_their_hosts_down():
    fabric = hpn(hosts=8, gpus_per_host=2, hosts_per_segment=4, aggs_per_plane=2)
    groupings = (
        Grouping("rack", "r1", (0, 1)),
        Grouping("rack", "r2", (2, 3)),
        Grouping("storage", "s1", (0, 4, 5, 6)),
    )
    assert component_classes(fabric, groupings=groupings)[-2:] == ("rack", "storage")
    rack = [Component("rack", "r2")]
    radius = blast_radius(fabric, rack, groupings=groupings)
    assert (radius.takes_down, radius.gpus_down, radius.hosts_down) == (True, 4, 2)
    assert radius.because == "Hosts that share the rack fail together (derived from who shares it)."
    assert [hosts.tolist() for hosts in hosts_reached(fabric, rack, groupings=groupings)] == [[2, 3], []]
    table = {row.kind: row for row in blast_table(fabric, groupings=groupings)}
    assert (table["rack"].of, table["storage"].gpus_down) == (2, 8)


def test_groups_of_hosts_count_in_pairs():
    fabric = hpn(hosts=8, gpus_per_host=2, hosts_per_segment=4, aggs_per_plane=2)
    groupings = tuple(Grouping("power", f"feed{number}", (number, number + 4)) for number in range(4))
    found = double_faults(fabric, "power", "power", groupings=groupings)
    assert [(radius.alike, radius.gpus_down) for radius in found.outcomes] == [(6, 8)]
    mixed = double_faults(fabric, "power", "host", groupings=groupings)
    assert sorted((radius.alike, radius.gpus_down) for radius in mixed.outcomes) == [(8, 4), (24, 6)]


def test_a_network_without_cables_loses_nothing_but_hosts():
    fabric = Fabric("clos", 3, 2, (), ())
    assert component_classes(fabric) == ("gpu", "host")
    radius = blast_radius(fabric, [Component("host", "host1")])
    assert (radius.gpus_down, radius.gpus_cut_off, radius.gpus_degraded) == (2, 0, 0)
    assert radius.fabric_bandwidth_left_share == pytest.approx(2 / 3)
