"""``reliability plan``: what would a run get."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reliability.cli.lever_option import lever_setting, list_levers
from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    JsonOption,
    LakeOption,
    duration_seconds,
    moment,
)
from reliability.cli.output import note, notes, print_answer, print_table
from reliability.cli.plan_fabric_option import print_fabric, run_in_fabric
from reliability.cli.sweep_option import sweep_range
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from reliability.analyses.plan import FailureRate
    from reliability.analyses.plan_levers import PlanLevers
    from reliability.analyses.plan_model import PlannedModel

_HIDDEN: Final = ("definition", "notes", "warnings", "sensitivity", "sweep", "levers", "failures_by_domain", "fabric")


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
    failures: Annotated[
        int | None,
        typer.Option("--failures", metavar="K", min=0, help="Failures counted elsewhere, in place of a rate."),
    ] = None,
    node_days: Annotated[
        float | None,
        typer.Option("--node-days", metavar="T", min=0.0, help="Node-days in which --failures were counted."),
    ] = None,
    exposure_days: Annotated[
        float | None,
        typer.Option(
            "--exposure-days", metavar="D", min=0.0, help="Days in which --failures ended a run of this size."
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
    detection: Annotated[
        str, typer.Option("--detection", metavar="DURATION", help="From a failure until the run is stopped.")
    ] = "0s",
    checkpoint_write: Annotated[
        str | None, typer.Option("--checkpoint-write", metavar="DURATION", help="Time one checkpoint takes to write.")
    ] = None,
    checkpoint_stall: Annotated[
        str | None,
        typer.Option(
            "--checkpoint-stall",
            metavar="DURATION",
            help="Time one checkpoint stops the run; default all of the write (blocking).",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME|FILE",
            help="A published model (llama-3.1-405b) or a Hugging Face config.json: its checkpoint.",
        ),
    ] = None,
    storage_gbps: Annotated[
        float | None,
        typer.Option(
            "--storage-gbps",
            metavar="X",
            help="Gigabits per second that all ranks write together: with --model, the write time.",
        ),
    ] = None,
    productive_time: Annotated[
        str | None, typer.Option("--productive-time", metavar="DURATION", help="Work to be done; default unlimited.")
    ] = None,
    finish_by: Annotated[
        str | None, typer.Option("--finish-by", metavar="TIME", help="How likely is the work done by then (UTC).")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="TIME", help="When the run begins (UTC); default now.")
    ] = None,
    target_ettr: Annotated[
        float, typer.Option("--target-ettr", metavar="SHARE", help="ETTR wanted: how large may the run be.")
    ] = 0.9,
    spares: Annotated[
        int | None,
        typer.Option("--spares", metavar="N", min=0, help="Simulate with spare nodes; a failed one alone is replaced."),
    ] = None,
    repair_time: Annotated[
        str, typer.Option("--repair-time", metavar="DURATION", help="How long a failed node is gone.")
    ] = "1d",
    sweep: Annotated[
        str | None,
        typer.Option(
            "--sweep",
            metavar="NAME=LOW..HIGH",
            help="One plan per value, doubling: gpus=1k..128k (1k is 1,024), checkpoint_interval=5m..4h, r_f=1..8; "
            "also checkpoint_write, restart_overhead, detection, queue_wait.",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=2, max=200, help="Values of --sweep, at equal ratios.")
    ] = None,
    levers: Annotated[
        list[str] | None,
        typer.Option(
            "--lever",
            metavar="NAME:VALUE=X,...",
            help="What a lever would buy, alone and with the others given, in order: detection:30s, "
            "hot_spares:spares=20,repair=1d,swap=30s; --list-levers tells them all.",
        ),
    ] = None,
    fabric: Annotated[
        str | None,
        typer.Option(
            "--fabric",
            metavar="F",
            help="Put the run into a fabric (hpn, hpn-single-tor, clos, rail, …, from-lake): failures by domain and "
            "the ETTR with them.",
        ),
    ] = None,
    set_fabric: Annotated[
        list[str] | None,
        typer.Option("--set-fabric", metavar="KEY=VALUE", help="A setting of the fabric, and of that of --against."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="F", help="The same failures in another fabric: the difference in ETTR."),
    ] = None,
    fabric_repair: Annotated[
        list[str] | None,
        typer.Option(
            "--fabric-repair", metavar="CLASS=DURATION", help="Repair time of nic-link, tor, agg, …; else published."
        ),
    ] = None,
    slowdown: Annotated[
        str | None,
        typer.Option(
            "--slowdown",
            metavar="SHARE|step",
            help="Speed lost while a part is out that slows; step: as the training step of --model does; else the "
            "bandwidth lost.",
        ),
    ] = None,
    network_failures: Annotated[
        int | None,
        typer.Option(
            "--network-failures", metavar="K", min=0, help="Of --failures, those of the network: the fabric's instead."
        ),
    ] = None,
    published_links: Annotated[
        bool, typer.Option("--published-links", help="Links fail at the published rate, not at that of the counts.")
    ] = False,
    gpu_hour_dollars: Annotated[
        float | None, typer.Option("--gpu-hour-dollars", metavar="X", min=0.0, help="Price of a GPU-hour.")
    ] = None,
    _list_levers: Annotated[
        bool,
        typer.Option("--list-levers", is_eager=True, callback=list_levers, help="Tell the levers and exit."),
    ] = False,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of the simulation; by default always the same.")
    ] = None,
    confidence: ConfidenceOption = 0.9,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What would a run get: MTTF, expected ETTR, checkpoint interval, when it is done, and what would buy most."""
    from reliability.analyses.plan import SEED  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.plan import plan as ask  # noqa: PLC0415
    from reliability.analyses.plan_outlook import outlook  # noqa: PLC0415

    known, write_seconds = _checkpoint(model, storage_gbps, checkpoint_write)
    repair_seconds = duration_seconds("--repair-time", repair_time)
    planned = ask(
        gpus,
        _rate(
            lake,
            confidence,
            given=failures_per_1000_node_days,
            failures=failures,
            node_days=node_days,
            run_days=exposure_days,
            run_nodes=math.ceil(gpus / max(1, gpus_per_node)),
        ),
        gpus_per_node=gpus_per_node,
        checkpoint_interval_seconds=duration_seconds("--checkpoint-interval", checkpoint_interval),
        restart_overhead_seconds=duration_seconds("--restart-overhead", restart_overhead),
        queue_wait_seconds=duration_seconds("--queue-wait", queue_wait),
        checkpoint_write_seconds=write_seconds,
        checkpoint_stall_seconds=_optional_seconds("--checkpoint-stall", checkpoint_stall),
        detection_seconds=duration_seconds("--detection", detection),
        productive_seconds=math.inf
        if productive_time is None
        else duration_seconds("--productive-time", productive_time),
    )
    in_fabric = run_in_fabric(
        planned,
        lake,
        fabric=fabric,
        settings=set_fabric,
        against=against,
        repairs=fabric_repair,
        slowdown=slowdown,
        model=model,
        network_failures=network_failures,
        published_links=published_links,
        gpu_hour_dollars=gpu_hour_dollars,
        spares=spares,
        repair_seconds=repair_seconds,
        seed=SEED if seed is None else seed,
    )
    found = outlook(
        planned,
        model=known,
        storage_gbps=storage_gbps,
        target_ettr=target_ettr,
        swept=_swept(sweep, steps),
        levers=tuple(map(lever_setting, levers or [])),
        fabric=in_fabric,
        start_utc=moment("--start", start) or _now(),
        finish_by_utc=moment("--finish-by", finish_by),
        spares=spares,
        repair_seconds=repair_seconds,
        seed=SEED if seed is None else seed,
    )
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    document = found.document()
    shown = {name: value for name, value in document.items() if name not in _HIDDEN and value is not None}
    print_table([{"quantity": name, "value": value} for name, value in shown.items()])
    print_table(found.sensitivity.rows(), title="What buys most: one number halved, or doubled")
    if found.sweep is not None:
        print_table(found.sweep.rows(), title=f"Over {found.sweep.swept.label}")
    if found.levers is not None:
        _print_levers(found.levers)
    if found.fabric is not None:
        print_fabric(found.fabric)
    note(document["definition"])
    notes(found.notes)
    notes(f"warning: {warning}" for warning in found.warnings)


def _print_levers(found: PlanLevers) -> None:
    told = ("values", "assumption", "source")
    rows = [{name: value for name, value in row.items() if name not in told} for row in found.rows()]
    print_table(rows, title="What levers would buy: each alone, and all together")
    note(found.document()["definition"])
    pulled = {effect.settings[0].lever.name: effect.settings[0].lever for effect in found.effects}
    notes(f"{name}: assumes that {lever.assumption} (source: {lever.source})." for name, lever in pulled.items())


def _rate(
    lake: Path,
    confidence: float,
    *,
    given: float | None,
    failures: int | None,
    node_days: float | None,
    run_days: float | None,
    run_nodes: int,
) -> FailureRate:
    """Return the rate given, that of the counts given, or the lake's own."""
    from reliability.analyses.plan import FailureRate, counted_rate, measured_rate  # noqa: PLC0415

    if failures is not None:
        if given is not None:
            raise BadOptionError("--failures", failures, "either counts or --failures-per-1000-node-days")
        if (node_days is None) == (run_days is None):
            raise BadOptionError("--failures", failures, "with it one of --node-days and --exposure-days")
        return counted_rate(failures, run_days * run_nodes if run_days is not None else node_days or 0.0, confidence)
    for option, value in (("--node-days", node_days), ("--exposure-days", run_days)):
        if value is not None:
            raise BadOptionError(option, value, "with it --failures, the count")
    if given is not None:
        return FailureRate(given)
    from reliability.lake import open_lake  # noqa: PLC0415

    return measured_rate(open_lake(lake), confidence=confidence)


def _checkpoint(
    model: str | None, storage_gbps: float | None, checkpoint_write: str | None
) -> tuple[PlannedModel | None, float | None]:
    """Return the model, and the write time: given, or from the model's checkpoint and the storage."""
    if storage_gbps is not None and (model is None or checkpoint_write is not None):
        wanted = "--model, whose checkpoint is written" if model is None else "either it or --checkpoint-write"
        raise BadOptionError("--storage-gbps", f"{storage_gbps:g}", wanted)
    write_seconds = _optional_seconds("--checkpoint-write", checkpoint_write)
    if model is None:
        return None, write_seconds
    from reliability.analyses.plan_model import planned_model  # noqa: PLC0415

    known = planned_model(model)
    return known, write_seconds if storage_gbps is None else known.write_seconds(storage_gbps)


def _swept(sweep: str | None, steps: int | None) -> tuple[str, tuple[float, ...]] | None:
    if sweep is None:
        if steps is not None:
            raise BadOptionError("--steps", steps, "with it --sweep, the range")
        return None
    from reliability.analyses.plan_sweep import swept_range  # noqa: PLC0415

    name, low, high = sweep_range(sweep)
    return name, swept_range(low, high, steps)


def _optional_seconds(option: str, text: str | None) -> float | None:
    return None if text is None else duration_seconds(option, text)


def _now() -> datetime:
    return datetime.now(UTC)
