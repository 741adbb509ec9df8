"""Laws that hold for whatever is fed in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from ClusterShell.NodeSet import expand
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.parsing.slurm_text import Layout, RecordAssembler, read_columns
from ingest.parsing.times import parse_times, resolve_folds
from ingest.pipeline import ingest_paths
from ingest.repeats import count_earlier
from ingest.report import FileReport
from ingest.slurm.values import parse_nodes
from ingest.source import Options
from reliability.lake import Lake, create_lake

HEADER = "JobIDRaw|JobID|JobName|State|Submit|Start|End|NodeList|ExitCode"
START = datetime(2024, 1, 1, tzinfo=UTC)
few = settings(max_examples=15, deadline=None)


@contextmanager
def new_lake() -> Iterator[tuple[Lake, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        yield create_lake(Path(folder) / "lake"), Path(folder)


def feed(lake: Lake, folder: Path, name: str, lines: list[str]) -> FileReport:
    path = folder / name
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8", newline="")
    return ingest_paths(lake, [path], Options(timezone="UTC"), lambda: START).files[0]


def jobs(lake: Lake) -> list[str]:
    found = DeltaTable(lake.path / "jobs").to_pyarrow_table().drop_columns(["ingest_id"])
    return sorted(str(row) for row in found.to_pylist())


job_lines = st.builds(
    lambda number, minutes, state, nodes: (
        f"{number}|{number}|train|{state}|2024-01-01T00:00:00|2024-01-01T00:10:00|"
        f"{(START + timedelta(minutes=10 + minutes)).strftime('%Y-%m-%dT%H:%M:%S')}|n[1-{nodes}]|0:0"
    ),
    number=st.integers(1, 10**9),
    minutes=st.integers(0, 10**6),
    state=st.sampled_from(["COMPLETED", "FAILED", "CANCELLED by 7", "NODE_FAIL", "PREEMPTED"]),
    nodes=st.integers(2, 64),
)
#: anything without a line end; what splits into nine fields with a job id and a state would be a record, not garbage
garbage = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=("Cs",)), max_size=60).filter(
    lambda text: text.strip() != "" and text.count("|") != HEADER.count("|")
)


@few
@given(
    st.lists(st.one_of(job_lines.map(lambda line: (line, True)), garbage.map(lambda line: (line, False))), max_size=30)
)
def test_every_record_is_used_rejected_or_dropped(lines: list[tuple[str, bool]]) -> None:
    with new_lake() as (lake, folder):
        report = feed(lake, folder, "mixed", [line for line, _ in lines])
        good = sum(is_job for _, is_job in lines)
        assert report.rows_read == report.rows_used + report.rows_rejected + report.rows_dropped
        assert report.rows_used == len(jobs(lake)) == good
        assert report.rows_rejected == len(lines) - good


@few
@given(st.lists(job_lines, unique_by=lambda line: line.split("|")[0], max_size=20), st.integers(0, 20))
def test_one_file_or_two_make_the_same_lake(lines: list[str], cut: int) -> None:
    with new_lake() as (one, folder), new_lake() as (two, _):
        feed(one, folder, "whole", lines)
        feed(two, folder, "first", lines[:cut])
        feed(two, folder, "second", lines[cut:])
        assert jobs(one) == jobs(two)


values = st.text(st.sampled_from("abc \n\\é"), max_size=8)


@given(st.lists(st.tuples(st.integers(1, 999), values), max_size=30), st.integers(1, 50))
def test_line_breaks_in_a_value_never_move_it(rows: list[tuple[int, str]], block: int) -> None:
    layout = Layout(b"|", ("jobid", "jobname", "state"), 0)
    text = "".join(f"{number}|{value}|FAILED\n" for number, value in rows).encode()
    blocks = (text[i : i + block] for i in range(0, len(text), block))
    assembler = RecordAssembler(layout, lambda fields: fields[0].isdigit() and fields[2] == b"FAILED", lambda _: True)

    found = [read_columns(part, layout, frozenset(layout.names)) for part in assembler.blocks(iter(blocks))]

    ids = [text for part in found for text in part["jobid"].to_pylist()]
    names = [text for part in found for text in part["jobname"].to_pylist()]
    assert ids == [str(number) for number, _ in rows]
    assert names == [value.replace("\n", "\\n") for _, value in rows]


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001 - local times are naive
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_local_times_become_the_instant_that_the_zone_database_gives(local: datetime, zone: str) -> None:
    local = local.replace(microsecond=0)
    parsed = parse_times(pa.array([local.isoformat()]), zone)
    early, late = (local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    skipped = early.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local
    assert bool(parsed.nonexistent[0]) == skipped
    if not skipped:
        assert (parsed.earliest[0].as_py(), parsed.latest[0].as_py()) == (early, late)


@given(st.integers(0, 6 * 3600), st.integers(0, 6 * 3600))
def test_elapsed_seconds_decide_what_a_clock_set_back_left_open(begin: int, length: int) -> None:
    zone = "America/New_York"
    start = datetime(2024, 11, 3, 4, tzinfo=UTC) + timedelta(seconds=begin)
    end = start + timedelta(seconds=length)
    texts = [pa.array([time.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S")]) for time in (start, end)]
    starts, ends = resolve_folds(*(parse_times(text, zone) for text in texts), pa.array([float(length)]))
    assert (ends[0].as_py() - starts[0].as_py()).total_seconds() == length


ranges = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 30)), min_size=1, max_size=4)


@given(ranges, st.integers(1, 5), st.sampled_from(["gpu", "cpn-f13-03-", "n"]))
def test_node_lists_expand_as_clustershell_does(parts: list[tuple[int, int]], width: int, prefix: str) -> None:
    text = f"{prefix}[{','.join(f'{low:0{width}d}-{low + more:0{width}d}' for low, more in parts)}]"
    assert set(parse_nodes(text) or ()) == set(expand(text))


@given(st.lists(st.integers(0, 5), min_size=1))
def test_repeats_are_numbered_in_order(keys: list[int]) -> None:
    expected: list[Any] = [keys[:i].count(key) for i, key in enumerate(keys)]
    assert count_earlier(np.array(keys)).tolist() == expected
