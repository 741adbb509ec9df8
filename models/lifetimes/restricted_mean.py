"""Restricted mean survival time: hours a unit lives on average within a horizon, and the difference of two groups."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from models.guards import checked_confidence, checked_positive
from models.lifetimes.errors import HorizonBeyondDataError
from models.lifetimes.risk import COUNT_TOLERANCE, RiskTable
from models.lifetimes.survival import SMALL_RISK_SET, kaplan_meier

# With fewer failures within the horizon the normal interval falls short of its level.
FEW_EVENTS = 10


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean hours lived up to the horizon, with its interval; `events` failed within it."""

    horizon_hours: float
    mean_hours: float
    low_hours: float
    high_hours: float
    variance: float
    events: float
    confidence: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestrictedMeanDifference:
    """How much longer the first group lives within the horizon, its interval and two-sided p-value."""

    first: RestrictedMean
    second: RestrictedMean
    difference_hours: float
    low_hours: float
    high_hours: float
    p_value: float
    confidence: float
    warnings: tuple[str, ...]


def restricted_mean(table: RiskTable, horizon_hours: float, confidence: float = 0.9) -> RestrictedMean:
    """Integrate the Kaplan–Meier curve up to a horizon.

    Parameters
    ----------
    table : RiskTable
        Grouped lives.
    horizon_hours : float
        Age up to which hours are counted.
    confidence : float
        Coverage of the interval.

    Returns
    -------
    RestrictedMean
        Without a failure within the horizon its mean is the horizon, the lower limit the area under the exact lower
        limit of the curve.

    Raises
    ------
    HorizonBeyondDataError
        The curve ends before the horizon with units still alive.
    NotPositiveError, NotFiniteError, ConfidenceOutOfRangeError
        The horizon or the level cannot be.

    Notes
    -----
    Klein and Moeschberger (2003), eq. 4.5.1 and 4.5.2: variance sum A(t)^2 d / (n (n - d)), A(t) the area from t on;
    `print(survfit, rmean = horizon)` of R.

    Examples
    --------
    >>> from models.lifetimes.risk import risk_table
    >>> restricted_mean(risk_table([0, 0], [10, 30], [True, False]), 20).mean_hours
    15.0
    """
    horizon = checked_positive("horizon_hours", horizon_hours)
    z = float(special.ndtri(0.5 + checked_confidence(confidence) / 2.0))
    curve = kaplan_meier(table, confidence)
    if horizon > curve.time_hours[-1] and curve.survival[-1] > 0:
        raise HorizonBeyondDataError(horizon, float(curve.time_hours[-1]))
    widths = np.diff(np.append(np.minimum(curve.time_hours, horizon), horizon))
    area = curve.survival * widths
    from_row_on = np.cumsum(area[::-1])[::-1][1:]
    left = table.at_risk - table.events
    counted = (table.events > 0) & (left > COUNT_TOLERANCE * table.at_risk) & (table.time_hours <= horizon)
    n, d, rest = table.at_risk[counted], table.events[counted], from_row_on[counted]
    variance = float((rest**2 * d / (n * left[counted])).sum())
    mean, events = float(area.sum()), float(table.events[table.time_hours <= horizon].sum())
    margin = z * math.sqrt(variance)
    low = mean - margin if events else float((curve.low * widths).sum())
    return RestrictedMean(
        horizon_hours=horizon,
        mean_hours=mean,
        low_hours=max(low, 0.0),
        high_hours=min(mean + margin, horizon),
        variance=variance,
        events=events,
        confidence=confidence,
        warnings=_warnings(table, horizon, events),
    )


def restricted_mean_difference(
    first: RiskTable, second: RiskTable, horizon_hours: float, confidence: float = 0.9
) -> RestrictedMeanDifference:
    """Compare the restricted means of two groups of disjoint units; parameters and errors are `restricted_mean`'s.

    Notes
    -----
    The groups are independent, so their variances add. With no variance in either, as when neither fails, the limits
    come from those of the groups and the p-value is 1.

    Examples
    --------
    >>> from models.lifetimes.risk import risk_table
    >>> old, new = risk_table([0, 0], [10, 30], [True, False]), risk_table([0, 0], [20, 30], [True, False])
    >>> restricted_mean_difference(new, old, 30).difference_hours
    5.0
    """
    one, other = (restricted_mean(table, horizon_hours, confidence) for table in (first, second))
    difference = one.mean_hours - other.mean_hours
    # Square-and-add: normal limits where they are normal, exact bounds where a group had no failure.
    below = math.hypot(one.mean_hours - one.low_hours, other.high_hours - other.mean_hours)
    above = math.hypot(one.high_hours - one.mean_hours, other.mean_hours - other.low_hours)
    variance = one.variance + other.variance
    if one.variance > 0 and other.variance > 0:
        below = above = float(special.ndtri(0.5 + confidence / 2.0)) * math.sqrt(variance)
    return RestrictedMeanDifference(
        first=one,
        second=other,
        difference_hours=difference,
        low_hours=difference - below,
        high_hours=difference + above,
        p_value=float(2.0 * special.ndtr(-abs(difference) / math.sqrt(variance))) if variance > 0 else 1.0,
        confidence=confidence,
        warnings=tuple(dict.fromkeys(one.warnings + other.warnings)),
    )


def _warnings(table: RiskTable, horizon: float, events: float) -> tuple[str, ...]:
    warnings = []
    if not events:
        warnings.append(f"nothing failed within {horizon:g} h: only the lower limit is informative")
    elif events < FEW_EVENTS:
        warnings.append(f"few failures ({events:g}) within {horizon:g} h: the interval holds less than it promises")
    small = (table.events > 0) & (table.at_risk < SMALL_RISK_SET) & (table.time_hours <= horizon)
    if small.any():
        hours = table.time_hours[np.argmax(small)]
        warnings.append(
            f"fewer than {SMALL_RISK_SET} are at risk at the failure of {hours:g} h: the mean up to {horizon:g} h "
            "rests on them"
        )
    return tuple(warnings)
