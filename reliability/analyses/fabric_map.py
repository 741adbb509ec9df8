"""The picture of a fabric: where every host and switch is, and what is known to have befallen them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from models.topology.fabric import Fabric
from models.topology.layout.arrange import fabric_layout
from models.topology.layout.drawing import Layout, Mark
from reliability.analyses.answer import Answer

if TYPE_CHECKING:
    import plotly.graph_objects as go

DEFINITION: Final = (
    "Hosts are grouped by the switches that their adapters share, as the cables show it; tiers rise from the hosts. "
    "A line is all cables between what it joins, its width their bandwidth; a number in a mark is how many switches or "
    "hosts it stands for. Ports are those with a cable. Scale-up switches of a single host are not drawn."
)
FAILURES_DEFINITION: Final = (
    "Failures of a host are its unplanned outages; those of a switch are the critical events about it, and the events "
    "of several nodes that are named for it and for nothing else. Shared events of a group: those of several nodes, "
    "all of them in the group, that are a domain's and not chance."
)


@dataclass(frozen=True, slots=True)
class Happened:
    """What befell the parts of a fabric, by name of host or switch.

    ``exposure`` says over what the failures were counted; empty where there is no log of this fabric. ``elsewhere``
    counts those of hosts and switches that are not on its cables. ``together`` counts, by group of hosts, the events of
    several nodes that are a domain's and stayed within the group.
    """

    failures: Mapping[str, int] = field(default_factory=dict)
    exposure: str = ""
    elsewhere: int = 0
    together: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """What a fault that is looked at reaches: its component, the hosts it takes down, and those it slows."""

    name: str
    down: frozenset[int]
    degraded: frozenset[int]


@dataclass(frozen=True, slots=True)
class FabricMap(Answer):
    """A fabric laid out, with what befell its parts, what one fault reaches, and notes on some, by name."""

    fabric: Fabric
    layout: Layout
    happened: Happened
    hit: Hit | None
    notes: Mapping[str, str]
    definition: str

    def host_name(self, host: int) -> str:
        """Return what a host is called."""
        return self.fabric.host_names[host] if self.fabric.host_names else f"host{host}"

    def names_of(self, mark: Mark) -> tuple[str, ...]:
        """Return what the hosts or switches of a mark are called."""
        return mark.switches or tuple(self.host_name(host) for host in mark.hosts)

    def failures_of(self, mark: Mark) -> int:
        """Return what befell all that a mark stands for."""
        if not self.happened.failures:
            return 0
        return sum(self.happened.failures.get(name, 0) for name in self.names_of(mark))

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per mark."""
        return [
            {
                "kind": mark.kind,
                "name": self.names_of(mark)[0],
                "count": mark.count,
                "pod": mark.pod,
                "rail": mark.rail,
                "plane": mark.plane,
                "ports_used": mark.cables,
                "hosts_below": mark.hosts_below,
                "failures": self.failures_of(mark),
            }
            for mark in self.layout.marks
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        return {"kind": self.fabric.kind, "definition": self.definition, "rows": self.rows()}

    def figure(self) -> go.Figure:
        """Draw the map."""
        from reliability.figures.fabric_map import map_figure  # noqa: PLC0415 - figures read the results they draw

        return map_figure(self)


def fabric_map(
    fabric: Fabric,
    *,
    expand: str = "",
    happened: Happened | None = None,
    hit: tuple[str, Collection[int], Collection[int]] | None = None,
    notes: Mapping[str, str] | None = None,
) -> FabricMap:
    """Lay a fabric out for a picture.

    Parameters
    ----------
    fabric
        Built or real.
    expand
        Group of hosts that is drawn in full where not all can be.
    happened
        What befell its parts, by name.
    hit
        A component, the hosts that its fault takes down, and the hosts that it slows.
    notes
        What else is known of a host or switch, by its name.

    Returns
    -------
    FabricMap
        The map.
    """
    happened = happened or Happened()
    definition = f"{DEFINITION} {FAILURES_DEFINITION}" if happened.exposure else DEFINITION
    reached = None if hit is None else Hit(hit[0], frozenset(hit[1]), frozenset(hit[2]))
    return FabricMap(fabric, fabric_layout(fabric, expand), happened, reached, notes or {}, definition)
