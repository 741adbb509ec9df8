"""The study of closed forms in short: it runs, what is exact meets the simulation, and equal seeds give equal pages."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def study(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import closed_forms_study

    return closed_forms_study


def run(out: Path, *arguments: str) -> str:
    command = [sys.executable, ROOT / "docs" / "closed_forms_study.py", "--quick", "--out", out, *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return out.read_text(encoding="utf-8")


def test_the_short_study_runs_and_equal_seeds_give_equal_pages(tmp_path):
    page = run(tmp_path / "one.md")
    assert page == run(tmp_path / "two.md")
    assert page != run(tmp_path / "three.md", "--seed", "2")
    assert "v1 is within 5% at 64 (" in page
    assert "beyond it at 16,384 (-5." in page
    assert "| Hourly checkpoints, free of charge | exact | never | never |" in page


def test_a_wrong_solution_that_calls_itself_exact_is_a_fault(study):
    row = study._row(study.CASES[0], 16_384, 200, 1)
    assert not row.faults
    wrong = study.Form("wrong", lambda plan: 1.01 * study.exact_ettr(plan), exact=True)
    (fault,) = replace(row, forms=(wrong,)).faults
    assert fault.startswith("16384 GPUs: wrong is 0.7")


def test_a_wrong_reference_is_a_fault(study, monkeypatch):
    assert study._anchor_table(300, 1)[1] == []
    monkeypatch.setattr(study, "_ANCHORS", ((16_000, 60, 0, 0.684),))
    assert len(study._anchor_table(300, 1)[1]) == 1


def test_the_form_that_leaves_the_simulation_is_named_at_the_first_size(study):
    rows = [study._row(study.CASES[0], gpus, 200, 1) for gpus in (512, 16_384, 65_536)]
    assert study._first_beyond(rows, study.V1, 0.05) == "16,384 GPUs"
    assert study._first_beyond(rows, study.EXACT, 0.01) == "never"
    assert np.isclose(study._exact_optimum(study._written(16_384, study.young_interval_seconds)) / 60, 29.6, atol=0.2)
