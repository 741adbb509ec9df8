import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.errors import ExitBeforeEntryError, LengthMismatchError, NegativeValueError, NotFiniteError
from models.regression.baseline import predicted_survival
from models.regression.cox import fit_cox
from models.regression.errors import (
    CollinearCovariatesError,
    ConstantCovariateError,
    MonotoneLikelihoodError,
    NamesMismatchError,
    NoEventsInRegressionError,
    NothingComparedError,
    UnknownStratumError,
)
from models.regression.ph_check import check_proportional_hazards
from tests.models.regression.hazard_rows import ask_r, covariates, drawn_rows

NAMES = ["x", "y"]


def fitted(rows, **options):
    return fit_cox(rows["entry"], rows["leave"], rows["failed"], covariates(rows), NAMES, **options)


def errors(covariance):
    return np.sqrt(np.diag(covariance))


@pytest.mark.needs_r
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("tied", [True, False])
def test_strata_weights_late_entry_and_clusters_equal_r(rscript, tmp_path, ties, tied):
    rows = drawn_rows(np.random.default_rng(3), 300, tied)
    script = f"""f <- coxph(Surv(entry, leave, failed) ~ x + y + strata(s), d, weights=w, cluster=host, ties="{ties}",
                       control=tight)
      cat(coef(f), "\\n"); cat(sqrt(diag(f$var)), "\\n"); cat(sqrt(diag(f$naive.var)), "\\n"); cat(f$loglik, f$score,
          f$wald.test, "\\n")"""
    coefficients, robust, naive, tests = ask_r(rscript, tmp_path, rows, script)
    fit = fitted(rows, weights=rows["w"], strata=rows["s"], clusters=rows["host"], ties=ties)
    np.testing.assert_allclose(fit.coefficients, coefficients, atol=1e-6)
    np.testing.assert_allclose(errors(fit.covariance), robust, atol=1e-6)
    np.testing.assert_allclose(errors(fit.model_covariance), naive, atol=1e-6)
    ours = fit.null_log_likelihood, fit.log_likelihood, fit.score_test.statistic
    np.testing.assert_allclose(ours, tests[:3], rtol=1e-8)
    assert {term.interval for term in fit.terms} == {"robust"}


@pytest.mark.needs_r
@pytest.mark.parametrize("clock", ["km", "identity", "rank"])
def test_proportional_hazards_check_equals_cox_zph(rscript, tmp_path, clock):
    rows = drawn_rows(np.random.default_rng(4), 250, ties=False)
    script = f"""f <- coxph(Surv(entry, leave, failed) ~ x + y, d, control=tight); z <- cox.zph(f, "{clock}")
      cat(z$table[, 1], "\\n"); cat(z$table[, 3], "\\n"); cat(z$x, "\\n"); cat(z$y, "\\n")"""
    statistics, p_values, clock_value, residuals = ask_r(rscript, tmp_path, rows, script)
    check = check_proportional_hazards(fitted(rows), clock)
    every = [*check.tests, check.together]
    np.testing.assert_allclose([test.statistic for test in every], statistics, rtol=1e-6)
    np.testing.assert_allclose([test.p_value for test in every], p_values, rtol=1e-6)
    np.testing.assert_allclose(check.clock_value, clock_value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(check.scaled_residuals.T.ravel(), residuals, rtol=1e-6)


@pytest.mark.needs_r
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_predicted_survival_equals_survfit(rscript, tmp_path, ties):
    rows = drawn_rows(np.random.default_rng(5), 200, ties=True)
    script = f"""f <- coxph(Surv(entry, leave, failed) ~ x + y + strata(s), d, ties="{ties}", control=tight)
      p <- survfit(f, newdata=data.frame(x=0.5, y=1, s=1)); k <- p$n.event > 0
      cat(p$time[k], "\\n"); cat(p$cumhaz[k], "\\n"); cat(p$std.err[k], "\\n")"""
    times, hazard, error = ask_r(rscript, tmp_path, rows, script)
    curve = predicted_survival(fitted(rows, strata=rows["s"], ties=ties), [0.5, 1.0], 1)
    np.testing.assert_allclose(curve.time_hours, times)
    np.testing.assert_allclose(curve.cumulative_hazard, hazard, rtol=1e-6)
    np.testing.assert_allclose(curve.standard_error, error, rtol=1e-6)
    assert (curve.low <= curve.survival).all()
    assert (curve.survival <= curve.high).all()


def test_the_likelihood_is_the_product_of_each_failures_share_of_its_risk_set():
    rows = drawn_rows(np.random.default_rng(6), 60, ties=False)
    fit = fitted(rows)
    risk = np.exp(covariates(rows) @ fit.coefficients)
    shares = [
        risk[unit] / risk[(rows["entry"] < time) & (time <= rows["leave"])].sum()
        for unit, time in enumerate(rows["leave"])
        if rows["failed"][unit]
    ]
    assert fit.log_likelihood == pytest.approx(np.log(shares).sum(), rel=1e-10)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.01, 100))
def test_units_of_time_and_of_covariates_rescale(seed, factor):
    rows = drawn_rows(np.random.default_rng(seed), 80, ties=True)
    plain = fitted(rows).coefficients
    slower = {**rows, "entry": rows["entry"] * 4.0, "leave": rows["leave"] * 4.0}
    np.testing.assert_allclose(fitted(slower).coefficients, plain, atol=1e-8)
    np.testing.assert_allclose(fitted({**rows, "x": rows["x"] * factor}).coefficients * [factor, 1], plain, atol=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.9))
def test_a_life_split_into_episodes_and_any_order_say_the_same(seed, share):
    rng = np.random.default_rng(seed)
    rows = drawn_rows(rng, 60, ties=True)
    cut = rows["entry"] + share * (rows["leave"] - rows["entry"])
    early = {**rows, "leave": cut, "failed": np.zeros(60)}
    split = {name: np.concatenate([early[name], {**rows, "entry": cut}[name]]) for name in rows}
    order = rng.permutation(120)
    mixed = {name: column[order] for name, column in split.items()}
    np.testing.assert_allclose(fitted(mixed).coefficients, fitted(rows).coefficients, atol=1e-8)
    np.testing.assert_allclose(fitted(mixed).log_likelihood, fitted(rows).log_likelihood, rtol=1e-9)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_a_row_twice_is_weight_two(seed):
    rows = drawn_rows(np.random.default_rng(seed), 60, ties=True)
    twice = {name: np.concatenate([column, column]) for name, column in rows.items()}
    first, second = fitted(twice, ties="breslow"), fitted(rows, weights=np.full(60, 2.0), ties="breslow")
    np.testing.assert_allclose(first.coefficients, second.coefficients, atol=1e-8)


def test_a_level_without_events_gets_a_one_sided_bound_from_the_likelihood():
    level = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    fit = fit_cox([0] * 8, range(1, 9), [1, 1, 1, 1, 1, 0, 0, 0], level[:, None], ["cage 2"])
    (term,) = fit.terms
    assert (term.hazard_ratio, term.low, term.interval) == (0.0, 0.0, "bound")
    at_risk = np.array([[(level[k:] == 0).sum(), (level[k:] == 1).sum()] for k in range(5)])
    drop = 2 * np.log(1 + term.high * at_risk[:, 1] / at_risk[:, 0]).sum()
    assert drop == pytest.approx(stats.norm.ppf(0.9) ** 2, rel=1e-4)
    assert any("only bounded" in sentence for sentence in fit.warnings)


def test_only_one_level_with_events_gives_a_bound_from_below():
    fit = fit_cox([0] * 8, range(1, 9), [1, 1, 1, 0, 0, 0, 0, 0], [[1]] * 3 + [[0]] * 5, ["cage 2"])
    assert math.isinf(fit.terms[0].hazard_ratio)
    assert 1 < fit.terms[0].low < math.inf


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"observed": [0, 0, 0, 0]}, NoEventsInRegressionError),
        ({"covariates": [[1], [1], [1], [1]]}, ConstantCovariateError),
        ({"covariates": [[1], [math.nan], [1], [2]]}, NotFiniteError),
        ({"exit_hours": [1, 2, 3, math.nan]}, NotFiniteError),
        ({"entry_hours": [0, 0, 0, 9]}, ExitBeforeEntryError),
        ({"entry_hours": [0, 0, 0, -1]}, NegativeValueError),
        ({"covariates": [[1, 2], [2, 4], [3, 6], [5, 10]], "names": ["a", "b"]}, CollinearCovariatesError),
        ({"names": ["a", "b"]}, NamesMismatchError),
        ({"covariates": [[1], [2]]}, LengthMismatchError),
        ({"strata": [1, 2, 3, 4]}, NothingComparedError),
    ],
)
def test_bad_rows_are_named(change, mistake):
    good = {
        "entry_hours": [0, 0, 0, 0],
        "exit_hours": [1, 2, 3, 4],
        "observed": [1, 1, 1, 0],
        "covariates": [[1], [3], [1], [2]],
        "names": ["x"],
    }
    with pytest.raises(mistake):
        fit_cox(**{**good, **change})


def test_one_unit_cannot_be_compared():
    with pytest.raises((NothingComparedError, ConstantCovariateError)):
        fit_cox([0], [1], [1], [[2]], ["x"])


def test_a_reference_level_without_events_is_named():
    table = np.array([[1, 0, 1, 0, 0, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0, 0, 0, 0]]).T
    with pytest.raises(MonotoneLikelihoodError, match="choose another"):
        fit_cox([0] * 9, range(1, 10), [1, 1, 1, 1, 0, 0, 0, 0, 0], table, ["cage 1", "cage 2"])


def test_an_unknown_stratum_has_no_baseline():
    rows = drawn_rows(np.random.default_rng(7), 100, ties=True)
    with pytest.raises(UnknownStratumError):
        predicted_survival(fitted(rows, strata=rows["s"]), [0, 0], 9)


def coverage(rng, fleets, events, clustered):
    covered = 0
    units = 2 * events
    for _ in range(fleets):
        host = np.repeat(np.arange(units // 4 + 1), 4)[:units]
        x = rng.normal(size=units // 4 + 1)[host]
        factor = rng.gamma(2.0, 0.5, host[-1] + 1)[host] if clustered else 1.0
        # Given the factor hazards are proportional; without an effect the ratio stays 1 whoever asks.
        life, end = rng.exponential(1, units) / factor, rng.exponential(1, units)
        seen = min(life.min(), end.min()) / 2
        entry = np.full(units, seen) * (rng.random(units) < 0.5)
        options = {"clusters": host} if clustered else {}
        leave, failed = np.minimum(life, end), life <= end
        if not failed.any():
            continue
        term = fit_cox(entry, leave, failed, x[:, None], ["x"], **options).terms[0]
        covered += term.low <= 1 <= term.high
    return covered / fleets


@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_at_500_events(clustered):
    assert 0.86 < coverage(np.random.default_rng(8), 400, 500, clustered) < 0.94


@pytest.mark.validation
@pytest.mark.parametrize("clustered", [False, True])
def test_intervals_cover_88_to_92_percent_at_500_events(clustered):
    assert 0.88 <= coverage(np.random.default_rng(9), 4000, 500, clustered) <= 0.92


@pytest.mark.parametrize("direction", [1.0, -1.0])
@pytest.mark.parametrize("late", [False, True])
def test_a_covariate_in_the_very_order_of_failing_is_bounded(direction, late):
    # With hazard ratio r per step the likelihood is the product of 1 / (1 + r + r² + …): it rises as r falls to 0.
    units = 39
    order = np.arange(units)[:, None] * direction
    entry = np.linspace(0, 4, units) if late else np.zeros(units)
    (term,) = fit_cox(entry, np.linspace(5, 35, units), np.ones(units, bool), order, ["order"]).terms
    assert term.interval == "bound"
    bound = term.high if direction > 0 else 1 / term.low
    deviance = 2 * sum(np.log(np.polyval(np.ones(left), bound)) for left in range(1, units + 1))
    assert deviance == pytest.approx(stats.norm.ppf(0.9) ** 2, rel=1e-6)
