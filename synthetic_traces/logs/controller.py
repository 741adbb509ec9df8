"""The controller's log of a history: ``slurmctld.log``.

The wording follows Slurm 22.05: allocations and completions, requeues, preemptions, cancellations, nodes that stop
answering, are set down or drained by a health check, and come back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from synthetic_traces.logs.fault_lines import health_check_reason
from synthetic_traces.logs.slurm_text import Resources, shown_id
from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.simulation.fault_records import Fault
from synthetic_traces.simulation.records import EXIT_CODES, MISSING, REASONS, STATES, Attempts, History
from synthetic_traces.spec.cluster import ClusterSpec

_NEVER_SATISFIED = REASONS.index("DependencyNeverSatisfied")
_Line = tuple[int, int, str]


def controller_log_lines(spec: ClusterSpec, history: History) -> Iterator[str]:
    """Render the log.

    Parameters
    ----------
    spec, history
        The cluster and what happened.

    Yields
    ------
    str
        ``[2026-01-01T00:00:00.000] message`` in the order of time.
    """
    stamps = Stamps(spec.start_utc)
    yield f"[{stamps.second(0)}.000] slurmctld version 22.05.8 started on cluster {spec.cluster}"
    jobs = _job_lines(spec, history)
    nodes = _node_lines(spec, history)
    for second, order, text in heapq.merge(sorted(jobs), sorted(nodes)):
        if 0 <= second <= spec.seconds:
            yield f"[{stamps.second(second)}.{order * 7 % 1000:03d}] {text}"


def _node_lines(spec: ClusterSpec, history: History) -> Iterator[_Line]:
    resources = Resources(spec)
    faults = history.faults_by_id
    for outage in history.outages:
        name = resources.names[outage.node]
        begin, end = outage.from_seconds, outage.to_seconds
        if outage.state == "maintenance":
            yield begin, 0, f"update_node: node {name} reason set to: maintenance CHG-{outage.number}"
            yield begin, 1, f"update_node: node {name} state set to DRAINED"
        elif outage.state == "drain":
            yield begin, 0, f"update_node: node {name} reason set to: {health_check_reason(faults[outage.number])}"
            yield begin, 1, f"update_node: node {name} state set to DRAINED"
        elif faults[outage.number].silent:
            yield begin, 0, f"error: Nodes {name} not responding, setting DOWN"
        else:
            yield begin, 0, f"update_node: node {name} reason set to: {health_check_reason(faults[outage.number])}"
            yield begin, 1, f"update_node: node {name} state set to DOWN"
        yield end, 0, f"update_node: node {name} state set to IDLE"


def _job_lines(spec: ClusterSpec, history: History) -> Iterator[_Line]:
    attempts, jobs = history.attempts, history.jobs
    resources, faults = Resources(spec), history.faults_by_id
    everything = spec.logs.allocation_lines
    columns = (attempts.job_id, attempts.submit, attempts.start, attempts.end, attempts.number)
    listed = zip(*(column.tolist() for column in columns), strict=True)
    for row, (job_id, submit, start, end, number) in enumerate(listed):
        job = f"JobId={_named(job_id, history)}"
        if everything and start != MISSING:
            yield start, 0, _allocation(job, attempts, row, resources, int(jobs.gpus_per_node[job_id - 1]), spec)
        if number > 1:
            yield submit - 1, 3, f"Requeuing {job}"
        if end != MISSING:
            yield from _end_lines(end, job, row, history, faults, resources, everything=everything)


def _end_lines(
    end: int, job: str, row: int, history: History, faults: dict[int, Fault], resources: Resources, *, everything: bool
) -> Iterator[_Line]:
    attempts = history.attempts
    match STATES[attempts.state[row]]:
        case "NODE_FAIL":
            node = resources.names[faults[int(attempts.fault_id[row])].node]
            yield end, 2, f"requeue job {job} due to failure of node {node}"
        case "PREEMPTED":
            by = attempts.preempted_by[row]
            yield end, 1, f"slurm_job_preempt: preempted {job} has been requeued to reclaim resources for JobId={by}"
        case "CANCELLED" if attempts.reason[row] == _NEVER_SATISFIED:
            yield end, 0, f"_kill_dependent: Job dependency can't be satisfied, cancelling {job}"
        case "CANCELLED":
            uid = history.users[history.jobs.user[attempts.job_id[row] - 1]].uid
            yield end, 0, f"_slurm_rpc_kill_job: REQUEST_KILL_JOB {job} uid {uid}"
        case "TIMEOUT":
            yield end, 0, f"Time limit exhausted for {job}"
        case "OUT_OF_MEMORY":
            yield end, 0, f"_job_complete: {job} OOM failure"
        case _ if everything:
            status, signal = EXIT_CODES[attempts.exit_code[row]].split(":")
            how = f"WTERMSIG {signal}" if signal != "0" else f"WEXITSTATUS {status}"
            yield end, 0, f"_job_complete: {job} {how}"


def _named(job_id: int, history: History) -> str:
    jobs, row = history.jobs, job_id - 1
    shown = shown_id(job_id, int(jobs.array_id[row]), int(jobs.task[row]))
    return shown if shown == str(job_id) else f"{shown}({job_id})"


def _allocation(
    job: str, attempts: Attempts, row: int, resources: Resources, gpus_per_node: int, spec: ClusterSpec
) -> str:
    nodes = attempts.nodes(row)
    cpus = len(nodes) * spec.fleet.cpus_per_node * gpus_per_node // spec.fleet.gpus_per_node
    return f"sched: Allocate {job} NodeList={resources.node_list(nodes)} #CPUs={cpus} Partition=gpu"
