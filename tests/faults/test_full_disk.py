"""A disk that fills up at any stage: one clear error, a lake that answers, and the same command completes it."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest

from reliability.lake import create_lake
from tests.faults.lakes import RELIABILITY, content, ingest, ingest_here, sacct

QUERY = "SELECT (SELECT count(*) FROM jobs) AS jobs, (SELECT count(*) FROM ingests) AS ingests"
JOBS = 20_000


def may_mount() -> bool:
    """Tell whether a file system of one's own can be mounted."""
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def logs(tmp_path: Path) -> list[str]:
    """Two files: a small one, and one larger than the small disks below."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_text(sacct(10, 900_000))
    large.write_text(sacct(JOBS))
    return [str(small), str(large)]


def check_sizes(sizes: list[int], unit: str, tmp_path: Path, logs: list[str]) -> None:
    """Ingest onto disks of these sizes; the disk is made larger after the error, and the lake must then be complete.

    One shell in a mount namespace of its own does it all: what it mounts vanishes with it.
    """
    assert ingest_here(tmp_path / "clean", *logs) == 0
    clean = content(tmp_path / "clean")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = " ".join(f"'{part}'" for part in RELIABILITY)
    script = f"""
        set -u
        mount -t tmpfs -o size=$1 none "$2" || exit 90
        lake="$2/lake"; shift 2
        {command} ingest --lake "$lake" "$@" 2>error; code=$?
        [ $code = 2 ] || [ $code = 0 ] || exit 91
        # A thread of the storage library may say that it panicked; ours is one line, the last.
        said='^reliability: cannot write the lake'
        [ $code = 0 ] || [ "$(grep -c '^reliability: ' error)" = 1 ] || {{ cat error >&2; exit 92; }}
        [ $code = 0 ] || tail -n 1 error | grep -q "$said" || {{ cat error >&2; exit 93; }}
        if [ -e "$lake/lake.json" ]; then {command} sql --lake "$lake" --json '{QUERY}' >answer || exit 94; fi
        mount -o remount,size=400m none "$OLDPWD/disk" || exit 95
        {command} ingest --lake "$lake" "$@" || exit 96
        cp -r "$lake" "$OLDPWD/after" || exit 97
        exit $((code == 0 ? 0 : 1))
    """
    failed = 0
    for size in sizes:
        work = tmp_path / f"size-{size}"
        (work / "disk").mkdir(parents=True)
        (work / "run").mkdir()
        shell = [
            "unshare",
            "-m",
            "sh",
            "-c",
            f"cd {work}; cd run; {script}",
            "sh",
            f"{size}{unit}",
            f"{work}/disk",
            *logs,
        ]
        done = subprocess.run(shell, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode in {0, 1}, (size, done.returncode, done.stderr)
        failed += done.returncode
        assert content(work / "after") == clean, size
    assert failed >= (len(sizes) + 1) // 2, "the disks were large enough: nothing was tested"


def check_limit(size: int, lake: Path, log: str) -> None:
    """Ingest where no file may grow beyond a size, which needs no right to mount; without the limit it must succeed."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    create_lake(lake)
    before = content(lake)
    done = ingest(lake, log, preexec_fn=limit, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    said = [line for line in done.stderr.splitlines() if line.startswith("reliability: ")]
    assert (done.returncode, len(said)) == (2, 1), done.stderr
    assert said[0].startswith("reliability: cannot write the lake")
    assert content(lake) == before
    assert ingest_here(lake, log) == 0
    assert content(lake)["jobs"][0]["n"] == JOBS


def test_a_disk_that_is_too_small(tmp_path: Path, logs: list[str]) -> None:
    if may_mount():
        check_sizes([900], "k", tmp_path, logs)
    else:
        check_limit(30_000, tmp_path / "lake", logs[1])


@pytest.mark.validation
def test_disks_of_many_sizes(tmp_path: Path, logs: list[str]) -> None:
    if may_mount():
        check_sizes([*range(40, 400, 60), *range(400, 4_000, 300)], "k", tmp_path, logs)
    else:
        for size in range(10_000, 200_000, 20_000):
            check_limit(size, tmp_path / f"lake-{size}", logs[1])


def test_a_limit_on_the_size_of_files(tmp_path: Path, logs: list[str]) -> None:
    check_limit(100_000, tmp_path / "lake", logs[1])
