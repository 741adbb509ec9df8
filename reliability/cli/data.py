"""Commands that bring data: ingest, synth; and doctor, which looks after it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reliability.cli.options import DEFAULT_LAKE, JsonOption, LakeOption
from reliability.cli.output import note, notes, print_table
from reliability.documents import to_json
from reliability.errors import BadOptionError, OutputError, ReliabilityError

if TYPE_CHECKING:
    from ingest.report import FileReport, IngestReport
    from ingest.source import Options


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (ingest, synth, doctor):
        app.command()(command)


def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files or folders, compressed or not.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="NAME", help="Name of the cluster; overrides the file's own.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--format", metavar="SOURCE", help="Read as this format instead of recognising it.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Zone of times without one [default: UTC].")
    ] = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NAME", help="Host of a log whose lines name none.")
    ] = None,
    year: Annotated[int | None, typer.Option("--year", metavar="Y", help="Year of RFC 3164 time stamps.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,…", help="Columns of a sacct file without a header.")
    ] = None,
    time_origin: Annotated[
        str | None, typer.Option("--time-origin", metavar="T", help="Day 0 of a trace with relative times.")
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
    list_formats: Annotated[bool, typer.Option("--list-formats", help="Print the formats and stop.")] = False,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> int:
    """Take logs into the lake. The format is recognised from the content; a repeated file changes nothing."""
    if list_formats:
        return _list_formats(as_json=as_json)
    if not paths:
        raise BadOptionError("PATH", "(none)", "at least one file or folder")
    from ingest.source import Options  # noqa: PLC0415 - keeps --help instant

    options = Options(
        cluster=cluster,
        format=source,
        timezone=timezone,
        node=node,
        year=year,
        columns=tuple(column.strip() for column in columns.split(",")) if columns else None,
        time_origin=time_origin,
        fleet_nodes=fleet_nodes,
        gpus_per_node=gpus_per_node,
    )
    try:
        report = take_in(lake, paths, options)
    except ReliabilityError as error:
        if as_json:
            print(to_json({"lake": str(lake), "files": [], "error": str(error)}))
        raise
    if as_json:
        print(to_json(ingest_document(lake, report)))
    else:
        print_table([_file_row(file) for file in report.files])
        notes(f"{file.path}: {warning}" for file in report.files for warning in file.warnings)
        notes(
            f"{file.path}: {file.rows_rejected} records refused; listed in the table `rejects`"
            for file in report.files
            if file.rows_rejected
        )
    failed = [file for file in report.files if file.error]
    notes(f"reliability: {file.error}" for file in failed)
    return 2 if failed else 0


def take_in(lake: Path, paths: list[Path], options: Options) -> IngestReport:
    """Ingest with a progress bar on stderr and refresh the catalog; shared by ``ingest`` and ``demo``."""
    from ingest.pipeline import ingest_paths  # noqa: PLC0415 - keeps --help instant
    from reliability.engines.duckdb_engine import write_catalog  # noqa: PLC0415
    from reliability.lake import create_lake  # noqa: PLC0415

    opened = create_lake(lake)
    with _file_progress() as progress:
        report = ingest_paths(opened, paths, options, lambda: datetime.now(UTC), progress)
    write_catalog(opened)
    return report


def ingest_document(lake: Path, report: IngestReport) -> dict[str, Any]:
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
            "warnings": list(file.warnings),
            "error": file.error,
        }
        for file in report.files
    ]
    return {"lake": str(lake), "files": files, "error": next((file["error"] for file in files if file["error"]), None)}


def synth(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the logs and the truth.")],
    preset: Annotated[
        str, typer.Option("--preset", metavar="P", help="Which cluster: tiny (64 nodes, 60 days).")
    ] = "tiny",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Equal seeds write equal files.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Simulate a cluster that writes native logs, and the truth beside them."""
    from dataclasses import asdict  # noqa: PLC0415 - keeps --help instant

    summary = simulate(preset, seed, out)
    document = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(summary).items()}
    if as_json:
        print(to_json(document))
    else:
        print_table([{"quantity": name, "value": value} for name, value in document.items()])
        note(f"take the logs in with: reliability ingest --lake LAKE {out}/slurm {out}/kernel")


def simulate(preset: str, seed: int, out: Path) -> Any:  # noqa: ANN401 - its type would load the simulator for --help
    """Write a preset's logs with a progress bar on stderr; shared by ``synth`` and ``demo``."""
    from synthetic_traces import OutputNotEmptyError, UnknownPresetError, preset_names, write_preset  # noqa: PLC0415 - keeps --help instant

    try:
        with _share_progress("simulating") as progress:
            return write_preset(preset, seed, out, progress)
    except UnknownPresetError as error:
        raise BadOptionError("--preset", preset, f"one of {', '.join(preset_names())}") from error
    except OutputNotEmptyError as error:
        raise OutputError(str(out), "neither empty nor an earlier synthetic trace; name a new folder") from error
    except OSError as error:
        raise OutputError(str(out), error.strerror or str(error)) from error


def doctor(lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> int:
    """Check the installation and the lake: versions, integrity, counts, disk. Exit 1 if something is wrong."""
    from reliability.cli.checks import run_checks  # noqa: PLC0415 - keeps --help instant

    checks = run_checks(lake)
    rows = [{"check": check.name, "ok": check.ok, "detail": check.detail} for check in checks]
    if as_json:
        print(to_json({"rows": rows}))
    else:
        print_table(rows)
    return 0 if all(check.ok for check in checks) else 1


def _list_formats(*, as_json: bool) -> int:
    from ingest.registry import SOURCES  # noqa: PLC0415 - keeps --help instant

    rows = [{"format": source.name, "title": source.title} for source in SOURCES]
    if as_json:
        print(to_json({"rows": rows}))
    else:
        print_table(rows)
    return 0


def _file_row(file: FileReport) -> dict[str, Any]:
    written = ", ".join(f"{table} {rows}" for table, rows in file.rows_written.items() if rows)
    return {
        "path": str(file.path),
        "format": file.format,
        "cluster": file.cluster,
        "read": file.rows_read,
        "used": file.rows_used,
        "rejected": file.rows_rejected,
        "dropped": file.rows_dropped,
        "written": written or ("nothing: taken in before" if file.repeated else "nothing"),
    }


@contextmanager
def _file_progress() -> Iterator[Callable[[Path, int, int], None] | None]:
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
        tasks: dict[Path, Any] = {}

        def advance(path: Path, done: int, total: int) -> None:
            if path not in tasks:
                tasks[path] = bar.add_task(path.name, total=total)
            bar.update(tasks[path], completed=done, total=total)

        yield advance


@contextmanager
def _share_progress(description: str) -> Iterator[Callable[[float], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=1.0)
        yield lambda share: bar.update(task, completed=share)
