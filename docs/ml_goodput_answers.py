"""Ask Google's own package what it makes of the runs in tests/models/goodput/ml_goodput; write its answers there.

The package brings the clients of a cloud's logging, monitoring and storage with it, so it is no dependency of the
project: it is asked once, in an environment of its own, and its answers are kept. No network is needed to ask it, for
a list takes the place of the log:

    python -m venv /tmp/ml-goodput
    /tmp/ml-goodput/bin/pip install ml-goodput-measurement==0.2.3
    /tmp/ml-goodput/bin/python docs/ml_goodput_answers.py
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ml_goodput_measurement.src.goodput import (  # type: ignore[import-not-found]
    GoodputCalculator,
    GoodputRecorder,
)

RUNS = Path(__file__).parents[1] / "tests" / "models" / "goodput" / "ml_goodput"
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
NAME = "run"


class ListedLog:
    """Takes the place of the cloud's log, as in the package's own tests."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def write_cloud_logging_entry(self, entry: dict[str, Any]) -> None:
        """Keep an entry."""
        self.entries.append(entry)

    def read_cloud_logging_entries(self, *_: object, **__: object) -> tuple[list[dict[str, Any]], tuple[Any, Any]]:
        """Return all of them."""
        return self.entries, (BEGIN, "last")


def train(run: dict[str, Any]) -> ListedLog:
    """Write the log of a run through the package's recorder."""
    log = ListedLog()
    recorder = GoodputRecorder(NAME, "log", logging_enabled=True, cloud_logger=log)
    now = 0.0
    for attempt in run["attempts"]:
        now = attempt["begins"]
        recorder.record_job_start_time(_at(now))
        for what in ("tpu_init", "training_preparation", "restore", "data_loading"):
            begin, now = now, now + attempt[what]
            if what == "restore":
                log.write_cloud_logging_entry(_checkpoint("restore", attempt["first_step"], begin, now - begin))
            else:
                getattr(recorder, f"record_{what}_start_time")(_at(begin))
                getattr(recorder, f"record_{what}_end_time")(_at(now))
        now += run.get("unrecorded", 0)
        for step, seconds in _steps(run, attempt):
            recorder.record_step_start_time(step, _at(now))
            now += seconds
            last = step == attempt["first_step"] + attempt["steps_begun"] - 1
            if (step + 1) % run["steps_per_checkpoint"] == 0 and not last:
                log.write_cloud_logging_entry(_checkpoint("save", step, now, run["stall_seconds"]))
                now += run["stall_seconds"]
    recorder.record_job_end_time(_at(now))
    return log


def _steps(run: dict[str, Any], attempt: dict[str, Any]) -> Iterator[tuple[int, float]]:
    for number in range(attempt["steps_begun"]):
        last = number == attempt["steps_begun"] - 1
        seconds = attempt["last_step_seconds"] if last else run["step_seconds"]
        yield attempt["first_step"] + number, seconds + (attempt["startup"] if number == 0 else 0)


def _at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def _checkpoint(kind: str, step: int, begin: float, seconds: float) -> dict[str, Any]:
    parts = {
        "save": ("wait_for_prev", "checkpointer_blocking", "get_old_steps", "checkpoint_manager_blocking"),
        "restore": ("checkpointer", "checkpoint_manager"),
    }[kind]
    entry: dict[str, Any] = {"job_name": NAME, "step": step, "event_type": kind, "directory": "gs://checkpoints"}
    for part in parts:
        entry[f"{part}_start_time"] = _at(begin).timestamp()
        entry[f"{part}_duration_secs"] = 0.0 if part in {"wait_for_prev", "get_old_steps"} else float(seconds)
    return entry


def answer(run: dict[str, Any]) -> dict[str, Any]:
    """Return goodput and badput in percent, by the package's names."""
    with tempfile.TemporaryDirectory() as folder:
        calculator = GoodputCalculator(NAME, "log", cloud_logger=train(run), cache_dir=folder)
        goodput, badput, _ = calculator.get_job_goodput(include_badput_breakdown=True)
    shares = {kind.name.lower(): share for kind, share in badput.items() if not isinstance(share, dict)}
    return {"goodput_percent": goodput, "badput_percent": shares}


if __name__ == "__main__":
    asked = json.loads((RUNS / "runs.json").read_text(encoding="utf-8"))
    answers = {
        "package": f"ml-goodput-measurement {version('ml-goodput-measurement')}",
        "runs": {name: answer(run) for name, run in asked.items()},
    }
    (RUNS / "answers.json").write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
