"""Commands that ask the lake: rates, causes, survival, plan, status, sql."""

from __future__ import annotations

import math
import sys
from contextlib import closing
from typing import Annotated, Any

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
    duration_seconds,
    moment,
    where,
)
from reliability.cli.output import note, notes, print_answer, print_table
from reliability.documents import to_csv, to_json
from reliability.errors import BadOptionError


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (rates, causes, survival, plan, status, sql):
        app.command()(command)


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


def status(lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """What is in the lake: tables, files taken in, rejects, time covered."""
    from reliability.analyses.status import status as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    found = ask(open_lake(lake))
    if as_json:
        print(to_json(found.document()))
        return
    print_table(found.tables, title="tables")
    print()
    print_table(
        found.files, ("path", "format", "cluster", "rows_read", "rows_used", "rows_rejected", "rows_dropped"), "files"
    )
    print()
    print_table(found.rejects, title="rejects by reason")
    print()
    print_table(found.observation, title="time covered")


def sql(
    statement: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT over the tables and marts.")],
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Ask the tables and marts in SQL. A JSON array with --json or into a pipe, a table on a terminal."""
    from reliability.engines.duckdb_engine import DuckDBEngine  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    with closing(DuckDBEngine(open_lake(lake))) as engine:
        rows = engine.select(statement)
    if as_csv:
        print(to_csv(rows), end="")
    elif as_json or not sys.stdout.isatty():
        print(to_json(rows))
    else:
        print_table(rows)
