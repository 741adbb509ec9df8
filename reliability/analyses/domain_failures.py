"""Which failure domains the log shows to fail as one: racks, switches, power; and what every shared event was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from models.guards import checked_confidence
from reliability.analyses.answer import Answer
from reliability.analyses.domain_evidence import gather
from reliability.analyses.domain_findings import DomainFinding, EventFinding, KindFinding
from reliability.analyses.domain_judging import Asked, Judged, judge
from reliability.errors import BadOptionError, NoDataError
from reliability.marts import Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    import plotly.graph_objects as go

    from reliability.lake import Lake

#: a health check looks every few minutes: what one switch did shows within so long on all its nodes
EVENT_GAP_SECONDS: Final = 300
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DomainFailures(Answer):
    """Domains that co-fail beyond chance, each kind's rate, and the verdict on every event of several nodes.

    ``verdicts`` counts all events, those of a single node included.
    """

    from_utc: datetime
    to_utc: datetime
    fdr: float
    min_events: int
    min_domain_days: float
    event_gap_seconds: int
    confidence: float
    definition: str
    domains: tuple[DomainFinding, ...]
    kinds: tuple[KindFinding, ...]
    events: tuple[EventFinding, ...]
    verdicts: Mapping[str, int]
    most_nodes_by_chance: Mapping[str, int]
    warnings: tuple[str, ...] = ()

    @property
    def found(self) -> tuple[DomainFinding, ...]:
        """Domains that fail as one again and again."""
        return tuple(one for one in self.domains if one.found)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per domain, those found first."""
        return [one.row() for one in self.domains]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "from_utc": self.from_utc,
            "to_utc": self.to_utc,
            "fdr": self.fdr,
            "min_events": self.min_events,
            "min_domain_days": self.min_domain_days,
            "event_gap_seconds": self.event_gap_seconds,
            "confidence": self.confidence,
            "definition": self.definition,
            "found": [{"cluster": one.cluster, "kind": one.kind, "domain": one.domain} for one in self.found],
            "verdicts": dict(self.verdicts),
            "most_nodes_by_chance": dict(self.most_nodes_by_chance),
            "kinds": [one.row() for one in self.kinds],
            "domains": self.rows(),
            "events": [one.row() for one in self.events],
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw every event of several nodes in time, coloured by what it was."""
        from reliability.figures.domain_failures import domain_failures_figure  # noqa: PLC0415 - figures read results

        return domain_failures_figure(self)


def domain_failures(
    lake: Lake,
    *,
    kind: str | None = None,
    fdr: float = 0.05,
    min_events: int = 2,
    min_domain_days: float = 7.0,
    event_gap_seconds: int = EVENT_GAP_SECONDS,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> DomainFailures:
    """Ask which domains co-fail beyond chance, and what each event of several nodes was.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    kind
        Only domains of this kind (``rack``, ``power``, ``leaf``, …); None for all.
    fdr
        The expected share of wrong names stays within this.
    min_events
        A domain is found only with so many events of its own.
    min_domain_days
        Domains observed for less are not tested.
    event_gap_seconds
        Troubles of nodes that begin within this of the one before are one event.
    confidence
        Level of the intervals.
    from_utc, to_utc
        Half-open window; None for everything.

    Returns
    -------
    DomainFailures
        One row per domain, those found first.

    Raises
    ------
    BadOptionError
        If an option cannot be, or no domain is of the kind.
    NoDataError
        If nothing says which nodes were there, and when.
    """
    checked_confidence(confidence)
    if not 0 < fdr < 1:
        raise BadOptionError("--fdr", f"{fdr:g}", "a share between 0 and 1")
    if event_gap_seconds < 1:
        raise BadOptionError("--event-gap", f"{event_gap_seconds}s", "a second or more")
    evidence = gather(
        lake, Parameters(window_from_utc=from_utc, window_to_utc=to_utc, event_gap_seconds=event_gap_seconds)
    )
    if not evidence:
        raise NoDataError(
            "topology domains", "node states (sacctmgr show event, …), jobs (sacct, …) or events of nodes"
        )
    known = sorted({name for cluster in evidence for one in cluster.sets for name in one.kinds})
    if kind is not None and known and kind not in known:
        raise BadOptionError("--kind", kind, f"one of {', '.join(known)}")
    asked = Asked(kind, fdr, event_gap_seconds, min_events, min_domain_days, confidence)
    judged = [judge(cluster, asked) for cluster in evidence]
    return DomainFailures(
        from_utc=_moment(min(cluster.from_micros for cluster in evidence)),
        to_utc=_moment(max(cluster.to_micros for cluster in evidence)),
        fdr=fdr,
        min_events=min_events,
        min_domain_days=min_domain_days,
        event_gap_seconds=event_gap_seconds,
        confidence=confidence,
        definition=_definition(fdr, event_gap_seconds),
        domains=tuple(one for cluster in judged for one in cluster.domains),
        kinds=tuple(one for cluster in judged for one in cluster.kinds),
        events=tuple(one for cluster in judged for one in cluster.shared),
        verdicts=_verdicts(judged),
        most_nodes_by_chance={cluster.cluster: cluster.most_by_chance for cluster in judged},
        warnings=tuple(sentence for cluster in judged for sentence in cluster.warnings),
    )


def _verdicts(judged: list[Judged]) -> dict[str, int]:
    counts = Counter(one.verdict for cluster in judged for one in cluster.shared)
    return {
        "domain": counts["domain"],
        "no known domain": counts["no known domain"],
        "chance": counts["chance"],
        "flagged, all healthy": counts["flagged, all healthy"],
        "single node": sum(cluster.lone_events for cluster in judged),
    }


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _definition(fdr: float, gap_seconds: int) -> str:
    return (
        f"Troubles of nodes (outages, critical signs, failed attempts) that begin within {gap_seconds} s of the one "
        "before are one event. Held against domains: which nodes an event has, its size kept and every node as ready "
        "to fail as it fails alone (lemons); an event is the smallest domain's that explains it, and a domain is found "
        "if more events are its own than chance would have. Expected share of wrong names: at most "
        f"{fdr:g}. Events of three nodes or more of which at most 5% went down or had an attempt fail are flags: "
        "nothing failed. Rates: events named for a domain per domain-month, exact Poisson."
    )
