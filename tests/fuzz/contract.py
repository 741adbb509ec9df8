"""What every source promises whatever bytes it gets, and how to hold it to that.

``recognise`` answers; ``read`` refuses the file with an error for its user or hands over rows the schema accepts, with
every record accounted for; it does so again when asked again, and in whatever blocks the bytes arrive; and it ends.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from ingest.opening import InputFile
from ingest.registry import SOURCES
from ingest.source import LINE_CUT, Options, Source
from ingest.taking import Tally
from ingest.validate import conform
from reliability.errors import ReliabilityError

CASES = Path(__file__).parents[1] / "cases"
#: processor seconds for a few kilobytes, after which a source is taken to hang
PATIENCE_SECONDS = 5.0


class Seed(NamedTuple):
    """A golden input and how it is read."""

    name: str
    content: bytes
    options: Options


class HangError(BaseException):
    """A source did not end; no ``except Exception`` may swallow this."""


class BreachError(AssertionError):
    """A source broke its promise."""


class BytesFile(InputFile):
    """A file in memory, handed out in blocks of a given size; archives are unpacked as on disk."""

    def __init__(self, content: bytes, block_bytes: int | None = None) -> None:
        super().__init__(Path("fuzzed"))
        self._bytes = content
        self._block_bytes = block_bytes

    def blocks_from(self, start: int) -> Iterator[bytes]:
        if self._block_bytes is None:
            yield from super().blocks_from(start)
        else:
            yield from self._content(start, report=False)

    def _raw_blocks(self, start: int, size: int, *, report: bool = False) -> Iterator[bytes]:
        step = self._block_bytes or size
        for begin in range(start, len(self._bytes), step):
            yield self._bytes[begin : begin + step]

    def status(self) -> os.stat_result:
        seconds = 1_750_000_000
        whole = (0, 1, 0, 1, 0, 0, len(self._bytes), seconds, seconds, seconds)
        return os.stat_result(whole, {"st_mtime_ns": seconds * 10**9})


def options_of(case: Path) -> Options:
    """Return the options beside a golden input."""
    path = case.with_name(f"{case.stem}.options.json")
    given = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "columns" in given:
        given["columns"] = tuple(given["columns"])
    return Options(**given)


def seeds_of(source: Source) -> list[Seed]:
    """Return the golden inputs of a source; one line that says nothing, where it has none."""
    cases = sorted((CASES / source.name).glob("*.input"))
    found = [Seed(case.name, case.read_bytes(), options_of(case)) for case in cases]
    return found or [Seed("nothing", b"{}\n", Options())]


def outcome(source: Source, file: InputFile, options: Options) -> str:
    """Read a file and return all that came of it as text: equal texts are equal outcomes.

    Where a parser gives up within a broken document depends on the pieces it was fed, so the reasons are left out.

    Raises
    ------
    BreachError
        If what the source handed over is not what it promised.
    """
    said: list[str] = []
    tally = Tally()
    try:
        for chunk in source.read(file, options):
            tally.add(chunk)
            for table, rows in chunk.tables.items():
                if rows.num_rows:
                    said += (f"{table} {row}" for row in conform(table, rows, options.cluster, "default").to_pylist())
            for reject in chunk.rejects:
                reject.reason.encode()
                said.append(f"reject {reject.line_number} {reject.line[:LINE_CUT].encode()!r}")
    except ReliabilityError as error:
        if "\n" in str(error):
            raise BreachError(f"{source.name}: an error of several lines: {error!r}") from error
        return f"{type(error).__name__}:"
    if tally.read != tally.used + tally.rejected + tally.dropped:
        raise BreachError(f"{source.name}: the records do not add up: {tally}")
    said += tally.warnings(options, source)
    return "\n".join([*sorted(said), f"{tally.observed} {tally.incomplete} {tally.read} read"])


def check(source: Source, content: bytes, options: Options, block_bytes: int) -> str:
    """Hold one source to its promises on one content and return the outcome.

    Raises
    ------
    BreachError
        If it breaks one.
    HangError
        If it does not end.
    """
    with patience():
        for every in SOURCES:
            every.recognise(content[:65536], options)
        found = outcome(source, BytesFile(content), options)
    with patience(4 * PATIENCE_SECONDS):
        again = outcome(source, BytesFile(content, block_bytes), options)
    if found != again:
        lines = zip(count(1), found.split("\n"), again.split("\n"), strict=False)
        difference = next(((n, a, b) for n, a, b in lines if a != b), "one outcome is longer")
        raise BreachError(f"{source.name}: read in blocks of {block_bytes} bytes the outcome differs: {difference}")
    return found


@contextmanager
def patience(seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Raise :class:`HangError` if the block takes more processor time than that; only in a main thread, on Unix."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise HangError(f"no end after {seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
