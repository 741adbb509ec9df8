"""What became of each file that was fed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.source import Reject


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
        Records that were read; records that reached a table, were refused, had nothing to say.
    rows_written
        Rows this run added, per table (of a dry run: would add); all 0 for a repeat.
    warnings
        What a reader of the numbers should know.
    first_rejects
        The first few records refused in this run.
    repeated
        Whether the lake had this file already.
    continued
        Whether the lake had its beginning, so that only what follows was read.
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
    first_rejects: tuple[Reject, ...] = ()
    repeated: bool = False
    continued: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """All files of one command, in the order they were given."""

    files: tuple[FileReport, ...]

    @property
    def failed(self) -> bool:
        """Whether some file could not be taken in."""
        return any(file.error is not None for file in self.files)


def joined(parts: Sequence[FileReport]) -> FileReport:
    """Return one report for the parts of a file that were read one after the other."""
    written: Counter[str] = Counter()
    for part in parts:
        written.update(part.rows_written)
    return FileReport(
        path=parts[0].path,
        format=parts[0].format,
        cluster=parts[0].cluster,
        rows_read=sum(part.rows_read for part in parts),
        rows_used=sum(part.rows_used for part in parts),
        rows_rejected=sum(part.rows_rejected for part in parts),
        rows_dropped=sum(part.rows_dropped for part in parts),
        rows_written=dict(written),
        warnings=tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
        first_rejects=tuple(reject for part in parts for reject in part.first_rejects)[:FIRST_REJECTS],
        repeated=all(part.repeated for part in parts),
        continued=parts[0].continued,
    )


#: rejects a report shows; all of them are in the lake
FIRST_REJECTS = 3
