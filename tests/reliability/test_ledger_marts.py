"""The marts behind the goodput ledger on tiny rows, on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lakes import build_lake
from tests.reliability.conftest import Ask

HOUR = 3600.0
LEDGER = "SELECT bucket, sum(seconds) AS seconds FROM goodput_ledger GROUP BY bucket"


def buckets(ask: Ask, lake: Any, **parameters: Any) -> dict[str, float]:
    rows = ask(lake, LEDGER, **parameters)
    return {row["bucket"]: pytest.approx(row["seconds"]) for row in rows}


def attempt(job: str, start: str, end: str, state: str = "COMPLETED", **more: Any) -> dict[str, Any]:
    day = "2026-01-05T"
    return {"job_id": job, "submit_utc": day + start, "start_utc": day + start, "end_utc": day + end} | (
        {"state": state, "nodes": ["n1"]} | more
    )


WINDOW = {"observed_from": "2026-01-05", "observed_to": "2026-01-06"}


def test_a_preemption_by_a_job_that_came_back_is_second_order_and_passes_its_root_on(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            attempt("1", "00:00", "01:00", "NODE_FAIL"),
            attempt("1", "02:00", "03:00"),
            attempt("2", "00:00", "02:00", "PREEMPTED", preempted_by="1"),
            attempt("2", "04:00", "05:00"),
            attempt("3", "00:00", "04:00", "PREEMPTED", preempted_by="2"),
            attempt("3", "06:00", "07:00"),
            attempt("4", "00:00", "06:00", "PREEMPTED", preempted_by="3"),
            attempt("5", "00:00", "06:30", "PREEMPTED", preempted_by="9"),
            attempt("9", "06:30", "07:00"),
            # What a user's own failure brings back sets off no second-order loss.
            attempt("10", "00:00", "01:00", "FAILED", user="bea"),
            attempt("10", "02:00", "03:00", user="bea"),
            attempt("11", "00:00", "02:00", "PREEMPTED", preempted_by="10"),
        ],
        **WINDOW,
    )
    rows = ask(lake, "SELECT * FROM preemption_chains ORDER BY depth")
    assert [(row["job_id_raw"], row["root_job_id_raw"], row["root_attempt"], row["depth"]) for row in rows] == [
        ("2", "1", 1, 1),
        ("3", "1", 1, 2),
        ("4", "1", 1, 3),
    ]
    assert {row["cause"] for row in rows} == {"unattributed"}


def test_what_is_not_allocated_is_idle_drained_or_down_by_the_worst_state(ask: Ask, tmp_path: Path) -> None:
    state = {"node": "n1"}
    lake = build_lake(
        tmp_path / "lake",
        jobs=[attempt("1", "00:00", "02:00")],
        node_states=[
            {**state, "from_utc": "2026-01-05T01:00", "to_utc": "2026-01-05T04:00", "state": "drain"},
            {**state, "from_utc": "2026-01-05T03:00", "to_utc": "2026-01-05T06:00"},
            {
                **state,
                "from_utc": "2026-01-05T07:00",
                "to_utc": "2026-01-05T08:00",
                "state": "drain",
                "planned": True,
            },
            {**state, "from_utc": "2026-01-05T09:00", "to_utc": "2026-01-05T09:30", "state": "unknown"},
        ],
        **WINDOW,
    )
    found = buckets(ask, lake, restart_overhead_seconds=600)
    assert found == {
        "restart": 8 * 600,
        "productive": 8 * (2 * HOUR - 600),
        "drained": 8 * HOUR,
        "down_unplanned": 8 * 3 * HOUR,
        "down_planned": 8 * HOUR,
        "unknown": 8 * HOUR / 2,
        "idle": 8 * (24 - 2 - 1 - 3 - 1 - 0.5) * HOUR,
    }


def test_lost_work_comes_last_and_is_cut_at_midnight(ask: Ask, tmp_path: Path) -> None:
    job = {"start_utc": "2026-01-05T20:00", "end_utc": "2026-01-06T00:15", "state": "NODE_FAIL", "nodes": ["n1"]}
    lake = build_lake(tmp_path / "lake", jobs=[job], observed_from="2026-01-05", observed_to="2026-01-07")
    sql = "SELECT CAST(day AS STRING) AS day, bucket, cause, job_size, seconds FROM goodput_ledger ORDER BY day, bucket"
    rows = ask(lake, sql, checkpoint_interval_seconds=3 * 3600)
    held = [tuple(row.values()) for row in rows if row["bucket"] != "idle"]
    assert held == [
        ("2026-01-05", "lost_first_order", "unattributed", "5-8", pytest.approx(8 * 55 * 60)),
        ("2026-01-05", "productive", None, "5-8", pytest.approx(8 * 3 * HOUR)),
        ("2026-01-05", "restart", None, "5-8", pytest.approx(8 * 300)),
        ("2026-01-06", "lost_first_order", "unattributed", "5-8", pytest.approx(8 * 900)),
    ]


def test_more_than_a_node_has_is_shared_and_exceeds_no_capacity(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1", "gpu_count": 8}],
        jobs=[attempt("1", "00:00", "02:00"), attempt("2", "01:00", "03:00", user="bea")],
        **WINDOW,
    )
    sql = "SELECT goodput_ledger.user AS who, sum(seconds) AS seconds FROM goodput_ledger GROUP BY goodput_ledger.user"
    held = {row["who"]: pytest.approx(row["seconds"]) for row in ask(lake, sql, restart_overhead_seconds=0)}
    assert held == {"ada": 8 * 1.5 * HOUR, "bea": 8 * 1.5 * HOUR, None: 8 * 21 * HOUR}


def test_shared_nodes_are_charged_by_their_cpus(ask: Ask, tmp_path: Path) -> None:
    none = {"gpu_count": 0}
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n2", "gpu_count": 0, "attributes": {"cpus": "64"}}],
        jobs=[
            attempt("1", "00:00", "02:00", cpu_count=10, **none),
            attempt("2", "01:00", "02:00", cpu_count=30, **none),
            attempt("3", "02:00", "03:00", cpu_count=32, **none | {"nodes": ["n2"]}),
            attempt("4", "05:00", "06:00", cpu_count=None, **none),
        ],
        **WINDOW,
    )
    found = buckets(ask, lake, unit="node", restart_overhead_seconds=0)
    assert found == {"productive": (2 * 0.25 + 0.75 + 0.5 + 1) * HOUR, "idle": (48 - 2.75) * HOUR}
    assert buckets(ask, lake, unit="gpu") == {}


def test_a_free_node_that_answers_requests_is_serving(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        jobs=[attempt("1", "00:00", "02:00")],
        requests=[
            {"node": "n1", "arrival_utc": "2026-01-05T01:00", "end_utc": "2026-01-05T01:01"},
            {"node": "n1", "arrival_utc": "2026-01-05T04:00", "end_utc": "2026-01-05T05:00"},
        ],
        **WINDOW,
    )
    found = buckets(ask, lake)
    assert (found["serving"], found["idle"]) == (8 * 3 * HOUR, 8 * 19 * HOUR)
