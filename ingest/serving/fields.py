"""What the fields of request logs are called, and how their values are read.

The names are those of vLLM, SGLang, LiteLLM, the OpenAI API and common gateways. A name may be written in any case,
with ``_``, ``-``, ``.`` or nothing between its words, at the top of the record or in an object in it (``usage``,
``meta_info``, ``metrics``, ``timing``, …). The unit of a length of time is the end of its name (``_ms``, ``_us``,
``_ns``, ``_s``, ``_seconds``); without one it is seconds. A time is ISO 8601 or counts from 1970; in which unit, its
size says.

============== =====================================================================================================
arrival        arrival_time, arrived_at, received_time, request_received_ts, start_time, created_at, …; for want of
               these the end less the length, for want of that a bare timestamp, ts, time or created
first token    first_token_time, completionStartTime; or a length: ttft, time_to_first_token
end            end_time, finished_at, response_sent_to_client_ts, decode_finished_ts; or a length: e2e_latency,
               latency, duration, elapsed, response_time
input tokens   prompt_tokens, input_tokens, context_tokens, prompt_len, input_length
output tokens  completion_tokens, output_tokens, generated_tokens, output_length
status         an HTTP code or a word in status, status_code, http_status; finish_reason; a non-empty error
instances      prefill_instance, decode_instance (also …_worker, …_node); one for both: instance, worker, api_base
host           host, hostname, node
============== =====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.parsing.stamps import local_to_utc

_NOT_LETTERS: Final = re.compile(r"[^a-z0-9]")
#: objects in a record that hold its numbers; others (messages, parameters) are the user's
_WITHIN: Final = ("usage", "metainfo", "metrics", "timing", "timings", "stats", "out", "response", "obj", "request")
_DEEPEST: Final = 3


def names(*written: str) -> tuple[str, ...]:
    """Return names as they are compared."""
    return tuple(_plain(name) for name in written)


def _plain(name: str) -> str:
    return _NOT_LETTERS.sub("", name.lower())


ARRIVAL: Final = names(
    *("arrival_time", "arrival_ts", "arrival", "arrived_at", "arrival_utc", "received_time", "received_at"),
    *("request_received_ts", "request_arrival_time", "request_time", "request_start_time", "submit_time", "queued_at"),
    *("start_time", "started_at", "start", "created_at", "created_time"),
)
#: times that may be of the record rather than of the request
OF_RECORD: Final = names("timestamp", "@timestamp", "ts", "time", "created")
FIRST_TOKEN: Final = names(
    "first_token_time", "first_token_ts", "first_token_at", "first_token_utc", "completion_start_time"
)
END: Final = names(
    *("end_time", "end_ts", "end", "end_utc", "ended_at", "finished_time", "finish_time", "finished_at"),
    *("completed_at", "completion_time", "response_sent_to_client_ts", "decode_finished_ts", "last_token_time"),
)
TO_FIRST_TOKEN: Final = names(
    "ttft", "time_to_first_token", "first_token_latency", "gen_ai.latency.time_to_first_token"
)
TO_END: Final = names(
    *("e2e_latency", "e2e", "total_latency", "request_latency", "latency", "duration", "elapsed", "elapsed_time"),
    *("response_time", "total_time", "gen_ai.latency.e2e"),
)
INPUT_TOKENS: Final = names(
    *("prompt_tokens", "input_tokens", "num_prompt_tokens", "n_prompt_tokens", "prompt_len", "prompt_length"),
    *("input_length", "input_len", "context_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
)
OUTPUT_TOKENS: Final = names(
    *("completion_tokens", "output_tokens", "num_generation_tokens", "num_output_tokens", "generated_tokens"),
    *("generation_tokens", "output_length", "output_len", "n_output_tokens"),
    *("gen_ai.usage.completion_tokens", "gen_ai.usage.output_tokens"),
)
STATUS: Final = names("status_code", "http_status", "http_status_code", "response_code", "status", "state", "outcome")
FINISH: Final = names("finish_reason", "finish_reasons", "gen_ai.response.finish_reasons")
ERROR: Final = names("error", "error_str", "error_message", "exception")
PREFILL: Final = names("prefill_instance", "prefill_worker", "prefill_worker_id", "prefill_node", "prefill_host")
DECODE: Final = names("decode_instance", "decode_worker", "decode_worker_id", "decode_node", "decode_host")
INSTANCE: Final = names(
    *("instance", "instance_id", "worker", "worker_id", "worker_url", "replica", "replica_id", "engine_id", "backend"),
    *("upstream", "api_base", "server", "pod", "pod_name"),
)
HOST: Final = names("host", "hostname", "node", "node_name", "host.name")

_UNITS: Final = (
    ("", 1.0),
    ("s", 1.0),
    ("sec", 1.0),
    ("secs", 1.0),
    ("seconds", 1.0),
    ("ms", 1e-3),
    ("milliseconds", 1e-3),
    ("us", 1e-6),
    ("ns", 1e-9),
)
_OK_WORDS: Final = names("ok", "success", "succeeded", "successful", "completed", "complete", "finished", "done")
_ERROR_WORDS: Final = names("error", "failure", "failed", "fail", "timeout", "timed_out", "rejected", "internal_error")
_CANCELLED_WORDS: Final = names("abort", "aborted", "cancel", "canceled", "cancelled", "client_closed_request")
_FINISH_OK: Final = names(
    "stop", "length", "eos", "tool_calls", "tool_use", "function_call", "end_turn", "max_tokens", "stop_sequence"
) + names("content_filter")
#: a client that went away, as nginx and vLLM put it
_CLIENT_CLOSED: Final = 499


def flattened(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record by their compared names; an outer one goes before an inner one.

    >>> flattened({"startTime": 1, "usage": {"prompt_tokens": 2}, "messages": [{"time": 3}]})
    {'starttime': 1, 'usage': {'prompt_tokens': 2}, 'messages': [{'time': 3}], 'prompttokens': 2}
    """
    found: dict[str, Any] = {}
    level = [record]
    for _ in range(_DEEPEST):
        inner: list[Mapping[str, Any]] = []
        for obj in level:
            for key, value in obj.items():
                name = _plain(str(key))
                found.setdefault(name, value)
                if isinstance(value, Mapping) and name in _WITHIN:
                    inner.append(value)
        level = inner
    return found


def first(fields: Mapping[str, Any], wanted: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON may hold anything
    """Return the first of these fields that holds something."""
    return next((fields[name] for name in wanted if fields.get(name) not in (None, "", [])), None)


def seconds(fields: Mapping[str, Any], wanted: tuple[str, ...]) -> float | None:
    """Return a length of time, by the unit in its name.

    >>> seconds({"ttftms": 120}, TO_FIRST_TOKEN), seconds({"e2elatency": 1.5}, TO_END)
    (0.12, 1.5)
    """
    for name in wanted:
        for unit, factor in _UNITS:
            value = fields.get(name + unit)
            if value is None or value == "":
                continue
            try:
                length = float(value) * factor
            except (TypeError, ValueError):
                raise ValueError(f"{name + unit} is no length of time: {str(value)[:80]}") from None
            if isinstance(value, bool) or not 0 <= length < 1e7:
                raise ValueError(f"{name + unit} is no length of time: {str(value)[:80]}")
            return length
    return None


class Times:
    """Reads times, in the zone of the options where they have none."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self.naive = False

    def read(self, value: object) -> datetime | None:
        """Return the instant of a value; None for what is missing.

        >>> Times("UTC").read(1766581510.25), Times("UTC").read("1766581510250")
        (datetime.datetime(2025, 12, 24, 13, 5, 10, 250000, tzinfo=datetime.timezone.utc), \
datetime.datetime(2025, 12, 24, 13, 5, 10, 250000, tzinfo=datetime.timezone.utc))
        """
        if value is None or value == "":
            return None
        if isinstance(value, str) and not re.fullmatch(r"\d{9,20}(\.\d+)?", value):
            return self._text(value)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(f"no time: {str(value)[:80]}")  # noqa: TRY004 - a bad record like any other
        number = float(value)
        for limit, unit in ((1e8, 0.0), (1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6), (1e20, 1e-9)):
            if number < limit:
                if not unit:
                    break
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number * unit)
        raise ValueError(f"no time: {str(value)[:80]}")

    def _text(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"no time: {text[:80]}") from None
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        self.naive = True
        return local_to_utc(moment, self._zone)[0]


def status_of(fields: Mapping[str, Any]) -> str:
    """Return how a request ended: its error, else its HTTP code or word, else its reason to stop.

    >>> status_of({"status": 200}), status_of({"statuscode": "429"}), status_of({"finishreason": "abort"})
    ('ok', 'error', 'cancelled')
    """
    reason = first(fields, FINISH)
    choices = fields.get("choices")
    if reason is None and isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        reason = choices[0].get("finish_reason")  # as in an answer of the OpenAI API
    if isinstance(reason, Mapping):
        reason = reason.get("type")
    if isinstance(reason, list):
        reason = reason[0]
    finish = _plain(str(reason)) if reason is not None else ""
    if finish in _CANCELLED_WORDS:
        return "cancelled"
    if first(fields, ERROR) not in (None, False, {}):
        return "error"
    for name in STATUS:
        said = _word(fields.get(name))
        if said is not None:
            return said
    return "ok" if finish in _FINISH_OK else "error" if finish in _ERROR_WORDS else "unknown"


def _word(value: object) -> str | None:
    text = _plain(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if text.isdecimal() and len(text) == 3:
        code = int(text)
        return "ok" if code < 400 else "cancelled" if code == _CLIENT_CLOSED else "error"
    if text in _OK_WORDS:
        return "ok"
    return "cancelled" if text in _CANCELLED_WORDS else "error" if text in _ERROR_WORDS else None
