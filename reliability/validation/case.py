"""One simulated cluster: its logs taken into a lake, its truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

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


@dataclass(frozen=True, slots=True)
class Case:
    """What the analyses see (``lake``) and what they should have seen (``truth``, a folder)."""

    lake: Lake
    truth: Path
    intake: Intake


def simulate(spec: ClusterSpec, seed: int, folder: Path) -> Case:
    """Simulate one cluster and take its logs, and nothing else, into a new lake.

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
