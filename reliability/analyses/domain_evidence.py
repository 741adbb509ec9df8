"""What the lake knows of co-failures: who was in the fleet, what befell them, and which domains they share."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from models.domain_failures import distinct_domains
from reliability.engines.duckdb_engine import DuckDBEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliability.lake import Lake
    from reliability.marts import Parameters

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DAY_MICROS: Final = 8.64e10
#: tables that say what went down or failed
_OF_HARM: Final = ("node_states", "jobs")
#: of several domains with the same nodes the first of this list gives its name; wires come after what is bolted down
KINDS: Final = (
    "rack",
    "chassis",
    "power",
    "cooling",
    "tor",
    "leaf",
    "block",
    "nvswitch",
    "row",
    "pod",
    "room",
    "storage",
    "agg",
    "rail",
    "plane",
    "spine",
    "core",
    "switch",
)


@dataclass(frozen=True, slots=True)
class DomainName:
    """A domain as the inventory or the wiring calls it."""

    kind: str
    domain: str

    def __str__(self) -> str:
        return self.domain if self.domain.startswith(self.kind) else f"{self.kind} {self.domain}"


@dataclass(frozen=True, slots=True, eq=False)
class DomainSet:
    """The domains that consist of the same nodes: what befalls one of them looks like what befalls another."""

    names: tuple[DomainName, ...]

    @property
    def name(self) -> DomainName:
        """The one that stands for all."""
        return self.names[0]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Their kinds, each once."""
        return tuple(dict.fromkeys(name.kind for name in self.names))


@dataclass(frozen=True, slots=True, eq=False)
class Happened:
    """One event: which nodes (numbers of the fleet), and which of them were hurt."""

    number: int
    from_utc: datetime
    to_utc: datetime
    symptom: str
    attempts_ended: int
    nodes: IntArray
    hurt: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class ClusterEvidence:
    """One cluster.

    Parameters
    ----------
    nodes
        Names of the fleet, sorted.
    days
        Shape (nodes,): days of each in the fleet.
    stays
        Number of the node, and from when to when it was in the fleet, in microseconds since 1970.
    events
        Those that name a node of the fleet.
    sets, members
        Domains by their sets of nodes, smallest first; shape (sets, nodes).
    from_micros, to_micros
        What was observed.
    tells_harm
        Whether any log tells of outages or jobs; without, a sign is all that is known.
    """

    cluster: str
    nodes: tuple[str, ...]
    days: FloatArray
    stays: tuple[IntArray, IntArray, IntArray]
    events: tuple[Happened, ...]
    sets: tuple[DomainSet, ...]
    members: BoolArray
    from_micros: int
    to_micros: int
    tells_harm: bool

    @property
    def lone(self) -> IntArray:
        """Events that befell each node alone."""
        alone = [int(event.nodes[0]) for event in self.events if event.nodes.size == 1]
        return np.bincount(np.array(alone, dtype=np.int64), minlength=len(self.nodes)).astype(np.int64)

    def in_service(self, moment: datetime) -> BoolArray:
        """Return who was in the fleet at a moment."""
        micros = round(moment.timestamp() * 1e6)
        number, from_micros, to_micros = self.stays
        there = np.zeros(len(self.nodes), dtype=np.bool_)
        there[number[(from_micros <= micros) & (micros <= to_micros)]] = True
        return there

    def domain_days(self, row: int) -> float:
        """Return the days from the first to the last moment at which any node of the domain was in the fleet."""
        inside = self.members[row][self.stays[0]]
        if not inside.any():
            return 0.0
        return float((self.stays[2][inside].max() - self.stays[1][inside].min()) / DAY_MICROS)


def gather(lake: Lake, parameters: Parameters) -> tuple[ClusterEvidence, ...]:
    """Read all clusters of a lake; those without a fleet are left out.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    parameters
        Window, and the gap within which troubles are one event.
    """
    with closing(DuckDBEngine(lake, parameters)) as engine:
        engine.keep("failure_domains", "shared_incidents")
        names = ("fleet_stays", "domain_events", "domain_members", "observation_windows")
        answers = [engine.ask(name) for name in names]
    clusters = dict.fromkeys(row["cluster"] for row in answers[0])
    return tuple(
        _cluster(cluster, *([row for row in rows if row["cluster"] == cluster] for rows in answers))
        for cluster in clusters
    )


def _cluster(
    cluster: str,
    stays: Sequence[dict[str, Any]],
    events: Sequence[dict[str, Any]],
    domains: Sequence[dict[str, Any]],
    observed: Sequence[dict[str, Any]],
) -> ClusterEvidence:
    nodes = tuple(dict.fromkeys(row["node"] for row in stays))
    number = {node: place for place, node in enumerate(nodes)}
    of_stay = np.array([number[row["node"]] for row in stays], dtype=np.int64)
    begin, end = (np.array([row[name] for row in stays], dtype=np.int64) for name in ("from_micros", "to_micros"))
    members = np.zeros((len(domains), len(nodes)), dtype=np.bool_)
    for place, row in enumerate(domains):
        members[place, [number[node] for node in row["nodes"]]] = True
    distinct, which = distinct_domains(members)
    return ClusterEvidence(
        cluster=cluster,
        nodes=nodes,
        days=np.asarray(np.bincount(of_stay, (end - begin) / DAY_MICROS, len(nodes)), dtype=np.float64),
        stays=(of_stay, begin, end),
        events=tuple(event for event in (_happened(row, number) for row in events) if event.nodes.size),
        sets=_sets(domains, which),
        members=distinct,
        from_micros=int(begin.min()),
        to_micros=int(end.max()),
        tells_harm=any(row["table_name"] in _OF_HARM for row in observed),
    )


def _sets(domains: Sequence[dict[str, Any]], which: IntArray) -> tuple[DomainSet, ...]:
    alike: list[list[DomainName]] = [[] for _ in range(int(which.max(initial=-1)) + 1)]
    for row, place in zip(domains, which.tolist(), strict=True):
        alike[place].append(DomainName(row["kind"], row["domain"]))
    return tuple(
        DomainSet(tuple(sorted(names, key=lambda name: (kind_rank(name.kind), name.domain)))) for names in alike
    )


def _happened(row: dict[str, Any], number: dict[str, int]) -> Happened:
    known = [(number[node], hurt) for node, hurt in zip(row["nodes"], row["hurt"], strict=True) if node in number]
    return Happened(
        number=int(row["event_number"]),
        from_utc=row["from_utc"],
        to_utc=row["to_utc"],
        symptom=row["symptom"],
        attempts_ended=int(row["attempts_ended"]),
        nodes=np.array([node for node, _ in known], dtype=np.int64),
        hurt=np.array([hurt for _, hurt in known], dtype=np.int64),
    )


def kind_rank(kind: str) -> tuple[int, str]:
    """Return where a kind stands in the order in which domains are named.

    >>> sorted(["spine", "leaf", "unheard-of", "rack"], key=kind_rank)
    ['rack', 'leaf', 'spine', 'unheard-of']
    """
    return (KINDS.index(kind) if kind in KINDS else len(KINDS), kind)
