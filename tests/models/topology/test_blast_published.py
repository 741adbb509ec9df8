"""The blast radius of every component, as the papers give it or as it follows from their wiring, to the digit."""

from functools import cache

import pytest

from models.topology import build_fabric
from models.topology.blast.components import Component
from models.topology.blast.radius import BlastRadius, blast_radius, gpu_bandwidth_shares
from models.topology.blast.table import blast_table
from models.topology.builders.dcn_plus import dcn_plus
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.nvl72 import nvl72
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.builders.torus import torus


@cache
def hpn_pod(*, single_tor: bool = False):
    return hpn(hosts=15 * 128, gpus_per_host=8, single_tor=single_tor)


def of_class(fabric, kind) -> BlastRadius:
    """The one blast radius that all components of a class share."""
    (radius,) = blast_table(fabric, kinds=(kind,))
    assert radius.alike == radius.of
    return radius


@pytest.mark.parametrize("kind", ["nic-port", "nic-link"])
def test_a_port_of_an_hpn_adapter_costs_one_gpu_half_and_its_host_a_sixteenth(kind):
    radius = of_class(hpn_pod(), kind)
    assert radius.of == 30_720
    assert not radius.takes_down
    assert (radius.gpus_degraded, radius.hosts_degraded) == (1, 1)
    assert radius.bandwidth_left_share == 0.5
    assert 1 - radius.host_bandwidth_left_share == 1 / 16 == 0.0625
    assert radius.because == "The adapter's other port carries on (published: Qian et al., SIGCOMM 2024)."


def test_a_port_of_an_adapter_with_a_single_tor_costs_the_host():
    radius = of_class(hpn_pod(single_tor=True), "nic-port")
    assert (radius.takes_down, radius.gpus_down, radius.hosts_down, radius.gpus_on_hosts_down) == (True, 1, 1, 8)
    assert "published" in radius.because


def test_an_adapter_costs_the_job_on_its_gpu():
    radius = of_class(hpn_pod(), "nic")
    assert (radius.takes_down, radius.gpus_down, radius.hosts_down, radius.gpus_degraded) == (True, 1, 1, 0)
    assert "derived" in radius.because


def test_a_tor_of_a_pair_takes_nothing_down_and_halves_one_rail_of_its_segment():
    radius = of_class(hpn_pod(), "tor")
    assert radius.of == 240
    assert not radius.takes_down
    assert (radius.gpus_degraded, radius.hosts_degraded) == (128, 128)
    assert radius.bandwidth_left_share == 0.5
    assert radius.host_bandwidth_left_share == 15 / 16
    assert radius.by_rail == {0: 0.5, **dict.fromkeys(range(1, 8), 1.0)}
    assert radius.by_plane == {0: 7 / 8, 1: 1.0}
    # The smaller half has 7 of the 15 segments, with 16 ToRs each.
    assert radius.bisection_left_share == pytest.approx(1 - 1 / (7 * 16))


def test_a_single_tor_takes_one_rail_of_128_hosts_down():
    radius = of_class(hpn_pod(single_tor=True), "tor")
    assert radius.of == 120
    assert (radius.gpus_down, radius.hosts_down, radius.gpus_on_hosts_down) == (128, 128, 1_024)
    assert radius.host_bandwidth_left_share == 7 / 8


def test_both_tors_of_a_pair_take_one_rail_of_128_hosts_down():
    radius = of_class(hpn_pod(), "tor-pair")
    assert radius.of == 120
    assert (radius.gpus_down, radius.hosts_down, radius.gpus_on_hosts_down) == (128, 128, 1_024)
    one_by_one = [Component("tor", f"pod0-segment00-rail0-plane{plane}") for plane in (0, 1)]
    assert blast_radius(hpn_pod(), one_by_one).gpus_down == 128


def test_an_agg_takes_a_sixtieth_of_one_planes_capacity_between_segments():
    radius = of_class(hpn_pod(), "agg")
    assert radius.of == 120
    assert not radius.takes_down
    assert radius.gpus_degraded == 15_360
    assert radius.by_plane == pytest.approx({0: 59 / 60, 1: 1.0})
    assert radius.bandwidth_left_share == pytest.approx(119 / 120)
    assert radius.bisection_left_share == pytest.approx(119 / 120)
    assert radius.narrows == "agg"


def test_a_core_takes_only_traffic_between_pods():
    two_pods = hpn(hosts=2 * 15 * 4, gpus_per_host=8, hosts_per_segment=4)
    radius = of_class(two_pods, "core")
    assert not radius.takes_down
    assert radius.narrows == "core"
    cores = sum(switch.tier == "core" for switch in two_pods.switches)
    assert radius.by_plane == pytest.approx({0: 1 - 2 / cores, 1: 1.0})


def test_without_any_core_the_pods_are_cut_off_from_each_other_and_no_host_is_down():
    two_pods = hpn(hosts=8, gpus_per_host=2, hosts_per_segment=2, segments_per_pod=2, aggs_per_plane=2)
    cores = [Component("core", switch.name) for switch in two_pods.switches if switch.tier == "core"]
    radius = blast_radius(two_pods, cores)
    assert (radius.takes_down, radius.gpus_down, radius.gpus_cut_off) == (True, 0, 16)
    assert "derived" in radius.because
    assert not blast_radius(two_pods, cores[1:]).takes_down


@pytest.mark.parametrize("kind", ["nvswitch", "nvlink", "host"])
def test_an_nvswitch_an_nvlink_and_a_host_take_eight_gpus_down(kind):
    radius = of_class(hpn_pod(), kind)
    assert (radius.gpus_down, radius.hosts_down, radius.gpus_degraded) == (8, 1, 0)


def test_half_of_hpns_bandwidth_is_left_without_one_plane():
    radius = of_class(hpn_pod(), "plane")
    assert (radius.takes_down, radius.gpus_degraded, radius.bandwidth_left_share) == (False, 15_360, 0.5)
    assert radius.by_plane == {0: 0.0, 1: 1.0}
    assert radius.bisection_left_share == 0.5


def test_a_rail_switch_of_one_tier_takes_one_gpu_of_every_domain():
    # 32,768 GPUs in 128 domains of 256, one switch per rail.
    radius = of_class(rail_only(hosts=128, gpus_per_host=256, hosts_per_leaf=128, radix=128), "leaf")
    assert (radius.of, radius.gpus_down, radius.hosts_down) == (256, 128, 128)
    assert radius.host_bandwidth_left_share == 1 - 1 / 256
    assert radius.by_rail[0] == 0
    assert "arXiv 2307.12169" in radius.because


def test_a_rail_switch_of_two_tiers_takes_half_as_many_gpus_as_it_has_ports():
    radius = of_class(rail_only(hosts=128, gpus_per_host=256, hosts_per_leaf=32, radix=64), "leaf")
    assert (radius.of, radius.gpus_down) == (1_024, 32)


def test_a_rail_only_network_loses_a_spine_of_one_rail_and_no_other_rail_notices():
    radius = of_class(rail_only(hosts=128, gpus_per_host=8, hosts_per_leaf=32, radix=64), "spine")
    assert (radius.takes_down, radius.gpus_degraded) == (False, 128)
    assert radius.by_rail == {0: 0.5, **dict.fromkeys(range(1, 8), 1.0)}


def test_an_optical_switch_breaks_one_rail_ring_of_one_row_or_column():
    # 64 hosts of 5 × 5 chips on a grid of 8 × 8: 20 cables a host, two of them on each ring.
    rows = blast_table(railx(hosts=64, gpus_per_host=25), kinds=("ocs",))
    assert {(row.of, row.takes_down, row.hosts_degraded, row.gpus_degraded) for row in rows} == {(80, False, 8, 8 * 25)}
    for row in rows:
        assert row.host_bandwidth_left_share == pytest.approx(18 / 20)
        assert row.bandwidth_left_share == pytest.approx(18 / 20)
        assert "arXiv 2507.18889" in row.because


def test_a_cable_of_railx_opens_one_ring_for_the_two_hosts_beside_it():
    rows = blast_table(railx(hosts=64, gpus_per_host=25), kinds=("ocs-link",))
    assert {(row.of, row.takes_down, row.hosts_degraded) for row in rows} == {(1_280, False, 2)}
    assert [row.host_bandwidth_left_share for row in rows] == pytest.approx([19 / 20] * len(rows))


def test_an_nvl72_domain_takes_72_gpus_down():
    radius = of_class(nvl72(hosts=16 * 18), "nvswitch")
    assert (radius.gpus_down, radius.hosts_down) == (72, 18)


def test_a_tor_of_a_clos_takes_its_rack_down_and_a_spine_only_slows():
    racks = build_fabric("clos", 128, 8, 4, 32)
    assert (of_class(racks, "tor").gpus_down, of_class(racks, "tor").hosts_down) == (32, 4)
    spine = of_class(racks, "spine")
    assert (spine.takes_down, spine.gpus_degraded) == (False, 1_024)
    assert spine.bandwidth_left_share == spine.bisection_left_share == 1 - 1 / spine.of


def test_a_tor_of_dcn_plus_halves_the_128_gpus_of_its_segment():
    radius = of_class(dcn_plus(hosts=128), "tor")
    assert (radius.takes_down, radius.gpus_degraded, radius.bandwidth_left_share) == (False, 128, 0.5)
    pair = of_class(dcn_plus(hosts=128), "tor-pair")
    assert (pair.gpus_down, pair.hosts_down) == (128, 16)


def test_a_chip_of_a_torus_costs_each_of_its_six_neighbours_a_sixth():
    pod = torus(shape=(8, 8, 8), block=(4, 4, 4), host=(2, 2, 1))
    radius = blast_radius(pod, [Component("gpu", "host0/gpu0")])
    assert (radius.gpus_down, radius.gpus_degraded, radius.bandwidth_left_share) == (1, 6, pytest.approx(5 / 6))
    shares = gpu_bandwidth_shares(pod, [Component("gpu", "host0/gpu0")])
    assert sorted(shares[shares < 1].tolist()) == pytest.approx([0.0, *[5 / 6] * 6])


def test_an_optical_switch_of_a_torus_opens_the_rings_of_one_position():
    # TPU v4: 64 blocks on 48 switches, each with both faces of all blocks: 128 chips lose one of six links.
    pod = torus(shape=(16, 16, 16), block=(4, 4, 4), host=(2, 2, 1), ocs_ports=128)
    rows = blast_table(pod, kinds=("ocs",))
    assert {(row.of, row.takes_down, row.gpus_degraded) for row in rows} == {(48, False, 128)}
    assert [row.bandwidth_left_share for row in rows] == pytest.approx([5 / 6] * len(rows))
    # Across either cut of a dimension there are 16 × 16 rings, of which the switch closes those at one of 16 places.
    assert [row.bisection_left_share for row in rows] == pytest.approx([15 / 16] * len(rows))


def test_a_router_of_a_dragonfly_takes_its_adapters_down_and_slows_its_neighbours():
    # p = h = 2, a = 4: nine groups of four routers, each with three local and two global links.
    published = dragonfly(hosts=72, gpus_per_host=1, adapters_per_router=2)
    radius = of_class(published, "router")
    assert (radius.of, radius.gpus_down, radius.gpus_degraded) == (36, 2, 2 * (3 + 2))
    assert radius.bandwidth_left_share == pytest.approx(4 / 5)
    cable = of_class(published, "global-link")
    assert (cable.takes_down, cable.gpus_degraded, cable.bandwidth_left_share) == (False, 4, pytest.approx(4 / 5))
    assert cable.bisection_left_share == pytest.approx(1 - 1 / (4 * 5))


def test_the_table_of_an_hpn_pod_has_one_row_for_each_class():
    rows = blast_table(hpn_pod())
    assert [row.kind for row in rows] == [
        "gpu",
        "nic",
        "nic-port",
        "nic-link",
        "nvlink",
        "nvswitch",
        "host",
        "tor",
        "tor-pair",
        "agg",
        "tor-agg-link",
        "rail",
        "plane",
        "segment",
        "pod",
    ]
    assert {row.kind for row in rows if row.takes_down} == {
        "gpu",
        "nic",
        "nvlink",
        "nvswitch",
        "host",
        "tor-pair",
        "rail",
        "segment",
        "pod",
    }
