"""Risk tables and Kaplan–Meier: laws, judges (lifelines, R), known truth, hostile input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from models.errors import (
    ConfidenceOutOfRangeError,
    EmptySampleError,
    ExitBeforeEntryError,
    LengthMismatchError,
    NegativeValueError,
    NotFiniteError,
    OutsideObservationError,
    RiskSetLeakError,
    RiskSetTooSmallError,
    UnorderedTimesError,
)
from models.lifetimes.survival import RiskTable, kaplan_meier, merge_risk_tables, risk_table

from .lives import any_lives, in_hours, run_r, weibull_lives

TABLE_COLUMNS = ("time_hours", "at_risk", "events", "censored")


def assert_same_table(one, other):
    for name in TABLE_COLUMNS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-9)


@given(any_lives)
def test_survival_never_increases_and_stays_a_probability(lives):
    curve = kaplan_meier(risk_table(*lives.columns))
    assert curve.survival[0] == 1
    assert (np.diff(curve.survival) <= 0).all()
    assert ((curve.survival >= 0) & (curve.survival <= 1)).all()


@given(any_lives, st.tuples(st.floats(0.05, 0.99), st.floats(0.05, 0.99)).map(sorted))
def test_interval_holds_the_curve_and_widens_with_confidence(lives, levels):
    narrow, wide = (kaplan_meier(risk_table(*lives.columns), level) for level in levels)
    for curve in (narrow, wide):
        assert ((curve.low >= 0) & (curve.low <= curve.survival)).all()
        assert ((curve.high <= 1) & (curve.high >= curve.survival)).all()
    assert (wide.low <= narrow.low + 1e-12).all()
    assert (wide.high >= narrow.high - 1e-12).all()


@given(any_lives, st.floats(1e-3, 1e3))
def test_rescaling_time_rescales_only_the_time_axis(lives, factor):
    curve = kaplan_meier(risk_table(*lives.columns))
    # Scaled by one rounding each, so that times that tie still tie.
    rescaled = kaplan_meier(risk_table(lives.entry * factor, lives.leave * factor, lives.failed))
    np.testing.assert_allclose(rescaled.time_hours, curve.time_hours * factor, rtol=1e-12)
    np.testing.assert_array_equal(rescaled.survival, curve.survival)
    np.testing.assert_array_equal(rescaled.low, curve.low)


@given(any_lives, any_lives)
def test_merging_tables_equals_grouping_the_merged_lives(some, others):
    merged = merge_risk_tables(risk_table(*some.columns), risk_table(*others.columns))
    assert_same_table(merged, risk_table(*(some + others).columns))


@given(any_lives)
def test_weight_two_equals_every_unit_twice(lives):
    weighted = risk_table(*lives.columns, weights=np.full(lives.leave.size, 2))
    assert_same_table(weighted, risk_table(*(lives + lives).columns))


@given(any_lives)
def test_every_unit_is_counted_at_risk_after_its_entry_up_to_its_exit(lives):
    table = risk_table(*lives.columns)
    for time, at_risk in zip(table.time_hours, table.at_risk, strict=True):
        assert at_risk == ((lives.entry < time) & (time <= lives.leave)).sum()
    assert table.events.sum() == lives.failed.sum()
    assert table.censored.sum() == (~lives.failed).sum()


@given(any_lives)
def test_without_late_entry_or_censoring_the_curve_is_the_share_still_alive(lives):
    ages = lives.leave - lives.entry
    curve = kaplan_meier(risk_table(np.zeros_like(ages), ages, np.ones_like(ages)))
    alive = [(ages > time).mean() for time in curve.time_hours]
    np.testing.assert_allclose(curve.survival, alive, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_curve_agrees_with_lifelines_under_left_truncation(seed):
    # Everybody is watched from the start of some clock tick on, so that no risk set is empty in between.
    lives = in_hours(weibull_lives(np.random.default_rng(seed), 300, 0.8, 100.0), decimals=1)
    curve = kaplan_meier(risk_table(*lives.columns), confidence=0.9)
    judge = KaplanMeierFitter(alpha=0.1).fit(lives.leave, lives.failed, entry=lives.entry)
    times = np.unique(lives.leave)
    rows = np.searchsorted(curve.time_hours, times)
    np.testing.assert_allclose(curve.survival[rows], judge.predict(times), atol=1e-9)
    limits = judge.confidence_interval_survival_function_.loc[times].to_numpy()
    inside = (curve.survival[rows] < 1) & (curve.survival[rows] > 0)
    np.testing.assert_allclose(curve.low[rows][inside], limits[inside, 0], atol=1e-6)
    np.testing.assert_allclose(curve.high[rows][inside], limits[inside, 1], atol=1e-6)


@pytest.mark.needs_r
@pytest.mark.parametrize("late_share", [0.0, 0.6])
def test_curve_limits_and_median_agree_with_r(rscript, tmp_path, late_share):
    lives = in_hours(weibull_lives(np.random.default_rng(5), 250, 0.8, 100.0, late_share), decimals=1)
    judge = run_r(
        rscript,
        tmp_path,
        lives,
        """
        fit <- survfit(Surv(entry, leave, failed) ~ 1, lives, conf.int = 0.9, conf.type = "log-log")
        median <- quantile(fit, 0.5)
        write.csv(data.frame(time = fit$time, surv = fit$surv, low = fit$lower, high = fit$upper, n = fit$n.risk,
          median = median$quantile, median_low = median$lower, median_high = median$upper), "out.csv", na = "nan")
        """,
    )
    curve = kaplan_meier(risk_table(*lives.columns), confidence=0.9)
    rows = np.searchsorted(curve.time_hours, judge["time"])
    np.testing.assert_allclose(curve.time_hours[rows], judge["time"])
    np.testing.assert_allclose(curve.survival[rows], judge["surv"], atol=1e-9)
    np.testing.assert_array_equal(curve.at_risk[rows], judge["n"])
    inside = (judge["surv"] < 1) & (judge["surv"] > 0)
    assert inside.sum() > 100
    np.testing.assert_allclose(curve.low[rows][inside], judge["low"][inside], atol=1e-6)
    np.testing.assert_allclose(curve.high[rows][inside], judge["high"][inside], atol=1e-6)
    assert (curve.median_hours, curve.median_low_hours, curve.median_high_hours) == pytest.approx(
        (judge["median"][0], judge["median_low"][0], judge["median_high"][0])
    )


def test_interval_holds_the_true_survival_as_often_as_it_says():
    rng, shape, scale, age, runs = np.random.default_rng(42), 0.8, 1000.0, 600.0, 400
    truth = math.exp(-((age / scale) ** shape))
    points = [kaplan_meier(risk_table(*weibull_lives(rng, 300, shape, scale).columns)).at(age) for _ in range(runs)]
    covered = np.mean([point.low <= truth <= point.high for point in points])
    assert covered == pytest.approx(0.9, abs=3.5 * math.sqrt(0.9 * 0.1 / runs))
    assert np.mean([point.survival for point in points]) == pytest.approx(truth, abs=0.01)


def test_ignoring_late_entry_would_overstate_survival():
    lives = weibull_lives(np.random.default_rng(1), 5000, 0.8, 1000.0, late_share=0.9)
    naive = kaplan_meier(risk_table(np.zeros_like(lives.entry), lives.leave, lives.failed)).at(600.0)
    assert naive.low > math.exp(-(0.6**0.8))


def test_curve_answers_between_rows_and_refuses_beyond_the_last():
    curve = kaplan_meier(risk_table([0, 0, 0], [10, 20, 30], [True, False, False]))
    assert [curve.at(t).survival for t in (0, 9.9, 10, 25, 30)] == pytest.approx([1, 1, 2 / 3, 2 / 3, 2 / 3])
    assert [curve.at(t).at_risk for t in (0, 9.9, 10, 15, 25, 30)] == [3, 3, 3, 2, 1, 1]
    for outside in (-1.0, 30.1):
        with pytest.raises(OutsideObservationError):
            curve.at(outside)
    with pytest.raises(NotFiniteError):
        curve.at(math.nan)


def test_median_is_none_where_the_curve_does_not_reach_one_half():
    curve = kaplan_meier(risk_table([0] * 20, range(1, 21), [True] * 5 + [False] * 15))
    assert (curve.median_hours, curve.median_high_hours) == (None, None)


def test_lives_without_failures_leave_survival_one_with_the_exact_lower_bound():
    curve = kaplan_meier(risk_table([0] * 30, [100] * 30, [False] * 30), confidence=0.9)
    assert curve.at(50).survival == 1
    assert curve.at(50).high == 1
    assert curve.at(50).low == pytest.approx(0.05 ** (1 / 30))
    assert curve.median_hours is None
    assert "nothing failed" in curve.warnings[0]


def test_one_unit_that_fails_is_a_curve_from_one_to_zero_with_bounds():
    curve = kaplan_meier(risk_table([0], [100], [True]), confidence=0.9)
    assert curve.survival.tolist() == [1.0, 0.0]
    assert curve.low.tolist() == pytest.approx([0.05, 0.0])
    assert curve.high.tolist() == [1.0, 1.0]
    assert (curve.median_hours, curve.median_low_hours, curve.median_high_hours) == (100.0, 0.0, None)
    assert "rough sketch" in curve.warnings[0]


def test_curve_starts_at_one_without_a_band_before_the_first_entry():
    curve = kaplan_meier(risk_table([50, 50], [100, 200], [True, False]))
    assert (curve.at(50).at_risk, curve.at(75).at_risk) == (0, 2)
    assert curve.low[0] == 1


def test_early_failures_in_a_tiny_risk_set_are_warned_of():
    entry = [0] + [50] * 40
    curve = kaplan_meier(risk_table(entry, [10] + [100] * 40, [True] * 41))
    assert any("among only 1 at risk" in warning for warning in curve.warnings)


def test_a_thin_tail_is_warned_of_and_a_full_risk_set_is_not():
    thinning = kaplan_meier(risk_table([0] * 40, range(1, 41), [True] * 40))
    assert any("fewer than 10" in warning for warning in thinning.warnings)
    full = kaplan_meier(risk_table([0] * 40, [1] * 20 + [2] * 20, [True] * 20 + [False] * 20))
    assert full.warnings == ()


@pytest.mark.parametrize(
    ("entry", "leave", "failed", "weights", "error"),
    [
        ([], [], [], None, EmptySampleError),
        ([0], [1], [True], [0], EmptySampleError),
        ([0, 0], [1], [True], None, LengthMismatchError),
        ([0], [math.nan], [True], None, NotFiniteError),
        ([0], [1], [math.nan], None, NotFiniteError),
        ([0], [math.inf], [True], None, NotFiniteError),
        ([-1], [1], [True], None, NegativeValueError),
        ([0], [1], [True], [-1], NegativeValueError),
        ([5], [5], [True], None, ExitBeforeEntryError),
        ([5], [4], [True], None, ExitBeforeEntryError),
    ],
)
def test_impossible_lives_are_refused_by_name(entry, leave, failed, weights, error):
    with pytest.raises(error):
        risk_table(entry, leave, failed, weights)


def test_refusal_says_which_unit_is_wrong():
    with pytest.raises(ExitBeforeEntryError, match="unit 1 enters at 7 h and leaves at 3 h"):
        risk_table([0, 7], [1, 3], [True, True])


@pytest.mark.parametrize(
    ("columns", "error"),
    [
        (([2, 1], [2, 1], [1, 1], [0, 0]), UnorderedTimesError),
        (([0, 1], [2, 1], [1, 1], [0, 0]), UnorderedTimesError),
        (([1, 2], [1, 1], [2, 0], [0, 0]), RiskSetTooSmallError),
        (([1, 2], [9, 1], [1, 1], [0, 0]), RiskSetLeakError),
        (([1, 2], [2, 1], [1, -1], [0, 0]), NegativeValueError),
        (([], [], [], []), EmptySampleError),
    ],
)
def test_tables_that_contradict_themselves_are_refused_by_name(columns, error):
    with pytest.raises(error):
        RiskTable(*columns)


def test_a_table_cannot_be_changed():
    table = risk_table([0], [1], [True])
    with pytest.raises(ValueError, match="read-only"):
        table.events[0] = 5


def test_confidence_outside_its_range_is_refused():
    with pytest.raises(ConfidenceOutOfRangeError):
        kaplan_meier(risk_table([0], [1], [True]), confidence=1.0)
