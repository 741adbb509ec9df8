"""How a step changes when a part of the network is lost."""

import math
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.collectives.degraded import NetworkLoss, slowdown, step_change
from models.collectives.errors import NotOfTheNetworkError
from models.collectives.losses import domain_gpus, fabric_paths, network_classes, network_loss
from models.collectives.paths import PATHS, Channel, Paths
from models.collectives.step_time import MACHINES, Machine, computation_seconds, step_time
from models.collectives.volumes import TrainingStep
from models.errors import NotAShareError, NotPositiveError
from models.topology.blast.components import Component, components
from models.topology.designs import design_fabric
from models.topology.fabric import Fabric
from models.transformer import Layout, architecture_preset

H100 = MACHINES["h100"]
LLAMA = TrainingStep(architecture_preset("llama-3.1-405b"), Layout(8, 16, 128), 2048, 8192, virtual_stages=7)
SMALL = TrainingStep(architecture_preset("llama-2-7b"), Layout(data=256), 1024, 4096)
PORT = NetworkLoss("nic-port", 0.5, 15 / 16)
ALL_NETWORK = replace(H100, flops_per_gpu=1e30, paths=Paths(Channel(0.0, 50e9), Channel(0.0, 450e9)))


def step_on_the_network_alone():
    """One GPU per host: gradients over the network and nothing else, apart from computation that takes no time."""
    return SMALL, replace(ALL_NETWORK, gpus_per_host=1)


def test_hpn_one_port_of_sixteen_costs_a_step_that_is_all_network_6_25_percent_if_its_traffic_is_spread():
    step, machine = step_on_the_network_alone()
    fabric = design_fabric("hpn", {"gpus": 1024})
    loss = network_loss(fabric, components(fabric, "nic-port")[0])
    assert step_change(step, machine, loss, rebalanced=True).slowdown_share == pytest.approx(0.0625)
    assert step_change(step, machine, loss, rebalanced=False).slowdown_share == pytest.approx(0.5)


def test_hpn_the_other_reading_needs_a_fifteenth_of_the_step_on_the_network():
    assert slowdown(1 / 15, 0.5) == pytest.approx(0.0625)
    assert slowdown(1.0, 15 / 16) == 0.0625


@pytest.mark.parametrize("step", [LLAMA, SMALL])
def test_a_port_whose_traffic_is_spread_never_costs_more_than_its_share_of_the_host(step):
    change = step_change(step, H100, PORT, rebalanced=True)
    assert 0 < change.slowdown_share < 1 / 16
    assert change.slowdown_share < step_change(step, H100, PORT, rebalanced=False).slowdown_share < 0.5


def test_the_parts_of_a_step_add_up_and_computation_is_6_operations_per_parameter_and_token():
    time = step_time(LLAMA, H100)
    parts = time.computation_seconds + time.bubble_seconds + sum(time.exposed_seconds.values())
    assert time.step_seconds == pytest.approx(parts)
    operations = 6 * 405_853_388_800 * 2048 * 8192
    assert computation_seconds(LLAMA, H100) == pytest.approx(operations / (16_384 * 989e12 * 0.5))


def test_the_bubble_is_the_stages_less_one_over_the_micro_batches():
    plain = replace(LLAMA, virtual_stages=1, layout=Layout(1, 16, 128))
    free = replace(H100, paths=Paths(Channel(0.0, 1e30), Channel(0.0, 1e30)))
    time = step_time(plain, free)
    assert time.bubble_seconds / time.computation_seconds == pytest.approx(15 / 16)
    interleaved = step_time(replace(plain, virtual_stages=4), free)
    assert interleaved.bubble_seconds == pytest.approx(time.bubble_seconds / 4)


def test_computation_hides_data_parallel_traffic_up_to_its_own_length():
    exposed = step_time(SMALL, H100).exposed_seconds["data"]
    hidden = replace(SMALL, data_exposed_share=0.0)
    assert step_time(hidden, H100).exposed_seconds["data"] == 0
    slow = {"data": 0.01}
    hides = 2 / 3 * computation_seconds(SMALL, H100) / SMALL.micro_batches
    whole = step_time(SMALL, H100, slow).exposed_seconds["data"]
    assert step_time(hidden, H100, slow).exposed_seconds["data"] == pytest.approx(whole - hides)
    assert exposed < whole


shares = st.floats(0.01, 1.0)


@settings(max_examples=60, deadline=None)
@given(shares, shares, shares, st.booleans(), st.booleans(), st.sampled_from([LLAMA, SMALL]))
def test_the_more_is_lost_the_longer_the_step_and_spreading_never_hurts(
    one, other, gpu_of_host, at_adapter, spread, step
):
    low, high = sorted((one, other))
    worse, better = (
        NetworkLoss("x", share * gpu_of_host, share, at_adapter=at_adapter, above_hosts=1) for share in (low, high)
    )
    changes = [step_change(step, H100, loss, rebalanced=spread) for loss in (worse, better)]
    assert changes[0].step_seconds_after >= changes[1].step_seconds_after * (1 - 1e-9)
    aside = step_change(step, H100, worse, rebalanced=True)
    assert aside.slowdown_share <= step_change(step, H100, worse, rebalanced=False).slowdown_share + 1e-12
    for change in changes:
        most = 1 - change.bandwidth_left_share
        assert -1e-12 <= change.slowdown_share <= most + 1e-12


@given(st.floats(0, 1), shares)
def test_amdahl_lies_between_nothing_and_the_bandwidth_lost(network, left):
    assert -1e-12 <= slowdown(network, left) <= 1 - left + 1e-12


def test_nothing_lost_changes_nothing():
    whole = NetworkLoss("none", 1.0, 1.0, at_adapter=False)
    for rebalanced in (True, False):
        change = step_change(LLAMA, H100, whole, rebalanced=rebalanced)
        assert (change.slowdown_share, change.limiting) == (0.0, None)


def test_no_step_where_nothing_gets_through():
    cut = NetworkLoss("tor", 0.0, 0.0, interrupts=True)
    change = step_change(LLAMA, H100, cut, rebalanced=True)
    assert (change.after, change.limiting) == (None, None)
    assert math.isinf(change.step_seconds_after)
    assert change.slowdown_share == 1.0


def test_a_run_inside_one_domain_feels_nothing_of_the_network():
    inside = TrainingStep(architecture_preset("llama-2-7b"), Layout(data=8), 8, 4096)
    for loss in (PORT, NetworkLoss("tor", 0.0, 0.0)):
        assert step_change(inside, H100, loss, rebalanced=False).slowdown_share == 0


def test_traffic_below_a_switch_does_not_pass_it():
    agg = NetworkLoss("agg", 59 / 60, 59 / 60, above_hosts=32, at_adapter=False)
    assert step_change(SMALL, H100, agg, rebalanced=False).slowdown_share == 0  # 32 hosts
    wider = replace(agg, above_hosts=31)
    change = step_change(SMALL, H100, wider, rebalanced=False)
    assert change.bandwidth_left_share == 0.5
    assert change.limiting == "data"
    assert 0 < step_change(SMALL, H100, wider, rebalanced=True).slowdown_share < 1 / 60


def test_nvlink_bounds_what_can_move_aside():
    nic = NetworkLoss("nic", 0.0, 7 / 8, interrupts=True)
    assert nic.share_left(PATHS["h100"], rebalanced=True) == 7 / 8
    thin = Paths(Channel(0.0, 50e9), Channel(0.0, 10e9))
    assert nic.share_left(thin, rebalanced=True) == pytest.approx(0.2)


# --- from the blast radius of a fabric

published = cache(design_fabric)


@pytest.mark.parametrize(
    ("kind", "component", "gpu", "host", "above", "at_adapter", "interrupts"),
    [
        ("hpn", "nic-port", 1 / 2, 15 / 16, 1, True, False),
        ("hpn", "nic-link", 1 / 2, 15 / 16, 1, True, False),
        ("hpn", "tor", 1 / 2, 15 / 16, 1, True, False),
        ("hpn", "tor-pair", 0.0, 7 / 8, 1, True, True),
        ("hpn", "nic", 0.0, 7 / 8, 1, True, True),
        ("hpn", "plane", 1 / 2, 1 / 2, 1, True, False),
        ("hpn", "rail", 0.0, 7 / 8, 1, True, True),
        ("hpn", "agg", 119 / 120, 119 / 120, 128, False, False),
        ("hpn-single-tor", "nic-port", 0.0, 7 / 8, 1, True, True),
        ("hpn-single-tor", "tor", 0.0, 7 / 8, 1, True, True),
        ("rail-only", "leaf", 0.0, 255 / 256, 1, True, True),
        ("clos", "tor", 0.0, 0.0, 1, True, True),
        ("rail", "leaf", 0.0, 7 / 8, 1, True, True),
        ("rail", "spine", 31 / 32, 255 / 256, 32, False, False),
        ("nvl72", "nic-port", 0.0, 71 / 72, 1, True, True),
        ("nvl72", "leaf", 0.0, 3 / 4, 1, True, True),
        ("dcn-plus", "tor", 1 / 2, 1 / 2, 1, True, False),
        ("dragonfly", "router", 0.0, 0.0, 1, True, True),
        ("dragonfly", "local-link", 22 / 23, 22 / 23, 1, False, False),
        ("dragonfly", "global-link", 22 / 23, 22 / 23, 16, False, False),
        ("torus", "ocs", 5 / 6, 23 / 24, 1, False, False),
    ],
)
def test_what_a_fault_leaves_in_each_fabric(kind, component, gpu, host, above, at_adapter, interrupts):
    fabric = published(kind)
    loss = network_loss(fabric, components(fabric, component)[0])
    assert (loss.gpu_share_left, loss.host_share_left) == pytest.approx((gpu, host))
    assert (loss.above_hosts, loss.at_adapter, loss.interrupts) == (above, at_adapter, interrupts)


@pytest.mark.parametrize(
    ("kind", "gpus", "gigabytes"), [("hpn", 8, 50), ("rail-only", 256, 50), ("nvl72", 72, 50), ("torus", 4, 300)]
)
def test_domains_and_bandwidth_are_those_of_the_fabric(kind, gpus, gigabytes):
    fabric = published(kind)
    assert domain_gpus(fabric) == gpus
    assert fabric_paths(fabric, PATHS["h100"]).network.bytes_per_second == pytest.approx(gigabytes * 1e9)


def test_a_fabric_that_says_nothing_of_bandwidth_leaves_the_paths_as_they_are():
    assert fabric_paths(Fabric("from-lake", 2, 8, (), ()), PATHS["h100"]) == PATHS["h100"]


def test_what_computes_is_not_of_the_network():
    fabric = design_fabric("hpn", {"gpus": 1024})
    assert not {"gpu", "host", "nvlink", "nvswitch"} & set(network_classes(fabric))
    with pytest.raises(NotOfTheNetworkError, match="a spare must take its place"):
        network_loss(fabric, Component("host", "host0"))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: NetworkLoss("x", 1.5, 1.0), NotAShareError),
        (lambda: NetworkLoss("x", 0.5, float("nan")), NotAShareError),
        (lambda: NetworkLoss("x", 0.5, 0.5, above_hosts=0), NotPositiveError),
        (lambda: Machine(PATHS["h100"], 0.0), NotPositiveError),
        (lambda: Machine(PATHS["h100"], 1e12, efficiency=0.0), NotAShareError),
        (lambda: slowdown(2.0, 0.5), NotAShareError),
        (lambda: slowdown(0.5, 0.0), NotAShareError),
    ],
)
def test_losses_and_machines_that_cannot_be_are_refused(wrong, error):
    with pytest.raises(error):
        wrong()
