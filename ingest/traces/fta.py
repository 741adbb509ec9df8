"""Failure Trace Archive: when the nodes of many platforms were available, as tab-separated tables.

``event_trace.tab`` has nine columns: event, component, node and platform id, node name, type (1 available, 0 not; 2
user present and 3 CPU threshold exceeded in the Notre Dame trace), start, stop (Unix seconds), and a code of the reason
for the end. A header may be there, with ``#`` before it or not. ``component.tab`` has a header and says from when to
when a component was traced. Format: fta.scem.westernsydney.edu.au, FTAFormat; Kondo et al., CCGrid 2010. Written from
it and from programs that read the files; no real file was at hand.

A file does not name its platform but by number: give ``--cluster``. Some traces begin at second 0 of their own; then
``--time-origin`` says when that was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import Findings, Row, chunks
from ingest.source import Chunk, Options, Reject, Source

_EVENTS: Final = (
    "event_id", "component_id", "node_id", "platform_id", "node_name", "event_type", "event_start_time",
    "event_stop_time", "event_end_reason",
)  # fmt: skip
_COMPONENTS: Final = frozenset({"component_id", "node_id", "trace_start", "trace_end"})
#: columns of components that have a column of the lake of their own
_NAMED: Final = _COMPONENTS | {"node_name"}
_EVENT_LINE: Final = re.compile(r"\d+\t\d+\t\d+\t\d+\t[^\t]*\t[0-3]\t[\d.eE+]+\t(?:[\d.eE+]+|NULL|)\t[^\t]*")
_NUMBER: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]*)?(?:[eE]\+?[0-9]{1,2})?")
_STATES: Final = {"0": "down", "1": "up", "2": "unknown", "3": "unknown"}
_MEANINGS: Final = {"2": "user present", "3": "CPU threshold exceeded"}
_NULLS: Final = frozenset({"", "NULL", "null", "NA", "\\N"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: lines that must be events where there is no header
_LINES_LOOKED_AT: Final = 20


class FailureTraceArchive(Source):
    """Source of ``node_states`` and ``nodes``."""

    name = "fta"
    title = "Failure Trace Archive: event_trace.tab, component.tab"
    covers = ("node_states",)
    cluster = "fta"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file has one of the two headers, or nothing but events."""
        lines = head_lines(head, _LINES_LOOKED_AT)
        if lines and _header(lines[0]) is not None:
            return True
        events = [line for line in lines if not line.startswith("#")]
        return bool(events) and all(_EVENT_LINE.fullmatch(line) for line in events)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield a state for each event, a node for each component."""
        findings = Findings()
        lines = head_lines(file.head(), 1)
        header = (_header(lines[0]) if lines else None) or _EVENTS
        reader = _Reader(header, options.origin_utc or _EPOCH, findings)
        if "event_type" not in header:
            findings.incomplete = frozenset(self.covers)
        yield from chunks(_records(file), reader.parse, str, findings)


class _Reader:
    def __init__(self, header: Sequence[str], origin: datetime, findings: Findings) -> None:
        self._header = header
        self._origin = origin
        self._findings = findings

    def parse(self, line: str) -> Sequence[Row]:
        """Return the row of a line."""
        fields = [text.strip() for text in line.split("\t")]
        if len(fields) != len(self._header):
            raise ValueError(f"{len(fields)} values, {len(self._header)} expected")
        values = {name: None if text in _NULLS else text for name, text in zip(self._header, fields, strict=True)}
        node = values.get("node_name") or values["node_id"]
        if node is None:
            raise ValueError("no node_name and no node_id")
        if "event_type" in values:
            return [Row("node_states", {"node": node, **self._state(values)})]
        since, until = (self._time(values[name], name) for name in ("trace_start", "trace_end"))
        _check_order(since, until)
        attributes = {name: text for name, text in values.items() if text is not None and name not in _NAMED}
        return [Row("nodes", {"node": node, "from_utc": since, "to_utc": until, "attributes": attributes})]

    def _state(self, values: dict[str, str | None]) -> dict[str, Any]:
        kind = values["event_type"] or ""
        if kind not in _STATES:
            raise ValueError(f"event_type {kind!r} is none of {', '.join(_STATES)}")
        start = self._time(values["event_start_time"], "event_start_time")
        stop = self._time(values["event_stop_time"], "event_stop_time")
        if start is None:
            raise ValueError("event_start_time is missing")
        _check_order(start, stop)
        self._findings.see(start, stop)
        code = values["event_end_reason"]
        told = [_MEANINGS.get(kind), None if code is None else f"ended for reason {code}"]
        return {
            "from_utc": start,
            "to_utc": stop,
            "state": _STATES[kind],
            "planned": False,
            "continues": False,
            "reason": "; ".join(text for text in told if text) or None,
            "source": FailureTraceArchive.name,
        }

    def _time(self, text: str | None, name: str) -> datetime | None:
        if text is None:
            return None
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{name} {text[:80]!r} is no number of seconds")
        return self._origin + timedelta(seconds=float(text))


def _check_order(start: datetime | None, stop: datetime | None) -> None:
    if start is not None and stop is not None and stop < start:
        raise ValueError("it ends before it starts")


def _header(line: str) -> tuple[str, ...] | None:
    """Return the names of a header, or None."""
    names = tuple(name.strip().casefold() for name in line.lstrip("# ").split("\t"))
    if len(set(names)) == len(names) and (set(names) >= {*_EVENTS} or set(names) >= _COMPONENTS):
        return names
    return None


def _records(file: InputFile) -> Iterator[tuple[int, str | Reject]]:
    """Yield the lines that are neither comments nor a header."""
    for number, line in numbered_lines(file):
        if isinstance(line, Reject) or not (line.startswith("#") or _header(line) is not None):
            yield number, line
