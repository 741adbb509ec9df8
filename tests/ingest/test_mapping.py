"""Mappings: foreign tables into the lake by a TOML file, and first mappings drafted from a file."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import tomllib
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.mapping import MappingError, load_mapping, suggest_mapping
from ingest.mapping.load import _FILE, _TOP
from ingest.mapping.records import FORMATS
from ingest.mapping.rules import _COMMON, _OF_LISTS, _OF_NUMBERS, _OF_TIMES
from ingest.opening import InputFile
from ingest.source import Chunk, Options
from ingest.validate import conform
from reliability.errors import MissingOptionError, UnreadableInputError
from reliability.schema import DATA_TABLES
from tests.ingest.conftest import _plain

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "mappings.md").read_text(encoding="utf-8")
NODES = 'name = "m"\n[nodes]\nnode = "host"\n'


def taken(mapping: str, content: str | bytes, folder: Path, **options: Any) -> tuple[dict[str, list[dict]], Chunk]:
    """What a mapping makes of a file: rows as the lake would hold them, and all chunks added up."""
    toml, file = folder / "mapping.toml", folder / "input"
    toml.write_text(mapping, encoding="utf-8")
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    chunks = list(load_mapping(toml).read(InputFile(file), Options(**options)))
    rows: dict[str, list[dict]] = {}
    for chunk in chunks:
        for table, found in chunk.tables.items():
            conform(table, found, None, "c")  # the schema's own check
            rows.setdefault(table, []).extend(_plain(row) for row in found.to_pylist())
    whole = Chunk(
        rejects=[reject for chunk in chunks for reject in chunk.rejects],
        read=sum(chunk.read for chunk in chunks),
        used=sum(chunk.used for chunk in chunks),
        dropped=sum(chunk.dropped for chunk in chunks),
        observed=chunks[-1].observed,
        notes=chunks[-1].notes,
        naive_times=any(chunk.naive_times for chunk in chunks),
    )
    assert whole.read == whole.used + len(whole.rejects) + whole.dropped
    return rows, whole


def reasons(chunk: Chunk) -> list[str]:
    return [reject.reason for reject in chunk.rejects]


def time_of(rule: str, text: str, folder: Path, **options: Any) -> str | list[str]:
    """The time that a rule reads in a text, or why it refuses it."""
    mapping = f'name = "m"\n[file]\nformat = "jsonl"\n[nodes]\nnode = "host"\nfrom_utc = {rule}\n'
    rows, whole = taken(mapping, json.dumps({"host": "n", "t": text}), folder, **options)
    return reasons(whole) or rows["nodes"][0]["from_utc"]


def problems(mapping: str, folder: Path) -> str:
    path = folder / "mapping.toml"
    path.write_text(mapping, encoding="utf-8")
    with pytest.raises(MappingError) as raised:
        load_mapping(path)
    assert "\n" not in str(raised.value)
    return str(raised.value).removeprefix(f"{path}: ")


# The guide


def examples() -> list[tuple[str, str, str]]:
    found = re.findall(r"```toml\n(.*?)```\n\n```(?:csv|jsonl)\n(.*?)```\n\n```json\n(.*?)```", GUIDE, re.DOTALL)
    assert len(found) == GUIDE.count("```toml")
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: tomllib.loads(example[0])["name"])
def test_examples_of_the_guide_do_what_it_says(example: tuple[str, str, str], tmp_path: Path) -> None:
    mapping, content, expected = example
    rows, whole = taken(mapping, content, tmp_path)
    wanted = json.loads(expected)
    assert reasons(whole) == wanted.pop("rejects", [])
    assert rows == wanted


def test_the_guide_describes_every_key() -> None:
    described = set(re.findall(r"^\| `([^`]+)` \|", GUIDE, re.MULTILINE))
    tables = {table.name for table in DATA_TABLES}
    assert {
        *_TOP,
        *_FILE,
        *_COMMON,
        *_OF_TIMES,
        *_OF_NUMBERS,
        *_OF_LISTS,
        "where",
        "each",
        "pair",
    } - tables <= described


# A foreign log

ODD_COLUMNS = (
    "Ref#,Sys,machine type,nodes,procs tot,procs/node,nodenum,node.z,install,prod,decom,FRU type,mem (GB),CPU type,"
    "memtype,interconnects,purpose,Prob Started (mm/dd/yy hh:mm),Prob Fixed,Down (min),Facilities,Hardware,"
    "Human Error,Network,Software,Same Event?"
)
ODD_ROWS = """\
1,20,cluster,49,6152,80,17,0,Apr-05,Jun-05,current,part,80,1,1,0,io,06/21/05 10:54,06/21/05 11:00,6,,Memory Dimm,,,,No
2,20,cluster,49,6152,80,18,0,Apr-05,Jun-05,current,part,80,1,1,0,compute,06/22/05 03:00,,,,,,,Sched. "hang",No
3,20,cluster,49,6152,80,19,0,Apr-05,Jun-05,current,part,80,1,1,0,graphics,11/31/05 10:00,11/30/05 11:00,,,Fan,,,,No
4,20,cluster,49,6152,80,20,0,Apr-05,Jun-05,current,part,80,1,1,0,compute,10/30/05 01:30,10/30/05 01:40,10,UPS,,,,,No
"""
TWENTY_LINES = """\
name = "odd-log"
zone = "America/Denver"
[node_states]
node = { template = "s{Sys}-n{nodenum}" }
from_utc = { column = "Prob Started (mm/dd/yy hh:mm)", format = "%m/%d/%y %H:%M" }
to_utc = { column = "Prob Fixed", format = "%m/%d/%y %H:%M" }
state = { value = "down" }
reason = { column = ["Facilities", "Hardware", "Human Error", "Network", "Software"] }
domain = { filled = { Hardware = "hardware", Software = "system_software" }, default = "other" }
[events]
time_utc = { column = "Prob Started (mm/dd/yy hh:mm)", format = "%m/%d/%y %H:%M" }
node = { template = "s{Sys}-n{nodenum}" }
symptom = { column = "Hardware", map = { "*Dimm*" = "main_memory", "*" = "other" }, default = "other" }
domain = { filled = { Hardware = "hardware", Software = "system_software" }, default = "other" }
severity = { value = "critical" }
message = { column = ["Facilities", "Hardware", "Human Error", "Network", "Software"] }
[nodes]
node = { template = "s{Sys}-n{nodenum}" }
attributes.purpose = "purpose"
attributes.fru = "FRU type"
"""


def test_a_log_of_26_odd_columns_is_in_with_twenty_lines(tmp_path: Path) -> None:
    assert len(ODD_COLUMNS.split(",")) == 26
    assert len(TWENTY_LINES.splitlines()) <= 20
    content = f"{ODD_COLUMNS}\n{ODD_ROWS}"
    assert all(len(line.split(",")) == 26 for line in content.splitlines())

    rows, whole = taken(TWENTY_LINES, content, tmp_path)

    assert (whole.read, whole.used) == (4, 3)
    assert [(reject.line_number, reject.reason.split(":")[0]) for reject in whole.rejects] == [
        (4, "node_states.from_utc from Prob Started (mm/dd/yy hh")
    ]
    assert whole.rejects[0].line == ODD_ROWS.splitlines()[2]
    assert [(row["node"], row["from_utc"], row.get("to_utc"), row["domain"]) for row in rows["node_states"]] == [
        ("s20-n17", "2005-06-21T16:54:00Z", "2005-06-21T17:00:00Z", "hardware"),
        ("s20-n18", "2005-06-22T09:00:00Z", None, "system_software"),
        ("s20-n20", "2005-10-30T07:30:00Z", "2005-10-30T07:40:00Z", "other"),
    ]
    assert [row["message"] for row in rows["events"]] == ["Memory Dimm", 'Sched. "hang"', "UPS"]
    assert rows["nodes"][0]["attributes"] == {"fru": "part", "purpose": "io"}
    assert any("clocks were set back" in note for note in whole.notes)


def test_a_mapping_reads_the_infinitehbd_trace_as_its_source_does(tmp_path: Path, feed: Any, rows: Any) -> None:
    trace = ROOT / "tests" / "cases" / "infinitehbd" / "faults.input"
    options = json.loads(trace.with_name("faults.options.json").read_text(encoding="utf-8"))
    feed(trace, **options)
    mapping = """\
name = "by-mapping"
origin = "2024-03-30"
[file]
format = "json"
[node_states]
node = "node_id"
from_utc = { column = "event_time", unit = "days" }
to_utc = { column = "event_time", unit = "days", of = "end" }
state = { value = "down" }
pair = { column = "event_type", start = "fault_start", end = "fault_end", by = ["node_id", "fault_type.Desc"] }
"""
    mapped, _ = taken(mapping, trace.read_bytes(), tmp_path, time_origin=options.get("time_origin"))
    known = [(row["node"], row["from_utc"], row.get("to_utc", "")) for row in rows("node_states")]
    found = [(row["node"], row["from_utc"], row.get("to_utc", "")) for row in mapped["node_states"]]
    assert len(known) == 3
    assert sorted(found) == sorted(known)


# Shapes of files

RECORDS = [{"host": "n1", "gpus": 8, "kind": "a,b"}, {"host": "n2", "gpus": None, "kind": 'say "x"'}]
SHAPES = 'name = "m"\n{file}\n[nodes]\nnode = "host"\ngpu_count = "gpus"\nattributes.kind = "kind"\n'


def as_text(delimiter: str) -> str:
    quoted = ['"' + record["kind"].replace('"', '""') + '"' for record in RECORDS]
    lines = [delimiter.join([r["host"], str(r["gpus"] or ""), q]) for r, q in zip(RECORDS, quoted, strict=True)]
    return "\n".join([delimiter.join(["host", "gpus", "kind"]), *lines])


def as_parquet(folder: Path) -> bytes:
    path = folder / "made.parquet"
    pq.write_table(pa.Table.from_pylist(RECORDS), path)
    return path.read_bytes()


def test_every_shape_of_file_gives_the_same_rows(tmp_path: Path) -> None:
    shapes: list[tuple[str, str | bytes]] = [
        ("", as_text(",")),
        ('[file]\ndelimiter = "\\t"', as_text("\t").replace("\n", "\r\n")),
        ('[file]\ndelimiter = "|"\nskip = 2', "made by\n a tool\n" + as_text("|")),
        ('[file]\ncolumns = ["host", "gpus", "kind"]\nskip = 1\ncomment = "#"', as_text(",") + "\n# the end"),
        ('[file]\nformat = "jsonl"', "\n".join(map(json.dumps, RECORDS))),
        ('[file]\nformat = "json"', json.dumps(RECORDS, indent=1)),
        ('[file]\nformat = "json"\nrecords = "result.hosts"', json.dumps({"result": {"hosts": RECORDS, "n": 2}})),
        ('[file]\nformat = "parquet"', as_parquet(tmp_path)),
        ("", gzip.compress(as_text(",").encode())),
    ]
    expected = [
        {"node": "n1", "gpu_count": 8, "attributes": {"kind": "a,b"}},
        {"node": "n2", "attributes": {"kind": 'say "x"'}},
    ]
    for file, content in shapes:
        rows, whole = taken(SHAPES.format(file=file), content, tmp_path)
        assert rows["nodes"] == expected, file
        assert not whole.rejects


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("", "hosts,gpus,kind\nn,1,a\n", "has no column 'host': did you mean hosts?"),
        ("", "host,host,gpus,kind\nn,n,1,a\n", "has 2 columns 'host'"),
        ('[file]\nformat = "json"', '{"host": 1}', "not a JSON array"),
        ('[file]\nformat = "json"\nrecords = "jobs"', '{"job": []}', "no array 'jobs'"),
        ('[file]\nformat = "json"', '[{"host": 1}, ', "JSON that ends too early"),
        ('[file]\nformat = "parquet"', "host,gpus\n", "not Parquet"),
    ],
)
def test_a_file_of_another_shape_is_refused_as_a_whole(file: str, content: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match=re.escape(told)):
        taken(SHAPES.format(file=file), content, tmp_path)


def test_parquet_times_structs_and_positions(tmp_path: Path) -> None:
    path = tmp_path / "made.parquet"
    times = pa.array([1_700_000_000_123_456_789, None], pa.int64()).cast(pa.timestamp("ns"))
    where = pa.array([{"name": "n1", "tags": ["x"]}, {"name": None, "tags": []}])
    pq.write_table(pa.table({"t": times, "where": where, "unused": [1, 2]}), path)
    mapping = 'name = "m"\n[file]\nformat = "parquet"\n[nodes]\nnode = "where.name"\nfrom_utc = "t"\n'
    rows, whole = taken(mapping, path.read_bytes(), tmp_path)
    assert rows["nodes"] == [{"node": "n1", "from_utc": "2023-11-14T22:13:20.123456Z"}]
    assert [(reject.line_number, reject.reason) for reject in whole.rejects] == [
        (2, "nodes.node: nothing in where.name")
    ]


def test_fields_that_no_json_record_has_are_named(tmp_path: Path) -> None:
    mapping = 'name = "m"\n[file]\nformat = "jsonl"\n[nodes]\nnode = "host"\nrack = "rakc{}"\n'
    _, whole = taken(mapping, '{"host": "n1"}\n{"host": "n2", "rack": 7}\n', tmp_path)
    (note,) = whole.notes
    assert note.format(count=whole.notes[note]) == "none of 2 records has anything in rakc{}, which the mapping reads"


# Times


@pytest.mark.parametrize(
    ("rule", "text", "options", "expected"),
    [
        ('"t"', "2024-05-01T12:00:00+02:00", {}, "2024-05-01T10:00:00Z"),
        ('"t"', "2024-05-01 12:00:00.5 UTC", {}, "2024-05-01T12:00:00.500000Z"),
        ('"t"', "2024-05-01", {"timezone": "Europe/Berlin"}, "2024-04-30T22:00:00Z"),
        ('{ column = "t", zone = "Asia/Tokyo" }', "2024-05-01 09:00", {"timezone": "CET"}, "2024-05-01T00:00:00Z"),
        ('{ column = "t", format = "%b %d %H:%M:%S %Y" }', "May  1 10:00:00 2024", {}, "2024-05-01T10:00:00Z"),
        ('{ column = "t", format = "%d/%b/%Y:%H:%M:%S %z" }', "01/May/2024:10:00:00 -0600", {}, "2024-05-01T16:00:00Z"),
        ('{ template = "2024 {t}", format = "%Y %m/%d %H:%M" }', "05/01 10:00", {}, "2024-05-01T10:00:00Z"),
        ('{ column = "t", format = "epoch s" }', "1714557600", {}, "2024-05-01T10:00:00Z"),
        ('{ column = "t", format = "epoch s" }', "1714557600.25", {}, "2024-05-01T10:00:00.250000Z"),
        ('{ column = "t", format = "epoch ms" }', "1714557600001", {}, "2024-05-01T10:00:00.001000Z"),
        ('{ column = "t", format = "epoch us" }', "1714557600000001", {}, "2024-05-01T10:00:00.000001Z"),
        ('{ column = "t", format = "epoch ns" }', "1714557600000001999", {}, "2024-05-01T10:00:00.000001Z"),
        ('{ column = "t", unit = "h" }', "36", {"time_origin": "2024-05-01"}, "2024-05-02T12:00:00Z"),
        ('{ column = "t", map = { "never" = "2099-01-01" } }', "never", {}, "2099-01-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_times_are_read(rule: str, text: str, options: dict[str, Any], expected: str, tmp_path: Path) -> None:
    assert time_of(rule, text, tmp_path, **options) == expected


@pytest.mark.parametrize(
    ("rule", "text", "told"),
    [
        ('"t"', "yesterday", "'yesterday' is no time such as 2024-03-10T02:30:00"),
        ('{ column = "t", format = "epoch s" }', "1_000", "'1_000' is no number"),
        ('{ column = "t", format = "epoch s" }', "1e300", "too large|out of range|Python int too large|days="),
        ('{ column = "t", format = "epoch s" }', "9" * 30, "out of range|too large|days="),
        ('{ column = "t", zone = "America/New_York" }', "2024-03-10 02:30:00", "the clocks skipped"),
        ('"t"', "\udc80", "surrogates not allowed"),
    ],
)
def test_times_that_cannot_be_are_refused(rule: str, text: str, told: str, tmp_path: Path) -> None:
    (reason,) = time_of(rule, text, tmp_path)
    assert reason.startswith("nodes.from_utc from t: ")
    assert re.search(told, reason)


def test_the_day_of_relative_times_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(MissingOptionError, match=r"--time-origin TIME: nodes\.from_utc counts from a time"):
        time_of('{ column = "t", unit = "s" }', "1", tmp_path)


def test_only_times_read_in_the_zone_of_the_options_are_called_naive(tmp_path: Path) -> None:
    for rule, naive in (('"t"', True), ('{ column = "t", zone = "Asia/Tokyo" }', False)):
        _, whole = taken(f'name = "m"\n[nodes]\nnode = "h"\nfrom_utc = {rule}\n', "h,t\nn,2024-05-01\n", tmp_path)
        assert whole.naive_times is naive


def test_a_zone_of_the_mapping_stands_against_the_options_and_says_so(tmp_path: Path) -> None:
    mapping = 'name = "m"\nzone = "Asia/Tokyo"\n[nodes]\nnode = "h"\nfrom_utc = "t"\n'
    rows, whole = taken(mapping, "h,t\nn,2024-05-01\n", tmp_path, timezone="Europe/Berlin")
    assert rows["nodes"][0]["from_utc"] == "2024-04-30T15:00:00Z"
    assert any("whatever --timezone says" in note for note in whole.notes)


def test_since_is_the_distance_of_two_times(tmp_path: Path) -> None:
    mapping = """\
name = "m"
[checkpoints]
job_id = "job"
action = { value = "saved" }
started_utc = { column = "t", format = "epoch s" }
duration_seconds = { column = "t", format = "epoch s", since = "started_utc", of = "end" }
pair = { column = "what", start = "begin*", end = "done*", by = ["job"] }
"""
    rows, whole = taken(
        mapping, "job,what,t\n1,begin save,100\n1,done saving,160.5\n1,begin save,200\n1,done,1\n", tmp_path
    )
    assert [row.get("duration_seconds") for row in rows["checkpoints"]] == [60.5, None]
    assert reasons(whole) == [
        "checkpoints.duration_seconds from t: -199.0 s: less than nothing (if it means unknown, say null = …)"
    ]


# Numbers


@pytest.mark.parametrize(
    ("column", "rule", "text", "expected"),
    [
        ("gpu_count", '"x"', "8", 8),
        ("gpu_count", '"x"', "8.0", 8),
        ("gpu_count", '{ column = "x", unit = "percent", round = "up" }', "50", 1),
        ("gpu_count", '{ column = "x", unit = "percent" }', "700", 7),
        ("gpu_count", '{ column = "x", times = "y" }', "8", 24),
        ("cpu_count", '{ column = "x", unit = "thousandths" }', "1100", "1.1 is no whole number"),
        ("gpu_count", '"x"', "-1", "less than nothing"),
        ("gpu_count", '{ column = "x", null = ["-1"] }', "-1", None),
        ("gpu_count", '"x"', "2147483648", "too large"),
        ("gpu_count", '"x"', "eight", "'eight' is no number"),
        ("gpu_count", '"x"', "1e3", 1000),
        ("gpu_count", '"x"', "true", "no number"),
        ("gpu_count", '"x"', "inf", "no number"),
        ("gpu_count", '"x"', "٣", "no number"),
        ("priority", '"x"', "-5", -5),
        ("priority", '"x"', "9223372036854775807", 9223372036854775807),
        ("requested_memory_bytes", '{ column = "x", unit = "GiB" }', "1.3", 1395864371),
        ("requested_memory_bytes", '{ column = "x", unit = "MB" }', "2", 2_000_000),
        ("time_limit_seconds", '{ column = "x", unit = "minutes" }', "1.5", 90.0),
        ("time_limit_seconds", '{ column = "x", unit = "d", map = { "*unlimited*" = inf } }', "unlimited", "Infinity"),
        ("step_out_of_memory", '"x"', "Yes", True),
        ("step_out_of_memory", '"x"', "maybe", "neither true nor false"),
        ("nodes", '{ column = "x", split = ";" }', "a; b;;", ["a", "b"]),
        ("nodes", '{ column = "x", hosts = true }', "a[1-2]", ["a1", "a2"]),
    ],
)  # fmt: skip
def test_values_are_read_in_their_units(column: str, rule: str, text: str, expected: Any, tmp_path: Path) -> None:
    mapping = (
        f'name = "m"\n[jobs]\njob_id = "id"\nsubmit_utc = "t"\nstate = {{ value = "RUNNING" }}\n{column} = {rule}\n'
    )
    rows, whole = taken(mapping, f"id,t,x,y\n1,2024-05-01,{text},3\n", tmp_path)
    if whole.rejects:
        assert whole.rejects[0].reason.startswith(f"jobs.{column} from x")
        assert isinstance(expected, str)
        assert expected in whole.rejects[0].reason
    else:
        assert rows["jobs"][0].get(column) == expected


def test_a_closed_set_is_read_in_capitals_or_not_and_nothing_else_is(tmp_path: Path) -> None:
    mapping = 'name = "m"\n[jobs]\njob_id = "id"\nsubmit_utc = "t"\nstate = "s"\n'
    rows, whole = taken(mapping, "id,t,s\n1,2024-05-01,Completed\n2,2024-05-01,fine\n", tmp_path)
    assert [(row["state"], row["state_raw"]) for row in rows["jobs"]] == [("COMPLETED", "Completed")]
    assert reasons(whole) == ["jobs.state from s: 'fine' is none of the values of state; say in map what it is"]


# Pairs and lists

PAIRED = """\
name = "m"
[node_states]
node = "n"
from_utc = { column = "t", format = "epoch s" }
to_utc = { column = "t", format = "epoch s", of = "end" }
state = { value = "down" }
pair = { column = "e", start = "down", end = ["up", "back*"], by = ["n"] }
"""


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["down", "up"])), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_pairs_are_first_in_first_out_and_nothing_is_lost(tmp_path: Path, given_rows: list[tuple[str, str]]) -> None:
    lines = [f"{node},{number},{kind}" for number, (node, kind) in enumerate(given_rows)]
    rows, whole = taken(PAIRED, "\n".join(["n,t,e", *lines]), tmp_path)
    waiting: dict[str, list[int]] = {"a": [], "b": []}
    expected, orphans = [], 0
    for number, (node, kind) in enumerate(given_rows):
        if kind == "down":
            waiting[node].append(number)
        elif waiting[node]:
            expected.append((node, waiting[node].pop(0), number))
        else:
            orphans += 1
    expected += [(node, start, None) for node in waiting for start in waiting[node]]

    def seconds(text: str | None) -> int | None:
        return None if text is None else int(datetime.fromisoformat(text).timestamp())

    found = [(row["node"], seconds(row["from_utc"]), seconds(row.get("to_utc"))) for row in rows.get("node_states", [])]
    assert sorted(found, key=str) == sorted(expected, key=str)
    assert len(whole.rejects) == orphans


def test_what_is_neither_start_nor_end_is_refused(tmp_path: Path) -> None:
    rows, whole = taken(PAIRED, "n,t,e\na,1,down\na,2,sideways\na,0,up\na,3,back again\n", tmp_path)
    assert reasons(whole) == [
        "node_states.pair: e 'sideways' is neither a start nor an end",
        "node_states: to_utc 1970-01-01 00:00:00+00:00 is before from_utc 1970-01-01 00:00:01+00:00",
    ]
    assert [row["to_utc"] for row in rows["node_states"]] == ["1970-01-01T00:00:03Z"]


def test_a_refused_record_leaves_no_trace_in_any_pair(tmp_path: Path) -> None:
    """The second table refuses the end, so the first has to forget it too."""
    mapping = f"""{PAIRED}
[links]
child = "n"
parent = "p"
to_utc = {{ column = "p", format = "epoch s", of = "end" }}
pair = {{ column = "e", start = "down", end = "up" , by = ["n"] }}
"""
    rows, whole = taken(mapping, "n,t,e,p\na,1,down,9\na,2,up,x\na,3,up,4\n", tmp_path)
    assert len(whole.rejects) == 1
    assert [row["to_utc"] for row in rows["node_states"]] == ["1970-01-01T00:00:03Z"]
    assert [row["to_utc"] for row in rows["links"]] == ["1970-01-01T00:00:04Z"]


def test_each_item_of_a_nested_list_becomes_a_row(tmp_path: Path) -> None:
    mapping = """\
name = "m"
[file]
format = "jsonl"
[jobs]
each = "attempts"
where = { "attempts.end" = { not = "" } }
job_id = "id"
submit_utc = { column = "attempts.start", format = "epoch s" }
end_utc = { column = "attempts.end", format = "epoch s" }
state = { value = "FAILED" }
nodes = "attempts.hosts"
"""
    record = {
        "id": 17,
        "attempts": [{"start": 1, "end": 2, "hosts": ["a", "b"]}, {"start": 3, "end": None, "hosts": []}],
    }
    rows, whole = taken(mapping, json.dumps(record) + "\n" + json.dumps({"id": 18, "attempts": []}), tmp_path)
    assert [(row["job_id"], row["submit_utc"], row["nodes"]) for row in rows["jobs"]] == [
        ("17", "1970-01-01T00:00:01Z", ["a", "b"])
    ]
    assert (whole.used, whole.dropped, whole.notes) == (1, 1, {})


def test_covered_tables_say_over_which_time(tmp_path: Path) -> None:
    _, whole = taken('covers = ["node_states"]\n' + PAIRED, "n,t,e\na,1,down\na,9,up\n", tmp_path)
    assert whole.observed == (datetime.fromtimestamp(1, UTC), datetime.fromtimestamp(9, UTC))


# Mappings that are wrong


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("name = ", "not TOML: Invalid value (at end of document)"),
        ('name = "Fault Log"\n[nodes]\nnode = "h"', "name is needed: letters, digits and hyphens, such as fault-log"),
        ('name = "m"', "fills no table of the lake; there are: jobs, job_events"),
        (NODES + 'gpu_cuont = "g"', "nodes.gpu_cuont is no key of a mapping here; did you mean gpu_count?"),
        (NODES + 'rack = { colum = "r" }', "did you mean column?; nodes.rack needs exactly one of column, template"),
        (NODES + 'rack = { column = "r", value = "x" }', "nodes.rack needs exactly one of"),
        (NODES + 'rack = { value = "r", default = "x" }', "nodes.rack.default says nothing about value"),
        (NODES + 'rack = { filled = { r = "x" }, map = { a = "b" } }', "nodes.rack.map says nothing about filled"),
        (NODES + "rack = 7", "nodes.rack expected a table, found 7"),
        (NODES + 'rack = { column = "r", unit = "s" }', "nodes.rack.unit is no key of a mapping here"),
        (NODES + 'attributes = "x"', "nodes.attributes expected keys, such as attributes.batch"),
        (NODES + 'gpu_count = { column = "g", unit = "GiB" }',
         "nodes.gpu_count.unit 'GiB' is no unit to make GPUs of; there are: GPUs"),
        (NODES + "gpu_count = { value = 1.5 }", "nodes.gpu_count.value 1.5 is no whole number"),
        (NODES + 'from_utc = { column = "t", format = "%d.%m. %H:%M" }', "has no year"),
        (NODES + 'from_utc = { column = "t", format = "YYYY" }', "is neither iso, epoch s"),
        (NODES + 'from_utc = { column = "t", format = "%Y %Q" }', "is no format of strptime"),
        (NODES + 'from_utc = { column = "t", zone = "Mars" }', "nodes.from_utc.zone 'Mars' is no IANA zone"),
        (NODES + 'from_utc = { column = "t", after = "to_utc" }',
         "nodes.from_utc.after 'to_utc' is no column of this table that stands before it"),
        (NODES + 'to_utc = { column = "t", of = "end" }', "pair does not say which records are ends"),
        (NODES + 'where = { a.b = "x" }', "quote a field whose name has dots"),
        (NODES + 'source = "x"', "nodes.source is no key of a mapping here"),
        (NODES + '[file]\ndelimiter = ",,"', "file.delimiter expected one character"),
        (NODES + '[file]\nformat = "xlsx"', "file.format 'xlsx' is none of csv, jsonl, json, parquet"),
        (NODES + '[file]\nformat = "json"\nskip = 2', "file.skip says nothing about json"),
        (NODES + '[file]\ncolumns = ["hst"]',
         "nodes reads 'host', which file.columns does not name; did you mean hst?"),
        ('covers = ["jobs"]\n' + NODES, "covers 'jobs' is no table that the mapping fills"),
        ('name = "m"\n[node_states]\nnode = "h"\nstate = { value = "broken" }',
         "node_states.state.value 'broken' is none of up, drain"),
        ('name = "m"\n[node_states]\nnode = "h"\nstate = { value = "down" }',
         "node_states.from_utc is missing: entered the state; a row needs it"),
        ('name = "m"\n[events]\ntime_utc = "t"\nsymptom = { value = "disk" }\ndomain = { value = "other" }',
         "events.severity is missing: critical ends the jobs on the node (one of critical, warning, info)"),
        ('name = "m"\n[jobs]\njob_id = "id"\nstate = "s"', "jobs.submit_utc is missing: it tells the attempts"),
        ('name = "m"\n[jobs]\njob_id = "id"\nstate = "s"\nsubmit_utc = "t"\nnodes = "n"',
         "jobs.nodes is a list: say split"),
        ('name = "m"\n[jobs]\njob_id = "id"\nsubmit_utc = "t"\nstate = { column = "s", map = { x = "GONE" } }',
         "jobs.state.map.x 'GONE' is none of PENDING"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_place(mapping: str, told: str, tmp_path: Path) -> None:
    assert told in problems(mapping, tmp_path)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    told = problems('name = "m"\nzon = "x"\n[nodes]\nnode = { colum = "x" }\nrakc = "r"\n', tmp_path)
    assert told.startswith("4 problems: ")
    assert told.count("; ") >= 3


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=re.escape("nowhere.toml: No such file or directory")):
        load_mapping(tmp_path / "nowhere.toml")


_KEYS = st.sampled_from([*_COMMON, *_OF_TIMES, *_OF_NUMBERS, *_OF_LISTS, "start", "end", "by", "x"])
_PLACES = st.sampled_from(["where", "each", "pair", "node", "state", "attributes", "x"])
_PIECES = st.recursive(
    st.text(max_size=5) | st.integers(-9, 9) | st.booleans() | st.floats() | st.sampled_from(["h", "s", "end"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(DATA_TABLES),
    st.dictionaries(_PLACES, _PIECES, max_size=4),
    st.dictionaries(st.sampled_from([*_FILE, "x"]), _PIECES, max_size=3),
    st.data(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
def test_any_mapping_loads_or_is_refused(
    tmp_path: Path, table: Any, directives: dict[str, Any], file: dict[str, Any], data: st.DataObject
) -> None:
    names = st.sampled_from([column.name for column in table.columns])
    columns = data.draw(st.dictionaries(names, _PIECES, max_size=5))
    document = {"name": "m", "file": file, table.name: {**directives, **columns}}
    path = tmp_path / "any.toml"
    path.write_bytes(toml_of(document).encode("utf-8", "surrogatepass"))
    with contextlib.suppress(MappingError):
        load_mapping(path)


def toml_of(value: Any) -> str:
    """A document as TOML, all tables inline."""
    return "".join(f"{json.dumps(key)} = {_inline(one)}\n" for key, one in value.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
    return json.dumps(value)


# Hostile files


@given(
    st.text(alphabet=st.sampled_from('ab1,;"\n\r\t {}[]:\\\x00é\ud800'), max_size=200),
    st.sampled_from(["csv", "jsonl", "json"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_text_is_read_or_refused(tmp_path: Path, text: str, form: str) -> None:
    mapping = f'name = "m"\n[file]\nformat = "{form}"\n' + ('columns = ["a", "b"]\n' if form == "csv" else "")
    mapping += '[nodes]\nnode = "a"\ngpu_count = "b"\nfrom_utc = { column = "b", format = "epoch s" }\n'
    # A line of dirt costs itself; dirt in one JSON document costs the document.
    with contextlib.suppress(UnreadableInputError) if form == "json" else contextlib.nullcontext():
        taken(mapping, text.encode("utf-8", "surrogatepass"), tmp_path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(_JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_any_json_value_is_used_or_refused(tmp_path: Path, value: Any) -> None:
    mapping = """\
name = "m"
[file]
format = "jsonl"
[[jobs]]
each = "x"
job_id = "x"
submit_utc = { column = "x", format = "epoch us" }
state = { value = "RUNNING" }
[[jobs]]
job_id = { template = "j{x}" }
submit_utc = "x"
state = { column = "x", map = { "a*b" = "FAILED", "*" = "RUNNING" }, default = "PENDING" }
priority = "x"
time_limit_seconds = { column = "x", unit = "h", times = "x" }
nodes = { column = "x", split = "," }
step_out_of_memory = "x"
"""
    taken(mapping, json.dumps({"x": value}), tmp_path)


def test_a_json_value_nested_thousands_deep_is_survived(tmp_path: Path) -> None:
    deep = '[{"host": ' + "[" * 5_000 + "]" * 5_000 + "}]"
    _, whole = taken(NODES + '[file]\nformat = "json"\n', deep, tmp_path)
    assert reasons(whole) == ["nodes.node from host: one value expected, not a list"]


def test_a_list_that_would_fan_out_into_too_many_rows_is_refused(tmp_path: Path) -> None:
    mapping = 'name = "m"\n[nodes]\neach = { column = "hosts", hosts = true }\nnode = "hosts"\n'
    rows, whole = taken(mapping, "hosts\nn[1-20000]\nm[1-3]\n", tmp_path)
    assert reasons(whole) == ["nodes.each: 20,000 items in hosts, more than 10,000"]
    assert len(rows["nodes"]) == 3


def test_memory_stays_flat_over_many_distinct_hosts(tmp_path: Path) -> None:
    """A row is forgotten once its chunk is out: nothing is kept per host, and the caches are bounded."""
    mapping = 'name = "m"\n[nodes]\nnode = "host"\nattributes.kind = { column = "host", map = { "*" = "x" } }\n'
    (tmp_path / "m.toml").write_text(mapping, encoding="utf-8")
    (tmp_path / "input").write_text("host\n" + "".join(f"host-{n}\n" for n in range(100_000)), encoding="utf-8")
    tracemalloc.start()
    peaks = []
    for chunk in load_mapping(tmp_path / "m.toml").read(InputFile(tmp_path / "input"), Options()):
        assert chunk.read <= 20_000
        peaks.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert len(peaks) >= 5
    assert peaks[-2] < 1.5 * peaks[1]


# The pipeline


def test_another_mapping_is_another_ingest(tmp_path: Path, feed: Callable[..., Any], rows: Callable[..., Any]) -> None:
    file = tmp_path / "hosts.csv"
    file.write_text("host,gpus\nn1,8\n", encoding="utf-8")
    for mapping, written in ((NODES, 1), (NODES, 0), (NODES + 'gpu_count = "gpus"\n', 1)):
        (tmp_path / "m.toml").write_text(mapping, encoding="utf-8")
        source = load_mapping(tmp_path / "m.toml")
        (report,) = feed(file, mapping=source).files
        assert (report.format, report.rows_written) == ("m", {"nodes": written})
    assert len(rows("nodes")) == 2


def test_a_mapping_may_name_the_cluster_of_every_row(
    tmp_path: Path, feed: Callable[..., Any], rows: Callable[..., Any]
) -> None:
    (tmp_path / "m.toml").write_text(NODES + 'cluster = "site"\n', encoding="utf-8")
    feed("host,site\nn1,east\nn2,west\n", mapping=load_mapping(tmp_path / "m.toml"))
    assert [(row["cluster"], row["node"]) for row in rows("nodes")] == [("east", "n1"), ("west", "n2")]


# First mappings


def suggested(content: str | bytes, folder: Path, name: str = "My Log 7.csv") -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return suggest_mapping(InputFile(path))


FAULTS = """\
Ticket;Host Name;Outage started;Outage ended;Root cause;Area
1;n1;24.12.2024 10:00;24.12.2024 12:00;GPU lost;gpu
2;n2;31.12.2024 10:00;NA;fan broken;fan
"""
JOBS = """\
job_id,user,gpu_num,state,submit_time,start_time,end_time,queue_s
1,u1,8,COMPLETED,1714557600,1714557660,1714558600,60
2,u2,16,FAILED,1714557601,1714557661,1714558601,60
"""


def test_a_table_of_outages_is_recognised(tmp_path: Path) -> None:
    text = suggested(FAULTS, tmp_path)
    assert tomllib.loads(text) == {
        "name": "my-log-7",
        "file": {"delimiter": ";", "null": ["NA"]},
        "node_states": {
            "node": "Host Name",
            "from_utc": {"column": "Outage started", "format": "%d.%m.%Y %H:%M"},
            "to_utc": {"column": "Outage ended", "format": "%d.%m.%Y %H:%M"},
            "state": {"value": "down"},
            "reason": "Root cause",
        },
    }
    assert '# unused: "Ticket" (number, such as "1")' in text
    rows, whole = taken(text, FAULTS, tmp_path)
    assert [(row["node"], row["component"]) for row in rows["node_states"]] == [("n1", "gpu"), ("n2", "fan")]
    assert not whole.rejects


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("procsinnode,node install,nodenum,start", "nodenum"),
        ("Node Count,Host Name,began", "Host Name"),
        ("src_node_id,nodes,time", "src_node_id"),
    ],
)
def test_the_column_that_names_a_node_is_found_by_its_name(header: str, named: str, tmp_path: Path) -> None:
    values = ",".join(["7"] * header.count(",") + ["2024-05-01 10:00"])
    assert tomllib.loads(suggested(f"{header}\n{values}\n", tmp_path))["events"]["node"] == named


def test_a_table_of_jobs_is_recognised(tmp_path: Path) -> None:
    rows, whole = taken(suggested(JOBS, tmp_path), JOBS, tmp_path)
    assert not whole.rejects
    assert rows["jobs"][1] == {
        "job_id": "2", "job_id_raw": "2", "user": "u2", "gpu_count": 16, "state": "FAILED", "state_raw": "FAILED",
        "submit_utc": "2024-05-01T10:00:01Z", "start_utc": "2024-05-01T10:01:01Z", "end_utc": "2024-05-01T10:16:41Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "table"),
    [
        ('[{"node": "a", "ev": "fault_start", "time": 3}, {"node": "a", "time": 4, "ev": "fault_end"}]', "node_states"),
        ('{"host": "n1", "timestamp": "2024-05-01T10:00:00Z", "severity": "fatal", "message": "x"}\n', "events"),
        ('{"n": [1], "rows": [{"serial": "s1", "inserted": "2024-05-01", "removed": "2024-05-02"}]}', "components"),
        ("arrival_time,input_tokens,output_tokens\n1714557600,10,20\n", "requests"),
        ("hostname\tgpus\tgpu_model\nn1\t8\tH100\n", "nodes"),
        ("exported 2024\n\nnode,time,error\nn1,2024-05-01 10:00,bad\nn2,2024-05-01 11:00,bad\n", "events"),
        ("n1,2024-05-01 10:00,7\nn2,2024-05-01 11:00,8\n", "events"),
        ("a\n\n", None),
        ("x,x\n1,2\n", "events"),
        ("start,message,severity\n2024-05-01,*,*\n", "events"),
    ],
)  # fmt: skip
def test_a_first_mapping_loads_and_takes_the_file_in(content: str, table: str | None, tmp_path: Path) -> None:
    if table is None:
        with pytest.raises(UnreadableInputError, match="no records found"):
            suggested(content, tmp_path)
        return
    text = suggested(content, tmp_path)
    rows, whole = taken(text, content, tmp_path)
    assert not whole.rejects, text
    assert whole.used > 0
    assert set(rows) <= {table, "nodes"}


_CELLS = st.one_of(
    st.datetimes().map(str),
    st.integers(0, 2_000_000_000).map(str),
    st.floats(0, 1e6).map(str),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    st.sampled_from(["", "NA", "n1", "up", "down", "start", "end", "FAILED", "2024-05-01T10:00:00Z", 'a"b', "*"]),
)  # fmt: skip
_NAMES = st.sampled_from(
    ["time", "start", "end_time", "node", "host", "job_id", "state", "status", "gpus", "serial", "duration", "kind",
     "message", "severity", "component", "submit", "x y", 'qu"ote', "a.b", "nodes", "input_tokens", "b\\", "exit_code"]
)  # fmt: skip


@given(
    st.lists(_NAMES, min_size=1, max_size=6, unique=True),
    st.data(),
    st.sampled_from(FORMATS),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
def test_every_suggestion_loads_and_loses_no_record(
    tmp_path: Path, names: list[str], data: st.DataObject, form: str
) -> None:
    row = st.lists(_CELLS, min_size=len(names), max_size=len(names))
    records = [dict(zip(names, one, strict=True)) for one in data.draw(st.lists(row, min_size=1, max_size=6))]
    content: str | bytes
    if form == "csv":
        quoted = [['"' + cell.replace('"', '""') + '"' for cell in record.values()] for record in records]
        header = ['"' + name.replace('"', '""') + '"' for name in names]
        content = "\n".join(",".join(line) for line in [header, *quoted]) + "\n"
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(records), tmp_path / "any.parquet")
        content = (tmp_path / "any.parquet").read_bytes()
    else:
        content = json.dumps(records) if form == "json" else "".join(json.dumps(record) + "\n" for record in records)
    try:
        text = suggested(content, tmp_path)
    except UnreadableInputError:
        assert not any(cell.strip() for record in records for cell in record.values()) or form == "csv"
        return
    _, whole = taken(text, content, tmp_path)
    assert whole.read >= len(records) - (form == "csv")
