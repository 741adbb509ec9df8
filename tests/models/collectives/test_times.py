"""The formulas of time against exchanges carried out slot by slot."""

from dataclasses import replace

import pytest

from models.collectives.paths import PATHS, Channel, Group, Paths
from models.collectives.rings import ring_all_reduce
from models.collectives.step_time import MACHINES, step_time
from models.collectives.trees import double_tree_all_reduce
from models.collectives.volumes import TrainingStep
from models.transformer import Layout, architecture_preset
from tests.models.collectives import exchanges

H100 = PATHS["h100"]


@pytest.mark.parametrize("ranks", [3, 5, 6, 8, 15, 16, 17, 33, 64])
@pytest.mark.parametrize("pieces", [2, 4, 8, 16])
def test_a_greedy_schedule_of_a_double_tree_takes_about_the_slots_of_the_formula(ranks, pieces):
    formula = 4 * ((ranks - 1).bit_length() + pieces - 1)
    assert 0.75 * formula <= exchanges.double_tree_slots(ranks, pieces) <= 1.31 * formula


def test_a_double_tree_in_one_piece_takes_no_more_slots_than_the_formula():
    for ranks in range(2, 66):
        short = Paths(Channel(1.0, 1e30), Channel(1.0, 1e30))
        seconds = double_tree_all_reduce(Group(ranks, 1), 1.0, short).seconds
        assert exchanges.double_tree_slots(ranks, 1) <= seconds


@pytest.mark.parametrize("ranks", [2, 3, 8, 33])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_a_ring_runs_at_the_pace_of_its_slowest_link(ranks, share):
    part = 1e9 / ranks
    slow = H100.network.at_share(share)
    hops = [slow.seconds(part)] + [H100.network.seconds(part)] * (ranks - 1)
    cost = ring_all_reduce(Group(ranks, 1), 1e9, Paths(slow, H100.nvlink))
    assert exchanges.ring_finish(hops, rounds=2) == pytest.approx(cost.seconds)


def test_shards_in_proportion_to_what_is_left_of_each_rail_take_as_long_as_the_host_has_less():
    left = [0.5] + [1.0] * 7  # one of 16 ports gone
    shards = [share / sum(left) for share in left]
    seconds = [
        ring_all_reduce(Group(32, 1), 8e9 * shard, Paths(Channel(0.0, 50e9 * share), H100.nvlink)).seconds
        for shard, share in zip(shards, left, strict=True)
    ]
    whole = ring_all_reduce(Group(32, 1), 1e9, Paths(Channel(0.0, 50e9), H100.nvlink)).seconds
    assert seconds == pytest.approx([whole * 16 / 15] * 8)


@pytest.mark.parametrize(("stages", "micro_batches"), [(1, 4), (2, 1), (4, 4), (4, 16), (8, 12), (16, 16)])
def test_the_bubble_is_that_of_a_pipeline_scheduled_pass_by_pass(stages, micro_batches):
    step = TrainingStep(architecture_preset("llama-3-70b"), Layout(pipeline=stages), micro_batches, 8192)
    instant = Channel(0.0, 1e30)
    time = step_time(step, replace(MACHINES["h100"], paths=Paths(instant, instant)))
    passes = time.computation_seconds / micro_batches / 3
    assert time.step_seconds == pytest.approx(exchanges.pipeline_finish(stages, micro_batches, passes, 2 * passes))
