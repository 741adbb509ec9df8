"""Rows on their way into the lake: parsed once, parked on the lake's disk, committed from there.

A spool folder belongs to the process that holds a lock on it, so a folder without a holder is what a killed ingest
left behind and is swept away by the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from reliability.errors import LakeWriteError
from reliability.lake import Lake

#: lock under which spool folders are made and swept
_MAKING: Final = "spool"


class Spool:
    """Tables of one file, written batch by batch and read back once."""

    def __init__(self, folder: Path, lake: Lake) -> None:
        self._folder = folder
        self._lake = lake
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        self._sinks = ExitStack()
        self.rows: dict[str, int] = {}

    def write(self, table: str, rows: pa.Table) -> None:
        """Park rows.

        Raises
        ------
        LakeWriteError
            If the disk refuses.
        """
        with self._disk():
            if table not in self._writers:
                # Not compressed: it lies there for seconds, and compressing took as long as hashing the whole file.
                self._writers[table] = self._sinks.enter_context(
                    pa.ipc.new_file(str(self._folder / f"{table}.arrow"), rows.schema)
                )
            self._writers[table].write_table(rows)
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows

    def finish(self) -> None:
        """Close the files; nothing can be written after that."""
        with self._disk():
            self._sinks.close()

    def read(self, table: str, extra: Mapping[str, np.ndarray | str]) -> Iterator[pa.RecordBatch]:
        """Yield the table's batches with columns added: an array over all rows, or one value for each."""
        with pa.OSFile(str(self._folder / f"{table}.arrow")) as source:
            reader = pa.ipc.open_file(source)
            start = 0
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                for name, values in extra.items():
                    batch = batch.append_column(name, _column(values, start, batch.num_rows))
                start += batch.num_rows
                yield batch

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LakeWriteError(self._lake.path, " ".join(str(error).split())) from error


@contextmanager
def open_spool(lake: Lake, ingest_id: str) -> Iterator[Spool]:
    """Make a spool folder of one's own, and remove it at the end."""
    folder = lake.spool_path / f"{ingest_id}.{os.getpid()}"
    with ExitStack() as stack:
        try:
            # Sweeping and making exclude each other, so that no folder is swept before its maker has locked it.
            with lake.lock(_MAKING):
                folder.mkdir(parents=True)
                stack.callback(os.close, _lock_folder(folder))
        except OSError as error:
            raise LakeWriteError(lake.path, " ".join(str(error).split())) from error
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        spool = Spool(folder, lake)
        stack.callback(spool.finish)
        yield spool


def sweep_spools(lake: Lake) -> None:
    """Remove what killed ingests left behind."""
    with lake.lock(_MAKING):
        for folder in lake.spool_path.iterdir() if lake.spool_path.is_dir() else ():
            try:
                holder = _lock_folder(folder)
            except (BlockingIOError, FileNotFoundError):
                continue  # its owner is at work, or has just finished
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
            else:
                folder.unlink(missing_ok=True)  # what standard input said
            os.close(holder)


def _lock_folder(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def _column(values: np.ndarray | str, start: int, rows: int) -> pa.Array:
    if isinstance(values, str):
        return pa.repeat(pa.scalar(values), rows)
    return pa.array(values[start : start + rows])
