"""Real logs of GPU hosts and of Blue Gene/L."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.report import IngestReport

pytestmark = pytest.mark.real_data
Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]


def test_blue_gene_has_143_alerts_in_2_000_lines(real_data: Path, feed: Feed, rows: Rows) -> None:
    path = real_data / "bgl" / "BGL_2k.log"
    (report,) = feed(path).files
    assert (report.format, report.cluster) == ("bgl", "bgl")
    assert (report.rows_read, report.rows_used, report.rows_dropped, report.rows_rejected) == (2_000, 143, 1_857, 0)
    events = rows("events")
    assert Counter(event["code"] for event in events) == {
        "bgl:KERNDTLB": 60, "bgl:KERNSTOR": 30, "bgl:APPSEV": 17, "bgl:KERNMNTF": 11, "bgl:KERNTERM": 7,
        "bgl:KERNREC": 5, "bgl:APPRES": 4, "bgl:APPREAD": 3, "bgl:APPTO": 2, "bgl:KERNRTSP": 2,
        "bgl:APPCHILD": 1, "bgl:APPOUT": 1,
    }  # fmt: skip
    assert Counter(event["severity"] for event in events) == {"critical": 141, "info": 2}
    assert not {event["domain"] for event in events} & {"other"}
    assert feed(path).files[0].repeated


def test_decoded_dmesg_tells_the_applications_faults(real_data: Path, feed: Feed, rows: Rows) -> None:
    (report,) = feed(real_data / "kernel_log" / "dmesg.decode.iso.log", node="gpu-1").files
    assert (report.format, report.rows_rejected) == ("kernel-log", 0)
    codes = Counter(event["code"] for event in rows("events"))
    assert codes["xid:13"] == 16
    assert codes["xid:43"] == 1
    assert {event["domain"] for event in rows("events") if event["code"].startswith("xid")} == {"user_program"}


def test_kernel_records_need_the_time_of_the_boot_and_hold_no_error(real_data: Path, feed: Feed, rows: Rows) -> None:
    path = real_data / "kernel_log" / "kmsg.1.log"
    (report,) = feed(path, node="gpu-1", time_origin="2025-01-01T00:00:00Z").files
    assert (report.format, report.rows_used, report.rows_rejected) == ("kernel-log", 0, 0)
    assert report.rows_read == report.rows_dropped == len(path.read_text().splitlines())
    assert min(row["observed_from_utc"] for row in rows("ingests")) == "2025-01-01T00:03:26.764307Z"


def test_the_fabric_manager_had_its_errors(real_data: Path, feed: Feed, rows: Rows) -> None:
    path = real_data / "kernel_log" / "fabricmanager.log"
    (report,) = feed(path, node="gpu-1", timezone="UTC").files
    assert (report.format, report.rows_rejected) == ("fabric-manager", 0)
    errors = [line for line in path.read_text().splitlines() if "[ERROR]" in line]
    assert len(rows("events")) == report.rows_used == len(errors)
