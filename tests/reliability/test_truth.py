"""From the simulator's native logs to numbers, against the truth it wrote beside them; and the demo."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.analyses.causes import causes
from reliability.analyses.rates import rates
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake, create_lake
from synthetic_traces import write_preset

#: the demo's seed and another
SEEDS = (1, 2)


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def simulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lake]:
    folder = tmp_path_factory.mktemp("truth")
    write_preset("tiny", request.param, folder / "logs")
    lake = create_lake(folder / "lake")
    ingest_paths(lake, [folder / "logs" / "slurm", folder / "logs" / "kernel"], Options(), lambda: datetime.now(UTC))
    return folder / "logs" / "truth", lake


def test_the_interval_of_the_node_rate_contains_the_true_rate(simulated: tuple[Path, Lake]) -> None:
    truth, lake = simulated
    true_rate = json.loads((truth / "rates.json").read_text())["failures_per_1000_node_days"]
    estimate = rates(lake, "node").groups[0].estimate
    assert estimate is not None
    assert estimate.low_per_1000_days <= true_rate <= estimate.high_per_1000_days


def test_every_true_failure_is_counted_once(simulated: tuple[Path, Lake]) -> None:
    truth, lake = simulated
    faults = json.loads((truth / "rates.json").read_text())["critical_faults"]
    assert rates(lake, "node").groups[0].failures == faults


def test_the_interval_of_r_f_contains_the_true_rate(simulated: tuple[Path, Lake]) -> None:
    truth, lake = simulated
    true_rate = json.loads((truth / "rates.json").read_text())["failures_per_1000_node_days"]
    estimate = rates(lake, "attempt", min_gpus=128).groups[0].estimate
    assert estimate is not None
    assert estimate.low_per_1000_days <= true_rate <= estimate.high_per_1000_days


def test_attribution_agrees_with_the_true_causes(simulated: tuple[Path, Lake]) -> None:
    truth, lake = simulated
    rows = pq.read_table(truth / "attempts.parquet").to_pylist()
    killed = {(str(row["job_id_raw"]), row["submit_utc"]) for row in rows if row["killed_by_fault"] is not None}
    judged = DuckDBEngine(lake).rows(
        "SELECT attributions.job_id_raw, jobs.submit_utc FROM attributions "
        "JOIN jobs USING (cluster, job_id_raw, attempt) WHERE is_infrastructure"
    )
    found = {(row["job_id_raw"], row["submit_utc"]) for row in judged}
    assert killed
    assert len(found & killed) >= 0.9 * len(killed)
    assert len(found & killed) >= 0.95 * len(found)


def test_user_failures_are_not_held_against_the_infrastructure(simulated: tuple[Path, Lake]) -> None:
    _, lake = simulated
    counted = causes(lake)
    user = next(cause for cause in counted.causes if cause.cause == "user_program")
    assert user.failures > 10 * counted.infrastructure_failures


def test_the_demo_leaves_a_lake_a_report_and_the_way_to_the_dashboard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--dir", str(tmp_path / "demo"), "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["node_rates"]["rows"][0]["low"] <= 12.0 <= document["node_rates"]["rows"][0]["high"]
    assert document["plan"]["ettr_v2_low"] < document["plan"]["ettr_v2"] < document["plan"]["ettr_v2_high"]
    assert (tmp_path / "demo" / "report.html").stat().st_size > 100_000
    assert "dashboard --lake" in captured.err
    # a second run changes nothing and fails at nothing
    assert main(["demo", "--dir", str(tmp_path / "demo"), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert all(file["repeated"] for file in again["ingest"]["files"])
    assert again["node_rates"] == document["node_rates"]


def test_incidents_of_a_component_are_its_true_faults(simulated: tuple[Path, Lake]) -> None:
    truth, lake = simulated
    faults = [row for row in pq.read_table(truth / "faults.parquet").to_pylist() if row["kind"] == "critical"]
    for component in ("gpu", "nic", "disk"):
        assert rates(lake, component).groups[0].failures == sum(fault["component"] == component for fault in faults)
