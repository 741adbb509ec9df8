"""DuckDB over the lake's current snapshot: views for the tables and marts, and the persistent catalog."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy.typing as npt
import pyarrow as pa

from reliability.errors import LakeWriteError, QueryError
from reliability.lake import Lake
from reliability.marts import MARTS, Parameters, ingests_sql, latest_sql, mart_sql, marts_in
from reliability.schema import DATA_TABLES, SCHEMA_VERSION, TABLES
from reliability.table import Table

#: how DuckDB spells the first value that is not null
_FIRST_KNOWN: Final = "first_value({} IGNORE NULLS)"
_DUCKDB_TYPES: Final = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
}

#: small marts that are read several times for one answer: worked out once
_KEPT: Final = ("observation", "fleet", "node_troubles", "grouped_lives", "sign_bursts", "event_members")

Row = dict[str, Any]


class DuckDBEngine:
    """One in-memory connection with the tables of a lake as views; marts become views when a statement names them.

    The snapshot is taken when the engine is made: an ingest that commits later does not change what it sees.
    """

    def __init__(self, lake: Lake, parameters: Parameters | None = None) -> None:
        self.connection = duckdb.connect()
        _prepare(self.connection)
        _create_tables(self.connection, lake, parameters or Parameters())
        self._made: set[str] = set()
        self._kept: set[str] = set(_KEPT)

    def rows(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Row]:
        """Run one statement with bound values and return its rows as dictionaries.

        Raises
        ------
        QueryError
            If DuckDB refuses it.
        """
        try:
            self._make(sql)
            cursor = self.connection.execute(sql, values)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.Error as error:
            raise QueryError(_one_line(error)) from error

    def arrow(self, sql: str) -> pa.Table:
        """Run one statement and return an Arrow table: for arrays that go to the models.

        Raises
        ------
        QueryError
            If DuckDB refuses it.
        """
        try:
            self._make(sql)
            return self.connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(_one_line(error)) from error

    def ask(self, question: str, **values: object) -> list[Row]:
        """Run a statement of ``sql/questions`` with its ``$names`` bound.

        Raises
        ------
        QueryError
            If DuckDB refuses it.
        """
        return self.rows(mart_sql(f"questions/{question}"), values)

    def columns(self, question: str, **values: object) -> dict[str, npt.NDArray[Any]]:
        """Run a statement of ``sql/questions`` and return its columns as arrays: for the models.

        Raises
        ------
        QueryError
            If DuckDB refuses it.
        """
        sql = mart_sql(f"questions/{question}")
        try:
            self._make(sql)
            table = self.connection.sql(sql, params=values or None).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(_one_line(error)) from error
        return {name: table.column(name).to_numpy(zero_copy_only=False) for name in table.column_names}

    def keep(self, *marts: str) -> None:
        """Work these marts out once, for several questions; before anything has read them.

        Raises
        ------
        QueryError
            If DuckDB refuses it.
        """
        self._kept |= set(marts)
        for mart in marts:
            self.rows(f"SELECT 1 FROM {mart} LIMIT 0")  # noqa: S608 - names of our own

    def name(self, view: str, mart: str) -> None:
        """Let questions call a mart by another name: one text for the exposure of nodes, attempts and components.

        Raises
        ------
        QueryError
            If DuckDB refuses it.
        """
        self.rows(f"CREATE OR REPLACE TEMPORARY VIEW {view} AS SELECT * FROM {mart}")  # noqa: S608 - names of our own

    def select(self, statement: str) -> list[Row]:
        """Run a user's statement, which must be a single SELECT.

        Raises
        ------
        QueryError
            If it is anything else, or DuckDB refuses it.
        """
        try:
            statements = self.connection.extract_statements(statement)
        except duckdb.Error as error:
            raise QueryError(_one_line(error)) from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QueryError("only one SELECT at a time; the lake is changed by ingest alone")
        return self.rows(statement)

    def close(self) -> None:
        """Free the connection."""
        self.connection.close()

    def _make(self, sql: str) -> None:
        # Binding a view binds all it reads, down to the files: only what is asked for is worth that.
        for mart in marts_in(sql):
            if mart not in self._made:
                self._made.add(mart)
                text = mart_sql(mart)
                self._make(text)
                kind = "TEMPORARY TABLE" if mart in self._kept else "VIEW"
                self.connection.execute(f"CREATE {kind} {mart} AS {text}")


def write_catalog(lake: Lake) -> Path:
    """Write ``catalog.duckdb``: the same views, for any DuckDB client. Atomic; an open reader keeps its own copy.

    Raises
    ------
    LakeWriteError
        If the storage refuses.
    """
    fresh = lake.catalog_path.with_suffix(f".{os.getpid()}.new")
    try:
        if not _renewed(lake, fresh):
            fresh.unlink(missing_ok=True)
            with duckdb.connect(str(fresh)) as connection:
                _prepare(connection)
                _create_tables(connection, lake, Parameters())
                for mart in MARTS:
                    connection.execute(f"CREATE VIEW {mart} AS {mart_sql(mart)}")
                connection.execute("CREATE TABLE made_from AS SELECT ? AS digest", [_digest_of_marts()])
        fresh.replace(lake.catalog_path)
    except (OSError, duckdb.Error) as error:  # a full disk shows as any of DuckDB's errors
        raise LakeWriteError(lake.path, _one_line(error)) from error
    finally:
        fresh.unlink(missing_ok=True)
    return lake.catalog_path


def _renewed(lake: Lake, fresh: Path) -> bool:
    """Copy the catalog and point its tables to the files of now; False if it has to be made anew.

    Making the marts binds each with all it reads, which takes longer than a small ingest; they do not change with it.
    """
    if not lake.catalog_path.exists():
        return False
    try:
        shutil.copyfile(lake.catalog_path, fresh)
        with duckdb.connect(str(fresh)) as connection:
            if connection.execute("SELECT digest FROM made_from").fetchall() != [(_digest_of_marts(),)]:
                return False
            connection.execute("SET TimeZone = 'UTC'")
            _create_tables(connection, lake, Parameters())
    except duckdb.Error:
        return False  # not ours, damaged, or of another release
    return True


def _digest_of_marts() -> str:
    texts = [str(SCHEMA_VERSION), mart_sql("macros.duckdb"), *(mart_sql(mart) for mart in MARTS)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _prepare(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")  # it is drawn on stdout, which holds the answer
    connection.execute(mart_sql("macros.duckdb"))


def _create_tables(connection: duckdb.DuckDBPyConnection, lake: Lake, parameters: Parameters) -> None:
    row = parameters.row()
    columns = ", ".join(f"{name} {'VARCHAR' if isinstance(value, str) else 'BIGINT'}" for name, value in row.items())
    connection.execute(f"CREATE OR REPLACE TABLE parameters ({columns})")
    connection.execute(f"INSERT INTO parameters VALUES ({', '.join('?' * len(row))})", list(row.values()))  # noqa: S608 - question marks only
    ingests = ingests_sql(f"({_stored(lake, TABLES['ingests'])})")
    connection.execute(f"CREATE OR REPLACE VIEW ingests AS {ingests}")
    connection.execute(
        f"CREATE OR REPLACE VIEW rejects AS SELECT * FROM ({_stored(lake, TABLES['rejects'])}) AS stored "  # noqa: S608 - schema names
        "WHERE ingest_id IN (SELECT ingest_id FROM ingests)"
    )
    for table in DATA_TABLES:
        source = f"({_stored(lake, table)})"
        exposed = ", ".join(_quoted(name) for name in _exposed(table))
        latest = latest_sql(table, source, _FIRST_KNOWN)
        connection.execute(f"CREATE OR REPLACE VIEW {table.name} AS SELECT {exposed} FROM ({latest}) AS latest")  # noqa: S608 - schema names


def _exposed(table: Table) -> list[str]:
    names = [column.name for column in table.columns]
    if table.name == "jobs":
        names.insert(names.index("job_id_raw") + 1, "attempt")
    return names


def _stored(lake: Lake, table: Table) -> str:
    columns = ", ".join(
        f"CAST({_quoted(c.name)} AS {_duckdb_type(c.type)}) AS {_quoted(c.name)}" for c in table.columns
    )
    files = lake.files(table.name)
    if not files:
        nulls = ", ".join(f"CAST(NULL AS {_duckdb_type(c.type)}) AS {_quoted(c.name)}" for c in table.columns)
        return f"SELECT {nulls} WHERE FALSE"
    paths = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
    hive = (
        ", hive_partitioning = true, hive_types = {'cluster': VARCHAR, 'month': VARCHAR}"
        if table.partitions
        else ", hive_partitioning = false"
    )
    return f"SELECT {columns} FROM read_parquet([{paths}]{hive})"  # noqa: S608 - the lake's own files, quoted


def _duckdb_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    if pa.types.is_list(kind):
        return f"{_duckdb_type(kind.value_type)}[]"
    if pa.types.is_map(kind):
        return f"MAP({_duckdb_type(kind.key_type)}, {_duckdb_type(kind.item_type)})"
    return _DUCKDB_TYPES[kind]


def _quoted(name: str) -> str:
    return f'"{name}"'


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
