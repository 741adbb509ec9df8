"""The risk table: who was at risk, failed and was censored at each age, with left truncation and right censoring.

It is all a survival estimator needs. A database computes it over any number of lives; `risk_table` is the reference
that does so in memory.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import (
    EmptySampleError,
    ExitBeforeEntryError,
    RiskSetLeakError,
    RiskSetTooSmallError,
    UnorderedTimesError,
)
from models.guards import FloatArray, checked_columns

# Sums of fractional weights differ in their last bits; counts closer than this are the same count.
COUNT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RiskTable:
    """Who was at risk, failed and was censored at each time; all arrays have one entry per row.

    `at_risk` counts the units that entered before the row's time and had not left before it. Rows stand at every time
    when somebody leaves; when they also stand where somebody enters late, tables can be merged.

    Parameters
    ----------
    time_hours : array of shape (n_rows,)
        Strictly rising times above zero, in hours of life.
    at_risk, events, censored : array of shape (n_rows,)
        Counts, or sums of frequency weights.

    Raises
    ------
    ModelError
        The columns contradict each other; the message names the row.

    Examples
    --------
    >>> RiskTable([10, 20], at_risk=[3, 2], events=[1, 1], censored=[0, 1]).events.sum()
    np.float64(2.0)
    """

    time_hours: FloatArray
    at_risk: FloatArray
    events: FloatArray
    censored: FloatArray

    def __post_init__(self) -> None:
        names = ("time_hours", "at_risk", "events", "censored")
        columns = checked_columns(**{name: getattr(self, name) for name in names})
        for name, column in zip(names, columns, strict=True):
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        self._check_times()
        self._check_counts()

    def _check_times(self) -> None:
        rising = np.diff(self.time_hours, prepend=0.0) > 0
        if not rising.all():
            raise UnorderedTimesError(int(np.argmin(rising)))

    def _check_counts(self) -> None:
        leaving = self.events + self.censored
        slack = COUNT_TOLERANCE * (1.0 + self.at_risk)
        too_many = leaving > self.at_risk + slack
        if too_many.any():
            row = int(np.argmax(too_many))
            raise RiskSetTooSmallError(self.time_hours[row], leaving[row], self.at_risk[row])
        staying = (self.at_risk - leaving)[:-1]
        leaked = self.at_risk[1:] < staying - slack[:-1]
        if leaked.any():
            row = int(np.argmax(leaked)) + 1
            raise RiskSetLeakError(self.time_hours[row], self.at_risk[row], staying[row - 1])


def risk_table(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
) -> RiskTable:
    """Group lifetimes into a risk table.

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

    Returns
    -------
    RiskTable
        One row per distinct time of an exit or a late entry; a unit is at risk at t when entry < t <= exit.

    Raises
    ------
    ExitBeforeEntryError
        A unit that was never at risk.
    EmptySampleError, LengthMismatchError, NotFiniteError, NegativeValueError
        The columns cannot be.

    Notes
    -----
    Klein and Moeschberger, Survival Analysis (2003), section 4.6, for delayed entry.

    Examples
    --------
    >>> table = risk_table(entry_hours=[0, 0, 15], exit_hours=[10, 30, 30], observed=[True, False, True])
    >>> table.time_hours.tolist(), table.at_risk.tolist()
    ([10.0, 15.0, 30.0], [2.0, 1.0, 2.0])
    """
    entry, leave, failed, weight = checked_lives(entry_hours, exit_hours, observed, weights)
    times = np.union1d(entry[entry > 0], leave)
    row = np.searchsorted(times, leave)
    events, censored = np.zeros((2, times.size))
    np.add.at(events, row, weight * failed)
    np.add.at(censored, row, weight * ~failed)
    return RiskTable(
        time_hours=times,
        at_risk=_weight_before(times, entry, weight) - _weight_before(times, leave, weight),
        events=events,
        censored=censored,
    )


def merge_risk_tables(first: RiskTable, second: RiskTable) -> RiskTable:
    """Add two risk tables of disjoint units, as if their lives had been grouped together.

    Parameters
    ----------
    first, second : RiskTable
        Tables with a row at every time when their risk set changes, exits and late entries, as `risk_table` builds.

    Returns
    -------
    RiskTable
        One row per time of either table.

    Notes
    -----
    Between rows a table's risk set is the one of its next row; after the last row it is empty.

    Examples
    --------
    >>> old, new = risk_table([0], [10], [True]), risk_table([0], [20], [False])
    >>> merge_risk_tables(old, new).at_risk.tolist()
    [2.0, 1.0]
    """
    times = np.union1d(first.time_hours, second.time_hours)
    at_risk, events, censored = np.zeros((3, times.size))
    for table in (first, second):
        at_risk += np.append(table.at_risk, 0.0)[np.searchsorted(table.time_hours, times)]
        row = np.searchsorted(times, table.time_hours)
        events[row] += table.events
        censored[row] += table.censored
    return RiskTable(times, at_risk, events, censored)


def checked_lives(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    weights: npt.ArrayLike | None,
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_], FloatArray]:
    """Return entry, exit, observed and weight of lives that were all at risk for some time.

    >>> checked_lives([0, 1], [2, 3], [True, False], None)[3].tolist()
    [1.0, 1.0]
    """
    given = np.ones(np.size(exit_hours)) if weights is None else weights
    entry, leave, failed, weight = checked_columns(
        entry_hours=entry_hours, exit_hours=exit_hours, observed=observed, weights=given
    )
    never_at_risk = leave <= entry
    if never_at_risk.any():
        position = int(np.argmax(never_at_risk))
        raise ExitBeforeEntryError(position, entry[position], leave[position])
    present = weight > 0  # a weight of zero stands for no unit at all
    if not present.any():
        raise EmptySampleError
    return entry[present], leave[present], failed[present] > 0, weight[present]


def _weight_before(times: FloatArray, moments: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the weight of the units whose moment lies strictly before each time."""
    order = np.argsort(moments)
    total = np.append(0.0, np.cumsum(weight[order]))
    return total[np.searchsorted(moments[order], times, side="left")]
