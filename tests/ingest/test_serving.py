"""Request logs of LLM servers: rules that the golden pairs do not show well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.opening import InputFile
from ingest.registry import identify
from ingest.serving import SOURCES as SERVING
from ingest.serving import fields
from ingest.serving.otel import OtelSpans
from ingest.serving.request_log import RequestLog
from ingest.serving.sglang_log import SglangLog
from ingest.source import Options
from reliability.errors import MissingOptionError
from reliability.schema import REQUEST_STATUSES

Feed = Callable[..., Any]
Rows = Callable[..., list[dict[str, Any]]]
CASES = Path(__file__).parents[1] / "cases"


def lines(*records: object) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def request(**values: object) -> dict[str, object]:
    return {"start_time": "2025-01-01T00:00:10Z", "prompt_tokens": 5, "completion_tokens": 2, **values}


@pytest.mark.parametrize(
    "said",
    [
        {"latency_ms": 1500},
        {"latency": 1.5},
        {"e2eLatency": "1.5"},
        {"duration-us": 1_500_000},
        {"metrics": {"e2e_latency": 1.5}},
        {"end_time": 1_735_689_611.5},
        {"endTime": 1_735_689_611_500},
        {"finished_at": "2025-01-01T01:00:11.5+01:00"},
    ],
)
def test_the_end_is_found_under_its_names_and_units(said: dict[str, object], feed: Feed, rows: Rows) -> None:
    feed(lines(request(**said)))
    assert [row["end_utc"] for row in rows("requests")] == ["2025-01-01T00:00:11.500000Z"]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"status": 200}, "ok"),
        ({"status": "success"}, "ok"),
        ({"status_code": 429}, "error"),
        ({"http_status": "499"}, "cancelled"),
        ({"status": "failure"}, "error"),
        ({"finish_reason": "stop"}, "ok"),
        ({"choices": [{"finish_reason": "length"}]}, "ok"),
        ({"meta_info": {"finish_reason": {"type": "abort"}}}, "cancelled"),
        ({"status": 200, "finish_reason": "abort"}, "cancelled"),
        ({"status": 200, "error": {"message": "no memory"}}, "error"),
        ({"error": None, "status": "running"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_how_a_request_ended(said: dict[str, object], status: str, feed: Feed, rows: Rows) -> None:
    assert status in REQUEST_STATUSES
    feed(lines(request(**said)))
    assert [row["status"] for row in rows("requests")] == [status]


def test_what_the_user_wrote_is_not_read_as_fields(feed: Feed, rows: Rows) -> None:
    feed(lines(request(messages=[{"prompt_tokens": 9}], prompt={"prompt_tokens": 9}, end_time="2025-01-01T00:00:11Z")))
    assert [row["input_tokens"] for row in rows("requests")] == [5]


def test_a_log_that_grew_is_read_on(feed: Feed, rows: Rows, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    log.write_text(lines(request()))
    feed(log)
    log.write_text(lines(request(), request(start_time="2025-01-01T00:00:20Z")))
    report = feed(log).files[0]
    assert (report.rows_read, len(rows("requests"))) == (1, 2)


@pytest.mark.parametrize("name", ["mooncake/trace", "burstgpt/release-1.1"])
def test_times_since_the_beginning_need_a_beginning(name: str, feed: Feed) -> None:
    with pytest.raises(MissingOptionError, match="--time-origin"):
        feed(CASES / f"{name}.input")


def test_a_log_with_real_dates_is_no_mooncake_trace() -> None:
    record = {"timestamp": 1_766_581_510.25, "input_length": 5, "output_length": 2}
    assert identify(lines(record).encode(), Path("x"), Options()).name == "request-log"


def test_json_lines_without_tokens_are_no_request_log() -> None:
    for record in ({"timestamp": 1.0, "message": "x"}, {"start_time": "2025-01-01", "tokens": 5}, {"prompt_tokens": 5}):
        assert not RequestLog().recognise(lines(record).encode(), Options())


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\x00",
        b"{",
        b"[" * 70_000,
        b'{"a":' * 13_000,
        b"\xff\xfe{}",
        b'{"timestamp": 1e999}\n',
        b'{"x": ' + b"9" * 60_000,
    ],
    ids=range(8),
)
def test_odd_bytes_are_no_request_log_and_no_error(head: bytes) -> None:
    assert not any(source.recognise(head, Options()) for source in SERVING)


def test_a_sglang_line_made_of_the_users_words_gives_the_servers_numbers(feed: Feed, rows: Rows) -> None:
    users = "'meta_info': {'prompt_tokens': 1, 'e2e_latency': 9.0}"
    numbers = "'finish_reason': {'type': 'stop'}, 'prompt_tokens': 5, 'completion_tokens': 2, 'e2e_latency': 2.0"
    feed(
        f"[2025-01-01 00:00:10] Finish: obj=GenerateReqInput(rid='a', text=\"{users}\"), "
        f"out={{'text': \"{users}\", 'meta_info': {{'id': 'a', {numbers}}}}}\n"
    )
    (row,) = rows("requests")
    assert (row["input_tokens"], row["arrival_utc"]) == (5, "2025-01-01T00:00:08Z")


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", 10**400, {"type": {}}, [[]], [{}]])
)
NAMES = st.sampled_from(
    (*fields.ARRIVAL, *fields.END, *fields.TO_END, *fields.STATUS, *fields.FINISH, *fields.INPUT_TOKENS, "usage")
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES)), min_size=1))
def test_whatever_stands_in_the_fields_the_records_add_up(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    for source in (RequestLog(), OtelSpans(), SglangLog()):
        chunks = list(source.read(InputFile(path), Options()))
        assert sum(chunk.read for chunk in chunks) == len(records)
        assert all(chunk.read == chunk.used + len(chunk.rejects) + chunk.dropped for chunk in chunks)


SPANS = [json.loads(line) for line in (CASES / "llm-otel" / "vllm.input").read_text().splitlines()[:2]]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_spans_with_anything_anywhere_add_up(tmp_path: Path, data: st.DataObject) -> None:
    batch = json.loads(json.dumps(data.draw(st.sampled_from(SPANS))))
    place: Any = batch
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(VALUES)
            break
        place = place[key]
    path = tmp_path / "spans"
    path.write_text(json.dumps(batch) + "\n")
    (chunk,) = OtelSpans().read(InputFile(path), Options())
    assert (chunk.read, chunk.read) == (1, chunk.used + len(chunk.rejects) + chunk.dropped)
