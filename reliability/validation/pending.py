"""Measures whose truth the simulator writes and whose analysis does not exist: an honest null until it does.

An analysis is plugged in here: its counting function takes the place of the one that finds nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reliability.validation.case import Case
from reliability.validation.findings import NO_ANALYSIS, Findings, pending_row
from reliability.validation.truth import read_rows


@dataclass(frozen=True, slots=True)
class DomainEvents:
    """Of one cluster: true incidents of failure domains by kind, and flags of a domain that were false."""

    by_kind: Mapping[str, int]
    false_flags: int


def count_domain_events(case: Case, confidence: float) -> DomainEvents | None:  # noqa: ARG001 - every measure is asked alike
    """Count the true domain incidents of one cluster; None where the truth tells of none.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Not needed: counts have no level.
    """
    events = read_rows(case.truth, "domain_events", ("kind", "real"))
    if events is None:
        return None
    return DomainEvents(
        by_kind=dict(Counter(event["kind"] for event in events if event["real"])),
        false_flags=sum(not event["real"] for event in events),
    )


def find_domain_events(counts: Sequence[DomainEvents | None], confidence: float) -> Findings:  # noqa: ARG001 - as above
    """Sum the domain incidents of all clusters up.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Not needed: nothing is found, so there is no share.
    """
    told = [events for events in counts if events is not None]
    by_kind: Counter[str] = Counter()
    for events in told:
        by_kind.update(events.by_kind)
    flags = sum(events.false_flags for events in told)
    truth = (
        f"the truth holds {by_kind.total():,} of them and {flags:,} false flags" if told else "the truth tells of none"
    )
    row = pending_row(
        "domain_incidents",
        "domain incidents found",
        "Of the faults that several nodes of one rack, switch or other domain share, those found as one incident.",
        f"{NO_ANALYSIS}; {truth}",
    )
    tables = {"domains": [{"kind": kind, "events": by_kind[kind], "found": None} for kind in sorted(by_kind)]}
    return Findings({}, (row,), tables)
