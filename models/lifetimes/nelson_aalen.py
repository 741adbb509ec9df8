"""Nelson–Aalen cumulative hazard, and the hazard itself on bins of age, from grouped at-risk counts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from models.errors import UnorderedTimesError, ZeroExposureError
from models.guards import FloatArray, checked_columns, checked_confidence
from models.lifetimes.risk import RiskTable
from models.lifetimes.survival import SMALL_RISK_SET, zero_failure_bound

# Above this many survivors the sums over ties are taken from their midpoint expansion: its error is below 1e-9 there,
# while differences of digamma functions lose digits.
MANY = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeHazard:
    """Expected failures per unit up to each age: a step function that starts at time 0 with 0.

    `variance` is of the cumulative hazard; where nothing has failed yet the upper limit is the exact bound.
    """

    time_hours: FloatArray
    cumulative_hazard: FloatArray
    variance: FloatArray
    low: FloatArray
    high: FloatArray
    at_risk: FloatArray
    events: FloatArray
    confidence: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BinnedHazard:
    """Failures per hour of exposure on bins of age (start, end], with exact Poisson limits."""

    start_hours: FloatArray
    end_hours: FloatArray
    events: FloatArray
    exposure_hours: FloatArray
    rate_per_hour: FloatArray
    low_per_hour: FloatArray
    high_per_hour: FloatArray
    confidence: float
    warnings: tuple[str, ...]


def nelson_aalen(
    table: RiskTable, confidence: float = 0.9, ties: Literal["nelson", "fleming-harrington"] = "nelson"
) -> CumulativeHazard:
    """Estimate the cumulative hazard with pointwise log intervals.

    Parameters
    ----------
    table : RiskTable
        Grouped lives.
    confidence : float
        Pointwise coverage of the interval.
    ties : {"nelson", "fleming-harrington"}
        Failures of one time happen at once, d / n, or one after another, 1 / n + 1 / (n - 1) + ...

    Returns
    -------
    CumulativeHazard
        Without a failure so far the upper limit is -log(a/2) / n, a = 1 - confidence, n the smallest risk set.

    Raises
    ------
    ConfidenceOutOfRangeError
        The level is outside (0, 1).

    Notes
    -----
    Nelson (1972), Aalen (1978), variance sum d / n^2; Fleming and Harrington (1984) for ties: `ctype` 1 and 2 of R's
    survfit. The limits are H exp(-+ z s / H).

    Examples
    --------
    >>> from models.lifetimes.risk import risk_table
    >>> hazard = nelson_aalen(risk_table([0, 0, 0, 0], [10, 20, 30, 40], [True, True, False, True]))
    >>> hazard.cumulative_hazard.round(3).tolist()
    [0.0, 0.25, 0.583, 0.583, 1.583]
    """
    tail = (1.0 - checked_confidence(confidence)) / 2.0
    z = -float(special.ndtri(tail))
    failing = table.events > 0
    n, d = table.at_risk[failing], table.events[failing]
    jump, square = np.zeros((2, failing.size))
    if ties == "nelson":
        jump[failing], square[failing] = d / n, d / n**2
    else:
        jump[failing], square[failing] = _one_after_another(n, d)
    cumulative, variance = (np.append(0.0, np.cumsum(steps)) for steps in (jump, square))
    positive = cumulative > 0
    ratio = np.divide(z * np.sqrt(variance), cumulative, out=np.zeros_like(cumulative), where=positive)
    with np.errstate(divide="ignore"):  # an emptied risk set bounds nothing
        bound = -np.log(zero_failure_bound(table.at_risk, tail))
    return CumulativeHazard(
        time_hours=np.append(0.0, table.time_hours),
        cumulative_hazard=cumulative,
        variance=variance,
        low=cumulative * np.exp(-ratio),
        high=np.where(positive, cumulative * np.exp(ratio), bound),
        at_risk=np.append(table.at_risk[0], table.at_risk),
        events=np.append(0.0, table.events),
        confidence=confidence,
        warnings=_warnings(table),
    )


def _one_after_another(n: FloatArray, d: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return sums of 1 / (n - k) and 1 / (n - k)^2 over k below d, continued to fractional weights."""
    left = np.maximum(n - d, 0.0)
    first = special.digamma(n + 1.0) - special.digamma(left + 1.0)
    second = special.polygamma(1, left + 1.0) - special.polygamma(1, n + 1.0)
    many = left > MANY
    first = np.where(many, np.log1p(d / (left + 0.5)), first)
    second = np.where(many, d / ((n + 0.5) * (left + 0.5)), second)
    single = d == 1.0
    return np.where(single, 1.0 / n, first), np.where(single, 1.0 / n**2, second)


def binned_hazard(table: RiskTable, edges_hours: npt.ArrayLike, confidence: float = 0.9) -> BinnedHazard:
    """Estimate the hazard as failures per hour of exposure on bins of age: the bathtub as it was seen.

    Parameters
    ----------
    table : RiskTable
        Grouped lives, with rows also where somebody enters late.
    edges_hours : array-like of shape (n_bins + 1,)
        Ages between which the hazard is taken as constant, strictly rising from zero up.
    confidence : float
        Coverage of each bin's interval.

    Returns
    -------
    BinnedHazard
        Bins in which nobody was watched are left out, with a warning.

    Raises
    ------
    UnorderedTimesError
        The edges do not rise, or there are fewer than two.
    ZeroExposureError
        Nobody was watched in any bin.
    ConfidenceOutOfRangeError, NotFiniteError, NegativeValueError
        A level or an edge cannot be.

    Notes
    -----
    Piecewise exponential model: events / exposure is its likeliest rate. Garwood (1936) intervals.

    Examples
    --------
    >>> from models.lifetimes.risk import risk_table
    >>> binned = binned_hazard(risk_table([0, 0], [10, 30], [True, False]), [0, 20, 40])
    >>> binned.exposure_hours.tolist(), binned.events.tolist()
    ([30.0, 10.0], [1.0, 0.0])
    """
    tail = (1.0 - checked_confidence(confidence)) / 2.0
    (edges,) = checked_columns(edges_hours=edges_hours)
    rising = np.diff(edges) > 0
    if edges.size < 2 or not rising.all():
        raise UnorderedTimesError(int(np.argmin(rising)) + 1 if rising.size else 0)
    times = np.append(0.0, table.time_hours)
    # Between rows as many are at risk as at the next row, so exposure grows along a line.
    exposure = np.diff(np.interp(edges, times, np.append(0.0, np.cumsum(table.at_risk * np.diff(times)))))
    failed = np.append(0.0, np.cumsum(table.events))
    events = np.diff(failed[np.searchsorted(table.time_hours, edges, side="right")])
    seen = exposure > 0
    if not seen.any():
        raise ZeroExposureError
    missing = int((~seen).sum())
    warnings = []
    if missing:
        warnings.append(f"nobody was watched in {missing} of {seen.size} bins: they are left out")
    few = int((events[seen] < 5).sum())
    if few:
        warnings.append(f"{few} of {int(seen.sum())} bins hold fewer than 5 failures: their intervals are wide")
    events, exposure = events[seen], exposure[seen]
    return BinnedHazard(
        start_hours=edges[:-1][seen],
        end_hours=edges[1:][seen],
        events=events,
        exposure_hours=exposure,
        rate_per_hour=events / exposure,
        low_per_hour=np.where(events > 0, special.gammaincinv(np.maximum(events, 1e-300), tail), 0.0) / exposure,
        high_per_hour=special.gammainccinv(events + 1.0, tail) / exposure,
        confidence=confidence,
        warnings=tuple(warnings),
    )


def _warnings(table: RiskTable) -> tuple[str, ...]:
    failing = table.events > 0
    if not failing.any():
        return ("nothing failed: the cumulative hazard is 0 for lack of failures, only its upper limit is informative",)
    small = failing & (table.at_risk < SMALL_RISK_SET)
    if small.any():
        hours = table.time_hours[np.argmax(small)]
        return (f"from {hours:g} h on failures happen among fewer than {SMALL_RISK_SET} at risk: a rough sketch",)
    return ()
