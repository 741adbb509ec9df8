"""What Slurm prints about a history: ``sacct -P -D`` and ``sacctmgr show event -P``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from synthetic_traces.observations import health_check_reason
from synthetic_traces.records import Attempt, Fault, History
from synthetic_traces.spec import DAY, HOUR, ClusterSpec
from synthetic_traces.workload import QOS_PRIORITY

SACCT_COLUMNS = (
    "JobIDRaw|JobID|JobName|User|Account|QOS|Partition|Cluster|State|ExitCode|Submit|Eligible|Start|End|ElapsedRaw|"
    "TimelimitRaw|NNodes|NodeList|ReqTRES|AllocTRES|Reason|Priority"
)
EVENT_COLUMNS = "Cluster|Cluster Nodes|Duration|TimeStart|TimeEnd|Event|NodeName|Reason|State|StateRaw|TRES|User"

_ROOT = "root(0)"
_SLURM = "slurm(64030)"
# Slurm's node state numbers: 1 DOWN, 2 IDLE, with the flags 0x200 DRAIN and 0x800 NO_RESPOND.
_STATE_RAW = {"UNK": 0, "DOWN": 1, "DOWN*": 2049, "DRAIN": 514}
# A silent node was often found to have rebooted when it comes back, which Slurm notes as a second interval.
_REBOOT_NOTED_PROBABILITY = 0.4
# State and exit code of the batch step, where they differ from the job's.
_BATCH_STEP = {
    "NODE_FAIL": ("CANCELLED", "0:15"),
    "CANCELLED": ("CANCELLED", "0:15"),
    "PREEMPTED": ("CANCELLED", "0:15"),
    "TIMEOUT": ("CANCELLED", "0:15"),
}


def fold_node_list(names: Sequence[str]) -> str:
    """Fold host names as Slurm prints them.

    Parameters
    ----------
    names
        Sorted names that share a prefix and end in a number of fixed width; at least one.

    Returns
    -------
    str
        The folded list.

    Examples
    --------
    >>> fold_node_list(["node-001", "node-002", "node-003", "node-007"])
    'node-[001-003,007]'
    >>> fold_node_list(["node-012"])
    'node-012'
    """
    if len(names) == 1:
        return names[0]
    prefix = names[0].rstrip("0123456789")
    width = len(names[0]) - len(prefix)
    runs: list[list[int]] = []
    for number in (int(name[len(prefix) :]) for name in names):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    parts = (f"{a:0{width}d}" if a == b else f"{a:0{width}d}-{b:0{width}d}" for a, b in runs)
    return f"{prefix}[{','.join(parts)}]"


def duration_text(seconds: int) -> str:
    """Format a duration as Slurm does.

    Parameters
    ----------
    seconds
        The duration.

    Returns
    -------
    str
        ``[days-]hours:minutes:seconds``.

    Examples
    --------
    >>> duration_text(92), duration_text(93784)
    ('00:01:32', '1-02:03:04')
    """
    days, rest = divmod(seconds, DAY)
    clock = f"{rest // HOUR:02d}:{rest % HOUR // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


class SlurmLogs:
    """Renders a history as Slurm's text.

    Parameters
    ----------
    spec
        The cluster.
    history
        What happened.
    rng
        For what only the printed form leaves open.
    """

    def __init__(self, spec: ClusterSpec, history: History, rng: np.random.Generator) -> None:
        self._spec = spec
        self._history = history
        self._rng = rng
        self._names = spec.node_names
        self._begin = spec.start_utc.replace(tzinfo=None)  # Slurm prints times without a zone

    # sacct

    def sacct_lines(self) -> Iterator[str]:
        """Render the accounting records.

        Yields
        ------
        str
            The header, then each attempt followed by its steps.
        """
        yield SACCT_COLUMNS
        for attempt in self._history.attempts:
            yield self._attempt_line(attempt)
            if attempt.start_seconds is not None:
                yield from self._step_lines(attempt)

    def _attempt_line(self, attempt: Attempt) -> str:
        request, user = attempt.request, attempt.request.user
        started = attempt.start_seconds is not None
        never = "None" if attempt.end_seconds is not None else "Unknown"
        return "|".join(
            (
                f"{attempt.job_id}|{attempt.job_id}|{request.name}|{user.name}|{user.account}|{request.qos}|gpu",
                f"{self._spec.cluster}|{attempt.state}|{attempt.exit_code}",
                self._time(attempt.submit_seconds),
                self._time(attempt.eligible_seconds),
                self._time(attempt.start_seconds) if started else never,
                self._time(attempt.end_seconds),
                f"{self._elapsed(attempt)}|{request.limit_seconds // 60}|{request.nodes}",
                self._node_list(attempt.nodes) if started else "None assigned",
                self._tres(request.nodes, request.gpus_per_node, typed=False, billing=True),
                self._tres(request.nodes, request.gpus_per_node, typed=True, billing=True) if started else "",
                f"{attempt.reason}|{QOS_PRIORITY[request.qos]}",
            )
        )

    def _step_lines(self, attempt: Attempt) -> Iterator[str]:
        word = attempt.state.split()[0]
        state, exit_code = _BATCH_STEP.get(word, (word, attempt.exit_code))
        yield self._step_line(attempt, "batch", "batch", attempt.nodes[:1], state, exit_code)
        # The extern step holds no process of the job: it dies only with its node.
        extern = (state, exit_code) if word in {"RUNNING", "NODE_FAIL"} else ("COMPLETED", "0:0")
        yield self._step_line(attempt, "extern", "extern", attempt.nodes, *extern)
        if len(attempt.nodes) > 1:
            yield self._step_line(attempt, "0", "python3", attempt.nodes, state, exit_code)

    def _step_line(
        self, attempt: Attempt, step: str, name: str, nodes: tuple[int, ...], state: str, exit_code: str
    ) -> str:
        start = self._time(attempt.start_seconds)
        step_id = f"{attempt.job_id}.{step}"
        return "|".join(
            (
                f"{step_id}|{step_id}|{name}||{attempt.request.user.account}|||{self._spec.cluster}|{state}|{exit_code}",
                f"{start}|{start}|{start}|{self._time(attempt.end_seconds)}",
                f"{self._elapsed(attempt)}||{len(nodes)}|{self._node_list(nodes)}|",
                f"{self._tres(len(nodes), attempt.request.gpus_per_node, typed=True, billing=False)}||",
            )
        )

    def _elapsed(self, attempt: Attempt) -> int:
        if attempt.start_seconds is None:
            return 0
        end = attempt.end_seconds if attempt.end_seconds is not None else self._spec.seconds
        return end - attempt.start_seconds

    # sacctmgr show event

    def event_lines(self) -> Iterator[str]:
        """Render the node events.

        Yields
        ------
        str
            The header, the cluster's row, then the rows of each node by time. An unplanned failure is a DOWN interval,
            or two that touch; planned work is a DRAIN interval.
        """
        spec = self._spec
        everything = self._tres(spec.nodes, spec.gpus_per_node, typed=True, billing=True)
        yield EVENT_COLUMNS
        yield "|".join(
            (
                f"{spec.cluster}|{fold_node_list(self._names)}|{duration_text(spec.seconds)}|{self._time(0)}|Unknown",
                f"Cluster||Cluster Registered TRES||0|{everything}|",
            )
        )
        rows = [self._event_row(node, 0, 0, "cold-start", "UNK", _ROOT) for node in range(spec.nodes)]
        for fault in self._history.faults:
            rows += self._outage_rows(fault)
        for work in self._history.maintenances:
            reason = f"maintenance CHG-{work.change}"
            rows.append(self._event_row(work.node, work.from_seconds, work.to_seconds, reason, "DRAIN", _ROOT))
        yield from (row for _, _, row in sorted(rows))

    def _outage_rows(self, fault: Fault) -> list[tuple[int, int, str]]:
        down, up = fault.detected_seconds, fault.repaired_seconds
        if down is None or up is None or down > self._spec.seconds:
            return []
        if not fault.silent:
            return [self._event_row(fault.node, down, up, health_check_reason(fault), "DOWN", _ROOT)]
        if self._rng.random() >= _REBOOT_NOTED_PROBABILITY:
            return [self._event_row(fault.node, down, up, "Not responding", "DOWN*", _SLURM)]
        back = down + max(1, int((up - down) * self._rng.uniform(0.05, 0.5)))
        if back > self._spec.seconds:
            return [self._event_row(fault.node, down, up, "Not responding", "DOWN*", _SLURM)]
        return [
            self._event_row(fault.node, down, back, "Not responding", "DOWN*", _SLURM),
            self._event_row(fault.node, back, up, "Node unexpectedly rebooted", "DOWN", _SLURM),
        ]

    def _event_row(self, node: int, begin: int, end: int, reason: str, state: str, user: str) -> tuple[int, int, str]:
        spec = self._spec
        closed = end <= spec.seconds
        tres = self._tres(1, spec.gpus_per_node, typed=True, billing=True).removesuffix(",node=1")
        row = "|".join(
            (
                f"{spec.cluster}||{duration_text(min(end, spec.seconds) - begin)}|{self._time(begin)}",
                self._time(end if closed else None),
                f"Node|{self._names[node]}|{reason}|{state}|{_STATE_RAW[state]}|{tres}|{user}",
            )
        )
        return node, begin, row

    # Parts of a line

    def _time(self, seconds: int | None) -> str:
        if seconds is None:
            return "Unknown"
        return _clock(self._begin, seconds)

    def _node_list(self, nodes: Sequence[int]) -> str:
        return fold_node_list([self._names[node] for node in nodes])

    def _tres(self, nodes: int, gpus_per_node: int, *, typed: bool, billing: bool) -> str:
        spec = self._spec
        gpus = nodes * gpus_per_node
        cpus = spec.cpus_per_node * gpus // spec.gpus_per_node
        memory = spec.memory_gb_per_node * gpus // spec.gpus_per_node
        return "".join(
            (
                f"billing={cpus}," if billing else "",
                f"cpu={cpus},",
                f"gres/gpu:{spec.gpu_model}={gpus}," if typed else "",
                f"gres/gpu={gpus},mem={memory}G,node={nodes}",
            )
        )


def _clock(begin: datetime, seconds: int) -> str:
    return (begin + timedelta(seconds=seconds)).isoformat(timespec="seconds")
