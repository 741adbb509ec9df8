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
# Whole hours are counted hour by hour unless there would be far more hours than lives.
DENSE = 4


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
        columns = {name: getattr(self, name) for name in names}
        if not _frozen_and_sound(*columns.values()):
            for name, column in zip(names, checked_columns(**columns), strict=True):
                column.flags.writeable = False
                object.__setattr__(self, name, column)
        self._check_times()
        self._check_counts()

    def _check_times(self) -> None:
        times = self.time_hours
        if not (times[0] > 0 and (times[1:] > times[:-1]).all()):
            raise UnorderedTimesError(int(np.argmin(np.diff(times, prepend=0.0) > 0)))

    def _check_counts(self) -> None:
        staying = self.at_risk - self.events
        staying -= self.censored
        slack = COUNT_TOLERANCE * (1.0 + self.at_risk)
        too_many = staying < -slack
        if too_many.any():
            row = int(np.argmax(too_many))
            raise RiskSetTooSmallError(self.time_hours[row], self.events[row] + self.censored[row], self.at_risk[row])
        leaked = self.at_risk[1:] < (staying - slack)[:-1]
        if leaked.any():
            row = int(np.argmax(leaked)) + 1
            raise RiskSetLeakError(self.time_hours[row], self.at_risk[row], staying[row - 1])


def risk_table(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    late_entries: bool = True,
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
    late_entries : bool
        Rows also where somebody enters late, which merging tables and measuring exposure need. A Kaplan–Meier curve
        does not: without them the table of many lives is smaller and made faster.

    Returns
    -------
    RiskTable
        One row per distinct time of an exit (or a late entry); a unit is at risk at t when entry < t <= exit.

    Raises
    ------
    ExitBeforeEntryError
        A unit that was never at risk.
    EmptySampleError, LengthMismatchError, NotFiniteError, NegativeValueError
        The columns cannot be.

    Notes
    -----
    Klein and Moeschberger, Survival Analysis (2003), section 4.6, for delayed entry. Whole hours are counted hour by
    hour; other times are sorted.

    Examples
    --------
    >>> table = risk_table(entry_hours=[0, 0, 15], exit_hours=[10, 30, 30], observed=[True, False, True])
    >>> table.time_hours.tolist(), table.at_risk.tolist()
    ([10.0, 15.0, 30.0], [2.0, 1.0, 2.0])
    """
    entry, leave, failed, weight = _sound_lives(entry_hours, exit_hours, observed, weights)
    if leave.max() < DENSE * leave.size and _whole(leave) and _whole(entry):
        columns = _counted_by_hour(entry, leave, failed, weight, late_entries=late_entries)
    elif weight is None:
        columns = _counted_in_order(entry, leave, failed, late_entries=late_entries)
    else:
        columns = _weighed_in_order(entry, leave, failed, weight, late_entries=late_entries)
    for column in columns:
        column.flags.writeable = False
    return RiskTable(*columns)


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
    entry, leave, failed, weight = _sound_lives(entry_hours, exit_hours, observed, weights)
    return entry, leave, failed, np.ones(leave.size) if weight is None else weight


def _sound_lives(
    entry_hours: npt.ArrayLike,
    exit_hours: npt.ArrayLike,
    observed: npt.ArrayLike,
    weights: npt.ArrayLike | None,
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_], FloatArray | None]:
    """Return the lives checked, without a copy where they are arrays of the right kind; no weights are None."""
    entry, leave = (np.atleast_1d(np.asarray(hours, dtype=np.float64)) for hours in (entry_hours, exit_hours))
    failed = np.atleast_1d(np.asarray(observed))
    # A NaN compares false, so these three say that all hours are finite, not negative and in order.
    sound = (
        weights is None
        and failed.dtype == np.bool_
        and entry.shape == leave.shape == failed.shape
        and leave.size > 0
        and bool((entry < leave).all())
        and entry.min() >= 0.0
        and leave.max() < np.inf
    )
    if sound:
        return entry, leave, failed, None
    given = np.ones(leave.size) if weights is None else weights
    entry, leave, flag, weight = checked_columns(
        entry_hours=entry_hours, exit_hours=exit_hours, observed=observed, weights=given
    )
    never_at_risk = leave <= entry
    if never_at_risk.any():
        position = int(np.argmax(never_at_risk))
        raise ExitBeforeEntryError(position, entry[position], leave[position])
    if weights is None:
        return entry, leave, flag > 0, None
    present = weight > 0  # a weight of zero stands for no unit at all
    if not present.any():
        raise EmptySampleError
    return entry[present], leave[present], flag[present] > 0, weight[present]


def _frozen_and_sound(*columns: object) -> bool:
    """Say whether columns may be kept as they are: read-only floats, equally long, finite and not negative."""
    arrays = [column for column in columns if isinstance(column, np.ndarray)]
    return (
        len(arrays) == len(columns)
        and len({array.shape for array in arrays}) == 1
        and all(array.dtype == np.float64 and array.ndim == 1 and not array.flags.writeable for array in arrays)
        and arrays[0].size > 0
        and all(bool(array.min() >= 0.0) and bool(array.max() < np.inf) for array in arrays)
    )


def _whole(hours: FloatArray) -> bool:
    # Most clocks that are not whole give themselves away at once.
    head = hours[:1000]
    return bool((head == np.floor(head)).all() and (hours == np.floor(hours)).all())


def _counted_by_hour(
    entry: FloatArray,
    leave: FloatArray,
    failed: npt.NDArray[np.bool_],
    weight: FloatArray | None,
    *,
    late_entries: bool,
) -> tuple[FloatArray, ...]:
    hours = int(leave.max()) + 1
    end = leave.astype(np.int64)
    end *= 2
    end += failed
    censored, events = np.bincount(end, weight, 2 * hours).reshape(hours, 2).T.astype(np.float64)
    entering = np.bincount(entry.astype(np.int64), weight, hours).astype(np.float64)
    exits = events + censored
    at_risk = np.append(0.0, np.cumsum(entering - exits)[:-1])
    rows = exits > 0
    if late_entries:
        rows[1:] |= entering[1:] > 0
    times = np.flatnonzero(rows).astype(np.float64)
    return times, at_risk[rows], events[rows], censored[rows]


def _counted_in_order(
    entry: FloatArray, leave: FloatArray, failed: npt.NDArray[np.bool_], *, late_entries: bool
) -> tuple[FloatArray, ...]:
    # The bits of positive floats order as the floats do and leave the topmost free: one sort orders exits with their
    # fate in the lowest bit.
    key = np.ascontiguousarray(leave).view(np.uint64) << np.uint64(1)
    key |= failed
    key.sort()
    fate = (key & np.uint64(1)).astype(np.bool_)
    key >>= np.uint64(1)
    ordered = key.view(np.float64)
    late = np.sort(entry[entry > 0])
    last = np.append(ordered[1:] != ordered[:-1], True)
    if last.all():
        times, events = ordered, fate.astype(np.float64)
        gone = np.arange(leave.size, dtype=np.float64)
        exits = np.ones(leave.size)
    else:
        upto = np.flatnonzero(last)
        times = ordered[upto]
        events = np.diff(np.cumsum(fate)[upto], prepend=0).astype(np.float64)
        exits = np.diff(upto, prepend=-1).astype(np.float64)
        gone = upto + 1.0 - exits
    if late_entries and late.size:
        every = np.union1d(times, late)
        row = np.searchsorted(every, times)
        placed = np.zeros((2, every.size))
        placed[:, row] = events, exits
        events, exits = placed[0].copy(), placed[1].copy()
        times, gone = every, np.cumsum(exits) - exits
    at_risk = np.searchsorted(late, times, side="left") - gone
    at_risk += leave.size - late.size
    exits -= events
    return times, at_risk, events, exits


def _weighed_in_order(
    entry: FloatArray, leave: FloatArray, failed: npt.NDArray[np.bool_], weight: FloatArray, *, late_entries: bool
) -> tuple[FloatArray, ...]:
    times, row = np.unique(leave, return_inverse=True)
    if late_entries:
        exits_at, times = times, np.union1d(entry[entry > 0], times)
        row = np.searchsorted(times, exits_at)[row]
    events = np.bincount(row, weight * failed, times.size)
    censored = np.bincount(row, weight * ~failed, times.size)
    at_risk = _weight_before(times, entry, weight) - _weight_before(times, leave, weight)
    return times, at_risk, events.astype(np.float64), censored.astype(np.float64)


def _weight_before(times: FloatArray, moments: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the weight of the units whose moment lies strictly before each time."""
    order = np.argsort(moments)
    total = np.append(0.0, np.cumsum(weight[order]))
    return total[np.searchsorted(moments[order], times, side="left")]
