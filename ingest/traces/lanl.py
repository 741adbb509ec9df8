"""LANL's failure data (LA-UR-05-7318): why and how long the nodes of 22 systems were down, 1996 to 2005.

Published by Los Alamos National Laboratory and the Computer Failure Data Repository; analysed by Schroeder and Gibson,
DSN 2006. Columns and an example record: github.com/Derek-Jones/ESEUR-code-data (reliability). Written from those; no
whole file was at hand. Copies go about with and without a line of title before the header, and with
``(mm/dd/yy hh:mm)`` after the names of the two times; both are read.

Each system is a cluster, ``lanl-20``, with all its nodes, for the healthy ones never appear: a record says how many
its system has. The month in which a node went into production is printed as ``Jun-05`` or, where a spreadsheet got at
it, as ``5-Jun``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines
from ingest.parsing.quoted import head_columns, quoted_records
from ingest.parsing.stamps import local_to_utc
from ingest.records import Findings, Row, chunks
from ingest.source import Chunk, Options, Reject, Source
from ingest.taxonomy.reasons import read_reason
from reliability.errors import UnreadableInputError

_ZONE: Final = ZoneInfo("America/Denver")
#: category column → domain
_DOMAINS: Final = {
    "facilities": "other",
    "hardware": "hardware",
    "human error": "other",
    "network": "other",
    "undetermined": "other",
    "software": "system_software",
}
_NEEDED: Final = frozenset({"system", "nodes", "nodenumz", "prob started", "prob fixed", "down time", *_DOMAINS})
_TIME: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4}) (\d{1,2}):(\d{2})")
_MONTH: Final = re.compile(r"([A-Za-z]{3})-(\d{1,2})|(\d{1,2})-([A-Za-z]{3})")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: production of a node: not known, or not over
_OPEN: Final = frozenset({"", "before tracking", "current"})
#: there are 24 systems of up to 1,024 nodes; more than this is dirt
_MOST_SYSTEMS: Final = 100
_MOST_NODES: Final = 5_000
_AMBIGUOUS: Final = "{count} times occur twice because the clocks were set back; the earlier is taken"
_ZONE_NOTE: Final = "{count} records: LANL's times are read as America/Denver, whatever --timezone says"


class Lanl(Source):
    """Source of ``node_states``, ``events`` and ``nodes``."""

    name = "lanl"
    title = "LANL failure data: LA-UR-05-7318-failure-data-1996-2005.csv"
    covers = ("node_states", "events", "nodes")
    cluster = "lanl"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether one of the first two lines is the header."""
        return _header(head) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield outages and failures as they come, and the nodes of each system at the end.

        Raises
        ------
        UnreadableInputError
            If the header is missing.
        """
        header = _header(file.head())
        if header is None:
            raise UnreadableInputError(file.path, "no header with System, nodenumz, Prob Started and Prob Fixed")
        findings = Findings()
        reader = _Reader(header, findings, note_zone=options.timezone not in {None, _ZONE.key})
        yield from chunks(_records(file, header), reader.parse, ",".join, findings, reader.nodes)


@dataclass(slots=True)
class _System:
    size: int
    #: node → in production from, until
    seen: dict[int, tuple[datetime | None, datetime | None]] = field(default_factory=dict)


class _Reader:
    """Reads the records of one file, and keeps which nodes each system has."""

    def __init__(self, header: Sequence[str], findings: Findings, *, note_zone: bool) -> None:
        self._place = {name: place for place, name in enumerate(header)}
        self._width = len(header)
        self._findings = findings
        self._note_zone = note_zone
        self._systems: dict[int, _System] = {}

    def parse(self, record: list[str]) -> Sequence[Row]:
        """Return the outage and the failure of a record."""
        if len(record) != self._width:
            raise ValueError(f"{len(record)} values, {self._width} expected")
        system = _whole(self._text(record, "system"), "System", _MOST_SYSTEMS)
        size = _whole(self._text(record, "nodes"), "nodes", _MOST_NODES)
        node = _whole(self._text(record, "nodenumz"), "nodenumz", size - 1)
        start = self._time(self._text(record, "prob started"), "Prob Started")
        if start is None:
            raise ValueError("Prob Started is missing")
        end = self._end(record, start)
        category, text = self._cause(record)
        service = (_month(self._text(record, "node prod")), _month(self._text(record, "node decom")))
        known = self._systems.setdefault(system, _System(size))
        known.size = max(known.size, size)
        known.seen[node] = service
        self._findings.see(start, end)
        if self._note_zone:
            self._findings.note(_ZONE_NOTE)
        return _rows(f"lanl-{system}", f"n{node}", (start, end), category, text, self._text(record, "same event"))

    def nodes(self) -> Iterator[Row]:
        """Yield all nodes of each system; of those that never failed the time in service is not told."""
        for system, known in sorted(self._systems.items()):
            for node in range(known.size):
                since, until = known.seen.get(node, (None, None))
                values = {"cluster": f"lanl-{system}", "node": f"n{node}", "from_utc": since, "to_utc": until}
                yield Row("nodes", {**values, "gpu_count": 0})

    def _text(self, record: list[str], name: str) -> str:
        place = self._place.get(name)
        return "" if place is None else record[place].strip()

    def _time(self, text: str, name: str) -> datetime | None:
        if not text:
            return None
        match = _TIME.fullmatch(text)
        if match is None:
            raise ValueError(f"{name} {text[:80]!r} is no time such as 06/21/2005 10:54")
        month, day, year, hour, minute = (int(part) for part in match.groups())
        try:
            naive = datetime(_full_year(year), month, day, hour, minute)  # noqa: DTZ001 - put into its zone below
            instant, ambiguous = local_to_utc(naive, _ZONE)
        except ValueError as error:
            raise ValueError(f"{name} {text!r}: {error}") from error
        if ambiguous:
            self._findings.note(_AMBIGUOUS)
        return instant

    def _end(self, record: list[str], start: datetime) -> datetime | None:
        end = self._time(self._text(record, "prob fixed"), "Prob Fixed")
        minutes = self._text(record, "down time")
        if end is None and minutes:
            end = start + timedelta(minutes=_whole(minutes, "Down Time", 100_000_000))
        if end is not None and end < start:
            raise ValueError("Prob Fixed is before Prob Started")
        return end

    def _cause(self, record: list[str]) -> tuple[str, str]:
        causes = [(name, text) for name in _DOMAINS if (text := self._text(record, name))]
        return causes[0] if causes else ("undetermined", "")


def _rows(
    cluster: str, node: str, span: tuple[datetime, datetime | None], category: str, text: str, same_event: str
) -> list[Row]:
    start, end = span
    reason = f"{category}: {text}" if text else category
    verdict = read_reason(text)
    cause = {"component": verdict.component, "symptom": verdict.symptom or "other", "domain": _DOMAINS[category]}
    state = {
        "from_utc": start, "to_utc": end, "state": "down", "planned": verdict.planned, "continues": False,
        "reason": reason,
    }  # fmt: skip
    event = {
        "time_utc": start,
        "code": f"lanl:{category}",
        "severity": "critical",
        "message": f"{reason} (same event)" if same_event.casefold() == "yes" else reason,
    }
    where = {"cluster": cluster, "node": node, "source": Lanl.name, **cause}
    return [Row("node_states", {**where, **state}), Row("events", {**where, **event})]


def _header(head: bytes) -> tuple[str, ...] | None:
    for line in head_lines(head, most=2):
        names = tuple(_name(column) for column in head_columns(line.encode("utf-8", "replace"), ","))
        if set(names) >= _NEEDED:
            return names
    return None


def _name(column: str) -> str:
    return column.partition("(")[0].strip().casefold()


def _records(file: InputFile, header: tuple[str, ...]) -> Iterator[tuple[int, list[str] | Reject]]:
    """Yield the records below the header."""
    begun = False
    for number, record in quoted_records(file, ","):
        if begun:
            yield number, record
        elif not isinstance(record, Reject):
            begun = tuple(_name(column) for column in record) == header


def _whole(text: str, name: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > most:
        raise ValueError(f"{name} {text[:80]!r} is no whole number up to {most:,}")
    return int(text)


def _month(text: str) -> datetime | None:
    """Return the first of a month such as ``Jun-05`` or ``5-Jun``."""
    if text.casefold() in _OPEN:
        return None
    match = _MONTH.fullmatch(text)
    month = (match[1] or match[4]).lower() if match else ""
    if match is None or month not in _MONTHS:
        raise ValueError(f"{text[:80]!r} is no month such as Jun-05")
    year = _full_year(int(match[2] or match[3]))
    return local_to_utc(datetime(year, _MONTHS.index(month) + 1, 1), _ZONE)[0]  # noqa: DTZ001 - put into its zone here


def _full_year(year: int) -> int:
    if year >= 100:
        return year
    return year + (1900 if year >= 70 else 2000)
