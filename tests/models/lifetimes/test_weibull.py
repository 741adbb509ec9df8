"""Weibull fits: laws, judges (lifelines, R), known truth, hostile input."""

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import WeibullFitter

from models.errors import ConfidenceOutOfRangeError, ExitBeforeEntryError, NoEventsError
from models.lifetimes.parametric.errors import NotDeterminedError
from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.weibull import fit_weibull

from .lives import any_lives, run_r, weibull_lives

SCALED_WITH_TIME = ("scale_hours", "scale_low_hours", "scale_high_hours", "mean_hours")
seeds = st.integers(0, 2**32 - 1)


def drawn(seed, units=120, shape=0.8, scale_hours=1000.0):
    return weibull_lives(np.random.default_rng(seed), units, shape, scale_hours)


@given(any_lives)
def test_any_lives_give_a_finite_ordered_answer_or_a_named_refusal(lives):
    try:
        fit = fit_weibull(*lives.columns)
    except (NoEventsError, NotDeterminedError):
        return
    assert not any(math.isnan(getattr(fit, field.name)) for field in fields(fit) if field.name != "warnings")
    assert 0 <= fit.shape_low <= fit.shape <= fit.shape_high
    assert 0 <= fit.scale_low_hours <= fit.scale_hours <= fit.scale_high_hours
    assert 0 <= fit.mean_low_hours <= fit.mean_hours <= fit.mean_high_hours
    assert 0 <= fit.km_distance <= 1


@given(seeds, st.floats(1e-3, 1e3))
@settings(max_examples=25)
def test_rescaling_time_rescales_the_scale_and_keeps_the_shape(seed, factor):
    lives = drawn(seed)
    fit = fit_weibull(*lives.columns)
    rescaled = fit_weibull(lives.entry * factor, lives.leave * factor, lives.failed)
    assert rescaled.shape == pytest.approx(fit.shape, rel=1e-5)
    for name in SCALED_WITH_TIME:
        assert getattr(rescaled, name) == pytest.approx(getattr(fit, name) * factor, rel=1e-5)
    assert rescaled.log_likelihood == pytest.approx(fit.log_likelihood - fit.events * math.log(factor), rel=1e-6)


@given(seeds)
@settings(max_examples=25)
def test_weight_two_equals_every_unit_twice(seed):
    lives = drawn(seed)
    weighted = fit_weibull(*lives.columns, weights=np.full(lives.leave.size, 2.0))
    doubled = fit_weibull(*(lives + lives).columns)
    assert (weighted.units, weighted.events) == (doubled.units, doubled.events)
    assert weighted.shape == pytest.approx(doubled.shape, rel=1e-6)
    assert weighted.shape_low == pytest.approx(doubled.shape_low, rel=1e-6)


def test_units_of_weight_zero_count_for_nothing():
    counted = fit_weibull([0, 0, 0], [1, 2, 3], [True, True, False])
    assert fit_weibull([0, 0, 0, 0], [1, 2, 3, 1e9], [True, True, False, True], weights=[1, 1, 1, 0]) == counted


@given(seeds)
@settings(max_examples=25)
def test_interval_widens_with_confidence(seed):
    narrow, wide = (fit_weibull(*drawn(seed).columns, confidence=level) for level in (0.5, 0.95))
    assert wide.shape_low < narrow.shape_low < narrow.shape_high < wide.shape_high
    assert wide.mean_low_hours < narrow.mean_low_hours < narrow.mean_high_hours < wide.mean_high_hours


@given(seeds)
@settings(max_examples=25)
def test_no_neighbouring_weibull_is_likelier(seed):
    lives = drawn(seed)
    fit = fit_weibull(*lives.columns)

    def log_likelihood(shape, scale):
        hazard = math.log(shape) - shape * math.log(scale) + (shape - 1) * np.log(lives.leave[lives.failed])
        return hazard.sum() - ((lives.leave / scale) ** shape - (lives.entry / scale) ** shape).sum()

    assert log_likelihood(fit.shape, fit.scale_hours) == pytest.approx(fit.log_likelihood)
    for shape_factor, scale_factor in [(1.01, 1), (0.99, 1), (1, 1.01), (1, 0.99), (1.01, 1.01), (0.99, 1.01)]:
        assert log_likelihood(fit.shape * shape_factor, fit.scale_hours * scale_factor) < fit.log_likelihood


@pytest.mark.parametrize(("seed", "shape"), [(1, 0.7), (2, 1.0), (3, 2.5)])
def test_fit_agrees_with_lifelines_under_left_truncation(seed, shape):
    lives = drawn(seed, units=500, shape=shape)
    fit = fit_weibull(*lives.columns, confidence=0.9)
    judge = WeibullFitter(alpha=0.1).fit(lives.leave, lives.failed, entry=lives.entry)
    assert (fit.shape, fit.scale_hours) == pytest.approx((judge.rho_, judge.lambda_), rel=1e-5)
    assert fit.log_likelihood == pytest.approx(judge.log_likelihood_, rel=1e-8)
    # lifelines' interval is symmetric in the shape itself, Wald's here in its logarithm: compare the standard error.
    wald = fit_lifetime("Weibull", Lives.right_censored(*lives.columns), 0.9, "wald").parameters["shape"]
    standard_error = math.log(wald.high / wald.value) / 1.6448536269514722 * fit.shape
    assert standard_error == pytest.approx(math.sqrt(judge.variance_matrix_.loc["rho_", "rho_"]), rel=1e-4)


@pytest.mark.needs_r
def test_fit_and_intervals_agree_with_survreg(rscript, tmp_path):
    lives = weibull_lives(np.random.default_rng(9), 300, 0.75, 1000.0, late_share=0.0)
    judge = run_r(
        rscript,
        tmp_path,
        lives,
        """
        fit <- survreg(Surv(leave, failed) ~ 1, lives, dist = "weibull",
          control = survreg.control(rel.tolerance = 1e-12))
        error <- sqrt(diag(vcov(fit)))
        write.csv(data.frame(shape = 1 / fit$scale, scale = exp(coef(fit)), loglik = fit$loglik[1],
          scale_error = error[1], shape_error = error[2]), "out.csv", row.names = FALSE)
        """,
    )
    fit = fit_weibull(*lives.columns, confidence=0.9)
    assert (fit.shape, fit.scale_hours) == pytest.approx((judge["shape"][0], judge["scale"][0]), rel=1e-6)
    assert fit.log_likelihood == pytest.approx(judge["loglik"][0], rel=1e-9)
    wald = fit_lifetime("Weibull", Lives.right_censored(*lives.columns), 0.9, "wald").parameters
    for name, error in (("shape", judge["shape_error"][0]), ("scale_hours", judge["scale_error"][0])):
        assert math.log(wald[name].high / wald[name].value) / 1.6448536269514722 == pytest.approx(error, rel=1e-5)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, shape, scale, runs = np.random.default_rng(2024), 0.75, 1000.0, 400
    fits = [fit_weibull(*weibull_lives(rng, 200, shape, scale).columns) for _ in range(runs)]
    mean = scale * math.gamma(1 + 1 / shape)
    tolerance = 3.5 * math.sqrt(0.9 * 0.1 / runs)
    for low, truth, high in [
        ("shape_low", shape, "shape_high"),
        ("scale_low_hours", scale, "scale_high_hours"),
        ("mean_low_hours", mean, "mean_high_hours"),
    ]:
        covered = np.mean([getattr(fit, low) <= truth <= getattr(fit, high) for fit in fits])
        assert covered == pytest.approx(0.9, abs=tolerance), low


def test_weibull_lives_are_hardly_ever_called_a_misfit_and_two_populations_are():
    rng = np.random.default_rng(3)
    fits = [fit_weibull(*weibull_lives(rng, 300, 0.8, 1000.0).columns) for _ in range(100)]
    called = sum("does not fit" in " ".join(fit.warnings) for fit in fits)
    assert called <= 3
    lives = weibull_lives(rng, 600, 4.0, 100.0, late_share=0) + weibull_lives(rng, 600, 4.0, 3000.0, late_share=0)
    mixed = fit_weibull(*lives.columns)
    assert "does not fit" in " ".join(mixed.warnings)
    assert mixed.km_distance > 3 * np.median([fit.km_distance for fit in fits])


def test_survival_of_the_fit_falls_from_one_and_meets_1_over_e_at_the_scale():
    fit = fit_weibull(*drawn(4).columns)
    ages = np.linspace(0, 10_000, 50)
    assert (np.diff(fit.survival(ages)) < 0).all()
    assert fit.survival([0.0, fit.scale_hours]).tolist() == pytest.approx([1.0, math.exp(-1)])


def test_few_failures_give_a_wide_interval_and_a_warning():
    fit = fit_weibull([0] * 30, [10, 50, 90] + [100] * 27, [True] * 3 + [False] * 27)
    assert fit.shape_high / fit.shape_low > 4
    assert any("few failures (3)" in warning for warning in fit.warnings)
    assert any("extrapolation" in warning for warning in fit.warnings)


@pytest.mark.parametrize("watched_hours", [1e-9, 1e-6, 1e-3])
def test_lives_watched_for_a_moment_late_in_life_give_no_nan(watched_hours):
    fit = fit_weibull([10, 10, 8], [10 + watched_hours, 10 + watched_hours / 2, 8 + 2 * watched_hours], [True] * 3)
    # The first unit enters last: at 8 h the only one at risk fails, so the Kaplan–Meier curve ends there.
    assert fit.km_distance == pytest.approx(0.632, abs=1e-3)
    assert fit.shape_low < 5.4 < fit.shape_high


def test_censored_lives_alone_are_refused_with_what_to_do_instead():
    with pytest.raises(NoEventsError, match=r"none of the 2 units failed.*poisson_rate"):
        fit_weibull([0, 0], [10, 20], [False, False])


@pytest.mark.parametrize(
    ("entry", "leave", "failed"),
    [
        ([0], [5], [True]),
        ([0, 0], [5, 5], [True, True]),
        ([0, 0], [4, 5], [False, True]),
        ([10, 10], [10 + 1e-12, 10 + 1e-12], [True, True]),
        ([1e6], [math.nextafter(1e6, 2e6)], [True]),
    ],
)
def test_lives_that_determine_no_shape_are_refused(entry, leave, failed):
    with pytest.raises(NotDeterminedError):
        fit_weibull(entry, leave, failed)


def test_impossible_input_is_refused_before_any_fit():
    with pytest.raises(ExitBeforeEntryError):
        fit_weibull([5], [5], [True])
    with pytest.raises(ConfidenceOutOfRangeError):
        fit_weibull([0, 0], [5, 6], [True, True], confidence=0.0)
