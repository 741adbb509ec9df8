"""Small fabrics of every kind, irregular ones among them, and a slow and plain way to see what faults leave of them."""

from collections import Counter, defaultdict
from functools import cached_property

import networkx as nx
from hypothesis import strategies as st

from models.topology import FABRIC_KINDS, Adapter, Fabric, Link, Switch, build_fabric
from models.topology.blast.components import component_classes, components
from models.topology.builders.clos import clos
from models.topology.builders.dcn_plus import dcn_plus
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.builders.torus import torus
from models.topology.fabric import PeerLink

_tori = st.sampled_from(
    [
        ((2, 2, 2), (2, 2, 1), (2, 1, 1)),
        ((4, 4), (2, 2), (2, 1)),
        ((4, 2, 2), (2, 2, 2), (2, 2, 1)),
        ((3, 3), (1, 1), (1, 1)),
        ((4, 3, 1), (2, 3, 1), (1, 3, 1)),
    ]
).map(lambda sizes: torus(*sizes))
_dragonflies = st.builds(
    dragonfly,
    st.integers(2, 16),
    st.sampled_from((1, 2, 4)),
    adapters_per_router=st.just(2),
    routers_per_group=st.integers(4, 5),
    global_links_per_router=st.integers(3, 4),
)
_rings = st.builds(railx, st.integers(2, 16), st.sampled_from((1, 4, 6, 9)))
_small = st.integers(1, 6)
_few = st.integers(1, 3)
_doors = st.builds(build_fabric, st.sampled_from(FABRIC_KINDS), _small, st.integers(1, 4), _few, _few)
_dual_homed = st.builds(dcn_plus, st.sampled_from((2, 3)), st.just(64))
_trees = st.one_of(
    st.builds(clos, st.integers(5, 12), st.just(2), st.just(2), st.just(2), radix=st.just(32)),
    st.builds(rail_only, st.integers(9, 14), st.just(1), st.sampled_from((2, 3)), radix=st.just(8)),
    st.builds(
        hpn,
        st.integers(3, 9),
        st.integers(1, 2),
        hosts_per_segment=st.integers(1, 2),
        segments_per_pod=st.integers(1, 2),
        aggs_per_plane=st.sampled_from((1, 2, 3)),
        core_uplinks=st.integers(2, 3),
        single_tor=st.booleans(),
    ),
)

#: regular fabrics, apart from partial racks and pods
built_fabrics = st.one_of(_doors, _trees, _tori, _dragonflies, _rings, _dual_homed)


@st.composite
def irregular_fabrics(draw):
    """As dumps of real fabrics have them: hosts with one to four adapters on any leaves, unequal links, peers."""
    hosts = draw(st.integers(1, 7))
    leaves = [f"leaf{number}" for number in range(draw(st.integers(1, 4)))]
    spines = [f"spine{number}" for number in range(draw(st.integers(0, 3)))]
    speeds = st.sampled_from((100.0, 200.0, 400.0))
    rails = draw(st.booleans())
    links = []
    for host in range(hosts):
        for gpu in range(draw(st.integers(1, 4))):
            for port in range(1, draw(st.integers(1, 2)) + 1):
                rail = gpu if rails else None
                links.append(
                    Link(Adapter(host, gpu), port, draw(st.sampled_from(leaves)), 0, "leaf", rail, None, draw(speeds))
                )
    for leaf in leaves:
        above = draw(st.lists(st.sampled_from(spines), max_size=4)) if spines else []
        links += [
            Link(leaf, port, spine, 0, "spine", None, None, draw(speeds)) for port, spine in enumerate(above, start=1)
        ]
    peers = ()
    if len(leaves) > 1 and draw(st.booleans()):
        peers = (PeerLink(leaves[0], leaves[1], "local", draw(speeds)),)
    switches = (*(Switch(leaf, "leaf") for leaf in leaves), *(Switch(spine, "spine") for spine in spines))
    names = tuple(f"node-{number}" for number in range(hosts))
    return Fabric("from-lake", hosts, 4, switches, tuple(links), peers, names)


every_fabric = st.one_of(built_fabrics, irregular_fabrics())


@st.composite
def broken_components(draw, fabric, most=3):
    """A few components of any classes."""
    kinds = draw(st.lists(st.sampled_from(component_classes(fabric)), max_size=most))
    return [draw(st.sampled_from(components(fabric, kind))) for kind in kinds]


class Survivors:
    """What is left of a fabric, worked out link by link from the names of what is broken."""

    def __init__(self, fabric, broken):
        self.fabric = fabric
        self.dead = defaultdict(set)
        self._shares = {}
        for component in broken:
            self._break(component)
        seen = {link.child for link in fabric.links if isinstance(link.child, Adapter)}
        everyone = {Adapter(host, gpu) for host in range(fabric.hosts) for gpu in range(fabric.gpus_per_host)}
        self.gpus = sorted(seen if fabric.kind == "from-lake" else everyone, key=lambda gpu: (gpu.host, gpu.gpu))
        self._follow_scale_up()
        self.working = {gpu for gpu in self.gpus if gpu not in self.dead["gpu"] and gpu.host not in self.dead["host"]}
        self.ways = self._ways()
        self.up = {gpu for gpu in self.working if gpu not in self.dead["nic"] and self._has_way(gpu)}

    def _host(self, name):
        return self.fabric.host_names.index(name) if self.fabric.host_names else int(name.removeprefix("host"))

    def _adapter(self, host, slot):
        return Adapter(self._host(host), int(slot.lstrip("gpunic")))

    def _break(self, component):
        kind, name = component.kind, component.name
        if kind in {"gpu", "nic"}:
            self.dead[kind].add(self._adapter(*name.split("/")))
        elif kind == "nvlink":
            self.dead["host"].add(self._host(name.split("/")[0]))
        elif kind == "host":
            self.dead["host"].add(self._host(name))
        elif kind in {"nic-port", "nic-link", "ocs-link"}:
            host, slot, port = name.split("/")
            self.dead["port"].add((self._adapter(host, slot), int(port.removeprefix("port"))))
        elif kind in {"rail", "plane", "pod", "segment"}:
            self.dead["switch"] |= self._place(kind, int(name.removeprefix(kind)))
        elif kind in {"mesh-link", "local-link", "global-link"}:
            self.dead["peer"].add(self._peer(kind.removesuffix("-link"), name))
        elif kind.endswith("-link"):
            child, _, rest = name.partition("/port")
            self.dead["trunk"].add((child, int(rest.partition("-")[0])))
        else:
            self.dead["switch"] |= set(name.split("+"))

    def _place(self, kind, number):
        if kind != "segment":
            switches = [switch for switch in self.fabric.switches if switch.tier != "nvswitch"]
            return {switch.name for switch in switches if getattr(switch, kind) == number}
        above = defaultdict(set)
        for link in self.fabric.links:
            if isinstance(link.child, Adapter) and link.tier != "nvswitch":
                above[link.child.host].add(link.parent)
        return list(dict.fromkeys(frozenset(above[host]) for host in sorted(above)))[number]

    def _peer(self, kind, name):
        ends, _, beside = name.partition("#")
        alike = [
            number
            for number, link in enumerate(self.fabric.peer_links)
            if link.kind == kind and f"{self._name(link.one)}-{self._name(link.other)}" == ends
        ]
        return alike[int(beside or 1) - 1]

    def _name(self, end):
        if isinstance(end, str):
            return end
        host = self.fabric.host_names[end.host] if self.fabric.host_names else f"host{end.host}"
        return f"{host}/gpu{end.gpu}"

    def _follow_scale_up(self):
        for link in self.fabric.links:
            if link.tier == "nvswitch" and link.parent in self.dead["switch"]:
                self.dead["gpu"].add(link.child)

    def _link_works(self, link):
        child = link.child
        if link.parent in self.dead["switch"]:
            return False
        if isinstance(child, Adapter):
            port = (child, link.child_port) not in self.dead["port"]
            return port and child in self.working and child not in self.dead["nic"]
        return child not in self.dead["switch"] and (child, link.child_port) not in self.dead["trunk"]

    def _end_works(self, end):
        if isinstance(end, Adapter):
            return end in self.working and end not in self.dead["nic"]
        return end not in self.dead["switch"]

    def _ways(self):
        """All cables that work, each as its two ends and what it carries; cables in a circuit as one."""
        network = [link for link in self.fabric.links if link.tier != "nvswitch"]
        self.rails = {link.child: link.rail for link in network if isinstance(link.child, Adapter)}
        partner = {}
        for circuit in self.fabric.circuits:
            partner[id(circuit.one)], partner[id(circuit.other)] = circuit.other, circuit.one
        works = {id(link): self._link_works(link) for link in network}
        self.access = [
            link for link in network if works[id(link)] and (id(link) not in partner or works[id(partner[id(link)])])
        ]
        self.peers = [
            link
            for number, link in enumerate(self.fabric.peer_links)
            if number not in self.dead["peer"] and self._end_works(link.one) and self._end_works(link.other)
        ]
        self.left = {id(link) for link in (*self.access, *self.peers)}
        ways = [(link.child, link.parent, link.bandwidth_gbps) for link in self.access if id(link) not in partner]
        ways += [
            (link.child, partner[id(link)].child, link.bandwidth_gbps)
            for link in self.access
            if id(link) in partner and (link.parent_port < partner[id(link)].parent_port)
        ]
        return ways + [(link.one, link.other, link.bandwidth_gbps) for link in self.peers]

    @cached_property
    def _ends(self):
        """The links of every end: those of a GPU in RailX are those of its host."""
        ends = defaultdict(list)
        for link in self.fabric.links:
            if link.tier != "nvswitch":
                ends[self._vertex(link.child)].append(link)
        for link in self.fabric.peer_links:
            for end in {self._vertex(link.one), self._vertex(link.other)}:
                if not isinstance(end, int):
                    ends[end].append(link)
        return ends

    def _own_links(self, gpu):
        """Where a GPU's bandwidth comes from: its own links, or in RailX those of its whole host."""
        return self._ends[self._vertex(gpu)]

    def _has_way(self, gpu):
        own = self._own_links(gpu)
        return not own or any(id(link) in self.left for link in own)

    def upward(self, name):
        """The share of a switch's capacity upwards that is left."""
        if name in self.dead["switch"]:
            return 0.0
        if name not in self._shares:
            links = self._ends[name]
            full = sum(link.bandwidth_gbps for link in links)
            self._shares[name] = sum(map(self._kept, links)) / full if full else 1.0
        return self._shares[name]

    def _kept(self, link):
        if isinstance(link, PeerLink):
            return link.bandwidth_gbps * (id(link) in self.left)
        works = id(link) in self.left if isinstance(link.child, Adapter) else self._link_works(link)
        return link.bandwidth_gbps * self.upward(link.parent) if works else 0.0

    def share(self, gpu):
        """The share of its network bandwidth that a GPU keeps."""
        own = self._own_links(gpu)
        if gpu not in self.up or not own:
            return float(gpu in self.up)
        return sum(map(self._kept, own)) / sum(link.bandwidth_gbps for link in own)

    def graph(self):
        """What forwards traffic, as an undirected graph, and the parts of it that each GPU has a cable to."""
        graph = nx.Graph()
        graph.add_nodes_from(switch.name for switch in self.fabric.switches)
        forwards = self.fabric.kind in {"torus", "railx"}
        if forwards:
            graph.add_nodes_from(self._vertex(gpu) for gpu in self.gpus)
        landings = {gpu: set() for gpu in self.gpus}
        for one, other, gbps in self.ways:
            if not forwards and isinstance(one, Adapter):
                landings[one].add(other)
                continue
            ends = self._vertex(one), self._vertex(other)
            known = graph.get_edge_data(*ends, {"gbps": 0.0})["gbps"]
            graph.add_edge(*ends, gbps=known + gbps)
        if forwards:
            landings = {gpu: {self._vertex(gpu)} for gpu in self.gpus}
        parts = {}
        for number, part in enumerate(nx.connected_components(graph)):
            parts |= dict.fromkeys(part, number)
        return graph, {gpu: {parts[end] for end in ends} for gpu, ends in landings.items()}

    def _vertex(self, end):
        if isinstance(end, Adapter) and self.fabric.kind == "railx":
            return end.host
        return end

    def rail(self, gpu):
        """The rail of a GPU, where only ways within it count."""
        if self.fabric.kind in {"torus", "railx"}:
            return None
        return self.rails.get(gpu)

    def cut_off(self):
        """The GPUs that are up and lost another one that is up."""
        before, now = Survivors(self.fabric, ()).graph()[1], self.graph()[1]
        alike = Counter((self.rail(gpu), frozenset(before[gpu]), frozenset(now[gpu])) for gpu in self.up)
        lonely = [
            one
            for one in alike
            if any(one[0] == other[0] and one[1] & other[1] and not one[2] & other[2] for other in alike)
        ]
        return {gpu for gpu in self.up if (self.rail(gpu), frozenset(before[gpu]), frozenset(now[gpu])) in lonely}

    def flow(self, half):
        """The largest flow between the GPUs of the hosts in a half and all others, over the whole graph."""
        graph = self.graph()[0].to_directed()
        forwards = self.fabric.kind in {"torus", "railx"}
        for gpu in self.up if forwards else ():
            side = ("source", self._vertex(gpu)) if half[gpu.host] else (self._vertex(gpu), "sink")
            graph.add_edge(*side)
        for link in [] if forwards else [link for link in self.access if isinstance(link.child, Adapter)]:
            side = ("source", link.parent) if half[link.child.host] else (link.parent, "sink")
            known = graph.get_edge_data(*side, {"gbps": 0.0})["gbps"]
            graph.add_edge(*side, gbps=known + link.bandwidth_gbps)
        if "source" not in graph or "sink" not in graph:
            return 0.0
        return nx.maximum_flow_value(graph, "source", "sink", capacity="gbps")
