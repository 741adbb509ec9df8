"""Repairable units: when each was watched, and when it failed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ExitBeforeEntryError
from models.guards import FloatArray, checked_columns
from models.recurrence.errors import OutsideWindowError, UnknownUnitError


@dataclass(frozen=True, slots=True, eq=False)
class Recurrences:
    """Units watched from start to end, and their failures, sorted by unit and time.

    Parameters
    ----------
    start_hours, end_hours : array-like of shape (n_units,)
        When each unit was watched.
    unit : array-like of shape (n_failures,)
        Position of the failed unit, from 0.
    time_hours : array-like of shape (n_failures,)
        When it failed: start < time <= end.

    Raises
    ------
    ModelError
        A unit is never watched, or a failure belongs to no unit or lies outside its watch.

    Examples
    --------
    >>> Recurrences([0, 0], [10, 20], [1, 0, 1], [15, 5, 3]).time_hours.tolist()
    [5.0, 3.0, 15.0]
    """

    start_hours: FloatArray
    end_hours: FloatArray
    unit: npt.NDArray[np.intp]
    time_hours: FloatArray

    def __post_init__(self) -> None:
        start, end = checked_columns(start_hours=self.start_hours, end_hours=self.end_hours)
        if (end <= start).any():
            position = int(np.argmax(end <= start))
            raise ExitBeforeEntryError(position, float(start[position]), float(end[position]))
        if np.size(self.time_hours) == 0 and np.size(self.unit) == 0:
            time, unit = np.empty(0), np.empty(0, dtype=np.intp)
        else:
            time, number = checked_columns(time_hours=self.time_hours, unit=self.unit)
            unit = number.astype(np.intp)
            self._check_failures(start, end, unit, time)
        order = np.lexsort((time, unit))
        columns = {"start_hours": start, "end_hours": end, "unit": unit[order], "time_hours": time[order]}
        for name, column in columns.items():
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    @staticmethod
    def _check_failures(start: FloatArray, end: FloatArray, unit: npt.NDArray[np.intp], time: FloatArray) -> None:
        if (unit >= start.size).any():
            position = int(np.argmax(unit >= start.size))
            raise UnknownUnitError(position, int(unit[position]), start.size)
        outside = (time <= start[unit]) | (time > end[unit])
        if outside.any():
            position = int(np.argmax(outside))
            own = unit[position]
            raise OutsideWindowError(position, float(time[position]), float(start[own]), float(end[own]))
