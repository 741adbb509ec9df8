"""Public traces: each file is known by one source, and what a golden pair does not show well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mapping.load import load
from ingest.opening import HEAD_BYTES
from ingest.registry import SOURCES as EVERY_SOURCE
from ingest.source import Options
from ingest.traces import SOURCES
from reliability.errors import MissingOptionError

CASES = Path(__file__).parents[1] / "cases"
FOLDER = Path(load.__code__.co_filename).parents[1] / "traces"
INPUTS = sorted(CASES.glob("*/*.input"))
MAPPINGS = sorted(FOLDER.glob("*.toml"))
Feed = Callable[..., Any]
Rows = Callable[..., list[dict[str, Any]]]


def test_every_mapping_of_the_folder_is_a_source_that_knows_its_files() -> None:
    mapped = [load(path) for path in MAPPINGS]
    assert len(mapped) >= 10
    assert [one.name for one in mapped] == [path.stem for path in MAPPINGS]
    assert {one.name for one in mapped} <= {source.name for source in SOURCES}
    assert all(one.recognition is not None and one.cluster for one in mapped)
    assert all(path.read_text(encoding="utf-8").startswith("#") for path in MAPPINGS)


@pytest.mark.parametrize("case", INPUTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_trace_claims_its_own_files_only(case: Path) -> None:
    head = case.read_bytes()[:HEAD_BYTES]
    claims = {source.name for source in SOURCES if source.recognise(head, Options())}
    assert claims <= {case.parent.name}


def test_no_other_source_claims_a_trace() -> None:
    ours = {source.name for source in SOURCES}
    for case in INPUTS:
        if case.parent.name in ours:
            head = case.read_bytes()[:HEAD_BYTES]
            claims = [source.name for source in EVERY_SOURCE if source.recognise(head, Options())]
            assert claims == [case.parent.name]


@given(st.binary(max_size=300) | st.text(st.sampled_from('a1,\t"\n{}[]:#'), max_size=300).map(str.encode))
def test_recognition_never_fails(head: bytes) -> None:
    for source in SOURCES:
        assert source.recognise(head, Options()) in {True, False}


@pytest.mark.parametrize(
    "case", [path for path in INPUTS if path.parent.name in {one.stem for one in MAPPINGS}], ids=str
)
def test_a_header_cut_short_or_shuffled_is_not_recognised(case: Path) -> None:
    (source,) = [one for one in SOURCES if one.name == case.parent.name]
    header, *rest = case.read_text(encoding="utf-8", errors="replace").splitlines()
    names = header.split(",")
    for other in (names[:-1], names[1:], [*names, "more"], [names[-1], *names[:-1]]):
        assert not source.recognise("\n".join([",".join(other), *rest]).encode(), Options())


def test_pods_of_2023_need_the_day_they_count_from(feed: Feed) -> None:
    with pytest.raises(MissingOptionError, match="--time-origin TIME"):
        feed(CASES / "alibaba-2023-pods" / "pods.input")


def test_the_tables_of_alibaba_2020_are_clusters_of_their_own(feed: Feed, rows: Rows) -> None:
    feed(*sorted(CASES.glob("alibaba-2020-*/*.input")))
    jobs = {(row["cluster"], row["job_id"]) for row in rows("jobs")}
    assert {cluster for cluster, _ in jobs} == {"alibaba-2020-jobs", "alibaba-2020-tasks", "alibaba-2020-instances"}
    assert {row["cluster"] for row in rows("nodes")} == {"alibaba-2020-instances"}


def test_the_attempts_of_a_philly_job_are_told_apart(feed: Feed, rows: Rows) -> None:
    feed(CASES / "philly" / "attempts.input")
    jobs = rows("jobs")
    assert len({(job["job_id_raw"], job["submit_utc"]) for job in jobs}) == len(jobs)


def test_an_attempt_of_philly_without_any_time_is_counted_as_left_out(feed: Feed, rows: Rows) -> None:
    nothing = {"start_time": None, "end_time": None, "detail": []}
    job = {
        "status": "Killed", "vc": "v", "jobid": "j", "user": "u", "submitted_time": "2017-10-07 01:00:00",
        "attempts": [nothing, nothing, nothing],
    }  # fmt: skip
    (report,) = feed(json.dumps([job])).files
    assert report.warnings[0] == "2 attempts have no time at all and are left out"
    assert [(row["submit_utc"], row["state"]) for row in rows("jobs")] == [("2017-10-07T08:00:00Z", "FAILED")]


def test_lanl_has_every_node_of_each_system(feed: Feed, rows: Rows) -> None:
    feed(CASES / "lanl" / "plain-header.input")
    assert [(row["cluster"], row["node"]) for row in rows("nodes") if row["cluster"] == "lanl-2"] == [
        ("lanl-2", node) for node in ("n0", "n1", "n2", "n3")
    ]


def test_the_zone_of_a_trace_stands_against_the_options_and_says_so(feed: Feed) -> None:
    for case in ("philly/attempts", "lanl/plain-header", "helios/venus"):
        (report,) = feed(CASES / f"{case}.input", timezone="Europe/Berlin").files
        assert any("whatever --timezone says" in warning for warning in report.warnings), case
