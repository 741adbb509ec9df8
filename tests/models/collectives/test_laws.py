"""Laws that every collective keeps, whatever the numbers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.collectives.all_to_all import direct_all_to_all, pxn_all_to_all, relay_overhead
from models.collectives.errors import MixedGroupError
from models.collectives.hierarchical import (
    all_gather,
    all_reduce,
    hierarchical_all_gather,
    hierarchical_all_reduce,
    hierarchical_reduce_scatter,
    reduce_scatter,
)
from models.collectives.paths import PATHS, Channel, CollectiveCost, Group, Paths, in_sequence
from models.collectives.rings import ring_all_gather, ring_all_reduce, ring_reduce_scatter
from models.collectives.trees import double_tree_all_reduce, tree_all_reduce
from models.errors import NegativeValueError, NotACountError, NotAShareError, NotFiniteError, NotPositiveError

ANY_GROUP = [
    ring_all_reduce,
    ring_reduce_scatter,
    ring_all_gather,
    hierarchical_all_reduce,
    hierarchical_reduce_scatter,
    hierarchical_all_gather,
    all_reduce,
    reduce_scatter,
    all_gather,
    direct_all_to_all,
    pxn_all_to_all,
]
ONE_LEVEL = [tree_all_reduce, double_tree_all_reduce]

groups = st.builds(Group, st.integers(1, 300), st.integers(1, 16))
one_level = st.one_of(
    st.builds(Group, st.integers(1, 2000), st.just(1)), st.builds(Group, st.just(1), st.integers(1, 256))
)
sizes = st.one_of(st.just(0.0), st.floats(1e-3, 1e11))
latencies = st.floats(0, 1e-3)
bandwidths = st.floats(1e6, 1e13)
channels = st.builds(Channel, latencies, bandwidths)
pairs = st.builds(Paths, channels, channels)


def collectives():
    return st.one_of(
        st.tuples(st.sampled_from(ANY_GROUP), groups), st.tuples(st.sampled_from([*ANY_GROUP, *ONE_LEVEL]), one_level)
    )


@given(collectives(), sizes, pairs, st.floats(1e-3, 1), st.sampled_from(["network", "nvlink"]))
def test_less_bandwidth_never_makes_a_collective_faster(asked, size, paths, share, which):
    formula, group = asked
    narrowed = replace(paths, **{which: getattr(paths, which).at_share(share)})
    assert formula(group, size, narrowed).seconds >= formula(group, size, paths).seconds * (1 - 1e-9)


@given(collectives(), sizes, st.floats(1, 10), pairs)
def test_more_bytes_never_make_a_collective_faster(asked, size, factor, paths):
    formula, group = asked
    slack = 1 - 1e-9
    assert formula(group, size * factor, paths).seconds >= slack * formula(group, size, paths).seconds


@given(collectives(), sizes, pairs)
def test_a_cost_is_finite_and_never_negative_and_shares_are_shares(asked, size, paths):
    formula, group = asked
    cost = formula(group, size, paths)
    counts = (
        cost.seconds,
        cost.network_messages_per_gpu,
        cost.nvlink_messages_per_gpu,
        cost.network_bytes_per_gpu,
        cost.nvlink_bytes_per_gpu,
    )
    assert all(0 <= value < float("inf") for value in counts)
    assert 0 <= cost.cross_rail_share <= 1


@given(collectives(), sizes, pairs, st.floats(0.1, 10))
def test_changing_the_unit_of_time_rescales_the_cost(asked, size, paths, factor):
    formula, group = asked
    slower = Paths(
        *(
            Channel(channel.latency_seconds * factor, channel.bytes_per_second / factor)
            for channel in (paths.network, paths.nvlink)
        )
    )
    assert formula(group, size, slower).seconds == pytest.approx(factor * formula(group, size, paths).seconds, rel=1e-6)


@given(collectives(), sizes, pairs)
def test_no_channel_carries_its_bytes_faster_than_its_bandwidth(asked, size, paths):
    formula, group = asked
    cost = formula(group, size, paths)
    for sent, channel in ((cost.network_bytes_per_gpu, paths.network), (cost.nvlink_bytes_per_gpu, paths.nvlink)):
        assert cost.seconds >= sent / channel.bytes_per_second * (1 - 1e-9)


@given(collectives(), sizes)
def test_one_host_uses_no_network_and_one_gpu_per_host_no_nvlink(asked, size):
    formula, group = asked
    cost = formula(group, size, PATHS["h100"])
    if group.hosts == 1:
        assert cost.network_bytes_per_gpu == cost.network_messages_per_gpu == 0
    if group.per_host == 1:
        assert cost.nvlink_bytes_per_gpu == cost.nvlink_messages_per_gpu == 0
    if group.ranks == 1:
        assert cost.seconds == 0


@given(groups, sizes, pairs)
def test_the_chosen_form_is_the_fastest(group, size, paths):
    chosen = all_reduce(group, size, paths).seconds
    for form in (ring_all_reduce, hierarchical_all_reduce):
        assert chosen <= form(group, size, paths).seconds


@given(st.integers(3, 4096))
def test_a_tree_wins_for_short_messages_between_many_and_a_ring_for_long_ones_between_few(ranks):
    paths = PATHS["h100"]
    assert (
        double_tree_all_reduce(Group(512, 1), 8.0, paths).seconds < ring_all_reduce(Group(512, 1), 8.0, paths).seconds
    )
    long = 1e6 * ranks**2
    assert ring_all_reduce(Group(ranks, 1), long, paths).seconds <= double_tree_all_reduce(
        Group(ranks, 1), long, paths
    ).seconds * (1 + 1e-3)


@pytest.mark.parametrize("ranks", [3, 5, 8, 64])
def test_the_pieces_of_a_double_tree_are_the_best_whole_number(ranks):
    group, paths, size = Group(ranks, 1), PATHS["h100"], 1e8
    channel = paths.network
    height = (ranks - 1).bit_length()
    tree = min(4 * (height + k - 1) * channel.seconds(size / (2 * k)) for k in range(1, 2000))
    assert double_tree_all_reduce(group, size, paths).seconds == pytest.approx(tree, rel=1e-4)


@given(st.integers(2, 200), st.integers(1, 16), st.floats(1, 1e9))
def test_pxn_sends_the_same_bytes_in_as_many_times_fewer_messages_as_a_host_has_gpus(hosts, per_host, size):
    group, paths = Group(hosts, per_host), PATHS["h100"]
    direct, bundled = direct_all_to_all(group, size, paths), pxn_all_to_all(group, size, paths)
    assert bundled.network_bytes_per_gpu == pytest.approx(direct.network_bytes_per_gpu)
    assert direct.network_messages_per_gpu == per_host * bundled.network_messages_per_gpu
    assert bundled.cross_rail_share == 0
    assert direct.cross_rail_share == pytest.approx((per_host - 1) / per_host)


def test_pxn_pays_for_short_messages_and_costs_the_relay_for_long_ones():
    group, paths = Group(64, 8), PATHS["h100"]
    assert pxn_all_to_all(group, 1e3, paths).seconds < direct_all_to_all(group, 1e3, paths).seconds / 4
    instant = Paths(Channel(0.0, 50e9), Channel(0.0, 450e9))
    longer = pxn_all_to_all(group, 1e9, instant).seconds / direct_all_to_all(group, 1e9, instant).seconds - 1
    # what is for the host itself goes over NVLink, too: 64 parts instead of 63
    assert longer == pytest.approx(relay_overhead(group, paths) * 64 / 63)


@pytest.mark.parametrize("formula", [*ANY_GROUP, *ONE_LEVEL])
def test_sizes_that_cannot_be_are_refused(formula):
    with pytest.raises(NegativeValueError):
        formula(Group(2, 1), -1.0, PATHS["h100"])
    with pytest.raises(NotFiniteError):
        formula(Group(2, 1), float("nan"), PATHS["h100"])


@pytest.mark.parametrize("formula", ONE_LEVEL)
def test_a_tree_over_two_levels_is_refused(formula):
    with pytest.raises(MixedGroupError, match="hierarchical"):
        formula(Group(2, 8), 1.0, PATHS["h100"])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: Channel(-1.0, 1.0), NegativeValueError),
        (lambda: Channel(0.0, 0.0), NotPositiveError),
        (lambda: Channel(0.0, 1.0).at_share(0.0), NotAShareError),
        (lambda: Channel(0.0, 1.0).at_share(float("nan")), NotAShareError),
        (lambda: Group(0, 1), NotPositiveError),
        (lambda: Group(1, 1.5), NotACountError),
    ],
)
def test_channels_and_groups_that_cannot_be_are_refused(wrong, error):
    with pytest.raises(error):
        wrong()


def test_a_sequence_adds_up_and_weighs_the_crossing_share_by_bytes():
    one = CollectiveCost(1.0, 2, 3, 30.0, 5.0, 0.5)
    other = CollectiveCost(2.0, 1, 0, 10.0, 0.0, 0.0)
    both = in_sequence(one, other)
    assert (both.seconds, both.network_bytes_per_gpu, both.bytes_per_gpu) == (3.0, 40.0, 45.0)
    assert both.cross_rail_share == 15 / 40
    assert in_sequence().cross_rail_share == 0
