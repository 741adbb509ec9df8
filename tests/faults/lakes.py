"""Runs of the real command, and what a lake says afterwards: equal dictionaries are equal lakes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import open_lake
from reliability.schema import DATA_TABLES

Completed = subprocess.CompletedProcess[str]
ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases"
#: the command of the ``reliability`` script, wherever the environment has put it
RELIABILITY = (sys.executable, "-c", "from reliability.cli import run; run()")
#: a line of a kernel log that is an event
XID = "<4>1 2026-01-{day:02}T{hour:02}:{minute:02}:00Z n{node} kernel - - - NVRM: Xid (PCI:0000:9b:00): 79, gone.\n"


def ingest(lake: Path, *arguments: str | Path, before: Sequence[str] = (), **options: Any) -> Completed:
    """Run ``reliability ingest`` to its end; ``before`` is a command that runs it."""
    command = [*before, *RELIABILITY, "ingest", "--lake", str(lake), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, **options)


def ingest_here(lake: Path, *arguments: str | Path) -> int:
    """Ingest in this process, which takes no time to start; return the exit status."""
    return main(["ingest", "--lake", str(lake), *map(str, arguments)])


def start_ingest(lake: Path, *arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start ``reliability ingest`` and return the process."""
    command = [*RELIABILITY, "ingest", "--lake", str(lake), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def content(lake: Path) -> dict[str, Any]:
    """Return a digest of every table as a reader sees it, and what became of the records of all files."""
    engine = DuckDBEngine(open_lake(lake))
    kept = "SELECT * EXCLUDE (ingest_id) FROM {}"
    digest = f"SELECT count(*) AS n, sum(hash(COLUMNS(*)::VARCHAR)) AS sums FROM ({kept})"
    tables = {table.name: engine.rows(digest.format(table.name)) for table in DATA_TABLES}
    counts = (
        "sum(rows_read) AS read, sum(rows_used) AS used, sum(rows_rejected) AS rejected, sum(rows_dropped) AS dropped"
    )
    rejects = "SELECT line, reason, count(*) AS n FROM rejects GROUP BY ALL ORDER BY ALL"
    return tables | {
        "counts": engine.rows(f"SELECT format, {counts} FROM ingests GROUP BY format ORDER BY format"),
        "rejects": engine.rows(rejects),
    }


def logs_of_many_kinds(folder: Path, names: Sequence[str] = ()) -> list[str]:
    """Copy one golden input of each format into a folder, those that need no option; return the formats."""
    folder.mkdir(parents=True)
    taken = []
    for kind in sorted(CASES.iterdir()):
        plain = [
            case for case in sorted(kind.glob("*.input")) if not case.with_name(f"{case.stem}.options.json").exists()
        ]
        if plain and (not names or kind.name in names):
            (folder / f"{kind.name}.log").write_bytes(plain[0].read_bytes())
            os.utime(folder / f"{kind.name}.log", (1_767_225_600, 1_767_225_600))  # the time of snapshots without one
            taken.append(kind.name)
    return taken


def kernel_lines(count: int, first: int = 0) -> str:
    """Return lines of a kernel log, each an event of its own."""
    numbers = range(first, first + count)
    return "".join(
        XID.format(day=1 + n // 1440 % 28, hour=n // 60 % 24, minute=n % 60, node=n // 40_320) for n in numbers
    )


def sacct(count: int, first: int = 0) -> str:
    """Return the output of ``sacct`` with so many jobs."""
    lines = (f"{n}|c|FAILED|2026-01-01T00:00:00|2026-01-01T01:00:00|{n * 7919}\n" for n in range(first, first + count))
    return "JobID|Cluster|State|Start|End|JobName\n" + "".join(lines)
