"""Colour refinement: which vertices of a graph look the same from everywhere.

Two vertices keep one colour while they have the same number of neighbours of every colour, over edges of the same
label. What a relabelling can exchange has equal colours; the converse holds for the fabrics that the tests enumerate,
and is no law: an irregular graph can hide a difference. In any graph flows and counts that treat equal colours alike
are exact (Grohe et al., Dimension reduction via colour refinement, ESA 2014).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.topology.blast.wiring import IntArray

Colours = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mixed(values: Colours) -> Colours:
    """Return numbers scattered over 64 bits, equal for equal ones (the finaliser of splitmix64).

    >>> len(set(mixed(np.arange(1000, dtype=np.uint64)).tolist()))
    1000
    """
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def distinct(colours: Colours) -> int:
    """Return how many colours there are; sorting is faster than hashing where most differ.

    >>> distinct(np.array([7, 3, 7], dtype=np.uint64))
    2
    """
    ordered = np.sort(colours)
    return int((ordered[1:] != ordered[:-1]).sum()) + bool(len(ordered))


def refined(colours: Colours, one: IntArray, other: IntArray, labels: Colours) -> Colours:
    """Return the coarsest colours that refine the given ones and are stable.

    Parameters
    ----------
    colours : array of uint64, shape (vertices,)
        Vertices that differ from the start have different ones.
    one, other : array of int, shape (edges,)
        The ends of each edge.
    labels : array of uint64, shape (edges,)
        Edges that differ have different ones.

    Returns
    -------
    array of uint64, shape (vertices,)
        Colours; only whether they are equal means anything.

    Notes
    -----
    Colours are 64-bit hashes. Two of a million classes collide with probability 3e-8.

    Examples
    --------
    A path of five: ends, their neighbours, and the middle.

    >>> ends = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 4])
    >>> colours = refined(np.zeros(5, dtype=np.uint64), *ends, np.zeros(4, dtype=np.uint64))
    >>> np.unique(colours, return_inverse=True)[1].tolist() in ([0, 1, 2, 1, 0], [0, 2, 1, 2, 0], [1, 0, 2, 0, 1],
    ... [1, 2, 0, 2, 1], [2, 0, 1, 0, 2], [2, 1, 0, 1, 2])
    True
    """
    target = np.concatenate([other, one])
    order = np.argsort(target, kind="stable")
    target, source = target[order], np.concatenate([one, other])[order]
    labels = mixed(np.concatenate([labels, labels])[order])
    starts = np.flatnonzero(np.diff(target, prepend=-1))
    vertices = target[starts]
    classes = distinct(colours)
    while len(target):
        heard = np.zeros_like(colours)
        heard[vertices] = np.add.reduceat(mixed(colours[source] ^ labels), starts)
        colours = mixed(mixed(colours) ^ heard)
        found = distinct(colours)
        if found == classes:
            break
        classes = found
    return colours
