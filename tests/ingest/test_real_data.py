"""Public traces, with the numbers their papers and readmes give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest.opening import InputFile
from ingest.registry import SOURCES
from ingest.report import IngestReport
from ingest.source import Options

pytestmark = pytest.mark.real_data
Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]
#: the published GPU-years are of 365 days
GPU_YEAR = 365 * 86_400


def test_xdmod_accounting_is_whole(real_data: Path, feed: Feed, rows: Rows) -> None:
    path = real_data / "slurm" / "xdmod-pozidriv.psv.xz"
    (report,) = feed(path).files
    jobs = rows("jobs")
    assert (report.cluster, report.rows_used, report.rows_rejected) == ("pozidriv", 11_704, 0)
    assert Counter(job["state"] for job in jobs) == {
        "COMPLETED": 10_134, "FAILED": 1_007, "CANCELLED": 468, "PREEMPTED": 86, "TIMEOUT": 9,
    }  # fmt: skip
    assert all(len(job["nodes"]) == job["node_count"] for job in jobs if "nodes" in job)
    assert sum("nodes" in job for job in jobs) == 11_285
    assert feed(path).files[0].rows_written == {"jobs": 0}


def test_xdmod_memory_per_cpu_agrees_with_the_allocation(real_data: Path, feed: Feed, rows: Rows) -> None:
    """Rows such as 2147486448Mn with 8 CPUs were given mem=22400M: the flag must not be read as two petabytes."""
    feed(real_data / "slurm" / "xdmod-pozidriv.psv.xz")
    assert max(job["requested_memory_bytes"] for job in rows("jobs")) < 1 << 41
    assert any(job["requested_memory_bytes"] == 22_400 << 20 for job in rows("jobs"))


def test_every_dirty_accounting_file_adds_up(real_data: Path, feed: Feed) -> None:
    for path in sorted((real_data / "slurm" / "gcm").glob("sample-sacct-*")):
        (report,) = feed(path).files
        assert report.rows_read == report.rows_used + report.rows_rejected + report.rows_dropped > 0


@pytest.mark.parametrize("name", ["fake-line-break", "one-multiline", "multiple-multiline"])
def test_line_breaks_are_repaired_as_expected(name: str, real_data: Path, feed: Feed, rows: Rows) -> None:
    folder = real_data / "slurm" / "gcm"
    expected = folder / f"sample-sacct-{name}-expected.txt"
    repaired, wanted = feed(folder / f"sample-sacct-{name}.txt", expected).files
    assert (repaired.rows_read, repaired.rows_used, repaired.rows_rejected) == (
        len(expected.read_text().splitlines()) - 1, wanted.rows_used, 0,
    )  # fmt: skip
    counted = Counter(str(sorted((k, v) for k, v in row.items() if k != "repeat_ordinal")) for row in rows("jobs"))
    assert all(count % 2 == 0 for count in counted.values())


def test_the_line_that_is_no_record_is_rejected_with_its_number(real_data: Path, feed: Feed, rows: Rows) -> None:
    feed(real_data / "slurm" / "gcm" / "sample-sacct-output-with-invalid-lines.txt")
    (reject,) = rows("rejects")
    assert (reject["line_number"], reject["reason"]) == (2, "93 fields where the file has 109")


def test_invalid_utf8_loses_no_record(real_data: Path, feed: Feed) -> None:
    (report,) = feed(real_data / "slurm" / "gcm" / "sample-sacct-output-invalid-utf8.txt").files
    assert (report.rows_read, report.rows_rejected) == (11, 0)


def test_xid_119_stands_at_its_address_and_time(real_data: Path, feed: Feed, rows: Rows) -> None:
    feed(real_data / "kernel_log" / "dmesg-with-xid-119.log", node="gpu-1", timezone="UTC")
    events = rows("events")
    assert {(event["code"], event["slot"], event["node"]) for event in events} == {("xid:119", "0000:9b:00", "gpu-1")}
    assert sorted(event["time_utc"] for event in events) == [
        "2025-02-23T16:24:18Z", "2025-02-23T16:24:24Z", "2025-02-23T16:24:30Z",
        "2025-02-23T16:27:12Z", "2025-02-23T16:30:13Z",
    ]  # fmt: skip


def test_infinitehbd_has_its_584_faults(real_data: Path, feed: Feed, rows: Rows) -> None:
    (report,) = feed(real_data / "infinitehbd" / "fault_trace.json", fleet_nodes=400).files
    assert (report.rows_read, report.rows_used) == (1_168, 1_168)
    assert report.rows_written == {"nodes": 400, "events": 584, "node_states": 584}
    events = rows("events")
    shares = Counter(event["domain"] for event in events)
    assert [round(100 * shares[name] / 584, 2) for name in ("hardware", "system_software", "other")] == [
        51.03,
        4.11,
        44.86,
    ]
    assert round(100 * sum(event["component"] == "gpu" for event in events) / 584, 2) == 27.05
    assert len({state["node"] for state in rows("node_states")}) == 231
    (ingest,) = rows("ingests")
    assert ingest["observed_from_utc"] == "2024-03-30T00:00:00Z"


def test_titan_reproduces_its_published_counts(real_data: Path, feed: Feed, rows: Rows) -> None:
    (report,) = feed(real_data / "titan" / "gc_full.csv.xz").files
    stays, events = rows("components"), rows("events")
    assert (report.rows_read, report.rows_rejected, len(stays)) == (37_343, 0, 36_185)
    assert Counter(event["code"] for event in events) == {"titan:DBE": 4_826, "titan:OTB": 1_541}

    batches = {stay["component_id"]: stay["attributes"]["batch"] for stay in stays}
    assert Counter(batches.values()) == {"old": 18_837, "new": 11_370}
    years: Counter[str] = Counter()
    for stay in stays:
        years[stay["attributes"]["batch"]] += stay["service_seconds"] / GPU_YEAR
    assert {name: round(value, 1) for name, value in years.items()} == {"old": 75_745.5, "new": 25_144.0}

    new_york = ZoneInfo("America/New_York")
    local = [datetime.fromisoformat(event["time_utc"]).astimezone(new_york).replace(tzinfo=None) for event in events]
    assert sum((time.year, (time.month - 1) // 3) == (2016, 3) for time in local) == 846
    assert len({time for time in local if (time.year, (time.month - 1) // 3) == (2016, 3)}) == 812
    assert sum((time.year, (time.month - 1) // 3) == (2015, 3) for time in local) == 282


def test_titan_fails_more_in_the_upper_cages(real_data: Path, feed: Feed, rows: Rows) -> None:
    feed(real_data / "titan" / "gc_full.csv.xz")
    years: Counter[str] = Counter()
    cage_of = {}
    for stay in rows("components"):
        if stay["attributes"]["batch"] == "old":
            cage_of[stay["component_id"]] = stay["attributes"]["main_cage"]
            years[stay["attributes"]["main_cage"]] += stay["service_seconds"] / GPU_YEAR
    failures = Counter(cage_of[event["component_id"]] for event in rows("events") if event["component_id"] in cage_of)
    assert [round(failures[cage] / years[cage], 3) for cage in "012"] == [0.038, 0.085, 0.153]


#: what lies beside the logs: no format of this project
NOT_LOGS = {
    "README.md",
    "LICENSE",
    "LOGHUB-LICENSE",
    "expected.tsv",
    "titan.service.txt",
    "sample-sacctmgr-qos.txt",
    "sample-sacctmgr-user-info.txt",
    "sample-sacctmgr-user.txt",
    "sample-scontrol-output.txt",  # partitions
    "sample-scontrol-show-config-output.txt",
    "sinfo-output-for-structured.txt",  # columns of a site's own choice
}


def test_every_log_is_claimed_by_one_source_and_other_text_by_none(real_data: Path) -> None:
    claims = {
        str(path.relative_to(real_data)): [s.name for s in SOURCES if s.recognise(InputFile(path).head(), Options())]
        for path in real_data.rglob("*")
        if path.is_file()
    }
    assert {path for path, names in claims.items() if not names} == {
        path for path in claims if path.rpartition("/")[2] in NOT_LOGS
    }
    assert {path: names for path, names in claims.items() if len(names) > 1} == {}
