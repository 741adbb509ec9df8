"""What cables alone tell: which switches are on which tier, in which pod, on which rail and plane."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from models.topology.fabric import TIERS, Tier
from models.topology.record.records import Edge, Finding, counted, listed

_LEVELS: Final[tuple[Tier, ...]] = ("leaf", "spine", "core")
#: names of tiers that records use for one of ours
_SPELLINGS: Final[Mapping[str, Tier]] = {
    **{tier: tier for tier in TIERS},
    "block": "nvswitch",
    "access": "leaf",
    "edge": "leaf",
    "aggregation": "agg",
    "superspine": "core",
    "super-spine": "core",
}
_RAIL: Final = re.compile(r"(?<![a-z])rail[-_]?(\d{1,3})(?!\d)", re.IGNORECASE)
_PLANE: Final = re.compile(r"(?<![a-z])plane[-_]?(\d{1,3})(?!\d)", re.IGNORECASE)


def told_tier(text: str | None) -> Tier | None:
    """Return the tier that a record names, in our spelling; None if it is none of ours.

    >>> told_tier("Leaf"), told_tier("aggregation"), told_tier("floor 2")
    ('leaf', 'agg', None)
    """
    return None if text is None else _SPELLINGS.get(text.strip().lower())


def tiers_of(edges: Sequence[Edge], switches: frozenset[str]) -> tuple[dict[str, Tier], list[Finding]]:
    """Return the tier of every switch: as most of its cables tell it, else by its distance from the hosts.

    Parameters
    ----------
    edges : sequence of Edge
        The cables.
    switches : frozenset of str
        Which ends are switches.

    Returns
    -------
    dict of str to str, list of Finding
        Tiers, and what was inferred.
    """
    told: defaultdict[str, Counter[Tier]] = defaultdict(Counter)
    unknown: set[str] = set()
    for edge in edges:
        tier = told_tier(edge.tier)
        if tier is not None:
            told[edge.parent][tier] += 1
        elif edge.tier is not None:
            unknown.add(edge.tier)
    tiers: dict[str, Tier] = {name: counts.most_common(1)[0][0] for name, counts in told.items()}
    levels = _levels(edges, switches)
    silent = sorted(switches - tiers.keys())
    tiers |= {name: _LEVELS[min(levels[name], len(_LEVELS) - 1)] for name in silent}
    findings = []
    if silent:
        what = f" (the record's own word for it, {listed(sorted(unknown))}, is not known here)" if unknown else ""
        findings.append(
            Finding(
                "tier",
                len(silent),
                f"The tier of {counted(len(silent), 'switch', 'switches')} is taken from the distance to the hosts"
                f"{what}: {listed(silent)}.",
            )
        )
    torn = sorted(name for name, counts in told.items() if len(counts) > 1)
    if torn:
        findings.append(
            Finding(
                "tier",
                len(torn),
                f"{counted(len(torn), 'switch has', 'switches have')} cables of several tiers; most of them decide: "
                f"{listed(torn)}.",
                is_contradiction=True,
            )
        )
    return tiers, findings


def parts(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return which connected part each name is in, numbered from 0 by the first name of the part.

    >>> parts([("a", "x"), ("c", "y"), ("b", "x")])
    {'a': 0, 'x': 0, 'c': 1, 'y': 1, 'b': 0}
    """
    above: dict[str, str] = {}
    for one, other in pairs:
        above.setdefault(one, one)
        above.setdefault(other, other)
        above[_root(above, one)] = _root(above, other)
    roots = {name: _root(above, name) for name in above}
    first: dict[str, str] = {}
    for name in sorted(roots):
        first.setdefault(roots[name], name)
    number = {root: position for position, root in enumerate(sorted(first, key=lambda root: first[root]))}
    return {name: number[root] for name, root in roots.items()}


def labels_of(
    what: Literal["rail", "plane"], edges: Sequence[Edge], switches: frozenset[str], tiers: Mapping[str, Tier]
) -> tuple[dict[str, int], list[Finding]]:
    """Return the rail or plane of the switches whose cables, or whose names, tell one.

    Parameters
    ----------
    what : str
        ``rail`` or ``plane``.
    edges : sequence of Edge
        The cables.
    switches : frozenset of str
        Which ends are switches.
    tiers : mapping of str to str
        Their tiers: cables of several rails or planes are a contradiction on a leaf or ToR alone.

    Returns
    -------
    dict of str to int, list of Finding
        What all, or three in four, of a switch's cables from below say; else what its name spells out.
    """
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for edge in edges:
        value = edge.rail if what == "rail" else edge.plane
        if value is not None:
            counts[edge.parent][value] += 1
    found: dict[str, int] = {}
    torn = []
    for name, numbers in counts.items():
        number, most = numbers.most_common(1)[0]
        if len(numbers) > 1 and tiers.get(name) in {"leaf", "tor"}:
            torn.append(name)
        if most >= 0.75 * numbers.total():
            found[name] = number
    spelled = {}
    pattern = _RAIL if what == "rail" else _PLANE
    for name in sorted(switches - counts.keys()):
        match = pattern.search(name)
        if match is not None:
            spelled[name] = int(match[1])
    findings = []
    if spelled:
        findings.append(
            Finding(
                what,
                len(spelled),
                f"The {what} of {counted(len(spelled), 'switch', 'switches')} is read from the name: "
                f"{listed(sorted(spelled))}.",
            )
        )
    if torn:
        findings.append(
            Finding(
                what,
                len(torn),
                f"{counted(len(torn), 'leaf has', 'leaves have')} cables of several {what}s: {listed(sorted(torn))}.",
                is_contradiction=True,
            )
        )
    return found | spelled, findings


def _root(above: dict[str, str], name: str) -> str:
    while above[name] != name:
        above[name] = above[above[name]]
        name = above[name]
    return name


def _levels(edges: Sequence[Edge], switches: frozenset[str]) -> dict[str, int]:
    """Return the distance of each switch from the nearest one with a host on it; what reaches none comes last."""
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    leaves = []
    for edge in edges:
        if edge.child in switches:
            neighbours[edge.child].add(edge.parent)
            neighbours[edge.parent].add(edge.child)
        else:
            leaves.append(edge.parent)
    levels = dict.fromkeys(leaves, 0)
    waiting = list(levels)
    for name in waiting:  # grows while it is walked: breadth first
        for near in sorted(neighbours[name]):
            if near not in levels:
                levels[near] = levels[name] + 1
                waiting.append(near)
    return {name: levels.get(name, len(_LEVELS)) for name in switches}
