"""Rows as a source hands them over, checked against the schema and completed."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from reliability.schema import LINEAGE, TABLES
from reliability.table import Table

_LINEAGE_NAMES = frozenset(column.name for column in LINEAGE)


class SchemaViolationError(Exception):
    """A source handed over rows that the schema forbids: a mistake in the source, not in the log."""

    def __init__(self, table: str, column: str, reason: str) -> None:
        super().__init__(f"{table}.{column}: {reason}")


def conform(table: str, rows: pa.Table, cluster: str | None, unnamed: str) -> pa.Table:
    """Bring rows into the table's schema, without lineage.

    Parameters
    ----------
    table
        A name of :data:`reliability.schema.TABLES`.
    rows
        The columns the source knows, in any order.
    cluster
        The user's name for the cluster, which overrides the file's own.
    unnamed
        Cluster of rows for which neither names one.

    Returns
    -------
    pa.Table
        Every column but the lineage, in the schema's order and types; unknown ones null.

    Raises
    ------
    SchemaViolationError
        If a column is unknown, a required value missing, or a value outside a closed set.
    """
    spec = TABLES[table]
    stray = set(rows.column_names) - {column.name for column in spec.columns}
    if stray:
        raise SchemaViolationError(table, min(stray), "the schema has no such column")
    columns = [_conform_column(spec, field, rows, cluster, unnamed) for field in spool_schema(spec)]
    return pa.Table.from_arrays(columns, schema=spool_schema(spec))


def spool_schema(table: Table) -> pa.Schema:
    """Return the table's schema without the lineage that is added at the commit."""
    return pa.schema([field for field in table.arrow if field.name not in _LINEAGE_NAMES])


def _conform_column(
    spec: Table, field: pa.Field, rows: pa.Table, cluster: str | None, unnamed: str
) -> pa.ChunkedArray | pa.Array:
    known = field.name in rows.column_names
    if field.name == "cluster":
        if cluster is None and known:
            return pc.fill_null(rows["cluster"], unnamed)
        return pa.repeat(pa.scalar(cluster or unnamed), rows.num_rows)
    column = spec.column(field.name)
    if not known:
        if column.required:
            raise SchemaViolationError(spec.name, field.name, "required, but the source does not give it")
        return pa.nulls(rows.num_rows, field.type)
    values = rows[field.name].cast(field.type)
    if column.required and values.null_count:
        raise SchemaViolationError(spec.name, field.name, "required, but null in some rows")
    if column.values:
        allowed = pa.array(column.values)
        found = pc.unique(values).drop_null()
        strange = found.filter(pc.invert(pc.is_in(found, value_set=allowed)))
        if len(strange):
            raise SchemaViolationError(spec.name, field.name, f"{strange[0].as_py()!r} is none of its values")
    return values
