"""The command contract: documents, exit statuses, one-line errors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reliability.cli import main
from tests.lakes import HOSTILE, build_lake, sample_lake

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("rates", "--json")``: exit status, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_lake(tmp_path_factory.mktemp("cli") / "lake").path


QUESTIONS = {
    "rates": (),
    "causes": (),
    "survival": ("--component", "gpu", "--by", "batch"),
    "jobs": (),
    "plan": ("--gpus", 1024),
    "status": (),
    "doctor": (),
}


@pytest.mark.parametrize("command", QUESTIONS)
def test_every_question_answers_people_and_machines(command: str, run: Run, lake: Path) -> None:
    arguments = (command, *QUESTIONS[command], "--lake", lake)
    status, table, _ = run(*arguments)
    assert status == 0
    assert len(table.splitlines()) >= 2
    status, document, stderr = run(*arguments, "--json")
    assert status == 0
    assert isinstance(json.loads(document), dict)
    assert "NaN" not in document
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("of", "unit"), [("node", "node"), ("attempt", "node"), ("gpu", "component")], ids=["node", "attempt", "gpu"]
)
def test_rates_rows_bear_the_contracts_names(of: str, unit: str, run: Run, lake: Path) -> None:
    _, out, _ = run("rates", "--of", of, "--lake", lake, "--json")
    (row,) = json.loads(out)["rows"]
    assert set(row) >= {
        "group",
        "failures",
        f"exposure_{unit}_days",
        f"rate_per_1000_{unit}_days",
        "low",
        "high",
        "mttf_hours",
        "mttf_low_hours",
        "mttf_high_hours",
    }
    assert row["low"] <= row[f"rate_per_1000_{unit}_days"] <= row["high"]


def test_a_group_without_failures_has_a_bound_and_no_mttf(run: Run, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": "n1", "rack": "r1"}, {"node": "n2", "rack": "r2"}],
        node_states=[{"node": "n1", "from_utc": "2026-01-05", "to_utc": "2026-01-06"}],
    )
    _, out, _ = run("rates", "--by", "rack", "--lake", lake.path, "--json")
    bad, good = json.loads(out)["rows"]
    assert (bad["group"], bad["failures"]) == ("r1", 1)
    assert (good["failures"], good["low"], good["mttf_hours"], good["mttf_high_hours"]) == (0, 0.0, None, None)
    # the two-sided 90% bound for nothing seen in 31 days: -ln(0.05)/31 per day
    assert good["high"] == pytest.approx(2.995732273553991 / 31 * 1000)


def test_plan_prints_the_papers_values(run: Run) -> None:
    def asked(*extra: object) -> dict[str, Any]:
        status, out, _ = run(
            *(
                "plan",
                "--gpus-per-node",
                8,
                "--failures-per-1000-node-days",
                6.50,
                "--restart-overhead",
                "5m",
                "--json",
            ),
            *extra,
        )
        assert status == 0
        return json.loads(out)

    assert round(asked("--gpus", 16_000, "--checkpoint-interval", "60m")["ettr_v1"], 3) == 0.684
    assert round(asked("--gpus", 16_000, "--checkpoint-interval", "5m")["ettr_v1"], 3) == 0.932
    assert round(asked("--gpus", 8_000, "--checkpoint-interval", "30m", "--queue-wait", "1m")["ettr_v1"], 3) == 0.906
    assert round(asked("--gpus", 16_384)["mttf_hours"], 3) == 1.803
    assert round(asked("--gpus", 131_072)["mttf_hours"], 3) == 0.225
    blocking = asked("--gpus", 12_000, "--checkpoint-write", "5m")
    assert round(blocking["interval_young_minutes"], 1) == 38.4
    at_young = asked("--gpus", 12_000, "--checkpoint-write", "5m", "--checkpoint-interval", "38.4m")
    assert round(at_young["ettr_v2"], 3) == 0.740
    # the exact maximiser is shorter than Young's interval and at least as good
    assert blocking["interval_v2_optimal_minutes"] < blocking["interval_young_minutes"]
    assert blocking["ettr_v2_at_optimum"] >= at_young["ettr_v2"]
    free = asked("--gpus", 16_000)
    assert (free["ettr_v2"], free["interval_young_minutes"], free["interval_v2_optimal_minutes"]) == (None, None, None)


def test_plan_without_a_rate_takes_the_lakes_own_with_its_interval(run: Run, lake: Path) -> None:
    _, out, _ = run("plan", "--gpus", 512, "--checkpoint-write", "2m", "--lake", lake, "--json")
    document = json.loads(out)
    assert document["rate_source"] == "measured"
    assert document["ettr_v2_low"] < document["ettr_v2"] < document["ettr_v2_high"]
    assert document["mttf_low_hours"] < document["mttf_hours"] < document["mttf_high_hours"]


def test_sql_prints_a_bare_array_and_changes_nothing(run: Run, lake: Path) -> None:
    status, out, _ = run("sql", "SELECT count(*) AS n FROM nodes", "--lake", lake, "--json")
    assert (status, json.loads(out)) == (0, [{"n": 24}])
    for statement in (
        "DROP VIEW jobs",
        "COPY jobs TO '/tmp/stolen.csv'",
        "SELECT 1; SELECT 2",
        "SET memory_limit = '1GB'",
        "no sql at all",
    ):
        status, out, err = run("sql", statement, "--lake", lake, "--json")
        assert (status, out) == (2, "")
        assert err.startswith("reliability: sql:")
        assert len(err.splitlines()) == 1


def test_sql_speaks_every_type_of_the_lake(run: Run, lake: Path) -> None:
    _, out, _ = run(
        "sql",
        "SELECT time_limit_seconds, nodes, start_utc, CAST(start_utc AS DATE) AS day, 1.5 AS exact, "
        "sum(node_count) OVER () AS huge, 'infinity'::DOUBLE AS endless FROM jobs ORDER BY job_id LIMIT 1",
        *("--lake", lake, "--json"),
    )
    (row,) = json.loads(out)
    assert isinstance(row["nodes"], list)
    assert row["start_utc"].endswith("Z")
    assert (row["exact"], row["endless"]) == (1.5, None)
    assert isinstance(row["huge"], int)


def test_causes_of_a_job_come_with_the_evidence(run: Run, lake: Path) -> None:
    status, out, _ = run("causes", "--job", 1000, "--lake", lake, "--json")
    document = json.loads(out)
    assert status == 0
    assert document["rows"][0]["is_infrastructure"] is True
    assert {"symptom", "node", "time_utc", "seconds_after_end"} <= set(document["evidence"][0])


def test_a_burst_of_lines_is_one_row_of_evidence(run: Run, tmp_path: Path) -> None:
    job = {"job_id": "1", "nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "state": "NODE_FAIL"}
    burst = [{"node": "n1", "time_utc": f"2026-01-02T23:59:{second:02}"} for second in range(40)]
    lake = build_lake(tmp_path / "lake", jobs=[job], events=burst)
    _, out, _ = run("causes", "--job", 1, "--lake", lake.path, "--json")
    (sign,) = json.loads(out)["evidence"]
    assert (sign["lines"], sign["time_utc"]) == (40, "2026-01-02T23:59:00Z")


def test_shares_of_causes_add_up(run: Run, lake: Path) -> None:
    _, out, _ = run("causes", "--lake", lake, "--json")
    document = json.loads(out)
    assert sum(row["share"] for row in document["rows"]) == pytest.approx(1)
    assert sum(row["share"] for row in document["domains"]) == pytest.approx(1)
    assert any(row["cause"] == "user_program" and not row["is_infrastructure"] for row in document["rows"])


def test_a_crossed_threshold_exits_1(run: Run, lake: Path) -> None:
    assert run("rates", "--fail-on", 0.001, "--lake", lake)[0] == 1
    assert run("rates", "--fail-on", 1e9, "--lake", lake)[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("rates", "--of", "zebra"),
        ("rates", "--by", "zebra"),
        ("rates", "--min-gpus", 8),
        ("rates", "--confidence", "2"),
        ("rates", "--from", "yesterday"),
        ("rates", "--from", "2026-02-01", "--to", "2026-01-01"),
        ("rates", "--unknown-option"),
        ("causes", "--job", "no such job"),
        ("causes", "--min-gpus", 100_000),
        ("rates", "--of", "attempt", "--min-gpus", 100_000),
        ("survival", "--component", "disk"),
        ("survival", "--model", "cox"),
        ("survival", "--by", "zebra"),
        ("survival", "--where", "batch"),
        ("survival", "--where", "zebra=1"),
        ("rates", "--where", "batch=old"),
        ("plan",),
        ("plan", "--gpus", 0),
        ("plan", "--gpus", 8, "--checkpoint-interval", "0m"),
        ("plan", "--gpus", 8, "--checkpoint-interval", "60"),
        ("plan", "--gpus", 8, "--failures-per-1000-node-days", "-1"),
        ("plan", "--gpus", 8, "--failures-per-1000-node-days", "nan"),
        ("ingest",),
        ("ingest", "/no/such/file"),
        ("ingest", "--timezone", "Mars/Olympus", "/no/such/file"),
        ("synth", "--preset", "zebra", "--out", "/tmp/never-written"),
        ("report", "--out", "/no/such/folder/report.html"),
        ("sql",),
        ("no-such-command",),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_a_users_mistake_is_one_line_and_exit_2(arguments: tuple[object, ...], run: Run, lake: Path) -> None:
    takes_lake = arguments[0] not in ("synth", "no-such-command")
    status, _, err = run(*arguments, *(("--lake", lake) if takes_lake else ()))
    assert status == 2
    assert err.startswith("reliability: ")
    assert len(err.strip().splitlines()) == 1


def test_a_missing_lake_says_how_to_make_one(run: Run, tmp_path: Path) -> None:
    status, _, err = run("status", "--lake", tmp_path / "none")
    assert status == 2
    assert "reliability ingest" in err
    assert not (tmp_path / "none").exists()


def test_ingest_refuses_a_folder_of_something_else_as_its_lake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    log = tmp_path / "sacct.psv"
    log.write_text("JobID|State|Start|End\n1|COMPLETED|2024-01-01T00:00:00|2024-01-01T01:00:00\n")
    status, _, err = run("ingest", log, "--lake", tmp_path)
    assert status == 2
    assert "not a lake" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sacct.psv", "thesis.tex"]


def test_ingest_prints_its_document_on_exit_2_too(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "a.txt").write_text("Dear Sir or Madam,\n")
    (folder / "b.txt").write_text("yours faithfully\n")
    status, out, err = run("ingest", folder, "--lake", tmp_path / "lake", "--json")
    document = json.loads(out)
    assert status == 2
    assert document["files"] == []
    assert "slurm-sacct" in document["error"]
    assert len(err.strip().splitlines()) == 1


def test_a_good_file_beside_a_bad_one_is_taken_in_and_the_exit_is_2(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "sacct.psv", tmp_path / "letter.txt"
    good.write_text("JobID|State|Start|End\n1|COMPLETED|2024-01-01T00:00:00|2024-01-01T01:00:00\n")
    bad.write_text("Dear Sir or Madam,\n")
    status, out, _ = run("ingest", good, bad, "--lake", tmp_path / "lake", "--json")
    taken, refused = json.loads(out)["files"]
    assert status == 2
    assert (taken["format"], taken["rows_written"], taken["error"]) == ("slurm-sacct", {"jobs": 1}, None)
    assert (refused["format"], refused["rows_read"]) == (None, 0)
    assert str(bad) in refused["error"]


def test_the_catalog_opens_in_any_duckdb_client(run: Run, tmp_path: Path) -> None:
    import duckdb

    log = tmp_path / "sacct.psv"
    log.write_text("JobID|State|Start|End\n1|COMPLETED|2024-01-01T00:00:00|2024-01-01T01:00:00\n")
    assert run("ingest", log, "--lake", tmp_path / "lake")[0] == 0
    with duckdb.connect(str(tmp_path / "lake" / "catalog.duckdb"), read_only=True) as connection:
        assert connection.sql("SELECT state FROM jobs").fetchall() == [("COMPLETED",)]
        assert connection.sql("SELECT run_seconds FROM attempts").columns == ["run_seconds"]


def test_a_hostile_name_cannot_drive_the_terminal_or_a_spreadsheet(run: Run, tmp_path: Path) -> None:
    name = "\x1b[2J=HYPERLINK(1)"
    lake = build_lake(
        tmp_path / "lake",
        jobs=[{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "user": name, "partition": "=1+1"}],
    )
    _, table, _ = run("rates", "--of", "attempt", "--by", "user", "--lake", lake.path)
    assert "\x1b" not in table
    _, cells, _ = run("rates", "--of", "attempt", "--by", "partition", "--lake", lake.path, "--csv")
    assert "'=1+1" in cells


def test_text_that_looks_like_markup_is_printed_as_it_is(run: Run, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        jobs=[{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "user": "[red]" + HOSTILE}],
    )
    _, table, _ = run("rates", "--of", "attempt", "--by", "user", "--lake", lake.path)
    assert "[red]<img" in table


def test_help_is_quick_because_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from reliability.cli import main; main(['--help']); "
        "print([name for name in ('pandas', 'scipy', 'lifelines', 'dash', 'plotly', 'duckdb') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error(lake: Path) -> None:
    arguments = ["sql", "SELECT * FROM jobs", "--lake", str(lake), "--json"]
    code = f"import sys; from reliability.cli import main; sys.exit(main({arguments!r}))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
