"""Minimal cut sets between two GPUs of a fabric: which parts, lost together, leave them without a way to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.availability.component_rates import ComponentRate
from models.availability.cut_sets import (
    Part,
    ReachabilityGraph,
    cut_set_bounds,
    minimal_cut_sets,
)
from models.availability.errors import UnknownMemberError
from models.topology.fabric import Adapter, Fabric


@dataclass(frozen=True, slots=True)
class PairCuts:
    """What cuts two GPUs off from each other.

    Parameters
    ----------
    cut_sets : tuple of frozenset of str
        Minimal sets of parts, by name, up to the size looked for.
    classes : dict of str to str
        Class of each part: ``nic``, ``nic-link``, ``tor-agg-link``, ``tor``, …
    """

    cut_sets: tuple[frozenset[str], ...]
    classes: Mapping[str, str]

    def by_classes(self) -> dict[tuple[str, ...], int]:
        """Return how many cut sets there are of each combination of classes."""
        found: dict[tuple[str, ...], int] = {}
        for cut in self.cut_sets:
            kinds = tuple(sorted(self.classes[part] for part in cut))
            found[kinds] = found.get(kinds, 0) + 1
        return found

    def unavailability(self, rates: Mapping[str, ComponentRate]) -> tuple[float, float]:
        """Return bounds of the share of time in which the two do not reach each other.

        The upper one leaves out cut sets larger than those looked for.
        """
        down: dict[Part, float] = {
            part: rates[kind].unavailability if kind in rates else 0.0 for part, kind in self.classes.items()
        }
        return cut_set_bounds(self.cut_sets, down)


def pair_cuts(fabric: Fabric, one: Adapter, other: Adapter, largest: int = 2) -> PairCuts:
    """Return the minimal cut sets between two GPUs over the network, NVLink left aside.

    Parameters
    ----------
    fabric : Fabric
        A small one: every set of parts up to the size is tried.
    one, other : Adapter
        The two GPUs.
    largest : int
        Largest set looked for.

    Returns
    -------
    PairCuts
        Parts are the two adapters, their cables, and all switches and cables between switches.

    Raises
    ------
    UnknownMemberError
        An adapter has no cable.

    Notes
    -----
    Adapters do not forward, so those of other GPUs are no way.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> pair = hpn(hosts=2, gpus_per_host=1, hosts_per_segment=2, aggs_per_plane=1)
    >>> pair_cuts(pair, Adapter(0, 0), Adapter(1, 0)).by_classes()
    {('nic',): 2, ('nic-link', 'nic-link'): 4, ('nic-link', 'tor'): 4, ('tor', 'tor'): 1}
    """
    tiers = {switch.name: switch.tier for switch in fabric.switches}
    ends = {one: f"nic of {one.host}/{one.gpu}", other: f"nic of {other.host}/{other.gpu}"}
    classes: dict[str, str] = dict.fromkeys(ends.values(), "nic")
    edges: list[tuple[str, str, str]] = []
    for number, link in enumerate(fabric.links):
        if isinstance(link.child, Adapter):
            if link.child not in ends or link.tier == "nvswitch":
                continue
            below, kind = ends[link.child], "nic-link"
        else:
            below, kind = link.child, f"{tiers[link.child]}-{link.tier}-link"
            classes[below] = tiers[link.child]
        cable = f"cable {number}: {below}–{link.parent}"
        edges.append((below, link.parent, cable))
        classes |= {cable: kind, link.parent: tiers[link.parent]}
    for number, peer in enumerate(fabric.peer_links):
        if isinstance(peer.one, str) and isinstance(peer.other, str):
            cable = f"{peer.kind} {number}: {peer.one}–{peer.other}"
            edges.append((peer.one, peer.other, cable))
            classes |= {cable: f"{peer.kind}-link", peer.one: tiers[peer.one], peer.other: tiers[peer.other]}
    reached = {end for edge in edges for end in edge[:2]}
    for adapter, name in ends.items():
        if name not in reached:
            raise UnknownMemberError(f"host {adapter.host}, GPU {adapter.gpu}")
    graph = ReachabilityGraph(tuple(edges), tuple(ends.values()))
    found = minimal_cut_sets(graph, list(classes), largest)
    return PairCuts(tuple(frozenset(str(part) for part in cut) for cut in found), classes)
