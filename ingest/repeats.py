"""Which of several records with one key within a file came first, which second."""

from __future__ import annotations

from functools import cache
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from reliability.schema import TABLES

_ORDINAL: Final = "repeat_ordinal"
_ROWS_AT_ONCE: Final = 100_000


class RepeatCounter:
    """Counts, for every row of one table of one file, the earlier rows with the same key.

    Keys are kept as 64-bit hashes, eight bytes a row.
    """

    def __init__(self, table: str) -> None:
        self._key = [name for name in TABLES[table].key if name != _ORDINAL]
        self._hashes: list[np.ndarray] = []
        self._waiting: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Take note of the next rows."""
        self._waiting.append(rows.select(self._key))
        # Asking the database costs the same for few rows as for many.
        if sum(part.num_rows for part in self._waiting) >= _ROWS_AT_ONCE:
            self._hash_waiting()

    def ordinals(self, earlier: pa.Table | None = None) -> np.ndarray:
        """Return the number of earlier rows with the same key, for every row so far.

        Parameters
        ----------
        earlier
            Rows of the same file that came before all of these; their own ordinals are not returned.
        """
        self._hash_waiting()
        before = [] if earlier is None else [self._hash(earlier)]
        skipped = sum(len(hashes) for hashes in before)
        return count_earlier(np.concatenate([*before, *self._hashes]))[skipped:]

    def _hash_waiting(self) -> None:
        if self._waiting:
            self._hashes.append(self._hash(pa.concat_tables(self._waiting)))
            self._waiting = []

    def _hash(self, rows: pa.Table) -> np.ndarray:
        columns = ", ".join(f'"{name}"' for name in self._key)
        statement = f"select hash({columns}) as h from keys"  # noqa: S608 - the schema's own column names
        with _duckdb().cursor() as connection:
            connection.register("keys", rows.select(self._key))
            return np.asarray(connection.execute(statement).fetchnumpy()["h"], dtype=np.uint64)


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    """Return a database in memory; opening one takes longer than hashing the keys of a small file."""
    return duckdb.connect()


def count_earlier(keys: np.ndarray) -> np.ndarray:
    """Count the equal keys before each.

    >>> count_earlier(np.array([7, 3, 7, 7])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    positions = np.arange(len(keys))
    begins = np.append(True, ordered[1:] != ordered[:-1])[: len(keys)]
    rank = positions - np.maximum.accumulate(np.where(begins, positions, 0))
    ordinals = np.empty(len(keys), dtype=np.int32)
    ordinals[order] = rank
    return ordinals
