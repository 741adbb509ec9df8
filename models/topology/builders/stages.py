"""The stages of a fat tree above its leaves: spines over leaves, cores over groups of spines.

Without oversubscription, a stage needs as many links as the one below. With leaves of r/2 links down this is the count
of the published costs (arXiv 2307.12169), (2 tiers - 1) n / r switches for n adapters and r ports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.topology.builders.cabling import Cabling, numbered
from models.topology.fabric import Switch, Tier


@dataclass(frozen=True, slots=True)
class LeafGroup:
    """Leaves that share the switches right above them.

    Parameters
    ----------
    leaves : tuple of Switch
        At least one; the largest group comes first.
    name : str
        How its spines are called, before their number.
    tier : str
        Tier of its spines.
    pod, rail : int or None
        Where its spines belong.
    """

    leaves: tuple[Switch, ...]
    name: str
    tier: Tier = "spine"
    pod: int | None = None
    rail: int | None = None


def join_leaves(cabling: Cabling, group: LeafGroup, uplinks: int, radix: int) -> None:
    """Join leaves by one stage of spines, all ports down (a tree of two tiers).

    Parameters
    ----------
    cabling : Cabling
        Where the switches and cables go.
    group : LeafGroup
        All the leaves; not more than `radix`, so that each reaches every spine.
    uplinks : int
        Links up from each leaf.
    radix : int
        Ports of a spine.
    """
    _stage_above(cabling, group, uplinks, _switches_for(len(group.leaves) * uplinks, radix))


def join_groups(cabling: Cabling, groups: Sequence[LeafGroup], uplinks: int, radix: int, core: str) -> None:
    """Join groups of leaves by spines in each group and cores above them (a tree of three tiers).

    The spines at the same position in their groups share their cores. A partial group has all the spines and uplinks
    of a full one: it has room to grow.

    Parameters
    ----------
    cabling : Cabling
        Where the switches and cables go.
    groups : sequence of LeafGroup
        Not more than `radix` groups, of not more than `radix` / 2 leaves each.
    uplinks : int
        Links up from each leaf.
    radix : int
        Ports of a switch.
    core : str
        How the cores are called, before their numbers.
    """
    links = len(groups[0].leaves) * uplinks
    positions = _switches_for(links, radix // 2)
    spines = [_stage_above(cabling, group, uplinks, positions) for group in groups]
    spine_uplinks = -(-links // positions)
    rail = groups[0].rail if len({group.rail for group in groups}) == 1 else None
    for position in range(positions):
        below = LeafGroup(
            leaves=tuple(group[position] for group in spines),
            name=f"{numbered(core, position, positions)}-",
            tier="core",
            rail=rail,
        )
        _stage_above(cabling, below, spine_uplinks, -(-len(groups) * spine_uplinks // radix))


def _switches_for(links: int, ports: int) -> int:
    """Return how many switches take the links: at least two, so that the loss of one only degrades."""
    return max(2, -(-links // ports))


def _stage_above(cabling: Cabling, group: LeafGroup, uplinks: int, switches: int) -> list[Switch]:
    """Put switches above others and deal the links out in turn: equal to within one, and every leaf on every switch."""
    above = [
        cabling.switch(numbered(group.name, number, switches), group.tier, pod=group.pod, rail=group.rail)
        for number in range(switches)
    ]
    for number, leaf in enumerate(group.leaves):
        for uplink in range(uplinks):
            cabling.join(leaf, above[(number * uplinks + uplink) % switches])
    return above
