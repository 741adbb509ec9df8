"""System event logs of BMCs: ``ipmitool sel list``, ``sel elist``, their ``-v`` and ``-c`` forms, and ``ipmi-sel``.

Layouts: :mod:`ingest.health.sel_records`; meaning: :mod:`ingest.health.sel_meaning`. Written from the sources of
ipmitool and FreeIPMI and from outputs shown in public issues; no real file was at hand.

A BMC's clock knows no zone; which zone the printed times are in is for the user to say (``--timezone``). What was
logged before the clock was set (``Pre-Init``, ``S+…``, ``PostInit``) has no time and is refused. A log of one host is
no complete record of a cluster, and old records are overwritten, so it covers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ingest.health.sel_meaning import is_known_type, meaning
from ingest.health.sel_records import LONGEST_LINE, SelRecord, looks_like_sel, sel_records
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.parsing.stamps import local_to_utc
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source
from reliability.errors import MissingOptionError

_NUMERIC_DATE: Final = re.compile(r"(\d\d)/(\d\d)/(\d{4}|\d\d)")
_DATE_IN_LINE: Final = re.compile(r"(?:^|[|,: ])\s*(\d\d)/(\d\d)/(?:\d{4}|\d\d)\s*[|, ]\s*\d\d:\d\d:\d\d")
#: a date stands near the beginning of its line, behind a host name at most
_DATE_WITHIN: Final = 400
_NAMED_DATE: Final = re.compile(r"([A-Z][a-z]{2})-(\d\d)-(\d{4})")
_TIME: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(?: ([AP]M))?(?: (\S{1,10}))?")
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)?")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NO_CLOCK: Final = re.compile(r"Pre-?Init|PostInit|S\+|Unspecified|Unknown|N/A", re.IGNORECASE)
_DAY_FIRST: Final = "{count} dates are printed day first (28/09/2026), as some locales do: all were read so"
_NO_DIRECTION: Final = (
    "{count} records do not say whether a state began or ended (ipmi-sel -v would): they were taken to begin"
)
_OWN_KIND: Final = "{count} records are of a manufacturer's own kind, whose meaning the log does not give: left out"


class IpmiSel(Source):
    """Source of ``events``."""

    name = "ipmi-sel"
    title = "BMC event log: ipmitool sel list, elist, -v, -c; FreeIPMI's ipmi-sel"
    asks = "`--node` unless the lines name it"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first lines are records of an event log."""
        return looks_like_sel(head_lines(head))

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events.

        Raises
        ------
        MissingOptionError
            If the log does not name its host and the options do not either.
        """
        findings = Findings()
        parser = _Parser(file, options, findings, day_first=_is_day_first(file))
        yield from chunks(sel_records(file), parser.parse, _shown, findings)


class _Parser:
    def __init__(self, file: InputFile, options: Options, findings: Findings, *, day_first: bool) -> None:
        self._file = file
        self._node = options.node
        self._zone = ZoneInfo(options.zone)
        self._findings = findings
        self._day_first = day_first
        # A storm of one event prints the same second many times.
        self._local = lru_cache(maxsize=4096)(local_to_utc)

    def parse(self, record: SelRecord | None) -> Sequence[Row]:
        """Return the event of a record, if it is one."""
        if record is None:
            return NOTHING
        node = record.host or self._node
        if node is None:
            raise MissingOptionError(self._file.path, "--node HOST", "a BMC's event log does not name its host")
        time = self._time(record.date, record.time)
        if not is_known_type(record.kind):
            self._findings.note(_OWN_KIND)
            return NOTHING
        finding = meaning(record.kind, record.name, record.event, asserted=record.asserted is not False)
        if finding is None:
            return NOTHING
        if record.asserted is None:
            self._findings.note(_NO_DIRECTION)
        sensor = record.name if record.name.startswith(record.kind) else f"{record.kind} {record.name}".strip()
        values = {
            "time_utc": time,
            "node": node,
            "component": finding.component,
            "slot": finding.slot,
            "symptom": finding.symptom,
            "domain": finding.domain,
            "code": finding.code,
            "severity": finding.severity,
            "source": IpmiSel.name,
            "message": f"{sensor} | {record.event}",
        }
        return (Row("events", values),)

    def _time(self, date: str, time: str) -> datetime:
        if not date or _NO_CLOCK.match(date):
            raise ValueError("no time: logged before the BMC's clock was set, or without a time stamp")
        clock = _TIME.fullmatch(time)
        if clock is None:
            raise ValueError(f"no time of day: {time[:40]!r} (ipmitool 1.8.19 -v prints the date twice; use elist)")
        hour = int(clock[1])
        if clock[4]:
            hour = hour % 12 + (12 if clock[4] == "PM" else 0)
        local = datetime(*self._date(date), hour, int(clock[2]), int(clock[3]))  # noqa: DTZ001 - its zone comes next
        return self._instant(local, clock[5])

    def _date(self, text: str) -> tuple[int, int, int]:
        named = _NAMED_DATE.fullmatch(text)
        if named is not None and named[1] in _MONTHS:
            return int(named[3]), _MONTHS.index(named[1]) + 1, int(named[2])
        numeric = _NUMERIC_DATE.fullmatch(text)
        if numeric is None:
            raise ValueError(f"not a date: {text[:40]!r}")
        month, day, year = int(numeric[1]), int(numeric[2]), int(numeric[3])
        if self._day_first:
            self._findings.note(_DAY_FIRST)
            month, day = day, month
        return year if len(numeric[3]) == 4 else 2000 + year, month, day

    def _instant(self, local: datetime, zone: str | None) -> datetime:
        if zone is None:
            self._findings.naive_times = True
            return self._local(local, self._zone)[0]
        offset = _OFFSET.fullmatch(zone)
        if offset is not None:
            ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
            return local.replace(tzinfo=timezone(-ahead if offset[1] == "-" else ahead)).astimezone(UTC)
        if zone in {"UTC", "GMT"}:
            return local.replace(tzinfo=UTC)
        for fold in (0, 1):
            here = local.replace(tzinfo=self._zone, fold=fold)
            if here.tzname() == zone:
                return here.astimezone(UTC)
        # CST alone is Chicago, Shanghai and Havana.
        raise ValueError(f"{zone!r} is no time zone of {self._zone.key} at this time: give --timezone")


def _is_day_first(file: InputFile) -> bool:
    """Tell whether some date can only be day first and none can only be month first."""
    day_first = month_first = False
    for _, line in numbered_lines(file, LONGEST_LINE):
        match = _DATE_IN_LINE.search(line[:_DATE_WITHIN]) if isinstance(line, str) else None
        if match is not None:
            day_first |= int(match[1]) > 12
            month_first |= int(match[2]) > 12
    return day_first and not month_first


def _shown(record: SelRecord | None) -> str:
    return "" if record is None else record.text
