"""Two real Slurm clusters: what the log, the snapshots and accounting say of the same nodes must agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.report import IngestReport

pytestmark = pytest.mark.real_data
Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]
RELEASES = ["real-22.05", "real-26.05"]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("release", RELEASES)
def test_log_and_accounting_tell_the_same_outages(release: str, real_data: Path, feed: Feed, rows: Rows) -> None:
    feed(real_data / "slurm" / release / "sacctmgr_event.psv", real_data / "slurm" / release / "slurmctld.log")
    states = rows("node_states")
    events = [row for row in states if row["source"] == "slurm-events"]
    logged = [row for row in states if row["source"] == "slurmctld-log"]
    assert {row["cluster"] for row in states} == {"testcl"}
    for event in events:
        unplanned = event["state"] == "down" and not event["planned"]
        # Accounting cuts the fraction and names the beginning of the round in which a node was found not to respond.
        # A drain counts there when the last job has left, a reboot from when it was issued.
        apart = timedelta(seconds=1.1 if unplanned else 6)
        (begun,) = [
            row
            for row in logged
            if (row["node"], row["state"]) == (event["node"], event["state"])
            and abs(_time(row["from_utc"]) - _time(event["from_utc"])) < apart
        ]
        assert event["planned"] == begun["planned"]
        if unplanned:
            assert (begun["reason"], begun["continues"]) == (event["reason"], event["continues"])
    failures = [(row["node"], row["reason"]) for row in logged if row["state"] == "down" and not row["continues"]]
    assert len(failures) == len({node for node, _ in failures}) == 7  # cpu-002 rebooted, 004, 010, 011, 012, 014, 015


@pytest.mark.parametrize("release", RELEASES)
def test_the_log_tells_what_was_done_to_jobs(release: str, real_data: Path, feed: Feed, rows: Rows) -> None:
    (report,) = feed(real_data / "slurm" / release / "slurmctld.log").files
    assert report.rows_rejected == 0
    events = {
        (row["job_id_raw"], row["kind"], row.get("node") or row.get("by_job_id_raw")) for row in rows("job_events")
    }
    assert events >= {
        ("41", "node_failed", "gpu-014"), ("41", "requeued", "gpu-014"), ("42", "node_failed", "gpu-015"),
        ("43", "node_failed", "gpu-012"), ("44", "node_failed", "gpu-011"), ("44", "node_failed", "gpu-010"),
        ("48", "preempted", "50"), ("49", "preempted", "50"), ("48", "requeued", None), ("46", "requeued", None),
        ("20", "cancelled", None), ("21", "cancelled", None), ("22", "cancelled", None), ("24", "cancelled", None),
        ("4", "cancelled", None), ("1", "timed_out", None), ("16", "out_of_memory", None),
        ("25", "requeued", None), ("26", "requeued", None), ("27", "requeued", None),
        ("28", "suspended", None), ("28", "resumed", None),
    }  # fmt: skip
    by = {row["job_id_raw"]: row.get("set_by") for row in rows("job_events") if row["kind"] == "cancelled"}
    assert by == {"20": "1001", "21": "0", "22": "0", "24": None, "4": None}


@pytest.mark.parametrize("release", RELEASES)
def test_all_views_of_the_nodes_agree(release: str, real_data: Path, feed: Feed, rows: Rows) -> None:
    """The prose of scontrol, the JSON of REST and (in full where it is not cut) sinfo -R."""
    folder = real_data / "slurm" / release
    files = ["scontrol_show_node.txt", "rest_slurm_nodes.json", "sinfo_R.txt"]
    reports = feed(*(folder / name for name in files), cluster="testcl", taken_at="2026-11-22T18:30:00Z").files
    assert [(report.format, report.rows_rejected) for report in reports] == [
        ("scontrol-node", 0), ("slurm-nodes-json", 0), ("slurm-sinfo-reasons", 0),
    ]  # fmt: skip
    states = {}
    for row in rows("node_states"):
        states.setdefault(row["source"], set()).add((row["node"], row["from_utc"], row["set_by"], row["reason"]))
    assert len(states["scontrol-node"]) == 6
    assert states["scontrol-node"] == states["slurm-nodes-json"]
    cut = {(node, since, by, reason[:20].strip()) for node, since, by, reason in states["scontrol-node"]}
    assert cut == states["slurm-sinfo-reasons"]
    gpus = {(row["node"], row["gpu_count"], row.get("gpu_model")) for row in rows("nodes")}
    assert gpus == {(f"gpu-{n:03}", 8, "h100") for n in range(1, 17)} | {(f"cpu-{n:03}", 0, None) for n in range(1, 5)}


def test_nodes_of_slurm_24_11(real_data: Path, feed: Feed, rows: Rows) -> None:
    (report,) = feed(real_data / "slurm" / "slurmrestd-0.0.42" / "slurm-nodes.json").files
    assert (report.format, report.cluster, report.rows_used) == ("slurm-nodes-json", "hpc", 6)
    assert {(row["node"], row["state"], row["reason"]) for row in rows("node_states")} == {
        ("cn3", "down", "CPU dead"), ("cn4", "drain", "ECC memory error"),
    }  # fmt: skip


def test_a_dirty_table_of_sinfo(real_data: Path, feed: Feed, rows: Rows) -> None:
    (report,) = feed(real_data / "slurm" / "gcm" / "sample-sinfo-output.txt", taken_at="2022-06-03T00:00:00Z").files
    assert (report.format, report.rows_rejected) == ("slurm-sinfo-reasons", 0)
    assert [(row["node"], row["state"], row["reason"]) for row in rows("node_states")] == [
        ("node0201", "drain", "replace")
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_the_topology_is_the_same_configured_and_shown(release: str, real_data: Path, feed: Feed, rows: Rows) -> None:
    folder = real_data / "slurm" / release
    feed(folder / "topology.conf")
    configured = {(row["child"], row["parent"], row["tier"]) for row in rows("links")}
    (report,) = feed(folder / "scontrol_show_topology.txt").files
    assert report.rows_written == {"links": 27}
    assert {(row["child"], row["parent"], row["tier"]) for row in rows("links")} == configured
    assert len(configured) == 20 + 4 + 3
