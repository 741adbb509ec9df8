"""Runs the clusters: in this process, or in several; the counts are the same."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ModelError
from reliability.errors import ReliabilityError
from reliability.validation.case import NO_INTAKE, Intake, simulate
from reliability.validation.errors import ClusterFailedError, WorkerLostError
from reliability.validation.measures import MEASURES

if TYPE_CHECKING:
    from synthetic_traces import ClusterSpec

#: called with the clusters done and their number
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Task:
    """One cluster to simulate, and the measures to count on it."""

    spec: ClusterSpec
    seed: int
    measures: tuple[str, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The counts of one cluster by measure; or why there are none: our errors themselves do not survive pickling."""

    counts: Mapping[str, Any] = field(default_factory=dict)
    intake: Intake = NO_INTAKE
    failure: str | None = None


def run_tasks(tasks: Sequence[Task], processes: int, progress: Progress | None = None) -> list[Outcome]:
    """Simulate the clusters and count on them, in temporary folders that are gone afterwards, whatever happens.

    Parameters
    ----------
    tasks
        What to do.
    processes
        How many at a time; 1 stays in this process.
    progress
        Called after each cluster.

    Returns
    -------
    list of Outcome
        In the order of the tasks.

    Raises
    ------
    ClusterFailedError
        If one cluster cannot be simulated, taken in or analysed.
    WorkerLostError
        If a worker process was killed.
    """
    report = progress or (lambda _done, _total: None)
    with tempfile.TemporaryDirectory(prefix="reliability-validate-") as name:
        folders = [Path(name) / str(number) for number in range(len(tasks))]
        if processes == 1 or len(tasks) == 1:
            return _run_here(tasks, folders, report)
        return _run_in_pool(tasks, folders, min(processes, len(tasks)), report)


def _run_here(tasks: Sequence[Task], folders: Sequence[Path], report: Progress) -> list[Outcome]:
    outcomes = []
    for done, (task, folder) in enumerate(zip(tasks, folders, strict=True), start=1):
        outcomes.append(_checked(run_task(task, folder), task))
        report(done, len(tasks))
    return outcomes


def _run_in_pool(tasks: Sequence[Task], folders: Sequence[Path], processes: int, report: Progress) -> list[Outcome]:
    with _pool(processes) as pool:
        futures = {pool.submit(run_task, task, folder): task for task, folder in zip(tasks, folders, strict=True)}
        for done, future in enumerate(as_completed(futures), start=1):
            _checked(_result(future), futures[future])
            report(done, len(tasks))
        return [future.result() for future in futures]


def _result(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkerLostError from error


def _checked(outcome: Outcome, task: Task) -> Outcome:
    if outcome.failure is not None:
        raise ClusterFailedError(task.seed, outcome.failure)
    return outcome


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Start fresh processes, for threads of libraries do not survive a fork; after an error, stop them at once."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin_worker)
    try:
        yield pool
    except BaseException:
        for worker in set(multiprocessing.active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    # Ctrl-C reaches every process of a terminal: only the first one acts on it. And stdout holds the answer, to which a
    # library's progress bar must not add.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)


def run_task(task: Task, folder: Path) -> Outcome:
    """Simulate one cluster, count on it and remove its files.

    Parameters
    ----------
    task
        What to do.
    folder
        Where to do it; made here, and removed.
    """
    try:
        folder.mkdir()
        case = simulate(task.spec, task.seed, folder)
        return Outcome({name: MEASURES[name].count(case, task.confidence) for name in task.measures}, case.intake)
    except (ReliabilityError, ModelError) as error:
        return Outcome(failure=str(error))
    except OSError as error:
        return Outcome(failure=f"{error.strerror or error}: {error.filename or folder}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
