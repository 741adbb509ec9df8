"""Time the wiring of 100,000 GPUs in every network that has room for them, beside networkx.

Each row builds a fabric from nothing, Python's start included; ``counts`` also counts its switches, links, cost and
diameter; ``from its cables`` infers the fabric again from a bare list of them, as a lake holds it. networkx builds HPN
and the torus as bare graphs, with neither ports, tiers, rails nor bandwidths.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from measure import Contender, measure

_OURS: Final = """
import sys
from models.topology.counts import fabric_counts
from models.topology.designs import design_fabric
kind, count, settings = sys.argv[1], sys.argv[2], dict(text.split("=") for text in sys.argv[3:])
fabric = design_fabric(kind, settings)
assert 100_000 <= fabric.hosts * fabric.gpus_per_host <= 110_000
if count == "counts":
    assert fabric_counts(fabric).cost_dollars > 0
"""
_FROM_CABLES: Final = """
from models.topology.designs import design_fabric
from models.topology.fabric import Adapter
from models.topology.record.from_links import from_links
from models.topology.record.records import Edge

built = design_fabric("rail", {"gpus": 100_000, "radix": 128})
made = from_links(
    Edge(f"host{link.child.host}" if isinstance(link.child, Adapter) else link.child, link.parent, port=str(number))
    for number, link in enumerate(built.links)
    if link.tier != "nvswitch"
)
assert len(made.fabric.switches) == sum(switch.tier != "nvswitch" for switch in built.switches)
"""
_NETWORKX_HPN: Final = """
import networkx as nx

graph, hosts, segment, pod, aggs = nx.Graph(), 12_500, 128, 15, 60
for host in range(hosts):
    for rail in range(8):
        graph.add_edge(("gpu", host, rail), ("nvswitch", host))
        for plane in range(2):
            graph.add_edge(("gpu", host, rail), ("tor", host // segment, rail, plane))
for tor in [node for node in graph if node[0] == "tor"]:
    _, place, _, plane = tor
    graph.add_edges_from((tor, ("agg", place // pod, plane, agg)) for agg in range(aggs))
for agg in [node for node in graph if node[0] == "agg"]:
    _, _, plane, number = agg
    graph.add_edges_from((agg, ("core", plane, number // 18, core)) for core in range(8))
assert graph.number_of_nodes() > 100_000
"""
_NETWORKX_TORUS: Final = """
import networkx as nx

graph = nx.grid_graph((32, 40, 80), periodic=True)
assert graph.number_of_edges() == 3 * 102_400
"""
#: kinds and settings for 100,000 GPUs, or as many as the kind has next
_FABRICS: Final = (
    ("hpn", {"gpus": 100_000}),
    ("clos", {"gpus": 100_000, "radix": 128}),
    ("rail", {"gpus": 100_000, "radix": 128}),
    ("rail-only", {"gpus": 102_400}),
    ("railx", {"m": 5}),
    ("torus", {"gpus": 102_400}),
    ("dragonfly", {"gpus": 100_000, "p": 16, "a": 32, "h": 16}),
)


def main() -> None:
    """Print one row per contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (default: 3)")
    options = parser.parse_args()
    contenders = [
        Contender(
            f"ours, {kind}" + ("" if count == "build" else " and its counts"),
            ", ".join(f"{name}={value}" for name, value in settings.items()),
            [sys.executable, "-c", _OURS, kind, count, *(f"{name}={value}" for name, value in settings.items())],
        )
        for kind, settings in _FABRICS
        for count in ("build", "counts")
    ]
    contenders += [
        Contender("ours, rail from its cables", "gpus=100000, radix=128", [sys.executable, "-c", _FROM_CABLES]),
        Contender("networkx, hpn", "12,500 hosts, a bare graph", [sys.executable, "-c", _NETWORKX_HPN]),
        Contender("networkx, torus", "grid_graph of 102,400 chips", [sys.executable, "-c", _NETWORKX_TORUS]),
    ]
    print("| program | what it builds | s | CPU s | peak MiB |")
    print("|---|---|---:|---:|---:|")
    for contender, cost in zip(contenders, measure(contenders, options.repeats), strict=True):
        print(
            f"| {contender.name} | {contender.does} | {cost.seconds:.2f} | {cost.cpu_seconds:.2f} "
            f"| {cost.peak_mib:,.0f} |"
        )


if __name__ == "__main__":
    main()
