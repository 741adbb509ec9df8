"""How far a file's content was taken in before, and the part of it that is new.

A log that grows is recognised by its beginning: if the hash of its first bytes is that of an earlier ingest, only what
follows is read. Names play no part, so a rotated log (``syslog`` become ``syslog.1``, or ``syslog.2.gz``) is not read
twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ingest.opening import InputFile
from reliability.errors import UnreadableInputError

_CHANGED: Final = "changed while it was read; run the same command again"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file's content: the bytes and line ends before it, and the hash over them."""

    position: int
    lines: int
    digest: Any

    @property
    def sha256(self) -> str:
        """The hash of everything before the mark, in hexadecimal."""
        return str(self.digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the content tells.

    Attributes
    ----------
    end
        Mark at the end of the content.
    line_end
        Mark after the last line end.
    known
        Marks at the positions asked for that the content reaches.
    """

    end: Mark
    line_end: Mark
    known: tuple[Mark, ...]


def start_mark() -> Mark:
    """Return the mark at the beginning of a content."""
    return Mark(0, 0, hashlib.sha256())


def survey(file: InputFile, positions: Collection[int], start: Mark | None = None) -> Survey:
    """Read the content once and hash it.

    Parameters
    ----------
    file
        The file.
    positions
        Bytes before which earlier ingests ended.
    start
        A mark that is known to be true of this file; what lies before it is not read again.

    Raises
    ------
    UnreadableInputError
        If the file cannot be read.
    """
    mark = line_end = start or start_mark()
    wanted = sorted({position for position in positions if position > mark.position}, reverse=True)
    known = [] if start is None else [start]
    for block in file.blocks_from(mark.position):
        base, end = mark.position, mark.position + len(block)
        last_line_end = base + block.rfind(b"\n") + 1
        asked: set[int] = set()
        while wanted and wanted[-1] <= end:
            asked.add(wanted.pop())
        for stop in sorted({*asked, last_line_end, end} - {base}):
            mark = _advance(mark, block, mark.position - base, stop - base)
            if stop == last_line_end:
                line_end = mark
            if stop in asked:
                known.append(mark)
    return Survey(mark, line_end, tuple(known))


def hashed(file: InputFile) -> Survey:
    """Read the content once and hash it as a whole: what a survey is of a file that does not grow.

    Raises
    ------
    UnreadableInputError
        If the file cannot be read.
    """
    digest = hashlib.sha256()
    position = 0
    for block in file.blocks():
        digest.update(block)
        position += len(block)
    end = Mark(position, 0, digest)
    return Survey(end, end, (end,))


class WholeFile(InputFile):
    """A file that does not grow, checked by its time of writing to be what was hashed.

    Parameters
    ----------
    whole
        The file.
    status
        What the disk said of it before it was hashed.
    """

    def __init__(self, whole: InputFile, status: os.stat_result) -> None:
        super().__init__(whole.path, None, whole.location)
        self._whole = whole
        self._status = status

    def blocks(self) -> Iterator[bytes]:
        """Yield the content.

        Raises
        ------
        UnreadableInputError
            If the file was written to, or replaced, since it was hashed.
        """
        yield from self._whole.blocks()
        if _identity(self._whole.status()) != _identity(self._status):
            raise UnreadableInputError(self.path, _CHANGED)


class PartOfFile(InputFile):
    """The content between two marks, checked to be what the survey saw.

    Parameters
    ----------
    whole
        The file.
    start, end
        Marks of its survey.
    continues_after
        Time of the last record before ``start``.
    """

    def __init__(self, whole: InputFile, start: Mark, end: Mark, continues_after: datetime | None) -> None:
        super().__init__(whole.path, None, whole.location)
        self._whole = whole
        self._start, self._end = start, end
        self.first_line = start.lines + 1
        self.continues_after = continues_after

    def blocks(self) -> Iterator[bytes]:
        """Yield the content of the part.

        Raises
        ------
        UnreadableInputError
            If the file changed since it was surveyed (a log rotated in between).
        """
        position, digest = self._start.position, self._start.digest.copy()
        for block in self._whole.blocks_from(position):
            kept = block[: self._end.position - position]
            position += len(kept)
            digest.update(kept)
            if position == self._end.position:
                if digest.digest() != self._end.digest.digest():
                    break
                yield kept
                return
            yield kept
        if position != self._end.position or digest.digest() != self._end.digest.digest():
            raise UnreadableInputError(self.path, _CHANGED)


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _advance(mark: Mark, block: bytes, start: int, stop: int) -> Mark:
    digest = mark.digest.copy()
    digest.update(memoryview(block)[start:stop])
    return Mark(mark.position + stop - start, mark.lines + block.count(b"\n", start, stop), digest)
