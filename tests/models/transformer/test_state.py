"""Bytes of training states and checkpoints, and how they fall to ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NotACountError, NotPositiveError
from models.transformer import (
    CHECKPOINT_KINDS,
    FULL_PRECISION_ADAM,
    MIXED_PRECISION_ADAM,
    MIXED_PRECISION_ADAM_FP32_GRADIENTS,
    PRESETS,
    Experts,
    Layout,
    StateBytes,
    architecture_preset,
    checkpoint_bytes,
    parameter_count,
    routed_parameter_count,
    shard_bytes_per_rank,
    training_state_bytes,
)
from models.transformer.errors import (
    NotDivisibleError,
    TooManyError,
    UnknownArchitectureError,
    UnknownCheckpointKindError,
)


@pytest.mark.parametrize(
    ("name", "small_gigabytes", "large_gigabytes"),
    [("scratch-small-tied", 1.49, 1.74), ("gpt2-xl", 18.7, 21.8), ("llama-3.1-405b", 4870, 5680)],
)
def test_checkpoints_with_and_without_bf16_weights(name, small_gigabytes, large_gigabytes):
    model = architecture_preset(name)
    assert checkpoint_bytes(model) / 1e9 == pytest.approx(small_gigabytes, rel=4e-3)
    assert checkpoint_bytes(model, "optimizer+weights") / 1e9 == pytest.approx(large_gigabytes, rel=4e-3)
    assert checkpoint_bytes(model) == 12 * parameter_count(model)
    assert checkpoint_bytes(model, "optimizer+weights") == 14 * parameter_count(model)


def test_the_book_s_model_takes_621_83_megabytes_in_fp32():
    assert round(checkpoint_bytes(architecture_preset("scratch-small"), "fp32-weights") / 2**20, 2) == 621.83


def test_mixed_precision_adam_holds_16_bytes_per_parameter_and_18_with_fp32_gradients():
    assert MIXED_PRECISION_ADAM.per_parameter == 16
    assert MIXED_PRECISION_ADAM_FP32_GRADIENTS.per_parameter == 18
    assert FULL_PRECISION_ADAM.per_parameter == 16
    model = architecture_preset("llama-3-8b")
    assert training_state_bytes(model) == 16 * 8_030_261_248


def test_a_state_of_one_s_own_is_a_checkpoint_too():
    half_moments = StateBytes(master=4, first_moment=2, second_moment=2)
    model = architecture_preset("llama-3-8b")
    assert checkpoint_bytes(model, half_moments) == 8 * parameter_count(model)


def test_llama_3_405b_over_16384_gpus_writes_297_megabytes_each():
    layout = Layout(tensor=8, pipeline=16, data=128)
    assert layout.ranks == 16_384
    assert round(shard_bytes_per_rank(architecture_preset("llama-3.1-405b"), layout) / 1e6) == 297


names = st.sampled_from(sorted(PRESETS))
kinds = st.sampled_from(sorted(CHECKPOINT_KINDS))
layouts = st.builds(
    lambda tensor, pipeline, expert, groups: Layout(tensor, pipeline, expert * groups, expert),
    *[st.integers(1, 16)] * 4,
)


@given(names, kinds, layouts)
def test_shards_of_all_ranks_add_up_to_the_checkpoint(name, kind, layout):
    model = architecture_preset(name)
    assert shard_bytes_per_rank(model, layout, kind) * layout.ranks == pytest.approx(checkpoint_bytes(model, kind))


@given(names, kinds, layouts)
def test_what_one_data_parallel_replica_writes_adds_up_to_the_checkpoint(name, kind, layout):
    """One group of tensor x pipeline ranks writes what is not routed; as many per expert part write their experts."""
    model = architecture_preset(name)
    groups = layout.tensor * layout.pipeline
    per_parameter = CHECKPOINT_KINDS[kind].per_parameter
    written_once = (parameter_count(model) - routed_parameter_count(model)) * per_parameter / groups
    each = shard_bytes_per_rank(model, layout, kind, split_over_data=False)
    assert groups * (written_once + layout.expert * (each - written_once)) == pytest.approx(
        checkpoint_bytes(model, kind)
    )


@given(names, kinds, layouts)
def test_splitting_over_data_parallel_ranks_never_enlarges_the_part_of_a_rank(name, kind, layout):
    model = architecture_preset(name)
    split = shard_bytes_per_rank(model, layout, kind)
    whole = shard_bytes_per_rank(model, layout, kind, split_over_data=False)
    assert split <= whole * (1 + 1e-12)


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(UnknownArchitectureError, match=r"'llama-9'.*llama-3\.1-405b.*config\.json"):
        architecture_preset("llama-9")


def test_an_unknown_checkpoint_kind_lists_the_known_ones():
    with pytest.raises(UnknownCheckpointKindError, match="'everything'; known are optimizer"):
        checkpoint_bytes(architecture_preset("gpt2-small"), "everything")


def test_layouts_and_states_that_cannot_be_are_refused():
    with pytest.raises(NotDivisibleError, match="data is 6, which expert 4 does not divide"):
        Layout(data=6, expert=4)
    with pytest.raises(NotPositiveError, match="tensor is 0"):
        Layout(tensor=0)
    with pytest.raises(NotACountError, match="weights"):
        StateBytes(weights=-1)
    with pytest.raises(TooManyError, match="per_token is 3, more than experts 2"):
        Experts(2, 3, width=1)
