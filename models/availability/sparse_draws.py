"""Which parts are down in which replica, drawn sparsely: the work grows with the parts that are down, not with all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.availability.nested import IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Pairs of a replica and a number, each at most once, in order.

    Parameters
    ----------
    replica, number : array of int
        Shape (cells,).
    width : int
        How many numbers there are.
    """

    replica: IntArray
    number: IntArray
    width: int

    def keys(self) -> IntArray:
        """Return one whole number per cell."""
        return self.replica * self.width + self.number

    def mapped(self, to: IntArray, width: int) -> Cells:
        """Return the cells with each number replaced; -1 drops the cell.

        >>> Cells(np.array([0, 0]), np.array([1, 2]), 3).mapped(np.array([0, 5, 5]), 6).number.tolist()
        [5]
        """
        number = to[self.number]
        return cells_from(self.replica[number >= 0], number[number >= 0], width)

    def spread(self, over: Incidence, width: int) -> Cells:
        """Return the cells of everything that the numbers hold."""
        size = over.starts[self.number + 1] - over.starts[self.number]
        replica = np.repeat(self.replica, size)
        first = np.repeat(over.starts[self.number] - np.concatenate([[0], np.cumsum(size)[:-1]]), size)
        return cells_from(replica, over.items[first + np.arange(size.sum())], width)


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """What each number holds: items ``items[starts[i]:starts[i + 1]]``."""

    starts: IntArray
    items: IntArray


def incidence(owners: IntArray, items: IntArray, owners_count: int) -> Incidence:
    """Return what each owner holds.

    >>> incidence(np.array([1, 0, 1]), np.array([7, 8, 9]), 3).starts.tolist()
    [0, 1, 3, 3]
    """
    order = np.argsort(owners, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=owners_count))])
    return Incidence(starts.astype(np.int64), items[order])


def cells_from(replica: IntArray, number: IntArray, width: int) -> Cells:
    """Return the cells of these pairs, each once."""
    keys = np.unique(replica * width + number)
    return Cells(keys // max(width, 1), keys % max(width, 1), width)


def union(*parts: Cells) -> Cells:
    """Return the cells of any of these, each once.

    >>> one = cells_from(np.array([0, 1]), np.array([2, 2]), 3)
    >>> union(one, one).replica.tolist()
    [0, 1]
    """
    return cells_from(
        np.concatenate([part.replica for part in parts]),
        np.concatenate([part.number for part in parts]),
        parts[0].width,
    )


def counted(cells: Cells, owner: IntArray, owners: int) -> tuple[IntArray, IntArray, IntArray]:
    """Count cells by replica and owner of the number: replicas, owners, counts of those that have any.

    >>> [part.tolist() for part in counted(cells_from(np.array([0, 0]), np.array([1, 2]), 3), np.array([0, 4, 4]), 5)]
    [[0], [4], [2]]
    """
    keys, count = np.unique(cells.replica * owners + owner[cells.number], return_counts=True)
    return keys // max(owners, 1), keys % max(owners, 1), count.astype(np.int64)


def drawn_down(replicas: int, width: int, probability: float, rng: np.random.Generator) -> Cells:
    """Draw which of so many equal, independent parts are down in each replica.

    Parameters
    ----------
    replicas, width : int
        Replicas, and parts in each.
    probability : float
        That a part is down.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Cells
        Exactly Bernoulli trials: gaps between successes are geometric.

    Examples
    --------
    >>> len(drawn_down(1000, 1000, 0.001, np.random.default_rng(1)).number) in range(850, 1150)
    True
    >>> drawn_down(2, 2, 1.0, np.random.default_rng(1)).keys().tolist()
    [0, 1, 2, 3]
    """
    trials = replicas * width
    if probability == 0 or trials == 0:
        nothing = np.zeros(0, dtype=np.int64)
        return Cells(nothing, nothing, width)
    found: list[IntArray] = []
    reached = -1
    while reached < trials:
        left = (trials - reached) * probability
        gaps = rng.geometric(probability, int(left + 5.0 * np.sqrt(left) + 10.0))
        # A gap beyond all trials is as good as the next one, and cannot overflow.
        found.append(reached + np.cumsum(np.minimum(gaps, trials + 1)))
        reached = int(found[-1][-1])
    places = np.concatenate(found)
    places = places[places < trials]
    return Cells(places // width, places % width, width)
