"""How long a step of training takes: computation, the pipeline's bubble, and communication that nothing hides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from models.collectives.paths import PATHS, Paths
from models.collectives.volumes import DIMENSIONS, Dimension, TrainingStep, Volume, step_volumes
from models.errors import NotAShareError
from models.guards import checked_count, checked_positive
from models.transformer.counts import active_parameter_count

#: share of a training step's computation that is its backward pass: twice the forward pass
_BACKWARD = 2 / 3


@dataclass(frozen=True, slots=True)
class Machine:
    """The hosts that a step runs on.

    Parameters
    ----------
    paths : Paths
        Channels of a GPU.
    flops_per_gpu : float
        Peak floating-point operations per second.
    gpus_per_host : int
        GPUs that NVLink joins.
    efficiency : float
        Share of the peak that a GPU reaches while it computes: MFU without the waits that the model adds.
    """

    paths: Paths
    flops_per_gpu: float
    gpus_per_host: int = 8
    efficiency: float = 0.5

    def __post_init__(self) -> None:
        checked_positive("flops_per_gpu", self.flops_per_gpu)
        checked_positive("gpus_per_host", checked_count("gpus_per_host", self.gpus_per_host))
        if not 0.0 < self.efficiency <= 1.0:
            raise NotAShareError("efficiency", self.efficiency)


#: peaks in bf16 without sparsity, from the vendor's data sheets
MACHINES: Mapping[str, Machine] = MappingProxyType(
    {"a100": Machine(PATHS["a100"], 312e12), "h100": Machine(PATHS["h100"], 989e12)}
)


@dataclass(frozen=True, slots=True)
class StepTime:
    """The time of a step, part by part; the parts add up.

    Parameters
    ----------
    computation_seconds : float
        Of one GPU.
    bubble_seconds : float
        Waits for the pipeline to fill and drain.
    exposed_seconds : mapping of str to float
        Communication that nothing hides, by parallelism.
    """

    computation_seconds: float
    bubble_seconds: float
    exposed_seconds: Mapping[Dimension, float]

    @property
    def step_seconds(self) -> float:
        """The whole step."""
        return self.computation_seconds + self.bubble_seconds + sum(self.exposed_seconds.values())

    @property
    def computation_share(self) -> float:
        """Share of the step in which a GPU computes."""
        return self.computation_seconds / self.step_seconds


def computation_seconds(step: TrainingStep, machine: Machine) -> float:
    """Return how long each GPU computes in a step.

    Parameters
    ----------
    step : TrainingStep
        The step.
    machine : Machine
        Where it runs.

    Notes
    -----
    6 P operations per token (Kaplan et al., arXiv 2001.08361, §2.1), of the parameters that a token passes through.

    Examples
    --------
    >>> from models.transformer import Layout, architecture_preset
    >>> llama = TrainingStep(architecture_preset("llama-3.1-405b"), Layout(8, 16, 128), 2048, 8192)
    >>> round(computation_seconds(llama, MACHINES["h100"]), 2)
    5.04
    """
    operations = 6 * active_parameter_count(step.architecture) * step.tokens
    return operations / (step.layout.ranks * machine.flops_per_gpu * machine.efficiency)


def step_time(
    step: TrainingStep, machine: Machine, network_left: Mapping[Dimension, float] = MappingProxyType({})
) -> StepTime:
    """Return how long a step takes.

    Parameters
    ----------
    step : TrainingStep
        The step.
    machine : Machine
        Where it runs.
    network_left : mapping of str to float
        Share of the network's bandwidth left for the slowest group of a parallelism, above 0; 1 where none is given.

    Returns
    -------
    StepTime
        A synchronous step: every rank waits for the slowest.

    Raises
    ------
    NotAShareError
        A share left is none, or zero: nothing would arrive.

    Notes
    -----
    Layers wait for tensor- and expert-parallel traffic, stages for their neighbour's, so all of it counts; the pipeline
    adds (p - 1) / v micro-batches (Narayanan et al., SC 2021). Of T seconds of data-parallel traffic
    max(x T, T - C) count [D]: x is the share that cannot be hidden, and C the computation it can hide behind, the
    backward pass of the last micro-batch, or all of it with full sharding.

    Examples
    --------
    >>> from models.transformer import Layout, architecture_preset
    >>> llama = TrainingStep(
    ...     architecture_preset("llama-3.1-405b"), Layout(8, 16, 128), 2048, 8192, virtual_stages=7
    ... )
    >>> whole, halved = step_time(llama, MACHINES["h100"]), step_time(llama, MACHINES["h100"], {"data": 0.5})
    >>> round(whole.step_seconds, 2), round(halved.step_seconds - whole.step_seconds, 3)
    (6.78, 0.252)
    """
    volumes = step_volumes(step, machine.gpus_per_host)
    seconds = {
        dimension: sum(
            volume.calls * _seconds(volume, machine.paths, network_left.get(dimension, 1.0))
            for volume in volumes
            if volume.dimension == dimension
        )
        for dimension in DIMENSIONS
    }
    computation = computation_seconds(step, machine)
    hides = computation if step.sharding == "full" else _BACKWARD * computation / step.micro_batches
    seconds["data"] = max(step.data_exposed_share * seconds["data"], seconds["data"] - hides)
    per_micro_batch = (computation + sum(seconds.values()) - seconds["data"]) / step.micro_batches
    bubble = (step.layout.pipeline - 1) / step.virtual_stages * per_micro_batch
    return StepTime(computation, bubble, MappingProxyType(seconds))


def _seconds(volume: Volume, paths: Paths, share: float) -> float:
    return volume.cost(replace(paths, network=paths.network.at_share(share))).seconds
