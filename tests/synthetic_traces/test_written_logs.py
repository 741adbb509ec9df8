"""The files of a preset: native formats, complete, and in agreement with the truth."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_traces.logs.host_lists import fold_node_list
from tests.synthetic_traces.clusters import one_mode
from tests.synthetic_traces.reading import moment, rendered, table, unfold

SYMPTOMS = {
    "gpu_unavailable", "gpu_memory", "gpu_driver", "nvlink", "ib_link", "filesystem_mount", "main_memory",
    "ethernet_link", "pcie", "nccl_timeout", "system_services", "out_of_memory", "application", "power", "disk",
    "cooling", "cpu", "node_unresponsive", "other",
}  # fmt: skip
CAUSES = {
    "COMPLETED": "completed", "FAILED": "user", "OUT_OF_MEMORY": "out_of_memory", "TIMEOUT": "timeout",
    "CANCELLED": "cancelled", "PREEMPTED": "preempted", "REQUEUED": "requeued", "RUNNING": "running",
    "PENDING": "pending",
}  # fmt: skip


@pytest.fixture(scope="module")
def records(tiny):
    return table((tiny.out / "slurm" / "sacct.psv").read_text().splitlines())


@pytest.fixture(scope="module")
def jobs(records):
    return [row for row in records if "." not in row["JobIDRaw"]]


@pytest.fixture(scope="module")
def node_events(tiny):
    return table((tiny.out / "slurm" / "events.psv").read_text().splitlines())


@pytest.fixture(scope="module")
def faults(tiny):
    return pq.read_table(tiny.out / "truth" / "faults.parquet").to_pylist()


@pytest.fixture(scope="module")
def attempts(tiny):
    return pq.read_table(tiny.out / "truth" / "attempts.parquet").to_pylist()


def down_intervals(node_events):
    """Unplanned DOWN intervals per node, those that touch made one: (node, begin, end or None)."""
    merged = []
    rows = [row for row in node_events if row["State"].startswith("DOWN")]
    for row in sorted(rows, key=lambda row: (row["NodeName"], row["TimeStart"])):
        if merged and merged[-1][0] == row["NodeName"] and merged[-1][2] == row["TimeStart"]:
            merged[-1][2] = row["TimeEnd"]
        else:
            merged.append([row["NodeName"], row["TimeStart"], row["TimeEnd"]])
    return merged


def test_summary_counts_what_is_in_the_files(tiny, jobs, faults, attempts):
    assert tiny.attempts == len(jobs) == len(attempts)
    assert tiny.jobs == len({row["JobIDRaw"] for row in jobs})
    assert tiny.faults == sum(fault["kind"] == "critical" for fault in faults)
    assert (tiny.nodes, tiny.gpus, tiny.days) == (64, 512, 60)
    assert all(path.is_file() for path in tiny.files)
    assert sorted(path for path in tiny.out.rglob("*") if path.is_file()) == sorted(tiny.files)


# Accounting


def test_every_sacct_line_has_the_fields_of_the_header(tiny):
    counts = Counter(line.count("|") for line in (tiny.out / "slurm" / "sacct.psv").read_text().splitlines())
    assert list(counts) == [22]


def test_elapsed_is_end_minus_start(records, tiny):
    log_end = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=tiny.days)
    ran = [row for row in records if row["NodeList"] != "None assigned"]
    for row in ran:
        end = log_end if row["End"] == "Unknown" else moment(row["End"])
        assert int(row["ElapsedRaw"]) == (end - moment(row["Start"])).total_seconds()
        assert (row["End"] == "Unknown") == (row["State"] == "RUNNING")


def test_allocated_gpus_agree_with_the_node_list(jobs):
    for row in jobs:
        if row["NodeList"] == "None assigned":
            assert row["AllocTRES"] == ""
            continue
        nodes = unfold(row["NodeList"])
        tres = dict(part.split("=") for part in row["AllocTRES"].split(","))
        assert len(nodes) == int(row["NNodes"]) == int(tres["node"])
        assert tres["gres/gpu"] == tres["gres/gpu:h100"]
        assert int(tres["gres/gpu"]) <= 8 * len(nodes)
        assert len(nodes) == 1 or int(tres["gres/gpu"]) == 8 * len(nodes)


def test_job_id_and_submission_identify_an_attempt(jobs):
    assert len({(row["JobIDRaw"], row["Submit"]) for row in jobs}) == len(jobs)


def test_jobs_run_across_both_ends_of_the_log(jobs):
    assert any(row["Start"].startswith("2025-12") for row in jobs)
    assert any(row["State"] == "RUNNING" for row in jobs)
    assert all(row["End"] == "Unknown" or row["End"] >= "2026-01-01T00:00:00" for row in jobs)


def test_large_attempts_carry_more_than_half_of_the_gpu_time(jobs):
    gpu_seconds = defaultdict(int)
    for row in jobs:
        gpus = re.search(r"gres/gpu=(\d+)", row["AllocTRES"])
        if gpus is not None:
            gpu_seconds[int(gpus[1]) > 128] += int(gpus[1]) * int(row["ElapsedRaw"])
    assert gpu_seconds[True] / (gpu_seconds[True] + gpu_seconds[False]) > 0.5


def test_the_cluster_is_well_used(jobs, tiny):
    used = sum(
        int(re.search(r"gres/gpu=(\d+)", row["AllocTRES"])[1]) * int(row["ElapsedRaw"])
        for row in jobs
        if row["AllocTRES"]
    )
    assert 0.65 < used / (tiny.gpus * tiny.days * 86400) < 0.95


def test_truth_states_agree_with_sacct(jobs, attempts):
    key = "%Y-%m-%dT%H:%M:%S"
    told = {(str(a["job_id_raw"]), a["submit_utc"].strftime(key)): (a["job_id"], a["state"]) for a in attempts}
    assert told == {(row["JobIDRaw"], row["Submit"]): (row["JobID"], row["State"].split()[0]) for row in jobs}


def test_the_task_of_an_array_is_shown_by_the_array_and_its_ordinal(jobs):
    tasks = [row for row in jobs if "_" in row["JobID"]]
    assert len(tasks) > 100
    for row in tasks:
        array, task = map(int, row["JobID"].split("_"))
        assert int(row["JobIDRaw"]) == array + task
    assert all(row["JobID"] == row["JobIDRaw"] for row in jobs if "_" not in row["JobID"])


def test_the_steps_of_an_attempt_lie_in_it_and_one_of_them_ends_as_it_did(records):
    job, steps = None, defaultdict(list)
    for row in records:
        if "." in row["JobIDRaw"]:
            steps[job["JobIDRaw"], job["Submit"]].append((job, row))
            assert row["JobIDRaw"].split(".")[0] == job["JobIDRaw"]
            assert row["JobID"].split(".")[0] == job["JobID"]
            assert (row["Start"], row["End"]) == (job["Start"], job["End"])
        else:
            job = row
    for pairs in steps.values():
        job, names = pairs[0][0], [row["JobName"] for _, row in pairs]
        assert names == ["batch", "extern", "python3"][: 2 + (int(job["NNodes"]) > 1)]
        assert pairs[1][1]["NodeList"] == job["NodeList"]
        assert pairs[0][1]["NodeList"] == unfold(job["NodeList"])[0]
        if job["State"] in {"COMPLETED", "FAILED", "OUT_OF_MEMORY", "RUNNING"}:
            assert (pairs[0][1]["State"], pairs[0][1]["ExitCode"]) == (job["State"], job["ExitCode"])
    assert {key for key, _ in steps.items()} == {
        (row["JobIDRaw"], row["Submit"]) for row in records if row["QOS"] and row["NodeList"] != "None assigned"
    }


def test_a_job_cancelled_while_pending_never_started(stormy_spec):
    (lines,) = rendered(stormy_spec, 0, "accounting").values()
    rows = [row for row in table(lines) if row["State"].startswith("CANCELLED by") and row["Start"] == "None"]
    assert rows
    assert all(row["NodeList"] == "None assigned" and row["ElapsedRaw"] == "0" for row in rows)


def test_the_submission_names_the_node_that_the_job_excludes(troubled_spec):
    found = Counter()
    for lines in rendered(troubled_spec, 0, "accounting").values():
        for row in table(lines):
            if row["SubmitLine"]:
                asked = re.fullmatch(r"sbatch (?:--exclude=(node-\d{3}) )?--nodes=(\d+) (\S+)\.sh", row["SubmitLine"])
                assert (asked[2], asked[3]) == (row["NNodes"], row["JobName"])
                assert row["NodeList"] == "None assigned" or asked[1] not in unfold(row["NodeList"])
                found[asked[1] is not None] += 1
    assert min(found[True], found[False]) > 50


def test_a_job_whose_dependency_failed_was_cancelled_by_root(troubled_spec):
    rows = [row for lines in rendered(troubled_spec, 0, "accounting").values() for row in table(lines)]
    cancelled = [row for row in rows if row["State"].startswith("CANCELLED by")]
    by_root = [row for row in cancelled if row["State"] == "CANCELLED by 0"]
    assert 0 < len(by_root) < len(cancelled)
    assert all((row["Reason"] == "DependencyNeverSatisfied") == (row in by_root) for row in cancelled)


# Node events


def test_every_event_line_has_the_fields_of_the_header(tiny):
    counts = Counter(line.count("|") for line in (tiny.out / "slurm" / "events.psv").read_text().splitlines())
    assert list(counts) == [11]


def test_every_critical_fault_is_one_unplanned_down_interval(node_events, faults):
    seen = sorted((node, moment(begin)) for node, begin, _ in down_intervals(node_events))
    true = sorted((f["node"], f["detected_utc"]) for f in faults if f["detected_utc"] is not None)
    assert seen == true


def test_the_cluster_row_names_all_nodes(node_events, tiny):
    cluster = node_events[0]
    assert cluster["Event"] == "Cluster"
    assert len(unfold(cluster["Cluster Nodes"])) == tiny.nodes
    assert f"gres/gpu={tiny.gpus}" in cluster["TRES"]


def test_planned_work_is_a_drain_and_failures_are_not(node_events):
    reasons = defaultdict(set)
    for row in node_events[1:]:
        reasons[row["State"]].add(row["Reason"].split()[0].rstrip(":"))
    assert reasons["DRAIN"] == {"maintenance"}
    assert reasons["DOWN*"] == {"Not"}
    assert reasons["DOWN"] <= {"NHC", "Node"}
    assert reasons["UNK"] == {"cold-start"}


@pytest.mark.parametrize("repair_hours", [2.0, 200.0])
def test_node_events_begin_in_the_window_and_end_after_they_began(repair_hours):
    spec = one_mode(days=20, silent=True, repair={"median_hours": repair_hours})
    (lines,) = rendered(spec, 0, "events").values()
    log_end = spec.start_utc + timedelta(days=spec.days)
    for row in table(lines):
        assert spec.start_utc <= moment(row["TimeStart"]) <= log_end
        assert row["TimeEnd"] == "Unknown" or row["TimeStart"] <= row["TimeEnd"]
        assert row["TimeEnd"] == "Unknown" or moment(row["TimeEnd"]) <= log_end


def test_a_fault_that_can_wait_is_a_drain_with_the_reason_of_the_check(troubled_spec):
    (lines,) = rendered(troubled_spec, 0, "events").values()
    drains = {row["Reason"].split()[0] for row in table(lines) if row["State"] == "DRAIN"}
    assert drains == {"maintenance", "NHC:"}


# The network


def test_the_network_is_told_with_every_node_in_it(tiny):
    everywhere = {f"node-{number:03d}" for number in range(1, tiny.nodes + 1)}
    tree = (tiny.out / "slurm" / "topology.conf").read_text()
    assert {name for found in re.findall(r" Nodes=(\S+)", tree) for name in unfold(found)} == everywhere
    fabric = (tiny.out / "fabric" / "ibnetdiscover.txt").read_text()
    assert set(re.findall(r"node-\d{3}", fabric)) == everywhere


# Truth


def test_attempts_and_faults_tell_the_same_kills(faults, attempts):
    by_attempts = {(a["killed_by_fault"], a["job_id_raw"], a["attempt"]) for a in attempts if a["killed_by_fault"]}
    by_faults = {(f["fault_id"], k["job_id_raw"], k["attempt"]) for f in faults for k in f["attempts_killed"]}
    assert by_attempts
    assert by_attempts == by_faults


def test_the_cause_of_an_end_is_the_component_that_failed_or_what_the_state_says(faults, attempts):
    component = {fault["fault_id"]: fault["component"] for fault in faults}
    for attempt in attempts:
        killer = attempt["killed_by_fault"]
        assert attempt["cause"] == (CAUSES[attempt["state"]] if killer is None else component[killer])


def test_application_xids_never_take_a_node_down(faults):
    for fault in faults:
        if fault["xid"] in {13, 31, 43}:
            assert fault["kind"] == "application"
        assert (fault["kind"] == "critical") or (fault["detected_utc"] is None and not fault["attempts_killed"])
        assert fault["symptom"] in SYMPTOMS


def test_true_rates_add_up(tiny):
    rates = json.loads((tiny.out / "truth" / "rates.json").read_text())
    critical = [mode["per_1000_node_days"] for mode in rates["modes"] if mode["kind"] == "critical"]
    assert sum(critical) == pytest.approx(rates["failures_per_1000_node_days"]) == pytest.approx(12.0)
    assert sum(s["per_1000_node_days"] for s in rates["by_symptom"].values()) == pytest.approx(12.0)
    assert rates["in_service_node_days"] == tiny.in_service_node_days
    assert rates["critical_faults"] == tiny.faults
    assert tiny.true_failures_per_1000_node_days == pytest.approx(12.0)
    assert not rates["correlated"]


@given(numbers=st.sets(st.integers(min_value=1, max_value=64), min_size=1))
def test_a_folded_node_list_unfolds_to_the_same_nodes(numbers):
    names = [f"node-{number:03d}" for number in sorted(numbers)]
    assert unfold(fold_node_list(names)) == names
