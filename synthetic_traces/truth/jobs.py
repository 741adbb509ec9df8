"""The truth about jobs, in columns: why every attempt ended and where its time went, and the runs they chain up to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from synthetic_traces.simulation.records import MISSING, QOS, STATES, History, Ints
from synthetic_traces.spec.cluster import ClusterSpec

_TIME = pa.timestamp("us", tz="UTC")
# Why an attempt ended that no fault ended.
_OWN_CAUSES = {
    "COMPLETED": "completed",
    "FAILED": "user",
    "OUT_OF_MEMORY": "out_of_memory",
    "TIMEOUT": "timeout",
    "CANCELLED": "cancelled",
    "PREEMPTED": "preempted",
    "NODE_FAIL": "unknown",
    "REQUEUED": "requeued",
    "RUNNING": "running",
    "PENDING": "pending",
}


def attempts_table(spec: ClusterSpec, history: History) -> pa.Table:
    """Return one row per attempt, with the true cause of its end.

    Parameters
    ----------
    spec, history
        The cluster and what happened.

    Returns
    -------
    pyarrow.Table
        In the order of `History.attempts`; seconds of run time add up to it.
    """
    a, jobs = history.attempts, history.jobs
    job = a.job_id - 1
    components = sorted({fault.component for fault in history.faults})
    causes = [*(_OWN_CAUSES[state] for state in STATES), *components]
    of_fault = np.zeros(len(history.faults) + 1, dtype=np.int64)
    for fault in history.faults:
        of_fault[fault.fault_id] = len(STATES) + components.index(fault.component)
    return pa.table(
        {
            "job_id": _shown_ids(history, job),
            "job_id_raw": pa.array(a.job_id),
            "attempt": pa.array(a.number.astype(np.int32)),
            "user": _words(jobs.user[job], [user.name for user in history.users]),
            "qos": _words(jobs.qos[job], list(QOS)),
            "submit_utc": _times(spec, a.submit),
            "start_utc": _times(spec, a.start),
            "end_utc": _times(spec, a.end),
            "state": _words(a.state, list(STATES)),
            "cause": _words(np.where(a.fault_id > 0, of_fault[a.fault_id], a.state), causes),
            "killed_by_fault": pa.array(a.fault_id, mask=a.fault_id == 0),
            "preempted_by": pa.array(a.preempted_by, mask=a.preempted_by == 0),
            "second_order": pa.array(a.second_order > 0),
            "node_count": pa.array(jobs.nodes[job].astype(np.int32)),
            "gpu_count": pa.array((jobs.nodes * jobs.gpus_per_node)[job].astype(np.int32)),
            "restart_seconds": pa.array(a.restart),
            "productive_seconds": pa.array(a.productive),
            "checkpoint_seconds": pa.array(a.writing),
            "lost_seconds": pa.array(a.lost),
            "slowed_seconds": pa.array(a.slowed),
        }
    )


def runs_table(spec: ClusterSpec, history: History) -> pa.Table:
    """Return one row per job that started: its attempts chained into a logical run.

    Parameters
    ----------
    spec, history
        The cluster and what happened.

    Returns
    -------
    pyarrow.Table
        By job id. ``ettr`` is productive time over productive, unproductive and eligible-but-queued time (Kokolis et
        al.); ``whole`` tells whether the run began and ended in the window.
    """
    a, jobs = history.attempts, history.jobs
    started = np.flatnonzero(a.start != MISSING)
    ids, first, group = np.unique(a.job_id[started], return_index=True, return_inverse=True)
    last = np.zeros(len(ids), dtype=np.int64)
    last[group] = started  # rows are in the order of submission, so the last one written is the last attempt

    def total(values: Ints) -> Ints:
        return np.bincount(group, weights=values[started].astype(np.float64), minlength=len(ids)).astype(np.int64)

    queued = total(np.where(a.start == MISSING, 0, a.start - a.eligible))
    kept, restart, writing, lost, slowed = (total(c) for c in (a.productive, a.restart, a.writing, a.lost, a.slowed))
    wall = queued + kept + restart + writing + lost + slowed
    head = started[first]
    return pa.table(
        {
            "job_id_raw": pa.array(ids),
            "user": _words(jobs.user[ids - 1], [user.name for user in history.users]),
            "node_count": pa.array(jobs.nodes[ids - 1].astype(np.int32)),
            "gpu_count": pa.array((jobs.nodes * jobs.gpus_per_node)[ids - 1].astype(np.int32)),
            "attempts": pa.array(np.bincount(group, minlength=len(ids)).astype(np.int32)),
            "submit_utc": _times(spec, a.submit[head]),
            "end_utc": _times(spec, a.end[last]),
            "state": _words(a.state[last], list(STATES)),
            "whole": pa.array((a.number[head] == 1) & (a.start[head] >= 0) & (a.end[last] != MISSING)),
            "queued_seconds": pa.array(queued),
            "productive_seconds": pa.array(kept),
            "restart_seconds": pa.array(restart),
            "checkpoint_seconds": pa.array(writing),
            "lost_seconds": pa.array(lost),
            "slowed_seconds": pa.array(slowed),
            "ettr": pa.array(kept / np.maximum(wall, 1)),
        }
    )


def write_jobs(spec: ClusterSpec, history: History, attempts: Path, runs: Path) -> None:
    """Write both tables.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    attempts, runs
        Parquet files to write.
    """
    pq.write_table(attempts_table(spec, history), attempts, compression="zstd")
    pq.write_table(runs_table(spec, history), runs, compression="zstd")


def _shown_ids(history: History, job: npt.NDArray[np.int64]) -> pa.Array:
    array_ids, tasks = history.jobs.array_id[job], history.jobs.task[job]
    shown = (job + 1).astype(str)
    of_array = array_ids > 0
    if of_array.any():
        named = np.char.add(np.char.add(array_ids[of_array].astype(str), "_"), tasks[of_array].astype(str))
        shown = shown.astype(object)
        shown[of_array] = named
    return pa.array(shown, type=pa.string())


def _times(spec: ClusterSpec, seconds: Ints) -> pa.Array:
    begin = int((spec.start_utc - datetime.fromtimestamp(0, spec.start_utc.tzinfo)).total_seconds())
    known = np.where(seconds == MISSING, 0, seconds)
    return pa.array((known + begin) * 1_000_000, mask=seconds == MISSING).cast(_TIME)


def _words(numbers: npt.NDArray[np.int64], words: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(words)).cast(pa.string())
