"""Weibull lifetimes by maximum likelihood, with left truncation and right censoring.

For a given shape the best scale has a closed form, so the fit is a search over the shape alone: it cannot wander off,
and it says so when the data determine no shape. The result agrees with lifelines and with R's `survreg`.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from models.errors import NoEventsError, ShapeNotIdentifiedError
from models.guards import FloatArray, checked_confidence
from models.lifetimes.risk import RiskTable, checked_lives, risk_table
from models.lifetimes.survival import SMALL_RISK_SET, kaplan_meier

# Shapes outside are no lifetimes anybody has seen; a likelihood that still rises there determines no shape.
LOWEST_SHAPE = 0.05
HIGHEST_SHAPE = 100.0

# A likelihood whose curvature is this small against its size is flat: what looks like its maximum is rounding.
FLAT = 1e-9

# Fewer failures leave the shape uncertain by about a factor of two either way and its interval too narrow.
FEW_EVENTS = 10

# The fit is called bad when it leaves the pointwise Kaplan–Meier band of this level. The band is wide because the
# curve is looked at along its whole length, where a 90% band would cry wolf.
MISFIT_CONFIDENCE = 0.999


@dataclass(frozen=True, slots=True)
class WeibullEstimate:
    """Weibull lifetimes S(t) = exp(-(t / scale)^shape) with intervals.

    A shape below 1 means a hazard that falls with age (infant mortality), above 1 one that rises (wear-out). Limits are
    infinite where the data set none. `km_distance` is the largest gap between the fit and the Kaplan–Meier curve,
    found at `km_distance_hours`; `events` and `units` are sums of weights; `warnings` are sentences for the reader.
    """

    shape: float
    shape_low: float
    shape_high: float
    scale_hours: float
    scale_low_hours: float
    scale_high_hours: float
    mean_hours: float
    mean_low_hours: float
    mean_high_hours: float
    log_likelihood: float
    events: float
    units: float
    confidence: float
    km_distance: float
    km_distance_hours: float
    warnings: tuple[str, ...]

    def survival(self, time_hours: npt.ArrayLike) -> FloatArray:
        """Return the share of units that outlive each age.

        Parameters
        ----------
        time_hours : array-like of shape (n_times,)
            Ages in hours, zero or more; beyond the observed lives this extrapolates.

        Returns
        -------
        array of shape (n_times,)
            Survival, between 0 and 1.

        Notes
        -----
        exp(-(t / scale)^shape).

        Examples
        --------
        >>> fit = fit_weibull([0, 0, 0], [100, 200, 300], [True, True, True])
        >>> fit.survival([0.0, fit.scale_hours]).round(3).tolist()
        [1.0, 0.368]
        """
        ages = np.asarray(time_hours, dtype=np.float64)
        return np.asarray(np.exp(-((ages / self.scale_hours) ** self.shape)), dtype=np.float64)


def fit_weibull(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    confidence: float = 0.9,
) -> WeibullEstimate:
    """Fit a Weibull distribution to lifetimes that may enter late and may be censored.

    Parameters
    ----------
    entry_hours : array-like of shape (n_units,)
        Age when observation of the unit began; 0 unless it was already running then (left truncation).
    exit_hours : array-like of shape (n_units,)
        Age when it failed or was last seen.
    observed : array-like of bool, shape (n_units,)
        True where the unit failed at its exit, False where it is censored.
    weights : array-like of shape (n_units,), optional
        How many like units each stands for; 1 each by default.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    WeibullEstimate
        Intervals are symmetric on the logarithmic scale, from the observed information.

    Raises
    ------
    NoEventsError
        Nothing failed.
    ShapeNotIdentifiedError
        The likelihood has no maximum at a usable shape, as when all failures happen at the last time.
    ModelError
        The columns cannot be, as `risk_table`.

    Notes
    -----
    The log-likelihood is the sum of w (d log h(exit) - H(exit) + H(entry)) with H(t) = (t / scale)^shape. With D
    failures its maximum over the scale lies at scale^shape = sum w (exit^shape - entry^shape) / D. Klein and
    Moeschberger, Survival Analysis (2003), chapters 3.5 and 12.2.

    Examples
    --------
    >>> fit = fit_weibull([0, 0, 0, 50], [100, 200, 300, 250], [True, True, False, True])
    >>> f"shape {fit.shape:.2f} ({fit.shape_low:.2f} .. {fit.shape_high:.2f}), mean {fit.mean_hours:.0f} h"
    'shape 2.45 (1.04 .. 5.80), mean 228 h'
    """
    checked_confidence(confidence)
    entry, leave, failed, weight = checked_lives(entry_hours, exit_hours, observed, weights)
    if not failed.any():
        raise NoEventsError(leave.size)
    likelihood = _Likelihood.of_lives(entry, leave, failed, weight)
    shape = _likeliest_shape(likelihood)
    scale = likelihood.longest_hours * math.exp(likelihood.log_scale(shape))
    mean = scale * math.gamma(1.0 + 1.0 / shape)
    factors = _limit_factors(likelihood, shape, confidence)
    misfit = _misfit(risk_table(entry, leave, failed, weight), shape, scale, origin_hours=float(entry.min()))
    return WeibullEstimate(
        shape=shape,
        shape_low=shape / factors[0],
        shape_high=shape * factors[0],
        scale_hours=scale,
        scale_low_hours=scale / factors[1],
        scale_high_hours=scale * factors[1],
        mean_hours=mean,
        mean_low_hours=mean / factors[2],
        mean_high_hours=mean * factors[2],
        log_likelihood=likelihood.profile(shape) - likelihood.events * math.log(likelihood.longest_hours),
        events=likelihood.events,
        units=float(weight.sum()),
        confidence=confidence,
        km_distance=misfit.distance,
        km_distance_hours=misfit.distance_hours,
        warnings=_warnings(likelihood, mean, misfit),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihood:
    """The Weibull likelihood of some lives, in logarithms of age over the longest age, which keeps powers small."""

    longest_hours: float
    weight: FloatArray
    log_exit: FloatArray
    log_entry_over_exit: FloatArray
    events: float
    event_log_sum: float

    @classmethod
    def of_lives(
        cls, entry: FloatArray, leave: FloatArray, failed: npt.NDArray[np.bool_], weight: FloatArray
    ) -> "_Likelihood":
        longest = float(leave.max())
        log_exit = np.log(leave / longest)
        # log1p keeps lives that are short against their age; an entry at age 0 stays minus infinity.
        log_ratio = np.log1p(-(leave - entry) / leave, out=np.full_like(leave, -np.inf), where=entry > 0)
        return cls(
            longest_hours=longest,
            weight=weight,
            log_exit=log_exit,
            log_entry_over_exit=log_ratio,
            events=float(weight[failed].sum()),
            event_log_sum=float((weight[failed] * log_exit[failed]).sum()),
        )

    def hazard_moment(self, shape: float, log_scale: float, power: int) -> float:
        """Sum w (x^power exp(shape x) - y^power exp(shape y)), x and y being log age over scale at exit and entry.

        Written as x^power (exp(shape x) - exp(shape y)) + (x^power - y^power) exp(shape y), which does not cancel.
        """
        at_exit = self.log_exit - log_scale
        accrued = -np.expm1(shape * self.log_entry_over_exit) * np.exp(shape * at_exit)
        total = float((self.weight * at_exit**power * accrued).sum())
        if power == 0:
            return total
        late = np.isfinite(self.log_entry_over_exit)
        log_ratio = self.log_entry_over_exit[late]
        at_entry = at_exit[late] + log_ratio
        power_gap = -log_ratio * (at_exit[late] + at_entry) ** (power - 1)  # for the powers 1 and 2
        return total + float((self.weight[late] * power_gap * np.exp(shape * at_entry)).sum())

    def log_scale(self, shape: float) -> float:
        """Logarithm of the likeliest scale for a shape: where expected failures equal those seen."""
        return math.log(self.hazard_moment(shape, 0.0, 0) / self.events) / shape

    def profile(self, shape: float) -> float:
        """Log-likelihood of a shape at its likeliest scale."""
        log_hazard = math.log(shape) - shape * self.log_scale(shape)
        return self.events * (log_hazard - 1.0) + (shape - 1.0) * self.event_log_sum


@dataclass(frozen=True, slots=True)
class _Misfit:
    distance: float
    distance_hours: float
    leaves_band_hours: float | None


def _likeliest_shape(likelihood: _Likelihood) -> float:
    grid = np.linspace(math.log(LOWEST_SHAPE), math.log(HIGHEST_SHAPE), 80)
    profile = [likelihood.profile(math.exp(log_shape)) for log_shape in grid]
    best = int(np.argmax(profile))
    if best in (0, grid.size - 1):
        raise ShapeNotIdentifiedError(likelihood.events, LOWEST_SHAPE, HIGHEST_SHAPE)
    found = optimize.minimize_scalar(
        lambda log_shape: -likelihood.profile(math.exp(log_shape)),
        bounds=(grid[best - 1], grid[best + 1]),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return math.exp(float(found.x))


def _limit_factors(likelihood: _Likelihood, shape: float, confidence: float) -> tuple[float, float, float]:
    """Return by which factor the limits of shape, scale and mean lie from the estimate.

    From the observed information of (log shape, log scale) at the maximum, where the score is zero, and for the
    logarithm of the mean, log scale + log Gamma(1 + 1/shape), by the delta method.
    """
    log_scale = likelihood.log_scale(shape)
    first, second = (likelihood.hazard_moment(shape, log_scale, power) for power in (1, 2))
    shape_information = likelihood.events + shape**2 * second
    scale_information = shape**2 * likelihood.events
    cross_information = -(shape**2) * first
    determinant = shape_information * scale_information - cross_information**2
    if determinant <= FLAT * shape_information * scale_information:
        raise ShapeNotIdentifiedError(likelihood.events, LOWEST_SHAPE, HIGHEST_SHAPE)
    shape_variance = scale_information / determinant
    scale_variance = shape_information / determinant
    covariance = -cross_information / determinant
    slope = -float(special.digamma(1.0 + 1.0 / shape)) / shape
    mean_variance = scale_variance + slope**2 * shape_variance + 2.0 * slope * covariance
    z = float(special.ndtri(0.5 + confidence / 2.0))
    shape_factor, scale_factor, mean_factor = (
        _exp_or_infinite(z * math.sqrt(variance)) for variance in (shape_variance, scale_variance, mean_variance)
    )
    return shape_factor, scale_factor, mean_factor


def _exp_or_infinite(exponent: float) -> float:
    return math.exp(exponent) if exponent < 700.0 else math.inf


def _misfit(table: RiskTable, shape: float, scale_hours: float, origin_hours: float) -> _Misfit:
    """Compare the fit with the Kaplan–Meier curve, both given survival to the first entry."""
    curve = kaplan_meier(table, MISFIT_CONFIDENCE)
    # Between failures the curve is flat and the fit falls, so the largest gap is at a failure or at the end.
    rows = np.flatnonzero(table.events > 0)
    rows = np.union1d(rows, table.time_hours.size - 1)
    times = table.time_hours[rows]
    with np.errstate(divide="ignore"):  # a curve from age 0 on is conditional on nothing: log 0
        accrued = -np.expm1(shape * np.log(origin_hours / times)) * (times / scale_hours) ** shape
    fitted = np.exp(-accrued)
    before, after = curve.survival[rows], curve.survival[rows + 1]
    gap = np.maximum(np.abs(fitted - before), np.abs(fitted - after))
    outside = (fitted > curve.high[rows]) | (fitted < curve.low[rows + 1])
    # The band rests on the failures so far and on the units at risk: with few of either it is no judge.
    outside &= (table.at_risk >= SMALL_RISK_SET)[rows] & (np.cumsum(table.events) >= FEW_EVENTS)[rows]
    worst = int(np.argmax(gap))
    return _Misfit(
        distance=float(gap[worst]),
        distance_hours=float(times[worst]),
        leaves_band_hours=float(times[np.argmax(outside)]) if outside.any() else None,
    )


def _warnings(likelihood: _Likelihood, mean_hours: float, misfit: _Misfit) -> tuple[str, ...]:
    warnings = []
    if likelihood.events < FEW_EVENTS:
        warnings.append(
            f"few failures ({likelihood.events:g}): the intervals are wide, and hold less than they promise"
        )
    if mean_hours > likelihood.longest_hours:
        warnings.append(
            f"the mean of {mean_hours:.3g} h lies beyond the longest life seen, {likelihood.longest_hours:.3g} h: "
            "it is an extrapolation"
        )
    if misfit.leaves_band_hours is not None:
        warnings.append(
            f"a Weibull does not fit: at {misfit.leaves_band_hours:.3g} h it leaves the {MISFIT_CONFIDENCE:.1%} band "
            "of the Kaplan–Meier curve"
        )
    return tuple(warnings)
