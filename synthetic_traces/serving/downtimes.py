"""When the instances of a serving system are down. Nothing here depends on what they serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthetic_traces.serving.records import Downtime, Instance, Role
from synthetic_traces.spec.serving import ServingSpec

_DAY_SECONDS = 86_400

#: node number, out of service from, until; seconds since the log's begin
NodeOutage = tuple[int, float, float]


def placed_instances(spec: ServingSpec, nodes: Sequence[int]) -> tuple[Instance, ...]:
    """Place the instances on the nodes, in order; what is left over stays empty.

    Parameters
    ----------
    spec
        The serving system.
    nodes
        Numbers of the nodes it may use, each once.

    Returns
    -------
    tuple of Instance
        Prefill instances, then decode instances.

    Raises
    ------
    ValueError
        There are too few nodes, or one is named twice.
    """
    if len(set(nodes)) < len(nodes):
        raise ValueError("a node is given to the serving system twice")
    if len(nodes) < spec.nodes_needed:
        raise ValueError(f"the serving system needs {spec.nodes_needed} nodes, but is given {len(nodes)}")
    pools: tuple[tuple[Role, int, int], ...] = (
        ("prefill", spec.prefill_instances, spec.nodes_per_prefill_instance),
        ("decode", spec.decode_instances, spec.nodes_per_decode_instance),
    )
    placed: list[Instance] = []
    used = 0
    for role, count, size in pools:
        for number in range(count):
            placed.append(Instance(f"{role}-{number:02d}", role, tuple(nodes[used : used + size])))
            used += size
    return tuple(placed)


def instance_downtimes(
    spec: ServingSpec, instances: Sequence[Instance], outages: Sequence[NodeOutage], rng: np.random.Generator
) -> tuple[Downtime, ...]:
    """Derive the downtimes of node faults and draw those of crashes.

    Parameters
    ----------
    spec
        The serving system.
    instances
        Where its instances are.
    outages
        When nodes are out of service; those of other nodes are ignored.
    rng
        Source of randomness for the crashes.

    Returns
    -------
    tuple of Downtime
        Those that touch the window, by begin.

    Raises
    ------
    ValueError
        An outage ends before it begins.
    """
    begin, end = spec.window_seconds
    by_node: dict[int, list[NodeOutage]] = {}
    for outage in outages:
        if not outage[1] <= outage[2]:
            raise ValueError(f"the outage of node {outage[0]} at {outage[1]} s ends at {outage[2]} s")
        by_node.setdefault(outage[0], []).append(outage)
    found: list[Downtime] = []
    for index, instance in enumerate(instances):
        own = [outage for node in instance.nodes for outage in by_node.get(node, ())]
        faults = [down for down in _node_faults(index, own, spec.reload_seconds) if down.to_seconds > begin]
        found += faults
        found += _crashes(index, faults, spec, rng)
    return tuple(sorted((d for d in found if d.from_seconds < end), key=lambda d: (d.from_seconds, d.instance)))


def _node_faults(index: int, outages: list[NodeOutage], reload_seconds: float) -> list[Downtime]:
    """Join outages; one that begins before the model is loaded again prolongs the downtime."""
    faults: list[Downtime] = []
    for node, out, back in sorted(outages, key=lambda outage: outage[1:]):
        ready = back + reload_seconds
        if faults and out <= faults[-1].to_seconds:
            faults[-1] = replace(faults[-1], to_seconds=max(faults[-1].to_seconds, ready))
        else:
            faults.append(Downtime(index, out, ready, "node_fault", node))
    return faults


def _crashes(index: int, faults: list[Downtime], spec: ServingSpec, rng: np.random.Generator) -> list[Downtime]:
    """Draw crashes: a constant hazard while the instance is up. A node fault cuts a reload short."""
    per_second = spec.instance_crashes_per_1000_instance_days / 1000 / _DAY_SECONDS
    now, end = spec.window_seconds
    crashes: list[Downtime] = []
    upcoming = iter(faults)
    fault = next(upcoming, None)
    while per_second > 0:
        crash = now + rng.exponential(1 / per_second)
        if fault is not None and crash >= fault.from_seconds:
            now = max(now, fault.to_seconds)  # without memory: the next draw starts afresh
            fault = next(upcoming, None)
            continue
        if crash >= end:
            break
        now = crash + spec.reload_seconds
        if fault is not None:
            now = min(now, fault.from_seconds)
        crashes.append(Downtime(index, crash, now, "crash", None))
    return crashes
