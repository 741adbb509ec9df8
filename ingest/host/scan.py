"""Finds the lines of a kernel log that matter, at the speed of memory, and turns them into rows of ``events``.

Almost every line of such a log means nothing here: Arrow searches each block for any of the needles at once, and only
the lines that hold one are looked at in Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.host.readers import Line, Reader
from ingest.source import LINE_CUT, MESSAGE_CUT, Chunk, Reject
from ingest.taxonomy.kernel_lines import Finding, find
from reliability.schema import TIME

#: a line is cut at this length, so that one without an end does not fill the memory
LONGEST_LINE: Final = 1 << 16
#: so many bytes at either end of a file are searched for a line that has a time
_SPAN_BYTES: Final = LONGEST_LINE * 4
#: where stamps have no year, a line is read this often, in bytes, so that no half-year is passed unseen
_SAMPLE_BYTES: Final = 1 << 13
_SCHEMA: Final = pa.schema(
    [
        ("time_utc", TIME),
        *((name, pa.string()) for name in ("node", "component", "slot", "symptom", "domain")),
        *((name, pa.string()) for name in ("code", "severity", "source", "message")),
    ]
)


@dataclass(slots=True)
class EventRows:
    """Rows of ``events`` as they are found, column by column."""

    source: str
    times: list[datetime] = field(default_factory=list)
    _rows: list[tuple[str | None, ...]] = field(default_factory=list)

    def add(self, line: Line, found: Finding) -> None:
        """Add what a line says."""
        self.times.append(line.time)
        self._rows.append(
            (
                *(line.host, found.component, found.slot, found.symptom, found.domain),
                *(found.code, found.severity, self.source, line.message[:MESSAGE_CUT]),
            )
        )

    def tables(self) -> dict[str, pa.Table]:
        """Return them as a chunk holds them."""
        if not self.times:
            return {}
        columns = [self.times, *zip(*self._rows, strict=True)]
        arrays = [pa.array(column, kind.type) for column, kind in zip(columns, _SCHEMA, strict=True)]
        return {"events": pa.table(arrays, schema=_SCHEMA)}


class Scan:
    """Goes through one file block by block.

    Parameters
    ----------
    reader
        Reads the lines that matter.
    source
        Name of the format.
    first_line
        Number of the first line.
    """

    def __init__(self, reader: Reader, source: str, first_line: int) -> None:
        self._reader = reader
        self._source = source
        self._next_line = first_line
        self._pattern = "|".join(re.escape(needle) for needle in reader.needles)
        self._first_seen = False
        self._last_time: tuple[datetime, ...] = ()

    def chunk(self, block: bytes) -> Chunk:
        """Find the events of a block of whole lines."""
        starts = _line_starts(block)
        observed = () if self._first_seen else self._first_time(block)
        rejects: list[Reject] = []
        rows = EventRows(self._source)
        found, heard = self._candidates(block, starts)
        for index in np.flatnonzero(found | heard).tolist():
            line = block[starts[index] : starts[index + 1] - 1]
            # A machine that lost its power left zeros in the log.
            text = line.decode("utf-8", "replace").rstrip("\r").lstrip("\x00")
            try:
                if heard[index]:
                    self._reader.hear(text)
                if not found[index]:
                    continue
                finding = find(self._reader.message(text))
                if finding is not None:
                    rows.add(self._reader.read(text), finding)
            except (ValueError, OverflowError) as error:
                reason = "no such time" if isinstance(error, OverflowError) else " ".join(str(error).split())
                number = self._next_line + index
                rejects.append(Reject(number, text[:LINE_CUT], f"an event whose line cannot be read: {reason}"))
        lines = len(starts) - 1
        self._next_line += lines
        self._last_time = self._time_near_the_end(block) or self._last_time
        return Chunk(
            tables=rows.tables(),
            rejects=rejects,
            read=lines,
            used=len(rows.times),
            dropped=lines - len(rows.times) - len(rejects),
            observed=(*observed, *rows.times),
        )

    def last_time(self) -> tuple[datetime, ...]:
        """Return the time of the last line that has one."""
        return self._last_time or self._reader.span()

    def _time_near_the_end(self, block: bytes) -> tuple[datetime, ...]:
        for line in reversed(block[-_SPAN_BYTES:].splitlines()):
            time = self._time(line)
            if time:
                return time
        return ()

    def _first_time(self, block: bytes) -> tuple[datetime, ...]:
        for line in block[:_SPAN_BYTES].splitlines():
            time = self._time(line)
            if time:
                self._first_seen = True
                return time
        return ()

    def _time(self, line: bytes) -> tuple[datetime, ...]:
        try:
            return (self._reader.time(line.decode("utf-8", "replace")),)
        except (ValueError, OverflowError):
            return ()  # a line without a time of its own tells nothing about the span of the log

    def _candidates(self, block: bytes, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return masks of the lines that hold a needle, and of those that have to be heard."""
        lines = len(starts) - 1
        offsets = pa.py_buffer(starts.astype(np.int32))
        texts = pa.Array.from_buffers(pa.binary(), lines, [None, offsets, pa.py_buffer(block)])
        found = pc.match_substring_regex(texts, self._pattern).to_numpy(zero_copy_only=False)
        if self._reader.hears_all:
            return found, np.ones(lines, dtype=bool)
        heard = found.copy() if self._reader.hears_needles else np.zeros(lines, dtype=bool)
        if self._reader.samples:
            sampled = np.searchsorted(starts[:-1], np.arange(0, len(block), _SAMPLE_BYTES))
            heard[sampled[sampled < lines]] = True
        return found, heard


def whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
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
        overlong = len(tail) > LONGEST_LINE
        rest = tail[:LONGEST_LINE] if overlong else tail
    if rest:
        yield rest + b"\n"


def _line_starts(block: bytes) -> np.ndarray:
    """Return where the lines of a block begin, and at last where the next would."""
    return np.concatenate(([0], np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1))
