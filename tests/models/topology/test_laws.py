"""Laws of the graphs, for every builder: ports, who hangs together, sums of degrees, names that do not matter."""

from collections import Counter
from dataclasses import replace
from random import Random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.topology import Adapter
from models.topology.counts import fabric_counts
from models.topology.fabric import TIERS
from models.topology.hops import diameter_hops, host_diameter_hops

from .networks import as_networkx, dcn_pluses, dragonflies, every_fabric, railxes, relabelled, tori


def degrees(fabric):
    """Cables on every adapter and switch, by another library."""
    return dict(as_networkx(fabric).degree())


@given(every_fabric)
def test_the_counts_are_those_of_the_graph_in_another_library(fabric):
    graph, found = as_networkx(fabric), fabric_counts(fabric)
    cables = Counter(tier for *_, tier in graph.edges(data="tier"))
    scale_up = cables.pop("nvswitch", 0)
    assert dict(found.links) == cables
    assert scale_up in {0, found.gpus}
    assert sum(found.links.values()) + scale_up == graph.number_of_edges()
    nodes = found.gpus + found.scale_up_domains + sum(found.switches.values())
    assert nodes == graph.number_of_nodes()


@given(every_fabric)
def test_the_ports_in_use_are_the_sum_and_the_largest_of_the_degrees(fabric):
    found, cables = fabric_counts(fabric), degrees(fabric)
    by_tier = {tier: [cables[switch.name] for switch in fabric.switches if switch.tier == tier] for tier in TIERS[1:]}
    assert found.ports == {tier: sum(used) for tier, used in by_tier.items() if sum(used)}
    assert found.most_ports == {tier: max(used) for tier, used in by_tier.items() if sum(used)}


@given(every_fabric)
def test_everything_hangs_together_with_the_hosts_as_relays(fabric):
    graph = as_networkx(fabric)
    for host in range(fabric.hosts):
        nx.add_path(graph, [Adapter(host, gpu) for gpu in range(fabric.gpus_per_host)])
    assert nx.is_connected(graph)


@given(st.one_of(dragonflies, tori(), dcn_pluses))
def test_every_gpu_reaches_every_other_one_over_the_network_alone(fabric):
    graph = as_networkx(replace(fabric, links=tuple(link for link in fabric.links if link.tier != "nvswitch")))
    graph.remove_nodes_from([switch.name for switch in fabric.switches if switch.tier == "nvswitch"])
    assert nx.is_connected(graph)


@given(every_fabric)
def test_no_cable_of_an_optical_switch_is_in_two_circuits(fabric):
    ends = Counter(end for circuit in fabric.circuits for end in (circuit.one, circuit.other))
    assert set(ends.values()) <= {1}
    assert all(circuit.one.parent == circuit.other.parent for circuit in fabric.circuits)
    assert {end.tier for end in ends} <= {"ocs"}


@given(st.one_of(railxes, tori()))
def test_all_cables_of_an_optical_switch_are_in_a_circuit_unless_the_row_is_a_single_host(fabric):
    on_switch = Counter(link.parent for link in fabric.links)
    in_circuits = Counter(end.parent for circuit in fabric.circuits for end in (circuit.one, circuit.other))
    assert all(in_circuits[ocs] == cables or cables == 2 for ocs, cables in on_switch.items())


@given(every_fabric)
def test_the_farthest_gpus_are_as_far_apart_as_another_library_says(fabric):
    graph = nx.Graph(as_networkx(fabric, circuits_as_set=True))
    adapters = {node for node in graph if isinstance(node, Adapter)}
    farthest = max(
        max(hops for node, hops in nx.single_source_shortest_path_length(graph, adapter).items() if node in adapters)
        for adapter in adapters
    )
    assert diameter_hops(fabric) == farthest


@given(every_fabric)
def test_the_farthest_hosts_are_as_far_apart_as_another_library_says_of_hosts_in_one_piece(fabric):
    graph = nx.Graph(as_networkx(fabric, circuits_as_set=True))
    whole = nx.relabel_nodes(graph, lambda node: node.host if isinstance(node, Adapter) else node)
    hops = dict(nx.all_pairs_shortest_path_length(whole))
    assert host_diameter_hops(fabric) == max(
        hops[one][other] for one in range(fabric.hosts) for other in hops[one] if isinstance(other, int)
    )


@given(every_fabric, st.integers(0, 2**32))
def test_other_names_and_another_order_change_no_count(fabric, seed):
    found, other = fabric_counts(fabric), fabric_counts(relabelled(fabric, Random(seed)))
    assert other == replace(found, cost_dollars=other.cost_dollars)
    assert other.cost_dollars == pytest.approx(found.cost_dollars, rel=1e-12)


@given(every_fabric)
def test_oversubscription_is_bandwidth_down_over_bandwidth_up(fabric):
    tiers = {switch.name: switch.tier for switch in fabric.switches}
    down, up = Counter(), Counter()
    for one, other, gbps in as_networkx(fabric).edges(data="gbps"):
        ranks = [TIERS.index(tiers[end]) if isinstance(end, str) else -1 for end in (one, other)]
        if ranks[0] != ranks[1]:
            down[TIERS[max(ranks)]] += gbps
            if min(ranks) >= 0:
                up[TIERS[min(ranks)]] += gbps
    assert fabric_counts(fabric).oversubscription == pytest.approx({tier: down[tier] / up[tier] for tier in up})
