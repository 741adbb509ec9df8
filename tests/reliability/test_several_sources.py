"""One fact told by several sources: the attempt, the outage, the preemption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lakes import add_ingest, build_lake
from tests.reliability.conftest import Ask

ATTEMPT: dict[str, Any] = {"job_id": "7", "nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}


def test_what_the_later_source_does_not_know_stays_as_the_earlier_told_it(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[{**ATTEMPT, "state": "FAILED", "exit_code": 42, "qos": None}])
    add_ingest(
        lake,
        ingested_utc="2026-03-02",
        jobs=[{**ATTEMPT, "state": "FAILED", "exit_code": None, "qos": "high", "user": "grace"}],
    )
    rows = ask(lake, "SELECT attempt, exit_code, qos, jobs.user AS who FROM jobs")
    assert rows == [{"attempt": 1, "exit_code": 42, "qos": "high", "who": "grace"}]


def test_a_finished_attempt_is_not_made_running_again_by_an_older_dump(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[{**ATTEMPT, "state": "NODE_FAIL"}])
    add_ingest(lake, ingested_utc="2026-03-02", jobs=[{**ATTEMPT, "end_utc": None, "state": "RUNNING"}])
    rows = ask(lake, "SELECT state, end_utc IS NOT NULL AS ended FROM jobs")
    assert rows == [{"state": "NODE_FAIL", "ended": True}]


@pytest.mark.parametrize(
    ("second", "outages"),
    [
        ({"from_utc": "2026-01-02T03:00:02", "to_utc": "2026-01-02T04:00:05"}, 1),
        ({"from_utc": "2026-01-02T04:04:59", "to_utc": "2026-01-02T04:30"}, 1),
        ({"from_utc": "2026-01-02T04:05:01", "to_utc": "2026-01-02T04:30"}, 2),
        ({"from_utc": "2026-01-02T03:30", "to_utc": None}, 1),
        ({"from_utc": "2026-01-02T03:30", "to_utc": "2026-01-02T03:40", "source": "slurm-events"}, 2),
        ({"from_utc": "2026-01-02T03:00", "to_utc": "2026-01-02T04:00", "node": "n2"}, 2),
    ],
    ids=["the same", "within five minutes", "later", "inside", "told by one source", "another node"],
)
def test_an_outage_counts_once_however_many_sources_tell_it(
    ask: Ask, tmp_path: Path, second: dict[str, Any], outages: int
) -> None:
    first = {"node": "n1", "from_utc": "2026-01-02T03:00", "to_utc": "2026-01-02T04:00", "source": "slurm-events"}
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}, {"node": "n2"}],
        node_states=[first, {"node": "n1", "source": "slurmctld-log", "reason": "not responding", **second}],
    )
    assert ask(lake, "SELECT count(*) AS n FROM node_failures") == [{"n": outages}]


def test_an_outage_survives_though_two_sources_told_its_beginning_in_the_same_instant(ask: Ask, tmp_path: Path) -> None:
    # Accounting's own first row has given way to the controller's of the same key; only its continuation is left.
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-02T03:00", "to_utc": "2026-01-02T09:00", "source": "slurmctld-log"},
            {
                "node": "n1",
                "from_utc": "2026-01-02T05:00",
                "to_utc": "2026-01-02T09:00",
                "source": "slurm-events",
                "reason": "Node unexpectedly rebooted",
                "continues": True,
            },
        ],
    )
    assert ask(lake, "SELECT count(*) AS n FROM node_failures") == [{"n": 1}]


def test_accounting_that_calls_an_outage_planned_is_believed(ask: Ask, tmp_path: Path) -> None:
    hours = {"node": "n1", "from_utc": "2026-01-02T03:00", "to_utc": "2026-01-02T04:00"}
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}],
        node_states=[{**hours, "planned": True}, {**hours, "source": "slurmctld-log", "reason": "DOWN"}],
    )
    assert ask(lake, "SELECT count(*) AS n FROM node_failures") == [{"n": 0}]


def test_the_controllers_log_names_the_preemptor_and_the_node_that_failed(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            {**ATTEMPT, "state": "PREEMPTED"},
            {
                **ATTEMPT,
                "submit_utc": "2026-01-03T00:01",
                "start_utc": "2026-01-04",
                "end_utc": "2026-01-05",
                "state": "NODE_FAIL",
            },
            {**ATTEMPT, "job_id": "8", "state": "NODE_FAIL", "failed_node": "n9"},
        ],
        job_events=[
            {"job_id_raw": "7", "time_utc": "2026-01-02T23:59", "kind": "preempted", "by_job_id_raw": "99"},
            {"job_id_raw": "7", "time_utc": "2026-01-05T00:01", "kind": "requeued", "node": "n1"},
            {"job_id_raw": "7", "time_utc": "2026-01-06", "kind": "preempted", "by_job_id_raw": "1"},
            {"job_id_raw": "8", "time_utc": "2026-01-03", "kind": "node_failed", "node": "n1"},
        ],
    )
    rows = ask(lake, "SELECT job_id, attempt, preempted_by, failed_node FROM attempts ORDER BY job_id, attempt")
    assert [tuple(row.values()) for row in rows] == [
        ("7", 1, "99", None),
        ("7", 2, None, "n1"),
        ("8", 1, None, "n9"),
    ]


def test_a_snapshot_of_gpus_is_no_inventory(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1", "gpu_count": 8}],
        events=[{"node": "n1", "slot": "0000:9b:00", "time_utc": "2026-01-10", "component_id": "GPU-1"}],
        components=[{"component_id": "GPU-1", "node": "n1", "slot": "0000:9b:00", "installed_utc": None}],
    )
    lives = ask(
        lake, "SELECT count(*) AS lives, sum(CAST(observed AS INT)) AS failed FROM lifetimes WHERE component = 'gpu'"
    )
    assert lives == [{"lives": 8, "failed": 1}]
    assert ask(lake, "SELECT node FROM fleet") == [{"node": "n1"}]


def test_a_controllers_log_taken_in_part_by_part_is_one_outage(ask: Ask, tmp_path: Path) -> None:
    log = {"node": "n1", "source": "slurmctld-log"}
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1"}],
        node_states=[{**log, "from_utc": "2026-01-02T03:00", "to_utc": None, "reason": "Not responding"}],
    )
    add_ingest(
        lake,
        node_states=[
            {**log, "from_utc": "2026-01-02T04:00", "to_utc": None, "reason": "Node unexpectedly rebooted"},
            {**log, "from_utc": "2026-01-02T05:00", "to_utc": None, "state": "up", "reason": None},
        ],
    )
    assert ask(lake, "SELECT count(*) AS n FROM node_failures") == [{"n": 1}]
    down = ask(lake, "SELECT sum(down_unplanned_seconds) AS s FROM exposure")
    assert down == [{"s": 2 * 3600}]
