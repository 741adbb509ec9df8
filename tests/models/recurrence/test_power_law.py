"""Power law process: the likeliest by brute force, exact shape intervals, coverage, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from models.recurrence.errors import FailuresAtStartError, LateStartError, TooFewFailuresError
from models.recurrence.power_law import fit_power_law, power_law_fit_p_value
from models.recurrence.units import Recurrences


def simulated(rng, start, end, shape, expected):
    """Systems with `expected` failures by age 100, watched from start to end."""
    start, end = np.broadcast_arrays(np.asarray(start, float), np.asarray(end, float))
    low, high = expected * (start / 100) ** shape, expected * (end / 100) ** shape
    unit = np.repeat(np.arange(start.size), rng.poisson(high - low))
    time = 100 * ((low[unit] + rng.random(unit.size) * (high - low)[unit]) / expected) ** (1 / shape)
    return Recurrences(start, end, unit, np.clip(time, start[unit] + 1e-9, end[unit]))


def log_likelihood(recurrences, log_scale, shape, unit=1.0):
    time = recurrences.time_hours
    span = (recurrences.end_hours / unit) ** shape - (recurrences.start_hours / unit) ** shape
    intensity = log_scale + np.log(shape) + (shape - 1) * np.log(time / unit) - np.log(unit)
    return intensity.sum() - np.exp(log_scale) * span.sum()


@pytest.mark.parametrize("shape", [0.6, 1.0, 2.5])
def test_fit_is_the_maximum_found_by_brute_force(shape):
    rng = np.random.default_rng(12)
    data = simulated(rng, [0, 20, 50, 0], [100, 90, 100, 40], shape, 20)
    fit = fit_power_law(data)
    best = optimize.minimize(
        lambda p: -log_likelihood(data, p[0], np.exp(p[1]), 100.0),
        [1.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 5000},
    )
    assert fit.unit_hours == 100.0
    assert (np.log(fit.scale), np.log(fit.shape)) == pytest.approx(best.x, abs=1e-6)
    assert fit.log_likelihood == pytest.approx(-best.fun)


def test_covariance_is_the_inverse_curvature_of_the_likelihood():
    data = simulated(np.random.default_rng(13), [0, 20], [100, 90], 1.5, 30)
    fit = fit_power_law(data)
    at, step = np.log([fit.scale, fit.shape]), 1e-4

    def value(p):
        return log_likelihood(data, p[0], np.exp(p[1]), 100.0)

    curvature = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            e, f = step * np.eye(2)[i], step * np.eye(2)[j]
            curvature[i, j] = value(at + e + f) - value(at + e - f) - value(at - e + f) + value(at - e - f)
    assert fit.covariance == pytest.approx(np.linalg.inv(-curvature / (4 * step**2)), rel=1e-3)


def test_single_system_has_the_textbook_estimates():
    time = np.array([4.3, 4.4, 10.2, 23.5, 23.8, 26.4, 74.0, 77.1, 92.1, 197.2])
    fit = fit_power_law(Recurrences([0], [200], [0] * 10, time))
    assert fit.shape == pytest.approx(10 / np.log(200 / time).sum())
    assert fit.unbiased_shape == pytest.approx(fit.shape * 0.9)
    assert fit.cumulative([200.0])[0] == pytest.approx([10.0])
    assert fit.mtbf_hours([200.0])[0] == pytest.approx([200 / (10 * fit.shape)])


@pytest.mark.parametrize("truncated", [False, True])
def test_exact_shape_interval_covers_even_few_failures(truncated):
    rng = np.random.default_rng(14)
    held = total = 0
    for _ in range(1000):
        data = simulated(rng, [0], [100], 1.3, 8)
        if data.time_hours.size < 4:
            continue
        if truncated:
            data = Recurrences([0], [data.time_hours[4 - 1]], [0] * 4, data.time_hours[:4])
        fit = fit_power_law(data, failure_truncated=truncated)
        held += fit.shape_low <= 1.3 <= fit.shape_high
        total += 1
    assert held / total == pytest.approx(0.9, abs=3 * np.sqrt(0.09 / total))


def test_profile_interval_and_bands_cover_with_late_entries():
    rng = np.random.default_rng(15)
    held = np.zeros(3)
    for _ in range(400):
        data = simulated(rng, [0, 30, 60], [80, 100, 100], 1.4, 20)
        fit = fit_power_law(data)
        held[0] += fit.shape_low <= 1.4 <= fit.shape_high
        for place, (low, high), truth in (
            (1, [x[0] for x in fit.cumulative([50.0])[1:]], 20 * 0.5**1.4),
            (2, [x[0] for x in fit.mtbf_hours([100.0])[1:]], 100 / (20 * 1.4)),
        ):
            held[place] += low <= truth <= high
    assert ((held / 400 > 0.85) & (held / 400 < 0.945)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_the_unit_of_time_does_not_matter(seed, factor):
    data = simulated(np.random.default_rng(seed), [0, 10], [100, 90], 1.2, 20)
    other = Recurrences(*(c * factor for c in (data.start_hours, data.end_hours)), data.unit, data.time_hours * factor)
    one, two = fit_power_law(data), fit_power_law(other)
    assert (one.shape, one.shape_low) == pytest.approx((two.shape, two.shape_low), rel=1e-5)
    assert one.cumulative([40.0])[1] == pytest.approx(two.cumulative([40.0 * factor])[1], rel=1e-5)


def test_cramer_von_mises_holds_its_level_and_sees_a_burst():
    rng = np.random.default_rng(16)
    accused = sum(power_law_fit_p_value(simulated(rng, [0], [100], 1.5, 25), rng) < 0.1 for _ in range(200))
    assert 7 <= accused <= 36
    burst = Recurrences([0], [100], [0] * 30, np.concatenate([np.linspace(40, 42, 28), [10, 90]]))
    assert power_law_fit_p_value(burst, rng) < 0.01


def test_impossible_questions_are_refused_by_name():
    with pytest.raises(TooFewFailuresError):
        fit_power_law(Recurrences([0], [10], [0], [5]))
    with pytest.raises(FailuresAtStartError):
        fit_power_law(Recurrences([0], [10], [0, 0], [10, 10]))
    with pytest.raises(LateStartError):
        power_law_fit_p_value(Recurrences([1], [10], [0] * 3, [3, 4, 5]), np.random.default_rng(1))
