"""Run programs and say what they took: wall-clock time, CPU time and peak memory of whole processes, as medians."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall-clock seconds, CPU seconds (user and system) and peak resident memory of a program."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A program in a comparison.

    Attributes
    ----------
    name
        As the table prints it.
    does
        What it does with the file, in a few words.
    command
        The program; each run is a process of its own, start-up included.
    before
        Called before each run, outside the clock.
    """

    name: str
    does: str
    command: Sequence[str]
    before: Callable[[], None] = lambda: None


def measure(contenders: Sequence[Contender], repeats: int) -> list[Cost]:
    """Return the median cost of each contender; they take turns, so that a busy moment of the machine meets all.

    Raises
    ------
    subprocess.CalledProcessError
        If a run fails.
    """
    costs: list[list[Cost]] = [[] for _ in contenders]
    for _ in range(repeats):
        for contender, of_contender in zip(contenders, costs, strict=True):
            contender.before()
            of_contender.append(_run(contender.command))
    return [_median(of_contender) for of_contender in costs]


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        statistics.median(cost.peak_mib for cost in costs),
    )


def _run(command: Sequence[str]) -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own programs
    _, status, usage = os.wait4(process.pid, 0)  # the only way to this very child's peak memory
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    per_mib = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mib)
