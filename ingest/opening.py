"""Input files: found in folders, decompressed by what they contain (not by their name), read in blocks."""

from __future__ import annotations

import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import zstandard

from reliability.errors import InputNotFoundError, UnreadableInputError

#: plain bytes asked of the disk at once
_PLAIN_BYTES: Final = 1 << 22
#: compressed bytes asked at once: small, because a few of them can hold a thousand times as much
_PACKED_BYTES: Final = 1 << 16
#: bytes of content a source may look at to recognise it
HEAD_BYTES: Final = 1 << 16

_DECOMPRESSORS: Final[tuple[tuple[bytes, str, Callable[[], Any]], ...]] = (
    (b"\x1f\x8b", "gzip", lambda: zlib.decompressobj(wbits=31)),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMADecompressor),
    (b"\x28\xb5\x2f\xfd", "zstd", lambda: zstandard.ZstdDecompressor().decompressobj()),
)


class InputFile:
    """A file to be taken in.

    Parameters
    ----------
    path
        Where it lies.
    progress
        Called with the bytes read so far and in all, as they lie on disk.
    """

    #: number of the first line that :meth:`blocks` yields
    first_line = 1
    #: time of the last record before it, for stamps without a year; None at the beginning of a file
    continues_after: datetime | None = None

    def __init__(self, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
        self.path = path
        self._progress = progress

    def modified_utc(self) -> datetime:
        """Return when the file was last written: the best guess at when a snapshot without a time was taken.

        Raises
        ------
        UnreadableInputError
            If the file cannot be reached.
        """
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except OSError as error:
            raise UnreadableInputError(self.path, _reason(error)) from error

    def size_bytes(self) -> int:
        """Return the size on disk.

        Raises
        ------
        UnreadableInputError
            If the file cannot be reached.
        """
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise UnreadableInputError(self.path, _reason(error)) from error

    def sha256(self) -> str:
        """Return the hash of the file as it lies on disk."""
        digest = hashlib.sha256()
        for block in self._raw_blocks(_PLAIN_BYTES):
            digest.update(block)
        return digest.hexdigest()

    def head(self) -> bytes:
        """Return the beginning of the content, decompressed."""
        collected = b""
        for block in self._decompressed(report=False):
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
        pieces: list[bytes] = []
        held = 0
        for piece in self._decompressed(report=True):
            pieces.append(piece)
            held += len(piece)
            if held >= _PLAIN_BYTES:
                yield b"".join(pieces)
                pieces, held = [], 0
        if held:
            yield b"".join(pieces)

    def content(self) -> bytes:
        """Return the whole content; for formats whose files are small."""
        return b"".join(self.blocks())

    def _decompressed(self, *, report: bool) -> Iterator[bytes]:
        magic = next(self._raw_blocks(8), b"")
        for start, name, opener in _DECOMPRESSORS:
            if magic.startswith(start):
                return self._unpacked(self._raw_blocks(_PACKED_BYTES, report=report), name, opener)
        return self._raw_blocks(_PLAIN_BYTES, report=report)

    def _unpacked(self, blocks: Iterator[bytes], name: str, opener: Callable[[], Any]) -> Iterator[bytes]:
        """Decompress one member after the other: archives may be concatenated."""
        member = opener()
        for block in blocks:
            rest = block
            while rest:
                if member.eof:
                    # Some writers pad the last member with zeros.
                    rest = rest.lstrip(b"\x00")
                    if not rest:
                        break
                    member = opener()
                try:
                    data = member.decompress(rest)
                except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
                    raise UnreadableInputError(self.path, f"damaged {name} archive: {error}") from error
                if data:
                    yield data
                rest = member.unused_data if member.eof else b""
        if not member.eof:
            raise UnreadableInputError(self.path, f"the {name} archive is cut short; copy it again")

    def _raw_blocks(self, size: int, *, report: bool = False) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as stream:
                total = self.size_bytes() if report and self._progress else 0
                done = 0
                while block := stream.read(size):
                    done += len(block)
                    if report and self._progress:
                        self._progress(done, total)
                    yield block
        except OSError as error:
            raise UnreadableInputError(self.path, _reason(error)) from error


def find_files(path: Path) -> Sequence[Path]:
    """List the files a path given by the user stands for, in a fixed order; hidden ones are left out.

    Raises
    ------
    InputNotFoundError
        If there is no such path.
    """
    if path.is_dir():
        inside = (entry for entry in path.rglob("*") if entry.is_file())
        return sorted(entry for entry in inside if not _hidden(entry.relative_to(path)))
    if not path.exists():
        raise InputNotFoundError(path)
    return (path,)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
