"""What a table of the lake is described by: grain, key, columns with type, unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its Arrow type, unit, one-line meaning, and, for an enum, its closed set of values."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    values: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    ``month_of`` names the columns whose first non-null time decides the ``month`` partition; a table without them is
    not partitioned. ``key`` identifies a record across files: of two records with one key the one that knows when it
    ended (``settled_by``) wins, then one whose format is not ``second_hand``, then the one taken in later; in a
    ``merged`` table it takes over from the other what it does not know itself.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    month_of: tuple[str, ...]
    columns: tuple[Column, ...]
    settled_by: str | None = None
    merged: bool = False
    second_hand: tuple[str, ...] = ()

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema of the columns a source fills."""
        return pa.schema([pa.field(c.name, c.type, nullable=not c.required) for c in self.columns])

    @property
    def partitions(self) -> tuple[str, ...]:
        """The partition columns of the Delta table."""
        return ("cluster", "month") if self.month_of else ()

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises
        ------
        KeyError
            If the table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
