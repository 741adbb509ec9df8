"""The story of one run: its attempts, where the time of each went, and its ETTR as it went on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from models.goodput.measured import EttrOverTime, ettr_over_time
from reliability.analyses.answer import Answer
from reliability.analyses.runs import ETTR_DEFINITION, assumption, run_parameters
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake


@dataclass(frozen=True, slots=True, eq=False)
class RunStory(Answer):
    """One run: its attempts, its ETTR, and the ETTR over its time from ``begin_utc`` on."""

    run_id: str
    cluster: str
    job_name: str | None
    definition: str
    assumption: str
    begin_utc: datetime
    ettr: float
    attempts: tuple[dict[str, Any], ...]
    over_time: EttrOverTime

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per attempt."""
        hidden = {"from_micros", "to_micros", "cluster", "run_id"}
        return [{name: value for name, value in row.items() if name not in hidden} for row in self.attempts]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        over = self.over_time
        return {
            "run_id": self.run_id,
            "cluster": self.cluster,
            "job_name": self.job_name,
            "ettr": self.ettr,
            "definition": self.definition,
            "assumption": self.assumption,
            "window_seconds": over.window_seconds,
            "over_time": [
                {"time_utc": moment, "ettr_cumulative": float(cumulative), "ettr_sliding": float(sliding)}
                for moment, cumulative, sliding in zip(self.moments(), over.cumulative, over.sliding, strict=True)
            ],
            "rows": self.rows(),
        }

    def moments(self) -> list[datetime]:
        """Return the times of ``over_time``."""
        return [self.begin_utc + timedelta(seconds=float(seconds)) for seconds in self.over_time.time_seconds]

    def figure(self) -> go.Figure:
        """Draw the run over time."""
        from reliability.figures.runs import story_figure  # noqa: PLC0415 - figures read the results they draw

        return story_figure(self)


def run_story(
    lake: Lake,
    run: str,
    *,
    window_seconds: float = 3600.0,
    checkpoint_interval_seconds: int = 3600,
    restart_overhead_seconds: int = 300,
    resubmission_window_seconds: int = 3600,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> RunStory:
    """Tell what happened to one run.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    run
        Its run id, or the id of any of its jobs; of several clusters' the first.
    window_seconds
        Length of the sliding window; ByteRobust takes an hour.
    checkpoint_interval_seconds, restart_overhead_seconds
        Assumed where no training log tells them.
    resubmission_window_seconds
        A job submitted within this time after one of the same user, name and size that did not complete continues its
        run; 0: none does.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Raises
    ------
    NoDataError
        If no such run ran.
    """
    parameters = run_parameters(
        checkpoint_interval_seconds, restart_overhead_seconds, resubmission_window_seconds, from_utc, to_utc
    )
    with closing(DuckDBEngine(lake, parameters)) as engine:
        engine.keep("attempts", "attempt_parts")
        attempts = tuple(engine.ask("run_attempts", run=run))
    if not sum(row["queue_seconds"] + row["run_seconds"] for row in attempts):
        raise NoDataError(f"the story of run {run}", "a job of this id that ran within the log")
    begin = min(row["from_micros"] / 1e6 - row["queue_seconds"] for row in attempts)
    wall = sum(row["queue_seconds"] + row["run_seconds"] for row in attempts)
    sources = {row["checkpoint_source"] for row in attempts}
    source = sources.pop() if len(sources) == 1 else "mixed"
    return RunStory(
        run_id=attempts[0]["run_id"],
        cluster=attempts[0]["cluster"],
        job_name=attempts[-1]["job_name"],
        definition=ETTR_DEFINITION,
        assumption=assumption(parameters, {name: int(name == source) for name in ("logged", "assumed", "mixed")}),
        begin_utc=datetime.fromtimestamp(begin, UTC),
        ettr=sum(row["productive_seconds"] for row in attempts) / wall,
        attempts=attempts,
        over_time=_over_time(attempts, begin, window_seconds),
    )


def _over_time(attempts: tuple[dict[str, Any], ...], begin: float, window_seconds: float) -> EttrOverTime:
    """Lay the parts of each attempt out in time: queued, restarting, at work with its checkpoints, losing."""
    stretches = []
    reached = 0.0
    for row in attempts:
        start = row["from_micros"] / 1e6 - begin
        kept = row["productive_seconds"] + row["checkpoint_seconds"]
        moment = start - row["queue_seconds"]
        for length, share in (
            (row["queue_seconds"], 0.0),
            (row["restart_seconds"], 0.0),
            (kept, row["productive_seconds"] / kept if kept else 0.0),
            (row["lost_seconds"], 0.0),
        ):
            # Attempts side by side, which only a run key ties together, follow each other here.
            first, last = max(moment, reached), max(moment + length, reached)
            moment += length
            reached = last
            if last > first:
                stretches.append((first, last, min(1.0, share)))
    begins, ends, shares = np.array(stretches).T
    return ettr_over_time(begins, ends, shares, window_seconds=window_seconds)
