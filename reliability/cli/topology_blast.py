"""``reliability topology blast``: what a fault takes down, what it degrades, and which jobs it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from reliability.cli.fabric_option import FabricOption, SetOption, lake_of, moment_in_lake, settings_of
from reliability.cli.options import DEFAULT_LAKE, CsvOption, JsonOption, LakeOption
from reliability.cli.output import note, notes, print_answer, print_table
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from models.topology.blast.components import Component
    from reliability.analyses.blast import Blast
    from reliability.analyses.double_blast import DoubleBlast

_CLASS: Final = (
    *("component", "alike", "of", "gpus_down", "hosts_down", "gpus_cut_off", "gpus_degraded", "bandwidth_left_share"),
    *("host_bandwidth_left_share", "bisection_left_share", "narrows"),
)
_NAMED: Final = (
    *("component", "name", "gpus_down", "hosts_down", "gpus_cut_off", "gpus_degraded", "bandwidth_left_share"),
    *("host_bandwidth_left_share", "bisection_left_share"),
)
_JOBS: Final = ("jobs_down", "jobs_degraded")


def register(topology: typer.Typer) -> None:
    """Add the command."""
    topology.command()(blast)


def blast(
    fabric: FabricOption,
    component: Annotated[
        str | None,
        typer.Option("--component", metavar="CLASS", help="Only these: tor, leaf, agg, spine, nic, nic-link, host, …"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Only the component of that name; with --component.")
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="CLASS[:NAME]",
            help="Lost at the same time; without a name: all pairs of --component with this class, counted.",
        ),
    ] = None,
    double: Annotated[
        bool,
        typer.Option("--double", help="All pairs of --component; without it, of every two classes of switches."),
    ] = False,
    given: SetOption = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Of from-lake: cables in place and jobs that ran then (UTC)."),
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What the loss of a component takes down and degrades, and how many jobs it reaches; single and double faults."""
    from reliability.analyses.blast import blast as ask  # noqa: PLC0415 - keeps --help instant

    if component is None and (name is not None or beside):
        raise BadOptionError("--component", "(missing)", "the class that --name and --with go with")
    named = [text for text in beside or () if ":" in text]
    classes = [text for text in beside or () if ":" not in text]
    settings, when, opened = settings_of(given), moment_in_lake(fabric, at), lake_of([fabric], lake)
    if double or classes:
        if name is not None or named or len(classes) > 1 or (double and classes):
            raise BadOptionError(
                "--with", " ".join(beside or ["--double"]), "names beside --name, or one class, or --double"
            )
        from reliability.analyses.double_blast import double_blast  # noqa: PLC0415

        pair = None if component is None else (component, classes[0] if classes else component)
        _print_doubles(double_blast(fabric, settings, opened, pair=pair, at=when), as_json=as_json, as_csv=as_csv)
        return
    lost = [_component(text) for text in named]
    found = ask(fabric, settings, opened, component=component, name=name, beside=lost, at=when)
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    _print(found)


def _component(text: str) -> Component:
    from models.topology.blast.components import Component  # noqa: PLC0415 - keeps --help instant

    kind, _, name = text.partition(":")
    return Component(kind, name)


def _print(found: Blast) -> None:
    jobs = () if found.under.running is None else _JOBS
    unnamed = () if found.under.real is None else ("unnamed_adapters",)
    each = found.component is not None and len(found.found) > 0
    example = () if found.under.real is None else ("name",)
    columns = (*(_NAMED if each else (*_CLASS, *example)), *jobs)
    print_table(found.rows(), columns, title=f"{found.under.fabric.kind}: what the loss of one takes down and degrades")
    if found.leaves:
        print()
        print_table(
            [row.row() for row in found.leaves], (*_NAMED, *jobs, *unnamed), title="each switch that hosts are on"
        )
    notes(f"{row.radius.kind}: {row.radius.because}" for row in found.found[:1] if each)
    around = found.reclosing
    if around is not None:
        note(
            f"The rings close around it: {around.opened:,} circuits are given up and {around.closed:,} set, on "
            f"{around.switches:,} optical switches; before that its neighbours on the rings are degraded."
        )
    note(found.definition)
    note(found.jobs_note)
    if found.under.real is not None:
        notes(f"inferred: {sentence}" for sentence in found.under.real.inference)
    notes(f"warning: {sentence}" for sentence in found.warnings)


def _print_doubles(found: DoubleBlast, *, as_json: bool, as_csv: bool) -> None:
    print_answer(found, as_json=as_json, as_csv=as_csv)
    if as_json or as_csv:
        return
    if found.outcomes:
        print()
        columns = ("name", "alike", "of", *_NAMED[2:])
        print_table([row.row() for row in found.outcomes], columns, title="what the pairs do, the worst first")
    note(found.definition)
