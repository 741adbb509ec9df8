"""Spark over the lake's current snapshot: the same views from the same text, for lakes too large for one machine.

Needs ``pyspark`` and Java, which the platform itself does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from reliability.marts import Parameters, ingests_sql, latest_sql, mart_sql, marts_in
from reliability.schema import DATA_TABLES, TABLES
from reliability.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import SparkSession

    from reliability.lake import Lake

_SPARK_TYPES: Final = {
    pa.string(): "STRING",
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
}


#: marts that others read several times: computed once, or the plan of a query would hold them dozens of times
_KEPT: Final = (
    *("observation", "fleet", "attempts", "attributions", "attempt_parts"),
    *("preemption_links", "ledger_window", "node_capacity", "allocations", "node_allocation"),
)


#: how Spark spells the first value that is not null
_FIRST_KNOWN: Final = "first_value({}) IGNORE NULLS"


class SparkEngine:
    """The tables of a lake as temporary views of a Spark session; marts become views when a statement names them.

    Parameters
    ----------
    session
        A session whose time zone is UTC and whose partition columns stay text (see :func:`configure`).
    """

    def __init__(self, session: SparkSession, lake: Lake, parameters: Parameters | None = None) -> None:
        self.session = session
        self._made: set[str] = set()
        _create_tables(session, lake, parameters or Parameters())

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Run one statement and return its rows as dictionaries."""
        self._make(marts_in(sql))
        return [row.asDict() for row in self.session.sql(sql).collect()]

    def _make(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._made:
                continue
            text = mart_sql(name)
            self._make(mart for mart in marts_in(text) if mart != name)
            frame = self.session.sql(text)
            (frame.localCheckpoint() if name in _KEPT else frame).createOrReplaceTempView(name)
            self._made.add(name)


def configure(session: SparkSession) -> SparkSession:
    """Set what the views rely on: UTC, and a cluster named ``007`` staying text."""
    session.conf.set("spark.sql.session.timeZone", "UTC")
    session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    return session


def _create_tables(session: SparkSession, lake: Lake, parameters: Parameters) -> None:
    row = parameters.row()
    schema = ", ".join(f"{name} {'STRING' if isinstance(value, str) else 'BIGINT'}" for name, value in row.items())
    session.createDataFrame([tuple(row.values())], schema).createOrReplaceTempView("parameters")
    for name in ("ingests", "rejects"):
        _stored(session, lake, TABLES[name])
    session.sql(ingests_sql("stored_ingests")).createOrReplaceTempView("ingests")
    session.table("stored_rejects").createOrReplaceTempView("rejects")
    for table in DATA_TABLES:
        _stored(session, lake, table)
        latest = session.sql(latest_sql(table, f"stored_{table.name}", _FIRST_KNOWN))
        latest.drop("recency").createOrReplaceTempView(table.name)


def _stored(session: SparkSession, lake: Lake, table: Table) -> None:
    files = lake.files(table.name)
    if files:
        frame = session.read.option("basePath", str(lake.path / table.name)).parquet(*files)
    else:
        frame = session.createDataFrame([], ", ".join(f"`{c.name}` {_spark_type(c.type)}" for c in table.columns))
    frame.createOrReplaceTempView(f"stored_{table.name}")


def _spark_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP"
    if pa.types.is_list(kind):
        return f"ARRAY<{_spark_type(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"MAP<{_spark_type(kind.key_type)}, {_spark_type(kind.item_type)}>"
    return _SPARK_TYPES[kind]
