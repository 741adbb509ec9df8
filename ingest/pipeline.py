"""The way of a file into the lake: identify → parse → validate → commit.

A file is parsed once; its rows are parked in a spool, then committed table by table, ``ingests`` last. Each commit
happens once per fingerprint, so a run that was killed anywhere is completed by the same command.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from ingest.naming import unnamed_cluster
from ingest.opening import InputFile, find_files
from ingest.registry import format_names, identify
from ingest.repeats import RepeatCounter
from ingest.report import FileReport, IngestReport
from ingest.source import LINE_CUT, Chunk, Options, Reject, Source
from ingest.spool import Spool, open_spool, sweep_spools
from ingest.validate import SchemaViolationError, conform
from reliability.errors import LakeWriteError, ReliabilityError, UnknownFormatError, UnreadableInputError
from reliability.lake import Lake
from reliability.schema import SCHEMA_VERSION, TABLES

Progress = Callable[[Path, int, int], None]


def ingest_paths(
    lake: Lake,
    paths: Sequence[Path],
    options: Options,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
) -> IngestReport:
    """Take files and folders into the lake.

    Parameters
    ----------
    lake
        Where to.
    paths
        Files, or folders that are searched for files.
    options
        What the user says about them.
    clock
        Returns the present, with a zone; stamps the ingests.
    progress
        Called with the file, the bytes of it read, and its size in bytes.

    Returns
    -------
    IngestReport
        One entry per file; one that cannot be taken in does not keep the others out, its entry has the error.

    Raises
    ------
    ReliabilityError
        If a path does not exist, if no file at all could be taken in (then the first file's error, or one that names
        the folder), or if the lake cannot be written.
    """
    expanded = [(path, find_files(path)) for path in paths]
    sweep_spools(lake)
    files = list(dict.fromkeys(path for _, found in expanded for path in found))
    reports: dict[Path, FileReport] = {}
    errors: dict[Path, ReliabilityError] = {}
    for path in _named_first(files, options):
        try:
            reports[path] = _ingest_file(lake, path, options, clock, progress)
        except LakeWriteError:
            raise
        except ReliabilityError as error:
            errors[path] = error
            reports[path] = FileReport(path, error=str(error))
    if len(errors) == len(reports):
        for given, found in expanded:
            if given.is_dir() and all(isinstance(errors[path], UnknownFormatError) for path in found):
                raise UnknownFormatError(given, format_names())
        raise errors[files[0]]
    return IngestReport(tuple(reports[path] for path in files))


def _named_first(files: Sequence[Path], options: Options) -> list[Path]:
    """Return the files that name their cluster first, so that the others can be taken to be of it."""

    def nameless(path: Path) -> bool:
        try:
            return not identify(InputFile(path).head(), path, options).names_cluster
        except ReliabilityError:
            return False  # told when its turn comes

    return sorted(files, key=nameless)


@dataclass(slots=True)
class _Tally:
    """What the chunks of one file add up to."""

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

    def add(self, chunk: Chunk) -> None:
        self.read += chunk.read
        self.used += chunk.used
        self.rejected += len(chunk.rejects)
        self.dropped += chunk.dropped
        if chunk.observed:
            self.observed = [min([*self.observed, *chunk.observed]), max([*self.observed, *chunk.observed])]
        self.notes.update(chunk.notes)
        self.naive_times |= chunk.naive_times
        self.incomplete |= chunk.incomplete

    def check(self, path: Path) -> None:
        if self.read != self.used + self.rejected + self.dropped:
            raise SchemaViolationError("ingests", "rows_read", f"{path}: the records do not add up: {self}")

    def warnings(self, options: Options, source: Source) -> tuple[str, ...]:
        texts = [text.format(count=f"{count:,}") for text, count in self.notes.items() if count]
        if self.naive_times and options.timezone is None:
            texts.append("times without a zone were read as UTC; give --timezone if the cluster prints local time")
        if self.unnamed and options.cluster is None and source.cluster is None:
            texts.append(f"the file does not name its cluster: called {self.cluster!r}; give --cluster to name it")
        others = sorted(self.clusters - {self.cluster})
        if others:
            texts.append(f"the file holds several clusters: {self.cluster} and {', '.join(others)}")
        return tuple(texts)


def _ingest_file(
    lake: Lake, path: Path, options: Options, clock: Callable[[], datetime], progress: Progress | None
) -> FileReport:
    file = InputFile(path, None if progress is None else lambda done, total: progress(path, done, total))
    head = file.head()
    if not head:
        raise UnreadableInputError(path, "the file is empty")
    source = identify(head, path, options)
    sha256 = file.sha256()
    ingest_id = _ingest_id(sha256, source, options)
    with lake.lock(ingest_id):
        if lake.has_commit("ingests", ingest_id):
            return _earlier_report(lake, path, ingest_id)
        with open_spool(lake, ingest_id) as spool:
            return _parse_and_commit(lake, spool, file, source, options, sha256, ingest_id, clock)


def _ingest_id(sha256: str, source: Source, options: Options) -> str:
    origin, taken = options.origin_utc, options.taken_utc
    meaning = [
        *(SCHEMA_VERSION, sha256, source.name, options.cluster, options.zone, options.node, options.year),
        *(options.columns, origin and origin.isoformat(), options.fleet_nodes, options.gpus_per_node),
        *(options.job, taken and taken.isoformat()),
    ]
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:20]


def _parse_and_commit(
    lake: Lake,
    spool: Spool,
    file: InputFile,
    source: Source,
    options: Options,
    sha256: str,
    ingest_id: str,
    clock: Callable[[], datetime],
) -> FileReport:
    tally = _Tally()
    unnamed = unnamed_cluster(lake, source)
    repeats: dict[str, RepeatCounter] = {}
    for chunk in source.read(file, options):
        tally.add(chunk)
        for table, rows in chunk.tables.items():
            if not rows.num_rows:
                continue
            conformed = conform(table, rows, options.cluster, unnamed)
            _note_clusters(tally, conformed)
            tally.unnamed |= "cluster" not in rows.column_names or rows["cluster"].null_count > 0
            repeats.setdefault(table, RepeatCounter(table)).add(conformed)
            spool.write(table, conformed)
        if chunk.rejects:
            spool.write("rejects", _reject_rows(chunk.rejects, file.path))
    spool.finish()
    tally.check(file.path)
    tally.cluster = tally.cluster or options.cluster or unnamed
    written = {table: spool.rows[table] for table in repeats}
    for table, counter in repeats.items():
        batches = spool.read(table, {"repeat_ordinal": counter.ordinals(), "ingest_id": ingest_id})
        lake.append(table, _in_schema(table, batches), ingest_id)
    if "rejects" in spool.rows:
        batches = spool.read("rejects", {"cluster": tally.cluster, "ingest_id": ingest_id})
        lake.append("rejects", _in_schema("rejects", batches), ingest_id)
    warnings = tally.warnings(options, source)
    record = {
        "cluster": tally.cluster,
        "ingest_id": ingest_id,
        "path": str(file.path),
        "format": source.name,
        "sha256": sha256,
        "file_bytes": file.size_bytes(),
        "file_modified_utc": file.modified_utc(),
        "content_from_bytes": 0,
        "content_bytes": file.size_bytes(),
        "settings": "",
        "ingested_utc": clock(),
        "timezone": options.zone,
        "covers": [table for table in source.covers if table not in tally.incomplete],
        "observed_from_utc": tally.observed[0] if tally.observed else None,
        "observed_to_utc": tally.observed[-1] if tally.observed else None,
        "rows_read": tally.read,
        "rows_used": tally.used,
        "rows_rejected": tally.rejected,
        "rows_dropped": tally.dropped,
        "rows_written": list(written.items()),
        "warnings": list(warnings),
    }
    records = [record, *_records_of_further_clusters(record, tally.clusters)]
    lake.append("ingests", [pa.RecordBatch.from_pylist(records, schema=TABLES["ingests"].arrow)], ingest_id)
    return _report(record, file.path, written, repeated=False)


def _note_clusters(tally: _Tally, rows: pa.Table) -> None:
    names = pc.unique(rows["cluster"]).to_pylist()
    tally.cluster = tally.cluster or names[0]
    tally.clusters.update(names)


def _records_of_further_clusters(record: dict[str, Any], clusters: set[str]) -> list[dict[str, Any]]:
    """Return rows of ``ingests`` that say what the file covers of its other clusters; the first has the counts."""
    nothing = {
        "rows_read": 0,
        "rows_used": 0,
        "rows_rejected": 0,
        "rows_dropped": 0,
        "rows_written": [],
        "warnings": [],
    }
    others = sorted(clusters - {record["cluster"]})
    return [{**record, **nothing, "cluster": name, "ingest_id": f"{record['ingest_id']}.{name}"} for name in others]


def _reject_rows(rejects: Sequence[Reject], path: Path) -> pa.Table:
    return pa.table(
        {
            "path": pa.repeat(pa.scalar(str(path)), len(rejects)),
            "line_number": pa.array([reject.line_number for reject in rejects], pa.int64()),
            "line": pa.array([reject.line[:LINE_CUT] for reject in rejects], pa.string()),
            "reason": pa.array([reject.reason for reject in rejects], pa.string()),
        }
    )


def _in_schema(table: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    schema = TABLES[table].arrow
    for batch in batches:
        yield batch.select(schema.names).cast(schema)


def _earlier_report(lake: Lake, path: Path, ingest_id: str) -> FileReport:
    rows = ds.dataset(lake.files("ingests")).to_table(filter=pc.field("ingest_id") == ingest_id)
    record = rows.to_pylist()[0]
    return _report(record, path, dict.fromkeys(dict(record["rows_written"]), 0), repeated=True)


def _report(record: dict[str, Any], path: Path, written: dict[str, int], *, repeated: bool) -> FileReport:
    return FileReport(
        path=path,
        format=record["format"],
        cluster=record["cluster"],
        rows_read=record["rows_read"],
        rows_used=record["rows_used"],
        rows_rejected=record["rows_rejected"],
        rows_dropped=record["rows_dropped"],
        rows_written=written,
        warnings=tuple(record["warnings"]),
        repeated=repeated,
    )
