"""The ``ingest`` command as a person or a script meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reliability.cli import main

JOBS = "JobID|Cluster|User|Account|JobName|State|Submit|Start|End\n" + "".join(
    f"{n}|c|ada-lovelace|physics-dept|secret-model|COMPLETED|2024-01-01T00:00:00|2024-01-01T00:00:00|2024-01-01T01:00:00\n"
    for n in (1, 2)
)
XID = "<4>1 2024-01-01T00:00:0{}Z n1 kernel - - - NVRM: Xid (PCI:0000:9b:00): 79, gone.\n"


@pytest.fixture
def sacct(tmp_path: Path) -> Path:
    path = tmp_path / "sacct.txt"
    path.write_text(JOBS)
    return path


def document(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    main(["ingest", *(str(argument) for argument in arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def ask(capsys: pytest.CaptureFixture[str], lake: Path, sql: str) -> Any:
    capsys.readouterr()
    assert main(["sql", "--lake", str(lake), sql]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_makes_no_lake(sacct: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "--lake", tmp_path / "lake", "--dry-run", sacct)
    assert (found["dry_run"], found["files"][0]["rows_written"]) == (True, {"jobs": 2})
    assert not (tmp_path / "lake").exists()


def test_a_dry_run_says_so_in_its_table(sacct: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", "--lake", str(tmp_path / "lake"), "--dry-run", str(sacct)]) == 0
    told = capsys.readouterr()
    assert "would write" in told.out
    assert "nothing was written" in told.err


def test_names_are_replaced_by_keyed_hashes(sacct: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"sixteen bytes or more")
    with sacct.open("a") as stream:
        stream.write("ada-lovelace|broke|this\n")
    lake = tmp_path / "lake"
    document(capsys, "--lake", lake, "--anonymize", key, sacct)

    everything = b"".join(path.read_bytes() for path in lake.rglob("*") if path.is_file())
    rows = ask(capsys, lake, 'SELECT DISTINCT "user", account, job_name FROM jobs')

    assert [value.split("-")[0] for value in rows[0].values()] == ["user", "account", "job"]
    assert len(rows) == 1
    for name in (b"ada-lovelace", b"physics-dept", b"secret-model"):
        assert name not in everything
    assert ask(capsys, lake, "SELECT line, reason FROM rejects")[0]["line"] is None
    assert document(capsys, "--lake", lake, "--anonymize", key, sacct)["files"][0]["repeated"]


@pytest.mark.parametrize("content", [None, b"short"])
def test_a_key_that_is_no_secret_is_refused(
    content: bytes | None, sacct: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    assert main(["ingest", "--lake", str(tmp_path / "lake"), "--anonymize", str(key), str(sacct)]) == 2
    assert "/dev/urandom" in capsys.readouterr().err


def test_many_files_are_summed_up_by_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(30):
        (logs / f"{number}.log").write_text(XID.format(number % 10).replace("n1", f"n{number}") * (number + 1))
    (logs / "notes").write_text("buy milk\n")
    assert main(["ingest", "--lake", str(tmp_path / "lake"), str(logs)]) == 2
    told = capsys.readouterr()
    line = next(line for line in told.out.splitlines() if line.startswith("kernel-log"))
    assert line.split()[:7] == ["kernel-log", "30", "30", "0", "0", "465", "465"]
    assert "30 files: the file does not name its cluster" in told.err
    assert "notes: not recognised" in told.err


def test_refused_records_are_shown_with_line_and_reason(
    sacct: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sacct.open("a") as stream:
        stream.write("3|c|ada-lovelace|physics-dept|x|COMPLETED|2024-01-01T00:00:00|soon|2024-01-01T01:00:00\n")
    assert main(["ingest", "--lake", str(tmp_path / "lake"), str(sacct)]) == 0
    assert f"{sacct}:4: refused: Start 'soon': not a time" in capsys.readouterr().err


def test_standard_input_is_read_where_a_dash_stands(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from reliability.cli import run; run()",
        "ingest",
        "--lake",
        "lake",
        "--json",
        "-",
    ]
    done = subprocess.run(command, cwd=tmp_path, input=JOBS.encode(), capture_output=True, check=True)
    file = json.loads(done.stdout)["files"][0]
    assert (file["path"], file["rows_used"]) == ("-", 2)


def test_following_ends_with_a_signal_and_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "syslog"
    log.write_text(XID.format(1))
    command = [sys.executable, "-c", "from reliability.cli import run; run()", "ingest", "--lake", "lake", "--json"]
    process = subprocess.Popen(
        [*command, "--follow", "--every", "0.2s", "syslog"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    with log.open("a") as stream:
        stream.write(XID.format(2) * 2)
    second = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert [round_["files"][0]["rows_read"] for round_ in (first, second)] == [1, 2]
    assert second["files"][0]["continued"]


@pytest.mark.parametrize(
    "arguments", [["--follow", "-"], ["--follow", "--dry-run", "x"], ["--every", "5", "--follow", "x"]]
)
def test_options_that_do_not_go_together_are_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", "--lake", str(tmp_path / "lake"), *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_first_mapping_is_suggested_and_reads_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "faults.csv"
    table.write_text(
        "when,host,what broke,severity\n"
        "2024-01-01 03:00:00,n1,GPU 3 fell off,critical\n2024-01-02 04:30:00,n2,PSU failed,critical\n"
    )
    assert main(["ingest", "--suggest-mapping", str(table)]) == 0
    mapping = tmp_path / "faults.toml"
    mapping.write_text(capsys.readouterr().out)
    found = document(capsys, "--lake", tmp_path / "lake", "--mapping", mapping, table)["files"][0]
    assert (found["rows_read"], found["rows_used"], found["rows_rejected"]) == (2, 2, 0)
