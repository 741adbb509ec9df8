"""The ledger beside the true one: pure counting, on made-up clusters and on one whose truth is written by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reliability.validation.case import NO_INTAKE, Case
from reliability.validation.ledger import LedgerPair, count_ledger, find_ledger
from tests.lakes import build_lake

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
TRUE = {"productive": 800.0, "idle": 100.0, "lost_first_order": 60.0, "lost_second_order": 40.0}


def test_equal_ledgers_have_no_error_and_reach_every_bar() -> None:
    found = find_ledger([LedgerPair(TRUE, TRUE)] * 2, 0.9)
    assert found.headline == {"ledger_max_error": 0.0}
    rows = {row.measure: row for row in found.rows}
    assert (rows["ledger_buckets"].hits, rows["ledger_buckets"].n) == (8, 8)
    assert rows["ledger_failure_loss"].ok is True


def test_the_largest_error_names_its_bucket_and_fails_the_bar() -> None:
    wrong = TRUE | {"productive": 830.0, "lost_first_order": 30.0}
    found = find_ledger([LedgerPair(wrong, TRUE)], 0.9)
    assert found.headline["ledger_max_error"] == pytest.approx(0.03)
    rows = {row.measure: row for row in found.rows}
    assert rows["ledger_buckets"].ok is False
    assert rows["ledger_failure_loss"].ok is False
    assert "lost_first_order 0.500 of the truth" in rows["ledger_failure_loss"].note


def test_clusters_are_pooled_for_the_losses_and_apart_for_the_buckets() -> None:
    more, less = TRUE | {"lost_first_order": 80.0, "idle": 80.0}, TRUE | {"lost_first_order": 40.0, "idle": 120.0}
    found = find_ledger([LedgerPair(more, TRUE), LedgerPair(less, TRUE)], 0.9)
    rows = {row.measure: row for row in found.rows}
    assert rows["ledger_failure_loss"].hits == 2
    assert (rows["ledger_buckets"].hits, rows["ledger_buckets"].n) == (4, 8)


def test_a_bucket_that_only_one_side_knows_counts_as_nothing_on_the_other() -> None:
    found = find_ledger([LedgerPair(TRUE | {"unknown": 50.0, "idle": 50.0}, TRUE)], 0.9)
    table = {row["bucket"]: row for row in found.tables["ledger"]}
    assert table["unknown"]["error_share"] == pytest.approx(0.05)
    assert table["unknown"]["ratio"] is None


def test_without_a_ledger_nothing_is_said() -> None:
    found = find_ledger([None], 0.9)
    assert found.headline == {"ledger_max_error": None}
    assert [row.ok for row in found.rows] == [None, None, None]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """One node of 8 GPUs, watched for a day: a job of half a day that completed, then nothing."""
    jobs = [
        {
            "job_id": "1",
            "nodes": ["n0"],
            "gpu_count": 8,
            "submit_utc": BEGIN,
            "start_utc": BEGIN,
            "end_utc": BEGIN + timedelta(hours=12),
        },
        {
            "job_id": "2",
            "nodes": ["n0"],
            "gpu_count": 8,
            "submit_utc": BEGIN + timedelta(hours=23),
            "start_utc": BEGIN + timedelta(hours=23),
            "end_utc": BEGIN + timedelta(hours=24),
        },
    ]
    lake = build_lake(tmp_path / "lake", jobs=jobs, nodes=[{"node": "n0", "from_utc": BEGIN}])
    truth = tmp_path / "truth"
    truth.mkdir()
    rows = {"bucket": ["productive", "slowed", "lost_infrastructure", "idle"], "gpu_seconds": [9.0, 1.0, 2.0, 3.0]}
    pq.write_table(pa.table(rows), truth / "ledger.parquet")
    return Case(lake, truth, NO_INTAKE)


def test_the_ledger_of_a_lake_adds_up_and_the_truth_is_called_by_our_names(case: Case) -> None:
    pair = count_ledger(case, 0.9)
    assert pair is not None
    assert pair.true == {"productive": 10.0, "lost_first_order": 2.0, "idle": 3.0}
    capacity = sum(pair.measured.values())
    assert capacity % (8 * 86_400.0) == pytest.approx(0.0)
    assert pair.measured["idle"] == pytest.approx(capacity - 8 * 13 * 3600.0)
    assert pair.measured["productive"] == pytest.approx(8 * (13 * 3600.0 - 600.0))


def test_a_cluster_whose_truth_has_no_ledger_counts_nothing(case: Case, tmp_path: Path) -> None:
    assert count_ledger(Case(case.lake, tmp_path / "nowhere", NO_INTAKE), 0.9) is None
