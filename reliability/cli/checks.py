"""What ``reliability doctor`` looks at."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import LakeNotFoundError, ReliabilityError
from reliability.lake import Lake, open_lake
from reliability.schema import DATA_TABLES, TABLES

_PACKAGES: Final = (
    "cluster-reliability",
    "duckdb",
    "deltalake",
    "pyarrow",
    "pandas",
    "scipy",
    "lifelines",
    "plotly",
    "dash",
)
_FREE_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str


def run_checks(lake_path: Path) -> list[Check]:
    """Look at the installation, and at the lake if there is one.

    Parameters
    ----------
    lake_path
        Where the lake should be; a missing lake is no fault.
    """
    checks = [Check("python", sys.version_info >= (3, 11), sys.version.split()[0]), *map(_package, _PACKAGES)]
    try:
        lake = open_lake(lake_path)
    except LakeNotFoundError:
        return [*checks, Check("lake", ok=True, detail=f"none at {lake_path} yet")]
    except ReliabilityError as error:
        return [*checks, Check("lake", ok=False, detail=str(error))]
    free = shutil.disk_usage(lake.path).free
    return [
        *checks,
        Check("lake", ok=True, detail=str(lake.path)),
        Check("disk", free >= _FREE_BYTES, f"{free / 1e9:.1f} GB free"),
        _files_present(lake),
        *_counts(lake),
    ]


def _package(name: str) -> Check:
    try:
        return Check(name, ok=True, detail=version(name))
    except PackageNotFoundError:
        return Check(name, ok=False, detail="not installed")


def _files_present(lake: Lake) -> Check:
    missing = [path for table in TABLES for path in lake.files(table) if not Path(path).is_file()]
    total = sum(len(lake.files(table)) for table in TABLES)
    return Check("files", not missing, f"missing {missing[0]}" if missing else f"{total} Parquet files, all there")


def _counts(lake: Lake) -> list[Check]:
    with closing(DuckDBEngine(lake)) as engine:
        unequal = engine.rows(
            "SELECT path FROM ingests WHERE rows_read <> rows_used + rows_rejected + rows_dropped ORDER BY path"
        )
        refused = engine.rows(
            "SELECT ingests.path FROM ingests WHERE rows_rejected <> "
            "(SELECT count(*) FROM rejects WHERE rejects.ingest_id = ingests.ingest_id) ORDER BY path"
        )
        rows = {
            table.name: engine.rows(f"SELECT count(*) AS n FROM {table.name}")[0]["n"]  # noqa: S608 - schema names
            for table in DATA_TABLES
        }
    return [
        Check(
            "counts",
            not unequal,
            f"do not add up: {unequal[0]['path']}" if unequal else "read = used + rejected + dropped",
        ),
        Check(
            "rejects", not refused, f"rows missing: {refused[0]['path']}" if refused else "one row per refused record"
        ),
        Check(
            "rows", ok=True, detail=", ".join(f"{name} {count:,}" for name, count in rows.items() if count) or "none"
        ),
    ]
