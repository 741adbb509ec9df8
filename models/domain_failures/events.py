"""What befell several nodes at one time, and the domains that it is held against: checked arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from models.domain_failures.errors import (
    EventTooSmallError,
    MembersMismatchError,
    NotInServiceError,
    RepeatedNodeError,
    UnknownNodeError,
)

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Events of two or more nodes.

    Parameters
    ----------
    struck : sparse matrix, shape (events, nodes)
        1 where the event befell the node.
    fleets : array of bool, shape (fleets, nodes)
        Each fleet that there was: who was in service.
    fleet : array, shape (events,)
        Which fleet it was at the time of each event.
    """

    struck: sparse.csr_array
    fleets: BoolArray
    fleet: IntArray

    @property
    def sizes(self) -> IntArray:
        """Nodes of each event."""
        return np.diff(self.struck.indptr).astype(np.int64)


def checked_events(
    events: Sequence[Sequence[int]] | Sequence[npt.NDArray[np.int64]],
    nodes: int,
    fleets: BoolArray | None = None,
    fleet: npt.ArrayLike | None = None,
) -> Events:
    """Return events as arrays.

    Parameters
    ----------
    events : sequence of sequences of int
        Nodes of each event, counted from 0; two or more, none twice.
    nodes : int
        Nodes of the fleet.
    fleets : array of bool, shape (fleets, nodes), optional
        Who was in service, for each fleet that there was; everybody, always, if not given.
    fleet : array, shape (events,), optional
        Which of them it was at each event; the first if not given.

    Returns
    -------
    Events
        The same.

    Raises
    ------
    EventTooSmallError, RepeatedNodeError, UnknownNodeError, NotInServiceError
        An event cannot be.

    Examples
    --------
    >>> checked_events([[0, 1], [1, 2, 3]], nodes=4).sizes.tolist()
    [2, 3]
    """
    there = np.ones((1, nodes), dtype=np.bool_) if fleets is None else np.asarray(fleets, dtype=np.bool_)
    which = np.zeros(len(events), dtype=np.int64) if fleet is None else np.asarray(fleet, dtype=np.int64)
    for number, event in enumerate(events):
        struck = np.asarray(event, dtype=np.int64)
        if struck.size < 2:
            raise EventTooSmallError(number, struck.size)
        if struck.min() < 0 or struck.max() >= nodes:
            raise UnknownNodeError(int(struck.max() if struck.max() >= nodes else struck.min()), nodes)
        values, times = np.unique(struck, return_counts=True)
        if values.size < struck.size:
            raise RepeatedNodeError(number, int(values[np.argmax(times)]))
        away = struck[~there[which[number], struck]]
        if away.size:
            raise NotInServiceError(number, int(away[0]))
    lengths = [len(event) for event in events]
    pointers = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    flat = np.concatenate([np.asarray(event, dtype=np.int64) for event in events]) if lengths else np.empty(0, np.int64)
    ones = np.ones(flat.size, dtype=np.int64)
    return Events(sparse.csr_array((ones, flat, pointers), shape=(len(events), nodes)), there, which)


def distinct_domains(members: npt.ArrayLike) -> tuple[BoolArray, IntArray]:
    """Return the domains with each set of nodes once, and where each domain is among them.

    Parameters
    ----------
    members : array of bool, shape (domains, nodes)
        Whether each node is in each domain.

    Returns
    -------
    members : array of bool, shape (distinct, nodes)
        Smallest first.
    which : array, shape (domains,)
        Row of each domain given. What befalls the ToR of a rack cannot be told from what befalls the rack.

    Raises
    ------
    MembersMismatchError
        The array is no table.

    Examples
    --------
    >>> rows, which = distinct_domains([[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]])
    >>> rows.sum(axis=1).tolist(), which.tolist()
    ([2, 4], [0, 1, 0])
    """
    table = np.asarray(members, dtype=np.bool_)
    if table.ndim != 2:
        raise MembersMismatchError(0, table.size)
    if not table.shape[0]:
        return table, np.empty(0, dtype=np.int64)
    packed = np.packbits(table, axis=1)
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.lexsort((first, table[first].sum(axis=1)))
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    return table[first[order]], place[which.reshape(-1)]
