"""Objects of the Kubernetes API as ``kubectl get … -o json`` prints them.

One document or several (lists taken over time), lists of one kind or of many, watches (``kubectl get -w -o json``,
with ``--output-watch-events`` or without), JSON lines: each object is a record, whatever it came in. Print kinds that
belong together into one file (``kubectl get events,nodes,pods,jobs,workloads -A -o json``): when a job was asked for
stands in its own object, where it ran only in its pods'.

The objects are those of the Kubernetes API reference. Written from the documentation and from objects quoted in
public issues; no real cluster's file was at hand.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from ingest.kubernetes.attempts import (
    Attempt,
    attempts_of,
    bare_row,
    completed_by_job,
    completed_by_workload,
    job_row,
)
from ingest.kubernetes.events import EventReader
from ingest.kubernetes.nodes import NodeReader
from ingest.kubernetes.pods import Run, runs_of
from ingest.kubernetes.values import Object, named, part, text
from ingest.kubernetes.workloads import JOB_KINDS, JobFacts, WorkloadFacts, read_job, read_workload
from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_documents, json_lines
from ingest.parsing.lines import head_lines
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Reject, Source

_KINDS: Final = ("Event", "Node", "Pod", "Workload", *sorted(JOB_KINDS))
_KIND: Final = re.compile(rf'"kind"\s*:\s*"(?:{"|".join(_KINDS)})(?:List)?"'.encode())
_PLACES: Final = ("", "object.", "items.item.")
_NO_PODS: Final = (
    "{count} jobs have no pods in the file, so where they ran is not known; "
    "print pods and jobs into one file, or their attempts count twice"
)
_FORGOTTEN: Final = "{count} container restarts were more than one back: Kubernetes keeps no times of them"
_BY_FILE_TIME: Final = "{count} node lists without a heartbeat: taken to be of the file's time stamp"


class Kubernetes(Source):
    """Source of ``jobs``, ``job_events``, ``nodes``, ``node_states`` and ``events``."""

    name = "kubernetes"
    title = "Kubernetes: kubectl get events,nodes,pods,jobs,workloads -o json (lists, several of them, watches)"
    covers = ()
    cluster = None
    names_cluster = False

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file begins with an object, a list or a watch event of a kind that is read."""
        if not head.lstrip().startswith(b"{") or _KIND.search(head) is None:
            return False
        paths = head_paths(head)
        return (
            any({f"{place}apiVersion", f"{place}kind", f"{place}metadata"} <= paths for place in _PLACES)
            or {
                "apiVersion",
                "kind",
                "items",
                "items.item.metadata",
            }
            <= paths
        )

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield events as they come, everything else at the end: pods of one job may be anywhere in the file.

        Raises
        ------
        UnreadableInputError
            If the file is no JSON.
        """
        findings = Findings()
        parser = _Parser(file, options, findings)
        yield from chunks(_records(file), parser.parse, _show, findings, parser.finish)


class _Parser:
    """Dispatches objects by kind and keeps what is known of each until the end of the file."""

    def __init__(self, file: InputFile, options: Options, findings: Findings) -> None:
        self._file = file
        self._taken = options.taken_utc
        self._findings = findings
        self._events = EventReader(Kubernetes.name)
        self._nodes = NodeReader(Kubernetes.name, findings)
        self._has_nodes = False
        #: uid → runs by submit time; a pod seen again replaces what was known, but for runs it tells of no longer
        self._pods: dict[str, dict[datetime, Run]] = {}
        self._lost: dict[str, int] = {}
        #: name → when it was made → the object; a name may be used again
        self._jobs: dict[str, dict[datetime, JobFacts]] = {}
        #: uid → name of the job
        self._names: dict[str, str] = {}
        self._workloads: dict[str, WorkloadFacts] = {}
        self._job_events: dict[tuple[str, datetime], WorkloadFacts] = {}

    def parse(self, obj: dict[str, Any]) -> Sequence[Row]:
        """Take one object."""
        deleted = False
        if isinstance(obj.get("object"), dict) and "kind" not in obj:
            if obj.get("type") not in {"ADDED", "MODIFIED", "DELETED"}:
                return NOTHING
            obj, deleted = obj["object"], obj["type"] == "DELETED"
        kind = _kind(obj)
        if kind == "Event":
            return self._events.rows(obj)
        if kind == "Node":
            self._has_nodes = True
            return self._nodes.rows(obj, deleted=deleted)
        if kind == "Pod":
            return self._pod(obj, deleted=deleted)
        if kind in JOB_KINDS:
            job = read_job(obj)
            self._jobs.setdefault(job.name, {})[job.submit_utc] = job
            if job.uid:
                self._names[job.uid] = job.name
            return KEPT
        if kind == "Workload":
            return self._workload(obj)
        return NOTHING

    def _pod(self, obj: Object, *, deleted: bool) -> Sequence[Row]:
        runs, lost = runs_of(obj, deleted=deleted)
        if not runs:
            return NOTHING
        metadata = part(obj, "metadata")
        uid = text(metadata, "uid") or named(metadata, "name")
        known = self._pods.setdefault(uid, {})
        known.update({run.submit_utc: run for run in runs})
        self._lost[uid] = max(0, lost + len(runs) - len(known))
        return KEPT

    def _workload(self, obj: Object) -> Sequence[Row]:
        workload = read_workload(obj)
        if workload is None:
            return NOTHING
        self._workloads[workload.job] = workload
        if workload.uid:
            self._names[workload.uid] = workload.job
        if workload.evicted is not None:
            self._job_events[workload.job, workload.evicted[0]] = workload
        return KEPT

    def finish(self) -> Iterable[Row]:
        """Yield jobs, nodes and their states."""
        yield from self._job_rows()
        yield from self._job_event_rows()
        forgotten = sum(self._lost.values())
        if forgotten:
            self._findings.notes[_FORGOTTEN] = forgotten
        if self._has_nodes:
            taken = self._taken or self._nodes.latest_heartbeat_utc
            if taken is None:
                taken = self._file.modified_utc()
                self._findings.note(_BY_FILE_TIME)
            yield from self._nodes.finish(taken)

    def _job_rows(self) -> Iterator[Row]:
        runs_of_job: defaultdict[str, list[Run]] = defaultdict(list)
        for runs in self._pods.values():
            for run in runs.values():
                runs_of_job[run.job].append(run)
        for name, of_job in runs_of_job.items():
            yield from self._attempt_rows(name, of_job)
        for name, jobs in self._jobs.items():
            for job in jobs.values():
                # The Jobs of a JobSet are parts of it: its own row stands for them.
                if name in runs_of_job or job.owned_by is not None:
                    continue
                if job.state != "PENDING":
                    self._findings.note(_NO_PODS)
                row = bare_row(job)
                workload = self._workloads.get(name)
                by = self._preemptor(workload)
                yield Row("jobs", row if workload is None else completed_by_workload(row, workload, by, last=True))

    def _attempt_rows(self, name: str, runs: list[Run]) -> Iterator[Row]:
        """Yield the attempts of one job; those of one name before and after the job was made anew stand apart."""
        jobs = sorted(self._jobs.get(name, {}).values(), key=lambda job: job.submit_utc)
        attempts = sorted(attempts_of(runs), key=lambda attempt: attempt.submit_utc)
        workload = self._workloads.get(name)
        for position, attempt in enumerate(attempts):
            row = job_row(attempt)
            if attempt.job == name:
                before = attempts[position - 1] if position else None
                after = attempts[position + 1] if position + 1 < len(attempts) else None
                job = _job_at(jobs, attempt)
                if job is not None:
                    first = before is None or _job_at(jobs, before) is not job
                    last = after is None or _job_at(jobs, after) is not job
                    row = completed_by_job(row, job, first=first, last=last)
                if workload is not None:
                    row = completed_by_workload(row, workload, self._preemptor(workload), last=after is None)
            yield Row("jobs", row)

    def _preemptor(self, workload: WorkloadFacts | None) -> str | None:
        """Return the job that preempted a workload, where the file has it."""
        uids = workload.preemptor_uids() if workload else ()
        return next((self._names[uid] for uid in reversed(uids) if uid in self._names), None)

    def _job_event_rows(self) -> Iterator[Row]:
        for (job, moment), workload in self._job_events.items():
            assert workload.evicted is not None  # noqa: S101 - only such are kept
            _, preempted, reason, message = workload.evicted
            yield Row(
                "job_events",
                {
                    "job_id_raw": job,
                    "time_utc": moment,
                    "kind": "preempted" if preempted else "requeued",
                    "by_job_id_raw": self._preemptor(workload),
                    "source": Kubernetes.name,
                    "message": f"{reason}: {message}",
                },
            )


def _job_at(jobs: Sequence[JobFacts], attempt: Attempt) -> JobFacts | None:
    """Return the job's object that an attempt is of: the latest one made before it."""
    return next((job for job in reversed(jobs) if job.submit_utc <= attempt.submit_utc), None)


def _records(file: InputFile) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    """Yield the objects: line by line where the first line is a whole object, so that a bad line costs only itself."""
    first = next(iter(head_lines(file.head(), most=1)), "")
    try:
        whole = json.loads(first)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and "items" not in whole:
        return json_lines(file)
    return json_documents(file, "items")


def _kind(obj: Object) -> str | None:
    """Return the kind of an object; those in a list of the API itself bear only the list's."""
    kind = text(obj, "kind")
    return kind if kind is not None else (text(obj, "list kind") or "").removesuffix("List")


def _show(obj: dict[str, Any]) -> str:
    inner = obj.get("object", obj)
    metadata = inner.get("metadata") if isinstance(inner, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return json.dumps({"kind": inner.get("kind") if isinstance(inner, dict) else None, "name": name}, default=str)
