"""Input files: found in folders, decompressed by what they contain (not by their name), read in blocks."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final

from ingest.unpacking import is_zip, packing_of, unpacked, unzipped
from reliability.errors import InputNotFoundError, UnreadableInputError

#: the path that stands for standard input
STDIN: Final = Path("-")
#: plain bytes asked of the disk at once
_PLAIN_BYTES: Final = 1 << 22
#: compressed bytes asked at once
_PACKED_BYTES: Final = 1 << 16
#: bytes of content a source may look at to recognise it
HEAD_BYTES: Final = 1 << 16
#: formats that are read in whole are refused above this
_LARGEST_WHOLE: Final = 1 << 28
_NOT_REGULAR: Final = "not a regular file; feed a pipe to standard input: reliability ingest - < PIPE"


class InputFile:
    """A file to be taken in.

    Parameters
    ----------
    path
        What the user calls it.
    progress
        Called with the bytes read so far and in all, as they lie on disk.
    location
        Where its bytes lie, if not at ``path`` (standard input).

    Attributes
    ----------
    first_line
        Number of the first line that :meth:`blocks` yields.
    continues_after
        Time of the last record before it, for stamps without a year; None at the beginning of a file.
    """

    def __init__(
        self, path: Path, progress: Callable[[int, int], None] | None = None, location: Path | None = None
    ) -> None:
        self.path = path
        self.location = location or path
        self.first_line = 1
        self.continues_after: datetime | None = None
        self._progress = progress

    def size_bytes(self) -> int:
        """Return the size on disk.

        Raises
        ------
        UnreadableInputError
            If the file cannot be reached.
        """
        return self.status().st_size

    def modified_utc(self) -> datetime:
        """Return when the file was last written: the best guess at when a snapshot without a time was taken.

        Raises
        ------
        UnreadableInputError
            If the file cannot be reached.
        """
        # The lake keeps microseconds; what differs only below them is the same time.
        return datetime.fromtimestamp(self.status().st_mtime_ns // 1000 / 1e6, UTC)

    def status(self) -> os.stat_result:
        """Return what the disk says of the file.

        Raises
        ------
        UnreadableInputError
            If the file cannot be reached.
        """
        try:
            return self.location.stat()
        except OSError as error:
            raise UnreadableInputError(self.path, _reason(error)) from error

    def head(self) -> bytes:
        """Return the beginning of the content, decompressed."""
        collected = b""
        for block in self._content(0, report=False):
            collected += block
            if len(collected) >= HEAD_BYTES:
                break
        return collected[:HEAD_BYTES]

    def blocks(self) -> Iterator[bytes]:
        """Yield the content, decompressed, in blocks of a few megabytes.

        Raises
        ------
        UnreadableInputError
            If the file cannot be read, or is an archive that is damaged or cut short.
        """
        return self.blocks_from(0)

    def blocks_from(self, start: int) -> Iterator[bytes]:
        """Yield the content from a byte of it on; see :meth:`blocks`."""
        pieces: list[bytes] = []
        held = 0
        for piece in self._content(start, report=True):
            pieces.append(piece)
            held += len(piece)
            if held >= _PLAIN_BYTES:
                yield b"".join(pieces)
                pieces, held = [], 0
        if held:
            yield b"".join(pieces)

    def content(self) -> bytes:
        """Return the whole content; for formats whose files are small.

        Raises
        ------
        UnreadableInputError
            If it has more than 256 MiB.
        """
        pieces: list[bytes] = []
        held = 0
        for block in self.blocks():
            pieces.append(block)
            held += len(block)
            if held > _LARGEST_WHOLE:
                raise UnreadableInputError(self.path, f"more than {_LARGEST_WHOLE >> 20} MiB: too large for its format")
        return b"".join(pieces)

    def _content(self, start: int, *, report: bool) -> Iterator[bytes]:
        begin = next(self._raw_blocks(0, 8), b"")
        packing = packing_of(begin)
        if is_zip(begin):
            pieces = unzipped(self.path, self.location)
        elif packing is not None:
            pieces = unpacked(self.path, self._raw_blocks(0, _PACKED_BYTES, report=report), packing)
        else:
            yield from self._raw_blocks(start, _PLAIN_BYTES, report=report)
            return
        for block in pieces:
            if start < len(block):
                yield block[start:]
            start = max(0, start - len(block))

    def _raw_blocks(self, start: int, size: int, *, report: bool = False) -> Iterator[bytes]:
        try:
            with open(self.location, "rb", opener=_regular) as stream:
                total = self.size_bytes() if report and self._progress else 0
                stream.seek(start)
                done = start
                while block := stream.read(size):
                    done += len(block)
                    if report and self._progress:
                        self._progress(done, max(done, total))
                    yield block
        except OSError as error:
            raise UnreadableInputError(self.path, _reason(error)) from error


def find_files(path: Path) -> Sequence[Path]:
    """List the files a path given by the user stands for, in a fixed order; hidden ones are left out.

    Parameters
    ----------
    path
        A file, a folder, a pattern such as ``logs/**/*.gz``, or ``-`` for standard input.

    Raises
    ------
    InputNotFoundError
        If there is no such path.
    """
    if path == STDIN:
        return (path,)
    kind = _kind(path)
    if stat.S_ISDIR(kind):
        inside = (entry for entry in path.rglob("*") if stat.S_ISREG(_kind(entry)))
        return sorted(entry for entry in inside if not _hidden(entry.relative_to(path)))
    if kind:
        return (path,)
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207 - takes absolute patterns
    matching = [match for match in found if _kind(match)]  # a link to nothing matches, too
    if not matching:
        raise InputNotFoundError(path)
    return tuple(dict.fromkeys(file for match in matching for file in find_files(match)))


@contextmanager
def spooled(stream: BinaryIO, folder: Path | None) -> Iterator[Path]:
    """Write a stream to a file that vanishes afterwards: what is read twice must lie somewhere.

    Raises
    ------
    UnreadableInputError
        If the disk refuses.
    """
    try:
        with NamedTemporaryFile(prefix="stdin-", dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the sweep of leftovers spares what is locked
            shutil.copyfileobj(stream, file, 1 << 20)
            file.flush()
            yield Path(file.name)
    except OSError as error:
        raise UnreadableInputError(STDIN, _reason(error)) from error


def _kind(path: Path) -> int:
    """Return the mode of what lies at a path; 0 for nothing, for a name that is too long, a loop, a closed folder."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _regular(name: str, flags: int) -> int:
    """Open a regular file; of a pipe or a device nothing is read, for it might never end and cannot be read twice."""
    descriptor = os.open(name, flags | os.O_NONBLOCK)  # without the flag, a pipe waits for a writer
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(_NOT_REGULAR)
    return descriptor


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
