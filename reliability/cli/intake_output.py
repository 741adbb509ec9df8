"""What ``ingest`` shows: a progress bar, and a summary a person can read however many files there were."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reliability.cli.output import notes, print_table
from reliability.errors import ReliabilityError

if TYPE_CHECKING:
    from ingest.report import FileReport, IngestReport

#: more files than this are summed up by format
_FILES_LISTED: Final = 20
#: warnings, and rejects, that are shown
_NOTES_SHOWN: Final = 12


def print_report(report: IngestReport, *, dry_run: bool) -> None:
    """Print what became of the files: a row each, or a row per format where there are many."""
    rows = _rows_by_format(report.files) if len(report.files) > _FILES_LISTED else [_row(f) for f in report.files]
    if dry_run:
        rows = [{("would write" if name == "written" else name): value for name, value in row.items()} for row in rows]
    print_table(rows)
    warnings = Counter(warning for file in report.files for warning in file.warnings)
    one = {warning: file.path for file in report.files for warning in file.warnings}
    some_notes([f"{one[text]}: {text}" if files == 1 else f"{files} files: {text}" for text, files in warnings.items()])
    some_notes(
        [
            f"{file.path}:{reject.line_number}: refused: {reject.reason}"
            for file in report.files
            for reject in file.first_rejects
        ]
    )
    refused = sum(file.rows_rejected for file in report.files)
    if refused and not dry_run:
        notes([f"{refused:,} records refused in all; the table `rejects` has every one"])
    if dry_run:
        notes(["a dry run: nothing was written"])


@contextmanager
def file_progress(paths: Sequence[Path]) -> Iterator[Callable[[Path, int, int], None] | None]:
    """Show how far the reading is, with rate and remaining time, where a person watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn  # noqa: PLC0415

    shown = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        sizes = _sizes(paths)
        task = bar.add_task("", total=sum(sizes.values()) or None)
        reading = _Reading(sizes)

        def advance(path: Path, done: int, total: int) -> None:
            bytes_done = reading.advance(path, done, total)
            bar.update(task, description=reading.description, completed=bytes_done)

        yield advance


class _Reading:
    """Adds up the bytes of all files; each is read twice, to hash it and to parse it."""

    def __init__(self, sizes: dict[Path, int]) -> None:
        self._sizes = sizes
        self._finished = 0
        self._number = 0
        self._path: Path | None = None
        self._last = 0
        self._passes = 0
        self.description = ""

    def advance(self, path: Path, done: int, total: int) -> int:
        """Return the bytes done of all files, given the bytes done in this pass over one."""
        if path != self._path:
            self._finished += self._sizes.get(self._path, 0) if self._path is not None else 0
            self._path, self._last, self._passes = path, 0, 1
            self._number += 1
            self.description = f"{self._number}/{max(self._number, len(self._sizes))} {path.name}"
        elif done < self._last:
            self._passes += 1
        self._last = done
        half = total / 2
        return self._finished + int(min(self._passes - 1, 1) * half + min(done, total) / 2)


def _sizes(paths: Sequence[Path]) -> dict[Path, int]:
    from ingest.opening import find_files  # noqa: PLC0415 - keeps --help instant

    sizes: dict[Path, int] = {}
    for path in paths:
        try:
            sizes.update({file: file.stat().st_size for file in find_files(path) if file.is_file()})
        except (ReliabilityError, OSError):
            continue  # told by ingest itself
    return sizes


def _row(file: FileReport) -> dict[str, Any]:
    return {
        "path": str(file.path),
        "format": file.format,
        "cluster": file.cluster,
        "read": file.rows_read,
        "used": file.rows_used,
        "rejected": file.rows_rejected,
        "dropped": file.rows_dropped,
        "written": _written(file.rows_written) or ("nothing: taken in before" if file.repeated else "nothing"),
    }


def _rows_by_format(files: Sequence[FileReport]) -> list[dict[str, Any]]:
    by_format: dict[str, list[FileReport]] = {}
    for file in files:
        by_format.setdefault(file.format or "(not taken in)", []).append(file)
    return [_sum_row(name, group) for name, group in sorted(by_format.items())]


def _sum_row(name: str, group: Sequence[FileReport]) -> dict[str, Any]:
    written: Counter[str] = Counter()
    for file in group:
        written.update(file.rows_written)
    return {
        "format": name,
        "files": len(group),
        "new": sum(not (file.repeated or file.continued or file.error) for file in group),
        "grown": sum(file.continued for file in group),
        "as before": sum(file.repeated for file in group),
        "read": sum(file.rows_read for file in group),
        "used": sum(file.rows_used for file in group),
        "rejected": sum(file.rows_rejected for file in group),
        "dropped": sum(file.rows_dropped for file in group),
        "written": _written(written) or "nothing",
    }


def _written(rows: Any) -> str:  # noqa: ANN401 - any mapping of counts
    return ", ".join(f"{table} {count}" for table, count in rows.items() if count)


def some_notes(texts: Sequence[str]) -> None:
    """Tell the first few of many things, and how many more there are."""
    notes(texts[:_NOTES_SHOWN])
    if len(texts) > _NOTES_SHOWN:
        notes([f"… and {len(texts) - _NOTES_SHOWN} more such lines"])
