"""Architectures from the `config.json` that Hugging Face models come with.

A field may be missing where the family's configuration class has a default that follows from other fields or that most
of its models keep; sizes may not. The defaults are those of the `transformers` library.
"""

from collections.abc import Callable, Mapping

from models.transformer.architecture import Architecture, Experts, LatentAttention
from models.transformer.errors import ConfigFieldError, ConfigFieldMissingError, UnknownModelTypeError

Config = Mapping[str, object]


def architecture_from_config(config: Config) -> Architecture:
    """Read an architecture from a parsed `config.json`.

    Parameters
    ----------
    config : mapping
        The file's content; a multimodal model's language part is found under `text_config`.

    Raises
    ------
    UnknownModelTypeError
        `model_type` is missing or of a family not known here.
    ConfigFieldMissingError, ConfigFieldError
        A size is missing, or is no whole number; the message names it.

    Examples
    --------
    >>> architecture_from_config({
    ...     "model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
    ...     "num_key_value_heads": 8, "vocab_size": 128256, "intermediate_size": 14336,
    ... }).kv_width
    1024
    """
    family = config.get("model_type")
    text = config.get("text_config")
    if family not in _READERS and isinstance(text, Mapping):
        return architecture_from_config(text)
    if not isinstance(family, str) or family not in _READERS:
        raise UnknownModelTypeError(family, _READERS)
    return _READERS[family](_Fields(config, family))


class _Fields:
    """A configuration whose fields are asked for by name and type."""

    def __init__(self, config: Config, family: str) -> None:
        self.config = config
        self.family = family

    def count(self, field: str) -> int:
        """Return a size that must be there."""
        value = self.optional_count(field)
        if value is None:
            raise ConfigFieldMissingError(field, self.family)
        return value

    def optional_count(self, field: str) -> int | None:
        """Return a size, or None where it is missing or null."""
        value = self.config.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigFieldError(field, value, "a whole number, zero or more")
        return value

    def flag(self, field: str, *, default: bool) -> bool:
        """Return a switch, or its default where it is missing or null."""
        value = self.config.get(field)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise ConfigFieldError(field, value, "true or false")
        return value

    def layer_numbers(self, field: str) -> set[int]:
        """Return the layers a list names; a missing list is empty."""
        value = self.config.get(field)
        if value is None:
            return set()
        if not isinstance(value, list) or not all(isinstance(item, int) for item in value):
            raise ConfigFieldError(field, value, "a list of layer numbers")
        return set(value)


def _gpt2(config: _Fields) -> Architecture:
    width = config.count("n_embd")
    return Architecture(
        layers=config.count("n_layer"),
        width=width,
        heads=config.count("n_head"),
        vocabulary=config.count("vocab_size"),
        feed_forward_width=config.optional_count("n_inner") or 4 * width,
        context=config.count("n_positions"),
        gated=False,
        norm_bias=True,
        qkv_bias=True,
        output_bias=True,
        feed_forward_bias=True,
        tied_head=config.flag("tie_word_embeddings", default=True),
    )


def _decoder(
    config: _Fields,
    *,
    qkv_bias: bool = False,
    output_bias: bool = False,
    feed_forward_bias: bool = False,
    query_key_norm: bool = False,
    mixture: Experts | None = None,
    latent: LatentAttention | None = None,
) -> Architecture:
    """Read what all families after Llama name alike."""
    return Architecture(
        layers=config.count("num_hidden_layers"),
        width=config.count("hidden_size"),
        heads=config.count("num_attention_heads"),
        kv_heads=config.optional_count("num_key_value_heads"),
        head_width=config.optional_count("head_dim"),
        vocabulary=config.count("vocab_size"),
        feed_forward_width=config.count("intermediate_size"),
        qkv_bias=qkv_bias,
        output_bias=output_bias,
        feed_forward_bias=feed_forward_bias,
        query_key_norm=query_key_norm,
        tied_head=config.flag("tie_word_embeddings", default=False),
        mixture=mixture,
        latent=latent,
    )


def _llama(config: _Fields) -> Architecture:
    bias = config.flag("attention_bias", default=False)
    return _decoder(config, qkv_bias=bias, output_bias=bias, feed_forward_bias=config.flag("mlp_bias", default=False))


def _mixtral(config: _Fields) -> Architecture:
    experts = Experts(
        config.count("num_local_experts"), config.count("num_experts_per_tok"), config.count("intermediate_size")
    )
    return _decoder(config, mixture=experts)


def _qwen2(config: _Fields) -> Architecture:
    return _decoder(config, qkv_bias=True)


def _qwen3(config: _Fields, mixture: Experts | None = None) -> Architecture:
    config.count("head_dim")  # does not follow from the other sizes: Qwen3-4B has 32 heads of 128 and a width of 2560
    bias = config.flag("attention_bias", default=False)
    return _decoder(config, qkv_bias=bias, output_bias=bias, query_key_norm=True, mixture=mixture)


def _qwen2_moe(config: _Fields) -> Architecture:
    shared_width = config.count("shared_expert_intermediate_size")
    experts = _qwen_experts(config, shared_width=shared_width)
    return _decoder(config, qkv_bias=config.flag("qkv_bias", default=True), mixture=experts)


def _qwen3_moe(config: _Fields) -> Architecture:
    return _qwen3(config, mixture=_qwen_experts(config))


def _qwen_experts(config: _Fields, shared_width: int = 0) -> Experts:
    step = config.optional_count("decoder_sparse_step") or 1
    dense = config.layer_numbers("mlp_only_layers")
    layers = config.count("num_hidden_layers")
    return Experts(
        config.count("num_experts"),
        config.count("num_experts_per_tok"),
        config.count("moe_intermediate_size"),
        shared_width=shared_width,
        shared_gate=shared_width > 0,
        dense_layers=sum(layer in dense or (layer + 1) % step != 0 for layer in range(layers)),
    )


def _deepseek_v3(config: _Fields) -> Architecture:
    return _deepseek(config, router_bias=True)


def _deepseek_v2(config: _Fields) -> Architecture:
    return _deepseek(config, router_bias=False)


def _deepseek(config: _Fields, *, router_bias: bool) -> Architecture:
    width = config.count("moe_intermediate_size")
    first, step = config.count("first_k_dense_replace"), config.optional_count("moe_layer_freq") or 1
    experts = Experts(
        config.count("n_routed_experts"),
        config.count("num_experts_per_tok"),
        width,
        shared_width=(config.optional_count("n_shared_experts") or 0) * width,
        router_bias=router_bias,
        dense_layers=sum(layer < first or layer % step != 0 for layer in range(config.count("num_hidden_layers"))),
    )
    latent = LatentAttention(
        config.count("kv_lora_rank"),
        config.optional_count("q_lora_rank") or 0,
        content_width=config.count("qk_nope_head_dim"),
        position_width=config.count("qk_rope_head_dim"),
        value_width=config.count("v_head_dim"),
    )
    bias = config.flag("attention_bias", default=False)
    return _decoder(config, qkv_bias=bias, output_bias=bias, mixture=experts, latent=latent)


_READERS: Mapping[str, Callable[[_Fields], Architecture]] = {
    "gpt2": _gpt2,
    "llama": _llama,
    "mistral": _decoder,
    "mixtral": _mixtral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "qwen2_moe": _qwen2_moe,
    "qwen3_moe": _qwen3_moe,
    "deepseek_v2": _deepseek_v2,
    "deepseek_v3": _deepseek_v3,
}
