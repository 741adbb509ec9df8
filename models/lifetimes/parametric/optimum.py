"""The maximum of a smooth function of a few coordinates: damped Newton steps from several starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np

from models.guards import FloatArray

# Step of the central differences: their error, the square of it, and rounding over the square of it stay below 1e-7.
_DIFFERENCE: Final = 1e-4
_LONGEST_STEP: Final = 2.0
_MOST_STEPS: Final = 100
# A Newton step that promises less than this gain in log-likelihood moves no parameter by 1e-5 of its standard error.
_SMALL_GAIN: Final = 1e-11
# The gain that sums over millions of lives cannot resolve, relative to their log-likelihood.
_ROUNDING: Final = 1e-14
_MOST_HALVINGS: Final = 30

Function = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """Where a search ended: value, slope and information (minus the second derivatives) there.

    `failure` says why it is no maximum, and is empty when it is one.
    """

    at: FloatArray
    value: float
    gradient: FloatArray
    information: FloatArray
    failure: str


def maximum(function: Function, starts: FloatArray, low: FloatArray, high: FloatArray, names: Sequence[str]) -> Optimum:
    """Climb from every start and return the highest end.

    Parameters
    ----------
    function : callable
        Takes coordinates of shape (n, n_coordinates) and returns n values.
    starts : array of shape (n_starts, n_coordinates)
        Where to begin.
    low, high : array of shape (n_coordinates,)
        Limits; an end on one of them is no maximum.
    names : sequence of str
        What the coordinates are called in a failure.

    Returns
    -------
    Optimum
        A proper maximum if any climb found one.

    Notes
    -----
    Newton's method with the eigenvalues of the information made positive, and the step halved until the value rises.
    Nocedal and Wright, Numerical Optimization (2006), section 3.4.

    Examples
    --------
    >>> peak = maximum(lambda x: -((x[:, 0] - 3.0) ** 2), np.zeros((1, 1)), np.array([-9.0]), np.array([9.0]), ["x"])
    >>> peak.at.round(6).tolist(), peak.failure
    ([3.0], '')
    """
    ends = [_climb(function, start, low, high, names) for start in starts]
    return max(ends, key=lambda end: (not end.failure, end.value))


def derivatives(function: Function, at: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return value, gradient and matrix of second derivatives by central differences, from one call.

    >>> value, gradient, second = derivatives(lambda x: x[:, 0] ** 2 * x[:, 1], np.array([1.0, 2.0]))
    >>> gradient.round(5).tolist(), second.round(4).tolist()
    ([4.0, 1.0], [[4.0, 2.0], [2.0, 0.0]])
    """
    size = at.size
    values = function(at + _DIFFERENCE * _stencil(size))
    middle, up, down = values[0], values[1 : 1 + size], values[1 + size : 1 + 2 * size]
    gradient = (up - down) / (2.0 * _DIFFERENCE)
    second = np.diag((up - 2.0 * middle + down) / _DIFFERENCE**2)
    for position, (one, other) in enumerate(combinations(range(size), 2)):
        corners = values[1 + 2 * size + 4 * position :][:4]
        second[one, other] = second[other, one] = (corners @ (1.0, -1.0, -1.0, 1.0)) / (4.0 * _DIFFERENCE**2)
    return float(middle), gradient, second


@lru_cache
def _stencil(size: int) -> FloatArray:
    unit = np.eye(size)
    corners = [
        one * unit[i] + other * unit[j]
        for i, j in combinations(range(size), 2)
        for one in (1.0, -1.0)
        for other in (1.0, -1.0)
    ]
    return np.vstack([np.zeros((1, size)), unit, -unit, *corners])


def _climb(function: Function, at: FloatArray, low: FloatArray, high: FloatArray, names: Sequence[str]) -> Optimum:
    margin = 2.0 * _DIFFERENCE  # the differences must stay within the limits
    lowest, highest = low + margin, high - margin
    at = np.clip(at, lowest, highest)
    failure = "the search for the likeliest parameters did not settle"
    for _ in range(_MOST_STEPS):
        value, gradient, second = derivatives(function, at)
        if not (np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(second).all()):
            failure = "the likelihood cannot be computed where it is highest"
            break
        blocked = ((at <= lowest) & (gradient < 0)) | ((at >= highest) & (gradient > 0))
        if blocked.any():
            failure = f"the likelihood still rises at the limit of the {names[int(np.argmax(blocked))]}"
            break
        curvature, axes = np.linalg.eigh(-second)
        floor = 1e-8 * np.abs(curvature).max() + 1e-300
        step = axes @ ((axes.T @ gradient) / np.maximum(np.abs(curvature), floor))
        gain = float(gradient @ step) / 2.0
        if gain <= _SMALL_GAIN + _ROUNDING * abs(value):
            failure = "" if curvature[0] > 0 else "the likelihood is flat"
            break
        step *= min(1.0, _LONGEST_STEP / np.abs(step).max())
        moved = _higher(function, at, step, value, lowest, highest)
        if moved is None:
            # Rounding hides any gain: settled, if what is left to gain is small against the curvature's own noise.
            failure = "" if gain < 1e-6 and curvature[0] > 0 else failure
            break
        at = moved
    return Optimum(at=at, value=value, gradient=gradient, information=-second, failure=failure)


def _higher(
    function: Function, at: FloatArray, step: FloatArray, value: float, low: FloatArray, high: FloatArray
) -> FloatArray | None:
    for _ in range(_MOST_HALVINGS):
        candidate = np.clip(at + step, low, high)
        if function(candidate[None, :])[0] > value:
            return candidate
        step = step / 2.0
    return None
