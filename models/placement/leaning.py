"""How hosts lean on the parts of a fabric: what share of a host's network bandwidth goes through each switch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from models.guards import FloatArray
from models.placement.errors import NoSuchHostError
from models.topology.fabric import TIERS, Adapter, Fabric, network_domains

IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

#: the class of the hosts themselves, that of a host's own cables, and that of its cables to optical circuit switches
HOST: Final = "host"
LINK: Final = "nic-link"
OCS_LINK: Final = "ocs-link"


@dataclass(frozen=True, slots=True, eq=False)
class Leaning:
    """A fabric as seen from its hosts.

    ``through`` holds the share of a host's network bandwidth that goes through a switch, shape (hosts, switches), when
    every end spreads its traffic evenly over what leads up; an NVSwitch carries none of it. ``below`` tells which hosts
    are reached from a switch, ``direct`` which switches hosts are plugged into, ``takes_down`` which stop jobs below.
    ``joins`` has one row per joint of two switches (lower, upper), ``join_links`` the cables of each, ``join_share``
    the part that the widest of them is of the lower one's way up. ``links`` and ``lone_links`` count the cables of a
    host, and those of them that are the only one of their adapter; ``link_share`` is the largest share of its bandwidth
    that one of them carries. ``twice_homed`` counts its adapters with two cables to two switches, and ``pairs`` says
    which pairs of switches those are, shape (hosts, pairs).
    """

    fabric: Fabric
    tiers: npt.NDArray[np.str_]
    through: sparse.csr_array
    below: sparse.csr_array
    direct: BoolArray
    takes_down: BoolArray
    joins: IntArray
    join_links: IntArray
    join_share: FloatArray
    links: IntArray
    lone_links: IntArray
    link_share: FloatArray
    twice_homed: IntArray
    pairs: sparse.csr_array

    @property
    def shared(self) -> BoolArray:
        """Switches from which more than one host is reached, shape (switches,)."""
        return np.asarray(self.below.sum(axis=0)).ravel() > 1

    def reached(self, hosts: IntArray) -> IntArray:
        """Return how many of these hosts are reached from each switch."""
        return np.asarray(self.below[hosts].sum(axis=0), dtype=np.intp).ravel()


@dataclass(frozen=True, slots=True)
class Touched:
    """The parts of one class that a run leans on.

    Parameters
    ----------
    component : str
        ``host``, ``nic-link`` or ``ocs-link``, the tier of a switch, or ``tor-agg-link`` and the like.
    parts : int
        How many the run uses.
    fatal : int
        How many of them take it down; the others slow it.
    hosts : int
        Hosts of the run that one part reaches, at most.
    lost_share : float
        Share of its network bandwidth that a host loses with one part that only slows, at most.
    """

    component: str
    parts: int
    fatal: int
    hosts: int
    lost_share: float


def leaning(fabric: Fabric) -> Leaning:
    """Work out how the hosts of a fabric lean on it.

    Parameters
    ----------
    fabric : Fabric
        Any fabric; cables between equals (meshes, dragonfly groups) are not looked at.

    Returns
    -------
    Leaning
        Arrays over hosts and switches.

    Notes
    -----
    Even spreading is what ECMP aims at, and HPN's rule of 1/60 of a plane for a lost Agg. With HPN's two ports a link
    is 1/16 of a host, the slowdown measured for one (Qian et al., SIGCOMM 2024).

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> found = leaning(hpn(hosts=8, gpus_per_host=8, hosts_per_segment=4, aggs_per_plane=60))
    >>> [float(found.through.toarray()[0, found.tiers == tier].max().round(4)) for tier in ("tor", "agg")]
    [0.0625, 0.0083]
    """
    number = {switch.name: place for place, switch in enumerate(fabric.switches)}
    tiers = np.array([switch.tier for switch in fabric.switches], dtype=np.str_)
    of_host: defaultdict[tuple[int, int], float] = defaultdict(float)
    up: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    cables: defaultdict[Adapter, list[int]] = defaultdict(list)
    links = np.zeros(fabric.hosts, dtype=np.intp)
    widest = np.zeros(fabric.hosts)
    scale_up: set[tuple[int, int]] = set()
    for link in fabric.links:
        upper = number[link.parent]
        if not isinstance(link.child, Adapter):
            up[number[link.child], upper].append(link.bandwidth_gbps)
        elif link.tier == "nvswitch":
            scale_up.add((link.child.host, upper))
        else:
            of_host[link.child.host, upper] += link.bandwidth_gbps
            links[link.child.host] += 1
            # A chip of a mesh reaches the network over its neighbours, too.
            if link.tier != "ocs":
                cables[link.child].append(upper)
            widest[link.child.host] = max(widest[link.child.host], link.bandwidth_gbps)
    shape, switches = (fabric.hosts, len(tiers)), (len(tiers), len(tiers))
    plugged = _matrix(of_host, shape)
    total = np.asarray(plugged.sum(axis=1)).ravel()
    first = sparse.diags_array(1.0 / np.where(total > 0, total, 1.0)) @ plugged
    rising = _matrix({joint: sum(cables_up) for joint, cables_up in up.items()}, switches)
    uplinks = np.asarray(rising.sum(axis=1)).ravel()
    rising = sparse.diags_array(1.0 / np.where(uplinks > 0, uplinks, 1.0)) @ rising
    through, level = first, first
    for _ in TIERS:
        level = level @ rising
        if level.nnz == 0:
            break
        through = through + level
    lone, twice = np.zeros((2, fabric.hosts), dtype=np.intp)
    pairs: dict[tuple[int, int], int] = {}
    paired: set[tuple[int, int]] = set()
    for adapter, uppers in cables.items():
        lone[adapter.host] += len(uppers) == 1
        if len(uppers) == len(set(uppers)) == 2:
            twice[adapter.host] += 1
            pair = min(uppers), max(uppers)
            paired.add((adapter.host, pairs.setdefault(pair, len(pairs))))
    joins = np.array(sorted(up), dtype=np.intp).reshape(-1, 2)
    widest_up = np.array([max(up[lower, upper]) for lower, upper in joins.tolist()])
    within = _matrix(dict.fromkeys(scale_up, 1.0), shape)
    return Leaning(
        fabric=fabric,
        tiers=tiers,
        through=sparse.csr_array(through),
        below=sparse.csr_array((through + within) > 0),
        direct=np.isin(np.arange(len(tiers)), [switch for _, switch in [*of_host, *scale_up]]),
        takes_down=np.array([domain.takes_down for domain in network_domains(fabric)], dtype=np.bool_),
        joins=joins,
        join_links=np.array([len(up[lower, upper]) for lower, upper in joins.tolist()], dtype=np.intp),
        join_share=widest_up / uplinks[joins[:, 0]],
        links=links,
        lone_links=lone,
        link_share=widest / np.where(total > 0, total, 1.0),
        twice_homed=twice,
        pairs=_matrix(dict.fromkeys(paired, 1.0), (fabric.hosts, len(pairs))),
    )


def switches_used(lean: Leaning, hosts: npt.ArrayLike) -> BoolArray:
    """Say which switches a run on these hosts needs.

    Parameters
    ----------
    lean : Leaning
        From `leaning`.
    hosts : array-like of shape (n_hosts,)
        Numbers of the run's hosts.

    Returns
    -------
    array of shape (n_switches,)
        Those its hosts are plugged into, those above them that join what no switch below joins, and those between.

    Raises
    ------
    NoSuchHostError
        A host is none of the fabric's, or is given twice.

    Notes
    -----
    Traffic between rails goes over NVLink to the GPU of the other rail first [D], so that a run under one leaf of each
    rail needs no spine.
    """
    chosen = checked_hosts(lean.fabric, hosts)
    reached = lean.reached(chosen)
    used = reached > 0
    lower, upper = lean.joins.T
    # What one switch below already joins needs nothing above it.
    joined_below = np.zeros(used.size, dtype=np.bool_)
    joined_below[upper[reached[lower] == reached[upper]]] = True
    needed = used & (lean.direct | ~joined_below)
    # What leads up to a switch that is needed is needed, too.
    for _ in TIERS:
        on_the_way = lower[needed[upper] & used[lower]]
        if needed[on_the_way].all():
            break
        needed[on_the_way] = True
    return needed


def touched(lean: Leaning, hosts: npt.ArrayLike) -> tuple[Touched, ...]:
    """Count the parts that a run on these hosts leans on, by class.

    Parameters
    ----------
    lean : Leaning
        From `leaning`.
    hosts : array-like of shape (n_hosts,)
        Numbers of the run's hosts.

    Returns
    -------
    tuple of Touched
        Hosts, their cables, the switches from the hosts upwards, and the cables between these; classes of which it
        uses none are left out.

    Raises
    ------
    NoSuchHostError
        A host is none of the fabric's, or is given twice.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> single = leaning(hpn(hosts=375, gpus_per_host=8, single_tor=True))
    >>> [(row.component, row.parts, row.fatal) for row in touched(single, range(375))][:2]
    [('host', 375, 375), ('nic-link', 3000, 3000)]
    """
    chosen = checked_hosts(lean.fabric, hosts)
    rows = [Touched(HOST, chosen.size, chosen.size, 1, 0.0)]
    if lean.links[chosen].any():
        links, lone = int(lean.links[chosen].sum()), int(lean.lone_links[chosen].sum())
        kind = OCS_LINK if set(lean.tiers[lean.direct]) <= {"ocs", "nvswitch"} else LINK
        rows.append(Touched(kind, links, lone, 1, float(lean.link_share[chosen].max()) if lone < links else 0.0))
    used, reached = switches_used(lean, chosen), lean.reached(chosen)
    share = lean.through[chosen].max(axis=0).toarray().ravel()
    for tier in TIERS:
        of_tier = used & (lean.tiers == tier)
        if not of_tier.any():
            continue
        slowing = of_tier & ~lean.takes_down
        rows.append(
            Touched(
                component=tier,
                parts=int(of_tier.sum()),
                fatal=int((of_tier & lean.takes_down).sum()),
                hosts=int(reached[of_tier].max()),
                lost_share=float(share[slowing].max(initial=0.0)),
            )
        )
    return (*rows, *_cables_between(lean, used, reached, share))


def _cables_between(lean: Leaning, used: BoolArray, reached: IntArray, share: FloatArray) -> Iterator[Touched]:
    """Tell the cables between switches that the run uses; each of them only slows."""
    lower, upper = lean.joins.T
    taken = used[upper] & (reached[lower] > 0)
    pairs = np.stack([lean.tiers[lower[taken]], lean.tiers[upper[taken]]], axis=1)
    for low, high in dict.fromkeys(map(tuple, pairs.tolist())):
        of_pair = taken & (lean.tiers[lower] == low) & (lean.tiers[upper] == high)
        yield Touched(
            component=f"{low}-{high}-link",
            parts=int(lean.join_links[of_pair].sum()),
            fatal=0,
            hosts=int(reached[lower[of_pair]].max()),
            lost_share=float((share[lower] * lean.join_share)[of_pair].max()),
        )


def checked_hosts(fabric: Fabric, hosts: npt.ArrayLike) -> IntArray:
    """Return host numbers, ascending, or raise the error that names the one that cannot be."""
    chosen = np.sort(np.atleast_1d(np.asarray(hosts, dtype=np.intp)))
    twice = chosen[:-1][chosen[1:] == chosen[:-1]]
    outside = chosen[(chosen < 0) | (chosen >= fabric.hosts)]
    for wrong in (*outside[:1], *twice[:1]):
        raise NoSuchHostError(int(wrong), fabric.hosts)
    return chosen


def _matrix(cells: dict[tuple[int, int], float], shape: tuple[int, int]) -> sparse.csr_array:
    places = np.array(list(cells), dtype=np.intp).reshape(-1, 2)
    values = np.fromiter(cells.values(), dtype=np.float64, count=len(cells))
    return sparse.csr_array((values, (places[:, 0], places[:, 1])), shape=shape)
