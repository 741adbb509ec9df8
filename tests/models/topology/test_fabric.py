"""What holds for every fabric: cables, ports, who reaches whom, and who shares the fate of a switch."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError, NotPositiveError
from models.topology import (
    FABRIC_KINDS,
    Adapter,
    Fabric,
    Link,
    RadixTooSmallError,
    Switch,
    UnknownFabricKindError,
    build_fabric,
    network_domains,
)
from models.topology.builders.clos import clos
from models.topology.builders.hpn import hpn
from models.topology.builders.rail import rail
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.fabric import TIERS

from .networks import any_fabrics, every_fabric, fabrics, network_links, reachable, tall_fabrics

SINGLE_HOMED = ("clos", "rail", "rail-only", "hpn-single-tor", "nvl72")


def adapter_ports(fabric):
    """The network ports of each adapter that have a cable, with the switch at its end."""
    ports = defaultdict(dict)
    for link in network_links(fabric):
        if isinstance(link.child, Adapter):
            ports[link.child][link.child_port] = link.parent
    return ports


def everyone(fabric):
    return {Adapter(host, gpu) for host in range(fabric.hosts) for gpu in range(fabric.gpus_per_host)}


@given(every_fabric)
def test_no_port_has_two_cables(fabric):
    used = Counter((link.parent, link.parent_port) for link in fabric.links)
    used.update((link.child, link.child_port) for link in fabric.links)
    assert set(used.values()) <= {1}


@given(every_fabric)
def test_the_ports_of_a_switch_are_numbered_from_one_without_gaps(fabric):
    ports = defaultdict(set)
    for link in fabric.links:
        ports[link.parent].add(link.parent_port)
        if isinstance(link.child, str):
            ports[link.child].add(link.child_port)
    between_equals = {end for pair in fabric.peer_links for end in (pair.one, pair.other)}
    assert ports.keys() | between_equals >= {switch.name for switch in fabric.switches}
    assert all(used == set(range(1, len(used) + 1)) for used in ports.values())


@given(every_fabric)
def test_switches_have_names_of_their_own_and_links_lead_upwards(fabric):
    tiers = {switch.name: TIERS.index(switch.tier) for switch in fabric.switches}
    assert len(tiers) == len(fabric.switches)
    assert all(TIERS.index(link.tier) == tiers[link.parent] for link in fabric.links)
    assert all(tiers[link.child] < tiers[link.parent] for link in fabric.links if isinstance(link.child, str))


@given(every_fabric)
def test_rails_and_planes_stand_in_the_names_of_switches(fabric):
    for switch in fabric.switches:
        assert ("rail" in switch.name) == (switch.rail is not None)
        assert ("plane" in switch.name) == (switch.plane is not None)


@given(fabrics(*SINGLE_HOMED))
def test_a_single_homed_adapter_has_one_cable(fabric):
    ports = adapter_ports(fabric)
    assert ports.keys() == everyone(fabric)
    assert all(set(used) == {1} for used in ports.values())


@given(fabrics("hpn"))
def test_an_adapter_of_hpn_has_a_cable_to_either_plane_on_its_rail(fabric):
    switches = {switch.name: switch for switch in fabric.switches}
    ports = adapter_ports(fabric)
    assert ports.keys() == everyone(fabric)
    for adapter, used in ports.items():
        assert {port: switches[tor].plane for port, tor in used.items()} == {1: 0, 2: 1}
        assert {switches[tor].rail for tor in used.values()} == {adapter.gpu}


@given(fabrics("rail", "rail-only", "hpn", "hpn-single-tor", "nvl72"))
def test_the_adapter_of_gpu_r_is_on_rail_r(fabric):
    links = [link for link in network_links(fabric) if isinstance(link.child, Adapter)]
    assert all(link.rail == link.child.gpu for link in links)


@given(fabrics("railx"))
def test_a_host_of_railx_has_two_cables_to_every_ring_of_its_row_and_column(fabric):
    cables = defaultdict(Counter)
    for link in fabric.links:
        cables[link.child.host][link.parent] += 1
    assert len(cables) == fabric.hosts
    for host in cables.values():
        assert set(host.values()) == {2}
        rows = {name for name in host if name.startswith("row")}
        columns = set(host) - rows
        assert len(rows) * len(columns) == fabric.gpus_per_host
        assert len({name.partition("-")[0] for name in rows}) == len({name.partition("-")[0] for name in columns}) == 1


@given(st.one_of(fabrics("clos", "rail", "hpn-single-tor", "nvl72"), tall_fabrics))
def test_every_adapter_reaches_every_other_or_every_other_of_its_rail(fabric):
    expected = {frozenset(everyone(fabric))}
    if fabric.kind == "rail-only":
        rails = range(fabric.gpus_per_host)
        expected = {frozenset(one for one in everyone(fabric) if one.gpu == rail) for rail in rails}
    assert reachable(fabric) == expected


@given(fabrics("hpn"))
def test_the_planes_of_hpn_never_meet(fabric):
    planes = {switch.name: switch.plane for switch in fabric.switches}
    between = [link for link in fabric.links if isinstance(link.child, str)]
    assert all(planes[link.child] == planes[link.parent] is not None for link in between)


@given(fabrics("rail-only"))
def test_rails_of_a_rail_only_network_meet_in_the_hosts_alone(fabric):
    assert len(reachable(fabric)) == fabric.gpus_per_host
    assert len(reachable(fabric, through_hosts=True)) == 1


@given(fabrics("railx"))
def test_any_two_hosts_of_railx_are_at_most_two_rings_apart(fabric):
    rings = defaultdict(set)
    for link in fabric.links:
        rings[link.child.host].add(link.parent)
    hosts_on = {domain.name: set(domain.hosts) for domain in network_domains(fabric)}
    for own in rings.values():
        near = set().union(*(hosts_on[ring] for ring in own))
        far = near.union(*(hosts_on[ring] for host in near for ring in rings[host]))
        assert far == set(range(fabric.hosts))


@given(every_fabric, st.data())
def test_a_switch_takes_jobs_down_exactly_if_its_loss_cuts_off_an_adapter(fabric, data):
    networked = [domain for domain in network_domains(fabric) if domain.kind not in {"nvswitch", "ocs"}]
    kind = data.draw(st.sampled_from(sorted({domain.kind for domain in networked} or {"none"})))
    for domain in [domain for domain in networked if domain.kind == kind][:2]:
        cut_off = reachable(fabric, without=domain.name) != reachable(fabric)
        # What has nobody to talk to loses nobody, and yet its network.
        alone = all(len(part) == 1 for part in reachable(fabric))
        assert domain.takes_down == cut_off or (alone and domain.takes_down)


@given(fabrics("railx").filter(lambda fabric: fabric.gpus_per_host in {4, 6, 8}))
def test_without_one_optical_switch_all_hosts_of_railx_still_reach_each_other(fabric):
    for domain in network_domains(fabric):
        assert not domain.takes_down
        assert len(reachable(fabric, without=domain.name, through_hosts=True)) == 1


@given(any_fabrics)
def test_the_lowest_switches_of_a_rail_and_plane_share_the_hosts_among_them(fabric):
    switches = {switch.name: switch for switch in fabric.switches}
    hosts = defaultdict(list)
    for domain in network_domains(fabric):
        if domain.kind in {"nvswitch", "tor", "leaf"}:
            switch = switches[domain.name]
            hosts[domain.kind, switch.rail, switch.plane] += domain.hosts
    assert all(sorted(below) == list(range(fabric.hosts)) for below in hosts.values())


@given(every_fabric)
def test_the_hosts_of_a_domain_are_those_that_lead_up_to_its_switch(fabric):
    above = defaultdict(set)
    for link in fabric.links:
        above[link.child.host if isinstance(link.child, Adapter) else link.child].add(link.parent)
    hosts = defaultdict(set)
    for host in range(fabric.hosts):
        waiting, seen = list(above[host]), set()
        while waiting:
            switch = waiting.pop()
            if switch not in seen:
                seen.add(switch)
                hosts[switch].add(host)
                waiting += above[switch]
    assert {domain.name: set(domain.hosts) for domain in network_domains(fabric) if domain.hosts} == hosts


def test_a_switch_has_neither_the_hosts_of_another_nor_hides_its_own_from_those_above():
    """A spine with a host of its own beside a leaf, and a switch without any cable."""
    switches = (Switch("leaf", "leaf"), Switch("idle", "leaf"), Switch("mixed", "spine"), Switch("spine", "spine"))
    links = (
        Link(Adapter(0, 0), 1, "leaf", 1, "leaf", None, None, 400.0),
        Link("leaf", 2, "mixed", 1, "spine", None, None, 400.0),
        Link(Adapter(1, 0), 1, "mixed", 2, "spine", None, None, 400.0),
        Link("leaf", 3, "spine", 1, "spine", None, None, 400.0),
    )
    domains = network_domains(Fabric("from-lake", 2, 1, switches, links))
    assert [domain.hosts for domain in domains] == [(0,), (), (0, 1), (0,)]


@pytest.mark.parametrize("kind", FABRIC_KINDS)
@pytest.mark.parametrize("size", ["hosts", "gpus_per_host", "hosts_per_rack", "racks_per_pod"])
def test_nothing_is_built_of_nothing(kind, size):
    sizes = {"hosts": 4, "gpus_per_host": 2, "hosts_per_rack": 2, "racks_per_pod": 2} | {size: 0}
    with pytest.raises(NotPositiveError, match=size):
        build_fabric(kind, **sizes)


@pytest.mark.parametrize("kind", FABRIC_KINDS)
def test_a_fabric_says_its_kind_and_its_size(kind):
    fabric = build_fabric(kind, hosts=9, gpus_per_host=4, hosts_per_rack=3, racks_per_pod=2)
    assert (fabric.kind, fabric.hosts, fabric.gpus_per_host) == (kind, 9, 4)


def test_an_unknown_kind_is_refused_with_those_that_exist():
    with pytest.raises(UnknownFabricKindError, match=r"dragonfly.*clos, rail, rail-only"):
        build_fabric("dragonfly", 4, 8, 2, 2)
    assert issubclass(UnknownFabricKindError, ModelError)


@pytest.mark.parametrize(
    ("build", "enough"),
    [
        (lambda: clos(8, 8, 8, 1, radix=32), 64),  # a single rack needs ports down alone
        (lambda: clos(16, 8, 8, 2, radix=64), 128),  # 64 down, 64 up
        (lambda: clos(400, 1, 1, 100, radix=128), 256),  # 100 racks under an agg, and as many links up
        (lambda: clos(200, 1, 1, 1, radix=128), 256),  # 200 pods under a core
        (lambda: rail(66, 8, 33, radix=64), 128),
        (lambda: rail(66, 33, 1, radix=32), 128),  # 99 groups under a core
        (lambda: rail_only(128, 8, 64, radix=64), 128),
        (lambda: railx(17, 4, ocs_ports=8), 10),
    ],
)
def test_switches_with_too_few_ports_are_refused(build, enough):
    with pytest.raises(RadixTooSmallError, match=f"{enough} ports can"):
        build()


@pytest.mark.parametrize("kind", FABRIC_KINDS)
def test_adapters_have_the_bandwidth_that_was_asked_for(kind):
    fabric = build_fabric(kind, hosts=4, gpus_per_host=2, hosts_per_rack=2, racks_per_pod=2, adapter_gbps=200.0)
    ports = [link for link in network_links(fabric) if link.child == Adapter(3, 0)]
    per_port = 100.0 if kind == "hpn" else 200.0
    assert {link.bandwidth_gbps for link in ports} == {per_port}


@given(hosts=st.integers(1, 30), segment=st.integers(1, 5), aggs=st.integers(1, 9))
def test_hpn_and_its_baseline_have_the_same_bandwidth_between_tiers(hosts, segment, aggs):
    def totals(*, single_tor):
        built = hpn(hosts, 2, hosts_per_segment=segment, segments_per_pod=2, aggs_per_plane=aggs, single_tor=single_tor)
        gbps = Counter()
        for link in built.links:
            gbps[link.tier] += link.bandwidth_gbps
        return gbps["tor"], gbps["agg"]

    assert totals(single_tor=True) == totals(single_tor=False)
