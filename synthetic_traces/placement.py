"""Where jobs go: the GPUs of the nodes, which are free, from when, and for how long."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

NEVER = np.iinfo(np.int64).max


class NodePool:
    """Free GPUs per node, which nodes are in service, and how long each may be used.

    Parameters
    ----------
    nodes
        Number of nodes.
    gpus_per_node
        GPUs of each.
    """

    def __init__(self, nodes: int, gpus_per_node: int) -> None:
        self.gpus_per_node = gpus_per_node
        self.free_gpus: npt.NDArray[np.int64] = np.full(nodes, gpus_per_node, dtype=np.int64)
        self.in_service: npt.NDArray[np.bool_] = np.ones(nodes, dtype=np.bool_)
        self.usable_until: npt.NDArray[np.int64] = np.full(nodes, NEVER, dtype=np.int64)

    def take(self, nodes: Iterable[int], gpus: int) -> None:
        """Occupy GPUs.

        Parameters
        ----------
        nodes
            Node numbers.
        gpus
            GPUs on each of them.
        """
        self.free_gpus[list(nodes)] -= gpus

    def give_back(self, nodes: Iterable[int], gpus: int) -> None:
        """Free GPUs.

        Parameters
        ----------
        nodes
            Node numbers.
        gpus
            GPUs on each of them.
        """
        self.free_gpus[list(nodes)] += gpus

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

    def usable(self, until: int) -> npt.NDArray[np.bool_]:
        """Nodes that are in service and stay so, by plan, for the whole job.

        Parameters
        ----------
        until
            Latest end of the job.

        Returns
        -------
        ndarray of bool, shape (nodes,)
            True where a job may be placed as far as service is concerned.
        """
        return self.in_service & (self.usable_until >= until)

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
            Node numbers: the fullest nodes that still fit (best fit, so that whole nodes stay whole), lowest number
            first; None if there are too few.
        """
        fitting = np.flatnonzero(allowed & (self.free_gpus >= gpus))
        if len(fitting) < count:
            return None
        order = np.argsort(self.free_gpus[fitting], kind="stable")
        return tuple(sorted(int(node) for node in fitting[order[:count]]))

    def reservation(
        self, count: int, limit: int, now: int, busy_until: npt.NDArray[np.int64]
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
        busy_until
            Shape (nodes,): when the last job of each node ends by its time limit.

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
        free_from = np.maximum(busy_until, now)
        candidates = np.flatnonzero(self.in_service & (self.usable_until - limit >= free_from))
        if len(candidates) < count:
            return None
        chosen = candidates[np.argsort(free_from[candidates], kind="stable")[:count]]
        kept = np.zeros(len(self.free_gpus), dtype=np.bool_)
        kept[chosen] = True
        return int(free_from[chosen].max()), kept
