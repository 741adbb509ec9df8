"""Hamiltonian rings: all-to-all out of rings, and hops over some of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from models.topology.builders.cabling import check_sizes
from models.topology.errors import ApartError

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """The edges of a complete graph, each in one ring or in the matching.

    Parameters
    ----------
    rings : array of int, shape (rings, nodes)
        Hamiltonian cycles, each as its nodes in order; the last is joined to the first.
    matching : array of int, shape (pairs, 2)
        What is left of an even number of nodes: every node in one pair. Empty for an odd number.
    """

    rings: IntArray
    matching: IntArray


def hamiltonian_decomposition(nodes: int) -> Decomposition:
    """Split the complete graph into Hamiltonian rings that share no edge.

    Parameters
    ----------
    nodes : int
        At least one.

    Returns
    -------
    Decomposition
        (nodes - 1) / 2 rings of an odd number; (nodes - 2) / 2 rings and a perfect matching of an even one.

    Raises
    ------
    NotACountError, NotPositiveError
        There are no nodes.

    Notes
    -----
    Walecki's construction (in Lucas, Récréations mathématiques, 1892). Ring i passes through the last node,
    then i, i + 1, i - 1, i + 2, ... modulo n - 1: the sums of neighbours are 2 i and 2 i + 1 by turns. Of an even
    number of nodes the pairs with the sum n - 2 are left.

    Examples
    --------
    >>> hamiltonian_decomposition(5).rings.tolist()
    [[4, 0, 1, 3, 2], [4, 1, 2, 0, 3]]
    >>> hamiltonian_decomposition(4).matching.tolist()
    [[3, 1], [0, 2]]
    """
    check_sizes(nodes=nodes)
    last = nodes - 1
    steps = np.arange(last)
    zigzag = np.where(steps % 2, (steps + 1) // 2, -(steps // 2))
    starts = np.arange(last // 2)[:, np.newaxis]
    rings = np.insert((starts + zigzag) % max(1, last), 0, last, axis=1)
    if nodes % 2:
        return Decomposition(rings, np.empty((0, 2), dtype=np.int64))
    lower = np.arange(last // 2)
    others = np.column_stack([lower, last - 1 - lower])
    return Decomposition(rings, np.concatenate([[[last, last // 2]], others]))


def rail_successors(nodes: int, rails: int) -> IntArray:
    """Return which node follows which on each rail of a row of nodes.

    Parameters
    ----------
    nodes : int
        Nodes of the row.
    rails : int
        Its rails.

    Returns
    -------
    array of int, shape (rails, nodes)
        The node after each. From nodes / 2 rails on any two nodes are neighbours on some rail; of an even number of
        nodes one rail then is no ring but joins pairs, there and back. More rails repeat the rings; fewer have those
        rings that leave the nodes few hops apart.

    Raises
    ------
    NotACountError, NotPositiveError
        A size cannot be.

    Notes
    -----
    Which rings to take where all-to-all needs more rails than there are is derived [D]: every next ring is the one
    that brings the most pairs of nodes within two hops. 64 nodes are three hops apart with 5 rails, two with 7.

    Examples
    --------
    >>> rail_successors(5, 2).tolist()
    [[1, 3, 4, 2, 0], [3, 2, 0, 4, 1]]
    """
    check_sizes(rails=rails)
    split = hamiltonian_decomposition(nodes)
    count = len(split.rings)
    successors = np.tile(np.arange(nodes), (max(1, nodes // 2), 1))
    np.put_along_axis(successors[:count], split.rings, np.roll(split.rings, -1, axis=1), axis=1)
    for one, other in split.matching:
        successors[-1, [one, other]] = other, one
    if rails < nodes // 2:
        return successors[_rings_apart(nodes, rails)]
    return successors[np.arange(rails) % len(successors)]


@cache
def _rings_apart(nodes: int, rails: int) -> list[int]:
    """Return which rings to take, one after the other, so that as many pairs as can be are two hops apart or less."""
    rings = hamiltonian_decomposition(nodes).rings
    near = np.zeros((len(rings), nodes, nodes), dtype=np.float32)
    number = np.arange(len(rings))[:, np.newaxis]
    following = np.roll(rings, -1, axis=1)
    near[number, rings, following] = near[number, following, rings] = 1.0
    joined = np.eye(nodes, dtype=np.float32)
    chosen: list[int] = []
    while len(chosen) < rails:
        left = [ring for ring in range(len(rings)) if ring not in chosen]
        in_two = [int(np.count_nonzero((joined + near[ring]) @ (joined + near[ring]))) for ring in left]
        chosen.append(left[int(np.argmax(in_two))])
        joined += near[chosen[-1]]
    return chosen


def rail_hops(successors: IntArray) -> int:
    """Return the hops between the two nodes of a row that are farthest apart.

    Parameters
    ----------
    successors : array of int, shape (rails, nodes)
        The node after each on each rail; rails are used both ways.

    Returns
    -------
    int
        Hops; 0 for a single node.

    Raises
    ------
    ApartError
        Some nodes do not reach each other.

    Examples
    --------
    >>> rail_hops(rail_successors(64, 32)), rail_hops(rail_successors(64, 7)), rail_hops(rail_successors(64, 1))
    (1, 2, 32)
    """
    nodes = successors.shape[1]
    near = np.eye(nodes, dtype=np.float32)
    for row in successors:
        near[np.arange(nodes), row] = near[row, np.arange(nodes)] = 1.0
    reached, hops = np.eye(nodes, dtype=np.float32), 0
    while not reached.all():
        further = np.minimum(reached @ near, 1.0)
        if (further == reached).all():
            raise ApartError(nodes)
        reached, hops = further, hops + 1
    return hops


def grid_hops(columns: int, rows: int, rails: int) -> int:
    """Return the hops between the two nodes of a RailX grid that are farthest apart.

    Parameters
    ----------
    columns, rows : int
        Size of the grid.
    rails : int
        Of each row, and of each column.

    Returns
    -------
    int
        Hops from node to node: those along a row and those along a column; those inside the nodes do not count.

    Raises
    ------
    NotACountError, NotPositiveError
        A size cannot be.

    Notes
    -----
    RailX (arXiv 2507.18889) claims 2 to 4 hops: two with all-to-all in both dimensions, four with a quarter of the
    rails: the 7 of its larger size, 200,704 chips, are enough.

    Examples
    --------
    >>> grid_hops(64, 64, rails=32), grid_hops(64, 64, rails=7)
    (2, 4)
    """
    return rail_hops(rail_successors(columns, rails)) + rail_hops(rail_successors(rows, rails))
