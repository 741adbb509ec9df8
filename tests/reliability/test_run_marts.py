"""Logical runs and where the time of their attempts went, on tiny rows and both engines.

Each case is a cluster of its own in one lake, so that each engine is asked once.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reliability.lake import Lake, create_lake
from tests.lakes import add_ingest, build_lake
from tests.reliability.conftest import Ask

Row = dict[str, Any]
BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
MINUTE, HOUR = 60, 3600
#: of what `logged` writes: restart, and from there to the begin of the second save
RESTART, SECOND_SAVE = 10 * MINUTE, 10 * MINUTE + 1800 + 60 + 1800
PARTS = ("restart_seconds", "productive_seconds", "checkpoint_seconds", "lost_seconds")


def after(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def job(job_id: str, begin: float, end: float | None, state: str = "FAILED", **more: Any) -> Row:
    moments = {"start_utc": after(begin), "end_utc": None if end is None else after(end)}
    return {"job_id": job_id, "nodes": ["n1"], "state": state, **moments, **more}


def step(moment: float, number: int, seconds: float = 10.0) -> Row:
    return {"job_id": "1", "time_utc": after(moment), "step": number, "step_seconds": seconds}


def save(moment: float, number: int | None, seconds: float | None, **more: Any) -> Row:
    return {"job_id": "1", "started_utc": after(moment), "step": number, "duration_seconds": seconds, **more}


def logged(begin: float = 0.0) -> dict[str, list[Row]]:
    """Ten minutes of restart, a line every 90 steps of 10 s, a blocking save of 60 s every 30 minutes, two of them."""
    first, second = begin + RESTART, begin + RESTART + 1860
    steps = [step(first + 900, 90), step(first + 1800, 180), step(second + 900, 270), step(second + 1800, 360)]
    return {
        "training_steps": steps,
        "checkpoints": [save(first + 1800, 180, 60), save(second + 1800, 360, 60)],
    }


def lake_of(folder: Path, cases: dict[str, dict[str, Any]]) -> Lake:
    lake = create_lake(folder / "lake")
    for name, tables in cases.items():
        add_ingest(lake, cluster=name, covers=["jobs"], **tables)
    return lake


CHAINS: dict[str, tuple[list[Row], dict[tuple[str, int], str]]] = {
    "a requeued job is one run": (
        [job("7", 0, 100, "NODE_FAIL"), job("7", 200, 300, "COMPLETED")],
        {("7", 1): "7 job_id", ("7", 2): "7 job_id"},
    ),
    "a chain of resubmissions is one run however long": (
        [job(str(number), 1000 * number, 1000 * number + 500) for number in range(1, 8)],
        {("1", 1): "1 job_id"} | {(str(number), 1): "1 resubmission" for number in range(2, 8)},
    ),
    "a job after one that completed is another run": (
        [job("1", 0, 100, "COMPLETED"), job("2", 200, 300), job("3", 400, 500)],
        {("1", 1): "1 job_id", ("2", 1): "2 job_id", ("3", 1): "2 resubmission"},
    ),
    "a requeued job that is resubmitted stays one run": (
        [job("1", 0, 100, "NODE_FAIL"), job("1", 150, 200), job("2", 300, 400), job("2", 450, 500)],
        {("1", 1): "1 job_id", ("1", 2): "1 job_id", ("2", 1): "1 resubmission", ("2", 2): "1 job_id"},
    ),
    "an hour is within the window": (
        [job("1", 0, 100), job("2", 3700, 3800)],
        {("1", 1): "1 job_id", ("2", 1): "1 resubmission"},
    ),
    "more than an hour is not": (
        [job("1", 0, 100), job("2", 3701, 3800)],
        {("1", 1): "1 job_id", ("2", 1): "2 job_id"},
    ),
    "what waited in the queue for its predecessor continues it": (
        [
            job("1", 0, 100, "TIMEOUT", submit_utc=after(-5100)),
            job("2", 200, 300, submit_utc=after(-5000), eligible_utc=after(100)),
        ],
        {("1", 1): "1 job_id", ("2", 1): "1 resubmission"},
    ),
    "what was requeued and still runs is not submitted again": (
        [job("1", 0, 100, "NODE_FAIL"), job("1", 150, None, "RUNNING"), job("2", 300, 400)],
        {("1", 1): "1 job_id", ("1", 2): "1 job_id", ("2", 1): "2 job_id"},
    ),
    "jobs side by side are not chained": (
        [job("1", 0, 1000), job("2", 10, 500), job("3", 20, 300)],
        {("1", 1): "1 job_id", ("2", 1): "2 job_id", ("3", 1): "3 job_id"},
    ),
    "array tasks stay apart": (
        [job(f"17_{task}", 1000 * task, 1000 * task + 500, job_id_raw=str(17 + task)) for task in (1, 2, 3)],
        {("18", 1): "18 job_id", ("19", 1): "19 job_id", ("20", 1): "20 job_id"},
    ),
    "a key overrides": (
        [
            job("1", 0, 100, "COMPLETED", run_key="llama", user="ada"),
            job("2", 90_000, 90_100, run_key="llama", user="bob", nodes=["n1", "n2"]),
            job("3", 90_200, 90_300, run_key="other", user="bob", nodes=["n1", "n2"]),
        ],
        {("1", 1): "1 key", ("2", 1): "1 key", ("3", 1): "3 key"},
    ),
    **{
        f"another {what} is another run": (
            [job("1", 0, 100), job("2", 200, 300, **change)],
            {("1", 1): "1 job_id", ("2", 1): "2 job_id"},
        )
        for what, change in (
            ("user", {"user": "bob"}),
            ("name", {"job_name": "other"}),
            ("number of nodes", {"nodes": ["n1", "n2"], "gpu_count": 8}),
            ("number of GPUs", {"gpu_count": 4}),
        )
    },
    "jobs without a name are not chained": (
        [job("1", 0, 100, job_name=None), job("2", 200, 300, job_name=None)],
        {("1", 1): "1 job_id", ("2", 1): "2 job_id"},
    ),
}


@pytest.fixture(scope="module")
def chained(ask_once: Ask, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[tuple[str, int], str]]:
    lake = lake_of(tmp_path_factory.mktemp("chains"), {name: {"jobs": jobs} for name, (jobs, _) in CHAINS.items()})
    found: dict[str, dict[tuple[str, int], str]] = {name: {} for name in CHAINS}
    for row in ask_once(lake, "SELECT * FROM run_members"):
        found[row["cluster"]][row["job_id_raw"], row["attempt"]] = f"{row['run_id']} {row['chained_by']}"
    return found


@pytest.mark.parametrize("case", CHAINS)
def test_attempts_are_chained(chained: dict[str, Any], case: str) -> None:
    assert chained[case] == CHAINS[case][1]


def test_a_window_of_nothing_chains_nothing(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[job("1", 0, 100), job("2", 100, 300)])
    rows = ask(lake, "SELECT run_id FROM run_members", resubmission_window_seconds=0)
    assert {row["run_id"] for row in rows} == {"1", "2"}


#: restart, productive, checkpoint, lost seconds of each attempt in time order
DIVISIONS: dict[str, tuple[list[Row], dict[str, list[Row]], list[tuple[Any, ...]]]] = {
    "a short attempt restarted all its time": ([job("1", 0, 120)], {}, [(120, 0, 0, 0, "assumed")]),
    "without a checkpoint yet all work is lost": (
        [job("1", 0, 35 * MINUTE, "NODE_FAIL")],
        {},
        [(300, 0, 0, 30 * MINUTE, "assumed")],
    ),
    "work since the last hourly checkpoint is lost": (
        [job("1", 0, 3 * HOUR + 25 * MINUTE)],
        {},
        [(300, 3 * HOUR, 0, 20 * MINUTE, "assumed")],
    ),
    "who completed keeps everything": (
        [job("1", 0, 2 * HOUR, "COMPLETED")],
        {},
        [(300, 2 * HOUR - 300, 0, 0, "assumed")],
    ),
    "who requeued itself keeps everything": (
        [job("1", 0, 2 * HOUR, "REQUEUED")],
        {},
        [(300, 2 * HOUR - 300, 0, 0, "assumed")],
    ),
    "who was cancelled loses what no checkpoint holds": (
        [job("1", 0, 35 * MINUTE, "CANCELLED")],
        {},
        [(300, 0, 0, 30 * MINUTE, "assumed")],
    ),
    "a training log tells the parts": (
        [job("1", 0, SECOND_SAVE + 60 + 500, "NODE_FAIL")],
        logged(),
        [(600, 3600, 120, 500, "logged")],
    ),
    "who completed keeps what came after the last save": (
        [job("1", 0, SECOND_SAVE + 60 + 500, "COMPLETED")],
        logged(),
        [(600, 4100, 120, 0, "logged")],
    ),
    "a save not written in time is not safe": (
        [job("1", 0, SECOND_SAVE + 30, "NODE_FAIL")],
        logged(),
        [(600, 1800, 90, 1800, "logged")],
    ),
    "a save in the background is safe once it is written": (
        [job("1", 0, SECOND_SAVE + 60 + 100, "NODE_FAIL")],
        {
            "training_steps": logged()["training_steps"],
            # Training stood still for both; the log tells the end of the first write alone.
            "checkpoints": [*logged()["checkpoints"], save(RESTART + 1860, 180, 200, kind="asynchronous")],
        },
        [(600, 1800, 120, 1900, "logged")],
    ),
    "a later attempt resumes from the last save of its run": (
        [job("1", 0, 5000, "NODE_FAIL"), job("1", 6000, 8000, "NODE_FAIL")],
        # Its only line is of step 450 after 360.
        {**logged(), "training_steps": [*logged()["training_steps"], step(6000 + 700 + 900, 450)]},
        [(600, 3600, 120, 680, "logged"), (700, 0, 0, 1300, "logged")],
    ),
    "a loaded checkpoint says where it resumes": (
        [job("1", 0, 2000, "COMPLETED")],
        {
            "training_steps": [step(1500, 450), step(1600, 460)],
            "checkpoints": [save(100, 420, 30, action="loaded")],
        },
        [(1200, 800, 0, 0, "assumed")],
    ),
    "an attempt that ended before its first line restarts as its run does": (
        [
            job("1", 0, 5000, "NODE_FAIL"),
            job("1", 5100, 5400, "NODE_FAIL"),
            job("1", 5500, 6300, "NODE_FAIL"),
        ],
        logged(),
        [(600, 3600, 120, 680, "logged"), (300, 0, 0, 0, "logged"), (600, 0, 0, 200, "logged")],
    ),
    "an attempt whose log is missing has its run's rhythm": (
        [job("1", 0, 5000, "NODE_FAIL"), job("1", 5100, 5100 + 600 + 18_120, "NODE_FAIL")],
        logged(),
        # A save every 30 minutes, for a minute: nine of these fit, and what is left is lost.
        [(600, 3600, 120, 680, "logged"), (600, 9 * 1800, 9 * 60, 18_120 - 9 * 1860, "assumed")],
    ),
    "a log that stops long before the end is taken to be cut": (
        [job("1", 0, SECOND_SAVE + 60 + 9070, "NODE_FAIL")],
        logged(),
        [(600, 3600 + 4 * 1800, 120 + 4 * 60, 9070 - 4 * 1860, "assumed")],
    ),
    "saves without steps are used and the restart is assumed": (
        [job("1", 0, 5000)],
        {"checkpoints": [save(2000, None, 100), save(4100, None, 100)]},
        [(300, 3700, 200, 800, "logged")],
    ),
    "steps without saves give the restart and the loss is assumed": (
        [job("1", 0, 5000)],
        {"training_steps": [step(1500, 90), step(2400, 180)]},
        [(600, 3600, 0, 800, "assumed")],
    ),
    "saves of other jobs say how long one takes": (
        [job("1", 0, 300 + 3700)],
        logged(begin=100_000),
        [(300, 3600, 60, 40, "assumed")],
    ),
    "a log that begins at a late step does not begin before the start": (
        [job("1", 0, 1000, "COMPLETED")],
        {"training_steps": [step(900, 50_000)]},
        [(300, 700, 0, 0, "assumed")],
    ),
    "equal times of several lines do no harm": (
        [job("1", 0, 1000, "COMPLETED")],
        {"training_steps": [step(900, 1), step(900, 2), step(900, 3)]},
        [(890, 110, 0, 0, "assumed")],
    ),
    "an attempt of no length has no parts": ([job("1", 100, 100)], {}, [(0, 0, 0, 0, "assumed")]),
    "what still runs has lost nothing yet": (
        [job("1", 0, None, "RUNNING")],
        {"observed_to": after(HOUR)},
        [(300, HOUR - 300, 0, 0, "assumed")],
    ),
}


@pytest.fixture(scope="module")
def divided(ask_once: Ask, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    cases = {name: {"jobs": jobs, **tables} for name, (jobs, tables, _) in DIVISIONS.items()}
    lake = lake_of(tmp_path_factory.mktemp("parts"), cases)
    found: dict[str, list[Row]] = {name: [] for name in DIVISIONS}
    for row in ask_once(lake, "SELECT * FROM attempt_parts ORDER BY cluster, from_micros, attempt"):
        found[row["cluster"]].append(row)
    return found


@pytest.mark.parametrize("case", DIVISIONS)
def test_run_time_is_divided(divided: dict[str, list[Row]], case: str) -> None:
    rows, expected = divided[case], DIVISIONS[case][2]
    for row in rows:
        assert min(row[name] for name in PARTS) >= 0
        assert sum(row[name] for name in PARTS) == pytest.approx(row["run_seconds"])
    assert [[row[name] for name in PARTS] for row in rows] == [pytest.approx(list(part[:4])) for part in expected]
    assert [row["checkpoint_source"] for row in rows] == [part[4] for part in expected]


def test_two_windows_hold_what_the_whole_holds(ask: Ask, tmp_path: Path) -> None:
    cut = 2000
    jobs = [job("1", 0, SECOND_SAVE + 60 + 500, "NODE_FAIL", submit_utc=after(-100))]
    lake = build_lake(tmp_path / "lake", jobs=jobs, covers=["jobs"], **logged())
    names = ("queue_seconds", "run_seconds", *PARTS)
    asked = f"SELECT {', '.join(f'sum({name}) AS {name}' for name in names)} FROM attempt_parts"
    (before,) = ask(lake, asked, window_to_utc=after(cut))
    (rest,) = ask(lake, asked, window_from_utc=after(cut))
    whole = dict(zip(names, (100, SECOND_SAVE + 560, 600, 3600, 120, 500), strict=True))
    assert {name: before[name] + rest[name] for name in names} == pytest.approx(whole)


def test_a_run_sums_its_attempts_over_its_jobs(ask: Ask, tmp_path: Path) -> None:
    jobs = [
        job("1", 0, 2 * HOUR, "NODE_FAIL"),
        job("1", 2 * HOUR + 100, 3 * HOUR, "PREEMPTED", submit_utc=after(2 * HOUR)),
        job("2", 3 * HOUR + 60, 6 * HOUR, "COMPLETED", qos="high"),
    ]
    (row,) = ask(build_lake(tmp_path / "lake", jobs=jobs), "SELECT * FROM runs")
    counted = ("attempt_count", "resubmissions", "infrastructure_failures", "preemptions")
    assert [row[name] for name in counted] == [3, 1, 1, 1]
    assert (row["run_id"], row["job_id"], row["state"], row["qos"]) == ("1", "2", "COMPLETED", "high")
    assert (row["whole"], row["checkpoint_source"]) == (True, "assumed")
    assert row["gpu_hours"] == pytest.approx(8 * row["scheduled_seconds"] / 3600)
    wall = row["queue_seconds"] + row["scheduled_seconds"]
    assert wall == 6 * HOUR - 60
    assert row["ettr"] == pytest.approx(row["productive_seconds"] / wall)


def test_a_run_that_the_window_cuts_is_not_whole(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", jobs=[job("1", 0, 2 * HOUR)])
    (row,) = ask(lake, "SELECT whole FROM runs", window_from_utc=after(HOUR))
    assert row["whole"] is False
