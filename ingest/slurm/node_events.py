"""``sacctmgr show event``: when nodes were down or drained, and why; and which nodes the cluster had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from ingest.opening import InputFile
from ingest.parsing.columns import Refusals, parse_distinct, refuse_times
from ingest.parsing.slurm_text import Layout, RecordAssembler, RecordBlock, decode, header_layout, read_columns
from ingest.parsing.times import parse_times, resolve_folds
from ingest.slurm import values
from ingest.source import Chunk, Options, Reject, Source
from ingest.taxonomy.reasons import Reason, read_reason
from reliability.errors import UnreadableInputError
from reliability.schema import NODES, TIME

_FIELDS: Final = frozenset(
    {"cluster", "cluster nodes", "duration", "timestart", "timeend", "nodename", "reason", "state", "tres", "user"}
)
_REQUIRED: Final = frozenset({"timestart", "timeend", "nodename", "state"})
_NOISE: Final = "cold-start"
_AMBIGUOUS: Final = "{count} records have a time that occurs twice because the clocks were set back"

#: base state → state; Slurm may add flags as characters at the end or as further words after a plus sign
_STATES: Final = {
    "DOWN": "down",
    "BOOT": "down",
    "REBOOT": "down",
    "FAIL": "down",
    "ERROR": "down",
    "INVAL": "down",
    "POWERED_DOWN": "down",
    "POWERING_DOWN": "down",
    "POWERING_UP": "down",
    "DRAIN": "drain",
    "DRAINED": "drain",
    "DRAINING": "drain",
    "DRNG": "drain",
    "FAILING": "drain",
    "MAINT": "maintenance",
    "UNK": "unknown",
    "UNKNOWN": "unknown",
    "FUTURE": "unknown",
    "NO_RESPOND": "unknown",
    "IDLE": "up",
    "ALLOC": "up",
    "ALLOCATED": "up",
    "MIX": "up",
    "MIXED": "up",
    "COMP": "up",
    "COMPLETING": "up",
    "RESV": "up",
    "RESERVED": "up",
    "PLANNED": "up",
}
_WORST_FIRST: Final = ("down", "maintenance", "drain", "unknown", "up")


def parse_node_state(text: str) -> str:
    """Return the state of a node.

    >>> parse_node_state("DOWN*"), parse_node_state("IDLE+DRAIN"), parse_node_state("BOOT^"), parse_node_state("MAINT")
    ('down', 'drain', 'down', 'maintenance')
    """
    words = [word.rstrip("*^$~#!%@-") for word in text.upper().split("+")]
    states = {_STATES[word] for word in words if word in _STATES}
    if not states:
        raise ValueError("no node state of Slurm")
    return min(states, key=_WORST_FIRST.index)


@dataclass(frozen=True, slots=True)
class _Row:
    """One row as printed; ``nodes`` is set on the rows about the whole cluster."""

    cluster: str | None
    node: str
    nodes: tuple[str, ...]
    from_utc: datetime
    to_utc: datetime | None
    seen_until_utc: datetime
    state: str | None
    reason: str
    gpu_count: int | None
    gpu_model: str | None
    set_by: str | None


class SlurmEvents(Source):
    """Source of ``node_states`` and ``nodes``."""

    name = "slurm-events"
    title = "Slurm node events: sacctmgr show event --parsable2"
    covers = ("node_states", "nodes")
    cluster = None
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first line is the header of node events."""
        return _layout(head) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield everything at once: an outage may go on from any earlier row.

        Raises
        ------
        UnreadableInputError
            If the header is missing.
        """
        layout = _layout(file.head())
        if layout is None:
            raise UnreadableInputError(file.path, "no header with NodeName, TimeStart, TimeEnd and State")
        start = layout.names.index("timestart")
        assembler = RecordAssembler(layout, lambda fields: fields[start][:4].isdigit(), lambda _: True)
        rows: list[_Row] = []
        for block in assembler.blocks(file.blocks()):
            found, chunk = _read_block(block, layout, options.zone)
            rows += found
            yield chunk
        yield _result(rows)


def _layout(head: bytes) -> Layout | None:
    return header_layout(head, lambda names: names >= _REQUIRED)


def _read_block(block: RecordBlock, layout: Layout, zone: str) -> tuple[list[_Row], Chunk]:
    """Parse the rows of a block; the chunk tells only of what was read and refused."""
    read = block.count + len(block.rejects)
    if not block.count:
        return [], Chunk(read=read, rejects=block.rejects)
    columns = read_columns(block, layout, _FIELDS)
    count = block.count
    empty = pa.repeat(pa.scalar(""), count)
    text = {name: columns.get(name, empty) for name in _FIELDS}
    refusals = Refusals(count)
    starts, ends = parse_times(text["timestart"], zone), parse_times(text["timeend"], zone)
    refuse_times(refusals, starts, text["timestart"], "TimeStart", zone)
    refuse_times(refusals, ends, text["timeend"], "TimeEnd", zone)
    duration = parse_distinct(text["duration"], values.parse_duration_seconds, pa.float64(), refusals, "Duration")
    from_utc, to_utc = resolve_folds(starts, ends, duration)
    parsed = {
        "from_utc": from_utc,
        "to_utc": to_utc,
        "duration": duration,
        "nodes": parse_distinct(text["cluster nodes"], values.parse_nodes, NODES, refusals, "Cluster Nodes"),
        "gpu_count": parse_distinct(text["tres"], values.parse_gpus, pa.int32(), refusals, "TRES"),
        "gpu_model": parse_distinct(text["tres"], values.parse_gpu_model, pa.string(), refusals, "TRES"),
        "state": parse_distinct(text["state"], _state_or_none, pa.string(), refusals, "State"),
    }
    table = pa.table({**{name: text[name] for name in ("cluster", "nodename", "reason", "user")}, **parsed})
    rows: list[_Row] = []
    for position, values_of_row in enumerate(table.to_pylist()):
        if position in refusals.reasons:
            continue
        problem = _problem(values_of_row)
        if problem is not None:
            refusals.reasons[position] = problem
        else:
            rows.append(_row(values_of_row))
    rejects = [
        Reject(int(block.line_numbers[position]), decode(block.records[position]), reason)
        for position, reason in sorted(refusals.reasons.items())
    ]
    notes = {_AMBIGUOUS: int((starts.ambiguous | ends.ambiguous).sum())}
    return rows, Chunk(read=read, rejects=(*block.rejects, *rejects), notes=notes, naive_times=starts.naive)


def _problem(row: dict[str, Any]) -> str | None:
    if row["from_utc"] is None:
        return "TimeStart is missing"
    if row["to_utc"] is not None and row["to_utc"] < row["from_utc"]:
        return "ends before it starts"
    if row["nodename"] and row["state"] is None:
        return "State is missing"
    return None


def _state_or_none(text: str) -> str | None:
    return parse_node_state(text) if text else None


def _row(row: dict[str, Any]) -> _Row:
    # An open interval's duration runs to the moment the log was taken.
    elapsed = timedelta(seconds=row["duration"] or 0.0)
    return _Row(
        cluster=row["cluster"] or None,
        node=row["nodename"],
        nodes=tuple(row["nodes"] or ()),
        from_utc=row["from_utc"].astimezone(UTC),
        to_utc=None if row["to_utc"] is None else row["to_utc"].astimezone(UTC),
        seen_until_utc=(row["to_utc"] or row["from_utc"] + elapsed).astimezone(UTC),
        state=row["state"],
        reason=row["reason"],
        gpu_count=row["gpu_count"],
        gpu_model=row["gpu_model"],
        set_by=row["user"] or None,
    )


def _result(rows: list[_Row]) -> Chunk:
    intervals = [row for row in rows if row.node and row.reason != _NOISE]
    registrations = [row for row in rows if not row.node and row.nodes]
    tables = {}
    if intervals:
        tables["node_states"] = pa.Table.from_pylist(_node_states(intervals), schema=_STATE_SCHEMA)
    if registrations:
        tables["nodes"] = pa.Table.from_pylist(_fleet(registrations, rows), schema=_NODE_SCHEMA)
    observed = (min(row.from_utc for row in rows), max(row.seen_until_utc for row in rows)) if rows else ()
    return Chunk(
        tables=tables,
        used=len(intervals) + len(registrations),
        dropped=len(rows) - len(intervals) - len(registrations),
        observed=observed,
        incomplete=frozenset() if registrations else frozenset({"nodes"}),
        notes={} if registrations else {_NO_FLEET: 1},
    )


_NO_FLEET: Final = (
    "the file has no 'Cluster Nodes' column: the fleet is not known from it; "
    "print events with format=Cluster,ClusterNodes,Duration,TimeStart,TimeEnd,Event,NodeName,Reason,State,TRES,User"
)
_STATE_SCHEMA: Final = pa.schema(
    [
        ("cluster", pa.string()),
        ("node", pa.string()),
        ("from_utc", TIME),
        ("to_utc", TIME),
        ("state", pa.string()),
        ("planned", pa.bool_()),
        ("continues", pa.bool_()),
        ("source", pa.string()),
        *((name, pa.string()) for name in ("reason", "set_by", "component", "symptom", "domain")),
    ]
)
_NODE_SCHEMA: Final = pa.schema(
    [
        ("cluster", pa.string()),
        ("node", pa.string()),
        ("from_utc", TIME),
        ("to_utc", TIME),
        ("gpu_count", pa.int32()),
        ("gpu_model", pa.string()),
    ]
)


def _node_states(intervals: list[_Row]) -> list[dict[str, Any]]:
    states = []
    # The end of the unplanned outage that a node is in, or was in last.
    outage_ends: dict[tuple[str | None, str], datetime | None] = {}
    for row in sorted(intervals, key=lambda row: row.from_utc):
        reason = Reason(planned=True) if row.state == "maintenance" else read_reason(row.reason)
        key = (row.cluster, row.node)
        states.append(
            {
                "cluster": row.cluster,
                "node": row.node,
                "from_utc": row.from_utc,
                "to_utc": row.to_utc,
                "state": row.state,
                "planned": reason.planned,
                "continues": outage_ends.get(key) == row.from_utc,
                "source": SlurmEvents.name,
                "reason": row.reason or None,
                "set_by": row.set_by,
                "component": reason.component,
                "symptom": reason.symptom,
                "domain": reason.domain,
            }
        )
        if row.state == "down" and not reason.planned:
            outage_ends[key] = row.to_utc
    return states


def _fleet(registrations: list[_Row], rows: list[_Row]) -> list[dict[str, Any]]:
    """Return the nodes of the cluster; successive registrations that name a node are one stay of it."""
    gpus = {(row.cluster, row.node): row for row in rows if row.node and row.gpu_count is not None}
    stays: list[dict[str, Any]] = []
    latest: dict[tuple[str | None, str], dict[str, Any]] = {}
    for registration in sorted(registrations, key=lambda row: row.from_utc):
        for node in registration.nodes:
            key = (registration.cluster, node)
            before = latest.get(key)
            if before is not None and before["to_utc"] == registration.from_utc:
                before["to_utc"] = registration.to_utc
                continue
            own = gpus.get(key)
            latest[key] = {
                "cluster": registration.cluster,
                "node": node,
                "from_utc": registration.from_utc,
                "to_utc": registration.to_utc,
                "gpu_count": own and own.gpu_count,
                "gpu_model": own and own.gpu_model,
            }
            stays.append(latest[key])
    return stays
