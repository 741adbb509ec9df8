"""What the scheduler keeps about a job while it waits and while it runs, and whom a preemption ends."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_traces.workload import QOS_PRIORITY, JobRequest


@dataclass(slots=True, eq=False)
class Job:
    """A job from its submission to its last end.

    Parameters
    ----------
    job_id, request
        Identity and what was asked for.
    submit_seconds, eligible_seconds
        Of the current attempt.
    work_seconds
        Work left.
    attempt
        Ordinal of the current attempt.
    reason
        Why it last waited.
    """

    job_id: int
    request: JobRequest
    submit_seconds: int
    eligible_seconds: int
    work_seconds: int
    attempt: int = 1
    reason: str = "None"

    def rank(self) -> tuple[int, int]:
        """Place in the queue, smallest first.

        Returns
        -------
        tuple
            Priority, then age: a requeued job keeps its old place.
        """
        return -QOS_PRIORITY[self.request.qos], self.job_id


@dataclass(slots=True, eq=False)
class Running:
    """A running attempt.

    Parameters
    ----------
    job, nodes, start_seconds
        What runs where, since when.
    plan, end_seconds
        Ordinal and time of the end that is planned now; ends planned earlier are void.
    doomed_by
        Fault that will end it within minutes, or None.
    """

    job: Job
    nodes: tuple[int, ...]
    start_seconds: int
    plan: int = 0
    end_seconds: int = 0
    doomed_by: int | None = None

    @property
    def limit_end_seconds(self) -> int:
        """When its time limit ends it."""
        return self.start_seconds + self.job.request.limit_seconds


def busy_until(running: Iterable[Running], nodes: int, now: int) -> npt.NDArray[np.int64]:
    """When each node is free by the time limits of what runs on it.

    Parameters
    ----------
    running
        Attempts.
    nodes
        Number of nodes.
    now
        The time.

    Returns
    -------
    ndarray of int, shape (nodes,)
        Seconds; now for an idle node.
    """
    until = np.full(nodes, now, dtype=np.int64)
    for attempt in running:
        where = list(attempt.nodes)
        until[where] = np.maximum(until[where], attempt.limit_end_seconds)
    return until


def preemptible(running: Iterable[Running], started_by: float) -> list[Running]:
    """List the attempts that a job of high QOS may end.

    Parameters
    ----------
    running
        Attempts.
    started_by
        Those that started later still enjoy their guaranteed time.

    Returns
    -------
    list of Running
        Attempts of low QOS that are not dying anyway.
    """
    return [
        attempt
        for attempt in running
        if attempt.job.request.qos == "low" and attempt.doomed_by is None and attempt.start_seconds <= started_by
    ]


def cheapest_nodes(
    request: JobRequest,
    victims: Collection[Running],
    free_gpus: npt.NDArray[np.int64],
    allowed: npt.NDArray[np.bool_],
) -> frozenset[int] | None:
    """Choose the nodes that a preemption clears for a job.

    Parameters
    ----------
    request
        The job that wants to start.
    victims
        Attempts that may be ended.
    free_gpus
        Shape (nodes,): what is free now.
    allowed
        Shape (nodes,): where the job may go.

    Returns
    -------
    frozenset of int or None
        Nodes on which the fewest GPUs of victims run; None if ending all victims would not be enough.
    """
    reclaimable = np.zeros_like(free_gpus)
    for victim in victims:
        reclaimable[list(victim.nodes)] += victim.job.request.gpus_per_node
    fitting = np.flatnonzero(allowed & (free_gpus + reclaimable >= request.gpus_per_node))
    if len(fitting) < request.nodes:
        return None
    order = np.argsort(reclaimable[fitting], kind="stable")
    return frozenset(int(node) for node in fitting[order[: request.nodes]])
