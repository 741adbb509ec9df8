"""Compressed files, known by their first bytes, unpacked a few megabytes at a time however much they hold."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import zstandard

from reliability.errors import UnreadableInputError

#: bytes that one step may unpack: a bomb costs time, never memory
_STEP_BYTES: Final = 1 << 22
#: zstandard cannot bound what one call returns; so few bytes unpack to 8 MB at the most
_ZSTD_FED_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Packing:
    """A compression: its first bytes, and how one member of an archive is unpacked."""

    name: str
    magic: bytes
    opener: Callable[[], Any]
    step: Callable[[Any, bytes], Iterator[bytes]]


def packing_of(start: bytes) -> Packing | None:
    r"""Return the compression of a file that starts so; None for a plain one.

    >>> packing_of(b"\x1f\x8b\x08").name
    'gzip'
    """
    return next((packing for packing in _PACKINGS if start.startswith(packing.magic)), None)


def unpacked(path: Path, blocks: Iterator[bytes], packing: Packing) -> Iterator[bytes]:
    """Unpack one member after the other: archives may be concatenated.

    Parameters
    ----------
    path
        The file, for messages.
    blocks
        Its bytes.
    packing
        Its compression.

    Raises
    ------
    UnreadableInputError
        If the archive is damaged or cut short.
    """
    member = packing.opener()
    for block in blocks:
        rest = block
        while rest:
            if member.eof:
                # Some writers pad the last member with zeros.
                rest = rest.lstrip(b"\x00")
                if not rest:
                    break
                member = packing.opener()
            try:
                yield from packing.step(member, rest)
            except (zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
                raise UnreadableInputError(path, f"damaged {packing.name} archive: {error}") from error
            rest = member.unused_data if member.eof else b""
    if not member.eof:
        raise UnreadableInputError(path, f"the {packing.name} archive is cut short; copy it again")


def is_zip(start: bytes) -> bool:
    """Tell whether a file that starts so is a zip archive."""
    return start.startswith(b"PK\x03\x04")


def unzipped(path: Path, location: Path) -> Iterator[bytes]:
    """Yield the files of a zip archive one after the other, by name, as if they had been joined.

    Parameters
    ----------
    path
        The archive, for messages.
    location
        Where it lies.

    Raises
    ------
    UnreadableInputError
        If the archive is damaged, cut short, or locked with a password.
    """
    try:
        with zipfile.ZipFile(location) as archive:
            for name in sorted(member.filename for member in archive.infolist() if not member.is_dir()):
                with archive.open(name) as member:
                    while piece := member.read(_STEP_BYTES):
                        yield piece
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        raise UnreadableInputError(path, f"zip archive that cannot be read: {error}") from error


def _gzip_step(member: Any, data: bytes) -> Iterator[bytes]:  # noqa: ANN401 - zlib does not name its type
    full = True
    while data or full:
        piece = member.decompress(data, _STEP_BYTES)
        if piece:
            yield piece
        full = len(piece) == _STEP_BYTES
        data = member.unconsumed_tail


def _xz_step(member: lzma.LZMADecompressor, data: bytes) -> Iterator[bytes]:
    piece = member.decompress(data, _STEP_BYTES)
    yield piece
    while not (member.needs_input or member.eof):
        yield member.decompress(b"", _STEP_BYTES)


class _ZstdMember:
    """One frame, fed in small bites."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
        self.eof = False
        self.unused_data = b""

    def step(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_FED_BYTES):
            end = start + _ZSTD_FED_BYTES
            piece = self._inner.decompress(data[start:end])
            if piece:
                yield piece
            if self._inner.eof:
                self.eof = True
                self.unused_data = self._inner.unused_data + data[end:]
                return


_PACKINGS: Final = (
    Packing("gzip", b"\x1f\x8b", lambda: zlib.decompressobj(wbits=31), _gzip_step),
    Packing("xz", b"\xfd7zXZ\x00", lzma.LZMADecompressor, _xz_step),
    Packing("zstd", b"\x28\xb5\x2f\xfd", _ZstdMember, _ZstdMember.step),
)
