"""Millions of lives through the engine: at-risk counts by DuckDB in a memory limit, peak memory of the whole process.

Lives are drawn by DuckDB into Parquet files in a temporary folder; a fresh process reads them as the ``lifetimes`` view
and runs the marts ``grouped_lives`` and ``risk_counts`` over them. Times rounded to the hour give few rows, which are
fetched and made a Kaplan–Meier curve; continuous times give as many rows as lives, which are written to Parquet.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from models.lifetimes.survival import RiskTable, kaplan_meier
from reliability.marts import Parameters, mart_sql


def main() -> None:
    """Print one row for each clock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=float, default=1e7, help="how many (default: 1e7)")
    parser.add_argument("--memory-limit", default="2GB", help="DuckDB's, beyond which it spills (default: 2GB)")
    parser.add_argument("--clock", choices=("hours", "continuous"), action="append", help="default: both")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        _count(options.read, options.memory_limit, options.clock[0])
        return
    print(f"{options.lives:,.0f} lives, memory limit of DuckDB {options.memory_limit}\n")
    print(f"{'clock':12}{'rows':>14}{'events':>14}{'seconds':>10}{'peak MiB':>10}")
    for clock in options.clock or ("hours", "continuous"):
        with tempfile.TemporaryDirectory(prefix="bench-lives-") as folder:
            _draw(Path(folder), int(options.lives), clock)
            arguments = ["--read", folder, "--clock", clock, "--memory-limit", options.memory_limit]
            subprocess.run([sys.executable, __file__, *arguments], check=True)  # noqa: S603 - this very program


def _draw(folder: Path, lives: int, clock: str) -> None:
    rounded = "ceil" if clock == "hours" else ""
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '2GB'; SET preserve_insertion_order = false; SELECT setseed(0.5)")
        connection.execute(
            f"""
            COPY (
                SELECT 'c1' AS cluster, 'gpu' AS component, entry AS entry_hours,
                    entry + {rounded}(1 + least(watched, life)) AS exit_hours, life <= watched AS observed,
                    CASE WHEN life <= watched THEN 'gpu_memory' END AS symptom,
                    'H100' AS gpu_model, NULL::VARCHAR AS rack, NULL::VARCHAR AS pod,
                    NULL::MAP(VARCHAR, VARCHAR) AS attributes
                FROM (
                    SELECT {rounded}(CASE WHEN random() < 0.5 THEN random() * 12000 ELSE 0 END) AS entry,
                        random() * 20000 AS watched, -30000 * ln(1 - random()) AS life
                    FROM range({lives})
                )
            ) TO '{folder / "lives.parquet"}' (FORMAT parquet)
            """  # noqa: S608 - our own numbers
        )


def _count(folder: Path, memory_limit: str, clock: str) -> None:
    began = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{memory_limit}'; SET temp_directory = '{folder / 'spill'}'")
        connection.execute("SET preserve_insertion_order = false")
        row = Parameters().row()
        listed = ", ".join(f"{'NULL' if value is None else repr(value)} AS {name}" for name, value in row.items())
        connection.execute(f"CREATE VIEW parameters AS SELECT {listed}")
        connection.execute(f"CREATE VIEW lifetimes AS SELECT * FROM '{folder / 'lives.parquet'}'")  # noqa: S608 - our folder
        connection.execute(f"CREATE TEMPORARY TABLE grouped_lives AS {mart_sql('grouped_lives')}")
        if clock == "hours":
            found = connection.sql(f"{mart_sql('risk_counts')} ORDER BY time_hours").fetchnumpy()
            table = RiskTable(*(found[name] for name in ("time_hours", "at_risk", "events", "censored")))
            kaplan_meier(table)
            rows, events = table.time_hours.size, int(table.events.sum())
        else:
            target = folder / "counts.parquet"
            connection.execute(f"COPY ({mart_sql('risk_counts')}) TO '{target}' (FORMAT parquet)")
            rows, events = connection.sql(f"SELECT count(*), sum(events)::BIGINT FROM '{target}'").fetchall()[0]  # noqa: S608 - our folder
    per_mib = 1 << 20 if sys.platform == "darwin" else 1 << 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / per_mib
    print(f"{clock:12}{rows:14,}{events:14,}{time.perf_counter() - began:10.1f}{peak:10,.0f}", flush=True)


if __name__ == "__main__":
    main()
