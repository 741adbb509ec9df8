"""What a training log has told so far: the clock, the step, the checkpoints begun.

A checkpoint that training waits for is one row of ``checkpoints`` (kind *blocking*). One that is staged first and
written in the background is two: the time training waited (*blocking*), and the write after it (*asynchronous*), which
begins where the first ends. So the blocking rows alone give the cost w of the ETTR formulas, whatever writes the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ingest.records import KEPT, NOTHING, Findings, Row

_RECKONED: Final = (
    "{count} steps have no time stamp of their own: reckoned from the last stamp and the lengths of the steps since"
)
_UNFINISHED: Final = "{count} checkpoints were begun and, as far as the log goes, never finished: they are left out"
#: programs log every rank; so close together the same step is the same line
_SAME_STEP: Final = timedelta(minutes=2)
#: programs log every n-th step, n being no larger
_LONGEST_LOG_INTERVAL: Final = 10_000
_MOST_IN_BACKGROUND: Final = 16


@dataclass(slots=True)
class _Save:
    step: int | None
    started_utc: datetime
    stamped: bool
    waited_seconds: float | None = None
    ended_utc: datetime | None = None
    ended: bool = False
    told: bool = False


class Tracker:
    """Follows one log; each method takes what a line says and returns the rows that follow from it."""

    def __init__(self, source: str, findings: Findings, job: str | None) -> None:
        self._source = source
        self._findings = findings
        self.job = job
        #: GPUs of the job, tokens of a sequence, where the log says so
        self.world_size: int | None = None
        self.sequence_tokens: int | None = None
        self.last_step: int | None = None
        self._last_step_utc: datetime | None = None
        self._now: datetime | None = None
        self._stamped = False
        self._paused_seconds = 0.0
        self._save: _Save | None = None
        self._background: list[_Save] = []
        self._load: tuple[int | None, datetime | None] | None = None
        self._loaded: tuple[int | None, float] | None = None

    def line(self, stamp_utc: datetime | None) -> Sequence[Row]:
        """Begin a line, with its time if it has one."""
        self._stamped = stamp_utc is not None
        if stamp_utc is None:
            return NOTHING
        self._now = stamp_utc
        if self._loaded is None:
            return NOTHING
        step, seconds = self._loaded
        self._loaded = None
        return [self._checkpoint("loaded", step, stamp_utc - timedelta(seconds=seconds), seconds, None)]

    def step(self, number: int, seconds: float | None, tokens_per_second: float | None = None) -> Sequence[Row]:
        """Take a logged step; ``seconds`` is its length as the program says, None to take it from the stamps."""
        rows = list(self._flush()) if self._save is not None and self._save.ended else []
        ahead = None if self.last_step is None else number - self.last_step
        now = self._time()
        before = self._last_step_utc
        if ahead == 0 and (not self._stamped or before is None or abs(now - before) <= _SAME_STEP):
            return rows or NOTHING
        in_row = ahead is not None and 0 < ahead <= _LONGEST_LOG_INTERVAL
        if not self._stamped:
            # The first line of a run is about all steps since it began.
            steps = ahead if ahead is not None and in_row else number if number <= _LONGEST_LOG_INTERVAL else 1
            if seconds is not None:
                now = self._now = now + timedelta(seconds=seconds * max(1, steps))
            self._findings.note(_RECKONED)
        elif seconds is None and ahead is not None and in_row and before is not None:
            between = (now - before).total_seconds() - self._paused_seconds
            seconds = between / ahead if between > 0 else None
        self.last_step, self._last_step_utc, self._paused_seconds = number, now, 0.0
        values = {
            "job_id": self.job,
            "time_utc": now,
            "step": number,
            "step_seconds": seconds,
            "tokens_per_second": tokens_per_second,
            "source": self._source,
        }
        return [*rows, Row("training_steps", values)]

    def save_begins(self, step: int | None) -> Sequence[Row]:
        """Take the beginning of a save."""
        if self._save is not None and not self._save.ended and self._save.step == step:
            return NOTHING  # another rank says the same
        rows = self._flush()
        self._save = _Save(step, self._time(), self._stamped)
        return rows or KEPT

    def save_waited(self, seconds: float, *, step: int | None = None, started: datetime | None = None) -> Sequence[Row]:
        """Take how long training waited for a save; ``started`` where the line itself says when that was."""
        if started is not None:
            if self._save is not None and self._save.step == step:
                return NOTHING  # another rank says the same
            rows = list(self._flush())
            self._save = _Save(step, started, stamped=True)
        elif self._save is None or self._save.waited_seconds is not None:
            return NOTHING
        else:
            rows = []
        self._save.waited_seconds = seconds
        self._paused_seconds += seconds
        if not self._stamped and self._now is not None:
            self._now = max(self._now, self._save.started_utc + timedelta(seconds=seconds))
        self._save.told = True
        row = self._checkpoint("saved", self._save.step, self._save.started_utc, seconds, "blocking")
        return [*rows, row]

    def save_goes_on(self) -> Sequence[Row]:
        """Take that the save now goes on in the background."""
        save = self._save
        if save is None or save in self._background:
            return NOTHING
        rows: list[Row] = []
        if save.waited_seconds is None and save.stamped and self._stamped:
            rows += self.save_waited((self._time() - save.started_utc).total_seconds())
        self._background.append(save)
        if len(self._background) > _MOST_IN_BACKGROUND:
            self._background.pop(0)
            self._findings.note(_UNFINISHED)
        return rows or KEPT

    def save_ends(self, step: int | None) -> Sequence[Row]:
        """Take that a save is complete."""
        for save in self._background:
            if save.step in {step, None} or step is None:
                self._background.remove(save)
                if save is self._save:
                    self._save = None
                return [self._written(save)]
        if self._save is None or self._save.step not in {step, None}:
            return NOTHING
        self._save.ended = True
        if self._stamped:
            self._save.ended_utc = self._time()
        return KEPT

    def load_begins(self, step: int | None) -> Sequence[Row]:
        """Take the beginning of a load."""
        if self._load is not None and self._load[0] == step:
            return NOTHING
        self._load = (step, self._now if self._stamped else None)
        return KEPT

    def load_ends(self, seconds: float, *, started: datetime | None = None) -> Sequence[Row]:
        """Take the end of a load and its length; ``started`` where the line itself says when that was."""
        if started is not None:
            self._load = (None, started)
        if self._load is None:
            return NOTHING
        step, began = self._load
        self._load = None
        if step is not None:
            self.last_step, self._last_step_utc = step, None
        if began is None:
            self._loaded = (step, seconds)  # it ended just before the next stamp
            return KEPT
        return [self._checkpoint("loaded", step, began, seconds, None)]

    def finish(self) -> Sequence[Row]:
        """Return what is left at the end of the log."""
        for save in self._background:
            if save is not self._save:
                self._findings.note(_UNFINISHED)
        return self._flush()

    def _flush(self) -> Sequence[Row]:
        save, self._save = self._save, None
        if save is None or save.told:
            return NOTHING
        if not save.ended:
            if save not in self._background:
                self._findings.note(_UNFINISHED)
            return NOTHING
        seconds = None
        if save.stamped and save.ended_utc is not None:
            seconds = max(0.0, (save.ended_utc - save.started_utc).total_seconds())
            self._paused_seconds += seconds
        return [self._checkpoint("saved", save.step, save.started_utc, seconds, "blocking")]

    def _written(self, save: _Save) -> Row:
        began = save.started_utc + timedelta(seconds=save.waited_seconds or 0.0)
        seconds = max(0.0, (self._time() - began).total_seconds()) if self._stamped and save.stamped else None
        return self._checkpoint("saved", save.step, began, seconds, "asynchronous")

    def _checkpoint(
        self, action: str, step: int | None, started: datetime, seconds: float | None, kind: str | None
    ) -> Row:
        values = {
            "job_id": self.job,
            "action": action,
            "started_utc": started,
            "duration_seconds": seconds,
            "step": step,
            "kind": kind,
        }
        return Row("checkpoints", values)

    def _time(self) -> datetime:
        if self._now is None:
            raise ValueError("no time stamp in this line or before it")
        return self._now
