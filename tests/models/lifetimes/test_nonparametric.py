"""Nelson–Aalen, Aalen–Johansen, restricted means and log-rank: laws, R as judge, hostile input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import (
    ConfidenceOutOfRangeError,
    LengthMismatchError,
    NotPositiveError,
    UnorderedTimesError,
    ZeroExposureError,
)
from models.lifetimes.competing_risks import CauseTable, aalen_johansen, cause_table
from models.lifetimes.errors import (
    CausesDisagreeError,
    HorizonBeyondDataError,
    NothingToCompareError,
    TooFewGroupsError,
    UnknownCauseError,
)
from models.lifetimes.log_rank import log_rank
from models.lifetimes.nelson_aalen import binned_hazard, nelson_aalen
from models.lifetimes.restricted_mean import restricted_mean, restricted_mean_difference
from models.lifetimes.survival import kaplan_meier, merge_risk_tables, risk_table

from .lives import any_lives, in_hours, run_r, weibull_lives

Z = 1.6448536269514722


def drawn(seed, late_share=0.5, units=250, decimals=0):
    return in_hours(weibull_lives(np.random.default_rng(seed), units, 0.8, 100.0, late_share), decimals)


def causes_of(lives):
    kind = np.arange(lives.leave.size) % 3
    names = np.array(["link", "memory", "power"])[kind]
    return [str(name) if failed else None for name, failed in zip(names, lives.failed, strict=True)]


@given(any_lives, st.integers(1, 5))
def test_the_fast_ways_to_count_equal_the_weighed_way_and_each_other(lives, weight):
    counted = risk_table(*lives.columns, weights=np.full(lives.leave.size, weight))
    shifted = lives.entry * 1.37, lives.leave * 1.37, lives.failed  # no whole hours: sorted, not counted
    for late in (True, False):
        by_hour = risk_table(*lives.columns, late_entries=late)
        ordered = risk_table(*shifted, late_entries=late)
        weighed = risk_table(*shifted, weights=np.full(lives.leave.size, weight), late_entries=late)
        np.testing.assert_array_equal(by_hour.time_hours * 1.37, ordered.time_hours)
        for name in ("at_risk", "events", "censored"):
            np.testing.assert_array_equal(getattr(by_hour, name), getattr(ordered, name))
            np.testing.assert_allclose(getattr(by_hour, name) * weight, getattr(weighed, name))
    assert counted.events.sum() == weight * lives.failed.sum()
    exits = np.isin(counted.time_hours, by_hour.time_hours)
    np.testing.assert_array_equal(counted.at_risk[exits], weight * by_hour.at_risk)


@given(any_lives, st.sampled_from(["nelson", "fleming-harrington"]))
def test_the_cumulative_hazard_rises_within_its_limits(lives, ties):
    hazard = nelson_aalen(risk_table(*lives.columns), ties=ties)
    assert (np.diff(hazard.cumulative_hazard) >= 0).all()
    assert (np.diff(hazard.variance) >= 0).all()
    assert (hazard.low <= hazard.cumulative_hazard).all()
    assert (hazard.cumulative_hazard <= hazard.high).all()
    assert not np.isnan(hazard.high).any()


@given(any_lives)
def test_survival_lies_below_the_exponential_of_the_hazard(lives):
    table = risk_table(*lives.columns)
    bound = np.exp(-nelson_aalen(table).cumulative_hazard)
    assert (kaplan_meier(table).survival <= bound + 1e-12).all()


def test_ties_of_many_units_equal_the_sum_written_out():
    for n, d in [(50, 7), (20_000, 3000), (20_000, 19_000), (9, 9)]:
        table = risk_table([0, 0], [1, 2], [True, False], weights=[d, n - d])
        hazard = nelson_aalen(table, ties="fleming-harrington")
        steps = 1.0 / (n - np.arange(d))
        assert hazard.cumulative_hazard[1] == pytest.approx(steps.sum(), rel=1e-9)
        assert hazard.variance[1] == pytest.approx((steps**2).sum(), rel=1e-7)


@pytest.mark.needs_r
@pytest.mark.parametrize("late_share", [0.0, 0.6])
def test_hazard_plain_limits_and_restricted_mean_agree_with_r(rscript, tmp_path, late_share):
    lives = drawn(3, late_share)
    judge = run_r(
        rscript,
        tmp_path,
        lives,
        """
        lives$w <- seq_len(nrow(lives)) %% 3 + 1
        plain <- survfit(Surv(entry, leave, failed) ~ 1, lives, weights = w, conf.int = 0.9, conf.type = "plain")
        loglog <- survfit(Surv(entry, leave, failed) ~ 1, lives, weights = w, conf.int = 0.9, conf.type = "log-log")
        many <- lives[rep(seq_len(nrow(lives)), lives$w), ]
        fh <- survfit(Surv(entry, leave, failed) ~ 1, many, ctype = 2)
        mean <- summary(plain, rmean = 80)$table
        write.csv(data.frame(time = plain$time, surv = plain$surv, low = plain$lower, high = plain$upper,
          loglow = loglog$lower, loghigh = loglog$upper, h = plain$cumhaz, s = plain$std.chaz, h2 = fh$cumhaz,
          s2 = fh$std.chaz, rmean = mean["rmean"], se = mean["se(rmean)"]), "out.csv", na = "nan")
        """,
    )
    table = risk_table(*lives.columns, weights=np.arange(1, lives.leave.size + 1) % 3 + 1)
    curve = kaplan_meier(table, 0.9, interval="greenwood")
    rows = np.searchsorted(curve.time_hours, judge["time"])
    inside = (judge["surv"] < 1) & (judge["surv"] > 0)
    np.testing.assert_allclose(curve.survival[rows], judge["surv"], atol=1e-9)
    np.testing.assert_allclose(curve.low[rows][inside], judge["low"][inside], atol=1e-6)
    np.testing.assert_allclose(curve.high[rows][inside], judge["high"][inside], atol=1e-6)
    curve = kaplan_meier(table, 0.9)
    np.testing.assert_allclose(curve.low[rows][inside], judge["loglow"][inside], atol=1e-6)
    np.testing.assert_allclose(curve.high[rows][inside], judge["loghigh"][inside], atol=1e-6)
    for ties, h, s in [("nelson", "h", "s"), ("fleming-harrington", "h2", "s2")]:
        hazard = nelson_aalen(table, ties=ties)
        np.testing.assert_allclose(hazard.cumulative_hazard[rows], judge[h], rtol=1e-6)
        np.testing.assert_allclose(np.sqrt(hazard.variance[rows]), judge[s], rtol=1e-6)
    mean = restricted_mean(table, 80.0)
    assert mean.mean_hours == pytest.approx(judge["rmean"][0], rel=1e-6)
    assert np.sqrt(mean.variance) == pytest.approx(judge["se"][0], rel=1e-6)


@given(any_lives)
def test_bins_hold_all_events_and_all_exposure(lives):
    binned = binned_hazard(risk_table(*lives.columns), np.arange(0, 70, 10))
    assert binned.events.sum() == lives.failed.sum()
    assert binned.exposure_hours.sum() == pytest.approx((lives.leave - lives.entry).sum())
    assert (binned.low_per_hour <= binned.rate_per_hour).all()
    assert (binned.rate_per_hour < binned.high_per_hour).all()


def test_bins_nobody_was_watched_in_are_left_out_with_a_warning_and_none_at_all_is_refused():
    table = risk_table([50, 50], [60, 70], [True, False])
    binned = binned_hazard(table, [0, 20, 60, 100])
    assert binned.start_hours.tolist() == [20, 60]
    assert "left out" in binned.warnings[0]
    assert binned.high_per_hour[1] == pytest.approx(-np.log(0.05) / 10)
    with pytest.raises(ZeroExposureError):
        binned_hazard(table, [100, 200])
    for edges in ([10], [10, 10], [20, 10]):
        with pytest.raises(UnorderedTimesError):
            binned_hazard(table, edges)


@given(any_lives)
def test_incidences_of_all_causes_add_up_to_what_kaplan_meier_lost(lives):
    table = cause_table(lives.entry, lives.leave, causes_of(lives))
    incidences = [aalen_johansen(table, cause) for cause in table.causes]
    total = sum((found.incidence for found in incidences), np.zeros(table.risk.time_hours.size + 1))
    np.testing.assert_allclose(total, 1 - kaplan_meier(table.risk).survival, atol=1e-9)
    for found in incidences:
        assert (np.diff(found.incidence) >= 0).all()
        assert (found.variance >= 0).all()
        assert ((found.low >= 0) & (found.low <= found.incidence + 1e-12)).all()
        assert ((found.high <= 1) & (found.high >= found.incidence - 1e-12)).all()


@given(any_lives)
def test_a_single_cause_has_kaplan_meiers_own_variance(lives):
    table = cause_table(lives.entry, lives.leave, ["any" if failed else None for failed in lives.failed])
    if not table.causes:
        return
    left = table.risk.at_risk - table.risk.events
    jumps = np.divide(table.risk.events, table.risk.at_risk * left, out=np.zeros_like(left), where=left > 0)
    curve = kaplan_meier(table.risk)
    expected = curve.survival**2 * np.append(0.0, np.cumsum(jumps))
    np.testing.assert_allclose(aalen_johansen(table, "any").variance, expected, atol=1e-9)


@given(any_lives, any_lives)
def test_weight_two_equals_every_life_twice_by_cause(some, others):
    lives = some + others
    names = causes_of(lives)
    weighed = cause_table(lives.entry, lives.leave, names, weights=np.full(lives.leave.size, 2))
    doubled = cause_table(*(lives + lives).columns[:2], names + names)
    assert weighed.causes == doubled.causes
    np.testing.assert_array_equal(weighed.events, doubled.events)


@pytest.mark.needs_r
@pytest.mark.parametrize("late_share", [0.0, 0.6])
def test_cumulative_incidence_agrees_with_r(rscript, tmp_path, late_share):
    lives = drawn(8, late_share)
    judge = run_r(
        rscript,
        tmp_path,
        lives,
        """
        end <- ifelse(lives$failed == 1, (seq_len(nrow(lives)) - 1) %% 3 + 1, 0)
        lives$end <- factor(end, 0:3, c("censored", "link", "memory", "power"))
        lives$id <- seq_len(nrow(lives))
        fit <- survfit(Surv(entry, leave, end) ~ 1, lives, id = id, conf.int = 0.9, conf.type = "log-log")
        write.csv(data.frame(time = fit$time, p = fit$pstate[, 3], s = fit$std.err[, 3], low = fit$lower[, 3],
          high = fit$upper[, 3]), "out.csv", na = "nan")
        """,
    )
    found = aalen_johansen(cause_table(lives.entry, lives.leave, causes_of(lives)), "memory", 0.9)
    rows = np.searchsorted(found.time_hours, judge["time"])
    np.testing.assert_allclose(found.incidence[rows], judge["p"], atol=1e-9)
    error = np.sqrt(found.variance[rows])
    if late_share:  # R's jackknife looks at each life's own entry
        np.testing.assert_allclose(error, judge["s"], rtol=0.15)
        return
    np.testing.assert_allclose(error, judge["s"], atol=1e-6)
    inside = judge["p"] > 0
    np.testing.assert_allclose(found.low[rows][inside], judge["low"][inside], atol=1e-6)
    np.testing.assert_allclose(found.high[rows][inside], judge["high"][inside], atol=1e-6)


def test_the_variance_is_that_of_repeated_samples_with_delayed_entry():
    rng, at = np.random.default_rng(4), 60.0
    found = []
    for _ in range(400):
        lives = weibull_lives(rng, 200, 1.2, 100.0)
        kind = rng.random(lives.leave.size) < 0.4
        names = [("a" if a else "b") if failed else None for a, failed in zip(kind, lives.failed, strict=True)]
        curve = aalen_johansen(cause_table(lives.entry, lives.leave, names), "a")
        row = np.searchsorted(curve.time_hours, at, side="right") - 1
        found.append((curve.incidence[row], curve.variance[row]))
    incidence, variance = np.array(found).T
    assert incidence.var() == pytest.approx(variance.mean(), rel=0.25)


def test_a_cause_that_has_not_struck_yet_is_bounded_and_a_thin_risk_set_warned_of():
    table = cause_table([0] * 30, [1] * 15 + [2] * 15, ["a"] + [None] * 28 + ["b"])
    late = aalen_johansen(table, "b")
    assert late.incidence[1] == 0
    assert late.high[1] == pytest.approx(1 - 0.05 ** (1 / 15))
    few = aalen_johansen(cause_table([0, 0], [1, 2], ["a", "b"]), "a")
    assert "fewer than 10" in few.warnings[0]


def test_causes_that_contradict_their_table_are_refused_by_name():
    risk = risk_table([0, 0], [1, 2], [True, False])
    with pytest.raises(CausesDisagreeError):
        CauseTable(risk, ("a",), [[0.0], [0.0]])
    with pytest.raises(LengthMismatchError):
        CauseTable(risk, ("a", "b"), [[1.0], [0.0]])
    with pytest.raises(UnknownCauseError, match="'b'"):
        aalen_johansen(CauseTable(risk, ("a",), [[1.0], [0.0]]), "b")
    with pytest.raises(ConfidenceOutOfRangeError):
        aalen_johansen(CauseTable(risk, ("a",), [[1.0], [0.0]]), "a", 1.5)


@given(any_lives, st.floats(0.01, 100))
def test_restricted_mean_lies_between_zero_and_its_horizon_and_scales_with_time(lives, factor):
    table = risk_table(*lives.columns)
    horizon = float(lives.leave.max())
    mean = restricted_mean(table, horizon)
    assert 0 <= mean.low_hours <= mean.mean_hours * (1 + 1e-12)
    assert mean.mean_hours <= mean.high_hours * (1 + 1e-12) <= horizon * (1 + 1e-9)
    scaled = restricted_mean(
        risk_table(lives.entry * factor, lives.leave * factor, lives.failed), float((lives.leave * factor).max())
    )
    assert scaled.mean_hours == pytest.approx(mean.mean_hours * factor)


def test_restricted_mean_without_failures_is_bounded_and_beyond_the_data_refused():
    table = risk_table([0] * 30, [100] * 30, [False] * 30)
    mean = restricted_mean(table, 50)
    assert (mean.mean_hours, mean.high_hours) == (50, 50)
    assert mean.low_hours == pytest.approx(50 * 0.05 ** (1 / 30))
    assert "nothing failed" in mean.warnings[0]
    with pytest.raises(HorizonBeyondDataError):
        restricted_mean(table, 101)
    with pytest.raises(NotPositiveError):
        restricted_mean(table, 0)
    dead = risk_table([0, 0], [10, 20], [True, True])
    assert restricted_mean(dead, 50).mean_hours == pytest.approx(15)
    alike = restricted_mean_difference(table, table, 50)
    assert alike.low_hours < 0 < alike.high_hours
    assert alike.p_value == 1


def test_the_difference_of_restricted_means_covers_the_truth():
    rng, covered = np.random.default_rng(12), 0
    for _ in range(300):
        one, two = (risk_table(*weibull_lives(rng, 150, 1.0, 100.0).columns) for _ in range(2))
        found = restricted_mean_difference(one, two, 60.0)
        covered += found.low_hours <= 0 <= found.high_hours
    assert covered / 300 == pytest.approx(0.9, abs=0.06)


@pytest.mark.needs_r
def test_log_rank_agrees_with_r(rscript, tmp_path):
    lives = drawn(5, late_share=0.0)
    late = drawn(6, late_share=0.6, decimals=6)
    both = lives + late
    judge = run_r(
        rscript,
        tmp_path,
        both,
        f"""
        first <- lives[seq_len({lives.leave.size}), ]
        first$g <- seq_len(nrow(first)) %% 3
        fit <- survdiff(Surv(leave, failed) ~ g, first)
        second <- lives[-seq_len({lives.leave.size}), ]
        second$g <- seq_len(nrow(second)) %% 3
        cox <- coxph(Surv(entry, leave, failed) ~ factor(g), second)
        write.csv(data.frame(chi = fit$chisq, expected = fit$exp, score = cox$score), "out.csv")
        """,
    )

    def tested(some):
        group = np.arange(1, some.leave.size + 1) % 3
        return log_rank({str(g): risk_table(*(column[group == g] for column in some.columns)) for g in range(3)})

    assert tested(lives).statistic == pytest.approx(judge["chi"][0], rel=1e-6)
    assert tested(lives).expected == pytest.approx(judge["expected"], rel=1e-6)
    assert tested(late).statistic == pytest.approx(judge["score"][0], rel=1e-6)
    assert tested(late).degrees_of_freedom == 2


@given(any_lives, any_lives)
def test_log_rank_does_not_depend_on_the_order_of_groups_or_the_unit_of_time(some, others):
    one, two = risk_table(*some.columns), risk_table(*others.columns)
    try:
        test = log_rank({"one": one, "two": two})
    except NothingToCompareError:
        return
    turned = log_rank({"two": two, "one": one})
    assert turned.statistic == pytest.approx(test.statistic, abs=1e-9)
    assert 0 <= test.p_value <= 1
    assert sum(test.observed) == pytest.approx(sum(test.expected))
    assert sum(test.observed) == merge_risk_tables(one, two).events.sum()


def test_groups_of_the_same_hazard_are_told_apart_as_often_as_the_level_says():
    rng = np.random.default_rng(2)
    values = [
        log_rank({name: risk_table(*weibull_lives(rng, 80, 1.0, 100.0).columns) for name in "abc"}).p_value
        for _ in range(400)
    ]
    assert np.mean(np.array(values) < 0.1) == pytest.approx(0.1, abs=0.05)


def test_a_comparison_without_anything_to_compare_is_refused():
    table = risk_table([0], [1], [True])
    with pytest.raises(TooFewGroupsError):
        log_rank({"one": table})
    with pytest.raises(NothingToCompareError):
        log_rank({"one": table, "two": risk_table([5], [9], [True])})
    censored = risk_table([0], [1], [False])
    with pytest.raises(NothingToCompareError):
        log_rank({"one": censored, "two": censored})
