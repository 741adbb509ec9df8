"""``reliability plan``: what would a run get."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    JsonOption,
    LakeOption,
    duration_seconds,
)
from reliability.cli.output import note, notes, print_answer, print_table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
    gpus: Annotated[int, typer.Option("--gpus", help="GPUs of the run.")],
    gpus_per_node: Annotated[int, typer.Option("--gpus-per-node", help="GPUs per node.")] = 8,
    failures_per_1000_node_days: Annotated[
        float | None,
        typer.Option(
            "--failures-per-1000-node-days",
            metavar="R",
            min=0.0,
            help="Failure rate; else the lake's own, with its interval.",
        ),
    ] = None,
    checkpoint_interval: Annotated[
        str, typer.Option("--checkpoint-interval", metavar="DURATION", help="Time between checkpoints.")
    ] = "60m",
    restart_overhead: Annotated[
        str, typer.Option("--restart-overhead", metavar="DURATION", help="Initialisation after each start.")
    ] = "5m",
    queue_wait: Annotated[
        str, typer.Option("--queue-wait", metavar="DURATION", help="Mean wait in the queue, per start.")
    ] = "0s",
    checkpoint_write: Annotated[
        str | None, typer.Option("--checkpoint-write", metavar="DURATION", help="Time one checkpoint stops the run.")
    ] = None,
    productive_time: Annotated[
        str | None, typer.Option("--productive-time", metavar="DURATION", help="Work to be done; default unlimited.")
    ] = None,
    confidence: ConfidenceOption = 0.9,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What would a run get: MTTF, expected ETTR, checkpoint interval."""
    from reliability.analyses.plan import FailureRate, measured_rate  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.plan import plan as ask  # noqa: PLC0415

    if failures_per_1000_node_days is None:
        from reliability.lake import open_lake  # noqa: PLC0415

        rate = measured_rate(open_lake(lake), confidence=confidence)
    else:
        rate = FailureRate(failures_per_1000_node_days)
    found = ask(
        gpus,
        rate,
        gpus_per_node=gpus_per_node,
        checkpoint_interval_seconds=duration_seconds("--checkpoint-interval", checkpoint_interval),
        restart_overhead_seconds=duration_seconds("--restart-overhead", restart_overhead),
        queue_wait_seconds=duration_seconds("--queue-wait", queue_wait),
        checkpoint_write_seconds=None
        if checkpoint_write is None
        else duration_seconds("--checkpoint-write", checkpoint_write),
        productive_seconds=math.inf
        if productive_time is None
        else duration_seconds("--productive-time", productive_time),
    )
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    document = found.document()
    hidden = ("definition", "warnings")
    print_table([{"quantity": name, "value": value} for name, value in document.items() if name not in hidden])
    note(document["definition"])
    notes(f"warning: {warning}" for warning in found.warnings)
