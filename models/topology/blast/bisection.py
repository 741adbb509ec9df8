"""Bisection: the capacity between two halves of the hosts, exactly, as a maximum flow.

Switches that look the same carry the same in some maximum flow. The flow is therefore computed between classes of
switches: tens of vertices for the regular fabrics of any size, and the fabric itself for an irregular one.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.guards import FloatArray
from models.topology.blast.forwarding import (
    connected_parts,
    forwarder_of,
    forwarders,
    forwarding_edges,
    forwarding_parts,
)
from models.topology.blast.refinement import mixed, refined
from models.topology.blast.remaining import Remaining, host_shares, untouched
from models.topology.blast.wiring import BoolArray, IntArray, Wiring, once_per_fabric, summed, wiring_of
from models.topology.fabric import Fabric

_INT_LIMIT = 2**31 - 1
#: to which shares are compared
_DIGITS = 12


def bisection_left_share(wiring: Wiring, left: Remaining) -> float:
    """Return the share of the capacity between two halves of the hosts that is left.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    left : Remaining
        What faults leave of it.

    Returns
    -------
    float
        From 0 to 1; 1 where there is nothing between the halves to begin with.

    Notes
    -----
    The halves follow the borders that the highest tier joins: of pods, or of segments, racks and leaves if there is one
    pod, or of hosts under one switch. Those that keep the least are in the first half, which is the smaller one, and
    then the first. In a dragonfly, whose groups are joined in pairs, the halves that take turns in that order are
    looked at, too, and the lower share counts. In a torus and in RailX they are halves of each dimension, cut where the
    optical circuit switches join it, as near to what is hit as can be; the lowest share counts.
    """
    shares = [1.0]
    known = _untouched_flows(wiring.fabric)
    for half in _halves(wiring, left):
        capacity = known.get(half.tobytes())
        if capacity is None:
            capacity = known[half.tobytes()] = flow_between(wiring, untouched(wiring.fabric), half)
        if capacity > 0:
            shares.append(flow_between(wiring, left, half) / capacity)
    return min(shares)


def flow_between(wiring: Wiring, left: Remaining, half: BoolArray) -> float:
    """Return the largest flow from the GPUs of some hosts to those of all others, in Gb/s.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    left : Remaining
        What is left of it.
    half : array of bool, shape (hosts,)
        The hosts where the flow starts.

    Returns
    -------
    float
        The flow. GPUs forward nothing, but for the chips of a torus and the hosts of RailX.
    """
    one, other, gbps = forwarding_edges(wiring, left)
    supply, demand = _ends(wiring, left, half, (one, other, gbps))
    _, label = np.unique(gbps, return_inverse=True)
    _, colour = np.unique(np.stack([supply, demand], axis=1), axis=0, return_inverse=True)
    colours = refined(mixed(colour.ravel().astype(np.uint64)), one, other, label.astype(np.uint64))
    names, vertex = np.unique(colours, return_inverse=True)
    classes = len(names)
    source, sink = classes, classes + 1
    starts = np.concatenate([vertex[one], vertex[other], np.full(len(vertex), source), vertex])
    ends = np.concatenate([vertex[other], vertex[one], vertex, np.full(len(vertex), sink)])
    capacity = np.concatenate([gbps, gbps, supply, demand])
    between = (starts != ends) & (capacity > 0)
    shape = (classes + 2, classes + 2)
    graph = sparse.coo_array((capacity[between], (starts[between], ends[between])), shape=shape).tocsr()
    scale = _scale(graph.data)
    whole = sparse.csr_array((np.rint(graph.data * scale).astype(np.int32), graph.indices, graph.indptr), shape=shape)
    return float(csgraph.maximum_flow(whole, source, sink).flow_value) / scale


@once_per_fabric
def _untouched_flows(fabric: Fabric) -> dict[bytes, float]:
    """Return the flows that are known already, by their half; faults of a class share many."""
    del fabric
    return {}


def _scale(capacity: FloatArray) -> float:
    """Return what makes whole numbers of capacities; Gb/s mostly are."""
    total = float(capacity.sum())
    if total >= _INT_LIMIT:
        return _INT_LIMIT / (2 * total)
    return next(scale for scale in (1000.0, 100.0, 10.0, 1.0) if total * scale < _INT_LIMIT)


def _ends(
    wiring: Wiring, left: Remaining, half: BoolArray, edges: tuple[IntArray, IntArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return the Gb/s that flow in, from the first half, and out, to the second, at every vertex."""
    first = half[wiring.gpu_host]
    one, other, gbps = edges
    access = wiring.access
    if wiring.relay == "switches":
        supply, demand = (
            summed(access.upper[cables], access.gbps[cables], wiring.switches)
            for cables in (np.flatnonzero(left.access_up & side[access.lower]) for side in (first, ~first))
        )
        return supply, demand
    # Inside a GPU or a host that forwards there is no limit but what its cables take.
    joined = one != other
    most = summed(one[joined], gbps[joined], forwarders(wiring)) + summed(
        other[joined], gbps[joined], forwarders(wiring)
    )
    supply, demand = np.zeros(forwarders(wiring)), np.zeros(forwarders(wiring))
    sources, sinks = forwarder_of(wiring)[left.gpus_up & first], forwarder_of(wiring)[left.gpus_up & ~first]
    supply[sources], demand[sinks] = most[sources], most[sinks]
    return supply, demand


def _halves(wiring: Wiring, left: Remaining) -> list[BoolArray]:
    """Return the hosts on one side of each cut that is looked at."""
    share = host_shares(wiring, left)
    if wiring.relay != "switches":
        return [half for slab in _slabs(wiring.fabric) for half in _half_rings(slab, share)]
    group = _host_groups(wiring.fabric)
    order = np.argsort(_kept(group, share), kind="stable")
    sizes = np.bincount(group)
    taken = max(1, int(np.searchsorted(np.cumsum(sizes[order]), wiring.fabric.hosts / 2, side="right")))
    halves = [order[:taken]] + [order[::2]] * bool(len(wiring.switch_peers))
    return [np.isin(group, groups) for groups in halves]


def _half_rings(slab: IntArray, share: FloatArray) -> list[BoolArray]:
    """Return the two halves of a ring of slabs that begin with the one that keeps the least, and right after it."""
    count = int(slab.max()) + 1
    worst = int(np.argmin(_kept(slab, share)))
    return [(slab - start) % count < count // 2 for start in (worst, worst + 1)]


def _kept(group: IntArray, share: FloatArray) -> FloatArray:
    """Return the mean share of the hosts of every group."""
    return np.round(summed(group, share, 0) / np.bincount(group), _DIGITS)


@once_per_fabric
def _slabs(fabric: Fabric) -> list[IntArray]:
    """Return the slab of every host, for each dimension of a torus or of RailX.

    A slab hangs together without the optical circuit switches of the dimension; those are called alike up to a number.
    """
    wiring, left = wiring_of(fabric), untouched(fabric)
    names = np.array([match.group() if (match := re.match(r"\D*", s.name)) else "" for s in fabric.switches])
    slabs = []
    for dimension in dict.fromkeys(names.tolist()):
        kept = left.access_up & (names[wiring.access.upper] != dimension)
        part = forwarding_parts(wiring, replace(left, access_up=kept))
        first = np.searchsorted(wiring.gpu_host, np.arange(fabric.hosts))
        slab = _by_appearance(part[forwarder_of(wiring)[first]])
        if slab.any():
            slabs.append(slab)
    return slabs or [np.arange(fabric.hosts)]


@once_per_fabric
def _host_groups(fabric: Fabric) -> IntArray:
    """Return the group of every host: what hangs together without the highest tier that joins it all, or the pod."""
    wiring = wiring_of(fabric)
    if len(wiring.switch_peers):
        pods = np.array([-1 if switch.pod is None else switch.pod for switch in fabric.switches], dtype=np.int64)
        own = np.full(fabric.hosts, -1, dtype=np.int64)
        np.maximum.at(own, wiring.gpu_host[wiring.access.lower], pods[wiring.access.upper])
        group = _by_appearance(own)
        if group.any():
            return group
    lower = np.concatenate([wiring.trunks.lower, wiring.switches + wiring.gpu_host[wiring.access.lower]])
    upper = np.concatenate([wiring.trunks.upper, wiring.access.upper])
    size = wiring.switches + fabric.hosts
    for tier in sorted(set(wiring.switch_tier.tolist()), reverse=True):
        kept = wiring.switch_tier[upper] < tier
        group = _by_appearance(connected_parts(lower[kept], upper[kept], size)[wiring.switches :])
        if group.any():
            return group
    return np.arange(fabric.hosts)


def _by_appearance(labels: IntArray) -> IntArray:
    """Return labels as numbers from 0, in the order in which they appear first.

    >>> _by_appearance(np.array([7, 7, 3, 9, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[number]
