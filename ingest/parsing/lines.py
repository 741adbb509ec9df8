"""Lines of text, numbered, whatever a file does with its line ends, and of bounded length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.opening import InputFile
from ingest.source import LINE_CUT, Reject

#: a line longer than this is refused rather than held in memory
LONGEST_LINE: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"


def numbered_lines(file: InputFile, longest: int = LONGEST_LINE) -> Iterator[tuple[int, str | Reject]]:
    """Yield the lines of a file that are not blank, without their ends, each with its number from 1.

    Parameters
    ----------
    file
        Its first line has the number ``file.first_line``.
    longest
        Bytes of a line; a longer one comes as a :class:`Reject` with its beginning.

    Yields
    ------
    tuple of int and (str or Reject)
        Number and text. Bytes that are no UTF-8 become U+FFFD.
    """
    number = file.first_line
    line, cut = b"", False  # the line begun so far; whether more of it was thrown away
    fresh = number == 1
    for block in file.blocks():
        first, *others = (block.removeprefix(_BOM) if fresh else block).split(b"\n")
        fresh = False
        if not cut:
            line += first
        for following in others:
            if line.strip():
                yield number, _text(number, line, longest, cut=cut)
            number += 1
            line, cut = following, False
        if len(line) > longest:
            line, cut = line[:LINE_CUT], True
    if line.strip():
        yield number, _text(number, line, longest, cut=cut)


def head_lines(head: bytes, most: int = 20) -> list[str]:
    r"""Return the first whole lines of a file's head that are not blank; for recognising it.

    >>> head_lines(b"a\r\n\nb\nc cut o")
    ['a', 'b']
    """
    lines = head.removeprefix(_BOM).decode("utf-8", "replace").split("\n")
    if len(lines) > 1:
        lines.pop()  # cut off by the end of the head, or empty
    return [line.rstrip("\r") for line in lines if line.strip()][:most]


def _text(number: int, line: bytes, longest: int, *, cut: bool) -> str | Reject:
    if cut or len(line) > longest:
        return Reject(number, line[:LINE_CUT].decode("utf-8", "replace"), f"a line longer than {longest:,} bytes")
    return line.removesuffix(b"\r").decode("utf-8", "replace")
