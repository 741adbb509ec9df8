"""Whether 90% sure is right nine times in ten: counted over attempts whose true end is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reliability.validation.case import NO_INTAKE, Case
from reliability.validation.certainty import Calibration, count_certainty, find_certainty
from tests.lakes import build_lake

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
NOON = BEGIN + timedelta(hours=12)


def test_of_those_said_to_be_sure_the_share_that_is_true_is_held_against_the_bar() -> None:
    right = Calibration((0.95,) * 19 + (0.2,), (True,) * 19 + (False,))
    found = find_certainty([right, Calibration((0.99,), (False,))], 0.9)
    row = {row.measure: row for row in found.rows}["certainty_when_sure"]
    assert (row.hits, row.n, row.value, row.ok) == (19, 20, 0.95, True)
    wrong = find_certainty([Calibration((0.95,) * 10, (True,) * 5 + (False,) * 5)], 0.9)
    assert wrong.rows[0].ok is False


def test_the_brier_score_is_0_for_an_oracle_and_a_quarter_for_a_coin() -> None:
    assert find_certainty([Calibration((1.0, 0.0), (True, False))], 0.9).headline["certainty_brier"] == 0
    assert find_certainty([Calibration((0.5,) * 4, (True, False) * 2)], 0.9).headline["certainty_brier"] == 0.25


def test_every_attempt_is_in_one_bin_and_each_bin_has_its_interval() -> None:
    probabilities = (0.0, 0.005, 0.01, 0.3, 0.5, 0.9, 1.0)
    bins = find_certainty([Calibration(probabilities, (False,) * 4 + (True,) * 3)], 0.9).tables["certainty"]
    assert [row["attempts"] for row in bins] == [2, 1, 1, 1, 2]
    for row in bins:
        assert 0 <= row["low"] <= row["share"] <= row["high"] <= 1
        assert row["from"] <= row["mean_probability"] <= row["to"]


def test_nothing_to_judge_is_no_number_and_no_failure() -> None:
    found = find_certainty([Calibration((), ())], 0.9)
    assert found.headline == {"certainty_when_sure": None, "certainty_brier": None}
    assert [row.ok for row in found.rows] == [None, None]
    assert all(row["share"] is None for row in found.tables["certainty"])


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Fifty attempts: number 0 ended by a fault whose sign was logged, the other failed ones by their own error."""
    states = ["FAILED" if number % 3 == 0 else "COMPLETED" for number in range(50)]
    jobs = [
        {"job_id": str(n), "nodes": [f"n{n}"], "submit_utc": BEGIN, "start_utc": BEGIN, "end_utc": NOON, "state": state}
        for n, state in enumerate(states)
    ]
    lake = build_lake(tmp_path / "lake", jobs=jobs, events=[{"node": "n0", "time_utc": NOON - timedelta(seconds=9)}])
    truth = tmp_path / "truth"
    truth.mkdir()
    rows = {
        "job_id_raw": [str(number) for number in range(50)],
        "submit_utc": pa.array([BEGIN] * 50, pa.timestamp("us", tz="UTC")),
        "killed_by_fault": pa.array([0 if number == 0 else None for number in range(50)], pa.int64()),
        "state": states,
    }
    pq.write_table(pa.table(rows), truth / "attempts.parquet")
    return Case(lake, truth, NO_INTAKE)


def test_attempts_of_a_lake_are_judged_beside_their_truth(case: Case) -> None:
    counted = count_certainty(case, 0.9)
    assert len(counted.probabilities) == 17
    assert sum(counted.ended_by_fault) == 1
    blamed = counted.probabilities[counted.ended_by_fault.index(True)]
    others = [p for p, true in zip(counted.probabilities, counted.ended_by_fault, strict=True) if not true]
    assert blamed > 0.5 > max(others)


def test_a_cluster_without_a_truth_counts_nothing(case: Case, tmp_path: Path) -> None:
    nowhere = Case(case.lake, tmp_path / "no truth", NO_INTAKE)
    assert count_certainty(nowhere, 0.9) == Calibration((), ())
