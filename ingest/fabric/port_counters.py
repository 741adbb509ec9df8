"""Error counters of InfiniBand ports: what a rise between two readings means.

A counter counts since the port was reset, so the first reading tells nothing of when; a rise is an event at the time of
the second reading. A value below the one before was reset in between: what it shows was counted since. Counters stop
at their limit (InfiniBand architecture, volume 1, 16.1.3.5: 255 for the 8-bit ones, 65,535 for the 16-bit ones).

No such event is critical: a counter does not tell a cable that ended a job from a host that was rebooted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.parsing.stamps import local_to_utc
from ingest.records import Findings, Row
from ingest.source import Options

_FIRST: Final = "{count} counters were read for the first time: events come from the next reading in the same file"
_FULL: Final = "{count} readings are at a counter's limit: what came after was not counted"
_AMBIGUOUS: Final = "{count} dates occur twice because the clocks were set back: read as the earlier"
#: symbol errors in an hour that a healthy link may have, by the bit error rate the standard allows
_SYMBOL_ERRORS_PER_HOUR: Final = 10
#: counter, as the tools of today and of old call it → code, limit
_COUNTERS: Final = {
    "LinkDownedCounter": ("ib:link_downed", 255),
    "LinkErrorRecoveryCounter": ("ib:link_error_recovery", 255),
    "SymbolErrorCounter": ("ib:symbol_error", 65_535),
    "PortRcvErrors": ("ib:receive_error", 65_535),
    "LocalLinkIntegrityErrors": ("ib:link_integrity", 15),
    "ExcessiveBufferOverrunErrors": ("ib:buffer_overrun", 15),
}
_ALIASES: Final = {
    "LinkDowned": "LinkDownedCounter",
    "LinkRecovers": "LinkErrorRecoveryCounter",
    "SymbolErrors": "SymbolErrorCounter",
    "RcvErrors": "PortRcvErrors",
    "LinkIntegrityErrors": "LocalLinkIntegrityErrors",
    "ExcBufOverrunErrors": "ExcessiveBufferOverrunErrors",
}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO: Final = re.compile(
    r"[#=*\s-]{0,40}(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?[#=*\s-]{0,40}"
)
_DATE: Final = re.compile(
    r"[#=*\s-]{0,40}[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d{1,2}:\d\d:\d\d)(?: (AM|PM))?(?: ([A-Z]{1,5}))? (\d{4})"
    r"[#=*\s-]{0,40}"
)
_EPOCH: Final = re.compile(r"[#=*\s-]{0,40}(\d{10})(?:\.\d{1,9})?[#=*\s-]{0,40}")


@dataclass(frozen=True, slots=True)
class Port:
    """A port as a tool names it; a host's name is known only for the ports of adapters."""

    component: str
    component_id: str | None
    host: str | None
    number: str
    description: str


@dataclass(slots=True)
class Readings:
    """Compares the readings of one file.

    Parameters
    ----------
    source
        Name to put into the rows.
    options
        Zone of dates without one.
    findings
        Gets the notes.
    """

    source: str
    options: Options
    findings: Findings
    time: datetime | None = None
    _before: dict[tuple[Port, str], tuple[int, datetime]] = field(default_factory=dict)

    def date(self, line: str) -> bool:
        """Take a line for the date of the readings that follow, if it is one."""
        time = self._iso(line) or self._date(line) or _epoch(line)
        if time is None:
            return False
        self.time = time
        return True

    def event(self, port: Port, counter: str, value: int) -> Row | None:
        """Return the event that a reading shows, if any.

        Raises
        ------
        ValueError
            If no date came before.
        """
        name = _ALIASES.get(counter, counter)
        if name not in _COUNTERS:
            return None
        if self.time is None:
            raise ValueError("no date before the counters")
        code, limit = _COUNTERS[name]
        if value == limit:
            self.findings.note(_FULL)
        before = self._before.get((port, name))
        self._before[port, name] = (value, self.time)
        if before is None:
            self.findings.note(_FIRST)
            return None
        was, since = before
        rise = value - was if value >= was else value
        if rise == 0:
            return None
        seconds = (self.time - since).total_seconds()
        within = code == "ib:symbol_error" and rise * 3600 <= _SYMBOL_ERRORS_PER_HOUR * seconds
        values: dict[str, Any] = {
            "time_utc": self.time,
            "node": port.host,
            "component": port.component,
            "component_id": port.component_id,
            "slot": port.number,
            "symptom": "ib_link",
            "domain": "hardware",
            "code": code,
            "severity": "info" if within else "warning",
            "source": self.source,
            "message": f"{port.description} port {port.number}: {name} +{rise} ({was} → {value}) in {seconds:.0f} s",
        }
        return Row("events", values)

    def _iso(self, line: str) -> datetime | None:
        found = _ISO.fullmatch(line)
        if found is None:
            return None
        day, clock, fraction, zone = found.groups()
        naive = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}")
        if zone in {"Z", "UTC", "GMT"}:
            return naive.replace(tzinfo=UTC)
        if zone:
            return datetime.fromisoformat(f"{naive.isoformat()}{zone}").astimezone(UTC)
        return self._local(naive)

    def _date(self, line: str) -> datetime | None:
        """Read what ``date`` prints; of its zones only UTC is known by its letters."""
        found = _DATE.fullmatch(line)
        if found is None or found[1] not in _MONTHS:
            return None
        month, day, clock, half, zone, year = found.groups()
        hour, minute, second = map(int, clock.split(":"))
        if half:
            hour = hour % 12 + (12 if half == "PM" else 0)
        naive = datetime(int(year), _MONTHS.index(month) + 1, int(day), hour, minute, second)  # noqa: DTZ001 - next line
        return naive.replace(tzinfo=UTC) if zone in {"UTC", "GMT", "Z"} else self._local(naive)

    def _local(self, naive: datetime) -> datetime:
        self.findings.naive_times = True
        time, ambiguous = local_to_utc(naive, ZoneInfo(self.options.zone))
        if ambiguous:
            self.findings.note(_AMBIGUOUS)
        return time


def _epoch(line: str) -> datetime | None:
    found = _EPOCH.fullmatch(line)
    return None if found is None else datetime.fromtimestamp(int(found[1]), UTC)
