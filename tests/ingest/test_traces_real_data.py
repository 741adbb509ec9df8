"""Mappings on public traces that have a source of their own, and traces that no mapping may claim."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.mapping import load_mapping, suggest_mapping
from ingest.opening import InputFile
from ingest.source import Options
from ingest.traces import SOURCES

pytestmark = pytest.mark.real_data
Feed = Callable[..., Any]
Rows = Callable[..., list[dict[str, Any]]]

HBD = """\
name = "hbd-by-mapping"
cluster = "by-mapping"
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
TITAN = """\
name = "titan-by-mapping"
zone = "America/New_York"
[components]
where = { insert = { not = "" } }
component = { value = "gpu" }
component_id = "SN"
node = "location"
installed_utc = "insert"
removed_utc = "remove"
service_seconds = "duration"
"""


def test_infinitehbd_by_a_mapping_equals_its_source(real_data: Path, feed: Feed, rows: Rows, tmp_path: Path) -> None:
    trace = real_data / "infinitehbd" / "fault_trace.json"
    (tmp_path / "hbd.toml").write_text(HBD, encoding="utf-8")
    feed(trace, fleet_nodes=400)
    (report,) = feed(trace, mapping=load_mapping(tmp_path / "hbd.toml")).files
    assert report.rows_rejected == 0
    spans: dict[str, list[Any]] = {"infinitehbd": [], "by-mapping": []}
    for row in rows("node_states"):
        spans[row["cluster"]].append((row["node"], row["from_utc"], row.get("to_utc", "")))
    assert len(spans["by-mapping"]) == 584
    assert sorted(spans["by-mapping"]) == sorted(spans["infinitehbd"])


def test_titan_by_a_mapping_has_every_stay(real_data: Path, feed: Feed, tmp_path: Path) -> None:
    (tmp_path / "titan.toml").write_text(TITAN, encoding="utf-8")
    (report,) = feed(real_data / "titan" / "gc_full.csv.xz", mapping=load_mapping(tmp_path / "titan.toml")).files
    assert (report.rows_read, report.rows_dropped) == (37_343, 1_158)
    assert report.rows_used + report.rows_rejected == 36_185
    # The clocks went back between these; by the local time alone a stay may seem to end before it began.
    assert report.rows_rejected < 10


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("infinitehbd/fault_trace.json", "node_states"),
        ("titan/gc_full.csv.xz", "components"),
        ("llm_serving/azure-2023-code.csv.xz", "requests"),
    ],
)
def test_a_first_mapping_takes_a_real_trace_in(
    name: str, table: str, real_data: Path, feed: Feed, tmp_path: Path
) -> None:
    (tmp_path / "guess.toml").write_text(suggest_mapping(InputFile(real_data / name)), encoding="utf-8")
    (report,) = feed(real_data / name, mapping=load_mapping(tmp_path / "guess.toml")).files
    assert report.rows_written[table] > 0.45 * report.rows_read


def test_no_trace_claims_a_file_of_another_kind(real_data: Path) -> None:
    own = {"gc_full.csv.xz": "titan", "fault_trace.json": "infinitehbd"}
    for path in sorted(path for path in real_data.rglob("*") if path.is_file()):
        claims = [source.name for source in SOURCES if source.recognise(InputFile(path).head(), Options())]
        assert claims == ([own[path.name]] if path.name in own else []), path
