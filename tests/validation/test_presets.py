"""The presets of published clusters: how close their simulations, and what is measured on their logs, come."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.analyses.rates import rates
from reliability.lake import create_lake
from synthetic_traces import preset_spec, write_preset
from synthetic_traces.calibration import Measured, landings
from synthetic_traces.simulation.cluster import Simulation

pytestmark = pytest.mark.validation

#: not the seed that the presets were calibrated with
SEED = 2


@pytest.mark.parametrize("preset", ["acme", "hpn-pod", "llama3-16k", "rsc-1", "rsc-2"])
def test_a_preset_lands_where_it_says(preset: str) -> None:
    spec = preset_spec(preset)
    simulation = Simulation(spec, SEED)
    found = landings(preset, Measured(spec, simulation.plant, simulation.run()))
    assert found
    assert [landing for landing in found if not landing.holds] == []


def test_r_f_measured_on_the_logs_of_rsc_1_is_the_published_one(tmp_path: Path) -> None:
    write_preset("rsc-1", SEED, tmp_path / "logs", processes=2)
    lake = create_lake(tmp_path / "lake")
    folders = [tmp_path / "logs" / "slurm", tmp_path / "logs" / "kernel"]
    ingest_paths(lake, folders, Options(), lambda: datetime.now(UTC))
    estimate = rates(lake, "attempt", min_gpus=128, confidence=0.99).groups[0].estimate
    assert estimate is not None
    assert estimate.low_per_1000_days <= 6.50 <= estimate.high_per_1000_days
