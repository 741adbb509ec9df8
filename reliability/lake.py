"""The lake on disk: one Delta table per entry of :data:`reliability.schema.TABLES`.

Delta tables are plain Parquet files plus a transaction log, so a reader never sees half a commit. Every commit carries
an application transaction named after its ingest: asking for it before writing makes a repeated or resumed ingest
change nothing. Rows count only once their ingest stands in ``ingests``, which is committed last.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import DeltaError

from reliability.errors import LakeNotFoundError, LakeVersionError, LakeWriteError, NotALakeError
from reliability.schema import SCHEMA_VERSION, TABLES, TIME
from reliability.table import Table

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_MARKER: Final = "lake.json"
_LOCKS: Final = "locks"
_SPOOL: Final = "spool"
CATALOG_NAME: Final = "catalog.duckdb"
#: appends never conflict, so a lost race for a version number only needs another try
_COMMIT_RETRIES: Final = 100
#: partition value of a record that bears no time at all
NO_MONTH: Final = "none"


class Lake:
    """A lake that exists. Make one with :func:`open_lake` or :func:`create_lake`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: dict[str, DeltaTable] = {}

    @property
    def catalog_path(self) -> Path:
        """The DuckDB file with the views over the last snapshot."""
        return self.path / CATALOG_NAME

    @property
    def spool_path(self) -> Path:
        """Folder for the rows of an ingest on their way in; on the lake's own disk so that a full disk shows early."""
        return self.path / _SPOOL

    def files(self, table: str) -> list[str]:
        """Return the Parquet files of the table's current snapshot, oldest path first."""
        # file_uris() quotes what a folder is called, so its paths do not exist below a folder with a space in its name.
        stored = pa.table(DeltaTable(self.path / table).get_add_actions())["path"].to_pylist()
        return sorted(str(self.path / table / unquote(path)) for path in stored)

    def dataset(self, table: str) -> ds.Dataset:
        """Return the table's current snapshot, partition columns included, committed or not: see ``ingests``."""
        return DeltaTable(self.path / table).to_pyarrow_dataset()

    def version(self) -> tuple[int, ...]:
        """Return the Delta version of every table: equal versions mean equal content."""
        return tuple(DeltaTable(self.path / name).version() for name in TABLES)

    def has_commit(self, table: str, ingest_id: str) -> bool:
        """Tell whether this ingest's rows of the table are in the lake."""
        return self._current(table).transaction_version(ingest_id) is not None

    def append(self, table: str, batches: Iterable[pa.RecordBatch], ingest_id: str) -> bool:
        """Append the rows of one ingest; see :meth:`append_all`."""
        return ingest_id in self.append_all(table, {ingest_id: batches})

    def append_all(self, table: str, ingests: Mapping[str, Iterable[pa.RecordBatch]]) -> list[str]:
        """Append the rows of several ingests in one commit, but of none that has done so before.

        Parameters
        ----------
        table
            A name of :data:`reliability.schema.TABLES`.
        ingests
            Record batches in the table's Arrow schema for each application transaction; consumed once.

        Returns
        -------
        list of str
            The ingests whose rows were written now.

        Raises
        ------
        LakeWriteError
            If the storage refuses; no row of this call is visible then.
        """
        spec = TABLES[table]
        schema = _stored_schema(spec)
        try:
            current = self._current(table)
            fresh = [name for name in ingests if current.transaction_version(name) is None]
            if not fresh:
                return []
            batches = (_with_month(spec, schema, batch) for name in fresh for batch in ingests[name])
            write_deltalake(
                current,
                pa.RecordBatchReader.from_batches(schema, batches),
                mode="append",
                partition_by=list(spec.partitions) or None,
                writer_properties=_writer_properties(spec),
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(name, 1) for name in fresh], max_commit_retries=_COMMIT_RETRIES
                ),
            )
        except (OSError, DeltaError) as error:
            raise LakeWriteError(self.path, _one_line(error)) from error
        return fresh

    def commits(self, table: str) -> int:
        """Return the number of the table's last commit: equal numbers mean equal content."""
        return int(self._current(table).version())

    def _current(self, table: str) -> DeltaTable:
        """Return the table as it is now; opened once, then kept up with commit by commit."""
        opened = self._opened.get(table)
        if opened is None:
            opened = self._opened[table] = DeltaTable(self.path / table)
        else:
            opened.update_incremental()
        return opened

    def compact(self) -> None:
        """Put the small files of many commits together; the rows stay the same, and so do snapshots being read.

        Raises
        ------
        LakeWriteError
            If the storage refuses.
        """
        with self.lock("compact"):
            for name in TABLES:
                try:
                    DeltaTable(self.path / name).optimize.compact()
                except (OSError, DeltaError) as error:
                    raise LakeWriteError(self.path, _one_line(error)) from error

    @contextmanager
    def lock(self, name: str, *, wait: bool = True) -> Iterator[None]:
        """Hold the named lock. The kernel frees it when the process dies, however it dies.

        Parameters
        ----------
        name
            Name of the lock.
        wait
            Whether to wait for another holder.

        Raises
        ------
        LakeWriteError
            If the lake cannot be written.
        BlockingIOError
            If there is another holder and ``wait`` is false.
        """
        with _locked(self.path / _LOCKS / f"{name}.lock", wait=wait):
            yield


def open_lake(path: Path) -> Lake:
    """Open an existing lake.

    Raises
    ------
    LakeNotFoundError
        If the folder does not exist or is empty.
    NotALakeError
        If the folder holds something else.
    LakeVersionError
        If another release's schema wrote it.
    """
    path = path.absolute()
    marker = path / _MARKER
    if not marker.is_file():
        if path.is_dir() and any(entry.name != _LOCKS for entry in path.iterdir()):
            raise NotALakeError(path, f"it has no {_MARKER}")
        raise LakeNotFoundError(path)
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotALakeError(path, f"{_MARKER} cannot be read") from error
    if found != SCHEMA_VERSION:
        raise LakeVersionError(path, found, SCHEMA_VERSION)
    return Lake(path)


def create_lake(path: Path) -> Lake:
    """Open the lake at this path, making it first if the folder is missing or empty.

    Raises
    ------
    NotALakeError
        If the folder holds something else: nothing is ever written among a user's own files.
    LakeWriteError
        If the folder cannot be made.
    """
    path = path.absolute()
    try:
        exists = (path / _MARKER).is_file()
    except OSError as error:  # a name too long for the disk
        raise LakeWriteError(path, _one_line(error)) from error
    if exists:
        return open_lake(path)
    if path.exists() and not path.is_dir():
        raise NotALakeError(path, "it is a file")
    # What a killed creation can leave behind; anything else is somebody's own.
    ours = {_LOCKS, _SPOOL, f"{_MARKER}.new", *TABLES}
    if path.is_dir() and not {entry.name for entry in path.iterdir()} <= ours:
        raise NotALakeError(path, "the folder is not empty and holds other files")
    try:
        (path / _LOCKS).mkdir(parents=True, exist_ok=True)
        (path / _SPOOL).mkdir(exist_ok=True)
        with _locked(path / _LOCKS / "create.lock"):
            for table in TABLES.values():
                DeltaTable.create(
                    path / table.name,
                    schema=_stored_schema(table),
                    mode="ignore",
                    partition_by=list(table.partitions) or None,
                    description=f"one row per {table.grain}",
                )
            marker = path / f"{_MARKER}.new"
            marker.write_text(json.dumps({"schema_version": SCHEMA_VERSION}) + "\n", encoding="utf-8")
            marker.replace(path / _MARKER)
    except (OSError, DeltaError) as error:
        raise LakeWriteError(path, _one_line(error)) from error
    return Lake(path)


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LakeWriteError(path.parents[1], _one_line(error)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _writer_properties(table: Table) -> WriterProperties:
    """Leave out dictionaries where almost every value is another: they took more than half of the time of writing."""
    plain = ColumnProperties(dictionary_enabled=False)
    unlike = [c.name for c in table.columns if c.type == TIME or c.name in {"job_id", "job_id_raw", "component_id"}]
    return WriterProperties(column_properties=dict.fromkeys(unlike, plain))


def _stored_schema(table: Table) -> pa.Schema:
    if not table.partitions:
        return table.arrow
    return table.arrow.append(pa.field("month", pa.string(), nullable=False))


def _with_month(table: Table, schema: pa.Schema, batch: pa.RecordBatch) -> pa.RecordBatch:
    if not table.partitions:
        return batch
    time = pc.coalesce(*(batch.column(name) for name in table.month_of))
    # A month has many rows and its name is made once: spelling it for every row took half of the time of writing.
    encoded = pc.add(pc.multiply(pc.year(time), 100), pc.month(time)).dictionary_encode()
    names = [f"{number // 100:04d}-{number % 100:02d}" for number in encoded.dictionary.to_pylist()]
    month = pc.fill_null(pa.array(names, pa.string()).take(encoded.indices), NO_MONTH)
    return pa.RecordBatch.from_arrays([*batch.columns, month], schema=schema)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
