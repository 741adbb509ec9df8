"""The goodput ledger as an answer: buckets, cost, crash loops, figures, command, report; and on real logs."""

from __future__ import annotations

import csv
import io
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.pipeline import ingest_paths
from ingest.source import Options
from models.errors import NotPositiveError
from reliability.analyses.goodput import BUCKETS, NOBODY, goodput
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.figures.goodput import causes_figure, days_figure, ledger_figure
from reliability.lake import Lake, create_lake
from reliability.report.sections.goodput import goodput_section, loss_sentence
from tests.lakes import HOSTILE, build_lake, sample_lake

NODES = [f"n{number}" for number in range(8)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return sample_lake(tmp_path_factory.mktemp("goodput") / "lake", days=20)


@pytest.fixture(scope="module")
def looping(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A run that falls three times soon after it came back and preempts another each time, and one that falls twice."""
    day, jobs = "2026-01-05T", []

    def add(job: str, begin: str, end: str, state: str, nodes: list[str], **more: Any) -> None:
        moments = {"submit_utc": day + begin, "start_utc": day + begin, "end_utc": day + end}
        jobs.append({"job_id": job, "job_name": HOSTILE, "state": state, "nodes": nodes, **moments, **more})

    add("1", "00:00", "06:20", "NODE_FAIL", NODES[:4])
    add("1", "07:00", "07:30", "NODE_FAIL", NODES[:4])
    add("1", "08:00", "08:30", "NODE_FAIL", NODES[:4])
    add("1", "09:00", "15:00", "COMPLETED", NODES[:4])
    for number, end in enumerate(("07:00", "08:00", "09:00")):
        add(f"victim-{number}", "06:30", end, "PREEMPTED", [NODES[number]], preempted_by="1", gpu_count=0)
    add("2", "00:00", "06:20", "NODE_FAIL", NODES[4:], user="bea")
    add("2", "08:00", "08:30", "NODE_FAIL", NODES[4:], user="bea")
    add("2", "09:00", "15:00", "COMPLETED", NODES[4:], user="bea")
    path = tmp_path_factory.mktemp("looping") / "lake"
    return build_lake(path, jobs=jobs, observed_from="2026-01-05", observed_to="2026-01-06")


@pytest.mark.parametrize("by", [None, "day", "job_size", "user", "partition"])
def test_buckets_add_up_to_capacity_and_groups_to_the_buckets(lake: Lake, by: str | None) -> None:
    found = goodput(lake, by=by)
    assert tuple(found.buckets) == BUCKETS
    assert found.capacity_hours == pytest.approx(24 * 8 * 20 * 24)
    assert min(found.buckets.values()) >= 0
    for bucket in BUCKETS:
        split = sum(group.hours.get(bucket, 0.0) for group in found.groups or found.days)
        assert split == pytest.approx(found.buckets[bucket], abs=1e-6)
    assert sum(row["gpu_hours"] for row in found.rows()) == pytest.approx(found.capacity_hours)


def test_causes_hold_everything_that_was_lost(lake: Lake) -> None:
    found = goodput(lake, by="cause", gpu_hour_price=2.0, gpu_watts=700.0)
    lost = sum(hours for bucket, hours in found.buckets.items() if bucket.startswith("lost_"))
    assert sum(cause.total_hours for cause in found.causes) == pytest.approx(lost)
    for row in found.rows():
        assert row["dollars"] == pytest.approx(2.0 * row["gpu_hours"])
        assert row["kwh"] == pytest.approx(0.7 * row["gpu_hours"])
    first = sum(cause.hours.get("lost_first_order", 0.0) for cause in found.causes)
    assert found.loss.first_order.hours == pytest.approx(first)


def test_a_window_is_a_part_of_the_whole(lake: Lake) -> None:
    middle = datetime(2026, 1, 9, 7, tzinfo=UTC)
    before, after, whole = goodput(lake, to_utc=middle), goodput(lake, from_utc=middle), goodput(lake)
    assert before.capacity_hours + after.capacity_hours == pytest.approx(whole.capacity_hours)
    assert before.buckets["idle"] + after.buckets["idle"] == pytest.approx(whole.buckets["idle"])


def test_a_crash_loop_is_named_with_what_it_cost(looping: Lake) -> None:
    found = goodput(looping)
    (loop,) = found.crash_loops
    assert (loop["run_id"], loop["failures"], loop["preemptions"], loop["gpu_count"]) == ("1", 3, 3, 32)
    # hourly checkpoints after five minutes of restart: 15 min, 25 min and 25 min of work
    assert loop["lost_hours"] == pytest.approx(32 * (15 + 25 + 25) / 60)
    assert loop["restart_hours"] == pytest.approx(32 * 15 / 60)
    assert found.preemptions == 3


def test_nothing_is_hidden_where_nothing_was_lost(tmp_path: Path) -> None:
    job = {"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}
    found = goodput(build_lake(tmp_path / "lake", jobs=[job, job | {"nodes": None, "start_utc": "2026-01-05"}]))
    assert found.document()["second_order_share"] is None
    assert found.document()["lost_first_order_high_hours"] is None
    assert any("do not say on which nodes" in warning for warning in found.warnings)
    assert "no work was lost to failures" in loss_sentence(found)
    for figure in (ledger_figure(found), days_figure(found), causes_figure(found)):
        assert figure.layout.title.text


def test_bad_questions_have_a_name(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="--by"):
        goodput(lake, by="colour")
    with pytest.raises(BadOptionError, match="--unit"):
        goodput(lake, unit="rack")
    with pytest.raises(NotPositiveError, match="checkpoint_interval_seconds"):
        goodput(lake, checkpoint_interval_seconds=0)
    with pytest.raises(NotPositiveError, match="gpu_watts"):
        goodput(lake, gpu_watts=float("nan"))
    with pytest.raises(NoDataError, match="jobs with the nodes"):
        goodput(create_lake(tmp_path / "empty"))
    job = {"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "gpu_count": 0}
    without_gpus = build_lake(tmp_path / "cpus", jobs=[job])
    assert goodput(without_gpus).unit == "node"
    with pytest.raises(NoDataError, match="--unit node"):
        goodput(without_gpus, unit="gpu")


def test_figures_show_log_text_as_it_is(lake: Lake, looping: Lake) -> None:
    found = goodput(looping, by="user")
    bars = ledger_figure(found).data[0]
    assert sum(bars.x) == pytest.approx(1.0)
    assert sum(sum(trace.y) for trace in days_figure(found).data) == pytest.approx(found.capacity_hours)
    assert [trace.name.split(":")[0] for trace in causes_figure(found).data] == ["lost", "lost"]
    section = goodput_section(found, "")
    assert len(section.figures) == 3
    assert section.tables[0].rows[-1][2] == "100%"
    assert [table.columns[0] for table in section.tables] == ["bucket", "lost to", "crash loop"]
    assert NOBODY in [group.name for group in goodput(lake, by="user").groups]
    assert goodput_section(None, "Why not.").is_empty


def test_the_command_speaks_to_people_and_to_machines(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["goodput", "--lake", str(lake.path), "--json", "--by", "day"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert sum(document["buckets"].values()) == pytest.approx(document["capacity_hours"])
    assert document["lost_first_order_low_hours"] < document["lost_first_order_hours"]
    assert len(document["rows"]) == 20
    assert main(["goodput", "--lake", str(lake.path), "--csv", "--by", "user"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {"user", "gpu_hours", "idle_hours", "lost_first_order_hours"} <= set(rows[0])
    assert main(["goodput", "--lake", str(lake.path), "--gpu-hour-price", "2"]) == 0
    printed = capsys.readouterr()
    assert "lost_first_order" in printed.out
    assert "lost, first order:" in printed.err
    assert main(["goodput", "--lake", str(lake.path), "--checkpoint-interval", "0s"]) == 2
    assert "checkpoint_interval_seconds" in capsys.readouterr().err


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("source", "unit"), [("xdmod-pozidriv.psv.xz", "node"), ("real-26.05", "gpu"), ("real-26.05", "node")]
)
def test_the_ledger_of_real_jobs_adds_up_to_the_capacity_of_the_observed_nodes(
    tmp_path: Path, real_data: Path, source: str, unit: str
) -> None:
    lake = create_lake(tmp_path / "lake")
    ingest_paths(lake, [real_data / "slurm" / source], Options(), lambda: datetime.now(UTC))
    found = goodput(lake, unit=unit)
    with closing(DuckDBEngine(lake)) as engine:
        size = "coalesce(max(fleet.gpu_count), 0)" if unit == "gpu" else "1"
        # by hand: every node of a cluster was there from the first to the last end in its log of jobs
        capacity = engine.rows(
            f"""
            SELECT sum(units * (to_micros - from_micros)) / 3.6e9 AS hours
            FROM (SELECT cluster, node, {size} AS units FROM fleet GROUP BY cluster, node) AS nodes
            INNER JOIN observation ON nodes.cluster = observation.cluster AND table_name = 'jobs'
            """
        )[0]["hours"]
    assert found.capacity_hours == pytest.approx(capacity, rel=1e-9)
    assert min(found.buckets.values()) >= 0
    assert found.buckets["idle"] < found.capacity_hours
