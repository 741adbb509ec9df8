"""The rate of the last 30 days, day by day, with its band."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import FailuresWithoutExposureError, NotACountError, ZeroExposureError
from models.guards import FloatArray, checked_columns, checked_confidence, checked_count, checked_positive
from models.rates import poisson_limits


@dataclass(frozen=True, slots=True, eq=False)
class RollingRate:
    """One entry per day whose window had exposure; `day` is its position in the input."""

    day: npt.NDArray[np.int64]
    failures: FloatArray
    exposure_days: FloatArray
    rate_per_day: FloatArray
    low_per_day: FloatArray
    high_per_day: FloatArray
    window_days: int
    confidence: float


def rolling_rate(
    failures: npt.ArrayLike, exposure_days: npt.ArrayLike, window_days: int = 30, confidence: float = 0.9
) -> RollingRate:
    """Estimate the rate over a trailing window, at every day that ends a full one.

    Parameters
    ----------
    failures, exposure_days : array-like of shape (n_days,)
        Failures of each day and the node-days (or GPU-days) at risk in it.
    window_days : int
        Length of the window; a shorter record gives one window, the whole.
    confidence : float
        Coverage of the band at each day, not over all of them.

    Returns
    -------
    RollingRate
        Days whose window had no exposure are left out.

    Raises
    ------
    FailuresWithoutExposureError, ZeroExposureError, NotACountError, NegativeValueError, NotFiniteError
        The record cannot be.

    Notes
    -----
    Garwood (1936) in each window. Windows overlap, so neighbouring days are not independent.

    Examples
    --------
    >>> rolling_rate([1] * 40, [100.0] * 40).rate_per_day.round(4).tolist()[:2]
    [0.01, 0.01]
    """
    checked_confidence(confidence)
    counts, exposure = checked_daily(failures, exposure_days)
    window = min(int(checked_positive("window_days", checked_count("window_days", window_days))), counts.size)
    in_window, at_risk = (_trailing(column, window) for column in (counts, exposure))
    seen = at_risk > 0
    in_window, at_risk = in_window[seen], at_risk[seen]
    low, high = poisson_limits(in_window.astype(np.int64), confidence)
    day = np.flatnonzero(seen) + window - 1
    return RollingRate(day, in_window, at_risk, in_window / at_risk, low / at_risk, high / at_risk, window, confidence)


def checked_daily(failures: npt.ArrayLike, exposure_days: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return daily counts and exposures, days without exposure among them.

    >>> [column.tolist() for column in checked_daily([1, 0], [2, 0])]
    [[1.0, 0.0], [2.0, 0.0]]
    """
    counts, exposure = checked_columns(failures=failures, exposure_days=exposure_days)
    if (counts != np.floor(counts)).any():
        raise NotACountError("failures", float(counts[counts != np.floor(counts)][0]))
    unseen = counts[exposure == 0].sum()
    if unseen:
        raise FailuresWithoutExposureError(int(unseen))
    if not exposure.any():
        raise ZeroExposureError
    return counts, exposure


def _trailing(values: FloatArray, window: int) -> FloatArray:
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, window).sum(axis=1))
