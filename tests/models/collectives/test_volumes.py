"""Volumes of a training step, and of a request, against published counts and the ranks counted one by one."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.collectives.errors import MoreExpertRanksError, MoreStagesThanLayersError, UnevenBatchError
from models.collectives.inference import inference_volumes
from models.collectives.paths import PATHS
from models.collectives.placement import placement
from models.collectives.volumes import TrainingStep, step_volumes
from models.errors import NotAShareError, NotPositiveError, UnknownMethodError
from models.transformer import (
    Layout,
    active_parameter_count,
    architecture_preset,
    parameter_count,
    routed_parameter_count,
)

GPT_3 = architecture_preset("gpt-3-175b")
LLAMA = architecture_preset("llama-3.1-405b")
MIXTRAL = architecture_preset("mixtral-8x7b")


def sent(step, dimension, gpus_per_host=8):
    return sum(volume.sent_bytes for volume in step_volumes(step, gpus_per_host) if volume.dimension == dimension)


def test_gpt_3_has_175_billion_parameters():
    width = 12_288
    assert parameter_count(GPT_3) == (50_257 + 2048) * width + 96 * (12 * width**2 + 13 * width) + 2 * width
    assert round(parameter_count(GPT_3) / 1e9) == 175


def test_hpn_names_the_gradients_of_a_rank_and_the_part_of_an_activation_that_a_stage_sends():
    step = TrainingStep(GPT_3, Layout(8, 8, 512), sequences=512, sequence_tokens=2048, sharding="none")
    by_dimension = {volume.dimension: volume for volume in step_volumes(step)}
    assert round(by_dimension["data"].message_bytes / 1e9, 1) == 5.5
    assert by_dimension["data"].operation == "all-reduce"
    assert by_dimension["pipeline"].message_bytes == 6 * 2**20
    # 560 MB lie between the activations of 11 and 12 layers, one for each of a stage's 12
    assert 11 < 560e6 / by_dimension["tensor"].message_bytes < 12
    assert step.layers_per_stage == 12


@pytest.mark.parametrize("sequence_parallel", [True, False])
@pytest.mark.parametrize("tensor", [1, 2, 4, 8])
def test_tensor_parallelism_sends_8_b_s_h_numbers_per_layer_and_micro_batch(tensor, sequence_parallel):
    step = TrainingStep(
        GPT_3, Layout(tensor, 8, 4), 64, 2048, micro_batch=2, sequence_parallel=sequence_parallel, sharding="none"
    )
    numbers = 8 * 2 * 2048 * 12_288 * (tensor - 1) / tensor
    assert sent(step, "tensor") == pytest.approx(numbers * 2 * 12 * step.micro_batches)


def test_a_pipeline_stage_sends_b_s_h_numbers_each_way_and_sequence_parallelism_a_part_of_it():
    whole = TrainingStep(GPT_3, Layout(8, 8, 4), 64, 2048, sequence_parallel=False)
    parts = TrainingStep(GPT_3, Layout(8, 8, 4), 64, 2048, virtual_stages=3)
    assert sent(whole, "pipeline") == 2 * 16 * 2048 * 12_288 * 2
    assert sent(parts, "pipeline") == 3 * sent(whole, "pipeline") / 8


@pytest.mark.parametrize("data", [2, 8, 64])
def test_zero_sends_twice_the_parameters_and_full_sharding_three_times(data):
    def factor(sharding, sequences):
        step = TrainingStep(LLAMA, Layout(8, 4, data), sequences, 8192, sharding=sharding)
        held = parameter_count(LLAMA) / 32 * (data - 1) / data
        return sent(step, "data") / (2 * held)

    assert factor("none", 4 * data) == pytest.approx(2)
    assert factor("optimizer", 4 * data) == pytest.approx(2)
    assert factor("full", data) == pytest.approx(3)
    assert factor("full", 4 * data) == pytest.approx(12)


def test_gradients_in_full_precision_weigh_twice():
    step = TrainingStep(LLAMA, Layout(8, 16, 128), 2048, 8192, sharding="none", gradient_bytes=4)
    (volume,) = (volume for volume in step_volumes(step) if volume.dimension == "data")
    assert volume.message_bytes == pytest.approx(4 * parameter_count(LLAMA) / 128)


def test_every_token_goes_to_its_experts_and_back_in_both_directions():
    step = TrainingStep(MIXTRAL, Layout(1, 1, 16, expert=8), 16, 4096)
    (volume,) = (volume for volume in step_volumes(step) if volume.dimension == "expert")
    assert volume.calls == 4 * 32
    assert volume.message_bytes == 4096 * 2 * 4096 * 2  # tokens × experts per token × width × bf16
    assert volume.sent_bytes == pytest.approx(volume.calls * volume.message_bytes * 7 / 8)
    assert volume.cost(PATHS["h100"]).bytes_per_gpu * volume.calls == pytest.approx(volume.sent_bytes)


def test_copies_of_experts_are_reduced_among_the_ranks_that_hold_them():
    step = TrainingStep(MIXTRAL, Layout(1, 1, 16, expert=8), 16, 4096, sharding="none")
    dense, experts = (volume for volume in step_volumes(step) if volume.dimension == "data")
    routed = routed_parameter_count(MIXTRAL)
    assert dense.placed.group.ranks == 16
    assert dense.message_bytes == 2 * (parameter_count(MIXTRAL) - routed)
    assert experts.placed.group.ranks == 2
    assert experts.message_bytes == 2 * routed / 8
    assert active_parameter_count(MIXTRAL) < parameter_count(MIXTRAL)


def test_a_pipeline_inside_a_host_sends_over_nvlink():
    step = TrainingStep(architecture_preset("llama-2-7b"), Layout(2, 4, 1), 4, 4096)
    (send,) = (volume for volume in step_volumes(step) if volume.dimension == "pipeline")
    cost = send.cost(PATHS["h100"])
    assert (cost.network_bytes_per_gpu, cost.nvlink_bytes_per_gpu) == (0, send.message_bytes)


def test_only_the_parallelism_that_there_is_moves_anything():
    assert step_volumes(TrainingStep(LLAMA, Layout(), 1, 8192)) == ()
    alone = step_volumes(TrainingStep(MIXTRAL, Layout(data=8), 8, 4096))
    assert {volume.dimension for volume in alone} == {"data"}


@pytest.mark.parametrize("sharding", ["none", "optimizer", "full"])
def test_what_a_volume_says_is_sent_is_what_its_cost_says(sharding):
    step = TrainingStep(MIXTRAL, Layout(2, 4, 16, expert=8), 128, 4096, sharding=sharding)
    for volume in step_volumes(step):
        cost = volume.cost(PATHS["h100"])
        if volume.operation != "all-to-all":  # forwarded bytes count twice there
            assert volume.calls * cost.bytes_per_gpu == pytest.approx(volume.sent_bytes)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"sequences": 7}, UnevenBatchError),
        ({"micro_batch": 3}, UnevenBatchError),
        ({"virtual_stages": 8}, MoreStagesThanLayersError),
        ({"layout": Layout(8, 16, 128, expert=2)}, MoreExpertRanksError),
        ({"sharding": "some"}, UnknownMethodError),
        ({"data_exposed_share": 1.5}, NotAShareError),
        ({"data_exposed_share": float("nan")}, NotAShareError),
        ({"sequence_tokens": 0}, NotPositiveError),
    ],
)
def test_steps_that_cannot_be_are_refused(options, error):
    with pytest.raises(error):
        replace(TrainingStep(LLAMA, Layout(8, 16, 128), 2048, 8192), **options)


def test_experts_that_the_ranks_cannot_share_are_refused():
    with pytest.raises(MoreExpertRanksError, match="this one has 8"):
        TrainingStep(MIXTRAL, Layout(data=16, expert=16), 16, 4096)


degrees = st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16])


@settings(max_examples=60, deadline=None)
@given(degrees, degrees, degrees, degrees, st.sampled_from([1, 2, 4, 8, 25, 72]))
def test_groups_have_the_shape_and_span_of_ranks_put_on_hosts_in_order(tensor, pipeline, expert, copies, per_host):
    layout = Layout(tensor, pipeline, expert * copies, expert)
    placed = placement(layout, per_host)
    used = placed.gpus_used_per_host
    assert 1 <= used <= per_host
    assert placed.hosts * used == layout.ranks

    def host(t, e, c, p):
        rank = t + tensor * (e + expert * c) + tensor * layout.data * p
        return rank // used

    ranges = (range(tensor), range(expert), range(copies), range(pipeline))
    members = {
        "tensor": lambda t, e, c, p: (e, c, p),
        "expert": lambda t, e, c, p: (t, c, p),
        "data": lambda t, e, c, p: (t, p),
        "expert_data": lambda t, e, c, p: (t, e, p),
    }
    for name, key in members.items():
        groups = {}
        for rank in product(*ranges):
            groups.setdefault(key(*rank), []).append(host(*rank))
        found = getattr(placed, name)
        for hosts in groups.values():
            distinct = set(hosts)
            assert len(distinct) == found.group.hosts
            assert {hosts.count(one) for one in distinct} == {found.group.per_host}
            assert max(hosts) - min(hosts) + 1 <= found.span_hosts


@pytest.mark.parametrize(
    ("tensor", "elements", "megabytes"), [(2, 64_128, 135.8), (4, 32_064, 203.7), (8, 16_032, 237.6)]
)
def test_a_request_to_llama_8b_sends_what_was_counted_for_it(tensor, elements, megabytes):
    found = inference_volumes(
        architecture_preset("llama-3.1-8b"), tensor=tensor, prompt_tokens=128, generated_tokens=128
    )
    assert (found.all_reduces_per_pass, found.prefill_all_reduces, found.decode_all_reduces) == (65, 65, 8255)
    assert (found.prefill_message_bytes, found.decode_message_bytes) == (2**20, 2**13)
    assert (found.gathers, found.gather_elements_per_rank) == (128, elements)
    assert round(found.ring_bytes_per_gpu / 1e6, 1) == megabytes


def test_a_request_to_one_gpu_sends_nothing_and_to_a_pipeline_one_state_per_boundary_and_token():
    model = architecture_preset("llama-3.1-8b")
    alone = inference_volumes(model, tensor=1, prompt_tokens=128, generated_tokens=16)
    assert (alone.all_reduces_per_pass, alone.gathers, alone.ring_bytes_per_gpu, alone.sends) == (0, 0, 0, 0)
    assert inference_volumes(model, tensor=1, pipeline=4, prompt_tokens=8, generated_tokens=16).sends == 48
    with pytest.raises(NotPositiveError):
        inference_volumes(model, tensor=0, prompt_tokens=8, generated_tokens=1)
