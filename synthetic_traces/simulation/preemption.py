"""Whom a job of high QOS may end, and where that costs least."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from synthetic_traces.simulation.jobs import LOW, Job, Running


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
        if attempt.job.qos == LOW and not attempt.doomed_by and attempt.start_seconds <= started_by
    ]


def cheapest_nodes(
    job: Job,
    victims: Iterable[Running],
    free_gpus: npt.NDArray[np.int64],
    allowed: npt.NDArray[np.bool_],
) -> frozenset[int] | None:
    """Choose the nodes that a preemption clears for a job.

    Parameters
    ----------
    job
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
        for node in victim.nodes:
            reclaimable[node] += victim.job.gpus_per_node
    fitting = np.flatnonzero(allowed & (free_gpus + reclaimable >= job.gpus_per_node))
    if len(fitting) < job.nodes:
        return None
    order = np.argsort(reclaimable[fitting], kind="stable")
    return frozenset(fitting[order[: job.nodes]].tolist())
