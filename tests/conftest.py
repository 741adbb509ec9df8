"""Fixtures every folder's tests share: what is not on this machine is skipped, with the reason, never silently."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings
from playwright._impl._driver import compute_driver_executable

# How long an example takes says more about the machine than about the code.
settings.register_profile("project", deadline=None)
settings.load_profile("project")


def _missing(reason: str) -> None:
    """Skip with the reason; where nothing may be skipped (RELIABILITY_FORBID_SKIPS, set by .ci/run) fail instead."""
    if os.environ.get("RELIABILITY_FORBID_SKIPS"):
        pytest.fail(f"this must not be skipped here: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the public traces."""
    folder = os.environ.get("RELIABILITY_REAL_DATA")
    if not folder:
        # The traces are not part of the project, so CI forbids this skip only where the folder is there.
        pytest.skip("RELIABILITY_REAL_DATA is not set: the public traces are not on this machine")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"RELIABILITY_REAL_DATA={folder} is not a folder")
    return path


@pytest.fixture(scope="session")
def rscript() -> str:
    """Path of Rscript."""
    found = shutil.which("Rscript")
    if found is None:
        _missing("Rscript is not installed (Debian: r-base-core r-cran-survival)")
    return str(found)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        _missing("Chromium is not installed (Debian: chromium)")
    driver, *_ = compute_driver_executable()
    if subprocess.run([driver, "--version"], capture_output=True, check=False).returncode:
        _missing("Playwright's driver does not start (Debian: libatomic1)")
    return str(found)


@pytest.fixture(scope="session")
def java() -> str:
    """Path of Java."""
    found = shutil.which("java")
    if found is None:
        _missing("Java is not installed (Debian: default-jre-headless)")
    return str(found)
