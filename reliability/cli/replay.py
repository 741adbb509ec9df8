"""``reliability replay``: what the past would have cost with a lever set otherwise."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

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
    from collections.abc import Sequence

    from reliability.analyses.replay_levers import Levers

_SWITCHES: Final = {"true": True, "false": False}
_COLUMNS: Final = (
    "bucket",
    "then_hours",
    "now_hours",
    "difference_hours",
    "difference_low_hours",
    "difference_high_hours",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="LEVER=VALUE",
            help="What is changed; may be given several times: checkpoint_interval=10m, checkpoint_write=30s, "
            "checkpoint_stall=5s, restart_overhead=2m, detection=1m, drain_lemons=true (or model, rule), "
            "hindsight=true, dual_tor=true, no_preemption_after_failure=true.",
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", metavar="UNIT", help="Count `gpu` or `node` hours [default: gpu where there are any]."),
    ] = None,
    checkpoint_interval: Annotated[
        str, typer.Option("--checkpoint-interval", metavar="TIME", help="Of then, where no training log tells it.")
    ] = "60m",
    restart_overhead: Annotated[
        str, typer.Option("--restart-overhead", metavar="TIME", help="Of then, where no training log tells it.")
    ] = "5m",
    from_time: FromOption = None,
    to_time: ToOption = None,
    confidence: ConfidenceOption = 0.9,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What would the past have cost, had a lever stood otherwise: the goodput ledger then and now."""
    from reliability.analyses.replay import replay as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    levers = _levers(settings or [])
    options: dict[str, Any] = {
        "unit": unit,
        "checkpoint_interval_seconds": round(duration_seconds("--checkpoint-interval", checkpoint_interval)),
        "restart_overhead_seconds": round(duration_seconds("--restart-overhead", restart_overhead)),
        "confidence": confidence,
        "from_utc": moment("--from", from_time),
        "to_utc": moment("--to", to_time),
    }
    found = ask(open_lake(lake), levers, **options)
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    rows = [row for row in found.rows() if row["then_hours"] or row["difference_hours"]]
    print_table(rows, _COLUMNS)
    print()
    hidden = ("assumption",)
    print_table(
        [{name: value for name, value in row.items() if name not in hidden} for row in found.effect_rows()],
        title=f"each lever alone: productive {found.unit_name}-hours",
    )
    note(f"{found.definition} Confidence {confidence:.0%}.")
    notes(f"{effect.lever}: {effect.assumption}." for effect in found.effects)
    notes(f"warning: {warning}" for warning in found.warnings)


def _levers(settings: Sequence[str]) -> Levers:
    """Read what ``--set`` gives; the last of a repeated one counts.

    >>> _levers(["checkpoint_interval=10m", "drain_lemons=true"]).settings()
    {'checkpoint_interval': 600.0, 'drain_lemons': 'model'}
    """
    from reliability.analyses.replay_levers import Levers  # noqa: PLC0415 - keeps --help instant

    known = {field.name: str(field.type) for field in fields(Levers)}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if name not in known or not equals:
            raise BadOptionError("--set", setting, f"LEVER=VALUE with one of {', '.join(known)}")
        values[name] = _value(setting, name, text, known[name])
    return Levers(**values)


def _value(setting: str, name: str, text: str, kind: str) -> float | str | bool | None:
    if kind.startswith("float"):
        return duration_seconds(f"--set {name}", text)
    if name == "drain_lemons":
        return {"true": "model", "false": None}.get(text, text)
    if text not in _SWITCHES:
        raise BadOptionError("--set", setting, "true or false")
    return _SWITCHES[text]
