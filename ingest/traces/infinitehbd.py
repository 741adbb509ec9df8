"""The InfiniteHBD fault trace (SIGCOMM 2025): when servers of an LLM training cluster failed and were repaired."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from ingest.opening import InputFile
from ingest.source import Chunk, Options, Reject, Source
from reliability.errors import BadOptionError, MissingOptionError, UnreadableInputError
from reliability.schema import TIME

_KEYS: Final = (b'"fault_type"', b'"event_type"', b'"node_id"')
#: the trace "covers 348 days of fault data starting from March 30, 2024" (its README)
_DAY_ZERO: Final = datetime(2024, 3, 30, tzinfo=UTC)
_DOMAINS: Final = {"Hardware Failure": "hardware", "Software Failure": "system_software"}
#: beginning of ``Class/Desc`` → component and symptom; the first that matches decides
_CAUSES: Final = (
    ("GPU/GPU DBE", "gpu", "gpu_memory"),
    ("GPU/GPU SBE", "gpu", "gpu_memory"),
    ("GPU/GPU P2P", "gpu", "nvlink"),
    ("GPU/GPU PCI", "gpu", "pcie"),
    ("GPU/GPU Temperature", "gpu", "cooling"),
    ("GPU/nvidia-smi Timeout", "gpu", "gpu_driver"),
    ("GPU/", "gpu", "gpu_unavailable"),
    ("NIC/NIC PCI", "nic", "pcie"),
    ("NIC/", "nic", "ib_link"),
    ("Parameter Plane Cable/", "link", "ib_link"),
    ("Power Supply/", "psu", "power"),
    ("Fan/", "fan", "cooling"),
    ("CPU/Machine Check", "cpu", "cpu"),
    ("CPU/", "cpu", "cpu"),
    ("Riser Card/", "pcie", "pcie"),
    ("RAID Card/", "disk", "disk"),
    ("Motherboard", "board", "other"),
    ("File System/", "filesystem", "filesystem_mount"),
    ("Operating System/", "software", "system_services"),
    ("Software Tool/", "software", "system_services"),
    ("Firmware/", "software", "system_services"),
    ("System Crash/", "node", "node_unresponsive"),
    ("Change/", "link", "other"),
)


@dataclass(frozen=True, slots=True)
class _Fault:
    node: str
    from_utc: datetime
    to_utc: datetime | None
    level: str
    kind: str
    description: str


class InfiniteHbd(Source):
    """Source of ``events``, ``node_states`` and ``nodes``."""

    name = "infinitehbd"
    title = "InfiniteHBD fault trace: fault_trace.json"
    asks = "`--fleet-nodes` (400 in the published trace)"
    covers = ("node_states", "events", "nodes")
    cluster = "infinitehbd"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file is a JSON array of faults."""
        return head.lstrip().startswith(b"[") and all(key in head for key in _KEYS)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the faults, start paired with end by node and description, first in first out.

        Raises
        ------
        MissingOptionError
            If the size of the fleet is not given: healthy nodes never appear in the trace.
        BadOptionError
            If the trace has more nodes than the fleet.
        UnreadableInputError
            If the file is no such JSON.
        """
        if options.fleet_nodes is None:
            why = "nodes that never failed are not in the trace, and every rate is per node of the fleet"
            raise MissingOptionError(file.path, "--fleet-nodes N", why)
        records = _records(file)
        origin = options.origin_utc or _DAY_ZERO
        pairing = _Pairing(origin)
        for position, record in enumerate(records, start=1):
            pairing.add(position, record)
        faults = pairing.finished()
        nodes = sorted({fault.node for fault in faults})
        if len(nodes) > options.fleet_nodes:
            raise BadOptionError("--fleet-nodes", options.fleet_nodes, f"at least the {len(nodes)} nodes of the trace")
        last = max([origin, *pairing.times])
        yield Chunk(
            tables={
                "nodes": _nodes(nodes, options.fleet_nodes, options.gpus_per_node, origin),
                "events": _events(faults),
                "node_states": _node_states(faults),
            },
            rejects=pairing.rejects,
            read=len(records),
            used=len(records) - len(pairing.rejects),
            observed=(origin, last),
        )


class _Pairing:
    """Pairs fault starts with fault ends."""

    def __init__(self, origin: datetime) -> None:
        self._origin = origin
        self._open: defaultdict[tuple[str, str], deque[_Fault]] = defaultdict(deque)
        self._closed: list[_Fault] = []
        self.rejects: list[Reject] = []
        self.times: list[datetime] = []

    def add(self, position: int, record: object) -> None:
        """Take the next record; one that cannot be used is refused."""
        try:
            json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair can be spelled, but not kept
            fault, begins = _fault(record, self._origin)
            if begins:
                self._open[fault.node, fault.description].append(fault)
            else:
                self._close(fault)
            self.times.append(fault.from_utc)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            reason = f"no such field: {error}" if isinstance(error, KeyError) else str(error)
            self.rejects.append(Reject(position, json.dumps(record), reason))

    def finished(self) -> list[_Fault]:
        """Return all faults by time; those without an end last."""
        still_open = [fault for waiting in self._open.values() for fault in waiting]
        return sorted([*self._closed, *still_open], key=lambda fault: fault.from_utc)

    def _close(self, end: _Fault) -> None:
        waiting = self._open[end.node, end.description]
        if not waiting:
            raise ValueError("a fault_end without a fault_start before it")
        start = waiting[0]
        if end.from_utc < start.from_utc:
            raise ValueError("a fault_end before its fault_start")
        waiting.popleft()
        self._closed.append(
            _Fault(start.node, start.from_utc, end.from_utc, start.level, start.kind, start.description)
        )


def _records(file: InputFile) -> list[object]:
    try:
        records = json.loads(file.content())
    except (ValueError, RecursionError) as error:
        raise UnreadableInputError(file.path, f"not JSON: {error}") from error
    if not isinstance(records, list):
        raise UnreadableInputError(file.path, "not a JSON array of faults")
    return records


def _fault(record: Any, origin: datetime) -> tuple[_Fault, bool]:  # noqa: ANN401 - JSON may hold anything
    fault_type = record["fault_type"]
    if record["event_type"] not in {"fault_start", "fault_end"}:
        raise ValueError(f"event_type {record['event_type']!r} is neither fault_start nor fault_end")
    time = origin + timedelta(days=float(record["event_time"]))
    fault = _Fault(
        node=str(record["node_id"]),
        from_utc=time,
        to_utc=None,
        level=str(fault_type["Level"]),
        kind=str(fault_type["Class"]),
        description=str(fault_type["Desc"]),
    )
    return fault, record["event_type"] == "fault_start"


def _cause(fault: _Fault) -> dict[str, str]:
    text = f"{fault.kind}/{fault.description}"
    found = next((rule for rule in _CAUSES if text.startswith(rule[0])), ("", "other", "other"))
    return {"component": found[1], "symptom": found[2], "domain": _DOMAINS.get(fault.level, "other")}


def _events(faults: list[_Fault]) -> pa.Table:
    rows = [
        {
            "time_utc": fault.from_utc,
            "node": fault.node,
            "code": f"infinitehbd:{fault.kind}/{fault.description}",
            "severity": "critical",
            "source": InfiniteHbd.name,
            "message": f"{fault.level} / {fault.kind} / {fault.description}",
            **_cause(fault),
        }
        for fault in faults
    ]
    return pa.Table.from_pylist(rows, schema=_EVENT_SCHEMA)


def _node_states(faults: list[_Fault]) -> pa.Table:
    rows = [
        {
            "node": fault.node,
            "from_utc": fault.from_utc,
            "to_utc": fault.to_utc,
            "state": "down",
            "planned": False,
            "continues": False,
            "source": InfiniteHbd.name,
            "reason": f"{fault.level} / {fault.kind} / {fault.description}",
            **_cause(fault),
        }
        for fault in faults
    ]
    return pa.Table.from_pylist(rows, schema=_STATE_SCHEMA)


def _nodes(seen: list[str], fleet_nodes: int, gpus_per_node: int | None, origin: datetime) -> pa.Table:
    unseen = fleet_nodes - len(seen)
    width = max(3, len(str(unseen)))
    names = [*seen, *(f"unseen-{number:0{width}d}" for number in range(1, unseen + 1))]
    return pa.table(
        {
            "node": pa.array(names, pa.string()),
            "from_utc": pa.repeat(pa.scalar(origin, TIME), len(names)),
            "gpu_count": pa.repeat(pa.scalar(gpus_per_node, pa.int32()), len(names)),
        }
    )


_CAUSE_FIELDS: Final = [(name, pa.string()) for name in ("component", "symptom", "domain")]
_EVENT_SCHEMA: Final = pa.schema(
    [
        ("time_utc", TIME),
        *((name, pa.string()) for name in ("node", "code", "severity", "source", "message")),
        *_CAUSE_FIELDS,
    ]
)
_STATE_SCHEMA: Final = pa.schema(
    [
        ("node", pa.string()),
        ("from_utc", TIME),
        ("to_utc", TIME),
        ("state", pa.string()),
        ("planned", pa.bool_()),
        ("continues", pa.bool_()),
        ("source", pa.string()),
        ("reason", pa.string()),
        *_CAUSE_FIELDS,
    ]
)
