"""The command that takes logs in."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reliability.cli.intake_output import file_progress, print_report, some_notes
from reliability.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, duration_seconds
from reliability.cli.output import note, print_table
from reliability.documents import plain, to_json
from reliability.errors import BadOptionError, LakeNotFoundError, ReliabilityError

if TYPE_CHECKING:
    from ingest.report import IngestReport
    from ingest.source import Options
    from reliability.lake import Lake


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(ingest)


def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files, folders, patterns, or - for standard input; compressed or not."),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="NAME", help="Name of the cluster; overrides the file's own.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--format", metavar="SOURCE", help="Read as this format instead of recognising it.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="FILE.toml", help="Read any CSV, TSV, JSON or Parquet as this file says."),
    ] = None,
    suggest_mapping: Annotated[
        Path | None,
        typer.Option("--suggest-mapping", metavar="FILE", help="Print a first mapping for this file and stop."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Zone of times without one [default: UTC].")
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NAME", help="Host of a log whose lines name none.")
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="Job that wrote a log which does not name it.")
    ] = None,
    from_path: Annotated[
        str | None,
        typer.Option(
            "--from-path",
            metavar="PATTERN",
            help="Find {node}, {job} or {cluster} in the file's path: '{node}/dmesg*', 'slurm-{job}.out'.",
        ),
    ] = None,
    year: Annotated[int | None, typer.Option("--year", metavar="Y", help="Year of RFC 3164 time stamps.")] = None,
    taken_at: Annotated[
        str | None,
        typer.Option("--taken-at", metavar="T", help="When a snapshot was taken [default: the file's own time]."),
    ] = None,
    complete: Annotated[
        str | None,
        typer.Option(
            "--complete",
            metavar="FROM/TO",
            help="Vouch for these files being a complete record between two times, where the format cannot promise it.",
        ),
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,…", help="Columns of a sacct file without a header.")
    ] = None,
    time_origin: Annotated[
        str | None,
        typer.Option("--time-origin", metavar="T", help="Day 0 of a trace with relative times; boot of a kernel log."),
    ] = None,
    fleet_nodes: Annotated[
        int | None,
        typer.Option(
            "--fleet-nodes", metavar="N", min=1, help="Nodes of the fleet, where a trace lists only the failing ones."
        ),
    ] = None,
    gpus_per_node: Annotated[
        int | None, typer.Option("--gpus-per-node", metavar="N", min=0, help="GPUs in each of those nodes.")
    ] = None,
    anonymize: Annotated[
        Path | None,
        typer.Option("--anonymize", metavar="KEYFILE", help="Replace users, accounts and job names by keyed hashes."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, write nothing.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on taking in what is new or has grown, until stopped.")
    ] = False,
    every: Annotated[
        str, typer.Option("--every", metavar="DURATION", help="Pause between the rounds of --follow.")
    ] = "10s",
    list_formats: Annotated[bool, typer.Option("--list-formats", help="Print the formats and stop.")] = False,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> int:
    """Take logs into the lake. The format is recognised from the content; only what is new or has grown is read."""
    if list_formats:
        return _list_formats(as_json=as_json)
    if suggest_mapping is not None:
        return _suggest_mapping(suggest_mapping)
    if not paths:
        raise BadOptionError("PATH", "(none)", "at least one file or folder")
    from ingest.anonymize import read_key  # noqa: PLC0415 - keeps --help instant
    from ingest.mapping import load_mapping  # noqa: PLC0415
    from ingest.source import Options  # noqa: PLC0415

    options = Options(
        cluster=cluster,
        format=source,
        timezone=timezone,
        node=node,
        job=job,
        from_path=from_path,
        year=year,
        taken_at=taken_at,
        complete=None if complete is None else _window(complete),
        columns=tuple(column.strip() for column in columns.split(",")) if columns else None,
        time_origin=time_origin,
        fleet_nodes=fleet_nodes,
        gpus_per_node=gpus_per_node,
        mapping=None if mapping is None else load_mapping(mapping),
        anonymizer=None if anonymize is None else read_key(anonymize),
    )
    if follow:
        if dry_run or Path("-") in paths:
            raise BadOptionError("--follow", "with --dry-run or -", "files or folders that grow")
        _follow(lake, paths, options, duration_seconds("--every", every), as_json=as_json)
        return 0
    try:
        report = _look(lake, paths, options) if dry_run else take_in(lake, paths, options)
    except ReliabilityError as error:
        if as_json:
            print(to_json({"lake": str(lake), "dry_run": dry_run, "files": [], "error": str(error)}))
        raise
    if as_json:
        print(to_json(ingest_document(lake, report, dry_run=dry_run)))
    else:
        print_report(report, dry_run=dry_run)
    some_notes([f"reliability: {file.error}" for file in report.files if file.error])
    return 2 if report.failed else 0


def take_in(lake: Path, paths: Sequence[Path], options: Options) -> IngestReport:
    """Ingest with a progress bar on stderr and refresh the catalog; shared by ``ingest`` and ``demo``."""
    from ingest.pipeline import ingest_paths  # noqa: PLC0415 - keeps --help instant
    from reliability.engines.duckdb_engine import write_catalog  # noqa: PLC0415
    from reliability.lake import create_lake  # noqa: PLC0415

    opened = create_lake(lake)
    with ThreadPoolExecutor(1) as background, file_progress(paths) as progress:
        # Making the catalog of a new lake takes a second, in which a file can be read; later it is only renewed.
        made = None if opened.catalog_path.exists() else background.submit(write_catalog, opened)
        report = ingest_paths(opened, paths, options, _now, progress, stdin=sys.stdin.buffer)
        if made is not None:
            made.result()
    write_catalog(opened)
    return report


def ingest_document(lake: Path, report: IngestReport, *, dry_run: bool = False) -> dict[str, Any]:
    """Return what ``ingest --json`` prints."""
    files = [
        {
            "path": str(file.path),
            "format": file.format,
            "cluster": file.cluster,
            "rows_read": file.rows_read,
            "rows_used": file.rows_used,
            "rows_rejected": file.rows_rejected,
            "rows_dropped": file.rows_dropped,
            "rows_written": dict(file.rows_written),
            "repeated": file.repeated,
            "continued": file.continued,
            "warnings": list(file.warnings),
            "first_rejects": [
                {"line_number": reject.line_number, "reason": reject.reason} for reject in file.first_rejects
            ],
            "error": file.error,
        }
        for file in report.files
    ]
    error = next((file["error"] for file in files if file["error"]), None)
    return {"lake": str(lake), "dry_run": dry_run, "files": files, "error": error}


def _look(lake: Path, paths: Sequence[Path], options: Options) -> IngestReport:
    from ingest.pipeline import ingest_paths  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    try:
        opened: Lake | None = open_lake(lake)
    except LakeNotFoundError:
        opened = None
    with file_progress(paths) as progress:
        return ingest_paths(opened, paths, options, _now, progress, dry_run=True, stdin=sys.stdin.buffer)


def _follow(lake: Path, paths: Sequence[Path], options: Options, pause_seconds: float, *, as_json: bool) -> None:
    from ingest.follow import follow  # noqa: PLC0415 - keeps --help instant
    from ingest.pipeline import Intake  # noqa: PLC0415
    from reliability.engines.duckdb_engine import write_catalog  # noqa: PLC0415
    from reliability.lake import create_lake  # noqa: PLC0415

    opened = create_lake(lake)
    if not as_json:
        note(f"following {', '.join(str(path) for path in paths)}; Ctrl-C ends it")
    with _until_stopped() as stopped:
        rounds = follow(opened, Intake(opened, options, _now), paths, lambda: not stopped.wait(pause_seconds))
        for report in rounds:
            write_catalog(opened)
            if as_json:
                print(json.dumps(plain(ingest_document(lake, report))), flush=True)
            else:
                print_report(report, dry_run=False)
                sys.stdout.flush()


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """Let Ctrl-C and SIGTERM end the pause between two rounds; a round at work is finished first."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _window(text: str) -> tuple[str, str]:
    begin, slash, end = text.partition("/")
    if not (begin and slash and end):
        raise BadOptionError("--complete", text, "two times, such as 2026-01-01/2026-02-01")
    return begin, end


def _suggest_mapping(path: Path) -> int:
    from ingest.mapping import suggest_mapping  # noqa: PLC0415 - keeps --help instant
    from ingest.opening import InputFile, find_files  # noqa: PLC0415

    found = find_files(path)
    if len(found) != 1:
        raise BadOptionError("--suggest-mapping", path, "one file")
    print(suggest_mapping(InputFile(found[0])), end="")
    return 0


def _list_formats(*, as_json: bool) -> int:
    from ingest.registry import SOURCES  # noqa: PLC0415 - keeps --help instant

    rows = [{"format": source.name, "title": source.title} for source in SOURCES]
    if as_json:
        print(to_json({"rows": rows}))
    else:
        print_table(rows)
    return 0


def _now() -> datetime:
    return datetime.now(UTC)
