"""How fast is ingest: ``sacct`` text to the lake, beside DuckDB's bare CSV-to-Parquet copy of the same file.

The copy parses and compresses and nothing else: no times read, no host lists unfolded, no counts, no transaction. It is
the floor that the design measures against (at most three times its time). Writes only into a temporary folder.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from measure import cost_of
from sacct_text import write_sacct

_INGEST = "from reliability.cli import run; run()"
_COPY = """
import sys, duckdb
source, target = sys.argv[1:]
rows = duckdb.read_csv(source, delimiter="|", header=True)
rows.write_parquet(target, compression="snappy")
"""


def main() -> None:
    """Print one row per program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="attempts in the file (default: 200,000)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; medians are printed (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder:
        source, lake, copy = Path(folder, "sacct.psv"), Path(folder, "lake"), Path(folder, "copy.parquet")
        write_sacct(source, options.rows, np.random.default_rng(1))
        size_mb = source.stat().st_size / 1e6
        bare = cost_of(["-c", _COPY, str(source), str(copy)], options.repeats)
        ours = cost_of(
            ["-c", _INGEST, "ingest", "--lake", str(lake), "--json", str(source)],
            options.repeats,
            before=lambda: shutil.rmtree(lake, ignore_errors=True),
        )
    print(f"sacct text, {options.rows:,} rows, {size_mb:,.0f} MB; medians of {options.repeats}, start-up included\n")
    print(f"{'':22}{'seconds':>9}{'rows/s':>12}{'MB/s':>8}{'peak MiB':>10}{'x copy':>8}")
    for name, cost in (("DuckDB CSV to Parquet", bare), ("reliability ingest", ours)):
        print(
            f"{name:22}{cost.seconds:9.2f}{options.rows / cost.seconds:12,.0f}{size_mb / cost.seconds:8,.0f}"
            f"{cost.peak_mib:10,.0f}{cost.seconds / bare.seconds:8.1f}"
        )


if __name__ == "__main__":
    main()
