"""Spares: how many of these units fail in the next hours, with a prediction interval.

A prediction has two uncertainties: chance, even if the distribution were known, and the distribution, which was
estimated from few failures. Both are in the interval.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from models.errors import NotACountError
from models.guards import (
    FloatArray,
    checked_columns,
    checked_confidence,
    checked_count,
    checked_non_negative,
    checked_positive,
)
from models.lifetimes.parametric.family import Family
from models.lifetimes.parametric.lifetime_fit import LifetimeFit

# Draws times ages worked on at once.
_BLOCK: Final = 500_000
_MOST_ROUNDS: Final = 10_000
# Draws of a forecast: its limits are quantiles of them, known to about one unit in a hundred.
DRAWS: Final = 4000


@dataclass(frozen=True, slots=True, eq=False)
class SparesForecast:
    """How many units fail within the horizon.

    `failures` is the mean of the prediction, `low` and `high` hold the true number with at least the stated
    confidence; `predicted` are the drawn numbers themselves, None where the distribution has a closed form.
    `spares_for(chance)` says how many spares suffice.
    """

    failures: float
    low: int
    high: int
    units: float
    horizon_hours: float
    confidence: float
    replaced: bool
    warnings: tuple[str, ...]
    probability: FloatArray  # of 0, 1, 2, ... failures

    def spares_for(self, chance: float) -> int:
        """Return the smallest stock that suffices with a chance.

        >>> spares_from_rate(3, 30_000.0, 100, 1000.0).spares_for(0.95)
        25
        """
        checked_confidence(chance)
        return int(np.searchsorted(np.cumsum(self.probability), chance - 1e-12))


def spares_forecast(
    fit: LifetimeFit,
    ages_hours: npt.ArrayLike,
    horizon_hours: float,
    rng: np.random.Generator,
    counts: npt.ArrayLike | None = None,
    confidence: float = 0.9,
    *,
    replaced: bool = False,
    draws: int = DRAWS,
) -> SparesForecast:
    """Predict the failures of units of given ages.

    Parameters
    ----------
    fit : LifetimeFit
        The life distribution, of any family.
    ages_hours : array-like of shape (n_ages,)
        Ages now of the units in service.
    horizon_hours : float
        How far ahead.
    rng : numpy.random.Generator
        Source of chance.
    counts : array-like of shape (n_ages,), optional
        Units of each age; 1 each by default.
    confidence : float
        Coverage of the prediction interval.
    replaced : bool
        Whether a failed unit is replaced at once by a new one, which may fail in its turn.
    draws : int
        Futures simulated.

    Returns
    -------
    SparesForecast
        For units without replacement the number cannot exceed the units.

    Raises
    ------
    ModelError
        Ages, counts or horizon cannot be.

    Notes
    -----
    Each future takes its parameters from `LifetimeFit.draws`; given them, a unit of age a fails with chance
    1 - S(a + H) / S(a), independently of the others. With replacement the renewal process of each failed slot is
    followed to the horizon. Meeker and Escobar, Statistical Methods for Reliability Data (1998), chapter 12.

    Examples
    --------
    >>> from models.lifetimes.parametric.fit import fit_lifetime
    >>> from models.lifetimes.parametric.lives import Lives
    >>> fit = fit_lifetime("exponential", Lives.right_censored([0] * 3, [100, 200, 300], [True] * 3, [10, 10, 10]))
    >>> forecast = spares_forecast(fit, [50.0], 20.0, np.random.default_rng(1), counts=[100])
    >>> forecast.low < forecast.failures < forecast.high, round(forecast.failures)
    (True, 10)
    """
    checked_confidence(confidence)
    horizon = checked_positive("horizon_hours", horizon_hours)
    ages, many = checked_columns(
        ages_hours=ages_hours, counts=np.ones(np.size(ages_hours)) if counts is None else counts
    )
    if (many != np.rint(many)).any():
        raise NotACountError("counts", float(many[np.argmax(many != np.rint(many))]))
    checked_count("draws", draws)
    clock = _Clock(fit.family, ages / fit.unit_hours, horizon / fit.unit_hours, many.astype(np.int64))
    theta = fit.draws(draws, rng)
    step = max(1, _BLOCK // ages.size)
    blocks = [clock.failures(theta[row : row + step], rng, replaced=replaced) for row in range(0, draws, step)]
    failures = np.concatenate(blocks)
    return _forecast(
        np.bincount(failures) / draws,
        units=float(many.sum()),
        horizon_hours=horizon,
        confidence=confidence,
        replaced=replaced,
        warnings=_warnings(fit, float(ages.max()) + horizon),
    )


def spares_from_rate(
    failures: int, exposure_hours: float, units: float, horizon_hours: float, confidence: float = 0.9
) -> SparesForecast:
    """Predict failures at a constant rate known from a count over an exposure.

    Parameters
    ----------
    failures : int
        Failures seen.
    exposure_hours : float
        Unit-hours in which they were seen.
    units : float
        Units in service over the horizon, failed ones replaced.
    horizon_hours : float
        How far ahead.
    confidence : float
        Coverage of the prediction interval.

    Returns
    -------
    SparesForecast
        Also for no failures seen.

    Raises
    ------
    ModelError
        Counts or hours cannot be.

    Notes
    -----
    With k failures in exposure T the number in exposure U is negative binomial: below, with k failures and chance
    T / (T + U), above with k + 1. These limits invert the exact binomial comparison of two Poisson counts and hold with
    at least the stated confidence (Nelson 1970, Journal of Quality Technology 2:162). The probabilities are those of
    Jeffreys' prior, k + 1/2.

    Examples
    --------
    >>> forecast = spares_from_rate(10, 100_000.0, 100, 1000.0)
    >>> forecast.low, forecast.high
    (4, 19)
    """
    checked_confidence(confidence)
    count = checked_count("failures", failures)
    exposure = checked_positive("exposure_hours", exposure_hours)
    horizon = checked_positive("horizon_hours", horizon_hours)
    future = checked_non_negative("units", units) * horizon
    share = exposure / (exposure + future)
    predictive = stats.nbinom(count + 0.5, share)
    probability = predictive.pmf(np.arange(int(predictive.ppf(1.0 - 1e-9)) + 1))
    tail = (1.0 - confidence) / 2.0
    return SparesForecast(
        failures=float(predictive.mean()),
        low=int(stats.nbinom(count, share).ppf(tail)) if count else 0,
        high=int(stats.nbinom(count + 1, share).ppf(1.0 - tail)),
        units=float(units),
        horizon_hours=horizon,
        confidence=confidence,
        replaced=True,
        warnings=() if count else ("nothing failed so far: the forecast rests on the exposure without failures",),
        probability=np.asarray(probability / probability.sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Clock:
    """Units in service on the clock of a family."""

    family: Family
    ages: FloatArray
    horizon: float
    counts: npt.NDArray[np.int64]

    def failures(self, theta: FloatArray, rng: np.random.Generator, *, replaced: bool) -> npt.NDArray[np.int64]:
        """Return one number of failures per row of parameters."""
        ends = self.ages + self.horizon
        chance = -np.expm1(self.family.log_survival_between(self.ages, ends, theta))
        failed = rng.binomial(self.counts, np.clip(np.nan_to_num(chance), 0.0, 1.0))
        total = failed.sum(axis=1)
        if replaced:
            future, slot = (np.repeat(index, failed.ravel()) for index in np.indices(failed.shape).reshape(2, -1))
            left = self._hours_left(self.ages[slot], np.full(slot.size, self.horizon), theta[future], rng)
            total = total + self._renewals(future, left, theta, rng)
        return np.asarray(total, dtype=np.int64)

    def _renewals(
        self, future: npt.NDArray[np.intp], left: FloatArray, theta: FloatArray, rng: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        """Return how many replacements fail before the horizon, per row of parameters."""
        total = np.zeros(len(theta), dtype=np.int64)
        for _ in range(_MOST_ROUNDS):
            if not future.size:
                break
            life = self.family.age_at(-rng.exponential(size=(future.size, 1)), theta[future])[:, 0]
            again = life < left
            future, left = future[again], left[again] - life[again]
            total += np.bincount(future, minlength=len(theta))
        return total

    def _hours_left(
        self, age: FloatArray, window: FloatArray, theta: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Return how much of the window is left when a unit fails that is known to fail in it."""
        start = age[:, None]
        share = np.exp(self.family.log_survival_between(start, start + window[:, None], theta))
        here = self.family.log_survival(start, theta)
        at = self.family.age_at(here + np.log1p(-rng.random(start.shape) * (1.0 - share)), theta)
        return np.asarray(np.clip(window - (at - start)[:, 0], 0.0, window))


def _forecast(
    probability: FloatArray,
    *,
    units: float,
    horizon_hours: float,
    confidence: float,
    replaced: bool,
    warnings: tuple[str, ...],
) -> SparesForecast:
    tail = (1.0 - confidence) / 2.0
    reached = np.cumsum(probability)
    return SparesForecast(
        failures=float(probability @ np.arange(probability.size)),
        # The number lies below `low`, and above `high`, with a chance of at most the tail each.
        low=int(np.searchsorted(reached, tail, side="right")),
        high=int(np.searchsorted(reached, 1.0 - tail - 1e-12)),
        units=units,
        horizon_hours=horizon_hours,
        confidence=confidence,
        replaced=replaced,
        warnings=warnings,
        probability=probability,
    )


def _warnings(fit: LifetimeFit, oldest_hours: float) -> tuple[str, ...]:
    longest = fit.lives.longest_hours
    if oldest_hours <= longest * (1.0 + 1e-9) or math.isinf(longest):
        return fit.warnings
    beyond = (
        f"units reach {oldest_hours:.3g} h within the horizon, beyond the longest life seen, {longest:.3g} h: "
        "their failures are extrapolated"
    )
    return (*fit.warnings, beyond)
