"""Logs of LLM servers and gateways with one JSON object a request.

Thought of are SGLang's ``--log-requests --log-requests-format json`` and ``--export-metrics-to-file``
(``sglang/srt/utils/request_logger.py``, ``…/request_metrics_exporter.py``), LiteLLM's standard logging payload and
spend logs, answers of vLLM or SGLang with their ``usage`` or ``meta_info``, and what gateways print in the like manner;
names of fields as in :mod:`ingest.serving.fields`. Written from those programs' code; no real log was at hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.json_items import json_lines
from ingest.parsing.lines import head_lines
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.serving import fields as f
from ingest.serving.public_traces import count, is_mooncake
from ingest.source import Chunk, Options, Source

_JUDGED: Final = 10
_RECEIVED: Final = "request.received"
_FINISHED: Final = "request.finished"


class RequestLog(Source):
    """Source of ``requests``."""

    name = "request-log"
    title = "LLM request log, JSON lines: SGLang, LiteLLM, vLLM or OpenAI-style gateways"
    covers = ("requests",)
    cluster = None
    names_cluster = False
    grows = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether most of the first lines are objects with a time and numbers of tokens."""
        lines = head_lines(head, most=_JUDGED)
        if not head.lstrip().startswith(b"{") or is_mooncake(head):
            return False
        return 2 * sum(_is_request(line) for line in lines) > len(lines)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the requests."""
        findings = Findings()
        times = f.Times(options.zone)

        def parse(record: Mapping[str, Any]) -> Sequence[Row]:
            if record.get("event") == _RECEIVED:
                return NOTHING
            row = request_row(record, times)
            findings.naive_times = times.naive
            findings.see(row["arrival_utc"], row["end_utc"])
            return [Row("requests", row)]

        yield from chunks(json_lines(file), parse, lambda record: json.dumps(record, default=str), findings)


def request_row(record: Mapping[str, Any], times: f.Times, node: str | None = None) -> dict[str, Any]:
    """Return the row of a request, from whatever fields its record has.

    Raises
    ------
    ValueError
        If it tells neither when the request came nor, with its length, when it ended; or if times run backwards.
    """
    found = f.flattened(record)
    to_first, to_end = f.seconds(found, f.TO_FIRST_TOKEN), f.seconds(found, f.TO_END)
    end = times.read(f.first(found, f.END))
    arrival = times.read(f.first(found, f.ARRIVAL))
    if arrival is None and end is None and record.get("event") == _FINISHED:
        end = times.read(record.get("timestamp"))  # SGLang writes the line when it is done
    if arrival is None and end is not None and to_end is not None:
        arrival = end - timedelta(seconds=to_end)
    arrival = arrival or times.read(f.first(found, f.OF_RECORD))
    if arrival is None:
        raise ValueError("no arrival time")
    first_token = times.read(f.first(found, f.FIRST_TOKEN))
    if first_token is None and to_first is not None:
        first_token = arrival + timedelta(seconds=to_first)
    if end is None and to_end is not None:
        end = arrival + timedelta(seconds=to_end)
    _check(arrival, first_token, end)
    instance = _name(f.first(found, f.INSTANCE))
    return {
        "arrival_utc": arrival,
        "first_token_utc": first_token,
        "end_utc": end,
        "input_tokens": _tokens(found, f.INPUT_TOKENS, "input"),
        "output_tokens": _tokens(found, f.OUTPUT_TOKENS, "output"),
        "status": f.status_of(found),
        "prefill_instance": _name(f.first(found, f.PREFILL)) or instance,
        "decode_instance": _name(f.first(found, f.DECODE)) or instance,
        "node": _name(f.first(found, f.HOST)) or node,
    }


def _check(arrival: datetime, first_token: datetime | None, end: datetime | None) -> None:
    if end is not None and end < arrival:
        raise ValueError(f"ends at {end}, before it arrives at {arrival}")
    if first_token is not None and first_token < arrival:
        raise ValueError(f"its first token comes at {first_token}, before it arrives at {arrival}")


def _tokens(found: Mapping[str, Any], wanted: tuple[str, ...], label: str) -> int | None:
    value = f.first(found, wanted)
    return None if value is None else count(value, label)


def _name(value: object) -> str | None:
    return str(value)[:300] if isinstance(value, str | int) and not isinstance(value, bool) else None


def _is_request(line: str) -> bool:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(record, dict):
        return False
    if record.get("event") in (_RECEIVED, _FINISHED) and "rid" in record:
        return True
    found = f.flattened(record)
    has_tokens = any(isinstance(found.get(name), int | float) for name in (*f.INPUT_TOKENS, *f.OUTPUT_TOKENS))
    return has_tokens and f.first(found, (*f.ARRIVAL, *f.END, *f.OF_RECORD)) is not None
