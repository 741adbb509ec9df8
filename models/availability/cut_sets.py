"""Reachability in a graph whose edges and vertices fail: minimal cut sets, the exact sum and its bounds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.availability.errors import TooManyCutSetsError, UnknownMemberError
from models.availability.exact import checked_probability
from models.guards import checked_count

#: inclusion and exclusion has 2^n - 1 terms
_MOST_CUT_SETS: Final = 18

Part = Hashable


@dataclass(frozen=True, slots=True)
class ReachabilityGraph:
    """Who reaches whom over parts that may be down.

    Parameters
    ----------
    edges : tuple of (vertex, vertex, part)
        Undirected; the part that carries an edge may carry several. A vertex that can fail is a part of the same name.
    terminals : tuple of vertex
        All of them must reach each other.
    """

    edges: tuple[tuple[Hashable, Hashable, Part], ...]
    terminals: tuple[Hashable, ...]

    def __post_init__(self) -> None:
        known = self.vertices()
        for terminal in self.terminals:
            if terminal not in known:
                raise UnknownMemberError(terminal)

    def vertices(self) -> dict[Hashable, int]:
        """Return the vertices with their numbers."""
        return {name: number for number, name in enumerate(dict.fromkeys(v for e in self.edges for v in e[:2]))}

    def reached(self, down: Iterable[Part]) -> bool:
        """Say whether all terminals reach each other when these parts are down.

        Examples
        --------
        >>> square = ReachabilityGraph((("a", "b", 1), ("b", "c", 2), ("a", "d", 3), ("d", "c", 4)), ("a", "c"))
        >>> square.reached({1}), square.reached({1, 3}), square.reached({"b", "d"})
        (True, False, False)
        """
        lost = set(down)
        number = self.vertices()
        alive = [
            (number[one], number[other])
            for one, other, part in self.edges
            if part not in lost and one not in lost and other not in lost
        ]
        if lost & set(self.terminals):
            return False
        ends = np.array(alive, dtype=np.int64).reshape(-1, 2)
        matrix = sparse.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(number), len(number)))
        _, component = csgraph.connected_components(matrix, directed=False)
        return len({int(component[number[terminal]]) for terminal in self.terminals}) <= 1


def minimal_cut_sets(graph: ReachabilityGraph, parts: Sequence[Part], largest: int = 3) -> tuple[frozenset[Part], ...]:
    """Return the smallest sets of parts whose loss separates the terminals.

    Parameters
    ----------
    graph : ReachabilityGraph
        The system.
    parts : sequence
        What can be down: names of edges' parts or of vertices.
    largest : int
        Largest set looked for.

    Returns
    -------
    tuple of frozenset
        No set holds another; smaller ones first.

    Raises
    ------
    NotACountError
        `largest` is no count.

    Notes
    -----
    By increasing size: a set is a minimal cut if it separates and no smaller cut found lies within it. Exhaustive,
    hence for small graphs: the number of sets tried is the number of combinations.

    Examples
    --------
    >>> square = ReachabilityGraph((("a", "b", 1), ("b", "c", 2), ("a", "d", 3), ("d", "c", 4)), ("a", "c"))
    >>> [sorted(cut) for cut in minimal_cut_sets(square, [1, 2, 3, 4])]
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    found: list[frozenset[Part]] = []
    for size in range(checked_count("largest", largest) + 1):
        for chosen in combinations(parts, size):
            candidate = frozenset(chosen)
            if not any(cut <= candidate for cut in found) and not graph.reached(candidate):
                found.append(candidate)
    return tuple(found)


def cut_set_unavailability(cut_sets: Sequence[frozenset[Part]], unavailability: Mapping[Part, float]) -> float:
    """Return the exact probability that some cut set is wholly down, by inclusion and exclusion.

    Parameters
    ----------
    cut_sets : sequence of frozenset
        Minimal cut sets, at most 18.
    unavailability : mapping
        Of each part; parts fail independently.

    Returns
    -------
    float
        Unavailability of the system.

    Raises
    ------
    TooManyCutSetsError
        The sum would have too many terms.
    NotAProbabilityError
        A part's unavailability is none.

    Notes
    -----
    Poincaré's formula: sum over non-empty families of (-1)^(size + 1) times the probability that the union of the
    family is down.

    Examples
    --------
    >>> round(cut_set_unavailability([frozenset({1, 3}), frozenset({2})], {1: 0.1, 2: 0.2, 3: 0.5}), 3)
    0.24
    """
    if len(cut_sets) > _MOST_CUT_SETS:
        raise TooManyCutSetsError(len(cut_sets), _MOST_CUT_SETS)
    # Families of one union cancel each other: only their signed number counts.
    signed: dict[frozenset[Part], int] = {}
    for cut in cut_sets:
        for union, sign in list(signed.items()):
            joined = union | cut
            signed[joined] = signed.get(joined, 0) - sign
        signed[cut] = signed.get(cut, 0) + 1
    return float(sum(sign * _all_down(union, unavailability) for union, sign in signed.items() if sign))


def cut_set_bounds(cut_sets: Sequence[frozenset[Part]], unavailability: Mapping[Part, float]) -> tuple[float, float]:
    """Bound the probability that some cut set is wholly down, for any number of cut sets.

    Parameters
    ----------
    cut_sets : sequence of frozenset
        Minimal cut sets; if only those up to a size are known, the lower bound still holds.
    unavailability : mapping
        Of each part; parts fail independently.

    Returns
    -------
    low, high : float
        Lower: the larger of the likeliest cut set and Bonferroni's sum less that of the pairs. Upper: 1 less the
        product over cut sets of what each leaves, at most their sum.

    Raises
    ------
    NotAProbabilityError
        A part's unavailability is none.

    Notes
    -----
    Bonferroni's inequality; Esary and Proschan (1963, Technometrics 5:183), whose bound needs associated parts, as
    independent ones are.

    Examples
    --------
    >>> low, high = cut_set_bounds([frozenset({1, 3}), frozenset({2})], {1: 0.1, 2: 0.2, 3: 0.5})
    >>> round(low, 3), round(high, 3)
    (0.24, 0.24)
    """
    alone = [_all_down(cut, unavailability) for cut in cut_sets]
    if not alone:
        return 0.0, 0.0
    pairs = sum(_all_down(one | other, unavailability) for one, other in combinations(cut_sets, 2))
    low = max(*alone, sum(alone) - pairs)
    return low, min(1.0, float(-np.expm1(np.log1p(-np.minimum(alone, 1.0 - 1e-16)).sum())))


def _all_down(parts: Iterable[Part], unavailability: Mapping[Part, float]) -> float:
    return float(np.prod([checked_probability(f"unavailability of {part}", unavailability[part]) for part in parts]))
