"""How long from attempts to the goodput ledger, beside what no ledger can do without: to read and add up the attempts.

Each contender is a process of its own over the same lake. The limit reads every stored attempt, spreads it over its
nodes and adds up node-seconds by node: no states, no overlaps, no days. Without ``--lake`` the lake is made by the
simulator's preset ``--preset`` in a temporary folder; the mark of 20 s is for one of 2.4 million attempts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from measure import Contender, measure

from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake, create_lake, open_lake
from synthetic_traces import write_preset

_LIMIT: Final = """
from pathlib import Path
import duckdb
from reliability.lake import open_lake
files = open_lake(Path({lake!r})).files("jobs")
print(duckdb.execute(
    "SELECT count(*), sum(seconds) FROM (SELECT node, sum(seconds) AS seconds FROM (SELECT unnest(nodes) AS node, "
    "epoch(end_utc - start_utc) AS seconds FROM read_parquet(?)) GROUP BY node)", [files]
).fetchall())
"""
_LEDGER: Final = """
from pathlib import Path
from reliability.analyses.goodput import KEPT
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import open_lake
engine = DuckDBEngine(open_lake(Path({lake!r})))
engine.keep(*KEPT)
print(engine.rows("SELECT bucket, sum(seconds) FROM goodput_ledger GROUP BY bucket"))
"""


def main() -> None:
    """Print one row per contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, help="an existing lake")
    parser.add_argument("--preset", default="tiny", help="of the simulator, where no lake is given (default: tiny)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are printed (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        lake = open_lake(options.lake) if options.lake else _simulated(Path(folder), options.preset)
        with closing(DuckDBEngine(lake)) as engine:
            counts = engine.rows("SELECT count(*) AS attempts, sum(len(nodes)) AS entries FROM jobs")[0]
        print(f"lake: {counts['attempts']:,} attempts on {counts['entries']:,} nodes, taken together\n")
        _print_costs(lake, options.repeats)


def _simulated(folder: Path, preset: str) -> Lake:
    logs, lake = folder / "logs", create_lake(folder / "lake")
    write_preset(preset, 1, logs)
    ingest_paths(lake, [logs / "slurm", logs / "training"], Options(cluster=preset), lambda: datetime.now(UTC))
    return lake


def _print_costs(lake: Lake, repeats: int) -> None:
    contenders = [
        Contender(name, does, (sys.executable, "-c", program.format(lake=str(lake.path))))
        for name, does, program in (
            ("limit", "read the attempts, add up by node", _LIMIT),
            ("ledger", "every GPU-second in one bucket", _LEDGER),
        )
    ]
    print(f"{'':8}{'':36}{'seconds':>9}{'CPU s':>9}{'MiB':>9}{'x limit':>9}")
    costs = measure(contenders, repeats)
    for contender, cost in zip(contenders, costs, strict=True):
        times = cost.seconds / costs[0].seconds
        print(
            f"{contender.name:8}{contender.does:36}{cost.seconds:9.2f}{cost.cpu_seconds:9.2f}{cost.peak_mib:9.0f}{times:9.1f}"
        )


if __name__ == "__main__":
    main()
