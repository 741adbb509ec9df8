"""Spares forecasts: laws, closed forms, and how often the interval holds what then happens."""

import math

import numpy as np
import pytest
from scipy import stats

from models.errors import ModelError, NotACountError
from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.piecewise import PiecewiseExponential
from models.lifetimes.spares import spares_forecast, spares_from_rate

from .lives import weibull_lives

SHAPE, SCALE = 1.5, 1000.0


def drawn(rng, units=150, shape=SHAPE):
    return Lives.right_censored(*weibull_lives(rng, units, shape, SCALE).columns)


def known(shape=SHAPE):
    """A fit so well supported that only chance is left."""
    return fit_lifetime("Weibull", drawn(np.random.default_rng(0), 200_000, shape), interval_method="wald")


@pytest.mark.parametrize("replaced", [False, True])
def test_prediction_intervals_hold_what_happens(replaced):
    rng, held, runs = np.random.default_rng(8), 0, 120
    for _ in range(runs):
        fit = fit_lifetime("Weibull", drawn(rng))
        ages, horizon = rng.uniform(0, 800, 80), 300.0
        forecast = spares_forecast(fit, ages, horizon, rng, replaced=replaced, draws=600)
        gone = SCALE * ((ages / SCALE) ** SHAPE + rng.exponential(size=80)) ** (1 / SHAPE) - ages
        happened = (gone < horizon).sum()
        while replaced and (gone < horizon).any():
            gone = gone[gone < horizon]
            gone = gone + SCALE * rng.weibull(SHAPE, gone.size)
            happened += (gone < horizon).sum()
        held += forecast.low <= happened <= forecast.high
    assert held / runs >= 0.88 - 2 * math.sqrt(0.09 / runs)


def test_without_parameter_uncertainty_the_forecast_is_binomial():
    fit = known()
    forecast = spares_forecast(fit, [500.0], 200.0, np.random.default_rng(1), counts=[400])
    chance = 1 - fit.conditional_survival([700.0], 500.0).value[0]
    assert forecast.failures == pytest.approx(400 * chance, rel=0.02)
    judge = stats.binom(400, chance)
    assert (forecast.low, forecast.high) == pytest.approx(judge.ppf([0.05, 0.95]), abs=2)
    assert forecast.spares_for(0.95) == forecast.high


def test_replaced_units_of_constant_hazard_fail_as_a_poisson_process():
    fit = known(shape=1.0)
    forecast = spares_forecast(fit, [0.0, 400.0], 3000.0, np.random.default_rng(2), counts=[20, 20], replaced=True)
    assert forecast.failures == pytest.approx(40 * 3000 / SCALE, rel=0.03)
    assert (forecast.low, forecast.high) == pytest.approx(stats.poisson(120).ppf([0.05, 0.95]), abs=4)
    without = spares_forecast(fit, [0.0, 400.0], 3000.0, np.random.default_rng(2), counts=[20, 20])
    assert without.high <= 40


def test_fewer_failures_to_learn_from_widen_the_interval():
    rng = np.random.default_rng(4)
    ages = np.full(100, 300.0)
    widths = []
    for units in (12, 5000):
        forecast = spares_forecast(fit_lifetime("Weibull", drawn(rng, units)), ages, 300.0, rng, draws=1000)
        widths.append(forecast.high - forecast.low)
    assert widths[0] > widths[1]


def test_counts_are_units_and_probabilities_add_up():
    fit = fit_lifetime("log-normal", drawn(np.random.default_rng(5)))
    one = spares_forecast(fit, [100.0, 100.0], 500.0, np.random.default_rng(1), draws=8000)
    other = spares_forecast(fit, [100.0], 500.0, np.random.default_rng(1), counts=[2], draws=8000)
    assert one.failures == pytest.approx(other.failures, rel=0.05)
    assert one.probability.sum() == pytest.approx(1.0)
    assert one.units == other.units == 2.0


def test_a_piecewise_hazard_forecasts_also_where_nothing_failed():
    lives = Lives.right_censored([0] * 4, [10.0, 20.0, 400.0, 400.0], [True, True, False, False])
    fit = fit_lifetime(PiecewiseExponential((100.0,)), lives)
    forecast = spares_forecast(fit, [150.0], 100.0, np.random.default_rng(1), counts=[50])
    assert forecast.low == 0
    assert forecast.high > 0


def test_a_forecast_beyond_the_longest_life_says_so():
    fit = fit_lifetime("Weibull", drawn(np.random.default_rng(5)))
    forecast = spares_forecast(fit, [0.0], 1e5, np.random.default_rng(1), draws=100)
    assert "extrapolated" in " ".join(forecast.warnings)


@pytest.mark.parametrize("expected", [2.0, 20.0])
def test_limits_from_a_rate_hold_at_least_as_often_as_they_say(expected):
    counts = np.arange(stats.poisson(expected).ppf(1 - 1e-9) + 1)
    chance = stats.poisson(expected).pmf(counts)
    holds = 0.0
    for seen, weight in zip(counts.astype(int), chance, strict=True):
        forecast = spares_from_rate(int(seen), 1000.0, 10, 100.0)
        holds += weight * (stats.poisson(expected).cdf(forecast.high) - stats.poisson(expected).cdf(forecast.low - 1))
    assert holds >= 0.9


def test_no_failures_so_far_still_bound_the_future():
    forecast = spares_from_rate(0, 1000.0, 10, 100.0)
    assert forecast.low == 0
    assert forecast.high == 4  # P(4 or more of the next | none before) is 1/16, 5 or more 1/32
    assert "nothing failed" in forecast.warnings[0]


def test_impossible_questions_are_refused():
    fit = fit_lifetime("Weibull", drawn(np.random.default_rng(5)))
    rng = np.random.default_rng(1)
    with pytest.raises(NotACountError):
        spares_forecast(fit, [1.0], 10.0, rng, counts=[1.5])
    for ages, horizon in (([-1.0], 10.0), ([math.nan], 10.0), ([1.0], 0.0), ([1.0], math.nan), ([], 10.0)):
        with pytest.raises(ModelError):
            spares_forecast(fit, ages, horizon, rng)
    with pytest.raises(ModelError):
        spares_from_rate(3, 0.0, 10, 100.0)
