"""Other programs that read ``sacct`` text; those of PyPI in virtual environments of their own."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Final

from measure import Contender

SLURM2SQL: Final = "slurm2sql==0.9.9"
GPUCM: Final = "gpucm==0.0.2"

_COPY: Final = """
import sys, duckdb
source, target = sys.argv[1:]
rows = duckdb.read_csv(source, delimiter="|", header=True)
rows.write_parquet(target, compression="snappy")
"""
_PANDAS: Final = """
import sys, pandas
source, target = sys.argv[1:]
pandas.read_csv(source, sep="|").to_parquet(target)
"""
_SLURM2SQL: Final = """
import sys, slurm2sql
sys.exit(slurm2sql.main([sys.argv[2], "--quiet", "--csv-input", sys.argv[1]]))
"""
# The function calls sacct and parses what it prints; here the file is what sacct prints.
_GPUCM: Final = """
import logging, sys
from pathlib import Path
from gcm.monitoring.slurm import sacct
sacct.get_command_output = lambda command: Path(sys.argv[1]).read_text()
logging.disable()
assert sacct.parse_slurm_jobs("2026-01-01T00:00:00", "2027-01-01T00:00:00", logging.getLogger())
"""


def bare_copy(source: Path, folder: Path) -> Contender:
    """Return DuckDB's copy: it parses and compresses and nothing else."""
    target = folder / "copy.parquet"
    command = [sys.executable, "-c", _COPY, str(source), str(target)]
    return Contender("DuckDB CSV to Parquet", "the bare copy, no value looked at", command)


def pandas_copy(source: Path, folder: Path) -> Contender:
    """Return pandas' copy."""
    target = folder / "pandas.parquet"
    command = [sys.executable, "-c", _PANDAS, str(source), str(target)]
    return Contender("pandas CSV to Parquet", "the bare copy, whole file in memory", command)


def slurm2sql(source: Path, folder: Path) -> Contender:
    """Return slurm2sql, which reads CSV with commas: the file is rewritten for it, outside the clock."""
    as_csv = folder / "slurm2sql.csv"
    with source.open(newline="") as given, as_csv.open("w", newline="") as out:
        csv.writer(out).writerows(csv.reader(given, delimiter="|"))
    database = folder / "slurm2sql.db"
    command = [_python_with(SLURM2SQL, folder), "-c", _SLURM2SQL, str(as_csv), str(database)]
    return Contender(
        SLURM2SQL.replace("==", " "),
        "times, GPUs, memory parsed; node lists not; into SQLite",
        command,
        before=lambda: database.unlink(missing_ok=True),
    )


def gpucm(source: Path, folder: Path) -> Contender:
    """Return gpucm's ``parse_slurm_jobs``."""
    command = [_python_with(GPUCM, folder), "-c", _GPUCM, str(source)]
    return Contender(
        GPUCM.replace("==", " "), "parse_slurm_jobs: 14 fields into objects in memory; writes nothing", command
    )


def _python_with(requirement: str, folder: Path) -> str:
    place = folder / requirement.partition("=")[0]
    subprocess.run([sys.executable, "-m", "venv", place], check=True)  # noqa: S603 - our own arguments
    python = str(place / "bin" / "python")
    install = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", requirement]
    subprocess.run(install, check=True)  # noqa: S603 - our own arguments
    return python
