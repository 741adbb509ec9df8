"""The cost rule of the rail-only paper, and the same figures counted from the graphs."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NegativeValueError, NotPositiveError
from models.topology.costs import PortPrices, clos_bill, rail_only_bill, saving_share
from models.topology.counts import fabric_counts
from models.topology.designs import design_fabric
from models.topology.errors import RadixTooSmallError, ShapeMismatchError

#: GPUs, ports, switches and transceivers of the base and the rail-only network, saving in percent; domains of 256 GPUs
TABLE = [
    (32_768, 64, 2_560, 196_608, 1_536, 131_072, 38.3),
    (32_768, 128, 1_280, 196_608, 256, 65_536, 76.6),
    (65_536, 64, 5_120, 393_216, 3_072, 262_144, 38.3),
    (65_536, 128, 2_560, 393_216, 1_536, 262_144, 38.3),
    (32_768, 256, 384, 131_072, 128, 65_536, 62.1),
]


@cache
def counted_at(kind, gpus, ports):
    return fabric_counts(design_fabric(kind, {"gpus": gpus, "radix": ports}))


def test_the_published_costs_come_out_to_the_dollar():
    assert clos_bill(32_768, 64).cost_dollars == 152_829_952
    assert rail_only_bill(32_768, 256, 64).cost_dollars == 94_306_304


@pytest.mark.parametrize(("gpus", "ports", "base", "base_optics", "rails", "rail_optics", "saving"), TABLE)
def test_the_rule_gives_the_whole_table(gpus, ports, base, base_optics, rails, rail_optics, saving):
    one, other = clos_bill(gpus, ports), rail_only_bill(gpus, 256, ports)
    assert (one.switches, one.transceivers) == (base, base_optics)
    assert (other.switches, other.transceivers) == (rails, rail_optics)
    assert round(100 * saving_share(one, other), 1) == saving


@pytest.mark.parametrize("kind", ["clos", "rail", "rail-only"])
@pytest.mark.parametrize(("gpus", "ports"), [row[:2] for row in TABLE])
def test_the_graphs_have_the_counts_and_costs_of_the_rule(kind, gpus, ports):
    bill = rail_only_bill(gpus, 256, ports) if kind == "rail-only" else clos_bill(gpus, ports)
    counted = counted_at(kind, gpus, ports)
    assert sum(counted.ports.values()) == bill.switches * ports
    assert (counted.transceivers, counted.cost_dollars) == (bill.transceivers, bill.cost_dollars)
    assert len(counted.switches) == bill.tiers


@pytest.mark.parametrize(("kind", "column"), [("clos", 2), ("rail", 2), ("rail-only", 4)])
@pytest.mark.parametrize("row", TABLE[:4])
def test_the_graphs_have_the_switches_of_the_table(kind, column, row):
    assert sum(counted_at(kind, *row[:2]).switches.values()) == row[column]


def test_two_rails_of_128_gpus_share_a_switch_of_256_ports_in_the_rule_but_not_in_the_graph():
    counted = counted_at("rail-only", 32_768, 256)
    assert counted.switches == {"leaf": 256}
    assert counted.most_ports == {"leaf": 128}


def test_the_any_to_any_network_over_domains_of_256_gpus_costs_what_the_base_does():
    over_domains = fabric_counts(design_fabric("clos", {"gpus_per_domain": 256}))
    assert over_domains.scale_up_domains == 128
    assert over_domains.cost_dollars == 152_829_952


@given(st.integers(1, 60_000), st.sampled_from((64, 128, 256)))
def test_more_gpus_never_cost_less_and_larger_prices_scale_the_bill(gpus, ports):
    assert clos_bill(gpus + 1, ports).cost_dollars >= clos_bill(gpus, ports).cost_dollars
    doubled = PortPrices(2 * 199.0, 2 * 694.0)
    assert clos_bill(gpus, ports, doubled).cost_dollars == 2 * clos_bill(gpus, ports).cost_dollars


@given(st.integers(1, 65_536))
def test_with_a_single_rail_the_rail_only_network_is_the_whole_one(gpus):
    assert rail_only_bill(gpus, 1, 64) == clos_bill(gpus, 64)


def test_a_rail_is_a_single_tier_up_to_the_ports_of_a_switch():
    assert [clos_bill(gpus, 64).tiers for gpus in (64, 65, 2_048, 2_049, 65_536)] == [1, 2, 2, 3, 3]


def test_what_three_tiers_cannot_join_is_refused_with_what_can():
    with pytest.raises(RadixTooSmallError, match="128 ports can"):
        clos_bill(65_537, 64)


def test_domains_must_be_whole_and_prices_real():
    with pytest.raises(ShapeMismatchError, match="gpus is 100; it must be made of whole domains of 8"):
        rail_only_bill(100, 8, 64)
    with pytest.raises(NotPositiveError, match="switch_ports"):
        clos_bill(64, 0)
    with pytest.raises(NegativeValueError, match="transceiver_dollars"):
        PortPrices(transceiver_dollars=-1.0)


def test_two_ports_of_half_the_speed_cost_as_much_as_one():
    """HPN and its baseline with single ToRs differ in nothing that is priced."""
    dual, single = (fabric_counts(design_fabric(kind)) for kind in ("hpn", "hpn-single-tor"))
    assert dual.cost_dollars == single.cost_dollars
    assert dual.transceivers - single.transceivers == 2 * 15_360


def test_the_price_of_an_optical_port_can_be_told():
    assert fabric_counts(design_fabric("torus")).cost_dollars == 6_144 * (199 + 694)
    free = fabric_counts(design_fabric("torus"), PortPrices(ocs_port_dollars=0.0))
    assert free.cost_dollars == 6_144 * 199


@pytest.mark.parametrize("kind", ["clos", "hpn", "torus", "dragonfly", "railx"])
def test_the_cost_follows_the_speed_and_nothing_else_does(kind):
    gpus = 100 if kind == "railx" else 64
    slow, fast = (fabric_counts(design_fabric(kind, {"gpus": gpus, "adapter_gbps": gbps})) for gbps in (200.0, 800.0))
    assert fast == replace(slow, cost_dollars=4 * slow.cost_dollars)
