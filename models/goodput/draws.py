"""What an uncertain failure rate makes of a prediction: draws of it, and the interval of anything computed from it.

The rate is known from failures counted in an exposure. With at least one failure the draws come from the posterior
under Jeffreys' prior, Gamma(failures + 1/2) / exposure, whose intervals cover close to their level. Without any they
come from Gamma(1) / exposure: its upper quantiles are the exact one-sided Poisson bounds,
-ln(1 - confidence) / exposure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.errors import EmptySampleError, NotFiniteError, ZeroExposureError
from models.goodput.errors import NotOnePerDrawError
from models.guards import FloatArray, checked_confidence, checked_count, checked_non_negative


@dataclass(frozen=True, slots=True, eq=False)
class RateDraws:
    """Draws of a failure rate, per node-day, and the counts they come from."""

    per_node_day: FloatArray
    failures: int
    exposure_node_days: float


@dataclass(frozen=True, slots=True)
class DrawInterval:
    """An interval carried through from the counts.

    ``estimate`` is the value at failures / exposure. Without a failure it is None: ``low`` and ``high`` then are the
    value at a rate of zero and the one-sided bound at the level, and ``warnings`` says which is which.
    """

    estimate: float | None
    low: float
    high: float
    failures: int
    exposure_node_days: float
    confidence: float
    draws: int
    warnings: tuple[str, ...]


def rate_draws(failures: int, exposure_node_days: float, size: int, rng: np.random.Generator) -> RateDraws:
    """Draw failure rates from what was counted.

    Parameters
    ----------
    failures : int
        Failures counted.
    exposure_node_days : float
        Node-days in which they were.
    size : int
        Number of draws.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    RateDraws
        Draws from Gamma(failures + 1/2) / exposure, or Gamma(1) / exposure without a failure.

    Raises
    ------
    ZeroExposureError
        Nothing was observed.
    EmptySampleError
        No draws asked for.
    NotACountError, NegativeValueError, NotFiniteError
        The counts cannot be.

    Notes
    -----
    Jeffreys (1946); Brown, Cai and DasGupta (2003) on the coverage of its Poisson intervals.

    Examples
    --------
    >>> draws = rate_draws(419, 54 * 2048, 10_000, np.random.default_rng(1))
    >>> [round(1000 * float(np.quantile(draws.per_node_day, q)), 2) for q in (0.05, 0.95)]
    [3.49, 4.09]
    """
    count, number = checked_count("failures", failures), checked_count("size", size)
    exposure = checked_non_negative("exposure_node_days", exposure_node_days)
    if exposure == 0:
        raise ZeroExposureError
    if number == 0:
        raise EmptySampleError
    return RateDraws(rng.gamma(count + 0.5 if count else 1.0, 1.0 / exposure, number), count, exposure)


def draw_interval(
    function: Callable[[FloatArray], FloatArray], draws: RateDraws, confidence: float = 0.9
) -> DrawInterval:
    """Carry the uncertainty of a failure rate through any function of it.

    Parameters
    ----------
    function : callable
        Takes failure rates per node-day of shape (n,) and returns one value each: ETTR, an interval, days to finish.
        It may be infinite, at a rate of zero for instance; it may not be NaN.
    draws : RateDraws
        From `rate_draws`.
    confidence : float
        Level of the central interval; without a failure, of the one-sided bound, for which the function is to rise or
        to fall with the rate.

    Returns
    -------
    DrawInterval
        The value at the observed rate and its interval.

    Raises
    ------
    NotOnePerDrawError
        The function does not return one value per rate.
    NotFiniteError
        A value is NaN.
    ConfidenceOutOfRangeError
        The level cannot be.

    Notes
    -----
    Quantiles of the function's values at the draws. Without a failure: the value at zero and at the upper bound of the
    rate, the quantile of the draws at the level.

    Examples
    --------
    >>> from models.goodput.renewal import exact_ettr_at
    >>> from models.goodput.run_plan import RunPlan
    >>> plan = RunPlan(2048, 0.0, 3600, 300)
    >>> llama = rate_draws(419, 54 * 2048, 4000, np.random.default_rng(1))
    >>> found = draw_interval(lambda rates: exact_ettr_at(plan, rates), llama)
    >>> f"{found.estimate:.2f} ({found.low:.2f} .. {found.high:.2f})"
    '0.82 (0.81 .. 0.84)'
    >>> unseen = rate_draws(0, 5000, 4000, np.random.default_rng(1))
    >>> draw_interval(lambda rates: exact_ettr_at(plan, rates), unseen).warnings[0][:60]
    'no failure in 5000 node-days: the value is at least 0.977 at'
    """
    checked_confidence(confidence)
    if draws.failures:
        values = _values(function, np.append(draws.failures / draws.exposure_node_days, draws.per_node_day))
        tail = (1.0 - confidence) / 2.0
        # Values that are infinite must not be averaged with finite neighbours into NaN.
        low, high = np.quantile(values[1:], [tail, 1.0 - tail], method="nearest")
        return DrawInterval(
            estimate=float(values[0]),
            low=float(low),
            high=float(high),
            failures=draws.failures,
            exposure_node_days=draws.exposure_node_days,
            confidence=confidence,
            draws=draws.per_node_day.size,
            warnings=(),
        )
    upper_rate = -np.log1p(-confidence) / draws.exposure_node_days
    never, bound = _values(function, np.array([0.0, upper_rate]))
    side = "at most" if bound > never else "at least"
    statement = (
        f"no failure in {draws.exposure_node_days:g} node-days: the value is {side} {bound:.3g} at "
        f"{confidence:.0%} confidence, and {never:.3g} if nothing ever fails; there is no estimate"
    )
    return DrawInterval(
        estimate=None,
        low=float(min(never, bound)),
        high=float(max(never, bound)),
        failures=0,
        exposure_node_days=draws.exposure_node_days,
        confidence=confidence,
        draws=draws.per_node_day.size,
        warnings=(statement,),
    )


def _values(function: Callable[[FloatArray], FloatArray], rates: FloatArray) -> FloatArray:
    values = np.asarray(function(rates), dtype=np.float64)
    if values.shape != rates.shape:
        raise NotOnePerDrawError(values.shape, rates.size)
    if np.isnan(values).any():
        raise NotFiniteError("value of the function", int(np.argmax(np.isnan(values))))
    return values
