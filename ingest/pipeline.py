"""The way of files into the lake: find → identify → survey → parse → commit.

Each part of a file is committed once per fingerprint, so a run that was killed anywhere is completed by the same
command, and a file that is fed again or has grown is read only from where it was left.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from ingest.batch import Batch
from ingest.extents import Mark, PartOfFile, Survey, WholeFile, hashed, start_mark, survey
from ingest.ledger import ID_LENGTH, Ledger, Record
from ingest.naming import unnamed_cluster
from ingest.opening import STDIN, InputFile, find_files, spooled
from ingest.registry import format_names, identify
from ingest.report import FileReport, IngestReport, joined
from ingest.source import Options, Source
from ingest.spool import sweep_spools
from ingest.taking import Parsed, RepeatsOfFile, parse_part, record_of, report_of, stored_path
from reliability.errors import LakeWriteError, ReliabilityError, UnknownFormatError, UnreadableInputError
from reliability.lake import Lake
from reliability.schema import SCHEMA_VERSION

Progress = Callable[[Path, int, int], None]

_EMPTY: Final = (
    "the file is empty (sacct prints nothing at all if --format names one field that it does not know: "
    "see sacct --helpformat)"
)
#: so much of the first line names a log that grows, for the lock
_NAMING_BYTES: Final = 1024


def ingest_paths(
    lake: Lake | None,
    paths: Sequence[Path],
    options: Options,
    clock: Callable[[], datetime],
    progress: Progress | None = None,
    *,
    dry_run: bool = False,
    stdin: BinaryIO | None = None,
) -> IngestReport:
    """Take files and folders into the lake.

    Parameters
    ----------
    lake
        Where to; None only for a dry run into a lake that does not exist yet.
    paths
        Files, folders that are searched for files, patterns, or ``-``.
    options
        What the user says about them.
    clock
        Returns the present, with a zone; stamps the ingests.
    progress
        Called with the file, the bytes of it read, and its size in bytes.
    dry_run
        Read and check everything, write nothing.
    stdin
        What ``-`` stands for.

    Returns
    -------
    IngestReport
        One entry per file; one that cannot be taken in does not keep the others out, its entry has the error.

    Raises
    ------
    ReliabilityError
        If a path does not exist, if no file at all could be taken in (then the first file's error, or one that names
        the folder), or if the lake cannot be written.
    """
    intake = Intake(lake, options, clock, progress, dry_run=dry_run)
    expanded = [(path, find_files(path)) for path in paths]
    files = list(dict.fromkeys(path for _, found in expanded for path in found))
    if not files:
        raise UnreadableInputError(paths[0], "there is no file in it")
    with intake.standing_in_for_stdin(stdin if STDIN in files else None):
        reports = intake.take(files)
    errors = {path: error for path, (_, error) in reports.items() if error is not None}
    if len(errors) == len(reports):
        for given, found in expanded:
            if given.is_dir() and all(isinstance(errors[path], UnknownFormatError) for path in found):
                raise UnknownFormatError(given, format_names())
        raise errors[files[0]]
    return IngestReport(tuple(reports[path][0] for path in files))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a file that has not been taken in."""

    start: Mark
    end: Mark
    unfinished: bool
    replaces: str | None


class Intake:
    """Takes files into one lake, and remembers between calls how far it came with each.

    Parameters
    ----------
    lake, options, clock, progress, dry_run
        As for :func:`ingest_paths`.
    """

    def __init__(
        self,
        lake: Lake | None,
        options: Options,
        clock: Callable[[], datetime],
        progress: Progress | None = None,
        *,
        dry_run: bool = False,
    ) -> None:
        self._lake = None if dry_run else lake
        self._options = options
        self._clock = clock
        self._progress = progress
        self._ledger = Ledger(lake)
        self._batch = None if self._lake is None else Batch(self._lake)
        self._reached: dict[Path, tuple[int, Mark]] = {}
        self._stdin: Path | None = None
        if self._lake is not None:
            sweep_spools(self._lake)

    def take(self, files: Sequence[Path]) -> dict[Path, tuple[FileReport, ReliabilityError | None]]:
        """Take files in, those that name their cluster first.

        Returns
        -------
        dict
            A report per file, and the error of one that could not be taken in.

        Raises
        ------
        LakeWriteError
            If the lake cannot be written.
        """
        reports: dict[Path, tuple[FileReport, ReliabilityError | None]] = {}
        self._ledger.refresh()
        try:
            for path in sorted(files, key=self._is_nameless):
                try:
                    reports[path] = self._take_file(self._open(path)), None
                except LakeWriteError:
                    raise
                except UnknownFormatError as error:
                    reports[path] = FileReport(path, error=error.brief), error
                except ReliabilityError as error:
                    reports[path] = FileReport(path, error=str(error)), error
            self._commit()
        finally:
            if self._batch is not None:
                self._batch.drop()
        return reports

    @contextmanager
    def standing_in_for_stdin(self, stream: BinaryIO | None) -> Iterator[None]:
        """Keep what a stream says in a file for as long as the context lasts."""
        with ExitStack() as stack:
            if stream is not None:
                folder = None if self._lake is None else self._lake.spool_path
                self._stdin = stack.enter_context(spooled(stream, folder))
            yield

    def _open(self, path: Path) -> InputFile:
        told = self._progress
        progress = None if told is None else lambda done, total: told(path, done, total)
        return InputFile(path, progress, self._stdin if path == STDIN else None)

    def _is_nameless(self, path: Path) -> bool:
        """Tell whether a file leaves its cluster unsaid, so that others should be taken in before it."""
        try:
            return not identify(self._open(path).head(), path, self._options.of_path(path)).names_cluster
        except ReliabilityError:
            return False  # told when its turn comes

    def _take_file(self, file: InputFile) -> FileReport:
        head = file.head()
        if not head:
            raise UnreadableInputError(file.path, _EMPTY)
        options = self._options.of_path(file.path)
        source = identify(head, file.path, options)
        settings = _settings(source, options)
        size, modified = file.size_bytes(), file.modified_utc()
        known = self._ledger.unchanged(stored_path(file), size, modified, settings) if file.path != STDIN else []
        if known:
            return _earlier_report(file.path, known)
        status = file.status()
        if not source.grows:
            seen = hashed(file)
            self._lock(_ingest_id(seen.end, 0, settings))
        else:
            first_line = head[:_NAMING_BYTES].partition(b"\n")[0]
            self._lock(hashlib.sha256(first_line + settings.encode()).hexdigest()[:ID_LENGTH])
            seen = survey(file, self._ledger.positions(settings), self._mark_of(file))
        return self._take_pieces(file, source, options, settings, seen, status)

    def _take_pieces(
        self,
        file: InputFile,
        source: Source,
        options: Options,
        settings: str,
        seen: Survey,
        status: os.stat_result,
    ) -> FileReport:
        marks = seen.known if source.grows else (seen.end,)
        earlier = self._ledger.of(marks, settings)
        pieces = _new_pieces(seen, earlier) if source.grows else _whole(seen, earlier)
        if source.grows and seen.line_end.position:
            self._reached[file.path] = file.status().st_ino, seen.line_end
        if not pieces:
            return _earlier_report(file.path, earlier)
        reports = []
        for piece in pieces:
            before = [record for record in earlier if record["content_bytes"] <= piece.start.position]
            times = [record["last_record_utc"] for record in before if record["last_record_utc"] is not None]
            if source.grows:
                part: InputFile = PartOfFile(file, piece.start, piece.end, max(times, default=None))
            else:
                part = WholeFile(file, status)
            report, record = self._take_piece(file, part, source, options, settings, piece, before)
            reports.append(report)
            earlier = [*earlier, record]
        return joined(reports)

    def _take_piece(
        self,
        file: InputFile,
        part: InputFile,
        source: Source,
        options: Options,
        settings: str,
        piece: _Piece,
        before: list[Record],
    ) -> tuple[FileReport, Record]:
        if self._must_see(source, before):
            self._commit()
        unnamed = unnamed_cluster(self._ledger, source)
        ingest_id = _ingest_id(piece.end, piece.start.position, settings)
        record: Record = {
            "ingest_id": ingest_id,
            "path": stored_path(file),
            "format": source.name,
            "sha256": piece.end.sha256,
            "file_bytes": file.size_bytes(),
            "file_modified_utc": file.modified_utc(),
            "content_from_bytes": piece.start.position,
            "content_bytes": piece.end.position,
            "unfinished": piece.unfinished,
            "settings": settings,
            "replaces": piece.replaces,
            "ingested_utc": self._clock(),
            "timezone": options.zone,
            "covers": source.covers,
            "last_record_utc": None,
        }
        continued = piece.start.position > 0
        if self._lake is None or self._batch is None:
            tally = parse_part(part, source, options, unnamed, lambda _table, _rows: None)
            return report_of(tally, file, source, options, continued=continued), record
        repeats = RepeatsOfFile(self._lake, [r["ingest_id"] for r in before])
        spool = self._batch.spool(ingest_id)
        tally = parse_part(part, source, options, unnamed, _parking(spool.write, repeats.add))
        spool.finish()
        report = report_of(tally, file, source, options, continued=continued)
        record = record_of(tally, record, report.warnings, options)
        self._batch.add(Parsed(spool, tally, repeats.ordinals(), record))
        return report, record

    def _must_see(self, source: Source, before: list[Record]) -> bool:
        """Tell whether a part needs to find in the lake what still waits to be committed."""
        if self._batch is None:
            return False
        return self._batch.holds({record["ingest_id"] for record in before}) or (
            not source.names_cluster and self._batch.names_clusters()
        )

    def _commit(self) -> None:
        if self._batch is not None:
            self._batch.commit()
            self._ledger.refresh()

    def _lock(self, name: str) -> None:
        """Keep other processes from taking in the same file, and see what they have taken in."""
        if self._batch is not None:
            self._batch.lock(name)
        self._ledger.refresh()

    def _mark_of(self, file: InputFile) -> Mark | None:
        """Return how far an earlier call read a file that still is the same one and has not shrunk."""
        inode, mark = self._reached.get(file.path, (None, start_mark()))
        found = file.status()
        return mark if found.st_ino == inode and found.st_size >= mark.position else None


def _new_pieces(seen: Survey, earlier: Sequence[Record]) -> list[_Piece]:
    """Return what follows after the longest beginning that was taken in: whole lines, then a line without an end."""
    marks = {mark.position: mark for mark in seen.known}
    finished = [record for record in earlier if not record["unfinished"]]
    start = marks[finished[-1]["content_bytes"]] if finished else start_mark()
    tails = [r for r in earlier if r["unfinished"] and r["content_from_bytes"] == start.position]
    replaces = tails[-1]["ingest_id"] if tails else None
    if tails and tails[-1]["content_bytes"] == seen.end.position:
        return []
    pieces = []
    if seen.line_end.position > start.position:
        pieces.append(_Piece(start, seen.line_end, unfinished=False, replaces=replaces))
        start, replaces = seen.line_end, None
    if seen.end.position > start.position:
        pieces.append(_Piece(start, seen.end, unfinished=True, replaces=replaces))
    return pieces


def _whole(seen: Survey, earlier: Sequence[Record]) -> list[_Piece]:
    return [] if earlier else [_Piece(start_mark(), seen.end, unfinished=False, replaces=None)]


def _parking(write: Callable[[str, Any], None], note: Callable[[str, Any], None]) -> Callable[[str, Any], None]:
    def park(table: str, rows: Any) -> None:  # noqa: ANN401 - an Arrow table, which has no types
        write(table, rows)
        if table != "rejects":
            note(table, rows)

    return park


def _settings(source: Source, options: Options) -> str:
    origin, taken = options.origin_utc, options.taken_utc
    meaning = [
        *(SCHEMA_VERSION, source.name, source.digest, options.cluster, options.zone, options.node, options.year),
        *(options.columns, origin and origin.isoformat(), options.fleet_nodes, options.gpus_per_node),
        *(options.job, taken and taken.isoformat(), options.anonymizer and options.anonymizer.fingerprint),
        [moment.isoformat() for moment in options.complete_utc or ()],
    ]
    return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:ID_LENGTH]


def _ingest_id(end: Mark, start: int, settings: str) -> str:
    return hashlib.sha256(f"{settings} {end.sha256} {start}".encode()).hexdigest()[:ID_LENGTH]


def _earlier_report(path: Path, records: Sequence[Record]) -> FileReport:
    return joined(
        [
            FileReport(
                path=path,
                format=record["format"],
                cluster=record["cluster"],
                rows_read=record["rows_read"],
                rows_used=record["rows_used"],
                rows_rejected=record["rows_rejected"],
                rows_dropped=record["rows_dropped"],
                rows_written=dict.fromkeys(dict(record["rows_written"]), 0),
                warnings=tuple(record["warnings"]),
                repeated=True,
            )
            for record in records
        ]
    )
