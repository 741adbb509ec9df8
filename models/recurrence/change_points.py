"""Days on which the failure rate changed: a driver, a firmware, a hot week.

Binary segmentation: split where the Poisson likelihood gains most, if days in random order seldom gain as much, then
look into both parts. Reordering days keeps their own overdispersion, so one bad day is no regime.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from models.guards import FloatArray, checked_confidence
from models.rate_comparisons import RateComparison, compare_rates
from models.rates import RateEstimate, poisson_rate
from models.recurrence.rolling import checked_daily

#: a regime is at least this long
SHORTEST_DAYS: Final = 7
_ORDERS: Final = 999
_CELLS_AT_ONCE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The first day of a new rate; `low_day` to `high_day` hold it with the confidence asked for.

    `before` and `after` reach to the neighbouring change points; their exact intervals assume Poisson days, and
    `dispersion` says how much more the days vary (1 for Poisson).
    """

    day: int
    low_day: int
    high_day: int
    p_value: float
    before: RateEstimate
    after: RateEstimate
    ratio: RateComparison
    dispersion: float


def change_points(
    failures: npt.ArrayLike,
    exposure_days: npt.ArrayLike,
    rng: np.random.Generator,
    confidence: float = 0.9,
    false_alarm: float = 0.05,
) -> tuple[ChangePoint, ...]:
    """Find the days at which the daily failure rate changed.

    Parameters
    ----------
    failures, exposure_days : array-like of shape (n_days,)
        Failures of each day and the node-days at risk in it; days without exposure are passed over.
    rng : numpy.random.Generator
        Draws the random orders of days.
    confidence : float
        Of the interval of each day and of the rates.
    false_alarm : float
        The chance that a record of one rate gives any change point.

    Returns
    -------
    tuple of ChangePoint
        In order of time; `day` counts from the first day of the record.

    Raises
    ------
    FailuresWithoutExposureError, ZeroExposureError, NotACountError, NegativeValueError, NotFiniteError,
    ConfidenceOutOfRangeError
        The record cannot be.

    Notes
    -----
    Scan of the likelihood ratio (Worsley 1986, Biometrika 73:91) with a permutation p-value (Antoch and Huskova 2001),
    valid when days of one rate are exchangeable: bursts that last several days break this. The day's interval holds the
    smallest set of days with this share of the likelihood, tempered by the dispersion.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> daily = np.concatenate([rng.poisson(2.0, 100), rng.poisson(6.0, 100)])
    >>> [change.low_day <= 100 <= change.high_day for change in change_points(daily, np.full(200, 512.0), rng)]
    [True]
    """
    checked_confidence(confidence)
    checked_confidence(1.0 - false_alarm)
    counts, exposure = checked_daily(failures, exposure_days)
    position = np.flatnonzero(exposure > 0)
    counts, exposure = counts[position], exposure[position]
    splits: dict[int, float] = {}
    _split(counts, exposure, 0, splits, rng, false_alarm)
    days = sorted(splits)
    borders = [0, *days, counts.size]
    return tuple(
        _described(counts, exposure, position, (begin, day, end), splits[day], confidence)
        for begin, day, end in zip(borders, days, borders[2:], strict=False)
    )


def _split(
    counts: FloatArray,
    exposure: FloatArray,
    first: int,
    splits: dict[int, float],
    rng: np.random.Generator,
    false_alarm: float,
) -> None:
    if counts.size < 2 * SHORTEST_DAYS or counts.sum() == 0:
        return
    gains = _gains(counts[None, :], exposure[None, :])[0]
    p_value = _p_value(counts, exposure, float(gains.max()), rng)
    if p_value > false_alarm:
        return
    at = int(np.argmax(gains)) + SHORTEST_DAYS
    splits[first + at] = p_value
    _split(counts[:at], exposure[:at], first, splits, rng, false_alarm)
    _split(counts[at:], exposure[at:], first + at, splits, rng, false_alarm)


def _gains(counts: FloatArray, exposure: FloatArray) -> FloatArray:
    """Return the gain in log-likelihood of a split after each day that leaves both sides long enough, by row."""
    inside = slice(SHORTEST_DAYS - 1, counts.shape[1] - SHORTEST_DAYS)
    total, days = counts.sum(axis=1, keepdims=True), exposure.sum(axis=1, keepdims=True)
    before, watched = np.cumsum(counts, axis=1)[:, inside], np.cumsum(exposure, axis=1)[:, inside]
    after, rest = total - before, days - watched
    gain = special.xlogy(before, before / watched) + special.xlogy(after, np.maximum(after, 0.0) / rest)
    return np.asarray(gain - special.xlogy(total, total / days))


def _p_value(counts: FloatArray, exposure: FloatArray, gain: float, rng: np.random.Generator) -> float:
    as_good, left = 1, _ORDERS
    while left:
        rows = min(left, max(1, _CELLS_AT_ONCE // counts.size))
        order = np.argsort(rng.random((rows, counts.size)), axis=1)
        as_good += int((_gains(counts[order], exposure[order]).max(axis=1) >= gain - 1e-9).sum())
        left -= rows
    return as_good / (_ORDERS + 1)


def _described(
    counts: FloatArray,
    exposure: FloatArray,
    position: npt.NDArray[np.intp],
    borders: tuple[int, int, int],
    p_value: float,
    confidence: float,
) -> ChangePoint:
    begin, day, end = borders
    sides = [
        poisson_rate(int(counts[part].sum()), float(exposure[part].sum()), confidence)
        for part in (slice(begin, day), slice(day, end))
    ]
    before, after = sides
    means = exposure[begin:end] * np.repeat([side.rate_per_day for side in sides], [day - begin, end - day])
    squares = (counts[begin:end] - means) ** 2 / np.where(means > 0, means, 1.0)
    dispersion = max(1.0, float(squares.sum()) / max(1, end - begin - 2))
    gains = _gains(counts[None, begin:end], exposure[None, begin:end])[0] / dispersion
    weight = np.exp(gains - gains.max())
    likely = np.argsort(-weight, kind="stable")
    kept = likely[: int(np.searchsorted(np.cumsum(weight[likely]), confidence * weight.sum())) + 1]
    first = begin + SHORTEST_DAYS
    return ChangePoint(
        day=int(position[day]),
        low_day=int(position[min(day, first + int(kept.min()))]),
        high_day=int(position[max(day, first + int(kept.max()))]),
        p_value=p_value,
        before=before,
        after=after,
        ratio=compare_rates(after, before, confidence),
        dispersion=dispersion,
    )
