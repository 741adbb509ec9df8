"""``reliability study``: from the files of a trace to a report on the lives of one component, in one command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from reliability.cli.options import ConfidenceOption, JsonOption, duration_seconds
from reliability.cli.output import note
from reliability.documents import to_json
from reliability.errors import BadOptionError, UnreadableInputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(study)


def study(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Files of a trace; none with --lake.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.html", help="Report to write.")] = Path("study.html"),
    component: Annotated[str, typer.Option("--component", help="Whose lives.")] = "gpu",
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="COLUMN", help="Group curves by this attribute; may be repeated."),
    ] = None,
    covariates: Annotated[
        str, typer.Option("--covariates", metavar="A,B", help="Columns of the hazard regressions.")
    ] = "",
    strata: Annotated[
        str | None, typer.Option("--strata", metavar="COLUMN", help="Column of separate baselines in the Cox model.")
    ] = None,
    calendar_zone: Annotated[
        str, typer.Option("--calendar-zone", metavar="ZONE", help="Zone at whose midnight quarters begin.")
    ] = "UTC",
    spares: Annotated[
        str, typer.Option("--spares", metavar="TIME", help="How far ahead failures are predicted.")
    ] = "90d",
    confidence: ConfidenceOption = 0.9,
    lake: Annotated[
        Path | None, typer.Option("--lake", metavar="DIR", help="Study this lake, or keep the files' lake here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Study how one kind of component lives and dies: from the files of a trace to one HTML report."""
    from reliability.lake import open_lake  # noqa: PLC0415 - keeps --help instant
    from reliability.report.page import check_place  # noqa: PLC0415
    from reliability.report.study import StudyPlan, write_study  # noqa: PLC0415

    if not files and lake is None:
        raise BadOptionError("FILE", "(none)", "at least one file, or --lake")
    check_place(out)
    plan = StudyPlan(
        component=component,
        by=tuple(by or ()),
        covariates=tuple(part.strip() for part in covariates.split(",") if part.strip()),
        strata=strata,
        calendar_zone=calendar_zone,
        horizon_hours=duration_seconds("--spares", spares) / 3600.0,
        confidence=confidence,
    )
    with TemporaryDirectory(prefix="reliability-study-") as folder:
        place = lake or Path(folder) / "lake"
        if files:
            _take_in(place, files)
        written = write_study(open_lake(place), out, plan, lambda: datetime.now(UTC))
    if as_json:
        print(to_json({"path": str(written), "file_bytes": written.stat().st_size}))
    else:
        note(f"wrote {written}")


def _take_in(lake: Path, files: list[Path]) -> None:
    from ingest.source import Options  # noqa: PLC0415 - keeps --help instant
    from reliability.cli.intake import take_in  # noqa: PLC0415

    report = take_in(lake, files, Options())
    for file in report.files:
        if file.error:
            raise UnreadableInputError(file.path, str(file.error))
