"""How a foreign file is cut into records, and what its columns hold, as far as a sample tells."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ingest.mapping import words
from ingest.mapping.records import FileShape, Record, read_records
from ingest.mapping.values import is_empty, to_number, to_text
from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths
from ingest.parsing.lines import head_lines
from ingest.parsing.quoted import head_columns
from ingest.source import Reject
from reliability.errors import UnreadableInputError

#: records looked at
_SAMPLE: Final = 1_000
_DELIMITERS: Final = (",", "\t", ";", "|")
#: what programs print where they have no value
_NULLS: Final = ("NA", "N/A", "n/a", "NULL", "null", "None", "nan", "NaN", "\\N", "-", "--")


@dataclass(frozen=True, slots=True)
class Profile:
    """A column of the sample.

    Attributes
    ----------
    name
        Its name, or its place in nested JSON.
    kind
        ``time``, ``number``, ``text``, ``list`` or ``empty``.
    texts
        What the sample holds, without what stands for nothing.
    form
        Format of its times.
    """

    name: str
    kind: str
    texts: tuple[str, ...]
    form: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Words of its name."""
        return words.words_of(self.name)

    def has(self, pattern: str) -> bool:
        """Tell whether its name has one of some words."""
        return words.has_word(self.words, pattern)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a file: its shape, the texts that stand for nothing, its columns."""

    shape: FileShape
    nulls: tuple[str, ...]
    columns: tuple[Profile, ...]


def take_sample(file: InputFile) -> Sample:
    """Look at the beginning of a file.

    Raises
    ------
    UnreadableInputError
        If no records can be found in it.
    """
    shape = _shape(file)
    records = [record for _, record in islice(read_records(file, shape, ()), _SAMPLE) if not isinstance(record, Reject)]
    if not records:
        raise UnreadableInputError(file.path, "no records found: neither a table of text, nor JSON, nor Parquet")
    held: dict[str, list[Any]] = {}
    for record in records:
        for name, value in _flat(record):
            held.setdefault(name, []).append(value)
    found = {text for values in held.values() for value in values if isinstance(value, str) and (text := value.strip())}
    nulls = tuple(text for text in _NULLS if text in found)
    doubled = _doubled(file, shape)
    names = [name for name in held if name and name not in doubled]
    return Sample(shape, nulls, tuple(_profile(name, held[name], frozenset(nulls)) for name in names))


def _shape(file: InputFile) -> FileShape:
    head = file.head()
    if head.startswith(b"PAR1"):
        return FileShape("parquet")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return FileShape("json")
    if start.startswith(b"{"):
        lines = head_lines(head, most=2)
        place = _array(head)
        one_an_object = lines and _is_object(lines[0]) and (len(lines) > 1 or not place)
        return FileShape("jsonl") if one_an_object else FileShape("json", records=place)
    return _delimited_shape(head)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _array(head: bytes) -> str:
    """Return the place of the array whose objects have most fields, empty if there is none."""
    inside = [path.partition(".item.")[0] for path in head_paths(head) if ".item." in path]
    return max(sorted(set(inside)), key=inside.count, default="")


def _delimited_shape(head: bytes) -> FileShape:
    lines = head_lines(head, most=50)
    best, width, skip = ",", 0, 0
    for delimiter in _DELIMITERS:
        widths = [len(head_columns(line.encode(), delimiter)) for line in lines]
        common, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
        if common > max(1, width) and count > len(lines) / 2:
            best, width, skip = delimiter, common, widths.index(common)
    if lines and not width:
        width = len(head_columns(lines[0].encode(), best))
    first = head_columns(lines[skip].encode(), best) if lines else ()
    # Lines that are blank count, too.
    skipped = head.decode("utf-8", "replace").split("\n").index(_raw(head, lines[skip])) if skip else 0
    if _is_header(first):
        return FileShape(delimiter=best, skip=skipped)
    return FileShape(delimiter=best, skip=skipped, columns=tuple(f"column_{n}" for n in range(1, width + 1)))


def _raw(head: bytes, line: str) -> str:
    """Return a line as it stands in the head, with its end."""
    return next(raw for raw in head.decode("utf-8", "replace").split("\n") if raw.rstrip("\r") == line)


def _is_header(values: tuple[str, ...]) -> bool:
    """Tell names from values: names differ from each other, and are neither numbers nor times."""
    names = [value.strip() for value in values if value.strip()]
    if len(set(names)) != len(names) or not names:
        return False
    return not any(_is_number(name) or words.time_format([name]) for name in names)


def _doubled(file: InputFile, shape: FileShape) -> frozenset[str]:
    """Return the names that the header has more than once: no mapping can tell them apart."""
    if shape.form != "csv" or shape.columns is not None:
        return frozenset()
    header = head_columns(file.head().split(b"\n", shape.skip)[-1], shape.delimiter)
    counts = Counter(name.strip() for name in header)
    return frozenset(name for name, count in counts.items() if count > 1)


def _flat(record: Record, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        place = f"{before}{name}"
        if isinstance(value, Mapping) and value and place.count(".") < 4:
            yield from _flat(value, f"{place}.")
        else:
            yield place, value


def _profile(name: str, values: list[Any], nulls: frozenset[str]) -> Profile:
    held = [value for value in values if not is_empty(value, nulls)]
    if not held:
        return Profile(name, "empty", ())
    if any(isinstance(value, list | dict) for value in held):
        return Profile(name, "list", ())
    texts = tuple(_text(value) for value in held)
    if all(not isinstance(value, bool) and _is_number(text) for value, text in zip(held, texts, strict=True)):
        is_time = words.has_word(words.words_of(name), words.TIME_WORDS)
        form = words.epoch_format([float(text) for text in texts]) if is_time else None
        return Profile(name, "time" if form else "number", texts, form)
    form = words.time_format(texts)
    return Profile(name, "time" if form else "text", texts, form)


def _text(value: object) -> str:
    try:
        return to_text(value)
    except ValueError:
        return ""


def _is_number(text: str) -> bool:
    try:
        to_number(text)
    except ValueError:
        return False
    return True
