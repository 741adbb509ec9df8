"""Parameters against published counts, and against a list of every tensor written down on another route."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.transformer import (
    PRESETS,
    active_parameter_count,
    architecture_from_config,
    architecture_preset,
    block_parameter_count,
    kv_cache_bytes_per_token,
    parameter_count,
    routed_parameter_count,
)
from tests.models.transformer.configs import CONFIGS
from tests.models.transformer.shapes import elements, elements_of

GPT_2 = {
    "gpt2-small": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "scratch-small-tied": 124_412_160,
    "scratch-medium-tied": 354_749_440,
    "scratch-large-tied": 773_891_840,
    "scratch-xl-tied": 1_557_380_800,
    "scratch-small": 163_009_536,
    "scratch-medium": 406_212_608,
    "scratch-large": 838_220_800,
    "scratch-xl": 1_637_792_000,
}
# As the model cards and checkpoints of the published weights count them.
PUBLISHED = {
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-3-8b": 8_030_261_248,
    "llama-3-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "mistral-7b": 7_241_732_096,
    "mixtral-8x7b": 46_702_792_704,
    "mixtral-8x22b": 140_630_071_296,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-72b": 72_706_203_648,
    "qwen1.5-moe-a2.7b": 14_315_784_192,
    "qwen3-8b": 8_190_735_360,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
}


@pytest.mark.parametrize(("name", "parameters"), {**GPT_2, **PUBLISHED}.items())
def test_presets_have_their_published_number_of_parameters(name, parameters):
    assert parameter_count(architecture_preset(name)) == parameters


@pytest.mark.parametrize("name", CONFIGS)
def test_presets_equal_their_configuration_files_and_the_sum_over_every_tensor(name):
    config = CONFIGS[name]
    preset = architecture_preset(name)
    assert parameter_count(preset) == elements(config)
    assert parameter_count(architecture_from_config(config)) == elements(config)
    assert routed_parameter_count(preset) == elements_of(config, ".experts.")
    assert kv_cache_bytes_per_token(architecture_from_config(config)) == kv_cache_bytes_per_token(preset)
    assert active_parameter_count(architecture_from_config(config)) == active_parameter_count(preset)


@pytest.mark.parametrize("size", ["small", "medium", "large", "xl"])
def test_the_gpt_2_family_follows_its_formula(size):
    model = architecture_preset(f"gpt2-{size}")
    width, layers, tokens, positions = model.width, model.layers, model.vocabulary, model.context
    formula = tokens * width + positions * width + layers * (12 * width**2 + 13 * width) + 2 * width
    assert parameter_count(model) == formula
    assert parameter_count(replace(model, qkv_bias=False)) == formula - 3 * width * layers
    assert parameter_count(replace(model, tied_head=False)) == formula + tokens * width


def test_a_block_of_gpt_2_small_with_and_without_query_key_value_biases():
    assert block_parameter_count(architecture_preset("scratch-small")) == 7_085_568
    assert block_parameter_count(architecture_preset("gpt2-small")) == 7_087_872


def test_deepseek_v3_has_671_billion_parameters_of_which_about_37_are_active():
    model = architecture_preset("deepseek-v3")
    assert round(parameter_count(model) / 1e9) == 671
    assert active_parameter_count(model) / 1e9 == pytest.approx(37, abs=0.6)


def test_active_parameters_of_mixtral_are_those_its_paper_prints():
    assert round(active_parameter_count(architecture_preset("mixtral-8x7b")) / 1e9, 1) == 12.9
    assert round(active_parameter_count(architecture_preset("mixtral-8x22b")) / 1e9) == 39


@pytest.mark.parametrize("name", PRESETS)
def test_no_token_passes_through_more_than_the_whole_model(name):
    model = architecture_preset(name)
    assert 0 < active_parameter_count(model) <= parameter_count(model)
    assert (active_parameter_count(model) < parameter_count(model)) == (model.mixture is not None)


def test_the_cache_of_one_token():
    assert kv_cache_bytes_per_token(architecture_preset("llama-3-70b")) == 2 * 80 * 8 * 128 * 2
    assert kv_cache_bytes_per_token(architecture_preset("deepseek-v3")) == 61 * 576 * 2


small = st.integers(1, 4)
dense_configs = st.fixed_dictionaries(
    {
        "model_type": st.sampled_from(["llama", "mistral", "qwen2", "qwen3"]),
        "num_hidden_layers": small,
        "hidden_size": small.map(lambda number: 24 * number),
        "num_attention_heads": st.sampled_from([4, 8, 12]),
        "num_key_value_heads": st.sampled_from([1, 2, 4]),
        "head_dim": small,
        "vocab_size": st.integers(1, 100),
        "intermediate_size": st.integers(1, 100),
        "tie_word_embeddings": st.booleans(),
    }
)
mixture_sizes = st.fixed_dictionaries(
    {
        "num_experts": st.integers(4, 9),
        "num_experts_per_tok": small,
        "moe_intermediate_size": small,
        "decoder_sparse_step": st.integers(1, 3),
        "mlp_only_layers": st.lists(st.integers(0, 3), unique=True),
    }
)
latent_sizes = st.fixed_dictionaries(
    {
        "model_type": st.sampled_from(["deepseek_v2", "deepseek_v3"]),
        "n_routed_experts": st.integers(4, 9),
        "num_experts_per_tok": small,
        "moe_intermediate_size": small,
        "n_shared_experts": st.integers(0, 3),
        "first_k_dense_replace": st.integers(0, 1),
        "moe_layer_freq": st.integers(1, 3),
        "kv_lora_rank": small,
        "q_lora_rank": st.none() | small,
        "qk_nope_head_dim": small,
        "qk_rope_head_dim": small,
        "v_head_dim": small,
        "attention_bias": st.booleans(),
    }
)


@settings(deadline=None)
@given(dense_configs, st.booleans(), st.booleans())
def test_every_dense_configuration_counts_as_its_tensors_do(config, attention_bias, mlp_bias):
    if config["model_type"] in {"llama", "qwen3"}:
        config = {**config, "attention_bias": attention_bias}
    if config["model_type"] == "llama":
        config = {**config, "mlp_bias": mlp_bias}
    assert parameter_count(architecture_from_config(config)) == elements(config)


@settings(deadline=None)
@given(dense_configs, mixture_sizes, st.none() | small)
def test_every_mixture_of_qwen_counts_as_its_tensors_do(config, mixture, shared):
    family = "qwen3_moe" if shared is None else "qwen2_moe"
    config = {**config, **mixture, "model_type": family, "shared_expert_intermediate_size": shared}
    model = architecture_from_config(config)
    assert parameter_count(model) == elements(config)
    assert routed_parameter_count(model) == elements_of(config, ".experts.")


@settings(deadline=None)
@given(dense_configs, latent_sizes)
def test_every_latent_attention_counts_as_its_tensors_do(config, latent):
    config = {**config, **latent}
    assert parameter_count(architecture_from_config(config)) == elements(config)


@given(st.sampled_from(sorted(PRESETS)), st.integers(1, 5))
def test_a_layer_more_never_shrinks_a_model(name, more):
    model = architecture_preset(name)
    assert parameter_count(replace(model, layers=model.layers + more)) > parameter_count(model)
