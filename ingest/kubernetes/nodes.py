"""Node objects (``v1``) to ``nodes``, ``node_states`` and ``events``.

A node is *down* while its ``Ready`` condition is not true, since the condition's ``lastTransitionTime``; it is
*drained* while it is cordoned or bears a taint of those that keep work off a node in trouble. A further condition
(``MemoryPressure``, those of node-problem-detector) is an event at its transition: Kubernetes goes on placing pods on
such a node unless something taints it, so the condition alone takes nothing out of service; it gives a drain its cause.

Lists over time are followed: a condition that turned good ends the outage at the time of that turn. Labels of GPUs are
those of NVIDIA GPU feature discovery and AMD's node labeller; labels of the topology those of NVIDIA Topograph, GKE,
EKS and any whose name is ``rack`` or ``pod``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ingest.kubernetes.problems import Problem, problem_of
from ingest.kubernetes.values import Object, gpus, labels, named, part, parts, text, time
from ingest.records import KEPT, Findings, Row
from ingest.taxonomy.reasons import Reason, read_reason
from reliability.schema import SEVERITIES

_CORDONED: Final = "cordoned"
_UNDATED: Final = "{count} cordoned or tainted nodes do not say since when: counted from the list that shows it first"
#: taints of Kubernetes' own that go with the Ready condition, which has the better time
_OF_READY: Final = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
_CORDON_TAINT: Final = "node.kubernetes.io/unschedulable"
#: taints that keep work off a node in trouble or about to go; others (roles, GPUs, tenants) only sort the work
_TROUBLE: Final = re.compile(
    r"unhealthy|problem|error|fault|fail|maint|drain|quarantin|repair|broken|disrupt|degraded|xid|out-of-service"
    r"|network-unavailable|cloudprovider\.kubernetes\.io/(uninitialized|shutdown)|ToBeDeletedByClusterAutoscaler",
    re.IGNORECASE,
)
_PLANNED: Final = re.compile(r"maint|disrupt|ToBeDeletedByClusterAutoscaler|uninitialized", re.IGNORECASE)
#: conditions that are well while true (EKS: AcceleratedHardwareReady, …); all others are well while false
_WELL_WHILE_TRUE: Final = re.compile(r"(Ready|(?<!Un)[Hh]ealthy|OK|(?<!Un)Available)$")

_GPU_COUNT_LABELS: Final = ("nvidia.com/gpu.count",)
_GPU_MODEL_LABELS: Final = (
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "beta.amd.com/gpu.product-name",
    "gpu.nvidia.com/model",
    "cloud.google.com/gke-accelerator",
    "k8s.amazonaws.com/accelerator",
)
_RACK: Final = re.compile(r"(^|[/.-])(rack|gce-topology-subblock)$")
_POD: Final = re.compile(r"(^|[/.-])(pod|scalable-unit|superpod|topology-block)$")
_KEPT_LABELS: Final = re.compile(
    r"topology|instance-type$|nodepool$|nodegroup$|gpu\.clique$|cuda\.driver|driver-version|gce-topology|capacityType$"
)
_KEPT_INFO: Final = ("kernelVersion", "kubeletVersion", "containerRuntimeVersion", "osImage")


@dataclass(slots=True)
class _Outage:
    """An interval out of service, open while ``to_utc`` is None."""

    from_utc: datetime
    state: str
    reason: str
    status: str = ""
    planned: bool = False
    continues: bool = False
    cause: Problem | Reason | None = None
    to_utc: datetime | None = None


@dataclass(slots=True)
class _Node:
    """What the lists so far say of one node."""

    row: dict[str, Any]
    ready: _Outage | None = None
    drains: dict[str, _Outage] = field(default_factory=dict)
    closed: list[_Outage] = field(default_factory=list)
    told: dict[str, datetime] = field(default_factory=dict)
    seen_utc: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one object says; ``ready`` has the status, good or bad."""

    row: dict[str, Any]
    heartbeat_utc: datetime | None
    deleted_utc: datetime | None
    ready: _Outage | None
    problems: list[tuple[Problem, datetime, str]]
    drains: dict[str, tuple[datetime | None, str]]


class NodeReader:
    """Reads the Node objects of one file."""

    def __init__(self, source: str, findings: Findings) -> None:
        self._source = source
        self._findings = findings
        self._nodes: dict[str, _Node] = {}
        self.latest_heartbeat_utc: datetime | None = None

    def rows(self, obj: Object, *, deleted: bool) -> Sequence[Row]:
        """Take note of a node; return the events that its conditions are, the first time they are seen."""
        seen = _seen(obj)  # all that can be wrong with the object is found before anything is noted
        name = seen.row["node"]
        node = self._nodes.setdefault(name, _Node(seen.row))
        if node.row["from_utc"] != seen.row["from_utc"]:  # a new machine under the old name
            self._retire(node, seen.row["from_utc"])
            self._nodes[f"{name} {node.row['from_utc']}"] = node
            node = self._nodes[name] = _Node(seen.row)
        node.row = seen.row
        node.seen_utc = seen.heartbeat_utc or node.seen_utc
        self.latest_heartbeat_utc = max(filter(None, (self.latest_heartbeat_utc, seen.heartbeat_utc)), default=None)
        if seen.ready is not None:
            self._ready(node, seen.ready)
        self._drains(node, seen)
        if deleted:
            self._retire(node, seen.deleted_utc or node.seen_utc)
        events = [
            Row("events", self._event(name, problem, since, message))
            for problem, since, message in seen.problems
            if node.told.get(problem.code) != since
        ]
        node.told = {problem.code: since for problem, since, _ in seen.problems}
        return events or KEPT

    def finish(self, taken_utc: datetime) -> Iterator[Row]:
        """Yield the fleet and the outages; those still open last to the moment the last list was taken."""
        for node in self._nodes.values():
            yield Row("nodes", node.row)
            still_open = [outage for outage in (node.ready, *node.drains.values()) if outage is not None]
            for outage in (*node.closed, *still_open):
                yield Row("node_states", self._state(node.row["node"], outage, max(taken_utc, outage.from_utc)))

    def _ready(self, node: _Node, now: _Outage) -> None:
        before = node.ready
        if before is not None and (now.status, now.from_utc) == (before.status, before.from_utc):
            return
        if before is not None:
            before.to_utc = max(now.from_utc, before.from_utc)
            node.closed.append(before)
            node.ready = None
        if now.status == "True":
            return
        # Unknown turning False: the kubelet is back, the node is not.
        now.continues = before is not None and before.status != now.status and before.to_utc == now.from_utc
        node.ready = now

    def _drains(self, node: _Node, seen: _Seen) -> None:
        """Open, keep or close what keeps work off the node."""
        for key in [key for key in node.drains if key not in seen.drains]:
            outage = node.drains.pop(key)
            outage.to_utc = max(filter(None, (node.seen_utc, outage.from_utc)))
            node.closed.append(outage)
        problems = [problem for problem, _, _ in seen.problems]
        worst = min(problems, key=lambda problem: SEVERITIES.index(problem.severity), default=None)
        for key, (since, reason) in seen.drains.items():
            if key in node.drains:
                node.drains[key].cause = node.drains[key].cause or worst
                continue
            since_utc = since or node.seen_utc
            if since is None:
                self._findings.note(_UNDATED)
            if since_utc is None:
                continue  # a node that never reported: there is no time to put it at
            planned = bool(_PLANNED.search(reason)) and worst is None
            cause = worst or (None if key == _CORDONED else read_reason(reason))
            node.drains[key] = _Outage(since_utc, "drain", reason, planned=planned, cause=cause)

    def _retire(self, node: _Node, moment: datetime | None) -> None:
        """End what is known of a node that was deleted."""
        node.row = {**node.row, "to_utc": moment}
        for outage in (node.ready, *node.drains.values()):
            if outage is not None:
                outage.to_utc = max(filter(None, (moment, outage.from_utc)))
                node.closed.append(outage)
        node.ready = None
        node.drains.clear()

    def _event(self, node: str, problem: Problem, since: datetime, message: str) -> dict[str, Any]:
        return {
            "time_utc": since,
            "node": node,
            "component": problem.component,
            "slot": problem.slot,
            "symptom": problem.symptom,
            "domain": problem.domain,
            "code": problem.code,
            "severity": problem.severity,
            "source": self._source,
            "message": message,
        }

    def _state(self, node: str, outage: _Outage, taken_utc: datetime) -> dict[str, Any]:
        cause = outage.cause
        return {
            "node": node,
            "from_utc": outage.from_utc,
            "to_utc": outage.to_utc or taken_utc,
            "state": outage.state,
            "planned": outage.planned,
            "continues": outage.continues,
            "reason": outage.reason,
            "component": cause.component if cause else None,
            "symptom": cause.symptom if cause else None,
            "domain": cause.domain if cause else None,
            "source": self._source,
        }


def _seen(obj: Object) -> _Seen:
    metadata = part(obj, "metadata")
    conditions = list(parts(part(obj, "status"), "conditions"))
    heartbeats = [time(condition, "lastHeartbeatTime") for condition in conditions]
    ready = [_readiness(condition) for condition in conditions if named(condition, "type") == "Ready"]
    return _Seen(
        row=_fleet_row(named(metadata, "name"), obj),
        heartbeat_utc=max((beat for beat in heartbeats if beat is not None), default=None),
        deleted_utc=time(metadata, "deletionTimestamp"),
        ready=ready[0] if ready else None,
        problems=[found for condition in conditions for found in _problem(condition)],
        drains=_taken_out(part(obj, "spec")),
    )


def _readiness(condition: Object) -> _Outage:
    status, since = named(condition, "status"), time(condition, "lastTransitionTime")
    if since is None:
        raise ValueError("the Ready condition has no lastTransitionTime")
    reason, message = text(condition, "reason") or f"Ready={status}", text(condition, "message")
    said = f"{reason}: {message}" if message else reason
    return _Outage(since, "down", said, status, cause=problem_of(reason, "", node_warning=True))


def _taken_out(spec: Object) -> dict[str, tuple[datetime | None, str]]:
    """Return what keeps work off the node: cordon or taint → since when, and the reason."""
    taints = {named(taint, "key"): taint for taint in parts(spec, "taints")}
    found = {}
    for key, taint in taints.items():
        value = text(taint, "value")
        reason = f"{key}={value}" if value else key
        if key not in _OF_READY and key != _CORDON_TAINT and _TROUBLE.search(reason):
            found[key] = time(taint, "timeAdded"), reason
    if spec.get("unschedulable") is True:
        found[_CORDONED] = time(taints.get(_CORDON_TAINT, {}), "timeAdded"), _CORDONED
    return found


def _problem(condition: Object) -> Iterator[tuple[Problem, datetime, str]]:
    """Yield the problem that a condition is, if it is one now."""
    kind, status = named(condition, "type"), named(condition, "status")
    well_while_true = _WELL_WHILE_TRUE.search(kind) is not None
    if kind == "Ready" or status != ("False" if well_while_true else "True"):
        return
    since = time(condition, "lastTransitionTime")
    if since is None:
        raise ValueError(f"the condition {kind} has no lastTransitionTime")
    reason, message = text(condition, "reason") or kind, text(condition, "message") or ""
    said = f"{kind}={status}: {reason}: {message}"
    # The reason is the finer word (DockerHung of KernelDeadlock); where no rule knows it, the type decides.
    finer = problem_of(reason, message, node_warning=False)
    problem = finer or problem_of(kind, f"{reason} {message}", node_warning=True)
    if problem is not None:
        yield problem, since, said


def _fleet_row(name: str, obj: Object) -> dict[str, Any]:
    tags = labels(obj)
    status, metadata = part(obj, "status"), part(obj, "metadata")
    capacity = part(status, "capacity")
    counts = [tags[label] for label in _GPU_COUNT_LABELS if tags.get(label, "").isdecimal()]
    info = part(status, "nodeInfo")
    attributes = {key: value for key, value in tags.items() if _KEPT_LABELS.search(key)}
    attributes |= {key: str(info[key]) for key in _KEPT_INFO if info.get(key)}
    return {
        "node": name,
        "from_utc": time(metadata, "creationTimestamp"),
        "to_utc": None,
        # The label counts devices, the capacity counts shares where GPUs are time-sliced.
        "gpu_count": min(int(counts[0][:9]), 1 << 20) if counts else gpus(capacity) if capacity else None,
        "gpu_model": next((tags[label] for label in _GPU_MODEL_LABELS if tags.get(label)), None),
        "rack": next((tags[key] for key in sorted(tags) if _RACK.search(key)), None),
        "pod": next((tags[key] for key in sorted(tags) if _POD.search(key)), None),
        "attributes": sorted(attributes.items()),
    }
