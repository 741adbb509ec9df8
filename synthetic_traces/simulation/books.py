"""The books of a simulation: every job, attempt, fault and outage, and where each GPU-second went."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from synthetic_traces.simulation.fault_records import DomainEvent, Fault, Outage
from synthetic_traces.simulation.jobs import Job, Running
from synthetic_traces.simulation.progress import progress
from synthetic_traces.simulation.records import ATTEMPT_COLUMNS, JOB_COLUMNS, MISSING, STATES, Attempts, Columns, Jobs
from synthetic_traces.simulation.slowness import Spell, lost_seconds

#: every GPU-second of the window is in exactly one of these
BUCKETS = (
    *("productive", "checkpoint_write", "restart", "slowed"),
    *("lost_infrastructure", "lost_preemption_second_order", "lost_preemption", "lost_user"),
    *("serving", "idle", "drained", "down_planned", "down_unplanned"),
)
_RUNNING, _COMPLETED, _REQUEUED, _PREEMPTED = (
    STATES.index(s) for s in ("RUNNING", "COMPLETED", "REQUEUED", "PREEMPTED")
)
_KEEPS_EVERYTHING = {_RUNNING, _COMPLETED, _REQUEUED}


class Books:
    """Collects records in the window of the log.

    Parameters
    ----------
    window_seconds
        Length of the window; it begins at second 0.
    """

    def __init__(self, window_seconds: int) -> None:
        self._window = window_seconds
        self._jobs = Columns(JOB_COLUMNS)
        self._attempts = Columns(ATTEMPT_COLUMNS)
        self._entries = array("i")
        self.jobs = 0
        self.faults: list[Fault] = []
        self.outages: list[Outage] = []
        self.domain_events: list[DomainEvent] = []
        self.gpu_seconds = dict.fromkeys(BUCKETS, 0.0)
        self.slow: dict[tuple[int, int], tuple[Spell, ...]] = {}

    def submitted(self, job: Job) -> None:
        """Give a job its id and note what it asks for.

        Parameters
        ----------
        job
            A new job; its ``job_id`` is set.
        """
        self.jobs += 1
        job.job_id = self.jobs
        self._jobs.append(
            *(job.user, job.stem, job.number, job.qos, job.nodes, job.gpus_per_node, job.limit_seconds),
            *(int(job.saving.interval > 0), job.array_id, job.task, job.depends_on, job.excluded),
        )

    def never_ran(self, job: Job, end: int | None, state: int) -> None:
        """Note an attempt that waits still or ended before it started.

        Parameters
        ----------
        job
            The job.
        end
            When it was over; None if it waits.
        state
            Index into `records.STATES`.
        """
        if end is not None and end < 0:
            return
        self._append(job, MISSING, end, state, 0, 0)

    def ran(
        self,
        running: Running,
        end: int,
        state: int,
        exit_code: int,
        *,
        preempted_by: int = 0,
        second_order: bool = False,
    ) -> int:
        """Note an attempt that ran, and where its GPU-seconds went.

        Parameters
        ----------
        running
            The attempt.
        end
            When it ended, or now if its state is RUNNING.
        state, exit_code
            Indices into `records.STATES` and `records.EXIT_CODES`.
        preempted_by, second_order
            Job that took its nodes, or 0, and whether that one only came back from a failure.

        Returns
        -------
        int
            Productive seconds that the job keeps.
        """
        job, elapsed = running.job, end - running.start_seconds
        slowed = lost_seconds(running.slow, end)
        # What is dying when the log ends has not been ended by a fault yet.
        fault = 0 if state == _RUNNING else running.doomed_by
        restart, productive, writing, safe = progress(elapsed - slowed, job.saving)
        if running.corrupt_since is not None:
            safe = progress(min(running.corrupt_since, elapsed - slowed), job.saving)[3]
        kept = productive if state in _KEEPS_EVERYTHING else min(safe, productive)
        lost = productive - kept
        if end >= 0:
            if running.slow:
                self.slow[job.job_id, job.attempt] = running.slow
            self._charge(running, end, state, (restart, kept, writing, lost, slowed), second_order=second_order)
            self._append(
                job,
                running.start_seconds,
                None if state == _RUNNING else end,
                state,
                exit_code,
                fault,
                preempted_by,
                int(second_order),
                (restart, kept, writing, lost, slowed),
                running.nodes,
            )
        return kept

    def _append(
        self,
        job: Job,
        start: int,
        end: int | None,
        state: int,
        exit_code: int,
        fault_id: int,
        preempted_by: int = 0,
        second_order: int = 0,
        parts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0),
        nodes: tuple[int, ...] = (),
    ) -> None:
        self._attempts.append(
            *(job.job_id, job.attempt, job.submit_seconds, job.eligible_seconds, start),
            *(MISSING if end is None else end, state, exit_code, fault_id, job.reason, preempted_by, second_order),
            *(*parts, len(self._entries)),
        )
        self._entries.extend(nodes)

    def _charge(
        self, running: Running, end: int, state: int, parts: tuple[int, int, int, int, int], *, second_order: bool
    ) -> None:
        restart, kept, writing, lost, slowed = parts
        job = running.job
        before = -min(0, running.start_seconds)
        if before:  # it began before the window: what it did until then is not of the window
            early_restart, early_work, early_writing, _ = progress(before, job.saving)
            restart, writing = restart - min(restart, early_restart), writing - min(writing, early_writing)
            lost_early = max(0, early_work - kept)
            kept, lost = kept - min(kept, early_work), lost - min(lost, lost_early)
            slowed = end - restart - kept - writing - lost
        gpus = job.nodes * job.gpus_per_node
        where = "lost_user"
        if running.doomed_by:
            where = "lost_infrastructure"
        elif state == _PREEMPTED:
            where = "lost_preemption_second_order" if second_order else "lost_preemption"
        for bucket, seconds in (
            ("restart", restart),
            ("productive", kept),
            ("checkpoint_write", writing),
            (where, lost),
            ("slowed", slowed),
        ):
            self.gpu_seconds[bucket] += gpus * seconds

    def fault(self, **fields: Any) -> Fault:  # noqa: ANN401 - the fields of a fault
        """Note a fault.

        Parameters
        ----------
        **fields
            Of `records.Fault`, but for its id.

        Returns
        -------
        Fault
            With its id.
        """
        fault = Fault(fault_id=len(self.faults) + 1, **fields)
        self.faults.append(fault)
        return fault

    def outage(
        self, node: int, begin: int, end: int, state: Literal["down", "drain", "maintenance"], number: int
    ) -> None:
        """Note an interval out of service, if it begins in the window.

        Parameters
        ----------
        node, begin, end, state, number
            As in `records.Outage`.
        """
        if begin < self._window:
            self.outages.append(Outage(node, begin, end, state, number))

    def hit(self, event: int, node: int) -> None:
        """Add a node to a domain event.

        Parameters
        ----------
        event
            Its number, from 1.
        node
            Node number.
        """
        found = self.domain_events[event - 1]
        self.domain_events[event - 1] = replace(found, nodes=(*found.nodes, node))

    def job_columns(self) -> Jobs:
        """Return the jobs.

        Returns
        -------
        Jobs
            By id.
        """
        return Jobs(**self._jobs.arrays())

    def attempt_columns(self) -> Attempts:
        """Return the attempts.

        Returns
        -------
        Attempts
            By submission, then by job.
        """
        columns = self._attempts.arrays()
        columns["first_node_entry"] = np.append(columns["first_node_entry"], len(self._entries))
        entries = np.frombuffer(self._entries, dtype=np.int32) if self._entries else np.zeros(0, dtype=np.int32)
        collected = Attempts(**columns, node_entries=entries)
        return collected.rows(np.lexsort((collected.job_id, collected.submit)))
