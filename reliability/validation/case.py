"""One simulated cluster: its logs and its inventory taken into a lake, its truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ingest.mapping.source import load_mapping
from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.lake import Lake, create_lake
from synthetic_traces import write_trace

if TYPE_CHECKING:
    from synthetic_traces import ClusterSpec


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of the log files: files that could not be taken in, and records that were refused."""

    files: int
    files_failed: int
    rows_read: int
    rows_rejected: int

    def __add__(self, other: Intake) -> Intake:
        return Intake(
            self.files + other.files,
            self.files_failed + other.files_failed,
            self.rows_read + other.rows_read,
            self.rows_rejected + other.rows_rejected,
        )


NO_INTAKE: Final = Intake(0, 0, 0, 0)

#: what a datacentre writes down of every node: in which rack and pod it stands
_INVENTORY: Final = """
name = "inventory"

[nodes]
node = "node"
rack = "rack"
pod = "pod"
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What the analyses see (``lake``) and what they should have seen (``truth``, a folder)."""

    lake: Lake
    truth: Path
    intake: Intake


def simulate(spec: ClusterSpec, seed: int, folder: Path) -> Case:
    """Simulate one cluster and take its logs and its inventory, and nothing else, into a new lake.

    Parameters
    ----------
    spec
        The cluster.
    seed
        Of all its randomness.
    folder
        Empty; logs, truth and lake are written into it.

    Raises
    ------
    ReliabilityError
        If no log can be taken in, or the lake cannot be written.
    OSError
        If the logs cannot be written.
    """
    logs = folder / "trace"
    write_trace(spec, seed, logs)
    lake = create_lake(folder / "lake")
    told = sorted(path for path in logs.iterdir() if path.name != "truth")
    files = ingest_paths(lake, told, Options(), lambda: datetime.now(UTC)).files
    _take_inventory(lake, logs / "truth", folder, spec.cluster)
    return Case(
        lake,
        logs / "truth",
        Intake(
            files=len(files),
            files_failed=sum(file.error is not None for file in files),
            rows_read=sum(file.rows_read for file in files),
            rows_rejected=sum(file.rows_rejected for file in files),
        ),
    )


def _take_inventory(lake: Lake, truth: Path, folder: Path, cluster: str) -> None:
    """Take in where the nodes stand: no log says it, and it says nothing of what fails."""
    mapping, table = folder / "inventory.toml", folder / "inventory.csv"
    mapping.write_text(_INVENTORY, encoding="utf-8")
    places = pa.parquet.read_table(truth / "nodes.parquet", columns=["node", "rack", "pod"])
    pa.csv.write_csv(places, table)
    options = Options(cluster=cluster, mapping=load_mapping(mapping))
    ingest_paths(lake, [table], options, lambda: datetime.now(UTC))
