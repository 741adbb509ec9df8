"""How much longer a training step takes when a part of the network is lost, on a given fabric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from models.collectives.degraded import StepChange, step_change
from models.collectives.losses import domain_gpus, fabric_paths, network_classes, network_loss
from models.collectives.placement import placement
from models.collectives.step_time import MACHINES, Machine, StepTime, step_time
from models.collectives.volumes import DIMENSIONS, Sharding, TrainingStep, Volume, step_volumes
from models.topology.blast.components import components
from models.topology.designs import DESIGNS, design_settings
from models.topology.fabric import Fabric
from models.transformer import Architecture, Layout, parameter_count
from reliability.analyses.answer import Answer
from reliability.analyses.fabric import Setting
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    import plotly.graph_objects as go

_DEFINITION: Final = (
    "A synchronous step: 6 P operations per token at the stated efficiency, the bubble of an interleaved pipeline, and "
    "communication in the alpha-beta model; every rank waits for the slowest. Slowdown: share of the throughput lost, "
    "1 - before / after. The component is the first of its class, the run on consecutive domains from the first on. "
    "With adaptive routing the traffic takes all that is left evenly: a host's other ports, the other paths; without "
    "it a collective runs at the pace of its worst hit GPU, and flows that are rerouted share a path with another one."
)
#: bytes of bf16 weights and gradients that a rank may hold by default: a quarter of 80 GB
_HELD_BYTES: Final = 20e9
_BYTES_PER_PARAMETER: Final = 4
_MICRO_BATCHES: Final = 16
_TENSOR: Final = 8


@dataclass(frozen=True, slots=True)
class StepChanges(Answer):
    """A step on a whole network, and on one with a part lost, for several parts and ways of routing.

    ``model``: its name. ``fabric``: what it runs on. ``step``, ``machine``: the run. ``before``: the step, part by
    part. ``changes``: one per component and way of routing.
    """

    model: str
    fabric: Fabric
    step: TrainingStep
    machine: Machine
    before: StepTime
    changes: tuple[StepChange, ...]

    @property
    def volumes(self) -> tuple[Volume, ...]:
        """What a rank moves in a step."""
        return step_volumes(self.step, self.machine.gpus_per_host)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to keep in mind, in sentences."""
        placed = placement(self.step.layout, self.machine.gpus_per_host)
        found = []
        if idle := self.machine.gpus_per_host - placed.gpus_used_per_host:
            found.append(
                f"{idle} of {self.machine.gpus_per_host} GPUs of each domain idle: the degrees of parallelism do not "
                "fill it."
            )
        ends = dict.fromkeys(change.loss.component for change in self.changes if change.loss.interrupts)
        if ends:
            found.append(
                f"The loss of {', '.join(ends)} ends the running job first; the step after it is that of the "
                "job when it is back on the same hosts."
            )
        if self.fabric.kind in {"torus", "railx"}:
            found.append("Rings of a torus or of RailX are not routed edge by edge: shares left are those of a GPU.")
        return tuple(found)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per component and way of routing."""
        return [
            {
                "component": change.loss.component,
                "adaptive_routing": change.rebalanced,
                "ends_running_job": change.loss.interrupts,
                "bandwidth_left_share": change.bandwidth_left_share,
                "step_seconds_before": change.step_seconds_before,
                "step_seconds_after": _finite(change.step_seconds_after),
                "slowdown_share": change.slowdown_share,
                "slowdown_share_if_all_network": 1.0 - change.bandwidth_left_share,
                "limiting": change.limiting,
                "collectives": self._collectives(change),
            }
            for change in self.changes
        ]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        step, layout, before = self.step, self.step.layout, self.before
        return {
            "model": self.model,
            "parameters": parameter_count(step.architecture),
            "gpus": layout.ranks,
            "fabric": self.fabric.kind,
            "gpus_per_domain": self.machine.gpus_per_host,
            "tp": layout.tensor,
            "pp": layout.pipeline,
            "dp": layout.data,
            "ep": layout.expert,
            "sequences": step.sequences,
            "sequence_tokens": step.sequence_tokens,
            "micro_batch": step.micro_batch,
            "micro_batches": step.micro_batches,
            "virtual_stages": step.virtual_stages,
            "sharding": step.sharding,
            "data_exposed_share": step.data_exposed_share,
            "network_bytes_per_second": self.machine.paths.network.bytes_per_second,
            "nvlink_bytes_per_second": self.machine.paths.nvlink.bytes_per_second,
            "flops_per_gpu": self.machine.flops_per_gpu,
            "efficiency": self.machine.efficiency,
            "step_seconds": before.step_seconds,
            "computation_seconds": before.computation_seconds,
            "bubble_seconds": before.bubble_seconds,
            **{f"{name}_seconds": before.exposed_seconds[name] for name in DIMENSIONS},
            "computation_share": before.computation_share,
            "mfu": self.machine.efficiency * before.computation_share,
            "definition": _DEFINITION,
            "warnings": list(self.warnings),
            "volumes": self.volume_rows(),
            "rows": self.rows(),
        }

    def volume_rows(self) -> list[dict[str, Any]]:
        """Return one row per collective of a step: how often, how large, between whom."""
        costs = [(volume, volume.cost(self.machine.paths)) for volume in self.volumes]
        return [
            {
                "parallelism": volume.dimension,
                "operation": volume.operation,
                "calls_per_step": volume.calls,
                "message_bytes": volume.message_bytes,
                "sent_bytes_per_gpu": volume.sent_bytes,
                "ranks": volume.placed.group.ranks,
                "domains": volume.placed.group.hosts,
                "span_domains": volume.placed.span_hosts,
                "call_seconds": cost.seconds,
                "network_messages_per_call": cost.network_messages_per_gpu,
                "bytes_per_network_message": cost.bytes_per_network_message,
                "nvlink_bytes_per_call": cost.nvlink_bytes_per_gpu,
                "cross_rail_share": cost.cross_rail_share,
            }
            for volume, cost in costs
        ]

    def figure(self) -> go.Figure:
        """Draw the step before and after each fault, part by part."""
        from reliability.figures.collectives import step_figure  # noqa: PLC0415 - figures read the results they draw

        return step_figure(self)

    def _collectives(self, change: StepChange) -> str | None:
        if change.limiting is None:
            return None
        operations = dict.fromkeys(volume.operation for volume in self.volumes if volume.dimension == change.limiting)
        return ", ".join(operations)


def step_changes(
    fabric: Fabric,
    model: str,
    architecture: Architecture,
    layout: Layout,
    *,
    kinds: Sequence[str] = (),
    adaptive_routing: bool | None = None,
    sequences: int | None = None,
    sequence_tokens: int = 8192,
    micro_batch: int = 1,
    virtual_stages: int | None = None,
    sharding: Sharding = "optimizer",
    data_exposed_share: float = 1.0,
    pxn: bool = True,
    gpu: str = "h100",
    efficiency: float = 0.5,
) -> StepChanges:
    """Ask how much longer a training step takes when a part of the network is lost.

    Parameters
    ----------
    fabric
        Where the run is.
    model, architecture
        What is trained, and its name.
    layout
        Degrees of parallelism.
    kinds
        Classes of components to lose, one at a time; empty for all that carry traffic between hosts.
    adaptive_routing
        Whether traffic moves aside; None for both.
    sequences, sequence_tokens, micro_batch
        Global batch, by default 16 micro-batches per pipeline; tokens of a sequence; sequences of a micro-batch.
    virtual_stages
        Parts that a rank has of the pipeline; by default the number of whole layers with which the step is shortest.
    sharding, data_exposed_share
        How data-parallel ranks share the state, and the share of their traffic that computation cannot hide.
    pxn
        Whether all-to-alls of experts go along the rails.
    gpu, efficiency
        Bandwidth of NVLink and peak; share of the peak that is reached while computing.

    Raises
    ------
    BadOptionError
        If the fabric has too few GPUs, the GPU is unknown, or an all-to-all would have to leave its rail where there
        is no way.
    models.errors.ModelError
        If model, layout and batch do not fit together, or the fabric has no such component.
    """
    if gpu not in MACHINES:
        raise BadOptionError("--gpu", gpu, f"one of {', '.join(MACHINES)}")
    step = TrainingStep(
        architecture,
        layout,
        sequences=_MICRO_BATCHES * layout.data * micro_batch if sequences is None else sequences,
        sequence_tokens=sequence_tokens,
        micro_batch=micro_batch,
        sharding=sharding,
        virtual_stages=1 if virtual_stages is None else virtual_stages,
        data_exposed_share=data_exposed_share,
        pxn=pxn,
    )
    machine = replace(
        MACHINES[gpu],
        paths=fabric_paths(fabric, MACHINES[gpu].paths),
        gpus_per_host=domain_gpus(fabric),
        efficiency=efficiency,
    )
    if virtual_stages is None:
        step = _best_interleaved(step, machine)
    placed = placement(layout, machine.gpus_per_host)
    if fabric.kind == "rail-only" and not pxn and placed.expert.group.hosts > 1:
        raise BadOptionError("--no-pxn", "", "--pxn: a rail-only network has no way from rail to rail")
    domains = fabric.hosts * fabric.gpus_per_host // machine.gpus_per_host
    if placed.hosts > domains:
        room = f"at most {domains * placed.gpus_used_per_host:,} with {placed.gpus_used_per_host} used of each "
        raise BadOptionError("--gpus", layout.ranks, f"{room}{machine.gpus_per_host}-GPU domain of this fabric")
    routings = (True, False) if adaptive_routing is None else (adaptive_routing,)
    losses = [network_loss(fabric, components(fabric, kind)[0]) for kind in kinds or network_classes(fabric)]
    return StepChanges(
        model=model,
        fabric=fabric,
        step=step,
        machine=machine,
        before=step_time(step, machine),
        changes=tuple(
            step_change(step, machine, loss, rebalanced=rebalanced) for loss in losses for rebalanced in routings
        ),
    )


def training_layout(
    architecture: Architecture,
    gpus: int,
    *,
    tensor: int | None = None,
    pipeline: int | None = None,
    data: int | None = None,
    expert: int = 1,
    gpus_per_domain: int = 8,
) -> Layout:
    """Return degrees of parallelism for a number of GPUs, those that are not given by a rule.

    Parameters
    ----------
    architecture
        What is trained.
    gpus
        GPUs of the run.
    tensor, pipeline, data, expert
        Degrees that are given.
    gpus_per_domain
        GPUs that NVLink joins.

    Returns
    -------
    Layout
        Tensor parallelism up to 8 in a domain; the shortest pipeline, a power of two, with at most 20 GB of bf16
        weights and gradients per rank; data parallelism for the rest. This gives the published layouts of Llama 3 405B
        on 16,384 GPUs (8 × 16 × 128) and of GPT-3 175B in HPN's paper (8 × 8 × 512 on 32,768).

    Raises
    ------
    BadOptionError
        If the degrees do not multiply to the GPUs.

    Examples
    --------
    >>> from models.transformer import architecture_preset
    >>> training_layout(architecture_preset("llama-3.1-405b"), 16_384)
    Layout(tensor=8, pipeline=16, data=128, expert=1)
    >>> training_layout(architecture_preset("gpt-3-175b"), 32_768)
    Layout(tensor=8, pipeline=8, data=512, expert=1)
    """
    for option, value in (("--gpus", gpus), ("--tp", tensor), ("--pp", pipeline), ("--dp", data), ("--ep", expert)):
        if value is not None and value < 1:
            raise BadOptionError(option, value, "a positive number")
    tensor = tensor or min(_TENSOR, gpus, 2 ** int(math.log2(gpus_per_domain)))
    if pipeline is None:
        held = parameter_count(architecture) * _BYTES_PER_PARAMETER / tensor
        pipeline = 2 ** max(0, math.ceil(math.log2(held / _HELD_BYTES)))
    if data is None:
        data = max(1, gpus // (tensor * pipeline))
    layout = Layout(tensor, pipeline, data, expert)
    if layout.ranks != gpus:
        product = f"{tensor} × {pipeline} × {data} = {layout.ranks:,}"
        raise BadOptionError("--gpus", gpus, f"tp × pp × dp GPUs, which are {product}")
    return layout


def with_room(kind: str, settings: Mapping[str, Setting], gpus: int) -> Mapping[str, Setting]:
    """Return the settings of a planned fabric with GPUs for the run, where its published size is too small.

    Parameters
    ----------
    kind
        Of fabric.
    settings
        Those given; ``gpus`` among them stays.
    gpus
        GPUs of the run.

    Examples
    --------
    >>> with_room("hpn", {}, 16_384), with_room("hpn", {}, 256)
    ({'gpus': 16384}, {})
    """
    if kind not in DESIGNS or "gpus" in settings:
        return settings
    published = next(setting.default for setting in design_settings(kind) if setting.name == "gpus")
    return {**settings, "gpus": gpus} if 0 < published < gpus else settings


def _best_interleaved(step: TrainingStep, machine: Machine) -> TrainingStep:
    """Return the step with the schedule that is shortest: more parts have less of a bubble and send more."""
    most = step.architecture.layers // step.layout.pipeline if step.layout.pipeline > 1 else 1
    schedules = (replace(step, virtual_stages=parts) for parts in range(1, most + 1))
    return min(schedules, key=lambda schedule: step_time(schedule, machine).step_seconds)


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
