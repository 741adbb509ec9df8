"""PBS, LSF and the Standard Workload Format: what their records become, and what no record may do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.opening import InputFile
from ingest.records import Findings, table_of
from ingest.registry import identify
from ingest.report import IngestReport
from ingest.schedulers import SOURCES
from ingest.schedulers.pbs_values import gpus_of, hosts_of, parse_bytes, parse_walltime, slots_of
from ingest.source import Options, Source
from reliability.errors import MissingOptionError

Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]

CASES = Path(__file__).parents[1] / "cases"
T0 = 1_735_689_600


def pbs(kind: str = "E", job_id: str = "1.pbs1", **fields: object) -> str:
    values: dict[str, object] = {
        "user": "ann", "ctime": T0, "start": T0 + 60, "end": T0 + 660, "Exit_status": 0, "run_count": 1,
        "exec_host": "n1/0*8", "Resource_List.walltime": "01:00:00", "resources_used.walltime": "00:10:00",
    }  # fmt: skip
    values |= {name.replace("__", "."): value for name, value in fields.items()}
    return f"01/01/2025 00:11:00;{kind};{job_id};" + " ".join(f"{name}={value}" for name, value in values.items())


@pytest.mark.parametrize(
    ("status", "used", "state", "code", "signal"),
    [
        (0, "00:10:00", "COMPLETED", 0, 0),
        (1, "00:10:00", "FAILED", 1, 0),
        (137, "00:10:00", "FAILED", 137, 0),
        (265, "00:10:00", "FAILED", 0, 9),
        (265, "01:00:01", "TIMEOUT", 0, 9),
        (271, "00:10:00", "CANCELLED", 0, 15),
        (271, "01:00:01", "TIMEOUT", 0, 15),
        (-29, "01:00:01", "TIMEOUT", None, None),
        (-28, "00:10:00", "TIMEOUT", None, None),
        (-27, "00:10:00", "OUT_OF_MEMORY", None, None),
        (-4, "00:10:00", "NODE_FAIL", None, None),
        (-1, "00:10:00", "FAILED", None, None),
    ],
)
def test_exit_status_of_pbs_tells_the_state(
    status: int, used: str, state: str, code: int | None, signal: int | None, feed: Feed, rows: Rows
) -> None:
    feed(pbs(Exit_status=status, resources_used__walltime=used))
    (row,) = rows("jobs")
    assert (row["state"], row.get("exit_code"), row.get("exit_signal")) == (state, code, signal)


def test_every_run_of_a_pbs_job_is_an_attempt_wherever_it_was_logged(feed: Feed, rows: Rows) -> None:
    """Daily files: the key of an attempt does not depend on what else is in its file."""
    first = pbs("R", Exit_status=-20, end=T0 + 300)
    second = pbs("E", run_count=2, start=T0 + 400, end=T0 + 900)
    feed(f"{first}\n{second}\n")
    feed(first + "\n")
    feed(second + "\n")
    attempts = {(row["submit_utc"], row["state"]) for row in rows("jobs")}
    assert attempts == {("2025-01-01T00:00:00Z", "NODE_FAIL"), ("2025-01-01T00:06:40Z", "COMPLETED")}
    assert len(rows("jobs")) == 4


def test_a_rerun_record_of_torque_says_nothing_and_the_start_before_it_does(feed: Feed, rows: Rows) -> None:
    feed(CASES / "pbs-accounting" / "torque.input", timezone="Europe/Berlin")
    attempts = sorted(
        (row["submit_utc"], row["end_utc"], row["state"]) for row in rows("jobs") if row["job_id"] == "301"
    )
    assert attempts == [
        ("2025-01-01T00:00:00Z", "2025-01-01T00:05:00Z", "REQUEUED"),
        ("2025-01-01T00:05:00Z", "2025-01-01T00:15:00Z", "FAILED"),
    ]


def test_lsf_attempts_of_a_requeued_job_are_told_apart(feed: Feed, rows: Rows) -> None:
    feed(CASES / "lsf-acct" / "lsf-10.1.input")
    attempts = sorted((row["submit_utc"], row["state"]) for row in rows("jobs") if row["job_id"] == "11")
    assert attempts == [
        ("2025-01-01T00:00:00Z", "PREEMPTED"),
        ("2025-01-01T00:01:40Z", "PREEMPTED"),
        ("2025-01-01T00:04:10Z", "COMPLETED"),
    ]


def test_a_workload_without_an_origin_asks_for_one(feed: Feed) -> None:
    with pytest.raises(MissingOptionError, match="--time-origin T"):
        feed("; Version: 2.2\n1 0 10 600 16 -1 -1 16 -1 -1 1 5 2 -1 1 1 -1 -1\n")


def test_nodes_of_a_workload_are_counted_only_where_its_header_tells(feed: Feed, rows: Rows) -> None:
    line = "1 0 10 600 9 -1 -1 9 -1 -1 1 5 2 -1 1 1 -1 -1\n"
    start = f"; UnixStartTime: {T0}\n"
    feed(start + "; MaxNodes: 16\n; MaxProcs: 128\n" + line, cluster="told")
    feed(start + "; MaxProcs: 128\n" + line, cluster="half")
    feed(start + "; MaxNodes: 3\n; MaxProcs: 128\n" + line, cluster="uneven")
    assert {row["cluster"]: row.get("node_count") for row in rows("jobs")} == {"told": 2, "half": None, "uneven": None}


def test_parts_of_a_workloads_job_are_not_jobs(feed: Feed, rows: Rows) -> None:
    job = "1 0 10 600 9 -1 -1 9 -1 -1 {} 5 2 -1 1 1 -1 -1\n"
    (report,) = feed(f"; UnixStartTime: {T0}\n" + "".join(job.format(status) for status in (1, 2, 3, 4))).files
    assert (report.rows_used, report.rows_dropped) == (1, 4)


def test_unknown_outcomes_of_a_workload_are_said_aloud(feed: Feed) -> None:
    (report,) = feed(f"; UnixStartTime: {T0}\n1 0 -1 600 9 -1 -1 9 -1 -1 -1 5 2 -1 1 1 -1 -1\n").files
    assert any(warning.startswith("1 jobs whose outcome the log does not tell") for warning in report.warnings)
    assert any(warning.startswith("1 jobs whose waiting time the log does not tell") for warning in report.warnings)


@pytest.mark.parametrize(
    "case", [path for source in SOURCES for path in sorted((CASES / source.name).glob("*.input"))], ids=str
)
def test_every_case_is_claimed_by_its_source_only(case: Path) -> None:
    assert identify(InputFile(case).head(), case, Options()).name == case.parent.name


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@given(head=st.binary(max_size=300))
def test_no_bytes_make_recognition_fail(source: Source, head: bytes) -> None:
    assert source.recognise(head, Options()) is False


def _parsers() -> dict[str, Callable[[], Callable[[Any], Any]]]:
    from zoneinfo import ZoneInfo

    from ingest.schedulers import lsf, pbs, swf

    file = InputFile(Path("nowhere"))
    origin = Options(time_origin="2024-01-01T00:00:00Z").origin_utc
    return {
        "pbs": lambda: pbs._Log(ZoneInfo("America/New_York"), Findings()).parse,
        "lsf": lambda: lsf._Log(Findings()).parse,
        "swf": lambda: swf._Log(file, origin, Findings()).parse,
    }


def _accepts(parse: Callable[[Any], Any], record: Any) -> None:
    """A record is refused with a reason, or becomes rows that fit the table."""
    try:
        rows = parse(record)
    except (ValueError, OverflowError):
        return
    for row in rows:
        table_of(row.table, [row.values])


NUMBERS = st.integers().map(str) | st.sampled_from(["0", "-1", "256", str(T0), "9" * 18, "", "1.5", "٣"])


@given(st.dictionaries(
    st.sampled_from([
        "ctime", "etime", "start", "end", "Exit_status", "run_count", "exec_host", "exec_vnode", "exec_gpus",
        "Resource_List.ncpus", "Resource_List.ngpus", "Resource_List.nodes", "Resource_List.mem",
        "Resource_List.walltime", "resources_used.walltime", "Resource_List.nodect",
    ]),
    NUMBERS | st.text(max_size=12),
), st.sampled_from("ERS"))  # fmt: skip
def test_whatever_a_pbs_field_holds_the_record_is_used_or_refused(fields: dict[str, str], kind: str) -> None:
    _accepts(_parsers()["pbs"](), pbs(kind, **fields))


@given(st.lists(NUMBERS | st.text(max_size=6), min_size=60, max_size=80))
def test_whatever_an_lsf_record_holds_it_is_used_or_refused(fields: list[str]) -> None:
    _accepts(_parsers()["lsf"](), ["JOB_FINISH", "10.1", *fields])


@given(st.lists(NUMBERS, min_size=18, max_size=18))
def test_whatever_a_workload_line_holds_it_is_used_or_refused(fields: list[str]) -> None:
    _accepts(_parsers()["swf"](), " ".join(fields))


@given(st.text(max_size=30))
def test_values_of_pbs_are_read_or_refused(text: str) -> None:
    assert hosts_of(text) == list(dict.fromkeys(hosts_of(text)))
    for read in (parse_bytes, parse_walltime, slots_of, lambda text: gpus_of({"Resource_List.nodes": text})):
        try:
            value = read(text)
        except ValueError:
            continue
        assert value is None or value >= 0
