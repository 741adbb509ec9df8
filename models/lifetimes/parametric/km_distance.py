"""How far a fitted distribution lies from the Kaplan–Meier curve of the same lives."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.guards import FloatArray
from models.lifetimes.parametric.errors import IntervalCensoredError
from models.lifetimes.parametric.family import Family
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.risk import RiskTable, risk_table
from models.lifetimes.survival import SMALL_RISK_SET, kaplan_meier

# The fit is called bad when it leaves the pointwise Kaplan–Meier band of this level. The band is wide because the
# curve is looked at along its whole length, where a 90% band would cry wolf.
MISFIT_CONFIDENCE: Final = 0.999

# Fewer failures make the band no judge.
FEWEST_FAILURES: Final = 10


@dataclass(frozen=True, slots=True)
class KmDistance:
    """The largest gap, its age, and the first age at which the fit leaves the band; None if it never does."""

    distance: float
    distance_hours: float
    leaves_band_hours: float | None


def km_distance(family: Family, theta: FloatArray, lives: Lives) -> KmDistance:
    """Compare a distribution with the Kaplan–Meier curve, both given survival to the first entry.

    Parameters
    ----------
    family : Family
        The distribution.
    theta : array of shape (n_parameters,)
        Its working parameters on the clock of the lives.
    lives : Lives
        Failures at exact ages; on any clock.

    Returns
    -------
    KmDistance
        The gap is a share between 0 and 1.

    Raises
    ------
    IntervalCensoredError
        Some life ended between two ages, where there is no Kaplan–Meier curve.

    Notes
    -----
    The Kolmogorov–Smirnov distance for censored data (Koziol 1980, Biometrika 67:693).

    Examples
    --------
    >>> from models.lifetimes.parametric.location_scale import Exponential
    >>> lives = Lives.right_censored([0, 0], [1.0, 2.0], [True, True])
    >>> round(km_distance(Exponential(), np.array([0.0]), lives).distance, 3)  # 1 - 1/e before the first failure
    0.632
    """
    if lives.has_intervals:
        raise IntervalCensoredError("a Kaplan–Meier curve")
    table = risk_table(lives.entry_hours, lives.lower_hours, lives.failed, lives.weights)
    return distance_to_table(family, theta, table, origin=float(lives.entry_hours.min()))


def distance_to_table(family: Family, theta: FloatArray, table: RiskTable, origin: float) -> KmDistance:
    """Compare with the curve of a risk table whose lives entered from an age on.

    >>> from models.lifetimes.parametric.location_scale import Exponential
    >>> table = risk_table([0, 0], [1.0, 2.0], [True, True])
    >>> distance_to_table(Exponential(), np.array([0.0]), table, 0.0).distance_hours
    1.0
    """
    curve = kaplan_meier(table, MISFIT_CONFIDENCE)
    # Between failures the curve is flat and the fit falls, so the largest gap is at a failure or at the end.
    rows = np.union1d(np.flatnonzero(table.events > 0), table.time_hours.size - 1)
    times = table.time_hours[rows]
    fitted = np.exp(family.log_survival_between(np.full_like(times, origin), times, theta))
    before, after = curve.survival[rows], curve.survival[rows + 1]
    gap = np.maximum(np.abs(fitted - before), np.abs(fitted - after))
    outside = (fitted > curve.high[rows]) | (fitted < curve.low[rows + 1])
    # The band rests on the failures so far and on the units at risk: with few of either it is no judge.
    outside &= (table.at_risk >= SMALL_RISK_SET)[rows] & (np.cumsum(table.events) >= FEWEST_FAILURES)[rows]
    worst = int(np.argmax(gap))
    return KmDistance(
        distance=float(gap[worst]),
        distance_hours=float(times[worst]),
        leaves_band_hours=float(times[np.argmax(outside)]) if outside.any() else None,
    )
