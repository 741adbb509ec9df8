r"""JSON as a stream of the objects one asks for, in bounded memory: an array of a million jobs, or one object a line.

>>> sorted(head_paths(b'{"meta": {"v": 1}, "jobs": [{"id": 7, "state": ["FA'))
['jobs', 'jobs.item', 'jobs.item.id', 'jobs.item.state', 'meta', 'meta.v']
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
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
#: what the parser says of a document that is cut short, in an exception it raises for any damage
_ENDS_EARLY: Final = "premature EOF"
#: bytes of a head that are looked at at once
_HEAD_PIECE: Final = 1024
#: a head nested deeper than this is no log's
_DEEPEST_PATH: Final = 64
#: brackets that open, less those that close, within one value: more is taken for an attack
_MOST_OPEN: Final = 10_000
_OF_NUMBERS: Final = b"0123456789+-.eE"


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
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        early = "premature EOF" in said  # ijson calls any damage incomplete
        reason = f"{'JSON that ends too early' if early else 'not JSON'}, after {position:,} records: {said}"
        raise UnreadableInputError(file.path, reason) from error


def json_documents(file: InputFile, members: str) -> Iterator[tuple[int, dict[str, Any] | Reject]]:
    """Yield the objects of one or several documents; in place of a document that is a list, the objects in it.

    Parameters
    ----------
    file
        Documents one after the other, with or without line breaks between them.
    members
        Key of a document under which its list is (``items``). Of the document itself only texts that come before the
        list are kept: each object of the list gets those it does not have, under the key ``"list " + key``.

    Yields
    ------
    tuple of int and (dict or Reject)
        Position from 1. What is no object comes as a :class:`Reject`, and so does the end of a file that is cut short.

    Raises
    ------
    UnreadableInputError
        If the file is no JSON, or holds a value larger than 64 MiB or nested thousands deep.
    """
    feed = _Feed(file)
    cutter = _DocumentCutter(members)
    position = 0
    try:
        for event, value in ijson.basic_parse(feed, use_float=True, multiple_values=True):
            for found in cutter.take(event, value):
                position += 1
                feed.begin_item()
                if isinstance(found, dict):
                    yield position, found
                else:
                    yield position, Reject(position, json.dumps(found)[:LINE_CUT], "not a JSON object")
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        if position and _ENDS_EARLY in str(error):
            yield position + 1, Reject(position + 1, "", "JSON that ends too early: the file is cut short")
            return
        reason = f"not JSON after {position:,} records: {' '.join(str(error).split())[:200]}"
        raise UnreadableInputError(file.path, reason) from error


class _DocumentCutter:
    """Puts the events of a parser together to objects."""

    def __init__(self, members: str) -> None:
        self._members = members
        self._root = _Builder()
        self._entry: _Builder | None = None
        self._in_list = self._was_list = False
        self._wrapper: dict[str, str] = {}

    def take(self, event: str, value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON may hold anything
        """Take the next event; yield the object that it completes, if any."""
        if self._entry is not None:
            if self._entry.take(event, value):
                yield self._wrapped(self._entry.value)
                self._entry = None
        elif self._in_list:
            if event == "end_array":
                self._in_list = False
                self._root.take("null", None)  # stands for the list that was handed out
            else:
                entry = _Builder()
                if entry.take(event, value):
                    yield self._wrapped(entry.value)
                else:
                    self._entry = entry
        elif event == "start_array" and self._root.depth == 1 and self._root.key == self._members:
            self._in_list = self._was_list = True
            self._wrapper = {f"list {key}": held for key, held in self._root.value.items() if isinstance(held, str)}
        elif self._root.take(event, value):
            if not self._was_list:
                yield self._root.value
            self._root, self._was_list = _Builder(), False

    def _wrapped(self, value: Any) -> Any:  # noqa: ANN401 - JSON may hold anything
        return {**self._wrapper, **value} if isinstance(value, dict) else value


class _Builder:
    """Builds one value from the events of a parser."""

    def __init__(self) -> None:
        self._builder = ijson.ObjectBuilder()
        self.depth = 0
        self.key: str | None = None

    @property
    def value(self) -> Any:  # noqa: ANN401 - JSON may hold anything
        """What was built so far."""
        return self._builder.value

    def take(self, event: str, value: Any) -> bool:  # noqa: ANN401 - JSON may hold anything
        """Take the next event; tell whether the value is complete."""
        self._builder.event(event, value)
        if event in {"start_map", "start_array"}:
            self.depth += 1
        elif event in {"end_map", "end_array"}:
            self.depth -= 1
        elif event == "map_key" and self.depth == 1:
            self.key = value
        return self.depth == 0


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
    depth = 0
    try:
        # In small pieces: the parser makes all paths of a piece before it hands out the first.
        events = ijson.parse(BytesIO(head), multiple_values=True, use_float=True, buf_size=_HEAD_PIECE)
        for prefix, event, _ in events:
            if event != "map_key" and prefix:
                paths.add(prefix)
            depth += event.startswith("start_") - event.startswith("end_")
            if depth > _DEEPEST_PATH:
                break  # the paths of 64 KiB of brackets would take gigabytes
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
        if len(piece) == _FED_BYTES and not piece.strip(_OF_NUMBERS):
            # The parser looks at a number from its beginning again with every piece: hours, if it has no end.
            raise UnreadableInputError(self._file.path, f"a JSON number of more than {_FED_BYTES:,} digits")
        return piece


def _object(number: int, line: str) -> dict[str, Any] | Reject:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Reject(number, line[:LINE_CUT], f"not JSON: {error}")
    return value if isinstance(value, dict) else Reject(number, line[:LINE_CUT], "not a JSON object")
