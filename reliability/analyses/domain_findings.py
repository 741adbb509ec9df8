"""The parts of the answer to which domains fail as one: domains, kinds of domains, and single events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from models.domain_failures import Verdict
    from models.rates import RateEstimate, ShareEstimate

#: days of a month of the rates
MONTH_DAYS = 365.25 / 12


@dataclass(frozen=True, slots=True)
class DomainFinding:
    """One domain: what befell it, and what chance would have done.

    Parameters
    ----------
    kind, domain, same_nodes
        What it is called; other domains that consist of the same nodes and that nobody can tell from it.
    nodes
        Of the fleet.
    events
        Events that the search names it for.
    counted, expected
        Events concentrated in it and in no smaller domain, and how many chance would have.
    possible
        Events of a size that could count.
    p_value
        Chance of at least as many; None for a domain that was not tested.
    found
        Whether it fails as one again and again.
    rate
        Its events per day of the domain, with the exact interval; None without exposure.
    not_tested
        Why it was not tested; empty if it was.
    """

    cluster: str
    kind: str
    domain: str
    same_nodes: tuple[str, ...]
    kinds: tuple[str, ...]
    nodes: int
    events: int
    counted: int
    expected: float
    possible: int
    p_value: float | None
    found: bool
    days: float
    rate: RateEstimate | None
    not_tested: str

    def row(self) -> dict[str, Any]:
        """Return the row of a table."""
        return {
            "cluster": self.cluster,
            "kind": self.kind,
            "domain": self.domain,
            "same_nodes": list(self.same_nodes),
            "nodes": self.nodes,
            "found": self.found,
            "events": self.events,
            "concentrated_events": self.counted,
            "expected_by_chance": self.expected,
            "possible_events": self.possible,
            "p_value": self.p_value,
            "domain_months": self.days / MONTH_DAYS,
            **rate_columns(self.rate),
            "not_tested": self.not_tested or None,
        }


@dataclass(frozen=True, slots=True)
class KindFinding:
    """The domains of one kind together.

    ``same_as``: other kinds whose domains consist of the same nodes, so that an event counts for each of them.
    ``share``: of the events of several nodes with failures; None if there was none.
    """

    cluster: str
    kind: str
    same_as: tuple[str, ...]
    domains: int
    tested: int
    found: int
    events: int
    share: ShareEstimate | None
    days: float
    rate: RateEstimate | None

    def row(self) -> dict[str, Any]:
        """Return the row of a table."""
        return {
            "cluster": self.cluster,
            "kind": self.kind,
            "same_as": list(self.same_as),
            "domains": self.domains,
            "tested": self.tested,
            "found": self.found,
            "events": self.events,
            "share_of_shared_events": self.share.share if self.share else None,
            "share_low": self.share.low if self.share else None,
            "share_high": self.share.high if self.share else None,
            "domain_months": self.days / MONTH_DAYS,
            **rate_columns(self.rate),
        }


@dataclass(frozen=True, slots=True)
class EventFinding:
    """One event of several nodes, what it was, and why.

    ``kind``, ``domain`` and ``same_nodes`` name the domain in which it is concentrated beyond chance, of flags as well;
    None if there is none. ``nodes_inside`` of its nodes are in the domain that explains it best, named or not, which
    has ``domain_nodes``. ``spread_kind`` and ``spread``: over how many racks (or what is known) the nodes stand.
    """

    cluster: str
    event_number: int
    from_utc: datetime
    to_utc: datetime
    symptom: str
    verdict: Verdict
    kind: str | None
    domain: str | None
    same_nodes: tuple[str, ...]
    nodes: tuple[str, ...]
    nodes_hurt: int
    attempts_ended: int
    nodes_inside: int
    domain_nodes: int
    spread_kind: str | None
    spread: int | None
    p_value: float
    evidence: str

    def row(self) -> dict[str, Any]:
        """Return the row of a table."""
        return {
            "cluster": self.cluster,
            "event_number": self.event_number,
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "verdict": self.verdict,
            "kind": self.kind,
            "domain": self.domain,
            "same_nodes": list(self.same_nodes),
            "node_count": len(self.nodes),
            "nodes_hurt": self.nodes_hurt,
            "nodes_inside": self.nodes_inside,
            "domain_nodes": self.domain_nodes,
            "spread_kind": self.spread_kind,
            "spread": self.spread,
            "symptom": self.symptom,
            "attempts_ended": self.attempts_ended,
            "p_value": self.p_value,
            "evidence": self.evidence,
            "nodes": list(self.nodes),
        }


def rate_columns(rate: RateEstimate | None) -> dict[str, float | None]:
    """Return a rate and its limits per domain-month."""
    return {
        "events_per_domain_month": rate.rate_per_day * MONTH_DAYS if rate else None,
        "rate_low": rate.low_per_day * MONTH_DAYS if rate else None,
        "rate_high": rate.high_per_day * MONTH_DAYS if rate else None,
    }
