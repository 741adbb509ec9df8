"""A fabric made from the record of its cables: what is told comes back as it was, what is not is inferred and said."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.topology.builders.hpn import hpn
from models.topology.builders.rail import rail
from models.topology.errors import NoHostsError
from models.topology.fabric import Adapter, network_domains
from models.topology.record.from_links import from_links
from models.topology.record.records import Device, Edge, Inventory

from .networks import fabrics, network_links

KINDS = ("clos", "rail", "rail-only", "hpn", "hpn-single-tor", "nvl72")


def edges_of(fabric):
    """The record of a fabric's network in full."""
    return [
        Edge(
            host_name(link.child.host) if isinstance(link.child, Adapter) else link.child,
            link.parent,
            link.tier,
            link.plane,
            link.rail,
            str(link.parent_port),
            link.bandwidth_gbps,
        )
        for link in network_links(fabric)
    ]


def host_name(host):
    return f"host{host:03d}"


def known_gpus(fabric):
    return Inventory(gpus={host_name(host): fabric.gpus_per_host for host in range(fabric.hosts)})


def opaque(edges):
    """The same cables between switches whose names tell nothing, and without rails and planes."""
    names = {name: f"sw-{number:04d}" for number, name in enumerate(dict.fromkeys(edge.parent for edge in edges))}
    return [
        replace(
            edge, child=names.get(edge.child, edge.child), parent=names[edge.parent], rail=None, plane=None, tier=None
        )
        for edge in edges
    ]


def sentences(made):
    return [finding.sentence for finding in made.findings]


def contradictions(made):
    return [finding.sentence for finding in made.findings if finding.is_contradiction]


@given(fabrics(*KINDS))
def test_a_fabric_told_in_full_comes_back_with_its_switches_cables_and_domains(fabric):
    made = from_links(edges_of(fabric), known_gpus(fabric)).fabric
    assert (made.hosts, made.gpus_per_host) == (fabric.hosts, fabric.gpus_per_host)
    tiers = {switch.name: (switch.tier, switch.plane) for switch in fabric.switches if switch.tier != "nvswitch"}
    assert {switch.name: (switch.tier, switch.plane) for switch in made.switches} == tiers

    def cables(one):
        return Counter((link.child, link.parent, link.parent_port, link.bandwidth_gbps) for link in network_links(one))

    assert cables(made) == cables(fabric)
    wanted = {domain.name: domain for domain in network_domains(fabric) if domain.kind != "nvswitch"}
    assert {domain.name: domain for domain in network_domains(made)} == wanted


@given(fabrics(*KINDS))
def test_nothing_is_inferred_of_a_fabric_told_in_full(fabric):
    assert not [
        finding for finding in from_links(edges_of(fabric), known_gpus(fabric)).findings if finding.subject != "rail"
    ]


@given(fabrics(*KINDS), st.randoms(use_true_random=False))
def test_the_order_of_the_record_changes_nothing(fabric, rng):
    edges = edges_of(fabric)
    mixed = rng.sample(edges, len(edges))
    one, other = from_links(edges, known_gpus(fabric)), from_links(mixed, known_gpus(fabric))
    assert set(one.fabric.links) == set(other.fabric.links)
    assert one.fabric.switches == other.fabric.switches
    assert one.findings == other.findings


@given(fabrics("clos", "rail", "hpn"))
def test_every_gpu_has_an_adapter_and_no_port_of_an_adapter_two_cables(fabric):
    made = from_links(opaque(edges_of(fabric)), known_gpus(fabric)).fabric
    ports = Counter((link.child, link.child_port) for link in made.links)
    assert set(ports.values()) == {1}
    attached = {link.child for link in made.links if isinstance(link.child, Adapter)}
    assert attached == {Adapter(host, gpu) for host in range(made.hosts) for gpu in range(made.gpus_per_host)}


def test_tiers_are_told_by_the_distance_from_the_hosts_where_the_record_is_silent():
    fabric = rail(32, 4, 4, radix=16)
    made = from_links(opaque(edges_of(fabric)), known_gpus(fabric))
    wanted = Counter(switch.tier for switch in fabric.switches if switch.tier != "nvswitch")
    assert Counter(switch.tier for switch in made.fabric.switches) == wanted
    assert f"The tier of {sum(wanted.values())} switches is taken from the distance" in sentences(made)[0]


def test_rails_are_read_from_the_wiring_where_every_host_has_one_cable_to_each_leaf_of_its_group():
    fabric = rail(hosts=16, gpus_per_host=8, hosts_per_pod=8, radix=32)
    made = from_links(opaque(edges_of(fabric)), known_gpus(fabric))
    attached = {(link.child, link.rail) for link in made.fabric.links if isinstance(link.child, Adapter)}
    assert attached == {(Adapter(host, gpu), gpu) for host in range(16) for gpu in range(8)}
    assert any("The rail of 16 leaves is taken from the wiring" in sentence for sentence in sentences(made))


def test_pairs_of_leaves_become_rails_and_planes():
    fabric = hpn(hosts=8, gpus_per_host=4, hosts_per_segment=4, aggs_per_plane=2)
    made = from_links(opaque(edges_of(fabric)), known_gpus(fabric))
    wanted = {(link.child, link.rail, link.plane) for link in network_links(fabric) if isinstance(link.child, Adapter)}
    found = {(link.child, link.rail, link.plane) for link in made.fabric.links if isinstance(link.child, Adapter)}
    assert found == wanted
    assert not any(domain.takes_down for domain in network_domains(made.fabric))


def test_planes_are_read_from_leaf_pairs_that_never_meet():
    fabric = hpn(hosts=8, gpus_per_host=4, hosts_per_segment=4, aggs_per_plane=2)
    made = from_links([replace(edge, plane=None) for edge in edges_of(fabric)], known_gpus(fabric)).fabric
    # The names spell the planes out, too: without them the wiring alone tells.
    names = {switch.name: f"sw-{number}" for number, switch in enumerate(fabric.switches)}
    hidden = [
        replace(edge, plane=None, parent=names[edge.parent], child=names.get(edge.child, edge.child))
        for edge in edges_of(fabric)
    ]
    wired = from_links(hidden, known_gpus(fabric)).fabric
    of_tors = [(switch.rail, switch.plane) for switch in made.switches if switch.tier == "tor"]
    assert Counter(of_tors) == Counter({(number, plane): 2 for number in range(4) for plane in range(2)})
    assert Counter(switch.plane for switch in wired.switches) == Counter(switch.plane for switch in made.switches)


def test_two_leaves_of_every_host_are_two_planes():
    edges = [Edge(f"h{host}", f"tor-{side}", port=str(host)) for host in range(1, 5) for side in ("a", "b")]
    made = from_links(edges, Inventory(gpus=dict.fromkeys(("h1", "h2", "h3", "h4"), 8)))
    assert {(switch.name, switch.plane) for switch in made.fabric.switches} == {("tor-a", 0), ("tor-b", 1)}
    assert not any(domain.takes_down for domain in network_domains(made.fabric))
    assert any("two planes" in sentence for sentence in sentences(made))


def test_gpus_share_the_adapters_that_there_are_and_cables_are_counted_once():
    edges = [Edge(host, f"leaf{leaf}", rail=leaf, bandwidth_gbps=400.0) for host in ("a", "b") for leaf in (0, 1)]
    made = from_links(edges, Inventory(gpus={"a": 8, "b": 8}))
    assert made.fabric.gpus_per_host == 8
    shares = {link.child.gpu: (link.parent, link.bandwidth_gbps) for link in made.fabric.links if link.child.host == 0}
    assert shares == {gpu: (f"leaf{gpu // 4}", 100.0) for gpu in range(8)}
    assert len(made.whole.links) == 4
    assert any("GPUs share them" in sentence for sentence in sentences(made))


def test_a_schedulers_tree_has_one_gpu_per_host_unless_the_cluster_tells_more():
    edges = [Edge("n1", "s1", "leaf"), Edge("n2", "s1", "leaf"), Edge("s1", "top", "spine")]
    assert from_links(edges).fabric.gpus_per_host == 1
    assert from_links(edges, Inventory(gpus={"n1": 4, "n2": 4})).fabric.gpus_per_host == 4
    assert any("Nothing tells the GPUs" in sentence for sentence in sentences(from_links(edges)))
    assert any("bandwidth: taken all alike" in sentence for sentence in sentences(from_links(edges)))


def test_blocks_are_scale_up_domains_and_blocks_of_blocks_are_left_out():
    edges = [Edge("n1", "b1", "block"), Edge("n2", "b1", "block"), Edge("b1", "b12", "block")]
    made = from_links([*edges, Edge("n1", "leaf"), Edge("n2", "leaf")])
    assert [(switch.name, switch.tier) for switch in made.fabric.switches if switch.name != "b12"] == [
        ("b1", "nvswitch"),
        ("leaf", "leaf"),
    ]
    assert {(link.child_port, link.parent) for link in made.fabric.links} == {(0, "b1"), (1, "leaf")}
    assert any("block of blocks is left out" in sentence for sentence in sentences(made))


def test_service_hosts_are_told_by_missing_gpus_by_the_list_of_nodes_by_rails_and_by_name():
    compute = [Edge(f"c{host}", f"leaf{leaf}", rail=leaf) for host in range(4) for leaf in (4, 5)]
    service = [Edge("storage", "leaf4", rail=4), Edge("odd", "leaf4", rail=4), Edge("x-ufm-1", "leaf5", rail=5)]
    by_rail = Inventory(
        devices=(Device("odd", 0), *(Device(f"c{host}", number) for host in range(4) for number in (4, 5)))
    )
    assert from_links([*compute, *service], by_rail).service_hosts == ("odd", "x-ufm-1")
    listed = Inventory(gpus={f"c{host}": 2 for host in range(4)} | {"storage": 0})
    made = from_links([*compute, *service], listed)
    assert made.service_hosts == ("odd", "storage", "x-ufm-1")
    assert made.fabric.host_names == ("c0", "c1", "c2", "c3")


def test_adapters_without_a_name_belong_to_no_host_and_are_told():
    edges = [Edge("h1", leaf, rail=rail, port="1") for rail, leaf in enumerate(("a", "b"))]
    edges += [Edge(f"guid{leaf}{port}", leaf, rail=None, port=str(port)) for leaf in ("a", "b") for port in (2, 3)]
    made = from_links(edges, Inventory(unnamed=frozenset({"guida2", "guida3", "guidb2", "guidb3"})))
    assert made.fabric.host_names == ("h1",)
    assert (made.unnamed, made.unnamed_hosts) == ({"a": 2, "b": 2}, 2)
    assert len(made.whole.links) == 6


def test_crossed_cables_missing_rails_and_crooked_ports_are_contradictions():
    hosts = [f"h{number}" for number in range(1, 9)]
    edges = [Edge(host, f"l{r}", rail=r, port=host[1:]) for host in hosts for r in (0, 1)]
    edges.remove(Edge("h8", "l1", rail=1, port="8"))
    edges[0] = replace(edges[0], port="20")
    devices = [
        Device(host, r, f"l{r}") for host in hosts for r in (0, 1) if (host, r) != ("h2", 0) and (host, r) != ("h2", 1)
    ]
    devices += [Device("h2", 0, "l1"), Device("h2", 1, "l0")]
    told = contradictions(from_links(edges, Inventory(devices=tuple(devices))))
    assert any("1 host is on different ports of the leaves" in sentence and "h1" in sentence for sentence in told)
    assert any("h2 device 0 on rail 1, h2 device 1 on rail 0" in sentence for sentence in told)
    assert any("1 host has no cable on rail 1" in sentence for sentence in told)


def test_of_two_cables_on_a_port_the_first_record_counts():
    made = from_links([Edge("new", "leaf", port="1"), Edge("old", "leaf", port="1"), Edge("other", "leaf", port="2")])
    assert made.fabric.host_names == ("new", "other")
    assert any("leaf port 1" in sentence for sentence in contradictions(made))


def test_cables_the_wrong_way_round_are_turned_and_cables_between_equals_are_peers():
    edges = [Edge("h", "leaf1", "leaf"), Edge("g", "leaf2", "leaf"), Edge("spine", "leaf1", "leaf")]
    edges += [Edge("leaf2", "spine", "spine"), Edge("leaf1", "leaf2", "leaf"), Edge("leaf1", "leaf1", "leaf")]
    made = from_links(edges)
    assert ("leaf1", "spine") in {(link.child, link.parent) for link in made.fabric.links}
    assert [(pair.one, pair.other, pair.kind) for pair in made.fabric.peer_links] == [("leaf1", "leaf2", "local")]
    told = contradictions(made)
    assert any("turned round" in sentence for sentence in told)
    assert any("from a switch to itself" in sentence for sentence in told)


def test_ports_with_names_are_numbered_in_order():
    edges = [Edge("a", "leaf", port="Ethernet1/1"), Edge("b", "leaf", port="Ethernet2/1")]
    made = from_links(edges)
    assert {link.child.host: link.parent_port for link in made.fabric.links} == {0: 1, 1: 2}
    assert any("ports of 2 cables" in sentence for sentence in sentences(made))


def test_pods_are_what_hangs_together_without_the_highest_tier():
    made = from_links(edges_of(rail(hosts=16, gpus_per_host=2, hosts_per_pod=8, radix=32))).fabric
    assert Counter(switch.pod for switch in made.switches if switch.tier == "leaf") == {0: 2, 1: 2}
    assert {switch.pod for switch in made.switches if switch.tier == "spine"} == {None}


def test_nodes_on_no_cable_are_told():
    made = from_links([Edge("h1", "leaf")], Inventory(gpus={"h1": 8, "h2": 8, "login": 0}))
    assert any(
        "1 node of the cluster is on no cable" in sentence and "h2" in sentence for sentence in contradictions(made)
    )


def test_a_record_without_hosts_is_refused():
    with pytest.raises(NoHostsError, match="none of the 1 cable"):
        from_links([Edge("spine", "core")], Inventory(switches=frozenset({"spine"})))
    with pytest.raises(NoHostsError):
        from_links([])
