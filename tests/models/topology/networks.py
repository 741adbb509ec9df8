"""Fabrics of every kind and shape, and what hangs together in them."""

from collections import defaultdict
from dataclasses import replace

import networkx as nx
from hypothesis import strategies as st

from models.topology import FABRIC_KINDS, Adapter, build_fabric
from models.topology.builders.clos import clos
from models.topology.builders.dcn_plus import dcn_plus
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.rail import rail
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.builders.torus import torus

_sizes = {
    "hosts": st.integers(1, 24),
    "gpus_per_host": st.integers(1, 8),
    "hosts_per_rack": st.integers(1, 5),
    "racks_per_pod": st.integers(1, 4),
}


def fabrics(*kinds):
    """Fabrics through the one door; partial racks and pods are frequent."""
    return st.builds(build_fabric, st.sampled_from(kinds or FABRIC_KINDS), **_sizes)


# Switches of few ports, so that three tiers are frequent.
tall_fabrics = st.one_of(
    st.builds(clos, st.integers(5, 24), st.just(2), st.just(2), st.sampled_from((2, 4)), radix=st.just(32)),
    st.builds(rail, st.integers(9, 32), st.sampled_from((2, 4)), st.sampled_from((1, 3, 4)), radix=st.just(16)),
    st.builds(rail_only, st.integers(9, 32), st.integers(1, 2), st.sampled_from((2, 3, 4)), radix=st.just(8)),
    st.builds(
        hpn,
        st.integers(3, 12),
        st.integers(1, 2),
        hosts_per_segment=st.integers(1, 3),
        segments_per_pod=st.integers(1, 2),
        aggs_per_plane=st.sampled_from((1, 2, 5, 50)),
        single_tor=st.booleans(),
    ),
)
#: Dragonflies whose global links always reach all groups; the last host often spreads over two routers.
dragonflies = st.integers(1, 4).flatmap(
    lambda p: st.builds(
        dragonfly,
        st.integers(1, 20),
        st.integers(1, 3),
        adapters_per_router=st.just(p),
        routers_per_group=st.integers(2, 5),
        global_links_per_router=st.integers(15, 30) if p == 1 else st.integers(7, 15),
    )
)


@st.composite
def tori(draw):
    """Tori of two and three dimensions; blocks and hosts of one chip, and dimensions of one block, are frequent."""
    dimensions = draw(st.sampled_from((2, 3)))
    host = draw(st.lists(st.integers(1, 2), min_size=dimensions, max_size=dimensions))
    block = [side * draw(st.integers(1, 2)) for side in host]
    return torus([side * draw(st.integers(1, 3)) for side in block], block, host)


_oversubscribed = st.builds(
    clos,
    st.integers(1, 24),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    oversubscription=st.sampled_from((1.0, 1.5, 3.0)),
    hosts_per_domain=st.integers(1, 3),
)
dcn_pluses = st.builds(dcn_plus, st.integers(1, 40), st.sampled_from((4, 8)))
railxes = st.builds(railx, st.integers(1, 20), st.sampled_from((1, 4, 6, 9)), links_per_side=st.integers(1, 3))
any_fabrics = st.one_of(fabrics(), tall_fabrics)
#: all builders; adapters of DCN+ have two ways in that are told apart by neither rail nor plane
every_fabric = st.one_of(any_fabrics, dragonflies, tori(), _oversubscribed, dcn_pluses, railxes)


def network_links(fabric):
    """All links but those of scale-up domains."""
    return [link for link in fabric.links if link.tier != "nvswitch"]


def reachable(fabric, *, without=None, through_hosts=False):
    """The adapters that reach each other over the network, as a set of frozen sets; a lost switch can be left out."""
    above = {}

    def top(end):
        while (parent := above.get(end, end)) != end:
            above[end] = above.get(parent, parent)
            end = parent
        return end

    adapters = {Adapter(host, gpu) for host in range(fabric.hosts) for gpu in range(fabric.gpus_per_host)}
    for link in network_links(fabric):
        if without not in {link.child, link.parent}:
            above[top(link.child)] = top(link.parent)
    for pair in fabric.peer_links:
        if without not in {pair.one, pair.other}:
            above[top(pair.one)] = top(pair.other)
    if through_hosts:
        for adapter in adapters:
            above[top(adapter)] = top(Adapter(adapter.host, 0))
    parts = defaultdict(set)
    for adapter in adapters:
        parts[top(adapter)].add(adapter)
    return {frozenset(part) for part in parts.values()}


def as_networkx(fabric, *, circuits_as_set=False):
    """The fabric as a graph of another library, every cable one edge; an optical switch as its circuits, or a star."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(Adapter(host, gpu) for host in range(fabric.hosts) for gpu in range(fabric.gpus_per_host))
    graph.add_nodes_from(switch.name for switch in fabric.switches if not (circuits_as_set and switch.tier == "ocs"))
    for link in fabric.links:
        if not (circuits_as_set and link.tier == "ocs"):
            graph.add_edge(link.child, link.parent, tier=link.tier, gbps=link.bandwidth_gbps)
    for pair in fabric.peer_links:
        graph.add_edge(pair.one, pair.other, tier=pair.kind, gbps=pair.bandwidth_gbps)
    if circuits_as_set:
        for circuit in fabric.circuits:
            graph.add_edge(circuit.one.child, circuit.other.child, tier="ocs", gbps=circuit.one.bandwidth_gbps)
    return graph


def relabelled(fabric, rng):
    """The same fabric with hosts, GPUs and switches called otherwise and everything in another order."""
    hosts, gpus = [rng.sample(range(size), size) for size in (fabric.hosts, fabric.gpus_per_host)]
    names = {
        switch.name: f"s{number}" for number, switch in enumerate(rng.sample(fabric.switches, len(fabric.switches)))
    }

    def end(old):
        return names[old] if isinstance(old, str) else Adapter(hosts[old.host], gpus[old.gpu])

    def cable(link):
        return replace(link, child=end(link.child), parent=names[link.parent])

    def shuffled(things):
        return tuple(rng.sample(things, len(things)))

    return replace(
        fabric,
        switches=shuffled([replace(switch, name=names[switch.name]) for switch in fabric.switches]),
        links=shuffled([cable(link) for link in fabric.links]),
        peer_links=shuffled([replace(pair, one=end(pair.other), other=end(pair.one)) for pair in fabric.peer_links]),
        circuits=shuffled([replace(pair, one=cable(pair.one), other=cable(pair.other)) for pair in fabric.circuits]),
    )
