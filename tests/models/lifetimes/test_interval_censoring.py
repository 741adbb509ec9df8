"""Turnbull's estimate: laws, R and a brute-force likelihood as judges, hostile input."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize

from models.errors import EmptySampleError, LengthMismatchError, NegativeValueError, NotFiniteError
from models.lifetimes.errors import IntervalOrderError
from models.lifetimes.interval_censoring import turnbull
from models.lifetimes.survival import kaplan_meier, risk_table

from .lives import Lives, any_lives, run_r


def inspected(seed, units=120, late=False):
    """Weibull lives seen at inspections of their own; some still alive at the last, some entering late."""
    rng = np.random.default_rng(seed)
    life = 100 * rng.weibull(1.3, units)
    entry = rng.uniform(0, 60, units) * (rng.random(units) < 0.5) if late else np.zeros(units)
    seen = life > entry
    life, entry = life[seen], entry[seen]
    visits = entry[:, None] + np.cumsum(rng.uniform(5, 60, (entry.size, 4)), axis=1)
    edges = np.column_stack([entry, visits, np.full(entry.size, np.inf)])
    slot = (edges < life[:, None]).sum(axis=1)
    row = np.arange(entry.size)
    return entry, edges[row, slot - 1], edges[row, slot]


@given(any_lives)
@settings(max_examples=40)
def test_exact_and_right_censored_lives_give_the_kaplan_meier_curve(lives):
    ages = lives.leave - lives.entry
    curve = turnbull(np.zeros(ages.size), ages, np.where(lives.failed, ages, np.inf))
    judge = kaplan_meier(risk_table(np.zeros(ages.size), ages, lives.failed))
    for right, survival in zip(curve.right_hours, curve.survival, strict=True):
        if np.isfinite(right):
            assert survival == pytest.approx(judge.at(right).survival, abs=1e-6)
    assert curve.gap < 1e-5


@given(st.integers(0, 10_000), st.booleans())
@example(seed=41, late=True)  # a leap emptied an interval for good
@example(seed=242, late=False)
@settings(max_examples=20)
def test_masses_are_probabilities_and_the_likelihood_is_at_its_maximum(seed, late):
    curve = turnbull(*inspected(seed, 40, late))
    assert (curve.mass >= 0).all()
    assert curve.mass.sum() == pytest.approx(1)
    assert (np.diff(curve.survival) <= 0).all()
    assert curve.gap < 1e-5
    assert (curve.right_hours[:-1] <= curve.left_hours[1:]).all()


def test_weight_two_equals_every_unit_twice():
    entry, lower, upper = inspected(1, late=True)
    weighed = turnbull(entry, lower, upper, np.full(entry.size, 2.0))
    doubled = turnbull(*(np.concatenate([column, column]) for column in (entry, lower, upper)))
    np.testing.assert_allclose(weighed.survival, doubled.survival, atol=1e-8)
    assert weighed.units == doubled.units


def test_rescaling_time_rescales_only_the_time_axis():
    entry, lower, upper = inspected(2, late=True)
    curve, scaled = turnbull(entry, lower, upper), turnbull(entry * 4, lower * 4, upper * 4)
    np.testing.assert_allclose(scaled.right_hours, curve.right_hours * 4)
    np.testing.assert_allclose(scaled.survival, curve.survival)


@pytest.mark.needs_r
@pytest.mark.parametrize("seed", [3, 4])
def test_curve_agrees_with_r(rscript, tmp_path, seed):
    entry, lower, upper = inspected(seed)
    weight = np.arange(entry.size) % 2 + 1.0
    lives = Lives(lower, np.where(np.isfinite(upper), upper, -1), weight)
    judge = run_r(
        rscript,
        tmp_path,
        lives,
        """
        # survfit stops once a step is below 5e-5, far from its own maximum: let its iteration go on.
        code <- gsub("5e-05", "1e-13", deparse(survival:::survfitTurnbull))
        assignInNamespace("survfitTurnbull", eval(parse(text = code), asNamespace("survival")), "survival")
        upper <- ifelse(lives$leave < 0, NA, lives$leave)
        lower <- ifelse(lives$entry == 0, NA, lives$entry)
        fit <- survfit(Surv(lower, upper, type = "interval2") ~ 1, weights = lives$failed)
        write.csv(data.frame(time = fit$time, surv = fit$surv), "out.csv", na = "nan")
        """,
    )
    curve = turnbull(entry, lower, upper, weight)
    assert curve.gap < 1e-5
    ends = curve.right_hours[np.isfinite(curve.right_hours) & (curve.mass > 1e-6)]
    for right in ends:
        ours = curve.survival[np.searchsorted(curve.right_hours, right)]
        theirs = judge["surv"][np.searchsorted(judge["time"], right, side="right") - 1]
        assert ours == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_no_other_masses_are_likelier_under_truncation(seed):
    entry, lower, upper = inspected(seed, 25, late=True)
    curve = turnbull(entry, lower, upper)
    inside = (curve.left_hours >= lower[:, None]) & (curve.right_hours <= upper[:, None])
    visible = curve.left_hours >= entry[:, None]

    def loss(score):
        mass = np.exp(score - score.max())
        return -(np.log(inside @ mass + 1e-300) - np.log(visible @ mass + 1e-300)).sum()

    rng = np.random.default_rng(seed)
    best = min(
        optimize.minimize(loss, rng.normal(size=curve.mass.size), method="L-BFGS-B", options={"maxiter": 2000}).fun
        for _ in range(5)
    )
    assert -curve.log_likelihood <= best + 1e-6
    assert -curve.log_likelihood == pytest.approx(loss(np.log(curve.mass + 1e-300)), abs=1e-6)


def test_the_bootstrap_interval_holds_the_curve_and_no_generator_means_no_interval():
    columns = inspected(8, 60)
    curve = turnbull(*columns, rng=np.random.default_rng(1), resamples=40)
    assert (curve.low <= curve.survival).all()
    assert (curve.survival <= curve.high).all()
    bare = turnbull(*columns)
    assert bare.low is None
    assert any("no interval" in warning for warning in bare.warnings)


@pytest.mark.parametrize(
    ("entry", "lower", "upper", "weights", "error"),
    [
        ([0], [5], [4], None, IntervalOrderError),
        ([5], [4], [6], None, IntervalOrderError),
        ([5], [5], [5], None, IntervalOrderError),
        ([0], [np.nan], [4], None, NotFiniteError),
        ([0], [1], [np.nan], None, NotFiniteError),
        ([0], [np.inf], [np.inf], None, NotFiniteError),
        ([-1], [1], [2], None, NegativeValueError),
        ([0, 0], [1], [2], None, LengthMismatchError),
        ([], [], [], None, EmptySampleError),
        ([0], [1], [2], [0], EmptySampleError),
    ],
)
def test_impossible_inspections_are_refused_by_name(entry, lower, upper, weights, error):
    with pytest.raises(error):
        turnbull(entry, lower, upper, weights)


def test_units_that_are_all_still_alive_leave_all_mass_beyond_the_last_look():
    curve = turnbull([0, 0], [10, 20], [np.inf, np.inf])
    assert (curve.left_hours.tolist(), curve.right_hours.tolist()) == ([20.0], [np.inf])
