"""``reliability topology placement``: where to put a job, how many spares, and how placed jobs failed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reliability.cli.fabric_option import SetOption, settings_of
from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    JsonOption,
    LakeOption,
    duration_seconds,
)
from reliability.cli.output import note, notes, print_answer, print_table
from reliability.errors import BadOptionError, LakeNotFoundError, NoDataError

if TYPE_CHECKING:
    from reliability.analyses.placement import PlacementAdvice
    from reliability.analyses.placement_spread import PlacementSpread
    from reliability.analyses.plan import FailureRate
    from reliability.lake import Lake

#: hosts that are named one by one
_NAMED: Final = 8


def register(topology: typer.Typer) -> None:
    """Add the command."""
    topology.command()(placement)


def placement(
    fabric: Annotated[
        str | None,
        typer.Option("--fabric", metavar="F", help="Advice for a planned fabric, or from-lake; else the log alone."),
    ] = None,
    given: SetOption = None,
    gpus: Annotated[int | None, typer.Option("--gpus", metavar="N", help="GPUs of the job to be placed.")] = None,
    free: Annotated[
        str | None,
        typer.Option("--free", metavar="HOST,…", help="Hosts to choose from; host0, host1, … of a planned fabric."),
    ] = None,
    target_availability: Annotated[
        float,
        typer.Option("--target-availability", metavar="SHARE", help="Of a segment's hosts: how many spares reach it."),
    ] = 0.999,
    failures_per_1000_node_days: Annotated[
        float | None,
        typer.Option(
            "--failures-per-1000-node-days", metavar="R", min=0.0, help="Of hosts; else the lake's own, or published."
        ),
    ] = None,
    repair_time: Annotated[
        str, typer.Option("--repair-time", metavar="DURATION", help="How long a failed host is gone.")
    ] = "1d",
    lost_time: Annotated[
        str, typer.Option("--lost-time", metavar="DURATION", help="What a stop costs the job.")
    ] = "35m",
    confidence: ConfidenceOption = 0.9,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Where to put a job so that it fails least, how many spares a segment needs, and how spread jobs failed."""
    from reliability.analyses.fabric import FROM_LAKE, fabric_of  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.placement import placement_advice  # noqa: PLC0415

    if fabric is None:
        for option, value in (
            ("--gpus", gpus),
            ("--free", free),
            ("--set", given[0] if given else None),
            ("--failures-per-1000-node-days", failures_per_1000_node_days),
        ):
            if value is not None:
                raise BadOptionError(option, value, "with it --fabric, a planned one or from-lake")
    if free is not None and gpus is None:
        raise BadOptionError("--free", free, "with it --gpus, the size of the job")
    opened, untold = _opened(lake, needed=fabric in (None, FROM_LAKE))
    spread, missing = _spread(opened, confidence, needed=fabric is None)
    found = placement_advice(
        None if fabric is None else fabric_of(fabric, settings_of(given), opened),
        gpus=gpus,
        free=None if free is None else [name.strip() for name in free.split(",")],
        rate=_rate(failures_per_1000_node_days, opened, confidence),
        lost_hours_per_failure=duration_seconds("--lost-time", lost_time) / 3600,
        repair_hours=duration_seconds("--repair-time", repair_time) / 3600,
        target_availability=target_availability,
        spread=spread,
        confidence=confidence,
    )
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
    else:
        _print(found)
    notes(filter(None, (untold, missing)))


def _opened(lake: Path, *, needed: bool) -> tuple[Lake | None, str | None]:
    """Open the lake; without one a planned fabric can still be advised on, which is then said."""
    from reliability.lake import open_lake  # noqa: PLC0415 - keeps --help instant

    try:
        return open_lake(lake), None
    except LakeNotFoundError:
        if needed:
            raise
        return None, f"no lake at {lake}: how placed jobs failed is not told"


def _spread(lake: Lake | None, confidence: float, *, needed: bool) -> tuple[PlacementSpread | None, str | None]:
    if lake is None:
        return None, None
    from reliability.analyses.placement_spread import placement_spread  # noqa: PLC0415 - keeps --help instant

    try:
        return placement_spread(lake, confidence), None
    except NoDataError as error:
        if needed:
            raise
        return None, str(error)


def _rate(given: float | None, lake: Lake | None, confidence: float) -> FailureRate | None:
    from reliability.analyses.plan import FailureRate, measured_rate  # noqa: PLC0415 - keeps --help instant

    if given is not None:
        return FailureRate(given)
    if lake is None:
        return None
    try:
        return measured_rate(lake, confidence=confidence)
    except NoDataError:
        return None


def _print(found: PlacementAdvice) -> None:
    document = found.document()
    if found.advice is not None:
        rows = [{**row, "switches_by_tier": _tiers(row["switches_by_tier"])} for row in found.rows()]
        print_table(rows, title=f"{document['hosts']:,} hosts in {document['fabric']}: where to put the job")
        named = document["hosts_compact"]
        more = "" if len(named) <= _NAMED else f" … {len(named) - _NAMED:,} more, see --json"
        note(f"compact: {' '.join(named[:_NAMED])}{more}")
    if found.segment is not None:
        segment = document["spares"]
        enough = "no number" if segment["spares_enough"] is None else segment["spares_enough"]
        title = f"Spares of a segment of {segment['hosts']:,} hosts: {enough} for {segment['target_availability']:g}"
        print_table(found.segment.rows(), title=title)
    if found.spread is not None:
        shown = ("kind", "rate_ratio", "rate_ratio_low", "rate_ratio_high", "p_value", "failures_spread")
        also = ("failures_packed", "sizes_compared", "rate_ratio_per_doubling")
        kinds: list[dict[str, Any]] = found.spread.document()["kinds"]
        print_table(kinds, (*shown, *also), title="Spread over packed jobs of the same size, from the log")
        print_table(found.spread.rows(), title="Failures by placement")
        note(found.spread.document()["definition"])
        notes(f"warning: {kind['kind']}: {told}" for kind in kinds for told in kind["warnings"])
    if found.fabric is not None:
        note(document["definition"])
    notes(found.notes)
    notes(f"warning: {warning}" for warning in found.warnings)


def _tiers(counts: dict[str, float]) -> str:
    return ", ".join(f"{many:.4g} {tier}" for tier, many in counts.items())
