"""Pod objects (``v1``) to runs: one run of the pod's main container, on its node, with how it ended.

Pod phases, container states and the reasons of the ``DisruptionTarget`` condition as in *Kubernetes: Pod lifecycle* and
*Disruptions: Pod disruption conditions*. A container that was restarted in place tells of its current run and
of the one before (``lastState``); of earlier ones only their number is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ingest.kubernetes.values import Object, gpus, labels, named, number, part, parts, quantity, text, time, whole

#: labels that name the job a pod is part of, the outermost first
_JOB_LABELS: Final = (
    "jobset.sigs.k8s.io/jobset-name",
    "training.kubeflow.org/job-name",
    "volcano.sh/job-name",
    "leaderworkerset.sigs.k8s.io/name",
    "ray.io/cluster",
    "kueue.x-k8s.io/pod-group-name",
    "scheduling.x-k8s.io/pod-group",
    "batch.kubernetes.io/job-name",
    "job-name",
)
#: those whose pods all have to run for the job to run
_GANG_LABELS: Final = frozenset(_JOB_LABELS[:7])
#: owners whose pods are no jobs; one of them holding GPUs still occupies them
_SERVICES: Final = frozenset({"DaemonSet", "ReplicaSet", "StatefulSet", "Node", "ReplicationController"})
#: labels (or annotations) that together number a pod within its job
_PLACE_LABELS: Final = (
    "jobset.sigs.k8s.io/replicatedjob-name",
    "jobset.sigs.k8s.io/job-index",
    "training.kubeflow.org/replica-type",
    "training.kubeflow.org/replica-index",
    "volcano.sh/task-spec",
    "volcano.sh/task-index",
    "leaderworkerset.sigs.k8s.io/worker-index",
    "batch.kubernetes.io/job-completion-index",
)
#: groups of one LeaderWorkerSet run for themselves
_GROUP_LABEL: Final = "leaderworkerset.sigs.k8s.io/group-index"
_RESTART_LABEL: Final = "jobset.sigs.k8s.io/restart-attempt"
_LEADERS: Final = re.compile(r"(^|/)(master|chief|launcher|leader|driver|head)(/|$)", re.IGNORECASE)
_QUEUE_LABELS: Final = ("kueue.x-k8s.io/queue-name", "volcano.sh/queue-name", "scheduling.volcano.sh/queue-name")
_DISRUPTIONS: Final = {
    "PreemptionByScheduler": "PREEMPTED",
    "EvictionByEvictionAPI": "REQUEUED",
    "DeletionByTaintManager": "NODE_FAIL",
    "DeletionByPodGC": "NODE_FAIL",
    "TerminationByKubelet": "NODE_FAIL",
}
#: ``status.reason`` → state
_REASONS: Final = {
    "NodeLost": "NODE_FAIL",
    "NodeShutdown": "NODE_FAIL",
    "Shutdown": "NODE_FAIL",
    "Terminated": "NODE_FAIL",
    "DeadlineExceeded": "TIMEOUT",
    "Preempting": "PREEMPTED",
    "UnexpectedAdmissionError": "BOOT_FAIL",
}
_PHASES: Final = {
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Unknown": "RUNNING",
    "Succeeded": "COMPLETED",
    "Failed": "FAILED",
}
ENDED: Final = frozenset(
    {"COMPLETED", "FAILED", *_DISRUPTIONS.values(), *_REASONS.values(), "OUT_OF_MEMORY", "CANCELLED"}
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a pod.

    Attributes
    ----------
    job, pod
        ``namespace/name`` of the job the pod is part of, and of the pod.
    place
        Number of the pod within its job; None if nothing says.
    gang
        Whether the job's pods run together or not at all.
    restart
        How often the job was restarted as a whole before, where a label counts.
    submit_utc
        The pod was made, or, for a container restarted in place, this run of it began.
    scheduled
        Whether it is the pod's first run, which holds its node since it was scheduled.
    """

    job: str
    pod: str
    place: str | None
    gang: bool
    restart: int
    submit_utc: datetime
    start_utc: datetime | None
    end_utc: datetime | None
    state: str
    state_raw: str
    exit_code: int | None
    exit_signal: int | None
    out_of_memory: bool
    node: str | None
    gpu_count: int
    cpu_count: int | None
    memory_bytes: int | None
    priority: int | None
    queue: str | None
    time_limit_seconds: float | None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state in ENDED

    @property
    def leads(self) -> bool:
        """Whether the job is done when this pod is."""
        return self.place is not None and _LEADERS.search(self.place) is not None


@dataclass(frozen=True, slots=True)
class _Ending:
    state: str
    raw: str
    end_utc: datetime | None = None


def runs_of(obj: Object, *, deleted: bool) -> tuple[list[Run], int]:
    """Return the runs a pod tells of, and how many earlier ones it does not.

    A pod of a service (DaemonSet, ReplicaSet, …) that holds no GPU has none.
    """
    metadata, spec, status = part(obj, "metadata"), part(obj, "spec"), part(obj, "status")
    owner = next((ref for ref in parts(metadata, "ownerReferences") if ref.get("controller") is True), {})
    containers = list(parts(spec, "containers"))
    if not containers:
        raise ValueError("a pod without containers")
    resources = [_resources(container) for container in containers]
    gpu_count = whole(sum(gpus(held) for held in resources), "gpu")
    tags = {**labels(obj, "annotations"), **labels(obj)}
    job_label = next((label for label in _JOB_LABELS if tags.get(label)), None)
    if job_label is None and text(owner, "kind") in _SERVICES and not gpu_count:
        return [], 0
    namespace, name = text(metadata, "namespace") or "default", named(metadata, "name")
    owned = text(owner, "name") if owner and text(owner, "kind") not in _SERVICES else None
    job = tags[job_label] if job_label else owned or name
    job += f"-{tags[_GROUP_LABEL]}" if tags.get(_GROUP_LABEL) else ""
    place = "/".join(tags[label] for label in _PLACE_LABELS if tags.get(label)) or None
    created = time(metadata, "creationTimestamp")
    if created is None:
        raise ValueError("a pod without creationTimestamp")
    main = max(range(len(containers)), key=lambda index: (gpus(resources[index]), -index))
    main_status = _status_of(status, named(containers[main], "name"))
    first, before, lost = _container_runs(main_status)
    ending = _ending(obj, first, deleted=deleted)
    restart = tags.get(_RESTART_LABEL, "0")
    limit = number(spec, "activeDeadlineSeconds")
    facts: dict[str, object] = {
        "job": f"{namespace}/{job}",
        "pod": f"{namespace}/{name}",
        "place": place,
        "gang": job_label in _GANG_LABELS or place is not None,
        "restart": int(restart) if restart.isdecimal() and len(restart) < 9 else 0,
        "node": text(spec, "nodeName"),
        "gpu_count": gpu_count,
        "cpu_count": _total(resources, "cpu"),
        "memory_bytes": _total_bytes(resources),
        "priority": number(spec, "priority"),
        "queue": next((tags[label] for label in _QUEUE_LABELS if tags.get(label)), None),
        "time_limit_seconds": None if limit is None else float(limit),
    }
    scheduled = _scheduled(status)
    runs: list[Run] = []
    restarts = number(main_status, "restartCount") or 0
    if before:
        is_first = restarts <= 1
        began = time(before, "startedAt")
        submit = created if is_first else began or created
        end = _Ending(*_container_state(before), time(before, "finishedAt"))
        runs.append(_run(facts, submit, (scheduled if is_first else None) or began, end, before))
    began = time(first, "startedAt")
    if not before or began is not None:
        submit = (began or created) if before else created
        started = began if before else (scheduled or began)
        if ending.state == "PENDING" or (began is None and ending.state == "BOOT_FAIL"):
            started = None
        runs.append(_run(facts, submit, started, ending, first))
    return runs, lost


def _run(facts: dict[str, object], submit: datetime, start: datetime | None, end: _Ending, container: Object) -> Run:
    code = number(container, "exitCode")
    signal = number(container, "signal") or (code - 128 if code is not None and 129 <= code <= 159 else 0)
    end_utc = end.end_utc
    if start is not None and end_utc is not None and end_utc < start:
        start = min(filter(None, (start, time(container, "startedAt"))))
        if end_utc < start:
            raise ValueError(f"ends at {end_utc}, before it starts at {start}")
    return Run(
        **facts,  # type: ignore[arg-type]
        submit_utc=submit,
        start_utc=start,
        end_utc=end_utc,
        state=end.state,
        state_raw=end.raw,
        exit_code=code,
        exit_signal=None if code is None else signal,
        out_of_memory=text(container, "reason") == "OOMKilled" or end.state == "OUT_OF_MEMORY",
    )


def _ending(obj: Object, container: Object, *, deleted: bool) -> _Ending:
    """Return how the pod's last run stands: what befell the pod before what its container says."""
    status, metadata = part(obj, "status"), part(obj, "metadata")
    phase, reason = text(status, "phase") or "Pending", text(status, "reason")
    if phase not in _PHASES:
        raise ValueError(f"no phase of a pod: {phase[:80]}")
    disruption = next(_disruptions(status), None)
    finished = time(container, "finishedAt")
    gone = time(metadata, "deletionTimestamp")
    if phase == "Succeeded":
        state, raw = "COMPLETED", phase
    elif reason == "Evicted":
        message = text(status, "message") or ""
        state, raw = "OUT_OF_MEMORY" if "memory" in message else "FAILED", f"Evicted: {message}"
    elif disruption is not None and (phase == "Failed" or gone or deleted):
        state, raw = _DISRUPTIONS.get(disruption[0], "FAILED"), f"{phase}: {disruption[0]}"
    else:
        state, raw = _plain_ending(phase, reason, container, deleted=deleted)
    if state not in ENDED:
        return _Ending(state, raw)
    moment = disruption[1] if disruption else None
    made = time(metadata, "creationTimestamp")  # refused by its node, it never ran
    ends = [finished, moment, gone if deleted or state == "NODE_FAIL" else None, _last_transition(status), made]
    return _Ending(state, raw, next((end for end in ends if end is not None), None))


def _plain_ending(phase: str, reason: str | None, container: Object, *, deleted: bool) -> tuple[str, str]:
    if reason in _REASONS:
        return _REASONS[reason], f"{phase}: {reason}"
    # In a pod that runs the main container may have ended: a side car runs on, or the next restart is awaited.
    if phase in {"Failed", "Running"} and container.get("finishedAt"):
        return _container_state(container)
    if deleted and phase != "Failed":
        return "CANCELLED", f"{phase}, deleted"
    return _PHASES[phase], f"{phase}: {reason}" if reason else phase


def _disruptions(status: Object) -> Iterator[tuple[str, datetime | None]]:
    for condition in parts(status, "conditions"):
        kind = text(condition, "type")
        if condition.get("status") != "True":
            continue
        if kind == "DisruptionTarget":
            yield text(condition, "reason") or "", time(condition, "lastTransitionTime")
        elif kind == "TerminationTarget" and "Preempted" in (text(condition, "reason") or ""):  # Kueue's
            yield "PreemptionByScheduler", time(condition, "lastTransitionTime")


def _container_state(terminated: Object) -> tuple[str, str]:
    code, reason = number(terminated, "exitCode"), text(terminated, "reason") or "Terminated"
    if code is None:
        raise ValueError("a terminated container without exitCode")
    if reason == "OOMKilled":
        return "OUT_OF_MEMORY", reason
    if reason == "DeadlineExceeded":
        return "TIMEOUT", reason
    return ("COMPLETED" if code == 0 else "FAILED"), reason


def _container_runs(status: Object) -> tuple[Object, Object, int]:
    """Return the current run and the one before of a container, and how many earlier ones are gone."""
    restarts = number(status, "restartCount") or 0
    state, last = part(status, "state"), part(part(status, "lastState"), "terminated")
    current = part(state, "terminated") or part(state, "running")
    return current, last, max(0, restarts - (1 if last else 0))


def _status_of(status: Object, container: str) -> Object:
    return next((entry for entry in parts(status, "containerStatuses") if entry.get("name") == container), {})


def _scheduled(status: Object) -> datetime | None:
    for condition in parts(status, "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "True":
            return time(condition, "lastTransitionTime")
    return time(status, "startTime")


def _last_transition(status: Object) -> datetime | None:
    """Return when the pod was last ready: the best guess at its end where no container tells."""
    times = [time(condition, "lastTransitionTime") for condition in parts(status, "conditions")]
    return max((moment for moment in times if moment is not None), default=time(status, "startTime"))


def _resources(container: Object) -> dict[str, object]:
    held = part(container, "resources")
    return {**part(held, "limits"), **part(held, "requests")}


def _total(resources: list[dict[str, object]], name: str) -> int | None:
    found = [quantity(held[name]) for held in resources if name in held]
    return whole(f"{sum(found):.3f}", name) if found else None


def _total_bytes(resources: list[dict[str, object]]) -> int | None:
    found = [quantity(held["memory"]) for held in resources if "memory" in held]
    if not 0 <= sum(found) < 1 << 50:
        raise ValueError("memory is out of bounds")
    return int(sum(found)) if found else None
