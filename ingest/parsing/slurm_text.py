"""Delimited text as Slurm prints it: no quoting, no escaping, so a line break or a delimiter in a value breaks the row.

Physical lines are put together into records by counting delimiters. Where every line of a block has as many as it
should, which is almost always, no Python runs per line; the records then go to Arrow's CSV reader as one block.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from ingest.source import Reject

#: stands for a line break inside a value, as in the repaired output of other tools
JOINT: Final = rb"\n"
#: lines looked at together; a block of line ends alone has millions
_LINES_AT_ONCE: Final = 100_000
#: more records than this without the beginning of a group are no group that goes on
_LARGEST_GROUP: Final = 1_000_000
#: a value with more line breaks than this is taken for damage
_MOST_FRAGMENTS: Final = 200
#: a single line longer than this is taken for damage
_LONGEST_LINE: Final = 1 << 24
_BOM: Final = b"\xef\xbb\xbf"
#: for the reader, which wants a delimiter of one byte
_UNIT_SEPARATOR: Final = b"\x1f"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file's lines are cut into values.

    Attributes
    ----------
    delimiter
        One or more bytes.
    names
        Lower-case names of all columns, in order.
    header_lines
        Lines before the first record.
    """

    delimiter: bytes
    names: tuple[str, ...]
    header_lines: int

    def position(self, *names: str) -> int | None:
        """Return the place of the first of these columns that the file has.

        >>> Layout(b"|", ("jobid", "state"), 1).position("jobidraw", "jobid")
        0
        """
        for name in names:
            if name in self.names:
                return self.names.index(name)
        return None


@dataclass(frozen=True)
class RecordBlock:
    """Records with the right number of values, one a line, and the lines that could not be made into records.

    Attributes
    ----------
    text
        The records, with a line end between them.
    line_numbers
        Line where each begins, shape (records,).
    rejects
        What was no record.
    """

    text: bytes
    line_numbers: np.ndarray
    rejects: tuple[Reject, ...]

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.line_numbers)

    @cached_property
    def records(self) -> list[bytes]:
        """The records one by one."""
        return self.text.split(b"\n") if self.count else []


def header_layout(head: bytes, required: Callable[[frozenset[str]], bool]) -> Layout | None:
    r"""Read the layout from a header line, whatever the delimiter.

    Parameters
    ----------
    head
        First bytes of the file.
    required
        Tells from the set of lower-case names whether this is the header that is looked for.

    Returns
    -------
    Layout or None
        None if the first line that is not blank is no such header.

    Examples
    --------
    >>> header_layout(b"JobID|#State|#User\n", lambda names: "jobid" in names)
    Layout(delimiter=b'|#', names=('jobid', 'state', 'user'), header_lines=1)
    """
    number, line = first_line(head)
    between = Counter(re.findall(rb"[^A-Za-z0-9 ]+", line))
    if not between:
        return None
    delimiter = between.most_common(1)[0][0]
    names = tuple(name.strip().lower().decode("ascii", "replace") for name in line.split(delimiter))
    return Layout(delimiter, names, number) if required(frozenset(names)) else None


def first_line(head: bytes) -> tuple[int, bytes]:
    """Return the number and the text of the first line that is not blank."""
    for number, line in enumerate(head.removeprefix(_BOM).split(b"\n"), start=1):
        if line.strip():
            return number, line.rstrip(b"\r")
    return 0, b""


class RecordAssembler:
    """Turns blocks of bytes into blocks of whole records.

    Parameters
    ----------
    layout
        How lines are cut.
    plausible
        Tells whether a record put together from several lines looks like one (it has an id and a state); lines
        that only happen to add up to the right number of values are refused.
    begins_group
        Tells whether a record begins a group (a job, before its steps): a group never spans two blocks.
    """

    def __init__(
        self, layout: Layout, plausible: Callable[[list[bytes]], bool], begins_group: Callable[[list[bytes]], bool]
    ) -> None:
        self._layout = layout
        self._delimiter = layout.delimiter
        self._wanted = len(layout.names) - 1
        self._plausible = plausible
        self._begins_group = begins_group
        self._fragments: list[tuple[int, bytes]] = []
        self._held: tuple[list[bytes], list[int]] = ([], [])
        self._rejects: list[Reject] = []

    def blocks(self, raw: Iterator[bytes]) -> Iterator[RecordBlock]:
        """Yield the records of the file in order."""
        next_line = 1
        for text in _line_blocks(raw):
            first, ends = next_line, np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n"))
            next_line += len(ends) + 1
            if first > self._layout.header_lines and not self._fragments and self._is_regular(text, ends):
                yield self._regular_block(text, first, len(ends) + 1)
                continue
            skipped = max(0, self._layout.header_lines - first + 1)
            split = text.split(b"\n")
            for start in range(skipped, len(split), _LINES_AT_ONCE):
                yield self._block(*self._assemble(split[start : start + _LINES_AT_ONCE], first + start))
        records, numbers = self._flush_fragments()
        yield self._emit([*self._held[0], *records], [*self._held[1], *numbers])

    def _is_regular(self, text: bytes, ends: np.ndarray) -> bool:
        """Tell whether every line has as many delimiters as it should; ``ends`` are the places of the line ends."""
        if len(self._delimiter) > 1:
            return False
        places = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord(self._delimiter))
        if len(places) != (len(ends) + 1) * self._wanted:
            return False
        by_line = places.reshape(-1, self._wanted)
        return bool((by_line[1:, 0] > ends).all() and (by_line[:-1, -1] < ends).all())

    def _regular_block(self, text: bytes, first: int, lines: int) -> RecordBlock:
        """Hold back the last group, as :meth:`_block` does, without taking the text to pieces."""
        end, kept = len(text), lines - 1
        begin = text.rfind(b"\n") + 1
        while not self._begins_group(text[begin:end].split(self._delimiter)):
            if begin == 0:
                return self._block(text.split(b"\n"), list(range(first, first + lines)))
            end, kept = begin - 1, kept - 1
            begin = text.rfind(b"\n", 0, end) + 1
        before, numbers = self._held
        self._held = (text[begin:].split(b"\n"), list(range(first + kept, first + lines)))
        whole = b"\n".join([*before, text[: begin - 1]] if kept else before)
        return self._emit_text(whole, np.append(np.array(numbers, np.int64), np.arange(first, first + kept)))

    def _assemble(self, lines: list[bytes], first: int) -> tuple[list[bytes], list[int]]:
        counts = [line.count(self._delimiter) for line in lines]
        if not self._fragments and counts.count(self._wanted) == len(lines):
            return lines, list(range(first, first + len(lines)))
        records: list[bytes] = []
        numbers: list[int] = []
        queue = deque(enumerate(lines, start=first))
        while queue:
            found = self._take(*queue.popleft(), queue)
            if found is not None:
                numbers.append(found[0])
                records.append(found[1])
        return records, numbers

    def _take(self, number: int, line: bytes, queue: deque[tuple[int, bytes]]) -> tuple[int, bytes] | None:
        """Look at one physical line: a record, a fragment of one, or neither."""
        count = line.count(self._delimiter)
        if not self._fragments:
            if count == self._wanted:
                return number, line
            if 0 < count < self._wanted:
                self._fragments.append((number, line))
            elif line.strip():
                self._reject(number, line)
            return None
        so_far = sum(text.count(self._delimiter) for _, text in self._fragments)
        if so_far + count < self._wanted and len(self._fragments) < _MOST_FRAGMENTS:
            self._fragments.append((number, line))
            return None
        fragments = [*self._fragments, (number, line)]
        self._fragments = []
        joined = JOINT.join(text for _, text in fragments)
        if so_far + count == self._wanted and self._plausible(joined.split(self._delimiter)):
            return fragments[0][0], joined
        self._reject(*fragments[0])
        queue.extendleft(reversed(fragments[1:]))
        return None

    def _flush_fragments(self) -> tuple[list[bytes], list[int]]:
        records: list[bytes] = []
        numbers: list[int] = []
        while self._fragments:
            (number, line), rest = self._fragments[0], self._fragments[1:]
            self._fragments = []
            self._reject(number, line)
            queue = deque(rest)
            while queue:
                found = self._take(*queue.popleft(), queue)
                if found is not None:
                    numbers.append(found[0])
                    records.append(found[1])
        return records, numbers

    def _reject(self, number: int, line: bytes) -> None:
        found = line.count(self._delimiter) + 1
        reason = f"{found} field{'s' * (found > 1)} where the file has {self._wanted + 1}"
        self._rejects.append(Reject(number, decode(line), reason))

    def _block(self, records: list[bytes], numbers: list[int]) -> RecordBlock:
        """Hold back the last group, which may go on in the next block."""
        records, numbers = [*self._held[0], *records], [*self._held[1], *numbers]
        cut = len(records)
        while cut > 0:
            cut -= 1
            if self._begins_group(records[cut].split(self._delimiter)):
                break
        else:
            cut = len(records) if len(records) > _LARGEST_GROUP else 0
        self._held = (records[cut:], numbers[cut:])
        return self._emit(records[:cut], numbers[:cut])

    def _emit(self, records: list[bytes], numbers: list[int]) -> RecordBlock:
        return self._emit_text(b"\n".join(records), np.array(numbers, dtype=np.int64))

    def _emit_text(self, text: bytes, numbers: np.ndarray) -> RecordBlock:
        rejects = tuple(self._rejects)
        self._rejects = []
        return RecordBlock(text, numbers, rejects)


def read_columns(block: RecordBlock, layout: Layout, wanted: frozenset[str]) -> dict[str, pa.Array]:
    """Cut records into columns of text.

    Parameters
    ----------
    block
        Records of one file.
    layout
        Its layout.
    wanted
        Lower-case names of the columns that are needed; of two columns with one name the first counts.

    Returns
    -------
    dict
        Array of strings per column the file has, shape (records,). Bytes that are no UTF-8 become U+FFFD.
    """
    chosen = {name: f"f{index}" for index, name in reversed(list(enumerate(layout.names))) if name in wanted}
    if not block.count:
        return {name: pa.array([], pa.string()) for name in chosen}
    text = block.text + b"\n"
    delimiter = layout.delimiter
    if len(delimiter) > 1:
        text = text.replace(_UNIT_SEPARATOR, b" ").replace(delimiter, _UNIT_SEPARATOR)
        delimiter = _UNIT_SEPARATOR
    table = pv.read_csv(
        pa.py_buffer(_valid_utf8(text)),
        read_options=pv.ReadOptions(
            column_names=[f"f{index}" for index in range(len(layout.names))],
            block_size=max(len(text) + 1, 1 << 20),
            use_threads=False,
        ),
        parse_options=pv.ParseOptions(
            delimiter=delimiter.decode(), quote_char=False, double_quote=False, escape_char=False
        ),
        convert_options=pv.ConvertOptions(
            include_columns=list(chosen.values()),
            column_types=dict.fromkeys(chosen.values(), pa.string()),
            strings_can_be_null=False,
            check_utf8=False,  # seen to above
        ),
    )
    return {name: table[field].combine_chunks() for name, field in chosen.items()}


def decode(line: bytes) -> str:
    r"""Decode, keeping what is no UTF-8 visible.

    >>> decode(b"caf\xe9")
    'caf�'
    """
    return line.decode("utf-8", "replace")


def _line_blocks(raw: Iterator[bytes]) -> Iterator[bytes]:
    """Cut blocks at line ends; CRLF counts as one, a lone CR is not a line end. The last line end is left out."""
    rest = b""
    fresh = True
    for block in raw:
        text = rest + (block.removeprefix(_BOM) if fresh else block)
        fresh = False
        body, end, rest = text.rpartition(b"\n")
        if len(rest) > _LONGEST_LINE:
            rest = rest[:_LONGEST_LINE]
        if end:
            yield _plain_line_ends(body)
    if rest:
        yield _plain_line_ends(rest)


def _plain_line_ends(text: bytes) -> bytes:
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").removesuffix(b"\r").replace(b"\r", b" ")
    return text


def _valid_utf8(text: bytes) -> bytes:
    if text.isascii():
        return text
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace").encode("utf-8")
    return text
