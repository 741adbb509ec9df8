"""A live directory: what is new or has grown is taken in, round after round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from ingest.opening import find_files
from ingest.pipeline import Intake
from ingest.report import FileReport, IngestReport
from reliability.errors import InputNotFoundError
from reliability.lake import Lake

#: rounds that wrote something until the lake's many small files are put together
_ROUNDS_TO_COMPACT: Final = 100


def follow(lake: Lake, intake: Intake, paths: Sequence[Path], wait: Callable[[], bool]) -> Iterator[IngestReport]:
    """Take in what is there, wait, take in what came, and so on.

    Parameters
    ----------
    lake
        The lake that the intake fills.
    intake
        Remembers between rounds how far each file was read.
    paths
        Files, folders and patterns; they may come into being later.
    wait
        Waits for the next round; False ends.

    Yields
    ------
    IngestReport
        For each round in which something happened, the files that it happened to. A file that cannot be taken in is
        reported again only once it has changed.
    """
    looked_at: dict[Path, tuple[int, int, int]] = {}
    written = 0
    while True:
        stamps = {file: stamp for file in _present(paths) if (stamp := _stamp(file)) is not None}
        changed = [file for file, stamp in stamps.items() if looked_at.get(file) != stamp]
        reports = intake.take(changed)
        looked_at.update({file: stamps[file] for file in changed})
        fresh = tuple(reports[file][0] for file in changed if not _nothing_new(reports[file][0]))
        if fresh:
            yield IngestReport(fresh)
            written += 1
            if written % _ROUNDS_TO_COMPACT == 0:
                lake.compact()
        if not wait():
            return


def _present(paths: Sequence[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for path in paths:
        try:
            found.update(dict.fromkeys(find_files(path)))
        except InputNotFoundError:
            continue  # it may come into being later
    return list(found)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None  # rotated away between listing and looking
    return status.st_ino, status.st_size, status.st_mtime_ns


def _nothing_new(report: FileReport) -> bool:
    return report.repeated and report.error is None
