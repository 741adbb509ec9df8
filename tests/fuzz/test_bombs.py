"""However much a file holds, and of what, it is read in bounded memory (see :mod:`tests.fuzz.bombs`).

``make test`` tries one format of each family with some tens of megabytes; the long form (``make validate``) every
bomb with every format, lines of 2 GiB, and archives of 10 GiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ingest.registry import SOURCES
from tests.fuzz.bombs import BOMBS, HOSTS_PER_MIB, PACKERS

ROOT = Path(__file__).parents[2]
#: peak memory above that of the imports
MOST_MIB = 400
#: text with fields, lines, JSON, JSON lines, XML, CSV
FAMILIES = {
    "slurm-sacct": ("a line without an end", "blank lines"),
    "kernel-log": ("zeros",),
    "slurm-json": ("lists in lists",),
    "kubernetes": ("a list without an end",),
    "nvidia-smi-xml": ("elements in elements",),
    "infinitehbd": ("quotes",),
}
#: bombs of millions of records: a record takes as long as it takes, however short it is
LINES = {"blank lines", "a quote that is never closed", "a list without an end", "quotes", "hosts"}
SHORT_MIB = {"blank lines": 2, "a list without an end": 4}


def measured(bombs: Iterable[tuple[str, str, int, str]]) -> list[dict[str, Any]]:
    """Measure bombs, each given as its name, a format, MiB and packer."""
    arguments = [str(part) for bomb in bombs for part in bomb]
    command = [sys.executable, "-m", "tests.fuzz.bombs", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(reports: list[dict[str, Any]]) -> None:
    large = [report for report in reports if report["mib"] > MOST_MIB]
    assert large == []


def test_each_family_reads_tens_of_megabytes_in_bounded_memory() -> None:
    bombs = [(bomb, name, SHORT_MIB.get(bomb, 64), "zstd") for name, given in FAMILIES.items() for bomb in given]
    reports = measured(bombs)
    assert len(reports) == len(bombs)
    check(reports)


@pytest.mark.validation
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_each_format_reads_every_bomb_in_bounded_memory(source: Any) -> None:
    reports = measured((bomb, source.name, 4 if bomb in LINES else 64, "zstd") for bomb in BOMBS)
    print(*(json.dumps(report) for report in reports), sep="\n")
    check(reports)


@pytest.mark.parametrize("hosts", [200_000, pytest.param(10_000_000, marks=pytest.mark.validation)])
def test_a_syslog_in_which_every_line_names_another_host_is_read_in_bounded_memory(hosts: int) -> None:
    mib = hosts // HOSTS_PER_MIB + 1
    reports = measured([("hosts", "kernel-log", mib, "zstd")])
    print(*(json.dumps(report) for report in reports), sep="\n")
    events = mib * HOSTS_PER_MIB
    assert [report["said"] for report in reports] == [f"{events:,} records, {events:,} used, 0 rejected"]
    check(reports)


@pytest.mark.validation
@pytest.mark.parametrize("name", FAMILIES)
def test_a_line_of_two_gigabytes_is_read_in_bounded_memory(name: str) -> None:
    reports = measured([("a line without an end", name, 2048, "zstd")])
    print(*(json.dumps(report) for report in reports), sep="\n")
    check(reports)


@pytest.mark.validation
@pytest.mark.parametrize("packer", PACKERS)
def test_ten_gigabytes_of_each_packing_are_read_in_bounded_memory(packer: str) -> None:
    bombs = ("zeros", "lists in lists", "a line without an end")
    reports = measured((bomb, name, 10_240, packer) for bomb in bombs for name in ("kernel-log", "slurm-json"))
    print(*(json.dumps(report) for report in reports), sep="\n")
    check(reports)
