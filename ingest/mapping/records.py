"""The records of a table that is no log of ours: delimited text, JSON or Parquet, each as a mapping of its fields."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingest.mapping.errors import hint
from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items, json_lines
from ingest.parsing.quoted import quoted_records
from ingest.source import LINE_CUT, Reject
from reliability.errors import UnreadableInputError

Record = Mapping[str, Any]
FORMATS: Final = ("csv", "jsonl", "json", "parquet")
_BATCH_ROWS: Final = 4_096


@dataclass(frozen=True, slots=True)
class FileShape:
    """How a file is cut into records.

    Attributes
    ----------
    form
        One of :data:`FORMATS`.
    delimiter
        Between the values of delimited text.
    columns
        Names of the columns of delimited text that has no header.
    skip
        Lines of delimited text before the header, or before the first record.
    comment
        Lines of delimited text that begin with this are no records.
    records
        Where the array is within a JSON document; empty for the document itself.
    """

    form: str = "csv"
    delimiter: str = ","
    columns: tuple[str, ...] | None = None
    skip: int = 0
    comment: str | None = None
    records: str = ""


def read_records(file: InputFile, shape: FileShape, wanted: Collection[str]) -> Iterator[tuple[int, Record | Reject]]:
    """Yield the records of a file with their line numbers (positions, in JSON arrays and Parquet).

    Parameters
    ----------
    file
        The file.
    shape
        How it is cut.
    wanted
        Fields that will be asked for.

    Raises
    ------
    UnreadableInputError
        If the file is of another format, or a table lacks a wanted column.
    """
    if shape.form == "csv":
        return _delimited(file, shape, wanted)
    if shape.form == "jsonl":
        return json_lines(file)
    if shape.form == "json":
        return _json(file, shape)
    return _parquet(file, wanted)


def show_line(record: Record, delimiter: str) -> str:
    """Return a record of delimited text as it stood in its file, or nearly so.

    >>> show_line({"a": "x", "b": "1,5"}, ",")
    'x,"1,5"'
    """
    return _joined(list(record.values()), delimiter)


def show_record(record: object) -> str:
    """Return a record as JSON, for the table of rejects."""
    try:
        return json.dumps(record, default=str)[:LINE_CUT]
    except (RecursionError, ValueError) as error:
        return f"(a record that cannot be shown: {error})"


def look_up(record: Record, path: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return the value at a place such as ``job.state``, or None; a field whose own name has dots goes first.

    >>> look_up({"job": {"state": "ok"}, "a.b": 1}, "job.state"), look_up({"a.b": 1}, "a.b"), look_up({}, "x.y")
    ('ok', 1, None)
    """
    if path in record:
        return record[path]
    head, dot, _ = path.rpartition(".")
    while dot:
        inner = record.get(head)
        if isinstance(inner, Mapping):
            return look_up(inner, path[len(head) + 1 :])
        head, dot, _ = head.rpartition(".")
    return None


def _delimited(file: InputFile, shape: FileShape, wanted: Collection[str]) -> Iterator[tuple[int, Record | Reject]]:
    columns = shape.columns
    for number, record in quoted_records(file, shape.delimiter):
        if number <= shape.skip:
            continue
        if isinstance(record, Reject):
            yield number, record
            continue
        if shape.comment is not None and record and record[0].lstrip().startswith(shape.comment):
            continue
        if columns is None:
            columns = tuple(name.strip() for name in record)
            _check_header(file, columns, wanted)
        elif len(record) != len(columns):
            reason = f"{len(record)} values, {len(columns)} expected"
            yield number, Reject(number, _joined(record, shape.delimiter), reason)
        else:
            yield number, dict(zip(columns, record, strict=True))


def _check_header(file: InputFile, columns: Sequence[str], wanted: Collection[str]) -> None:
    counts = Counter(columns)
    for name in sorted(wanted):
        if not counts[name]:
            raise UnreadableInputError(file.path, f"has no column {name!r}: {hint(name, columns)}"[:LINE_CUT])
        if counts[name] > 1:
            reason = f"has {counts[name]} columns {name!r}: skip the header and name the columns in file.columns"
            raise UnreadableInputError(file.path, reason)


def _joined(values: Sequence[str], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(values)
    return text.getvalue()[:LINE_CUT]


def _json(file: InputFile, shape: FileShape) -> Iterator[tuple[int, Record | Reject]]:
    position = 0
    for position, value in json_items(file, f"{shape.records}.item" if shape.records else "item"):
        if isinstance(value, dict):
            yield position, value
        else:
            yield position, Reject(position, show_record(value), "not a JSON object")
    if position == 0:
        _check_array(file, shape.records)


def _check_array(file: InputFile, place: str) -> None:
    """Tell an array without records from a document that has no such array."""
    head = file.head()
    if place and place not in head_paths(head):
        raise UnreadableInputError(file.path, f"no array {place!r} in the JSON (file.records of the mapping)")
    if not place and not head.lstrip().startswith(b"["):
        raise UnreadableInputError(file.path, "not a JSON array: say where the array is in file.records of the mapping")


def _parquet(file: InputFile, wanted: Collection[str]) -> Iterator[tuple[int, Record | Reject]]:
    try:
        with pq.ParquetFile(file.location) as table:
            names = table.schema_arrow.names
            columns = [_top_level(file, name, names) for name in sorted(wanted)]
            number = 0
            for batch in table.iter_batches(_BATCH_ROWS, columns=list(dict.fromkeys(columns)) or names):
                for record in _to_microseconds(batch).to_pylist(maps_as_pydicts="lossy"):
                    number += 1
                    yield number, record
    except (pa.ArrowException, OSError) as error:
        raise UnreadableInputError(file.path, f"not Parquet: {' '.join(str(error).split())[:200]}") from error


def _top_level(file: InputFile, path: str, names: Sequence[str]) -> str:
    """Return the column that holds a field."""
    name = path
    while name not in names:
        name, dot, _ = name.rpartition(".")
        if not dot:
            raise UnreadableInputError(file.path, f"has no column {path!r}: {hint(path, names)}"[:LINE_CUT])
    return name


def _to_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with times in microseconds, which is what Python's times hold."""
    columns = [
        pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns"
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
