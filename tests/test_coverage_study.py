"""The coverage study in short: it runs, its figures are shares, and equal seeds give equal pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SHARE = re.compile(r"(\d+\.\d)%")


@pytest.fixture
def study(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import coverage_study

    return coverage_study


def run(out: Path, *arguments: str) -> str:
    command = [sys.executable, ROOT / "docs" / "coverage_study.py", "--quick", "--out", out, *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return out.read_text(encoding="utf-8")


def test_the_short_study_runs_and_equal_seeds_give_equal_pages_whatever_the_number_of_processes(tmp_path):
    page = run(tmp_path / "one.md", "--processes", "1")
    assert page == run(tmp_path / "two.md", "--processes", "2")
    rows = [line for line in page.splitlines() if re.match(r"\| .* \| (exact|enumerated|approximate) \|", line)]
    assert len(rows) >= 10
    shares = [float(share) for row in rows for share in SHARE.findall(row.split("|", 3)[3])]
    assert all(0 <= share <= 100 for share in shares)
    assert np.median(shares) > 80


def test_a_fleet_has_the_expected_number_of_failures_and_only_the_living_enter(study):
    from coverage_fleets import MEDIAN_HOURS, WEIBULL, draw_correlated, draw_fleet, draw_nodes, draw_two_groups

    rng = np.random.default_rng(1)
    fleets = [draw_fleet(WEIBULL, 100.0, rng) for _ in range(200)]
    assert np.mean([fleet.failed.sum() for fleet in fleets]) == pytest.approx(100, rel=0.03)
    assert all((fleet.entry_hours < fleet.exit_hours).all() for fleet in fleets)
    nodes = [draw_nodes(1.3, 2.0, 100.0, rng) for _ in range(200)]
    assert np.mean([fleet.node.size for fleet in nodes]) == pytest.approx(100, rel=0.03)
    groups = [draw_two_groups(WEIBULL, 2.0, 0.6, 100.0, rng).fleet for _ in range(200)]
    assert np.mean([fleet.failed.sum() for fleet in groups]) == pytest.approx(100, rel=0.05)
    correlated = [draw_correlated(100.0, rng) for _ in range(200)]
    assert np.mean([fleet.failures.sum() for fleet in correlated]) == pytest.approx(100, rel=0.1)
    exposure = sum(fleet.exposure_days.sum() for fleet in correlated)
    assert sum(fleet.failures.sum() for fleet in correlated) / exposure == pytest.approx(
        correlated[0].rate_per_day, rel=0.1
    )
    assert WEIBULL.quantile(0.5) == pytest.approx(MEDIAN_HOURS)


@pytest.mark.parametrize(
    ("kind", "expected", "tally", "fault"),
    [
        ("approximate", 500.0, (1000, 1000, 900, 0), ""),
        ("approximate", 500.0, (1000, 1000, 860, 0), "86.0% is not within 88% to 92%"),
        ("approximate", 5.0, (1000, 1000, 860, 0), ""),
        ("approximate", 5.0, (1000, 1000, 800, 0), "80.0%, and only 0% of the answers carry a warning"),
        ("approximate", 5.0, (1000, 1000, 800, 990), ""),
        ("approximate", 100.0, (1000, 1000, 800, 0), ""),
        ("approximate", 500.0, (1000, 0, 0, 0), "no fleet has an answer"),
        ("shown", 500.0, (1000, 1000, 100, 0), ""),
        ("exact", 500.0, (1000, 1000, 950, 0), ""),
        ("exact", 500.0, (1000, 1000, 990, 0), "99.0% is not the enumerated 95.0%"),
        ("exact", 5.0, (1000, 1000, 800, 0), "enumerated 80.0% is below 90%"),
        ("enumerated", 5.0, (1000, 1000, 800, 0), ""),
    ],
)
def test_each_kind_of_interval_has_its_bar(study, kind, expected, tally, fault):
    enumerated = {500.0: 0.95, 5.0: 0.8}.get(expected) if kind in ("exact", "enumerated") else None
    interval = study.Interval("x", kind, None if enumerated is None else lambda _: enumerated)
    assert study.Cell(interval, expected, study.Tally(*tally)).fault == fault
