"""Fabrics of every kind and shape, and what hangs together in them."""

from collections import defaultdict

from hypothesis import strategies as st

from models.topology import FABRIC_KINDS, Adapter, build_fabric
from models.topology.clos import clos
from models.topology.hpn import hpn
from models.topology.rail import rail
from models.topology.rail_only import rail_only

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
any_fabrics = st.one_of(fabrics(), tall_fabrics)


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
    if through_hosts:
        for adapter in adapters:
            above[top(adapter)] = top(Adapter(adapter.host, 0))
    parts = defaultdict(set)
    for adapter in adapters:
        parts[top(adapter)].add(adapter)
    return {frozenset(part) for part in parts.values()}
