"""The request log of the gateway in front of a serving system: one JSON object a line, written when a request ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from synthetic_traces.serving.records import IN_FLIGHT, Floats, Integers, ServingHistory

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LINES_AT_A_TIME = 50_000
# What follows the HTTP status, in Envoy's words; a client that went away is no error.
_ERRORS = {502: ', "error": "upstream connection reset"', 503: ', "error": "no healthy upstream"'}


def request_log_lines(history: ServingHistory, start_utc: datetime, node_names: Sequence[str]) -> Iterator[str]:
    """Render the requests that ended in the window, in the order of their ends.

    Parameters
    ----------
    history
        What happened.
    start_utc
        Begin of the cluster's log, with its zone.
    node_names
        Name of each node by its number. A line names the first node of the decode instance, or else of the prefill
        instance.

    Yields
    ------
    str
        A JSON object. Times are seconds since 1970 with six decimals, null for what did not happen.
    """
    requests = history.requests
    begin_microseconds = (start_utc - _EPOCH) // _MICROSECOND
    ended = np.flatnonzero(~requests.having(IN_FLIGHT))
    ended = ended[np.argsort(requests.end_seconds[ended], kind="stable")]
    places = _places(history, node_names)
    for at in range(0, len(ended), _LINES_AT_A_TIME):
        chosen = ended[at : at + _LINES_AT_A_TIME]
        rows = zip(
            chosen.tolist(),
            *_clock(begin_microseconds, requests.arrival_seconds[chosen]),
            *_clock(begin_microseconds, requests.first_token_seconds[chosen]),
            *_clock(begin_microseconds, requests.end_seconds[chosen]),
            requests.input_tokens[chosen].tolist(),
            requests.output_tokens[chosen].tolist(),
            requests.http_status[chosen].tolist(),
            requests.prefill[chosen].tolist(),
            requests.decode[chosen].tolist(),
            strict=True,
        )
        for number, a, a_us, f, f_us, e, e_us, prompt, completion, status, prefill, decode in rows:
            first_token = f"{f}.{f_us:06d}" if f else "null"
            yield (
                f'{{"request_id": "req-{number:09d}", "arrival_time": {a}.{a_us:06d}, '
                f'"first_token_time": {first_token}, "finished_time": {e}.{e_us:06d}, "prompt_tokens": {prompt}, '
                f'"completion_tokens": {completion}, "status": {status}{_ERRORS.get(status, "")}, '
                f"{places[prefill, decode]}}}"
            )


def _clock(begin_microseconds: int, seconds: Floats) -> tuple[list[int], list[int]]:
    """Return whole seconds since 1970 and microseconds; 0 and 0 for NaN."""
    happened = ~np.isnan(seconds)
    microseconds: Integers = np.zeros(len(seconds), np.int64)
    microseconds[happened] = begin_microseconds + np.rint(seconds[happened] * 1e6).astype(np.int64)
    whole, rest = np.divmod(microseconds, 1_000_000)
    return whole.tolist(), rest.tolist()


def _places(history: ServingHistory, node_names: Sequence[str]) -> dict[tuple[int, int], str]:
    """Return the end of a line for each pair of instances; -1 is none."""
    known = dict(enumerate(history.instances))
    prefills = [-1, *(index for index, instance in known.items() if instance.role == "prefill")]
    decodes = [-1, *(index for index, instance in known.items() if instance.role == "decode")]
    places = {}
    for prefill in prefills:
        for decode in decodes:
            place = {
                "prefill_instance": known[prefill].name if prefill >= 0 else None,
                "decode_instance": known[decode].name if decode >= 0 else None,
                "node": node_names[known[max(prefill, decode)].nodes[0]] if max(prefill, decode) >= 0 else None,
            }
            places[prefill, decode] = json.dumps(place)[1:-1]
    return places
