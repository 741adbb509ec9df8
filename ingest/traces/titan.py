"""TitanGPULife (Ostrouchov et al., SC 2020): every stay of every GPU of ORNL's Titan, 2013 to 2019."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.opening import InputFile
from ingest.parsing.columns import Refusals, parse_distinct, refuse_times
from ingest.parsing.slurm_text import Layout, RecordAssembler, RecordBlock, decode, first_line, read_columns
from ingest.parsing.times import parse_times, resolve_folds
from ingest.slurm.values import parse_count
from ingest.source import Chunk, Options, Reject, Source
from reliability.errors import UnreadableInputError
from reliability.schema import TEXT_MAP, TIME

_HEADER: Final = b"SN,location,insert,remove,duration,out,event"
_LAYOUT: Final = Layout(b",", tuple(_HEADER.decode().lower().split(",")), 1)
_ZONE: Final = "America/New_York"
#: GPUs first inserted from this local time on are of the second batch (the mass replacement)
_NEW_BATCH: Final = "2016-01-01"
_LOCATION: Final = re.compile(r"c(\d+)-(\d+)c(\d+)s(\d+)n(\d+)")
_SYMPTOMS: Final = {"DBE": "gpu_memory", "OTB": "gpu_unavailable"}
_ZONE_NOTE: Final = "{count} records: Titan's times are America/New_York, whatever --timezone says"


@dataclass(frozen=True, slots=True)
class _Record:
    serial: str
    location: str
    insert_local: str
    installed_utc: datetime | None
    removed_utc: datetime
    service_seconds: float | None
    event: str | None


class Titan(Source):
    """Source of ``components`` and ``events``."""

    name = "titan"
    title = "TitanGPULife: gc_full.csv"
    covers = ("components", "events")
    cluster = "titan"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the header is the trace's."""
        return first_line(head)[1].strip() == _HEADER

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the trace leaves nothing open
        """Yield everything at once: batch and last cage of a GPU are known only at the end.

        Raises
        ------
        UnreadableInputError
            If the header is another.
        """
        if first_line(file.head())[1].strip() != _HEADER:
            raise UnreadableInputError(file.path, f"the first line is not {_HEADER.decode()}")
        assembler = RecordAssembler(_LAYOUT, lambda fields: fields[0].isdigit(), lambda _: True)
        records: list[_Record] = []
        for block in assembler.blocks(file.blocks()):
            found, chunk = _read_block(block)
            records += found
            yield chunk
        yield _result(records)


def _read_block(block: RecordBlock) -> tuple[list[_Record], Chunk]:
    read = block.count + len(block.rejects)
    if not block.count:
        return [], Chunk(read=read, rejects=block.rejects)
    text = read_columns(block, _LAYOUT, frozenset(_LAYOUT.names))
    refusals = Refusals(read - len(block.rejects))
    inserted, removed = parse_times(_iso(text["insert"]), _ZONE), parse_times(_iso(text["remove"]), _ZONE)
    refuse_times(refusals, inserted, text["insert"], "insert", _ZONE)
    refuse_times(refusals, removed, text["remove"], "remove", _ZONE)
    duration = parse_distinct(text["duration"], parse_count, pa.float64(), refusals, "duration")
    installed_utc, removed_utc = resolve_folds(inserted, removed, duration)
    refusals.add(~np.asarray(pc.is_valid(removed_utc)), lambda _: "remove is missing")
    refusals.add(
        np.asarray(pc.fill_null(pc.less(removed_utc, installed_utc), fill_value=False)),
        lambda _: "removed before inserted",
    )
    parse_distinct(text["location"], _check_location, pa.string(), refusals, "location")
    event = parse_distinct(text["event"], _check_event, pa.string(), refusals, "event")
    columns = (text["sn"], text["location"], text["insert"], installed_utc, removed_utc, duration, event)
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    records = [_Record(*row) for position, row in enumerate(rows) if position not in refusals.reasons]
    rejects = [
        Reject(int(block.line_numbers[position]), decode(block.records[position]), reason)
        for position, reason in sorted(refusals.reasons.items())
    ]
    return records, Chunk(read=read, rejects=(*block.rejects, *rejects))


def _result(records: list[_Record]) -> Chunk:
    if not records:
        return Chunk()
    stays = [record for record in records if record.installed_utc is not None]
    events = [record for record in records if record.event is not None]
    neither = sum(record.installed_utc is None and record.event is None for record in records)
    times = [time for record in records for time in (record.installed_utc, record.removed_utc) if time is not None]
    return Chunk(
        tables={
            "components": pa.Table.from_pylist(_components(stays, max(times)), schema=_COMPONENT_SCHEMA),
            "events": pa.Table.from_pylist([_event(record) for record in events], schema=_EVENT_SCHEMA),
        },
        used=len(records) - neither,
        dropped=neither,
        observed=(min(times), max(times)),
        notes={_ZONE_NOTE: len(records)},
    )


def _components(stays: list[_Record], log_end: datetime) -> list[dict[str, Any]]:
    ordered = sorted(stays, key=lambda stay: stay.insert_local)
    last = {stay.serial: stay for stay in ordered}
    first = {stay.serial: stay for stay in reversed(ordered)}
    longest = {stay.serial: stay for stay in sorted(stays, key=lambda stay: stay.service_seconds or 0.0)}
    return [
        {
            "component": "gpu",
            "component_id": stay.serial,
            "node": stay.location,
            "installed_utc": stay.installed_utc,
            "removed_utc": stay.removed_utc,
            "service_seconds": stay.service_seconds,
            "removal": _removal(stay, log_end),
            "attributes": {
                **_place(stay.location),
                "batch": "old" if first[stay.serial].insert_local < _NEW_BATCH else "new",
                "last_cage": _place(last[stay.serial].location)["cage"],
                # The published failure rates per cage group a GPU by where it served longest.
                "main_cage": _place(longest[stay.serial].location)["cage"],
            },
        }
        for stay in stays
    ]


def _removal(stay: _Record, log_end: datetime) -> str:
    if stay.removed_utc == log_end:
        return "in_service"
    return "removed" if stay.event is None else "failed"


def _event(record: _Record) -> dict[str, Any]:
    return {
        "time_utc": record.removed_utc,
        "node": record.location,
        "component": "gpu",
        "component_id": record.serial,
        "symptom": _SYMPTOMS[str(record.event)],
        "domain": "hardware",
        "code": f"titan:{record.event}",
        "severity": "critical",
        "source": Titan.name,
    }


def _place(location: str) -> dict[str, str]:
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise ValueError("not a location such as c11-2c1s4n1")
    return dict(zip(("column", "row", "cage", "slot", "node"), match.groups(), strict=True))


def _check_location(text: str) -> str:
    _place(text)
    return text


def _check_event(text: str) -> str | None:
    if text and text not in _SYMPTOMS:
        raise ValueError("neither DBE nor OTB")
    return text or None


def _iso(column: pa.Array) -> pa.Array:
    return pc.replace_substring(column, " ", "T", max_replacements=1)


_COMPONENT_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("component", "component_id", "node")),
        ("installed_utc", TIME),
        ("removed_utc", TIME),
        ("service_seconds", pa.float64()),
        ("removal", pa.string()),
        ("attributes", TEXT_MAP),
    ]
)
_EVENT_SCHEMA: Final = pa.schema(
    [
        ("time_utc", TIME),
        *((name, pa.string()) for name in ("node", "component", "component_id", "symptom", "domain")),
        *((name, pa.string()) for name in ("code", "severity", "source")),
    ]
)
