"""What one step of training moves between GPUs, from the architecture and the degrees of parallelism."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.collectives.all_to_all import direct_all_to_all, pxn_all_to_all
from models.collectives.errors import MoreExpertRanksError, MoreStagesThanLayersError, UnevenBatchError
from models.collectives.hierarchical import Collective, all_gather, all_reduce, reduce_scatter
from models.collectives.paths import CollectiveCost, Group, Paths, over_one_level, single_level
from models.collectives.placement import PlacedGroup, placement
from models.errors import NotAShareError, UnknownMethodError
from models.guards import checked_count, checked_positive
from models.transformer.architecture import Architecture
from models.transformer.counts import parameter_count, routed_parameter_count
from models.transformer.state import Layout

Dimension = Literal["tensor", "expert", "pipeline", "data"]
Operation = Literal["all-reduce", "all-gather", "reduce-scatter", "all-to-all", "send"]
DIMENSIONS: tuple[Dimension, ...] = ("tensor", "expert", "pipeline", "data")
Sharding = Literal["none", "optimizer", "full"]
SHARDINGS: tuple[Sharding, ...] = ("none", "optimizer", "full")


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One step of training a model.

    Parameters
    ----------
    architecture : Architecture
        The model.
    layout : Layout
        Degrees of tensor, pipeline, data and expert parallelism.
    sequences : int
        Sequences per step over all ranks: the global batch.
    sequence_tokens : int
        Tokens of a sequence.
    micro_batch : int
        Sequences that pass the pipeline together.
    sequence_parallel : bool
        Activations are split over the tensor-parallel ranks between the layers: each all-reduce becomes an all-gather
        and a reduce-scatter, and a stage sends each rank's part only.
    sharding : str
        ``none``: gradients are all-reduced. ``optimizer`` (ZeRO-1 and 2, Megatron's distributed optimiser): gradients
        are reduce-scattered, weights all-gathered. ``full`` (ZeRO-3, FSDP): weights are gathered for the forward and
        again for the backward pass of each micro-batch, and gradients reduce-scattered after each.
    activation_bytes, weight_bytes, gradient_bytes : int
        Bytes of a number that is sent: 2 for bf16.
    virtual_stages : int
        Parts that a rank has of the pipeline (interleaved schedule).
    data_exposed_share : float
        Share of the data-parallel communication that computation cannot hide, however much there is of it.
    pxn : bool
        All-to-alls go along the rails.

    Raises
    ------
    UnevenBatchError, MoreStagesThanLayersError, MoreExpertRanksError, UnknownMethodError, NotAShareError
        The parts do not fit together.
    """

    architecture: Architecture
    layout: Layout
    sequences: int
    sequence_tokens: int
    micro_batch: int = 1
    sequence_parallel: bool = True
    sharding: Sharding = "optimizer"
    activation_bytes: int = 2
    weight_bytes: int = 2
    gradient_bytes: int = 2
    virtual_stages: int = 1
    data_exposed_share: float = 1.0
    pxn: bool = True

    def __post_init__(self) -> None:
        for name in (
            "sequences", "sequence_tokens", "micro_batch", "activation_bytes", "weight_bytes", "gradient_bytes",
            "virtual_stages",
        ):  # fmt: skip
            checked_positive(name, checked_count(name, getattr(self, name)))
        if self.sequences % (self.layout.data * self.micro_batch):
            raise UnevenBatchError(self.sequences, self.layout.data, self.micro_batch)
        stages = self.layout.pipeline * self.virtual_stages
        if stages > self.architecture.layers:
            raise MoreStagesThanLayersError(stages, self.architecture.layers)
        mixture = self.architecture.mixture
        experts = 0 if mixture is None else mixture.experts
        if self.layout.expert > 1 and (experts == 0 or experts % self.layout.expert):
            raise MoreExpertRanksError(self.layout.expert, experts)
        if self.sharding not in SHARDINGS:
            raise UnknownMethodError(self.sharding, SHARDINGS)
        if not 0.0 <= self.data_exposed_share <= 1.0:
            raise NotAShareError("data_exposed_share", self.data_exposed_share)

    @property
    def micro_batches(self) -> int:
        """Micro-batches that pass each pipeline in a step."""
        return self.sequences // (self.layout.data * self.micro_batch)

    @property
    def tokens(self) -> int:
        """Tokens of a step."""
        return self.sequences * self.sequence_tokens

    @property
    def activation_message_bytes(self) -> int:
        """Bytes of one micro-batch's activations between two layers: b s h numbers."""
        return self.micro_batch * self.sequence_tokens * self.architecture.width * self.activation_bytes

    @property
    def layers_per_stage(self) -> int:
        """Layers of the fullest pipeline stage."""
        return -(-self.architecture.layers // self.layout.pipeline)

    @property
    def dense_parameters_per_gpu(self) -> float:
        """Parameters that one rank computes with outside the routed experts; stages taken as equal."""
        dense = parameter_count(self.architecture) - routed_parameter_count(self.architecture)
        return dense / (self.layout.tensor * self.layout.pipeline)

    @property
    def routed_parameters_per_gpu(self) -> float:
        """Parameters of the routed experts that one rank computes with."""
        ranks = self.layout.tensor * self.layout.pipeline * self.layout.expert
        return routed_parameter_count(self.architecture) / ranks


@dataclass(frozen=True, slots=True)
class Volume:
    """What one rank takes part in during a step, for one purpose.

    Parameters
    ----------
    dimension : str
        Which parallelism needs it.
    operation : str
        What it is.
    placed : PlacedGroup
        Who takes part.
    calls : int
        How often in a step.
    message_bytes : float
        Size of one call: the whole vector that is reduced, gathered or scattered; for an all-to-all all that a rank
        has for the group, itself included; for a send what is sent.
    pxn : bool
        Whether an all-to-all goes along the rails.
    """

    dimension: Dimension
    operation: Operation
    placed: PlacedGroup
    calls: int
    message_bytes: float
    pxn: bool = True

    def cost(self, paths: Paths) -> CollectiveCost:
        """Return what one call costs."""
        if self.operation == "all-to-all":
            exchange = pxn_all_to_all if self.pxn else direct_all_to_all
            return exchange(self.placed.group, self.message_bytes / self.placed.group.ranks, paths)
        return _COSTS[self.operation](self.placed.group, self.message_bytes, paths)

    @property
    def sent_bytes(self) -> float:
        """Bytes that a GPU sends in a step: 2 (N - 1) / N of the vector for an all-reduce, half for its halves."""
        if self.operation == "send":
            return self.calls * self.message_bytes
        ranks = self.placed.group.ranks
        passes = 2 if self.operation == "all-reduce" else 1
        return self.calls * passes * (ranks - 1) / ranks * self.message_bytes


def step_volumes(step: TrainingStep, gpus_per_host: int = 8) -> tuple[Volume, ...]:
    """Return what a rank of the fullest pipeline stage moves in one step.

    Parameters
    ----------
    step : TrainingStep
        The step.
    gpus_per_host : int
        GPUs of a host, or of a scale-up domain.

    Returns
    -------
    tuple of Volume
        Only of the parallelism that there is.

    Notes
    -----
    - Tensor: four all-reduces of b s h numbers per layer and micro-batch, two in each direction (Shoeybi et al., arXiv
      1909.08053), hence 8 b s h (t - 1) / t numbers sent (Narayanan et al., SC 2021, §3.2); with sequence parallelism
      as many all-gathers and reduce-scatters of the same size (Korthikanti et al., arXiv 2205.05198). What the
      embedding and the loss add on the first and last stage is not counted.
    - Pipeline: b s h numbers to the next stage and as many back per micro-batch and boundary; 1/t of it with sequence
      parallelism. An interleaved schedule crosses boundaries as many times more as a rank has parts.
    - Data: 2 (d - 1) / d gradients of the rank's parameters, or as many bytes in two halves; with full sharding half
      as much again (Rajbhandari et al., ZeRO, arXiv 1910.02054, §7), for every micro-batch. Experts are reduced over
      the ranks that hold the same ones.
    - Expert: per layer with experts and micro-batch two all-to-alls forward and two backward, of every token's vector
      to each of its experts, shared out evenly over them (Lepikhin et al., GShard, arXiv 2006.16668).

    Examples
    --------
    >>> from models.transformer import architecture_preset
    >>> gpt_3 = TrainingStep(
    ...     architecture_preset("gpt-3-175b"), Layout(8, 8, 512), sequences=512, sequence_tokens=2048, sharding="none"
    ... )
    >>> {volume.dimension: round(volume.message_bytes / 1e6, 1) for volume in step_volumes(gpt_3)}
    {'tensor': 50.3, 'pipeline': 6.3, 'data': 5456.4}
    """
    placed = placement(step.layout, gpus_per_host)
    found = (
        *_tensor(step, placed.tensor),
        *_expert(step, placed.expert),
        *_pipeline(step, placed.pipeline),
        *_data(step, placed.data, step.dense_parameters_per_gpu),
        *_data(step, placed.expert_data, step.routed_parameters_per_gpu),
    )
    return tuple(volume for volume in found if volume.calls and volume.message_bytes and volume.placed.group.ranks > 1)


def _tensor(step: TrainingStep, placed: PlacedGroup) -> tuple[Volume, ...]:
    calls = 4 * step.layers_per_stage * step.micro_batches
    operations: tuple[Operation, ...] = ("all-gather", "reduce-scatter") if step.sequence_parallel else ("all-reduce",)
    return tuple(Volume("tensor", name, placed, calls, step.activation_message_bytes) for name in operations)


def _expert(step: TrainingStep, placed: PlacedGroup) -> tuple[Volume, ...]:
    mixture = step.architecture.mixture
    if mixture is None:
        return ()
    layers = -(-step.architecture.expert_layers // step.layout.pipeline)
    split = step.layout.tensor if step.sequence_parallel else 1
    dispatched = step.activation_message_bytes / split * mixture.per_token
    return (Volume("expert", "all-to-all", placed, 4 * layers * step.micro_batches, dispatched, step.pxn),)


def _pipeline(step: TrainingStep, placed: PlacedGroup) -> tuple[Volume, ...]:
    if step.layout.pipeline == 1:
        return ()
    split = step.layout.tensor if step.sequence_parallel else 1
    calls = 2 * step.micro_batches * step.virtual_stages
    return (Volume("pipeline", "send", placed, calls, step.activation_message_bytes / split),)


def _data(step: TrainingStep, placed: PlacedGroup, parameters: float) -> tuple[Volume, ...]:
    gradients, weights = parameters * step.gradient_bytes, parameters * step.weight_bytes
    if step.sharding == "none":
        return (Volume("data", "all-reduce", placed, 1, gradients),)
    repeats = step.micro_batches if step.sharding == "full" else 1
    gathers = 2 * repeats if step.sharding == "full" else 1
    return (
        Volume("data", "reduce-scatter", placed, repeats, gradients),
        Volume("data", "all-gather", placed, gathers, weights),
    )


def _send(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of handing a message to the neighbouring stage."""
    return over_one_level(group, single_level("send", group, paths).seconds(message_bytes), 1.0, message_bytes)


_COSTS: dict[Operation, Collective] = {
    "all-reduce": all_reduce,
    "all-gather": all_gather,
    "reduce-scatter": reduce_scatter,
    "send": _send,
}
