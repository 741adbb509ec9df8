"""Records to chunks: what a source does that looks at one record at a time.

The parser of a source gets a record and says what becomes of it; counting, refusing and turning rows into Arrow tables
is done here, so that every such source accounts for its records in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import pyarrow as pa

from ingest.source import LINE_CUT, MESSAGE_CUT, Chunk, Reject
from reliability.schema import LINEAGE, TABLES

T = TypeVar("T")

#: records to a chunk: enough for Arrow to be fast, few enough to stay in the cache
_CHUNK_RECORDS: Final = 20_000
#: characters of text to a chunk, whatever the number of records
_CHUNK_CHARACTERS: Final = 1 << 25
_LINEAGE: Final = frozenset(column.name for column in LINEAGE)
#: what the columns of numbers can hold, per table; a number read from a log may be larger
_LIMITS: Final = {
    name: tuple(
        (column.name, 2.0**1023 if pa.types.is_floating(column.type) else 2 ** (column.type.bit_width - 1))
        for column in spec.columns
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    )
    for name, spec in TABLES.items()
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row for a table of the lake; columns left out are null, an event's message is cut to its length."""

    table: str
    values: Mapping[str, Any]


#: what a parser returns for a record whose content reaches a table with a later record, or at the end of the file
KEPT: Final[tuple[Row, ...]] = (Row("", {}),)
#: what a parser returns for a record that adds nothing
NOTHING: Final[tuple[Row, ...]] = ()


@dataclass(slots=True)
class Findings:
    """What a parser learns of the file beside its rows; it fills this in as it goes.

    Attributes
    ----------
    observed
        Times (UTC) between which the file is a complete record.
    notes
        Warnings with the number of records each is about, ``{count}`` in the text.
    naive_times
        Whether a time without a zone was read in the zone of the options.
    incomplete
        Tables of the source's ``covers`` that this very file does not record completely.
    """

    observed: tuple[datetime, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)
    naive_times: bool = False
    incomplete: frozenset[str] = frozenset()

    def see(self, *times: datetime | None) -> None:
        """Widen the observed span to hold these times."""
        known = [*self.observed, *(time for time in times if time is not None)]
        if known:
            self.observed = (min(known), max(known))

    def note(self, text: str) -> None:
        """Count one more record that a warning is about."""
        self.notes[text] = self.notes.get(text, 0) + 1


def chunks(
    records: Iterable[tuple[int, T | Reject]],
    parse: Callable[[T], Sequence[Row]],
    show: Callable[[T], str],
    findings: Findings,
    finish: Callable[[], Iterable[Row]] = lambda: (),
) -> Iterator[Chunk]:
    """Turn records into chunks.

    Parameters
    ----------
    records
        Each with the number of the line where it begins (of the record, where there are no lines); what could not be
        cut into a record comes as a :class:`Reject`.
    parse
        Returns the rows of a record: :data:`NOTHING` drops it, :data:`KEPT` counts it as used although its rows
        come later. ``ValueError`` (and ``KeyError`` for a field that is missing) refuses the record with that reason.
    show
        Text of a record, for the table of rejects.
    findings
        Filled in by ``parse``; read at the end of the file.
    finish
        Rows that are known only at the end.

    Yields
    ------
    Chunk
        At most 20,000 records each; the last one carries the findings.
    """
    portion = _Portion()
    for number, record in records:
        if isinstance(record, Reject):
            portion.rejects.append(record)
        else:
            try:
                portion.take(parse(record))
            except KeyError as error:
                portion.refuse(number, show(record), f"no field {error}")
            except (ValueError, OverflowError) as error:
                portion.refuse(number, show(record), " ".join(str(error).split()))
            except (TypeError, AttributeError, IndexError) as error:
                # JSON may hold anything anywhere: a list where a name belongs is bad input like any other.
                portion.refuse(number, show(record), f"a value of an unexpected kind: {' '.join(str(error).split())}")
        portion.read += 1
        if portion.read >= _CHUNK_RECORDS or portion.characters >= _CHUNK_CHARACTERS:
            yield portion.chunk()
            portion = _Portion()
    for row in finish():
        try:
            _check_numbers(row)
        except ValueError:
            findings.note(f"{{count}} rows for {row.table} with a number too large to keep were left out")
        else:
            portion.add(row)
    yield portion.chunk(findings)


def table_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows as an Arrow table with the columns that any of them has, in the types of the schema.

    Raises
    ------
    KeyError
        If the schema has no such column.

    Examples
    --------
    >>> table_of("nodes", [{"node": "n1", "gpu_count": 8}]).schema.names
    ['node', 'gpu_count']
    """
    present = {key for row in rows for key in row}
    spec = TABLES[name]
    strange = present - {column.name for column in spec.columns} | present & _LINEAGE
    if strange:
        raise KeyError(f"{name}.{min(strange)}")
    schema = pa.schema([(column.name, column.type) for column in spec.columns if column.name in present])
    try:
        return pa.Table.from_pylist(list(rows), schema=schema)
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell and UTF-8 cannot
        return pa.Table.from_pylist([{key: _encodable(value) for key, value in row.items()} for row in rows], schema)


def _check_numbers(row: Row) -> None:
    """Refuse what a column cannot hold before a row of 20,000 makes the whole table fail."""
    values = row.values
    for name, limit in _LIMITS[row.table]:
        value = values.get(name)
        if value is not None and isinstance(value, int) and not -limit <= value < limit:
            raise ValueError(f"{name} {str(value)[:40]}: a number too large to keep")


def _encodable(value: Any) -> Any:  # noqa: ANN401 - whatever a column may hold
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list | tuple):
        return type(value)(_encodable(item) for item in value)
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return value


@dataclass(slots=True)
class _Portion:
    read: int = 0
    used: int = 0
    dropped: int = 0
    characters: int = 0
    rejects: list[Reject] = field(default_factory=list)
    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def take(self, rows: Sequence[Row]) -> None:
        if not rows:
            self.dropped += 1
            return
        if rows is not KEPT:
            for row in rows:
                _check_numbers(row)
            for row in rows:
                self.add(row)
        self.used += 1

    def add(self, row: Row) -> None:
        values = row.values
        message = values.get("message")
        if message is not None and len(message) > MESSAGE_CUT:
            values = {**values, "message": message[:MESSAGE_CUT]}
        self.characters += sum(len(value) for value in values.values() if isinstance(value, str))
        self.rows.setdefault(row.table, []).append(values)

    def refuse(self, number: int, text: str, reason: str) -> None:
        self.rejects.append(Reject(number, _encodable(text[:LINE_CUT]), _encodable(reason[:LINE_CUT])))

    def chunk(self, findings: Findings | None = None) -> Chunk:
        known = findings or Findings()
        return Chunk(
            tables={name: table_of(name, rows) for name, rows in self.rows.items()},
            rejects=tuple(self.rejects),
            read=self.read,
            used=self.used,
            dropped=self.dropped,
            observed=known.observed,
            notes=known.notes,
            naive_times=known.naive_times,
            incomplete=known.incomplete,
        )
