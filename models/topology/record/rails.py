"""Rails and planes that no record tells: read from which leaves the hosts share."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from models.topology.record.inference import parts
from models.topology.record.records import Edge, Finding, counted

_DIGITS: Final = re.compile(r"(\d+)")


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts numbers in names as numbers.

    >>> sorted(["leaf10", "leaf9"], key=natural)
    ['leaf9', 'leaf10']
    """
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(name))


def rails_from_wiring(
    host_edges: Sequence[Edge], rails: Mapping[str, int], gpus_per_host: int | None
) -> tuple[dict[str, int], dict[str, int], list[Finding]]:
    """Return rails and planes of leaves on which nothing tells a rail.

    Hosts that share leaves form a group. Where every host has one cable to each of its group's leaves, and there are as
    many leaves as GPUs in a host, each leaf is a rail; with twice as many, each two are a pair on one rail; with two,
    they are the two planes of a dual-homed host. Leaves are numbered in the order of their names [D].

    Parameters
    ----------
    host_edges : sequence of Edge
        Cables between hosts and leaves.
    rails : mapping of str to int
        Rails that are known; if there are any, nothing is inferred.
    gpus_per_host : int or None
        GPUs of a host, if known.

    Returns
    -------
    dict of str to int, dict of str to int, list of Finding
        Rails and planes of leaves, and what was inferred.

    Examples
    --------
    >>> cables = [Edge(host, leaf) for host in ("h1", "h2") for leaf in ("a", "b", "c", "d")]
    >>> rails_from_wiring(cables, {}, None)[0]
    {'a': 0, 'b': 1, 'c': 2, 'd': 3}
    """
    if rails or not host_edges:
        return {}, {}, []
    width, groups = _even_groups(host_edges)
    if width < 2:
        return {}, {}, []
    paired = gpus_per_host is not None and width == 2 * gpus_per_host
    if width == 2 and gpus_per_host != 2:
        planes = {leaf: position for leaves in groups for position, leaf in enumerate(leaves)}
        told = (
            f"Hosts have two leaves each: they are taken for the two planes of dual-homed hosts "
            f"({counted(len(planes), 'leaf', 'leaves')}, numbered in the order of names)."
        )
        return {}, planes, [Finding("plane", len(planes), told)]
    if not paired and gpus_per_host not in {None, width}:
        return {}, {}, []
    step = 2 if paired else 1
    found = {leaf: position // step for leaves in groups for position, leaf in enumerate(leaves)}
    planes = {leaf: position % 2 for leaves in groups for position, leaf in enumerate(leaves)} if paired else {}
    told = (
        f"The rail{'s and planes' if paired else ''} of {counted(len(found), 'leaf', 'leaves')} "
        f"{'are' if paired else 'is'} taken from the wiring: every host has one cable to each of the {width} leaves of "
        "its group; leaves are numbered in the order of names."
    )
    return found, planes, [Finding("rail", len(found), told)]


def planes_from_wiring(
    edges: Sequence[Edge], host_edges: Sequence[Edge], rails: Mapping[str, int], planes: Mapping[str, int]
) -> tuple[dict[str, int], list[Finding]]:
    """Return planes of leaf pairs of a rail that have no switch above in common; nothing if planes are known.

    Parameters
    ----------
    edges : sequence of Edge
        All cables.
    host_edges : sequence of Edge
        Those between hosts and leaves.
    rails, planes : mapping of str to int
        What is known of switches.

    Returns
    -------
    dict of str to int, list of Finding
        Planes of switches, and what was inferred.
    """
    if planes:
        return {}, []
    leaves = {edge.parent for edge in host_edges}
    hosts = {edge.child for edge in host_edges}
    above = [(edge.child, edge.parent) for edge in edges if edge.child not in hosts]
    part = parts(above)
    pairs: Counter[frozenset[int]] = Counter()
    of_host: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for edge in host_edges:
        if edge.parent in rails:
            of_host[edge.child, rails[edge.parent]].add(edge.parent)
    for pair in of_host.values():
        if len(pair) == 2:
            pairs[frozenset(part.get(leaf, -1) for leaf in pair)] += 1
    joined = {number for numbers in pairs for number in numbers}
    if len(joined) != 2 or any(len(numbers) < 2 for numbers in pairs) or -1 in joined:
        return {}, []
    number_of = {number: position for position, number in enumerate(sorted(joined))}
    found = {name: number_of[number] for name, number in part.items() if number in number_of}
    told = (
        f"{counted(len(found), 'switch', 'switches')} are in two planes: the two leaves of a host's rail have no "
        "switch above in common; planes are numbered in the order of names."
    )
    return found, [Finding("plane", len(found.keys() & leaves), told)]


def _even_groups(host_edges: Sequence[Edge]) -> tuple[int, list[list[str]]]:
    """Return how many leaves every host has, if all have one cable to each leaf of their group; else 0."""
    part = parts((edge.child, edge.parent) for edge in host_edges)
    leaves: defaultdict[int, set[str]] = defaultdict(set)
    cables: Counter[str] = Counter()
    for edge in host_edges:
        leaves[part[edge.parent]].add(edge.parent)
        cables[edge.child] += 1
    widths = {len(group) for group in leaves.values()}
    even = len(widths) == 1 and all(cables[host] == len(leaves[part[host]]) for host in cables)
    distinct = len({(edge.child, edge.parent) for edge in host_edges}) == len(host_edges)
    groups = [sorted(leaves[number], key=natural) for number in sorted(leaves)]
    return (widths.pop(), groups) if even and distinct else (0, groups)
