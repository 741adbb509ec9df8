"""Crow–AMSAA: failures of repairable systems whose intensity is a power of age, λ β t^(β-1).

Below 1, β means growth; above 1, wear-out. Systems may enter late and leave when they please.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from models.guards import FloatArray, checked_columns, checked_confidence
from models.recurrence.errors import FailuresAtStartError, LateStartError, TooFewFailuresError
from models.recurrence.units import Recurrences

#: fewer failures leave intervals from the curvature of the likelihood too narrow
_FEW: Final = 20
_LOG_SHAPE: Final = (-12.0, 12.0)
_DRAWS: Final = 9_999


@dataclass(frozen=True, slots=True, eq=False)
class PowerLawProcess:
    """A fitted power law; `covariance` is of (log λ, log β), with λ per hour^β in units of `unit_hours`.

    `shape_method` is "chi-square" where the interval of the shape is exact, else "profile likelihood".
    """

    scale: float
    shape: float
    unbiased_shape: float
    shape_low: float
    shape_high: float
    shape_method: str
    unit_hours: float
    covariance: FloatArray
    failures: int
    systems: int
    log_likelihood: float
    confidence: float
    warnings: tuple[str, ...]

    def cumulative(self, time_hours: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return expected failures of one system by each age, and the limits of its band."""
        (time,) = checked_columns(time_hours=time_hours)
        age = np.maximum(time / self.unit_hours, np.finfo(float).tiny)
        return self._band(self.scale * age**self.shape, np.log(age) * self.shape)

    def mtbf_hours(self, time_hours: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the mean time between failures at each age above zero, and the limits of its band."""
        (time,) = checked_columns(time_hours=time_hours)
        age = np.maximum(time / self.unit_hours, np.finfo(float).tiny)
        mtbf = self.unit_hours / (self.scale * self.shape * age ** (self.shape - 1.0))
        return self._band(mtbf, 1.0 + np.log(age) * self.shape)

    def _band(self, value: FloatArray, by_log_shape: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        (scale, both), (_, shape) = self.covariance
        variance = scale + 2.0 * by_log_shape * both + by_log_shape**2 * shape
        reach = special.ndtri((1.0 + self.confidence) / 2.0) * np.sqrt(np.maximum(variance, 0.0))
        factor = np.exp(np.minimum(700.0, reach))
        return value, value / factor, value * factor


def fit_power_law(
    recurrences: Recurrences, confidence: float = 0.9, *, failure_truncated: bool = False
) -> PowerLawProcess:
    """Fit a power law process by maximum likelihood.

    Parameters
    ----------
    recurrences : Recurrences
        One system or several of one kind.
    confidence : float
        Nominal coverage of the intervals.
    failure_truncated : bool
        Observation was ended by the last failure of every system, not by the calendar.

    Returns
    -------
    PowerLawProcess
        The unbiased shape is (n - 1) / n of the likeliest, (n - systems - 1) / n when failure-truncated, and 0 where
        the failures are too few for it.

    Raises
    ------
    TooFewFailuresError, FailuresAtStartError, ConfidenceOutOfRangeError
        Fewer than two failures (three when failure-truncated), or no shape in them.

    Notes
    -----
    Crow (1974; 1990, Technometrics 32:79). The shape's interval is exact when all systems start at zero and end
    together: 2 n β / β̂ is chi-square with 2n degrees of freedom (2(n - systems) when failure-truncated); else profile
    likelihood. Bands: Fisher information on the log scale.

    Examples
    --------
    >>> wear = fit_power_law(Recurrences([0.0], [100.0], [0] * 6, [30, 50, 66, 78, 88, 97]))
    >>> f"{wear.shape:.2f} ({wear.shape_low:.2f} .. {wear.shape_high:.2f})"
    '2.21 (0.96 .. 3.87)'
    """
    checked_confidence(confidence)
    number, systems = recurrences.time_hours.size, recurrences.start_hours.size
    needed = systems + 2 if failure_truncated else 2
    if number < needed:
        raise TooFewFailuresError("a power law", number, needed)
    unit = float(recurrences.end_hours.max())
    start, end, time = (c / unit for c in (recurrences.start_hours, recurrences.end_hours, recurrences.time_hours))
    logs = float(np.log(time).sum())

    def profile(log_shape: float) -> float:
        shape = math.exp(log_shape)
        return number * (log_shape - math.log(_spans(start, end, shape)[0])) + (shape - 1.0) * logs

    def slope(log_shape: float) -> float:
        span, first = _spans(start, end, math.exp(log_shape))
        return number * math.exp(-log_shape) + logs - number * first / span

    low, high = _LOG_SHAPE
    if not slope(low) > 0 > slope(high):
        raise FailuresAtStartError
    centre = float(optimize.brentq(slope, low, high, xtol=1e-13))
    shape = math.exp(centre)
    span = _spans(start, end, shape)[0]
    freedom = 2 * (number - systems) if failure_truncated else 2 * number
    if not start.any() and end.min() == end.max():
        tail = (1.0 - confidence) / 2.0
        limits = [shape * float(special.gammaincinv(freedom / 2, p)) / number for p in (tail, 1.0 - tail)]
        method = "chi-square"
    else:
        limits = _profile_limits(profile, centre, confidence)
        method = "profile likelihood"
    few = (f"{number} failures: the bands rest on a likelihood that is not yet symmetric.",) if number < _FEW else ()
    return PowerLawProcess(
        scale=number / span,
        shape=shape,
        unbiased_shape=shape * (number - 1 - (systems if failure_truncated else 0)) / number,
        shape_low=limits[0],
        shape_high=limits[1],
        shape_method=method,
        unit_hours=unit,
        covariance=_covariance(start, end, number, shape, logs),
        failures=number,
        systems=systems,
        log_likelihood=profile(centre) + number * (math.log(number) - 1.0 - math.log(unit)),
        confidence=confidence,
        warnings=few,
    )


def power_law_fit_p_value(recurrences: Recurrences, rng: np.random.Generator) -> float:
    """Test whether a power law describes time-truncated failures (Cramér–von Mises).

    Parameters
    ----------
    recurrences : Recurrences
        Systems watched from time zero.
    rng : numpy.random.Generator
        Draws the null distribution, which is free of the parameters.

    Returns
    -------
    float
        Small when failures follow no power law.

    Raises
    ------
    LateStartError, TooFewFailuresError, FailuresAtStartError
        Late entries, or fewer than three failures, or all of them at the end.

    Notes
    -----
    Crow (1974): C² = 1/(12n) + Σ((t/T)^β̄ - (2i - 1)/(2n))² with the unbiased shape; 9,999 draws.

    Examples
    --------
    >>> steady = Recurrences([0.0], [100.0], [0] * 9, np.arange(10, 100, 10))
    >>> power_law_fit_p_value(steady, np.random.default_rng(1)) > 0.5
    True
    """
    number = recurrences.time_hours.size
    if recurrences.start_hours.any():
        raise LateStartError("the Cramér–von Mises test")
    if number < 3:
        raise TooFewFailuresError("the Cramér–von Mises test", number, 3)
    share = recurrences.time_hours / recurrences.end_hours[recurrences.unit]
    if (share == 1.0).all():
        raise FailuresAtStartError
    observed = _cramer_von_mises(share[None, :])[0]
    drawn = _cramer_von_mises(1.0 - rng.random((_DRAWS, number)))
    return float((1 + (drawn >= observed).sum()) / (_DRAWS + 1))


def _spans(start: FloatArray, end: FloatArray, shape: float) -> tuple[float, float]:
    """Return Σ(T^β - S^β) and its derivative by β."""
    span = float((end**shape - start**shape).sum())
    return span, float((special.xlogy(end**shape, end) - special.xlogy(start**shape, start)).sum())


def _covariance(start: FloatArray, end: FloatArray, number: int, shape: float, logs: float) -> FloatArray:
    span, first = _spans(start, end, shape)
    second = float((end**shape * np.log(end) ** 2).sum())
    late = start[start > 0]
    second -= float((late**shape * np.log(late) ** 2).sum())
    cross = number / span * first * shape
    # of log λ and log β: minus the second derivatives of n log λ + n log β + β Σ log t - λ Σ(T^β - S^β)
    curve = number / span * (second * shape**2 + first * shape) - logs * shape
    return np.asarray(np.linalg.inv(np.array([[number, cross], [cross, curve]])))


def _profile_limits(profile: Callable[[float], float], centre: float, confidence: float) -> list[float]:
    allowed = float(special.ndtri((1.0 + confidence) / 2.0)) ** 2 / 2.0
    highest = profile(centre)
    limits = []
    for far in _LOG_SHAPE:
        inside = profile(far) - highest + allowed > 0
        found = (
            far
            if inside
            else optimize.brentq(lambda x: profile(x) - highest + allowed, min(centre, far), max(centre, far))
        )
        limits.append(math.exp(found))
    return limits


def _cramer_von_mises(share: FloatArray) -> FloatArray:
    number = share.shape[1]
    shape = (number - 1) / -np.log(share).sum(axis=1, keepdims=True)
    steps = (2.0 * np.arange(1, number + 1) - 1.0) / (2.0 * number)
    return np.asarray(1.0 / (12.0 * number) + ((np.sort(share, axis=1) ** shape - steps) ** 2).sum(axis=1))
