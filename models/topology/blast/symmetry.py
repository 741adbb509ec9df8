"""Which components of a fabric are alike: a relabelling of hosts and switches would exchange them.

Questions about all components, or all pairs of them, are answered with one of each kind, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.topology.blast.parts import Catalogue, ComponentClass, Pick
from models.topology.blast.refinement import Colours, mixed, refined
from models.topology.blast.wiring import Cables, IntArray, Wiring

_MARK = np.uint64(0xD1B54A32D192ED03)


@dataclass(frozen=True, slots=True, eq=False)
class AlikeComponents:
    """Components of a class that are alike.

    Parameters
    ----------
    example : int
        Number of the first of them.
    count : int
        How many they are.
    """

    example: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """Colours of the parts of a fabric, and of its components that are sets of parts.

    Parameters
    ----------
    colours : dict
        By the sort of part, or by the class of components that are sets.
    """

    colours: dict[str, Colours]

    def alike(self, found: ComponentClass) -> list[AlikeComponents]:
        """Return the components of a class, grouped by what is alike; the first groups hold the first components."""
        colours = self.colours[found.kind] if found.several else self.colours[found.part][found.numbers]
        _, examples, counts = np.unique(colours, return_index=True, return_counts=True)
        order = np.argsort(examples)
        return [
            AlikeComponents(example, count)
            for example, count in zip(examples[order].tolist(), counts[order].tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class SymmetryGraph:
    """A fabric as a coloured graph: its vertices are hosts, GPUs, switches, cables and sets of those.

    Parameters
    ----------
    places, sizes : dict
        First vertex and number of vertices of every sort of part, and of every class of components that are sets.
    colours : array of uint64, shape (vertices,)
        What is told apart from the start.
    one, other, labels : array, shape (edges,)
        The ends of each edge, and what it is.
    """

    places: dict[str, int]
    sizes: dict[str, int]
    colours: Colours
    one: IntArray
    other: IntArray
    labels: Colours

    def symmetry(self, marked: Pick | None = None) -> Symmetry:
        """Return what is alike; with a component marked, what is alike as seen from it, too."""
        colours = self.colours.copy()
        if marked is not None:
            found, component = marked
            if found.several:
                colours[self.places[found.kind] + component] ^= _MARK
            else:
                # An adapter is the vertex of its GPU, and yet not its GPU.
                mark = _MARK + _numbers([len(found.part)])[0]
                colours[self.places[found.part] + found.members(component)] ^= mark
        colours = refined(colours, self.one, self.other, self.labels)
        return Symmetry({sort: colours[first : first + self.sizes[sort]] for sort, first in self.places.items()})


def symmetry_graph(wiring: Wiring, catalogue: Catalogue) -> SymmetryGraph:
    """Return a fabric as a graph in which like components are like vertices.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    catalogue : Catalogue
        Its components. Sets of hosts that share something are part of what makes hosts differ.

    Returns
    -------
    SymmetryGraph
        The graph.

    Notes
    -----
    Refinement does not see whether two ways from one vertex meet again. For cables of one host that matters: hosts have
    edges of their own to switches, near and one step on, and to each other, and GPUs to sets of switches, with the
    number of their cables.
    """
    several = [found for found in catalogue.values() if found.several]
    cables = {
        "access": wiring.access,
        "scale_up": wiring.scale_up,
        "trunks": wiring.trunks,
        "chip_peers": wiring.chip_peers,
        "switch_peers": wiring.switch_peers,
    }
    sizes = {"hosts": wiring.fabric.hosts, "gpus": wiring.gpus, "switches": wiring.switches}
    sizes |= {sort: len(run) for sort, run in cables.items()} | {found.kind: len(found) for found in several}
    places = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    own = {sort: np.zeros(size, dtype=np.uint64) for sort, size in sizes.items()}
    own["switches"] = _numbers(wiring.switch_tier)
    own |= {sort: run.gbps.view(np.uint64) for sort, run in cables.items()}
    own["chip_peers"] = mixed(own["chip_peers"]) + _within_a_host(wiring, wiring.chip_peers)
    colours = [mixed(own[sort] ^ mixed(_numbers([number]))) for number, sort in enumerate(sizes)]
    edges = [(wiring.gpu_host, places["gpus"] + np.arange(wiring.gpus), _numbers([0]))]
    for sort, run in cables.items():
        vertices = places[sort] + np.arange(len(run))
        lower = places["switches" if sort in {"trunks", "switch_peers"} else "gpus"] + run.lower
        upper = places["gpus" if sort == "chip_peers" else "switches"] + run.upper
        equal = sort.endswith("peers")
        edges += [(lower, vertices, _numbers([1])), (vertices, upper, _numbers([1 if equal else 2]))]
    joined = np.flatnonzero(wiring.circuit > np.arange(len(wiring.circuit)))
    circuits = places["access"] + joined, places["access"] + wiring.circuit[joined]
    edges.append((*circuits, _numbers([3]) + _within_a_host(wiring, _circuits(wiring, joined))))
    edges += _host_edges(wiring, joined, places["switches"])
    for number, found in enumerate(several):
        sets = np.repeat(np.arange(len(found)), np.diff(found.starts))
        edges.append((places[found.kind] + sets, places[found.part] + found.numbers, _numbers([5 + number])))
        if found.part == "switches":
            set_of = np.full(wiring.switches, -1)
            set_of[found.numbers] = sets
            edges.append(_counted(wiring.access.lower, set_of[wiring.access.upper], places["gpus"], places[found.kind]))
    labels = [np.broadcast_to(mixed(label), len(one)) for one, _, label in edges]
    one, other = (np.concatenate([edge[end] for edge in edges]) for end in range(2))
    places["nics"], sizes["nics"] = places["gpus"], sizes["gpus"]
    return SymmetryGraph(places, sizes, np.concatenate(colours), one, other, np.concatenate(labels))


def _numbers(values: Sequence[int] | IntArray) -> Colours:
    return np.asarray(values).astype(np.uint64)


def _circuits(wiring: Wiring, joined: IntArray) -> tuple[IntArray, IntArray]:
    """Return the GPUs at the two ends of circuits."""
    return wiring.access.lower[joined], wiring.access.lower[wiring.circuit[joined]]


def _within_a_host(wiring: Wiring, ends: Cables | tuple[IntArray, IntArray]) -> Colours:
    """Return 1 for every two GPUs of one host, else 0."""
    lower, upper = (ends.lower, ends.upper) if isinstance(ends, Cables) else ends
    return _numbers(wiring.gpu_host[lower] == wiring.gpu_host[upper])


def _host_edges(wiring: Wiring, joined: IntArray, switches: int) -> list[tuple[IntArray, IntArray, Colours]]:
    """Return how many cables join hosts with switches, and with each other."""
    near, far = (
        wiring.gpu_host[np.concatenate([chips, ends])]
        for chips, ends in zip(
            (wiring.chip_peers.lower, wiring.chip_peers.upper), _circuits(wiring, joined), strict=True
        )
    )
    return [
        _counted(wiring.gpu_host[wiring.access.lower], wiring.access.upper, 0, switches),
        _counted(np.minimum(near, far), np.maximum(near, far), 0, 0),
        _over_peers(wiring, switches),
    ]


def _over_peers(wiring: Wiring, switches: int) -> tuple[IntArray, IntArray, Colours]:
    """Return over how many ways hosts are one cable between equals away from a switch: a host may be on several."""
    peers, access = wiring.switch_peers, wiring.access
    size = wiring.switches
    own = sparse.coo_array(
        (np.ones(len(access), dtype=np.int64), (wiring.gpu_host[access.lower], access.upper)),
        shape=(wiring.fabric.hosts, size),
    )
    ends = np.concatenate([peers.lower, peers.upper]), np.concatenate([peers.upper, peers.lower])
    beside = sparse.coo_array((np.ones(len(ends[0]), dtype=np.int64), ends), shape=(size, size))
    ways = (own.tocsr() @ beside.tocsr()).tocoo()
    host, switch = (np.asarray(place, dtype=np.int64) for place in ways.coords)
    # The high bit tells these from a host's own cables.
    return host, switches + switch, _numbers(ways.data) | np.uint64(1 << 63)


def _counted(
    lower: IntArray, upper: IntArray, first_lower: int, first_upper: int
) -> tuple[IntArray, IntArray, Colours]:
    """Return one edge for all cables between the same two ends, labelled with their number; -1 is no end."""
    lower, upper = lower[upper >= 0], upper[upper >= 0]
    width = int(upper.max(initial=0)) + 1
    ends, count = np.unique(lower * width + upper, return_counts=True)
    one, other = np.divmod(ends, width)
    return first_lower + one, first_upper + other, (_numbers(count) << np.uint64(32)) + np.uint64(4)
