"""Both engines behind one fixture: every mart is asked on DuckDB and on Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake
from reliability.marts import Parameters

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def spark(java: str) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    from reliability.engines.spark_engine import configure

    session = (
        SparkSession.builder.master("local[1]")
        .appName("tests")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", "2g")
        # Tiny rows: compiling a query costs far more than running it.
        .config("spark.sql.codegen.wholeStage", "false")
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.adaptive.enabled", "false")
        .getOrCreate()
    )
    yield configure(session)
    session.stop()


ENGINES = ["duckdb", pytest.param("spark", marks=[pytest.mark.needs_java, pytest.mark.xdist_group("spark")])]


@pytest.fixture(params=ENGINES)
def ask(request: pytest.FixtureRequest) -> Ask:
    """``ask(lake, sql, **parameters)``: the rows of a statement on one engine."""
    return asker(request)


@pytest.fixture(params=ENGINES, scope="module")
def ask_once(request: pytest.FixtureRequest) -> Ask:
    """``ask`` for fixtures that ask once for all tests of a module."""
    return asker(request)


def asker(request: pytest.FixtureRequest) -> Ask:
    """Return the function that asks the engine of this name."""
    if request.param == "spark":
        session = request.getfixturevalue("spark")

        def on_spark(lake: Lake, sql: str, **parameters: Any) -> list[dict[str, Any]]:
            from reliability.engines.spark_engine import SparkEngine

            return SparkEngine(session, lake, Parameters(**parameters)).rows(sql)

        return on_spark

    def on_duckdb(lake: Lake, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        with closing(DuckDBEngine(lake, Parameters(**parameters))) as engine:
            return engine.rows(sql)

    return on_duckdb
