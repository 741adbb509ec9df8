"""Shared gamma frailty: units of one host share a factor of their hazard, of mean 1 and unknown variance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from models.guards import FloatArray, checked_confidence
from models.regression.counting_process import CountingProcess, IntArray, counting_process, row_codes
from models.regression.cox import ChiSquareTest, HazardRatio, fit_cox
from models.regression.errors import HostsNotRepeatedError, MonotoneLikelihoodError, NotConvergedError
from models.regression.partial_likelihood import Moments, Ties, evaluate, expected_events, maximise

LOWEST_VARIANCE, HIGHEST_VARIANCE = 1e-5, 50.0
SETTLED = 1e-9
MOST_ROUNDS = 3000


@dataclass(frozen=True, slots=True, eq=False)
class FrailtyFit:
    """Hazard ratios within a host, the variance of the hosts' factors with interval, and each host's factor.

    `no_frailty_test` has half its weight at zero when hosts are alike, and its p-value says so. `variance_low` is 0
    where the data do not exclude equal hosts; `variance_high` is infinite where they set no limit.
    """

    terms: tuple[HazardRatio, ...]
    variance: float
    variance_low: float
    variance_high: float
    hosts: tuple[str, ...]
    host_factors: FloatArray
    log_likelihood: float
    no_frailty_log_likelihood: float
    no_frailty_test: ChiSquareTest
    confidence: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Peak:
    coefficients: FloatArray
    log_factors: FloatArray
    log_likelihood: float
    slope: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Hosts:
    lives: CountingProcess
    host: IntArray
    events: FloatArray
    ties: Ties

    def peak(self, variance: float, near: _Peak, free: npt.NDArray[np.bool_]) -> _Peak:
        """Return the largest marginal likelihood at a variance, over the baseline, factors and free coefficients.

        Expectation and maximisation, their pace doubled by squared extrapolation (Varadhan and Roland, Scandinavian
        Journal of Statistics 35 (2008)).
        """
        factors, coefficients = near.log_factors, near.coefficients
        for _ in range(MOST_ROUNDS):
            once, coefficients, _ = self._round(variance, factors, coefficients, free)
            twice, coefficients, _ = self._round(variance, once, coefficients, free)
            change, bend = once - factors, twice - 2 * once + factors
            if np.abs(twice - once).max() < SETTLED:
                _, coefficients, at = self._round(variance, twice, coefficients, free)
                return self._described(variance, twice, coefficients, at)
            length = -max(1.0, min(50.0, float(np.sqrt((change @ change) / max(float(bend @ bend), 1e-300)))))
            factors = factors - 2 * length * change + length**2 * bend
            if np.abs(factors).max() > 50:
                factors = twice
        raise NotConvergedError(MOST_ROUNDS)

    def _round(
        self, variance: float, factors: FloatArray, coefficients: FloatArray, free: npt.NDArray[np.bool_]
    ) -> tuple[FloatArray, FloatArray, Moments]:
        offset = factors[self.host]
        if free.any():
            coefficients, at = maximise(self.lives, self.ties, coefficients, free, offset)
        else:
            at = evaluate(self.lives, coefficients, self.ties, offset)
        met = self._hazard_met(at, factors)
        return np.log((self.events + 1 / variance) / (met + 1 / variance)), coefficients, at

    def _hazard_met(self, at: Moments, factors: FloatArray) -> FloatArray:
        expected = expected_events(self.lives, at.risk, at.jump, at.thinned)
        return np.asarray(np.bincount(self.host, expected, factors.size) / np.exp(factors))

    def _described(self, variance: float, factors: FloatArray, coefficients: FloatArray, at: Moments) -> _Peak:
        shape, met, events = 1 / variance, self._hazard_met(at, factors), self.events
        marginal = special.gammaln(events + shape) - special.gammaln(shape) - events * math.log(shape)
        marginal -= (events + shape) * np.log1p(met / shape)
        value = at.log_likelihood - float(events @ factors) + float(marginal.sum()) + float(events.sum())
        slope = special.digamma(events + shape) - special.digamma(shape) - np.log1p(met / shape)
        slope += (met - events) / (met + shape)
        return _Peak(coefficients, factors, value, np.append(at.score, -shape * float(slope.sum())))


def fit_gamma_frailty(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    covariates: npt.ArrayLike,
    names: Sequence[str],
    hosts: npt.ArrayLike,
    *,
    ties: Ties = "efron",
    confidence: float = 0.9,
) -> FrailtyFit:
    """Fit hazard ratios and the variance of a factor that the units of a host share.

    Parameters
    ----------
    entry_hours, exit_hours, observed, covariates, names, ties, confidence
        As `fit_cox`.
    hosts : array-like of shape (n_rows,)
        Label of each row's host.

    Returns
    -------
    FrailtyFit
        Errors of the terms are Wald's and include the uncertainty of the variance, whose interval is by profile
        likelihood.

    Raises
    ------
    HostsNotRepeatedError
        Hosts of one row each, or a single host.
    ModelError
        As `fit_cox`; a covariate that is only bounded raises `MonotoneLikelihoodError`.

    Notes
    -----
    Nielsen et al., Scandinavian Journal of Statistics 19 (1992), for the marginal likelihood and its maximisation;
    Murphy and van der Vaart, JASA 95 (2000), for the information from the profile likelihood. Late entry is treated as
    R's `coxph(frailty())` does: factors of hosts seen late are not conditioned on their survival before entry.

    Examples
    --------
    >>> x = [[0], [1], [0], [1], [0], [1], [1], [0]]
    >>> fit = fit_gamma_frailty([0] * 8, [1, 2, 8, 9, 3, 1.5, 7, 9.5], [True] * 8, x, ["x"], [1, 1, 2, 2, 3, 3, 4, 4])
    >>> fit.variance_low <= fit.variance <= fit.variance_high
    True
    """
    checked_confidence(confidence)
    plain = fit_cox(entry_hours, exit_hours, observed, covariates, names, ties=ties, confidence=confidence)
    bounded = [term.name for term in plain.terms if term.interval == "bound"]
    if bounded:
        raise MonotoneLikelihoodError(bounded)
    lives = counting_process(entry_hours, exit_hours, observed, covariates, names)
    labels = np.unique(np.asarray(hosts))
    host: IntArray = row_codes("hosts", hosts, np.size(exit_hours))[lives.order]
    if labels.size < 2 or labels.size == lives.rows:
        raise HostsNotRepeatedError(labels.size)
    events = np.asarray(np.bincount(host[lives.event_rows], lives.weight[lives.event_rows], labels.size), np.float64)
    model = _Hosts(lives, host, events, ties)
    everything = np.ones(len(lives.names), dtype=bool)
    none = _Peak(plain.scaled_coefficients, np.zeros(labels.size), plain.log_likelihood, np.zeros(0))

    def height(log_variance: float) -> float:
        return model.peak(math.exp(log_variance), none, everything).log_likelihood

    ends = math.log(LOWEST_VARIANCE), math.log(HIGHEST_VARIANCE)
    found = optimize.minimize_scalar(
        lambda place: -height(place), bounds=ends, method="bounded", options={"xatol": 1e-7}
    )
    best = model.peak(math.exp(found.x), none, everything)
    gain = 2 * (best.log_likelihood - none.log_likelihood)
    alike = gain < 1e-7
    warnings = list(plain.warnings)
    if alike:
        warnings.append(
            "the hosts differ no more than chance makes them: the variance of their factors is estimated as 0"
        )
        best, log_variance, gain = none, ends[0], 0.0
        covariance = plain.model_covariance
    else:
        log_variance = float(found.x)
        covariance = _covariance(model, best, log_variance)
    target = float(stats.norm.ppf((1 + confidence) / 2)) ** 2

    def gap(place: float) -> float:
        return 2 * (best.log_likelihood - height(place)) - target

    low = 0.0 if gain <= target else math.exp(optimize.brentq(gap, ends[0], log_variance, xtol=1e-6))
    high = math.inf if gap(ends[1]) < 0 else math.exp(optimize.brentq(gap, log_variance, ends[1], xtol=1e-6))
    p_value = 1.0 if alike else float(stats.chi2.sf(gain, 1)) / 2
    return FrailtyFit(
        _terms(lives, best.coefficients / lives.spread, covariance, confidence),
        0.0 if alike else math.exp(log_variance),
        low,
        high,
        tuple(str(label) for label in labels),
        np.exp(best.log_factors),
        best.log_likelihood,
        none.log_likelihood,
        ChiSquareTest(gain, 1, p_value),
        confidence,
        tuple(warnings),
    )


def _covariance(model: _Hosts, best: _Peak, log_variance: float) -> FloatArray:
    """Return the coefficients' covariance from the curvature of the profile likelihood, over the variance too."""
    middle = np.append(best.coefficients, log_variance)
    fixed = np.zeros(best.coefficients.size, dtype=bool)
    stride = 1e-3
    rows = []
    for place in range(middle.size):
        slopes = []
        for way in (-stride, stride):
            moved = middle.copy()
            moved[place] += way
            near = _Peak(moved[:-1], best.log_factors, 0.0, np.zeros(0))
            slopes.append(model.peak(math.exp(moved[-1]), near, fixed).slope)
        rows.append((slopes[0] - slopes[1]) / (2 * stride))
    information = np.array(rows)
    inverse = np.linalg.inv((information + information.T) / 2)[:-1, :-1]
    return np.asarray(inverse / np.outer(model.lives.spread, model.lives.spread))


def _terms(
    lives: CountingProcess, coefficients: FloatArray, covariance: FloatArray, confidence: float
) -> tuple[HazardRatio, ...]:
    errors = np.sqrt(np.diag(covariance))
    reach = float(stats.norm.ppf((1 + confidence) / 2)) * errors
    return tuple(
        HazardRatio(
            name,
            math.exp(beta),
            math.exp(beta - far),
            math.exp(beta + far),
            float(beta),
            float(error),
            float(error),
            float(2 * stats.norm.sf(abs(beta) / error)),
            "wald",
        )
        for name, beta, far, error in zip(lives.names, coefficients, reach, errors, strict=True)
    )
