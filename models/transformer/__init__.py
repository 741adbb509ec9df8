"""A transformer in numbers: parameters, training state, checkpoints and the shard of each rank."""

from models.transformer.architecture import Architecture, Experts, LatentAttention
from models.transformer.counts import (
    active_parameter_count,
    block_parameter_count,
    kv_cache_bytes_per_token,
    parameter_count,
    routed_parameter_count,
)
from models.transformer.hugging_face import architecture_from_config
from models.transformer.presets import PRESETS, architecture_preset
from models.transformer.state import (
    CHECKPOINT_KINDS,
    FULL_PRECISION_ADAM,
    MIXED_PRECISION_ADAM,
    MIXED_PRECISION_ADAM_FP32_GRADIENTS,
    Layout,
    StateBytes,
    checkpoint_bytes,
    shard_bytes_per_rank,
    training_state_bytes,
)

__all__ = [
    "CHECKPOINT_KINDS",
    "FULL_PRECISION_ADAM",
    "MIXED_PRECISION_ADAM",
    "MIXED_PRECISION_ADAM_FP32_GRADIENTS",
    "PRESETS",
    "Architecture",
    "Experts",
    "LatentAttention",
    "Layout",
    "StateBytes",
    "active_parameter_count",
    "architecture_from_config",
    "architecture_preset",
    "block_parameter_count",
    "checkpoint_bytes",
    "kv_cache_bytes_per_token",
    "parameter_count",
    "routed_parameter_count",
    "shard_bytes_per_rank",
    "training_state_bytes",
]
