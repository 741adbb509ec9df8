"""Counting intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models.rates import poisson_rate
from reliability.validation.coverage import IntervalCheck, chance_to_cover, coverage_rows, least_covering
from reliability.validation.intervals import find_lifetimes, find_rates


def check(of: str = "node", failures: int = 10, expected: float = 10.0, **more: int) -> IntervalCheck:
    estimate = poisson_rate(failures, 1.0)
    return IntervalCheck(of, estimate.low_per_day, estimate.high_per_day, expected, failures, expected, **more)


@pytest.mark.parametrize("mean", [0.3, 1.0, 5.0, 46.0, 4000.0])
def test_the_chance_to_cover_is_that_of_simulated_counts(mean: float) -> None:
    counts = np.random.default_rng(1).poisson(mean, 4000)
    covering = [
        estimate.low_per_day <= mean <= estimate.high_per_day
        for estimate in (poisson_rate(int(count), 1.0) for count in counts)
    ]
    chance = chance_to_cover(mean, 0.9)
    assert chance >= 0.9
    assert abs(np.mean(covering) - chance) < 4 * np.sqrt(chance * (1 - chance) / len(counts)) + 1e-9


def test_so_many_intervals_must_cover_that_a_right_pipeline_fails_once_in_a_thousand() -> None:
    needed = least_covering(40, 0.9)
    assert stats.binom.cdf(needed - 1, 40, 0.9) < 0.001 <= stats.binom.cdf(needed, 40, 0.9)


def test_intervals_are_summed_by_what_they_are_of() -> None:
    rows = coverage_rows([check(), check(failures=30), check("gpu", unasked=7, unseen=2)], 0.9, exact=True)
    node, gpu = rows
    assert (node["of"], node["intervals"], node["covered"], node["failures"]) == ("node", 2, 1, 40)
    assert node["ratio"] == pytest.approx(2.0)
    assert 1 < node["ratio_low"] < node["ratio"] < node["ratio_high"]
    assert (gpu["lines_without_a_fault"], gpu["faults_without_a_line"]) == (7, 2)


def test_the_rates_headline_counts_one_interval_per_cluster() -> None:
    of_cluster = (check("node"), check("attempt"), check("gpu"), check("nic", failures=99))
    found = find_rates([of_cluster] * 5, 0.9)
    assert found.headline == {"rate_covered": 5, "rate_intervals": 5}
    components = next(row for row in found.rows if row.measure == "component_rate_coverage")
    assert (components.hits, components.n) == (5, 10)


def test_rates_twice_too_high_miss_the_bar_and_say_how_far_they_are_off() -> None:
    found = find_rates([(check(failures=100, expected=50.0),)] * 40, 0.9)
    row = found.rows[0]
    assert row.ok is False
    assert row.note == "4,000 failures counted, 2,000 expected"


def test_false_alarms_are_given_as_the_reason() -> None:
    found = find_rates([(check("gpu", failures=40, unasked=30, unseen=1),)] * 10, 0.9)
    row = next(row for row in found.rows if row.measure == "component_rate_coverage")
    assert row.ok is False
    assert "300 critical lines are of no fault of the component; 10 of its faults left no line" in row.note


def test_clusters_without_intervals_are_no_intervals() -> None:
    assert find_rates([(), ()], 0.9).headline == {"rate_covered": 0, "rate_intervals": 0}
    assert find_rates([(), ()], 0.9).rows[0].ok is None
    assert find_lifetimes([(), ()], 0.9).rows[0].note == "2 of 2 clusters gave no fit"
