"""What every event of several nodes was, with the sentence that says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.domain_failures import DomainSearch, Verdict, event_verdict
from reliability.analyses.domain_evidence import ClusterEvidence, Happened, IntArray, kind_rank
from reliability.analyses.domain_findings import EventFinding

#: a kind that tells of most nodes where they stand
_MOST: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Where events happened.

    Parameters
    ----------
    evidence
        The cluster.
    tested
        Rows of its sets of nodes that the search was given.
    most_by_chance
        Nodes that chance may join.
    """

    evidence: ClusterEvidence
    tested: IntArray
    most_by_chance: int

    def findings(self, events: Sequence[Happened], search: DomainSearch) -> Iterator[EventFinding]:
        """Yield the finding of each event that was searched."""
        spread_kind = self._spread_kind()
        places = np.array(
            [row for row, one in enumerate(self.evidence.sets) if spread_kind in one.kinds], dtype=np.int64
        )
        for number, event in enumerate(events):
            spread = int(self.evidence.members[np.ix_(places, event.nodes)].any(axis=1).sum()) if places.size else None
            yield self._finding(event, search, number, spread_kind, spread)

    def _spread_kind(self) -> str | None:
        """Return the first kind that tells of most nodes where they stand."""
        sets = self.evidence.sets
        for kind in sorted({kind for one in sets for kind in one.kinds}, key=kind_rank):
            rows = [row for row, one in enumerate(sets) if kind in one.kinds]
            if len(rows) > 1 and self.evidence.members[rows].any(axis=0).mean() > _MOST:
                return kind
        return None

    def _finding(
        self, event: Happened, search: DomainSearch, number: int, spread_kind: str | None, spread: int | None
    ) -> EventFinding:
        best, named = int(search.domain[number]), bool(search.is_domain_event[number])
        row = int(self.tested[best]) if best >= 0 else None
        one = self.evidence.sets[row] if row is not None else None
        hurt = int(event.hurt.sum())
        failed = hurt if self.evidence.tells_harm else event.nodes.size
        verdict = event_verdict(event.nodes.size, failed, of_domain=named, most_by_chance=self.most_by_chance)
        finding = EventFinding(
            cluster=self.evidence.cluster,
            event_number=event.number,
            from_utc=event.from_utc,
            to_utc=event.to_utc,
            symptom=event.symptom,
            verdict=verdict,
            kind=one.name.kind if one and named else None,
            domain=one.name.domain if one and named else None,
            same_nodes=tuple(str(name) for name in one.names[1:]) if one and named else (),
            nodes=tuple(self.evidence.nodes[node] for node in event.nodes),
            nodes_hurt=hurt,
            attempts_ended=event.attempts_ended,
            nodes_inside=int(search.nodes_inside[number]),
            domain_nodes=int(self.evidence.members[row].sum()) if row is not None else 0,
            spread_kind=spread_kind,
            spread=spread,
            p_value=float(search.event_p[number]),
            evidence="",
        )
        return _with_evidence(finding, str(one.name) if one else "", named=named, most_by_chance=self.most_by_chance)


def _with_evidence(finding: EventFinding, name: str, *, named: bool, most_by_chance: int) -> EventFinding:
    count = len(finding.nodes)
    places = f" in {_counted(finding.spread, finding.spread_kind)}" if finding.spread and finding.spread_kind else ""
    inside = (
        f"{finding.nodes_inside} of its {count} nodes are of {name}, which has {finding.domain_nodes}; chance puts so "
        f"many of {count} into any domain with p = {finding.p_value:.2g}"
    )
    texts: dict[Verdict, str] = {
        "domain": f"{inside}; {finding.nodes_hurt} went down or had an attempt fail",
        "flagged, all healthy": f"{count} nodes{places} flagged, all healthy: {_hurt_text(finding.nodes_hurt)}"
        + (f"; {finding.nodes_inside} of them are of {name}: it may have slowed them" if named else ""),
        "chance": f"{count} nodes{places}; chance joins up to {most_by_chance} in a log of so many events",
        "no known domain": f"{count} nodes{places}, where chance joins at most {most_by_chance}: "
        + ("a smaller part that they share" if finding.spread == 1 else "what they share")
        + " is not in the inventory"
        + ("" if finding.spread == 1 else ", or it is the whole cluster"),
    }
    return replace(finding, evidence=texts[finding.verdict])


def _hurt_text(hurt: int) -> str:
    return "no outage, no failed attempt" if not hurt else f"outages or failed attempts on {hurt}, as on any other day"


def _counted(count: int, kind: str) -> str:
    if count == 1:
        return f"1 {kind}"
    if kind == "leaf":
        return f"{count} leaves"
    return f"{count} {kind}{'es' if kind.endswith(('s', 'ch')) else 's'}"
