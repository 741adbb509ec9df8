"""From the simulator's native logs to numbers, against the truth it wrote beside them; and the demo."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from ingest.pipeline import ingest_paths
from ingest.report import IngestReport
from ingest.source import Options
from reliability.analyses.causes import causes
from reliability.analyses.goodput import goodput
from reliability.analyses.rates import rates
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import Lake, create_lake
from synthetic_traces import ClusterSpec, preset_spec, write_trace
from tests.synthetic_traces.clusters import troubled

#: the demo's seed and another
SEEDS = (1, 2)
#: attribution is a share of some forty failures a trace: judged over several of them together
MORE_SEEDS = (*SEEDS, 3, 4)


@dataclass(frozen=True)
class Trace:
    """A written trace, and the lake its logs went into."""

    truth: Path
    lake: Lake
    report: IngestReport

    def rows(self, table: str) -> list[dict[str, Any]]:
        return pq.read_table(self.truth / f"{table}.parquet").to_pylist()

    def rates(self) -> dict[str, Any]:
        return dict(json.loads((self.truth / "rates.json").read_text()))

    def ask(self, sql: str) -> list[dict[str, Any]]:
        return DuckDBEngine(self.lake).rows(sql)


def write_and_ingest(folder: Path, spec: ClusterSpec, seed: int, *sources: str) -> Trace:
    write_trace(spec, seed, folder / "logs")
    lake = create_lake(folder / "lake")
    paths = [folder / "logs" / source for source in sources]
    report = ingest_paths(lake, paths, Options(), lambda: datetime.now(UTC))
    return Trace(folder / "logs" / "truth", lake, report)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`tiny` of a seed, with the default noise of observation."""

    @cache
    def of(seed: int) -> Trace:
        sources = ("slurm", "kernel", "fabric", "training") if seed in SEEDS else ("slurm", "kernel")
        return write_and_ingest(tmp_path_factory.mktemp("truth"), preset_spec("tiny"), seed, *sources)

    return of


@pytest.fixture(params=SEEDS, ids=lambda seed: f"seed {seed}")
def trace(traces: Any, request: pytest.FixtureRequest) -> Trace:
    return traces(request.param)


@pytest.fixture(scope="module")
def clear_trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """`tiny` where every fault is seen, nothing else is, and every line arrives once and on time."""
    spec = preset_spec("tiny")
    noiseless = {"missed_share": 0.0, "false_alarms_per_node_day": 0.0, "clock_skew_seconds": 0.0}
    seen = replace(spec.observability, lost_share=0.0, duplicated_share=0.0, **noiseless)
    return write_and_ingest(tmp_path_factory.mktemp("clear"), replace(spec, observability=seen), 1, "slurm", "kernel")


@pytest.fixture(scope="module")
def troubled_trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Everything that the simulator can do, in rotated and packed files."""
    sources = ("slurm", "kernel", "fabric", "training", "serving")
    return write_and_ingest(tmp_path_factory.mktemp("troubled"), troubled(), 0, *sources)


def test_every_record_of_every_log_is_understood(trace: Trace) -> None:
    formats = Counter(file.format for file in trace.report.files)
    assert set(formats) == {
        *("slurm-sacct", "slurm-events", "slurmctld-log", "topology-conf"),
        *("kernel-log", "ibnetdiscover", "training-log"),
    }
    assert sum(file.rows_rejected for file in trace.report.files) == 0
    assert [file.error for file in trace.report.files if file.error is not None] == []


def test_every_record_of_a_troubled_cluster_is_understood_too(troubled_trace: Trace) -> None:
    formats = Counter(file.format for file in troubled_trace.report.files)
    assert formats["slurm-sacct"] == formats["kernel-log"] == 4
    assert formats["request-log"] == 1
    assert sum(file.rows_rejected for file in troubled_trace.report.files) == 0


def test_every_attempt_is_in_the_lake_once(troubled_trace: Trace) -> None:
    rows = troubled_trace.ask("SELECT job_id_raw, submit_utc, state FROM jobs")
    told = Counter((row["job_id_raw"], row["submit_utc"], row["state"]) for row in rows)
    true = Counter((str(row["job_id_raw"]), row["submit_utc"], row["state"]) for row in troubled_trace.rows("attempts"))
    assert told == true


def test_the_interval_of_the_node_rate_contains_the_true_rate(trace: Trace) -> None:
    estimate = rates(trace.lake, "node").groups[0].estimate
    assert estimate is not None
    true_rate = trace.rates()["failures_per_1000_node_days"]
    assert estimate.low_per_1000_days <= true_rate <= estimate.high_per_1000_days


def test_every_failure_that_the_cluster_noticed_is_counted_once(trace: Trace) -> None:
    noticed = [fault for fault in trace.rows("faults") if fault["detected_utc"] is not None]
    assert {fault["kind"] for fault in noticed} == {"critical"}
    assert trace.rates()["critical_faults"] - 1 <= len(noticed) <= trace.rates()["critical_faults"]
    assert rates(trace.lake, "node").groups[0].failures == len(noticed)


def test_the_interval_of_r_f_contains_the_true_rate(trace: Trace) -> None:
    estimate = rates(trace.lake, "attempt", min_gpus=128).groups[0].estimate
    assert estimate is not None
    true_rate = trace.rates()["failures_per_1000_node_days"]
    assert estimate.low_per_1000_days <= true_rate <= estimate.high_per_1000_days


def test_attribution_agrees_with_the_true_causes(traces: Any) -> None:
    killed, found = set(), set()
    for seed in MORE_SEEDS:
        judged = traces(seed).ask(
            "SELECT attributions.job_id_raw, jobs.submit_utc FROM attributions "
            "JOIN jobs USING (cluster, job_id_raw, attempt) WHERE is_infrastructure"
        )
        found |= {(seed, row["job_id_raw"], row["submit_utc"]) for row in judged}
        killed |= {
            (seed, str(row["job_id_raw"]), row["submit_utc"])
            for row in traces(seed).rows("attempts")
            if row["killed_by_fault"] is not None
        }
    assert len(killed) > 100
    assert len(found & killed) >= 0.9 * len(killed)
    assert len(found & killed) >= 0.95 * len(found)


def test_user_failures_are_not_held_against_the_infrastructure(trace: Trace) -> None:
    counted = causes(trace.lake)
    user = next(cause for cause in counted.causes if cause.cause == "user_program")
    assert user.failures > 10 * counted.infrastructure_failures


def test_incidents_of_a_component_are_its_true_faults_where_nothing_blurs_them(clear_trace: Trace) -> None:
    true = Counter[str]()
    for fault in clear_trace.rows("faults"):
        # An Xid names a GPU: of an NVLink, too, and when a fault of the PCIe bus takes the GPU off it.
        if fault["kind"] in {"critical", "cascade"}:
            true["gpu" if fault["xid"] is not None else fault["component"]] += 1
    for component in ("gpu", "nic", "disk"):
        assert rates(clear_trace.lake, component).groups[0].failures == true[component]


def test_without_noise_every_verdict_is_right(clear_trace: Trace) -> None:
    judged = clear_trace.ask(
        "SELECT attributions.job_id_raw, jobs.submit_utc FROM attributions "
        "JOIN jobs USING (cluster, job_id_raw, attempt) WHERE is_infrastructure"
    )
    found = {(row["job_id_raw"], row["submit_utc"]) for row in judged}
    attempts = clear_trace.rows("attempts")
    killed = {(str(row["job_id_raw"]), row["submit_utc"]) for row in attempts if row["killed_by_fault"] is not None}
    assert killed <= found
    assert len(found - killed) <= 2  # a job that happened to fail beside a fault


def test_checkpoints_are_those_that_the_true_attempts_imply(trace: Trace) -> None:
    spec = preset_spec("tiny")
    asked = spec.workload.checkpoints
    restart, interval, write = 60 * asked.restart_minutes, 60 * asked.interval_minutes, asked.write_seconds
    log_end = spec.start_utc + timedelta(days=spec.days)
    expected = Counter[tuple[str, datetime]]()
    for row in trace.rows("attempts"):
        if row["gpu_count"] < spec.logs.training_min_gpus or row["start_utc"] is None:
            continue
        begin = row["start_utc"] + timedelta(seconds=restart)
        for number in range(int(row["checkpoint_seconds"] // write)):
            began = begin + timedelta(seconds=(number + 1) * interval + number * write)
            assert began + timedelta(seconds=write) <= (row["end_utc"] or log_end)
            expected[str(row["job_id_raw"]), began] += 1
    saved = trace.ask("SELECT job_id, started_utc, duration_seconds, kind FROM checkpoints WHERE action = 'saved'")
    assert expected.total() > 1000
    assert Counter((row["job_id"], row["started_utc"]) for row in saved) == expected
    assert {(row["duration_seconds"], row["kind"]) for row in saved} == {(write, "blocking")}


def test_what_a_job_resumes_from_is_what_its_attempts_kept(trace: Trace) -> None:
    """A step takes ten seconds: the last step of a run is its productive time, whatever interrupted it."""
    last = trace.ask("SELECT job_id, max(step) AS step FROM training_steps GROUP BY job_id")
    steps = {row["job_id"]: row["step"] for row in last}
    runs = {str(row["job_id_raw"]): row for row in trace.rows("runs") if row["whole"] and row["state"] == "COMPLETED"}
    seen = 0
    for job in steps.keys() & runs.keys():
        seen += 1
        assert 0 <= runs[job]["productive_seconds"] / 10 - steps[job] <= 90 + runs[job]["attempts"]
    assert seen > 5


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


def test_every_bucket_of_the_ledger_is_within_a_hundredth_of_capacity_of_the_truth(trace: Trace) -> None:
    # The simulator's jobs that log no training save nothing, and need no time to restart.
    found = goodput(trace.lake, checkpoint_interval_seconds=10_000_000, restart_overhead_seconds=0)
    called = {
        "lost_infrastructure": "lost_first_order",
        "lost_preemption_second_order": "lost_second_order",
        "slowed": "productive",
    }
    true = Counter[str]()
    for row in trace.rows("ledger"):
        true[called.get(row["bucket"], row["bucket"])] += row["gpu_seconds"] / 3600
    assert set(true) <= set(found.buckets)
    for bucket, hours in found.buckets.items():
        assert hours == pytest.approx(true[bucket], abs=0.01 * found.capacity_hours), bucket
    assert found.capacity_hours == pytest.approx(true.total(), rel=1e-3)
    # what the failures of the infrastructure cost is small beside capacity: it has a bar of its own
    lost = found.buckets["lost_first_order"] + found.buckets["lost_second_order"]
    assert lost == pytest.approx(true["lost_first_order"] + true["lost_second_order"], rel=0.1)
