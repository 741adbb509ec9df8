"""How jobs end: analysis, command, figures, report section and page say one thing, and it is bounded and conserved."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import reliability as rel
from ingest.pipeline import ingest_paths
from ingest.source import Options
from reliability.analyses.job_ends import ENDS
from reliability.analyses.jobs import JOB_GROUPS
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import BadOptionError, NoDataError
from reliability.figures.jobs import mix_figure, share_figure
from reliability.figures.theme import headline
from reliability.lake import Lake, create_lake
from reliability.report.sections.jobs import job_section
from reliability.report.sections.section import Window
from synthetic_traces import preset_spec, write_trace
from tests.lakes import HOSTILE, build_lake, sample_lake

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return sample_lake(tmp_path_factory.mktemp("jobs") / "lake", days=45)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def lives(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    filled = [{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"} | job for job in jobs]
    return {"jobs": filled, "covers": ["jobs"]} | more


@pytest.mark.parametrize("by", [None, *JOB_GROUPS])
def test_shares_are_bounded_and_groups_add_up_to_the_whole(by: str | None, lake: Lake) -> None:
    found, whole = rel.jobs(lake, by=by), rel.jobs(lake, by=None).groups[0]
    for name in ("attempts", "infrastructure_failures", "user_program_failures"):
        assert sum(getattr(group, name) for group in found.groups) == getattr(whole, name)
    for name in ("run_hours", "node_days", "gpu_hours"):
        assert sum(getattr(group, name) for group in found.groups) == pytest.approx(getattr(whole, name))
    for row in found.rows():
        for name in ("infrastructure", "user_program"):
            assert 0 <= row[f"{name}_low"] <= row[f"{name}_share"] <= row[f"{name}_high"] <= 1
        assert row["infrastructure_share"] + row["user_program_share"] <= 1
        assert row["mttf_hours"] is None or row["mttf_low_hours"] <= row["mttf_hours"] <= row["mttf_high_hours"]


def test_the_mix_adds_up_to_1_by_count_and_by_gpu_time(lake: Lake) -> None:
    found = rel.jobs(lake)
    assert sum(end.share.share for end in found.mix) == pytest.approx(1)
    assert sum(end.gpu_time.ratio for end in found.mix if end.gpu_time) == pytest.approx(1)
    assert sum(end.attempts for end in found.mix) == sum(group.attempts for group in found.groups)
    for end in found.mix:
        assert end.gpu_time is not None
        assert 0 <= end.gpu_time.low <= end.gpu_time.ratio <= (end.gpu_time.high or 1) <= 1


@pytest.mark.parametrize("by", [None, "job_size", "month"])
def test_ends_over_run_time_are_bounded_and_add_up_to_1(by: str | None, lake: Lake) -> None:
    found = rel.job_ends(lake, by=by)
    assert found.rows()
    for row in found.rows():
        assert sum(row[end] for end in found.ends) + row["still_running"] == pytest.approx(1)
        for end in found.ends:
            assert 0 <= row[f"{end}_low"] <= row[end] <= row[f"{end}_high"] <= 1


def test_without_late_entry_or_censoring_the_last_incidence_is_the_share(tmp_path: Path) -> None:
    states = ["COMPLETED"] * 6 + ["FAILED"] * 3 + ["NODE_FAIL"]
    jobs = [{"state": state, "end_utc": f"2026-01-02T{hour + 1:02}"} for hour, state in enumerate(states)]
    lake = build_lake(tmp_path / "lake", **lives(*jobs))
    (curve,) = rel.job_ends(lake).curves
    shares = {end.end: end.share.share for end in rel.jobs(lake).mix}
    assert {found.cause: found.incidence[-1] for found in curve.incidences} == pytest.approx(shares)


def test_r_f_and_its_projection_are_those_of_the_rates(lake: Lake) -> None:
    found = rel.jobs(lake, min_gpus=8)
    assert found.rate == rel.rates(lake, "attempt", min_gpus=8).groups[0].estimate
    projection = next(trace for trace in found.figure().data if "projection" in (trace.name or ""))
    nodes = np.array(projection.x) / 8
    assert np.array(projection.y) == pytest.approx(24_000 / (nodes * found.rate.rate_per_1000_days))
    assert projection.x[0] == pytest.approx(8)


def test_mttf_of_a_size_is_run_hours_per_failure(tmp_path: Path) -> None:
    jobs = [{"nodes": [f"n{number}" for number in range(4)], "state": state} for state in ("NODE_FAIL", "COMPLETED")]
    (size,) = rel.jobs(build_lake(tmp_path / "lake", **lives(*jobs))).sizes
    assert (size.group, size.run_hours, size.mttf.mttf_hours, size.node_days) == ("17-32", 48.0, 48.0, 8.0)
    assert (size.mean_gpus, size.mean_nodes) == (32.0, 4.0)


def test_one_users_thousand_failures_are_warned_of(tmp_path: Path) -> None:
    bad = [{"user": "bad", "state": "FAILED"}] * 300
    good = [{"user": f"u{number % 30}"} for number in range(600)]
    jobs = [job | {"job_id": str(number)} for number, job in enumerate([*bad, *good])]
    found = rel.jobs(build_lake(tmp_path / "lake", **lives(*jobs)), by=None)
    (group,) = found.groups
    exact, clustered = group.user_program, group.clustered_user_program
    assert clustered.low < exact.low < exact.share < exact.high < clustered.high
    assert any("attempts of one user end alike" in warning and "all (" in warning for warning in found.warnings)


def test_a_group_of_one_user_has_no_clustered_interval(lake: Lake) -> None:
    for row in rel.jobs(lake, by="user").rows():
        assert row["attempts"] > 0
        assert row["user_program_clustered_low"] is None


def test_no_failure_is_a_bound_and_a_warning_never_a_nan(tmp_path: Path) -> None:
    found = rel.jobs(build_lake(tmp_path / "lake", **lives({}, {"job_id": "2"})))
    (row,) = found.rows()
    assert (row["infrastructure_share"], row["mttf_hours"], row["mttf_high_hours"]) == (0, None, None)
    assert row["mttf_low_hours"] == pytest.approx(48 / 2.995732273553991)
    assert "NaN" not in json.dumps(found.document(), default=str)
    assert any("only 0 infrastructure failures" in warning for warning in found.warnings)
    assert any("there is no r_f to project from" in warning for warning in found.warnings)
    assert found.figure().data


def test_a_cluster_without_gpus_is_sized_by_its_nodes(tmp_path: Path) -> None:
    jobs = [{"gpu_count": 0}, {"gpu_count": 0, "nodes": ["n1", "n2"], "state": "NODE_FAIL", "job_id": "2"}]
    found = rel.jobs(build_lake(tmp_path / "lake", **lives(*jobs)), by="node_count")
    assert (found.size_unit, [size.group for size in found.sizes]) == ("node", ["1", "2"])
    assert all(end.gpu_time is None for end in found.mix)
    assert mix_figure(found).data


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    jobs = [{}, {"state": "UNKNOWN", "job_id": "2"}, {"nodes": None, "node_count": None, "job_id": "3"}]
    found = rel.jobs(build_lake(tmp_path / "lake", **lives(*jobs)))
    assert found.attempts == 1
    assert any("1 attempts do not tell how they ended" in warning for warning in found.warnings)
    assert any("1 attempts name no nodes" in warning for warning in found.warnings)


def test_sizes_that_break_the_law_are_warned_of(tmp_path: Path) -> None:
    small = [{"state": "NODE_FAIL" if number % 2 else "COMPLETED", "job_id": f"s{number}"} for number in range(40)]
    wide = [{"nodes": [f"n{node}" for node in range(32)], "job_id": f"w{number}"} for number in range(20)]
    wide[0]["state"] = "NODE_FAIL"
    found = rel.jobs(build_lake(tmp_path / "lake", **lives(*small, *wide)))
    assert found.law.law_is_refuted
    assert found.law.high < 1
    assert any("do not fail as a series system" in warning for warning in found.warnings)


def test_a_lake_without_jobs_says_what_it_needs(tmp_path: Path) -> None:
    empty = create_lake(tmp_path / "lake")
    for question in (rel.jobs, rel.job_ends):
        with pytest.raises(NoDataError, match="it needs jobs"):
            question(empty)
    assert job_section(empty, Window(0.9, None, None)).is_empty


@pytest.mark.parametrize("question", [rel.jobs, rel.job_ends])
def test_an_unknown_group_is_refused_with_those_there_are(question: Callable[..., Any], lake: Lake) -> None:
    with pytest.raises(BadOptionError, match="one of job_size, node_count, user"):
        question(lake, by="colour")


def test_the_command_prints_what_the_analysis_says(run: Run, lake: Lake) -> None:
    status, out, _ = run("jobs", "--by", "user", "--min-gpus", 8, "--lake", lake.path, "--json")
    document = json.loads(out)
    assert status == 0
    # the engine adds up in any order: the last digits of a sum may differ from one run to the next
    for row, expected in zip(document["rows"], rel.jobs(lake, by="user", min_gpus=8).rows(), strict=True):
        assert row == pytest.approx(expected)
    status, out, err = run("jobs", "--lake", lake.path)
    assert status == 0
    assert re.search(r"^end .*gpu time share", out, re.MULTILINE)
    assert "r_f of jobs with more than 128 GPUs" in out
    assert "Exact intervals (Clopper–Pearson, Garwood)" in err


def test_the_command_prints_ends_for_people_and_for_machines(run: Run, lake: Lake) -> None:
    status, out, _ = run("jobs", "--ends", "--lake", lake.path)
    assert status == 0
    assert re.search(r"\d+\.\d\d% \(\d+\.\d\d%–\d+\.\d\d%\)", out)
    status, out, _ = run("jobs", "--ends", "--by", "job_size", "--lake", lake.path, "--csv")
    assert status == 0
    assert out.startswith("group,run_hours,at_risk,still_running,infrastructure,")


def test_a_wrong_group_is_one_line_and_status_2(run: Run, lake: Lake) -> None:
    status, _, err = run("jobs", "--by", "colour", "--lake", lake.path)
    assert (status, len(err.splitlines())) == (2, 1)


def test_names_of_users_are_drawn_as_text(lake: Lake) -> None:
    found = rel.jobs(lake, by="user")
    drawn = share_figure(found).to_json()
    assert HOSTILE in {group.group for group in found.groups}
    assert HOSTILE not in drawn.encode().decode("unicode_escape")


def test_every_figure_says_its_n_and_its_confidence(lake: Lake) -> None:
    found = rel.jobs(lake)
    for figure in (found.figure(), share_figure(found), mix_figure(found), rel.job_ends(lake).figure()):
        _, subtitle = headline(figure)
        assert "90%" in subtitle
        assert re.search(r"[\d,]+ (attempts|failures)", subtitle)


def test_the_report_section_has_the_ends_the_sizes_and_the_projection(lake: Lake) -> None:
    section = job_section(lake, Window(0.9, None, None))
    assert len(section.figures) == len(section.tables) == 3
    assert "r_f of jobs with more than 128 GPUs" in section.text
    assert "in a series system it is 1" in section.text
    for table in section.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_ends_of_a_simulated_cluster_are_those_that_it_knows_to_be_true(tmp_path: Path) -> None:
    write_trace(preset_spec("tiny"), 1, tmp_path / "logs")
    lake = create_lake(tmp_path / "lake")
    paths = [tmp_path / "logs" / source for source in ("slurm", "kernel", "fabric")]
    ingest_paths(lake, paths, Options(), lambda: datetime.now(UTC))
    told = {"user": "user_failure", "running": "running"} | {end: end for end in ENDS}
    # by their start: an attempt that ended before the log begins counts in the truth's numbering alone
    truth = {
        (str(row["job_id_raw"]), row["start_utc"]): told.get(row["cause"], "infrastructure")
        for row in pq.read_table(tmp_path / "logs" / "truth" / "attempts.parquet").to_pylist()
        if row["start_utc"] is not None
    }
    with closing(DuckDBEngine(lake)) as engine:
        rows = engine.rows("""
            SELECT unit, start_utc, end_name FROM attempt_ends INNER JOIN attempts
                ON unit = job_id_raw AND attempt_ends.attempt = attempts.attempt
        """)
    confused = Counter((truth[row["unit"], row["start_utc"]], row["end_name"]) for row in rows)
    wrong = {pair: number for pair, number in confused.items() if pair[0] != pair[1]}
    # what the checks missed looks like the user's failure, what failed beside a false alarm like the infrastructure's
    assert set(wrong) <= {("infrastructure", "user_failure"), ("user_failure", "infrastructure")}
    assert sum(wrong.values()) < 0.002 * len(rows)
    assert confused["infrastructure", "infrastructure"] > 0.8 * sum(
        1 for end in truth.values() if end == "infrastructure"
    )
