"""Logs of training programs: steps, checkpoints written and read.

One source for all frameworks, because they print into one another's logs (NeMo and Megatron-DeepSpeed print Megatron's
lines): the lines are those of :mod:`ingest.training.rules`. Lines of many ranks may interleave, with the marks of
``srun --label``, ``torchrun`` or a container log before them; what several ranks say counts once.

A log is read as a whole even if it grew: its first lines say of which job it is, and a checkpoint spans lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.lines import numbered_lines
from ingest.parsing.stamps import local_to_utc
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Reject, Source
from ingest.training.rules import RULES, SIGNATURES
from ingest.training.tracker import Tracker

_STAMP: Final = re.compile(
    r"(?<![\d.-])(20\d\d-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?(Z|[+-]\d\d:?\d\d)?(?![\d:])"
)
#: a stamp further on is part of a message
_STAMP_WITHIN: Final = 160
#: the lines of interest are a quarter as long; what comes after is not looked at, however often a pattern may begin
_LONGEST: Final = 4096
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_JOB: Final = re.compile(r"\bSLURM_JOB_?ID['\"]?\s*[=:]\s*['\"]?(\d{1,20})\b")
_NAMELESS: Final = "{count} rows are of a log that does not name its job: give --job ID to join them to the jobs"
_AMBIGUOUS: Final = "{count} lines have a time that occurs twice because the clocks were set back: read as the earlier"


class TrainingLog(Source):
    """Source of ``training_steps`` and ``checkpoints``."""

    name = "training-log"
    title = "training log of Megatron-LM, NeMo, torchtitan or DeepSpeed"
    asks = "`--job` unless the log prints SLURM_JOB_ID"
    covers = ()
    cluster = None
    names_cluster = False

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the beginning holds a line that only a training program prints."""
        return SIGNATURES.search(head) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield steps and checkpoints, line by line."""
        findings = Findings()
        parser = _Parser(options, findings, _job_of(file.head().decode("utf-8", "replace")))
        yield from chunks(_pieces(file), parser.parse, str, findings, parser.finish)


class _Parser:
    def __init__(self, options: Options, findings: Findings, job: str | None) -> None:
        self._findings = findings
        self._zone = ZoneInfo(options.zone)
        self._fixed_job = options.job is not None
        self._log = Tracker(TrainingLog.name, findings, options.job or job)
        self._local = lru_cache(maxsize=4096)(self._to_utc)

    def parse(self, line: str) -> Sequence[Row]:
        """Take one line."""
        text = line[:_LONGEST]
        text = _COLOURS.sub("", text) if "\x1b" in text else text
        if not self._fixed_job and "SLURM_JOB" in text:
            self._log.job = _job_of(text) or self._log.job
        stamp = _STAMP.search(text, 0, _STAMP_WITHIN)
        found = [(rule, match) for rule in RULES if rule.word in text and (match := rule.pattern.search(text))]
        try:
            moment = self._moment(stamp) if stamp else None
        except ValueError:
            if found:
                raise
            moment = None  # a date in some other line that is no time
        rows = list(self._log.line(moment))
        kept = False
        for rule, match in found:
            following = rule.act(self._log, match)
            kept = kept or following is not NOTHING
            rows += [row for row in following if row.table]
        if self._log.job is None:
            for _ in rows:
                self._findings.note(_NAMELESS)
        return rows or (KEPT if kept else NOTHING)

    def finish(self) -> Iterable[Row]:
        """Yield what is left at the end."""
        return self._log.finish()

    def _moment(self, stamp: re.Match[str]) -> datetime:
        date, clock, fraction, zone = stamp.groups()
        text = f"{date}T{clock}.{(fraction or '0').ljust(6, '0')}"
        if zone is not None:
            return datetime.fromisoformat(text + zone).astimezone(UTC)
        self._findings.naive_times = True
        moment, ambiguous = self._local(text)
        if ambiguous:
            self._findings.note(_AMBIGUOUS)
        return moment

    def _to_utc(self, text: str) -> tuple[datetime, bool]:
        return local_to_utc(datetime.fromisoformat(text), self._zone)


def _job_of(text: str) -> str | None:
    match = _JOB.search(text)
    return match[1] if match else None


def _pieces(file: InputFile) -> Iterator[tuple[int, str | Reject]]:
    """Yield the lines; what a progress bar wrote over itself is several."""
    for number, line in numbered_lines(file):
        if isinstance(line, Reject) or "\r" not in line:
            yield number, line
        else:
            yield from ((number, piece) for piece in line.split("\r") if piece.strip())
