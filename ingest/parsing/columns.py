"""Columns of text to columns of values, each distinct text parsed once, and nothing unparsable let through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.parsing.times import LocalTimes, as_mask


class Refusals:
    """Which rows of a block are refused, and why; the first reason counts."""

    def __init__(self, rows: int) -> None:
        self._refused = np.zeros(rows, dtype=bool)
        self.reasons: dict[int, str] = {}

    @property
    def mask(self) -> np.ndarray:
        """True where a row is refused, shape (rows,)."""
        return self._refused

    def add(self, mask: np.ndarray, reason: Callable[[int], str]) -> None:
        """Refuse the rows of a mask, with a reason made from the row's position."""
        for row in np.flatnonzero(mask & ~self._refused):
            self.reasons[int(row)] = reason(int(row))
        self._refused |= mask


def parse_distinct(
    column: pa.Array, parser: Callable[[str], Any], kind: pa.DataType, refusals: Refusals, name: str
) -> pa.Array:
    """Apply a parser to a column, once per distinct text.

    Parameters
    ----------
    column
        Array of strings, shape (rows,).
    parser
        Returns the value, None for a legitimate unknown, and raises ValueError for anything else.
    kind
        Arrow type of the values.
    refusals
        Gets the rows whose text cannot be parsed.
    name
        What the column is called in the reason.

    Returns
    -------
    pa.Array
        Values, shape (rows,); null where unknown or refused.

    Examples
    --------
    >>> refusals = Refusals(3)
    >>> parse_distinct(pa.array(["1", "x", "1"]), int, pa.int64(), refusals, "NNodes").to_pylist()
    [1, None, 1]
    >>> refusals.reasons
    {1: "NNodes 'x': invalid literal for int() with base 10: 'x'"}
    """
    encoded = column.dictionary_encode()
    values: list[Any] = []
    failures: dict[int, str] = {}
    for code, text in enumerate(encoded.dictionary.to_pylist()):
        try:
            values.append(parser(text))
        except ValueError as error:
            values.append(None)
            failures[code] = f"{name} {text[:80]!r}: {error}"
    if failures:
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        refusals.add(np.isin(codes, list(failures)), lambda row: failures[int(codes[row])])
    return pa.array(values, kind).take(encoded.indices)


def refuse_times(refusals: Refusals, times: LocalTimes, column: pa.Array, name: str, zone: str) -> None:
    """Refuse the rows whose text is no time, or one that the clocks of the zone skipped."""
    refusals.add(times.unreadable, quoting(f"{name} {{text!r}}: not a time such as 2024-03-10T02:30:00", column))
    refusals.add(
        times.nonexistent, quoting(f"{name} {{text!r}}: no such time in {zone}, the clocks skipped it", column)
    )


def quoting(template: str, column: pa.Array) -> Callable[[int], str]:
    """Return a reason that quotes a row's text in place of ``{text!r}``."""
    return lambda row: template.format(text=column[row].as_py()[:80])


def text_or_null(column: pa.Array) -> pa.Array:
    """Return a column of free text, empty as null."""
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def any_of(column: pa.Array, *values: str) -> np.ndarray:
    """Tell which rows hold one of the values."""
    return as_mask(pc.is_in(column, value_set=pa.array(values)))
