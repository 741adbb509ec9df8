"""``reliability goodput``: where every GPU-hour went, and what failures cost; ``--runs``: what each run made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reliability.cli.goodput_runs import print_runs, print_story
from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    FromOption,
    JsonOption,
    LakeOption,
    ToOption,
    duration_seconds,
    moment,
)
from reliability.cli.output import note, notes, print_answer, print_table
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from reliability.analyses.goodput import Goodput
    from reliability.lake import Lake

_MOST_LOOPS: Final = 10
_LOOP: Final = (
    *("run_id", "job_name", "user", "gpu_count", "failures", "from_utc", "to_utc", "cause"),
    *("lost_hours", "restart_hours", "preemptions", "preempted_hours"),
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(goodput)


def goodput(
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="UNIT", help="Count `gpu` or `node` hours [default: gpu where there are any]."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="COLUMN", help="Split by day, job_size, user, partition or cause."),
    ] = None,
    checkpoint_interval: Annotated[
        str, typer.Option("--checkpoint-interval", metavar="TIME", help="Assumed where no training log tells it.")
    ] = "60m",
    restart_overhead: Annotated[
        str, typer.Option("--restart-overhead", metavar="TIME", help="Assumed where no training log tells it.")
    ] = "5m",
    gpu_hour_price: Annotated[
        float | None, typer.Option("--gpu-hour-price", metavar="DOLLARS", help="Price the lost GPU-hours.")
    ] = None,
    gpu_watts: Annotated[
        float | None, typer.Option("--gpu-watts", metavar="W", help="Power of a GPU with its share of the node.")
    ] = None,
    calibration: Annotated[
        bool,
        typer.Option(
            "--calibration",
            help="Instead: hold the ETTR of runs of a day and more against its predicted distribution.",
        ),
    ] = False,
    runs: Annotated[bool, typer.Option("--runs", help="One row per run instead: its ETTR and where its time went.")] = (
        False
    ),
    run: Annotated[
        str | None, typer.Option("--run", metavar="ID", help="The story of this run instead (a job id of it will do).")
    ] = None,
    min_gpus: Annotated[
        int, typer.Option("--min-gpus", min=0, help="With --runs: only runs with more GPUs than this (0: all).")
    ] = 0,
    min_hours: Annotated[
        float, typer.Option("--min-hours", min=0, help="With --runs: only runs scheduled for at least this long.")
    ] = 0.0,
    qos: Annotated[
        str | None, typer.Option("--qos", metavar="NAME", help="With --runs: only runs of this QOS.")
    ] = None,
    resubmission_window: Annotated[
        str,
        typer.Option(
            "--resubmission-window",
            metavar="TIME",
            help="With --runs: a job submitted this soon after one of the same user, name and size that did not "
            "complete continues its run (0s: none does).",
        ),
    ] = "1h",
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Where the capacity went: productive, lost to failures and to what they set off, restarts, idle, drained, down."""
    from reliability.analyses.goodput import goodput as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    _refuse_ignored(
        {"--unit": unit, "--by": by, "--gpu-hour-price": gpu_hour_price, "--gpu-watts": gpu_watts},
        instead=next(
            (name for name, asked in (("--calibration", calibration), ("--run", run), ("--runs", runs)) if asked), None
        ),
    )
    if calibration:
        _calibration(open_lake(lake), (from_time, to_time), confidence, as_json=as_json, as_csv=as_csv)
        return
    options: dict[str, Any] = {
        "checkpoint_interval_seconds": round(duration_seconds("--checkpoint-interval", checkpoint_interval)),
        "restart_overhead_seconds": round(duration_seconds("--restart-overhead", restart_overhead)),
        "from_utc": moment("--from", from_time),
        "to_utc": moment("--to", to_time),
        "confidence": confidence,
    }
    if runs or run is not None:
        options["resubmission_window_seconds"] = round(duration_seconds("--resubmission-window", resubmission_window))
        opened = open_lake(lake)
        if run is not None:
            print_story(opened, run, options, as_json=as_json, as_csv=as_csv)
        else:
            options |= {"min_gpus": min_gpus, "min_hours": min_hours, "qos": qos}
            print_runs(opened, options, as_json=as_json, as_csv=as_csv)
        return
    found = ask(open_lake(lake), unit=unit, by=by, gpu_hour_price=gpu_hour_price, gpu_watts=gpu_watts, **options)
    print_answer(found, as_json=as_json, as_csv=as_csv)
    if not (as_json or as_csv):
        _explain(found)


def _refuse_ignored(ledger_options: dict[str, object], *, instead: str | None) -> None:
    """Refuse what only the ledger knows where something else is asked for: ignored, it would pass for answered."""
    given = [name for name, value in ledger_options.items() if value is not None]
    if instead is not None and given:
        raise BadOptionError(given[0], str(ledger_options[given[0]]), f"no {instead}, which knows nothing of it")


def _calibration(
    lake: Lake, window: tuple[str | None, str | None], confidence: float, *, as_json: bool, as_csv: bool
) -> None:
    from reliability.analyses.ettr_calibration import ettr_calibration  # noqa: PLC0415 - keeps --help instant

    begin, end = moment("--from", window[0]), moment("--to", window[1])
    found = ettr_calibration(lake, confidence=confidence, from_utc=begin, to_utc=end)
    print_answer(found, as_json=as_json, as_csv=as_csv)
    if as_json or as_csv:
        return
    inside = found.check.inside
    note(f"inside the {found.check.band:.0%} band: {inside.share:.1%} ({inside.low:.1%} to {inside.high:.1%})")
    note(f"places by tenths, 0 slower than predicted: {' '.join(str(count) for count in found.check.counts)}")
    note(f"{found.definition} {found.confidence:.0%}.")
    notes(found.warnings)


def _explain(found: Goodput) -> None:
    loss, hours = found.loss, f"{found.unit_name}-hours"
    note(f"capacity: {found.capacity_hours:,.1f} {hours} of {found.nodes:,} nodes, {found.attempts:,} attempts")
    for name, lost in (("first", loss.first_order), ("second", loss.second_order)):
        high = "unknown" if lost.high is None else f"{lost.high:,.1f}"
        note(f"lost, {name} order: {lost.hours:,.1f} {hours} ({lost.low:,.1f} to {high}) in {lost.events:,} events")
    if loss.share is not None and loss.share_low is not None and loss.share_high is not None:
        note(
            f"second-order share: {loss.share:.1%} ({loss.share_low:.1%} to {loss.share_high:.1%}) "
            f"by {found.preemptions:,} preemptions; {found.depth_1_hours:,.1f} {hours} of it at depth 1"
        )
    share = found.paper.second_order_share
    if share is not None:
        note(
            f"goodput loss of Kokolis et al.: first order {found.paper.first_order_gpu_hours:,.1f}, second "
            f"{found.paper.second_order_gpu_hours:,.1f} GPU-hours, {share:.1%} of it second-order"
        )
    if found.by != "cause" and found.causes:
        print()
        print_table(
            [
                {"cause": cause.cause, "lost_hours": cause.total_hours, "dollars": cause.dollars, "kwh": cause.kwh}
                for cause in found.causes
            ],
            title="lost, by cause",
        )
    if found.crash_loops:
        print()
        print_table(found.crash_loops[:_MOST_LOOPS], _LOOP, title=f"crash loops: {len(found.crash_loops)}")
    note(f"{found.definition} {found.confidence:.0%}.")
    notes(found.warnings)
