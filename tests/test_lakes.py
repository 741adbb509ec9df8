"""The helper that builds lakes for the other tests."""

from contextlib import closing

import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from tests.lakes import add_ingest, build_lake


def rows(lake, sql):
    with closing(DuckDBEngine(lake)) as engine:
        return engine.rows(sql)


def test_a_row_gets_what_the_test_leaves_out(tmp_path):
    lake = build_lake(
        tmp_path / "lake", jobs=[{"nodes": ["n1", "n2"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}]
    )
    assert rows(lake, "SELECT job_id, gpu_count, state, submit_utc = start_utc AS same FROM jobs") == [
        {"job_id": "1", "gpu_count": 16, "state": "COMPLETED", "same": True}
    ]


def test_a_later_ingest_wins_over_an_earlier_one(tmp_path):
    job = {"job_id": "7", "nodes": ["n1"], "start_utc": "2026-01-02"}
    lake = build_lake(tmp_path / "lake", jobs=[job | {"state": "RUNNING"}])
    add_ingest(lake, jobs=[job | {"state": "COMPLETED", "end_utc": "2026-01-03"}], ingested_utc="2026-03-02")
    assert rows(lake, "SELECT state FROM jobs") == [{"state": "COMPLETED"}]


def test_every_ingest_stands_with_what_it_covers(tmp_path):
    lake = build_lake(tmp_path / "lake", node_states=[{"node": "n1", "from_utc": "2026-01-05"}], rejects=[{}, {}])
    assert rows(lake, "SELECT covers, rows_read, rows_rejected FROM ingests") == [
        {"covers": ["node_states"], "rows_read": 3, "rows_rejected": 2}
    ]
    assert rows(lake, "SELECT line_number FROM rejects ORDER BY 1") == [{"line_number": 1}, {"line_number": 2}]


@pytest.mark.parametrize(("table", "row"), [("jobs", {"colour": "red"}), ("nodes", {"nodename": "n1"})])
def test_a_mistyped_column_is_an_error(tmp_path, table, row):
    with pytest.raises(KeyError, match="has no column"):
        build_lake(tmp_path / "lake", **{table: [row]})


def test_a_mistyped_table_is_an_error(tmp_path):
    with pytest.raises(TypeError, match="no such tables: job"):
        build_lake(tmp_path / "lake", job=[{}])
