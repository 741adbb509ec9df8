"""Small clusters for the tests of the validation: quick to simulate, with many faults."""

from __future__ import annotations

import msgspec

from synthetic_traces import ClusterSpec, preset_spec

replace = msgspec.structs.replace


def small_spec(
    *, days: int = 12, hazards: float = 4.0, components: tuple[str, ...] = (), **observability: float
) -> ClusterSpec:
    """32 nodes of the preset ``tiny`` whose faults (of all components, or of some) are several times as frequent."""
    tiny = preset_spec("tiny")
    assert tiny.workload.teams is not None
    return replace(
        tiny,
        days=days,
        warm_up_days=2,
        fleet=replace(tiny.fleet, nodes=32),
        workload=replace(tiny.workload, jobs_per_day=80.0, teams=replace(tiny.workload.teams, run_nodes=(18,))),
        failure_modes=tuple(
            replace(mode, per_1000_node_days=hazards * mode.per_1000_node_days)
            for mode in tiny.failure_modes
            if not components or mode.component in components
        ),
        observability=replace(tiny.observability, **observability),
    )
