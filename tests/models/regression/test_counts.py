"""Regression of counts: equal to statsmodels and R's glm, robust errors, bounds where nothing failed, refusals."""

import csv
import math
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import LengthMismatchError, NotFiniteError, UnknownMethodError
from models.recurrence.errors import TooFewClustersError, TooFewFailuresError
from models.regression.counts import count_regression
from models.regression.design import design_matrix
from models.regression.design_errors import (
    CollinearColumnError,
    ConstantColumnError,
    MissingCovariateError,
    MoreColumnsThanRowsError,
    NoCovariatesError,
    ReferenceWithoutFailuresError,
    SeparationError,
    UnknownReferenceError,
)


def fleet(seed, rows=300, shape=None):
    rng = np.random.default_rng(seed)
    model = rng.choice(["A100", "H100", "V100"], rows)
    age = rng.uniform(0, 5, rows)
    exposure = rng.uniform(50, 300, rows)
    mean = 0.01 * exposure * np.exp(0.2 * age + 0.5 * (model == "H100"))
    frailty = rng.gamma(shape, 1 / shape, rows) if shape else 1.0
    return rng.poisson(mean * frailty), exposure, {"age": age, "model": model}


def by_column(found):
    return {ratio.column: ratio for ratio in found.ratios}


def statsmodels_design(covariates, found):
    design = design_matrix(covariates, dict(found.references))
    return np.column_stack([np.ones(design.matrix.shape[0]), design.matrix])


def test_poisson_regression_equals_statsmodels():
    import statsmodels.api as sm

    counts, exposure, covariates = fleet(1)
    found = count_regression(counts, exposure, covariates)
    other = sm.GLM(counts, statsmodels_design(covariates, found), family=sm.families.Poisson(), exposure=exposure).fit(
        tol=1e-14
    )
    assert [math.log(r.ratio) for r in found.ratios] == pytest.approx(other.params[1:], abs=1e-8)
    assert [r.standard_error for r in found.ratios] == pytest.approx(other.bse[1:], rel=1e-6)
    assert [r.p_value for r in found.ratios] == pytest.approx(other.pvalues[1:], rel=1e-5)
    assert found.deviance == pytest.approx(other.deviance)
    assert found.pearson_dispersion == pytest.approx(other.pearson_chi2 / other.df_resid)
    assert found.log_likelihood == pytest.approx(other.llf)


def test_negative_binomial_regression_equals_statsmodels():
    import statsmodels.api as sm

    counts, exposure, covariates = fleet(2, shape=1.5)
    found = count_regression(counts, exposure, covariates, family="negative binomial")
    other = sm.NegativeBinomial(counts, statsmodels_design(covariates, found), exposure=exposure).fit(
        disp=0, maxiter=500, gtol=1e-10
    )
    assert [math.log(r.ratio) for r in found.ratios] == pytest.approx(other.params[1:-1], abs=1e-4)
    assert found.dispersion == pytest.approx(other.params[-1], rel=1e-4)
    assert found.log_likelihood >= other.llf - 1e-6


def test_cluster_robust_errors_equal_statsmodels():
    import statsmodels.api as sm

    counts, exposure, covariates = fleet(3)
    node = np.arange(counts.size) // 5
    found = count_regression(counts, exposure, covariates, cluster=node)
    other = sm.GLM(counts, statsmodels_design(covariates, found), family=sm.families.Poisson(), exposure=exposure).fit(
        tol=1e-14, cov_type="cluster", cov_kwds={"groups": node, "use_correction": False}
    )
    factor = math.sqrt(60 / 59)
    assert [r.standard_error / factor for r in found.ratios] == pytest.approx(other.bse[1:], rel=1e-6)


@pytest.mark.needs_r
def test_poisson_regression_equals_glm_of_r(rscript, tmp_path):
    counts, exposure, covariates = fleet(4)
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["n", "days", "age", "model"])
        writer.writerows(
            zip(counts.tolist(), exposure.tolist(), *(c.tolist() for c in covariates.values()), strict=True)
        )
    script = (
        'd <- read.csv("rows.csv"); d$model <- relevel(factor(d$model), "A100");'
        "f <- glm(n ~ age + model, offset = log(days), family = poisson, data = d, control = list(epsilon = 1e-14));"
        'cat(format(c(coef(f), sqrt(diag(vcov(f))), deviance(f)), digits = 15), sep = "\\n")'
    )
    answer = subprocess.run([rscript, "-e", script], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    values = [float(line) for line in answer.split()]
    found = count_regression(counts, exposure, covariates, reference={"model": "A100"})
    mine = [math.log(found.baseline_rate_per_day), *(math.log(r.ratio) for r in found.ratios)]
    assert mine == pytest.approx(values[:4], abs=1e-6)
    assert [r.standard_error for r in found.ratios] == pytest.approx(values[5:8], rel=1e-6)
    assert found.deviance == pytest.approx(values[8], rel=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_the_unit_of_exposure_moves_only_the_baseline(factor, seed):
    counts, exposure, covariates = fleet(seed, rows=60)
    one, other = (count_regression(counts, days, covariates) for days in (exposure, exposure * factor))
    assert [r.ratio for r in one.ratios] == pytest.approx([r.ratio for r in other.ratios], rel=1e-6)
    assert one.baseline_rate_per_day == pytest.approx(other.baseline_rate_per_day * factor, rel=1e-6)


def test_a_single_category_gives_the_ratio_of_the_pooled_rates():
    counts, exposure, model = np.array([3, 4, 9, 2]), np.array([10.0, 20.0, 30.0, 5.0]), ["a", "a", "b", "b"]
    found = count_regression(counts, exposure, {"model": model}, reference={"model": "a"})
    assert found.ratios[0].ratio == pytest.approx((11 / 35) / (7 / 30))
    assert found.ratios[0].standard_error == pytest.approx(math.sqrt(1 / 11 + 1 / 7))


def test_a_level_without_failures_gets_the_zero_failure_bound():
    counts = [400_000, 0, 0]
    found = count_regression(counts, [4e6, 50.0, 50.0], {"gpu": ["old", "new", "new"]}, reference={"gpu": "old"})
    (new,) = found.ratios
    assert (new.ratio, new.low, new.standard_error) == (0.0, 0.0, None)
    assert new.high == pytest.approx(-math.log(0.05) / 100.0 / 0.1, rel=1e-3)
    assert len(found.warnings) == 1


def test_other_effects_are_those_without_the_level_that_never_failed():
    counts, exposure, covariates = fleet(5)
    quiet = covariates["model"] == "V100"
    counts = np.where(quiet, 0, counts)
    whole = by_column(count_regression(counts, exposure, covariates, reference={"model": "A100"}))
    part = by_column(
        count_regression(
            counts[~quiet],
            exposure[~quiet],
            {name: values[~quiet] for name, values in covariates.items()},
            reference={"model": "A100"},
        )
    )
    assert whole["age"].ratio == pytest.approx(part["age"].ratio)
    assert whole["model=V100"].ratio == 0 < whole["model=V100"].high < 1


@pytest.mark.parametrize(("family", "shape"), [("poisson", None), ("negative binomial", 2.0)])
def test_wald_intervals_cover_about_as_often_as_they_say(family, shape):
    held = 0
    for seed in range(300):
        age = by_column(count_regression(*fleet(10_000 + seed, rows=150, shape=shape), family=family))["age"]
        held += age.low <= math.exp(0.2) <= age.high
    assert 0.845 <= held / 300 <= 0.95


def test_separation_and_empty_references_are_refused_by_name():
    with pytest.raises(ReferenceWithoutFailuresError, match="gpu=old"):
        count_regression([0, 3, 1], [1.0] * 3, {"gpu": ["old", "new", "new"]}, reference={"gpu": "old"})
    with pytest.raises(SeparationError):
        count_regression([0, 0, 0, 0, 9], [1.0] * 5, {"age": [1.0, 2.0, 3.0, 4.0, 5.0]})


@pytest.mark.parametrize(
    ("covariates", "error"),
    [
        ({}, NoCovariatesError),
        ({"age": [1.0, 1.0, 1.0, 1.0]}, ConstantColumnError),
        ({"gpu": ["a", "a", "a", "a"]}, ConstantColumnError),
        ({"age": [1.0, 2.0, 3.0, 4.0], "months": [12.0, 24.0, 36.0, 48.0]}, CollinearColumnError),
        ({"age": [1.0, math.nan, 3.0, 4.0]}, NotFiniteError),
        ({"gpu": ["a", "", "b", "b"]}, MissingCovariateError),
        ({"gpu": np.array(["a", None, "b", "b"], dtype=object)}, MissingCovariateError),
        ({"gpu": ["a", "b", "c", "d"], "age": [1.0, 2.0, 3.0, 5.0]}, MoreColumnsThanRowsError),
    ],
)
def test_impossible_covariates_are_refused_by_name(covariates, error):
    with pytest.raises(error):
        count_regression([1, 2, 3, 4], [1.0] * 4, covariates)


def test_impossible_questions_are_refused_by_name():
    age = {"age": [1.0, 2.0, 4.0]}
    with pytest.raises(TooFewFailuresError):
        count_regression([0, 0, 0], [1.0] * 3, age)
    with pytest.raises(TooFewClustersError):
        count_regression([1, 2, 3], [1.0] * 3, age, cluster=["x"] * 3)
    with pytest.raises(LengthMismatchError):
        count_regression([1, 2], [1.0] * 2, age)
    with pytest.raises(UnknownMethodError):
        count_regression([1, 2, 3], [1.0] * 3, age, family="normal")
    with pytest.raises(UnknownReferenceError):
        count_regression([1, 2, 3], [1.0] * 3, {"gpu": ["a", "b", "b"]}, reference={"gpu": "z"})
    with pytest.raises(UnknownReferenceError):
        count_regression([1, 2, 3], [1.0] * 3, age, reference={"age": "z"})


def test_the_commonest_level_is_the_reference():
    design = design_matrix({"gpu": ["b", "a", "b", "c"]})
    assert (design.references, design.columns) == ({"gpu": "b"}, ("gpu=a", "gpu=c"))
