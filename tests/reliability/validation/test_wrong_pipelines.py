"""A harness that cannot fail proves nothing: on one simulated cluster, wrong answers must be noticed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reliability.analyses.lifetime_models import LifetimeFits, lifetime_fits
from reliability.analyses.rates import Rates, rates
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.validation import attribution, intervals
from reliability.validation.attribution import count_attributions, find_attributions
from reliability.validation.case import Case, simulate
from reliability.validation.intervals import count_lifetimes, count_rates, find_rates
from tests.reliability.validation.clusters import small_spec


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    spec = small_spec(missed_share=0.0, false_alarms_per_node_day=0.0)
    return simulate(spec, 3, tmp_path_factory.mktemp("case"))


def test_every_log_file_is_taken_in_and_no_truth(case: Case) -> None:
    assert case.intake.files >= 3
    assert (case.intake.files_failed, case.intake.rows_rejected) == (0, 0)
    with DuckDBEngine(case.lake).connection as connection:
        paths = [path for (path,) in connection.execute("SELECT path FROM ingests").fetchall()]
    assert paths
    assert not [path for path in paths if "/truth/" in path]


def test_the_true_rates_lie_in_the_intervals(case: Case) -> None:
    checks = {check.of: check for check in count_rates(case, 0.9)}
    assert {"node", "attempt", "gpu", "nic", "pcie"} <= checks.keys()
    assert "nvlink" not in checks
    assert checks["node"].covered
    assert checks["attempt"].covered
    assert sum(check.covered for check in checks.values()) >= len(checks) - 1


def test_doubled_rates_lose_the_truth(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(*arguments: Any, **options: Any) -> Rates:
        found = rates(*arguments, **options)
        groups = []
        for group in found.groups:
            assert group.estimate is not None
            low, high = 2 * group.estimate.low_per_day, 2 * group.estimate.high_per_day
            groups.append(replace(group, estimate=replace(group.estimate, low_per_day=low, high_per_day=high)))
        return replace(found, groups=tuple(groups))

    monkeypatch.setattr(intervals, "rates", doubled)
    checks = count_rates(case, 0.9)
    assert not next(check for check in checks if check.of == "node").covered
    assert find_rates([checks] * 20, 0.9).rows[0].ok is False


def test_the_true_mean_life_lies_in_the_interval_and_not_in_that_of_a_fit_a_third_as_long(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = next(check for check in count_lifetimes(case, 0.9) if check.of == "node")
    assert node.covered

    def shortened(*arguments: Any, **options: Any) -> LifetimeFits:
        found = lifetime_fits(*arguments, **options)
        (fit,) = found.fits
        mean = fit.mean_hours
        assert mean is not None
        shorter = replace(mean, value=mean.value / 3, low=mean.low / 3, high=mean.high / 3)
        return replace(found, fits=(replace(fit, mean_hours=shorter),))

    monkeypatch.setattr(intervals, "lifetime_fits", shortened)
    assert not next(check for check in count_lifetimes(case, 0.9) if check.of == "node").covered


def test_verdicts_on_good_logs_are_good_and_verdicts_that_blame_always_are_not(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = find_attributions([count_attributions(case, 0.9)], 0.9)
    precision = good.rows[0]
    assert precision.hits >= precision.n - 1
    assert good.headline["attribution_recall"] >= 0.9

    class Blaming(DuckDBEngine):
        def rows(self, sql: str, values: Any = ()) -> list[dict[str, Any]]:
            return [row | {"is_infrastructure": True, "cause": "disk"} for row in super().rows(sql, values)]

    monkeypatch.setattr(attribution, "DuckDBEngine", Blaming)
    rows = {row.measure: row for row in find_attributions([count_attributions(case, 0.9)], 0.9).rows}
    assert rows["attribution_precision"].value < 0.5
    assert rows["attribution_precision"].ok is False
    assert rows["cause_named_share"].value < 0.5


def test_a_cluster_whose_truth_is_not_told_counts_nothing(case: Case, tmp_path: Path) -> None:
    untold = Case(case.lake, tmp_path, case.intake)
    assert count_rates(untold, 0.9) == ()
    assert count_lifetimes(untold, 0.9) == ()
    assert find_attributions([count_attributions(untold, 0.9)], 0.9).rows[0].value is None


def test_a_truth_without_faults_gives_no_verdicts(case: Case, tmp_path: Path) -> None:
    shutil.copytree(case.truth, tmp_path / "truth")
    (tmp_path / "truth" / "faults.parquet").unlink()
    assert count_attributions(Case(case.lake, tmp_path / "truth", case.intake), 0.9).confusion == {}
