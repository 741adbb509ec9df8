"""What the commands must show on public traces that nobody here wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reliability.analyses.hazard_ratios import hazard_regression
from reliability.analyses.incidence import cumulative_incidence
from reliability.analyses.rates import rates
from reliability.analyses.survival import survival
from reliability.cli import main
from reliability.lake import open_lake

pytestmark = pytest.mark.real_data
Ask = Callable[..., Any]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ask:
    """``ask("rates", …)``: the document a command prints for a fresh lake."""

    def call(*arguments: object, status: int = 0) -> Any:
        assert main([*map(str, arguments), "--lake", str(tmp_path / "lake"), "--json"]) == status
        return json.loads(capsys.readouterr().out)

    return call


def test_xdmod_jobs_come_in_whole_and_once(ask: Ask, real_data: Path) -> None:
    path = real_data / "slurm" / "xdmod-pozidriv.psv.xz"
    (file,) = ask("ingest", path)["files"]
    assert (file["format"], file["rows_read"], file["rows_used"], file["rows_rejected"]) == (
        "slurm-sacct",
        11_704,
        11_704,
        0,
    )
    assert file["rows_written"] == {"jobs": 11_704}
    assert sum(ask("ingest", path)["files"][0]["rows_written"].values()) == 0
    states = ask("sql", "SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
    assert {row["state"]: row["jobs"] for row in states} == {
        "COMPLETED": 10_134,
        "FAILED": 1_007,
        "CANCELLED": 468,
        "PREEMPTED": 86,
        "TIMEOUT": 9,
    }
    unlike = ask("sql", "SELECT count(*) AS n FROM jobs WHERE len(nodes) <> node_count AND start_utc IS NOT NULL")
    assert unlike == [{"n": 0}]


def test_infinitehbd_gives_its_published_rates(ask: Ask, real_data: Path) -> None:
    path = real_data / "infinitehbd" / "fault_trace.json"
    (file,) = ask("ingest", "--fleet-nodes", 400, path)["files"]
    assert file["rows_written"]["node_states"] == 584
    (row,) = ask("rates", "--of", "node")["rows"]
    assert row["failures"] == 584
    assert 4.18 <= round(row["rate_per_1000_node_days"], 2) <= 4.35
    assert row["low"] < row["rate_per_1000_node_days"] < row["high"]
    # the published share adds up the faults; two pairs of them overlap, and a node is not down twice at once
    assert round(row["unavailable_share"], 4) == 0.0231
    (summed,) = ask("sql", "SELECT sum(epoch(to_utc) - epoch(from_utc)) / 86400 AS days FROM node_states")
    assert round(summed["days"] / row["exposure_node_days"], 4) == 0.0232
    domains = {domain["domain"]: domain["share"] for domain in ask("causes")["domains"]}
    assert {name: round(100 * share, 2) for name, share in domains.items()} == {
        "hardware": 51.03,
        "system_software": 4.11,
        "other": 44.86,
    }
    gpus = next(cause for cause in ask("causes")["rows"] if cause["cause"] == "gpu")
    assert round(100 * gpus["share"], 2) == 27.05


def test_infinitehbd_without_the_fleet_size_is_refused(ask: Ask, real_data: Path) -> None:
    document = ask("ingest", real_data / "infinitehbd" / "fault_trace.json", status=2)
    assert "--fleet-nodes" in document["error"]


def test_titan_gives_its_batches_and_quarters(ask: Ask, real_data: Path, tmp_path: Path) -> None:
    ask("ingest", real_data / "titan" / "gc_full.csv.xz")
    batches = {row["group"]: row for row in ask("rates", "--of", "gpu", "--by", "batch")["rows"]}
    years = {name: row["exposure_component_days"] / 365 for name, row in batches.items()}
    assert years["old"] == pytest.approx(75_745.5, abs=0.1)
    assert years["new"] == pytest.approx(25_144.0, abs=0.1)
    assert {name: row["failures"] for name, row in batches.items()} == {"old": 4_715 + 1_511, "new": 141}
    cages = ask("rates", "--of", "gpu", "--by", "main_cage", "--where", "batch=old")["rows"]
    per_year = {row["group"]: round(row["rate_per_1000_component_days"] * 365 / 1000, 3) for row in cages}
    assert per_year == {"0": 0.038, "1": 0.085, "2": 0.153}
    lives = {row["group"]: row["lives"] for row in ask("survival", "--component", "gpu", "--by", "batch")["groups"]}
    assert lives == {"old": 18_837, "new": 11_370}
    quarters = ask(
        "sql",
        "SELECT year(local) AS year, count(*) AS events, count(DISTINCT local) AS times, "
        "(max(epoch(local)) - min(epoch(local))) / 3600 / (count(DISTINCT local) - 1) AS gap_hours FROM "
        "(SELECT time_utc AT TIME ZONE 'America/New_York' AS local FROM events) "
        "WHERE quarter(local) = 4 AND year(local) IN (2015, 2016) GROUP BY year(local) ORDER BY year",
    )
    assert [(row["year"], row["events"], row["times"]) for row in quarters] == [(2015, 282, 282), (2016, 846, 812)]
    assert [round(row["gap_hours"], 2) for row in quarters] == [7.71, 2.72]


def test_titan_survival_by_cage_is_drawn_with_intervals_and_at_risk_counts(
    ask: Ask, real_data: Path, tmp_path: Path
) -> None:
    ask("ingest", real_data / "titan" / "gc_full.csv.xz")
    document = ask(
        "survival", "--component", "gpu", "--by", "main_cage", "--where", "batch=old", "--figure", tmp_path / "km.html"
    )
    assert {row["group"] for row in document["groups"]} == {"0", "1", "2"}
    assert sum(row["lives"] for row in document["groups"]) == 18_837
    at_four_years = {
        group: next(row for row in document["rows"] if row["group"] == group and row["time_hours"] >= 4 * 8760)
        for group in ("0", "1", "2")
    }
    # the upper cages are the warmer ones: their GPUs die earlier, beyond the intervals
    assert at_four_years["0"]["low"] > at_four_years["1"]["high"]
    assert at_four_years["1"]["low"] > at_four_years["2"]["high"]
    page = (tmp_path / "km.html").read_text()
    assert "at risk" in page
    # one file, nothing from a network
    assert "<script src=" not in page


def test_every_dirty_sacct_file_adds_up(ask: Ask, real_data: Path) -> None:
    for path in sorted((real_data / "slurm" / "gcm").glob("sample-sacct-*.txt")):
        (file,) = ask("ingest", path)["files"]
        assert file["rows_read"] == file["rows_used"] + file["rows_rejected"] + file["rows_dropped"]
        refused = ask("sql", f"SELECT line_number, reason FROM rejects WHERE path = '{path}'")
        assert len(refused) == file["rows_rejected"]
        assert all(row["line_number"] >= 1 and row["reason"] for row in refused)


def test_xid_119_is_found_on_the_right_gpu_at_the_right_time(ask: Ask, real_data: Path) -> None:
    ask("ingest", "--node", "h1", real_data / "kernel_log" / "dmesg-with-xid-119.log")
    rows = ask("sql", "SELECT time_utc, node, slot FROM events WHERE code = 'xid:119' ORDER BY time_utc")
    assert rows[0] == {"time_utc": "2025-02-23T16:24:18Z", "node": "h1", "slot": "0000:9b:00"}
    assert len(rows) == 5


def test_two_real_slurm_clusters_give_what_was_provoked(ask: Ask, real_data: Path) -> None:
    for release in ("real-22.05", "real-26.05"):
        ask("ingest", "--cluster", release, real_data / "slurm" / release / "sacct_ALL_D.psv")
        ask("ingest", "--cluster", release, real_data / "slurm" / release / "sacctmgr_event.psv")
    rows = ask(
        "sql",
        "SELECT cluster, job_id, attempt, state FROM jobs WHERE job_id IN ('41', '42', '15', '16', '49') "
        "ORDER BY cluster, job_id, attempt",
    )
    for release in ("real-22.05", "real-26.05"):
        assert [(row["job_id"], row["attempt"], row["state"]) for row in rows if row["cluster"] == release] == [
            ("15", 1, "FAILED"),
            ("16", 1, "OUT_OF_MEMORY"),
            ("41", 1, "NODE_FAIL"),
            ("41", 2, "COMPLETED"),
            ("42", 1, "NODE_FAIL"),
            ("49", 1, "PREEMPTED"),
        ]
    out_of_memory = ask("sql", "SELECT DISTINCT step_out_of_memory AS flag FROM jobs WHERE job_id = '15'")
    assert out_of_memory == [{"flag": True}]
    # the PSU, the three that stopped answering and the one that rebooted; drains and planned reboots are no outages
    outages = ask("sql", "SELECT cluster, count(*) AS n FROM node_failures GROUP BY cluster ORDER BY cluster")
    assert [row["n"] for row in outages] == [6, 6]


def test_titan_is_studied_from_the_file_alone(real_data: Path, tmp_path: Path) -> None:
    out, lake = tmp_path / "titan.html", tmp_path / "lake"
    given = ("--by", "batch", "--covariates", "main_cage,node", "--calendar-zone", "America/New_York")
    arguments = ["study", real_data / "titan" / "gc_full.csv.xz", *given, "--lake", lake, "--out", out]
    assert main([str(argument) for argument in arguments]) == 0
    page = out.read_text(encoding="utf-8")
    assert '<td class="n">846</td><td class="n">812</td><td class="n">2.72 (' in page
    assert '<td class="n">282</td><td class="n">282</td><td class="n">7.71 (' in page
    opened = open_lake(lake)
    curves = {group.group: (group.lives, group.events) for group in survival(opened, "gpu", by="batch").curves}
    assert curves == {"old": (18_837, 5_062), "new": (11_370, 127)}
    quarters = rates(opened, "gpu", by="quarter", calendar_zone="America/New_York").groups
    assert sum(group.exposure_days for group in quarters) / 365 == pytest.approx(75_745.5 + 25_144.0, abs=0.2)
    assert sum(group.failures for group in quarters) == 6_226 + 141
    ratios = {
        term.ratio.name: term.ratio
        for term in hazard_regression(opened, "gpu", ["main_cage", "node"], strata="batch").terms
    }
    # the upper cages are the warmer ones
    assert ratios["main_cage=0"].high < ratios["main_cage=1"].low
    assert ratios["main_cage=1"].high < 1
    (group,) = cumulative_incidence(opened, "gpu").groups
    assert [curve.cause for curve in group.causes] == ["gpu_memory", "gpu_unavailable"]


def test_repairs_of_infinitehbd_take_as_long_as_published(ask: Ask, real_data: Path) -> None:
    ask("ingest", real_data / "infinitehbd" / "fault_trace.json", "--fleet-nodes", "400")
    (group,) = ask("survival", "--component", "repair")["groups"]
    assert group["lives"] == 584
    assert group["median_hours"] / 24 == pytest.approx(0.85, abs=0.01)
    assert group["mean_to_horizon_hours"] / 24 == pytest.approx(5.54, abs=0.1)


def test_faults_of_infinitehbd_come_in_clusters_and_few_nodes_are_lemons(ask: Ask, real_data: Path) -> None:
    ask("ingest", real_data / "infinitehbd" / "fault_trace.json", "--fleet-nodes", "400")
    (rate,) = ask("rates", "--of", "node")["rows"]
    assert rate["robust_low"] < rate["low"] < 4.184 < rate["high"] < rate["robust_high"]
    gaps = ask("rates", "--of", "node", "--history")["gaps"]
    assert gaps["shape"] == pytest.approx(0.62, abs=0.005)
    assert gaps["shape_high"] < 1
    named = [row["node"] for row in ask("lemons")["rows"] if row["named_by_model"]]
    assert named[0].startswith("e7b02619")  # eleven faults, where a node of this fleet has one and a half
    assert len(named) < 10
