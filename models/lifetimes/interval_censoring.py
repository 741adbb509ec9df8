"""Survival from interval-censored, left-truncated lives: Turnbull's likeliest distribution without a shape assumed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import NotFiniteError
from models.guards import FloatArray, checked_columns, checked_confidence
from models.lifetimes.errors import IntervalOrderError

# Largest step of a probability at which the iteration ends, and how often it may step.
STEP = 1e-12
MOST_STEPS = 20_000
# By how much per unit the likelihood may still rise along any direction (the Kuhn–Tucker condition).
SLACK = 1e-5
# Masses below this that the likelihood wants smaller are nought: they would take sublinearly long to get there.
NOUGHT = 1e-10
# The least share of its mass that a leap leaves to an interval.
SHRINK = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class TurnbullCurve:
    """Where lives end: `mass` of the probability lies somewhere in each interval (left, right], a point where equal.

    `survival` is the chance to live beyond `right_hours`; within an interval the data do not say. The last interval
    may be open, its right end infinite. Limits are None without a bootstrap. `gap` is the largest rise of the
    log-likelihood per unit that any shift of mass still promises: 0 at the maximum.
    """

    left_hours: FloatArray
    right_hours: FloatArray
    mass: FloatArray
    survival: FloatArray
    low: FloatArray | None
    high: FloatArray | None
    log_likelihood: float
    gap: float
    units: float
    confidence: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Sets:
    """Which support intervals each life may end in, [first, end), and from which on it could have been seen."""

    first: npt.NDArray[np.intp]
    end: npt.NDArray[np.intp]
    seen: npt.NDArray[np.intp]
    size: int

    def chances(self, mass: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the probability of what was seen of each life, and of seeing it at all."""
        total = np.append(0.0, np.cumsum(mass))
        # Summed from the right, so that small tails keep their digits.
        beyond = np.append(np.cumsum(mass[::-1])[::-1], 0.0)
        inside = np.where(self.end == self.size, beyond[self.first], total[self.end] - total[self.first])
        return inside, beyond[self.seen]

    def gradient(self, mass: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return, for each support interval, summed weight / chance over the lives that may end in it, or be seen."""
        inside, visible = self.chances(mass)
        steps = np.zeros(self.size + 1)
        np.subtract.at(steps, self.end, weight / inside)
        np.add.at(steps, self.first, weight / inside)
        shown = np.bincount(self.seen, weight / visible, self.size + 1).astype(np.float64)
        return np.cumsum(steps)[:-1], np.cumsum(shown)[:-1]


def turnbull(
    entry_hours: npt.ArrayLike,
    lower_hours: npt.ArrayLike,
    upper_hours: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    confidence: float = 0.9,
    *,
    rng: np.random.Generator | None = None,
    resamples: int = 200,
) -> TurnbullCurve:
    """Estimate survival from lives known only to have ended between two inspections.

    Parameters
    ----------
    entry_hours : array-like of shape (n_units,)
        Age when observation began; 0 unless the unit was already running then (left truncation).
    lower_hours, upper_hours : array-like of shape (n_units,)
        The life ended after the lower and not after the upper age; equal where the very time is known, upper infinite
        where it was still alive when last seen at the lower age.
    weights : array-like of shape (n_units,), optional
        How many like units each stands for; 1 each by default.
    confidence : float
        Pointwise coverage of the bootstrap interval.
    rng : numpy.random.Generator, optional
        Draws the bootstrap; without it the limits are None and a warning says so.
    resamples : int
        Number of bootstrap samples.

    Returns
    -------
    TurnbullCurve
        With left truncation the curve is conditional on reaching the first entry.

    Raises
    ------
    IntervalOrderError
        entry <= lower <= upper does not hold, or a life ends at its entry.
    EmptySampleError, LengthMismatchError, NotFiniteError, NegativeValueError, ConfidenceOutOfRangeError
        The columns or the level cannot be.

    Notes
    -----
    Turnbull (1976), self-consistency, with the support of Frydman (1994) under truncation; steps are extrapolated
    (SQUAREM, Varadhan and Roland 2008) where that raises the likelihood, and the maximum is checked by the Kuhn–Tucker
    condition of Gentleman and Geyer (1994). Percentile bootstrap over units: the limits are rough where the curve has
    few steps.

    Examples
    --------
    >>> curve = turnbull([0, 0, 0], [0, 5, 10], [10, 15, np.inf])
    >>> curve.left_hours.tolist(), curve.right_hours.tolist(), curve.survival.round(3).tolist()
    ([5.0, 10.0], [10.0, 15.0], [0.5, 0.0])
    """
    checked_confidence(confidence)
    entry, lower, upper, weight = _checked(entry_hours, lower_hours, upper_hours, weights)
    left, right, sets = _support(entry, lower, upper)
    mass, gap = _likeliest(sets, weight)
    inside, visible = sets.chances(mass)
    survival = _survival(mass)
    low = high = None
    warnings = []
    if gap > SLACK:
        warnings.append(f"the likelihood may still rise by {gap:.2g} per unit: the curve has not converged")
    if rng is None:
        warnings.append("no interval: give a random generator for the bootstrap")
    else:
        low, high = _bootstrap(sets, weight, survival, confidence, rng, resamples)
        warnings.append("the interval is a percentile bootstrap: approximate, and rough where the curve has few steps")
    return TurnbullCurve(
        left_hours=left,
        right_hours=right,
        mass=mass,
        survival=survival,
        low=low,
        high=high,
        log_likelihood=float((weight * (np.log(inside) - np.log(visible))).sum()),
        gap=gap,
        units=float(weight.sum()),
        confidence=confidence,
        warnings=tuple(warnings),
    )


def _checked(
    entry_hours: npt.ArrayLike, lower_hours: npt.ArrayLike, upper_hours: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    upper = np.atleast_1d(np.array(upper_hours, dtype=np.float64))
    if np.isnan(upper).any():
        raise NotFiniteError("upper_hours", int(np.argmax(np.isnan(upper))))
    open_ended = np.isposinf(upper)
    given = np.ones(upper.size) if weights is None else weights
    entry, lower, closed, weight = checked_columns(
        entry_hours=entry_hours,
        lower_hours=lower_hours,
        upper_hours=np.where(open_ended, 0.0, upper),
        weights=given,
    )
    upper = np.where(open_ended, np.inf, closed)
    wrong = (lower < entry) | (upper < lower) | (upper <= entry)
    if wrong.any():
        position = int(np.argmax(wrong))
        raise IntervalOrderError(position, entry[position], lower[position], upper[position])
    present = weight > 0
    checked_columns(weights=weight[present])  # nobody at all is refused by name
    return entry[present], lower[present], upper[present], weight[present]


def _support(entry: FloatArray, lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray, _Sets]:
    """Return the intervals that can carry mass: from a left end to a right end with no other end in between.

    At one age a known time begins first, then intervals up to it close, then those after it open.
    """
    exact = lower == upper
    moments = np.concatenate([lower, upper, entry])
    place = np.concatenate([np.where(exact, 0, 2), np.ones(upper.size + entry.size, dtype=int)])
    opens = np.repeat([True, False, False], lower.size)
    ages, rank = np.unique(moments, return_inverse=True)
    order, index = np.unique(rank * 3 + place, return_inverse=True)
    is_left = np.zeros(order.size, dtype=bool)
    is_left[index[opens]] = True
    starts = np.flatnonzero(is_left[:-1] & ~is_left[1:])
    left_code, right_code = order[starts], order[starts + 1]
    units = lower.size
    code = rank * 3 + place
    sets = _Sets(
        first=np.searchsorted(left_code, code[:units]),
        end=np.searchsorted(right_code, code[units : 2 * units], side="right"),
        seen=np.searchsorted(left_code, code[2 * units :], side="right"),
        size=starts.size,
    )
    return ages[left_code // 3], ages[right_code // 3], sets


def _likeliest(sets: _Sets, weight: FloatArray) -> tuple[FloatArray, float]:
    mass = np.full(sets.size, 1.0 / sets.size)
    # Mass where nobody could have been seen to fail has no bearing on the likelihood: the curve is conditional.
    inside, _ = sets.gradient(mass, weight)
    mass = np.where(inside > 0, mass, 0.0)
    mass /= mass.sum()
    best = _log_likelihood(sets, mass, weight)
    for _ in range(MOST_STEPS):
        once = _self_consistent(sets, mass, weight)
        twice = _self_consistent(sets, once, weight)
        change, bend = once - mass, twice - 2.0 * once + mass
        step = np.linalg.norm(change) / max(float(np.linalg.norm(bend)), 1e-300)
        # A leap may not empty an interval: steps multiply, so that none would ever fill it again.
        leap = np.maximum(mass + 2.0 * step * change + step**2 * bend, SHRINK * mass) if step > 1.0 else twice
        leap = np.where(mass > 0, leap, 0.0) / leap.sum()
        reached = _log_likelihood(sets, leap, weight)
        if not reached >= best:
            leap, reached = twice, _log_likelihood(sets, twice, weight)
        moved = float(np.abs(leap - mass).max())
        mass, best = leap, reached
        if moved < STEP:
            break
    inside, shown = sets.gradient(mass, weight)
    mass = np.where((mass < NOUGHT) & (inside < shown), 0.0, mass)
    return mass / mass.sum(), max(float((inside - shown).max() / weight.sum()), 0.0)


def _self_consistent(sets: _Sets, mass: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the mass that the lives seen, and those unseen for each of them, would have on average."""
    inside, shown = sets.gradient(mass, weight)
    _, visible = sets.chances(mass)
    everybody = (weight / visible).sum()
    moved = mass * (inside + everybody - shown)
    return np.asarray(moved / moved.sum())


def _log_likelihood(sets: _Sets, mass: FloatArray, weight: FloatArray) -> float:
    inside, visible = sets.chances(mass)
    with np.errstate(divide="ignore", invalid="ignore"):  # a leap too far: minus infinity, refused
        return float((weight * (np.log(inside) - np.log(visible))).sum())


def _survival(mass: FloatArray) -> FloatArray:
    return np.clip(1.0 - np.cumsum(mass), 0.0, 1.0)


def _bootstrap(
    sets: _Sets,
    weight: FloatArray,
    survival: FloatArray,
    confidence: float,
    rng: np.random.Generator,
    resamples: int,
) -> tuple[FloatArray, FloatArray]:
    units = max(round(float(weight.sum())), 1)
    curves = np.empty((resamples, sets.size))
    for sample in range(resamples):
        drawn = rng.multinomial(units, weight / weight.sum())
        present = drawn > 0
        some = _Sets(sets.first[present], sets.end[present], sets.seen[present], sets.size)
        curves[sample] = _survival(_likeliest(some, drawn[present].astype(np.float64))[0])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(curves, [tail, 1.0 - tail], axis=0)
    return np.minimum(low, survival), np.maximum(high, survival)
