"""Time stamps of kernel logs: the dialects, and how each is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ingest.source import Options

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_MONTH: Final = "|".join(_MONTHS)
_OFFSET: Final = r"(?:Z|[+-]\d\d:?\d\d)"
_TAG: Final = r"(?P<message>\S+?(?:\[\d+\])?: .*|\S+ .*)"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to begin a line.

    Attributes
    ----------
    pattern
        Groups ``stamp``, ``message`` and, where the line names its host, ``host``.
    has_host, has_year, has_zone
        What the line tells by itself.
    ordinary
        Whether programs other than the kernel write such lines, so that the stamp alone proves nothing.
    """

    name: str
    pattern: re.Pattern[str]
    has_host: bool
    has_year: bool
    has_zone: bool
    ordinary: bool


def _dialect(name: str, pattern: str, *, host: bool, year: bool = True, zone: bool, ordinary: bool = False) -> Dialect:
    return Dialect(name, re.compile(pattern, re.DOTALL), host, year, zone, ordinary)


DMESG_T: Final = _dialect(
    "dmesg -T",
    rf"\[(?P<stamp>[A-Z][a-z]{{2}} (?:{_MONTH}) [ \d]\d \d\d:\d\d:\d\d \d{{4}})\] (?P<message>.*)",
    host=False,
    zone=False,
)
DMESG_ISO: Final = _dialect(
    "dmesg --time-format iso",
    rf"(?:\w+ *:\w+ *: )?(?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d,\d+{_OFFSET}) (?P<message>.*)",
    host=False,
    zone=True,
)
RFC_5424: Final = _dialect(
    "syslog RFC 5424",
    rf"<\d{{1,3}}>1 (?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?{_OFFSET}) (?P<host>\S+) "
    r"\S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+) ?(?P<message>.*)",
    host=True,
    zone=True,
)
SYSLOG_ISO: Final = _dialect(
    "syslog with ISO stamps",
    rf"(?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?{_OFFSET}) (?P<host>\S+) {_TAG}",
    host=True,
    zone=True,
    ordinary=True,
)
RFC_3164: Final = _dialect(
    "syslog RFC 3164",
    rf"(?:<\d{{1,3}}>)?(?P<stamp>(?:{_MONTH}) [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) {_TAG}",
    host=True,
    year=False,
    zone=False,
    ordinary=True,
)
DIALECTS: Final = (DMESG_T, DMESG_ISO, RFC_5424, SYSLOG_ISO, RFC_3164)


class Clock:
    """Reads the stamps of one file.

    Parameters
    ----------
    options
        Zone of stamps without one, and the year of the first stamp without one. Later stamps without a year are in the
        year that keeps them within half a year of the one before, so that a log may run over New Year.
    """

    def __init__(self, options: Options) -> None:
        self._zone = ZoneInfo(options.zone)
        self._year = options.year
        self._month: int | None = None
        self.ambiguous = 0
        self.naive = False
        # A burst prints the same second thousands of times.
        self._local = lru_cache(maxsize=4096)(self._to_utc)

    def read(self, dialect: Dialect, stamp: str) -> datetime:
        """Return the instant of a stamp.

        Raises
        ------
        ValueError
            If there is no such time.
        """
        if dialect.has_zone:
            return _iso(stamp)
        self.naive = True
        parts = stamp.replace("  ", " 0").split(" ")
        if dialect.has_year:
            _, month, day, clock, year = parts
        else:
            month, day, clock = parts
            year = str(self._year_of(_MONTHS[month]))
        instant, ambiguous = self._local(f"{year}-{_MONTHS[month]:02d}-{int(day):02d}T{clock}")
        self.ambiguous += ambiguous
        return instant

    def _year_of(self, month: int) -> int:
        if self._year is None:
            raise ValueError("the stamp has no year")
        if self._month is None:
            self._month = month
        elif month < self._month - 6:
            self._year, self._month = self._year + 1, month
        elif month > self._month + 6:
            return self._year - 1
        else:
            self._month = month
        return self._year

    def _to_utc(self, local: str) -> tuple[datetime, bool]:
        return local_to_utc(datetime.fromisoformat(local), self._zone)


def local_to_utc(naive: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    """Return the instant of a local time, the earlier if there are two, and whether there are.

    Raises
    ------
    ValueError
        If the clocks skipped it.

    Examples
    --------
    >>> local_to_utc(datetime(2024, 11, 3, 1, 30), ZoneInfo("America/New_York"))
    (datetime.datetime(2024, 11, 3, 5, 30, tzinfo=datetime.timezone.utc), True)
    """
    early, late = (naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) != naive:
        raise ValueError(f"no such time in {zone.key}: the clocks skipped {naive}")
    return early, early != late


@lru_cache(maxsize=4096)
def _iso(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp.replace(",", ".")).astimezone(UTC)


def microseconds(text: str) -> datetime:
    """Return the instant of Unix microseconds, as journald prints them.

    >>> microseconds("1710000000000001").isoformat()
    '2024-03-09T16:00:00.000001+00:00'
    """
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(text))


def main_dialect(lines: list[str]) -> Dialect | None:
    """Return the dialect in which most of the lines begin, if four in five do.

    >>> main_dialect(["[Sun Feb 23 16:24:18 2025] NVRM: loading"]).name
    'dmesg -T'
    """
    for dialect in DIALECTS:
        matching = sum(dialect.pattern.fullmatch(line) is not None for line in lines)
        if lines and matching >= 0.8 * len(lines):
            return dialect
    return None
