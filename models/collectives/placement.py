"""Where the ranks of a training run sit: tensor parallelism innermost, then expert, data, and pipeline outermost."""

from __future__ import annotations

from dataclasses import dataclass

from models.collectives.paths import Group
from models.guards import checked_count, checked_positive
from models.transformer.state import Layout


@dataclass(frozen=True, slots=True)
class PlacedGroup:
    """A group and how far it spreads.

    Parameters
    ----------
    group : Group
        Its shape.
    span_hosts : int
        Consecutive hosts from its first to its last rank, both included.
    """

    group: Group
    span_hosts: int


@dataclass(frozen=True, slots=True)
class Placement:
    """The groups of one rank.

    Parameters
    ----------
    tensor, expert, data : PlacedGroup
        Ranks that share the matrices of a layer, its experts, or hold copies of the same part.
    expert_data : PlacedGroup
        Ranks that hold copies of the same experts.
    pipeline : PlacedGroup
        Two neighbouring stages, as a pair of ranks; spans the whole run, since some boundary lies anywhere in it.
    hosts, gpus_used_per_host : int
        Hosts of the run, and GPUs of each that it uses; the others idle.
    """

    tensor: PlacedGroup
    expert: PlacedGroup
    data: PlacedGroup
    expert_data: PlacedGroup
    pipeline: PlacedGroup
    hosts: int
    gpus_used_per_host: int


def placement(layout: Layout, gpus_per_host: int) -> Placement:
    """Place the ranks of a layout on hosts, as many on each host.

    Parameters
    ----------
    layout : Layout
        Degrees of parallelism.
    gpus_per_host : int
        GPUs of a host, or of a scale-up domain.

    Returns
    -------
    Placement
        Hosts are filled as far as whole groups allow: of a domain of 72 GPUs, 64 where groups are powers of two.

    Raises
    ------
    NotACountError, NotPositiveError, NotFiniteError
        A host cannot have so many GPUs.

    Notes
    -----
    The order of Megatron-LM (Narayanan et al., SC 2021), where only pipeline traffic goes the longest way, as HPN wants
    it between pods.

    Examples
    --------
    >>> placed = placement(Layout(tensor=8, pipeline=16, data=128), gpus_per_host=8)
    >>> placed.tensor.group, placed.data
    (Group(hosts=1, per_host=8), PlacedGroup(group=Group(hosts=128, per_host=1), span_hosts=128))
    >>> placement(Layout(tensor=8, pipeline=16, data=128), gpus_per_host=72).gpus_used_per_host
    64
    """
    checked_positive("gpus_per_host", checked_count("gpus_per_host", gpus_per_host))
    tensor, expert, data, pipeline = layout.tensor, layout.expert, layout.data, layout.pipeline
    shards = _largest_divisor(tensor, gpus_per_host)
    apart = tensor // shards  # hosts of a tensor-parallel group
    copies = _largest_divisor(data, gpus_per_host // tensor, beside=expert)
    stages = _largest_divisor(pipeline, gpus_per_host // (tensor * data)) if copies == data and apart == 1 else 1
    stage_hosts = apart * data // copies
    hosts = stage_hosts * pipeline // stages
    experts = min(expert, copies)
    same_experts = max(1, copies // expert)
    return Placement(
        tensor=PlacedGroup(Group(apart, shards), apart),
        expert=PlacedGroup(Group(expert // experts, experts), apart * expert // experts),
        data=PlacedGroup(Group(data // copies, copies), stage_hosts),
        expert_data=PlacedGroup(Group(data // expert // same_experts, same_experts), stage_hosts),
        pipeline=PlacedGroup(Group(1, 2) if hosts == 1 else Group(2, 1), hosts),
        hosts=hosts,
        gpus_used_per_host=shards * copies * stages,
    )


def _largest_divisor(number: int, most: int, beside: int = 1) -> int:
    """Return the largest divisor up to a limit, at least 1, that divides another number or is divided by it.

    >>> _largest_divisor(128, 9), _largest_divisor(12, 9, beside=4), _largest_divisor(8, 0)
    (8, 4, 1)
    """
    return next(
        divisor
        for divisor in range(max(1, min(number, most)), 0, -1)
        if number % divisor == 0 and (divisor % beside == 0 or beside % divisor == 0)
    )
