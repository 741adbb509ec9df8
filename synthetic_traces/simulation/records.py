"""What a simulation leaves behind: jobs and attempts in columns, and what went wrong. Seconds since the log's begin."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_traces.simulation.fault_records import DomainEvent, Fault, Outage
from synthetic_traces.simulation.slowness import Spell

Ints = npt.NDArray[np.int64]

#: stands for a time that has not come
MISSING = -(2**62)
STATES = (
    *("COMPLETED", "FAILED", "OUT_OF_MEMORY", "TIMEOUT", "CANCELLED", "PREEMPTED"),
    *("NODE_FAIL", "REQUEUED", "RUNNING", "PENDING"),
)
QOS = ("low", "normal", "high")
EXIT_CODES = ("0:0", "1:0", "134:0", "139:0", "137:0", "0:125", "0:15")
REASONS = ("None", "Resources", "Priority", "BeginTime", "Dependency", "DependencyNeverSatisfied")
STEMS = ("train", "finetune", "eval", "sweep", "debug", "preprocess", "notebook", "bench", "pretrain")


@dataclass(frozen=True, slots=True)
class User:
    """Someone who submits jobs.

    Parameters
    ----------
    name, uid, account
        As Slurm knows them.
    failure_probability
        Probability that one of this user's jobs ends by a fault of its own code.
    """

    name: str
    uid: int
    account: str
    failure_probability: float


class Columns:
    """Rows collected in typed columns, a few bytes a number.

    Parameters
    ----------
    names
        Of the columns, in the order in which values are appended.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._columns = [array("q") for _ in names]

    def append(self, *values: int) -> None:
        """Add a row.

        Parameters
        ----------
        *values
            One integer per column.
        """
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def arrays(self) -> dict[str, Ints]:
        """Return the columns.

        Returns
        -------
        dict of ndarray of int64, each of shape (rows,)
            By name; they share memory with this object.
        """
        return {
            name: np.frombuffer(column, dtype=np.int64) if len(column) else np.zeros(0, dtype=np.int64)
            for name, column in zip(self._names, self._columns, strict=True)
        }


JOB_COLUMNS = (
    *("user", "stem", "number", "qos", "nodes", "gpus_per_node", "limit_seconds", "checkpoints"),
    *("array_id", "task", "depends_on", "excluded"),
)
ATTEMPT_COLUMNS = (
    *("job_id", "number", "submit", "eligible", "start", "end", "state", "exit_code", "fault_id", "reason"),
    *("preempted_by", "second_order", "restart", "productive", "writing", "lost", "slowed", "first_node_entry"),
)


@dataclass(frozen=True, slots=True)
class Jobs:
    """What was submitted; row ``job_id - 1`` is the job of that id.

    Parameters
    ----------
    user
        Index into `History.users`.
    stem, number
        The name is ``STEMS[stem]-number``.
    qos
        Index into `QOS`.
    nodes, gpus_per_node, limit_seconds
        As asked for.
    checkpoints
        1 if it writes checkpoints.
    array_id, task
        Of a task of an array: the id of its first task, and the ordinal; else 0.
    depends_on
        Id of the job whose completion it waits for, or 0.
    excluded
        Node it must not run on, or -1.
    """

    user: Ints
    stem: Ints
    number: Ints
    qos: Ints
    nodes: Ints
    gpus_per_node: Ints
    limit_seconds: Ints
    checkpoints: Ints
    array_id: Ints
    task: Ints
    depends_on: Ints
    excluded: Ints

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self.user)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of `Attempts` together with what its job asked for; for readers of single rows."""

    job_id: int
    number: int
    submit_seconds: int
    eligible_seconds: int
    start_seconds: int | None
    end_seconds: int | None
    state: str
    exit_code: str
    killed_by_fault: int | None
    reason: str
    preempted_by: int | None
    nodes: tuple[int, ...]
    qos: str
    gpus_per_node: int
    limit_seconds: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """Scheduler attempts that ended in the log window or had not ended when it closed, by submission.

    Parameters
    ----------
    job_id, number
        The job and the ordinal of the attempt, from 1; a requeued job keeps its id.
    submit, eligible
        When this attempt entered the queue and when it could first start.
    start, end
        `MISSING` while it has not happened.
    state, exit_code, reason
        Indices into `STATES`, `EXIT_CODES` and `REASONS` (why it last waited).
    fault_id
        The fault that ended it, which no log says; 0 for none.
    preempted_by, second_order
        The job that took its nodes, or 0; and 1 if that job only came back from a failure.
    restart, productive, writing, lost, slowed
        What became of its run time, in seconds that add up to it: from the start to the first new step; work that was
        kept; training at a stand for a checkpoint; work that was lost; time lost to a straggler.
    first_node_entry
        Where its nodes begin in ``node_entries``; they end where the next attempt's begin.
    node_entries
        Node numbers of all attempts, sorted within each.
    """

    job_id: Ints
    number: Ints
    submit: Ints
    eligible: Ints
    start: Ints
    end: Ints
    state: Ints
    exit_code: Ints
    fault_id: Ints
    reason: Ints
    preempted_by: Ints
    second_order: Ints
    restart: Ints
    productive: Ints
    writing: Ints
    lost: Ints
    slowed: Ints
    first_node_entry: Ints
    node_entries: npt.NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of attempts."""
        return len(self.job_id)

    def nodes(self, row: int) -> tuple[int, ...]:
        """Return the node numbers of one attempt.

        Parameters
        ----------
        row
            Its row.

        Returns
        -------
        tuple of int
            Sorted; empty before the start.
        """
        begin = int(self.first_node_entry[row])
        end = int(self.first_node_entry[row + 1])
        return tuple(self.node_entries[begin:end].tolist())

    def rows(self, selected: npt.NDArray[np.int64]) -> Attempts:
        """Return some of the attempts, with their nodes.

        Parameters
        ----------
        selected
            Row numbers, in the order wanted.

        Returns
        -------
        Attempts
            A copy.
        """
        sizes = np.diff(self.first_node_entry)[selected]
        starts = self.first_node_entry[:-1][selected]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        entries = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
        picked = {name: getattr(self, name)[selected] for name in ATTEMPT_COLUMNS if name != "first_node_entry"}
        return Attempts(**picked, first_node_entry=offsets, node_entries=self.node_entries[entries])


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened in the log window.

    Parameters
    ----------
    users, jobs, attempts
        The demand and what became of it.
    faults, outages, domain_events
        By time of their begin.
    in_service_node_days
        Summed over the nodes: time in the window in which the node was neither failed nor drained. The hazards run in
        this time and in no other.
    expected_faults
        By symptom, the integral of the hazards that take a node down over that time: what the number of such faults
        is a draw of. Lemons, batches, firmware, regressions and relapses are in it, domain faults are not.
    ledger_gpu_seconds
        Every GPU-second of the window in exactly one bucket.
    slow
        When nodes of an attempt were slow, by job and number of the attempt, of those that had such.
    """

    users: tuple[User, ...]
    jobs: Jobs
    attempts: Attempts
    faults: tuple[Fault, ...]
    outages: tuple[Outage, ...]
    domain_events: tuple[DomainEvent, ...]
    in_service_node_days: float
    expected_faults: dict[str, float]
    ledger_gpu_seconds: dict[str, float]
    slow: dict[tuple[int, int], tuple[Spell, ...]]

    @property
    def faults_by_id(self) -> dict[int, Fault]:
        """The faults by their number."""
        return {fault.fault_id: fault for fault in self.faults}

    def each_attempt(self) -> Iterator[Attempt]:
        """Yield the attempts one by one, readable; slow on large clusters.

        Yields
        ------
        Attempt
            In the order of `attempts`.
        """
        a, jobs = self.attempts, self.jobs
        for row in range(len(a)):
            job = int(a.job_id[row]) - 1
            yield Attempt(
                job_id=job + 1,
                number=int(a.number[row]),
                submit_seconds=int(a.submit[row]),
                eligible_seconds=int(a.eligible[row]),
                start_seconds=_known(a.start[row]),
                end_seconds=_known(a.end[row]),
                state=STATES[a.state[row]],
                exit_code=EXIT_CODES[a.exit_code[row]],
                killed_by_fault=int(a.fault_id[row]) or None,
                reason=REASONS[a.reason[row]],
                preempted_by=int(a.preempted_by[row]) or None,
                nodes=a.nodes(row),
                qos=QOS[jobs.qos[job]],
                gpus_per_node=int(jobs.gpus_per_node[job]),
                limit_seconds=int(jobs.limit_seconds[job]),
            )


def _known(seconds: np.int64) -> int | None:
    return None if seconds == MISSING else int(seconds)
