"""Kernel logs, however they were collected: ``dmesg``, syslog, ``journalctl -o json``.

Almost every line of such a log means nothing here, so blocks of bytes are searched for a few needles and only the lines
around the finds are looked at in Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from ingest.opening import InputFile
from ingest.parsing.stamps import DIALECTS, Clock, Dialect, main_dialect, microseconds
from ingest.source import MESSAGE_CUT, Chunk, Options, Reject, Source
from ingest.taxonomy.kernel_lines import NEEDLES, Finding, find
from reliability.errors import MissingOptionError, UnreadableInputError
from reliability.schema import TIME

#: a line is cut at this length, so that one without an end does not fill the memory
_LONGEST_LINE: Final = 1 << 16
_LINES_JUDGED: Final = 20
_KERNEL_WORDS: Final = (b" kernel: ", b"NVRM: ", b"kernel:")
#: a journal prints a message with odd bytes in it as an array of numbers, in which no needle can be found
_JOURNAL_NEEDLES: Final = (*NEEDLES, b'"MESSAGE":[', b'"MESSAGE" : [')
_AMBIGUOUS: Final = "{count} events have a time that occurs twice because the clocks were set back: read as the earlier"


class KernelLog(Source):
    """Source of the ``events`` table."""

    name = "kernel-log"
    title = "kernel log: dmesg -T, dmesg --time-format iso, syslog RFC 3164 or 5424, journalctl -o json"
    covers = ("events",)
    cluster = None
    names_cluster = False

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first lines begin like a kernel log's."""
        lines = _first_lines(head)
        if _is_journal(lines):
            return True
        dialect = main_dialect(lines)
        return dialect is not None and (not dialect.ordinary or any(word in head for word in _KERNEL_WORDS))

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events.

        Raises
        ------
        MissingOptionError
            If the lines lack a year or a host and the options do not give it.
        UnreadableInputError
            If the lines begin in no way that is known.
        """
        lines = _first_lines(file.head())
        if _is_journal(lines):
            reader: _Reader = _JournalReader(options)
        else:
            dialect = main_dialect(lines)
            if dialect is None:
                raise UnreadableInputError(file.path, "no time stamp of dmesg or syslog at the beginning of its lines")
            _require(file, dialect, options)
            reader = _LineReader(dialect, options)
        scan = _Scan(reader)
        for block in _whole_lines(file.blocks()):
            yield scan.chunk(block)
        yield Chunk(
            observed=scan.last_time(),
            notes={_AMBIGUOUS: reader.clock.ambiguous},
            naive_times=reader.clock.naive,
        )


@dataclass(frozen=True, slots=True)
class _Line:
    time: datetime
    host: str | None
    message: str


class _LineReader:
    """Reads lines that begin with a stamp; the file's main dialect first."""

    needles = NEEDLES

    def __init__(self, main: Dialect, options: Options) -> None:
        self.clock = Clock(options)
        self._dialects = (main, *(dialect for dialect in DIALECTS if dialect is not main))
        self._node = options.node

    def message(self, line: str) -> str:
        """Return the part of a line in which to look for a finding."""
        return line

    def read(self, line: str) -> _Line:
        """Cut a line into its parts; ValueError if it has no time."""
        for dialect in self._dialects:
            match = dialect.pattern.fullmatch(line)
            if match is not None:
                host = match["host"] if dialect.has_host else self._node
                return _Line(self.clock.read(dialect, match["stamp"]), host, match["message"])
        raise ValueError("no time at the beginning of the line")


class _JournalReader:
    """Reads ``journalctl -o json``: one object per line."""

    needles = _JOURNAL_NEEDLES

    def __init__(self, options: Options) -> None:
        self.clock = Clock(options)
        self._node = options.node

    def message(self, line: str) -> str:
        """Return the message; ValueError if the line is not JSON."""
        return _journal_text(_journal_object(line).get("MESSAGE"))

    def read(self, line: str) -> _Line:
        """Cut an entry into its parts; ValueError if it has no time."""
        entry = _journal_object(line)
        stamp = entry.get("__REALTIME_TIMESTAMP")
        if not isinstance(stamp, str | int):
            raise ValueError("no __REALTIME_TIMESTAMP")  # noqa: TRY004 - callers treat every unreadable line alike
        host = entry.get("_HOSTNAME")
        return _Line(microseconds(str(stamp)), str(host) if host else self._node, _journal_text(entry.get("MESSAGE")))


_Reader = _LineReader | _JournalReader


@dataclass(slots=True)
class _Scan:
    """Goes through one file block by block."""

    reader: _Reader
    _lines_before: int = 0
    _first_seen: bool = False
    _last_block: bytes = b""
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def chunk(self, block: bytes) -> Chunk:
        """Find the events of a block of whole lines."""
        observed = () if self._first_seen else self._first_time(block)
        lines = block.count(b"\n")
        rejects: list[Reject] = []
        rows: list[dict[str, Any]] = []
        for number, line in self._candidates(block):
            text = line.decode("utf-8", "replace")
            try:
                finding = find(self.reader.message(text))
                if finding is not None:
                    rows.append(_row(self.reader.read(text), finding))
            except ValueError as error:
                rejects.append(Reject(number, text, f"an event whose line cannot be read: {error}"))
        self._lines_before += lines
        self._last_block = block
        return Chunk(
            tables={"events": pa.Table.from_pylist(rows, schema=_SCHEMA)} if rows else {},
            rejects=rejects,
            read=lines,
            used=len(rows),
            dropped=lines - len(rows) - len(rejects),
            observed=(*observed, *(row["time_utc"] for row in rows)),
        )

    def last_time(self) -> tuple[datetime, ...]:
        """Return the time of the last line that has one."""
        for line in reversed(self._last_block[-(_LONGEST_LINE * 4) :].splitlines()):
            time = self._time(line)
            if time:
                return time
        return ()

    def _first_time(self, block: bytes) -> tuple[datetime, ...]:
        for line in block[: _LONGEST_LINE * 4].splitlines():
            time = self._time(line)
            if time:
                self._first_seen = True
                return time
        return ()

    def _time(self, line: bytes) -> tuple[datetime, ...]:
        try:
            return (self.reader.read(line.decode("utf-8", "replace")).time,)
        except ValueError:
            return ()  # a line without a time of its own tells nothing about the span of the log

    def _candidates(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that hold a needle, each once, with their numbers."""
        number, counted = self._lines_before + 1, 0
        for begin in sorted(_line_starts(block, self.reader.needles)):
            number += block.count(b"\n", counted, begin)
            counted = begin
            yield number, block[begin : block.find(b"\n", begin)].rstrip(b"\r")


_SCHEMA: Final = pa.schema(
    [
        ("time_utc", TIME),
        *((name, pa.string()) for name in ("node", "component", "slot", "symptom", "domain")),
        *((name, pa.string()) for name in ("code", "severity", "source", "message")),
    ]
)


def _row(line: _Line, finding: Finding) -> dict[str, Any]:
    return {
        "time_utc": line.time,
        "node": line.host,
        "component": finding.component,
        "slot": finding.slot,
        "symptom": finding.symptom,
        "domain": finding.domain,
        "code": finding.code,
        "severity": finding.severity,
        "source": KernelLog.name,
        "message": line.message[:MESSAGE_CUT],
    }


def _line_starts(block: bytes, needles: tuple[bytes, ...]) -> set[int]:
    starts = set()
    for needle in needles:
        found = block.find(needle)
        while found >= 0:
            starts.add(block.rfind(b"\n", 0, found) + 1)
            line_end = block.find(b"\n", found)
            found = block.find(needle, line_end)
    return starts


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks that end at a line end; what exceeds the longest line is cut off."""
    rest = b""
    overlong = False
    for block in blocks:
        body = block
        if overlong:
            _, end, body = block.partition(b"\n")
            if not end:
                continue
            rest, overlong = rest + b"\n", False
        text, end, tail = (rest + body).rpartition(b"\n")
        if end:
            yield text + end
        overlong = len(tail) > _LONGEST_LINE
        rest = tail[:_LONGEST_LINE] if overlong else tail
    if rest:
        yield rest + b"\n"


def _first_lines(head: bytes) -> list[str]:
    lines = [line.decode("utf-8", "replace").rstrip("\r") for line in head.split(b"\n")]
    if len(lines) > 1:
        lines.pop()  # cut off by the end of the head, or empty
    return [line for line in lines if line.strip()][:_LINES_JUDGED]


def _is_journal(lines: list[str]) -> bool:
    return bool(lines) and lines[0].startswith("{") and '"__REALTIME_TIMESTAMP"' in lines[0]


def _journal_object(line: str) -> dict[str, Any]:
    entry = json.loads(line)
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers treat every unreadable line alike
    return entry


def _journal_text(message: object) -> str:
    if isinstance(message, list):
        return bytes(message).decode("utf-8", "replace")
    return "" if message is None else str(message)


def _require(file: InputFile, dialect: Dialect, options: Options) -> None:
    if not dialect.has_year and options.year is None:
        raise MissingOptionError(file.path, "--year YYYY", f"the stamps of {dialect.name} have no year")
    if not dialect.has_host and options.node is None:
        raise MissingOptionError(file.path, "--node HOST", f"the lines of {dialect.name} do not name their host")
