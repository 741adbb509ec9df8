"""Which GPU a host's cable serves, and with which port and bandwidth it enters the fabric."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from models.topology.builders.cabling import NVLINK_GBPS
from models.topology.fabric import Adapter, Link, Tier
from models.topology.record.rails import natural
from models.topology.record.records import Edge, Finding, counted, listed

#: where no cable tells its bandwidth: shares stay right, Gb/s do not
ASSUMED_GBPS: Final = 400.0
_LAST_NUMBER: Final = re.compile(r"(\d{1,6})\D*$")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What is known of the switches, by name: tiers of all, rails, planes and pods of those that have one."""

    tiers: Mapping[str, Tier]
    rails: Mapping[str, int]
    planes: Mapping[str, int]
    pods: Mapping[str, int]


def links_of(
    cables: Sequence[Edge], hosts: Sequence[str], wiring: Wiring, gpus: int | None
) -> tuple[list[Link], int, list[Finding]]:
    """Return the cables as links of a fabric.

    Parameters
    ----------
    cables : sequence of Edge
        All cables, lower ends as children.
    hosts : sequence of str
        Names of the hosts; cables of others are left out.
    wiring : Wiring
        The switches.
    gpus : int or None
        GPUs of a host, if known.

    Returns
    -------
    list of Link, int, list of Finding
        The links, the GPUs of a host, and what was inferred.
    """
    number = {name: host for host, name in enumerate(hosts)}
    kept = [edge for edge in cables if edge.child in wiring.tiers or edge.child in number]
    gbps, findings = _bandwidths(kept, wiring)
    ports, found = _ports(kept, wiring)
    findings += found
    slots, width, found = _slots(kept, number, wiring)
    findings += found
    gpus_per_host = gpus or width
    findings += _told_gpus(gpus, width, len(number))
    next_port: Counter[Adapter | str] = Counter()
    for edge, down in ports.items():
        next_port[edge.parent] = max(next_port[edge.parent], down)
    links: list[Link] = []
    for edge in kept:
        parent, tier = edge.parent, wiring.tiers[edge.parent]
        served: list[Adapter | str] = [edge.child]
        if edge.child in number:
            served = [Adapter(number[edge.child], gpu) for gpu in _served(slots.get(edge), width, gpus_per_host)]
        for child in served:
            if tier == "nvswitch":
                port = 0
            else:
                next_port[child] += 1
                port = next_port[child]
            rail = wiring.rails.get(parent if edge.child in number else edge.child)
            links.append(
                Link(
                    child=child,
                    child_port=port,
                    parent=parent,
                    parent_port=ports[edge],
                    tier=tier,
                    rail=None if tier == "nvswitch" else rail if rail is not None else edge.rail,
                    plane=wiring.planes.get(parent),
                    bandwidth_gbps=gbps[edge] if tier == "nvswitch" else gbps[edge] / len(served),
                )
            )
    return links, gpus_per_host, findings


def _served(slot: int | None, width: int, gpus: int) -> list[int]:
    """Return the GPUs that a host's adapter number `slot` of `width` serves; None is a scale-up link of all."""
    if slot is None:
        return list(range(gpus))
    if width > gpus:
        return [slot * gpus // width]
    return [gpu for gpu in range(gpus) if gpu * width // gpus == slot]


def _slots(
    kept: Sequence[Edge], number: Mapping[str, int], wiring: Wiring
) -> tuple[dict[Edge, int], int, list[Finding]]:
    """Return which adapter of its host each cable is on: that of its rail, else in the order of switches and ports."""
    of_host: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in kept:
        if edge.child in number and wiring.tiers[edge.parent] != "nvswitch":
            of_host[edge.child].append(edge)
    rails = sorted(
        {wiring.rails[edge.parent] for edges in of_host.values() for edge in edges if edge.parent in wiring.rails}
    )
    if rails:
        return _by_rail(of_host, rails, wiring)
    slots: dict[Edge, int] = {}
    for edges in of_host.values():
        position: Counter[int | None] = Counter()
        for edge in sorted(edges, key=lambda edge: (natural(edge.parent), natural(edge.port or ""))):
            plane = wiring.planes.get(edge.parent)
            slots[edge] = position[plane]
            position[plane] += 1
    return slots, max(slots.values(), default=0) + 1, []


def _by_rail(
    of_host: Mapping[str, Sequence[Edge]], rails: Sequence[int], wiring: Wiring
) -> tuple[dict[Edge, int], int, list[Finding]]:
    slots: dict[Edge, int] = {}
    stray: list[str] = []
    missing: Counter[int] = Counter()
    for host, edges in of_host.items():
        free = set(range(len(rails)))
        unplaced = []
        for edge in edges:
            rail = wiring.rails.get(edge.parent)
            if rail is None:
                unplaced.append(edge)
            else:
                slots[edge] = rails.index(rail)
                free.discard(slots[edge])
        for edge in unplaced:
            slots[edge] = min(free, default=0)
            free.discard(slots[edge])
            stray.append(f"{host} on {edge.parent}")
        missing.update(rails[slot] for slot in free)
    findings = []
    if list(rails) != list(range(len(rails))):
        findings.append(
            Finding(
                "rail",
                len(rails),
                f"Rails bear the numbers of the hosts' devices: {', '.join(map(str, rails))}. GPU 0 of a host is taken "
                f"to be on rail {rails[0]}, and so on.",
            )
        )
    findings += [
        Finding(
            "rail", count, f"{counted(count, 'host has', 'hosts have')} no cable on rail {rail}.", is_contradiction=True
        )
        for rail, count in sorted(missing.items())
    ]
    if stray:
        findings.append(
            Finding(
                "rail",
                len(stray),
                f"{counted(len(stray), 'cable leads', 'cables lead')} to leaves of no known rail; each takes a GPU "
                f"that has no other: {listed(stray)}.",
            )
        )
    return slots, len(rails), findings


def _told_gpus(gpus: int | None, width: int, hosts: int) -> list[Finding]:
    if gpus is None:
        told = (
            f"Nothing tells the GPUs of a host: {width} {'is' if width == 1 else 'are'} assumed, one for each adapter."
        )
        return [Finding("host", hosts, told)]
    if gpus > width:
        told = f"Hosts have {gpus} GPUs and {counted(width, 'adapter')}: GPUs share them, in the order of numbers."
        return [Finding("adapter", hosts, told)]
    if gpus < width:
        told = f"Hosts have {gpus} GPUs and {counted(width, 'adapter')}: GPUs have several, in the order of numbers."
        return [Finding("adapter", hosts, told)]
    return []


def _bandwidths(kept: Sequence[Edge], wiring: Wiring) -> tuple[dict[Edge, float], list[Finding]]:
    """Return the bandwidth of each cable: as told, else the median of its tier, else of all, else an assumption."""
    told: defaultdict[Tier, list[float]] = defaultdict(list)
    for edge in kept:
        if edge.bandwidth_gbps:
            told[wiring.tiers[edge.parent]].append(edge.bandwidth_gbps)
    of_all = [gbps for tier, values in told.items() for gbps in values if tier != "nvswitch"]
    silent = [edge for edge in kept if not edge.bandwidth_gbps]
    gbps = {edge: edge.bandwidth_gbps or 0.0 for edge in kept}
    for edge in silent:
        tier = wiring.tiers[edge.parent]
        fallback = NVLINK_GBPS if tier == "nvswitch" else median(of_all) if of_all else ASSUMED_GBPS
        gbps[edge] = median(told[tier]) if told[tier] else fallback
    if not silent:
        return gbps, []
    how = "as the others of their tier" if of_all else f"all alike, {ASSUMED_GBPS:g} Gb/s: only shares mean anything"
    sentence = f"{counted(len(silent), 'cable does', 'cables do')} not tell the bandwidth: taken {how}."
    return gbps, [Finding("bandwidth", len(silent), sentence)]


def _ports(kept: Sequence[Edge], wiring: Wiring) -> tuple[dict[Edge, int], list[Finding]]:
    """Return the number of each cable's port on its parent: as labelled where those are numbers, else in order."""
    of_parent: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in kept:
        of_parent[edge.parent].append(edge)
    ports: dict[Edge, int] = {}
    unlabelled = 0
    for parent, edges in of_parent.items():
        found = [_LAST_NUMBER.search(edge.port or "") for edge in edges]
        numbers = [int(match[1]) for match in found if match is not None]
        if len(numbers) < len(edges) or len(set(numbers)) < len(edges) or 0 in numbers:
            unlabelled += len(edges) if wiring.tiers[parent] != "nvswitch" else 0
            order = sorted(edges, key=lambda edge: (natural(edge.port or ""), natural(edge.child)))
            ports.update({edge: position for position, edge in enumerate(order, start=1)})
        else:
            ports.update(dict(zip(edges, numbers, strict=True)))
    if not unlabelled:
        return ports, []
    sentence = f"The ports of {counted(unlabelled, 'cable')} have no number of their own; they are numbered in order."
    return ports, [Finding("port", unlabelled, sentence)]
