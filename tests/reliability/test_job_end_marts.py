"""How attempts end, on both engines: which end, from when to when at risk, and nothing counted twice or lost."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters
from tests.lakes import build_lake, sample_lake
from tests.reliability.conftest import Ask

OBSERVED = {"observed_from": "2026-01-31", "observed_to": "2026-02-03"}
COUNTS = "completed, user_failure, infrastructure, preempted, timeout, cancelled, out_of_memory, other"
ENDS = (
    ("COMPLETED", "completed"),
    ("FAILED", "user_failure"),
    ("NODE_FAIL", "infrastructure"),
    ("PREEMPTED", "preempted"),
    ("TIMEOUT", "timeout"),
    ("DEADLINE", "timeout"),
    ("CANCELLED", "cancelled"),
    ("OUT_OF_MEMORY", "out_of_memory"),
    ("BOOT_FAIL", "other"),
    ("REQUEUED", "other"),
)


def job(start: str, end: str | None, state: str = "COMPLETED", **more: object) -> dict[str, object]:
    return {"nodes": ["n1"], "start_utc": start, "end_utc": end, "state": state, **more}


def test_every_state_is_one_of_the_competing_ends(ask: Ask, tmp_path: Path) -> None:
    jobs = [job(f"2026-02-01T{hour:02}", f"2026-02-01T{hour:02}:30", state) for hour, (state, _) in enumerate(ENDS)]
    lake = build_lake(tmp_path / "lake", jobs=jobs, covers=["jobs"], **OBSERVED)
    rows = ask(lake, "SELECT end_name FROM attempt_ends ORDER BY entry_micros, CAST(unit AS INT)")
    assert [row["end_name"] for row in rows] == [end for _, end in ENDS]


def test_a_failure_with_a_critical_sign_is_the_infrastructures(ask: Ask, tmp_path: Path) -> None:
    jobs = [job("2026-02-01", "2026-02-01T05", "FAILED"), job("2026-02-02", "2026-02-02T05", "FAILED")]
    events = [{"node": "n1", "time_utc": "2026-02-01T04:58"}]
    lake = build_lake(tmp_path / "lake", jobs=jobs, events=events, **OBSERVED)
    rows = ask(lake, "SELECT end_name FROM attempt_ends ORDER BY CAST(unit AS INT)")
    assert [row["end_name"] for row in rows] == ["infrastructure", "user_failure"]


def test_a_requeue_that_another_job_forced_is_a_preemption(ask: Ask, tmp_path: Path) -> None:
    jobs = [job("2026-02-01", "2026-02-01T05", "REQUEUED", preempted_by="77")]
    lake = build_lake(tmp_path / "lake", jobs=jobs, covers=["jobs"], **OBSERVED)
    assert ask(lake, "SELECT end_name FROM attempt_ends") == [{"end_name": "preempted"}]


def test_run_time_before_the_log_enters_late_and_after_it_is_censored(ask: Ask, tmp_path: Path) -> None:
    jobs = [
        job("2026-01-30T20", "2026-01-31T06"),  # four hours old when the log begins
        job("2026-02-02T22", None, "RUNNING"),  # two hours old when it ends
        job("2026-02-02T21", "2026-02-04", "NODE_FAIL"),  # three hours old then: its end is beyond the log
    ]
    lake = build_lake(tmp_path / "lake", jobs=jobs, covers=["jobs"], **OBSERVED)
    sql = """
        SELECT end_name, entry_micros / 3.6e9 AS entry_hours, exit_micros / 3.6e9 AS exit_hours, run_hours,
            node_days * 24 AS node_hours, gpu_hours
        FROM attempt_ends ORDER BY CAST(unit AS INT)
    """
    assert [tuple(row.values()) for row in ask(lake, sql)] == [
        ("completed", 4.0, 10.0, 6.0, pytest.approx(6.0), 48.0),
        ("running", 0.0, 2.0, 2.0, pytest.approx(2.0), 16.0),
        ("running", 0.0, 3.0, 3.0, pytest.approx(3.0), 24.0),
    ]
    rows = ask(lake, f"SELECT time_hours, at_risk, exits, {COUNTS} FROM end_counts ORDER BY time_hours")
    assert [tuple(row.values()) for row in rows] == [
        (2.0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        (3.0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
        (10.0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0),
    ]


def test_an_attempt_that_fails_at_once_was_at_risk(ask: Ask, tmp_path: Path) -> None:
    jobs = [job("2026-02-01T05", "2026-02-01T05", "FAILED"), job("2026-02-01T05", "2026-02-01T06")]
    lake = build_lake(tmp_path / "lake", jobs=jobs, covers=["jobs"], **OBSERVED)
    rows = ask(lake, "SELECT time_hours, at_risk, user_failure FROM end_counts ORDER BY time_hours")
    assert [tuple(row.values()) for row in rows] == [(pytest.approx(0.5 / 3600), 2, 1), (1.0, 1, 0)]


def test_a_month_sees_the_run_time_of_its_own_and_the_end_in_the_later_one(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake", jobs=[job("2026-01-31T12", "2026-02-01T06", "NODE_FAIL")], covers=["jobs"], **OBSERVED
    )
    sql = "SELECT group_name, end_name, run_hours FROM attempt_ends ORDER BY group_name"
    assert [tuple(row.values()) for row in ask(lake, sql, group_by="month")] == [
        ("2026-01", "running", 12.0),
        ("2026-02", "infrastructure", 6.0),
    ]
    rows = ask(lake, "SELECT group_name, time_hours, at_risk FROM end_counts ORDER BY 1", group_by="month")
    assert [tuple(row.values()) for row in rows] == [("2026-01", 12.0, 1), ("2026-02", 18.0, 1)]


def test_sizes_by_nodes_are_powers_of_two(ask: Ask, tmp_path: Path) -> None:
    jobs = [
        job("2026-02-01T01", "2026-02-01T02") | {"nodes": [f"n{number}" for number in range(size)]}
        for size in (1, 2, 3, 4, 5, 9)
    ]
    lake = build_lake(tmp_path / "lake", jobs=jobs, covers=["jobs"], **OBSERVED)
    rows = ask(lake, "SELECT group_name FROM attempt_ends ORDER BY CAST(unit AS INT)", group_by="node_count")
    assert [row["group_name"] for row in rows] == ["1", "2", "3-4", "3-4", "5-8", "9-16"]


GROUPS = ("", "job_size", "node_count", "user", "account", "partition", "qos", "gpu_model", "month", "cluster")


@pytest.mark.parametrize("group_by", GROUPS)
def test_no_grouping_loses_or_doubles_run_time_ends_or_attempts(group_by: str, tmp_path: Path) -> None:
    lake = sample_lake(tmp_path / "lake", days=45)
    with closing(DuckDBEngine(lake)) as engine:
        (rate,) = engine.rows("SELECT failures, exposure_days FROM attempt_rates")
        (states,) = engine.rows("SELECT count(*) AS attempts FROM attempts WHERE ended")
        mix = engine.ask("end_mix")
    with closing(DuckDBEngine(lake, Parameters(group_by=group_by))) as engine:
        groups = engine.ask("attempt_groups")
        counts = engine.rows("SELECT sum(exits) AS exits, sum(infrastructure) AS failed FROM end_counts")[0]
        pieces = engine.rows("SELECT count(*) AS n FROM attempt_ends WHERE end_name <> 'running' OR run_hours > 0")[0]
    assert sum(row["node_days"] for row in groups) == pytest.approx(rate["exposure_days"])
    assert sum(row["infrastructure"] for row in groups) == rate["failures"] == counts["failed"]
    assert sum(row["attempts"] for row in groups) == states["attempts"] == sum(row["attempts"] for row in mix)
    assert counts["exits"] == pieces["n"]
    assert sum(row["gpu_hours"] for row in mix) == pytest.approx(mix[0]["all_gpu_hours"])
    for row in groups:
        assert row["infrastructure"] + row["user_program"] <= row["attempts"]


def test_sums_over_users_are_those_of_the_users(tmp_path: Path) -> None:
    jobs = [
        job("2026-02-01T01", "2026-02-01T02", "FAILED", user="ada"),
        job("2026-02-01T03", "2026-02-01T05", "COMPLETED", user="ada"),
        job("2026-02-01T01", "2026-02-01T04", "NODE_FAIL", user="bob"),
        job("2026-02-01T01", "2026-02-01T02", "COMPLETED", user=None, job_id="7"),
    ]
    lake = build_lake(tmp_path / "lake", jobs=jobs, covers=["jobs"], **OBSERVED)
    with closing(DuckDBEngine(lake)) as engine:
        (row,) = engine.ask("attempt_groups")
        mix = {each["end_name"]: each for each in engine.ask("end_mix")}
    assert (row["users_with_ends"], row["attempts_squared"]) == (3, 4 + 1 + 1)
    assert (row["infrastructure_squared"], row["infrastructure_times_attempts"]) == (1, 1)
    assert (row["user_program_squared"], row["user_program_times_attempts"]) == (1, 2)
    assert (row["run_hours_squared"], row["infrastructure_times_run_hours"]) == (9 + 9 + 1, 3)
    assert (mix["completed"]["attempts_squared"], mix["completed"]["attempts_times_all"]) == (2, 2 + 1)
    assert mix["completed"]["gpu_hours_times_all"] == 16 * 24 + 8 * 8
