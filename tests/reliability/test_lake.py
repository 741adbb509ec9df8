"""The lake: made once, written atomically, never twice, never among a user's own files."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from reliability.engines.duckdb_engine import DuckDBEngine, write_catalog
from reliability.errors import LakeNotFoundError, LakeVersionError, LakeWriteError, NotALakeError
from reliability.lake import create_lake, open_lake
from reliability.schema import TABLES
from tests.lakes import add_ingest, build_lake


def reject_batch(number: int, ingest_id: str) -> pa.RecordBatch:
    row = {
        "cluster": "c",
        "path": "p",
        "line_number": number,
        "line": "x",
        "reason": "because",
        "ingest_id": ingest_id,
    }
    return pa.RecordBatch.from_pylist([row], schema=TABLES["rejects"].arrow)


def test_every_table_of_the_schema_is_there_from_the_start(tmp_path: Path) -> None:
    lake = create_lake(tmp_path / "lake")
    assert {name for name in TABLES if DeltaTable(lake.path / name).version() == 0} == set(TABLES)
    assert open_lake(lake.path).version() == lake.version()


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_keys_and_partitions_name_columns_that_exist(table: object) -> None:
    names = {column.name for column in table.columns}
    assert set(table.key) <= names
    assert set(table.month_of) <= names
    assert all(column.meaning for column in table.columns)
    times = {column.name for column in table.columns if pa.types.is_timestamp(column.type)}
    assert all(name.endswith("_utc") for name in times)


def test_the_same_ingest_is_appended_once(tmp_path: Path) -> None:
    lake = create_lake(tmp_path / "lake")
    assert lake.append("rejects", [reject_batch(1, "a")], "a") is True
    assert lake.append("rejects", [reject_batch(1, "a")], "a") is False
    assert DeltaTable(lake.path / "rejects").to_pyarrow_table().num_rows == 1


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    lake = create_lake(tmp_path / "lake")

    def interrupted() -> Iterator[pa.RecordBatch]:
        yield reject_batch(1, "a")
        raise OSError("No space left on device")

    with pytest.raises(LakeWriteError, match="No space left"):
        lake.append("rejects", interrupted(), "a")
    assert not lake.has_commit("rejects", "a")
    assert lake.files("rejects") == []


def test_rows_whose_ingest_never_finished_are_not_seen(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}])
    row = {"cluster": "c1", "node": "ghost", "repeat_ordinal": 0, "ingest_id": "killed"}
    lake.append("nodes", [pa.RecordBatch.from_pylist([row], schema=TABLES["nodes"].arrow)], "killed")
    lake.append("rejects", [reject_batch(1, "killed")], "killed")
    engine = DuckDBEngine(lake)
    assert engine.rows("SELECT node FROM nodes") == [{"node": "n1"}]
    assert engine.rows("SELECT * FROM rejects") == []


@pytest.mark.parametrize("cluster", ["a b/c=é%20", "it's", "007", "..", "x\ty", "NULL"])
def test_odd_cluster_names_come_back_as_they_were(cluster: str, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", cluster=cluster, nodes=[{"node": "n1", "from_utc": "2026-01-01"}])
    assert DuckDBEngine(lake).rows("SELECT cluster, node FROM nodes") == [{"cluster": cluster, "node": "n1"}]


def test_an_engine_keeps_the_snapshot_it_was_made_from(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}])
    before = DuckDBEngine(lake)
    add_ingest(lake, nodes=[{"node": "n2"}])
    assert len(before.rows("SELECT * FROM nodes")) == 1
    assert len(DuckDBEngine(lake).rows("SELECT * FROM nodes")) == 2


def test_a_folder_of_something_else_is_never_made_a_lake(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(NotALakeError):
        create_lake(tmp_path)
    with pytest.raises(NotALakeError):
        open_lake(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotALakeError):
        create_lake(tmp_path / "file")


def test_a_missing_lake_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LakeNotFoundError):
        open_lake(tmp_path / "none")


def test_a_creation_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    lake = create_lake(tmp_path / "lake")
    (lake.path / "lake.json").unlink()
    assert create_lake(tmp_path / "lake").version() == lake.version()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (json.dumps({"schema_version": 99}), LakeVersionError),
        ("{", NotALakeError),
        ("[]", NotALakeError),
        ("{}", NotALakeError),
    ],
)
def test_a_lake_of_another_release_or_a_broken_one_is_refused(
    text: str, error: type[Exception], tmp_path: Path
) -> None:
    lake = create_lake(tmp_path / "lake")
    (lake.path / "lake.json").write_text(text)
    with pytest.raises(error):
        open_lake(lake.path)


def append_many(path: str, writer: int, times: int) -> None:
    lake = create_lake(Path(path))
    for number in range(times):
        name = f"{writer}-{number}"
        lake.append("rejects", [reject_batch(number, name)], name)


def test_writers_side_by_side_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=append_many, args=(str(tmp_path / "lake"), writer, 5)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert DeltaTable(tmp_path / "lake" / "rejects").to_pyarrow_table().num_rows == 15


def test_the_catalog_follows_the_lake_and_does_not_grow_without_end(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}])
    write_catalog(lake)
    first = lake.catalog_path.stat().st_size
    for number in range(30):
        add_ingest(
            lake, jobs=[{"job_id": f"x{number}", "nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}]
        )
        write_catalog(lake)
    with duckdb.connect(str(lake.catalog_path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM attempts").fetchall() == [(31,)]
    assert lake.catalog_path.stat().st_size < 8 * first


@pytest.mark.parametrize("damage", [b"no database", b""])
def test_a_damaged_catalog_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}])
    lake.catalog_path.write_bytes(damage)
    write_catalog(lake)
    with duckdb.connect(str(lake.catalog_path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchall() == [(1,)]
