"""The journal in its export format: ``journalctl -o export``, as ``systemd-journal-remote`` and backups keep it.

An entry is one field a line, ``NAME=text``; a field with odd bytes in it is its name on a line, then its length in
eight bytes, little-endian, then the bytes; a blank line ends the entry. Described in systemd's *Journal Export Formats*
(``systemd.io/JOURNAL_EXPORT_FORMATS``). Written from that document; no real file was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.stamps import microseconds
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import LINE_CUT, Chunk, Options, Reject, Source
from ingest.taxonomy.kernel_lines import find

_TIME: Final = b"__REALTIME_TIMESTAMP"
_HOST: Final = b"_HOSTNAME"
_MESSAGE: Final = b"MESSAGE"
_WANTED: Final = frozenset({_TIME, _HOST, _MESSAGE})
#: the wanted fields of an entry that has none with odd bytes, and a line that such an entry does not have: one without
#: a name, or with a longer name than any field's. Read line by line, such a line is judged by its beginning alone.
_PLAIN_FIELDS: Final = re.compile(rb"^(__REALTIME_TIMESTAMP|_HOSTNAME|MESSAGE)=(.*)", re.MULTILINE)
_NO_FIELD: Final = re.compile(rb"^(?:[^=\n]{65}|[^=\n]*$)", re.MULTILINE)
_NAME: Final = re.compile(rb"[A-Z0-9_]{1,64}")
#: so many bytes are kept of a line, its field's name included, and of a field with odd bytes
_KEPT_BYTES: Final = 1 << 12
#: journald writes no longer field
_LONGEST_FIELD: Final = 1 << 30
_LENGTH_BYTES: Final = 8

_Entry = dict[bytes, bytes]


class JournalExport(Source):
    """Source of the ``events`` table."""

    name = "journal-export"
    title = "systemd journal: journalctl -o export"
    covers = ("events",)

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file begins like an entry."""
        return head.startswith((b"__CURSOR=", _TIME + b"=")) and b"\n" + _TIME + b"=" in b"\n" + head

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events."""
        findings = Findings()

        def parse(entry: _Entry) -> Sequence[Row]:
            if _TIME not in entry:
                raise ValueError("no __REALTIME_TIMESTAMP")
            time = microseconds(_text(entry[_TIME]))
            findings.see(time)
            message = _text(entry.get(_MESSAGE, b""))
            found = find(message)
            if found is None:
                return NOTHING
            row = {
                "time_utc": time,
                "node": _text(entry[_HOST]) if _HOST in entry else options.node,
                "component": found.component,
                "slot": found.slot,
                "symptom": found.symptom,
                "domain": found.domain,
                "code": found.code,
                "severity": found.severity,
                "source": self.name,
                "message": message,
            }
            return (Row("events", row),)

        yield from chunks(_entries(_Cursor(file)), parse, lambda entry: _text(entry.get(_MESSAGE, b"")), findings)


class _Cursor:
    """Goes through the bytes of a file, by lines or by counts."""

    def __init__(self, file: InputFile) -> None:
        self.number = file.first_line
        self._blocks = file.blocks()
        self._held = b""
        self._at = 0

    def plain_entry(self) -> bytes | None:
        """Return the next entry if it lies in memory and is made of lines of text only; it is passed then."""
        end = self._held.find(b"\n\n", self._at)
        if end < 0 or _NO_FIELD.search(self._held, self._at, end) is not None:
            return None
        text = self._held[self._at : end]
        self.number += text.count(b"\n") + 2
        self._at = end + 2
        return text

    def line(self) -> bytes | None:
        """Return the beginning of the next line without its end; None at the end of the file."""
        end = self._held.find(b"\n", self._at)
        if end >= 0:
            line = self._held[self._at : min(end, self._at + _KEPT_BYTES)]
            self._at = end + 1
            self.number += 1
            return line
        line = self._held[self._at : self._at + _KEPT_BYTES]
        while self._refill():
            end = self._held.find(b"\n")
            line = (line + self._held[: _KEPT_BYTES if end < 0 else end])[:_KEPT_BYTES]
            if end >= 0:
                self._at = end + 1
                self.number += 1
                return line
        return line or None

    def take(self, count: int) -> bytes:
        """Return the beginning of the next ``count`` bytes; ValueError if there are fewer."""
        kept = b""
        while True:
            piece = self._held[self._at : self._at + count]
            kept = (kept + piece)[:_KEPT_BYTES]
            self.number += piece.count(b"\n")
            self._at += len(piece)
            count -= len(piece)
            if not count:
                return kept
            if not self._refill():
                raise ValueError("the file ends within a field")

    def _refill(self) -> bool:
        self._held, self._at = next(self._blocks, b""), 0
        return bool(self._held)


def _entries(cursor: _Cursor) -> Iterator[tuple[int, _Entry | Reject]]:
    while True:
        begin = cursor.number
        text = cursor.plain_entry()
        if text is not None:
            kept = {name: value[: _KEPT_BYTES - len(name) - 1] for name, value in _PLAIN_FIELDS.findall(text)}
            yield begin, kept
            continue
        first = cursor.line()
        if first is None:
            return
        if first:
            yield begin, _entry_from(cursor, begin, first)


def _entry_from(cursor: _Cursor, begin: int, first: bytes) -> _Entry | Reject:
    """Read an entry field by field, up to the blank line after it; what cannot be read of it is passed over."""
    entry: _Entry = {}
    damage: Reject | None = None
    line: bytes | None = first
    while line:
        if damage is None:
            try:
                _field(cursor, line, entry)
            except ValueError as error:
                damage = Reject(begin, line[:LINE_CUT].decode("utf-8", "replace"), str(error))
        line = cursor.line()
    return damage or entry


def _field(cursor: _Cursor, line: bytes, entry: _Entry) -> None:
    name, equals, text = line.partition(b"=")
    if not equals:
        if _NAME.fullmatch(name) is None:
            raise ValueError("not a field of the journal")
        length = int.from_bytes(cursor.take(_LENGTH_BYTES), "little")
        if length > _LONGEST_FIELD:
            raise ValueError("a field longer than any journal's")
        text = cursor.take(length)
        if cursor.take(1) != b"\n":
            raise ValueError("a field that does not end where it says")
    if name in _WANTED:
        entry[name] = text


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace")
