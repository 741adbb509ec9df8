"""Which clusters are simulated, and what becomes of their files and of what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reliability.errors import LakeWriteError
from reliability.validation import harness, workers
from reliability.validation.attribution import Verdicts
from reliability.validation.case import Intake
from reliability.validation.certainty import Calibration
from reliability.validation.errors import ClusterFailedError
from reliability.validation.harness import derived_seeds, validate
from reliability.validation.measures import MEASURES, SENSITIVE
from reliability.validation.sensitivity import settings
from reliability.validation.workers import Outcome, Task, run_tasks
from synthetic_traces import ClusterSpec, preset_spec
from synthetic_traces.spec.faults import Lemons
from tests.reliability.validation.clusters import replace, small_spec

EMPTY = {"rates": (), "lifetimes": (), "attributions": Verdicts(), "certainty": Calibration((), ())}


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """What would be simulated; nothing is."""
    seen: list[Task] = []

    def record(given: list[Task], _processes: int, _progress: object) -> list[Outcome]:
        seen.extend(given)
        return [Outcome({name: EMPTY.get(name) for name in task.measures}, Intake(1, 0, 10, 1)) for task in given]

    monkeypatch.setattr(harness, "run_tasks", record)
    return seen


def lemony(spec: ClusterSpec) -> ClusterSpec:
    return replace(spec, lemons=Lemons(share=0.1, per_1000_node_days=100.0, symptoms=("pcie",), weights=(1.0,)))


def test_seeds_are_derived_all_different_and_stable() -> None:
    seeds = [*derived_seeds(1, 0, 40), *derived_seeds(1, 1, 40), *derived_seeds(2, 0, 40)]
    assert len(set(seeds)) == 120
    assert derived_seeds(7, 0, 3) == derived_seeds(7, 0, 5)[:3]


def test_a_cluster_without_correlated_faults_is_its_own_twin(tasks: list[Task]) -> None:
    found = validate(small_spec(), "tiny", 3, 1, sensitivity=False)
    assert [task.measures for task in tasks] == [tuple(MEASURES)] * 3
    assert (found.twins, found.lemon_free, found.intake) == (0, 0, Intake(3, 0, 30, 3))


def test_intervals_are_judged_on_plain_twins_where_faults_are_correlated(tasks: list[Task]) -> None:
    spec = lemony(small_spec())
    found = validate(spec, "rsc-1", 3, 1, sensitivity=False)
    assert found.twins == 3
    clusters, twins = tasks[:3], tasks[3:6]
    assert all(task.spec == spec for task in clusters)
    assert all(task.spec.lemons is None for task in twins)
    assert {name for task in twins for name in task.measures} == {"rates", "lifetimes"}
    assert not {"rates", "lifetimes"} & {name for task in clusters for name in task.measures}
    assert not {task.seed for task in clusters} & {task.seed for task in twins}


def test_whether_a_lemon_is_named_where_there_is_none_is_asked_of_twins_that_keep_all_else(tasks: list[Task]) -> None:
    spec = lemony(small_spec())
    found = validate(spec, "rsc-1", 3, 1, sensitivity=False)
    assert found.lemon_free == 3
    free = tasks[6:]
    assert [task.measures for task in free] == [("lemons",)] * 3
    assert all(replace(task.spec, lemons=spec.lemons) == spec for task in free)
    assert len({task.seed for task in tasks}) == 9
    assert all("lemons" in task.measures for task in tasks[:3])


def test_each_noise_parameter_is_changed_alone_and_the_presets_own_values_cost_nothing(tasks: list[Task]) -> None:
    spec = small_spec()
    found = validate(spec, "tiny", 8, 1)
    noisy = tasks[8:]
    assert len(found.sensitivity) == 10
    assert len(noisy) == 7 * 2
    assert {task.measures for task in noisy} == {SENSITIVE}
    assert {task.seed for task in noisy} == set(derived_seeds(1, 0, 2))
    for task in noisy:
        assert task.spec != spec
        assert replace(task.spec, observability=spec.observability) == spec
    assert [row["value"] for row in found.sensitivity if row["default"]] == [0.05, 0.02, 1.0]


def test_a_preset_with_a_noise_of_its_own_has_no_row_as_in_the_preset() -> None:
    tried = settings(small_spec(missed_share=0.3))
    assert not [setting for setting in tried if setting.parameter == "missed_share" and setting.is_default]


def test_measures_with_nothing_to_count_are_null_with_the_words(tasks: list[Task]) -> None:
    document = validate(preset_spec("tiny"), "tiny", 1, 1, sensitivity=False).document()
    empty = ("ettr_covered", "ettr_intervals", "lemon_precision", "lemon_recall", "ledger_max_error", "domain_recall")
    for name in empty:
        assert document[name] is None
    rows = {row["measure"]: row for row in document["rows"]}
    assert (rows["domain_recall"]["note"], rows["domain_recall"]["ok"]) == ("nothing to count", None)


def failing(error: Exception) -> Any:
    def simulate(_spec: object, _seed: int, folder: Path) -> None:
        (folder / "half a log").write_text("x")
        raise error

    return simulate


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LakeWriteError(Path("lake"), "disk is full"), "disk is full"),
        (OSError(28, "No space left on device", "log"), "No space left on device: log"),
    ],
)
def test_a_cluster_that_fails_is_told_in_one_line_and_leaves_nothing(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(workers, "simulate", failing(error))
    with pytest.raises(ClusterFailedError, match=f"seed 5 failed: .*{reason}"):
        run_tasks([Task(small_spec(), 5, (), 0.9)], 1)
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_of_ours_is_not_hidden_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(workers, "simulate", failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        run_tasks([Task(small_spec(), 5, (), 0.9)], 1)
    assert list(tmp_path.iterdir()) == []
