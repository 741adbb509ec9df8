"""Architectures of published models, with the sizes of their configuration files.

The GPT-2 family stands in three layouts: as OpenAI published it (output layer tied to the embedding, biases on queries,
keys and values), and as Raschka's "Build a Large Language Model (From Scratch)" builds it, without those biases and
with an output layer of its own, or tied.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from models.transformer.architecture import Architecture, Experts, LatentAttention
from models.transformer.errors import UnknownArchitectureError


def _gpt_2(width: int, layers: int, heads: int) -> Architecture:
    return Architecture(
        layers=layers,
        width=width,
        heads=heads,
        vocabulary=50_257,
        feed_forward_width=4 * width,
        context=1024,
        gated=False,
        norm_bias=True,
        qkv_bias=True,
        output_bias=True,
        feed_forward_bias=True,
        tied_head=True,
    )


_GPT_2 = {
    "small": _gpt_2(768, 12, 12),
    "medium": _gpt_2(1024, 24, 16),
    "large": _gpt_2(1280, 36, 20),
    "xl": _gpt_2(1600, 48, 25),
}

#: Brown et al. (arXiv 2005.14165), table 2.1: as GPT-2 is built, twice its context
_GPT_3_175B = replace(_gpt_2(12_288, 96, 96), context=2048)

_LLAMA_2_7B = Architecture(layers=32, width=4096, heads=32, vocabulary=32_000, feed_forward_width=11_008)
_LLAMA_3_8B = Architecture(layers=32, width=4096, heads=32, kv_heads=8, vocabulary=128_256, feed_forward_width=14_336)
_LLAMA_3_70B = replace(_LLAMA_3_8B, layers=80, width=8192, heads=64, feed_forward_width=28_672)
_MISTRAL_7B = replace(_LLAMA_3_8B, vocabulary=32_000)
_QWEN_2_5_7B = Architecture(
    layers=28, width=3584, heads=28, kv_heads=4, vocabulary=152_064, feed_forward_width=18_944, qkv_bias=True
)
_QWEN_3_8B = Architecture(
    layers=36, width=4096, heads=32, kv_heads=8, vocabulary=151_936, feed_forward_width=12_288, query_key_norm=True
)
_DEEPSEEK_V3 = Architecture(
    layers=61,
    width=7168,
    heads=128,
    vocabulary=129_280,
    feed_forward_width=18_432,
    mixture=Experts(256, 8, width=2048, shared_width=2048, router_bias=True, dense_layers=3),
    latent=LatentAttention(512, 1536, content_width=128, position_width=64, value_width=128),
)

PRESETS: Mapping[str, Architecture] = MappingProxyType(
    {
        **{f"gpt2-{size}": model for size, model in _GPT_2.items()},
        **{f"scratch-{size}": replace(model, qkv_bias=False, tied_head=False) for size, model in _GPT_2.items()},
        **{f"scratch-{size}-tied": replace(model, qkv_bias=False) for size, model in _GPT_2.items()},
        "gpt-3-175b": _GPT_3_175B,
        "llama-2-7b": _LLAMA_2_7B,
        "llama-2-13b": replace(_LLAMA_2_7B, layers=40, width=5120, heads=40, feed_forward_width=13_824),
        "llama-2-70b": replace(_LLAMA_3_70B, vocabulary=32_000),
        "llama-3-8b": _LLAMA_3_8B,
        "llama-3-70b": _LLAMA_3_70B,
        "llama-3.1-8b": _LLAMA_3_8B,
        "llama-3.1-70b": _LLAMA_3_70B,
        "llama-3.1-405b": replace(_LLAMA_3_8B, layers=126, width=16_384, heads=128, feed_forward_width=53_248),
        "llama-3.2-1b": replace(_LLAMA_3_8B, layers=16, width=2048, feed_forward_width=8192, tied_head=True),
        "llama-3.2-3b": replace(_LLAMA_3_8B, layers=28, width=3072, heads=24, feed_forward_width=8192, tied_head=True),
        "llama-3.3-70b": _LLAMA_3_70B,
        "mistral-7b": _MISTRAL_7B,
        "mixtral-8x7b": replace(_MISTRAL_7B, mixture=Experts(8, 2, width=14_336)),
        "mixtral-8x22b": Architecture(
            layers=56,
            width=6144,
            heads=48,
            kv_heads=8,
            vocabulary=32_768,
            feed_forward_width=16_384,
            mixture=Experts(8, 2, width=16_384),
        ),
        "qwen2.5-7b": _QWEN_2_5_7B,
        "qwen2.5-72b": replace(_QWEN_2_5_7B, layers=80, width=8192, heads=64, kv_heads=8, feed_forward_width=29_568),
        "qwen1.5-moe-a2.7b": Architecture(
            layers=24,
            width=2048,
            heads=16,
            vocabulary=151_936,
            feed_forward_width=5632,
            qkv_bias=True,
            mixture=Experts(60, 4, width=1408, shared_width=5632, shared_gate=True),
        ),
        "qwen3-8b": _QWEN_3_8B,
        "qwen3-30b-a3b": replace(
            _QWEN_3_8B,
            layers=48,
            width=2048,
            kv_heads=4,
            head_width=128,
            feed_forward_width=6144,
            mixture=Experts(128, 8, width=768),
        ),
        "qwen3-235b-a22b": replace(
            _QWEN_3_8B,
            layers=94,
            heads=64,
            kv_heads=4,
            head_width=128,
            mixture=Experts(128, 8, width=1536),
        ),
        "deepseek-v3": _DEEPSEEK_V3,
    }
)


def architecture_preset(name: str) -> Architecture:
    """Return the architecture of a published model.

    Parameters
    ----------
    name : str
        A key of `PRESETS`, in any case.

    Raises
    ------
    UnknownArchitectureError
        No such preset; the message lists those that exist.

    Notes
    -----
    DeepSeek-V3 is the model proper, without the module that predicts a second token.

    Examples
    --------
    >>> architecture_preset("Llama-3.1-405B").layers
    126
    """
    key = name.strip().lower()
    if key not in PRESETS:
        raise UnknownArchitectureError(name, PRESETS)
    return PRESETS[key]
