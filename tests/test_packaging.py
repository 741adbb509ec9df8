"""The distribution: what is installed, what is locked, and that nothing of a developer's machine is in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = ("dashboards", "ingest", "models", "reliability", "synthetic_traces")
LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.13")


def wanted(group: str) -> list[Requirement]:
    entries = PROJECT["dependency-groups"][group]
    included = [entry["include-group"] for entry in entries if isinstance(entry, dict)]
    own = [Requirement(entry) for entry in entries if isinstance(entry, str)]
    return own + [requirement for name in included for requirement in wanted(name)]


RUNTIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
WANTED = {"requirements.lock": RUNTIME + wanted("build"), "requirements-dev.lock": RUNTIME + wanted("dev")}


def pins(lock: str, python: str) -> dict[str, Version]:
    """What the lock installs on Linux with this Python."""
    environment = {"python_full_version": f"{python}.9", "python_version": python, "sys_platform": "linux"}
    entries = re.findall(r"^([\w.-]+)==(\S+)(?: ; (.+?))? \\$", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    return {
        canonicalize_name(name): Version(version)
        for name, version, marker in entries
        if not marker or Marker(marker).evaluate(environment)
    }


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_the_project(lock, python):
    pinned = pins(lock, python)
    for requirement in WANTED[lock]:
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, requirement


@pytest.mark.parametrize("python", PYTHONS)
def test_both_locks_agree(python):
    runtime, development = (pins(lock, python) for lock in LOCKS)
    assert runtime.items() <= development.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock):
    pin_blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text(encoding="utf-8").strip())
    assert [block for block in pin_blocks if not block.startswith("#") and "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_place_to_download_from(lock):
    allowed = re.compile(r"(#.*|    --hash=sha256:[0-9a-f]{64}( \\)?|[\w.-]+(?:\[\w+\])?==\S+( ; [^/]+)? \\)")
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not allowed.fullmatch(line)] == []


def test_wheel_holds_the_five_packages_with_their_data_and_nothing_else(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    backend = Path(sys.executable).with_name("uv-build")
    subprocess.run([backend, "build-wheel", tmp_path], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} - set(PACKAGES) == {"cluster_reliability-0.1.0.dist-info"}
    ours = {str(path.relative_to(source)) for package in PACKAGES for path in (source / package).rglob("*.*")}
    assert ours <= set(names)


def test_a_users_own_models_file_is_named_when_it_hides_ours(tmp_path):
    (tmp_path / "models.py").write_text("", encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import reliability"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert f"{tmp_path / 'models.py'} hides the package 'models'" in ran.stderr


def test_make_without_a_target_lists_the_targets():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"make demo", "make test", "make lint"} <= {line[:9] for line in listed.splitlines()}
