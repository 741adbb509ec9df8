"""The tensors of published models, listed by name and shape as the `transformers` library creates them.

Written from the modules of that library, tensor by tensor, and not from the counts under test: the sum over the shapes
is the other route to the number of parameters.
"""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

Config = Mapping[str, Any]
Tensor = tuple[str, tuple[int, ...]]


def elements(config: Config) -> int:
    return sum(prod(shape) for _, shape in tensors(config))


def elements_of(config: Config, part: str) -> int:
    return sum(prod(shape) for name, shape in tensors(config) if part in name)


def tensors(config: Config) -> Iterator[Tensor]:
    if config["model_type"] == "gpt2":
        yield from gpt2(config)
        return
    width, vocabulary = config["hidden_size"], config["vocab_size"]
    yield "model.embed_tokens.weight", (vocabulary, width)
    for layer in range(config["num_hidden_layers"]):
        for name, shape in block(config, layer):
            yield f"model.layers.{layer}.{name}", shape
    yield "model.norm.weight", (width,)
    if not config.get("tie_word_embeddings", False):
        yield "lm_head.weight", (vocabulary, width)


def gpt2(config: Config) -> Iterator[Tensor]:
    width = config["n_embd"]
    inner = config.get("n_inner") or 4 * width
    yield "wte.weight", (config["vocab_size"], width)
    yield "wpe.weight", (config["n_positions"], width)
    for layer in range(config["n_layer"]):
        for norm in ("ln_1", "ln_2"):
            yield f"h.{layer}.{norm}.weight", (width,)
            yield f"h.{layer}.{norm}.bias", (width,)
        for name, rows, columns in (
            ("attn.c_attn", width, 3 * width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", width, inner),
            ("mlp.c_proj", inner, width),
        ):
            yield f"h.{layer}.{name}.weight", (rows, columns)
            if name != "attn.c_attn" or config.get("test_only_qkv_bias", True):
                yield f"h.{layer}.{name}.bias", (columns,)
    yield "ln_f.weight", (width,)
    yield "ln_f.bias", (width,)
    if not config.get("tie_word_embeddings", True):
        yield "lm_head.weight", (config["vocab_size"], width)


def block(config: Config, layer: int) -> Iterator[Tensor]:
    width = config["hidden_size"]
    yield "input_layernorm.weight", (width,)
    yield "post_attention_layernorm.weight", (width,)
    yield from latent_attention(config) if "kv_lora_rank" in config else attention(config)
    yield from (
        experts(config) if has_experts(config, layer) else gated("mlp", width, config["intermediate_size"], config)
    )


def attention(config: Config) -> Iterator[Tensor]:
    family, width, heads = config["model_type"], config["hidden_size"], config["num_attention_heads"]
    groups = config.get("num_key_value_heads") or heads
    head = config.get("head_dim") or width // heads
    asked = config.get("attention_bias", False)
    yield from linear("self_attn.q_proj", width, heads * head, bias=asked or family.startswith("qwen2"))
    yield from linear("self_attn.k_proj", width, groups * head, bias=asked or family.startswith("qwen2"))
    yield from linear("self_attn.v_proj", width, groups * head, bias=asked or family.startswith("qwen2"))
    yield from linear("self_attn.o_proj", heads * head, width, bias=asked)
    if family.startswith("qwen3"):
        yield "self_attn.q_norm.weight", (head,)
        yield "self_attn.k_norm.weight", (head,)


def latent_attention(config: Config) -> Iterator[Tensor]:
    width, heads, bias = config["hidden_size"], config["num_attention_heads"], config.get("attention_bias", False)
    content, position, value = config["qk_nope_head_dim"], config["qk_rope_head_dim"], config["v_head_dim"]
    if config.get("q_lora_rank"):
        yield from linear("self_attn.q_a_proj", width, config["q_lora_rank"], bias=bias)
        yield "self_attn.q_a_layernorm.weight", (config["q_lora_rank"],)
        yield from linear("self_attn.q_b_proj", config["q_lora_rank"], heads * (content + position))
    else:
        yield from linear("self_attn.q_proj", width, heads * (content + position))
    yield from linear("self_attn.kv_a_proj_with_mqa", width, config["kv_lora_rank"] + position, bias=bias)
    yield "self_attn.kv_a_layernorm.weight", (config["kv_lora_rank"],)
    yield from linear("self_attn.kv_b_proj", config["kv_lora_rank"], heads * (content + value))
    yield from linear("self_attn.o_proj", heads * value, width, bias=bias)


def has_experts(config: Config, layer: int) -> bool:
    match config["model_type"]:
        case "mixtral":
            return True
        case "qwen2_moe" | "qwen3_moe":
            chosen = (layer + 1) % config.get("decoder_sparse_step", 1) == 0
            return chosen and layer not in config.get("mlp_only_layers", [])
        case "deepseek_v2" | "deepseek_v3":
            return layer >= config["first_k_dense_replace"] and layer % config.get("moe_layer_freq", 1) == 0
        case _:
            return False


def experts(config: Config) -> Iterator[Tensor]:
    family, width = config["model_type"], config["hidden_size"]
    number = config.get("num_local_experts") or config.get("num_experts") or config["n_routed_experts"]
    inner = config.get("moe_intermediate_size") or config["intermediate_size"]
    yield "mlp.gate.weight", (number, width)
    if family == "deepseek_v3":
        yield "mlp.gate.e_score_correction_bias", (number,)
    for expert in range(number):
        yield from gated(f"mlp.experts.{expert}", width, inner)
    if family == "qwen2_moe":
        yield from gated("mlp.shared_expert", width, config["shared_expert_intermediate_size"])
        yield "mlp.shared_expert_gate.weight", (1, width)
    if config.get("n_shared_experts"):
        yield from gated("mlp.shared_experts", width, config["n_shared_experts"] * inner)


def gated(name: str, width: int, inner: int, config: Config | None = None) -> Iterator[Tensor]:
    bias = bool(config and config.get("mlp_bias", False))
    yield from linear(f"{name}.gate_proj", width, inner, bias=bias)
    yield from linear(f"{name}.up_proj", width, inner, bias=bias)
    yield from linear(f"{name}.down_proj", inner, width, bias=bias)


def linear(name: str, inputs: int, outputs: int, *, bias: bool = False) -> Iterator[Tensor]:
    yield f"{name}.weight", (outputs, inputs)
    if bias:
        yield f"{name}.bias", (outputs,)
