"""From logs to intervals over many simulated clusters: how often does the interval hold the true rate?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scipy.stats import binom

from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.analyses.rates import rates
from reliability.lake import create_lake
from synthetic_traces import write_preset

CLUSTERS = 40

pytestmark = pytest.mark.validation


def test_the_node_rates_interval_covers_as_often_as_it_says(tmp_path: Path) -> None:
    covered = 0
    for seed in range(CLUSTERS):
        folder = tmp_path / str(seed)
        write_preset("tiny", 100 + seed, folder / "logs")
        lake = create_lake(folder / "lake")
        ingest_paths(lake, [folder / "logs" / "slurm" / "events.psv"], Options(), lambda: datetime.now(UTC))
        true_rate = json.loads((folder / "logs" / "truth" / "rates.json").read_text())["failures_per_1000_node_days"]
        estimate = rates(lake, "node").groups[0].estimate
        assert estimate is not None
        covered += estimate.low_per_1000_days <= true_rate <= estimate.high_per_1000_days
    print(f"{covered} of {CLUSTERS} intervals at 90% hold the true rate")
    assert covered >= binom.ppf(0.001, CLUSTERS, 0.9)
