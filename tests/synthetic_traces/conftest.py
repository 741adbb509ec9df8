"""A written preset, once for all tests of this folder, and a small cluster that fails often."""

from __future__ import annotations

from dataclasses import replace

import pytest

from synthetic_traces import preset_spec, write_preset


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Summary of the preset `tiny`, written to disk."""
    return write_preset("tiny", seed=7, out=tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def stormy_spec():
    """Sixteen nodes for eight days that fail forty times as often as `tiny`'s and are noticed late.

    So what is rare happens: two faults meet in one attempt, faults meet planned work.
    """
    spec = preset_spec("tiny")
    return replace(
        spec,
        nodes=16,
        days=8,
        warm_up_days=2,
        failure_modes=tuple(
            replace(mode, per_1000_node_days=40 * mode.per_1000_node_days, detection_seconds=1800)
            for mode in spec.failure_modes
        ),
        workload=replace(spec.workload, jobs_per_day=110, run_nodes=(3, 5, 7), run_median_days=0.7),
        maintenance_every_days=2,
        maintenance_nodes=3,
    )
