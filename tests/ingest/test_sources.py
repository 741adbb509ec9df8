"""What the golden pairs cannot show well: large input, odd input, and rules as sentences."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.opening import InputFile
from ingest.registry import SOURCES, identify
from ingest.slurm.sacct import SlurmSacct
from ingest.source import Options
from ingest.taxonomy.reasons import read_reason
from ingest.taxonomy.xid import MEANINGS, xid_verdict
from reliability.errors import AmbiguousFormatError
from reliability.schema import DOMAINS, SEVERITIES, SYMPTOMS, TABLES

Feed = Callable[..., Any]
Rows = Callable[..., list[dict[str, Any]]]


def test_two_sources_that_claim_a_file_are_an_error_naming_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.registry.SOURCES", (*SOURCES, SOURCES[0]))
    with pytest.raises(AmbiguousFormatError, match="slurm-sacct, slurm-sacct"):
        identify(b"JobID|State\n", Path("x"), Options())


def test_every_source_covers_tables_that_exist() -> None:
    assert all(set(source.covers) <= set(TABLES) for source in SOURCES)


def test_every_xid_has_a_verdict_in_the_schema() -> None:
    for number in (*MEANINGS, 9_999):
        verdict = xid_verdict(number)
        assert verdict.symptom in SYMPTOMS
        assert verdict.domain in DOMAINS
        assert verdict.severity in SEVERITIES


@pytest.mark.parametrize("number", [13, 31, 43, 45, 68])
def test_what_the_application_did_is_no_fault_of_the_hardware(number: int) -> None:
    assert (xid_verdict(number).domain, xid_verdict(number).severity) == ("user_program", "info")


@pytest.mark.parametrize("number", [48, 64, 74, 79, 94, 95, 110, 119, 120, 140, 143])
def test_what_takes_the_gpu_out_is_critical(number: int) -> None:
    assert xid_verdict(number).severity == "critical"


@pytest.mark.parametrize(
    "text",
    [
        "kernel update CHG-1234",
        "firmware 24.10 : reboot issued",
        "Scheduled maintenance",
        "driver upgrade",
        "reboot requested",
    ],
)
def test_chosen_outages_are_planned(text: str) -> None:
    assert read_reason(text).planned


@pytest.mark.parametrize(
    ("text", "symptom"),
    [
        ("Not responding", "node_unresponsive"),
        ("Node unexpectedly rebooted", "node_unresponsive"),
        ("NHC: check_fs_mount: /scratch not mounted", "filesystem_mount"),
        ("NHC: check_hw_ib: No IB port mlx5_2:1 is ACTIVE (LinkUp 400 Gb/sec).", "ib_link"),
        ("NHC: check_hw_mcelog: uncorrectable memory error on CPU_SrcID#0", "main_memory"),
        ("NHC: check_pcie: fatal PCIe error, 0000:1b:00.0", "pcie"),
        ("NHC: check_disk: nvme3n1 I/O error", "disk"),
        ("NHC: check_psu: power supply PS1 failed", "power"),
        ("NHC: check_gpu_xid: Xid 119, GSP RPC timeout, GPU 3", "gpu_driver"),
        ("PSU failure, ticket INC-77", "power"),
        ("Prolog error", "system_services"),
        ("Kill task failed", "system_services"),
        ("firmware error on GPU 3", "gpu_unavailable"),
        ("ask ann", None),
    ],
)
def test_outages_nobody_chose_are_unplanned(text: str, symptom: str | None) -> None:
    reason = read_reason(text)
    assert (reason.planned, reason.symptom) == (False, symptom)


def test_outages_that_touch_are_one_outage(feed: Feed, rows: Rows) -> None:
    day = "2024-01-01T"
    feed(
        "Cluster|NodeName|TimeStart|TimeEnd|State|Reason|User\n"
        f"c|n1|{day}01:00:00|{day}02:00:00|DOWN*|Not responding|slurm\n"
        f"c|n1|{day}02:00:00|{day}03:00:00|DOWN|Node unexpectedly rebooted|slurm\n"
        f"c|n1|{day}03:00:01|{day}04:00:00|DOWN|PSU failure|root\n"
        f"c|n2|{day}01:00:00|{day}02:00:00|DRAIN|maintenance|root\n"
        f"c|n2|{day}02:00:00|Unknown|DOWN|disk|root\n"
    )
    states = sorted(rows("node_states"), key=lambda row: (row["node"], row["from_utc"]))
    assert [state["continues"] for state in states] == [
        False, True, False, False, False,
    ]  # fmt: skip


def test_a_steps_memory_kill_is_found_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.opening._PLAIN_BYTES", 64)
    path = tmp_path / "sacct"
    path.write_text(
        "JobID|State\n"
        + "".join(f"{n}|FAILED\n{n}.batch|FAILED\n{n}.0|OUT_OF_MEMORY\n{n}.1|FAILED\n" for n in range(1, 50))
    )
    killed = [
        row
        for chunk in SlurmSacct().read(InputFile(path), Options())
        if "jobs" in chunk.tables
        for row in chunk.tables["jobs"]["step_out_of_memory"].to_pylist()
    ]
    assert killed == [True] * 49


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(feed: Feed, rows: Rows) -> None:
    feed(b"\xef\xbb\xbfJobID|State|User\r\n1|FAILED|ann\r\n2|COMPLETED|bob\r\n")
    assert [(row["job_id"], row["state"], row["user"]) for row in rows("jobs")] == [
        ("1", "FAILED", "ann"),
        ("2", "COMPLETED", "bob"),
    ]


def test_a_delimiter_of_two_bytes_leaves_any_byte_to_the_values(feed: Feed, rows: Rows) -> None:
    feed("JobID|#State|#JobName\n1|#FAILED|#a|b\x1fc\n")
    assert rows("jobs")[0]["job_name"] == "a|b c"


def test_headers_inside_a_file_put_together_with_cat_are_dropped(feed: Feed, rows: Rows) -> None:
    part = "JobID|State\n1|FAILED\n"
    (report,) = feed(part + part.replace("1", "2")).files
    assert (report.rows_used, report.rows_dropped, report.rows_rejected) == (2, 1, 0)
    assert {row["job_id"] for row in rows("jobs")} == {"1", "2"}


def test_a_trailing_delimiter_changes_nothing(feed: Feed, rows: Rows) -> None:
    feed("JobID|State|\n1|FAILED|\n")
    assert rows("jobs")[0]["state"] == "FAILED"


def test_a_line_without_end_does_not_fill_the_memory(feed: Feed, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "syslog"
    line = "<4>1 2025-03-01T12:00:00Z gpu-1 kernel - - - NVRM: Xid (PCI:0000:1b:00): 79, GPU has fallen off the bus.\n"
    with path.open("w") as stream:
        stream.write(line + line.rstrip("\n"))
        for _ in range(300):
            stream.write("x" * (1 << 20))
        stream.write("\n" + line)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    (report,) = feed(path).files

    assert (report.rows_read, report.rows_written) == (3, {"events": 3})
    assert max(len(row["message"]) for row in rows("events")) == 500
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 150_000


def test_infinitehbd_wants_to_know_the_fleet(feed: Feed) -> None:
    from reliability.errors import BadOptionError, MissingOptionError

    case = Path(__file__).parents[1] / "cases" / "infinitehbd" / "faults.input"
    with pytest.raises(MissingOptionError, match="--fleet-nodes"):
        feed(case)
    with pytest.raises(BadOptionError, match="--fleet-nodes 1"):
        feed(case, fleet_nodes=1)
