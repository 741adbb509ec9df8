import numpy as np
import pytest

from models.errors import ExitBeforeEntryError, NotACountError
from models.regression.cox import fit_cox
from models.regression.errors import UnknownCauseError
from models.regression.fine_gray import fit_fine_gray
from tests.models.regression.hazard_rows import ask_r, covariates, drawn_rows


@pytest.mark.needs_r
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_coefficients_errors_and_likelihood_equal_r(rscript, tmp_path, late, tied):
    rows = drawn_rows(np.random.default_rng(11), 200, tied)
    entry = rows["entry"] if late else np.zeros(200)
    surv = "Surv(entry, leave, e)" if late else "Surv(leave, e)"
    script = f"""d$e <- factor(d$cause, 0:2); d$unit <- d$i
      g <- finegray({surv} ~ x + y + unit, d, etype="1", id=i)
      f <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x + y, g, weights=fgwt, cluster=unit, control=tight)
      cat(coef(f), "\\n"); cat(sqrt(diag(f$var)), "\\n"); cat(f$loglik, "\\n")"""
    coefficients, errors, likelihoods = ask_r(rscript, tmp_path, rows, script)
    fit = fit_fine_gray(entry, rows["leave"], rows["cause"], covariates(rows), ["x", "y"])
    np.testing.assert_allclose(fit.coefficients, coefficients, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), errors, atol=1e-6)
    np.testing.assert_allclose([fit.null_log_likelihood, fit.log_likelihood], likelihoods, rtol=1e-8)


def test_without_competing_causes_it_is_cox():
    rows = drawn_rows(np.random.default_rng(12), 100, ties=True)
    fine_gray = fit_fine_gray(rows["entry"], rows["leave"], rows["failed"], covariates(rows), ["x", "y"])
    cox = fit_cox(rows["entry"], rows["leave"], rows["failed"], covariates(rows), ["x", "y"])
    np.testing.assert_allclose(fine_gray.coefficients, cox.coefficients, atol=1e-10)


@pytest.mark.parametrize(
    ("exits", "causes", "mistake"),
    [
        ([1, 2, 3], [2, 0, 2], UnknownCauseError),
        ([1, 2, 3], [1, 0, 1.5], NotACountError),
        ([1, 2, 0], [1, 0, 1], ExitBeforeEntryError),
    ],
)
def test_bad_causes_are_named(exits, causes, mistake):
    with pytest.raises(mistake):
        fit_fine_gray([0, 0, 0], exits, causes, [[1], [2], [3]], ["x"])
