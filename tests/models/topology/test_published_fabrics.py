"""Counts and blast radii that papers and manuals print."""

from collections import Counter

import pytest

from models.topology import Adapter, build_fabric, network_domains
from models.topology.builders.clos import clos
from models.topology.builders.hpn import hpn
from models.topology.builders.nvl72 import nvl72
from models.topology.builders.rail import rail
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx

from .networks import network_links


def switches(fabric):
    """Switches of the network by tier."""
    return Counter(switch.tier for switch in fabric.switches if switch.tier != "nvswitch")


def cables(fabric):
    """Cables of the network by the tier they lead to."""
    return Counter(link.tier for link in network_links(fabric))


def reach(fabric, kind):
    """The sizes in hosts of a tier's domains, and whether they take jobs down."""
    return {(len(domain.hosts), domain.takes_down) for domain in network_domains(fabric) if domain.kind == kind}


@pytest.fixture(scope="module")
def hpn_pod():
    return hpn(hosts=15 * 128, gpus_per_host=8)


@pytest.fixture(scope="module")
def single_tor_pod():
    return hpn(hosts=15 * 128, gpus_per_host=8, single_tor=True)


class TestHpn:
    def test_a_pod_has_the_published_counts(self, hpn_pod):
        assert hpn_pod.hosts * hpn_pod.gpus_per_host == 15_360
        assert switches(hpn_pod) == {"tor": 240, "agg": 120}
        assert cables(hpn_pod) == {"tor": 30_720, "agg": 14_400}

    def test_a_second_pod_brings_960_cables_from_aggs_to_cores_for_each(self):
        assert cables(hpn(hosts=2 * 15 * 128, gpus_per_host=8))["core"] == 2 * 960

    def test_every_tor_has_one_cable_to_each_of_60_aggs(self, hpn_pod):
        pairs = Counter((link.child, link.parent) for link in hpn_pod.links if link.tier == "agg")
        assert set(pairs.values()) == {1}
        assert set(Counter(tor for tor, _ in pairs).values()) == {60}

    def test_a_port_has_half_the_bandwidth_of_the_adapter(self, hpn_pod):
        assert {link.bandwidth_gbps for link in hpn_pod.links if link.tier == "tor"} == {200.0}
        assert {link.bandwidth_gbps for link in hpn_pod.links if link.tier == "agg"} == {400.0}

    def test_the_loss_of_a_tor_is_felt_by_128_hosts_and_kills_with_a_single_tor_only(self, hpn_pod, single_tor_pod):
        assert reach(hpn_pod, "tor") == {(128, False)}
        assert reach(single_tor_pod, "tor") == {(128, True)}

    def test_the_loss_of_an_agg_kills_nothing(self, hpn_pod, single_tor_pod):
        assert reach(hpn_pod, "agg") == reach(single_tor_pod, "agg") == {(1_920, False)}

    def test_the_loss_of_a_core_kills_nothing(self):
        assert reach(hpn(hosts=40, gpus_per_host=2, hosts_per_segment=2, segments_per_pod=5), "core") == {(40, False)}

    def test_the_loss_of_an_nvswitch_kills_its_host(self, hpn_pod):
        assert reach(hpn_pod, "nvswitch") == {(1, True)}

    def test_the_baseline_has_half_the_tors_and_the_same_aggs_and_uplinks(self, single_tor_pod):
        assert switches(single_tor_pod) == {"tor": 120, "agg": 120}
        assert cables(single_tor_pod) == {"tor": 15_360, "agg": 14_400}

    def test_through_the_one_door_a_pod_is_a_segment(self, hpn_pod):
        built = build_fabric("hpn", hosts=1_920, gpus_per_host=8, hosts_per_rack=8, racks_per_pod=16)
        assert built == hpn_pod


# GPUs, ports, hosts per rack and racks per pod of the base network; K = 256 GPUs per domain in the rail-only one
PUBLISHED = [
    (32_768, 64, (4, 32), 2_560, 196_608, 32, 1_536, 131_072),
    (32_768, 128, (8, 64), 1_280, 196_608, 128, 256, 65_536),
    (65_536, 128, (8, 64), 2_560, 393_216, 64, 1_536, 262_144),
]


@pytest.mark.parametrize(
    (
        "gpus",
        "radix",
        "base_shape",
        "base",
        "base_transceivers",
        "hosts_per_leaf",
        "rail_switches",
        "rail_transceivers",
    ),
    PUBLISHED,
)
class TestRailOnlyPaper:
    """Wang et al., arXiv 2307.12169, by the rule that reproduces its costs; every cable has two transceivers."""

    def test_the_base_network_has_its_switches_and_transceivers(
        self, gpus, radix, base_shape, base, base_transceivers, hosts_per_leaf, rail_switches, rail_transceivers
    ):
        fabric = clos(gpus // 8, 8, *base_shape, radix=radix)
        assert switches(fabric).total() == base
        assert 2 * cables(fabric).total() == base_transceivers

    def test_the_rail_only_network_has_its_switches_and_transceivers(
        self, gpus, radix, base_shape, base, base_transceivers, hosts_per_leaf, rail_switches, rail_transceivers
    ):
        fabric = rail_only(gpus // 256, 256, hosts_per_leaf, radix=radix)
        assert switches(fabric).total() == rail_switches
        assert 2 * cables(fabric).total() == rail_transceivers


def test_with_256_ports_the_base_network_has_two_tiers():
    fabric = clos(4_096, 8, 16, 256, radix=256)
    assert switches(fabric) == {"tor": 256, "spine": 128}


def test_a_single_tier_rail_switch_cuts_its_rail_off_in_every_domain():
    fabric = rail_only(hosts=128, gpus_per_host=16, hosts_per_leaf=128)
    assert switches(fabric) == {"leaf": 16}
    assert reach(fabric, "leaf") == {(128, True)}


def test_in_a_two_tier_rail_half_the_ports_of_a_switch_are_hosts():
    fabric = rail_only(hosts=128, gpus_per_host=4, hosts_per_leaf=32, radix=64)
    assert reach(fabric, "leaf") == {(32, True)}
    assert reach(fabric, "spine") == {(128, False)}


@pytest.mark.parametrize(
    ("units", "leaves", "spines", "cores"),
    [(2, 16, 8, 0), (4, 32, 16, 0), (8, 64, 32, 0), (16, 128, 128, 64), (32, 256, 256, 128), (64, 512, 512, 256)],
)
def test_a_rail_optimised_network_has_the_counts_of_a_dgx_superpod(units, leaves, spines, cores):
    """NVIDIA DGX SuperPOD reference architecture with DGX B200, "Larger DGX SuperPOD component counts"."""
    fabric = rail(hosts=32 * units, gpus_per_host=8, hosts_per_pod=32, radix=64)
    gpus = 256 * units
    found, run = switches(fabric), cables(fabric)
    assert (found["leaf"], found["spine"], found["core"]) == (leaves, spines, cores)
    assert (run["leaf"], run["spine"], run["core"]) == (gpus, gpus, gpus if cores else 0)


def test_a_rail_leaf_takes_down_the_hosts_of_its_pod_and_a_spine_nobody():
    fabric = rail(hosts=100, gpus_per_host=8, hosts_per_pod=20)
    assert reach(fabric, "leaf") == {(20, True)}
    assert reach(fabric, "spine") == {(100, False)}


def test_a_tor_of_a_clos_network_takes_down_its_rack():
    fabric = clos(hosts=11, gpus_per_host=8, hosts_per_rack=2, racks_per_pod=3)
    assert reach(fabric, "tor") == {(2, True), (1, True)}
    assert reach(fabric, "agg") == {(6, False), (5, False)}
    assert reach(fabric, "core") == {(11, False)}


def test_in_rail_optimised_networks_of_three_tiers_spines_keep_to_their_rail():
    fabric = rail(hosts=64 * 32, gpus_per_host=8, hosts_per_pod=32, radix=64)
    rails = {switch.name: switch.rail for switch in fabric.switches}
    assert all(rails[link.child] == rails[link.parent] == link.rail for link in fabric.links if link.tier == "spine")


def test_a_scale_up_domain_takes_down_its_18_hosts_with_72_gpus():
    fabric = nvl72(hosts=18 * 16 + 3)
    domains = [domain for domain in network_domains(fabric) if domain.kind == "nvswitch"]
    assert [len(domain.hosts) for domain in domains] == [18] * 16 + [3]
    assert all(domain.takes_down for domain in domains)
    assert sum(link.parent == domains[0].name for link in fabric.links) == 72


def test_railx_of_128_port_switches_has_more_than_100_thousand_chips():
    fabric = railx(hosts=64 * 64, gpus_per_host=25, ocs_ports=128)
    assert fabric.hosts * fabric.gpus_per_host == 102_400
    assert max(link.parent_port for link in fabric.links) == 128
    assert switches(fabric) == {"ocs": 64 * 5 + 64 * 5}


def test_an_optical_switch_is_felt_in_its_row_or_column_and_kills_nobody():
    assert reach(railx(hosts=6 * 6, gpus_per_host=4), "ocs") == {(6, False)}


def test_the_chips_inside_a_mesh_have_no_cable_and_those_in_a_corner_two():
    cabled = Counter(link.child for link in railx(hosts=4, gpus_per_host=9).links if link.child.host == 0)
    assert cabled == {Adapter(0, chip): count for chip, count in enumerate([2, 1, 2, 1, 0, 1, 2, 1, 2]) if count}
