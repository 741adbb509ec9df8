"""Does the distribution fit: its distance from Kaplan–Meier, judged by fleets simulated from it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.errors import ModelError
from models.guards import FloatArray, checked_count
from models.lifetimes.parametric.errors import FractionalWeightError, IntervalCensoredError
from models.lifetimes.parametric.fit import fit_lifetime
from models.lifetimes.parametric.km_distance import km_distance
from models.lifetimes.parametric.lifetime_fit import LifetimeFit
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.risk import risk_table
from models.lifetimes.survival import kaplan_meier

# A simulated fleet that cannot be fitted is no evidence either way; when many cannot, the p-value rests on few.
_MANY_REFUSED: Final = 0.1


@dataclass(frozen=True, slots=True)
class GoodnessOfFit:
    """Distance of a fit from the Kaplan–Meier curve and the chance of one as large if the fit were true.

    `fleets` were simulated and fitted; a p-value can be no smaller than 1 / (fleets + 1).
    """

    distance: float
    distance_hours: float
    p_value: float
    fleets: int
    warnings: tuple[str, ...]


def goodness_of_fit(fit: LifetimeFit, rng: np.random.Generator, fleets: int = 199) -> GoodnessOfFit:
    """Test a fit by parametric bootstrap under the same truncation and censoring.

    Parameters
    ----------
    fit : LifetimeFit
        With failures at exact ages and whole weights.
    rng : numpy.random.Generator
        Source of chance.
    fleets : int
        Simulated fleets; each is fitted anew.

    Returns
    -------
    GoodnessOfFit
        A small p-value says that the family does not describe the lives; a large one that they do not contradict it.

    Raises
    ------
    IntervalCensoredError
        Some life ended between two ages.
    FractionalWeightError
        Weights are not counts of units.

    Notes
    -----
    The Kolmogorov–Smirnov distance with parameters estimated in each fleet too (Stute, Gonzáles-Manteiga and
    Presedo-Quindimil 1993, Metrika 40:243). Each unit keeps its entry; the end of its watch is its own where it was
    censored, and where it failed is drawn from the Kaplan–Meier curve of watch times beyond its failure.

    Examples
    --------
    >>> rng = np.random.default_rng(5)
    >>> ages = 100.0 * rng.weibull(2.0, 60)
    >>> fit = fit_lifetime("Weibull", Lives.right_censored(np.zeros(60), ages, np.ones(60)))
    >>> goodness_of_fit(fit, rng, fleets=39).p_value > 0.05
    True
    """
    checked_count("fleets", fleets)
    if fit.lives.has_intervals:
        raise IntervalCensoredError("a test against Kaplan–Meier")
    units = _one_by_one(fit.lives)
    watch = _WatchTimes.of(units)
    observed = km_distance(fit.family, fit.theta, fit.lives.in_units_of(fit.unit_hours))
    as_far, fitted = 0, 0
    for _ in range(fleets):
        lives = _simulated(fit, units, watch.drawn(rng), rng)
        try:
            again = fit_lifetime(fit.family, lives, fit.confidence, "wald")
        except ModelError:
            continue
        fitted += 1
        distance = km_distance(again.family, again.theta, lives.in_units_of(again.unit_hours)).distance
        as_far += distance >= observed.distance
    warnings = []
    if fitted < (1.0 - _MANY_REFUSED) * fleets:
        warnings.append(f"only {fitted} of {fleets} simulated fleets could be fitted: the p-value rests on those")
    return GoodnessOfFit(
        distance=observed.distance,
        distance_hours=observed.distance_hours * fit.unit_hours,
        p_value=(as_far + 1.0) / (fitted + 1.0),
        fleets=fitted,
        warnings=tuple(warnings),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _WatchTimes:
    """How long each unit would have been watched had it not failed."""

    watched: FloatArray  # hours since entry
    failed: npt.NDArray[np.bool_]
    times: FloatArray  # steps of the Kaplan–Meier curve of the watch times
    survival: FloatArray

    @classmethod
    def of(cls, units: Lives) -> "_WatchTimes":
        watched, failed = units.lower_hours - units.entry_hours, units.failed
        curve = kaplan_meier(risk_table(np.zeros_like(watched), watched, ~failed))
        return cls(watched, failed, curve.time_hours, curve.survival)

    def drawn(self, rng: np.random.Generator) -> FloatArray:
        """Return hours since entry at which the watch of each unit ends; infinite beyond the end of the curve."""
        result = self.watched.copy()
        beyond = self.survival[np.searchsorted(self.times, self.watched[self.failed], side="right") - 1]
        level = beyond * rng.random(beyond.size)
        # The first step at or below the level; survival falls, hence the search from its end.
        step = self.survival.size - np.searchsorted(self.survival[::-1], level, side="right")
        result[self.failed] = np.where(
            step < self.times.size, self.times[np.minimum(step, self.times.size - 1)], np.inf
        )
        # Nobody was censored later than the last failure: such a watch had no end that was seen.
        return np.maximum(result, np.nextafter(0.0, 1.0))


def _one_by_one(lives: Lives) -> Lives:
    counts = np.rint(lives.weights)
    fractional = np.abs(counts - lives.weights) > 1e-9
    if fractional.any():
        raise FractionalWeightError(float(lives.weights[np.argmax(fractional)]))
    rows = np.repeat(np.arange(counts.size), counts.astype(np.int64))
    return Lives(lives.entry_hours[rows], lives.lower_hours[rows], lives.upper_hours[rows], np.ones(rows.size))


def _simulated(fit: LifetimeFit, units: Lives, watched: FloatArray, rng: np.random.Generator) -> Lives:
    """Return lives drawn from the fit beyond each entry, cut off at the end of each watch."""
    entry = units.entry_hours / fit.unit_hours
    before = fit.family.log_survival(entry, fit.theta)
    age = fit.family.age_at(before - rng.exponential(size=entry.size), fit.theta) * fit.unit_hours
    age = np.maximum(age, np.nextafter(units.entry_hours, np.inf))
    end = units.entry_hours + watched
    leave = np.minimum(age, end)
    # A unit that never fails and whose watch has no end cannot be; it is seen as long as anybody was.
    leave = np.where(np.isfinite(leave), leave, np.maximum(units.longest_hours, units.entry_hours * 2.0))
    return Lives(units.entry_hours, leave, np.where(age <= end, leave, np.inf), units.weights)
