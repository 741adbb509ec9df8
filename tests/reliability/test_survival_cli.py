"""``reliability survival`` and ``study``: every model answers people and machines; what cannot be is one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reliability.cli import main
from tests.lakes import build_lake, sample_lake

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_lake(tmp_path_factory.mktemp("cli") / "lake").path


ASKED = {
    "km": ("--by", "batch", "--horizon", "20d"),
    "plain": ("--interval", "plain"),
    "na": ("--model", "na", "--by", "batch"),
    "incidence": ("--model", "incidence"),
    "auto": ("--model", "auto", "--by", "batch"),
    "weibull": ("--model", "weibull"),
    "piecewise": ("--model", "piecewise-exponential"),
    "cox": ("--model", "cox", "--covariates", "batch"),
    "cause": ("--model", "cox", "--covariates", "batch", "--cause", "gpu_memory"),
    "frailty": ("--model", "frailty", "--covariates", "batch"),
    "strata": ("--component", "node", "--model", "cox", "--covariates", "rack", "--strata", "cluster"),
    "spares": ("--spares", "90d", "--by", "batch"),
    "replaced": ("--spares", "30d", "--replaced"),
    "repair": ("--component", "repair"),
}


@pytest.mark.parametrize("asked", ASKED)
def test_every_model_answers_people_and_machines(asked: str, run: Run, lake: Path) -> None:
    arguments = ("survival", *ASKED[asked], "--lake", lake)
    status, table, told = run(*arguments)
    assert status == 0
    assert len(table.splitlines()) >= 2
    assert "Intervals: 90%." in told
    status, document, _ = run(*arguments, "--json")
    assert status == 0
    found = json.loads(document)
    assert {"component", "confidence", "definition", "rows"} <= set(found)
    assert "NaN" not in document
    assert "Infinity" not in document
    status, csv, _ = run(*arguments, "--csv")
    assert status == 0
    assert len(csv.splitlines()) == len(found["rows"]) + 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "zebra"), "one of km, na, incidence, auto, exponential"),
        (("--model", "cox"), "--covariates"),
        (("--model", "cox", "--covariates", "zebra"), "--covariates zebra: expected one of cluster, batch"),
        (("--model", "cox", "--covariates", "batch", "--by", "batch"), "--by batch"),
        (("--covariates", "batch"), "to be used with --model cox"),
        (("--strata", "batch"), "to be used with --model cox"),
        (("--interval", "wide"), "log-log or plain"),
        (("--replaced",), "to be used with --spares"),
        (("--model", "na", "--horizon", "9d"), "to be used with --model km"),
        (("--spares", "90"), "a duration with units"),
        (("--spares", "0d"), "above zero"),
        (("--component", "repair", "--spares", "9d"), "an outage is not"),
        (("--component", "tape"), "one of"),
        (("--by", "zebra"), "--by zebra"),
    ],
)
def test_what_cannot_be_asked_is_one_line(arguments: tuple[str, ...], said: str, run: Run, lake: Path) -> None:
    status, out, err = run("survival", *arguments, "--lake", lake)
    assert status == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert said in err


def test_an_answer_can_be_drawn_into_a_file(run: Run, lake: Path, tmp_path: Path) -> None:
    status, _, _ = run("survival", "--spares", "90d", "--lake", lake, "--figure", tmp_path / "spares.html")
    assert status == 0
    assert "prediction interval" in (tmp_path / "spares.html").read_text(encoding="utf-8")


def test_a_study_writes_every_section(run: Run, lake: Path, tmp_path: Path) -> None:
    out = tmp_path / "study.html"
    status, document, _ = run("study", "--lake", lake, "--by", "batch", "--covariates", "batch", "--out", out, "--json")
    assert status == 0
    assert json.loads(document)["path"] == str(out)
    page = out.read_text(encoding="utf-8")
    for heading in ("Time between failures by quarter", "Survival by batch", "(Cox)", "What they die of", "and spares"):
        assert heading in page
    assert "log-rank test" in page
    assert "<script src=" not in page


def test_a_study_of_lives_without_failures_says_so(run: Run, tmp_path: Path) -> None:
    stay = {"installed_utc": "2026-01-01", "removed_utc": "2026-02-01"}
    lake = build_lake(
        tmp_path / "lake",
        components=[{"component_id": f"g{n}", "node": "n1", **stay} for n in range(3)],
        covers=["components", "events"],
    )
    status, _, _ = run("study", "--lake", lake.path, "--covariates", "cluster", "--out", tmp_path / "study.html")
    assert status == 0
    page = (tmp_path / "study.html").read_text(encoding="utf-8")
    assert "What these logs cannot say" in page
    assert "nothing failed in 2,232 unit-hours" in page


def test_a_study_needs_files_or_a_lake(run: Run, tmp_path: Path) -> None:
    status, _, err = run("study", "--out", tmp_path / "study.html")
    assert status == 2
    assert "at least one file, or --lake" in err
    status, _, err = run("study", tmp_path / "nothing.csv", "--out", tmp_path / "study.html")
    assert status == 2
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "study.html").exists()
