"""Every number of docs/goodput.md: the worked run is laid out second by second and computed by each definition."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from models.goodput.badput import RunSeconds, ml_goodput

ROOT: Final = Path(__file__).parents[1]
TEXT: Final = (ROOT / "docs" / "goodput.md").read_text(encoding="utf-8")
RECORDED: Final = ROOT / "tests" / "models" / "goodput" / "ml_goodput"
GPUS: Final = 1_024
CAP_SECONDS: Final = 1_800


@dataclass(frozen=True)
class Timeline:
    """What each second of the run was spent on, and where its attempts begin and end."""

    seconds: list[str]
    attempts: list[tuple[int, int]]

    def total(self, what: str, begin: int = 0, end: int | None = None) -> int:
        return sum(spent == what for spent in self.seconds[begin:end])


def laid_out(run: dict[str, Any]) -> Timeline:
    """Lay the run out: work that a later attempt does again is lost."""
    seconds: list[str] = []
    attempts = []
    for number, attempt in enumerate(run["attempts"]):
        seconds += ["queued"] * (attempt["begins"] - len(seconds))
        begin = len(seconds)
        restart = ("tpu_init", "training_preparation", "restore", "data_loading", "startup")
        seconds += ["restart"] * sum(attempt[part] for part in restart)
        later = [other["first_step"] for other in run["attempts"][number + 1 :]]
        last = attempt["first_step"] + attempt["steps_begun"] - 1
        for step in range(attempt["first_step"], last + 1):
            length = attempt["last_step_seconds"] if step == last else run["step_seconds"]
            seconds += ["lost" if step >= min(later, default=step + 1) else "productive"] * length
            if (step + 1) % run["steps_per_checkpoint"] == 0 and step != last:
                seconds += ["checkpoint"] * run["stall_seconds"]
        attempts.append((begin, len(seconds)))
    return Timeline(seconds, attempts)


RUN: Final = laid_out(json.loads((RECORDED / "runs.json").read_text(encoding="utf-8"))["worked_example"])
ANSWER: Final = json.loads((RECORDED / "answers.json").read_text(encoding="utf-8"))["runs"]["worked_example"]
WALL: Final = len(RUN.seconds)
FIRST_END: Final = RUN.attempts[0][1]
HOUR_TO: Final = 21_600
ELAPSED: Final = WALL - RUN.attempts[0][0]


def gpu_hours(seconds: int) -> str:
    return f"{seconds * GPUS / 3600:,.1f} GPU-hours"


def told(row: str, section: str) -> str:
    """Return the second cell of the row of a table."""
    table = TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    found = re.search(rf"^\| {re.escape(row)} \| ([^|]+) \|", table, re.MULTILINE)
    assert found, f"no row {row!r}"
    return found[1].strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ETTR, RSC v1", f"{(RUN.total('productive') + RUN.total('checkpoint')) / WALL:.4f}"),
        ("ETTR, RSC v2", f"{RUN.total('productive') / WALL:.4f}"),
        ("cumulative ETTR when attempt 1 ends", f"{RUN.total('productive', 0, FIRST_END) / FIRST_END:.4f}"),
        (
            "sliding ETTR of the hour to 21,600 s",
            f"{RUN.total('productive', HOUR_TO - 3600, HOUR_TO) / 3600:.4f}",
        ),
        ("ML goodput", f"{RUN.total('productive') / ELAPSED:.4f}"),
        ("goodput loss, first order", gpu_hours(min(CAP_SECONDS, FIRST_END - RUN.attempts[0][0]))),
        ("goodput loss, second order", gpu_hours(min(CAP_SECONDS, RUN.attempts[1][1] - RUN.attempts[1][0]))),
        ("ledger: lost_first_order", gpu_hours(RUN.total("lost", 0, FIRST_END))),
        ("ledger: lost_second_order", gpu_hours(RUN.total("lost", FIRST_END))),
        ("ledger: restart", gpu_hours(RUN.total("restart"))),
        ("ledger: checkpoint_write", gpu_hours(RUN.total("checkpoint"))),
        ("ledger: productive", gpu_hours(RUN.total("productive"))),
        ("effective training time", f"{RUN.total('productive') / ELAPSED:.4f}"),
        ("MFU × ETTR", f"{0.40 * RUN.total('productive') / WALL:.3f}"),
    ],
)
def test_the_worked_run_has_the_values_that_the_document_says(name: str, value: str) -> None:
    assert told(name, "One run by all of them") == value


def test_the_parts_of_the_worked_run_are_those_of_its_timeline() -> None:
    section = "One run by all of them"
    assert told("queued", section).startswith(f"{RUN.total('queued'):,}, of which {RUN.attempts[0][0]}")
    for part in ("restart", "productive"):
        assert told(part, section) == f"{RUN.total(part):,}"
    assert told("checkpoint write", section) == f"{RUN.total('checkpoint'):,}"
    first, second = RUN.total("lost", 0, FIRST_END), RUN.total("lost", FIRST_END)
    assert told("lost", section) == f"{first + second:,}: {first:,} to the failure, {second:,} to the preemption"
    assert told("wall-clock time", section) == f"{WALL:,}"
    waits = [
        begin - end
        for begin, end in zip([b for b, _ in RUN.attempts], [0, *(e for _, e in RUN.attempts)], strict=False)
    ]
    for number, ((begin, end), waited) in enumerate(zip(RUN.attempts, waits, strict=True), start=1):
        assert f"| {number} | {waited:,} s | {end - begin:,} s |" in TEXT


def test_google_s_number_and_its_badput_are_those_of_the_document() -> None:
    found = ml_goodput(
        RunSeconds(
            ELAPSED,
            RUN.total("productive"),
            RUN.total("checkpoint"),
            RUN.total("lost"),
            RUN.total("restart"),
            initialization_seconds=180,
            preparation_seconds=120,
            restore_seconds=180,
            data_loading_seconds=90,
            startup_seconds=330,
            unfinished_step_seconds=15,
        )
    )
    assert f"(the package says {ANSWER['goodput_percent'] / 100:.4f})" in TEXT
    said = {
        "wasted progress": "wasted_progress_from_disruption",
        "infrastructure recovery": "infrastructure_recovery_from_disruption",
        "checkpoint save": "unproductive_checkpoint_save_time",
        "initialisation": "tpu_initialization",
        "restore": "unproductive_checkpoint_restore_time",
        "preparation": "training_prep",
        "data loading": "data_loading_sync",
        "program start": "program_startup",
    }
    told_of_it = " ".join(TEXT.split("Its badput")[1].split("##")[0].split())
    for words, kind in said.items():
        assert f"{words} {100 * found.badput[kind]:.2f}" in told_of_it, words
    assert found.badput["other"] == 0


def test_the_published_anchors_of_the_document_are_arithmetic() -> None:
    days, gpus, interruptions = 54, 16_384, 419
    assert f"{24 * days / interruptions:.2f} hours" in TEXT
    assert f"{1000 * interruptions / (days * gpus / 8):.2f} per 1000 node-days" in TEXT
