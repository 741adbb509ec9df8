"""The marts about jobs on tiny rows, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lakes import add_ingest, build_lake
from tests.reliability.conftest import Ask

DAY = 86_400.0


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_later_ingest_wins_over_the_same_attempt(ask: Ask, tmp_path: Path) -> None:
    job = {"job_id": "7", "job_id_raw": "7", "nodes": ["n1"], "submit_utc": "2026-01-02", "start_utc": "2026-01-02"}
    lake = build_lake(tmp_path / "lake", jobs=[{**job, "state": "RUNNING", "end_utc": None}], ingested_utc="2026-01-03")
    add_ingest(lake, jobs=[{**job, "state": "COMPLETED", "end_utc": "2026-01-04"}], ingested_utc="2026-01-05")
    assert [(row["state"], row["attempt"]) for row in ask(lake, "SELECT state, attempt FROM jobs")] == [
        ("COMPLETED", 1)
    ]


def test_requeued_attempts_are_numbered_by_submission(ask: Ask, tmp_path: Path) -> None:
    job = {"job_id": "7", "job_id_raw": "7", "nodes": ["n1"]}
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            {**job, "submit_utc": "2026-01-04", "start_utc": "2026-01-04", "end_utc": "2026-01-05"},
            {
                **job,
                "submit_utc": "2026-01-02",
                "start_utc": "2026-01-02",
                "end_utc": "2026-01-03",
                "state": "NODE_FAIL",
            },
        ],
    )
    rows = ask(lake, "SELECT attempt, state FROM jobs ORDER BY attempt")
    assert [(row["attempt"], row["state"]) for row in rows] == [(1, "NODE_FAIL"), (2, "COMPLETED")]


def test_the_user_column_is_the_submitter_and_not_the_database_user(ask: Ask, tmp_path: Path) -> None:
    job = {"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "user": "ada"}
    lake = build_lake(tmp_path / "lake", jobs=[job])
    assert {ask(lake, f"SELECT {mart}.user AS who FROM {mart}")[0]["who"] for mart in ("attempts", "runs")} == {"ada"}


@pytest.mark.parametrize(
    ("seconds", "found"),
    [(-601, False), (-600, True), (0, True), (300, True), (301, False)],
    ids=["too early", "10 min before", "at the end", "5 min after", "too late"],
)
def test_a_failure_is_attributed_inside_the_papers_window_only(
    ask: Ask, tmp_path: Path, seconds: int, found: bool
) -> None:
    end = at("2026-01-05T12:00:00").timestamp()
    lake = build_lake(
        tmp_path / "lake",
        jobs=[{"nodes": ["n1", "n2"], "start_utc": "2026-01-05", "end_utc": "2026-01-05T12:00", "state": "FAILED"}],
        events=[{"node": "n2", "time_utc": datetime.fromtimestamp(end + seconds, UTC), "symptom": "pcie"}],
    )
    (row,) = ask(lake, "SELECT is_infrastructure, cause, node FROM attributions")
    assert (row["is_infrastructure"], row["cause"]) == ((True, "pcie") if found else (False, "user_program"))


def test_attribution_ranks_symptoms_and_leaves_silence_unattributed(ask: Ask, tmp_path: Path) -> None:
    run = {"start_utc": "2026-01-05", "end_utc": "2026-01-05T12:00"}
    sign = {"time_utc": "2026-01-05T11:59"}
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            {**run, "job_id": "ranked", "nodes": ["n1"], "state": "FAILED"},
            {**run, "job_id": "silent", "nodes": ["n2"], "state": "NODE_FAIL"},
            {**run, "job_id": "user", "nodes": ["n3"], "state": "FAILED"},
            {**run, "job_id": "memory", "nodes": ["n4"], "state": "FAILED", "step_out_of_memory": True},
            {**run, "job_id": "checked", "nodes": ["n5"], "state": "NODE_FAIL"},
            {**run, "job_id": "fine", "nodes": ["n1"], "state": "COMPLETED"},
        ],
        events=[
            {**sign, "node": "n1", "symptom": "ib_link", "code": "ib:link_down"},
            {**sign, "node": "n1", "symptom": "gpu_memory", "code": "xid:94"},
            {**sign, "node": "n3", "symptom": "application", "domain": "user_program", "severity": "info"},
            {**sign, "node": "n4", "symptom": "pcie"},
        ],
        node_states=[
            {"node": "n2", "from_utc": "2026-01-05T12:00"},
            {
                "node": "n5",
                "from_utc": "2026-01-05T12:01",
                "state": "drain",
                "reason": "NHC: Xid 79",
                "symptom": "gpu_unavailable",
                "component": "gpu",
                "domain": "hardware",
            },
        ],
    )
    rows = ask(lake, "SELECT job_id, is_infrastructure, cause, evidence_count FROM attributions ORDER BY job_id")
    assert [tuple(row.values()) for row in rows] == [
        ("checked", True, "gpu_unavailable", 1),
        ("memory", False, "user_program", 1),
        ("ranked", True, "gpu_memory", 2),
        ("silent", True, "unattributed", 0),
        ("user", False, "user_program", 0),
    ]


def test_lost_gpu_hours_are_half_an_interval_and_never_more_than_the_run(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            {
                "job_id": job_id,
                "nodes": ["n1", "n2"],
                "gpu_count": 16,
                "state": "NODE_FAIL",
                "start_utc": "2026-01-05T00:00",
                "end_utc": end,
            }
            for job_id, end in (("long", "2026-01-05T12:00"), ("short", "2026-01-05T00:15"))
        ],
    )
    rows = ask(lake, "SELECT job_id, lost_gpu_hours FROM attributions ORDER BY job_id")
    assert [row["lost_gpu_hours"] for row in rows] == [pytest.approx(8.0), pytest.approx(4.0)]


def test_attempt_rates_count_run_time_within_the_log_and_jobs_above_the_threshold(ask: Ask, tmp_path: Path) -> None:
    big = {"nodes": [f"n{i}" for i in range(20)], "gpu_count": 160, "node_count": 20}
    lake = build_lake(
        tmp_path / "lake",
        observed_from="2026-01-01",
        observed_to="2026-01-11",
        jobs=[
            # began two days before the log: only its day within the log counts
            {**big, "start_utc": "2025-12-30", "end_utc": "2026-01-02", "state": "NODE_FAIL"},
            # still running at the end
            {**big, "start_utc": "2026-01-09", "end_utc": None, "state": "RUNNING"},
            # exactly 128 GPUs is not more than 128
            {
                "nodes": ["a"] * 16,
                "node_count": 16,
                "gpu_count": 128,
                "start_utc": "2026-01-03",
                "end_utc": "2026-01-04",
            },
        ],
    )
    (row,) = ask(lake, "SELECT failures, exposure_days FROM attempt_rates", min_gpus=128)
    assert (row["failures"], row["exposure_days"]) == (1, pytest.approx(20 * 1 + 20 * 2))
    rows = ask(lake, "SELECT group_name, failures FROM attempt_rates ORDER BY group_name", group_by="job_size")
    assert [tuple(row.values()) for row in rows] == [("129-256", 1), ("65-128", 0)]


def test_a_run_adds_up(ask: Ask, tmp_path: Path) -> None:
    job = {"job_id": "7", "job_id_raw": "7", "nodes": ["n1"], "gpu_count": 8}
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            {
                **job,
                "submit_utc": "2026-01-02T00:00",
                "eligible_utc": "2026-01-02T01:00",
                "start_utc": "2026-01-02T02:00",
                "end_utc": "2026-01-02T12:00",
                "state": "NODE_FAIL",
            },
            {
                **job,
                "submit_utc": "2026-01-02T12:00",
                "eligible_utc": "2026-01-02T12:00",
                "start_utc": "2026-01-02T12:30",
                "end_utc": "2026-01-02T22:30",
            },
        ],
    )
    (row,) = ask(lake, "SELECT * FROM runs")
    assert (row["attempt_count"], row["infrastructure_failures"], row["state"]) == (2, 1, "COMPLETED")
    assert (row["queue_seconds"], row["scheduled_seconds"]) == (3600 + 1800, 20 * 3600)
    # Hourly checkpoints from the end of the restart on: the last before the failure was 55 minutes ago.
    assert (row["restart_seconds"], row["lost_seconds"]) == (600, 3300)
    assert row["productive_seconds"] + row["restart_seconds"] + row["lost_seconds"] == row["scheduled_seconds"]
    assert row["ettr"] == pytest.approx((72_000 - 600 - 3300) / (72_000 + 5400))


def test_causes_are_counted_over_attempts_and_over_nodes(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}],
        jobs=[{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "state": "NODE_FAIL"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-03", "to_utc": "2026-01-04", "component": "gpu", "domain": "hardware"}
        ],
    )
    rows = ask(lake, "SELECT counted, cause, failures, exposure_days FROM cause_counts ORDER BY counted")
    assert [tuple(row.values()) for row in rows] == [
        ("attempt", "unattributed", 1, 1.0),
        ("node", "gpu", 1, 31.0),
    ]
