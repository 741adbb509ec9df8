"""Bytes of a training state and of its checkpoint, and the part of each rank.

A checkpoint's size decides how long it takes to write, hence how often one should be written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from models.guards import checked_count, checked_positive
from models.transformer.architecture import Architecture
from models.transformer.counts import parameter_count, routed_parameter_count
from models.transformer.errors import NotDivisibleError, UnknownCheckpointKindError


@dataclass(frozen=True, slots=True)
class StateBytes:
    """Bytes per parameter that training holds in memory, or that a checkpoint holds on disk.

    Parameters
    ----------
    weights, gradients : int
        The weights that compute, and their gradients.
    master : int
        A copy of the weights in full precision, which the optimiser updates.
    first_moment, second_moment : int
        Adam's running means of the gradient and of its square.
    """

    weights: int = 0
    gradients: int = 0
    master: int = 0
    first_moment: int = 0
    second_moment: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            checked_count(field.name, getattr(self, field.name))

    @property
    def per_parameter(self) -> int:
        """All parts together."""
        return self.weights + self.gradients + self.master + self.first_moment + self.second_moment


MIXED_PRECISION_ADAM = StateBytes(weights=2, gradients=2, master=4, first_moment=4, second_moment=4)
MIXED_PRECISION_ADAM_FP32_GRADIENTS = StateBytes(weights=2, gradients=4, master=4, first_moment=4, second_moment=4)
FULL_PRECISION_ADAM = StateBytes(weights=4, gradients=4, first_moment=4, second_moment=4)

CHECKPOINT_KINDS: Mapping[str, StateBytes] = MappingProxyType(
    {
        "optimizer": StateBytes(master=4, first_moment=4, second_moment=4),
        "optimizer+weights": StateBytes(weights=2, master=4, first_moment=4, second_moment=4),
        "bf16-weights": StateBytes(weights=2),
        "fp32-weights": StateBytes(weights=4),
    }
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a model is spread over ranks.

    Parameters
    ----------
    tensor, pipeline, data : int
        Degrees of tensor, pipeline and data parallelism; ranks are their product.
    expert : int
        Degree of expert parallelism, taken from the data-parallel ranks, which it must divide.
    """

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            checked_positive(field.name, checked_count(field.name, getattr(self, field.name)))
        if self.data % self.expert:
            raise NotDivisibleError("data", self.data, "expert", self.expert)

    @property
    def ranks(self) -> int:
        """GPUs the model is trained on."""
        return self.tensor * self.pipeline * self.data


def training_state_bytes(architecture: Architecture, state: StateBytes = MIXED_PRECISION_ADAM) -> int:
    """Count the bytes that weights, gradients and optimiser hold in the memory of one whole replica.

    Mixed-precision Adam holds 16 bytes per parameter: bf16 weights and gradients, and master weights and two moments in
    fp32 (ZeRO, arXiv 1910.02054, §3.1); 18 with fp32 gradients.
    """
    return parameter_count(architecture) * state.per_parameter


def checkpoint_bytes(architecture: Architecture, kind: str | StateBytes = "optimizer") -> int:
    """Count the bytes of one checkpoint, written once however many replicas train.

    Parameters
    ----------
    architecture : Architecture
        The model.
    kind : str or StateBytes
        A key of `CHECKPOINT_KINDS`, or the bytes per parameter part by part. "optimizer" holds what a restart needs:
        master weights and both moments, 12 bytes per parameter; "optimizer+weights" adds bf16 weights, 14.

    Raises
    ------
    UnknownCheckpointKindError
        No such kind.

    Examples
    --------
    >>> llama_3_1_405b = Architecture(
    ...     layers=126, width=16_384, heads=128, kv_heads=8, vocabulary=128_256, feed_forward_width=53_248
    ... )
    >>> [round(checkpoint_bytes(llama_3_1_405b, kind) / 1e12, 2) for kind in ("optimizer", "optimizer+weights")]
    [4.87, 5.68]
    """
    return parameter_count(architecture) * checkpoint_content(kind).per_parameter


def checkpoint_content(kind: str | StateBytes) -> StateBytes:
    """Return what a checkpoint of a kind holds, in bytes per parameter."""
    if isinstance(kind, StateBytes):
        return kind
    if kind not in CHECKPOINT_KINDS:
        raise UnknownCheckpointKindError(kind, CHECKPOINT_KINDS)
    return CHECKPOINT_KINDS[kind]


def shard_bytes_per_rank(
    architecture: Architecture, layout: Layout, kind: str | StateBytes = "optimizer", *, split_over_data: bool = True
) -> float:
    """Give the bytes of a checkpoint, or of a training state, that fall to one rank.

    Parameters
    ----------
    architecture : Architecture
        The model.
    layout : Layout
        How it is spread over ranks.
    kind : str or StateBytes
        What is held of each parameter: a key of `CHECKPOINT_KINDS`, or bytes such as `MIXED_PRECISION_ADAM`.
    split_over_data : bool
        True (ZeRO, FSDP, distributed optimiser): each data-parallel rank holds and writes its own part, so all ranks
        write. False: data-parallel ranks hold copies and one of each group writes, its part of every matrix and its
        own experts.

    Returns
    -------
    float
        Bytes per writing rank, were the model cut into even parts; the first and last pipeline stage hold the
        embeddings and are larger.

    Examples
    --------
    >>> llama_3_1_405b = Architecture(
    ...     layers=126, width=16_384, heads=128, kv_heads=8, vocabulary=128_256, feed_forward_width=53_248
    ... )
    >>> round(shard_bytes_per_rank(llama_3_1_405b, Layout(tensor=8, pipeline=16, data=128)) / 1e6)
    297
    """
    per_parameter = checkpoint_content(kind).per_parameter
    if split_over_data:
        return parameter_count(architecture) * per_parameter / layout.ranks
    routed = routed_parameter_count(architecture)
    held = parameter_count(architecture) - routed + routed / layout.expert
    return held * per_parameter / (layout.tensor * layout.pipeline)
