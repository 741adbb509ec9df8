"""The jobs that ran on a cluster at one moment, and which of them a fault on some hosts would have reached."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class RunningJob:
    """An attempt of a job that runs; counts are None where the log does not say."""

    job_id: str
    user: str | None
    start_utc: datetime
    gpu_count: int | None
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class JobsReached:
    """The jobs that a fault takes down, and those it only slows: ids, the largest job first."""

    down: tuple[str, ...]
    degraded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunningJobs:
    """All attempts that ran at a moment, the largest first."""

    at_utc: datetime
    jobs: tuple[RunningJob, ...]

    def reached(self, down: Iterable[str], degraded: Iterable[str]) -> JobsReached:
        """Return the jobs on hosts that are down, and those that have only degraded ones.

        >>> from datetime import UTC, datetime
        >>> now = datetime(2026, 1, 1, tzinfo=UTC)
        >>> running = RunningJobs(now, (RunningJob("1", None, now, 16, frozenset({"a", "b"})),))
        >>> running.reached(["c"], ["b"])
        JobsReached(down=(), degraded=('1',))
        """
        lost, slowed = frozenset(down), frozenset(degraded)
        return JobsReached(
            down=tuple(job.job_id for job in self.jobs if job.nodes & lost),
            degraded=tuple(job.job_id for job in self.jobs if job.nodes & slowed and not job.nodes & lost),
        )


def running_jobs(lake: Lake | DuckDBEngine, cluster: str, at: datetime | None = None) -> RunningJobs | None:
    """Return the jobs that ran at a moment.

    Parameters
    ----------
    lake : Lake or DuckDBEngine
        Where the job log was taken in.
    cluster : str
        Which cluster.
    at : datetime, optional
        When; by default the last moment that the log covers.

    Returns
    -------
    RunningJobs or None
        The jobs; None where the lake has no job log of the cluster.
    """
    opened: AbstractContextManager[DuckDBEngine]
    opened = nullcontext(lake) if isinstance(lake, DuckDBEngine) else closing(DuckDBEngine(lake))
    with opened as engine:
        known = engine.ask("fabric_jobs_end", cluster=cluster)
        if not known:
            return None
        when = at or known[0]["at_utc"]
        rows = engine.ask("fabric_running_jobs", cluster=cluster, at=when)
    jobs = tuple(
        RunningJob(row["job_id"], row["user"], row["start_utc"], row["gpu_count"], frozenset(row["nodes"] or ()))
        for row in rows
    )
    return RunningJobs(when, jobs)
