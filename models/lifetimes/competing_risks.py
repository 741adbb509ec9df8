"""Competing risks: the chance to have left by each cause, from grouped at-risk counts (Aalen–Johansen)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from models.errors import LengthMismatchError, NegativeValueError
from models.guards import FloatArray, checked_confidence
from models.lifetimes.errors import CausesDisagreeError, UnknownCauseError
from models.lifetimes.risk import COUNT_TOLERANCE, RiskTable, risk_table
from models.lifetimes.survival import SMALL_RISK_SET, kaplan_meier, zero_failure_bound


@dataclass(frozen=True, slots=True, eq=False)
class CauseTable:
    """A risk table whose events are told apart by cause.

    Parameters
    ----------
    risk : RiskTable
        Who was at risk and failed, of whatever cause.
    causes : tuple of str
        Their names.
    events : array of shape (n_rows, n_causes)
        Events at each row of the table by each cause.

    Raises
    ------
    LengthMismatchError
        The shape of the events is not that of rows and causes.
    NegativeValueError
        A negative number of events.
    CausesDisagreeError
        The causes do not add up to the events of the table.
    """

    risk: RiskTable
    causes: tuple[str, ...]
    events: FloatArray

    def __post_init__(self) -> None:
        events = np.array(self.events, dtype=np.float64)
        rows = self.risk.time_hours.size
        if events.shape != (rows, len(self.causes)):
            raise LengthMismatchError({"rows": rows, "causes": len(self.causes), "events": events.size})
        if not (events >= 0).all():
            raise NegativeValueError("events", float(events.min()))
        total = events.sum(axis=1)
        apart = np.abs(total - self.risk.events) > COUNT_TOLERANCE * (1.0 + self.risk.events)
        if apart.any():
            row = int(np.argmax(apart))
            raise CausesDisagreeError(self.risk.time_hours[row], total[row], self.risk.events[row])
        events.flags.writeable = False
        object.__setattr__(self, "events", events)


@dataclass(frozen=True, slots=True, eq=False)
class CumulativeIncidence:
    """The chance to have failed by one cause up to each age, in the presence of the others.

    A step function whose first row stands at time 0 with 0; `variance` is of the incidence.
    """

    cause: str
    time_hours: FloatArray
    incidence: FloatArray
    variance: FloatArray
    low: FloatArray
    high: FloatArray
    at_risk: FloatArray
    events: FloatArray
    confidence: float
    warnings: tuple[str, ...]


def cause_table(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    cause: Sequence[str | None],
    weights: npt.ArrayLike | None = None,
) -> CauseTable:
    """Group lives that end by one of several causes.

    Parameters
    ----------
    entry_hours, exit_hours, weights
        As for `risk_table`.
    cause : sequence of str or None, shape (n_units,)
        What ended each life; None where it is censored.

    Returns
    -------
    CauseTable
        Causes in the order of their names.

    Examples
    --------
    >>> table = cause_table([0, 0, 0], [10, 20, 20], ["memory", "link", None])
    >>> table.causes, table.events.tolist()
    (('link', 'memory'), [[0.0, 1.0], [1.0, 0.0]])
    """
    names = np.array(["" if name is None else name for name in cause], dtype=str)
    seen = np.array([name is not None for name in cause], dtype=bool)
    risk = risk_table(entry_hours, exit_hours, seen, weights)
    causes, index = np.unique(names[seen], return_inverse=True)
    row = np.searchsorted(risk.time_hours, np.atleast_1d(np.asarray(exit_hours, dtype=np.float64))[seen])
    weight = np.ones(seen.size) if weights is None else np.atleast_1d(np.asarray(weights, dtype=np.float64))
    present = weight[seen] > 0  # a weight of zero stands for no unit, whose exit may have no row
    cell = row[present] * causes.size + index[present]
    events = np.bincount(cell, weight[seen][present], risk.time_hours.size * causes.size).astype(np.float64)
    return CauseTable(risk, tuple(causes.tolist()), events.reshape(risk.time_hours.size, causes.size))


def aalen_johansen(table: CauseTable, cause: str, confidence: float = 0.9) -> CumulativeIncidence:
    """Estimate the cumulative incidence of one cause with pointwise log-log intervals.

    Parameters
    ----------
    table : CauseTable
        Grouped lives.
    cause : str
        One of the table's causes.
    confidence : float
        Pointwise coverage of the interval.

    Returns
    -------
    CumulativeIncidence
        The incidences of all causes add up to one minus the Kaplan–Meier curve. Before the first event of the cause
        the upper limit is the exact bound 1 - (a/2)^(1/n), as in `kaplan_meier`.

    Raises
    ------
    UnknownCauseError
        The table has no such cause.
    ConfidenceOutOfRangeError
        The level is outside (0, 1).

    Notes
    -----
    Aalen and Johansen (1978); the variance is of Greenwood's type, Andersen, Borgan, Gill and Keiding (1993),
    eq. 4.4.18, with multinomial increments. Without delayed entry it equals the infinitesimal jackknife that R's
    survfit reports; with it, the jackknife needs each life's own entry and the two differ in the noise.

    Examples
    --------
    >>> table = cause_table([0, 0, 0, 0], [10, 20, 30, 40], ["memory", "link", None, "memory"])
    >>> aalen_johansen(table, "memory").incidence.tolist()
    [0.0, 0.25, 0.25, 0.25, 0.75]
    """
    tail = (1.0 - checked_confidence(confidence)) / 2.0
    if cause not in table.causes:
        raise UnknownCauseError(cause, table.causes)
    risk, own = table.risk, table.events[:, table.causes.index(cause)]
    alive = kaplan_meier(risk).survival
    share = np.divide(own, risk.at_risk, out=np.zeros_like(own), where=own > 0)
    incidence = np.append(0.0, np.minimum(np.cumsum(alive[:-1] * share), 1.0))
    variance = np.append(0.0, _variance(risk, own, alive[:-1], incidence[1:]))
    low, high = _limits(risk.at_risk, incidence, variance, tail)
    return CumulativeIncidence(
        cause=cause,
        time_hours=np.append(0.0, risk.time_hours),
        incidence=incidence,
        variance=variance,
        low=low,
        high=high,
        at_risk=np.append(risk.at_risk[0], risk.at_risk),
        events=np.append(0.0, own),
        confidence=confidence,
        warnings=_warnings(risk, own, cause),
    )


def _variance(risk: RiskTable, own: FloatArray, alive: FloatArray, incidence: FloatArray) -> FloatArray:
    """Return the variance at each row, summed over the rows so far.

    A row's increments are multinomial shares of those at risk. One more failure there adds `alive` / n to the
    incidence if it is of the cause, and takes away what those it removes would still have added, F(t) - F(s). The
    square is expanded in F(t), so that running sums suffice.
    """
    n = np.where(risk.at_risk > 0, risk.at_risk, 1.0)
    staying = n - risk.events
    lasting = staying > COUNT_TOLERANCE * n  # after the last at risk has failed nothing is added any more
    added = alive**2 * own * (n - own) / n**3
    crossed = np.where(lasting, alive * own / n**2, 0.0)
    removed = np.divide(risk.events, n * staying, out=np.zeros_like(n), where=lasting)
    sums = np.cumsum(
        [added + 2 * crossed * incidence + removed * incidence**2, crossed + removed * incidence, removed], 1
    )
    return np.asarray(np.maximum(sums[0] - 2.0 * incidence * sums[1] + incidence**2 * sums[2], 0.0))


def _limits(
    at_risk: FloatArray, incidence: FloatArray, variance: FloatArray, tail: float
) -> tuple[FloatArray, FloatArray]:
    inside = (incidence > 0) & (incidence < 1)
    chance = np.where(inside, incidence, 0.5)
    spread = -special.ndtri(tail) * np.sqrt(variance) / (chance * -np.log(chance))
    spread = np.minimum(spread, 700.0)  # a first failure far in the tail: the limits are 0 and 1 long before
    low = np.where(inside, chance ** np.exp(spread), 0.0)
    high = np.where(inside, chance ** np.exp(-spread), 1.0)
    untouched = incidence == 0
    high[untouched] = 1.0 - zero_failure_bound(at_risk, tail)[untouched]
    if incidence[-1] == 1:
        certain = int(np.argmax(incidence == 1))
        low[certain:] = low[certain - 1]
    return low, high


def _warnings(risk: RiskTable, own: FloatArray, cause: str) -> tuple[str, ...]:
    if not own.any():
        return (f"nothing failed by {cause}: only the upper limit is informative",)
    small = (own > 0) & (risk.at_risk < SMALL_RISK_SET)
    if small.any():
        hours = risk.time_hours[np.argmax(small)]
        return (f"from {hours:g} h on {cause} strikes among fewer than {SMALL_RISK_SET} at risk: a rough sketch",)
    return ()
