"""How fast is ingest, beside DuckDB's bare copy of the same file and beside the programs that read the same logs.

Whole processes, start-up included; medians; the contenders take turns. Everything is made in a temporary folder (give
it 20 GB) and removed. The results are printed and written into ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
from measure import Contender, Cost, measure
from peers import GPUCM, SLURM2SQL, bare_copy, gpucm, pandas_copy, slurm2sql
from sacct_json import write_sacct_json
from sacct_text import write_sacct
from syslog_text import write_syslog

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_INGEST: Final = "from reliability.cli import run; run()"
_HEADER: Final = ("program", "what it does", "runs", "s", "CPU s", "records/s", "MB/s", "peak MiB", "× first")


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    contender: Contender
    cost: Cost
    repeats: int
    records: int
    size_mb: float
    times_first: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several programs on one file."""

    title: str
    results: tuple[Result, ...]


def main() -> None:
    """Run all comparisons and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000, help="attempts in the sacct text (default: 4,000,000)")
    parser.add_argument("--peer-rows", type=int, default=200_000, help="… for the slow peers (default: 200,000)")
    parser.add_argument("--json-mb", type=int, default=1000, help="megabytes of sacct --json (default: 1000)")
    parser.add_argument("--syslog-mb", type=int, default=10_000, help="megabytes of syslog (default: 10,000)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; medians are printed (default: 5)")
    parser.add_argument(
        "--only", choices=("sacct", "peers", "json", "syslog"), help="one comparison; writes no document"
    )
    options = parser.parse_args()
    chosen: dict[str, Callable[[Path], list[Comparison]]] = {
        "sacct": lambda folder: sacct_text(folder, options.rows, options.repeats),
        "peers": lambda folder: peers(folder, options.peer_rows, options.repeats),
        "json": lambda folder: sacct_json(folder, options.json_mb, options.repeats),
        "syslog": lambda folder: syslog(folder, options.syslog_mb, options.repeats),
    }
    comparisons: list[Comparison] = []
    for name, comparison in chosen.items():
        if options.only in {None, name}:
            with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as folder:
                found = comparison(Path(folder))
            print(_as_markdown(found), flush=True)
            comparisons += found
    if options.only is None:
        DOCUMENT.write_text(_document(comparisons), encoding="utf-8")


def sacct_text(folder: Path, rows: int, repeats: int) -> list[Comparison]:
    """Compare with the copies that do nothing but copy."""
    source = folder / "sacct.psv"
    write_sacct(source, rows, np.random.default_rng(1))
    contenders = [bare_copy(source, folder), ours(source, folder), pandas_copy(source, folder)]
    return [compare("sacct text, 26 columns", source, rows, contenders, repeats)]


def peers(folder: Path, rows: int, repeats: int) -> list[Comparison]:
    """Compare with the programs that read sacct; they would take too long for more rows."""
    source = folder / "sacct.psv"
    write_sacct(source, rows, np.random.default_rng(1))
    contenders = [bare_copy(source, folder), ours(source, folder), slurm2sql(source, folder), gpucm(source, folder)]
    return [compare("sacct text, 26 columns, the programs that read it", source, rows, contenders, repeats)]


def sacct_json(folder: Path, size_mb: int, repeats: int) -> list[Comparison]:
    """Measure the streaming of one large JSON document; three runs are enough for so long a one."""
    source = folder / "sacct.json"
    jobs = write_sacct_json(source, size_mb * 1_000_000, np.random.default_rng(1))
    return [compare("sacct --json", source, jobs, [ours(source, folder)], min(repeats, 3))]


def syslog(folder: Path, size_mb: int, repeats: int) -> list[Comparison]:
    """Measure a syslog and another a tenth of its length: the memory must be the same. The long one runs once."""
    comparisons = []
    for size, runs in ((size_mb // 10, repeats), (size_mb, 1)):
        source = folder / f"syslog-{size}"
        lines = write_syslog(source, size * 1_000_000, np.random.default_rng(1))
        comparisons.append(compare("syslog, 1 line in 1,000 relevant", source, lines, [ours(source, folder)], runs))
        source.unlink()
    return comparisons


def ours(source: Path, folder: Path) -> Contender:
    """Return the ingest of a file into an empty lake."""
    lake = folder / "lake"
    command = [
        sys.executable,
        "-c",
        _INGEST,
        "ingest",
        "--lake",
        str(lake),
        "--cluster",
        "bench",
        "--json",
        str(source),
    ]
    return Contender(
        "reliability ingest",
        "every value parsed and checked, node lists unfolded, repeats found; a transaction into the lake",
        command,
        before=lambda: shutil.rmtree(lake, ignore_errors=True),
    )


def compare(title: str, source: Path, records: int, contenders: Sequence[Contender], repeats: int) -> Comparison:
    """Run the contenders on the file."""
    size_mb = source.stat().st_size / 1e6
    costs = measure(contenders, repeats)
    return Comparison(
        f"{title}: {records:,} records, {size_mb:,.0f} MB",
        tuple(
            Result(contender, cost, repeats, records, size_mb, cost.seconds / costs[0].seconds)
            for contender, cost in zip(contenders, costs, strict=True)
        ),
    )


def _document(comparisons: Sequence[Comparison]) -> str:
    packages = ("cluster-reliability", "duckdb", "pyarrow", "deltalake", "pandas")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        "# Benchmarks\n\n"
        "Written by `make bench`; the inputs are made up by `benchmarks/`. Whole processes, start-up included, medians "
        "of the runs; programs in one table took turns on one file. CPU time is user and system time together.\n\n"
        f"Run on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {memory_gib:.0f} GiB of memory, "
        f"{platform.system()} {platform.machine()}; Python {platform.python_version()}, {versions}, "
        f"{', '.join(peer.replace('==', ' ') for peer in (SLURM2SQL, GPUCM))}.\n\n" + _as_markdown(comparisons)
    )


def _as_markdown(comparisons: Sequence[Comparison]) -> str:
    lines = []
    for comparison in comparisons:
        lines += [
            f"## {comparison.title}",
            "",
            f"| {' | '.join(_HEADER)} |",
            f"|---|---|{'---:|' * (len(_HEADER) - 2)}",
        ]
        lines += [f"| {' | '.join(_cells(result))} |" for result in comparison.results]
        lines.append("")
    return "\n".join(lines)


def _cells(result: Result) -> tuple[str, ...]:
    cost = result.cost
    return (
        result.contender.name,
        result.contender.does,
        str(result.repeats),
        f"{cost.seconds:,.2f}",
        f"{cost.cpu_seconds:,.2f}",
        f"{result.records / cost.seconds:,.0f}",
        f"{result.size_mb / cost.seconds:,.0f}",
        f"{cost.peak_mib:,.0f}",
        f"{result.times_first:.1f}",
    )


if __name__ == "__main__":
    main()
