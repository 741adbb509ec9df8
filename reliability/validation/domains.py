"""Which domain failed? The events that the analysis names a domain for against those that really were one's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from reliability.analyses.domain_failures import domain_failures
from reliability.analyses.domain_findings import EventFinding
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.validation.case import Case
from reliability.validation.findings import Findings, share_row, tally_text
from reliability.validation.truth import read_rows

_PRECISION_BAR: Final = 0.95
_RECALL_BAR: Final = 0.90
#: a check sees a fault minutes later, and the last node of a pod that heats up is hit long after the first
_LATE: Final = timedelta(minutes=30)
#: flags of fewer nodes are no crowd
_CROWD: Final = 3

_DEFINITIONS: Final = {
    "precision": "Of the events of several nodes that the analysis names a domain for (at its own false discovery rate "
    "of 5%), those that really were an incident of a domain of just these nodes. Domains with the same nodes (a ToR "
    "and the pod below it, a rack and its power) count as one: no log tells them apart.",
    "recall": "Of the true incidents that took down two nodes or more of a domain smaller than the cluster, those "
    "named so, however few incidents the domain had in the log.",
    "flags": "Of the alarms about nothing that flagged three nodes or more at once, those told as `flagged, all "
    "healthy`.",
}

_Nodes = frozenset[str]


@dataclass(frozen=True, slots=True)
class DomainEvents:
    """One cluster.

    Parameters
    ----------
    true, found
        True incidents by kind of domain, and those of them named right.
    named, right
        Events named for a domain, and those of them named right.
    wrong
        What really was behind the others.
    flags, flags_told
        Alarms about nothing of several nodes, and those told so.
    """

    true: Mapping[str, int]
    found: Mapping[str, int]
    named: int
    right: int
    wrong: Mapping[str, int]
    flags: int
    flags_told: int


def count_domain_events(case: Case, confidence: float) -> DomainEvents | None:  # noqa: ARG001 - every measure is asked alike
    """Compare the events named for domains with the truth; None where the truth tells of none.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Not needed: counts have no level.
    """
    events = read_rows(case.truth, "domain_events", ("kind", "domain", "real", "takes_down", "nodes", "time_utc"))
    domains = read_rows(case.truth, "domains", ("domain", "nodes"))
    if events is None or domains is None:
        return None
    members = {row["domain"]: frozenset(row["nodes"]) for row in domains}
    fleet = frozenset().union(*members.values())
    real = [row for row in events if _is_incident(row, members, fleet)]
    flags = [row for row in events if not row["real"] and len(row["nodes"]) >= _CROWD]
    told = domain_failures(case.lake).events
    of_lake = _domains_of(case)
    named = [event for event in told if event.verdict == "domain"]
    sets = {event.event_number: of_lake.get((event.kind, event.domain), frozenset()) for event in named}
    right, found, wrong = 0, Counter[str](), Counter[str]()
    for event in named:
        behind = [row for row in events if _is_behind(row, event)]
        if any(row in real and members[row["domain"]] == sets[event.event_number] for row in behind):
            right += 1
        else:
            wrong[_why(behind)] += 1
    for row in real:
        seen = (event for event in named if _is_behind(row, event))
        found[row["kind"]] += any(members[row["domain"]] == sets[event.event_number] for event in seen)
    return DomainEvents(
        true=dict(Counter(row["kind"] for row in real)),
        found=dict(found),
        named=len(named),
        right=right,
        wrong=dict(wrong),
        flags=len(flags),
        flags_told=sum(
            any(event.verdict == "flagged, all healthy" and _is_behind(row, event) for event in told) for row in flags
        ),
    )


def _is_incident(row: Mapping[str, Any], members: Mapping[str, _Nodes], fleet: _Nodes) -> bool:
    return bool(row["real"] and row["takes_down"] and len(row["nodes"]) > 1 and members[row["domain"]] != fleet)


def _is_behind(row: Mapping[str, Any], event: EventFinding) -> bool:
    """Tell whether a true incident is what an event shows: at that time, most of its nodes."""
    shared = len(set(row["nodes"]) & set(event.nodes))
    soon = event.from_utc - _LATE <= row["time_utc"] <= event.to_utc + _LATE
    return soon and 2 * shared >= max(2, len(row["nodes"]))


def _why(behind: Sequence[Mapping[str, Any]]) -> str:
    return f"part of an incident of a {behind[0]['kind']}" if behind else "chance"


def _domains_of(case: Case) -> dict[tuple[str | None, str | None], _Nodes]:
    with closing(DuckDBEngine(case.lake)) as engine:
        return {(row["kind"], row["domain"]): frozenset(row["nodes"]) for row in engine.ask("domain_members")}


def find_domain_events(counts: Sequence[DomainEvents | None], confidence: float) -> Findings:
    """Sum the named events of all clusters up.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    told = [events for events in counts if events is not None]
    true, found, wrong = Counter[str](), Counter[str](), Counter[str]()
    for events in told:
        true.update(events.true)
        found.update(events.found)
        wrong.update(events.wrong)
    missed = Counter({kind: true[kind] - found[kind] for kind in true})
    rows = (
        share_row(
            "domain_precision",
            "precision of domain incidents",
            sum(events.right for events in told),
            sum(events.named for events in told),
            confidence,
            _DEFINITIONS["precision"],
            bar=_PRECISION_BAR,
            note=f"{wrong.total():,} wrong: {tally_text(wrong)}" if wrong else "",
        ),
        share_row(
            "domain_recall",
            "recall of domain incidents",
            found.total(),
            true.total(),
            confidence,
            _DEFINITIONS["recall"],
            bar=_RECALL_BAR,
            note=f"{missed.total():,} not found: {tally_text(missed)}" if missed.total() else "",
        ),
        share_row(
            "false_flags_told",
            "alarms about nothing told as such",
            sum(events.flags_told for events in told),
            sum(events.flags for events in told),
            confidence,
            _DEFINITIONS["flags"],
        ),
    )
    headline = {row.measure: row.value for row in rows if row.measure != "false_flags_told"}
    tables = {"domains": [{"kind": kind, "events": true[kind], "found": found[kind]} for kind in sorted(true)]}
    return Findings(headline, rows, tables)
