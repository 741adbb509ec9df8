"""The truth about a serving system: its instances with their downtimes, and what its requests met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from synthetic_traces.serving.records import CANCELLED, ERROR, IN_FLIGHT, OK, DownCause, Floats, Role, ServingHistory

SERVING_DEFINITION = (
    "Requests are those that arrived in the window; each is exactly one of ok, error, cancelled (the client went away) "
    "and in_flight (at the end of the window; not in the log). The shares are of those that ended. TTFT is arrival to "
    "first token: queue + prefill + KV transfer; TPOT is (latency - TTFT) / (output tokens - 1). Their quantiles are "
    "over ok requests, TPOT over those of two tokens or more. Errors by a node fault or a crash were in flight on the "
    "instance that went down; unroutable ones found no instance up. Availability is the share of instance-time in the "
    "window in which the instances served."
)

_TIME = pa.timestamp("us", tz="UTC")
_INSTANCES = pa.schema(
    [
        ("instance", pa.string()),
        ("role", pa.string()),
        ("nodes", pa.list_(pa.string())),
        ("down", pa.list_(pa.struct([("from_utc", _TIME), ("to_utc", _TIME), ("cause", pa.string())]))),
    ]
)
_QUANTILES = (0.5, 0.9, 0.95, 0.99)


def serving_instances(history: ServingHistory, start_utc: datetime, node_names: Sequence[str]) -> pa.Table:
    """Return one row per instance, with its downtimes in the window.

    Parameters
    ----------
    history
        What happened.
    start_utc
        Begin of the cluster's log.
    node_names
        Name of each node by its number.

    Returns
    -------
    pyarrow.Table
        instance, role, nodes, and down: a list of (from_utc, to_utc, cause). A downtime that outlasts the window has
        no ``to_utc``: what lies behind it has not happened.
    """
    down: list[list[dict[str, Any]]] = [[] for _ in history.instances]
    for downtime in history.downtimes:
        lasts = downtime.to_seconds > history.to_seconds
        down[downtime.instance].append(
            {
                "from_utc": start_utc + timedelta(seconds=downtime.from_seconds),
                "to_utc": None if lasts else start_utc + timedelta(seconds=downtime.to_seconds),
                "cause": downtime.cause,
            }
        )
    rows = [
        {
            "instance": instance.name,
            "role": instance.role,
            "nodes": [node_names[node] for node in instance.nodes],
            "down": down[index],
        }
        for index, instance in enumerate(history.instances)
    ]
    return pa.Table.from_pylist(rows, schema=_INSTANCES)


def serving_summary(history: ServingHistory) -> dict[str, Any]:
    """Return the true numbers of the window, ready for JSON.

    Parameters
    ----------
    history
        What happened.

    Returns
    -------
    dict
        Counts, shares, quantiles in seconds (None without a request), rates per second, and their definition.
    """
    requests = history.requests
    ok, error, cancelled = (int(requests.having(code).sum()) for code in (OK, ERROR, CANCELLED))
    ended = ok + error + cancelled
    window_seconds = history.to_seconds - history.from_seconds
    answered = requests.having(OK)
    hit = {cause: _errors_by(history, cause) for cause in ("node_fault", "crash")}
    return {
        "definition": SERVING_DEFINITION,
        "requests": len(requests),
        "ok": ok,
        "error": error,
        "cancelled": cancelled,
        "in_flight": int(requests.having(IN_FLIGHT).sum()),
        "error_share": error / ended if ended else None,
        "cancelled_share": cancelled / ended if ended else None,
        "errors_by_node_fault": hit["node_fault"],
        "errors_by_crash": hit["crash"],
        "errors_unroutable": error - sum(hit.values()),
        "ttft_seconds": _quantiles(requests.ttft_seconds[answered]),
        "tpot_seconds": _quantiles(requests.tpot_seconds[answered & (requests.output_tokens > 1)]),
        "latency_seconds": _quantiles(requests.latency_seconds[answered]),
        "ok_requests_per_second": ok / window_seconds,
        "output_tokens_per_second": int(requests.output_tokens.sum()) / window_seconds,
        "prefill_availability": _availability(history, "prefill"),
        "decode_availability": _availability(history, "decode"),
    }


def _errors_by(history: ServingHistory, cause: DownCause) -> int:
    numbers = [number for number, down in enumerate(history.downtimes) if down.cause == cause]
    return int(np.isin(history.requests.killed_by, numbers).sum())


def _quantiles(values: Floats) -> dict[str, float | None]:
    return {f"p{round(100 * q)}": float(np.quantile(values, q)) if len(values) else None for q in _QUANTILES}


def _availability(history: ServingHistory, role: Role) -> float:
    members = {index for index, instance in enumerate(history.instances) if instance.role == role}
    down_seconds = sum(
        min(down.to_seconds, history.to_seconds) - max(down.from_seconds, history.from_seconds)
        for down in history.downtimes
        if down.instance in members
    )
    return 1 - down_seconds / (len(members) * (history.to_seconds - history.from_seconds))
