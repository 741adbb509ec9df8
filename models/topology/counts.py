"""What a fabric consists of: switches and links by tier, ports, oversubscription, transceivers and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from models.topology.costs import PUBLISHED_PRICES, PortPrices
from models.topology.fabric import TIERS, Fabric, FabricKind, Tier
from models.topology.hops import diameter_hops, host_diameter_hops

#: inside a host or block these are cables of copper, or none at all: no transceivers, no ports of a switch
_COPPER = frozenset({"nvswitch", "mesh"})
#: of the transceiver and the port that prices are given for
_PRICED_GBPS = 400.0


@dataclass(frozen=True, slots=True)
class FabricCounts:
    """What a fabric consists of.

    Parameters
    ----------
    kind : str
        Of fabric.
    gpus, hosts : int
        Its size.
    scale_up_domains : int
        NVSwitches; they are no part of the network's switches, links and cost.
    switches : mapping of str to int
        Switches by tier, from the hosts upwards.
    links : mapping of str to int
        Cables by the tier they lead up to; those between equals as ``mesh``, ``local`` and ``global``.
    oversubscription : mapping of str to float
        Bandwidth down over bandwidth up of all switches of a tier, for tiers that have cables both ways.
    ports : mapping of str to int
        Switch ports with a cable, by tier.
    most_ports : mapping of str to int
        Ports with a cable of the busiest switch of a tier.
    transceivers : int
        One at either end of a cable, none in an optical circuit switch or on copper.
    cost_dollars : float
        Of the transceivers and the ports with a cable.
    diameter_hops : int
        Cables on the shortest way between the two GPUs farthest apart.
    host_diameter_hops : int
        The same between hosts, inside which hops are free: RailX's 2 to 4.
    """

    kind: FabricKind
    gpus: int
    hosts: int
    scale_up_domains: int
    switches: Mapping[Tier, int]
    links: Mapping[str, int]
    oversubscription: Mapping[Tier, float]
    ports: Mapping[Tier, int]
    most_ports: Mapping[Tier, int]
    transceivers: int
    cost_dollars: float
    diameter_hops: int
    host_diameter_hops: int


def fabric_counts(fabric: Fabric, prices: PortPrices = PUBLISHED_PRICES) -> FabricCounts:
    """Count what a fabric consists of, from its graph.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    prices : PortPrices
        Dollars.

    Returns
    -------
    FabricCounts
        The counts.

    Notes
    -----
    The cost follows Wang et al. (arXiv 2307.12169). Their rule takes all ports of a switch; here only those with a
    cable are priced, which is the same where switches are full, as theirs are; and a cable of another speed than 400
    Gb/s is priced in proportion [D], so that two ports of 200 Gb/s cost as much as one. Every cable of the network
    counts as optical; those inside a host or block do not count.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> pod = fabric_counts(hpn(hosts=1_920, gpus_per_host=8, with_cores=True))
    >>> pod.switches, pod.links
    ({'tor': 240, 'agg': 120, 'core': 16}, {'tor': 30720, 'agg': 14400, 'core': 960})
    >>> {tier: round(ratio, 3) for tier, ratio in pod.oversubscription.items()}
    {'tor': 1.067, 'agg': 15.0}
    """
    tiers = {switch.name: switch.tier for switch in fabric.switches}
    switches = Counter(switch.tier for switch in fabric.switches)
    links = Counter[str](link.tier for link in fabric.links)
    links.update(pair.kind for pair in fabric.peer_links)
    transceivers = sum((1 if tier == "ocs" else 2) * count for tier, count in links.items() if tier not in _COPPER)
    cables = _cables(fabric, tiers)
    return FabricCounts(
        kind=fabric.kind,
        gpus=fabric.hosts * fabric.gpus_per_host,
        hosts=fabric.hosts,
        scale_up_domains=switches["nvswitch"],
        switches=_by_tier(switches),
        links={tier: links[tier] for tier in (*TIERS[1:], "local", "global", "mesh") if links[tier]},
        oversubscription=_oversubscription(fabric, tiers),
        ports={tier: sum(of_tier) for tier, of_tier in cables.items()},
        most_ports={tier: max(of_tier) for tier, of_tier in cables.items()},
        transceivers=transceivers,
        cost_dollars=_cost_dollars(fabric, prices),
        diameter_hops=diameter_hops(fabric),
        host_diameter_hops=host_diameter_hops(fabric),
    )


def _by_tier(counts: Counter[Tier]) -> dict[Tier, int]:
    return {tier: counts[tier] for tier in TIERS[1:] if counts[tier]}


def _cables(fabric: Fabric, tiers: Mapping[str, Tier]) -> dict[Tier, list[int]]:
    """Return for each tier of the network the cables on each of its switches that has one."""
    cables = Counter(link.parent for link in fabric.links)
    cables.update(link.child for link in fabric.links if isinstance(link.child, str))
    cables.update(end for pair in fabric.peer_links for end in (pair.one, pair.other) if isinstance(end, str))
    by_tier: dict[Tier, list[int]] = {tier: [] for tier in TIERS[1:]}
    for name, count in cables.items():
        by_tier.setdefault(tiers[name], []).append(count)
    return {tier: by_tier[tier] for tier in TIERS[1:] if by_tier[tier]}


def _cost_dollars(fabric: Fabric, prices: PortPrices) -> float:
    """Return the price of all cables of the network; a cable of 200 Gb/s is half of one."""
    transceivers = switch_ports = ocs_ports = 0.0
    for link in fabric.links:
        speed = link.bandwidth_gbps / _PRICED_GBPS
        if link.tier == "ocs":
            transceivers += speed
            ocs_ports += speed
        elif link.tier not in _COPPER:
            transceivers += 2 * speed
            switch_ports += 2 * speed if isinstance(link.child, str) else speed
    between_routers = sum(pair.bandwidth_gbps for pair in fabric.peer_links if pair.kind not in _COPPER) / _PRICED_GBPS
    return prices.cost_dollars(transceivers + 2 * between_routers, switch_ports + 2 * between_routers, ocs_ports)


def _oversubscription(fabric: Fabric, tiers: Mapping[str, Tier]) -> dict[Tier, float]:
    down, up = Counter[Tier](), Counter[Tier]()
    for link in fabric.links:
        # Bandwidths are multiples of 25 Gb/s or so: whole Mb/s add up without rounding.
        mbps = round(1000 * link.bandwidth_gbps)
        down[link.tier] += mbps
        if isinstance(link.child, str):
            up[tiers[link.child]] += mbps
    return {tier: down[tier] / up[tier] for tier in TIERS if down[tier] and up[tier]}
