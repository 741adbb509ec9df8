"""The blast radius of every class of components: one figure for all that are alike."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from models.topology.blast.catalogue import catalogue_of
from models.topology.blast.parts import ComponentClass, Grouping, class_of
from models.topology.blast.radius import BlastRadius, radius_of
from models.topology.blast.symmetry import Symmetry, symmetry_graph
from models.topology.blast.wiring import wiring_of
from models.topology.fabric import Fabric

#: to which shares are compared
_DIGITS = 9


def blast_table(
    fabric: Fabric, *, kinds: Sequence[str] | None = None, groupings: Sequence[Grouping] = ()
) -> tuple[BlastRadius, ...]:
    """Return the blast radius of a typical component of every class, and of the worst one where that differs.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    kinds : sequence of str, optional
        The classes to look at; by default all.
    groupings : sequence of Grouping
        Hosts that share something beside the network; each kind of them is a class.

    Returns
    -------
    tuple of BlastRadius
        By class. `BlastRadius.alike` of the class's `BlastRadius.of` components do the same. The typical one is that of
        most components; the worst one has the most GPUs down, then the most cut off, then the least bandwidth left.

    Raises
    ------
    UnknownComponentKindError
        The fabric has no such class.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> pod = hpn(hosts=15 * 128, gpus_per_host=8)
    >>> [(row.kind, row.of, row.gpus_down, row.gpus_degraded, round(row.by_plane[0], 4)) for row in
    ... blast_table(pod, kinds=("nic-port", "tor", "agg"))]
    [('nic-port', 30720, 0, 1, 0.875), ('tor', 240, 0, 128, 0.875), ('agg', 120, 0, 15360, 0.9833)]
    """
    catalogue = catalogue_of(fabric, groupings)
    symmetry = symmetry_graph(wiring_of(fabric), catalogue).symmetry()
    rows = []
    for kind in catalogue if kinds is None else kinds:
        found = class_of(catalogue, kind)
        radii = _of_class(fabric, symmetry, found)
        typical = max(radii, key=lambda radius: radius.alike)
        worst = max(radii, key=severity)
        rows += [typical] if worst is typical else [typical, worst]
    return tuple(rows)


def gathered(radii: Iterable[BlastRadius]) -> list[BlastRadius]:
    """Return one blast radius for all that differ in their components alone, and how many those are.

    Parameters
    ----------
    radii : iterable of BlastRadius
        Each stands for `BlastRadius.alike` of them.

    Returns
    -------
    list of BlastRadius
        In the order of their first.
    """
    found: dict[Hashable, BlastRadius] = {}
    for radius in radii:
        figures = _figures(radius)
        known = found.get(figures)
        found[figures] = radius if known is None else replace(known, alike=known.alike + radius.alike)
    return list(found.values())


def severity(radius: BlastRadius) -> tuple[float, ...]:
    """Return how bad a blast radius is: more GPUs down, then cut off, then less bandwidth left."""
    return (
        radius.gpus_down,
        radius.gpus_cut_off,
        -round(radius.fabric_bandwidth_left_share, _DIGITS),
        -round(radius.bisection_left_share, _DIGITS),
    )


def _of_class(fabric: Fabric, symmetry: Symmetry, kind: ComponentClass) -> list[BlastRadius]:
    return gathered(
        replace(radius_of(fabric, [(kind, group.example)]), alike=group.count, of=len(kind))
        for group in symmetry.alike(kind)
    )


def _figures(radius: BlastRadius) -> Hashable:
    """Return what is compared: all but the components, and which rail or plane it is."""
    shares = (radius.bandwidth_left_share, radius.host_bandwidth_left_share, radius.fabric_bandwidth_left_share)
    counts = (radius.gpus_down, radius.gpus_cut_off, radius.gpus_degraded, radius.hosts_down, radius.hosts_degraded)
    carriers = (sorted(radius.by_rail.values()), sorted(radius.by_plane.values()))
    rounded = [round(share, _DIGITS) for share in (*shares, radius.bisection_left_share, *carriers[0], *carriers[1])]
    return (*counts, radius.narrows, *rounded)
