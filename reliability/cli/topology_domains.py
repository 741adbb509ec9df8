"""``reliability topology domains``: which racks, switches and power domains the log shows to fail as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

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

if TYPE_CHECKING:
    from reliability.analyses.domain_failures import DomainFailures

_DOMAINS: Final = (
    "kind",
    "domain",
    "same_nodes",
    "nodes",
    "found",
    "events",
    "expected_by_chance",
    "p_value",
    "events_per_domain_month",
    "rate_low",
    "rate_high",
)
_KINDS: Final = (
    "kind",
    "same_as",
    "domains",
    "tested",
    "found",
    "events",
    "share_of_shared_events",
    "share_low",
    "share_high",
    "domain_months",
    "events_per_domain_month",
    "rate_low",
    "rate_high",
)
_EVENTS: Final = ("from_utc", "verdict", "kind", "domain", "node_count", "nodes_hurt", "symptom", "evidence")
#: what chance did interests nobody one by one
_LISTED: Final = ("domain", "no known domain", "flagged, all healthy")
_MOST_EVENTS: Final = 20


def register(topology: typer.Typer) -> None:
    """Add the command."""
    topology.command()(domains)


def domains(
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only these: rack, power, cooling, pod, tor, leaf, …")
    ] = None,
    fdr: Annotated[float, typer.Option("--fdr", help="Bound of the expected share of wrong names.")] = 0.05,
    min_events: Annotated[
        int, typer.Option("--min-events", min=1, help="A domain is found only with so many events of its own.")
    ] = 2,
    event_gap: Annotated[
        str, typer.Option("--event-gap", help="Troubles that begin within this of the one before are one event.")
    ] = "5m",
    from_utc: FromOption = None,
    to_utc: ToOption = None,
    confidence: ConfidenceOption = 0.9,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Which racks, switches and feeds fail as one beyond chance, and what every event of several nodes was."""
    from reliability.analyses.domain_failures import domain_failures as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    found = ask(
        open_lake(lake),
        kind=kind,
        fdr=fdr,
        min_events=min_events,
        event_gap_seconds=round(duration_seconds("--event-gap", event_gap)),
        from_utc=moment("--from", from_utc),
        to_utc=moment("--to", to_utc),
        confidence=confidence,
    )
    if as_json or as_csv:
        print_answer(found, as_json=as_json, as_csv=as_csv)
        return
    _print(found)


def _print(found: DomainFailures) -> None:
    several = ("cluster",) if len(found.most_nodes_by_chance) > 1 else ()
    listed = [one.row() for one in found.domains if one.found or one.events]
    print_table(listed, (*several, *_DOMAINS), title="domains with events of their own")
    print()
    print_table([one.row() for one in found.kinds], (*several, *_KINDS), title="by kind")
    print()
    events = sorted((one for one in found.events if one.verdict in _LISTED), key=lambda one: one.p_value)
    print_table([one.row() for one in events[:_MOST_EVENTS]], (*several, *_EVENTS), title="events of several nodes")
    if len(events) > _MOST_EVENTS:
        note(f"{len(events) - _MOST_EVENTS:,} more events: --json lists them all")
    note(f"events: {', '.join(f'{count:,} {name}' for name, count in found.verdicts.items())}")
    note(f"{found.definition} Intervals: exact, {found.confidence:.0%}.")
    notes(f"warning: {warning}" for warning in found.warnings)
