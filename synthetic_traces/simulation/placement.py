"""Where jobs go: the GPUs of the nodes, which are free, from when, and for how long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

NEVER = int(np.iinfo(np.int64).max)
_TOO_MANY = 1 << 20  # more GPUs than a node has


class NodePool:
    """Free GPUs per node, which nodes take work, how long each may be used, and until when each is busy.

    Parameters
    ----------
    nodes
        Number of nodes.
    gpus_per_node
        GPUs of each.
    least_loaded_first
        A job of one node goes to the emptiest node, not to the fullest that fits.
    """

    def __init__(self, nodes: int, gpus_per_node: int, *, least_loaded_first: bool = False) -> None:
        self.gpus_per_node = gpus_per_node
        self._least_loaded_first = least_loaded_first
        self.free_gpus: npt.NDArray[np.int64] = np.full(nodes, gpus_per_node, dtype=np.int64)
        self.accepting: npt.NDArray[np.bool_] = np.ones(nodes, dtype=np.bool_)
        self.usable_until: npt.NDArray[np.int64] = np.full(nodes, NEVER, dtype=np.int64)
        self.busy_until: npt.NDArray[np.int64] = np.zeros(nodes, dtype=np.int64)
        # How many nodes have so many GPUs free, accepting or not: an upper bound that costs nothing to ask.
        self._with_free = [0] * gpus_per_node + [nodes]
        self._cursor = 0

    def take(self, nodes: Sequence[int], gpus: int, until: int) -> None:
        """Occupy GPUs.

        Parameters
        ----------
        nodes
            Node numbers.
        gpus
            GPUs on each of them.
        until
            When they are free again by the time limit.
        """
        for node in nodes:
            self._change(node, -gpus)
            self.busy_until[node] = max(self.busy_until[node], until)

    def give_back(self, nodes: Sequence[int], gpus: int) -> None:
        """Free GPUs; a node on which nothing is left is no longer busy.

        Parameters
        ----------
        nodes
            Node numbers.
        gpus
            GPUs on each of them.
        """
        for node in nodes:
            self._change(node, gpus)
            if self.free_gpus[node] == self.gpus_per_node:
                self.busy_until[node] = 0

    def _change(self, node: int, gpus: int) -> None:
        before = int(self.free_gpus[node])
        self._with_free[before] -= 1
        self._with_free[before + gpus] += 1
        self.free_gpus[node] = before + gpus

    def is_idle(self, node: int) -> bool:
        """Tell whether nothing runs on a node.

        Parameters
        ----------
        node
            Node number.

        Returns
        -------
        bool
            True if all its GPUs are free.
        """
        return bool(self.free_gpus[node] == self.gpus_per_node)

    def cannot_fit(self, count: int, gpus: int) -> bool:
        """Tell cheaply that a gang has no room, whichever nodes it may use.

        Parameters
        ----------
        count, gpus
            Number of nodes, and GPUs on each.

        Returns
        -------
        bool
            True if there are too few nodes with so many free GPUs; False says nothing.
        """
        return sum(self._with_free[gpus:]) < count

    def usable(self, until: int) -> npt.NDArray[np.bool_]:
        """Nodes that take work and stay so, by plan, for the whole job.

        Parameters
        ----------
        until
            Latest end of the job.

        Returns
        -------
        ndarray of bool, shape (nodes,)
            True where a job may be placed as far as service is concerned.
        """
        return self.accepting & (self.usable_until >= until)

    def place(self, count: int, gpus: int, allowed: npt.NDArray[np.bool_]) -> tuple[int, ...] | None:
        """Choose nodes for a gang; nothing is occupied yet.

        Parameters
        ----------
        count
            Number of nodes.
        gpus
            GPUs on each.
        allowed
            Shape (nodes,): where the job may go.

        Returns
        -------
        tuple of int or None
            Node numbers, sorted: the fullest that still fit (best fit, so that whole nodes stay whole), unless single
            nodes are to be chosen by least load. Among equals
            the search begins where the last one ended, so that all nodes wear alike and a gang's nodes are
            neighbours. None if there are too few.
        """
        fits = allowed & (self.free_gpus >= gpus)
        if count == 1:
            if not fits.any():
                return None
            free = self.free_gpus[fits]
            best = free.max() if self._least_loaded_first else free.min()
            return (self._from_cursor(np.flatnonzero(fits & (self.free_gpus == best)), 1)[0],)
        if gpus < self.gpus_per_node:
            free = np.where(fits, self.free_gpus, _TOO_MANY)
            order = np.argsort(free, kind="stable")[:count]
            return tuple(sorted(order.tolist())) if free[order[-1]] != _TOO_MANY else None
        fitting = np.flatnonzero(fits)
        if len(fitting) < count:
            return None
        return tuple(sorted(self._from_cursor(fitting, count)))

    def _from_cursor(self, nodes: npt.NDArray[np.int64], count: int) -> list[int]:
        first = int(np.searchsorted(nodes, self._cursor))
        chosen: list[int] = nodes[first : first + count].tolist()
        chosen += nodes[: count - len(chosen)].tolist()
        self._cursor = chosen[-1] + 1
        return chosen

    def reservation(
        self, count: int, limit: int, now: int, allowed: npt.NDArray[np.bool_]
    ) -> tuple[int, npt.NDArray[np.bool_]] | None:
        """When the first job in the queue can start at the latest, and on which nodes (EASY backfill).

        Parameters
        ----------
        count
            Number of nodes it needs.
        limit
            Its time limit in seconds.
        now
            The time.
        allowed
            Shape (nodes,): where it may go.

        Returns
        -------
        tuple or None
            The start time, and a mask of shape (nodes,) of the nodes kept for it; None while too few nodes are in
            service.

        Notes
        -----
        Lifka, "The ANL/IBM SP scheduling system" (1995): a later job may start if it ends before that time or leaves
        the kept nodes alone, so the first job is never delayed.
        """
        free_from = np.maximum(self.busy_until, now)
        candidates = np.flatnonzero(allowed & self.accepting & (self.usable_until - limit >= free_from))
        if len(candidates) < count:
            return None
        times = free_from[candidates]
        chosen = candidates[np.argsort(times, kind="stable")[:count]]
        kept = np.zeros(len(self.free_gpus), dtype=np.bool_)
        kept[chosen] = True
        return int(free_from[chosen].max()), kept
