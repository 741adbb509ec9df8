"""Goodput as the logs tell it against the truth of simulated clusters: a small one always, RSC-1 in the long study."""

from __future__ import annotations

from contextlib import closing

import pytest
from msgspec.structs import replace

from reliability.analyses.ettr_calibration import ettr_calibration
from reliability.analyses.goodput import goodput
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters
from reliability.validation.case import Case, simulate
from reliability.validation.ettr import count_ettr, find_ettr
from reliability.validation.ledger import count_ledger, find_ledger
from synthetic_traces import ClusterSpec, preset_spec

ONE_PERCENT_OF_CAPACITY = 0.01


def small(days: int) -> ClusterSpec:
    """The preset ``tiny`` where every job saves: of one that does not, no log tells that it lost everything."""
    tiny = preset_spec("tiny")
    classes = tuple(replace(size, checkpoint_share=1.0) for size in tiny.workload.classes)
    return replace(tiny, days=days, workload=replace(tiny.workload, classes=classes))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return simulate(small(40), 11, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def rsc_1(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return simulate(preset_spec("rsc-1"), 1, tmp_path_factory.mktemp("rsc-1"))


def the_ledger_is_the_truth_s(case: Case) -> None:
    pair = count_ledger(case, 0.9)
    assert pair is not None
    assert sum(pair.measured.values()) == pytest.approx(sum(pair.true.values()), rel=1e-3)
    found = find_ledger([pair], 0.9)
    for row in found.tables["ledger"]:
        print(row)
        assert row["measured_gpu_hours"] >= 0
        assert row["error_share"] <= ONE_PERCENT_OF_CAPACITY, row["bucket"]


def test_each_bucket_of_a_small_cluster_is_within_one_percent_of_capacity(case: Case) -> None:
    the_ledger_is_the_truth_s(case)


def test_the_ettr_of_long_runs_of_a_small_cluster_is_near_the_truth(case: Case) -> None:
    pairs = count_ettr(case, 0.9)
    assert pairs is not None
    assert len(pairs.runs) >= 10
    assert pairs.covered
    errors = [abs(run.error) for run in pairs.runs]
    assert sum(errors) / len(errors) < 0.02


def test_the_parts_of_attempts_are_those_of_the_truth(case: Case) -> None:
    with closing(DuckDBEngine(case.lake, Parameters())) as engine:
        measured = engine.rows(
            "SELECT job_id_raw, attempt, state, restart_seconds, lost_seconds, checkpoint_source, run_seconds "
            "FROM attempt_parts WHERE checkpoint_source = 'logged' AND ended AND begins_run"
        )
        true = {
            (str(row["job_id_raw"]), row["attempt"]): row
            for row in engine.rows(f"SELECT * FROM '{case.truth / 'attempts.parquet'}' WHERE slowed_seconds = 0")
        }
    pairs = [(row, true[key]) for row in measured if (key := (row["job_id_raw"], row["attempt"])) in true]
    assert len(pairs) > 20
    right = sum(abs(row["lost_seconds"] - told["lost_seconds"]) <= 120 for row, told in pairs)
    assert right / len(pairs) > 0.95


@pytest.mark.validation
def test_each_bucket_of_rsc_1_is_within_one_percent_of_capacity_and_failure_losses_within_ten_of_themselves(
    rsc_1: Case,
) -> None:
    the_ledger_is_the_truth_s(rsc_1)
    found = find_ledger([count_ledger(rsc_1, 0.9)], 0.9)
    losses = {row.measure: row for row in found.rows}["ledger_failure_loss"]
    print(losses.note)
    assert losses.ok


@pytest.mark.validation
def test_the_second_order_share_of_rsc_1_is_near_the_published_sixteen_percent(rsc_1: Case) -> None:
    pair = count_ledger(rsc_1, 0.9)
    assert pair is not None
    first, second = pair.true["lost_first_order"], pair.true["lost_second_order"]
    loss = goodput(rsc_1.lake).loss
    assert loss.share is not None
    print(f"measured {loss.share:.3f} ({loss.share_low}, {loss.share_high}); true {second / (first + second):.3f}")
    assert abs(loss.share - second / (first + second)) < 0.02
    assert 0.10 < loss.share < 0.20  # Kokolis et al.: 16%


@pytest.mark.validation
def test_long_runs_of_rsc_1_lie_in_their_predicted_distribution(rsc_1: Case) -> None:
    found = ettr_calibration(rsc_1.lake)
    for row in found.rows():
        print(row)
    assert len(found.runs) > 1_000
    assert found.check.inside.share >= 0.86
    assert found.check.p_value > 1e-4


@pytest.mark.validation
def test_the_ettr_of_long_runs_of_rsc_1_is_near_the_truth(rsc_1: Case) -> None:
    found = find_ettr([count_ettr(rsc_1, 0.9)], 0.9)
    near = {row.measure: row for row in found.rows}["ettr_near"]
    print(near, found.tables["ettr"])
    assert near.value is not None
    assert near.value >= 0.9
