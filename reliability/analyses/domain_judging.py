"""Judge one cluster: which of its domains fail as one, and what each of its events was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from models.domain_failures import (
    DomainSearch,
    checked_events,
    is_false_flag,
    most_nodes_by_chance,
    node_propensity,
    search_domains,
)
from models.rates import RateEstimate, binomial_share, poisson_rate
from reliability.analyses.domain_events import Setting
from reliability.analyses.domain_evidence import BoolArray, ClusterEvidence, Happened, IntArray, kind_rank
from reliability.analyses.domain_findings import DomainFinding, EventFinding, KindFinding

if TYPE_CHECKING:
    from models.guards import FloatArray

_MICROS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every cluster."""

    kind: str | None
    fdr: float
    gap_seconds: float
    min_events: int
    min_domain_days: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One cluster judged."""

    cluster: str
    lone_events: int
    most_by_chance: int
    domains: tuple[DomainFinding, ...]
    kinds: tuple[KindFinding, ...]
    shared: tuple[EventFinding, ...]
    warnings: tuple[str, ...]


def judge(evidence: ClusterEvidence, asked: Asked) -> Judged:
    """Search one cluster's domains, then judge its events.

    Parameters
    ----------
    evidence
        The cluster.
    asked
        What is asked.
    """
    tested = np.array([not _why_not(evidence, row, asked) for row in range(len(evidence.sets))], dtype=np.bool_)
    rows = np.flatnonzero(tested)
    shared = [event for event in evidence.events if event.nodes.size > 1]
    flags = [event for event in shared if evidence.tells_harm and _is_flag(event)]
    failed = [event for event in shared if not (evidence.tells_harm and _is_flag(event))]
    propensity = node_propensity(evidence.lone, evidence.days)
    search = _search(evidence, failed, rows, propensity, asked)
    of_flags = _search(evidence, flags, rows, propensity, asked)
    observed = max((evidence.to_micros - evidence.from_micros) / _MICROS, 1.0)
    most = most_nodes_by_chance(len(evidence.events), asked.gap_seconds, observed)
    setting = Setting(evidence, rows, most)
    found = [*setting.findings(failed, search), *setting.findings(flags, of_flags)]
    mine = np.bincount(search.domain[search.is_domain_event], minlength=rows.size)
    domains = _domains(evidence, search, rows, mine, asked)
    return Judged(
        cluster=evidence.cluster,
        lone_events=len(evidence.events) - len(shared),
        most_by_chance=most,
        domains=domains,
        kinds=_kinds(evidence, domains, len(failed), asked),
        shared=tuple(sorted(found, key=lambda one: one.event_number)),
        warnings=tuple(_warnings(evidence, domains, failed, asked)),
    )


def _is_flag(event: Happened) -> bool:
    return is_false_flag(event.nodes.size, int(event.hurt.sum()))


def _why_not(evidence: ClusterEvidence, row: int, asked: Asked) -> str:
    """Return why a domain cannot be tested; empty if it can."""
    nodes, days = int(evidence.members[row].sum()), evidence.domain_days(row)
    if asked.kind is not None and asked.kind not in evidence.sets[row].kinds:
        return f"not of the kind {asked.kind}"
    if nodes < 2:
        return "one node of the fleet is in it"
    if nodes == len(evidence.nodes):
        return "every node of the fleet is in it: whatever fails together is"
    if days < asked.min_domain_days:
        return f"observed for {days:.3g} days, fewer than {asked.min_domain_days:g}"
    return ""


def _search(
    evidence: ClusterEvidence, events: Sequence[Happened], rows: IntArray, propensity: FloatArray, asked: Asked
) -> DomainSearch:
    fleets: dict[bytes, int] = {}
    masks: list[BoolArray] = []
    which = []
    for event in events:
        there = evidence.in_service(event.from_utc)
        there[event.nodes] = True  # a log's last event may outlive the fleet by a moment
        key = np.packbits(there).tobytes()
        if key not in fleets:
            fleets[key] = len(masks)
            masks.append(there)
        which.append(fleets[key])
    checked = checked_events(
        [event.nodes for event in events],
        len(evidence.nodes),
        np.array(masks) if masks else None,
        np.array(which, dtype=np.int64),
    )
    return search_domains(
        checked, evidence.members[rows], propensity, false_discovery_rate=asked.fdr, min_events=asked.min_events
    )


def _domains(
    evidence: ClusterEvidence, search: DomainSearch, rows: IntArray, mine: IntArray, asked: Asked
) -> tuple[DomainFinding, ...]:
    place = {int(row): number for number, row in enumerate(rows)}
    found = []
    for row, one in enumerate(evidence.sets):
        at, why, days = place.get(row), _why_not(evidence, row, asked), evidence.domain_days(row)
        if asked.kind is not None and asked.kind not in one.kinds:
            continue
        if at is not None and search.possible[at] < asked.min_events:
            why = f"{search.possible[at]} events of a size that could count, fewer than {asked.min_events}"
        events = int(mine[at]) if at is not None else 0
        found.append(
            DomainFinding(
                cluster=evidence.cluster,
                kind=one.name.kind,
                domain=one.name.domain,
                same_nodes=tuple(str(name) for name in one.names[1:]),
                kinds=one.kinds,
                nodes=int(evidence.members[row].sum()),
                events=events,
                counted=int(search.counted[at]) if at is not None else 0,
                expected=float(search.expected[at]) if at is not None else 0.0,
                possible=int(search.possible[at]) if at is not None else 0,
                p_value=float(search.domain_p[at]) if at is not None and not why else None,
                found=bool(search.found[at]) if at is not None else False,
                days=days,
                rate=_rate(events, days, asked.confidence) if at is not None else None,
                not_tested=why,
            )
        )
    # A p-value may be so small that it is told as 0; None is that of a domain that was not tested.
    return tuple(
        sorted(
            found,
            key=lambda one: (
                not one.found,
                -one.events,
                1.0 if one.p_value is None else one.p_value,
                kind_rank(one.kind),
            ),
        )
    )


def _kinds(
    evidence: ClusterEvidence, domains: Sequence[DomainFinding], shared: int, asked: Asked
) -> tuple[KindFinding, ...]:
    kinds = {kind for one in domains for kind in one.kinds if asked.kind in (None, kind)}
    found = []
    for kind in sorted(kinds, key=kind_rank):
        own = [one for one in domains if kind in one.kinds]
        at_risk = [one for one in own if one.rate is not None]
        events, days = sum(one.events for one in at_risk), sum(one.days for one in at_risk)
        same = {other for one in own for other in one.kinds if other != kind}
        found.append(
            KindFinding(
                cluster=evidence.cluster,
                kind=kind,
                same_as=tuple(sorted((other for other in same if _always(other, own)), key=kind_rank)),
                domains=len(own),
                tested=sum(not one.not_tested for one in own),
                found=sum(one.found for one in own),
                events=events,
                share=binomial_share(events, shared, asked.confidence) if shared else None,
                days=days,
                rate=_rate(events, days, asked.confidence),
            )
        )
    return tuple(found)


def _always(kind: str, domains: Sequence[DomainFinding]) -> bool:
    return all(kind in one.kinds for one in domains)


def _rate(events: int, days: float, confidence: float) -> RateEstimate | None:
    return poisson_rate(events, days, confidence) if days > 0 else None


def _warnings(
    evidence: ClusterEvidence, domains: Sequence[DomainFinding], failed: Sequence[Happened], asked: Asked
) -> list[str]:
    sentences = []
    kinds = {kind for one in evidence.sets for kind in one.kinds}
    if not evidence.sets:
        sentences.append(
            f"nothing says what the nodes of {evidence.cluster} share: take in an inventory with racks (ingest "
            "--mapping) or the wiring (ibnetdiscover, topology.conf, lldp)"
        )
    elif "rack" not in kinds and asked.kind in (None, "rack"):
        sentences.append(f"nothing says in which rack the nodes of {evidence.cluster} stand: no event can be a rack's")
    for kind in sorted(kinds, key=kind_rank):
        own = [one for one in domains if kind in one.kinds]
        reasons = {one.not_tested for one in own}
        if own and "" not in reasons:
            sentences.append(f"no {kind} of {evidence.cluster} could be tested: {'; '.join(sorted(reasons))}")
    if not evidence.tells_harm:
        sentences.append(
            f"no log of {evidence.cluster} tells of outages or jobs: every critical sign counts as a failure, and "
            "false flags cannot be told"
        )
    if not failed:
        sentences.append(
            f"no two nodes of {evidence.cluster} failed together: there was nothing to hold against domains"
        )
    return sentences
