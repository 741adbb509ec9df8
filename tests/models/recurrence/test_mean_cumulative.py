"""Mean cumulative function: equal to R's survfit, its laws, and the comparison of two."""

import csv
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ExitBeforeEntryError
from models.recurrence.errors import OutsideWindowError, TooFewFailuresError, UnknownUnitError
from models.recurrence.mean_cumulative import compare_mean_cumulative, mean_cumulative_function
from models.recurrence.units import Recurrences


def simulated(rng, units, rate, shape=None):
    start = rng.uniform(0, 30, units) * (rng.random(units) < 0.5)
    end = start + rng.uniform(20, 100, units)
    own = rate * (rng.gamma(shape, 1 / shape, units) if shape else np.ones(units))
    number = rng.poisson(own * (end - start))
    unit = np.repeat(np.arange(units), number)
    return Recurrences(start, end, unit, end[unit] - rng.random(unit.size) * (end - start)[unit])


def spells(recurrences):
    """Counting-process rows (unit, start, stop, failed), as R wants them."""
    for unit, (start, end) in enumerate(zip(recurrences.start_hours, recurrences.end_hours, strict=True)):
        since = start
        for time in recurrences.time_hours[recurrences.unit == unit]:
            yield unit, since, time, 1
            since = time
        if since < end:
            yield unit, since, end, 0


@pytest.mark.needs_r
def test_curve_and_robust_error_equal_survfit_of_r(rscript, tmp_path):
    recurrences = simulated(np.random.default_rng(8), 40, 0.05, shape=1.0)
    with (tmp_path / "spells.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "start", "stop", "failed"])
        writer.writerows((u, repr(float(a)), repr(float(b)), f) for u, a, b, f in spells(recurrences))
    script = (
        'library(survival); d <- read.csv("spells.csv");'
        "f <- survfit(Surv(start, stop, failed) ~ 1, data = d, id = id, cluster = id, robust = TRUE);"
        'k <- f$n.event > 0; cat(format(c(f$time[k], f$cumhaz[k], f$std.chaz[k]), digits = 15), sep = "\\n")'
    )
    answer = subprocess.run([rscript, "-e", script], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    time, mean, error = np.array([float(line) for line in answer.split()]).reshape(3, -1)
    curve = mean_cumulative_function(recurrences)
    assert curve.time_hours == pytest.approx(time, abs=1e-9)
    assert curve.mean == pytest.approx(mean, abs=1e-6)
    assert curve.standard_error == pytest.approx(error, abs=1e-6)


def brute_force_error(recurrences, at):
    curve = mean_cumulative_function(recurrences)
    total = 0.0
    for unit in range(recurrences.start_hours.size):
        own = 0.0
        for time, risk, failures in zip(curve.time_hours, curve.at_risk, curve.failures, strict=True):
            if time <= at and recurrences.start_hours[unit] < time <= recurrences.end_hours[unit]:
                mine = ((recurrences.unit == unit) & (recurrences.time_hours == time)).sum()
                own += (mine - failures / risk) / risk
        total += own**2
    return np.sqrt(total)


def test_the_standard_error_is_the_double_sum_over_units_and_times():
    recurrences = simulated(np.random.default_rng(9), 15, 0.04)
    curve = mean_cumulative_function(recurrences)
    for at in (0, curve.time_hours.size // 2, -1):
        assert curve.standard_error[at] == pytest.approx(brute_force_error(recurrences, curve.time_hours[at]))


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_the_curve_rises_within_its_band_and_the_unit_of_time_does_not_matter(seed, factor):
    plain = simulated(np.random.default_rng(seed), 12, 0.05)
    scaled = Recurrences(plain.start_hours * factor, plain.end_hours * factor, plain.unit, plain.time_hours * factor)
    curve, other = mean_cumulative_function(plain), mean_cumulative_function(scaled)
    assert (np.diff(curve.mean) > 0).all()
    assert ((curve.low <= curve.mean) & (curve.mean <= curve.high)).all()
    assert curve.mean == pytest.approx(other.mean)
    assert curve.standard_error == pytest.approx(other.standard_error, abs=1e-9)


def test_interval_covers_fleets_with_lemons_and_equal_groups_are_rarely_told_apart():
    rng = np.random.default_rng(10)
    held = accused = 0
    for _ in range(400):
        first, second = (simulated(rng, 80, 0.04, shape=1.5) for _ in range(2))
        curve = mean_cumulative_function(first)
        at = np.searchsorted(curve.time_hours, 50.0) - 1
        held += curve.low[at] <= 0.04 * 50 <= curve.high[at]
        accused += compare_mean_cumulative(first, second).p_value < 0.1
    assert 0.85 <= held / 400 <= 0.945
    assert 0.06 <= accused / 400 <= 0.145


def test_swapping_the_groups_turns_the_comparison_round():
    rng = np.random.default_rng(11)
    first, second = simulated(rng, 30, 0.05), simulated(rng, 30, 0.02)
    forth, back = compare_mean_cumulative(first, second), compare_mean_cumulative(second, first)
    assert forth.score == pytest.approx(-back.score)
    assert forth.score > 2
    assert forth.low == pytest.approx(-back.high)


def test_impossible_units_are_refused_by_name():
    with pytest.raises(ExitBeforeEntryError):
        Recurrences([5], [5], [], [])
    with pytest.raises(OutsideWindowError):
        Recurrences([5], [10], [0], [5])
    with pytest.raises(UnknownUnitError):
        Recurrences([5], [10], [1], [6])
    with pytest.raises(TooFewFailuresError):
        mean_cumulative_function(Recurrences([5], [10], [], []))
    with pytest.raises(TooFewFailuresError):
        compare_mean_cumulative(Recurrences([5], [10], [], []), Recurrences([5], [10], [0], [7]))
