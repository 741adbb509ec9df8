"""Backblaze drive stats: one row per drive and day, with the drive's SMART values, 2013 to now.

Format: *Hard Drive Test Data* of backblaze.com, its readme and the schema of its quarters: a CSV per day whose columns
begin with date, serial_number, model, capacity_bytes, failure; since 2023 datacenter, cluster_id, vault_id, pod_id,
pod_slot_num and is_legacy_format follow; then smart_N_normalized and smart_N_raw. Written from it; no real file was at
hand. ``failure`` is 1 on the last day of a drive that failed; the days are taken to be UTC days.

A row of the lake is a stay: a drive from the first to the last day it was seen in one file, with the days it was really
seen as its time in service. Stays of one drive add up, so a quarter can be fed as its daily files, each of which then
brings stays of one day; joined into one file (``unzip -p data_Q1_2024.zip '*.csv' | gzip``, the headers in between are
fine) the same quarter is ninety times smaller in the lake. Feed the same days once only, in one of the two ways. A
drive that is gone on the file's last day without a failure was removed, which a file of a single day cannot tell.

The clock of a life begins when the drive was first seen, not when it was new: ``power_on_hours``, an attribute, says
how old it was (SMART 9 on that day).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import lru_cache
from itertools import islice
from sys import intern
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.lines import numbered_lines
from ingest.parsing.quoted import head_columns
from ingest.records import KEPT, NOTHING, Findings, Row, chunks, table_of
from ingest.source import Chunk, Options, Source

_BEGIN: Final = ("date", "serial_number", "model", "capacity_bytes", "failure")
_PLACES: Final = ("datacenter", "cluster_id", "vault_id", "pod_id", "pod_slot_num")
_HOURS: Final = "smart_9_raw"
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_ROWS_AT_ONCE: Final = 20_000


class Backblaze(Source):
    """Source of ``components`` and ``events``."""

    name = "backblaze"
    title = "Backblaze drive stats: a day's CSV, or many joined"
    covers = ("components", "events")
    cluster = "backblaze"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the header is the trace's."""
        return head_columns(head, ",")[: len(_BEGIN)] == _BEGIN

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the trace leaves nothing open
        """Yield the failures as they come, the stays at the end."""
        findings = Findings()
        drives = _Drives(findings)
        yield from chunks(numbered_lines(file), drives.parse, lambda line: line, findings, drives.finish)
        stays = drives.stays()
        while rows := list(islice(stays, _ROWS_AT_ONCE)):
            yield Chunk(tables={"components": table_of("components", rows)})


@dataclass(slots=True)
class _Stay:
    """A drive as far as it was seen; days are ordinals."""

    model: str
    attributes: dict[str, str]
    node: str | None
    slot: str | None
    first: int
    last: int
    days: int = 1
    failed: bool = False


@dataclass(slots=True)
class _Header:
    """Where the columns are; lines are cut no further than the last one needed of every row."""

    cut: int
    places: dict[str, int]
    hours: int | None

    @classmethod
    def read(cls, columns: Sequence[str]) -> _Header:
        """Return the header; ValueError if it is another."""
        names = tuple(name.strip() for name in columns)
        if names[: len(_BEGIN)] != _BEGIN:
            raise ValueError(f"the columns do not begin with {','.join(_BEGIN)}")
        places: dict[str, int] = {name: names.index(name) for name in _PLACES if name in names}
        hours = names.index(_HOURS) if _HOURS in names else None
        return cls(max([len(_BEGIN) - 1, *places.values()]) + 1, places, hours)

    def fields(self, line: str) -> list[str]:
        """Return the first values of a row."""
        fields = line.split(",", self.cut) if '"' not in line else _cut(line)
        if len(fields) < self.cut:
            raise ValueError(f"{len(fields)} columns, fewer than the first {self.cut}")
        return fields


@dataclass(slots=True)
class _Drives:
    """All drives of one file."""

    findings: Findings
    _header: _Header | None = None
    _current: dict[str, _Stay] = field(default_factory=dict)
    _ended: list[tuple[str, _Stay]] = field(default_factory=list)

    def parse(self, line: str) -> Sequence[Row]:
        """Take in a row; returns the failure if it is one."""
        if line.startswith("date,"):
            self._header = None
            self._header = _Header.read(_cut(line))
            return NOTHING
        if self._header is None:
            raise ValueError("no header above it")
        fields = self._header.fields(line)
        day, serial, failed = _ordinal(fields[0]), fields[1].strip(), _is_failure(fields[4])
        if not serial:
            raise ValueError("no serial number")
        stay = self._current.get(serial)
        if stay is not None and stay.last == day and (stay.failed or not failed):
            return NOTHING  # the same day once more
        if stay is None or stay.failed:
            begun = self._begin(self._header, line, fields, day)
            if stay is not None:
                self._ended.append((serial, stay))
            stay = self._current[serial] = begun
        elif stay.last != day:
            stay.first, stay.last, stay.days = min(stay.first, day), max(stay.last, day), stay.days + 1
        stay.failed = failed
        return (_failure(serial, stay, day),) if failed else KEPT

    def _begin(self, header: _Header, line: str, fields: list[str], day: int) -> _Stay:
        attributes = {}
        capacity = int(fields[3]) if fields[3].strip() else -1
        if capacity >= 0:  # -1 stands for a drive that did not answer
            attributes["capacity_bytes"] = str(capacity)
        place = {name: fields[at].strip().removesuffix(".0") for name, at in header.places.items()}
        attributes |= {name: intern(place[name]) for name in ("datacenter", "vault_id") if place.get(name)}
        hours = _cut(line)[header.hours : header.hours + 1] if header.hours is not None else []
        if hours and hours[0].strip().isdecimal():
            attributes["power_on_hours"] = hours[0].strip()
        host = [place[name] for name in ("datacenter", "vault_id", "pod_id") if place.get(name)]
        model = intern(fields[2].strip())
        node = intern("/".join(host)) if place.get("pod_id") else None
        return _Stay(model, attributes, node, place.get("pod_slot_num") or None, day, day)

    def finish(self) -> Sequence[Row]:
        """Say which days the file is a record of; the stays are too many for one portion."""
        for _, stay in (*self._ended, *self._current.items()):
            self.findings.see(_midnight(stay.first), _midnight(stay.last + 1))
        return ()

    def stays(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of ``components``."""
        last_day = max((stay.last for stay in self._current.values()), default=0)
        for serial, stay in (*self._ended, *self._current.items()):
            removal = "failed" if stay.failed else "in_service" if stay.last == last_day else "removed"
            yield {
                "component": "disk",
                "component_id": serial,
                "node": stay.node,
                "slot": stay.slot,
                "installed_utc": _midnight(stay.first),
                "removed_utc": _midnight(stay.last + 1),
                "service_seconds": stay.days * 86_400.0,
                "removal": removal,
                "attributes": {"model": stay.model, **stay.attributes},
            }


def _failure(serial: str, stay: _Stay, day: int) -> Row:
    values = {
        # The row is of the drive's last day.
        "time_utc": _midnight(day + 1),
        "node": stay.node,
        "component": "disk",
        "component_id": serial,
        "slot": stay.slot,
        "symptom": "disk",
        "domain": "hardware",
        "code": "backblaze:failure",
        "severity": "critical",
        "source": Backblaze.name,
    }
    return Row("events", values)


def _is_failure(text: str) -> bool:
    value = text.strip()
    if value not in {"0", "1"}:
        raise ValueError(f"failure {value[:40]!r} is neither 0 nor 1")
    return value == "1"


def _cut(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error as error:
        raise ValueError(str(error)) from error


@lru_cache(maxsize=4096)
def _ordinal(text: str) -> int:
    if _DAY.fullmatch(text) is None:
        raise ValueError(f"date {text[:40]!r} is not a day such as 2024-01-31")
    return date.fromisoformat(text).toordinal()


@lru_cache(maxsize=4096)
def _midnight(day: int) -> datetime:
    return datetime.combine(date.fromordinal(day), time(), UTC)
