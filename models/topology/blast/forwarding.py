"""What forwards traffic in a fabric: the switches; in a torus every chip, in RailX every host as well."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.guards import FloatArray
from models.topology.blast.remaining import Remaining
from models.topology.blast.wiring import IntArray, Wiring


def forwarders(wiring: Wiring) -> int:
    """Return how many vertices forward: the switches, then the GPUs or hosts that do."""
    own = {"switches": 0, "gpus": wiring.gpus, "hosts": wiring.fabric.hosts}
    return wiring.switches + own[wiring.relay]


def forwarder_of(wiring: Wiring) -> IntArray:
    """Return the vertex that forwards for each GPU, where the GPUs or hosts do."""
    return wiring.switches + (wiring.gpu_host if wiring.relay == "hosts" else np.arange(wiring.gpus))


def forwarding_edges(wiring: Wiring, left: Remaining) -> tuple[IntArray, IntArray, FloatArray]:
    """Return the cables and circuits between what forwards.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    left : Remaining
        What faults leave of it.

    Returns
    -------
    one, other : array of int
        The vertices at the two ends, as `forwarders` counts them.
    gbps : array of float
        Gb/s in each direction.
    """
    runs = [(wiring.trunks.lower, wiring.trunks.upper, wiring.trunks.gbps, left.trunks_up)]
    peers = wiring.switch_peers
    runs.append((peers.lower, peers.upper, peers.gbps, left.switch_peers_up))
    if wiring.relay != "switches":
        owner = forwarder_of(wiring)
        chips, access, partner = wiring.chip_peers, wiring.access, wiring.circuit
        runs.append((owner[chips.lower], owner[chips.upper], chips.gbps, left.chip_peers_up))
        # A cable that no circuit is set for can be joined to any other of its switch.
        loose = left.access_up & (partner < 0)
        runs.append((owner[access.lower], access.upper, access.gbps, loose))
        set_up = left.access_up & (partner > np.arange(len(access)))
        runs.append((owner[access.lower], owner[access.lower[partner]], access.gbps, set_up))
    one, other, gbps = (np.concatenate([run[end][run[3]] for run in runs]) for end in range(3))
    return one, other, gbps


def forwarding_parts(wiring: Wiring, left: Remaining) -> IntArray:
    """Return which connected part each vertex that forwards is in."""
    one, other, _ = forwarding_edges(wiring, left)
    return connected_parts(one, other, forwarders(wiring))


def connected_parts(one: IntArray, other: IntArray, size: int) -> IntArray:
    """Return which connected part each of so many vertices is in, from the ends of the edges.

    >>> connected_parts(np.array([0, 1]), np.array([2, 3]), 5).tolist()
    [0, 1, 0, 1, 2]
    """
    graph = sparse.coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(size, size))
    _, part = csgraph.connected_components(graph, directed=False)
    return part.astype(np.int64)
