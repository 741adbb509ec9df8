"""A real fabric from the record of its cables: what the record does not say is inferred, and every inference told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from models.topology.errors import NoHostsError
from models.topology.fabric import TIERS, Fabric, PeerLink, Switch, Tier
from models.topology.record.adapters import ASSUMED_GBPS, Wiring, links_of
from models.topology.record.hosts import Ends, ends_of
from models.topology.record.inference import labels_of, parts, tiers_of
from models.topology.record.rails import natural, planes_from_wiring, rails_from_wiring
from models.topology.record.records import Edge, Finding, Inventory, WiredFabric, counted, listed


def from_links(edges: Iterable[Edge], inventory: Inventory | None = None) -> WiredFabric:
    """Make a fabric from the record of its cables.

    Parameters
    ----------
    edges : iterable of Edge
        Cables, the most trusted record first: of two cables on one port the first counts.
    inventory : Inventory, optional
        What is known of hosts, switches and adapters beside the cables.

    Returns
    -------
    WiredFabric
        The fabric of the compute hosts that have a name, with every inference and every contradiction.

    Raises
    ------
    NoHostsError
        No cable leads to a host.

    Notes
    -----
    Every GPU of a `Fabric` has one adapter. A host with fewer adapters than GPUs shares them out in order, one with
    more gives each GPU several ports; where a record tells neither GPUs nor rails, a host has one GPU per adapter.

    Examples
    --------
    >>> made = from_links([Edge("h1", "leaf1"), Edge("h2", "leaf1"), Edge("leaf1", "spine1"), Edge("leaf1", "spine2")])
    >>> [(switch.name, switch.tier) for switch in made.fabric.switches], made.fabric.host_names
    ([('leaf1', 'leaf'), ('spine1', 'spine'), ('spine2', 'spine')], ('h1', 'h2'))
    """
    inventory = inventory or Inventory()
    cables, findings = _sound(edges)
    told = len(cables)
    switches = frozenset({edge.parent for edge in cables} | (inventory.switches & {edge.child for edge in cables}))
    tiers, found = tiers_of(cables, switches)
    findings += found
    cables, peers, found = _upright(cables, switches, tiers)
    findings += found
    ends, found = ends_of([edge for edge in cables if edge.child not in switches], inventory)
    findings += found
    if not ends.hosts:
        raise NoHostsError(told)
    hosts = set(ends.hosts)
    network = [edge for edge in cables if tiers[edge.parent] != "nvswitch"]
    of_hosts = [edge for edge in network if edge.child in hosts]
    gpus, found = _gpus(ends, inventory)
    findings += found
    rails, planes, found = _rails_and_planes(network, of_hosts, switches, tiers, gpus)
    findings += found
    wiring = Wiring(tiers, rails, planes, _pods(network, tiers, hosts))
    links, gpus_per_host, found = links_of(cables, ends.hosts, wiring, gpus)
    everyone = tuple(sorted({edge.child for edge in cables} - switches, key=natural))
    all_links, all_per_host, _ = links_of(cables, everyone, wiring, None)
    fabric = Fabric(
        kind="from-lake",
        hosts=len(ends.hosts),
        gpus_per_host=gpus_per_host,
        switches=tuple(
            Switch(name, tiers[name], wiring.pods.get(name), rails.get(name), planes.get(name))
            for name in sorted(switches, key=lambda name: (TIERS.index(tiers[name]), natural(name)))
        ),
        links=tuple(links),
        peer_links=tuple(peers),
        host_names=ends.hosts,
    )
    return WiredFabric(
        fabric=fabric,
        whole=replace(
            fabric, hosts=len(everyone), gpus_per_host=all_per_host, links=tuple(all_links), host_names=everyone
        ),
        findings=(*findings, *found),
        service_hosts=ends.service,
        unnamed={name: count for name, count in ends.unnamed.items() if count},
        unnamed_hosts=ends.unnamed_hosts,
    )


def _sound(edges: Iterable[Edge]) -> tuple[list[Edge], list[Finding]]:
    """Return each cable once, and no two on one port."""
    cables: dict[tuple[str, str, str | None], Edge] = {}
    on_port: dict[tuple[str, str], str] = {}
    clashes, loops = [], 0
    for edge in edges:
        if edge.child == edge.parent:
            loops += 1
            continue
        if edge.port is not None and on_port.setdefault((edge.parent, edge.port), edge.child) != edge.child:
            clashes.append(f"{edge.parent} port {edge.port}")
            continue
        cables.setdefault((edge.child, edge.parent, edge.port), edge)
    findings = []
    if clashes:
        findings.append(
            Finding(
                "cable",
                len(clashes),
                f"{counted(len(clashes), 'cable is', 'cables are')} left out, because a later record has another cable "
                f"on the port: {listed(clashes)}.",
                is_contradiction=True,
            )
        )
    if loops:
        told = f"{counted(loops, 'cable leads', 'cables lead')} from a switch to itself and are left out."
        findings.append(Finding("cable", loops, told, is_contradiction=True))
    order = sorted(
        cables.values(), key=lambda edge: (natural(edge.parent), natural(edge.port or ""), natural(edge.child))
    )
    return order, findings


def _upright(
    cables: Sequence[Edge], switches: frozenset[str], tiers: Mapping[str, Tier]
) -> tuple[list[Edge], list[PeerLink], list[Finding]]:
    """Return the cables with the lower end as the child, and those between equals."""
    upright: list[Edge] = []
    peers: list[PeerLink] = []
    turned: list[str] = []
    nested: set[str] = set()
    for edge in cables:
        rise = TIERS.index(tiers[edge.parent]) - TIERS.index(tiers[edge.child]) if edge.child in switches else 1
        if rise > 0:
            upright.append(edge)
        elif tiers[edge.parent] == "nvswitch":
            nested.add(edge.parent)
        elif rise == 0:
            peers.append(PeerLink(edge.child, edge.parent, "local", edge.bandwidth_gbps or ASSUMED_GBPS))
        else:
            turned.append(f"{edge.child} to {edge.parent}")
            upright.append(replace(edge, child=edge.parent, parent=edge.child, tier=None, port=None))
    findings = []
    if peers:
        told = (
            f"{counted(len(peers), 'cable joins', 'cables join')} two switches of one tier: neither is above the other."
        )
        findings.append(Finding("cable", len(peers), told))
    if turned:
        told = (
            f"{counted(len(turned), 'cable is', 'cables are')} turned round: the record has the higher tier below: "
            f"{listed(turned)}."
        )
        findings.append(Finding("cable", len(turned), told, is_contradiction=True))
    if nested:
        told = (
            f"{counted(len(nested), 'block of blocks is', 'blocks of blocks are')} left out: it groups scale-up "
            "domains and is no part that can break."
        )
        findings.append(Finding("scale-up", len(nested), told))
    return upright, peers, findings


def _gpus(ends: Ends, inventory: Inventory) -> tuple[int | None, list[Finding]]:
    """Return the GPUs of most hosts, if anything tells them."""
    known = Counter(gpus for host in ends.hosts if (gpus := inventory.gpus.get(host)))
    if not known:
        return None, []
    gpus, most = known.most_common(1)[0]
    others = len(ends.hosts) - most
    if not others:
        return gpus, []
    told = (
        f"{counted(others, 'host')} of {len(ends.hosts):,} {'has' if others == 1 else 'have'} another or no known "
        f"number of GPUs; {'it is' if others == 1 else 'they are'} drawn with {gpus}, as most are."
    )
    return gpus, [Finding("host", others, told)]


def _rails_and_planes(
    network: Sequence[Edge],
    of_hosts: Sequence[Edge],
    switches: frozenset[str],
    tiers: Mapping[str, Tier],
    gpus: int | None,
) -> tuple[dict[str, int], dict[str, int], list[Finding]]:
    findings: list[Finding] = []
    rails, found = labels_of("rail", network, switches, tiers)
    findings += found
    planes, found = labels_of("plane", network, switches, tiers)
    findings += found
    more_rails, more_planes, found = rails_from_wiring(of_hosts, rails, gpus)
    if planes:
        more_planes = {}
    rails, planes = rails | more_rails, planes | more_planes
    findings += found
    more_planes, found = planes_from_wiring(network, of_hosts, rails, planes)
    return rails, planes | more_planes, findings + found


def _pods(network: Sequence[Edge], tiers: Mapping[str, Tier], hosts: set[str]) -> dict[str, int]:
    """Return the pods of switches: what hangs together without the highest tier [D]; none where that is everything."""
    highest = max((tiers[edge.parent] for edge in network), key=TIERS.index, default=None)
    below = [edge for edge in network if tiers[edge.parent] != highest and (edge.child in hosts or edge.child in tiers)]
    part = parts((edge.child, edge.parent) for edge in below)
    pods = {name: number for name, number in part.items() if name in tiers}
    names = sorted(set(pods.values()))
    return {name: names.index(number) for name, number in pods.items()} if len(names) > 1 else {}
