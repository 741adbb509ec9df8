"""A source made of a mapping."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ingest.mapping.fill import Reading, check_options, needs_origin
from ingest.mapping.load import load
from ingest.mapping.records import Record, look_up, read_records, show_line, show_record
from ingest.mapping.rows import RowMaker
from ingest.mapping.spec import Mapped
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines
from ingest.parsing.quoted import head_columns
from ingest.records import Findings, Row, chunks
from ingest.source import Chunk, Options, Source

#: lines whose values are looked at to recognise a file without a header
_LINES_LOOKED_AT: Final = 20
_UNMET: Final = "none of {{count}} records has anything in {field}, which the mapping reads"


class MappedSource(Source):
    """Source of the tables that a mapping fills; made by :func:`load_mapping`."""

    name = "mapping"
    title = "a table by a mapping"

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped

    @property
    def digest(self) -> str:
        """SHA-256 of the mapping's text: another text is another way to read a file."""
        return self._mapped.digest

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file has the header, or values of the shapes, that the mapping's ``recognise`` names."""
        known = self._mapped.recognition
        if known is None:
            return False
        shape = self._mapped.file
        if known.columns is not None:
            lines = head.split(b"\n", shape.skip)
            header = head_columns(lines[-1], shape.delimiter) if len(lines) > shape.skip else ()
            return tuple(name.strip() for name in header) == known.columns
        columns = shape.columns or ()
        rows = [line.split(shape.delimiter) for line in head_lines(head, _LINES_LOOKED_AT)]
        patterns = {columns.index(name): re.compile(pattern) for name, pattern in known.shapes.items()}
        return bool(rows) and all(
            len(row) == len(columns) and all(pattern.fullmatch(row[place]) for place, pattern in patterns.items())
            for row in rows
        )

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the rows that the mapping makes of each record.

        Raises
        ------
        MissingOptionError
            If times count from a day that neither the mapping nor the options name.
        UnreadableInputError
            If the file is of another format than the mapping says, or lacks a column.
        """
        findings = Findings()
        reading = Reading(self._mapped, options, findings)
        check_options(file, reading)
        rows = RowMaker(reading)
        shape = self._mapped.file
        unmet = _Unmet(self._mapped)

        def parse(record: Record) -> Sequence[Row]:
            unmet.look_at(record)
            return rows.parse(record)

        def finish() -> Iterator[Row]:
            findings.notes.update(unmet.notes())
            yield from rows.finish()

        def show(record: Record) -> str:
            return show_line(record, shape.delimiter) if shape.form == "csv" else show_record(record)

        yield from chunks(read_records(file, shape, self._mapped.reads), parse, show, findings, finish)


class _Unmet:
    """Watches for fields that no record of a file has: in JSON, a field that is absent and one misspelt look alike."""

    def __init__(self, mapped: Mapped) -> None:
        lists = tuple(f"{table.each.field}." for table in mapped.tables if table.each is not None)
        by_name = mapped.file.form in {"json", "jsonl"}
        self._fields = {name for name in mapped.reads if not name.startswith(lists)} if by_name else set()
        self._count = 0

    def look_at(self, record: Record) -> None:
        """Cross out what the record has."""
        self._count += 1
        if self._fields:
            self._fields = {name for name in self._fields if look_up(record, name) is None}

    def notes(self) -> dict[str, int]:
        """Return what is left, as warnings."""
        if not self._count:
            return {}
        # The pipeline puts numbers in place of braces, so those of a name are doubled.
        names = (name.replace("{", "{{").replace("}", "}}") for name in sorted(self._fields))
        return {_UNMET.format(field=name): self._count for name in names}


def load_mapping(path: Path) -> MappedSource:
    """Return the source that a mapping file describes.

    Parameters
    ----------
    path
        A TOML file as in ``docs/mappings.md``.

    Raises
    ------
    MappingError
        If it cannot be read, or says something that cannot be meant; names every problem.
    """
    mapped = load(path)
    about = {
        "name": mapped.name,
        "title": mapped.title,
        "covers": mapped.covers,
        "cluster": mapped.cluster,
        "asks": "`--time-origin`" if needs_origin(mapped) else "",
        "names_cluster": mapped.cluster is not None or _maps_cluster(mapped),
    }
    # The attributes of a source are its class's, so each mapping gets a class of its own.
    kind = type("MappedSource", (MappedSource,), about)
    source: MappedSource = kind(mapped)
    return source


def _maps_cluster(mapped: Mapped) -> bool:
    return any(rule.column.name == "cluster" for table in mapped.tables for rule in table.rules)
