"""What became of each file that was fed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: ``rows_read == rows_used + rows_rejected + rows_dropped``, always.

    Attributes
    ----------
    path
        The file.
    format
        Source it was read with; None if it was not recognised.
    cluster
        Cluster its records belong to (the first, if it holds several).
    rows_read, rows_used, rows_rejected, rows_dropped
        Records in the file; records that reached a table, were refused, had nothing to say.
    rows_written
        Rows this run added, per table; all 0 for a repeat.
    warnings
        What a reader of the numbers should know.
    repeated
        Whether the lake had this file already.
    error
        Why the file could not be taken in; None if it was.
    """

    path: Path
    format: str | None = None
    cluster: str | None = None
    rows_read: int = 0
    rows_used: int = 0
    rows_rejected: int = 0
    rows_dropped: int = 0
    rows_written: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    repeated: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """All files of one command, in the order they were read."""

    files: tuple[FileReport, ...]

    @property
    def failed(self) -> bool:
        """Whether some file could not be taken in."""
        return any(file.error is not None for file in self.files)
