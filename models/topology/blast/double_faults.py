"""Double faults: what any two components of given classes do when both are lost, counted over all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Final

from models.topology.blast.catalogue import catalogue_of
from models.topology.blast.parts import Catalogue, ComponentClass, Grouping, Pick, class_of
from models.topology.blast.radius import BlastRadius, radius_of
from models.topology.blast.symmetry import symmetry_graph
from models.topology.blast.table import gathered, severity
from models.topology.blast.wiring import wiring_of
from models.topology.fabric import Fabric

#: so many pairs are looked at one by one, some milliseconds each
_ONE_BY_ONE: Final = 500


@dataclass(frozen=True, slots=True)
class DoubleFaults:
    """What two faults at once do, over all pairs of different components of two classes.

    Parameters
    ----------
    kinds : tuple of str
        The two classes.
    pairs : int
        How many pairs there are.
    pairs_down : int
        Those that take GPUs down.
    pairs_split : int
        Those that take none down, but cut GPUs off from others.
    pairs_only_together : int
        Those that take GPUs down or cut them off, though neither fault alone does.
    outcomes : tuple of BlastRadius
        One example for each outcome, the worst first; `BlastRadius.alike` of the pairs are like it.
    """

    kinds: tuple[str, str]
    pairs: int
    pairs_down: int
    pairs_split: int
    pairs_only_together: int
    outcomes: tuple[BlastRadius, ...]

    @property
    def share_down(self) -> float:
        """Share of the pairs that take GPUs down; 0 without pairs."""
        return self.pairs_down / self.pairs if self.pairs else 0.0

    @property
    def share_takes_down(self) -> float:
        """Share of the pairs that take GPUs down or cut them off; 0 without pairs."""
        return (self.pairs_down + self.pairs_split) / self.pairs if self.pairs else 0.0

    @property
    def share_only_together(self) -> float:
        """Share of the pairs that do so though neither fault alone does; 0 without pairs."""
        return self.pairs_only_together / self.pairs if self.pairs else 0.0


def double_faults(fabric: Fabric, kind_a: str, kind_b: str, *, groupings: Sequence[Grouping] = ()) -> DoubleFaults:
    """Return what any two faults of given classes do: all pairs, not a sample.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    kind_a, kind_b : str
        Classes of components; they may be the same.
    groupings : sequence of Grouping
        Hosts that share something beside the network; each kind of them is a class.

    Returns
    -------
    DoubleFaults
        All pairs, counted; for one class, unordered pairs of two different components.

    Raises
    ------
    UnknownComponentKindError
        The fabric has no such class.

    Notes
    -----
    Up to 500 pairs are looked at one by one. Of more, one component of each group of like ones is taken for the first
    fault, of the smaller class; what is alike as seen from it is taken together for the second. What is alike is told
    by colour refinement: exact in the regular fabrics of the builders; in an irregular one of this size components
    could be taken for alike that are not, and their share of the outcomes be somewhat off.

    Examples
    --------
    Of the pairs of an HPN segment's 16 ToRs, the 8 of one rail take their rail down.

    >>> from models.topology.builders.hpn import hpn
    >>> found = double_faults(hpn(hosts=128, gpus_per_host=8), "tor", "tor")
    >>> found.pairs, found.pairs_down, found.pairs_only_together, found.outcomes[0].gpus_down
    (120, 8, 8, 128)
    """
    catalogue = catalogue_of(fabric, groupings)
    first, second = class_of(catalogue, kind_a), class_of(catalogue, kind_b)
    pairs = len(first) * (len(first) - 1) // 2 if kind_a == kind_b else len(first) * len(second)
    weighed = (
        _one_by_one(first, second)
        if pairs <= _ONE_BY_ONE
        else _by_symmetry(fabric, catalogue, *sorted((first, second), key=len))
    )
    # Of one class, symmetry meets every pair from both of its sides: counts are of twice the pairs.
    sides = 2 if kind_a == kind_b and pairs > _ONE_BY_ONE else 1
    alone: dict[tuple[str, int], bool] = {}
    met: dict[frozenset[tuple[str, int]], BlastRadius] = {}
    doubles, only_together = [], 0
    for picks, count in weighed:
        key = frozenset((found.kind, number) for found, number in picks)
        if key not in met:
            met[key] = radius_of(fabric, picks)
        doubles.append(replace(met[key], alike=count, of=sides * pairs))
        if met[key].takes_down:
            for found, number in picks:
                if (found.kind, number) not in alone:
                    alone[found.kind, number] = radius_of(fabric, [(found, number)]).takes_down
            only_together += count * (not any(alone[found.kind, number] for found, number in picks))
    outcomes = [replace(radius, alike=radius.alike // sides, of=pairs) for radius in gathered(doubles)]
    return DoubleFaults(
        kinds=(kind_a, kind_b),
        pairs=pairs,
        pairs_down=sum(radius.alike for radius in outcomes if radius.gpus_down),
        pairs_split=sum(radius.alike for radius in outcomes if not radius.gpus_down and radius.gpus_cut_off),
        pairs_only_together=only_together // sides,
        outcomes=tuple(sorted(outcomes, key=severity, reverse=True)),
    )


def _one_by_one(first: ComponentClass, second: ComponentClass) -> Iterator[tuple[list[Pick], int]]:
    numbers = (
        combinations(range(len(first)), 2)
        if first.kind == second.kind
        else product(range(len(first)), range(len(second)))
    )
    for one, other in numbers:
        yield [(first, one), (second, other)], 1


def _by_symmetry(
    fabric: Fabric, catalogue: Catalogue, first: ComponentClass, second: ComponentClass
) -> Iterator[tuple[list[Pick], int]]:
    graph = symmetry_graph(wiring_of(fabric), catalogue)
    for group in graph.symmetry().alike(first):
        one = (first, group.example)
        for partners in graph.symmetry(one).alike(second):
            other = (second, partners.example)
            if (first.kind, group.example) != (second.kind, partners.example):
                yield [one, other], group.count * partners.count
