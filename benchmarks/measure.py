"""Run a program and say what it took: wall-clock time and peak memory of the process, medians over repeats."""

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
    """Median wall-clock seconds and median peak resident memory of a program."""

    seconds: float
    peak_mib: float


def cost_of(arguments: Sequence[str], repeats: int, before: Callable[[], None] | None = None) -> Cost:
    """Run Python with these arguments a number of times.

    Parameters
    ----------
    arguments
        What follows the interpreter.
    repeats
        Number of runs; each is a process of its own, start-up included.
    before
        Called before each run, outside the clock.

    Raises
    ------
    subprocess.CalledProcessError
        If a run fails.
    """
    costs = []
    for _ in range(repeats):
        if before:
            before()
        costs.append(_run([sys.executable, *arguments]))
    return Cost(statistics.median(c.seconds for c in costs), statistics.median(c.peak_mib for c in costs))


def _run(command: list[str]) -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own programs
    _, status, usage = os.wait4(process.pid, 0)  # the only way to this very child's peak memory
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    per_mib = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Cost(seconds, usage.ru_maxrss / per_mib)
