"""Kaplan–Meier survival from grouped at-risk counts, with left truncation and right censoring."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from models.errors import NotFiniteError, OutsideObservationError
from models.guards import FloatArray, checked_confidence
from models.lifetimes.risk import COUNT_TOLERANCE, RiskTable, merge_risk_tables, risk_table

__all__ = ["RiskTable", "SurvivalCurve", "SurvivalPoint", "kaplan_meier", "merge_risk_tables", "risk_table"]

# With fewer at risk, one failure moves the curve by more than a tenth of its height, and the normal approximation
# behind the Greenwood interval rests on too few units to hold its level.
SMALL_RISK_SET = 10


@dataclass(frozen=True, slots=True)
class SurvivalPoint:
    """The survival curve at one time, with its interval and the number of units at risk there."""

    time_hours: float
    survival: float
    low: float
    high: float
    at_risk: float
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A Kaplan–Meier curve: a step function that holds row i's values from its time to the next row's.

    The first row stands at time 0 with survival 1. `events` is the number of failures at each row; `warnings` are
    sentences for the reader. Under left truncation the curve is conditional on reaching the first entry.
    """

    time_hours: FloatArray
    survival: FloatArray
    low: FloatArray
    high: FloatArray
    at_risk: FloatArray
    events: FloatArray
    confidence: float
    warnings: tuple[str, ...]

    @property
    def median_hours(self) -> float | None:
        """First time when survival is one half or less; None when the curve stays above."""
        return self._first_time_at_half(self.survival)

    @property
    def median_low_hours(self) -> float | None:
        """Lower limit of the median: where the lower limit of the curve reaches one half (Brookmeyer–Crowley)."""
        return self._first_time_at_half(self.low)

    @property
    def median_high_hours(self) -> float | None:
        """Upper limit of the median: where the upper limit of the curve reaches one half; None when it does not."""
        return self._first_time_at_half(self.high)

    def at(self, time_hours: float) -> SurvivalPoint:
        """Read the curve at one time within the observed range.

        Parameters
        ----------
        time_hours : float
            Hours of life, from 0 to the last observed time.

        Returns
        -------
        SurvivalPoint
            Survival just after failures at that time, and the number at risk at that time.

        Raises
        ------
        OutsideObservationError
            The time is negative or beyond the last observed time.
        NotFiniteError
            The time is NaN or infinite.

        Notes
        -----
        A Kaplan–Meier curve is right-continuous and undefined beyond the last time anybody was watched.

        Examples
        --------
        >>> curve = kaplan_meier(risk_table([0, 0, 0, 0], [10, 20, 30, 40], [True, True, False, True]))
        >>> curve.at(25.0).survival
        0.5
        """
        if not math.isfinite(time_hours):
            raise NotFiniteError("time_hours")
        last_hours = float(self.time_hours[-1])
        if not 0.0 <= time_hours <= last_hours:
            raise OutsideObservationError(time_hours, last_hours)
        row = int(np.searchsorted(self.time_hours, time_hours, side="right")) - 1
        next_row = int(np.searchsorted(self.time_hours, time_hours, side="left"))
        return SurvivalPoint(
            time_hours=float(time_hours),
            survival=float(self.survival[row]),
            low=float(self.low[row]),
            high=float(self.high[row]),
            at_risk=float(self.at_risk[next_row]),
            confidence=self.confidence,
        )

    def _first_time_at_half(self, curve: FloatArray) -> float | None:
        reached = curve <= 0.5 + 1e-12  # a product of fractions that is one half may miss it in the last bits
        return float(self.time_hours[np.argmax(reached)]) if reached.any() else None


def kaplan_meier(
    table: RiskTable, confidence: float = 0.9, interval: Literal["log-log", "greenwood"] = "log-log"
) -> SurvivalCurve:
    """Estimate survival with pointwise intervals.

    Parameters
    ----------
    table : RiskTable
        Grouped lives.
    confidence : float
        Pointwise coverage of the interval.
    interval : {"log-log", "greenwood"}
        Normal on the scale of log(-log S), which holds its level with fewer failures, or on that of S itself, cut off
        at 0 and 1.

    Returns
    -------
    SurvivalCurve
        Where nothing has failed yet the lower limit is the exact bound (a/2)^(1/n), a = 1 - confidence and n the
        smallest risk set so far; where nobody is left (survival 0) the upper limit is the one before the last failure.

    Raises
    ------
    ConfidenceOutOfRangeError
        The level is outside (0, 1).

    Notes
    -----
    Kaplan and Meier (1958); Greenwood's variance; the log-log interval of Kalbfleisch and Prentice, which stays within
    [0, 1] and is `conf.type = "log-log"` of R's survival; Greenwood's own is its "plain".
    Without a failure among n(s) units at risk, a cumulative
    hazard H leaves that chance at exp(-n H) or less, which gives the bound.

    Examples
    --------
    >>> curve = kaplan_meier(risk_table([0, 0, 0, 0], [10, 20, 30, 40], [True, True, False, True]))
    >>> curve.survival.tolist()
    [1.0, 0.75, 0.5, 0.5, 0.0]
    >>> curve.median_hours
    20.0
    """
    checked_confidence(confidence)
    left = table.at_risk - table.events
    remaining = np.where(left > COUNT_TOLERANCE * table.at_risk, left, 0.0)
    # A row without a failure leaves the curve alone, also when nobody is at risk.
    kept = np.divide(remaining, table.at_risk, out=np.ones_like(remaining), where=table.events > 0)
    survival = kept.cumprod()
    low, high = _limits(table, remaining, survival, confidence, interval)
    return SurvivalCurve(
        time_hours=np.append(0.0, table.time_hours),
        survival=np.append(1.0, survival),
        low=low,
        high=high,
        at_risk=np.append(table.at_risk[0], table.at_risk),
        events=np.append(0.0, table.events),
        confidence=confidence,
        warnings=_risk_set_warnings(table),
    )


def greenwood_sum(table: RiskTable) -> FloatArray:
    """Return Greenwood's running sum of d / (n (n - d)): the variance of log S; rows where all fail add nothing.

    >>> greenwood_sum(risk_table([0, 0], [10, 20], [True, True])).tolist()
    [0.5, 0.5]
    """
    return _greenwood_sum(table, table.at_risk - table.events)


def _greenwood_sum(table: RiskTable, remaining: FloatArray) -> FloatArray:
    failing = (table.events > 0) & (remaining > COUNT_TOLERANCE * table.at_risk)
    jumps = np.divide(table.events, table.at_risk * remaining, out=np.zeros_like(remaining), where=failing)
    return np.cumsum(jumps, out=jumps)


def _limits(
    table: RiskTable, remaining: FloatArray, survival: FloatArray, confidence: float, interval: str
) -> tuple[FloatArray, FloatArray]:
    """Return the limits of the curve, its row at time 0 included."""
    tail = (1.0 - confidence) / 2.0
    z = float(special.ndtri(1.0 - tail))
    # Survival only falls: rows before the first failure, then those between 1 and 0, then those at 0.
    first, end = (int(np.searchsorted(-survival, -level, side="right")) for level in (1.0, np.nextafter(0.0, 1.0)))
    inside = survival[first:end]
    spread = np.sqrt(_greenwood_sum(table, remaining)[first:end])
    spread *= z
    low, high = np.zeros((2, survival.size + 1))
    within = slice(first + 1, end + 1)
    if interval == "greenwood":
        spread *= inside
        low[within], high[within] = np.maximum(inside - spread, 0.0), np.minimum(inside + spread, 1.0)
    else:
        hazard = np.log(inside)
        spread /= -hazard
        factor = np.exp(spread, out=spread)
        np.exp(hazard * factor, out=low[within])
        np.exp(hazard / factor, out=high[within])
    low[: first + 1] = zero_failure_bound(table.at_risk[: first + 1], tail)[: first + 1]
    high[: first + 1] = 1.0
    high[end + 1 :] = high[end]
    return low, high


def zero_failure_bound(at_risk: FloatArray, tail: float) -> FloatArray:
    """Return, for time 0 and each row, the lowest survival that still lets no failure happen with the tail's chance.

    >>> zero_failure_bound(np.array([30.0]), 0.05).round(3).tolist()
    [0.905, 0.905]
    """
    started = np.cumsum(at_risk) > 0
    # Row i's value holds up to the next row, whose risk set is the one watched in between.
    watched = np.append(np.where(started, at_risk, np.inf), at_risk[-1])
    smallest = np.minimum.accumulate(watched)
    exponent = np.divide(1.0, smallest, out=np.full_like(smallest, np.inf), where=smallest > 0)
    return np.power(tail, exponent)


def _risk_set_warnings(table: RiskTable) -> tuple[str, ...]:
    warnings = []
    if not table.events.any():
        warnings.append("nothing failed: survival is 1 for lack of failures, only its lower limit is informative")
    if table.at_risk.max() < SMALL_RISK_SET:
        warnings.append(f"never more than {table.at_risk.max():g} units at risk: the curve is a rough sketch")
        return tuple(warnings)
    small = table.at_risk < SMALL_RISK_SET
    enough = np.flatnonzero(~small)
    thin_start = np.flatnonzero(small & (table.events > 0))
    if thin_start.size and thin_start[0] < enough[-1]:
        row = thin_start[0]
        warnings.append(
            f"failures at {table.time_hours[row]:g} h among only {table.at_risk[row]:g} at risk weigh on the whole "
            "curve after it, though more units enter later: start later, or read the intervals"
        )
    if small[-1]:
        warnings.append(
            f"fewer than {SMALL_RISK_SET} units are at risk after {table.time_hours[enough[-1]]:g} h: "
            "beyond it single failures move the curve by a tenth or more"
        )
    return tuple(warnings)
