"""The command that holds the whole pipeline against simulated truth."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reliability.cli.options import JsonOption
from reliability.cli.output import note, notes, print_table
from reliability.documents import to_json
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from reliability.validation.harness import Validation


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(validate)


def validate(
    preset: Annotated[str, typer.Option("--preset", metavar="P", help="Which cluster is simulated.")] = "tiny",
    clusters: Annotated[int, typer.Option("--clusters", metavar="N", min=1, help="How many of them.")] = 8,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Equal seeds find equal numbers.")] = 1,
    processes: Annotated[
        int | None,
        typer.Option("--processes", metavar="K", min=1, help="Clusters worked on at a time [default: one per core]."),
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity/--no-sensitivity", help="Also with fewer and with more errors in the logs.")
    ] = True,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write one HTML page.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Also write the tables as Markdown.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Does it find the truth? Simulates clusters, reads their logs, compares every answer with what really happened."""
    from reliability.report.page import check_place, put  # noqa: PLC0415
    from reliability.validation.harness import validate as run  # noqa: PLC0415 - keeps --help instant

    for place in (html, markdown):
        if place is not None:
            check_place(place)
    spec = _spec(preset)
    with _cluster_progress() as progress:
        found = run(
            spec,
            preset,
            clusters,
            seed,
            processes=processes or os.cpu_count() or 1,
            sensitivity=sensitivity,
            progress=progress,
        )
    if as_json:
        print(to_json(found.document()))
    else:
        _print(found)
    if html is not None:
        from reliability.validation.page import page  # noqa: PLC0415

        put(html, page(found, lambda: datetime.now(UTC)))
        note(f"wrote {html}")
    if markdown is not None:
        from reliability.validation.markdown import markdown as as_markdown  # noqa: PLC0415

        put(markdown, as_markdown(found))
        note(f"wrote {markdown}")


def _spec(preset: str) -> Any:  # noqa: ANN401 - its type would load the simulator for --help
    from synthetic_traces import UnknownPresetError, preset_names, preset_spec  # noqa: PLC0415 - keeps --help instant

    try:
        return preset_spec(preset)
    except UnknownPresetError as error:
        raise BadOptionError("--preset", preset, f"one of {', '.join(preset_names())}") from error


def _print(found: Validation) -> None:
    from reliability.validation.tables import (  # noqa: PLC0415 - keeps --help instant
        cause_table,
        coverage_table,
        lemon_table,
        measure_table,
        sensitivity_table,
    )
    from reliability.validation.wording import intake_text, summary  # noqa: PLC0415

    shown = {
        f"validation on {found.clusters} clusters, preset {found.preset}, seed {found.seed}": measure_table(found.rows),
        "intervals of rates": coverage_table(found),
        "verdicts by cause": cause_table(found),
        "lemons found, by the failures expected of them": lemon_table(found),
        "with other noise in the logs": sensitivity_table(found),
    }
    for number, (title, table) in enumerate(item for item in shown.items() if item[1].rows):
        if number:
            print()
        print_table([dict(zip(table.columns, row, strict=True)) for row in table.rows], title=title)
    note(f"{intake_text(found)} Shares: Clopper-Pearson, {found.confidence:.0%}. Definitions: --html, --json.")
    notes(summary(found))


@contextmanager
def _cluster_progress() -> Iterator[Callable[[int, int], None] | None]:
    """Show how many clusters are done, and the time that is left, where a person watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("clusters", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
