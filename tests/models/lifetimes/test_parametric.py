"""Lifetime distributions: the laws that every fit obeys, and hostile input."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.errors import ConfidenceOutOfRangeError, EmptySampleError, ModelError, NegativeValueError, NoEventsError
from models.lifetimes.parametric.compare import compare_families
from models.lifetimes.parametric.errors import (
    CutPointsError,
    IntervalCensoredError,
    NotDeterminedError,
    NoUpperBoundGivenError,
    ShareOutOfRangeError,
    UnknownFamilyError,
    UpperBeforeLowerError,
)
from models.lifetimes.parametric.fit import FAMILIES, fit_lifetime
from models.lifetimes.parametric.lifetime_fit import FEW_EVENTS
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.piecewise import PiecewiseExponential
from models.lifetimes.parametric.threshold import WeibullWithLocation

from .lives import any_lives, weibull_lives

seeds = st.integers(0, 2**32 - 1)
every_family = pytest.mark.parametrize("family", list(FAMILIES))
two_parameters = pytest.mark.parametrize("family", ["Weibull", "log-normal", "log-logistic", "Gompertz"])


def drawn(seed, units=200, shape=1.3, late_share=0.5):
    return Lives.right_censored(*weibull_lives(np.random.default_rng(seed), units, shape, 1000.0, late_share).columns)


def inspected(lives, every_hours):
    """The same lives, whose failures are found at the next inspection."""
    lower = np.floor(lives.lower_hours / every_hours) * every_hours
    failed = lives.failed
    return Lives(
        lives.entry_hours,
        np.where(failed, np.maximum(lower, lives.entry_hours), lives.lower_hours),
        np.where(failed, lower + every_hours, np.inf),
        lives.weights,
    )


@every_family
@given(any_lives)
@settings(max_examples=25, deadline=None)
def test_any_lives_give_an_ordered_answer_or_a_named_refusal(family, lives):
    try:
        fit = fit_lifetime(family, Lives.right_censored(*lives.columns))
    except (NoEventsError, NotDeterminedError):
        return
    assert np.isfinite(fit.log_likelihood)
    estimates = [*fit.parameters.values(), fit.median_hours, fit.mean_hours, fit.quantile_hours(0.1)]
    for estimate in estimates:
        assert estimate.low <= estimate.value <= estimate.high
    ages = np.linspace(0.0, 100.0, 30)
    band = fit.survival(ages)
    for curve in (band.low, band.value, band.high):
        assert ((curve >= 0) & (curve <= 1)).all()
    assert (np.diff(band.value) <= 1e-12).all()
    assert (band.low <= band.value).all()
    assert (band.value <= band.high).all()
    hazard = fit.hazard(ages[1:])
    assert (hazard.value >= 0).all()
    assert not np.isnan(np.concatenate([hazard.low, hazard.value, hazard.high])).any()


@every_family
@pytest.mark.parametrize("factor", [1e-3, 37.0, 8766.0])
def test_rescaling_time_rescales_times_and_keeps_shapes_and_aic_differences(family, factor):
    lives = drawn(3)
    scaled = Lives(lives.entry_hours * factor, lives.lower_hours * factor, lives.upper_hours * factor, lives.weights)
    fit, other = fit_lifetime(family, lives), fit_lifetime(family, scaled)
    for parameter in fit.family.parameters:
        before, after = fit.parameters[parameter.name], other.parameters[parameter.name]
        for part in ("value", "low", "high"):
            expected = getattr(before, part) * factor**parameter.hours_power
            if parameter.link == "log-hours":
                expected = getattr(before, part) + math.log(factor)
            assert getattr(after, part) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert other.median_hours.value == pytest.approx(fit.median_hours.value * factor, rel=1e-6)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood - fit.events * math.log(factor), abs=1e-6)
    assert other.aic - fit.aic == pytest.approx(2.0 * fit.events * math.log(factor), abs=1e-5)


@every_family
def test_merging_like_lives_into_weights_leaves_the_fit(family):
    lives = drawn(3)
    twice = Lives(
        *(np.repeat(column, 2) for column in (lives.entry_hours, lives.lower_hours, lives.upper_hours)),
        np.ones(2 * lives.weights.size),
    )
    weighted = Lives(lives.entry_hours, lives.lower_hours, lives.upper_hours, 2.0 * lives.weights)
    one, other = fit_lifetime(family, twice), fit_lifetime(family, weighted)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-6)
    assert (one.events, one.units) == (other.events, other.units)
    for name, estimate in one.parameters.items():
        same = other.parameters[name]
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
            (same.value, same.low, same.high), rel=1e-4
        )


@given(seeds, st.sampled_from([0.5, 1.0, 2.5]), st.sampled_from([0.0, 0.5]))
@settings(max_examples=20, deadline=None)
def test_the_generalised_gamma_is_never_less_likely_than_its_members(seed, shape, late_share):
    lives = drawn(seed, units=80, shape=shape, late_share=late_share)
    try:
        general = fit_lifetime("generalised gamma", lives).log_likelihood
    except NotDeterminedError:
        return
    for member in ("Weibull", "log-normal", "gamma", "exponential"):
        assert general >= fit_lifetime(member, lives).log_likelihood - 1e-6


def test_the_generalised_gamma_becomes_its_members_at_their_parameters():
    general, ages = FAMILIES["generalised gamma"], np.array([1e-3, 0.2, 1.0, 3.0, 30.0])
    sigma = 0.7
    for member, q, theta in [
        ("Weibull", 1.0, [0.3, -math.log(sigma)]),
        ("log-normal", 0.0, [0.3, math.log(sigma)]),
        ("gamma", sigma, [0.3 + 2.0 * math.log(sigma), -2.0 * math.log(sigma)]),
    ]:
        asked = np.array([0.3, math.log(sigma), q])
        for function in ("log_survival", "log_density", "log_hazard"):
            expected = getattr(FAMILIES[member], function)(ages, np.array(theta))
            assert getattr(general, function)(ages, asked) == pytest.approx(expected, rel=1e-3), (member, function)


@every_family
@given(st.floats(-2.0, 2.0), st.floats(-1.0, 1.0), st.floats(-2.0, 2.0))
@example(0.0, 0.0, -0.03125)
@example(0.0, 0.0, -1e-3)
@settings(max_examples=40, deadline=None)
def test_age_at_inverts_survival_far_into_both_tails(family, first, second, third):
    member = FAMILIES[family]
    theta = np.array([first, second, third])[: len(member.parameters)]
    log_survival = -np.array([1e-9, 1e-3, 0.5, 5.0, 50.0, 2000.0])
    ages = member.age_at(log_survival, theta)
    reached = np.isfinite(ages) & (ages > 0)
    assert (np.diff(ages[reached]) >= 0).all()
    found = member.log_survival(ages, theta)
    assert found[reached] == pytest.approx(log_survival[reached], rel=1e-6)


@every_family
def test_hazard_is_the_slope_of_the_cumulative_hazard(family):
    member = FAMILIES[family]
    theta = np.array([0.2, -0.3, 0.8])[: len(member.parameters)]
    ages, step = np.array([0.05, 0.5, 1.0, 4.0]), 1e-5
    rise = member.log_survival(ages * (1 - step), theta) - member.log_survival(ages * (1 + step), theta)
    assert rise / (2 * step * ages) == pytest.approx(np.exp(member.log_hazard(ages, theta)), rel=1e-6)
    spread = np.exp(member.log_density_given(np.full_like(ages, 0.02), ages, theta))
    reached = member.log_survival(np.array([0.02]), theta)
    assert spread == pytest.approx(np.exp(member.log_density(ages, theta) - reached), rel=1e-9)


@pytest.mark.parametrize("family", ["Weibull", "log-normal", "gamma", "generalised gamma", "log-logistic"])
def test_mean_residual_life_is_the_integral_of_survival(family):
    from scipy import integrate

    fit = fit_lifetime(family, drawn(1, shape=2.5))
    for age in (0.0, 700.0):
        integral, _ = integrate.quad(
            lambda t, age=age: fit.conditional_survival([t], age).value[0], age, math.inf, limit=400
        )
        assert fit.mean_residual_life(age).value == pytest.approx(integral, rel=1e-5)


def test_weibull_mean_is_its_closed_form():
    fit = fit_lifetime("Weibull", drawn(2, shape=0.7))
    scale, shape = (fit.parameters[name].value for name in ("scale_hours", "shape"))
    assert fit.mean_hours.value == pytest.approx(scale * math.gamma(1 + 1 / shape), rel=1e-9)


@two_parameters
def test_intervals_widen_with_confidence_and_agree_with_wald_for_many_failures(family):
    lives = drawn(8, units=4000, late_share=0.2)
    narrow, wide = (fit_lifetime(family, lives, level).quantile_hours(0.1) for level in (0.5, 0.95))
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    wald = fit_lifetime(family, lives, 0.95, "wald").quantile_hours(0.1)
    assert (wald.low, wald.high) == pytest.approx((wide.low, wide.high), rel=0.01)


def test_likelihood_limits_are_where_the_profile_has_fallen_by_the_stated_drop():
    from scipy import optimize

    lives = drawn(11, units=25)
    fit = fit_lifetime("Weibull", lives)
    shape = fit.parameters["shape"]
    drop = fit.region.drop
    observed = lives.lower_hours[lives.failed]

    def profile(shape):
        accrued = (lives.lower_hours**shape - lives.entry_hours**shape).sum()
        scale = (accrued / observed.size) ** (1 / shape)
        return (math.log(shape / scale) + (shape - 1) * np.log(observed / scale)).sum() - observed.size

    assert profile(shape.value) == pytest.approx(fit.log_likelihood, abs=1e-9)
    low, high = (
        optimize.brentq(lambda s: profile(s) - fit.log_likelihood + drop, *bracket)
        for bracket in ((0.1, shape.value), (shape.value, 20.0))
    )
    assert (shape.low, shape.high) == pytest.approx((low, high), rel=2e-3)


def test_interval_censoring_tends_to_the_exact_fit_as_inspections_become_frequent():
    lives = drawn(4, units=400)
    exact = fit_lifetime("Weibull", lives).parameters["shape"].value
    errors = [
        abs(fit_lifetime("Weibull", inspected(lives, hours)).parameters["shape"].value - exact)
        for hours in (300, 30, 3)
    ]
    assert errors[2] < 0.002
    assert errors[2] < errors[0]


def test_lives_over_before_their_first_inspection_count_as_failures():
    found = Lives([0.0] * 40, [0.0] * 20 + [100.0] * 20, [100.0] * 20 + [math.inf] * 20, np.ones(40))
    fit = fit_lifetime("exponential", found)
    assert fit.median_hours.value == pytest.approx(100.0, rel=1e-6)
    assert fit.log_likelihood == pytest.approx(40 * math.log(0.5), abs=1e-9)


def test_the_location_stays_below_its_bound_and_helps_lives_that_begin_late():
    rng = np.random.default_rng(6)
    ages = 500.0 + 1000.0 * rng.weibull(1.5, 300)
    lives = Lives.right_censored(np.zeros(300), ages, np.ones(300))
    moved = fit_lifetime(WeibullWithLocation(505.0), lives)
    location = moved.parameters["location_hours"]
    assert 0.0 <= location.low <= location.value <= location.high <= 505.0
    assert location.low > 400.0
    assert moved.log_likelihood > fit_lifetime("Weibull", lives).log_likelihood + 10
    assert moved.survival([300.0]).value[0] == 1.0
    assert moved.mean_hours.value == pytest.approx(ages.mean(), rel=0.01)
    scale, shape = (moved.parameters[name].value for name in ("scale_hours", "shape"))
    brute = (
        math.log(shape / scale)
        + (shape - 1) * np.log((ages - location.value) / scale)
        - ((ages - location.value) / scale) ** shape
    ).sum()
    assert moved.log_likelihood == pytest.approx(brute, abs=1e-6)


def test_a_location_at_zero_is_the_plain_weibull():
    lives = drawn(7, shape=0.8)
    first = lives.lower_hours[lives.failed].min()
    moved = fit_lifetime(WeibullWithLocation(float(first) * 1e-6), lives)
    assert moved.log_likelihood == pytest.approx(fit_lifetime("Weibull", lives).log_likelihood, abs=1e-3)


@pytest.mark.parametrize("bound", [1e9, -1.0, 0.0, math.nan])
def test_a_location_without_a_usable_bound_is_refused(bound):
    with pytest.raises(ModelError):
        fit_lifetime(WeibullWithLocation(bound), drawn(7))
    with pytest.raises(NoUpperBoundGivenError, match="without limit"):
        fit_lifetime(WeibullWithLocation(1e9), drawn(7))


def test_a_falling_gompertz_says_that_it_is_defective():
    rng = np.random.default_rng(3)
    ages = np.minimum(np.where(rng.random(500) < 0.3, rng.exponential(50.0, 500), 1e9), 1000.0)
    fit = fit_lifetime("Gompertz", Lives.right_censored(np.zeros(500), ages, ages < 1000.0))
    assert math.isinf(fit.mean_hours.value)
    assert math.isinf(fit.quantile_hours(0.9).value)
    assert "defective" in " ".join(fit.warnings)
    assert "no mean life exists" in " ".join(fit.warnings)
    assert fit.survival([1e9]).value[0] == pytest.approx(0.7, abs=0.05)


def test_few_failures_and_extrapolation_are_said():
    few = fit_lifetime("Weibull", Lives.right_censored([0] * 30, [10, 50, 90] + [100] * 27, [True] * 3 + [False] * 27))
    assert any(f"few failures ({3})" in warning for warning in few.warnings)
    assert any("extrapolation" in warning for warning in few.warnings)
    assert few.events < FEW_EVENTS


def test_families_are_ranked_and_refusals_told():
    lives = drawn(9, units=400, shape=3.0)
    table = compare_families(lives, ["exponential", "Weibull", "log-normal", PiecewiseExponential((1e9,))])
    assert table.best.family.name == "Weibull"
    assert [row.aic for row in table.ranked] == sorted(row.aic for row in table.ranked)
    assert math.fsum(row.akaike_weight for row in table.ranked) == pytest.approx(1.0)
    assert table.ranked[0].delta_aic == 0.0
    assert [refusal.family for refusal in table.refused] == ["piecewise exponential"]
    assert "nobody was watched" in table.refused[0].reason


def test_families_that_tell_the_same_are_said_to():
    assert "apart" in " ".join(compare_families(drawn(2, units=40)).warnings)
    with pytest.raises(NoEventsError):
        compare_families(Lives.right_censored([0], [5], [False]))


@every_family
@pytest.mark.parametrize("lives", [([0] * 3, [5] * 3, [True] * 3), ([0, 0], [4, 5], [False, True])])
def test_failures_all_at_the_last_time_determine_no_shape(family, lives):
    if family == "exponential":
        assert fit_lifetime(family, Lives.right_censored(*lives)).events > 0
        return
    with pytest.raises(NotDeterminedError, match="determine"):
        fit_lifetime(family, Lives.right_censored(*lives))


def test_impossible_lives_are_refused_before_any_fit():
    with pytest.raises(UpperBeforeLowerError, match="life 1"):
        Lives([0, 0], [5, 6], [5, 4], [1, 1])
    with pytest.raises(UpperBeforeLowerError):
        Lives([5], [5], [5], [1])
    with pytest.raises(NegativeValueError):
        Lives([0], [5], [5], [-1])
    with pytest.raises(EmptySampleError):
        Lives([0], [5], [5], [0])
    with pytest.raises(ModelError):
        Lives([0], [math.nan], [5], [1])
    with pytest.raises(ModelError):
        Lives([0], [1], [math.nan], [1])


def test_impossible_questions_are_refused():
    lives = drawn(1)
    with pytest.raises(UnknownFamilyError, match="Gumbel"):
        fit_lifetime("Gumbel", lives)
    with pytest.raises(ConfidenceOutOfRangeError):
        fit_lifetime("Weibull", lives, 1.0)
    with pytest.raises(NoEventsError):
        fit_lifetime("Weibull", Lives.right_censored([0, 0], [5, 6], [False, False]))
    with pytest.raises(ShareOutOfRangeError):
        fit_lifetime("Weibull", lives).quantile_hours(1.0)
    with pytest.raises(NegativeValueError):
        fit_lifetime("Weibull", lives).survival([-1.0])
    with pytest.raises(IntervalCensoredError):
        fit_lifetime(PiecewiseExponential((300.0,)), inspected(lives, 100.0))
    for cuts in ((), (5.0, 5.0), (-1.0,), (math.inf,)):
        with pytest.raises(CutPointsError):
            PiecewiseExponential(cuts)
