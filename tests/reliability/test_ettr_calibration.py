"""Long runs at their places in their predicted distribution: which runs count, where they stand, and the picture."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.goodput.badput import RunSeconds, ml_goodput
from reliability.analyses.ettr_calibration import EttrCalibration, ettr_calibration
from reliability.analyses.runs import runs
from reliability.cli import main
from reliability.errors import NoDataError
from reliability.lake import Lake
from tests.lakes import build_lake

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


def job(number: int, begin: float, end: float, **changes: Any) -> dict[str, Any]:
    return {
        "job_id": str(number),
        "job_name": f"run-{number}",
        "nodes": [f"n{number}a", f"n{number}b"],
        "gpu_count": 256,
        "submit_utc": BEGIN + timedelta(hours=begin),
        "start_utc": BEGIN + timedelta(hours=begin),
        "end_utc": BEGIN + timedelta(hours=end),
    } | changes


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two undisturbed runs, one that a node failure interrupted, one preempted, one cancelled, one of an hour."""
    jobs = [
        job(1, 1, 31),
        job(2, 2, 40),
        job(3, 1, 20.5, state="NODE_FAIL"),
        job(3, 21, 41),
        job(4, 1, 20, state="PREEMPTED"),
        job(4, 21, 41),
        job(5, 1, 41, state="CANCELLED"),
        job(6, 1, 2),
    ]
    return build_lake(tmp_path / "lake", jobs=jobs)


@pytest.fixture
def found(lake: Lake) -> EttrCalibration:
    return ettr_calibration(lake)


def test_only_runs_that_nothing_but_the_infrastructure_interrupted_are_compared(found: EttrCalibration) -> None:
    assert {run.run_id: run.failures for run in found.runs} == {"1": 0, "2": 0, "3": 1}
    assert found.long_runs == 5
    assert "3 of 5 long runs are compared" in found.warnings[0]
    assert any("fewer than 20 failures" in warning for warning in found.warnings)


def test_a_run_stands_where_its_failures_put_it(found: EttrCalibration) -> None:
    places = {run.run_id: run.place for run in found.runs}
    assert all(0 <= place <= 1 for place in places.values())
    assert places["3"] < min(places["1"], places["2"])
    for run in found.runs:
        assert 0 < run.predicted_low <= run.predicted_mean <= run.predicted_high <= 1
        assert 0 < run.ettr < 1


def test_the_same_lake_gives_the_same_places(found: EttrCalibration, lake: Lake) -> None:
    assert np.array_equal(found.places, ettr_calibration(lake).places)


def test_rows_and_figure_count_every_run(found: EttrCalibration) -> None:
    assert [row["runs"] for row in found.rows()] == [3]
    assert found.document()["runs"] == sum(found.document()["histogram"]) == 3
    bars, curve, diagonal = found.figure().data
    assert sum(bars.y) == 3
    assert curve.y[-1] == 1
    assert list(diagonal.x) == [0, 1]


def test_without_a_long_run_it_says_what_is_missing(lake: Lake) -> None:
    with pytest.raises(NoDataError, match="a day and more"):
        ettr_calibration(lake, min_gpus=1000)


def test_the_command_prints_the_share_inside(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["goodput", "--calibration", "--lake", str(lake.path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["band"] == 0.9
    assert 0 <= document["inside_low"] <= document["inside"] <= document["inside_high"] <= 1
    assert main(["goodput", "--calibration", "--lake", str(lake.path)]) == 0
    assert "inside the 90% band" in "".join(capsys.readouterr())


def test_ml_goodput_of_a_run_is_google_s_of_its_parts(lake: Lake) -> None:
    for row in runs(lake).rows():
        elapsed = (row["end_utc"] - row["start_utc"]).total_seconds()
        parts = (row[f"{part}_seconds"] for part in ("productive", "checkpoint", "lost", "restart"))
        assert row["ml_goodput"] == pytest.approx(ml_goodput(RunSeconds(elapsed, *parts)).goodput)
