"""What the scheduler keeps about a job while it waits and while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from synthetic_traces.simulation.progress import NO_SAVING, Saving
from synthetic_traces.simulation.records import MISSING
from synthetic_traces.simulation.slowness import Spell

LOW, NORMAL, HIGH = 0, 1, 2


@dataclass(slots=True, eq=False)
class Job:
    """A job from its submission to its last end: what was asked for, what would become of it on perfect hardware.

    Parameters
    ----------
    user, stem, number, qos, nodes, gpus_per_node, limit_seconds
        As submitted; jobs of more than one node take whole nodes. ``qos`` is `LOW`, `NORMAL` or `HIGH`.
    work_seconds
        Productive time left, after which the job ends by itself in the way ``ending`` says.
    ending, exit_code
        Index of state and exit code at that moment.
    xid
        Xid that the job's own crash prints on one of its nodes, or None.
    cancel_after_seconds
        The user cancels it this long after submission, running or not; None if never.
    saving
        How it saves its state.
    chained
        It requeues itself at its time limit.
    resubmits, cured_work_seconds
        How often it is submitted again as it was if it fails, and the work it does once its fault is mended.
    waits_for_previous
        It waits for the user's previous job to complete.
    array_id, task, depends_on, excluded
        As in `records.Jobs`; the id of an array is filled in at submission.
    team
        Number of the team whose next run waits for this one; None for a user's job.
    crashes, crash_mean_hours
        How often it will still bring down a node of its own, and after how long.
    job_id, submit_seconds, eligible_seconds, attempt, reason, returning
        Filled in by the simulation: identity, times and ordinal of the current attempt, why it last waited, and
        whether it only came back from a failure.
    preemption_tried, first_node
        When it last looked for somebody to preempt; the first node it ever ran on.
    """

    user: int
    stem: int
    number: int
    qos: int
    nodes: int
    gpus_per_node: int
    limit_seconds: int
    work_seconds: int
    ending: int
    exit_code: int
    xid: int | None = None
    cancel_after_seconds: int | None = None
    saving: Saving = NO_SAVING
    chained: bool = False
    resubmits: int = 0
    cured_work_seconds: int = 0
    waits_for_previous: bool = False
    array_id: int = 0
    task: int = 0
    depends_on: int = 0
    excluded: int = -1
    team: int | None = None
    crashes: int = 0
    crash_mean_hours: float = 0.0
    job_id: int = 0
    submit_seconds: int = 0
    eligible_seconds: int = 0
    attempt: int = 1
    reason: int = 0
    returning: bool = False
    preemption_tried: int = MISSING
    first_node: int = -1

    def rank(self) -> tuple[int, int]:
        """Place in the queue, smallest first.

        Returns
        -------
        tuple
            Priority, then age: a requeued job keeps its old place.
        """
        return -self.qos, self.job_id


@dataclass(slots=True, eq=False)
class Running:
    """A running attempt.

    Parameters
    ----------
    job, nodes, start_seconds
        What runs where, since when.
    plan, end_seconds
        Ordinal and time of the end that is planned now; ends planned earlier are void.
    slow
        When nodes of it are slow.
    doomed_by
        Fault that will end it within minutes, or 0.
    corrupt, corrupt_since
        Whether its results are worthless, and the run time since when, once somebody has noticed; else None.
    """

    job: Job
    nodes: tuple[int, ...]
    start_seconds: int
    plan: int = 0
    end_seconds: int = 0
    slow: tuple[Spell, ...] = ()
    doomed_by: int = 0
    corrupt: bool = False
    corrupt_since: int | None = None

    @property
    def limit_end_seconds(self) -> int:
        """When its time limit ends it."""
        return self.start_seconds + self.job.limit_seconds
