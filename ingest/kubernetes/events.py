"""Event objects (``v1`` and ``events.k8s.io/v1``) to ``events``.

The API server counts repeats in one object: its first and its last occurrence have times, those between do not. An
object seen again with the same count (in a later list, or in a watch) is the same news.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ingest.kubernetes.problems import problem_of
from ingest.kubernetes.values import Object, named, number, part, text, time
from ingest.records import NOTHING, Row

#: a node controller tells every pod of a node, too; the node's own event says it once
_NODE_ONLY: Final = frozenset({"NodeNotReady", "NodeShutdown"})


class EventReader:
    """Reads the Event objects of one file."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._counts: dict[str, int] = {}

    def rows(self, obj: Object) -> Sequence[Row]:
        """Return the occurrences that this object tells of and none before it did."""
        about = part(obj, "involvedObject") or part(obj, "regarding")
        reason = text(obj, "reason") or ""
        message = text(obj, "message") or text(obj, "note") or ""
        kind = text(about, "kind")
        of_node = kind == "Node"
        if reason in _NODE_ONLY and not of_node:
            return NOTHING
        problem = problem_of(reason, message, node_warning=of_node and text(obj, "type") == "Warning")
        if problem is None:
            return NOTHING
        first, last, count = _occurrences(obj)
        uid = text(part(obj, "metadata"), "uid") or named(part(obj, "metadata"), "name")
        node = _node(obj, about, of_node=of_node)
        before = self._counts.get(uid, 0)
        if count <= before:
            return NOTHING
        self._counts[uid] = count
        times = {first, last} if before == 0 and count > 1 else {last}
        values = {
            "node": node,
            "component": problem.component,
            "slot": problem.slot,
            "symptom": problem.symptom,
            "domain": problem.domain,
            "code": problem.code,
            "severity": problem.severity,
            "source": self._source,
            "message": message if of_node else f"{kind or 'object'} {text(about, 'name') or ''}: {message}",
        }
        return [Row("events", {"time_utc": moment, **values}) for moment in sorted(times)]


def _occurrences(obj: Object) -> tuple[datetime, datetime, int]:
    """Return first and last time and how many; newer events have a series instead of a count."""
    series = part(obj, "series")
    made = time(obj, "eventTime")
    first = time(obj, "firstTimestamp") or time(obj, "deprecatedFirstTimestamp") or made
    last = time(series, "lastObservedTime") or time(obj, "lastTimestamp") or time(obj, "deprecatedLastTimestamp")
    count = number(series, "count") or number(obj, "count") or number(obj, "deprecatedCount") or 1
    fallback = time(part(obj, "metadata"), "creationTimestamp")
    first = first or last or fallback
    last = last or first
    if first is None or last is None:
        raise ValueError("an event without a time")
    return first, last, count


def _node(obj: Object, about: Object, *, of_node: bool) -> str | None:
    if of_node:
        return named(about, "name")
    host = text(part(obj, "source"), "host") or text(part(obj, "deprecatedSource"), "host")
    if host is None and (text(obj, "reportingComponent") or text(obj, "reportingController")) == "kubelet":
        host = text(obj, "reportingInstance")
    return host
