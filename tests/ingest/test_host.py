"""Logs of hosts: what the golden pairs do not show well."""

from __future__ import annotations

import gzip
import json
import resource
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.host import SOURCES
from ingest.host.journal_export import JournalExport
from ingest.host.kernel_log import KernelLog
from ingest.opening import InputFile
from ingest.registry import SOURCES as ALL_SOURCES
from ingest.source import Options
from reliability.errors import MissingOptionError, UnreadableInputError
from tests.fuzz.contract import check

Feed = Callable[..., Any]
Rows = Callable[..., list[dict[str, Any]]]
CASES = Path(__file__).parents[1] / "cases"
INPUTS = sorted(path for source in SOURCES for path in CASES.glob(f"{source.name}/*.input"))
XID = "NVRM: Xid (PCI:0000:1b:00): 79, GPU has fallen off the bus."


def times(rows: Rows) -> list[str]:
    return sorted(row["time_utc"] for row in rows("events"))


def vars_of(options: Options) -> dict[str, Any]:
    return {name: value for name in ("node", "timezone", "year", "time_origin") if (value := getattr(options, name))}


def options_of(case: Path) -> Options:
    path = case.with_name(f"{case.stem}.options.json")
    return Options(**json.loads(path.read_text())) if path.exists() else Options()


@pytest.mark.parametrize("case", INPUTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_exactly_one_source_claims_each_log(case: Path) -> None:
    claims = [source.name for source in ALL_SOURCES if source.recognise(case.read_bytes(), Options())]
    assert claims == [case.parent.name]


@pytest.mark.parametrize(
    "head",
    [
        b'[   12.345] (II) Module fb: vendor="X.Org Foundation"\n',
        b"Feb 23 16:24:18 gpu-1 sshd[77]: Accepted publickey for ann\n",
        b"2024-01-01 00:00:00 INFO server: started\n",
        b"[2025-01-01T00:00:00.000] error: Nodes n1 not responding\n",
        b"- 1117838570 2005.06.03 dn228 Jun 3 15:42:50 dn228/dn228 crond[1]: x\n",
        b"__CURSOR=only\n",
        b"[Feb 25 2025 13:59:45] something else that prints such stamps\n",
        b'{"MESSAGE": "no time stamp of a journal"}\n',
        b"\x00\xff\n" * 100,
        b"\n\n\n",
        b"",
    ],
)  # fmt: skip
def test_what_is_no_log_of_a_host_is_not_claimed(head: bytes) -> None:
    assert [source.name for source in SOURCES if source.recognise(head, Options())] == []


@settings(deadline=None)
@given(st.binary(max_size=600), st.sampled_from(INPUTS))
def test_recognising_never_fails(noise: bytes, case: Path) -> None:
    content = case.read_bytes()
    for source in SOURCES:
        source.recognise(noise, Options())
        source.recognise(content[:200] + noise + content[200:], Options())


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_log_is_read_to_its_end_and_its_records_add_up(data: st.DataObject, tmp_path_factory: Any) -> None:
    case = data.draw(st.sampled_from(INPUTS))
    content = case.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    noise = data.draw(st.binary(max_size=80))
    path = tmp_path_factory.mktemp("damaged") / "log"
    path.write_bytes(content[:cut] + noise + content[cut + data.draw(st.integers(0, 40)) :])
    source = next(source for source in SOURCES if source.name == case.parent.name)
    try:
        chunks = list(source.read(InputFile(path), options_of(case)))
    except (UnreadableInputError, MissingOptionError):
        return
    for chunk in chunks:
        assert chunk.read == chunk.used + len(chunk.rejects) + chunk.dropped
        assert sum(table.num_rows for table in chunk.tables.values()) == chunk.used


@pytest.mark.parametrize(
    ("line", "option"),
    [
        (f"[   12.345678] {XID}\n", "--time-origin"),
        (f"4,1,12345678,-;{XID}\n", "--time-origin"),
        (f"[<    0.000000>] {XID}\n", "--time-origin"),
        (f"[Feb23 16:24] {XID}\n", "--year"),
        (f"Feb 23 16:24:18.5 gpu-1 kernel: {XID}\n", "--year"),
        (f"[Sun Feb 23 16:24:18 2025] {XID}\n", "--node"),
        ("[Feb 25 2025 13:59:45] [ERROR] [tid 841] detected NVSwitch fatal error 1\n", "--node"),
    ],
)
def test_what_the_log_does_not_tell_has_to_be_told(line: str, option: str, feed: Feed) -> None:
    with pytest.raises(MissingOptionError, match=option):
        feed(line)


def test_a_log_that_begins_long_after_the_boot_takes_no_other_boots_time(feed: Feed) -> None:
    """The clock is set in the second boot only, so the time of the first stays unknown."""
    with pytest.raises(MissingOptionError, match="--time-origin"):
        feed(
            f"[ 5000.000000] {XID}\n[    0.000000] Linux version 6.8.0\n"
            "[    2.000000] rtc_cmos 00:01: setting system clock to 2025-01-09T00:55:10 UTC (1736384110)\n",
            node="n",
        )


def test_what_the_user_says_of_the_boot_goes_before_the_log(feed: Feed, rows: Rows) -> None:
    log = "[    0.000000] Linux version 6.8.0\n[    1.000000] audit: type=2000 audit(1736384110.000:1): state=on\n"
    feed(log + f"[   60.000000] {XID}\n", node="n", time_origin="2025-02-01T00:00:00Z")
    assert times(rows) == ["2025-02-01T00:01:00Z"]


def test_a_part_of_a_log_since_the_boot_continues_where_it_ended(feed: Feed, rows: Rows, tmp_path: Path) -> None:
    log = tmp_path / "dmesg"
    log.write_text(
        "[    0.000000] Linux version 6.8.0\n"
        "[    1.000000] audit: type=2000 audit(1736384110.000:1): state=initialized\n"
        f"[   60.000000] {XID}\n"
    )
    feed(log, node="n")
    with log.open("a") as stream:
        stream.write(f"[   70.000000] {XID}\n[    5.000000] {XID.replace('79', '48')}\n")
    (report,) = feed(log, node="n").files
    assert (report.rows_read, report.rows_rejected) == (2, 1)
    assert times(rows) == ["2025-01-09T00:56:09Z", "2025-01-09T00:56:19Z"]
    (reject,) = rows("rejects")
    assert (reject["line_number"], "went back" in reject["reason"]) == (5, True)


def test_a_part_that_begins_after_new_year_knows_its_year(feed: Feed, rows: Rows, tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_text(f"Dec 31 23:59:58 n1 kernel: {XID}\n")
    feed(log, year=2024, timezone="UTC")
    with log.open("a") as stream:
        stream.write(f"Jan  1 00:00:01 n1 kernel: {XID}\n")
    feed(log, year=2024, timezone="UTC")
    assert times(rows) == ["2024-12-31T23:59:58Z", "2025-01-01T00:00:01Z"]


@pytest.mark.parametrize("case", [path for path in INPUTS if path.parent.name in {"kernel-log", "fabric-manager"}],
                         ids=lambda path: path.stem)  # fmt: skip
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_log_read_in_two_parts_is_the_log_read_at_once(
    share: float, case: Path, feed: Feed, rows: Rows, tmp_path: Path
) -> None:
    lines = case.read_bytes().splitlines(keepends=True)
    options = {**vars_of(options_of(case)), "format": case.parent.name, "cluster": "c"}
    log = tmp_path / "growing.log"
    log.write_bytes(b"".join(lines[: max(2, int(share * len(lines)))]))
    feed(log, **options)
    log.write_bytes(case.read_bytes())
    feed(log, **options)
    in_parts = [(row["time_utc"], row["code"], row["message"]) for row in rows("events")]

    expected = json.loads(case.with_name(f"{case.stem}.expected.json").read_text())
    assert sorted(in_parts) == sorted((row["time_utc"], row["code"], row["message"]) for row in expected["events"])
    assert sorted(row["line_number"] for row in rows("rejects")) == sorted(
        row["line_number"] for row in expected.get("rejects", [])
    )


def test_years_pass_between_two_errors_that_are_far_apart(feed: Feed, rows: Rows) -> None:
    """January and the next but one September: only the harmless lines between them tell how many years that is."""
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    quiet = "".join(
        f"{month} {day:2d} 12:00:{second:02d} n1 systemd[1]: Started Session {second} of User ann.\n"
        for month in [*months, *months[:9]]
        for day in range(1, 29)
        for second in range(60)
    )
    log = f"Jan  1 00:00:00 n1 kernel: {XID}\n{quiet}Sep 30 00:00:00 n1 kernel: {XID}\n"
    feed(log, year=2023, timezone="UTC")
    assert times(rows) == ["2023-01-01T00:00:00Z", "2024-09-30T00:00:00Z"]


def test_a_message_in_half_a_surrogate_pair_or_deep_nesting_harms_nothing(feed: Feed, rows: Rows) -> None:
    stamp = '{"__REALTIME_TIMESTAMP": "1740000000000001"'
    entry = f'{stamp}, "_HOSTNAME": "n\\ud800", "MESSAGE": "{XID} \\ud800"}}\n'
    deep = stamp + ', "MESSAGE": "NVRM: Xid", "x": ' + "[" * 50_000 + "\n"
    numbers = stamp + ', "MESSAGE":["x", 300]}\n'
    late = f'{{"__REALTIME_TIMESTAMP": "{"9" * 30}", "MESSAGE": "{XID}"}}\n'
    (report,) = feed(entry + deep + numbers + late).files
    assert (report.rows_read, report.rows_used, report.rows_rejected) == (4, 1, 3)
    assert rows("events")[0]["node"] == "n?"


def test_zeros_of_a_machine_that_lost_its_power_hide_no_line(feed: Feed, rows: Rows) -> None:
    line = f"2025-02-19T21:20:00+00:00 n1 kernel: {XID}\n"
    feed(line.encode() + b"\x00" * 4096 + line.replace("21:20", "21:30").encode())
    assert times(rows) == ["2025-02-19T21:20:00Z", "2025-02-19T21:30:00Z"]


def test_bytes_that_are_no_text_hide_no_line(feed: Feed, rows: Rows) -> None:
    quiet = b"2025-02-19T21:20:00+0000 n1 kernel: usb 1-1: \xff\xc3 new device\n"
    (report,) = feed(quiet * 9 + b"\xff\xfe 2025 \xe9\n" + quiet.replace(b"usb 1-1", b"\xff" + XID.encode())).files
    assert (report.rows_read, report.rows_used) == (11, 1)


@pytest.mark.parametrize("block", [64, 200, 1 << 22])
def test_where_a_block_ends_changes_nothing(block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.opening._PLAIN_BYTES", block)
    for case in INPUTS:
        source = next(source for source in SOURCES if source.name == case.parent.name)
        chunks = list(source.read(InputFile(case), options_of(case)))
        events = sum(chunk.tables["events"].num_rows for chunk in chunks if "events" in chunk.tables)
        expected = json.loads(case.with_name(f"{case.stem}.expected.json").read_text())
        assert (case.name, events) == (case.name, len(expected["events"]))
        lines = sorted(reject.line_number for chunk in chunks for reject in chunk.rejects)
        assert lines == sorted(reject["line_number"] for reject in expected.get("rejects", []))


def test_a_burst_of_one_error_is_read_fast_and_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "burst.log"
    line = (
        "Mar  1 00:{:02d}:{:02d} n1 kernel: [{}.000000] NVRM: Xid (PCI:0000:9b:00): 95, pid={}, Uncontained: LTC TAG\n"
    )
    path.write_text("".join(line.format(i // 60 % 60, i % 60, i, i) for i in range(100_000)))
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    used = sum(chunk.used for chunk in KernelLog().read(InputFile(path), Options(year=2025)))
    assert used == 100_000
    assert time.process_time() - begun < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_a_field_of_the_journal_that_lies_about_its_length_takes_no_memory(tmp_path: Path) -> None:
    begin = b"__CURSOR=a\n__REALTIME_TIMESTAMP=1740000000000001\nMESSAGE\n"
    after = b"\n\n__CURSOR=b\n__REALTIME_TIMESTAMP=1740000000000002\nMESSAGE=" + XID.encode() + b"\n\n"
    path = tmp_path / "journal"
    path.write_bytes(begin + struct.pack("<Q", 1 << 60) + b"x" + after)
    chunks = list(JournalExport().read(InputFile(path), Options(node="n")))
    assert [(c.read, c.used, [r.reason for r in c.rejects]) for c in chunks] == [
        (2, 1, ["a field longer than any journal's"]),
    ]  # fmt: skip


def test_a_long_field_of_the_journal_is_passed_over(tmp_path: Path) -> None:
    begin = b"__CURSOR=a\n__REALTIME_TIMESTAMP=1740000000000001\nCOREDUMP\n" + struct.pack("<Q", 200 << 20)
    path = tmp_path / "journal.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(begin)
        for _ in range(200):
            stream.write(b"\n" * (1 << 20))
        stream.write(b"\nMESSAGE=" + XID.encode() + b"\n\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (chunk,) = JournalExport().read(InputFile(path), Options(node="n"))
    assert (chunk.read, chunk.used) == (1, 1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000


def test_the_daemon_and_the_kernel_give_a_switch_error_one_code_and_place(feed: Feed, rows: Rows) -> None:
    feed(
        "[Jul 23 2024 07:53:55] [ERROR] [tid 841] detected NVSwitch fatal error 20034 on fid 0 on NVSwitch pci bus id "
        "00000000:86:00.0 physical id 3 port 33\n",
        "2024-07-23T07:53:55+00:00 n kernel: nvidia-nvswitch3: SXid (PCI:0000:86:00.0): 20034, Fatal, Link 33 LTSSM\n",
        node="n",
    )
    told = {(row["code"], row["slot"], row["severity"], row["component"]) for row in rows("events")}
    assert told == {("sxid:20034", "0000:86:00.0", "critical", "nvswitch")}


@pytest.mark.parametrize("damaged", ["99999999999999999999999999", "9" * 1500, "9999999999999999999"])
def test_a_time_since_the_boot_that_no_machine_runs_for_spoils_its_own_line_only(
    damaged: str, feed: Feed, rows: Rows
) -> None:
    lines = [
        f"6,1,{damaged},-;{XID}",
        "6,2,1000000,-;audit: type=2000 audit(1736384110.000:1): x",
        f"6,3,2000000,-;{XID}",
    ]
    for order in (
        lines,
        [*lines[1:], lines[0]],
        [f"6,1,{damaged},-;audit: type=2000 audit(1736384110.000:1): x", *lines],
    ):
        (report,) = feed("\n".join(order) + "\n", node="n").files
        assert (report.rows_used, report.rows_rejected) == (1, 1)
    assert set(times(rows)) == {"2025-01-09T00:55:11Z"}


@pytest.mark.parametrize("line", [b"x" * 5000 + b"=y", b"x" * 70, b"-" + b"9" * 4200 + b"=1", b"x" * 65 + b"=y"])
@pytest.mark.parametrize("block", [7, 64, 1000])
def test_a_damaged_entry_of_the_journal_is_refused_alike_wherever_a_block_ends(block: int, line: bytes) -> None:
    entry = b"__CURSOR=a\n__REALTIME_TIMESTAMP=1740000000000001\n%sMESSAGE=" + XID.encode() + b"\n\n"
    content = entry % b"" + entry % (line + b"\n") + entry % (b"A=" + b"b" * 5000 + b"\n")
    check(JournalExport(), content, Options(node="n"), block)
