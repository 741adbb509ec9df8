"""Every kind at its published size, and at others by settings."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NotFiniteError, NotPositiveError
from models.topology import UnknownFabricKindError, network_domains
from models.topology.builders.rings import grid_hops
from models.topology.counts import fabric_counts
from models.topology.designs import DESIGNS, Setting, design_fabric, design_settings
from models.topology.errors import (
    RadixTooSmallError,
    ShapeMismatchError,
    TooManyGroupsError,
    TorusDimensionsError,
    UndersubscribedError,
    UnknownSettingError,
    UnreadableSettingError,
)

#: GPUs, switches and cables of each kind as published, or as its builder's notes derive them
PUBLISHED = {
    "clos": (32_768, {"tor": 1_024, "agg": 1_024, "core": 512}, {"tor": 32_768, "agg": 32_768, "core": 32_768}),
    "rail": (32_768, {"leaf": 1_024, "spine": 1_024, "core": 512}, {"leaf": 32_768, "spine": 32_768, "core": 32_768}),
    "rail-only": (32_768, {"leaf": 1_024, "spine": 512}, {"leaf": 32_768, "spine": 32_768}),
    "hpn": (15_360, {"tor": 240, "agg": 120, "core": 16}, {"tor": 30_720, "agg": 14_400, "core": 960}),
    "hpn-single-tor": (15_360, {"tor": 120, "agg": 120, "core": 8}, {"tor": 15_360, "agg": 14_400, "core": 960}),
    "dcn-plus": (16_384, {"tor": 256, "agg": 256, "core": 128}, {"tor": 32_768, "agg": 16_384, "core": 16_384}),
    "railx": (102_400, {"ocs": 640}, {"ocs": 81_920, "mesh": 163_840}),
    "nvl72": (9_216, {"leaf": 128, "spine": 64}, {"leaf": 9_216, "spine": 9_216}),
    "torus": (4_096, {"ocs": 48}, {"ocs": 6_144, "mesh": 9_216}),
    "dragonfly": (16_512, {"router": 2_064}, {"router": 16_512, "local": 15_480, "global": 8_256}),
}


@pytest.fixture(scope="module", params=DESIGNS)
def published(request):
    return request.param, fabric_counts(design_fabric(request.param))


def test_every_kind_has_its_published_counts(published):
    kind, counts = published
    assert counts.kind == kind
    assert (counts.gpus, counts.switches, counts.links) == PUBLISHED[kind]


def test_the_tors_of_an_hpn_pod_have_1_067_to_1_and_its_aggs_15_to_1():
    for kind in ("hpn", "hpn-single-tor"):
        ratios = fabric_counts(design_fabric(kind)).oversubscription
        assert ratios == {"tor": pytest.approx(1.067, abs=5e-4), "agg": 15.0}


def test_an_agg_of_an_hpn_pod_uses_the_128_ports_of_51_2_terabits():
    assert fabric_counts(design_fabric("hpn")).most_ports["agg"] == 128


def test_a_pod_without_cores_is_what_it_is_with_them_but_for_these():
    assert fabric_counts(design_fabric("hpn", {"cores": "no"})).switches == {"tor": 240, "agg": 120}


@pytest.mark.parametrize(("m", "chips"), [(5, 102_400), (7, 200_704)])
def test_railx_has_the_published_chips(m, chips):
    fabric = design_fabric("railx", {"m": m, "ocs_ports": 128})
    assert fabric.hosts * fabric.gpus_per_host == chips


def test_the_larger_railx_is_four_hops_wide_and_the_smaller_one_with_two_links_per_side():
    """RailX abstract: 2 to 4 inter-node hops."""
    assert fabric_counts(design_fabric("railx", {"m": 7})).host_diameter_hops == 4
    assert fabric_counts(design_fabric("railx", {"links_per_side": 2})).host_diameter_hops == 4


@pytest.mark.parametrize("kind", DESIGNS)
def test_another_number_of_gpus_can_be_set_on_every_kind(kind):
    size = {"railx": 2_500, "nvl72": 2_304, "rail-only": 8_192}.get(kind, 2_048)
    fabric = design_fabric(kind, {"gpus": str(size)})
    assert fabric.hosts * fabric.gpus_per_host == size


@pytest.mark.parametrize("kind", DESIGNS)
def test_the_speed_of_adapters_can_be_set_on_every_kind(kind):
    size = {"railx": 100, "rail-only": 512, "nvl72": 72}.get(kind, 64)
    slow, fast = (design_fabric(kind, {"gpus": size, "adapter_gbps": gbps}) for gbps in (200.0, 800.0))
    assert [4 * link.bandwidth_gbps for link in slow.links if link.tier != "nvswitch"] == [
        link.bandwidth_gbps for link in fast.links if link.tier != "nvswitch"
    ]


@pytest.mark.parametrize("kind", DESIGNS)
def test_settings_are_told_apart_and_explained(kind):
    names = [setting.name for setting in design_settings(kind)]
    assert len(set(names)) == len(names)
    assert {"gpus", "adapter_gbps"} <= set(names)
    assert all(setting.meaning for setting in design_settings(kind))
    assert DESIGNS[kind].source


@pytest.mark.parametrize("kind", DESIGNS)
def test_a_design_with_its_defaults_spelled_out_is_the_design(kind):
    small = {"gpus": {"railx": 100, "rail-only": 512, "nvl72": 72}.get(kind, 64)}
    spelled = {setting.name: str(setting.default) for setting in design_settings(kind)} | small
    assert design_fabric(kind, spelled) == design_fabric(kind, small)


@given(st.integers(1, 40), st.sampled_from((1.0, 2.0, 3.0, 7.0)), st.sampled_from((16, 32, 64)))
def test_a_clos_network_keeps_to_its_ports_and_its_oversubscription(hosts, ratio, ports):
    fabric = design_fabric("clos", {"gpus": 8 * hosts, "oversubscription": ratio, "radix": ports})
    counted = fabric_counts(fabric)
    assert max(counted.most_ports.values()) <= ports
    assert counted.oversubscription.get("tor", 1.0) <= ratio
    assert counted.oversubscription.get("agg", 1.0) <= 1.0


@pytest.mark.parametrize(("ports", "gpus_per_host"), [(8, 4), (16, 8), (48, 8)])
def test_a_full_clos_network_of_three_tiers_is_the_fat_tree(ports, gpus_per_host):
    """Al-Fares et al. (SIGCOMM 2008): k³/4 hosts, 5k²/4 switches of k ports, pods of k/2 edge switches."""
    full = {"gpus": ports**3 // 4, "radix": ports, "gpus_per_host": gpus_per_host, "gpus_per_domain": gpus_per_host}
    fabric = design_fabric("clos", full)
    counted = fabric_counts(fabric)
    assert counted.switches == {"tor": ports**2 // 2, "agg": ports**2 // 2, "core": ports**2 // 4}
    assert set(counted.most_ports.values()) == {ports}
    assert len({switch.pod for switch in fabric.switches if switch.tier == "tor"}) == ports


@given(st.sampled_from(("rail", "rail-only", "nvl72")), st.integers(1, 40), st.sampled_from((16, 32, 144)))
def test_no_switch_has_more_cables_than_ports(kind, hosts, ports):
    sizes = {
        "rail": {"gpus": 8 * hosts},
        "rail-only": {"gpus": 4 * hosts, "gpus_per_domain": 4},
        "nvl72": {"gpus": 4 * hosts, "hosts_per_domain": 2, "domains_per_pod": 4},
    }[kind]
    assert max(fabric_counts(design_fabric(kind, {**sizes, "radix": ports})).most_ports.values()) <= ports


@pytest.mark.parametrize(("m", "links", "hops"), [(3, 1, 2), (2, 1, 4), (2, 2, 2)])
def test_with_rails_for_half_the_nodes_of_a_row_any_node_of_railx_is_two_hops_away(m, links, hops):
    """Rows and columns of 6 nodes: 3 rails join all of them, and one hop along each leads to any node."""
    fabric = design_fabric("railx", {"m": m, "ocs_ports": 12, "links_per_side": links})
    nodes = nx.Graph((circuit.one.child.host, circuit.other.child.host) for circuit in fabric.circuits)
    assert len(nodes) == 36
    assert nx.diameter(nodes) == grid_hops(6, 6, rails=m * links) == hops
    assert fabric_counts(fabric).host_diameter_hops == hops


@pytest.mark.parametrize(("gpus", "tiers"), [(64, 1), (2_048, 2), (4_096, 3), (32_768, 3)])
def test_a_clos_network_has_as_few_tiers_as_its_ports_allow(gpus, tiers):
    assert len(fabric_counts(design_fabric("clos", {"gpus": gpus})).switches) == tiers


def test_three_to_one_leaves_a_third_of_the_switches_above_the_tors():
    full, thin = (fabric_counts(design_fabric("clos", {"oversubscription": ratio})) for ratio in (1.0, 3.0))
    assert thin.oversubscription["tor"] == pytest.approx(3.0, rel=0.01)
    assert 3 * thin.links["agg"] == pytest.approx(full.links["agg"], rel=0.01)
    assert thin.cost_dollars < 0.6 * full.cost_dollars


def test_domains_of_several_hosts_share_an_nvswitch():
    fabric = design_fabric("clos", {"gpus": 512, "gpus_per_domain": 32})
    assert {len(domain.hosts) for domain in network_domains(fabric) if domain.kind == "nvswitch"} == {4}


@pytest.mark.parametrize("kind", ["fat-tree", "from-lake", ""])
def test_an_unknown_kind_is_refused_with_those_that_exist(kind):
    with pytest.raises(UnknownFabricKindError, match=r"known fabrics: clos, rail, rail-only, hpn.*torus, dragonfly"):
        design_fabric(kind, {})


@pytest.mark.parametrize(
    ("kind", "settings", "error", "words"),
    [
        ("hpn", {"m": 5}, UnknownSettingError, "no setting 'm'; its settings: gpus, gpus_per_host, hosts_per_segment"),
        ("clos", {"radix": "many"}, UnreadableSettingError, "radix=many cannot be read; it must be a number"),
        ("clos", {"radix": 6.5}, UnreadableSettingError, "must be a whole number"),
        ("clos", {"radix": "nan"}, UnreadableSettingError, "must be a whole number"),
        ("hpn", {"cores": "maybe"}, UnreadableSettingError, "yes or no"),
        ("clos", {"gpus": 100}, ShapeMismatchError, "gpus is 100; it must be made of whole hosts of 8"),
        ("clos", {"gpus": 0}, NotPositiveError, "gpus"),
        ("clos", {"oversubscription": 0.5}, UndersubscribedError, "1 \\(none\\) or more"),
        ("clos", {"oversubscription": 0.0}, NotPositiveError, "oversubscription"),
        ("clos", {"oversubscription": "nan"}, NotFiniteError, "oversubscription"),
        ("clos", {"adapter_gbps": "inf"}, NotFiniteError, "adapter_gbps"),
        ("torus", {"dimensions": 1, "gpus": 16}, TorusDimensionsError, "2 or 3 dimensions, not 1"),
        ("railx", {"ocs_ports": 1}, NotPositiveError, "hosts is 0"),
        ("clos", {"radix": 4}, RadixTooSmallError, "ports can"),
        ("railx", {"gpus": 102_425}, RadixTooSmallError, "130 ports can"),
        ("torus", {"ocs_ports": 64}, RadixTooSmallError, "128 ports can"),
        ("torus", {"dimensions": 4, "gpus": 256}, TorusDimensionsError, "not 4"),
        ("torus", {"block_side": 3, "gpus": 27}, ShapeMismatchError, "block is 3 × 3 × 3; .* hosts of 2 × 2 × 1"),
        ("dragonfly", {"gpus": 16_520}, TooManyGroupsError, "130 groups"),
        ("dcn-plus", {"gpus": 16_392}, RadixTooSmallError, "256 ports can"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(kind, settings, error, words):
    with pytest.raises(error, match=words) as refused:
        design_fabric(kind, settings)
    assert "\n" not in str(refused.value)


def test_texts_are_read_as_the_type_of_the_default():
    assert Setting("radix", 64, "").read(" 128 ") == 128
    assert Setting("adapter_gbps", 400.0, "").read("200") == 200.0
    assert [Setting("cores", default=True, meaning="").read(text) for text in ("yes", "No", False, "1")] == [
        True,
        False,
        False,
        True,
    ]
