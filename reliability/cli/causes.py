"""``reliability causes``: what fails, and was it the infrastructure that ended a job."""

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
    moment,
)
from reliability.cli.output import note, print_answer, print_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(causes)


def causes(
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Judge one job, with the evidence.")] = None,
    min_gpus: MinGpusOption = 0,
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What fails: failures by cause with their rates, unattributed ones included."""
    from reliability.analyses.causes import causes as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.causes import job_verdict  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415

    opened = open_lake(lake)
    if job is not None:
        verdict = job_verdict(opened, job)
        print_answer(verdict, as_json=as_json, as_csv=as_csv)
        if not (as_json or as_csv):
            print()
            shown = ("attempt", "node", "time_utc", "seconds_after_end", "lines", "symptom", "code", "slot", "message")
            print_table(verdict.document()["evidence"], shown, "evidence")
        return
    found = ask(
        opened,
        min_gpus=min_gpus,
        confidence=confidence,
        from_utc=moment("--from", from_time),
        to_utc=moment("--to", to_time),
    )
    print_answer(found, as_json=as_json, as_csv=as_csv)
    if not (as_json or as_csv):
        print()
        print_table(found.document()["domains"], title="by domain")
        note(f"{found.definition} Rates: exact Poisson; shares: Clopper-Pearson; {confidence:.0%}.")
