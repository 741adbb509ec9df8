"""How far apart the GPUs of a fabric are, in cables."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from models.topology.fabric import Adapter, Fabric

_IntArray = npt.NDArray[np.int64]

#: up to so many GPUs, distances are taken from all of them; of more, from so many that are evenly spread
_MOST_EXACT, _SPREAD = 512, 64


def diameter_hops(fabric: Fabric) -> int:
    """Return the cables on the shortest way between the two GPUs that are farthest apart.

    NVLink counts (two cables through an NVSwitch), and so do the cables of a mesh; a circuit through an optical switch
    is one hop, as no packet stops there, and circuits are those the fabric is built with. GPUs that do not reach each
    other do not count.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.

    Returns
    -------
    int
        Hops; 0 if no GPU reaches another one.

    Notes
    -----
    Breadth-first from every GPU; where there are more than 512, from 64 evenly spread ones, then from the farthest GPU
    found until nothing is farther. In a fabric built of equal parts that is the diameter; in another one it may fall
    short.

    Examples
    --------
    >>> from models.topology.builders.rail_only import rail_only
    >>> diameter_hops(rail_only(hosts=4, gpus_per_host=2, hosts_per_leaf=4))
    4
    """
    return _farthest(_ways(fabric, fabric.gpus_per_host), fabric.hosts * fabric.gpus_per_host)


def host_diameter_hops(fabric: Fabric) -> int:
    """Return the cables between the two hosts that are farthest apart: hops inside hosts are free.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.

    Returns
    -------
    int
        Hops; 0 if no host reaches another one.

    Examples
    --------
    >>> from models.topology.builders.railx import railx
    >>> host_diameter_hops(railx(hosts=36, gpus_per_host=9))
    2
    """
    return _farthest(_ways(fabric, 1), fabric.hosts)


def _farthest(ways: sparse.csr_array, ends: int) -> int:
    """Return the most hops between any two of the first vertices."""
    spread = range(ends) if ends <= _MOST_EXACT else np.linspace(0, ends - 1, _SPREAD).astype(int).tolist()
    sources = set(spread)
    farthest, seen = 0, set[int]()
    while sources:
        seen |= sources
        found = set[int]()
        for source in sources:
            hops = _hops_from(ways, source)[:ends]
            if hops.max() > farthest:
                farthest, found = int(hops.max()), set()
            if hops.max() == farthest and not found:
                found.add(int(hops.argmax()))
        sources = found - seen
    return farthest


def _ways(fabric: Fabric, parts: int) -> sparse.csr_array:
    """Return who is one hop from whom, both ways: hosts in order, each of so many parts (its GPUs), then switches."""
    ends = fabric.hosts * parts
    number = {switch.name: ends + position for position, switch in enumerate(fabric.switches)}

    def vertex(end: Adapter | str) -> int:
        return number[end] if isinstance(end, str) else end.host * parts + end.gpu % parts

    pairs = [(vertex(link.child), number[link.parent]) for link in fabric.links if link.tier != "ocs"]
    pairs += [(vertex(pair.one), vertex(pair.other)) for pair in fabric.peer_links]
    pairs += [(vertex(circuit.one.child), vertex(circuit.other.child)) for circuit in fabric.circuits]
    one, other = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    both = (np.concatenate([one, other]), np.concatenate([other, one]))
    vertices = ends + len(fabric.switches)
    return sparse.csr_array((np.ones(2 * one.size, dtype=np.int32), both), shape=(vertices, vertices))


def _hops_from(ways: sparse.csr_array, source: int) -> _IntArray:
    """Return the hops from a vertex to each, -1 where there is no way."""
    starts, ends = ways.indptr.astype(np.int64), ways.indices
    hops = np.full(starts.size - 1, -1, dtype=np.int64)
    frontier = np.array([source])
    for hop in range(hops.size):
        hops[frontier] = hop
        degrees = starts[frontier + 1] - starts[frontier]
        before = np.cumsum(degrees) - degrees
        near = ends[np.repeat(starts[frontier] - before, degrees) + np.arange(degrees.sum())]
        fresh = np.zeros(hops.size, dtype=bool)
        fresh[near] = True
        frontier = np.flatnonzero(fresh & (hops < 0))
        if not frontier.size:
            break
    return hops
