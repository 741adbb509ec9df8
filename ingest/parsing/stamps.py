"""Time stamps of kernel logs: the dialects, and how each is read.

Sources: util-linux ``dmesg(1)`` and its ``dmesg.c``; Linux ``Documentation/ABI/testing/dev-kmsg``; RFC 3164 and 5424;
``journalctl(1)`` and ``systemd.journal-fields(7)``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ingest.source import Options

#: month → number
MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_MONTH: Final = "|".join(MONTHS)
_OFFSET: Final = r"(?:Z|[+-]\d\d:?\d\d)"
#: a host name never ends in a colon: what does is the program of a line without a host
_HOST: Final = r"(?P<host>\S*[^\s:])"
_TAG: Final = r"(?P<message>\S+?(?:\[\d+\])?: .*|\S+ .*)"
#: what ``dmesg --decode`` prints before the stamp
_LEVEL: Final = r"(?:\w+ *:\w+ *: )?"
#: what ``dmesg --show-delta`` adds to it
_DELTA: Final = r"(?: < *-?\d+\.\d+ ?>)?"
#: thread or processor, where the kernel was built with ``CONFIG_PRINTK_CALLER``
_CALLER: Final = r"(?:\[ *[CT]\d+\])?"
#: zones whose abbreviation says enough
_UTC_NAMES: Final = frozenset({"UTC", "GMT", "Z"})


class Since(Enum):
    """What the stamps of a dialect count from."""

    CALENDAR = "calendar"
    BOOT = "boot"
    LINE_BEFORE = "line before"


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
    since
        What the stamps count from.
    """

    name: str
    pattern: re.Pattern[str]
    has_host: bool
    has_year: bool
    has_zone: bool
    ordinary: bool
    since: Since


def _dialect(
    name: str,
    pattern: str,
    *,
    host: bool = False,
    year: bool = True,
    zone: bool = True,
    ordinary: bool = False,
    since: Since = Since.CALENDAR,
) -> Dialect:
    return Dialect(name, re.compile(pattern, re.DOTALL), host, year, zone, ordinary, since)


DMESG_T: Final = _dialect(
    "dmesg -T",
    rf"{_LEVEL}\[(?P<stamp>[A-Z][a-z]{{2}} (?:{_MONTH}) [ \d]\d \d\d:\d\d:\d\d \d{{4}}){_DELTA}\]{_CALLER} "
    r"(?P<message>.*)",
    zone=False,
)
DMESG_ISO: Final = _dialect(
    "dmesg --time-format iso",
    rf"{_LEVEL}(?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d,\d+{_OFFSET}){_DELTA} (?P<message>.*)",
)
RFC_5424: Final = _dialect(
    "syslog RFC 5424",
    rf"<\d{{1,3}}>1 (?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?{_OFFSET}) (?P<host>\S+) "
    r"\S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+) ?(?P<message>.*)",
    host=True,
)
SYSLOG_ISO: Final = _dialect(
    "syslog with ISO stamps",
    rf"(?:<\d{{1,3}}>)?(?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?{_OFFSET}) {_HOST} {_TAG}",
    host=True,
    ordinary=True,
)
RFC_3164: Final = _dialect(
    "syslog RFC 3164",
    rf"(?:<\d{{1,3}}>)?(?P<stamp>(?:{_MONTH}) [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?) {_HOST} {_TAG}",
    host=True,
    year=False,
    zone=False,
    ordinary=True,
)
JOURNAL_FULL: Final = _dialect(
    "journalctl -o short-full or with-unit",
    rf"[^\s\d]\S* (?P<stamp>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [A-Za-z0-9+:-]+) {_HOST} {_TAG}",
    host=True,
    zone=False,
    ordinary=True,
)
JOURNAL_UNIX: Final = _dialect(
    "journalctl -o short-unix",
    rf"(?P<stamp>\d{{9,11}}\.\d{{6}}) {_HOST} {_TAG}",
    host=True,
    ordinary=True,
)
JOURNAL_MONOTONIC: Final = _dialect(
    "journalctl -o short-monotonic",
    rf"\[(?P<stamp> *\d+\.\d{{6}}){_DELTA}\] {_HOST} (?P<message>kernel: .*)",
    host=True,
    since=Since.BOOT,
)
KMSG: Final = _dialect("/dev/kmsg", r"\d{1,4},\d+,(?P<stamp>\d+),[^;]*;(?P<message>.*)", since=Since.BOOT)
DMESG_RAW: Final = _dialect(
    "dmesg",
    rf"{_LEVEL}(?:<\d{{1,3}}>)?\[(?P<stamp> *\d+\.\d{{6}}){_DELTA}\]{_CALLER} ?(?P<message>.*)",
    since=Since.BOOT,
)
DMESG_DELTA: Final = _dialect(
    "dmesg --time-format delta",
    rf"{_LEVEL}\[< *(?P<stamp>[+-]?\d+\.\d{{6}})>\]{_CALLER} ?(?P<message>.*)",
    since=Since.LINE_BEFORE,
)
DMESG_RELTIME: Final = _dialect(
    "dmesg --time-format reltime",
    rf"{_LEVEL}\[(?P<stamp>(?:{_MONTH})[ \d]\d \d\d:\d\d| *[+-]\d+\.\d{{6}})\]{_CALLER} ?(?P<message>.*)",
    year=False,
    zone=False,
    since=Since.LINE_BEFORE,
)
DIALECTS: Final = (
    *(DMESG_T, DMESG_ISO, RFC_5424, SYSLOG_ISO, RFC_3164, JOURNAL_FULL, JOURNAL_UNIX),
    *(JOURNAL_MONOTONIC, KMSG, DMESG_RAW, DMESG_DELTA, DMESG_RELTIME),
)


class Clock:
    """Reads the stamps of one file that are dates.

    Parameters
    ----------
    options
        Zone of stamps without one, and the year of the first stamp without one. Later stamps without a year are in the
        year that keeps them within half a year of the one before, so that a log may run over New Year.
    continues_after
        Time of the line before the first; its year counts then.
    """

    def __init__(self, options: Options, continues_after: datetime | None = None) -> None:
        self._zone = ZoneInfo(options.zone)
        before = continues_after and continues_after.astimezone(self._zone)
        self._year = before.year if before else options.year
        self._month = before.month if before else None
        self.ambiguous = 0
        self.naive = False
        # A burst prints the same second thousands of times.
        self._local = lru_cache(maxsize=4096)(self._to_utc)

    @property
    def knows_year(self) -> bool:
        """Whether a stamp without a year can be read."""
        return self._year is not None

    def read(self, dialect: Dialect, stamp: str) -> datetime:
        """Return the instant of a stamp.

        Raises
        ------
        ValueError
            If there is no such time.
        """
        if dialect is JOURNAL_UNIX:
            return microseconds(stamp.replace(".", ""))
        if dialect.has_zone:
            return _iso(stamp)
        if dialect is JOURNAL_FULL:
            stamp, _, zone = stamp.rpartition(" ")
            if zone in _UTC_NAMES:
                return _iso(f"{stamp}+00:00")
            return self._instant(stamp)
        if dialect is DMESG_T:
            _, month, day, clock, year = stamp.replace("  ", " ").split(" ")
            return self._instant(f"{year}-{MONTHS[month]:02d}-{int(day):02d}T{clock}")
        month, day, clock = stamp[:3], stamp[3:6], stamp[6:].strip()
        return self._instant(f"{self._year_of(MONTHS[month])}-{MONTHS[month]:02d}-{int(day):02d}T{clock}")

    def _instant(self, local: str) -> datetime:
        self.naive = True
        instant, ambiguous = self._local(local)
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


def main_dialect(lines: Sequence[str], least_share: float = 0.8) -> Dialect | None:
    """Return the first dialect in which at least that share of the lines begin; lines that go on do not count.

    >>> main_dialect(["[Sun Feb 23 16:24:18 2025] NVRM: loading"]).name
    'dmesg -T'
    """
    # An indented line continues a record, and journalctl says between dashes where a boot begins.
    # A machine that lost its power left zeros before the next one.
    begun = [line.lstrip("\x00") for line in lines if not line.startswith((" ", "-- "))]
    for dialect in DIALECTS:
        matching = sum(dialect.pattern.fullmatch(line) is not None for line in begun)
        if begun and matching >= least_share * len(begun):
            return dialect
    return None
