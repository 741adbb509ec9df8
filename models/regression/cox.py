"""Cox proportional hazards: late entry, time-varying covariates, strata, weights, ties, cluster-robust errors.

Our own code, for speed and for what it says when data are few: a level without events gets a one-sided bound from the
profile likelihood instead of an enormous ratio. Equal to R's `coxph`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from models.guards import FloatArray, checked_confidence
from models.regression.counting_process import CountingProcess, IntArray, counting_process, row_codes
from models.regression.errors import CollinearCovariatesError, MonotoneLikelihoodError, NothingComparedError
from models.regression.partial_likelihood import Moments, Ties, evaluate, maximise, score_residuals

# Information left in a direction, as a share of that at zero, below which the likelihood rises in it for ever.
MONOTONE = 1e-6
# Below this many events per covariate a Wald interval leans on a normal shape that is not there yet.
FEW_EVENTS_PER_TERM = 10
# The sandwich is too small when few clusters feed it.
FEW_CLUSTERS = 30
SUBSAMPLE = 20_000


@dataclass(frozen=True, slots=True)
class HazardRatio:
    """A covariate's hazard ratio per unit of it, with interval.

    `interval` says how it was found: "wald", "robust" (Wald with the sandwich error), "profile" (likelihood ratio) or
    "bound" (one-sided: the estimate is zero or infinite). `standard_error` is the one the interval rests on, infinite
    beside a bound; `p_value` goes with the interval.
    """

    name: str
    hazard_ratio: float
    low: float
    high: float
    coefficient: float
    standard_error: float
    model_standard_error: float
    p_value: float
    interval: str


@dataclass(frozen=True, slots=True)
class ChiSquareTest:
    """A test statistic that is chi-square distributed when no covariate matters."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """A fitted proportional-hazards model; covariances are of the coefficients of `terms` in their order.

    `covariance` is the sandwich where clusters were given, else equal to `model_covariance`; rows and columns of terms
    with a bound are zero. `events` and `units` are sums of weights; `warnings` are sentences for the reader.
    """

    terms: tuple[HazardRatio, ...]
    covariance: FloatArray
    model_covariance: FloatArray
    log_likelihood: float
    null_log_likelihood: float
    likelihood_ratio_test: ChiSquareTest
    wald_test: ChiSquareTest
    score_test: ChiSquareTest
    events: float
    units: float
    ties: Ties
    confidence: float
    warnings: tuple[str, ...]
    lives: CountingProcess = field(repr=False)
    moments: Moments = field(repr=False)
    scaled_coefficients: FloatArray = field(repr=False)
    stratum_labels: tuple[str, ...] = field(repr=False)

    @property
    def coefficients(self) -> FloatArray:
        """Log hazard ratios."""
        return np.array([term.coefficient for term in self.terms])


def fit_cox(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    covariates: npt.ArrayLike,
    names: Sequence[str],
    *,
    weights: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    ties: Ties = "efron",
    confidence: float = 0.9,
) -> CoxFit:
    """Fit hazard ratios.

    Parameters
    ----------
    entry_hours, exit_hours : array-like of shape (n_rows,)
        Each row is at risk when entry < t <= exit. A unit whose covariates change is several rows, one after another.
    observed : array-like of bool, shape (n_rows,)
        True where the row ends by the event.
    covariates : array-like of shape (n_rows, n_covariates)
        Numbers; levels as 0 / 1 columns without the reference level.
    names : sequence of str
        One per covariate.
    weights : array-like of shape (n_rows,), optional
        How many like rows each stands for; 1 by default.
    strata : array-like of shape (n_rows,), optional
        Labels; each stratum has a baseline hazard of its own.
    clusters : array-like of shape (n_rows,), optional
        Labels of units that may fail together, such as hosts; they make the errors cluster-robust.
    ties : {"efron", "breslow"}
        Treatment of simultaneous events.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    CoxFit
        Intervals are Wald's (robust with clusters); without clusters and with fewer than ten events per covariate they
        come from the profile likelihood.

    Raises
    ------
    NoEventsInRegressionError, NothingComparedError
        No event, or none with another unit beside it.
    ConstantCovariateError, CollinearCovariatesError
        The covariates do not determine their coefficients.
    MonotoneLikelihoodError
        A combination of covariates separates events from the rest.
    ModelError
        The columns cannot be.

    Notes
    -----
    Cox, JRSS B 34 (1972); Lin and Wei, JASA 84 (1989), for the sandwich, as R's `coxph(cluster =)` without correction
    for few clusters; Heinze and Schemper, Biometrics 57 (2001), for monotone likelihoods.

    Examples
    --------
    >>> fit = fit_cox([0] * 6, [1, 2, 3, 4, 5, 6], [True] * 6, [[1], [0], [1], [0], [1], [0]], ["old firmware"])
    >>> round(fit.terms[0].hazard_ratio, 2), fit.terms[0].interval
    (1.88, 'profile')
    """
    checked_confidence(confidence)
    lives = counting_process(entry_hours, exit_hours, observed, covariates, names, weights, strata)
    cluster = None if clusters is None else row_codes("clusters", clusters, np.size(exit_hours))[lives.order]
    at_zero = evaluate(lives, np.zeros(len(lives.names)), ties)
    _check_comparable(lives, at_zero)
    scaled, at = maximise(lives, ties, _first_guess(lives, ties))
    endless = _endless_terms(lives, at_zero, at)
    model, used = _covariances(lives, at, ~endless, cluster)
    events = float(lives.weight[lives.event_rows].sum())
    few = lives.event_rows.size < FEW_EVENTS_PER_TERM * scaled.size
    terms = tuple(
        _term(lives, (scaled, at), place, endless, (model, used), ties, confidence, profile=few and cluster is None)
        for place in range(scaled.size)
    )
    degrees = scaled.size
    inside = np.flatnonzero(~endless)
    finite = scaled[inside] / lives.spread[inside]
    wald = float(finite @ np.linalg.solve(used[np.ix_(inside, inside)], finite)) if inside.size else 0.0
    labels = () if strata is None else tuple(str(label) for label in np.unique(np.asarray(strata)))
    return CoxFit(
        terms,
        used,
        model,
        at.log_likelihood,
        at_zero.log_likelihood,
        _chi_square(2 * (at.log_likelihood - at_zero.log_likelihood), degrees),
        _chi_square(wald, inside.size),
        _chi_square(float(at_zero.score @ np.linalg.solve(at_zero.information, at_zero.score)), degrees),
        events,
        float(lives.weight.sum()),
        ties,
        confidence,
        _warnings(lives, terms, cluster),
        lives,
        at,
        scaled,
        labels,
    )


def _first_guess(lives: CountingProcess, ties: Ties) -> FloatArray:
    """Return the coefficients of a regular sample of a large set of lives: they save rounds over all."""
    zero = np.zeros(len(lives.names))
    if lives.rows < 10 * SUBSAMPLE or lives.stratum[-1]:
        return zero
    some = slice(None, None, lives.rows // SUBSAMPLE)
    failed = np.zeros(lives.rows, dtype=bool)
    failed[lives.event_rows] = True
    raw = lives.scaled[:, some].T
    if failed[some].sum() < 100 or (np.ptp(raw, axis=0) == 0).any():
        return zero
    try:
        sample = counting_process(
            lives.entry[some], lives.exit[some], failed[some], raw, lives.names, lives.weight[some]
        )
        guess = maximise(sample, ties, zero)[0] / sample.spread
    except CollinearCovariatesError:  # a rare level is missing from the sample
        return zero
    return guess if np.abs(guess).max() < 3 else zero


def _check_comparable(lives: CountingProcess, at_zero: Moments) -> None:
    values, vectors = np.linalg.eigh(at_zero.information / at_zero.step_weight.sum())
    if values[-1] < 1e-12:
        raise NothingComparedError
    if values[0] < 1e-10:
        *others, last = _loaded(lives, vectors[:, 0])
        raise CollinearCovariatesError(last, others)


def _loaded(lives: CountingProcess, direction: FloatArray) -> list[str]:
    return [name for name, load in zip(lives.names, direction, strict=True) if abs(load) > 1e-3]


def _endless_terms(lives: CountingProcess, at_zero: Moments, at: Moments) -> npt.NDArray[np.bool_]:
    """Return which coefficients run to infinity on their own."""
    root = np.linalg.inv(np.linalg.cholesky(at_zero.information))
    values, vectors = np.linalg.eigh(root @ at.information @ root.T)
    endless = np.diag(at.information) < MONOTONE * np.diag(at_zero.information)
    if int((values < MONOTONE).sum()) != int(endless.sum()):
        raise MonotoneLikelihoodError(_loaded(lives, root.T @ vectors[:, 0]))
    return np.asarray(endless)


def _covariances(
    lives: CountingProcess, at: Moments, inside: npt.NDArray[np.bool_], cluster: IntArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return the model-based covariance and the one to use, on the scale of the covariates given."""
    model = np.zeros_like(at.information)
    block = np.ix_(inside, inside)
    model[block] = np.linalg.inv(at.information[block])
    scale = np.outer(lives.spread, lives.spread)
    if cluster is None:
        return model / scale, model / scale
    influence = model @ score_residuals(lives, at)
    summed = np.stack([np.bincount(cluster, row) for row in influence])
    return model / scale, summed @ summed.T / scale


def _term(
    lives: CountingProcess,
    peak: tuple[FloatArray, Moments],
    place: int,
    endless: npt.NDArray[np.bool_],
    covariances: tuple[FloatArray, FloatArray],
    ties: Ties,
    confidence: float,
    *,
    profile: bool,
) -> HazardRatio:
    scaled, at = peak
    spread = lives.spread[place]
    name, beta = lives.names[place], float(scaled[place] / spread)
    model_error, error = (math.sqrt(covariance[place, place]) for covariance in covariances)
    if not endless[place] and not profile:
        reach = float(stats.norm.ppf((1 + confidence) / 2)) * error
        kind = "wald" if covariances[0] is covariances[1] or model_error == error else "robust"
        p_value = float(2 * stats.norm.sf(abs(beta) / error))
        return HazardRatio(
            name, _exp(beta), _exp(beta - reach), _exp(beta + reach), beta, error, model_error, p_value, kind
        )
    free = ~endless
    free[place] = False

    def gap(value: float) -> float:
        start = scaled.copy()
        start[place] = value
        there = maximise(lives, ties, start, free)[1] if free.any() else evaluate(lives, start, ties)
        return 2 * (at.log_likelihood - there.log_likelihood)

    p_value = float(stats.chi2.sf(max(0.0, gap(0.0)), 1))
    if endless[place]:
        target = float(stats.norm.ppf(confidence)) ** 2
        end = float(scaled[place])
        if gap(0.0) > target:
            low_end, high_end = sorted((0.0, end))
            met = float(optimize.brentq(lambda value: gap(value) - target, low_end, high_end, xtol=1e-10))
        else:
            met = _where_gap_is(gap, target, 0.0, -math.copysign(1.0, beta))
        bound = _exp(met / spread)
        sign = math.copysign(math.inf, beta)
        low, high = (bound, math.inf) if beta > 0 else (0.0, bound)
        return HazardRatio(name, _exp(sign), low, high, sign, math.inf, math.inf, p_value, "bound")
    target = float(stats.norm.ppf((1 + confidence) / 2)) ** 2
    stride = error * spread
    low, high = (_exp(_where_gap_is(gap, target, float(scaled[place]), way * stride) / spread) for way in (-1, 1))
    return HazardRatio(name, _exp(beta), low, high, beta, error, model_error, p_value, "profile")


def _where_gap_is(gap: Callable[[float], float], target: float, start: float, stride: float) -> float:
    """Return where the deviance, rising along the stride, meets the target; infinite if it never does."""
    inner, outer = start, start + stride
    for _ in range(60):
        if gap(outer) > target:
            return float(optimize.brentq(lambda value: gap(value) - target, inner, outer, xtol=1e-10))
        inner, outer = outer, outer + stride
        stride *= 1.3
        if abs(outer) > 200:
            break
    return math.copysign(math.inf, stride)


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)


def _chi_square(statistic: float, degrees: int) -> ChiSquareTest:
    p_value = float(stats.chi2.sf(statistic, degrees)) if degrees else 1.0
    return ChiSquareTest(max(0.0, statistic), degrees, p_value)


def _warnings(lives: CountingProcess, terms: tuple[HazardRatio, ...], cluster: IntArray | None) -> tuple[str, ...]:
    found = [
        f"all or none of the events comparable fall to {term.name!r}: its hazard ratio is only bounded, "
        f"{'above ' + format(term.low, '.3g') if term.hazard_ratio > 1 else 'below ' + format(term.high, '.3g')}"
        for term in terms
        if term.interval == "bound"
    ]
    events, wanted = lives.event_rows.size, FEW_EVENTS_PER_TERM * len(terms)
    if events < wanted:
        found.append(
            f"{events} events for {len(terms)} covariates, fewer than {wanted}: "
            "hazard ratios tend to lie too far from 1, and intervals are rough"
        )
    if cluster is not None and np.unique(cluster).size < FEW_CLUSTERS:
        found.append(
            f"{np.unique(cluster).size} clusters, fewer than {FEW_CLUSTERS}: robust errors tend to be too small"
        )
    return tuple(found)
