"""How long does each mart take, read whole from a lake: medians of several reads by one DuckDB connection.

Without ``--lake`` the lake is that of the simulator's ``tiny`` preset, made in a temporary folder.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake, create_lake, open_lake
from reliability.marts import MARTS
from synthetic_traces import write_preset


def main() -> None:
    """Print one row per mart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, help="an existing lake")
    parser.add_argument("--repeats", type=int, default=3, help="reads of each; medians are printed (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-marts-") as folder:
        lake = open_lake(options.lake) if options.lake else _tiny_lake(Path(folder))
        with closing(DuckDBEngine(lake)) as engine:
            _print_times(engine, options.repeats)


def _tiny_lake(folder: Path) -> Lake:
    logs, lake = folder / "logs", create_lake(folder / "lake")
    write_preset("tiny", 1, logs)
    ingest_paths(lake, [logs / "slurm", logs / "kernel"], Options(cluster="tiny"), lambda: datetime.now(UTC))
    return lake


def _print_times(engine: DuckDBEngine, repeats: int) -> None:
    counts = {name: engine.rows(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in ("jobs", "events", "fleet")}  # noqa: S608 - our own names
    print(f"lake: {counts['jobs']:,} attempts, {counts['events']:,} events, {counts['fleet']:,} stays of nodes\n")
    print(f"{'mart':18}{'rows':>12}{'seconds':>10}")
    for mart in MARTS:
        seconds = []
        for _ in range(repeats):
            began = time.perf_counter()
            rows = engine.arrow(f"SELECT * FROM {mart}").num_rows  # noqa: S608 - our own names
            seconds.append(time.perf_counter() - began)
        print(f"{mart:18}{rows:12,}{statistics.median(seconds):10.3f}")


if __name__ == "__main__":
    main()
