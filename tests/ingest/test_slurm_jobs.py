"""Slurm's jobs, whatever they are printed by: what one file says, and what several of one cluster add up to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.opening import InputFile
from ingest.registry import identify
from ingest.report import IngestReport
from ingest.slurm.job_json import SlurmJson
from ingest.slurm.job_view import SlurmJobView
from ingest.slurm.jobcomp import SlurmJobcomp
from ingest.source import Options, Source
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import UnreadableInputError
from reliability.lake import Lake

Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]

CASES = Path(__file__).parents[1] / "cases"
T0 = 1_735_689_600


@pytest.fixture
def view(lake: Lake) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Rows of the view ``jobs``, as analyses see them."""
    engines: list[DuckDBEngine] = []

    def ask(columns: str) -> list[dict[str, Any]]:
        engines.append(DuckDBEngine(lake))
        return list(engines[-1].rows(f"SELECT {columns} FROM jobs ORDER BY ALL"))

    yield ask
    for engine in engines:
        engine.close()


def accounted(**changes: Any) -> dict[str, Any]:
    """A job of ``sacct --json`` as data_parser/v0.0.42 prints it, as far as it matters."""
    job = {
        "account": "ml",
        "allocation_nodes": 1,
        "array": {"job_id": 0, "task_id": number(None), "task": ""},
        "association": {"user": "ann"},
        "cluster": "east",
        "exit_code": {"status": ["SUCCESS"], "return_code": number(0), "signal": {"id": number(None), "name": ""}},
        "het": {"job_id": 0, "job_offset": number(None)},
        "job_id": 7,
        "name": "train",
        "nodes": "n1",
        "state": {"current": ["COMPLETED"], "reason": "None"},
        "steps": [],
        "time": {"submission": T0, "eligible": T0, "start": T0, "end": T0 + 60, "limit": number(60)},
        "tres": {"allocated": [{"type": "cpu", "name": "", "count": 8}], "requested": []},
        "user": "ann",
    }
    return {**job, **changes}


def number(value: int | None) -> dict[str, Any]:
    return {"set": value is not None, "infinite": False, "number": value or 0}


def document(*jobs: Any) -> str:
    return json.dumps({"jobs": jobs, "meta": {"slurm": {"cluster": "east"}}, "errors": []})


# --- JSON


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["PENDING", "REQUEUED"], "REQUEUED"),
        (["PENDING", "RESIZING"], "RESIZING"),
        (["COMPLETED", "COMPLETING"], "COMPLETING"),
        (["RUNNING", "CONFIGURING"], "RUNNING"),
        (["PENDING", "REQUEUE_HOLD"], "PENDING"),
        (["PENDING", "REQUEUE_HOLD", "SPECIAL_EXIT"], "PENDING"),
        (["PENDING", "SPECIAL_EXIT"], "SPECIAL_EXIT"),
        (["PENDING", "RESV_DEL_HOLD"], "PENDING"),
        (["RUNNING", "POWER_UP_NODE"], "RUNNING"),
        (["CANCELLED", "REVOKED"], "REVOKED"),
        ("TIMEOUT", "TIMEOUT"),
    ],
)
def test_a_flag_beats_the_base_state_as_in_the_text(states: Any, expected: str, feed: Feed, rows: Rows) -> None:
    feed(document(accounted(state={"current": states})))
    assert [row["state"] for row in rows("jobs")] == [expected]


def test_a_success_of_a_failed_job_is_not_believed(feed: Feed, rows: Rows) -> None:
    """Slurm 22.05 prints 42:0 as SUCCESS and 0."""
    lie = {"status": "SUCCESS", "return_code": 0}
    feed(
        document(
            *(
                accounted(job_id=n, state={"current": s}, exit_code=lie)
                for n, s in enumerate(["FAILED", "COMPLETED"], 1)
            )
        )
    )
    assert [(row["job_id"], row.get("exit_code")) for row in rows("jobs")] == [("2", 0), ("1", None)]


def test_numbers_that_slurm_marks_as_not_set_are_unknown(feed: Feed, rows: Rows) -> None:
    time = {"submission": T0, "eligible": T0, "start": 4294967294, "end": 0, "limit": {"set": False, "infinite": True}}
    feed(document(accounted(state={"current": ["PENDING"]}, nodes="", time=time, priority=4294967295)))
    (row,) = rows("jobs")
    assert row["time_limit_seconds"] == "Infinity"
    assert not row.keys() & {"start_utc", "end_utc", "priority", "nodes"}


@pytest.mark.parametrize(
    ("tasks", "at_once", "shown"),
    [
        ("0x1F", 0, "7_[0-4]"),
        ("0x1F%4", 0, "7_[0-4%4]"),
        ("0x1F", 4, "7_[0-4%4]"),
        ("0x0421", 0, "7_[0,5,10]"),
        ("0x1" + "0" * 250, 0, "7_[1000]"),
        ("0-4%2", 2, "7_[0-4%2]"),
        ("0x", 0, "7_[0x]"),
        ("0x" + "F" * 4097, 0, "7_[0x" + "F" * 4097 + "]"),
    ],
)
def test_a_waiting_array_reads_as_in_the_text(tasks: str, at_once: int, shown: str, feed: Feed, rows: Rows) -> None:
    limits = {"max": {"running": {"tasks": at_once}}}
    array = {"job_id": 7, "task_id": number(None), "task": tasks, "limits": limits}
    feed(document(accounted(array=array)))
    assert [(row["job_id"], row["job_id_raw"]) for row in rows("jobs")] == [(shown, "7")]


def test_an_answer_without_jobs_is_read_as_one(feed: Feed) -> None:
    (report,) = feed(document()).files
    assert (report.format, report.rows_read, report.rows_rejected) == ("slurm-json", 0, 0)


def test_several_answers_in_one_file_are_all_read(feed: Feed, rows: Rows) -> None:
    feed(document(accounted(job_id=1)) + "\n" + document(accounted(job_id=2)))
    assert {row["job_id"] for row in rows("jobs")} == {"1", "2"}


def test_json_that_ends_too_early_is_an_error_that_says_how_far_it_got(feed: Feed) -> None:
    with pytest.raises(UnreadableInputError, match=r"ends too early, after 1 records"):
        feed(document(accounted(job_id=1), accounted(job_id=2))[:-300])


def test_half_a_surrogate_pair_in_a_name_harms_nothing(feed: Feed, rows: Rows) -> None:
    text = document(accounted(job_id=1, name="NAME"), accounted(job_id=2)).replace("NAME", "\\ud83d")
    (report,) = feed(text).files
    assert (report.rows_used, report.rows_rejected) == (2, 0)
    assert len(rows("jobs")) == 2


def test_the_controller_covers_nothing_and_forecasts_are_no_facts(feed: Feed, rows: Rows) -> None:
    feed(CASES / "slurm-json" / "controller-0.0.42.input")
    jobs = {row["job_id_raw"]: row for row in rows("jobs")}
    assert [row["covers"] for row in rows("ingests")] == [[]]
    assert "start_utc" not in jobs["103"]
    assert "end_utc" not in jobs["102"]
    assert "start_utc" not in jobs["104"]


KEYS = st.sampled_from(["set", "infinite", "number", "id", "current", "type", "count"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


@given(st.lists(st.tuples(st.sampled_from(sorted(accounted())), VALUES), max_size=6), st.booleans())
def test_whatever_a_field_holds_a_job_is_used_or_refused(changes: list[tuple[str, Any]], controlled: bool) -> None:
    from ingest.slurm.job_json import _Reader
    from ingest.slurm.job_records import JobRecord, job_chunks, job_records

    job = accounted(**dict(changes))
    if controlled:
        job = {**job, "job_state": job.pop("state"), "submit_time": job.pop("time"), "exit_code": job["exit_code"]}
    records = list(job_records([(1, job), (2, accounted())], _Reader().read, repr))
    chunks = list(job_chunks(records, "UTC"))
    assert sum(chunk.used + chunk.dropped + len(chunk.rejects) for chunk in chunks) == 2
    assert any(isinstance(record, JobRecord) for record in records)


# --- the completion log and the controller's view


def test_a_requeued_attempt_of_the_completion_log_is_not_pending(feed: Feed, rows: Rows) -> None:
    feed(CASES / "slurm-jobcomp" / "slurm-26.05.input")
    states = {(row["job_id_raw"], row["submit_utc"]): row["state"] for row in rows("jobs")}
    assert states[("25", "2026-11-22T17:54:52Z")] == "REQUEUED"
    assert states[("25", "2026-11-22T17:54:57Z")] == "COMPLETED"


def test_a_name_that_imitates_a_record_is_refused_not_believed(feed: Feed, rows: Rows) -> None:
    feed(CASES / "slurm-jobcomp" / "slurm-22.05.input", CASES / "slurm-job-view" / "slurm-22.05.input")
    reasons = [row["reason"] for row in rows("rejects")]
    assert "a job name or folder that looks like a part of the record" in reasons
    assert "not one JobState: cut short, or a text that looks like a part of the record" in reasons


@pytest.mark.parametrize("source", [SlurmJobcomp(), SlurmJobView(), SlurmJson()])
@given(head=st.binary(max_size=300))
def test_no_bytes_make_recognition_fail(source: Source, head: bytes) -> None:
    assert source.recognise(head, Options()) is False


@pytest.mark.parametrize(
    "case", sorted(CASES.glob("slurm-*/*.input")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_every_case_is_claimed_by_one_source_only(case: Path) -> None:
    options = case.with_name(f"{case.stem}.options.json")
    if options.exists():
        return  # those cases say their format's columns by option
    assert identify(InputFile(case).head(), case, Options()).name == case.parent.name


# --- resized jobs, steps


def test_what_is_left_of_a_resized_attempt_goes_with_the_attempt(feed: Feed, rows: Rows) -> None:
    """``sacct`` without ``-D``: the end of attempt one is hidden, its RESIZING row is not."""
    (report,) = feed(
        "JobIDRaw|State|Submit|Start|End\n"
        f"7|RESIZING|{T0}|{T0}|{T0 + 100}\n"
        f"7|COMPLETED|{T0 + 500}|{T0 + 510}|{T0 + 600}\n"
    ).files
    assert (report.rows_used, report.rows_dropped) == (1, 1)
    assert [row["state"] for row in rows("jobs")] == ["COMPLETED"]


def test_without_steps_a_memory_kill_is_unknown_not_denied(feed: Feed, view: Callable[[str], Any]) -> None:
    times = f"{T0}|{T0 + 9}\n"
    feed(
        f"JobID|State|Submit|End\n1|FAILED|{times}1.0|OUT_OF_MEMORY|{times}2|FAILED|{times}2.0|FAILED|{times}",
        f"JobID|State|Submit|End\n1|FAILED|{times}2|FAILED|{times}",  # sacct -X, later
    )
    assert view("job_id, step_out_of_memory") == [
        {"job_id": "1", "step_out_of_memory": True},
        {"job_id": "2", "step_out_of_memory": False},
    ]


def test_the_failed_node_is_kept_through_a_resize(feed: Feed, rows: Rows) -> None:
    feed(
        "JobIDRaw|State|Submit|Start|End|FailedNode\n"
        f"7|RESIZING|{T0}|{T0}|{T0 + 100}|\n"
        f"7|NODE_FAIL|{T0 + 100}|{T0 + 100}|{T0 + 600}|n3\n"
    )
    assert [row["failed_node"] for row in rows("jobs")] == ["n3"]


def test_several_clusters_in_one_file_keep_their_own_jobs(feed: Feed, rows: Rows) -> None:
    feed(f"Cluster|JobID|State|Submit\neast|7|COMPLETED|{T0}\nwest|7|FAILED|{T0}\n")
    assert [(row["cluster"], row["state"]) for row in rows("jobs")] == [("east", "COMPLETED"), ("west", "FAILED")]
