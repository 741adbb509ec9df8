"""A decoder-only transformer as its layers: what decides how many parameters it has."""

from dataclasses import dataclass, fields

from models.guards import checked_count, checked_positive
from models.transformer.errors import NotDivisibleError, TooManyError


@dataclass(frozen=True, slots=True)
class Experts:
    """The mixture of experts that takes the place of the feed-forward network in some layers.

    Parameters
    ----------
    experts, per_token : int
        Routed experts of a layer, and how many of them one token passes through.
    width : int
        Inner width of one routed expert, a gated network of three matrices.
    shared_width : int
        Inner width of all shared experts together, which every token passes through; 0 without.
    shared_gate : bool
        Whether a vector of the model's width weighs the shared expert (Qwen MoE).
    router_bias : bool
        Whether the router has a number per expert that balances their load (DeepSeek-V3).
    dense_layers : int
        Layers that keep an ordinary feed-forward network.
    """

    experts: int
    per_token: int
    width: int
    shared_width: int = 0
    shared_gate: bool = False
    router_bias: bool = False
    dense_layers: int = 0

    def __post_init__(self) -> None:
        for name in ("experts", "per_token", "width"):
            checked_positive(name, checked_count(name, getattr(self, name)))
        checked_count("shared_width", self.shared_width)
        checked_count("dense_layers", self.dense_layers)
        if self.per_token > self.experts:
            raise TooManyError("per_token", self.per_token, "experts", self.experts)


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention: queries, keys and values made from compressed vectors (arXiv 2405.04434, §2.1).

    Parameters
    ----------
    key_value_rank : int
        Width of the compressed vector that keys and values are made from.
    query_rank : int
        Width of the compressed vector that queries are made from; 0 makes them from the whole vector.
    content_width, position_width, value_width : int
        Widths of one head: the part of query and key without position, the part that rotates, and the value.
    """

    key_value_rank: int
    query_rank: int
    content_width: int
    position_width: int
    value_width: int

    def __post_init__(self) -> None:
        for field in fields(self):
            checked_count(field.name, getattr(self, field.name))
        checked_positive("key_value_rank", self.key_value_rank)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A decoder-only transformer, as far as its parameters go.

    Parameters
    ----------
    layers, width, heads : int
        Blocks, width of the residual stream d, and query heads.
    vocabulary : int
        Tokens known, V; padded rows count where the published weights hold them.
    feed_forward_width : int
        Inner width of the feed-forward network.
    kv_heads : int or None
        Heads of keys and values; None for as many as query heads.
    head_width : int or None
        Width of one head; None for width / heads.
    context : int
        Learned position vectors; 0 where positions are rotated and need no weights.
    gated : bool
        Three matrices in the feed-forward network (SwiGLU) instead of two.
    norm_bias, qkv_bias, output_bias, feed_forward_bias : bool
        Which parts carry a bias beside their weight; norms without one are RMSNorm.
    query_key_norm : bool
        Whether each head's query and key are normalised (Qwen 3).
    tied_head : bool
        Whether the output layer is the embedding again.
    mixture : Experts or None
        Experts in place of the feed-forward network.
    latent : LatentAttention or None
        Latent attention in place of the ordinary one; `kv_heads` and `head_width` are not used then.

    Raises
    ------
    ModelError
        A size cannot be; the message names it.

    Examples
    --------
    >>> llama_2_7b = Architecture(layers=32, width=4096, heads=32, vocabulary=32_000, feed_forward_width=11_008)
    >>> llama_2_7b.query_width, llama_2_7b.kv_width
    (4096, 4096)
    """

    layers: int
    width: int
    heads: int
    vocabulary: int
    feed_forward_width: int
    kv_heads: int | None = None
    head_width: int | None = None
    context: int = 0
    gated: bool = True
    norm_bias: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    feed_forward_bias: bool = False
    query_key_norm: bool = False
    tied_head: bool = False
    mixture: Experts | None = None
    latent: LatentAttention | None = None

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "vocabulary", "feed_forward_width"):
            checked_positive(name, checked_count(name, getattr(self, name)))
        checked_count("context", self.context)
        if self.kv_heads is not None:
            checked_positive("kv_heads", checked_count("kv_heads", self.kv_heads))
            if self.heads % self.kv_heads:
                raise NotDivisibleError("heads", self.heads, "kv_heads", self.kv_heads)
        if self.head_width is not None:
            checked_positive("head_width", checked_count("head_width", self.head_width))
        elif self.latent is None and self.width % self.heads:
            raise NotDivisibleError("width", self.width, "heads", self.heads)
        if self.mixture is not None and self.mixture.dense_layers > self.layers:
            raise TooManyError("dense_layers", self.mixture.dense_layers, "layers", self.layers)

    @property
    def expert_layers(self) -> int:
        """Layers whose feed-forward network is a mixture of experts."""
        return 0 if self.mixture is None else self.layers - self.mixture.dense_layers

    @property
    def each_head_width(self) -> int:
        """Width of one head of ordinary attention."""
        return self.head_width or self.width // self.heads

    @property
    def query_width(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.each_head_width

    @property
    def kv_width(self) -> int:
        """Width of all key heads together, and of all value heads."""
        return (self.kv_heads or self.heads) * self.each_head_width
