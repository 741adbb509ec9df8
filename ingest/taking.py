"""One part of one file: parsed once, checked, counted, and ready to be committed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.ledger import Record
from ingest.opening import InputFile
from ingest.repeats import RepeatCounter
from ingest.report import FIRST_REJECTS, FileReport
from ingest.source import LINE_CUT, LONGEST_CLUSTER, Chunk, Options, Reject, Source, may_be_cluster
from ingest.spool import Spool
from ingest.validate import SchemaViolationError, conform, spool_schema
from reliability.errors import UnreadableInputError
from reliability.lake import Lake
from reliability.schema import TABLES

#: gets the rows for a table of the lake
Sink = Callable[[str, pa.Table], None]


@dataclass(slots=True)
class Tally:
    """What the chunks of one part add up to."""

    read: int = 0
    used: int = 0
    rejected: int = 0
    dropped: int = 0
    cluster: str | None = None
    unnamed: bool = False
    clusters: set[str] = field(default_factory=set)
    observed: list[datetime] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    naive_times: bool = False
    incomplete: frozenset[str] = frozenset()
    first_rejects: list[Reject] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)

    def add(self, chunk: Chunk) -> None:
        """Add the counts of one more chunk."""
        self.read += chunk.read
        self.used += chunk.used
        self.rejected += len(chunk.rejects)
        self.dropped += chunk.dropped
        if chunk.observed:
            self.observed = [min([*self.observed, *chunk.observed]), max([*self.observed, *chunk.observed])]
        self.notes.update(chunk.notes)
        self.naive_times |= chunk.naive_times
        self.incomplete |= chunk.incomplete
        self.first_rejects += chunk.rejects[: FIRST_REJECTS - len(self.first_rejects)]

    def add_rows(self, table: str, rows: pa.Table) -> list[str]:
        """Add the rows of a table; returns the clusters that they are of."""
        names = pc.unique(rows["cluster"]).to_pylist()
        self.cluster = self.cluster or names[0]
        self.clusters.update(names)
        self.rows[table] += rows.num_rows
        return list(names)

    def warnings(self, options: Options, source: Source) -> tuple[str, ...]:
        """Return what a reader of the numbers should know."""
        texts = [text.format(count=f"{count:,}") for text, count in self.notes.items() if count]
        if self.naive_times and options.timezone is None:
            texts.append("times without a zone were read as UTC; give --timezone if the cluster prints local time")
        if self.unnamed and options.cluster is None and source.cluster is None:
            texts.append(f"the file does not name its cluster: called {self.cluster!r}; give --cluster to name it")
        others = sorted(self.clusters - {self.cluster})
        if others:
            texts.append(f"the file holds several clusters: {self.cluster} and {', '.join(others)}")
        return tuple(texts)


def parse_part(file: InputFile, source: Source, options: Options, unnamed: str, sink: Sink) -> Tally:
    """Parse a file or a part of one.

    Parameters
    ----------
    file
        What to read.
    source, options
        How to read it.
    unnamed
        Cluster of rows that name none.
    sink
        Gets rows in the tables' schema, without lineage; rejects too.

    Returns
    -------
    Tally
        What became of its records.

    Raises
    ------
    UnreadableInputError
        If it names a cluster that cannot be a folder of the lake.
    """
    tally = Tally()
    hide = options.anonymizer.apply if options.anonymizer is not None else lambda _, rows: rows
    for chunk in source.read(file, options):
        tally.add(chunk)
        for table, rows in chunk.tables.items():
            if rows.num_rows:
                conformed = hide(table, conform(table, rows, options.cluster, unnamed))
                tally.unnamed |= "cluster" not in rows.column_names or rows["cluster"].null_count > 0
                _check_clusters(file, tally.add_rows(table, conformed))
                sink(table, conformed)
        if chunk.rejects:
            sink("rejects", hide("rejects", _reject_rows(chunk.rejects, stored_path(file))))
    if tally.read != tally.used + tally.rejected + tally.dropped:
        raise SchemaViolationError("ingests", "rows_read", f"{file.path}: the records do not add up: {tally}")
    tally.cluster = tally.cluster or options.cluster or unnamed
    return tally


class RepeatsOfFile:
    """Numbers the records of one part that share a key, after those of the parts of the file before it."""

    def __init__(self, lake: Lake, earlier_ids: Sequence[str]) -> None:
        self._lake = lake
        self._earlier_ids = list(earlier_ids)
        self._counters: dict[str, RepeatCounter] = {}
        self._first: dict[str, datetime] = {}

    def add(self, table: str, rows: pa.Table) -> None:
        """Take note of the next rows of a table."""
        self._counters.setdefault(table, RepeatCounter(table)).add(rows)
        if self._earlier_ids:
            first = pc.min(rows[TABLES[table].month_of[0]]).as_py()
            if first is not None:
                self._first[table] = min(first, self._first.get(table, first))

    def ordinals(self) -> dict[str, np.ndarray]:
        """Return for each table the number of earlier rows with the same key, shape (rows,)."""
        return {table: counter.ordinals(self._earlier_rows(table)) for table, counter in self._counters.items()}

    def _earlier_rows(self, table: str) -> pa.Table | None:
        first = self._first.get(table)
        if first is None:
            return None
        spec = TABLES[table]
        schema = spool_schema(spec)
        earlier = pc.field("ingest_id").isin(self._earlier_ids) & (pc.field(spec.month_of[0]) >= pa.scalar(first))
        found = self._lake.dataset(table).to_table(columns=schema.names, filter=earlier)
        return found.cast(schema)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A part of a file that is parked in a spool, on its way into the lake."""

    spool: Spool
    tally: Tally
    ordinals: Mapping[str, np.ndarray]
    record: Record

    @property
    def ingest_id(self) -> str:
        """Name of its application transaction."""
        return str(self.record["ingest_id"])

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Yield its rows of a table, in the table's schema."""
        schema = TABLES[table].arrow
        own = {"cluster": str(self.tally.cluster)} if table == "rejects" else {}
        ordinals = {} if table == "rejects" else {"repeat_ordinal": self.ordinals[table]}
        for batch in self.spool.read(table, {**own, **ordinals, "ingest_id": self.ingest_id}):
            yield batch.select(schema.names).cast(schema)


def ingests_batch(part: Parsed) -> pa.RecordBatch:
    """Return the rows of ``ingests`` for a part: one for each of its clusters."""
    records = [part.record, *_records_of_further_clusters(part)]
    return pa.RecordBatch.from_pylist(records, schema=TABLES["ingests"].arrow)


def record_of(tally: Tally, known: Record, warnings: tuple[str, ...], options: Options) -> Record:
    """Return the row of ``ingests`` for a part.

    Parameters
    ----------
    tally
        What became of its records.
    known
        The columns that do not come from the tally.
    warnings
        What a reader of the numbers should know.
    options
        If the user vouches for the files being complete, that counts, not what the format promises.
    """
    vouched = options.complete_utc
    covers = [table for table in known["covers"] if table not in tally.incomplete]
    observed = vouched or (tally.observed[0], tally.observed[-1]) if vouched or tally.observed else (None, None)
    return {
        **known,
        "cluster": tally.cluster,
        "covers": sorted({*covers, *tally.rows}) if vouched else covers,
        "observed_from_utc": observed[0],
        "observed_to_utc": observed[1],
        "last_record_utc": tally.observed[-1] if tally.observed else None,
        "rows_read": tally.read,
        "rows_used": tally.used,
        "rows_rejected": tally.rejected,
        "rows_dropped": tally.dropped,
        "rows_written": list(tally.rows.items()),
        "warnings": list(warnings),
    }


def report_of(tally: Tally, file: InputFile, source: Source, options: Options, *, continued: bool) -> FileReport:
    """Return the report of a part that was read."""
    return FileReport(
        path=file.path,
        format=source.name,
        cluster=tally.cluster,
        rows_read=tally.read,
        rows_used=tally.used,
        rows_rejected=tally.rejected,
        rows_dropped=tally.dropped,
        rows_written=dict(tally.rows),
        warnings=tally.warnings(options, source),
        first_rejects=tuple(tally.first_rejects),
        continued=continued,
    )


def stored_path(file: InputFile) -> str:
    """Return the name of a file in the lake."""
    path = file.path if file.location != file.path else file.path.absolute()
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _records_of_further_clusters(part: Parsed) -> list[Record]:
    """Return rows of ``ingests`` that say what the file covers of its other clusters; the first has the counts."""
    nothing = {
        "rows_read": 0,
        "rows_used": 0,
        "rows_rejected": 0,
        "rows_dropped": 0,
        "rows_written": [],
        "warnings": [],
        "replaces": None,
    }
    others = sorted(part.tally.clusters - {part.record["cluster"]})
    return [{**part.record, **nothing, "cluster": name, "ingest_id": f"{part.ingest_id}.{name}"} for name in others]


def _check_clusters(file: InputFile, names: Sequence[str]) -> None:
    for name in names:
        if not may_be_cluster(name):
            shown = f"{name[:LONGEST_CLUSTER]}…"
            reason = f"a cluster name longer than {LONGEST_CLUSTER} characters, or fewer if not plain ASCII: {shown}"
            raise UnreadableInputError(file.path, f"{reason}; give --cluster to name it")


def _reject_rows(rejects: Sequence[Reject], path: str) -> pa.Table:
    return pa.table(
        {
            "path": pa.repeat(pa.scalar(path), len(rejects)),
            "line_number": pa.array([reject.line_number for reject in rejects], pa.int64()),
            "line": pa.array([reject.line[:LINE_CUT] for reject in rejects], pa.string()),
            "reason": pa.array([reject.reason for reject in rejects], pa.string()),
        }
    )
