"""Which ends of the cables are compute hosts, which serve them, and which nobody named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.topology.record.inference import parts
from models.topology.record.rails import natural
from models.topology.record.records import Edge, Finding, Inventory, counted, listed


@dataclass(frozen=True, slots=True)
class Ends:
    """The lower ends of the cables that are no switches.

    Parameters
    ----------
    hosts : tuple of str
        Compute hosts, by name.
    service : tuple of str
        Hosts that compute nothing.
    unnamed : mapping of str to int
        Adapters without a host's name, by the switch they are on.
    unnamed_hosts : int
        Hosts they are taken to sit in.
    """

    hosts: tuple[str, ...]
    service: tuple[str, ...]
    unnamed: Mapping[str, int]
    unnamed_hosts: int


def ends_of(edges: Sequence[Edge], inventory: Inventory) -> tuple[Ends, list[Finding]]:
    """Return which ends are hosts.

    Parameters
    ----------
    edges : sequence of Edge
        Cables whose child is no switch.
    inventory : Inventory
        What else is known of the ends.

    Returns
    -------
    Ends, list of Finding
        The ends, and how they were told apart.
    """
    children = {edge.child for edge in edges}
    unnamed = children & inventory.unnamed
    named = children - unnamed
    reasons = _service_reasons(edges, named, inventory)
    service = {name for names in reasons.values() for name in names}
    hosts = tuple(sorted(named - service, key=natural))
    findings = [
        Finding(
            "host",
            len(names),
            f"{counted(len(names), 'host is', 'hosts are')} taken for service hosts, {reason}: "
            f"{listed(sorted(names))}.",
        )
        for reason, names in reasons.items()
    ]
    on_switch: defaultdict[str, int] = defaultdict(int)
    for edge in edges:
        on_switch[edge.parent] += edge.child in unnamed
    unnamed_hosts = _hosts_behind(edges, unnamed)
    if unnamed:
        findings.append(
            Finding(
                "adapter",
                len(unnamed),
                f"{counted(len(unnamed), 'adapter bears', 'adapters bear')} no host's name and "
                f"{'is' if len(unnamed) == 1 else 'are'} counted with no host; by the leaves "
                f"{'it' if len(unnamed) == 1 else 'they'} would belong to at least "
                f"{counted(unnamed_hosts, 'more host')}.",
            )
        )
    absent = sorted((name for name, gpus in inventory.gpus.items() if gpus != 0 and name not in named), key=natural)
    if absent and hosts:
        findings.append(
            Finding(
                "host",
                len(absent),
                f"{counted(len(absent), 'node')} of the cluster {'is' if len(absent) == 1 else 'are'} on no cable of "
                f"the record: {listed(absent)}.",
                is_contradiction=True,
            )
        )
    findings += _crooked(edges, frozenset(hosts))
    findings += _crossed(edges, inventory, frozenset(hosts))
    return Ends(hosts, tuple(sorted(service, key=natural)), dict(on_switch), unnamed_hosts), findings


def _service_reasons(edges: Sequence[Edge], named: set[str], inventory: Inventory) -> dict[str, set[str]]:
    """Return the hosts that compute nothing, by how they show it; each once."""
    reasons = {"because they have no GPU": {name for name in named if inventory.gpus.get(name, 1) == 0}}
    known = named & inventory.gpus.keys()
    if len(known) > len(named) / 2:
        reasons["because the cluster's list of nodes does not name them"] = named - known
    rails: defaultdict[str, set[int]] = defaultdict(set)
    for edge in edges:
        if edge.rail is not None:
            rails[edge.child].add(edge.rail)
    devices: defaultdict[str, set[int]] = defaultdict(set)
    for device in inventory.devices:
        devices[device.host].add(device.number)
    reasons["because none of their adapters is on the rail of its number"] = {
        name
        for name in named - inventory.gpus.keys()
        if rails[name] and devices[name] and not rails[name] & devices[name]
    }
    reasons["because of their name"] = {name for name in named - inventory.gpus.keys() if "ufm" in name.lower()}
    seen: set[str] = set()
    alone: dict[str, set[str]] = {}
    for reason, names in reasons.items():
        if names - seen:
            alone[reason] = names - seen
        seen |= names
    return alone


def _hosts_behind(edges: Sequence[Edge], unnamed: set[str]) -> int:
    """Return how many hosts must have these adapters: those on one leaf belong to as many hosts [D]."""
    # Leaves whose hosts are named hang together: the same hosts are on all of them.
    group = parts((edge.child, edge.parent) for edge in edges)
    on_leaf = Counter((group[edge.parent], edge.parent) for edge in edges if edge.child in unnamed)
    most: Counter[int] = Counter()
    for (number, _), count in on_leaf.items():
        most[number] = max(most[number], count)
    return most.total()


def _crooked(edges: Sequence[Edge], hosts: frozenset[str]) -> list[Finding]:
    """Tell the hosts that are not on one port of all their leaves, where most are."""
    ports: defaultdict[str, set[str]] = defaultdict(set)
    leaves: defaultdict[str, set[str]] = defaultdict(set)
    for edge in edges:
        if edge.child in hosts and edge.port is not None:
            ports[edge.child].add(edge.port)
            leaves[edge.child].add(edge.parent)
    several = [host for host in ports if len(leaves[host]) > 1]
    crooked = sorted((host for host in several if len(ports[host]) > 1), key=natural)
    if not crooked or len(crooked) > 0.25 * len(several):
        return []
    told = (
        f"{counted(len(crooked), 'host is', 'hosts are')} on different ports of the leaves, where the others are on "
        f"one: {listed(crooked)}."
    )
    return [Finding("port", len(crooked), told, is_contradiction=True)]


def _crossed(edges: Sequence[Edge], inventory: Inventory, hosts: frozenset[str]) -> list[Finding]:
    """Tell adapters on a leaf of another rail than their number, where most are on the leaf of theirs."""
    rails = {(edge.child, edge.parent): edge.rail for edge in edges}
    known = [device for device in inventory.devices if device.host in hosts and device.switch is not None]
    placed = [(device, rail) for device in known if (rail := rails.get((device.host, device.switch or ""))) is not None]
    crossed = [(device, rail) for device, rail in placed if device.number != rail]
    if not crossed or len(crossed) > 0.25 * len(placed):
        return []
    shown = listed([f"{device.host} device {device.number} on rail {rail}" for device, rail in crossed])
    told = (
        f"{counted(len(crossed), 'adapter is', 'adapters are')} on a leaf of another rail than their number "
        f"(crossed cables?): {shown}."
    )
    return [Finding("cable", len(crossed), told, is_contradiction=True)]
