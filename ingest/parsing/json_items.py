r"""JSON as a stream of the objects one asks for, in bounded memory: an array of a million jobs, or one object a line.

>>> sorted(head_paths(b'{"meta": {"v": 1}, "jobs": [{"id": 7, "state": ["FA'))
['jobs', 'jobs.item', 'jobs.item.id', 'jobs.item.state', 'meta', 'meta.v']
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import ijson

from ingest.opening import InputFile
from ingest.parsing.lines import numbered_lines
from ingest.source import LINE_CUT, Reject
from reliability.errors import UnreadableInputError

#: bytes handed to the parser at once
_FED_BYTES: Final = 1 << 16
#: an object that has not ended after so many bytes is taken for damage
_LARGEST_ITEM: Final = 1 << 26
#: brackets that open, less those that close, within one value: more is taken for an attack
_MOST_OPEN: Final = 10_000


def json_items(file: InputFile, prefix: str) -> Iterator[tuple[int, Any]]:
    """Yield the values at a place of a JSON document, or of several documents one after the other.

    Parameters
    ----------
    file
        One document or several, with or without line breaks between them.
    prefix
        Where the values are, in ijson's words: ``jobs.item``; ``item`` for a top-level array; empty for whole
        documents.

    Yields
    ------
    tuple of int and object
        Position from 1, and the value; numbers are int or float.

    Raises
    ------
    UnreadableInputError
        If the file is no JSON, ends too early, or holds a value larger than 64 MiB or nested thousands deep.
    """
    feed = _Feed(file)
    position = 0
    try:
        for value in ijson.items(feed, prefix, use_float=True, multiple_values=True):
            position += 1
            feed.begin_item()
            yield position, value
    except ijson.IncompleteJSONError as error:
        raise UnreadableInputError(file.path, f"JSON that ends too early, after {position:,} records") from error
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        reason = f"not JSON after {position:,} records: {' '.join(str(error).split())[:200]}"
        raise UnreadableInputError(file.path, reason) from error


def json_lines(file: InputFile) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    """Yield the objects of a file with one JSON object a line, numbered by line; other lines come as rejects."""
    for number, line in numbered_lines(file):
        yield number, line if isinstance(line, Reject) else _object(number, line)


@lru_cache(maxsize=4)
def head_paths(head: bytes) -> frozenset[str]:
    """Return the places that occur in the beginning of a JSON document, as far as it goes; for recognising it.

    Parameters
    ----------
    head
        First bytes; empty result if they are no JSON.
    """
    paths: set[str] = set()
    try:
        for prefix, event, _ in ijson.parse(head, multiple_values=True, use_float=True):
            if event != "map_key" and prefix:
                paths.add(prefix)
    except (ijson.JSONError, UnicodeDecodeError, ValueError, RecursionError):
        pass  # the head is cut somewhere, or is no JSON: what was seen so far counts
    return frozenset(paths)


class _Feed:
    """Hands blocks to ijson in small pieces and counts what it took since the last value came out."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._blocks = file.blocks()
        self._rest = memoryview(b"")
        self.begin_item()

    def begin_item(self) -> None:
        """Start counting anew: a value came out."""
        self._taken = self._open = 0

    def read(self, size: int) -> bytes:
        """Return the next piece; called by ijson."""
        if size == 0:
            return b""
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        piece = bytes(self._rest[: min(size, _FED_BYTES)])
        self._rest = self._rest[len(piece) :]
        self._taken += len(piece)
        # Brackets within strings are counted, too: a value of a log has few of them, an attack has millions.
        self._open += piece.count(b"[") + piece.count(b"{") - piece.count(b"]") - piece.count(b"}")
        if self._taken > _LARGEST_ITEM:
            raise UnreadableInputError(self._file.path, f"a JSON value longer than {_LARGEST_ITEM >> 20} MiB")
        if self._open > _MOST_OPEN:
            raise UnreadableInputError(self._file.path, f"JSON nested more than {_MOST_OPEN:,} deep")
        return piece


def _object(number: int, line: str) -> dict[str, Any] | Reject:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Reject(number, line[:LINE_CUT], f"not JSON: {error}")
    return value if isinstance(value, dict) else Reject(number, line[:LINE_CUT], "not a JSON object")
