"""Google's ML goodput from the parts of a run: its laws, and the answers of Google's own package on the same runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NegativeValueError, NotFiniteError, NotPositiveError
from models.goodput.badput import BADPUT_TYPES, RunSeconds, ml_goodput
from models.goodput.errors import PartsAboveElapsedError, RestartPartsError, UnfinishedStepError

RECORDED: Final = Path(__file__).parent / "ml_goodput"
RUNS: Final = json.loads((RECORDED / "runs.json").read_text(encoding="utf-8"))
ANSWERS: Final = json.loads((RECORDED / "answers.json").read_text(encoding="utf-8"))["runs"]
#: Google learns of a failure when a step begins a second time, so it sees none in this run
BLIND: Final = "ended_before_the_next_step_began"

seconds = st.floats(min_value=0, max_value=1e7)


def parts_of(run: dict[str, Any]) -> RunSeconds:
    """Sum up where the time of a recorded run went, without a step's begin: attempt by attempt."""
    attempts, step = run["attempts"], run["step_seconds"]
    resumed = [attempt["first_step"] for attempt in attempts[1:]]
    begun = [attempt["first_step"] + attempt["steps_begun"] for attempt in attempts]
    done = [
        (attempt["steps_begun"] - 1) * step + attempt["last_step_seconds"] - (kept - attempt["first_step"]) * step
        for attempt, kept in zip(attempts[:-1], resumed, strict=True)
    ]
    every = run["steps_per_checkpoint"]
    stalls = sum(
        (end - 1) // every - attempt["first_step"] // every for attempt, end in zip(attempts, begun, strict=True)
    )
    of_restart = {
        name: float(sum(attempt[key] for attempt in attempts))
        for name, key in {
            "initialization_seconds": "tpu_init",
            "preparation_seconds": "training_preparation",
            "restore_seconds": "restore",
            "data_loading_seconds": "data_loading",
            "startup_seconds": "startup",
        }.items()
    }
    restart = sum(of_restart.values()) + run.get("unrecorded", 0) * len(attempts)
    checkpoint = stalls * run["stall_seconds"]
    last = attempts[-1]
    ran_last = (
        run.get("unrecorded", 0)
        + last["steps_begun"] * step
        + sum(last[key] for key in ("tpu_init", "training_preparation", "restore", "data_loading", "startup"))
    )
    stalls_last = (begun[-1] - 1) // every - last["first_step"] // every
    return RunSeconds(
        elapsed_seconds=last["begins"] + ran_last + stalls_last * run["stall_seconds"] - attempts[0]["begins"],
        productive_seconds=begun[-1] * step,
        checkpoint_seconds=checkpoint,
        lost_seconds=sum(done),
        restart_seconds=restart,
        unfinished_step_seconds=sum(a["last_step_seconds"] for a in attempts[:-1] if a["last_step_seconds"] < step),
        **of_restart,
    )


@pytest.mark.parametrize("name", [name for name in RUNS if name != BLIND])
def test_google_s_own_package_says_the_same_of_the_same_run(name: str) -> None:
    run, answer = RUNS[name], ANSWERS[name]
    found = ml_goodput(parts_of(run))
    # The package takes a first step's extra time against the mean of the others, checkpoints included: with them its
    # start of the program is short, and its goodput long, by a checkpoint's share of a step at each start.
    stall_per_step = run["stall_seconds"] / run["steps_per_checkpoint"]
    tolerance = 1e-9 + 1.05 * len(run["attempts"]) * stall_per_step / found.elapsed_seconds
    assert found.goodput == pytest.approx(answer["goodput_percent"] / 100, abs=tolerance)
    for kind, share in found.badput.items():
        exact = kind not in {"program_startup", "other"}
        theirs = answer["badput_percent"][kind] / 100
        if kind == "data_loading_sync":  # from the second restart on, the package counts this one twice
            theirs -= sum(attempt["data_loading"] for attempt in run["attempts"][2:]) / found.elapsed_seconds
        assert share == pytest.approx(theirs, abs=1e-9 if exact else tolerance), kind


def test_a_failure_before_the_next_step_began_is_unseen_by_google_and_seen_by_us() -> None:
    assert ANSWERS[BLIND]["goodput_percent"] == 100.0
    found = ml_goodput(parts_of(RUNS[BLIND]))
    assert found.goodput == pytest.approx(3_600 / 7_200)
    assert found.badput["infrastructure_recovery_from_disruption"] == pytest.approx(3_600 / 7_200)


def test_the_types_are_google_s() -> None:
    theirs = set(ANSWERS["worked_example"]["badput_percent"])
    # Loading data while training goes on costs nothing and is no badput with Google either.
    assert set(BADPUT_TYPES) == theirs - {"data_loading_async"}


@given(st.tuples(seconds, seconds, seconds, seconds, seconds, seconds).filter(lambda parts: sum(parts) > 1e-3))
def test_goodput_and_badput_add_up_to_one(parts: tuple[float, ...]) -> None:
    productive, checkpoint, lost, restart, waited, first_wait = parts
    run = RunSeconds(productive + checkpoint + lost + restart + waited, productive, checkpoint, lost, restart)
    found = ml_goodput(run)
    assert found.goodput + sum(found.badput.values()) == pytest.approx(1.0, abs=1e-6)
    assert all(0 <= share <= 1 + 1e-6 for share in (found.goodput, *found.badput.values()))
    ettr = productive / (run.elapsed_seconds + first_wait)
    assert found.goodput >= ettr


@given(st.tuples(*[st.floats(min_value=1.0, max_value=1e5)] * 5), st.floats(min_value=1e-2, max_value=1e3))
def test_another_unit_of_time_changes_no_share(parts: tuple[float, ...], unit: float) -> None:
    productive, checkpoint, lost, restart, waited = parts
    elapsed = sum(parts)
    mine = ml_goodput(RunSeconds(elapsed, productive, checkpoint, lost, restart))
    scaled = (unit * part for part in (elapsed + waited - waited, productive, checkpoint, lost, restart))
    assert ml_goodput(RunSeconds(*scaled)).goodput == pytest.approx(mine.goodput)


def test_what_is_unknown_of_a_restart_is_other() -> None:
    run = RunSeconds(1_000, 700, restart_seconds=300, initialization_seconds=60, restore_seconds=40)
    found = ml_goodput(run).badput
    assert found["tpu_initialization"] == pytest.approx(0.06)
    assert found["unproductive_checkpoint_restore_time"] == pytest.approx(0.04)
    assert found["other"] == pytest.approx(0.2)


def test_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(NotPositiveError, match="elapsed_seconds"):
        RunSeconds(0.0, 0.0)
    with pytest.raises(NegativeValueError, match="lost_seconds"):
        RunSeconds(10.0, 5.0, lost_seconds=-1.0)
    with pytest.raises(NotFiniteError, match="productive_seconds"):
        RunSeconds(10.0, float("nan"))
    with pytest.raises(PartsAboveElapsedError, match=r"11 s.*10 s"):
        RunSeconds(10.0, 8.0, restart_seconds=3.0)
    with pytest.raises(RestartPartsError, match="parts of it"):
        RunSeconds(10.0, 5.0, restart_seconds=1.0, restore_seconds=2.0)
    with pytest.raises(UnfinishedStepError, match="lost work"):
        RunSeconds(10.0, 5.0, lost_seconds=1.0, unfinished_step_seconds=2.0)
