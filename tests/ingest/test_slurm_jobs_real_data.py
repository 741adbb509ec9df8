"""Two real Slurm clusters whose every job's fate is known: each way of printing it must tell the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.opening import InputFile
from ingest.pipeline import ingest_paths
from ingest.registry import identify
from ingest.report import IngestReport
from ingest.source import Options
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import create_lake

pytestmark = pytest.mark.real_data
Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]
Outcomes = dict[str, list[tuple[str, str]]]
RELEASES = ("22.05", "26.05")
ALL = (
    'job_id, job_id_raw, job_name, "user", account, "partition", qos, epoch(submit_utc) AS submit, '
    "epoch(start_utc) AS start, epoch(end_utc) AS ended, state, exit_code, exit_signal, step_out_of_memory, "
    "node_count, cpu_count, gpu_count, requested_memory_bytes, time_limit_seconds, nodes, failed_node, attempt"
)


def done(code: str = "0:0") -> list[tuple[str, str]]:
    return [("COMPLETED", code)]


#: what was provoked (expected.tsv), as attempts in order: state and exit code
TRUTH: Outcomes = {
    "timeout1": [("TIMEOUT", "0:0")], "timeout_trap": done(), "dl_blocker": done(), "deadline1": [("DEADLINE", "1:0")],
    "train_ok1": done(), "train_ok2": done(), "train_ok3": done(), "train_ok4": done(),
    "exit1": [("FAILED", "1:0")], "exit42": [("FAILED", "42:0")], "kill9": [("FAILED", "0:9")],
    "nocmd": [("FAILED", "127:0")], "badout": [("FAILED", "0:53")],
    "oom": [("FAILED", "1:0")], "oom_batch": [("OUT_OF_MEMORY", "0:125")],
    "cancel_self": [("CANCELLED", "0:0")], "cancel_root": [("CANCELLED", "0:0")],
    "dep_parent": [("FAILED", "5:0")],
    "requeue1": [("REQUEUED", "0:0"), *done()], "requeue_exit": [("REQUEUED", "99:0"), *done()],
    "requeuehold": [("REQUEUED", "0:0"), ("PENDING", "0:0")],
    "suspend1": done(), "stepfail": done(), "interactive_srun": done(), "drained_under": done(), "epilogfail": done(),
    "scav_requeue": [("PREEMPTED", "0:0"), *done()], "scav_cancel": [("PREEMPTED", "0:0")],
    "urgent": done(), "resize1": done(), "still_running": [("RUNNING", "0:0")], "still_pending": [("PENDING", "0:0")],
}  # fmt: skip
#: where the releases differ
TRUTH_OF: dict[str, Outcomes] = {
    "22.05": {
        "segv": [("FAILED", "11:0")], "nodefail_requeue": [("NODE_FAIL", "0:0"), *done()],
        "nodefail_final": [("NODE_FAIL", "0:0")], "noderebooted": [("NODE_FAIL", "0:0"), *done()],
        "nokill": [("NODE_FAIL", "0:0")], "prologfail": [("REQUEUED", "0:0"), ("PENDING", "0:0")],
    },
    "26.05": {
        "segv": [("FAILED", "139:0")], "nodefail_requeue": [("NODE_FAIL", "1:0"), *done()],
        "nodefail_final": [("NODE_FAIL", "1:0")], "noderebooted": [("NODE_FAIL", "1:0"), *done()],
        "nokill": [("NODE_FAIL", "1:0"), ("PENDING", "0:0")],
        "prologfail": [("REQUEUED", "0:54"), ("PENDING", "0:0")],
    },
}  # fmt: skip
ARRAY_FAILURES = {"17_3", "17_7"}


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Callable[..., list[dict[str, Any]]]]:
    """``jobs(files…)``: the view ``jobs`` of a fresh lake that took the files in, one after the other."""
    engines: list[DuckDBEngine] = []

    def read(*paths: Path, columns: str = ALL) -> list[dict[str, Any]]:
        lake = create_lake(tmp_path / f"lake-{len(engines)}")
        for hour, path in enumerate(paths):
            taken = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
            ingest_paths(lake, [path], Options(cluster="testcl"), lambda taken=taken: taken)
        engines.append(DuckDBEngine(lake))
        return list(engines[-1].rows(f"SELECT {columns} FROM jobs ORDER BY job_id_raw, submit_utc"))

    yield read
    for engine in engines:
        engine.close()


def outcomes(jobs: list[dict[str, Any]]) -> Outcomes:
    found = defaultdict(list)
    for job in jobs:
        code = "" if job["exit_code"] is None else f"{job['exit_code']}:{job['exit_signal']}"
        found[job["job_name"]].append((job["state"], code))
    return found


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["sacct_ALL_D.psv"])
def test_every_labelled_job_ends_as_it_was_made_to(
    release: str, name: str, real_data: Path, jobs: Callable[..., Any]
) -> None:
    folder = real_data / "slurm" / f"real-{release}"
    found = jobs(folder / name)
    ends = outcomes(found)
    truth = TRUTH | TRUTH_OF[release]
    assert {label: ends[label] for label in truth} == truth
    assert {job["job_id"] for job in found if job["job_name"] == "arr" and job["state"] == "FAILED"} == ARRAY_FAILURES
    assert sorted(job["job_id"] for job in found if job["job_name"] == "arr") == [f"17_{n}" for n in range(10)]
    assert {job["job_id"]: job["node_count"] for job in found if job["job_name"] == "het"} == {"18+0": 1, "18+1": 2}
    assert {job["job_name"] for job in found if job["step_out_of_memory"]} == {"oom", "oom_batch"}
    labels = {line.split("\t")[1] for line in (folder / "expected.tsv").read_text().splitlines()[1:]}
    assert labels - truth.keys() - {"arr", "het"} == {"cancel_pend", "dep_child"}  # never eligible: sacct hides them


@pytest.mark.parametrize("release", RELEASES)
def test_a_resized_job_counts_its_nodes_once_and_from_its_start(
    release: str, real_data: Path, jobs: Callable[..., Any]
) -> None:
    found = jobs(real_data / "slurm" / f"real-{release}" / "sacct_ALL_D.psv")
    (resized,) = [job for job in found if job["job_name"] == "resize1"]
    assert (resized["node_count"], resized["gpu_count"], resized["ended"] - resized["start"]) == (2, 16, 8)


def test_the_failed_nodes_of_the_newer_release_are_named(real_data: Path, jobs: Callable[..., Any]) -> None:
    named = jobs(real_data / "slurm" / "real-26.05" / "sacct_new_fields.psv")
    assert {job["job_name"]: job["failed_node"] for job in named if job["failed_node"]} == {
        "nodefail_requeue": "gpu-014", "nodefail_final": "gpu-015", "noderebooted": "gpu-012", "nokill": "gpu-010",
    }  # fmt: skip


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", ["sacct_selected.psv", "sacct_epoch.psv", "sacct_D.json.xz"])
def test_other_columns_other_times_and_json_have_the_same_attempts(
    release: str, name: str, real_data: Path, jobs: Callable[..., Any]
) -> None:
    folder = real_data / "slurm" / f"real-{release}"
    columns = "job_id_raw, epoch(submit_utc) AS submit, epoch(start_utc) AS start, epoch(end_utc) AS ended, state"
    assert jobs(folder / name, columns=columns) == jobs(folder / "sacct_ALL_D.psv", columns=columns)


@pytest.mark.parametrize("release", RELEASES)
def test_json_says_of_every_attempt_what_the_text_says(release: str, real_data: Path, jobs: Callable[..., Any]) -> None:
    folder = real_data / "slurm" / f"real-{release}"
    text, parsed = jobs(folder / "sacct_ALL_D.psv"), jobs(folder / "sacct_D.json.xz")
    pairs = list(zip(text, parsed, strict=True))
    unlike = [(column, other[column]) for one, other in pairs for column in one if other[column] != one[column]]
    assert [value for _, value in unlike if value is not None] == []
    unknown = {column for column, _ in unlike}
    # 22.05 loses exit codes; a job that never started has CPUs only in the text.
    assert unknown == ({"exit_code", "exit_signal", "cpu_count"} if release == "22.05" else {"cpu_count"})


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("other", ["sacct_D.json.xz", "rest_slurmdb_jobs.json.xz", "sacct_ALL_noD.psv"])
@pytest.mark.parametrize("text_first", [True, False])
def test_the_same_attempts_from_two_sources_are_the_texts_own(
    release: str, other: str, text_first: bool, real_data: Path, jobs: Callable[..., Any]
) -> None:
    folder = real_data / "slurm" / f"real-{release}"
    text = folder / "sacct_ALL_D.psv"
    alone = jobs(text)
    assert jobs(*((text, folder / other) if text_first else (folder / other, text))) == alone
    assert len(alone) == {"22.05": 58, "26.05": 59}[release]


@pytest.mark.parametrize("release", RELEASES)
def test_the_completion_log_adds_only_the_jobs_that_accounting_hides(
    release: str, real_data: Path, jobs: Callable[..., Any]
) -> None:
    folder = real_data / "slurm" / f"real-{release}"
    columns = "job_name, job_id_raw, epoch(submit_utc) AS submit, epoch(start_utc) AS start, epoch(end_utc) AS ended"
    text = jobs(folder / "sacct_ALL_D.psv", columns=columns)
    both = jobs(folder / "sacct_ALL_D.psv", folder / "jobcomp.log", columns=columns)
    assert {row["job_name"] for row in both if row not in text} == {"cancel_pend", "dep_child"}
    assert [row for row in both if row["job_name"] not in {"cancel_pend", "dep_child"}] == text


@pytest.mark.parametrize("release", RELEASES)
def test_the_controllers_view_adds_no_attempt_twice(release: str, real_data: Path, jobs: Callable[..., Any]) -> None:
    folder = real_data / "slurm" / f"real-{release}"
    text = outcomes(jobs(folder / "sacct_ALL_D.psv"))
    both = outcomes(jobs(folder / "sacct_ALL_D.psv", folder / "scontrol_show_job_d.txt"))
    hidden = {"cancel_pend", "dep_child"} | ({"nokill"} if release == "22.05" else set())  # pending again, unaccounted
    assert both.keys() - text.keys() == {"cancel_pend", "dep_child"}
    assert {name: [state for state, _ in ends] for name, ends in both.items() if name not in hidden} == {
        name: [state for state, _ in ends] for name, ends in text.items() if name not in hidden
    }


def test_every_answer_of_the_rest_service_is_read_whole(real_data: Path, feed: Feed, rows: Rows) -> None:
    for path in sorted((real_data / "slurm" / "slurmrestd-0.0.42").glob("*job*.json")):
        (report,) = feed(path).files
        assert (report.format, report.rows_rejected, report.rows_dropped) == ("slurm-json", 0, 0)
    gpus = {row["job_id"]: row["gpu_count"] for row in rows("jobs") if "start_utc" in row and row["gpu_count"]}
    assert gpus == {"6353": 6, "6371": 12, "6374": 6, "6375": 1}  # from gres_detail: that site does not account GPUs


def test_each_job_file_is_claimed_by_one_source(real_data: Path) -> None:
    names = {
        "sacct_*.psv": "slurm-sacct", "*jobs.json.xz": "slurm-json", "sacct_D.json.xz": "slurm-json",
        "jobcomp.log": "slurm-jobcomp", "scontrol_show_job_d.txt": "slurm-job-view",
    }  # fmt: skip
    for pattern, name in names.items():
        paths = sorted((real_data / "slurm").glob(f"real-*/{pattern}"))
        assert len(paths) >= 2
        assert {identify(InputFile(path).head(), path, Options()).name for path in paths} == {name}
