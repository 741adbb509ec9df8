"""Clocks for stamps that are no dates: time since the boot, or since the line before.

The kernel says now and then what time it is, with the stamp of its own clock beside it: then the boot is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.parsing.stamps import Clock, Dialect, Since

#: texts of the lines that :meth:`BootClock.hear` has to see
BOOT_NEEDLES: Final = ("Linux version ", "setting system clock to ", "audit: type=2000 ")
_BOOT_LINE: Final = re.compile(r"(?:kernel: )?Linux version ")
_TOLD: Final = re.compile(
    r"setting system clock to [^(]*\((?P<rtc>\d{10})\)|audit: type=2000 audit\((?P<audit>\d{10}\.\d+):"
)
#: processors hand in their lines in a slightly different order than they stamped them
_JITTER: Final = timedelta(minutes=1)
#: a stamp that counts further is damaged: no machine has run for a century
_LONGEST_RUN_MICROSECONDS: Final = 100 * 366 * 86_400 * 1_000_000


class BootClock:
    """Reads stamps that count from the boot.

    Parameters
    ----------
    lines
        Lines of the file in which to look for the time of its first boot.
    dialects
        How they may begin.
    boot
        What the user says it is; None to let the log tell.
    continues_after
        Time of the line before the first.
    """

    def __init__(
        self,
        lines: Iterable[str],
        dialects: Iterable[Dialect],
        boot: datetime | None,
        continues_after: datetime | None,
    ) -> None:
        told, begins_later = _first_boot(lines, [dialect for dialect in dialects if dialect.since is Since.BOOT])
        self._boot = boot or told
        self._begun = begins_later or continues_after is not None
        self._last = continues_after

    @property
    def is_set(self) -> bool:
        """Whether the time of the boot is known."""
        return self._boot is not None

    def hear(self, stamp: str, message: str) -> None:
        """Take note of a line that begins a boot or tells the time.

        Raises
        ------
        ValueError
            If no machine runs for as long as the stamp says.
        """
        if _BOOT_LINE.match(message):
            if self._begun:
                self._boot = self._last = None
            self._begun = True
        elif self._boot is None:
            self._boot = _told_boot(_passed(stamp), message)

    def read(self, stamp: str) -> datetime:
        """Return the instant of a stamp.

        Raises
        ------
        ValueError
            If the log does not tell when its boot was, or no machine runs for as long as the stamp says.
        """
        if self._boot is None:
            raise ValueError("the machine rebooted, and the log does not tell when")
        time = self._boot + _passed(stamp)
        if self._last is not None and time < self._last - _JITTER:
            raise ValueError("the time since the boot went back: the machine rebooted, and the log does not tell when")
        self._last = max(time, self._last or time)
        return time


class DeltaClock:
    """Reads stamps that count from the line before, so it has to see every line.

    Parameters
    ----------
    calendar
        Reads the dates among them: ``reltime`` prints one whenever the minute changes, without the seconds.
    start
        Time of the first line, or of the line before it; None if the log itself has to tell.
    """

    def __init__(self, calendar: Clock, start: datetime | None) -> None:
        self._calendar = calendar
        self._now = start
        self._first: datetime | None = None

    def advance(self, dialect: Dialect, stamp: str) -> None:
        """Go on to the next line.

        Raises
        ------
        ValueError
            If there is no such time.
        """
        if stamp[0].isalpha():
            self._now = self._calendar.read(dialect, stamp)
        elif self._now is not None:
            self._now += timedelta(seconds=float(stamp))
        self._first = self._first or self._now

    def now(self) -> datetime:
        """Return the time of the line.

        Raises
        ------
        ValueError
            If no line told it.
        """
        if self._now is None:
            raise ValueError("no line before it tells the time")
        return self._now

    def span(self) -> tuple[datetime, ...]:
        """Return the times of the first and the last line."""
        return () if self._first is None or self._now is None else (self._first, self._now)


def _first_boot(lines: Iterable[str], dialects: list[Dialect]) -> tuple[datetime | None, bool]:
    """Return the time of the first boot, if its lines tell, and whether the log begins only later than it."""
    stamped = _stamped(lines, dialects)
    begins_later = False
    boots = 0
    for number, (passed, message) in enumerate(stamped):
        if number == 0 and passed > timedelta():
            begins_later, boots = True, 1
        boots += _BOOT_LINE.match(message) is not None
        if boots > 1:
            break  # what follows is of another boot
        boot = _told_boot(passed, message)
        if boot is not None:
            return boot, begins_later
    return None, begins_later


def _stamped(lines: Iterable[str], dialects: list[Dialect]) -> Iterator[tuple[timedelta, str]]:
    for line in lines:
        for dialect in dialects:
            match = dialect.pattern.fullmatch(line)
            if match is not None:
                with suppress(ValueError):  # a line without a usable stamp tells nothing
                    yield _passed(match["stamp"]), match["message"]
                break


def _told_boot(passed: timedelta, message: str) -> datetime | None:
    match = _TOLD.search(message)
    if match is None:
        return None
    return datetime.fromtimestamp(float(match["rtc"] or match["audit"]), UTC) - passed


def _passed(stamp: str) -> timedelta:
    """Return the time since the boot: ``/dev/kmsg`` prints microseconds, all others seconds with six decimals."""
    microseconds = int(stamp.replace(".", ""))
    if microseconds > _LONGEST_RUN_MICROSECONDS:
        raise ValueError("no such time")
    return timedelta(microseconds=microseconds)
