"""What a fabric consists of: hosts, switches, cables, oversubscription and cost, planned or as the lake records it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from models.topology.counts import FabricCounts, fabric_counts
from models.topology.fabric import Adapter, Fabric, Tier
from reliability.analyses.answer import Answer
from reliability.analyses.fabric import FROM_LAKE, RealFabric, Setting, design_of, planned_fabric, real_fabric
from reliability.documents import iso

if TYPE_CHECKING:
    from datetime import datetime

    import plotly.graph_objects as go

    from reliability.lake import Lake

Number = TypeVar("Number", int, float)

_DEFINITION: Final = (
    "Links are cables by the tier they lead up to, those between equals by their kind. Oversubscription: bandwidth "
    "from below over bandwidth upwards, all switches of a tier together. Cost in dollars: 199 for a transceiver, one "
    "at either end of a cable, and 694 for a switch port with a cable, both at 400 Gb/s and in proportion to the speed "
    "(arXiv 2307.12169); NVLink and NVSwitches are no part of it. Diameter: cables on the shortest way between the "
    "two GPUs that are farthest apart; host diameter: the same between hosts, inside which hops are free."
)
_REAL_DEFINITION: Final = (
    "Hosts are the compute hosts that have a name. Links, ports, oversubscription and cost count every cable of the "
    "record, also of service hosts and of adapters without a name."
)


@dataclass(frozen=True, slots=True)
class RailRow:
    """One rail of a real fabric: its leaves, the cables of compute hosts on them, and the hosts on it."""

    rail: int | None
    leaves: int
    cables: int
    hosts: int


@dataclass(frozen=True, slots=True)
class FabricShow(Answer):
    """A fabric in numbers.

    ``settings``: all of a planned fabric, those given for a real one. ``source``: where the sizes are published, or the
    format of the cables. ``derived``: what is concluded. ``real``: how a fabric of the lake was read; None for a
    planned one.
    """

    fabric: Fabric
    settings: Mapping[str, Setting]
    counts: FabricCounts
    source: str
    derived: str
    real: RealFabric | None

    @property
    def adapters(self) -> int:
        """Network adapters; those inside switches count where the lake knows them."""
        if self.real is None:
            return len({link.child for link in self.fabric.links if _is_way_in(link.child, link.tier)})
        cables = [link for link in self.real.wired.whole.links if _is_way_in(link.child, link.tier)]
        return len(cables) + self.real.switch_adapters

    @property
    def rails(self) -> tuple[RailRow, ...]:
        """Rails, by the cables of the compute hosts; none for a planned fabric, where all are alike."""
        if self.real is None:
            return ()
        leaves: defaultdict[int | None, set[str]] = defaultdict(set)
        hosts: defaultdict[int | None, set[int]] = defaultdict(set)
        cables: Counter[int | None] = Counter()
        for link in self.fabric.links:
            if isinstance(link.child, Adapter) and link.tier != "nvswitch":
                leaves[link.rail].add(link.parent)
                hosts[link.rail].add(link.child.host)
                cables[link.rail] += 1
        order = sorted(cables, key=lambda rail: (rail is None, rail or 0))
        return tuple(RailRow(rail, len(leaves[rail]), cables[rail], len(hosts[rail])) for rail in order)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is concluded rather than published or recorded."""
        if self.real is not None:
            return self.real.inference
        return (self.derived,) if self.derived else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What in the record does not fit."""
        return self.real.contradictions if self.real is not None else ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per tier, from the hosts upwards; cables between equals last."""
        counts = self.counts
        tiers = dict.fromkeys((*counts.switches, *counts.links))
        return [
            {
                "tier": tier,
                "switches": _named(counts.switches).get(tier),
                "links": counts.links.get(tier, 0),
                "ports_with_a_cable": _named(counts.ports).get(tier),
                "most_ports_of_a_switch": _named(counts.most_ports).get(tier),
                "oversubscription": _named(counts.oversubscription).get(tier),
            }
            for tier in tiers
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        counts = self.counts
        document: dict[str, Any] = {
            "fabric": counts.kind,
            "settings": dict(self.settings),
            "gpus": counts.gpus,
            "hosts": counts.hosts,
            "gpus_per_host": self.fabric.gpus_per_host,
            "adapters": self.adapters,
            "scale_up_domains": counts.scale_up_domains,
            "switches": _named(counts.switches),
            "links": dict(counts.links),
            "oversubscription": _named(counts.oversubscription),
            "ports": _named(counts.ports),
            "most_ports": _named(counts.most_ports),
            "transceivers": counts.transceivers,
            "cost": counts.cost_dollars,
            "diameter_hops": counts.diameter_hops,
            "host_diameter_hops": counts.host_diameter_hops,
            "source": self.source,
        }
        if self.real is not None:
            document |= self._recorded(self.real)
        return document | {
            "definition": self.definition,
            "notes": list(self.notes),
            "warnings": list(self.warnings),
            "rows": self.rows(),
        }

    @property
    def definition(self) -> str:
        """What the numbers are."""
        return f"{_DEFINITION} {_REAL_DEFINITION}" if self.real is not None else _DEFINITION

    def figure(self) -> go.Figure:
        """Draw switches and cables by tier."""
        from reliability.figures.fabric_show import fabric_show_figure  # noqa: PLC0415 - figures read the results

        return fabric_show_figure(self)

    def _recorded(self, real: RealFabric) -> dict[str, Any]:
        wired = real.wired
        return {
            "cluster": real.cluster,
            "at_utc": None if real.at_utc is None else iso(real.at_utc),
            "adapters_in_switches": real.switch_adapters,
            "adapters_without_a_host": sum(wired.unnamed.values()),
            "hosts_behind_them_at_least": wired.unnamed_hosts,
            "service_hosts": list(wired.service_hosts),
            "rails": [
                {"rail": rail.rail, "leaves": rail.leaves, "cables": rail.cables, "hosts": rail.hosts}
                for rail in self.rails
            ],
            "findings": [
                {
                    "subject": finding.subject,
                    "count": finding.count,
                    "is_contradiction": finding.is_contradiction,
                    "sentence": finding.sentence,
                }
                for finding in real.findings
            ],
        }


def fabric_show(
    kind: str, settings: Mapping[str, Setting] | None = None, lake: Lake | None = None, *, at: datetime | None = None
) -> FabricShow:
    """Count what a fabric consists of.

    Parameters
    ----------
    kind : str
        A kind of fabric; ``from-lake`` for that of the lake.
    settings : mapping of str to str or number, optional
        Its settings.
    lake : Lake, optional
        For ``from-lake``.
    at : datetime, optional
        For ``from-lake``: the cables in place then.

    Returns
    -------
    FabricShow
        The counts.

    Raises
    ------
    ModelError
        If there is no such kind or setting, or such a fabric cannot be.
    NoDataError, BadOptionError
        If the lake has no such fabric.
    """
    given = dict(settings or {})
    if kind == FROM_LAKE:
        real = real_fabric(given, lake, at)
        counts = fabric_counts(real.wired.whole)
        fabric = real.fabric
        source = f"the cables that {real.source} records of cluster {real.cluster}"
        return FabricShow(fabric, given, _of_compute(counts, fabric), source, "", real)
    design, fabric = design_of(kind), planned_fabric(kind, given)
    every = {one.name: one.read(given[one.name]) if one.name in given else one.default for one in design.settings}
    return FabricShow(fabric, every, fabric_counts(fabric), design.source, design.derived, None)


def _of_compute(counts: FabricCounts, fabric: Fabric) -> FabricCounts:
    """Return the counts of all cables with the size of the compute part."""
    return replace(counts, gpus=fabric.hosts * fabric.gpus_per_host, hosts=fabric.hosts)


def _is_way_in(child: Adapter | str, tier: str) -> bool:
    return isinstance(child, Adapter) and tier != "nvswitch"


def _named(counts: Mapping[Tier, Number]) -> dict[str, Number]:
    return {str(tier): number for tier, number in counts.items()}
