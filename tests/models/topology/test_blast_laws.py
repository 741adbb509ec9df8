"""What holds for a blast radius in every fabric: against a slow and plain computation, and by the laws of faults."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.topology import Adapter, network_domains
from models.topology.blast.bisection import flow_between
from models.topology.blast.components import Component, component_classes, components
from models.topology.blast.radius import blast_radius, gpu_bandwidth_shares, hosts_reached, left_of
from models.topology.blast.wiring import wiring_of

from .faulty import Survivors, broken_components, built_fabrics, every_fabric

few = settings(max_examples=40)


@few
@given(every_fabric, st.data())
def test_who_is_down_and_how_much_is_left_is_what_a_walk_over_all_links_finds(fabric, data):
    broken = data.draw(broken_components(fabric))
    plain, radius = Survivors(fabric, broken), blast_radius(fabric, broken)
    shares = gpu_bandwidth_shares(fabric, broken)
    expected = {gpu: plain.share(gpu) for gpu in plain.gpus}
    assert {gpu: shares[gpu.host, gpu.gpu] for gpu in plain.gpus} == pytest.approx(expected)
    assert radius.gpus_down == len(plain.gpus) - len(plain.up)
    degraded = [share for gpu, share in expected.items() if gpu in plain.up and share < 1 - 1e-9]
    assert radius.gpus_degraded == len(degraded)
    if degraded:
        assert radius.bandwidth_left_share == pytest.approx(sum(degraded) / len(degraded))


@few
@given(every_fabric, st.data())
def test_who_is_cut_off_is_what_a_search_from_every_gpu_finds(fabric, data):
    broken = data.draw(broken_components(fabric))
    plain, radius = Survivors(fabric, broken), blast_radius(fabric, broken)
    lonely = plain.cut_off()
    assert radius.gpus_cut_off == len(lonely)
    down, degraded = hosts_reached(fabric, broken)
    assert {gpu.host for gpu in plain.gpus if gpu not in plain.up} == set(down.tolist())
    assert {gpu.host for gpu in lonely} <= {*down.tolist(), *degraded.tolist()}


@few
@given(every_fabric, st.data())
def test_the_flow_between_classes_of_switches_is_that_between_the_switches(fabric, data):
    broken = data.draw(broken_components(fabric))
    half = np.array(data.draw(st.lists(st.booleans(), min_size=fabric.hosts, max_size=fabric.hosts)))
    flow = flow_between(wiring_of(fabric), left_of(fabric, broken), half)
    assert flow == pytest.approx(Survivors(fabric, broken).flow(half), rel=1e-6, abs=1e-6)


@few
@given(every_fabric)
def test_no_fault_does_nothing(fabric):
    radius = blast_radius(fabric, [])
    assert not radius.takes_down
    assert radius.gpus_down == radius.hosts_down == radius.gpus_degraded == radius.hosts_degraded == 0
    assert radius.bandwidth_left_share == radius.host_bandwidth_left_share == radius.bisection_left_share == 1
    assert radius.fabric_bandwidth_left_share == 1
    assert radius.narrows is None


@few
@given(every_fabric, st.data())
def test_more_faults_never_leave_more(fabric, data):
    broken = data.draw(broken_components(fabric, most=4))
    few = broken[: data.draw(st.integers(0, len(broken)))]
    some, more = blast_radius(fabric, few), blast_radius(fabric, broken)
    assert (gpu_bandwidth_shares(fabric, few) >= gpu_bandwidth_shares(fabric, broken) - 1e-12)[
        ~np.isnan(gpu_bandwidth_shares(fabric, few))
    ].all()
    assert some.gpus_down <= more.gpus_down
    assert some.hosts_down <= more.hosts_down
    assert some.gpus_down + some.gpus_degraded <= more.gpus_down + more.gpus_degraded
    assert some.fabric_bandwidth_left_share >= more.fabric_bandwidth_left_share - 1e-12
    assert set(hosts_reached(fabric, few)[0]) <= set(hosts_reached(fabric, broken)[0])


@few
@given(every_fabric, st.data())
def test_all_shares_lie_between_nothing_and_all(fabric, data):
    radius = blast_radius(fabric, data.draw(broken_components(fabric)))
    shares = [
        radius.bandwidth_left_share,
        radius.host_bandwidth_left_share,
        radius.fabric_bandwidth_left_share,
        radius.bisection_left_share,
        *radius.by_rail.values(),
        *radius.by_plane.values(),
    ]
    assert all(0 <= share <= 1 for share in shares)
    assert radius.hosts_down + radius.hosts_degraded <= fabric.hosts
    assert radius.takes_down == (radius.gpus_down > 0 or radius.gpus_cut_off > 0)


@few
@given(every_fabric, st.data())
def test_the_order_of_faults_and_their_repetition_change_nothing(fabric, data):
    broken = data.draw(broken_components(fabric))
    shuffled = data.draw(st.permutations(broken))
    one, other = blast_radius(fabric, broken), blast_radius(fabric, [*shuffled, *broken])
    assert replace(one, components=(), because="") == replace(other, components=(), because="")


@few
@given(built_fabrics, st.randoms(use_true_random=False), st.data())
def test_relabelling_hosts_and_switches_changes_nothing(fabric, random, data):
    hosts = list(range(fabric.hosts))
    # Of two cuts that are as good, the one between the first hosts is looked at; no other figure knows an order.
    keeps_order = data.draw(st.booleans())
    if not keeps_order:
        random.shuffle(hosts)
    names = [switch.name for switch in fabric.switches]
    called = dict(zip(names, random.sample([f"s{number}" for number in range(len(names))], len(names)), strict=True))

    def end(old):
        return called[old] if isinstance(old, str) else Adapter(hosts[old.host], old.gpu)

    links = [replace(link, child=end(link.child), parent=called[link.parent]) for link in fabric.links]
    new = {id(old): link for old, link in zip(fabric.links, links, strict=True)}
    circuits = [replace(one, one=new[id(one.one)], other=new[id(one.other)]) for one in fabric.circuits]
    peers = [replace(peer, one=end(peer.one), other=end(peer.other)) for peer in fabric.peer_links]
    switches = [replace(switch, name=called[switch.name]) for switch in fabric.switches]
    for shuffled in (links, peers, switches):
        random.shuffle(shuffled)
    other = replace(
        fabric,
        switches=tuple(switches),
        links=tuple(links),
        peer_links=tuple(peers),
        circuits=tuple(circuits),
        host_names=tuple(f"n{hosts.index(number)}" for number in range(fabric.hosts)),
    )
    places = {"segment", "rail", "plane", "pod"}
    kinds = [kind for kind in component_classes(fabric) if "link" not in kind and kind not in places]
    kind = data.draw(st.sampled_from(kinds))
    old = data.draw(st.sampled_from(components(fabric, kind)))
    if old.name in called or "+" in old.name:
        wanted = {called[name] for name in old.name.split("+")}
        match = next(one for one in components(other, kind) if set(one.name.split("+")) == wanted)
    else:
        match = Component(kind, old.name.replace("host", "n", 1))
    one, two = blast_radius(fabric, [old]), blast_radius(other, [match])
    assert (one.gpus_down, one.hosts_down, one.gpus_degraded, one.gpus_cut_off, one.narrows, one.because) == (
        two.gpus_down,
        two.hosts_down,
        two.gpus_degraded,
        two.gpus_cut_off,
        two.narrows,
        two.because,
    )
    assert one.by_rail == pytest.approx(two.by_rail)
    assert one.by_plane == pytest.approx(two.by_plane)
    assert one.fabric_bandwidth_left_share == pytest.approx(two.fabric_bandwidth_left_share)
    if keeps_order and fabric.kind not in {"torus", "railx"}:
        assert one.bisection_left_share == pytest.approx(two.bisection_left_share)


@few
@given(built_fabrics, st.data())
def test_a_switch_takes_down_what_the_failure_domains_of_the_simulator_say(fabric, data):
    domains = network_domains(fabric)
    if not domains:
        return
    domain = data.draw(st.sampled_from(domains))
    broken = [Component(domain.kind, domain.name)]
    radius = blast_radius(fabric, broken)
    down, degraded = hosts_reached(fabric, broken)
    assert (radius.gpus_down > 0) == domain.takes_down
    # An optical circuit switch that closes all rings of a dimension can split what has no mesh beside them.
    assert radius.gpus_cut_off == 0 or domain.kind == "ocs"
    if domain.takes_down:
        assert set(domain.hosts) == set(down.tolist())
    elif fabric.kind not in {"railx", "torus", "dragonfly"}:
        assert set(domain.hosts) == set(degraded.tolist())
