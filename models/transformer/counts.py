"""Parameters of a transformer: exact sums over its weight matrices and vectors, as the published code builds them."""

from models.transformer.architecture import Architecture, Experts, LatentAttention


def parameter_count(architecture: Architecture) -> int:
    """Count all parameters.

    Notes
    -----
    For GPT-2 this is P = V d + C d + L (12 d² + 13 d) + 2 d, with V tokens, C positions and L layers.

    Examples
    --------
    >>> gpt_2 = Architecture(
    ...     layers=12, width=768, heads=12, vocabulary=50_257, feed_forward_width=3072, context=1024, gated=False,
    ...     norm_bias=True, qkv_bias=True, output_bias=True, feed_forward_bias=True, tied_head=True,
    ... )
    >>> parameter_count(gpt_2)
    124439808
    """
    rows = (1 if architecture.tied_head else 2) * architecture.vocabulary + architecture.context
    around = rows * architecture.width + _norm(architecture)
    dense = (architecture.layers - architecture.expert_layers) * block_parameter_count(architecture)
    if architecture.mixture is None:
        return around + dense
    expert_block = _around_feed_forward(architecture) + _mixture(architecture.width, architecture.mixture)
    return around + dense + architecture.expert_layers * expert_block


def active_parameter_count(architecture: Architecture) -> int:
    """Count the parameters one token passes through: all of them, less the experts that were not chosen for it.

    Embedding and output layer count whole, as in the published "47B, of which 13B active" of Mixtral.
    """
    mixture = architecture.mixture
    if mixture is None:
        return parameter_count(architecture)
    one_expert = architecture.expert_layers * _gated_network(architecture.width, mixture.width)
    return parameter_count(architecture) - (mixture.experts - mixture.per_token) * one_expert


def routed_parameter_count(architecture: Architecture) -> int:
    """Count the parameters of all routed experts: those that expert parallelism spreads."""
    mixture = architecture.mixture
    if mixture is None:
        return 0
    return architecture.expert_layers * mixture.experts * _gated_network(architecture.width, mixture.width)


def block_parameter_count(architecture: Architecture) -> int:
    """Count the parameters of one block with an ordinary feed-forward network.

    Examples
    --------
    >>> block_parameter_count(Architecture(
    ...     layers=12, width=768, heads=12, vocabulary=50_257, feed_forward_width=3072, context=1024, gated=False,
    ...     norm_bias=True, output_bias=True, feed_forward_bias=True,
    ... ))
    7085568
    """
    width, inner = architecture.width, architecture.feed_forward_width
    matrices = 3 if architecture.gated else 2
    biases = (matrices - 1) * inner + width if architecture.feed_forward_bias else 0
    return _around_feed_forward(architecture) + matrices * width * inner + biases


def kv_cache_bytes_per_token(architecture: Architecture, bytes_per_number: int = 2) -> int:
    """Count the bytes that serving keeps for each token: keys and values of every layer, or their latent vector."""
    latent = architecture.latent
    if latent is not None:
        return architecture.layers * (latent.key_value_rank + latent.position_width) * bytes_per_number
    return 2 * architecture.layers * architecture.kv_width * bytes_per_number


def _around_feed_forward(architecture: Architecture) -> int:
    """Count a block's parameters outside its feed-forward network: attention and two norms."""
    latent = architecture.latent
    attention = _attention(architecture) if latent is None else _latent_attention(architecture, latent)
    return attention + 2 * _norm(architecture)


def _attention(architecture: Architecture) -> int:
    width, query_width, kv_width = architecture.width, architecture.query_width, architecture.kv_width
    weights = width * (query_width + 2 * kv_width) + query_width * width
    biases = (query_width + 2 * kv_width) * architecture.qkv_bias + width * architecture.output_bias
    return weights + biases + 2 * architecture.each_head_width * architecture.query_key_norm


def _latent_attention(architecture: Architecture, latent: LatentAttention) -> int:
    """Count latent attention; with `qkv_bias` the two compressions carry a bias, as the published code has it."""
    width, heads = architecture.width, architecture.heads
    head_width = latent.content_width + latent.position_width
    queries = width * heads * head_width
    if latent.query_rank:
        rank = latent.query_rank
        queries = width * rank + rank + rank * heads * head_width + rank * architecture.qkv_bias
    compressed = latent.key_value_rank + latent.position_width
    down = width * compressed + compressed * architecture.qkv_bias + latent.key_value_rank
    up = latent.key_value_rank * heads * (latent.content_width + latent.value_width)
    output = heads * latent.value_width * width + width * architecture.output_bias
    return queries + down + up + output


def _mixture(width: int, mixture: Experts) -> int:
    router = mixture.experts * width + mixture.experts * mixture.router_bias
    shared = _gated_network(width, mixture.shared_width) + width * mixture.shared_gate
    return router + shared + mixture.experts * _gated_network(width, mixture.width)


def _gated_network(width: int, inner: int) -> int:
    return 3 * width * inner


def _norm(architecture: Architecture) -> int:
    return (2 if architecture.norm_bias else 1) * architecture.width
