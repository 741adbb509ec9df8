import numpy as np
import pytest
from scipy import integrate, stats

from models.regression.errors import HostsNotRepeatedError
from models.regression.frailty import fit_gamma_frailty
from tests.models.regression.hazard_rows import ask_r, covariates, drawn_rows


@pytest.mark.needs_r
def test_variance_and_coefficients_equal_r_to_what_its_search_resolves(rscript, tmp_path):
    """R's outer search settles the variance to about 1e-3 and, through it, coefficients to 1e-4."""
    rows = drawn_rows(np.random.default_rng(21), 240, ties=False)
    script = """f <- coxph(Surv(leave, failed) ~ x + y + frailty(host, distribution="gamma", eps=1e-10), d,
                       control=tight)
      cat(coef(f), "\\n"); cat(f$history[[1]]$theta, f$history[[1]]$c.loglik, "\\n")"""
    coefficients, (variance, likelihood) = ask_r(rscript, tmp_path, rows, script)
    fit = fit_gamma_frailty(np.zeros(240), rows["leave"], rows["failed"], covariates(rows), ["x", "y"], rows["host"])
    np.testing.assert_allclose([term.coefficient for term in fit.terms], coefficients, atol=1e-4)
    assert fit.variance == pytest.approx(variance, rel=1e-3)
    assert fit.log_likelihood == pytest.approx(likelihood, rel=1e-7)


def test_gain_in_likelihood_equals_the_integral_over_factors():
    """At the fitted baseline each host's likelihood is integrated numerically over its gamma factor."""
    rows = drawn_rows(np.random.default_rng(22), 160, ties=False)
    zero = np.zeros(160)
    fit = fit_gamma_frailty(zero, rows["leave"], rows["failed"], covariates(rows), ["x", "y"], rows["host"])
    risk = np.exp(covariates(rows) @ [term.coefficient for term in fit.terms])
    names = np.unique(rows["host"])
    place = np.searchsorted(names, rows["host"])
    scaled = risk * fit.host_factors[place]
    jump = rows["failed"] / np.array([scaled[rows["leave"] >= time].sum() for time in rows["leave"]])
    hazard = np.array([jump[rows["leave"] <= time].sum() for time in rows["leave"]])
    total = 0.0
    prior = stats.gamma(1 / fit.variance, scale=fit.variance)
    for host in range(names.size):
        own = place == host
        events, met = rows["failed"][own].sum(), (risk * hazard)[own].sum()
        total += np.log(
            integrate.quad(lambda z, d, m: z**d * np.exp(-z * m) * prior.pdf(z), 0, 60, (events, met), limit=200)[0]
        )
    happened = rows["failed"] > 0
    total += np.log((jump * risk)[happened]).sum() + rows["failed"].sum()
    assert fit.log_likelihood == pytest.approx(total, rel=1e-6)
    assert fit.variance_low <= fit.variance <= fit.variance_high


def test_hosts_that_do_not_differ_give_zero_and_say_so():
    rng = np.random.default_rng(1)
    host = np.tile(np.arange(20), 5)
    life = np.repeat(rng.exponential(1, 5), 20) + np.arange(100) * 1e-3
    fit = fit_gamma_frailty(np.zeros(100), life, np.ones(100), rng.normal(size=(100, 1)), ["x"], host)
    assert (fit.variance, fit.variance_low) == (0.0, 0.0)
    assert fit.variance_high > 0
    assert fit.no_frailty_test.p_value == 1.0
    assert any("chance" in sentence for sentence in fit.warnings)


def test_hosts_of_one_unit_share_nothing():
    with pytest.raises(HostsNotRepeatedError):
        fit_gamma_frailty([0] * 4, [1, 2, 3, 4], [1] * 4, [[1], [2], [1], [2]], ["x"], [1, 2, 3, 4])
