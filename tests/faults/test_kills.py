"""The command itself, killed at random moments: the same command again must leave the lake that no kill leaves.

The input is a folder with a file of every format that needs no options, the logs of a simulated cluster, and a kernel
log that grows between the kills.
"""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from synthetic_traces import write_preset
from tests.faults.lakes import content, ingest, ingest_here, kernel_lines, logs_of_many_kinds, start_ingest

GROWTH = 40
#: formats of the short form
FEW_KINDS = (
    *("backblaze", "kernel-log", "kubernetes", "pbs-accounting", "slurm-json"),
    *("slurm-sacct", "topology-conf"),
)


def grow(log: Path, step: int) -> None:
    """Append lines; the last one is cut in the middle and completed by the next step."""
    whole = kernel_lines(GROWTH * (step + 1)).encode()
    written = log.stat().st_size if log.exists() else 0
    with log.open("ab") as stream:
        stream.write(whole[written : len(whole) - (17 if step % 2 else 0)])


def finish(log: Path, steps: int) -> None:
    """Bring a log to its full length, whatever was cut before."""
    log.write_bytes(kernel_lines(GROWTH * steps).encode())


def kill_at_random(tmp_path: Path, kills: int, lakes: int, *, simulated: bool, seed: int) -> int:
    folder = tmp_path / "logs"
    kinds = logs_of_many_kinds(folder, () if simulated else FEW_KINDS)
    assert len(kinds) > 5
    if simulated:
        write_preset("tiny", 1, tmp_path / "simulated")
        for name in ("slurm", "kernel"):
            (tmp_path / "simulated" / name).rename(folder / name)
    growing = [folder / f"growing-{number}" for number in range(lakes)]
    shared = [str(path) for path in folder.iterdir() if path not in growing]

    full = tmp_path / "full-growth"
    finish(full, kills)
    began = time.monotonic()
    assert ingest(tmp_path / "clean", *shared, full).returncode in {0, 2}
    seconds = time.monotonic() - began
    clean = content(tmp_path / "clean")

    rng = np.random.default_rng(seed)
    killed = 0
    for number, delay in enumerate(rng.uniform(0, seconds, kills)):
        mine = number % lakes  # several kills to a lake: leftovers of one must not trouble the next
        grow(growing[mine], number)
        process = start_ingest(tmp_path / f"lake-{mine}", *shared, growing[mine])
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL

    for number in range(lakes):
        finish(growing[number], kills)
        lake = tmp_path / f"lake-{number}"
        assert ingest_here(lake, *shared, growing[number]) in {0, 2}
        assert content(lake) == clean
        assert list((lake / "spool").iterdir()) == []
    return killed


def test_two_kills_leave_the_lake_of_none(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path, 2, 1, simulated=False, seed=2) >= 1


@pytest.mark.validation
def test_fifty_kills_leave_the_lake_of_none(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path, 50, 5, simulated=True, seed=1) > 50 / 4
