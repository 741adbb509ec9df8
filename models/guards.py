"""Validation at the door: each guard returns the checked value or raises the error that names the mistake."""

import math
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt

from models.errors import (
    ConfidenceOutOfRangeError,
    EmptySampleError,
    LengthMismatchError,
    NegativeValueError,
    NotACountError,
    NotFiniteError,
    NotPositiveError,
)

FloatArray = npt.NDArray[np.float64]


def checked_confidence(confidence: float) -> float:
    """Return a confidence level strictly between 0 and 1.

    >>> checked_confidence(0.9)
    0.9
    """
    if not 0.0 < confidence < 1.0:
        raise ConfidenceOutOfRangeError(confidence)
    return float(confidence)


def checked_count(name: str, value: SupportsFloat) -> int:
    """Return a whole number from zero up; 3.0, as a data frame gives it, is one.

    >>> checked_count("failures", 3.0)
    3
    """
    number = float(value)
    if not number.is_integer() or number < 0:
        raise NotACountError(name, value)
    return int(number)


def checked_positive(name: str, value: float) -> float:
    """Return a finite number above zero.

    >>> checked_positive("mttf_seconds", 3600)
    3600.0
    """
    if not math.isfinite(value):
        raise NotFiniteError(name)
    if value <= 0:
        raise NotPositiveError(name, value)
    return float(value)


def checked_non_negative(name: str, value: float) -> float:
    """Return a finite number from zero up.

    >>> checked_non_negative("queue_wait_seconds", 0)
    0.0
    """
    if not math.isfinite(value):
        raise NotFiniteError(name)
    if value < 0:
        raise NegativeValueError(name, value)
    return float(value)


def checked_columns(**columns: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """Return columns as float arrays that are non-empty, equally long, finite and not negative.

    >>> [column.tolist() for column in checked_columns(entry_hours=[0, 1], exit_hours=[2, 3])]
    [[0.0, 1.0], [2.0, 3.0]]
    """
    arrays = {name: np.atleast_1d(np.array(values, dtype=np.float64)) for name, values in columns.items()}
    if len({array.shape for array in arrays.values()}) > 1:
        raise LengthMismatchError({name: array.size for name, array in arrays.items()})
    for name, array in arrays.items():
        if array.size == 0:
            raise EmptySampleError
        if not np.isfinite(array).all():
            raise NotFiniteError(name, int(np.argmin(np.isfinite(array))))
        if (array < 0).any():
            position = int(np.argmax(array < 0))
            raise NegativeValueError(name, float(array[position]), position)
    return tuple(arrays.values())
