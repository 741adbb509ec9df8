"""Hamiltonian rings: edge-disjoint, complete, few hops apart, and closed around whatever fails."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NotPositiveError
from models.topology.builders.railx import railx, reclose
from models.topology.builders.rings import (
    grid_hops,
    hamiltonian_decomposition,
    rail_hops,
    rail_successors,
)
from models.topology.builders.torus import torus
from models.topology.errors import ApartError, NoRingsError, NotOnTheRingError

sizes = st.integers(1, 60)


def edges(ring):
    return [frozenset((int(one), int(other))) for one, other in zip(ring, np.roll(ring, -1), strict=True)]


@given(sizes)
def test_every_ring_passes_through_every_node_once(nodes):
    for ring in hamiltonian_decomposition(nodes).rings:
        assert sorted(ring) == list(range(nodes))


@given(sizes)
def test_rings_and_matching_share_no_edge_and_are_the_complete_graph(nodes):
    split = hamiltonian_decomposition(nodes)
    found = [edge for ring in split.rings for edge in edges(ring)]
    found += [frozenset(pair) for pair in split.matching.tolist()]
    assert len(found) == len(set(found))
    assert set(found) == {frozenset(pair) for pair in combinations(range(nodes), 2)}


@given(sizes)
def test_an_odd_number_of_nodes_needs_no_matching_and_an_even_one_a_perfect_one(nodes):
    split = hamiltonian_decomposition(nodes)
    assert len(split.rings) == (nodes - 1) // 2
    assert sorted(split.matching.ravel()) == ([] if nodes % 2 else list(range(nodes)))


@pytest.mark.parametrize("k", range(1, 12))
def test_the_rings_are_walecki_s(k):
    """Ring i passes through the last node, then i, i + 1, i - 1, i + 2, i - 2, ..., i + k modulo 2k."""
    for number, ring in enumerate(hamiltonian_decomposition(2 * k + 1).rings.tolist()):
        steps = [step for one in range(1, k + 1) for step in (one, -one)]
        assert ring == [2 * k, *((number + step) % (2 * k) for step in [0, *steps[: 2 * k - 1]])]


@given(st.integers(1, 40), st.integers(1, 30))
def test_on_every_rail_every_node_has_one_before_and_one_after(nodes, rails):
    successors = rail_successors(nodes, rails)
    assert successors.shape == (rails, nodes)
    assert all(sorted(row) == list(range(nodes)) for row in successors)


@given(st.integers(2, 40), st.integers(0, 5))
def test_half_as_many_rails_as_nodes_join_all_to_all_and_one_rail_fewer_does_not(nodes, more):
    assert rail_hops(rail_successors(nodes, nodes // 2 + more)) == 1
    if nodes > 3:
        assert rail_hops(rail_successors(nodes, nodes // 2 - 1)) > 1


@given(st.integers(3, 40).flatmap(lambda nodes: st.tuples(st.just(nodes), st.integers(1, (nodes - 1) // 2))))
def test_rails_that_are_too_few_for_all_to_all_are_different_rings(size):
    nodes, rails = size
    rows = rail_successors(nodes, rails)
    assert len({tuple(row) for row in rows.tolist()}) == rails
    assert all(nx.number_weakly_connected_components(nx.DiGraph(enumerate(row))) == 1 for row in rows.tolist())


@given(st.integers(1, 30), st.integers(1, 12))
def test_the_hops_of_a_row_are_the_diameter_of_its_graph(nodes, rails):
    successors = rail_successors(nodes, rails)
    graph = nx.Graph((node, after) for row in successors.tolist() for node, after in enumerate(row))
    assert rail_hops(successors) == nx.diameter(graph)


@given(st.integers(2, 40), st.integers(1, 10))
def test_one_more_rail_or_more_never_takes_a_row_further_apart(nodes, rails):
    assert rail_hops(rail_successors(nodes, rails + 1)) <= rail_hops(rail_successors(nodes, rails))


@pytest.mark.parametrize(("rails", "hops"), [(32, 2), (31, 4), (7, 4), (5, 6), (1, 64)])
def test_the_published_grid_of_64_by_64_is_2_to_4_hops_wide_with_enough_rails(rails, hops):
    """RailX abstract: a diameter of 2 to 4 inter-node hops; 5 and 7 rails are one link per side at the published m."""
    assert grid_hops(64, 64, rails) == hops


def test_pairs_alone_do_not_join_four_nodes():
    with pytest.raises(ApartError, match="all 4 nodes"):
        rail_hops(np.array([[1, 0, 3, 2]]))


@pytest.mark.parametrize("make", [hamiltonian_decomposition, lambda nodes: rail_successors(nodes, 2)])
def test_a_ring_of_no_nodes_is_refused(make):
    with pytest.raises(NotPositiveError, match="nodes"):
        make(0)


@st.composite
def broken_grids(draw):
    fabric = railx(draw(st.integers(2, 30)), draw(st.sampled_from((1, 4, 6))), links_per_side=draw(st.integers(1, 2)))
    return fabric, draw(st.sets(st.integers(0, fabric.hosts - 1), max_size=fabric.hosts - 1))


def rings_of(fabric):
    """The hosts that follow each other, by optical switch."""
    found = {}
    for circuit in fabric.circuits:
        found.setdefault(circuit.one.parent, {})[circuit.one.child.host] = circuit.other.child.host
    return found


@given(broken_grids())
def test_all_rings_of_a_railx_network_close_around_failed_hosts_in_their_old_order(case):
    fabric, failed = case
    around = reclose(fabric, failed)
    before, after = rings_of(fabric), rings_of(around.fabric)
    for ocs, successors in before.items():
        survivors = [host for host in successors if host not in failed]
        for host in survivors:
            follower = successors[host]
            while follower in failed:
                follower = successors[follower]
            assert after.get(ocs, {}).get(host) == (None if follower == host else follower)
        assert set(after.get(ocs, {})) <= set(survivors)


@given(broken_grids())
def test_what_is_switched_is_the_difference_between_the_circuits(case):
    fabric, failed = case
    around = reclose(fabric, failed)
    old, new = set(fabric.circuits), set(around.fabric.circuits)
    assert (around.opened, around.closed) == (len(old - new), len(new - old))
    assert around.switches == len({circuit.one.parent for circuit in old ^ new})
    assert (around.fabric.links, around.fabric.switches) == (fabric.links, fabric.switches)


def test_a_failed_host_of_the_published_grid_moves_one_switch_per_rail():
    around = reclose(railx(hosts=64**2, gpus_per_host=25, ocs_ports=128), [2_000])
    assert (around.opened, around.closed, around.switches) == (20, 10, 10)


def test_only_rings_over_hosts_that_exist_can_be_closed():
    with pytest.raises(NoRingsError, match="'torus'"):
        reclose(torus((2, 2), (1, 1), (1, 1)), [0])
    with pytest.raises(NotOnTheRingError, match="node 4"):
        reclose(railx(4, 4), [4])
