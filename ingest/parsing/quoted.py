r"""Delimited text with quotes (CSV, TSV) as programs write it, cut into records that know the line they begin at.

A quote that is never closed would swallow the rest of the file; here it costs its own line.

>>> head_columns(b"time,node,fault\n2024-01-01,n1,GPU\n", ",")
('time', 'node', 'fault')
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.source import LINE_CUT, Reject

#: a quoted value with more line breaks than this is taken for a quote that was never closed
_MOST_LINES: Final = 200
_LONGEST_RECORD: Final = 1 << 20


def quoted_records(file: InputFile, delimiter: str) -> Iterator[tuple[int, list[str] | Reject]]:
    """Yield the records of a file, the header included, each with the number of its first line.

    Parameters
    ----------
    file
        Text in which a value may be put in double quotes, a quote within being doubled.
    delimiter
        One character.
    """
    lines = numbered_lines(file)
    waiting: deque[tuple[int, str | Reject]] = deque()
    while (begun := waiting.popleft() if waiting else next(lines, None)) is not None:
        number, line = begun
        if isinstance(line, Reject):
            yield number, line
            continue
        joined = [(number, line)]
        length = len(line)
        open_quote = line.count('"') % 2 == 1
        while open_quote and len(joined) < _MOST_LINES and length < _LONGEST_RECORD:
            further = waiting.popleft() if waiting else next(lines, None)
            if further is None or isinstance(further[1], Reject):
                if further is not None:
                    waiting.appendleft(further)
                break
            joined.append((further[0], further[1]))
            length += len(further[1])
            open_quote = open_quote != (further[1].count('"') % 2 == 1)
        if open_quote:
            waiting.extendleft(reversed(joined[1:]))
            yield number, Reject(number, line[:LINE_CUT], "a quote that is never closed")
            continue
        yield number, _cut("\n".join(text for _, text in joined), delimiter, number)


def head_columns(head: bytes, delimiter: str) -> tuple[str, ...]:
    """Return the values of the first line of a file's head; for recognising a header. Empty if there is none."""
    lines = head_lines(head, most=1)
    if not lines:
        return ()
    cut = _cut(lines[0], delimiter, 1)
    return () if isinstance(cut, Reject) else tuple(cut)


def _cut(text: str, delimiter: str, number: int) -> list[str] | Reject:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=False), [])
    except csv.Error as error:
        return Reject(number, text[:LINE_CUT], str(error))
