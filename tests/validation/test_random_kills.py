"""The command itself, killed at random moments: the same command again must leave the lake that no kill leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import open_lake
from reliability.schema import DATA_TABLES
from synthetic_traces import write_preset

KILLS = 50

pytestmark = pytest.mark.validation


def content(lake: Path) -> dict[str, object]:
    engine = DuckDBEngine(open_lake(lake))
    digest = "SELECT count(*) AS n, sum(hash(COLUMNS(*)::VARCHAR)) AS sums FROM (SELECT * EXCLUDE (ingest_id) FROM {})"
    return {table.name: engine.rows(digest.format(table.name)) for table in DATA_TABLES} | {
        "ingests": engine.rows("SELECT path, rows_read, rows_used, rows_rejected FROM ingests ORDER BY path")
    }


def test_fifty_kills_leave_the_lake_of_none(tmp_path: Path) -> None:
    write_preset("tiny", 1, tmp_path / "logs")
    command = [sys.executable, "-c", "from reliability.cli import run; run()", "ingest"]
    logs = [str(tmp_path / "logs" / folder) for folder in ("slurm", "kernel")]

    began = time.monotonic()
    subprocess.run([*command, "--lake", str(tmp_path / "clean"), *logs], check=True, capture_output=True)
    seconds = time.monotonic() - began
    clean = content(tmp_path / "clean")

    rng = np.random.default_rng(1)
    killed = 0
    for number, delay in enumerate(rng.uniform(0, seconds, KILLS)):
        lake = tmp_path / f"lake-{number % 5}"  # several kills to a lake: leftovers of one must not trouble the next
        process = subprocess.Popen(
            [*command, "--lake", str(lake), *logs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += process.wait() == -signal.SIGKILL
    assert killed > KILLS / 4

    for number in range(5):
        lake = tmp_path / f"lake-{number}"
        subprocess.run([*command, "--lake", str(lake), *logs], check=True, capture_output=True)
        assert content(lake) == clean
