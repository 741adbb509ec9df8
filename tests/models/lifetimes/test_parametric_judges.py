"""Lifetime fits beside independent routes: R's survreg, lifelines, and a likelihood written out with scipy.stats."""

import itertools
import math

import lifelines
import numpy as np
import pytest
from scipy import optimize, stats

from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.piecewise import PiecewiseExponential
from models.rates import poisson_rate

from .lives import Lives as Columns
from .lives import run_r, weibull_lives

R_FAMILIES = {
    "exponential": "exponential",
    "Weibull": "weibull",
    "log-normal": "lognormal",
    "log-logistic": "loglogistic",
}


def drawn(seed, units=300, shape=0.9, late_share=0.5):
    return Lives.right_censored(*weibull_lives(np.random.default_rng(seed), units, shape, 1000.0, late_share).columns)


def inspected(seed):
    """Failures known to within 200 hours, some before the first inspection; the others censored."""
    lives = drawn(seed, late_share=0.0)
    lower = np.floor(lives.lower_hours / 200.0) * 200.0
    return Lives(
        lives.entry_hours,
        np.where(lives.failed, lower, lives.lower_hours),
        np.where(lives.failed, lower + 200.0, np.inf),
        lives.weights,
    )


def survreg_parameters(fit):
    """Location and scale of log life, as survreg has them."""
    values = [estimate.value for estimate in fit.parameters.values()]
    scale = 1.0 if len(values) == 1 else values[1] if fit.family.name == "log-normal" else 1.0 / values[1]
    return math.log(values[0]), scale


@pytest.mark.needs_r
@pytest.mark.parametrize("family", list(R_FAMILIES))
@pytest.mark.parametrize("kind", ["right", "interval"])
def test_fits_agree_with_survreg(rscript, tmp_path, family, kind):
    lives = drawn(9, late_share=0.0) if kind == "right" else inspected(9)
    columns = Columns(lives.lower_hours, np.where(lives.failed, lives.upper_hours, -1.0), lives.failed)
    judge = run_r(
        rscript,
        tmp_path,
        columns,
        f"""
        lower <- ifelse(lives$entry == 0, NA, lives$entry)
        upper <- ifelse(lives$failed == 1, lives$leave, NA)
        fit <- survreg(Surv(lower, upper, type = "interval2") ~ 1, dist = "{R_FAMILIES[family]}",
          control = survreg.control(rel.tolerance = 1e-13, maxiter = 100))
        write.csv(data.frame(location = coef(fit), scale = fit$scale, loglik = fit$loglik[1]), "out.csv",
          row.names = FALSE)
        """,
    )
    fit = fit_lifetime(family, lives)
    assert survreg_parameters(fit) == pytest.approx((judge["location"][0], judge["scale"][0]), rel=1e-6)
    assert fit.log_likelihood == pytest.approx(judge["loglik"][0], abs=1e-6)


@pytest.mark.parametrize("late_share", [0.0, 0.6])
@pytest.mark.parametrize(
    ("family", "fitter", "names"),
    [
        ("exponential", lifelines.ExponentialFitter, ["lambda_"]),
        ("Weibull", lifelines.WeibullFitter, ["lambda_", "rho_"]),
        ("log-normal", lifelines.LogNormalFitter, ["mu_", "sigma_"]),
        ("log-logistic", lifelines.LogLogisticFitter, ["alpha_", "beta_"]),
    ],
)
def test_fits_agree_with_lifelines_under_left_truncation(family, fitter, names, late_share):
    lives = drawn(3, units=400, late_share=late_share)
    judge = fitter().fit(lives.lower_hours, lives.failed, entry=lives.entry_hours)
    fit = fit_lifetime(family, lives)
    values = [estimate.value for estimate in fit.parameters.values()]
    if family == "log-normal":
        values[0] = math.log(values[0])
    assert values == pytest.approx([getattr(judge, name) for name in names], rel=1e-4)
    assert fit.log_likelihood == pytest.approx(judge.log_likelihood_, abs=1e-5)


def test_interval_censored_weibull_agrees_with_lifelines():
    lives = inspected(5)
    judge = lifelines.WeibullFitter().fit_interval_censoring(np.maximum(lives.lower_hours, 1e-12), lives.upper_hours)
    fit = fit_lifetime("Weibull", lives)
    assert [e.value for e in fit.parameters.values()] == pytest.approx([judge.lambda_, judge.rho_], rel=1e-3)
    assert fit.log_likelihood >= judge.log_likelihood_ - 1e-6


def test_generalised_gamma_agrees_with_lifelines():
    lives = drawn(2, units=800, shape=1.4, late_share=0.0)
    judge = lifelines.GeneralizedGammaFitter().fit(lives.lower_hours, lives.failed)
    fit = fit_lifetime("generalised gamma", lives)
    found = [fit.parameters["mu_log_hours"].value, math.log(fit.parameters["sigma"].value), fit.parameters["q"].value]
    assert found == pytest.approx([judge.mu_, judge.ln_sigma_, judge.lambda_], rel=0.02, abs=0.02)
    assert fit.log_likelihood == pytest.approx(judge.log_likelihood_, abs=1e-3)
    assert fit.log_likelihood >= judge.log_likelihood_ - 1e-6


def generalised(mu, log_sigma, q):
    sigma = math.exp(log_sigma)
    if abs(q) < 1e-4:
        return stats.lognorm(sigma, scale=math.exp(mu))
    return stats.gengamma(q**-2.0, q / sigma, scale=math.exp(mu) * abs(q) ** (2.0 * sigma / q))


BRUTE = {
    "Weibull": (lambda a, b: stats.weibull_min(math.exp(b), scale=math.exp(a)), [[0, 0], [0.5, 1]]),
    "log-normal": (lambda a, b: stats.lognorm(math.exp(b), scale=math.exp(a)), [[0, 0], [-0.5, 0.5]]),
    "log-logistic": (lambda a, b: stats.fisk(math.exp(b), scale=math.exp(a)), [[0, 0], [-0.5, 0.5]]),
    "gamma": (lambda a, b: stats.gamma(math.exp(b), scale=math.exp(a)), [[0, 0], [-1, 1]]),
    "generalised gamma": (generalised, [[0, 0, 1], [0, -0.5, 0.3], [0.3, 0, 1.7]]),
    # slope 1 / scale > 0, rate c / scale
    "Gompertz": (lambda a, b: stats.gompertz(math.exp(b), scale=math.exp(a)), [[0, 0], [1, 1]]),
}


def brute_force(member, starts, lives):
    """The highest log-likelihood found by simplex from several starts, ages in units of 1,000 hours."""
    entry, lower, upper = (column / 1000.0 for column in (lives.entry_hours, lives.lower_hours, lives.upper_hours))
    exact, failed = lives.lower_hours == lives.upper_hours, np.isfinite(upper)
    between = failed & ~exact

    def log_likelihood(parameters):
        with np.errstate(all="ignore"):
            life = member(*parameters)
            total = life.logpdf(lower[exact]).sum() + life.logsf(lower[~failed]).sum()
            total += np.log(life.cdf(upper[between]) - life.cdf(lower[between])).sum()
            total -= life.logsf(entry).sum()
        return total if np.isfinite(total) else -1e300

    options = {"xatol": 1e-10, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000}
    ends = [
        optimize.minimize(lambda p: -log_likelihood(p), start, method="Nelder-Mead", options=options)
        for start in starts
    ]
    return -min(end.fun for end in ends) - exact.sum() * math.log(1000.0)


@pytest.mark.parametrize("family", list(BRUTE))
@pytest.mark.parametrize("kind", ["late", "interval"])
def test_no_other_route_finds_a_likelier_member_and_ours_is_as_likely(family, kind):
    shape = 2.2
    lives = drawn(12, units=150, shape=shape, late_share=0.6)
    if kind == "interval":
        lower = np.floor(lives.lower_hours / 150.0) * 150.0
        blurred = lives.failed & (np.arange(lives.weights.size) % 2 == 0)
        lives = Lives(
            lives.entry_hours,
            np.where(blurred, np.maximum(lower, lives.entry_hours), lives.lower_hours),
            np.where(blurred, lower + 150.0, lives.upper_hours),
            lives.weights,
        )
    member, starts = BRUTE[family]
    assert fit_lifetime(family, lives).log_likelihood == pytest.approx(brute_force(member, starts, lives), abs=1e-6)


def test_piecewise_exponential_is_failures_over_hours_with_exact_limits():
    lives = drawn(21, units=200)
    cuts = (200.0, 700.0)
    fit = fit_lifetime(PiecewiseExponential(cuts), lives)
    edges = [0.0, *cuts, math.inf]
    log_likelihood = 0.0
    for estimate, start, end in zip(fit.parameters.values(), edges[:-1], edges[1:], strict=True):
        hours = sum(
            max(min(leave, end) - max(entry, start), 0.0)
            for entry, leave in zip(lives.entry_hours, lives.lower_hours, strict=True)
        )
        failures = sum(start < age <= end for age in lives.lower_hours[lives.failed])
        judge = poisson_rate(failures, hours, 0.9)
        expected = (judge.rate_per_day, judge.low_per_day, judge.high_per_day)
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(expected, rel=1e-9)
        log_likelihood += failures * math.log(failures / hours) - failures
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-9)
    ages = np.array([100.0, 200.0, 500.0, 5000.0])
    rates = [estimate.value for estimate in fit.parameters.values()]
    accrued = [np.clip(ages - start, 0, end - start) for start, end in itertools.pairwise(edges)]
    survival = np.exp(-sum(rate * hours for rate, hours in zip(rates, accrued, strict=True)))
    assert fit.survival(ages).value == pytest.approx(survival, rel=1e-12)
    assert fit.quantile_hours(1 - survival[2]).value == pytest.approx(500.0)
    assert fit.mean_residual_life(800.0).value == pytest.approx(1 / rates[2])


def test_one_long_piece_is_the_exponential_and_a_piece_without_failures_has_an_upper_limit():
    lives = Lives.right_censored([0] * 4, [10.0, 20.0, 400.0, 400.0], [True, True, False, False])
    fit = fit_lifetime(PiecewiseExponential((100.0,)), lives)
    last = fit.parameters["rate_per_hour_from_100"]
    assert (last.value, last.low) == (0.0, 0.0)
    assert last.high == pytest.approx(poisson_rate(0, 600.0, 0.9).high_per_day)
    assert math.isinf(fit.mean_hours.value)
    assert fit.mean_hours.low < 1000.0
    band = fit.survival([50.0, 400.0])
    assert (band.low < band.value).all()
    assert band.value[1] < band.high[1]
