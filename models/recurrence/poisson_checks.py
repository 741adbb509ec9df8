"""Does a Poisson interval deserve trust: tests for clustering and for trend of failure times.

An exact Poisson interval assumes independent failures at one rate. Correlated failures (a switch takes ten nodes down)
make it too narrow, a drifting rate makes it an average of different things; both can be seen in the times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, norm

from models.errors import AfterObservationError
from models.guards import checked_columns, checked_positive

#: expected failures per bin from which the chi-square form of the dispersion test holds
_PER_BIN: Final = 5
#: fewer failures say nothing either way
_FEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class DispersionTest:
    """Variance over mean of the counts in equal bins of time; 1 for a Poisson process, above for clustered failures."""

    index: float
    p_value: float
    bins: int
    failures: int


@dataclass(frozen=True, slots=True)
class TrendTest:
    """Laplace's test; ``score`` is standard normal without a trend, positive when failures become more frequent."""

    score: float
    p_value: float
    failures: int


def dispersion_test(times_hours: npt.ArrayLike, observed_hours: float) -> DispersionTest | None:
    """Test whether failures cluster in time more than a Poisson process allows.

    Parameters
    ----------
    times_hours : array-like of shape (n_failures,)
        Times of failures since the beginning of observation.
    observed_hours
        Length of the observation, in which the exposure is taken to be even.

    Returns
    -------
    DispersionTest or None
        One-sided (only over-dispersion counts); None for fewer than ten failures, which say nothing.

    Raises
    ------
    ModelError
        If a time is no number or outside the observation, or the observation has no length.

    Notes
    -----
    Index of dispersion of the counts in equal bins with at least five expected failures each; (bins - 1) × index is
    chi-square with bins - 1 degrees of freedom (Cox & Lewis 1966, section 6.3).

    Examples
    --------
    >>> burst = dispersion_test([50.0] * 30, 100.0)
    >>> burst.index > 10, burst.p_value < 1e-6
    (True, True)
    """
    times = _checked_times(times_hours, observed_hours)
    if len(times) < _FEWEST:
        return None
    bins = max(2, len(times) // _PER_BIN)
    counts, _ = np.histogram(times, bins=bins, range=(0.0, observed_hours))
    index = float(np.var(counts, ddof=1) / np.mean(counts))
    return DispersionTest(index, float(chi2.sf((bins - 1) * index, bins - 1)), bins, len(times))


def laplace_trend_test(times_hours: npt.ArrayLike, observed_hours: float) -> TrendTest | None:
    """Test whether failures become more or less frequent.

    Parameters
    ----------
    times_hours : array-like of shape (n_failures,)
        Times of failures since the beginning of observation.
    observed_hours
        Length of the observation, in which the exposure is taken to be even.

    Returns
    -------
    TrendTest or None
        Two-sided; None for fewer than ten failures, which say nothing.

    Raises
    ------
    ModelError
        If a time is no number or outside the observation, or the observation has no length.

    Notes
    -----
    (mean time - T/2) / (T / sqrt(12 n)), Laplace's test for a time-truncated process (Cox & Lewis 1966, section 3.3).

    Examples
    --------
    >>> rising = laplace_trend_test([60, 65, 70, 72, 80, 85, 88, 90, 95, 99], 100.0)
    >>> rising.score > 3
    True
    """
    times = _checked_times(times_hours, observed_hours)
    if len(times) < _FEWEST:
        return None
    score = float((np.mean(times) - observed_hours / 2) / (observed_hours / np.sqrt(12 * len(times))))
    return TrendTest(score, float(2 * norm.sf(abs(score))), len(times))


def _checked_times(times_hours: npt.ArrayLike, observed_hours: float) -> npt.NDArray[np.float64]:
    checked_positive("observed_hours", observed_hours)
    if np.size(times_hours) == 0:
        return np.empty(0)
    (times,) = checked_columns(times_hours=times_hours)
    if times.max() > observed_hours:
        raise AfterObservationError(float(times.max()), observed_hours)
    return times
