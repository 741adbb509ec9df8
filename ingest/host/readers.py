"""How the lines of one kernel log are read, by what their stamps count from."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from ingest.host.relative_clocks import BOOT_NEEDLES, BootClock, DeltaClock
from ingest.parsing.stamps import DIALECTS, Clock, Dialect, Since, microseconds
from ingest.source import Options
from ingest.taxonomy.kernel_lines import NEEDLES

#: the kernel prints no longer line; what stands further behind is somebody's quotation
_JUDGED: Final = 2048


@dataclass(frozen=True, slots=True)
class Line:
    """A line cut into its parts."""

    time: datetime
    host: str | None
    message: str


class Reader(ABC):
    """Reads the lines of a file.

    Attributes
    ----------
    needles
        Lines without any of these texts are not looked at.
    samples
        Whether some lines without a needle have to be heard, so that no year is missed.
    hears_needles
        Whether those with one have to be heard, too.
    hears_all
        Whether every line has to be heard.
    """

    needles: ClassVar[tuple[str, ...]] = NEEDLES
    samples: bool = False
    hears_needles: ClassVar[bool] = False
    hears_all: ClassVar[bool] = False

    def __init__(self, clock: Clock, node: str | None) -> None:
        self.clock = clock
        self._node = node

    def hear(self, line: str) -> None:  # noqa: B027 - most have nothing to learn
        """Take note of what a line tells about the time of others; called in their order."""

    def lack(self) -> tuple[str, str] | None:
        """Return the option without which the file cannot be read, and why."""
        return None

    @abstractmethod
    def message(self, line: str) -> str:
        """Return the part of a line in which to look for a finding; ValueError if it cannot be read."""

    @abstractmethod
    def read(self, line: str) -> Line:
        """Cut a line into its parts; ValueError if it has no time."""

    def time(self, line: str) -> datetime:
        """Return the time of a line; ValueError if it has none by itself."""
        counted = self.clock.ambiguous
        try:
            return self.read(line).time
        finally:
            self.clock.ambiguous = counted  # only those of events are told

    def span(self) -> tuple[datetime, ...]:
        """Return the times of the first and the last line, if :meth:`hear` learns them."""
        return ()


class StampReader(Reader):
    """Reads lines that begin with a date."""

    def __init__(self, dialects: tuple[Dialect, ...], clock: Clock, node: str | None) -> None:
        super().__init__(clock, node)
        self._main = dialects[0]
        self._dialects = dialects
        self.samples = not self._main.has_year

    def lack(self) -> tuple[str, str] | None:
        """Name the year or the host, where the lines do not."""
        if not self._main.has_year and not self.clock.knows_year:
            return "--year YYYY", f"the stamps of {self._main.name} have no year"
        if not self._main.has_host and self._node is None:
            return "--node HOST", f"the lines of {self._main.name} do not name their host"
        return None

    def hear(self, line: str) -> None:
        """Keep the year, where stamps have none."""
        try:
            self.time(line)
        except (ValueError, OverflowError):
            return

    def message(self, line: str) -> str:
        """Return the line: no host or program is called like an error."""
        return line[:_JUDGED]

    def read(self, line: str) -> Line:
        """Cut a line into its parts."""
        dialect, parts = self._parts(line)
        return Line(self._time_of(dialect, parts["stamp"]), self._host_of(dialect, parts), parts["message"])

    def _time_of(self, dialect: Dialect, stamp: str) -> datetime:
        if dialect.since is not Since.CALENDAR:
            raise ValueError("a time that is no date, between lines that have one")
        return self.clock.read(dialect, stamp)

    def _host_of(self, dialect: Dialect, parts: dict[str, str]) -> str | None:
        host = parts["host"] if dialect.has_host else "-"
        return self._node if host == "-" else host

    def _parts(self, line: str) -> tuple[Dialect, dict[str, str]]:
        for dialect in self._dialects:
            match = dialect.pattern.fullmatch(line)
            if match is not None:
                return dialect, match.groupdict()
        raise ValueError("no time at the beginning of the line")


class BootReader(StampReader):
    """Reads lines that begin with the time since the boot."""

    needles = (*NEEDLES, *BOOT_NEEDLES)
    hears_needles = True

    def __init__(self, dialects: tuple[Dialect, ...], clock: Clock, node: str | None, boot: BootClock) -> None:
        super().__init__(dialects, clock, node)
        self._boot = boot

    def lack(self) -> tuple[str, str] | None:
        """Name the time of the boot, where the log does not tell."""
        if not self._boot.is_set:
            why = f"the stamps of {self._main.name} count from the boot, and the log does not tell when that was"
            return "--time-origin TIME", why
        return super().lack()

    def hear(self, line: str) -> None:
        """Take note of boots and of what time the kernel says it is."""
        if any(needle in line for needle in BOOT_NEEDLES):
            try:
                dialect, parts = self._parts(line)
                if dialect.since is Since.BOOT:
                    self._boot.hear(parts["stamp"], parts["message"])
            except (ValueError, OverflowError):
                return

    def _time_of(self, dialect: Dialect, stamp: str) -> datetime:
        return self._boot.read(stamp) if dialect.since is Since.BOOT else super()._time_of(dialect, stamp)


class DeltaReader(StampReader):
    """Reads lines that begin with the time since the line before."""

    hears_needles = True
    hears_all = True

    def __init__(self, dialects: tuple[Dialect, ...], clock: Clock, node: str | None, start: datetime | None) -> None:
        super().__init__(dialects, clock, node)
        self._start = start
        self._delta = DeltaClock(clock, start)

    def lack(self) -> tuple[str, str] | None:
        """Name the time of the first line, where no line has a date."""
        if self._main.has_year and self._start is None:
            return "--time-origin TIME", f"the stamps of {self._main.name} count from the first line"
        return super().lack()

    def hear(self, line: str) -> None:
        """Let the time pass."""
        try:
            dialect, parts = self._parts(line)
            if dialect.since is Since.LINE_BEFORE:
                self._delta.advance(dialect, parts["stamp"])
        except (ValueError, OverflowError):
            return

    def time(self, line: str) -> datetime:  # noqa: ARG002 - a line has no time by itself
        """Refuse."""
        raise ValueError("the line says only how long it came after another")

    def span(self) -> tuple[datetime, ...]:
        """Return the times of the first and the last line."""
        return self._delta.span()

    def _time_of(self, dialect: Dialect, stamp: str) -> datetime:
        return self._delta.now() if dialect.since is Since.LINE_BEFORE else super()._time_of(dialect, stamp)


class JournalReader(Reader):
    """Reads ``journalctl -o json``: one object per line."""

    #: a journal prints a message with odd bytes in it as an array of numbers, in which no needle can be found
    needles = (*NEEDLES, '"MESSAGE":[', '"MESSAGE" : [')

    def message(self, line: str) -> str:
        """Return the message."""
        return message_text(_journal_object(line).get("MESSAGE"))[:_JUDGED]

    def read(self, line: str) -> Line:
        """Cut an entry into its parts."""
        entry = _journal_object(line)
        stamp = entry.get("__REALTIME_TIMESTAMP")
        if not isinstance(stamp, str | int):
            raise ValueError("no __REALTIME_TIMESTAMP")  # noqa: TRY004 - callers treat every unreadable line alike
        host = entry.get("_HOSTNAME")
        node = message_text(host) if host else self._node
        return Line(microseconds(str(stamp)), node, message_text(entry.get("MESSAGE")))


def line_reader(main: Dialect, lines: Iterable[str], options: Options, continues_after: datetime | None) -> StampReader:
    """Return the reader for lines that begin with a stamp.

    Parameters
    ----------
    main
        How most lines begin.
    lines
        Lines that may tell when the machine booted; only read where that matters.
    options
        Host, zone, year and origin of the times.
    continues_after
        Time of the line before the first.
    """
    dialects = (main, *(dialect for dialect in DIALECTS if dialect is not main))
    clock = Clock(options, continues_after)
    if main.since is Since.BOOT:
        boot = BootClock(lines, dialects, options.origin_utc, continues_after)
        return BootReader(dialects, clock, options.node, boot)
    if main.since is Since.LINE_BEFORE:
        return DeltaReader(dialects, clock, options.node, continues_after or options.origin_utc)
    return StampReader(dialects, clock, options.node)


def message_text(message: object) -> str:
    """Return a field of the journal as text: journald prints one with odd bytes in it as an array of numbers.

    >>> message_text([72, 105]), message_text(None), message_text("text")
    ('Hi', '', 'text')
    """
    if isinstance(message, list):
        try:
            return bytes(message).decode("utf-8", "replace")
        except TypeError as error:
            raise ValueError("an array that holds no bytes") from error
    return "" if message is None else str(message).encode("utf-8", "replace").decode("utf-8")


def _journal_object(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(entry, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - callers treat every unreadable line alike
    return entry
