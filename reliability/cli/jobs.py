"""``reliability jobs``: how jobs end, by size, user or any other group."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    FromOption,
    JsonOption,
    LakeOption,
    ToOption,
    moment,
)
from reliability.cli.output import note, notes, print_answer, print_table

_SHOWN: Final = (
    "group",
    "attempts",
    "infrastructure_failures",
    "infrastructure_share",
    "infrastructure_low",
    "infrastructure_high",
    "user_program_share",
    "user_program_low",
    "user_program_high",
    "run_hours",
    "mttf_hours",
    "mttf_low_hours",
    "mttf_high_hours",
)
_MIX_SHOWN: Final = (
    "end",
    "attempts",
    "attempts_share",
    "attempts_clustered_low",
    "attempts_clustered_high",
    "gpu_hours",
    "gpu_time_share",
    "gpu_time_clustered_low",
    "gpu_time_clustered_high",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(jobs)


def jobs(
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="COLUMN", help="Group by this column [default: job_size; with --ends: none]."),
    ] = None,
    min_gpus: Annotated[
        int, typer.Option("--min-gpus", min=0, help="r_f is that of jobs with more GPUs than this (0: all).")
    ] = 128,
    ends: Annotated[
        bool, typer.Option("--ends", help="The competing ends as cumulative incidence over run time instead.")
    ] = False,
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """How jobs end: failure probability and MTTF by size, the mix of ends, and whether r_f projects to large jobs."""
    from reliability.analyses.job_ends import job_ends  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.jobs import jobs as ask  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415

    window = {"from_utc": moment("--from", from_time), "to_utc": moment("--to", to_time)}
    if ends:
        curves = job_ends(open_lake(lake), by=by, confidence=confidence, **window)
        if as_json or as_csv:
            print_answer(curves, as_json=as_json, as_csv=as_csv)
        else:
            print_table([_read(row, curves.ends) for row in curves.rows()])
            note(f"{curves.definition} Intervals: {confidence:.0%}.")
            notes(f"warning: {warning}" for warning in curves.warnings)
        return
    found = ask(open_lake(lake), by=by or "job_size", min_gpus=min_gpus, confidence=confidence, **window)
    print_answer(found, as_json=as_json, as_csv=as_csv, columns=_SHOWN)
    if as_json or as_csv:
        return
    document = found.document()
    print()
    print_table(document["mix"]["rows"], _MIX_SHOWN, "how attempts ended")
    if document["rate_per_1000_node_days"]:
        print()
        print_table([document["rate_per_1000_node_days"]], title=f"r_f of jobs with more than {min_gpus} GPUs")
    if document["series_system"]:
        print()
        shown = ("exponent", "low", "high", "law_p_value", "equal_rates_p_value", "failures", "sizes")
        print_table([document["series_system"]], shown, "do failures grow with the nodes of a job (1: yes)")
    note(f"{found.definition} Intervals: {confidence:.0%}.")
    notes(f"warning: {warning}" for warning in found.warnings)


def _read(row: dict[str, Any], ends: tuple[str, ...]) -> dict[str, Any]:
    """Return a row with each chance and its limits in one cell, for people."""
    chances = {end: f"{row[end]:.2%} ({row[f'{end}_low']:.2%}–{row[f'{end}_high']:.2%})" for end in ends}
    return {name: row[name] for name in ("group", "run_hours", "at_risk", "still_running")} | chances
