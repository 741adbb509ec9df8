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

from synthetic_traces import OutputNotEmptyError, UnknownPresetError, write_preset
from synthetic_traces.simulation import Simulation
from synthetic_traces.slurm_logs import SlurmLogs, fold_node_list
from synthetic_traces.spec import preset_spec

SYMPTOMS = {
    "gpu_unavailable", "gpu_memory", "gpu_driver", "nvlink", "ib_link", "filesystem_mount", "main_memory",
    "ethernet_link", "pcie", "nccl_timeout", "system_services", "out_of_memory", "application", "power", "disk",
    "cooling", "cpu", "node_unresponsive", "other",
}  # fmt: skip
SYSLOG = re.compile(r"<(\d+)>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (node-\d{3}) (\S+) (\S+) - - (\S.*)")
BEFORE, AFTER = timedelta(minutes=10), timedelta(minutes=5)


def table(path):
    header, *lines = path.read_text().splitlines()
    columns = header.split("|")
    return [dict(zip(columns, line.split("|"), strict=True)) for line in lines]


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def unfold(node_list):
    prefix, _, inside = node_list.partition("[")
    if not inside:
        return [node_list]
    names = []
    for part in inside.rstrip("]").split(","):
        first, _, last = part.partition("-")
        names += [f"{prefix}{number:0{len(first)}d}" for number in range(int(first), int(last or first) + 1)]
    return names


@pytest.fixture(scope="module")
def jobs(tiny):
    return [row for row in table(tiny.out / "slurm" / "sacct.psv") if "." not in row["JobID"]]


@pytest.fixture(scope="module")
def node_events(tiny):
    return table(tiny.out / "slurm" / "events.psv")


@pytest.fixture(scope="module")
def syslog(tiny):
    return [SYSLOG.fullmatch(line).groups() for line in (tiny.out / "kernel" / "syslog.log").read_text().splitlines()]


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


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    """The same preset and seed again, over what an earlier trace left behind; and the progress it reported."""
    out = tmp_path_factory.mktemp("rewritten")
    readme = out / "truth" / "README.txt"
    readme.parent.mkdir()
    readme.write_text("Synthetic cluster trace with its truth\npreset tiny, seed 1\n")
    fractions = []
    return write_preset("tiny", seed=7, out=out, progress=fractions.append), fractions


def test_equal_seeds_give_equal_bytes_even_over_an_earlier_trace(tiny, rewritten):
    again, _ = rewritten
    assert [path.relative_to(again.out) for path in again.files] == [path.relative_to(tiny.out) for path in tiny.files]
    for first, second in zip(tiny.files, again.files, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_progress_rises_to_one(rewritten):
    _, fractions = rewritten
    assert len(fractions) > 10
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_another_seed_gives_another_history(stormy_spec):
    first, second = (Simulation(stormy_spec, seed).run() for seed in (1, 2))
    assert first.faults != second.faults
    assert first.attempts != second.attempts


def test_summary_counts_what_is_in_the_files(tiny, jobs, faults, attempts):
    assert tiny.attempts == len(jobs) == len(attempts)
    assert tiny.jobs == len({row["JobIDRaw"] for row in jobs})
    assert tiny.faults == sum(fault["kind"] == "critical" for fault in faults)
    assert (tiny.nodes, tiny.gpus, tiny.days) == (64, 512, 60)
    assert all(path.is_file() for path in tiny.files)
    assert sorted(path for path in tiny.out.rglob("*") if path.is_file()) == sorted(tiny.files)


def test_every_sacct_line_has_the_fields_of_the_header(tiny):
    counts = Counter(line.count("|") for line in (tiny.out / "slurm" / "sacct.psv").read_text().splitlines())
    assert list(counts) == [21]


def test_every_event_line_has_the_fields_of_the_header(tiny):
    counts = Counter(line.count("|") for line in (tiny.out / "slurm" / "events.psv").read_text().splitlines())
    assert list(counts) == [11]


def test_elapsed_is_end_minus_start(jobs, tiny):
    log_end = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=tiny.days)
    ran = [row for row in jobs if row["NodeList"] != "None assigned"]
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


def test_a_fault_that_speaks_does_so_around_the_end_of_what_it_kills(syslog, faults, attempts):
    ends = {(a["job_id_raw"], a["attempt"]): a["end_utc"] for a in attempts}
    warnings = defaultdict(list)
    for priority, stamp, node, *_ in syslog:
        if int(priority) % 8 <= 4:
            warnings[node].append(datetime.fromisoformat(stamp))
    for fault in faults:
        for killed in fault["attempts_killed"]:
            end = ends[killed["job_id_raw"], killed["attempt"]]
            near = [time for time in warnings[fault["node"]] if end - BEFORE <= time <= end + AFTER]
            assert fault["silent"] or fault["time_utc"] in near


def test_a_silent_node_prints_nothing_until_it_is_back(syslog, faults):
    silent = [fault for fault in faults if fault["silent"]]
    assert silent
    for fault in silent:
        until = (fault["repaired_utc"] or datetime.max.replace(tzinfo=UTC)) - timedelta(minutes=3)
        assert not any(
            node == fault["node"] and fault["time_utc"] <= datetime.fromisoformat(stamp) < until
            for _, stamp, node, *_ in syslog
        )


def test_xids_in_the_syslog_are_those_of_the_truth(syslog, faults):
    printed = defaultdict(set)
    for _, stamp, node, program, _, text in syslog:
        xid = re.match(r"NVRM: Xid \(PCI:0000:([0-9a-f]{2}):00\): (\d+), ", text)
        if xid is not None:
            assert program == "kernel"
            printed[node, int(xid[2])].add(datetime.fromisoformat(stamp))
    for fault in faults:
        if fault["xid"] is not None:
            assert fault["time_utc"] in printed[fault["node"], fault["xid"]]
    known = {(fault["node"], fault["xid"]) for fault in faults}
    follow_ups = {(fault["node"], 63) for fault in faults if fault["xid"] in {48, 94}}
    assert set(printed) <= known | follow_ups


def test_some_faults_print_once_and_some_in_bursts(syslog):
    counts = Counter(text for *_, text in syslog if "Xid" in text)
    assert max(counts.values()) >= 100
    assert min(counts.values()) == 1


def test_syslog_is_in_the_order_of_time(syslog):
    stamps = [stamp for _, stamp, *_ in syslog]
    assert stamps == sorted(stamps)


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
    assert rates["in_service_node_days"] == tiny.in_service_node_days
    assert rates["critical_faults"] == tiny.faults


def test_truth_states_agree_with_sacct(jobs, attempts):
    key = "%Y-%m-%dT%H:%M:%S"
    told = {(str(a["job_id_raw"]), a["submit_utc"].strftime(key)): a["state"] for a in attempts}
    assert told == {(row["JobIDRaw"], row["Submit"]): row["State"].split()[0] for row in jobs}


@given(numbers=st.sets(st.integers(min_value=1, max_value=64), min_size=1))
def test_a_folded_node_list_unfolds_to_the_same_nodes(numbers):
    names = [f"node-{number:03d}" for number in sorted(numbers)]
    assert unfold(fold_node_list(names)) == names


def test_a_job_cancelled_while_pending_never_started(stormy_spec):
    rows = []
    for seed in range(2):
        history = Simulation(stormy_spec, seed).run()
        lines = list(SlurmLogs(stormy_spec, history, rng=None).sacct_lines())
        columns = lines[0].split("|")
        rows += [dict(zip(columns, line.split("|"), strict=True)) for line in lines[1:]]
    cancelled = [row for row in rows if row["State"].startswith("CANCELLED by") and row["Start"] == "None"]
    assert cancelled
    assert all(row["NodeList"] == "None assigned" and row["ElapsedRaw"] == "0" for row in cancelled)


def test_an_unknown_preset_is_refused_with_the_known_names(tmp_path):
    with pytest.raises(UnknownPresetError, match="tiny"):
        write_preset("huge", seed=0, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    with pytest.raises(OutputNotEmptyError, match="not an earlier synthetic trace"):
        write_preset("tiny", seed=0, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(OutputNotEmptyError):
        write_preset("tiny", seed=0, out=precious)
    assert precious.read_text() == "years of work"


def test_the_preset_describes_itself():
    spec = preset_spec("tiny")
    assert spec.failures_per_1000_node_days == pytest.approx(12.0)
    assert sum(mode.per_1000_node_days for mode in spec.failure_modes if mode.silent) == pytest.approx(1.2)
