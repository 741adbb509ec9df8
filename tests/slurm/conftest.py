"""A real Slurm cluster, played through once; what it handed over, and what was done to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import _missing
from tests.slurm.cluster import COMMANDS
from tests.slurm.truth import Truth

TIMEOUT_SECONDS = 170
# Should pytest die, unshare is killed; should unshare die, the first process of the name spaces is; with it, all.
NAME_SPACES = [
    "setpriv", "--pdeathsig", "KILL",
    "unshare", "--pid", "--net", "--mount", "--fork", "--kill-child", "--mount-proc", "--",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A folder with the logs, and the truth."""

    logs: Path
    truth: Truth


@pytest.fixture(scope="session")
def slurm_cluster() -> Iterator[HandedOver]:
    """Play the scenes of ``workload.py`` on a cluster of our own; nothing of it is left running."""
    _look_for_slurm()
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # jobs run as other users
        said = _play(folder)
        if not (folder / "truth.json").exists():
            log = folder / "slurmctld.log"
            tail = log.read_text(errors="replace")[-6000:] if log.exists() else "no slurmctld.log"
            pytest.fail(f"the cluster did not play to the end:\n{said}\n{tail}", pytrace=False)
        yield HandedOver(folder / "logs", Truth.read(folder / "truth.json"))


def _look_for_slurm() -> None:
    for command, package in COMMANDS.items():
        if shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            _missing(f"{command} is not installed (Debian: {package})")
    if os.geteuid() != 0:
        _missing("a Slurm cluster can only be started by root")
    probe = subprocess.run([*NAME_SPACES, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        # What a sandbox forbids cannot be installed: .ci/run says loudly that these tests did not run.
        pytest.skip(f"name spaces for a Slurm cluster cannot be made here: {probe.stderr.strip()}")


def _play(folder: Path) -> str:
    """Play and return what was said; killed after a time, for which nothing must be left behind."""
    process = subprocess.Popen(
        [*NAME_SPACES, sys.executable, "-m", "tests.slurm.play", str(folder)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=TIMEOUT_SECONDS)
    except BaseException as error:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            return f"it took longer than {TIMEOUT_SECONDS} s"
        raise
    return said
