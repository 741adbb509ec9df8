"""Rules of the sources of disks (smartctl, Backblaze) that the golden pairs do not show well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingest.opening import InputFile
from ingest.report import IngestReport
from ingest.source import Options
from ingest.traces.backblaze import Backblaze

Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]


def test_a_disk_that_stays_failed_is_told_once_per_file(feed: Feed, rows: Rows) -> None:
    report = {
        "json_format_version": [1, 0],
        "smartctl": {"version": [7, 4], "exit_status": 8},
        "local_time": {"time_t": 1710410400},
        "device": {"name": "/dev/sda", "protocol": "ATA"},
        "serial_number": "S1",
        "smart_status": {"passed": False},
    }
    later = {**report, "local_time": {"time_t": 1710496800}}
    feed(json.dumps(report) + json.dumps(later), node="n1")
    assert [event["time_utc"] for event in rows("events")] == ["2024-03-14T10:00:00Z"]
    assert [disk["removed_utc"] for disk in rows("components")] == ["2024-03-15T10:00:00Z"]


DAYS = "date,serial_number,model,capacity_bytes,failure,smart_9_raw\n"


def test_daily_files_and_the_joined_file_give_the_same_time_in_service(feed: Feed, rows: Rows) -> None:
    days = [
        "2024-01-01,A,M,1,0,10\n2024-01-01,B,M,1,0,10\n",
        "2024-01-02,A,M,1,0,34\n2024-01-02,B,M,1,1,34\n",
        "2024-01-03,A,M,1,0,58\n",
    ]
    feed(*(DAYS + day for day in days), cluster="daily")
    feed("".join(DAYS + day for day in days), cluster="joined")
    service: dict[tuple[str, str], float] = {}
    for stay in rows("components"):
        key = (stay["cluster"], stay["component_id"])
        service[key] = service.get(key, 0.0) + stay["service_seconds"] / 86_400
    assert service == {("daily", "A"): 3, ("daily", "B"): 2, ("joined", "A"): 3, ("joined", "B"): 2}
    assert sorted((event["cluster"], event["time_utc"]) for event in rows("events")) == [
        ("daily", "2024-01-03T00:00:00Z"),
        ("joined", "2024-01-03T00:00:00Z"),
    ]


@given(st.permutations([f"2024-01-{day:02d},A,M,1,0,10\n" for day in range(1, 8)]))
def test_the_order_of_days_does_not_change_a_stay(days: list[str]) -> None:
    from ingest.records import Findings
    from ingest.traces.backblaze import _Drives

    drives = _Drives(Findings())
    for line in (DAYS, *days):
        drives.parse(line.strip())
    (stay,) = drives.stays()
    assert (stay["service_seconds"], stay["removal"]) == (7 * 86_400, "in_service")
    assert (stay["installed_utc"].day, stay["removed_utc"].day) == (1, 8)


def test_a_quarter_is_held_per_drive_and_not_per_row(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "quarter.csv"
    with path.open("w") as stream:
        for day in range(1, 29):
            stream.write(DAYS)
            stream.writelines(f"2024-01-{day:02d},S{drive},M,1,0,{day * 24}\n" for drive in range(2_000))
    tracemalloc.start()
    read = sum(chunk.read for chunk in Backblaze().read(InputFile(path), Options()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == 28 * 2_001
    assert peak < 40 << 20
