"""Network fabrics as data: switches, links, and the hosts that share the fate of a switch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

Tier = Literal["nvswitch", "ocs", "router", "tor", "leaf", "agg", "spine", "core"]
FabricKind = Literal[
    "clos",
    "rail",
    "rail-only",
    "hpn",
    "hpn-single-tor",
    "dcn-plus",
    "railx",
    "nvl72",
    "torus",
    "dragonfly",
    "from-lake",
]

#: from the hosts upwards: a link goes from a switch to one of a later tier; between equals there are peer links
TIERS: tuple[Tier, ...] = ("nvswitch", "ocs", "router", "tor", "leaf", "agg", "spine", "core")


@dataclass(frozen=True, slots=True)
class Adapter:
    """The network adapter of one GPU; below an NVSwitch it stands for the GPU itself.

    Parameters
    ----------
    host : int
        Number of the host, from 0.
    gpu : int
        Number of the GPU in the host, from 0.
    """

    host: int
    gpu: int


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch, or a whole scale-up domain (tier ``nvswitch``).

    Parameters
    ----------
    name : str
        Unique in the fabric. A rail or plane is spelled out in it (``rail3``, ``plane0``).
    tier : str
        ``nvswitch``, ``ocs`` (optical circuit switch), ``router`` (of a dragonfly), ``tor``, ``leaf``, ``agg``,
        ``spine`` or ``core``.
    pod, rail, plane : int or None
        Where it belongs, from 0; None where it serves several of them or the fabric has none.
    """

    name: str
    tier: Tier
    pod: int | None = None
    rail: int | None = None
    plane: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A cable from a lower end to a switch above it.

    Parameters
    ----------
    child : Adapter or str
        The lower end: a host's adapter, or the name of a switch.
    child_port : int
        Port of the lower end, from 1. The scale-up link of a GPU has port 0: it is none of its adapter's.
    parent : str
        Name of the switch above.
    parent_port : int
        Its port, from 1.
    tier : str
        Tier of the parent.
    rail, plane : int or None
        What it carries, from 0.
    bandwidth_gbps : float
        Gb/s in each direction.
    """

    child: Adapter | str
    child_port: int
    parent: str
    parent_port: int
    tier: Tier
    rail: int | None
    plane: int | None
    bandwidth_gbps: float


@dataclass(frozen=True, slots=True)
class PeerLink:
    """A cable between equals: chips of a mesh, routers of a dragonfly.

    Parameters
    ----------
    one, other : Adapter or str
        Its ends: two adapters, or the names of two switches of one tier.
    kind : str
        ``mesh`` (inside a host or block), ``local`` (inside a dragonfly group) or ``global`` (between groups).
    bandwidth_gbps : float
        Gb/s in each direction.
    """

    one: Adapter | str
    other: Adapter | str
    kind: Literal["mesh", "local", "global"]
    bandwidth_gbps: float


@dataclass(frozen=True, slots=True)
class Circuit:
    """A light path that an optical circuit switch holds open between two of its cables.

    Parameters
    ----------
    one, other : Link
        The cables it joins, from adapters to the same optical circuit switch.
    """

    one: Link
    other: Link


@dataclass(frozen=True, slots=True)
class Fabric:
    """A network and the hosts on it.

    Parameters
    ----------
    kind : str
        How it is built.
    hosts, gpus_per_host : int
        Every GPU has one adapter.
    switches : tuple of Switch
        From the hosts upwards.
    links : tuple of Link
        In the order of cabling.
    peer_links : tuple of PeerLink
        Cables between equals; most kinds have none.
    host_names : tuple of str
        What the hosts are called, where the fabric is a real one; empty for one that was built.
    circuits : tuple of Circuit
        How the optical circuit switches are set while all is well; no cable is in two of them.
    """

    kind: FabricKind
    hosts: int
    gpus_per_host: int
    switches: tuple[Switch, ...]
    links: tuple[Link, ...]
    peer_links: tuple[PeerLink, ...] = ()
    host_names: tuple[str, ...] = ()
    circuits: tuple[Circuit, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkDomain:
    """What the loss of one switch reaches.

    Parameters
    ----------
    name : str
        Name of the switch.
    kind : str
        Its tier.
    hosts : tuple of int
        Hosts below it, ascending.
    takes_down : bool
        Whether jobs on these hosts fail when it is lost; otherwise they only get slower.
    """

    name: str
    kind: Tier
    hosts: tuple[int, ...]
    takes_down: bool


def network_domains(fabric: Fabric) -> tuple[NetworkDomain, ...]:
    """Return for every switch the hosts that share its fate, and whether its loss takes their jobs down.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.

    Returns
    -------
    tuple of NetworkDomain
        One per switch, in the fabric's order.

    Notes
    -----
    The rule follows Qian et al. (HPN, SIGCOMM 2024); [D] marks what is derived from the wiring, not published:

    - A scale-up domain takes its hosts down: its GPUs, and their relay to other rails, are gone.
    - A ToR or leaf takes jobs down if it is the only way into the network for some adapter: a single-homed ToR or rail
      leaf (HPN: one rail for all hosts of the segment). That the rest of a rail could be relayed over other rails
      [D] does not save a running collective; it only lets the job come back on the same hosts.
    - A ToR of a pair only degrades: its adapters keep the other port, at half rate.
    - Agg, spine and core only degrade: others of their tier carry on (HPN: 1/60 of a plane's cross-segment capacity).
      The builders see to it that there is another one.
    - A router of a dragonfly takes down the hosts with an adapter on it [D], as a ToR does; what it passes on for
      others goes another way.
    - An optical circuit switch only degrades [D]: it breaks one rail ring of one row or column; the traffic takes the
      other rails of the host's mesh until rings are closed anew. Where a host's chips form a single line (a prime
      number of GPUs), the row has no other rail and goes through the columns. In a torus it opens the rings
      through one position of the blocks' faces, and traffic goes around through the others.

    Whether what is left of the network still holds together, and how much bandwidth there is, `blast_radius` tells: a
    real fabric can have a single spine, whose loss splits it.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> pair = hpn(hosts=4, gpus_per_host=2, hosts_per_segment=4, aggs_per_plane=2)
    >>> [(domain.name, domain.takes_down) for domain in network_domains(pair) if domain.kind == "tor"][:2]
    [('pod0-segment0-rail0-plane0', False), ('pod0-segment0-rail0-plane1', False)]
    >>> single = hpn(hosts=4, gpus_per_host=2, hosts_per_segment=4, aggs_per_plane=2, single_tor=True)
    >>> [(domain.hosts, domain.takes_down) for domain in network_domains(single) if domain.kind == "tor"]
    [((0, 1, 2, 3), True), ((0, 1, 2, 3), True)]
    """
    hosts_below = _hosts_below(fabric)
    only_ways = _only_ways_in(fabric)
    return tuple(
        NetworkDomain(
            name=switch.name,
            kind=switch.tier,
            hosts=hosts_below[switch.name],
            takes_down=switch.tier == "nvswitch" or switch.name in only_ways,
        )
        for switch in fabric.switches
    )


def _hosts_below(fabric: Fabric) -> dict[str, tuple[int, ...]]:
    hosts: defaultdict[str, set[int]] = defaultdict(set)
    children: defaultdict[str, set[str]] = defaultdict(set)
    for link in fabric.links:
        if isinstance(link.child, Adapter):
            hosts[link.parent].add(link.child.host)
        else:
            children[link.parent].add(link.child)
    below: dict[str, tuple[int, ...]] = {}
    # Switches side by side have the same hosts below: they share one tuple, or a large fabric would not fit in memory.
    of_children: dict[frozenset[str], tuple[int, ...]] = {}
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}
    for switch in sorted(fabric.switches, key=lambda switch: TIERS.index(switch.tier)):
        key = frozenset(children[switch.name])
        own = hosts[switch.name]
        found = None if own else of_children.get(key)
        if found is None:
            reached = tuple(sorted(own.union(*(below[child] for child in key))))
            found = shared.setdefault(reached, reached)
            if not own:
                of_children[key] = found
        below[switch.name] = found
    return below


def _only_ways_in(fabric: Fabric) -> set[str]:
    """Return the switches without which some adapter has no network."""
    ways: dict[Adapter, str | None] = {}
    for link in fabric.links:
        if isinstance(link.child, Adapter) and link.tier not in {"nvswitch", "ocs"}:
            ways[link.child] = link.parent if ways.get(link.child, link.parent) == link.parent else None
    return {way for way in ways.values() if way is not None}
