"""Blast radius: what the loss of components takes down, what it degrades, and how much bandwidth is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.guards import FloatArray
from models.topology.blast.bisection import bisection_left_share
from models.topology.blast.catalogue import catalogue_of
from models.topology.blast.parts import Component, Grouping, Pick, faults_at, picked
from models.topology.blast.reasons import Outcome, reason
from models.topology.blast.remaining import Remaining, by_carrier, host_shares, narrowed_tier, remaining
from models.topology.blast.splits import cut_off
from models.topology.blast.wiring import BoolArray, IntArray, Wiring, wiring_of
from models.topology.fabric import Fabric


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What the loss of some components does.

    Parameters
    ----------
    components : tuple of Component
        What is lost, all of it at once.
    takes_down : bool
        Whether jobs fail: GPUs are down or cut off. Otherwise they only get slower.
    gpus_down, hosts_down : int
        GPUs that are lost or have no way into the network any more, and the hosts they are in: the jobs there fail.
    gpus_on_hosts_down : int
        All the GPUs of these hosts.
    gpus_cut_off : int
        GPUs that are up, but lost every way to others that are up: a job on both sides of the split fails.
    gpus_degraded, hosts_degraded : int
        GPUs that are up with less of their network bandwidth, and hosts with such GPUs that are not down.
    bandwidth_left_share : float
        Mean share of their network bandwidth that the degraded GPUs keep; without one, 0 if GPUs are down, else 1.
    host_bandwidth_left_share : float
        Mean share of its network bandwidth that a host keeps, over the hosts with a GPU down or degraded.
    fabric_bandwidth_left_share : float
        Share of the network bandwidth of all GPUs that is left.
    narrows : str or None
        The lowest tier that degraded GPUs reach with less than all: ``agg`` in HPN leaves the traffic of a segment as
        it is, ``core`` that of a pod; ``peer`` are the links between equals. None if none is degraded.
    by_rail, by_plane : dict of int to float
        Bandwidth left of each rail and plane, over the hosts with a GPU down or degraded.
    bisection_left_share : float
        Capacity left between two halves of the hosts, along the borders of pods or segments, the worst hit in the
        smaller half.
    because : str
        Why, and whether that is published or derived from the wiring.
    alike, of : int
        In a table: how many components of the class do the same, and how many there are.
    """

    components: tuple[Component, ...]
    takes_down: bool
    gpus_down: int
    hosts_down: int
    gpus_on_hosts_down: int
    gpus_cut_off: int
    gpus_degraded: int
    hosts_degraded: int
    bandwidth_left_share: float
    host_bandwidth_left_share: float
    fabric_bandwidth_left_share: float
    narrows: str | None
    by_rail: dict[int, float]
    by_plane: dict[int, float]
    bisection_left_share: float
    because: str
    alike: int = 1
    of: int = 1

    @property
    def kind(self) -> str:
        """What is lost, in a word: ``tor``, or ``tor + agg``."""
        return " + ".join(component.kind for component in self.components)


def blast_radius(fabric: Fabric, components: Sequence[Component], *, groupings: Sequence[Grouping] = ()) -> BlastRadius:
    """Return what the loss of components does, all at once.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    components : sequence of Component
        What is lost: one for a single fault, two for a double fault; none does nothing.
    groupings : sequence of Grouping
        Hosts that share something beside the network, where a component is one of them.

    Returns
    -------
    BlastRadius
        The result.

    Raises
    ------
    UnknownComponentKindError, UnknownComponentError
        The fabric has no such component.

    Notes
    -----
    The rules are those of `network_domains`, after Qian et al. (HPN, SIGCOMM 2024) and Wang et al. (arXiv 2307.12169);
    that a fault of the adapter itself takes the job of its GPU down is derived, and so is what happens to RailX
    (arXiv 2507.18889), to a torus and to a dragonfly.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> segment = hpn(hosts=128, gpus_per_host=8)
    >>> one = Component("tor", "pod0-segment0-rail0-plane0")
    >>> radius = blast_radius(segment, [one])
    >>> radius.takes_down, radius.gpus_degraded, radius.bandwidth_left_share, radius.host_bandwidth_left_share
    (False, 128, 0.5, 0.9375)
    >>> both = blast_radius(segment, [one, Component("tor", "pod0-segment0-rail0-plane1")])
    >>> both.takes_down, both.gpus_down, both.hosts_down
    (True, 128, 128)
    """
    return radius_of(fabric, picked(catalogue_of(fabric, groupings), components))


def radius_of(fabric: Fabric, picks: Sequence[Pick]) -> BlastRadius:
    """Return what the loss of components does, all at once; see `blast_radius`."""
    wiring = wiring_of(fabric)
    left = remaining(wiring, faults_at(wiring, picks))
    down = ~left.gpus_up
    lonely = cut_off(wiring, left)
    hosts_down, hosts_degraded = _hosts(wiring, left, lonely)
    reached = np.zeros(fabric.hosts, dtype=np.bool_)
    reached[hosts_down] = reached[hosts_degraded] = True
    share = float(left.share[left.degraded].mean()) if left.degraded.any() else float(not down.any())
    shares = host_shares(wiring, left)
    return BlastRadius(
        components=tuple(found.component(number) for found, number in picks),
        takes_down=bool(down.any() or lonely.any()),
        gpus_down=int(down.sum()),
        hosts_down=len(hosts_down),
        gpus_on_hosts_down=int(np.isin(wiring.gpu_host, hosts_down).sum()),
        gpus_cut_off=int(lonely.sum()),
        gpus_degraded=int(left.degraded.sum()),
        hosts_degraded=len(hosts_degraded),
        bandwidth_left_share=share,
        host_bandwidth_left_share=float(shares[reached].mean()) if reached.any() else 1.0,
        fabric_bandwidth_left_share=_whole_share(left),
        narrows=narrowed_tier(wiring, left),
        by_rail=by_carrier(wiring, left, reached, wiring.access.rail),
        by_plane=by_carrier(wiring, left, reached, wiring.access.plane),
        bisection_left_share=bisection_left_share(wiring, left),
        because=_because(fabric, picks, left, lonely),
    )


def hosts_reached(
    fabric: Fabric, components: Sequence[Component], *, groupings: Sequence[Grouping] = ()
) -> tuple[IntArray, IntArray]:
    """Return the hosts that the loss of components takes down, and those that it only degrades.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    components : sequence of Component
        What is lost, all of it at once.
    groupings : sequence of Grouping
        Hosts that share something beside the network, where a component is one of them.

    Returns
    -------
    down, degraded : array of int
        Numbers of the hosts, ascending. Hosts that are up but split from others are among the degraded.

    Raises
    ------
    UnknownComponentKindError, UnknownComponentError
        The fabric has no such component.

    Examples
    --------
    >>> from models.topology.builders.rail_only import rail_only
    >>> domains = rail_only(hosts=3, gpus_per_host=2, hosts_per_leaf=3)
    >>> hosts_reached(domains, [Component("leaf", "block0-rail1")])
    (array([0, 1, 2]), array([], dtype=int64))
    """
    left = left_of(fabric, components, groupings)
    return _hosts(wiring_of(fabric), left, cut_off(wiring_of(fabric), left))


def gpu_bandwidth_shares(
    fabric: Fabric, components: Sequence[Component], *, groupings: Sequence[Grouping] = ()
) -> FloatArray:
    """Return the share of its network bandwidth that every GPU keeps.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    components : sequence of Component
        What is lost, all of it at once.
    groupings : sequence of Grouping
        Hosts that share something beside the network, where a component is one of them.

    Returns
    -------
    array of float, shape (hosts, GPUs of a host)
        From 0, down, to 1; NaN where a real host has fewer GPUs with a cable than others.

    Raises
    ------
    UnknownComponentKindError, UnknownComponentError
        The fabric has no such component.

    Examples
    --------
    >>> from models.topology.builders.rail_only import rail_only
    >>> domains = rail_only(hosts=2, gpus_per_host=2, hosts_per_leaf=2)
    >>> gpu_bandwidth_shares(domains, [Component("leaf", "block0-rail1")]).tolist()
    [[1.0, 0.0], [1.0, 0.0]]
    """
    wiring = wiring_of(fabric)
    slots = max(fabric.gpus_per_host, int(wiring.gpu_slot.max(initial=-1)) + 1)
    shares = np.full((fabric.hosts, slots), np.nan)
    shares[wiring.gpu_host, wiring.gpu_slot] = left_of(fabric, components, groupings).share
    return shares


def left_of(fabric: Fabric, components: Sequence[Component], groupings: Sequence[Grouping] = ()) -> Remaining:
    """Return what is left of a fabric without some components."""
    wiring = wiring_of(fabric)
    return remaining(wiring, faults_at(wiring, picked(catalogue_of(fabric, groupings), components)))


def _hosts(wiring: Wiring, left: Remaining, lonely: BoolArray) -> tuple[IntArray, IntArray]:
    down = np.unique(wiring.gpu_host[~left.gpus_up])
    degraded = np.unique(wiring.gpu_host[left.degraded | lonely])
    return down, np.setdiff1d(degraded, down, assume_unique=True)


def _whole_share(left: Remaining) -> float:
    total = float(left.gbps.sum())
    return float((left.gbps * left.share).sum()) / total if total > 0 else float(left.share.mean())


def _because(fabric: Fabric, picks: Sequence[Pick], left: Remaining, lonely: BoolArray) -> str:
    outcome: Outcome = "nothing"
    if not left.gpus_up.all():
        outcome = "down"
    elif lonely.any():
        outcome = "split"
    elif left.degraded.any():
        outcome = "degrades"
    grouped = [found.kind for found, _ in picks if found.part == "hosts" and found.several]
    return reason(fabric.kind, [found.kind for found, _ in picks], outcome, shared="".join(grouped[:1]))
