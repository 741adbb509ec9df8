"""What comes together: signs beside or after each other on a node, events of many nodes, and Xids of programs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from models.coincidence import Coincidence, coincidence, expected_coincidences
from reliability.analyses.answer import Answer
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.lake import Lake
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

HOUR: Final = 3600.0
_MOST_EVENTS: Final = 20
#: Kokolis et al. report these beside the pairs: PCIe with Xid 79 and what the BMC saw of it
_TRIPLES: Final = (("pcie", ("xid:79", "ipmi")),)
_TIES: Final = 0.2


@dataclass(frozen=True, slots=True)
class Companion:
    """Incidents of one kind that another accompanies (``beside``: before or after; else: after)."""

    kind: str
    other: str
    found: Coincidence
    at_once: int

    def row(self) -> dict[str, Any]:
        """Return the row of a table."""
        share = self.found.share
        return {
            "kind": self.kind,
            "other": self.other,
            "incidents": share.n,
            "with_other": share.k,
            "at_once": self.at_once,
            "share": share.share,
            "share_low": share.low,
            "share_high": share.high,
            "expected_share": self.found.expected_share,
            "lift": self.found.lift,
            "lift_low": self.found.lift_low,
            "lift_high": self.found.lift_high,
            "excess": self.found.excess,
            "excess_low": self.found.excess_low,
            "excess_high": self.found.excess_high,
            "p_value": self.found.p_value,
        }


@dataclass(frozen=True, slots=True)
class Companions(Answer):
    """Co-occurrence, cascades, events of several nodes, and Xids that are not held against hardware.

    ``failure_events`` are the events behind the infrastructure failures that ``causes`` counts: 44 attempts ended by
    one count once. An event with failures of two causes counts for each of them in ``events_by_cause``.
    """

    window_seconds: float
    event_gap_seconds: int
    confidence: float
    definition: str
    kinds: tuple[str, ...]
    co_occurrence: tuple[Companion, ...]
    cascades: tuple[Companion, ...]
    events: int
    shared_events: int
    joins: int
    expected_joins: float
    largest_events: tuple[dict[str, Any], ...]
    failure_events: int
    events_by_cause: Mapping[str, int]
    application_xids: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per pair of kinds that were seen together."""
        return [pair.row() for pair in self.co_occurrence]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {
            "window_seconds": self.window_seconds,
            "event_gap_seconds": self.event_gap_seconds,
            "confidence": self.confidence,
            "definition": self.definition,
            "co_occurrence": self.rows(),
            "cascades": [pair.row() for pair in self.cascades],
            "events": self.events,
            "shared_events": self.shared_events,
            "failure_events": self.failure_events,
            "events_by_cause": dict(self.events_by_cause),
            "joins": self.joins,
            "joins_expected_by_chance": self.expected_joins,
            "largest_events": [dict(event) for event in self.largest_events],
            "application_xids": [dict(row) for row in self.application_xids],
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the shares of co-occurrence as a map of kinds by kinds."""
        from reliability.figures.companions import companions_figure  # noqa: PLC0415 - figures read what they draw

        return companions_figure(self)


def companions(
    lake: Lake,
    *,
    window_seconds: float = 600.0,
    min_gpus: int = 0,
    event_gap_seconds: int = 60,
    incident_gap_seconds: int = 600,
    attribution_before_seconds: int = 600,
    attribution_after_seconds: int = 300,
    confidence: float = 0.9,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Companions:
    """Ask which signs come together on a node, which follow which, and what several nodes suffer at once.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    window_seconds
        Two incidents that begin within this of each other are together.
    min_gpus
        Only failures of attempts with more GPUs than this have their events counted (0: all).
    event_gap_seconds
        Episodes of nodes that begin within this of the one before are one event.
    incident_gap_seconds, attribution_before_seconds, attribution_after_seconds
        As in the marts.
    confidence
        Two-sided confidence level.
    from_utc, to_utc
        Half-open window; None for everything.

    Raises
    ------
    BadOptionError
        If the window is not above zero.
    NoDataError
        If nothing says which nodes were there, and when.
    """
    if not window_seconds > 0:
        raise BadOptionError("--together", f"{window_seconds:g}s", "more than 0 s")
    parameters = Parameters(
        window_from_utc=from_utc,
        window_to_utc=to_utc,
        min_gpus=min_gpus,
        attribution_before_seconds=attribution_before_seconds,
        attribution_after_seconds=attribution_after_seconds,
        incident_gap_seconds=incident_gap_seconds,
        event_gap_seconds=event_gap_seconds,
    )
    with closing(DuckDBEngine(lake, parameters)) as engine:
        hours = engine.ask("fleet_hours")[0]
        if not hours["node_hours"]:
            raise NoDataError("causes", "events, node states or jobs")
        engine.keep("attributions")
        counted = "attempt" if min_gpus or engine.ask("attempt_exposure")[0]["attempts"] else "node"
        behind = {row["cause"]: int(row["events"]) for row in engine.ask("events_by_cause", counted=counted)}
        groups = engine.ask("sign_companions", window_micros=round(window_seconds * 1e6))
        events = engine.ask("shared_events", most=_MOST_EVENTS)
        application = engine.ask("application_signs")
    n, shared, joins = (events[0][name] for name in ("events", "shared_events", "joins")) if events else (0, 0, 0)
    kinds = tuple(sorted({group["kind"] for group in groups}))
    counts = {kind: sum(group["incidents"] for group in groups if group["kind"] == kind) for kind in kinds}
    asked = _Asked(groups, counts, hours["node_hours"], window_seconds / HOUR, confidence)
    cascades = asked.pairs("after", kinds)
    return Companions(
        window_seconds=window_seconds,
        event_gap_seconds=event_gap_seconds,
        confidence=confidence,
        definition=_definition(window_seconds, event_gap_seconds),
        kinds=kinds,
        co_occurrence=(*asked.pairs("beside", kinds), *asked.triples()),
        cascades=cascades,
        events=int(n),
        shared_events=int(shared),
        joins=int(joins),
        expected_joins=expected_coincidences(int(n), event_gap_seconds, max(hours["observed_hours"] * HOUR, 1.0)),
        largest_events=tuple(_event(row) for row in events if row["node_count"] > 1),
        failure_events=behind.pop(None, 0),
        events_by_cause=behind,
        application_xids=tuple(application),
        warnings=tuple(_warnings(cascades)),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    groups: list[dict[str, Any]]
    counts: dict[str, int]
    node_hours: float
    window_hours: float
    confidence: float

    def pairs(self, which: str, kinds: tuple[str, ...]) -> tuple[Companion, ...]:
        width = self.window_hours * (2 if which == "beside" else 1)
        found = []
        for kind in kinds:
            own = [group for group in self.groups if group["kind"] == kind]
            for other in sorted({name for group in own for name in (*group[which], *group["at_once"])}):
                together = sum(group["incidents"] for group in own if other in group[which])
                at_once = sum(group["incidents"] for group in own if other in group["at_once"])
                rate = self.counts[other] / self.node_hours
                tested = coincidence(together, self.counts[kind], rate, width, self.confidence)
                found.append(Companion(kind, other, tested, at_once))
        return tuple(sorted(found, key=lambda pair: (-pair.found.share.k, pair.kind, pair.other)))

    def triples(self) -> tuple[Companion, ...]:
        found = []
        for kind, (code, prefix) in _TRIPLES:
            own = [group for group in self.groups if group["kind"] == kind]
            seen = sum(count for name, count in self.counts.items() if name.startswith(prefix))
            if not own or not seen or code not in self.counts:
                continue
            both = [g for g in own if code in g["beside"] and any(name.startswith(prefix) for name in g["beside"])]
            # Both by chance: the product of the two chances, for rates this small a rate of its own.
            rate = 2 * self.window_hours * self.counts[code] * seen / self.node_hours**2
            together = sum(group["incidents"] for group in both)
            tested = coincidence(together, self.counts[kind], rate, 2 * self.window_hours, self.confidence)
            found.append(Companion(kind, f"{code} + {prefix}", tested, 0))
        return tuple(found)


def _event(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("events", "shared_events", "joins")}


def _definition(window_seconds: float, event_gap_seconds: int) -> str:
    return (
        "Incidents are bursts of critical signs of one kind on one node, named by Xid or BMC code where they have one, "
        f"else by symptom. Together: their beginnings lie within "
        f"{window_seconds:g} s; a cascade: the other begins later, within {window_seconds:g} s. By "
        "chance: 1 - exp(-rate of the other per node-hour × window), as if all nodes had the fleet's rate; nodes that "
        f"fail more make true chance larger. One event: nodes whose trouble begins within {event_gap_seconds} s of the "
        "one before, whatever they share."
    )


def _warnings(cascades: tuple[Companion, ...]) -> list[str]:
    tied = [pair for pair in cascades if pair.at_once > _TIES * pair.found.share.k]
    if not tied:
        return []
    names = ", ".join(f"{pair.kind} and {pair.other} ({pair.at_once})" for pair in tied[:3])
    text = "some incidents begin in the same moment, so that nobody knows which came first; they are no cascades here"
    return [f"{text}: {names}"]
