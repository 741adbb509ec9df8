"""What a simulation leaves behind: attempts, faults, planned work. Times are seconds since the begin of the log."""

from __future__ import annotations

from dataclasses import dataclass

from synthetic_traces.spec import Kind
from synthetic_traces.workload import JobRequest


@dataclass(frozen=True, slots=True)
class Attempt:
    """One scheduler attempt of a job, as it stands when the log ends.

    Parameters
    ----------
    job_id, number
        The job and the ordinal of the attempt, from 1; a requeued job keeps its id.
    request
        What was submitted.
    submit_seconds, eligible_seconds
        When this attempt entered the queue and when it could first start.
    start_seconds, end_seconds
        None while it has not happened.
    nodes
        Node numbers, sorted; empty before the start.
    state, exit_code
        As Slurm prints them (``CANCELLED by 1003``).
    cause
        Why it ended, which no log says: the component that failed (``gpu``, ``nic``, …), ``user``, ``out_of_memory``,
        ``timeout``, ``cancelled``, ``preempted``, ``completed``; or ``running``, ``pending``.
    killed_by_fault
        Number of the critical fault that ended it, or None.
    reason
        Why it last waited in the queue.
    """

    job_id: int
    number: int
    request: JobRequest
    submit_seconds: int
    eligible_seconds: int
    start_seconds: int | None
    end_seconds: int | None
    nodes: tuple[int, ...]
    state: str
    exit_code: str
    cause: str
    killed_by_fault: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One event of a failure mode or of a user's crashing kernel.

    Parameters
    ----------
    fault_id
        Ordinal, from 1.
    time_seconds
        When it happened.
    node, component, slot, symptom, xid, kind
        Where and what; ``xid`` is None if it prints none.
    silent
        No log but the scheduler's shows it.
    detected_seconds
        When the cluster notices a critical fault and takes its node down; None for the other kinds.
    repaired_seconds
        When the node comes back, perhaps after the end of the log; None for the other kinds.
    killed
        (job id, attempt) of every attempt it ended by the end of the log.
    """

    fault_id: int
    time_seconds: float
    node: int
    component: str
    slot: int
    symptom: str
    xid: int | None
    kind: Kind
    silent: bool
    detected_seconds: int | None
    repaired_seconds: int | None
    killed: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Planned work on an idle node.

    Parameters
    ----------
    node
        Node number.
    from_seconds, to_seconds
        Drained interval.
    change
        Number of the change request.
    """

    node: int
    from_seconds: int
    to_seconds: int
    change: int


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened in the log window.

    Parameters
    ----------
    attempts
        Attempts that ended in the window or had not ended when it closed, by submission.
    faults
        By time.
    maintenances
        By begin.
    in_service_node_days
        Summed over the nodes: time in the window in which the node was neither failed nor drained. The hazards run in
        this time and in no other.
    """

    attempts: tuple[Attempt, ...]
    faults: tuple[Fault, ...]
    maintenances: tuple[Maintenance, ...]
    in_service_node_days: float
