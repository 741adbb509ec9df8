"""Networks without a tree: torus and dragonfly; and DCN+, which HPN is measured against."""

from collections import Counter, defaultdict
from itertools import combinations, product

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.topology import Adapter, RadixTooSmallError, network_domains
from models.topology.builders.dcn_plus import dcn_plus
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.torus import torus
from models.topology.counts import fabric_counts
from models.topology.errors import ShapeMismatchError, TooManyGroupsError, TorusDimensionsError

from .networks import as_networkx, dragonflies, tori


@pytest.fixture(scope="module")
def pod():
    """TPU v4, Jouppi et al., ISCA 2023."""
    return torus(shape=(16, 16, 16), block=(4, 4, 4), host=(2, 2, 1), ocs_ports=128)


def test_a_tpu_v4_pod_has_48_optical_switches_of_128_ports_and_96_links_per_block(pod):
    counted = fabric_counts(pod)
    assert (counted.gpus, counted.hosts) == (4_096, 1_024)
    assert (counted.switches, counted.most_ports) == ({"ocs": 48}, {"ocs": 128})
    of_block = Counter(link.child.host // 16 for link in pod.links)
    assert set(of_block.values()) == {96}
    assert len(of_block) == 64


def test_the_diameter_of_a_tpu_v4_pod_is_half_of_each_side(pod):
    assert fabric_counts(pod).diameter_hops == 3 * 8


def test_every_optical_switch_reaches_every_block_by_opposite_faces(pod):
    ports = defaultdict(set)
    for link in pod.links:
        ports[link.parent].add((link.child.host // 16, (link.child_port - 1) % 2))
    assert all(ends == set(product(range(64), range(2))) for ends in ports.values())


@pytest.mark.parametrize("shape", [(4, 6), (8, 4, 6), (16, 12, 4)])
def test_with_its_circuits_it_is_the_torus_of_another_library(shape):
    fabric = torus(shape, (4, 2, 2)[: len(shape)], (2, 1, 1)[: len(shape)])
    ours = nx.Graph(as_networkx(fabric, circuits_as_set=True))
    theirs = nx.grid_graph(shape, periodic=True)
    assert nx.faster_could_be_isomorphic(ours, theirs)
    if len(shape) == 2:
        assert nx.is_isomorphic(ours, theirs)
    assert nx.diameter(ours) == sum(side // 2 for side in shape)


@given(tori())
def test_every_chip_has_two_cables_in_every_dimension_longer_than_one(fabric):
    degrees = {degree for _, degree in as_networkx(fabric, circuits_as_set=True).degree()}
    assert len(degrees) == 1
    assert degrees <= {0, 2, 4, 6}


@given(tori())
def test_the_ports_of_a_chip_are_one_per_side(fabric):
    ports = Counter((link.child, link.child_port) for link in fabric.links)
    assert set(ports.values()) <= {1}
    assert {port for _, port in ports} <= set(range(1, 7))
    names = {switch.name: "xyz".index(switch.name[4]) for switch in fabric.switches}
    assert all((link.child_port - 1) // 2 == names[link.parent] for link in fabric.links)


def test_the_hosts_of_a_block_are_numbered_in_a_row():
    fabric = torus((4, 4), (2, 2), (1, 2))
    in_blocks = nx.Graph([(pair.one.host, pair.other.host) for pair in fabric.peer_links])
    assert sorted(sorted(block) for block in nx.connected_components(in_blocks)) == [[0, 1], [2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize(
    ("shape", "block", "host", "words"),
    [
        ((4, 4), (3, 2), (1, 1), "torus is 4 × 4; it must be made of whole blocks of 3 × 2"),
        ((4, 4), (2, 2), (2, 4), "block is 2 × 2; it must be made of whole hosts of 2 × 4"),
        ((4, 4, 4), (2, 2), (1, 1), "blocks of 2 × 2"),
    ],
)
def test_a_torus_of_parts_is_refused(shape, block, host, words):
    with pytest.raises(ShapeMismatchError, match=words):
        torus(shape, block, host)


@pytest.mark.parametrize("dimensions", [1, 4])
def test_a_torus_is_flat_or_solid(dimensions):
    with pytest.raises(TorusDimensionsError, match=f"not {dimensions}"):
        torus((2,) * dimensions, (1,) * dimensions, (1,) * dimensions)


def test_more_blocks_than_an_optical_switch_has_pairs_of_ports_are_refused():
    with pytest.raises(RadixTooSmallError, match="8 ports can"):
        torus((4, 4), (2, 2), (1, 1), ocs_ports=6)


# dragonfly


@pytest.mark.parametrize(("p", "adapters", "groups", "ports"), [(1, 6, 3, 3), (2, 72, 9, 7), (4, 1_056, 33, 15)])
def test_a_full_balanced_dragonfly_has_the_published_sizes(p, adapters, groups, ports):
    """Kim et al., ISCA 2008: a = 2 p = 2 h, N = a p (a h + 1); the paper's example has 72 terminals in 9 groups."""
    fabric = dragonfly(adapters, 1, adapters_per_router=p)
    assert len({router.pod for router in fabric.switches}) == groups
    counted = fabric_counts(fabric)
    assert counted.ports["router"] == len(fabric.switches) * ports
    assert counted.most_ports == {"router": ports}
    assert counted.diameter_hops == 5
    assert counted.gpus == adapters
    with pytest.raises(TooManyGroupsError, match=f"{groups + 1} groups"):
        dragonfly(adapters + 1, 1, adapters_per_router=p)


@given(dragonflies)
def test_routers_of_a_group_are_all_joined_and_groups_equally_often(fabric):
    group = {router.name: router.pod for router in fabric.switches}
    local = Counter(frozenset((pair.one, pair.other)) for pair in fabric.peer_links if pair.kind == "local")
    members = defaultdict(list)
    for name, number in group.items():
        if number is not None:
            members[number].append(name)
    assert set(local) == {frozenset(pair) for names in members.values() for pair in combinations(names, 2)}
    assert set(local.values()) == {1}
    between = Counter(
        frozenset((group[pair.one], group[pair.other])) for pair in fabric.peer_links if pair.kind == "global"
    )
    assert set(between) == {frozenset(pair) for pair in combinations(members, 2)}
    assert len(set(between.values())) <= 1


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 6), st.data())
def test_no_router_has_more_cables_than_its_budget(p, a, h, data):
    adapters = data.draw(st.integers(1, p * a * (a * h + 1)))
    fabric = dragonfly(adapters, 1, adapters_per_router=p, routers_per_group=a, global_links_per_router=h)
    cables = Counter(end for pair in fabric.peer_links if pair.kind == "global" for end in (pair.one, pair.other))
    assert max(cables.values(), default=0) <= h
    hosts = Counter(link.parent for link in fabric.links)
    assert max(hosts.values()) <= p
    # Groups cannot have more cables between them than the ports of the smallest share allow.
    groups = len({router.pod for router in fabric.switches})
    if groups > 1:
        assert sum(cables.values()) == groups * (a * h // (groups - 1)) * (groups - 1)


def test_the_loss_of_a_router_takes_down_its_hosts_alone():
    fabric = dragonfly(hosts=33, gpus_per_host=8, adapters_per_router=8, routers_per_group=4)
    domains = [domain for domain in network_domains(fabric) if domain.kind == "router"]
    assert {(domain.hosts, domain.takes_down) for domain in domains if domain.hosts} == {
        ((host,), True) for host in range(33)
    }


# DCN+


def test_a_pod_of_dcn_plus_has_the_published_sizes():
    fabric = dcn_plus(hosts=64)
    counted = fabric_counts(fabric)
    assert (counted.gpus, counted.switches["agg"]) == (512, 8)
    assert {len(domain.hosts) * 8 for domain in network_domains(fabric) if domain.kind == "tor"} == {128}
    assert sum(switch.tier == "tor" for switch in fabric.switches) == 2 * 4


def test_dcn_plus_has_32_pods_of_switches_of_51_2_terabits_without_oversubscription():
    fabric = dcn_plus(hosts=2_048)
    counted = fabric_counts(fabric)
    assert counted.gpus == 16_384
    assert len({switch.pod for switch in fabric.switches if switch.tier == "agg"}) == 32
    assert counted.oversubscription == {"tor": 1.0, "agg": 1.0}
    assert (counted.most_ports["agg"], counted.most_ports["core"]) == (128, 128)
    with pytest.raises(RadixTooSmallError, match="256 ports can"):
        dcn_plus(hosts=2_049)


def test_an_adapter_of_dcn_plus_has_a_port_on_either_tor_of_its_segment():
    ways = defaultdict(set)
    for link in dcn_plus(hosts=40).links:
        if link.tier == "tor":
            ways[link.child].add((link.child_port, link.parent, link.bandwidth_gbps))
    assert len(ways) == 320
    for adapter, ends in ways.items():
        segment = f"pod0-segment{adapter.host // 16}"
        assert ends == {(port, f"{segment}-tor{port}", 200.0) for port in (1, 2)}


def test_no_tor_of_dcn_plus_takes_jobs_down():
    assert not any(domain.takes_down for domain in network_domains(dcn_plus(hosts=20)) if domain.kind != "nvswitch")


def test_the_adapters_of_a_torus_are_its_chips():
    fabric = torus((4, 2), (2, 2), (2, 1))
    assert {end for pair in fabric.peer_links for end in (pair.one, pair.other)} == {
        Adapter(host, gpu) for host in range(4) for gpu in range(2)
    }
