"""Runs: analysis, command, figures, report section say one thing; on real logs and against the simulator's truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.pipeline import ingest_paths
from ingest.source import Options
from models.errors import NegativeValueError, NotPositiveError
from reliability.analyses.run_story import run_story
from reliability.analyses.runs import runs
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.figures.theme import headline
from reliability.lake import Lake, create_lake, open_lake
from reliability.marts import Parameters
from reliability.report.sections.runs import run_section
from reliability.report.sections.section import Window
from synthetic_traces import preset_spec, write_trace
from tests.lakes import HOSTILE, build_lake, sample_lake

PARTS = ("restart_seconds", "productive_seconds", "checkpoint_seconds", "lost_seconds")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return sample_lake(tmp_path_factory.mktemp("runs") / "lake", days=30)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def adds_up(row: dict[str, Any]) -> None:
    assert min(row[name] for name in (*PARTS, "queue_seconds")) >= 0
    assert sum(row[name] for name in PARTS) == pytest.approx(row["scheduled_seconds"])
    assert 0 <= row["ettr"] <= 1
    assert row["ettr"] == pytest.approx(row["productive_seconds"] / (row["queue_seconds"] + row["scheduled_seconds"]))


def test_the_parts_of_every_run_add_up_and_the_sums_are_those_of_the_rows(lake: Lake) -> None:
    found = runs(lake)
    rows = found.rows()
    assert len(rows) == found.overall.runs == sum(size.estimate.runs for size in found.sizes) > 100
    for row in rows:
        adds_up(row)
    wall = np.array([row["queue_seconds"] + row["scheduled_seconds"] for row in rows])
    productive = np.array([row["productive_seconds"] for row in rows])
    gpus = np.array([row["gpu_count"] for row in rows])
    assert found.overall.wall_hours == pytest.approx(wall.sum() / 3600)
    assert found.overall.ratio_of_sums.ettr == pytest.approx((productive * gpus).sum() / (wall * gpus).sum())
    assert found.overall.mean_of_runs.ettr == pytest.approx(np.mean(productive / wall))
    assert sum(found.sources.values()) == len(rows)


def test_the_same_lake_gives_the_same_intervals(lake: Lake) -> None:
    assert runs(lake).overall == runs(lake).overall


def test_filters_leave_what_they_say(lake: Lake) -> None:
    everything = runs(lake).rows()
    long = runs(lake, min_hours=5, min_gpus=8).rows()
    assert long == [row for row in everything if row["scheduled_seconds"] >= 5 * 3600 and row["gpu_count"] > 8]
    few = runs(lake, most=3)
    assert (few.rows(), few.overall.runs) == (everything[:3], len(everything))
    with pytest.raises(NoDataError, match="of QOS high"):
        runs(lake, qos="high")


def test_what_cannot_be_assumed_is_refused(lake: Lake) -> None:
    with pytest.raises(NotPositiveError, match="checkpoint_interval_seconds"):
        runs(lake, checkpoint_interval_seconds=0)
    with pytest.raises(NegativeValueError, match="restart_overhead_seconds"):
        runs(lake, restart_overhead_seconds=-1)


def test_a_cluster_without_gpus_weighs_by_nodes(tmp_path: Path) -> None:
    jobs = [
        {"nodes": ["n1"], "gpu_count": 0, "start_utc": "2026-01-02", "end_utc": "2026-01-03", "user": "a"},
        {
            "nodes": ["n1", "n2", "n3"],
            "gpu_count": 0,
            "start_utc": "2026-01-02",
            "end_utc": "2026-01-02T01",
            "user": "b",
        },
    ]
    found = runs(build_lake(tmp_path / "lake", jobs=jobs))
    assert found.size_unit == "node"
    assert [size.group for size in found.sizes] == ["1", "3-4"]
    assert found.overall.ratio_of_sums.ettr == pytest.approx((86_100 + 3 * 3300) / (86_400 + 3 * 3600))
    assert "node-hour" in found.definition


def test_the_story_of_a_run_ends_at_its_ettr(lake: Lake) -> None:
    row = max(runs(lake).rows(), key=lambda row: (row["attempt_count"], row["scheduled_seconds"]))
    story = run_story(lake, row["run_id"])
    assert len(story.attempts) == row["attempt_count"]
    assert story.ettr == pytest.approx(row["ettr"])
    assert story.over_time.cumulative[-1] == pytest.approx(row["ettr"])
    assert run_story(lake, row["job_id"]).run_id == row["run_id"]
    assert story.moments()[-1] == row["end_utc"]
    with pytest.raises(NoDataError, match="the story of run nothing"):
        run_story(lake, "nothing")


def test_the_command_prints_a_row_per_run_and_the_assumption(run: Run, lake: Lake) -> None:
    status, out, err = run("goodput", "--runs", "--lake", lake.path, "--min-hours", 2)
    assert status == 0
    assert "ETTR by GPUs of a run" in out
    for sentence in (
        "a checkpoint every 1 h",
        "ETTR, mean of runs: 0.",
        "ETTR, ratio of sums: 0.",
        "the 30 largest of",
    ):
        assert sentence in err
    status, out, _ = run("goodput", "--runs", "--lake", lake.path, "--json")
    document = json.loads(out)
    assert len(document["rows"]) == document["overall"]["runs"]
    needed = {"run_id", "ettr", "queue_seconds", "scheduled_seconds", *PARTS}
    assert needed <= set(document["rows"][0])
    assert "5 min of restart" in document["assumption"]
    _, out, _ = run("goodput", "--runs", "--lake", lake.path, "--csv")
    assert len(out.splitlines()) == 1 + len(document["rows"])


def test_the_command_takes_other_assumptions(run: Run, lake: Lake) -> None:
    def asked(*options: str) -> dict[str, Any]:
        _, out, _ = run("goodput", "--runs", "--lake", lake.path, "--json", *options)
        return dict(json.loads(out))

    usual, often = asked(), asked("--checkpoint-interval", "5m", "--restart-overhead", "0s")
    assert often["overall"]["ettr_ratio_of_sums"] > usual["overall"]["ettr_ratio_of_sums"]
    assert "0 min of restart" in often["assumption"]
    assert "A run is one job id with its requeues." in asked("--resubmission-window", "0s")["assumption"]


def test_the_command_tells_the_story_of_one(run: Run, lake: Lake) -> None:
    name = runs(lake, most=1).rows()[0]["run_id"]
    status, out, err = run("goodput", "--run", name, "--lake", lake.path)
    assert status == 0
    assert "ETTR over time" in out
    assert f"run {name}: ETTR 0." in err
    _, out, _ = run("goodput", "--run", name, "--lake", lake.path, "--json")
    document = json.loads(out)
    assert document["over_time"][-1]["ettr_cumulative"] == pytest.approx(document["ettr"])
    assert run("goodput", "--run", "nothing", "--lake", lake.path)[0] == 2


def test_the_section_and_the_figures_say_what_the_analysis_says(lake: Lake) -> None:
    found = runs(lake)
    section = run_section(lake, Window(0.9, None, None))
    sizes, largest = section.tables
    assert [row[0] for row in sizes.rows] == [size.group for size in found.sizes]
    assert [row[0] for row in largest.rows] == [row["run_id"] for row in found.rows()[:12]]
    assert found.assumption in section.text
    title, subtitle = headline(found.figure())
    assert title == "Measured ETTR by GPUs of a run"
    assert f"{found.overall.runs:,} runs" in subtitle
    marks = {trace.name: list(trace.y) for trace in found.figure().data}
    assert marks["mean of runs"] == [size.estimate.mean_of_runs.ettr for size in found.sizes]


def test_a_hostile_job_name_is_text_in_the_figure(lake: Lake) -> None:
    row = next(row for row in runs(lake).rows() if row["job_name"] == HOSTILE)
    assert HOSTILE not in run_story(lake, row["run_id"]).figure().to_json()


def test_a_lake_without_jobs_says_what_is_missing(tmp_path: Path) -> None:
    empty = create_lake(tmp_path / "lake")
    with pytest.raises(NoDataError, match="jobs"):
        runs(empty)
    assert run_section(empty, Window(0.9, None, None)).is_empty


attempts = st.lists(
    st.tuples(
        st.integers(0, 20 * 86_400),
        st.integers(0, 5 * 86_400),
        st.sampled_from(["COMPLETED", "FAILED", "NODE_FAIL", "CANCELLED", "TIMEOUT", "PREEMPTED", "REQUEUED"]),
        st.sampled_from(["a", "b"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(attempts, st.integers(0, 24 * 86_400))
def test_parts_add_up_and_windows_conserve_them(tmp_path_factory: pytest.TempPathFactory, drawn: Any, cut: int) -> None:
    begin = datetime(2026, 1, 2, tzinfo=UTC)
    jobs = [
        {
            "job_id": str(number),
            "user": user,
            "nodes": ["n1"],
            "state": state,
            "submit_utc": begin + timedelta(seconds=start - 60),
            "start_utc": begin + timedelta(seconds=start),
            "end_utc": begin + timedelta(seconds=start + length),
        }
        for number, (start, length, state, user) in enumerate(drawn)
    ]
    lake = build_lake(tmp_path_factory.mktemp("any") / "lake", jobs=jobs)
    names = ("run_seconds", *PARTS)
    asked = f"SELECT {', '.join(f'coalesce(sum({name}), 0) AS {name}' for name in names)} FROM attempt_parts"
    at = begin + timedelta(seconds=cut)

    def sums(**window: Any) -> dict[str, float]:
        with closing(DuckDBEngine(lake, Parameters(**window))) as engine:
            return engine.rows(asked)[0]

    whole, before, rest = sums(), sums(window_to_utc=at), sums(window_from_utc=at)
    for name in names:
        assert before[name] + rest[name] == pytest.approx(whole[name], abs=1e-3)
    assert sum(whole[name] for name in PARTS) == pytest.approx(whole["run_seconds"])
    for row in runs(lake).rows():
        adds_up(row)


@pytest.mark.real_data
@pytest.mark.parametrize("source", ["xdmod-pozidriv.psv.xz", "real-26.05"])
def test_the_parts_of_real_runs_add_up(tmp_path: Path, real_data: Path, source: str) -> None:
    lake = create_lake(tmp_path / "lake")
    ingest_paths(lake, [real_data / "slurm" / source], Options(), lambda: datetime.now(UTC))
    found = runs(lake)
    with closing(DuckDBEngine(lake)) as engine:
        ((attempted,),) = (tuple(row.values()) for row in engine.rows("SELECT count(*) FROM attempts"))
        ((told,),) = (tuple(row.values()) for row in engine.rows("SELECT count(*) FROM attempt_parts"))
    assert attempted == told
    assert sum(row["attempt_count"] for row in engine_rows(lake)) == attempted
    for row in found.rows():
        adds_up(row)


def engine_rows(lake: Lake) -> list[dict[str, Any]]:
    with closing(DuckDBEngine(lake)) as engine:
        return engine.rows("SELECT attempt_count FROM runs")


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Path]:
    folder = tmp_path_factory.mktemp("truth")
    write_trace(preset_spec("tiny"), 1, folder / "logs")
    lake = create_lake(folder / "lake")
    paths = [folder / "logs" / source for source in ("slurm", "kernel", "training")]
    ingest_paths(lake, paths, Options(), lambda: datetime.now(UTC))
    return open_lake(folder / "lake"), folder / "logs" / "truth"


def test_runs_with_training_logs_have_their_true_ettr(trace: tuple[Lake, Path]) -> None:
    """What slow nodes cost shows as longer steps: the log does not tell it from work."""
    lake, truth = trace
    true = {str(row["job_id_raw"]): row for row in pq.read_table(truth / "runs.parquet").to_pylist()}
    logged = [row for row in runs(lake).rows() if row["checkpoint_source"] == "logged" and row["whole"]]
    compared = [(row, true[row["run_id"]]) for row in logged if not row["resubmissions"]]
    assert len(compared) > 40
    off = []
    for found, told in compared:
        wall = found["queue_seconds"] + found["scheduled_seconds"]
        off.append(found["ettr"] - (told["productive_seconds"] + told["slowed_seconds"]) / wall)
        assert found["attempt_count"] == told["attempts"]
        assert found["queue_seconds"] == pytest.approx(told["queued_seconds"], abs=2)
    assert np.max(np.abs(off)) < 1e-4


def test_runs_without_training_logs_are_right_in_sum(trace: tuple[Lake, Path]) -> None:
    """Each is off by its true last checkpoint; together they miss what jobs without checkpoints lose."""
    lake, truth = trace
    true = {str(row["job_id_raw"]): row for row in pq.read_table(truth / "runs.parquet").to_pylist()}
    assumed = [row for row in runs(lake).rows() if row["checkpoint_source"] == "assumed" and not row["resubmissions"]]
    assumed = [row for row in assumed if row["run_id"] in true and row["whole"]]
    wall = sum(row["queue_seconds"] + row["scheduled_seconds"] for row in assumed)
    productive = sum(row["productive_seconds"] for row in assumed)
    told = sum(true[row["run_id"]]["productive_seconds"] for row in assumed)
    assert len(assumed) > 5000
    assert abs(productive - told) / wall < 0.03
