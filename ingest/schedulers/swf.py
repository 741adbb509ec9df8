"""The Standard Workload Format of the Parallel Workloads Archive, version 2.2: a header of ``;`` lines, then jobs.

Defined at https://www.cs.huji.ac.il/labs/parallel/workload/swf.html. A job is 18 numbers; it names no
nodes, and -1 stands for unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source
from reliability.errors import MissingOptionError

_FIELDS: Final = 18
_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?")
_HEADER: Final = re.compile(r";\s*(\w+):\s*(.*)")
_QUEUE: Final = re.compile(r"(\d+)\s+(\S.*)")
_STATES: Final = {0: "FAILED", 1: "COMPLETED", 5: "CANCELLED"}
_MOST: Final = 1 << 31
#: lines about parts of a job, which has a line of its own
_PARTS: Final = frozenset({2, 3, 4})
_NO_STATUS: Final = "{count} jobs whose outcome the log does not tell"
_NO_RUN: Final = "{count} jobs whose run time the log does not tell: when they ran is left open"
_NO_WAIT: Final = "{count} jobs whose waiting time the log does not tell: taken to have started when submitted"


class StandardWorkload(Source):
    """Source of the ``jobs`` table."""

    name = "swf"
    title = "Standard Workload Format (Parallel Workloads Archive)"
    asks = "`--time-origin` if the header has no UnixStartTime"
    covers = ("jobs",)

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether most of the first lines that are no comments are 18 numbers."""
        lines = [line for line in head_lines(head, most=2_000) if not line.lstrip().startswith(";")]
        return sum(_is_job(line.split()) for line in lines[:20]) > len(lines[:20]) / 2

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the jobs.

        Raises
        ------
        MissingOptionError
            If neither the header nor the options say when second 0 was.
        """
        findings = Findings()
        log = _Log(file, options.origin_utc, findings)
        yield from chunks(numbered_lines(file), log.parse, str, findings)


class _Log:
    """Reads the lines of one file: the header first."""

    def __init__(self, file: InputFile, origin: datetime | None, findings: Findings) -> None:
        self._file = file
        self._origin = origin
        self._findings = findings
        self._header: dict[str, str] = {}
        self._queues: dict[str, str] = {}

    def parse(self, line: str) -> Sequence[Row]:
        """Return the row of a job."""
        text = line.strip()
        if text.startswith(";"):
            self._note_header(text)
            return NOTHING
        fields = text.split()
        if len(fields) != _FIELDS:
            raise ValueError(f"{len(fields)} fields, not {_FIELDS}")
        if not _is_job(fields):
            raise ValueError("not all fields are numbers")
        status = int(float(fields[10]))
        if status in _PARTS:
            return NOTHING
        return (Row("jobs", self._job(fields, status)),)

    def _note_header(self, text: str) -> None:
        found = _HEADER.match(text)
        if found is None:
            return
        key, value = found[1], found[2].strip()
        queue = _QUEUE.match(value) if key == "Queue" else None
        if queue is not None:
            self._queues[queue[1]] = queue[2]
        elif key in {"UnixStartTime", "MaxNodes", "MaxProcs"}:
            self._header[key] = value.split()[0] if value else ""

    def _job(self, fields: list[str], status: int) -> dict[str, Any]:
        submit, wait, run = (_known(fields[place]) for place in (1, 2, 3))
        processors, asked = (_known(fields[place]) for place in (4, 7))
        if submit is None:
            raise ValueError("no submit time")
        if status not in _STATES:
            if status != -1:
                raise ValueError(f"status {status}: none of the format's")
            self._findings.note(_NO_STATUS)
        state = _STATES.get(status, "UNKNOWN")
        never_ran = state == "CANCELLED" and not run
        if run is None and not never_ran:
            self._findings.note(_NO_RUN)
        elif wait is None and not never_ran:
            self._findings.note(_NO_WAIT)
            wait = 0.0
        start = None if wait is None else submit + wait
        end = start if never_ran else None if start is None or run is None else start + run
        count = processors or asked
        memory = _known(fields[9])
        if max(count or 0, asked or 0, (memory or 0) * (asked or 0) / (1 << 20)) >= _MOST:
            raise ValueError("more processors or memory than any computer has")
        ended = self._time(end)
        self._findings.see(ended)
        return {
            "job_id": fields[0],
            "job_id_raw": fields[0],
            "user": _name(fields[11]),
            "account": _name(fields[12]),
            "partition": self._queues.get(fields[14], _name(fields[14])),
            "submit_utc": self._time(submit),
            "start_utc": None if never_ran or run is None else self._time(start),
            "end_utc": ended,
            "state": state,
            "state_raw": fields[10],
            "node_count": self._nodes(count),
            "cpu_count": None if count is None else int(count),
            "requested_memory_bytes": None if memory is None or asked is None else round(memory * 1024 * asked),
            "time_limit_seconds": _known(fields[8]),
        }

    def _time(self, seconds: float | None) -> datetime | None:
        if seconds is None:
            return None
        if self._origin is None:
            epoch = self._header.get("UnixStartTime", "")
            if not epoch.isdecimal() or len(epoch) > 11 or int(epoch) == 0:
                why = "the header has no UnixStartTime, so that nobody knows when second 0 of the log was"
                raise MissingOptionError(self._file.path, "--time-origin T", why)
            self._origin = datetime.fromtimestamp(int(epoch), UTC)
        try:
            return self._origin + timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError(f"{seconds:g} seconds after second 0: beyond the calendar") from None

    def _nodes(self, processors: float | None) -> int | None:
        """Return the nodes of so many processors, where the header says how many a node has."""
        nodes, most = self._header.get("MaxNodes", ""), self._header.get("MaxProcs", "")
        if processors is None or not nodes.isdecimal() or not most.isdecimal() or not int(nodes):
            return None
        if int(most) % int(nodes) or not int(most):
            return None
        return math.ceil(processors / (int(most) // int(nodes)))


def _is_job(fields: Sequence[str]) -> bool:
    return len(fields) == _FIELDS and all(_NUMBER.fullmatch(field) for field in fields)


def _known(field: str) -> float | None:
    value = float(field)
    return None if value < 0 else value


def _name(field: str) -> str | None:
    return None if field.startswith("-") else field
