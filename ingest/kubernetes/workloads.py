"""Job-like objects: ``batch/v1`` Job, JobSet, Kubeflow's and Volcano's jobs, and Kueue's Workload.

They tell when a job was asked for and how it ended as a whole; where it ran only its pods tell. Conditions as in
*Kubernetes: Jobs*, *Kueue: Workload* (``apis/kueue/v1beta1/workload_types.go``), Volcano
``batch/v1alpha1``, Kubeflow ``kubeflow.org/v1`` JobStatus and JobSet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ingest.kubernetes.values import Object, labels, named, number, part, parts, text, time

#: kinds of Kubeflow's training operator, and others that report as they do
_CONDITION_JOBS: Final = frozenset(
    {"PyTorchJob", "TFJob", "MPIJob", "XGBoostJob", "JAXJob", "PaddleJob", "MXJob", "JobSet", "TrainJob"}
)
JOB_KINDS: Final = frozenset({"Job", *_CONDITION_JOBS})
_SUCCEEDED: Final = frozenset({"Complete", "Succeeded", "Completed"})
_VOLCANO_PHASES: Final = {
    "Pending": "PENDING",
    "Inqueue": "PENDING",
    "Running": "RUNNING",
    "Restarting": "RUNNING",
    "Completing": "RUNNING",
    "Aborting": "RUNNING",
    "Terminating": "RUNNING",
    "Completed": "COMPLETED",
    "Failed": "FAILED",
    "Terminated": "FAILED",
    "Aborted": "CANCELLED",
}
_PREEMPTOR: Final = re.compile(r"\(UID: ([^,()\s]{1,80})(?:, JobUID: ([^,()\s]{1,80}))?\)")


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a job's own object says.

    Attributes
    ----------
    name
        ``namespace/name``, as its pods' labels lead to it.
    """

    name: str
    uid: str | None
    submit_utc: datetime
    start_utc: datetime | None
    end_utc: datetime | None
    state: str
    state_raw: str
    queue: str | None
    priority_class: str | None
    node_count: int | None
    time_limit_seconds: float | None
    owned_by: str | None


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """What Kueue's Workload says of the job it stands for."""

    job: str
    uid: str | None
    queue: str | None
    priority: int | None
    submit_utc: datetime | None
    #: when, whether preempted (else evicted for another reason), the reason, the message
    evicted: tuple[datetime, bool, str, str] | None

    def preemptor_uids(self) -> tuple[str, ...]:
        """Return the UIDs of the workload and of the job that preempted this one."""
        match = _PREEMPTOR.search(self.evicted[3]) if self.evicted else None
        return tuple(uid for uid in match.groups() if uid) if match else ()


def read_job(obj: Object) -> JobFacts:
    """Read a Job of any of the kinds."""
    metadata, spec, status = part(obj, "metadata"), part(obj, "spec"), part(obj, "status")
    created = time(metadata, "creationTimestamp")
    if created is None:
        raise ValueError("a job without creationTimestamp")
    namespace = text(metadata, "namespace") or "default"
    volcano = (text(obj, "apiVersion") or "").startswith("batch.volcano.sh/")
    state, raw, end = _volcano_state(status) if volcano else _condition_state(status)
    tags = labels(obj)
    limit = number(spec, "activeDeadlineSeconds")
    owner = next((ref for ref in parts(metadata, "ownerReferences") if ref.get("controller") is True), {})
    start = time(status, "startTime")
    if start is None and state != "PENDING":
        start = _turned(status, "Running")
    if start is not None and end is not None and end < start:
        raise ValueError(f"ends at {end}, before it starts at {start}")
    return JobFacts(
        name=f"{namespace}/{named(metadata, 'name')}",
        uid=text(metadata, "uid"),
        submit_utc=created,
        start_utc=start,
        end_utc=end,
        state=state,
        state_raw=raw,
        queue=text(spec, "queue") if volcano else tags.get("kueue.x-k8s.io/queue-name"),
        priority_class=text(spec, "priorityClassName") or tags.get("kueue.x-k8s.io/priority-class"),
        node_count=number(spec, "minAvailable") if volcano else number(spec, "parallelism"),
        time_limit_seconds=None if limit is None else float(limit),
        owned_by=f"{namespace}/{named(owner, 'name')}" if text(owner, "kind") in JOB_KINDS else None,
    )


def read_workload(obj: Object) -> WorkloadFacts | None:
    """Read a Workload of Kueue; None if it stands for no job."""
    metadata, spec, status = part(obj, "metadata"), part(obj, "spec"), part(obj, "status")
    owner = next(parts(metadata, "ownerReferences"), None)
    if owner is None:
        return None
    namespace = text(metadata, "namespace") or "default"
    group = text(owner, "kind") == "Pod"  # of a group of plain pods: the workload bears the group's name
    return WorkloadFacts(
        job=f"{namespace}/{named(metadata if group else owner, 'name')}",
        uid=text(metadata, "uid"),
        queue=text(spec, "queueName"),
        priority=number(spec, "priority"),
        submit_utc=time(metadata, "creationTimestamp"),
        evicted=_evicted(status),
    )


def _evicted(status: Object) -> tuple[datetime, bool, str, str] | None:
    """Return the eviction that holds now; once a workload runs again, its time is that of the return."""
    found: dict[str, tuple[datetime, str, str]] = {}
    for condition in parts(status, "conditions"):
        kind, moment = text(condition, "type"), time(condition, "lastTransitionTime")
        if condition.get("status") == "True" and kind in {"Evicted", "Preempted"} and moment is not None:
            found[kind] = (moment, text(condition, "reason") or kind, text(condition, "message") or "")
    told = found.get("Preempted") or found.get("Evicted")
    if told is None:
        return None
    return told[0], "Preempted" in found or told[1] == "Preempted", told[1], told[2]


def _condition_state(status: Object) -> tuple[str, str, datetime | None]:
    """Return state, raw state and end by the conditions."""
    on = [condition for condition in parts(status, "conditions") if condition.get("status") == "True"]
    by_kind = {named(condition, "type"): condition for condition in on}
    for kind, condition in by_kind.items():
        moment = time(status, "completionTime") or time(condition, "lastTransitionTime")
        if kind in _SUCCEEDED:
            return "COMPLETED", kind, moment
        if kind == "Failed":
            reason = text(condition, "reason") or kind
            return "TIMEOUT" if reason == "DeadlineExceeded" else "FAILED", f"Failed: {reason}", moment
    if "Suspended" in by_kind:
        return "PENDING", "Suspended", None
    active = status.get("active") or time(status, "startTime") or "Running" in by_kind
    return ("RUNNING", "Running", None) if active else ("PENDING", "Created", None)


def _volcano_state(status: Object) -> tuple[str, str, datetime | None]:
    state = part(status, "state")
    phase = text(state, "phase") or "Pending"
    if phase not in _VOLCANO_PHASES:
        raise ValueError(f"no phase of a Volcano job: {phase[:80]}")
    mapped = _VOLCANO_PHASES[phase]
    over = mapped in {"COMPLETED", "FAILED", "CANCELLED"}
    return mapped, phase, time(state, "lastTransitionTime") if over else None


def _turned(status: Object, kind: str) -> datetime | None:
    """Return when a condition first turned true; Volcano lists its phases under ``status``."""
    return next(_turns(status, kind), None)


def _turns(status: Object, kind: str) -> Iterator[datetime]:
    for condition in parts(status, "conditions"):
        moment = time(condition, "lastTransitionTime")
        if moment is not None and kind in {condition.get("type"), condition.get("status")}:
            yield moment
