"""The catalogue of all components of a fabric, read from its wiring."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.topology.blast.parts import Catalogue, ComponentClass, Grouping, Part
from models.topology.blast.wiring import Cables, IntArray, Wiring, once_per_fabric, wiring_of
from models.topology.fabric import TIERS, Fabric, Tier


def catalogue_of(fabric: Fabric, groupings: Sequence[Grouping] = ()) -> Catalogue:
    """Return all components of a fabric by their class, those of groupings last."""
    catalogue = _catalogue_of(fabric)
    if not groupings:
        return catalogue
    kinds = dict.fromkeys(grouping.kind for grouping in groupings)
    members = {kind: [grouping for grouping in groupings if grouping.kind == kind] for kind in kinds}
    return {**catalogue} | {kind: _of_groupings(kind, found) for kind, found in members.items()}


@once_per_fabric
def _catalogue_of(fabric: Fabric) -> Catalogue:
    wiring = wiring_of(fabric)
    classes = [
        *_of_hosts(wiring),
        *_of_tiers(wiring),
        *_of_trunks(wiring),
        *_of_peers(wiring),
        *_of_places(wiring),
    ]
    return {found.kind: found for found in classes if len(found)}


def _single(kind: str, part: Part, numbers: IntArray, label: Callable[[int], str]) -> ComponentClass:
    """Return a class whose components are one part each."""
    return ComponentClass(kind, part, np.arange(len(numbers) + 1), numbers, lambda number: label(int(numbers[number])))


def _of_sets(kind: str, part: Part, sets: Sequence[tuple[str, Sequence[int]]]) -> ComponentClass:
    """Return a class whose components are several parts each."""
    sizes = [len(members) for _, members in sets]
    numbers = np.array([number for _, members in sets for number in members], dtype=np.int64)
    return ComponentClass(kind, part, np.cumsum([0, *sizes]), numbers, lambda number: sets[number][0], several=True)


def _of_groupings(kind: str, groupings: Sequence[Grouping]) -> ComponentClass:
    return _of_sets(kind, "hosts", [(grouping.name, grouping.hosts) for grouping in groupings])


def _of_hosts(wiring: Wiring) -> list[ComponentClass]:
    def place(gpu: int, what: str) -> str:
        return f"{wiring.host_name(int(wiring.gpu_host[gpu]))}/{what}{wiring.gpu_slot[gpu]}"

    def port(cable: int, what: str) -> str:
        return f"{place(int(wiring.access.lower[cable]), what)}/port{wiring.access.port[cable]}"

    cables = np.arange(len(wiring.access))
    found = [_single("gpu", "gpus", np.arange(wiring.gpus), lambda gpu: place(gpu, "gpu"))]
    if wiring.relay == "switches":
        wired = np.unique(wiring.access.lower)
        found.append(_single("nic", "nics", wired, lambda gpu: place(gpu, "nic")))
        found += [
            _single(kind, "access", cables, lambda cable: port(cable, "nic")) for kind in ("nic-port", "nic-link")
        ]
    else:
        found.append(_single("ocs-link", "access", cables, lambda cable: port(cable, "gpu")))
    nvlinks = np.arange(len(wiring.scale_up))
    found.append(_single("nvlink", "scale_up", nvlinks, lambda cable: place(int(wiring.scale_up.lower[cable]), "gpu")))
    found.append(_tier(wiring, "nvswitch"))
    found.append(_single("host", "hosts", np.unique(wiring.gpu_host), wiring.host_name))
    return found


def _tier(wiring: Wiring, tier: Tier) -> ComponentClass:
    numbers = np.flatnonzero(wiring.switch_tier == TIERS.index(tier))
    return _single(tier, "switches", numbers, lambda number: wiring.fabric.switches[number].name)


def _of_tiers(wiring: Wiring) -> list[ComponentClass]:
    """Return the classes of network switches; behind each the sets of them that serve the same adapters."""
    partners = _partners(wiring)
    switches = wiring.fabric.switches
    found = []
    for tier in TIERS[1:]:
        found.append(_tier(wiring, tier))
        for size, name in ((2, "pair"), (3, "triple"), (4, "quad")):
            sets = [group for group in partners if len(group) == size and switches[group[0]].tier == tier]
            labelled = [("+".join(switches[number].name for number in group), group) for group in sets]
            found.append(_of_sets(f"{tier}-{name}", "switches", labelled))
    return found


def _partners(wiring: Wiring) -> list[tuple[int, ...]]:
    """Return the sets of switches that serve the same adapters, where these have several ways in."""
    if wiring.relay != "switches":
        return []
    return sorted(set(_sets_above(wiring.access.lower, wiring.access.upper)))


def _of_trunks(wiring: Wiring) -> list[ComponentClass]:
    trunks, tiers = wiring.trunks, wiring.switch_tier
    kinds = np.stack([tiers[trunks.lower], tiers[trunks.upper]], axis=1)
    label = _cable_names(wiring, trunks)
    return [
        _single(
            f"{TIERS[lower]}-{TIERS[upper]}-link",
            "trunks",
            np.flatnonzero((kinds == (lower, upper)).all(axis=1)),
            label,
        )
        for lower, upper in np.unique(kinds, axis=0).tolist()
    ]


def _cable_names(wiring: Wiring, cables: Cables) -> Callable[[int], str]:
    switches = wiring.fabric.switches

    def label(cable: int) -> str:
        lower, upper = switches[cables.lower[cable]].name, switches[cables.upper[cable]].name
        return f"{lower}/port{cables.port[cable]}-{upper}"

    return label


def _of_peers(wiring: Wiring) -> list[ComponentClass]:
    found = []
    both: tuple[tuple[Part, bool], ...] = (("chip_peers", True), ("switch_peers", False))
    for part, chips in both:
        links = [link for link in wiring.fabric.peer_links if isinstance(link.one, str) is not chips]
        cables = wiring.chip_peers if chips else wiring.switch_peers
        for kind in dict.fromkeys(link.kind for link in links):
            numbers = np.array([number for number, link in enumerate(links) if link.kind == kind], dtype=np.int64)
            found.append(_single(f"{kind}-link", part, numbers, _peer_names(wiring, cables, chips=chips)))
    return found


def _peer_names(wiring: Wiring, cables: Cables, *, chips: bool) -> Callable[[int], str]:
    """Name a cable by its ends, and number those that run side by side."""

    def end(number: int) -> str:
        if not chips:
            return wiring.fabric.switches[number].name
        return f"{wiring.host_name(int(wiring.gpu_host[number]))}/gpu{wiring.gpu_slot[number]}"

    ends = np.stack([cables.lower, cables.upper], axis=1)
    _, pair = np.unique(ends, axis=0, return_inverse=True)
    order = np.argsort(pair, kind="stable")
    first = np.searchsorted(pair[order], pair[order], side="left")
    beside = np.empty(len(cables), dtype=np.int64)
    beside[order] = np.arange(len(cables)) - first

    def label(cable: int) -> str:
        more = f"#{beside[cable] + 1}" if beside[cable] else ""
        return f"{end(int(cables.lower[cable]))}-{end(int(cables.upper[cable]))}{more}"

    return label


def _of_places(wiring: Wiring) -> list[ComponentClass]:
    """Return rails, planes, segments and pods: all the switches of each, where there are several."""
    segments, pods = _segments(wiring), _labelled(wiring, "pod")
    if set(segments) == set(pods.values()):
        segments = []
    several = {kind: found for kind in ("rail", "plane") if len(found := _labelled(wiring, kind)) > 1}
    return [
        _of_sets(kind, "switches", [(f"{kind}{place}", switches) for place, switches in sorted(places.items())])
        for kind, places in (several | {"segment": dict(enumerate(segments)), "pod": pods}).items()
        if any(len(switches) > 1 for switches in places.values())
    ]


def _labelled(wiring: Wiring, label: str) -> dict[int, tuple[int, ...]]:
    """Return the network switches of each rail, plane or pod."""
    places: dict[int, list[int]] = {}
    for number, switch in enumerate(wiring.fabric.switches):
        place: int | None = getattr(switch, label)
        if place is not None and switch.tier != "nvswitch":
            places.setdefault(place, []).append(number)
    return {place: tuple(switches) for place, switches in places.items()}


def _segments(wiring: Wiring) -> list[tuple[int, ...]]:
    """Return the switches right above the hosts, for every set of hosts that share all of them."""
    if wiring.relay != "switches":
        return []
    return list(dict.fromkeys(_sets_above(wiring.gpu_host[wiring.access.lower], wiring.access.upper)))


def _sets_above(lower: IntArray, upper: IntArray) -> list[tuple[int, ...]]:
    """Return the set of upper ends of every lower end that has one, in the order of the lower ends."""
    ways = np.unique(np.stack([lower, upper], axis=1), axis=0)
    starts = np.flatnonzero(np.diff(ways[:, 0], prepend=-1))
    return [tuple(above.tolist()) for above in np.split(ways[:, 1], starts[1:])] if len(ways) else []
