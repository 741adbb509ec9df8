"""Slurm's accounting of a history: ``sacct -P -D``, with the jobs' steps."""

from __future__ import annotations

from collections.abc import Iterator

from synthetic_traces.logs.slurm_text import Resources, job_name, shown_id
from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.simulation.records import EXIT_CODES, MISSING, QOS, REASONS, STATES, Attempts, Jobs, User
from synthetic_traces.spec.cluster import ClusterSpec

COLUMNS = (
    "JobIDRaw|JobID|JobName|User|Account|QOS|Partition|Cluster|State|ExitCode|Submit|Eligible|Start|End|ElapsedRaw|"
    "TimelimitRaw|NNodes|NodeList|ReqTRES|AllocTRES|Reason|Priority|SubmitLine"
)
PRIORITY = (100_000, 200_000, 300_000)
_CANCELLED = STATES.index("CANCELLED")
_NEVER_SATISFIED = REASONS.index("DependencyNeverSatisfied")
# State and exit code of the batch step, where they differ from the job's.
_BATCH_STEP = {
    "NODE_FAIL": ("CANCELLED", "0:15"),
    "CANCELLED": ("CANCELLED", "0:15"),
    "PREEMPTED": ("CANCELLED", "0:15"),
    "REQUEUED": ("CANCELLED", "0:15"),
    "TIMEOUT": ("CANCELLED", "0:15"),
}


class Accounting:
    """Renders attempts as accounting records.

    Parameters
    ----------
    spec, users, jobs
        The cluster, and who asked for what.
    """

    def __init__(self, spec: ClusterSpec, users: tuple[User, ...], jobs: Jobs) -> None:
        self._spec = spec
        self._users = users
        self._jobs = jobs
        self._resources = Resources(spec)
        self._stamps = Stamps(spec.start_utc)

    def lines(self, attempts: Attempts) -> Iterator[str]:
        """Render attempts.

        Parameters
        ----------
        attempts
            Some or all of them.

        Yields
        ------
        str
            The header, then each attempt, followed by its steps if the specification asks for them.
        """
        yield COLUMNS
        steps = self._spec.logs.steps
        columns = zip(
            attempts.job_id.tolist(),
            attempts.submit.tolist(),
            attempts.eligible.tolist(),
            attempts.start.tolist(),
            attempts.end.tolist(),
            attempts.state.tolist(),
            attempts.exit_code.tolist(),
            attempts.reason.tolist(),
            strict=True,
        )
        for row, (job_id, submit, eligible, start, end, state, exit_code, reason) in enumerate(columns):
            nodes = attempts.nodes(row)
            yield self._attempt(job_id, submit, eligible, start, end, state, exit_code, reason, nodes)
            if steps and start != MISSING:
                yield from self._steps(job_id, start, end, STATES[state], EXIT_CODES[exit_code], nodes)

    def _attempt(
        self,
        job_id: int,
        submit: int,
        eligible: int,
        start: int,
        end: int,
        state: int,
        exit_code: int,
        reason: int,
        nodes: tuple[int, ...],
    ) -> str:
        jobs, row, second, tres = self._jobs, job_id - 1, self._stamps.second, self._resources.tres
        user = self._users[jobs.user[row]]
        count, gpus = int(jobs.nodes[row]), int(jobs.gpus_per_node[row])
        started = start != MISSING
        qos = jobs.qos[row]
        shown_state = STATES[state]
        if state == _CANCELLED:
            shown_state = f"CANCELLED by {0 if reason == _NEVER_SATISFIED else user.uid}"
        shown_start = second(start) if started else ("Unknown" if end == MISSING else "None")
        excluded = jobs.excluded[row]
        exclude = f"--exclude={self._resources.names[excluded]} " if excluded >= 0 else ""
        name = job_name(jobs, row)
        return (
            f"{job_id}|{shown_id(job_id, jobs.array_id[row], jobs.task[row])}|{name}|{user.name}|{user.account}|"
            f"{QOS[qos]}|gpu|{self._spec.cluster}|{shown_state}|{EXIT_CODES[exit_code]}|{second(submit)}|"
            f"{second(eligible)}|{shown_start}|{'Unknown' if end == MISSING else second(end)}|"
            f"{self._elapsed(start, end)}|{jobs.limit_seconds[row] // 60}|{count}|"
            f"{self._resources.node_list(nodes) if started else 'None assigned'}|"
            f"{tres(count, gpus, typed=False, billing=True)}|"
            f"{tres(count, gpus, typed=True, billing=True) if started else ''}|{REASONS[reason]}|{PRIORITY[qos]}|"
            f"sbatch {exclude}--nodes={count} {name}.sh"
        )

    def _steps(
        self, job_id: int, start: int, end: int, state: str, exit_code: str, nodes: tuple[int, ...]
    ) -> Iterator[str]:
        step_state, step_exit = _BATCH_STEP.get(state, (state, exit_code))
        yield self._step(job_id, "batch", "batch", start, end, nodes[:1], step_state, step_exit)
        # The extern step holds no process of the job: it dies only with its node.
        extern = (step_state, step_exit) if state in {"RUNNING", "NODE_FAIL"} else ("COMPLETED", "0:0")
        yield self._step(job_id, "extern", "extern", start, end, nodes, *extern)
        if len(nodes) > 1:
            yield self._step(job_id, "0", "python3", start, end, nodes, step_state, step_exit)

    def _step(
        self,
        job_id: int,
        step: str,
        name: str,
        start: int,
        end: int,
        nodes: tuple[int, ...],
        state: str,
        exit_code: str,
    ) -> str:
        jobs, row = self._jobs, job_id - 1
        begin = self._stamps.second(start)
        step_id = f"{job_id}.{step}"
        shown = f"{shown_id(job_id, jobs.array_id[row], jobs.task[row])}.{step}"
        tres = self._resources.tres(len(nodes), int(jobs.gpus_per_node[row]), typed=True, billing=False)
        return (
            f"{step_id}|{shown}|{name}||{self._users[jobs.user[row]].account}|||{self._spec.cluster}|{state}|"
            f"{exit_code}|{begin}|{begin}|{begin}|{'Unknown' if end == MISSING else self._stamps.second(end)}|"
            f"{self._elapsed(start, end)}||{len(nodes)}|{self._resources.node_list(nodes)}||{tres}|||"
        )

    def _elapsed(self, start: int, end: int) -> int:
        if start == MISSING:
            return 0
        return (self._spec.seconds if end == MISSING else end) - start
