"""``reliability topology compare``: fabrics side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from reliability.cli.fabric_option import lake_of, settings_of
from reliability.cli.options import DEFAULT_LAKE, CsvOption, JsonOption, LakeOption
from reliability.cli.output import note, notes, print_answer, print_table

if TYPE_CHECKING:
    from models.topology.blast.radius import BlastRadius
    from reliability.analyses.fabric_compare import FabricCompare


def register(topology: typer.Typer) -> None:
    """Add the command."""
    topology.command()(compare)


def compare(
    fabrics: Annotated[
        list[str],
        typer.Argument(metavar="KIND...", help="Kinds of fabrics, as `topology show --fabric` takes them."),
    ],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="[KIND.]KEY=VALUE",
            help="A setting of all the fabrics that have it, or with KIND. of one: gpus=8192, hpn.cores=no.",
        ),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Fabrics side by side: what they consist of and cost, and what the loss of each component takes down."""
    from reliability.analyses.fabric_compare import fabric_compare  # noqa: PLC0415 - keeps --help instant

    found = fabric_compare(fabrics, settings_of(given), lake_of(fabrics, lake))
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    _print(found)


def _print(found: FabricCompare) -> None:
    print_table(_side_by_side(found.rows()), title="what they consist of")
    print()
    print_table(_faults(found), title="the worst component of each class: GPUs down, or at a share of their bandwidth")
    note(found.definition)
    notes(f"{fabric.name}: {fabric.show.source}" for fabric in found.fabrics)
    notes(f"warning: {warning}" for warning in found.warnings)


def _faults(found: FabricCompare) -> list[dict[str, Any]]:
    return [
        {"component": kind, **{fabric.name: _reach(fabric.worst.get(kind)) for fabric in found.fabrics}}
        for kind in found.classes
    ]


def _reach(radius: BlastRadius | None) -> str | None:
    """Return in a few words how far a fault reaches; None where a fabric has no such component."""
    if radius is None:
        return None
    reached = []
    if radius.gpus_down:
        reached.append(f"{radius.gpus_down:,} down")
    if radius.gpus_cut_off:
        reached.append(f"{radius.gpus_cut_off:,} cut off")
    if radius.gpus_degraded:
        reached.append(f"{radius.gpus_degraded:,} at {100 * radius.bandwidth_left_share:.4g}%")
    return ", ".join(reached) or "nothing"


def _side_by_side(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn one row per fabric into one row per quantity.

    >>> _side_by_side([{"fabric": "rail", "gpus": 8}, {"fabric": "hpn", "gpus": 16}])
    [{'quantity': 'gpus', 'rail': 8, 'hpn': 16}]
    """
    quantities = [name for name in rows[0] if name != "fabric"]
    return [{"quantity": name, **{row["fabric"]: row[name] for row in rows}} for name in quantities]
