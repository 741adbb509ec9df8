"""``reliability topology show``: what a fabric consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from reliability.cli.fabric_option import FabricOption, SetOption, lake_of, moment_in_lake, settings_of
from reliability.cli.options import DEFAULT_LAKE, CsvOption, JsonOption, LakeOption
from reliability.cli.output import note, notes, print_answer, print_table

if TYPE_CHECKING:
    from reliability.analyses.fabric_show import FabricShow


def register(topology: typer.Typer) -> None:
    """Add the command."""
    topology.command()(show)


def show(
    fabric: FabricOption,
    given: SetOption = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Of from-lake: the cables in place then (UTC).")
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What a fabric consists of: hosts, switches, cables, oversubscription and cost; how a real one was read."""
    from reliability.analyses.fabric_show import fabric_show  # noqa: PLC0415 - keeps --help instant

    when = moment_in_lake(fabric, at)
    found = fabric_show(fabric, settings_of(given), lake_of([fabric], lake), at=when)
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    _print(found)


def _print(found: FabricShow) -> None:
    document = found.document()
    size = (
        "gpus",
        "hosts",
        "gpus_per_host",
        "adapters",
        "scale_up_domains",
        "transceivers",
        "diameter_hops",
        "host_diameter_hops",
        "cost",
    )
    print_table([{"quantity": name, "value": document[name]} for name in size], title=document["fabric"])
    print()
    print_table(found.rows(), title="by tier, from the hosts upwards")
    if found.real is not None:
        print()
        print_table(document["rails"], title="by rail: cables of compute hosts")
    note(f"{document['fabric']}: {found.source}")
    note(found.definition)
    notes(f"inferred: {sentence}" for sentence in found.notes)
    notes(f"warning: {sentence}" for sentence in found.warnings)
