"""Files that grow, rotate, or are fed again: every record once, whatever the way it came."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.follow import follow
from ingest.pipeline import Intake, ingest_paths
from ingest.report import IngestReport
from ingest.source import Options
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, UnreadableInputError
from reliability.lake import Lake, create_lake

Feed = Callable[..., IngestReport]


def xid(second: int, number: int = 79) -> str:
    return f"<4>1 2024-01-01T00:00:{second:02}Z n1 kernel - - - NVRM: Xid (PCI:0000:9b:00): {number}, gone.\n"


def noise(second: int) -> str:
    return f"<6>1 2024-01-01T00:00:{second:02}Z n1 kernel - - - usb 1-1: new device\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "syslog"


@pytest.fixture
def events(lake: Lake) -> Callable[[], list[str]]:
    def ask() -> list[str]:
        rows = DuckDBEngine(lake).rows("SELECT time_utc, code FROM events ORDER BY time_utc, code, repeat_ordinal")
        return [f"{row['time_utc']:%S} {row['code']}" for row in rows]

    return ask


def append(log: Path, text: str) -> None:
    with log.open("a") as stream:
        stream.write(text)


def test_what_was_appended_is_read_alone(log: Path, feed: Feed, events: Callable[[], list[str]]) -> None:
    append(log, xid(1) + noise(2))
    first = feed(log).files[0]
    append(log, noise(3) + xid(4))

    second = feed(log).files[0]

    assert (first.rows_read, first.continued) == (2, False)
    assert (second.rows_read, second.continued, second.rows_written) == (2, True, {"events": 1})
    assert events() == ["01 xid:79", "04 xid:79"]
    assert feed(log).files[0].repeated


def test_a_rotated_log_is_not_read_twice(log: Path, feed: Feed, events: Callable[[], list[str]]) -> None:
    append(log, xid(1))
    feed(log)
    append(log, xid(2))
    rotated = log.with_name("syslog.1")
    log.rename(rotated)
    append(log, xid(3))
    packed = log.with_name("syslog.2.gz")

    reports = feed(log, rotated).files
    packed.write_bytes(gzip.compress(rotated.read_bytes()))

    assert [(r.rows_read, r.continued) for r in reports] == [(1, False), (1, True)]
    assert feed(packed).files[0].repeated
    assert events() == ["01 xid:79", "02 xid:79", "03 xid:79"]


def test_a_line_cut_by_the_end_of_the_file_is_replaced_once_it_is_whole(
    log: Path, feed: Feed, events: Callable[[], list[str]], lake: Lake
) -> None:
    whole = xid(2, 119)
    cut = whole.index("119") + 2  # reads as Xid 11
    append(log, xid(1) + whole[:cut])
    feed(log)
    assert feed(log).files[0].repeated
    before = events()
    append(log, whole[cut:] + xid(3))

    feed(log)

    assert len(before) <= 2
    assert events() == ["01 xid:79", "02 xid:119", "03 xid:79"]
    assert feed(log).files[0].repeated
    counts = DuckDBEngine(lake).rows("SELECT sum(rows_read) AS n FROM ingests")
    assert counts == [{"n": 3}]


def test_a_last_line_without_an_end_is_taken_in(log: Path, feed: Feed, events: Callable[[], list[str]]) -> None:
    append(log, xid(1) + xid(2).rstrip("\n"))
    report = feed(log).files[0]
    assert (report.rows_read, report.rows_used) == (2, 2)
    assert events() == ["01 xid:79", "02 xid:79"]


def test_equal_lines_on_both_sides_of_the_seam_are_two_events(
    log: Path, feed: Feed, events: Callable[[], list[str]]
) -> None:
    append(log, xid(1) * 2)
    feed(log)
    append(log, xid(1) * 2)
    feed(log)
    assert events() == ["01 xid:79"] * 4


def test_grown_step_by_step_is_the_lake_of_the_whole(
    log: Path, feed: Feed, events: Callable[[], list[str]], tmp_path: Path
) -> None:
    text = "".join(xid(s // 3) if s % 2 else noise(s // 3) for s in range(60))
    for start in range(0, len(text), 333):
        append(log, text[start : start + 333])
        feed(log)
    whole = create_lake(tmp_path / "whole")
    ingest_paths(whole, [log], Options(), lambda: datetime.now(UTC))
    question = "SELECT time_utc, node, code, message, repeat_ordinal FROM events ORDER BY ALL"
    counts = "SELECT sum(rows_read) AS r, sum(rows_used) AS u, sum(rows_dropped) AS d FROM ingests"
    grown = DuckDBEngine(create_lake(tmp_path / "lake"))
    assert grown.rows(question) == DuckDBEngine(whole).rows(question)
    assert grown.rows(counts) == DuckDBEngine(whole).rows(counts) == [{"r": 60, "u": 30, "d": 30}]


def test_a_file_that_begins_anew_is_a_new_file(log: Path, feed: Feed, events: Callable[[], list[str]]) -> None:
    append(log, xid(1) + xid(2))
    feed(log)
    log.write_text(xid(5))
    report = feed(log).files[0]
    assert (report.continued, report.rows_read) == (False, 1)
    assert events() == ["01 xid:79", "02 xid:79", "05 xid:79"]


def test_an_untouched_file_is_not_opened_twice(log: Path, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    append(log, xid(1))
    feed(log)
    monkeypatch.setattr("ingest.pipeline.survey", lambda *_: pytest.fail("the content was read"))
    assert feed(log).files[0].repeated


def test_a_file_rotated_while_it_is_read_is_an_error_and_nothing_is_added(
    log: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest import pipeline

    append(log, xid(1) * 3)
    real = pipeline.survey

    def rotate(*args: Any) -> Any:
        seen = real(*args)
        log.write_text(xid(9))
        return seen

    monkeypatch.setattr(pipeline, "survey", rotate)
    with pytest.raises(UnreadableInputError, match="changed while it was read"):
        ingest_paths(lake, [log], Options(), lambda: datetime.now(UTC))
    assert DuckDBEngine(lake).rows("SELECT * FROM events") == []


def test_the_year_goes_on_where_the_log_left_it(
    log: Path, feed: Feed, events: Callable[[], list[str]], lake: Lake
) -> None:
    line = "{} n1 kernel: NVRM: Xid (PCI:0000:9b:00): 79, gone.\n"
    append(log, line.format("Dec 31 23:00:00"))
    feed(log, year=2023)
    append(log, line.format("Jan  1 01:00:00"))
    feed(log, year=2023)
    years = DuckDBEngine(lake).rows("SELECT year(time_utc) AS y FROM events ORDER BY 1")
    assert years == [{"y": 2023}, {"y": 2024}]


def test_standard_input_is_a_file_like_any_other(lake: Lake, log: Path) -> None:
    append(log, xid(1))
    report = ingest_paths(
        lake, [Path("-")], Options(), lambda: datetime.now(UTC), stdin=io.BytesIO(xid(1).encode())
    ).files[0]
    assert (report.path, report.rows_used) == (Path("-"), 1)
    assert ingest_paths(lake, [log], Options(), lambda: datetime.now(UTC)).files[0].repeated
    assert list(lake.spool_path.iterdir()) == []


def test_a_pattern_stands_for_the_files_that_match(tmp_path: Path, feed: Feed) -> None:
    for name in ("a.log", "b.log", "c.txt"):
        (tmp_path / name).write_text(xid(ord(name[0]) - 90))
    assert [r.path.name for r in feed(tmp_path / "*.log").files] == ["a.log", "b.log"]


def test_a_dry_run_says_what_would_happen_and_writes_nothing(log: Path, lake: Lake, feed: Feed) -> None:
    append(log, xid(1))
    feed(log)
    append(log, xid(2) + noise(3))
    before = lake.version()

    report = ingest_paths(lake, [log], Options(), lambda: datetime.now(UTC), dry_run=True).files[0]
    nowhere = ingest_paths(None, [log], Options(), lambda: datetime.now(UTC), dry_run=True).files[0]

    assert (report.continued, report.rows_read, report.rows_written) == (True, 2, {"events": 1})
    assert (nowhere.continued, nowhere.rows_read) == (False, 3)
    assert lake.version() == before
    assert feed(log).files[0].rows_written == {"events": 1}


def test_following_takes_in_what_comes(log: Path, lake: Lake, events: Callable[[], list[str]]) -> None:
    other = log.with_name("later.log")
    steps = iter(
        [
            lambda: append(log, xid(2)),
            lambda: None,
            lambda: other.write_text(xid(3)),
            lambda: os.utime(log),
            lambda: other.write_text("neither log nor table\n"),
        ]
    )

    def wait() -> bool:
        step = next(steps, None)
        if step is not None:
            step()
        return step is not None

    append(log, xid(1))
    intake = Intake(lake, Options(), lambda: datetime.now(UTC))
    rounds = [
        [(file.path.name, file.rows_read, file.error is not None) for file in report.files]
        for report in follow(lake, intake, [log, log.with_name("*.log")], wait)
    ]

    assert rounds == [
        [("syslog", 1, False)],
        [("syslog", 1, False)],
        [("later.log", 1, False)],
        [("later.log", 0, True)],
    ]
    assert events() == ["01 xid:79", "02 xid:79", "03 xid:79"]


def test_many_rounds_are_compacted_and_say_the_same(lake: Lake, log: Path, events: Callable[[], list[str]]) -> None:
    for second in range(5):
        append(log, xid(second))
        ingest_paths(lake, [log], Options(), lambda: datetime.now(UTC))
    before, files = events(), len(lake.files("events"))
    lake.compact()
    assert events() == before
    assert len(lake.files("events")) < files
    assert ingest_paths(lake, [log], Options(), lambda: datetime.now(UTC)).files[0].repeated


def test_the_path_tells_what_the_log_does_not(tmp_path: Path, feed: Feed, lake: Lake) -> None:
    for node in ("gpu-1", "gpu-2"):
        (tmp_path / "east" / node).mkdir(parents=True)
        line = "[Sun Feb 23 16:24:18 2025] NVRM: Xid (PCI:0000:9b:00): 79, gone.\n"
        (tmp_path / "east" / node / "dmesg.log").write_text(line)
    feed(tmp_path / "east", from_path="{cluster}/{node}/dmesg*")
    rows = DuckDBEngine(lake).rows("SELECT cluster, node FROM events ORDER BY node")
    assert [tuple(row.values()) for row in rows] == [("east", "gpu-1"), ("east", "gpu-2")]


@pytest.mark.parametrize("pattern", ["dmesg*", "{host}.log", "{node}-{node}", "{node", ""])
def test_a_pattern_that_tells_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(BadOptionError, match="--from-path"):
        Options(from_path=pattern)


def test_the_user_may_vouch_for_what_the_format_cannot_promise(tmp_path: Path, feed: Feed, rows: Any) -> None:
    log = tmp_path / "syslog"
    log.write_text(xid(1))
    feed(log, complete=("2024-01-01", "2024-02-01"))
    (record,) = rows("ingests")
    assert (record["covers"], record["observed_from_utc"], record["observed_to_utc"]) == (
        ["events"],
        "2024-01-01T00:00:00Z",
        "2024-02-01T00:00:00Z",
    )


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadOptionError, match="--complete"):
        Options(complete=("2024-02-01", "2024-01-01"))


def test_a_file_replaced_while_it_is_read_is_an_error_whatever_its_kind(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest import pipeline

    path = tmp_path / "sacct"
    text = "JobID|State|Start|End\n1|FAILED|2024-01-01T00:00:00|2024-01-01T01:00:00\n"
    path.write_text(text)
    real = pipeline.hashed

    def replace(file: Any) -> Any:
        seen = real(file)
        path.unlink()
        path.write_text(text.replace("FAILED", "TIMEOUT"))
        return seen

    monkeypatch.setattr(pipeline, "hashed", replace)
    with pytest.raises(UnreadableInputError, match="changed while it was read"):
        ingest_paths(lake, [path], Options(), lambda: datetime.now(UTC))
    assert DuckDBEngine(lake).rows("SELECT * FROM jobs") == []
