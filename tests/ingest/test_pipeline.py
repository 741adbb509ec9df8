"""The way of a file into the lake, on good days and bad ones."""

from __future__ import annotations

import gzip
import lzma
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

import ingest
from ingest.report import IngestReport
from ingest.source import Options
from reliability.errors import (
    BadOptionError,
    InputNotFoundError,
    MissingOptionError,
    NoSuchFormatError,
    UnknownFormatError,
    UnreadableInputError,
)
from reliability.lake import Lake, create_lake

Feed = Callable[..., IngestReport]
HEADER = "JobID|State|Start|End|JobName\n"
TWO_JOBS = HEADER + "".join(f"{n}|COMPLETED|2024-01-01T00:00:00|2024-01-01T01:00:00|job {n}\n" for n in (1, 2))
ROOT = Path(ingest.__file__).parents[1]


def test_a_second_ingest_of_one_file_writes_nothing(feed: Feed, everything: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "sacct"
    path.write_text(TWO_JOBS + "garbage\n")
    first, before = feed(path).files[0], everything()

    again = feed(path).files[0]

    assert (first.repeated, first.rows_written) == (False, {"jobs": 2})
    assert (again.repeated, again.rows_written) == (True, {"jobs": 0})
    assert (again.rows_read, again.rows_rejected) == (first.rows_read, first.rows_rejected) == (3, 1)
    assert everything() == before


def test_a_copy_under_another_name_is_the_same_file(feed: Feed) -> None:
    assert feed(TWO_JOBS, TWO_JOBS).files[1].repeated


def test_another_meaning_is_another_ingest(feed: Feed, rows: Callable[..., Any]) -> None:
    feed(TWO_JOBS, timezone="UTC")
    assert not feed(TWO_JOBS, timezone="Asia/Tokyo").files[0].repeated
    assert {row["end_utc"] for row in rows("jobs")} == {"2024-01-01T01:00:00Z", "2023-12-31T16:00:00Z"}


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lzma.compress, zstandard.ZstdCompressor(write_checksum=True).compress],
    ids=["gzip", "xz", "zstd"],
)
class TestArchives:
    def test_are_known_by_content_not_by_name(self, pack: Callable[[bytes], bytes], feed: Feed) -> None:
        assert feed(pack(TWO_JOBS.encode())).files[0].rows_written == {"jobs": 2}

    def test_may_be_concatenated(self, pack: Callable[[bytes], bytes], feed: Feed) -> None:
        body = TWO_JOBS.encode()
        assert feed(pack(body[:70]) + pack(body[70:])).files[0].rows_written == {"jobs": 2}

    def test_cut_short_are_an_error(
        self, pack: Callable[[bytes], bytes], feed: Feed, everything: Callable[..., Any]
    ) -> None:
        lines = "".join(f"{n}|FAILED|2024-01-01T00:00:00|2024-01-01T01:00:00|{n * 7919}\n" for n in range(5_000))
        whole = pack((HEADER + lines).encode())
        with pytest.raises(UnreadableInputError, match="cut short"):
            feed(whole[: len(whole) * 3 // 4])
        assert everything() == {}

    def test_damaged_are_an_error(self, pack: Callable[[bytes], bytes], feed: Feed) -> None:
        whole = bytearray(pack((TWO_JOBS * 200).encode()))
        whole[len(whole) // 2 : len(whole) // 2 + 8] = b"\xff" * 8
        with pytest.raises(UnreadableInputError, match=r"damaged|cut short"):
            feed(bytes(whole))


def test_in_a_folder_the_unknown_file_is_named_and_the_others_are_taken(feed: Feed, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "deep").mkdir(parents=True)
    (folder / "notes.txt").write_text("buy milk\n")
    (folder / ".hidden").write_text("not looked at\n")
    (folder / "deep" / "sacct").write_text(TWO_JOBS)

    report = feed(folder)

    assert [file.path.name for file in report.files] == ["sacct", "notes.txt"]
    assert report.failed
    assert report.files[0].error is None
    assert "notes.txt" in str(report.files[1].error)


def test_a_folder_of_unrelated_text_is_an_error_that_names_it(feed: Feed, tmp_path: Path) -> None:
    folder = tmp_path / "poems"
    folder.mkdir()
    (folder / "a").write_text("Shall I compare thee\nto a summer's day: 12?\n")
    (folder / "b").write_text("2024-01-01 00:00:00 INFO server: started\n")
    with pytest.raises(UnknownFormatError, match="poems"):
        feed(folder)


@pytest.mark.parametrize(
    ("content", "options", "error"),
    [
        (b"", {}, UnreadableInputError),
        (b"hello\n", {}, UnknownFormatError),
        (b"\x00\xff" * 5000, {}, UnknownFormatError),
        (TWO_JOBS, {"format": "sacctt"}, NoSuchFormatError),
        (b"hello\n", {"format": "slurm-sacct"}, UnreadableInputError),
        (b"hello\n", {"format": "infinitehbd", "fleet_nodes": 3}, UnreadableInputError),
        (b"[Sun Feb 23 16:24:18 2025] NVRM: loading\n", {}, MissingOptionError),
        (b"Feb 23 16:24:18 gpu-1 kernel: NVRM: loading\n", {}, MissingOptionError),
    ],
)
def test_what_cannot_be_taken_in_is_one_clear_error(content: Any, options: Any, error: Any, feed: Feed) -> None:
    with pytest.raises(error) as caught:
        feed(content, **options)
    assert "\n" not in str(caught.value)


def test_a_missing_path_is_an_error(feed: Feed, tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError):
        feed(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "options",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "Europe"},
        {"cluster": " "},
        {"cluster": "c" * 101},
        {"cluster": "\udcff"},
        {"fleet_nodes": 0},
        {"gpus_per_node": -1},
        {"time_origin": "yesterday"},
        {"year": 99},
        {"columns": ("User",)},
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOptionError):
        Options(**options)


def test_the_summary_says_when_zone_and_cluster_were_guessed(feed: Feed) -> None:
    guessed = feed(TWO_JOBS).files[0]
    told = feed(TWO_JOBS, timezone="UTC", cluster="c").files[0]
    assert guessed.cluster == "default"
    assert len(guessed.warnings) == 2
    assert told.cluster == "c"
    assert told.warnings == ()


def test_every_cluster_of_a_federated_file_is_observed(feed: Feed, rows: Callable[..., Any]) -> None:
    line = "|FAILED|2024-01-01T00:00:00|2024-01-01T01:00:00\n"
    (report,) = feed("JobID|Cluster|State|Start|End\n" + "".join(f"1|{name}{line}" for name in ("east", "west"))).files
    assert {row["cluster"] for row in rows("jobs")} == {"east", "west"}
    ingests = rows("ingests")
    assert {row["cluster"]: row["observed_to_utc"] for row in ingests} == dict.fromkeys(
        ("east", "west"), "2024-01-01T01:00:00Z"
    )
    assert sum(row["rows_read"] for row in ingests) == report.rows_read == 2


def test_progress_ends_at_the_size_of_the_file(lake: Lake, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from ingest.pipeline import ingest_paths

    path = tmp_path / "sacct"
    path.write_text(TWO_JOBS)
    seen: list[tuple[Path, int, int]] = []
    ingest_paths(lake, [path], Options(), lambda: datetime.now(UTC), lambda *args: seen.append(args))
    assert seen[-1] == (path, path.stat().st_size, path.stat().st_size)


# What follows runs in processes of their own: they are killed, starved of disk, or race each other.

CHILD = """
import os, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from ingest.pipeline import ingest_paths
from ingest.source import Options
from ingest.spool import Spool
from reliability.errors import LakeWriteError
from reliability.lake import Lake, create_lake

def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def prepare(trouble):
    append = Lake.append_all
    def killing(self, name, ingests):
        if trouble == f"append {name} before":
            kill()
        append(self, name, ingests)
        if trouble == f"append {name} after":
            kill()
    Lake.append_all = killing
    if trouble == "spool":
        Spool.finish = kill
    elif trouble.startswith("disk"):
        limit = int(trouble.split()[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def work(lake_path, input_path, trouble):
    lake = create_lake(lake_path)
    prepare(trouble)
    try:
        options = Options(fleet_nodes=4, cluster="c")
        ingest_paths(lake, [input_path], options, lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    except LakeWriteError as error:
        print(error, flush=True)
        os._exit(2)
    os._exit(0)

# Each step is one or more troubles at once, "lake-name:trouble+trouble"; forked after the imports, which take longest.
for step in sys.argv[3:]:
    name, _, troubles = step.partition(":")
    pids = []
    for trouble in troubles.split("+"):
        pid = os.fork()
        if pid == 0:
            work(Path(sys.argv[1]) / name, Path(sys.argv[2]), trouble)
        pids.append(pid)
    print(*(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids), flush=True)
"""


def run_steps(folder: Path, path: Path, *steps: str) -> list[str]:
    """Run ingests in a process of their own and return what they printed."""
    command = [sys.executable, "-c", CHILD, str(folder), str(path), *steps]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.splitlines()


@pytest.fixture
def trace() -> Path:
    """A file that fills four tables and has rejects."""
    return ROOT / "tests" / "cases" / "infinitehbd" / "faults.input"


@pytest.fixture
def clean(feed: Feed, trace: Path, everything: Callable[..., Any]) -> Any:
    """The rows of a lake where nothing went wrong."""
    feed(trace, fleet_nodes=4, cluster="c")
    return everything()


def test_killed_at_any_moment_the_same_command_completes_the_lake(
    clean: Any, trace: Path, tmp_path: Path, everything: Callable[..., Any]
) -> None:
    moments = [
        "spool",
        "append nodes before",
        *(f"append {table} after" for table in ("nodes", "node_states", "rejects", "ingests")),
    ]
    steps = [step for i, moment in enumerate(moments) for step in (f"{i}:{moment}", f"{i}:none")]

    codes = run_steps(tmp_path, trace, *steps)

    assert codes == [str(-signal.SIGKILL), "0"] * len(moments)
    for i, moment in enumerate(moments):
        lake = create_lake(tmp_path / str(i))
        assert everything(lake) == clean, moment
        assert list(lake.spool_path.iterdir()) == [], moment


def test_a_full_disk_is_one_clear_error_and_the_next_run_completes(
    tmp_path: Path, everything: Callable[..., Any]
) -> None:
    path = tmp_path / "sacct"
    lines = (f"{n}|FAILED|2024-01-01T00:00:00|2024-01-01T01:00:00|{n * 7919}\n" for n in range(5_000))
    path.write_text(HEADER + "".join(lines))
    create_lake(tmp_path / "full")

    message, code = run_steps(tmp_path, path, "full:disk 30000")

    assert code == "2"
    assert "cannot write the lake" in message
    assert everything(create_lake(tmp_path / "full")) == {}
    assert run_steps(tmp_path, path, "full:none") == ["0"]
    assert len(everything(create_lake(tmp_path / "full"))["jobs"]) == 5_000


def test_two_ingests_of_one_file_at_once_write_it_once(
    clean: Any, trace: Path, tmp_path: Path, everything: Callable[..., Any]
) -> None:
    assert run_steps(tmp_path, trace, "raced:none+none+none") == ["0 0 0"]
    assert everything(create_lake(tmp_path / "raced")) == clean


def test_a_kernel_log_is_taken_to_be_of_the_cluster_beside_it(feed: Feed, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    # the kernel log comes first by name, and is read last
    (folder / "a-kernel.log").write_text(
        "<4>1 2024-01-01T00:00:00Z n1 kernel - - - NVRM: Xid (PCI:0000:9b:00): 79, GPU has fallen off the bus.\n"
    )
    (folder / "b-sacct.psv").write_text(
        "JobID|Cluster|State|Start|End\n1|east|FAILED|2024-01-01T00:00:00|2024-01-01T01:00:00\n"
    )
    report = feed(folder)
    assert [file.cluster for file in report.files] == ["east", "east"]
    assert any("does not name its cluster: called 'east'" in text for text in report.files[0].warnings)
    assert not any("name its cluster" in text for text in report.files[1].warnings)


def test_a_zip_archive_is_its_files_joined(feed: Feed, tmp_path: Path) -> None:
    path = tmp_path / "days.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.csv", TWO_JOBS.replace("\n1|", "\n3|").replace("\n2|", "\n4|"))
        archive.writestr("a.csv", TWO_JOBS)
    report = feed(path).files[0]
    assert (report.rows_used, report.rows_dropped, report.rows_rejected) == (4, 1, 0)


def test_a_damaged_zip_archive_is_an_error(feed: Feed, tmp_path: Path) -> None:
    path = tmp_path / "days.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", TWO_JOBS)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableInputError, match="zip archive that cannot be read"):
        feed(path)
