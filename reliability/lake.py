"""The lake on disk: one Delta table per entry of :data:`reliability.schema.TABLES`.

Delta tables are plain Parquet files plus a transaction log, so a reader never sees half a commit. Every commit carries
an application transaction named after its ingest: asking for it before writing makes a repeated or resumed ingest
change nothing. Rows count only once their ingest stands in ``ingests``, which is committed last.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from reliability.errors import LakeNotFoundError, LakeVersionError, LakeWriteError, NotALakeError
from reliability.schema import SCHEMA_VERSION, TABLES, Table

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
        return sorted(DeltaTable(self.path / table).file_uris())

    def version(self) -> tuple[int, ...]:
        """Return the Delta version of every table: equal versions mean equal content."""
        return tuple(DeltaTable(self.path / name).version() for name in TABLES)

    def has_commit(self, table: str, ingest_id: str) -> bool:
        """Tell whether this ingest's rows of the table are in the lake."""
        return DeltaTable(self.path / table).transaction_version(ingest_id) is not None

    def append(self, table: str, batches: Iterable[pa.RecordBatch], ingest_id: str) -> bool:
        """Append rows in one commit, unless this ingest has done so before.

        Parameters
        ----------
        table
            A name of :data:`reliability.schema.TABLES`.
        batches
            Record batches in the table's Arrow schema; consumed once.
        ingest_id
            Name of the application transaction.

        Returns
        -------
        bool
            False if the rows were there already (nothing was written).

        Raises
        ------
        LakeWriteError
            If the storage refuses; no row of this call is visible then.
        """
        if self.has_commit(table, ingest_id):
            return False
        spec = TABLES[table]
        schema = _stored_schema(spec)
        reader = pa.RecordBatchReader.from_batches(schema, (_with_month(spec, schema, batch) for batch in batches))
        try:
            write_deltalake(
                self.path / table,
                reader,
                mode="append",
                partition_by=list(spec.partitions) or None,
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(ingest_id, 1)], max_commit_retries=100
                ),
            )
        except (OSError, DeltaError) as error:
            raise LakeWriteError(self.path, _one_line(error)) from error
        return True

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the named lock; waits for another holder. The kernel frees it when the process dies, however it dies."""
        with _locked(self.path / _LOCKS / f"{name}.lock"):
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
    if (path / _MARKER).is_file():
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
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _stored_schema(table: Table) -> pa.Schema:
    if not table.partitions:
        return table.arrow
    return table.arrow.append(pa.field("month", pa.string(), nullable=False))


def _with_month(table: Table, schema: pa.Schema, batch: pa.RecordBatch) -> pa.RecordBatch:
    if not table.partitions:
        return batch
    time = pc.coalesce(*(batch.column(name) for name in table.month_of))
    month = pc.fill_null(pc.strftime(time, format="%Y-%m"), NO_MONTH)
    return pa.RecordBatch.from_arrays([*batch.columns, month], schema=schema)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
