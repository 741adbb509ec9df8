"""What a replay knows of each attempt, on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lakes import build_lake
from tests.reliability.conftest import Ask

NODES = [{"node": name} for name in ("n1", "n2")]
EVERY = "SELECT * FROM replay_attempts ORDER BY from_micros, job_id_raw"


def job(job_id: str, start: str, end: str, state: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "job_name": job_id,
        "nodes": ["n1"],
        "start_utc": f"2026-01-{start}",
        "end_utc": f"2026-01-{end}",
        "state": state,
        **more,
    }


def test_ends_fall_into_the_buckets_of_the_ledger_and_know_their_root(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=NODES,
        jobs=[
            job("1", "02T00:00", "02T02:00", "NODE_FAIL", failed_node="n1"),
            job("1", "02T03:00", "02T09:00", submit_utc="2026-01-02T02:00"),
            job("2", "02T00:30", "02T03:00", "PREEMPTED", nodes=["n2"], preempted_by="1"),
            job("3", "03T00:00", "03T01:00", "PREEMPTED", nodes=["n2"]),
            job("4", "04T00:00", "04T01:00", "TIMEOUT", nodes=["n2"]),
        ],
        events=[{"node": "n1", "time_utc": "2026-01-02T01:58", "symptom": "ib_link"}],
    )
    rows = ask(lake, EVERY)
    assert [(row["job_id_raw"], row["lost_bucket"], row["failed_run_id"], row["keeps_all"]) for row in rows] == [
        ("1", "lost_first_order", "1", False),
        ("2", "lost_second_order", "1", False),
        ("1", "lost_user", "1", True),
        ("3", "lost_preemption", "3", False),
        ("4", "lost_user", "4", False),
    ]
    assert (rows[0]["cause"], rows[0]["failed_node"]) == ("ib_link", "n1")
    assert rows[0]["seconds_to_detect"] == pytest.approx(120)
    assert (rows[1]["root_job_id_raw"], rows[1]["root_attempt"]) == ("1", 1)
    assert all(row["units"] == 8 and row["is_whole"] for row in rows)


def test_attempts_that_began_before_the_log_are_not_whole(ask: Ask, tmp_path: Path) -> None:
    jobs = [job("1", "01T00:00", "02T06:00"), job("2", "02T00:00", "02T02:00", nodes=["n2"])]
    lake = build_lake(tmp_path / "lake", observed_from="2026-01-01T12:00", nodes=NODES, jobs=jobs)
    assert [(row["job_id_raw"], row["is_whole"]) for row in ask(lake, EVERY)] == [("1", False), ("2", True)]


def test_a_node_with_more_allocated_than_it_has_charges_each_its_share(ask: Ask, tmp_path: Path) -> None:
    jobs = [job("1", "02T00:00", "02T02:00"), job("2", "02T01:00", "02T02:00"), job("3", "03T00:00", "03T01:00")]
    lake = build_lake(tmp_path / "lake", nodes=NODES, jobs=jobs)
    assert [row["units"] for row in ask(lake, EVERY)] == pytest.approx([4, 4, 8])


def test_stalls_and_writes_are_those_of_the_run_else_of_the_cluster(ask: Ask, tmp_path: Path) -> None:
    def save(job_id: str, step: int, minute: int, seconds: float, kind: str = "blocking") -> dict[str, Any]:
        started = f"2026-01-02T00:{minute:02}"
        return {"job_id": job_id, "step": step, "started_utc": started, "duration_seconds": seconds, "kind": kind}

    lake = build_lake(
        tmp_path / "lake",
        nodes=NODES,
        jobs=[
            job("1", "02T00:00", "02T02:00"),
            job("2", "02T00:00", "02T02:00", nodes=["n2"]),
            job("3", "03T00:00", "03T02:00"),
        ],
        checkpoints=[
            save("1", 1, 10, 30.0),
            save("1", 2, 20, 50.0),
            save("2", 1, 10, 10.0),
            save("2", 1, 11, 100.0, "asynchronous"),
        ],
    )
    rows = {row["job_id_raw"]: row for row in ask(lake, EVERY)}
    assert [rows[name]["stall_seconds"] for name in "123"] == pytest.approx([40, 10, 30])
    assert [rows[name]["write_seconds"] for name in "123"] == pytest.approx([40, 160, 80])
