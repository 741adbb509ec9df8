"""Runs of pods to attempts of jobs: the rows of ``jobs``.

The grain of ``jobs`` is the attempt of a job, and many pods may be one job:

- Pods of a *gang* (JobSet, Kubeflow, Volcano, pod groups, indexed Jobs) are one attempt with all their nodes, from the
  first pod until one of them is replaced after it had really run: then that attempt ends and the next begins, with the
  replacement and whatever pods live on. A pod that is replaced within ten minutes of the attempt's beginning is part of
  one and the same restart.
- An indexed Job whose later pods begin when earlier ones have already succeeded is no gang but an array: each index is
  a job of its own, ``namespace/name_index``.
- Other pods of a Job are attempts of it, one after the other; those that run side by side are jobs of their own, under
  the pod's name.

How a gang's attempt ended is what ended the first of its pods: of the pods that ended within fifteen minutes of the
first that failed (a dead node is noticed last) the gravest. Where the file has the job's own object, the first attempt
has its submit time, and the last one ends as it says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from ingest.kubernetes.pods import Run
from ingest.kubernetes.workloads import JobFacts, WorkloadFacts

T = TypeVar("T")

_LARGEST_32: Final = (1 << 31) - 1
_LARGEST_64: Final = (1 << 63) - 1

_GRAVEST: Final = (
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REQUEUED",
    "TIMEOUT",
    "BOOT_FAIL",
    "FAILED",
    "CANCELLED",
)
_ONE_RESTART: Final = timedelta(minutes=10)
_ONE_FAILURE: Final = timedelta(minutes=15)


@dataclass(slots=True)
class Attempt:
    """An attempt of a job: the runs that are part of it, and when it was cut short by a replacement."""

    job: str
    runs: list[Run]
    submit_utc: datetime
    cut_utc: datetime | None = None


def attempts_of(runs: Sequence[Run]) -> Iterator[Attempt]:
    """Yield the attempts that the runs of one job are."""
    ordered = sorted(runs, key=lambda run: (run.restart, run.submit_utc, run.pod))
    if not any(run.gang for run in ordered):
        yield from _singles(ordered)
    elif _is_array(ordered):
        for index, group in _by_place(ordered).items():
            named = [replace(run, job=f"{run.job}_{index}") for run in group]
            for run in named:
                yield Attempt(run.job, [run], run.submit_utc)
    else:
        yield from _gang(ordered)


def job_row(attempt: Attempt) -> dict[str, Any]:
    """Return the row of an attempt, as its pods tell it."""
    runs = attempt.runs
    cause = _cause(attempt)
    starts = [run.start_utc for run in runs if run.start_utc is not None]
    ends = [run.end_utc for run in runs if run.end_utc is not None]
    start = max(min(starts), attempt.submit_utc) if starts else None
    end = attempt.cut_utc or (max(ends) if ends and cause is not None else None)
    if cause is not None:
        state, raw = cause.state, cause.state_raw
    elif attempt.cut_utc is not None:
        state, raw = "REQUEUED", "a pod was replaced"
    else:
        state, raw = ("RUNNING" if starts else "PENDING"), runs[0].state_raw
    nodes = sorted({run.node for run in runs if run.node})
    return {
        "job_id": attempt.job,
        "job_id_raw": attempt.job,
        "job_name": attempt.job.partition("/")[2],
        "account": attempt.job.partition("/")[0],
        "partition": _first(run.queue for run in runs),
        "priority": _first(run.priority for run in runs),
        "submit_utc": attempt.submit_utc,
        "start_utc": start,
        "end_utc": max(start, end) if start and end else end,
        "state": state,
        "state_raw": raw,
        "exit_code": cause.exit_code if cause else None,
        "exit_signal": cause.exit_signal if cause else None,
        "step_out_of_memory": any(run.out_of_memory for run in runs),
        "node_count": len(nodes) or len(runs),
        "cpu_count": _sum(run.cpu_count for run in runs),
        "gpu_count": _sum(run.gpu_count for run in runs),
        "requested_memory_bytes": _sum((run.memory_bytes for run in runs), _LARGEST_64),
        "time_limit_seconds": _first(run.time_limit_seconds for run in runs),
        "nodes": nodes if starts else None,
        "failed_node": cause.node if cause is not None and state == "NODE_FAIL" else None,
    }


def bare_row(job: JobFacts) -> dict[str, Any]:
    """Return the row of a job none of whose pods is in the file."""
    return {
        "job_id": job.name,
        "job_id_raw": job.name,
        "job_name": job.name.partition("/")[2],
        "account": job.name.partition("/")[0],
        "partition": job.queue,
        "qos": job.priority_class,
        "priority": None,
        "submit_utc": job.submit_utc,
        "start_utc": None if job.state == "PENDING" else job.start_utc,
        "end_utc": job.end_utc,
        "state": job.state,
        "state_raw": job.state_raw,
        "node_count": job.node_count,
        "time_limit_seconds": job.time_limit_seconds,
    }


def completed_by_job(row: dict[str, Any], job: JobFacts, *, first: bool, last: bool) -> dict[str, Any]:
    """Return the row of an attempt with what the job's own object adds."""
    row = {**row, "partition": row["partition"] or job.queue, "qos": job.priority_class}
    row["time_limit_seconds"] = row["time_limit_seconds"] or job.time_limit_seconds
    if first:
        row["submit_utc"] = min(row["submit_utc"], job.submit_utc)
    is_open = row["state"] in {"RUNNING", "PENDING"}
    if last and job.end_utc is not None and (is_open or job.state in {"COMPLETED", "TIMEOUT"}):
        row |= {"state": job.state, "state_raw": job.state_raw}
        row["end_utc"] = max(filter(None, (row["end_utc"] or job.end_utc, row["start_utc"])))
    return row


def completed_by_workload(
    row: dict[str, Any], workload: WorkloadFacts, preempted_by: str | None, *, last: bool
) -> dict[str, Any]:
    """Return the row of an attempt with what Kueue's Workload adds."""
    row = {**row, "partition": workload.queue or row["partition"]}
    row["priority"] = workload.priority if row["priority"] is None else row["priority"]
    if not last or workload.evicted is None or row["state"] in {"COMPLETED", "TIMEOUT", "NODE_FAIL"}:
        return row
    moment, preempted, reason, _ = workload.evicted
    begun, end = row["start_utc"], row["end_utc"]
    if begun is not None and begun <= moment and (end is None or abs(end - moment) <= _ONE_FAILURE):
        row |= {"state": "PREEMPTED" if preempted else "REQUEUED", "state_raw": f"Evicted: {reason}"}
        row |= {"end_utc": end or moment, "preempted_by": preempted_by}
    return row


def _singles(runs: list[Run]) -> Iterator[Attempt]:
    side_by_side: set[str] = set()
    reach: Run | None = None
    for run in sorted(runs, key=lambda run: run.submit_utc):
        if reach is not None and reach.pod != run.pod and (reach.end_utc is None or run.submit_utc < reach.end_utc):
            side_by_side |= {reach.pod, run.pod}
        if reach is None or (reach.end_utc is not None and (run.end_utc is None or run.end_utc > reach.end_utc)):
            reach = run
    for run in runs:
        yield Attempt(run.pod if run.pod in side_by_side else run.job, [run], run.submit_utc)


def _is_array(runs: list[Run]) -> bool:
    """Tell whether some place was first filled when the pod of another had already succeeded."""
    first_done = min((run.end_utc for run in runs if run.state == "COMPLETED" and run.end_utc), default=None)
    if first_done is None:
        return False
    done = next(run.place for run in runs if run.end_utc == first_done and run.state == "COMPLETED")
    firsts = {place: group[0].submit_utc for place, group in _by_place(runs).items()}
    return any(begun > first_done for place, begun in firsts.items() if place != done)


def _by_place(runs: list[Run]) -> dict[str, list[Run]]:
    places: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        places[run.place or run.pod].append(run)
    return places


def _gang(runs: list[Run]) -> Iterator[Attempt]:
    current: dict[str, Run] = {}
    carried: frozenset[str] = frozenset()
    began: datetime | None = None
    for run in runs:
        place = run.place or run.pod
        if began is None or all(_over(other, run) for other in current.values()):
            if began is not None:
                yield _closed(current, began, None)
            current, carried, began = {place: run}, frozenset(), run.submit_utc
            continue
        replaced = current.get(place)
        if replaced is not None and not (place in carried and _died_early(replaced, began)):
            cut = min(replaced.end_utc or run.submit_utc, run.submit_utc)
            yield _closed(current, began, cut)
            current = {name: other for name, other in current.items() if name != place and not _over(other, run)}
            carried, began = frozenset(current), run.submit_utc
        elif replaced is not None:
            carried -= {place}
        current[place] = run
    if began is not None:
        yield _closed(current, began, None)


def _over(run: Run, later: Run) -> bool:
    """Tell whether a run was over when another was made."""
    return later.restart > run.restart or (run.end_utc is not None and run.end_utc <= later.submit_utc)


def _died_early(run: Run, began: datetime) -> bool:
    return run.end_utc is not None and run.end_utc <= began + _ONE_RESTART


def _closed(current: dict[str, Run], began: datetime, cut: datetime | None) -> Attempt:
    runs = [current[place] for place in sorted(current)]
    return Attempt(runs[0].job, runs, began, cut)


def _cause(attempt: Attempt) -> Run | None:
    """Return the run that tells how the attempt ended; None while it lasts."""
    runs, cut = attempt.runs, attempt.cut_utc
    leader = next((run for run in runs if run.leads), None)
    if leader is not None and leader.state == "COMPLETED":
        return leader
    grave = [(run.end_utc, run) for run in runs if run.state in _GRAVEST and run.end_utc is not None]
    failed = [(end, run) for end, run in grave if cut is None or end <= cut]
    if failed:
        first = min(end for end, _ in failed)
        together = [(end, run) for end, run in failed if end <= first + _ONE_FAILURE]
        return min(together, key=lambda ended: (_GRAVEST.index(ended[1].state), ended[0]))[1]
    undated = next((run for run in runs if run.state in _GRAVEST and run.end_utc is None), None)
    return undated or (runs[0] if all(run.ended for run in runs) else None)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)


def _sum(values: Iterable[int | None], largest: int = _LARGEST_32) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and sum(known) <= largest else None
