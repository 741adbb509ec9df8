"""What the ingest tests share: a fresh lake, a way to feed it, and its rows without what differs from run to run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from ingest.pipeline import ingest_paths
from ingest.report import IngestReport
from ingest.source import Options
from reliability.lake import Lake, create_lake
from reliability.schema import TABLES

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

Rows = Callable[..., list[dict[str, Any]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/cases/*/*.expected.json anew")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return create_lake(tmp_path / "lake")


@pytest.fixture
def feed(lake: Lake, tmp_path: Path) -> Callable[..., IngestReport]:
    """Feed paths or literal content to the lake."""

    def run(*given: Path | str | bytes, **options: Any) -> IngestReport:
        return ingest_paths(
            lake, [_as_file(item, tmp_path, i) for i, item in enumerate(given)], Options(**options), lambda: NOW
        )

    return run


def _as_file(item: Path | str | bytes, folder: Path, number: int) -> Path:
    if isinstance(item, Path):
        return item
    path = folder / f"input-{number}-{len(list(folder.iterdir()))}"
    path.write_bytes(item.encode() if isinstance(item, str) else item)
    return path


@pytest.fixture
def rows(lake: Lake) -> Rows:
    """Rows of a table, in a fixed order, without lineage by content."""
    return lambda table, of=lake: lake_rows(of, table)


@pytest.fixture
def everything(lake: Lake) -> Callable[..., dict[str, Any]]:
    """All tables of the lake that hold rows."""
    return lambda of=lake: {name: found for name in TABLES if (found := lake_rows(of, name))}


def lake_rows(lake: Lake, table: str) -> list[dict[str, Any]]:
    kept = [
        name for name in TABLES[table].arrow.names if name not in {"ingest_id", "path", "file_modified_utc", "settings"}
    ]
    found = DeltaTable(lake.path / table).to_pyarrow_table().select(kept).to_pylist()
    return sorted((_plain(row) for row in found), key=lambda row: json.dumps(row, sort_keys=True))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times as text and unlimited as text, so that rows compare and print the same everywhere."""
    return {name: _plain_value(value) for name, value in row.items() if value is not None}


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if value == float("inf"):
        return "Infinity"
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return dict(value)
    return value
