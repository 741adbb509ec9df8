"""``reliability rates``: how often does it fail."""

from __future__ import annotations

from typing import Annotated

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    FromOption,
    JsonOption,
    LakeOption,
    MinGpusOption,
    ToOption,
    WhereOption,
    moment,
    where,
)
from reliability.cli.output import note, notes, print_answer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rates)


def rates(
    of: Annotated[str, typer.Option("--of", help="node, attempt, or a component: gpu, nic, disk, …")] = "node",
    by: Annotated[str | None, typer.Option("--by", metavar="COLUMN", help="Group by this column.")] = None,
    condition: WhereOption = None,
    min_gpus: MinGpusOption = 0,
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    fail_on: Annotated[
        float | None,
        typer.Option(
            "--fail-on", metavar="RATE", help="Exit 1 if a group's whole interval lies above RATE per 1000 days."
        ),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> int:
    """How often does it fail: rates with exact Poisson intervals, and MTTF."""
    from reliability.analyses.rates import rates as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    found = ask(
        open_lake(lake),
        of,
        by=by,
        where=where(condition),
        min_gpus=min_gpus,
        confidence=confidence,
        from_utc=moment("--from", from_time),
        to_utc=moment("--to", to_time),
    )
    print_answer(found, as_json=as_json, as_csv=as_csv)
    if not (as_json or as_csv):
        note(f"{found.definition} Intervals: exact Poisson, {confidence:.0%}.")
        notes(f"warning: {warning}" for warning in found.warnings)
    if fail_on is None:
        return 0
    crossed = [g.group for g in found.groups if g.estimate and g.estimate.low_per_1000_days > fail_on]
    notes(f"above {fail_on:g} per 1000 days: {group}" for group in crossed)
    return 1 if crossed else 0
