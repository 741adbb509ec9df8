"""Configurations that lack a size, or are of a family nobody counted."""

import pytest

from models.transformer import architecture_from_config, parameter_count
from models.transformer.errors import (
    ConfigFieldError,
    ConfigFieldMissingError,
    NotDivisibleError,
    TooManyError,
    UnknownModelTypeError,
)
from tests.models.transformer.configs import CONFIGS
from tests.models.transformer.shapes import elements

REQUIRED = [
    ("gpt2-small", "n_positions"),
    ("llama-3.1-405b", "hidden_size"),
    ("mixtral-8x7b", "num_local_experts"),
    ("qwen1.5-moe-a2.7b", "shared_expert_intermediate_size"),
    ("qwen3-30b-a3b", "head_dim"),
    ("deepseek-v3", "kv_lora_rank"),
]


@pytest.mark.parametrize(("name", "field"), REQUIRED)
def test_a_missing_size_is_named(name, field):
    config = {key: value for key, value in CONFIGS[name].items() if key != field}
    with pytest.raises(ConfigFieldMissingError, match=field):
        architecture_from_config(config)


@pytest.mark.parametrize("model_type", [None, 3, "mamba"])
def test_an_unknown_family_is_named_beside_the_known_ones(model_type):
    with pytest.raises(UnknownModelTypeError, match=r"cannot be counted; known are gpt2, llama"):
        architecture_from_config({"model_type": model_type})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", "4096"),
        ("hidden_size", -1),
        ("hidden_size", True),
        ("hidden_size", 4096.5),
        ("tie_word_embeddings", "no"),
        ("attention_bias", 1),
    ],
)
def test_a_field_that_is_no_size_or_switch_is_named(field, value):
    with pytest.raises(ConfigFieldError, match=field):
        architecture_from_config({**CONFIGS["llama-3.1-405b"], field: value})


@pytest.mark.parametrize("layers", ["0", [0.5]])
def test_a_list_of_layers_holds_whole_numbers(layers):
    with pytest.raises(ConfigFieldError, match="mlp_only_layers"):
        architecture_from_config({**CONFIGS["qwen3-30b-a3b"], "mlp_only_layers": layers})


def test_heads_that_cannot_be_grouped_are_refused():
    with pytest.raises(NotDivisibleError, match="heads is 128, which kv_heads 7 does not divide"):
        architecture_from_config({**CONFIGS["llama-3.1-405b"], "num_key_value_heads": 7})


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(NotDivisibleError, match="width is 16385"):
        architecture_from_config({**CONFIGS["llama-3.1-405b"], "hidden_size": 16_385})


def test_a_token_cannot_pass_through_more_experts_than_there_are():
    with pytest.raises(TooManyError, match="per_token is 9, more than experts 8"):
        architecture_from_config({**CONFIGS["mixtral-8x7b"], "num_experts_per_tok": 9})


def test_the_language_part_of_a_multimodal_model_is_found():
    config = {"model_type": "mllama", "text_config": CONFIGS["llama-3.2-1b"]}
    assert parameter_count(architecture_from_config(config)) == elements(CONFIGS["llama-3.2-1b"])
