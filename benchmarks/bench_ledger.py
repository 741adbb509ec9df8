"""The goodput ledger of a lake, beside the least that any ledger has to do on the same files.

The bare sum reads the attempts' Parquet files once, unfolds their nodes and adds GPU-seconds up per node: no repeats,
no states, no causes, no days. Both are processes of their own, start-up included. Without ``--lake`` the lake is that
of a simulated preset, made in a temporary folder: ``rsc-1`` is the size of the published cluster and takes a while.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from measure import Contender, measure

from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.lake import Lake, create_lake, open_lake
from synthetic_traces import write_preset


def main() -> None:
    """Print one row per program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, help="an existing lake")
    parser.add_argument("--preset", default="tiny", help="simulated where no lake is given (default: tiny)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are printed (default: 3)")
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        _add_up(open_lake(options.bare))
        return
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        lake = open_lake(options.lake) if options.lake else _simulated(options.preset, Path(folder))
        path = str(lake.path)
        contenders = (
            Contender("bare sum", "GPU-seconds per node", [sys.executable, __file__, "--bare", path]),
            Contender(
                "reliability goodput",
                "every GPU-second in a bucket",
                [str(Path(sys.executable).with_name("reliability")), "goodput", "--lake", path, "--json"],
            ),
        )
        print(f"{'program':22}{'what it does':32}{'s':>8}{'CPU s':>8}{'peak MiB':>10}")
        for contender, cost in zip(contenders, measure(contenders, options.repeats), strict=True):
            print(
                f"{contender.name:22}{contender.does:32}"
                f"{cost.seconds:8.1f}{cost.cpu_seconds:8.1f}{cost.peak_mib:10,.0f}"
            )


def _simulated(preset: str, folder: Path) -> Lake:
    logs, lake = folder / "logs", create_lake(folder / "lake")
    write_preset(preset, 1, logs)
    places = [logs / part for part in ("slurm", "kernel", "training") if (logs / part).is_dir()]
    ingest_paths(lake, places, Options(cluster=preset), lambda: datetime.now(UTC))
    return lake


def _add_up(lake: Lake) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """
            SELECT node, sum(gpus * seconds)
            FROM (
                SELECT
                    unnest(nodes) AS node,
                    gpu_count / len(nodes) AS gpus,
                    epoch(coalesce(end_utc, start_utc) - start_utc) AS seconds
                FROM read_parquet(?, hive_partitioning = false)
                WHERE start_utc IS NOT NULL
            ) AS held
            GROUP BY node
            """,
            [lake.files("jobs")],
        ).fetchall()


if __name__ == "__main__":
    main()
