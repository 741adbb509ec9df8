"""Failure counts on covariates: Poisson and negative binomial regression with exposure (rate ratios).

Own Fisher scoring, checked against statsmodels and R's glm: statsmodels gives NaN or a huge coefficient for a level
without failures, where here an upper bound stands.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from models.errors import LengthMismatchError, UnknownMethodError, ZeroExposureError
from models.guards import FloatArray, checked_confidence
from models.recurrence.errors import TooFewClustersError, TooFewFailuresError
from models.recurrence.negative_binomial import best_dispersion, checked_cells, log_likelihood
from models.regression.design import DesignMatrix, design_matrix
from models.regression.design_errors import ReferenceWithoutFailuresError, SeparationError

_MOST_STEPS: Final = 100
#: a standardised effect beyond this is on its way to infinity
_FARTHEST: Final = 25.0
_ROUNDS: Final = 200

Family = Literal["poisson", "negative binomial"]


@dataclass(frozen=True, slots=True)
class RateRatio:
    """How much the rate multiplies per unit of a covariate, or in a level against the reference.

    For a level without failures the ratio is 0, `high` an upper bound and `standard_error` None.
    """

    column: str
    covariate: str
    ratio: float
    low: float
    high: float
    p_value: float
    standard_error: float | None


@dataclass(frozen=True, slots=True, eq=False)
class CountRegression:
    """A fitted regression; `baseline_rate_per_day` is that of reference levels where numeric covariates are zero.

    `pearson_dispersion` is 1 when counts vary as the family says; `dispersion` is the negative binomial's (0: Poisson).
    """

    family: Family
    baseline_rate_per_day: float
    ratios: tuple[RateRatio, ...]
    references: Mapping[str, str]
    dispersion: float
    pearson_dispersion: float
    deviance: float
    log_likelihood: float
    failures: int
    exposure_days: float
    observations: int
    clusters: int | None
    confidence: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    coefficients: FloatArray
    means: FloatArray
    bread: FloatArray
    dispersion: float
    log_likelihood: float


def count_regression(
    failures: npt.ArrayLike,
    exposure_days: npt.ArrayLike,
    covariates: Mapping[str, npt.ArrayLike],
    family: Family = "poisson",
    reference: Mapping[str, str] | None = None,
    cluster: npt.ArrayLike | None = None,
    confidence: float = 0.9,
) -> CountRegression:
    """Regress failures on covariates, with exposure as offset.

    Parameters
    ----------
    failures, exposure_days : array-like of shape (n_observations,)
        Failures and time at risk, by node or by node and month; rows without exposure are left out.
    covariates : mapping of name to array-like of shape (n_observations,)
        Numbers in their own unit or categories, as `design_matrix` takes them.
    family : {"poisson", "negative binomial"}
        The second allows rates to differ beyond the covariates.
    reference : mapping of name to level, optional
        As in `design_matrix`.
    cluster : array-like of shape (n_observations,), optional
        Rows that fail together (node, rack); makes standard errors cluster-robust.
    confidence : float
        Nominal coverage of the intervals.

    Returns
    -------
    CountRegression
        One ratio per column of the design.

    Raises
    ------
    ReferenceWithoutFailuresError, SeparationError
        No finite effect is likeliest.
    TooFewFailuresError, TooFewClustersError, ModelError
        Nothing failed, one cluster, or the columns cannot be.

    Notes
    -----
    McCullagh and Nelder (1989), chapter 6; Lawless (1987, Can. J. Statist. 15:209). Wald intervals, Student's t of
    (clusters - 1) and variance times C / (C - 1) when clustered (Liang and Zeger 1986). The bound of a level without
    failures is where its expected failures make the likelihood fall to (1 - confidence) / 2 of its limit: the exact
    zero-failure bound, had the other effects been known.

    Examples
    --------
    >>> found = count_regression([20, 5, 22, 4], [100.0] * 4, {"gpu": ["old", "new", "old", "new"]})
    >>> found.ratios[0].column, round(found.ratios[0].ratio, 3)
    ('gpu=old', 4.667)
    """
    checked_confidence(confidence)
    if family not in get_args(Family):
        raise UnknownMethodError(family, get_args(Family))
    counts, exposure = checked_cells(failures, exposure_days)
    watched = np.atleast_1d(np.asarray(exposure_days, dtype=np.float64)) > 0
    columns = {name: np.atleast_1d(np.asarray(values)) for name, values in covariates.items()}
    for name, values in columns.items():
        if values.size != watched.size:
            raise LengthMismatchError({"failures": watched.size, name: values.size})
    design = design_matrix({name: values[watched] for name, values in columns.items()}, reference)
    if counts.sum() == 0:
        raise TooFewFailuresError("a regression of counts", 0, 1)
    empty = _levels_without_failures(design, counts)
    kept: npt.NDArray[np.bool_] = np.asarray(~(design.matrix[:, empty] > 0).any(axis=1))
    used = np.flatnonzero(~empty)
    fit = _fit(design.matrix[np.ix_(kept, used)], counts[kept], exposure[kept], family)
    groups = _groups(cluster, watched)
    covariance, freedom = _covariance(fit, design.matrix[np.ix_(kept, used)], counts[kept], groups, kept)
    ratios = []
    for row, (column, covariate) in enumerate(zip(design.columns, design.covariates, strict=True)):
        if empty[row]:
            ratios.append(_bound(design, counts, exposure, (row, used, kept), fit, confidence))
        else:
            place = 1 + int(np.searchsorted(used, row))
            error = math.sqrt(covariance[place, place])
            ratios.append(_wald(column, covariate, float(fit.coefficients[place]), error, freedom, confidence))
    spread = fit.means + fit.dispersion * fit.means**2
    rest = max(1, int(kept.sum()) - used.size - 1)
    return CountRegression(
        family=family,
        baseline_rate_per_day=math.exp(fit.coefficients[0]),
        ratios=tuple(ratios),
        references=design.references,
        dispersion=fit.dispersion,
        pearson_dispersion=float(((counts[kept] - fit.means) ** 2 / spread).sum()) / rest,
        deviance=_deviance(counts[kept], fit),
        log_likelihood=fit.log_likelihood,
        failures=int(counts.sum()),
        exposure_days=float(exposure.sum()),
        observations=counts.size,
        clusters=None if groups is None else int(groups.max()) + 1,
        confidence=confidence,
        warnings=tuple(
            f"Nothing failed in {design.columns[row]}; only an upper bound of its ratio is known."
            for row in np.flatnonzero(empty)
        ),
    )


def _levels_without_failures(design: DesignMatrix, counts: FloatArray) -> npt.NDArray[np.bool_]:
    empty = np.zeros(len(design.columns), dtype=np.bool_)
    for name, reference in design.references.items():
        own = np.array([covariate == name for covariate in design.covariates])
        levels = design.matrix[:, own]
        if counts @ (1.0 - levels.sum(axis=1)) == 0:
            raise ReferenceWithoutFailuresError(name, reference)
        empty[own] = counts @ levels == 0
    return empty


def _fit(matrix: FloatArray, counts: FloatArray, exposure: FloatArray, family: Family) -> _Fit:
    # Standardised columns keep the scoring stable whatever the units; `back` returns to the units given.
    centre = matrix.mean(axis=0)
    spread = matrix.std(axis=0)
    if (spread == 0).any():
        raise SeparationError
    size = matrix.shape[1] + 1
    full = np.column_stack([np.ones(counts.size), (matrix - centre) / spread])
    back = np.eye(size)
    back[1:, 1:] = np.diag(1.0 / spread)
    back[0, 1:] = -centre / spread
    start = np.zeros(size)
    start[0] = math.log(counts.sum() / exposure.sum())
    dispersion, previous = 0.0, -math.inf
    for _ in range(_ROUNDS):
        start, means = _score(full, counts, exposure, dispersion, start)
        if family == "poisson":
            break
        dispersion, value = best_dispersion(counts, means)
        if value - previous < 1e-10:
            break
        previous = value
    weight = means / (1.0 + dispersion * means)
    bread = back @ np.linalg.inv(full.T @ (weight[:, None] * full)) @ back.T
    return _Fit(back @ start, means, bread, dispersion, log_likelihood(counts, means, dispersion))


def _score(
    full: FloatArray, counts: FloatArray, exposure: FloatArray, dispersion: float, at: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Climb to the likeliest coefficients by Fisher scoring, halving steps that fall."""
    means = exposure * np.exp(full @ at)
    value = log_likelihood(counts, means, dispersion)
    for _ in range(_MOST_STEPS):
        weight = means / (1.0 + dispersion * means)
        slope = full.T @ ((counts - means) / (1.0 + dispersion * means))
        try:
            step = np.linalg.solve(full.T @ (weight[:, None] * full), slope)
        except np.linalg.LinAlgError:
            raise SeparationError from None
        if float(slope @ step) < 1e-16 * (1.0 + abs(value)):
            return at, means
        for _ in range(40):
            moved = exposure * np.exp(np.clip(full @ (at + step), -700.0, 300.0))
            higher = log_likelihood(counts, moved, dispersion)
            if higher >= value - 1e-12 * abs(value):
                break
            step = step / 2.0
        at, means, value = at + step, moved, higher
        if np.abs(at[1:]).max(initial=0.0) > _FARTHEST:
            raise SeparationError
    raise SeparationError


def _groups(cluster: npt.ArrayLike | None, watched: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp] | None:
    if cluster is None:
        return None
    labels = np.asarray(cluster)
    if labels.size != watched.size:
        raise LengthMismatchError({"failures": watched.size, "cluster": labels.size})
    return np.unique(labels[watched], return_inverse=True)[1]


def _covariance(
    fit: _Fit,
    matrix: FloatArray,
    counts: FloatArray,
    groups: npt.NDArray[np.intp] | None,
    kept: npt.NDArray[np.bool_],
) -> tuple[FloatArray, float]:
    if groups is None:
        return fit.bread, math.inf
    group = np.unique(groups[kept], return_inverse=True)[1]
    number = int(group.max()) + 1
    if number < 2:
        raise TooFewClustersError(number)
    residual = (counts - fit.means) / (1.0 + fit.dispersion * fit.means)
    scores = np.column_stack([np.ones(counts.size), matrix]) * residual[:, None]
    sums = np.column_stack([np.bincount(group, column) for column in scores.T])
    return fit.bread @ (sums.T @ sums) @ fit.bread * number / (number - 1), float(number - 1)


def _wald(
    column: str, covariate: str, coefficient: float, error: float, freedom: float, confidence: float
) -> RateRatio:
    clustered = math.isfinite(freedom)
    level = (1.0 + confidence) / 2.0
    reach = error * float(special.stdtrit(freedom, level) if clustered else special.ndtri(level))
    score = -abs(coefficient) / error if error > 0 else -math.inf
    p_value = 2.0 * float(special.stdtr(freedom, score) if clustered else special.ndtr(score))
    low, ratio, high = (math.exp(min(700.0, coefficient + shift)) for shift in (-reach, 0.0, reach))
    return RateRatio(column, covariate, ratio, low, high, p_value, error)


def _bound(
    design: DesignMatrix,
    counts: FloatArray,
    exposure: FloatArray,
    where: tuple[int, npt.NDArray[np.intp], npt.NDArray[np.bool_]],
    fit: _Fit,
    confidence: float,
) -> RateRatio:
    """Bound the ratio of a level without failures by the likelihood, maximised over all other effects."""
    row, used, kept = where
    level = design.matrix[:, row] > 0
    empty_elsewhere = np.setdiff1d(np.arange(len(design.columns)), [*used, row])
    rows = (kept | level) & ~(design.matrix[:, empty_elsewhere] > 0).any(axis=1)
    if not (rows & level).any():
        raise ZeroExposureError
    full = np.column_stack([np.ones(int(rows.sum())), design.matrix[np.ix_(rows, used)]])

    def fall(coefficient: float) -> float:
        offset = exposure[rows] * np.exp(coefficient * level[rows])
        means = _score(full, counts[rows], offset, fit.dispersion, fit.coefficients)[1]
        return fit.log_likelihood - log_likelihood(counts[rows], means, fit.dispersion)

    allowed = -math.log((1.0 - confidence) / 2.0)
    low, high = -1.0, 1.0
    while fall(low) > allowed and low > -_FARTHEST:
        low *= 2.0
    while fall(high) < allowed:
        high *= 2.0
        if high > _FARTHEST:
            raise SeparationError
    bound = math.exp(float(optimize.brentq(lambda b: fall(b) - allowed, low, high, xtol=1e-8)))
    p_value = float(special.chdtrc(1, max(0.0, 2.0 * fall(0.0))))
    return RateRatio(design.columns[row], design.covariates[row], 0.0, 0.0, bound, p_value, None)


def _deviance(counts: FloatArray, fit: _Fit) -> float:
    a, means = fit.dispersion, fit.means
    parts = special.xlogy(counts, np.where(counts > 0, counts, 1.0) / means)
    if a == 0:
        return 2.0 * float((parts - (counts - means)).sum())
    return 2.0 * float((parts - (counts + 1.0 / a) * np.log((1.0 + a * counts) / (1.0 + a * means))).sum())
