"""Inputs that are no plain readable file: each is one clear error, in time, or is left out of its folder."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.opening import InputFile
from ingest.pipeline import Intake, ingest_paths
from ingest.source import Options
from reliability.cli import main
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import UnreadableInputError
from reliability.lake import create_lake
from tests.faults.lakes import RELIABILITY, content, ingest, ingest_here, kernel_lines, sacct
from tests.fuzz.contract import patience

Take = Callable[..., tuple[int, str]]


@pytest.fixture
def take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Take:
    """Ingest and return the exit status and what was said of errors."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        with patience(20):
            status = main(["ingest", "--lake", str(tmp_path / "lake"), *map(str, arguments)])
        return status, capsys.readouterr().err

    return run


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def bound_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    return path


def link(path: Path, target: Path) -> Path:
    path.symlink_to(target)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda folder: pipe(folder / "x"), "feed a pipe to standard input", id="pipe"),
        pytest.param(lambda _: Path("/dev/zero"), "not a regular file", id="endless device"),
        pytest.param(lambda _: Path("/dev/null"), "not a regular file", id="empty device"),
        pytest.param(lambda folder: bound_socket(folder / "x"), "x: ", id="socket"),
        pytest.param(lambda folder: link(folder / "x", folder / "x"), "no such file", id="link to itself"),
        pytest.param(lambda folder: link(folder / "x", folder / "gone"), "no such file", id="link to nothing"),
        pytest.param(lambda folder: folder / ("x" * 300), "no such file", id="name too long"),
        pytest.param(lambda folder: folder / "[", "no such file", id="half a pattern"),
        pytest.param(lambda folder: (folder / "e").mkdir() or folder / "e", "no file in it", id="empty folder"),
        pytest.param(lambda folder: (folder / "e").mkdir() or folder / "e*", "no file in it", id="pattern of folders"),
    ],
)
def test_what_is_no_file_is_one_clear_error(
    make: Callable[[Path], Path], said: str, take: Take, tmp_path: Path
) -> None:
    status, error = take(make(tmp_path))
    assert status == 2
    assert said in error
    assert error.count("\n") == 1


def test_a_folder_gives_its_files_and_nothing_else(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "kernel").write_text(kernel_lines(3))
    pipe(folder / "pipe")
    bound_socket(folder / "socket")
    link(folder / "loop", folder / "loop")
    link(folder / "up", folder)
    link(folder / "nowhere", folder / "gone")
    assert take(folder)[0] == 0
    assert content(tmp_path / "lake")["counts"][0]["used"] == 3


def test_a_file_whose_name_is_no_text_is_taken_in(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path / "x") + b"\xff"))
    path.write_text(kernel_lines(3))
    lake = create_lake(tmp_path / "lake")
    reports = [ingest_paths(lake, [path], Options(), lambda: datetime(2026, 2, 1, tzinfo=UTC)) for _ in range(2)]
    assert [report.files[0].repeated for report in reports] == [False, True]
    assert content(tmp_path / "lake")["counts"][0]["used"] == 3


def test_a_file_that_vanishes_after_it_was_listed_is_an_error_of_its_own(tmp_path: Path) -> None:
    lake = create_lake(tmp_path / "lake")
    gone, there = tmp_path / "gone", tmp_path / "there"
    gone.write_text(kernel_lines(2))
    there.write_text(kernel_lines(3, 100))
    intake = Intake(lake, Options(), lambda: datetime.now(UTC))
    intake.take([gone])  # how far it was read is remembered
    gone.unlink()
    reports = intake.take([gone, there])
    assert isinstance(reports[gone][1], UnreadableInputError)
    assert reports[there][0].rows_used == 3


def test_a_file_replaced_while_it_is_read_is_an_error_and_adds_nothing(
    take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    log.write_text(kernel_lines(50))
    original = InputFile.blocks_from
    reads = []

    def replacing(self: InputFile, start: int) -> object:
        reads.append(start)
        if len(reads) == 2:  # surveyed; now it is to be parsed
            log.write_text(kernel_lines(50, 7_000))
        return original(self, start)

    monkeypatch.setattr(InputFile, "blocks_from", replacing)
    status, error = take(log)
    monkeypatch.undo()
    assert (status, len(reads)) == (2, 2)
    assert "changed while it was read" in error
    assert content(tmp_path / "lake")["counts"] == []
    assert take(log)[0] == 0
    assert content(tmp_path / "lake")["counts"][0]["used"] == 50


def test_a_clock_that_goes_backwards_keeps_every_record_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(kernel_lines(3))
    times = iter(datetime(year, 1, 1, tzinfo=UTC) for year in range(2030, 1990, -1))
    intake = Intake(create_lake(tmp_path / "lake"), Options(), lambda: next(times))
    for first in (3, 6, 9):
        intake.take([log])
        with log.open("a") as stream:
            stream.write(kernel_lines(3, first))
        os.utime(log, (10**9 - first, 10**9 - first))
    intake.take([log])
    assert content(tmp_path / "lake")["counts"][0]["used"] == 12


def test_a_pipe_fed_to_standard_input_is_taken_in(tmp_path: Path) -> None:
    assert ingest(tmp_path / "lake", "-", input=kernel_lines(4)).returncode == 0
    assert content(tmp_path / "lake")["counts"][0]["used"] == 4


class TestWithoutPermission:
    """As a user who may not: where the tests run as root, root without its privileges."""

    PLAIN: tuple[str, ...] = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()

    def test_what_may_not_be_read_is_one_clear_error(self, tmp_path: Path) -> None:
        secret, listed = tmp_path / "secret", tmp_path / "listed"
        secret.write_text(kernel_lines(1))
        secret.chmod(0)
        listed.mkdir()
        (listed / "log").write_text(kernel_lines(1))
        listed.chmod(0o444)
        try:
            for path in (secret, listed, listed / "log"):
                done = ingest(tmp_path / "lake", path, before=self.PLAIN)
                assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        finally:
            listed.chmod(0o777)

    def test_a_lake_that_may_not_be_written_is_one_clear_error_and_answers(self, tmp_path: Path) -> None:
        for name, first in (("old", 0), ("new", 100)):
            (tmp_path / name).write_text(sacct(3, first))
        lake = tmp_path / "lake"
        assert ingest_here(lake, tmp_path / "old") == 0
        folders = [lake, *(path for path in lake.rglob("*") if path.is_dir())]
        for path in folders:
            path.chmod(0o555)
        for lock in (lake / "locks").iterdir():
            lock.chmod(0o444)
        try:
            refused = ingest(lake, tmp_path / "new", before=self.PLAIN)
            query = [
                *self.PLAIN,
                *RELIABILITY,
                "sql",
                "--lake",
                str(lake),
                "--json",
                "SELECT count(*) AS n FROM jobs",
            ]
            asked = subprocess.run(query, capture_output=True, text=True, check=False)
        finally:
            for path in folders:
                path.chmod(0o777)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
        assert "cannot write the lake" in refused.stderr
        assert asked.returncode == 0
        assert '"n": 3' in asked.stdout


@pytest.mark.parametrize("name", ["sp ace", "ünï ☃ {x}"])
def test_a_lake_may_have_an_odd_name(name: str, tmp_path: Path) -> None:
    _take_and_ask(tmp_path / name, tmp_path)


def test_a_lake_may_have_a_name_that_shells_and_sql_know(tmp_path: Path) -> None:
    _take_and_ask(tmp_path / "it's=*-", tmp_path)


@pytest.mark.parametrize("name", ["new\nline", "100%25", "back\\slash"])
def test_a_name_that_delta_cannot_have_is_one_clear_error(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text(kernel_lines(2))
    assert main(["ingest", "--lake", str(tmp_path / name), str(log)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_clusters_name_stays_a_name(tmp_path: Path) -> None:
    names = ["../../outside", "a/b", "a%2Fb", "..", "n\nl", "é b", "a=b", "'"]
    log = tmp_path / "log"
    log.write_text(kernel_lines(2))
    lake = create_lake(tmp_path / "lake")
    for name in names:
        ingest_paths(lake, [log], Options(cluster=name), lambda: datetime(2026, 2, 1, tzinfo=UTC))
    assert {path.name for path in tmp_path.iterdir()} == {"lake", "log"}
    found = DuckDBEngine(lake).rows("SELECT DISTINCT cluster AS c FROM events")
    assert {row["c"] for row in found} == set(names)


@pytest.mark.parametrize("name", ["c" * 101, "ü" * 50, "c" * 10**6], ids=["long", "long once escaped", "very long"])
def test_a_clusters_name_that_no_folder_can_have_is_one_clear_error(name: str, take: Take, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(sacct(2).replace("|c|", f"|{name}|"))
    status, error = take(log)
    assert (status, error.count("\n")) == (2, 1)
    assert "a cluster name longer than 100 characters" in error
    assert "give --cluster" in error
    assert len(error) < 1000
    assert content(tmp_path / "lake")["counts"] == []
    status, error = take("--cluster", name, log)
    assert (status, error.count("\n")) == (2, 1)
    assert "--cluster" in error
    assert take("--cluster", "c" * 100, log)[0] == 0
    assert content(tmp_path / "lake")["counts"][0]["used"] == 2


def test_a_path_that_is_no_text_is_printed_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path / "x") + b"\xff"))
    path.write_text(sacct(2) + "damaged|line\n")
    assert ingest_here(tmp_path / "lake", path) == 0
    told = capsys.readouterr()
    assert "x\ufffd" in told.out
    assert "x\\udcff:4: refused" in told.err
    assert ingest_here(tmp_path / "lake", "--json", path) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["path"] == str(path)


def test_an_error_about_a_path_that_is_no_text_is_one_line(take: Take, tmp_path: Path) -> None:
    status, error = take(os.fsdecode(os.fsencode(tmp_path / "gone") + b"\xff"))
    assert (status, error.count("\n")) == (2, 1)
    assert "gone\\udcff" in error


def test_a_name_of_a_cluster_that_is_no_text_is_one_clear_error(take: Take, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(kernel_lines(2))
    status, error = take("--cluster", "c\udcff", log)
    assert (status, error.count("\n")) == (2, 1)
    assert "a name in UTF-8" in error


def test_the_next_ingest_sweeps_what_a_killed_one_left_and_spares_the_living(take: Take, tmp_path: Path) -> None:
    spool = create_lake(tmp_path / "lake").spool_path
    spool.mkdir(exist_ok=True)
    for name in ("dead.1", "living.2"):
        (spool / name).mkdir()
        (spool / name / "jobs.arrow").write_bytes(b"half")
    for name in ("stdin-dead", "stdin-living"):
        (spool / name).write_bytes(b"half")
    log = tmp_path / "log"
    log.write_text(kernel_lines(2))
    hold = "import fcntl, os, sys\nfor path in sys.argv[1:]: fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX)\n"
    hold += "print(flush=True)\nsys.stdin.read()"
    command = [sys.executable, "-c", hold, spool / "living.2", spool / "stdin-living"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None
        living.stdout.readline()  # it holds its locks now
        assert take(log)[0] == 0
        assert sorted(path.name for path in spool.rglob("*")) == ["jobs.arrow", "living.2", "stdin-living"]
        living.communicate()
    assert take(log)[0] == 0
    assert list(spool.iterdir()) == []


def _take_and_ask(lake: Path, folder: Path) -> None:
    log = folder / "log"
    log.write_text(kernel_lines(2))
    assert main(["ingest", "--lake", str(lake), str(log)]) == 0
    assert main(["ingest", "--lake", str(lake), str(log)]) == 0
    assert content(lake)["counts"][0]["used"] == 2
