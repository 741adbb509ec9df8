"""``reliability topology availability``: what share of the time is a fabric whole, and can a job run in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reliability.cli.fabric_option import FabricOption, SetOption, repair_hours_of, settings_of
from reliability.cli.options import ConfidenceOption, CsvOption, JsonOption
from reliability.cli.output import note, notes, print_answer, print_table

if TYPE_CHECKING:
    from reliability.analyses.availability import Availability

_MEASURES = (
    *("measure", "availability", "low", "high", "simulated", "simulated_low", "simulated_high"),
    *("minutes_down_per_month", "outages_per_month", "mean_outage_hours"),
)
_COMPONENTS = (
    *("component", "count", "failures_per_month", "failures_low", "failures_high", "repair_hours"),
    *("fabric_minutes_per_month", "job_minutes_per_month", "job_outages_per_month", "rate_is"),
)


def register(topology: typer.Typer) -> None:
    """Add the command."""
    topology.command()(availability)


def availability(
    fabric: FabricOption,
    given: SetOption = None,
    gpus: Annotated[
        int | None, typer.Option("--gpus", min=1, help="GPUs of the job; default 1,024 or what fits.")
    ] = None,
    spare_hosts: Annotated[
        int, typer.Option("--spare-hosts", metavar="S", min=0, help="Hosts in reserve beside the job.")
    ] = 0,
    beta: Annotated[
        float,
        typer.Option(
            "--beta", min=0.0, max=1.0, help="Share of failures of redundant switches that take all of them at once."
        ),
    ] = 0.0,
    repair: Annotated[
        list[str] | None,
        typer.Option("--repair", metavar="CLASS=DURATION", help="Repair time of a class: host=4h, nic-link=30m."),
    ] = None,
    replicas: Annotated[int, typer.Option("--replicas", min=100, max=1_000_000, help="Moments drawn.")] = 10_000,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of the simulation; by default always the same.")
    ] = None,
    confidence: ConfidenceOption = 0.9,
    figure: Annotated[str | None, typer.Option("--figure", metavar="FILE", help="Write the figure, as HTML.")] = None,
    lake: Annotated[
        Path | None,
        typer.Option(
            "--lake",
            help="Take failure rates, repair times and shared outages of hosts from this lake, not from papers; "
            "from-lake: its fabric, too.",
        ),
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What share of the time is a fabric whole, and does a job find its hosts: exact and simulated, with outages."""
    from reliability.analyses.availability import SEED  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.availability import availability as ask  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415

    opened = None if lake is None else open_lake(lake)
    found = ask(
        fabric,
        settings_of(given),
        opened,
        gpus=gpus,
        spare_hosts=spare_hosts,
        measured=opened is not None,
        beta=beta,
        repair_hours=repair_hours_of(repair, "--repair"),
        replicas=replicas,
        seed=SEED if seed is None else seed,
        confidence=confidence,
    )
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
    else:
        _print(found)
    if figure is not None:
        from reliability.cli.faces import write_figure  # noqa: PLC0415

        write_figure(found.figure(), figure)


def _print(found: Availability) -> None:
    spared = f" and {found.spare_hosts} spare" if found.spare_hosts else ""
    print_table(
        found.rows(), _MEASURES, title=f"{found.fabric}: {found.hosts:,} hosts; job: {found.job_hosts:,}{spared}"
    )
    print()
    costly = sorted(
        found.component_rows(),
        key=lambda row: -max(row["fabric_minutes_per_month"], row["job_minutes_per_month"]),
    )
    print_table(costly, _COMPONENTS, title="classes: minutes a month gained if a class never failed")
    if found.shocks:
        print()
        print_table(found.shock_rows(), title="outages that took nodes of one place together")
    print()
    print_table(found.spare_rows(), title="the job with spares")
    print()
    simulated = found.document()["simulated_time"]
    print_table([{"measure": name, **told} for name, told in simulated.items()], title="in simulated time")
    note(found.definition)
    notes(f"rate of {component.component}: {component.rate.source}" for component in found.components)
    notes(found.notes)
    notes(f"warning: {warning}" for warning in found.warnings)
