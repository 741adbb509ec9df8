"""Goodness of fit, probability plots, and how often the intervals hold the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from models.errors import ModelError
from models.lifetimes.parametric.errors import FractionalWeightError, IntervalCensoredError
from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.goodness_of_fit import goodness_of_fit
from models.lifetimes.parametric.lifetime_fit import FEW_EVENTS
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.probability_plot import probability_plot

from .lives import weibull_lives

SHAPE, SCALE = 0.8, 1000.0


def drawn(rng, units, shape=SHAPE, late_share=0.5):
    return Lives.right_censored(*weibull_lives(rng, units, shape, SCALE, late_share).columns)


def coverage(runs, units, seed):
    """How often the 90% intervals of shape, mean, B10 life and survival hold the truth, and the failures per fleet."""
    rng, truth = np.random.default_rng(seed), stats.weibull_min(SHAPE, scale=SCALE)
    held, events = [], []
    for _ in range(runs):
        try:
            fit = fit_lifetime("Weibull", drawn(rng, units))
        except ModelError:
            continue
        band = fit.survival([500.0])
        known = (
            (fit.parameters["shape"], SHAPE),
            (fit.mean_hours, truth.mean()),
            (fit.quantile_hours(0.1), truth.ppf(0.1)),
        )
        held.append([e.low <= true <= e.high for e, true in known] + [band.low[0] <= truth.sf(500.0) <= band.high[0]])
        events.append(fit.events)
        assert bool(fit.events < FEW_EVENTS) == any("few failures" in warning for warning in fit.warnings)
    assert len(held) > 0.97 * runs
    return np.mean(held, axis=0), float(np.mean(events))


@pytest.mark.parametrize("units", [10, 900])
def test_intervals_hold_the_truth_about_as_often_as_they_say(units):
    held, _ = coverage(300, units, seed=4)
    assert held == pytest.approx([0.9] * 4, abs=3.5 * math.sqrt(0.09 / 300))


@pytest.mark.validation
@pytest.mark.parametrize(("units", "low", "high"), [(9, 0.84, 0.95), (900, 0.88, 0.92)])
def test_coverage_over_two_thousand_fleets(units, low, high):
    held, events = coverage(2000, units, seed=5)
    print(f"{events:.1f} failures: {held}")
    error = 2.0 * math.sqrt(0.09 / 2000)
    assert (held >= low - error).all()
    assert (held <= high + error).all()


def test_goodness_of_fit_accepts_the_truth_and_finds_the_wrong_family():
    rng = np.random.default_rng(1)
    lives = drawn(rng, 300, shape=3.0)
    assert goodness_of_fit(fit_lifetime("Weibull", lives), rng, fleets=59).p_value > 0.05
    wrong = goodness_of_fit(fit_lifetime("exponential", lives), rng, fleets=59)
    assert wrong.p_value <= 1 / 60
    assert wrong.distance > 0.1


def test_goodness_of_fit_p_values_are_spread_evenly_under_the_truth():
    rng = np.random.default_rng(12)
    p_values = [
        goodness_of_fit(fit_lifetime("exponential", drawn(rng, 60, shape=1.0)), rng, fleets=19).p_value
        for _ in range(60)
    ]
    assert np.mean(p_values) == pytest.approx(0.525, abs=0.13)
    assert np.mean(np.array(p_values) <= 0.1) < 0.25


def test_goodness_of_fit_needs_exact_ages_and_whole_units():
    rng = np.random.default_rng(1)
    between = Lives([0, 0], [5, 10], [6, 12], [1, 1])
    with pytest.raises(IntervalCensoredError):
        goodness_of_fit(fit_lifetime("exponential", between), rng)
    with pytest.raises(IntervalCensoredError):
        probability_plot(fit_lifetime("exponential", between))
    halves = Lives.right_censored([0, 0], [5, 6], [True, True], [0.5, 1.0])
    with pytest.raises(FractionalWeightError):
        goodness_of_fit(fit_lifetime("exponential", halves), rng)


@pytest.mark.parametrize("family", ["exponential", "Weibull", "log-normal", "log-logistic", "gamma", "Gompertz"])
def test_the_fit_is_a_straight_line_within_its_band_on_its_paper(family):
    plot = probability_plot(fit_lifetime(family, drawn(np.random.default_rng(2), 200, shape=1.5)))
    slope = np.diff(plot.line_y) / np.diff(plot.line_x)
    assert slope == pytest.approx(slope[0], rel=1e-3)
    assert (plot.line_low <= plot.line_y + 1e-9).all()
    assert (plot.line_y <= plot.line_high + 1e-9).all()
    assert (np.diff(plot.point_failed) > 0).all()
    assert plot.point_x.shape == plot.point_y.shape == plot.point_hours.shape


def test_points_of_weibull_lives_lie_along_the_line():
    fit = fit_lifetime("Weibull", drawn(np.random.default_rng(3), 3000, shape=1.5))
    plot = probability_plot(fit)
    middle = (plot.point_failed > 0.1) & (plot.point_failed < 0.9)
    line = np.interp(plot.point_x[middle], plot.line_x, plot.line_y)
    assert np.abs(plot.point_y[middle] - line).max() < 0.15
