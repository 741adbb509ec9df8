"""The Weibull fit as one flat row: shape, scale and mean with intervals, and its distance from Kaplan–Meier."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray
from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.km_distance import km_distance
from models.lifetimes.parametric.lifetime_fit import LifetimeFit
from models.lifetimes.parametric.lives import Lives


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
        Intervals as `fit_lifetime` gives them: profile likelihood, unless the lives are very many.

    Raises
    ------
    NoEventsError
        Nothing failed.
    NotDeterminedError
        The likelihood has no maximum at a usable shape, as when all failures happen at the last time.
    ModelError
        The columns cannot be, as `risk_table`.

    Notes
    -----
    `fit_lifetime("Weibull", ...)` answers more questions; this is its summary.

    Examples
    --------
    >>> fit = fit_weibull([0, 0, 0, 50], [100, 200, 300, 250], [True, True, False, True])
    >>> f"shape {fit.shape:.2f}, mean {fit.mean_hours:.0f} h"
    'shape 2.45, mean 228 h'
    """
    lives = Lives.right_censored(entry_hours, exit_hours, observed, weights)
    return summary(fit_lifetime("Weibull", lives, confidence))


def summary(fit: LifetimeFit) -> WeibullEstimate:
    """Return the flat row of a Weibull fit.

    >>> fit = fit_lifetime("Weibull", Lives.right_censored([0, 0, 0], [100, 200, 300], [True, True, True]))
    >>> summary(fit).events
    3.0
    """
    scale, shape = fit.parameters["scale_hours"], fit.parameters["shape"]
    mean = fit.mean_hours
    distance = km_distance(fit.family, fit.theta, fit.lives.in_units_of(fit.unit_hours))
    return WeibullEstimate(
        shape=shape.value,
        shape_low=shape.low,
        shape_high=shape.high,
        scale_hours=scale.value,
        scale_low_hours=scale.low,
        scale_high_hours=scale.high,
        mean_hours=mean.value,
        mean_low_hours=mean.low,
        mean_high_hours=mean.high,
        log_likelihood=fit.log_likelihood,
        events=fit.events,
        units=fit.units,
        confidence=fit.confidence,
        km_distance=distance.distance,
        km_distance_hours=distance.distance_hours * fit.unit_hours,
        warnings=fit.warnings,
    )
