"""What tools print about a fabric: ``ibnetdiscover``, and the ``topology.conf`` that Slurm is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from models.topology import Adapter, Fabric, Link, Switch
from synthetic_traces.logs.host_lists import fold_node_list

#: no subnet manager knows of them
_UNSEEN_TIERS = frozenset({"nvswitch", "ocs"})


class NoInfiniBandSpeedError(ValueError):
    """A link as fast as no InfiniBand link is."""

    def __init__(self, gbps: float) -> None:
        super().__init__(f"no InfiniBand of {gbps:g} Gb/s: build the fabric with adapters of 200, 400 or 800 Gb/s")


class NodeNamesError(ValueError):
    """More or fewer node names than the fabric has hosts."""

    def __init__(self, names: int, hosts: int) -> None:
        super().__init__(f"{names} node names for {hosts} hosts; every host needs its own")


@dataclass(frozen=True, slots=True)
class _Generation:
    """Hardware of one generation: four lanes make a port."""

    speed: str
    lane_gbps: float
    switch_model: str
    switch_devid: str
    switch_ports: int
    adapter_devid: str


_GENERATIONS = (
    _Generation("HDR", 50.0, "MQM8700", "0xd2f0", 40, "0x101b"),
    _Generation("NDR", 100.0, "MQM9700", "0xd2f2", 64, "0x1021"),
    _Generation("XDR", 200.0, "Q3400", "0xd2f4", 144, "0x1023"),
)


# ibnetdiscover


def ibnetdiscover_lines(fabric: Fabric, node_names: Sequence[str], generated_utc: datetime) -> Iterator[str]:
    r"""Render a fabric as ``ibnetdiscover`` prints it.

    Only what a subnet manager sees is in it: neither NVSwitches nor optical circuit switches, so RailX, which has
    nothing else, gives no line at all. Rails of a rail-only network and planes of HPN are subnets that nothing but the
    hosts joins; their dumps follow one another. HPN in real life is Ethernet: this is the same network in InfiniBand.

    Real switches have at most 254 ports; one with more in a fabric stands for a chassis whose chips are not told apart.

    Parameters
    ----------
    fabric
        The network.
    node_names
        Names of its hosts, in order, without white space.
    generated_utc
        Time in the header of each dump.

    Yields
    ------
    str
        Of each subnet the header, the switches, and the adapters.

    Raises
    ------
    NodeNamesError
        There is not one name per host.
    NoInfiniBandSpeedError
        A link has a speed that InfiniBand has not.

    Examples
    --------
    >>> from models.topology import build_fabric
    >>> pair = build_fabric("rail", hosts=2, gpus_per_host=1, hosts_per_rack=2, racks_per_pod=1)
    >>> lines = list(ibnetdiscover_lines(pair, ["n1", "n2"], datetime(2026, 1, 1)))
    >>> print("\n".join(lines[9:12]).expandtabs(8))
    Switch  64 "S-b83fd20300000001"         # "MF0;pod0-rail0:MQM9700/U1" enhanced port 0 lid 1 lmc 0
    [1]     "H-e09d730300000010"[1](e09d730300000010)               # "n1 mlx5_0" lid 2 4xNDR
    [2]     "H-e09d730300000020"[1](e09d730300000020)               # "n2 mlx5_0" lid 3 4xNDR
    """
    if len(node_names) != fabric.hosts:
        raise NodeNamesError(len(node_names), fabric.hosts)
    links = [link for link in fabric.links if link.tier not in _UNSEEN_TIERS]
    if not links:
        return
    hardware = _generation(max(link.bandwidth_gbps for link in links))
    switches = [switch for switch in fabric.switches if switch.tier not in _UNSEEN_TIERS]
    guids = {switch.name: f"b83fd203{number:08x}" for number, switch in enumerate(switches, start=1)}
    ports = max((link.child_port for link in links if isinstance(link.child, Adapter)), default=1)
    for subnet_links in _subnets(switches, links):
        yield from _Subnet(fabric, node_names, hardware, guids, ports, subnet_links).lines(generated_utc)


def _generation(gbps: float) -> _Generation:
    found = next((one for one in _GENERATIONS if 4 * one.lane_gbps == gbps), None)
    if found is None:
        raise NoInfiniBandSpeedError(gbps)
    return found


def _subnets(switches: Sequence[Switch], links: Sequence[Link]) -> list[list[Link]]:
    """Return the links of each part of the network that hangs together without the hosts."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while (parent := above.get(name, name)) != name:
            above[name] = above.get(parent, parent)
            name = parent
        return name

    for link in links:
        if isinstance(link.child, str):
            above[top(link.child)] = top(link.parent)
    parts: dict[str, list[Link]] = {}
    for switch in switches:
        parts.setdefault(top(switch.name), [])
    for link in links:
        parts[top(link.parent)].append(link)
    return list(parts.values())


@dataclass(slots=True)
class _Subnet:
    """The dump of one subnet."""

    fabric: Fabric
    node_names: Sequence[str]
    hardware: _Generation
    switch_guids: dict[str, str]
    adapter_ports: int
    links: Sequence[Link]
    _ports: dict[str, list[tuple[int, Link]]] = field(default_factory=lambda: defaultdict(list))
    _lids: dict[str | tuple[Adapter, int], int] = field(default_factory=dict)

    def lines(self, generated_utc: datetime) -> Iterator[str]:
        """Yield its lines."""
        attached = [(link.child, link) for link in self.links if isinstance(link.child, Adapter)]
        for link in self.links:
            self._ports[link.parent].append((link.parent_port, link))
            if isinstance(link.child, str):
                self._ports[link.child].append((link.child_port, link))
        ends: list[str | tuple[Adapter, int]] = [*self._ports]
        ends += [(adapter, link.child_port) for adapter, link in attached]
        self._lids = {end: lid for lid, end in enumerate(ends, start=1)}
        adapter, link = attached[0]
        yield "#"
        yield f"# Topology file: generated on {generated_utc.ctime()}"
        yield "#"
        yield f"# Initiated from node {self._adapter_guid(adapter)} port {self._port_guid(adapter, link.child_port)}"
        for name, ports in self._ports.items():
            yield from self._switch_lines(name, sorted(ports, key=lambda port: port[0]))
        cables: dict[Adapter, list[Link]] = {}
        for adapter, link in attached:
            cables.setdefault(adapter, []).append(link)
        for adapter, own in cables.items():
            yield from self._adapter_lines(adapter, own)

    def _switch_lines(self, name: str, ports: Sequence[tuple[int, Link]]) -> Iterator[str]:
        guid = self.switch_guids[name]
        count = max(self.hardware.switch_ports, ports[-1][0])
        yield ""
        yield "vendid=0x2c9"
        yield f"devid={self.hardware.switch_devid}"
        yield f"sysimgguid=0x{guid}"
        yield f"switchguid=0x{guid}({guid})"
        yield f'Switch\t{count} "S-{guid}"\t\t# {self._switch_text(name)} enhanced port 0 lid {self._lids[name]} lmc 0'
        for port, link in ports:
            yield f"[{port}]\t{self._far_end(name, link)} {self._speed(link)}"

    def _far_end(self, name: str, link: Link) -> str:
        if link.parent != name:
            return self._far_switch(link.parent, link.parent_port)
        if isinstance(link.child, str):
            return self._far_switch(link.child, link.child_port)
        adapter, port = link.child, link.child_port
        there = f'"H-{self._adapter_guid(adapter)}"[{port}]({self._port_guid(adapter, port)})'
        return f"{there} \t\t# {self._adapter_text(adapter)} lid {self._lids[adapter, port]}"

    def _far_switch(self, name: str, port: int) -> str:
        return f'"S-{self.switch_guids[name]}"[{port}]\t\t# {self._switch_text(name)} lid {self._lids[name]}'

    def _adapter_lines(self, adapter: Adapter, links: Sequence[Link]) -> Iterator[str]:
        guid = self._adapter_guid(adapter)
        yield ""
        yield "vendid=0x2c9"
        yield f"devid={self.hardware.adapter_devid}"
        yield f"sysimgguid=0x{guid}"
        yield f"caguid=0x{guid}"
        yield f'Ca\t{self.adapter_ports} "H-{guid}"\t\t# {self._adapter_text(adapter)}'
        for link in links:
            port, parent = link.child_port, link.parent
            here = f"[{port}]({self._port_guid(adapter, port)})"
            there = f'"S-{self.switch_guids[parent]}"[{link.parent_port}]'
            lids = f"lid {self._lids[adapter, port]} lmc 0 {self._switch_text(parent)} lid {self._lids[parent]}"
            yield f"{here} \t{there}\t\t# {lids} {self._speed(link)}"

    def _adapter_guid(self, adapter: Adapter) -> str:
        return self._port_guid(adapter, 1)

    def _port_guid(self, adapter: Adapter, port: int) -> str:
        number = 1 + adapter.host * self.fabric.gpus_per_host + adapter.gpu
        return f"e09d7303{16 * number + port - 1:08x}"

    def _adapter_text(self, adapter: Adapter) -> str:
        return f'"{self.node_names[adapter.host]} mlx5_{adapter.gpu}"'

    def _switch_text(self, name: str) -> str:
        return f'"MF0;{name}:{self.hardware.switch_model}/U1"'

    def _speed(self, link: Link) -> str:
        lanes = link.bandwidth_gbps / self.hardware.lane_gbps
        if lanes not in {1, 2, 4}:
            raise NoInfiniBandSpeedError(link.bandwidth_gbps)
        return f"{lanes:g}x{self.hardware.speed}"


# topology.conf


def topology_conf_lines(fabric: Fabric, node_names: Sequence[str]) -> Iterator[str]:
    r"""Render a fabric as the tree that Slurm is told of (``topology/tree``).

    Slurm wants each node under one switch, so switches side by side (rails, planes) are one here. From below: scale-up
    domains of several hosts, then hosts with the same first ToR or leaf (in RailX: of the same row), pods, all. A level
    that groups hosts no further than the one below is left out.

    Parameters
    ----------
    fabric
        The network.
    node_names
        Names of its hosts, in order; those that share a prefix end in numbers of one width.

    Yields
    ------
    str
        One line per switch, lowest level first.

    Raises
    ------
    NodeNamesError
        There is not one name per host.

    Examples
    --------
    >>> from models.topology import build_fabric
    >>> fabric = build_fabric("clos", hosts=7, gpus_per_host=8, hosts_per_rack=2, racks_per_pod=2)
    >>> print("\n".join(topology_conf_lines(fabric, [f"node-{number}" for number in range(1, 8)])))
    SwitchName=pod0-rack0 Nodes=node-[1-2]
    SwitchName=pod0-rack1 Nodes=node-[3-4]
    SwitchName=pod1-rack0 Nodes=node-[5-6]
    SwitchName=pod1-rack1 Nodes=node-7
    SwitchName=pod0 Switches=pod0-rack[0-1]
    SwitchName=pod1 Switches=pod1-rack[0-1]
    SwitchName=top Switches=pod[0-1]
    """
    if len(node_names) != fabric.hosts:
        raise NodeNamesError(len(node_names), fabric.hosts)
    below: Sequence[str] = node_names
    word = "Nodes"
    for level in _levels(fabric):
        children: dict[str, dict[str, None]] = {}
        for child, parent in zip(below, level, strict=True):
            children.setdefault(parent, {})[child] = None
        for parent, own in children.items():
            yield f"SwitchName={parent} {word}={_folded(own)}"
        below, word = level, "Switches"


def _folded(names: Iterable[str]) -> str:
    runs = groupby(names, key=lambda name: name.rstrip("0123456789"))
    return ",".join(fold_node_list(list(run)) for _, run in runs)


def _levels(fabric: Fabric) -> list[list[str]]:
    """Return the levels of the tree from below: of each the switch above every host."""
    switches = {switch.name: switch for switch in fabric.switches}
    domains: dict[int, str] = {}
    first: dict[int, Switch] = {}
    for link in fabric.links:
        if isinstance(link.child, Adapter):
            if link.tier == "nvswitch":
                domains.setdefault(link.child.host, link.parent)
            else:
                first.setdefault(link.child.host, switches[link.parent])
    hosts = range(fabric.hosts)
    # Switches side by side differ in what follows the place: pod0-rail3, pod0-rail4.
    leaves = [first[host].name.partition("-rail")[0] for host in hosts]
    pods = [first[host].pod for host in hosts]
    width = len(str(max((pod for pod in pods if pod is not None), default=0)))
    candidates = [
        leaves,
        ["top" if pod is None else f"pod{pod:0{width}d}" for pod in pods],
        ["top"] * fabric.hosts,
    ]
    if len(set(domains.values())) < fabric.hosts and domains:
        candidates.insert(0, [domains[host] for host in hosts])
    levels = [candidates[0]]
    for level in candidates[1:]:
        if len(set(level)) < len(set(levels[-1])):
            levels.append(level)
    return levels
