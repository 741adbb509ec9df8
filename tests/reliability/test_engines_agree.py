"""One text, two engines: on a lake with something of everything Spark answers every mart as DuckDB does."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake
from reliability.marts import MARTS, Parameters
from tests.lakes import sample_lake

pytestmark = [pytest.mark.needs_java]

WINDOW = {
    "window_from_utc": datetime(2026, 1, 5, tzinfo=UTC),
    "window_to_utc": datetime(2026, 1, 25, 6, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return sample_lake(tmp_path_factory.mktemp("engines") / "lake", nodes=22, days=40)


def comparable(value: Any) -> Any:
    """Numbers to 12 digits, times as instants, lists as tuples: what an engine may print differently."""
    if isinstance(value, float | Decimal):
        return None if math.isnan(value) else float(f"{float(value):.12g}")
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, list | tuple):
        return tuple(comparable(item) for item in value)
    if isinstance(value, dict):
        return tuple(sorted(value.items()))
    return value


def answer(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((tuple(comparable(row[name]) for name in sorted(row)) for row in rows), key=repr)


@pytest.mark.parametrize("mart", MARTS)
def test_spark_answers_as_duckdb_does(mart: str, lake: Lake, spark: Any) -> None:
    from reliability.engines.spark_engine import SparkEngine

    parameters = Parameters(component="gpu", group_by="month" if mart.endswith("_rates") else "", min_gpus=8, **WINDOW)
    with closing(DuckDBEngine(lake, parameters)) as engine:
        expected = engine.rows(f"SELECT * FROM {mart}")
    found = SparkEngine(spark, lake, parameters).rows(f"SELECT * FROM {mart}")
    assert answer(found) == answer(expected)
    assert found or mart == "component_rates"
