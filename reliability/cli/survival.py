"""``reliability survival``: how long does it live."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    FromOption,
    JsonOption,
    LakeOption,
    ToOption,
    WhereOption,
    moment,
    where,
)
from reliability.cli.output import note, print_answer, print_table
from reliability.errors import BadOptionError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(survival)


def survival(
    component: Annotated[str, typer.Option("--component", help="node, gpu, or a component with an inventory.")] = "gpu",
    by: Annotated[str | None, typer.Option("--by", metavar="COLUMN", help="Group by this attribute.")] = None,
    model: Annotated[str, typer.Option("--model", help="km or weibull")] = "km",
    condition: WhereOption = None,
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    figure: Annotated[
        str | None, typer.Option("--figure", metavar="FILE.html", help="Also draw it into this file.")
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """How long does it live: Kaplan-Meier curves or Weibull fits, with delayed entry and censoring."""
    if model not in ("km", "weibull"):
        raise BadOptionError("--model", model, "km or weibull")
    from reliability.analyses.survival import survival as ask_km  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.survival import weibull as ask_weibull  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415

    opened = open_lake(lake)
    window = {"from_utc": moment("--from", from_time), "to_utc": moment("--to", to_time)}
    if model == "km":
        curves = ask_km(opened, component, by=by, where=where(condition), confidence=confidence, **window)
        found: Any = curves
    else:
        found = ask_weibull(opened, component, by=by, where=where(condition), confidence=confidence, **window)
        curves = found.curves
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
    elif model == "weibull":
        print_table(found.rows())
    else:
        print_table(curves.summary())
        print()
        print_table(curves.milestones(), title="survival at round ages")
        note("--json or --csv prints every step of the curves.")
    if not (as_json or as_csv):
        note(f"{found.definition} Intervals: {confidence:.0%}.")
    if figure is not None:
        from reliability.cli.faces import write_figure  # noqa: PLC0415

        write_figure(found.figure(), figure)
