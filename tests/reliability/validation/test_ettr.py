"""ETTR of long runs beside the truth: counted by hand on made-up runs, and read from a lake of a few jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reliability.validation.case import NO_INTAKE, Case
from reliability.validation.ettr import EttrPairs, RunPair, count_ettr, find_ettr
from tests.lakes import build_lake

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
DAY = 86_400.0


def run(measured: float, true: float, gpus: int = 64) -> RunPair:
    return RunPair(gpus, measured * DAY, DAY, true * DAY, DAY)


def test_an_interval_that_holds_the_true_ettr_of_the_same_runs_counts_as_covering() -> None:
    runs = (run(0.9, 0.91), run(0.8, 0.81))
    found = find_ettr([EttrPairs(runs, 0.8, 0.9), EttrPairs(runs, 0.87, 0.9), EttrPairs(runs[:1], None, None)], 0.9)
    assert found.headline == {"ettr_covered": 1, "ettr_intervals": 2}


def test_a_run_is_near_within_two_hundredths_and_the_errors_are_listed_by_size() -> None:
    runs = (run(0.9, 0.91), run(0.9, 0.85), run(0.9, 0.9, gpus=2048))
    found = find_ettr([EttrPairs(runs, 0.8, 0.95)], 0.9)
    near = {row.measure: row for row in found.rows}["ettr_near"]
    assert (near.hits, near.n, near.ok) == (2, 3, False)
    assert [(row["gpus_from"], row["runs"]) for row in found.tables["ettr"]] == [(8, 2), (1024, 1)]
    assert found.tables["ettr"][0]["largest_error"] == pytest.approx(0.05)


def test_without_long_runs_nothing_is_said() -> None:
    found = find_ettr([EttrPairs((), None, None), None], 0.9)
    assert found.headline == {"ettr_covered": None, "ettr_intervals": None}
    assert [row.ok for row in found.rows] == [None, None]
    assert found.tables["ettr"] == []


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Two runs of 30 hours on a node, one of an hour, and one that the begin of the log cuts."""
    spans = {"1": (1, 31), "2": (40, 70), "3": (71, 72), "4": (0, 35)}
    jobs = [
        {
            "job_id": job,
            "nodes": [f"n{job}"],
            "gpu_count": 8,
            "submit_utc": BEGIN + timedelta(hours=begin - (5 if job == "4" else 0)),
            "start_utc": BEGIN + timedelta(hours=begin - (5 if job == "4" else 0)),
            "end_utc": BEGIN + timedelta(hours=end),
        }
        for job, (begin, end) in spans.items()
    ]
    lake = build_lake(tmp_path / "lake", jobs=jobs)
    truth = tmp_path / "truth"
    truth.mkdir()
    zeros = [0, 0, 0, 0]
    rows = {
        "job_id_raw": pa.array([1, 2, 3, 4], pa.int64()),
        "whole": [True, True, True, False],
        "queued_seconds": zeros,
        "productive_seconds": [29 * 3600, 30 * 3600 - 300, 3300, 30 * 3600],
        "restart_seconds": [300, 300, 300, 300],
        "checkpoint_seconds": [3300, 0, 0, 0],
        "lost_seconds": zeros,
        "slowed_seconds": zeros,
    }
    pq.write_table(pa.table(rows), truth / "runs.parquet")
    return Case(lake, truth, NO_INTAKE)


def test_long_runs_of_a_lake_are_found_with_their_truth(case: Case) -> None:
    found = count_ettr(case, 0.9)
    assert found is not None
    assert len(found.runs) == 2
    assert sorted(round(pair.error, 4) for pair in found.runs) == [0.0, round(3300 / (30 * 3600), 4)]
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.high


def test_a_cluster_without_a_truth_has_no_runs_to_compare(case: Case, tmp_path: Path) -> None:
    assert count_ettr(Case(case.lake, tmp_path / "nowhere", NO_INTAKE), 0.9) is None
