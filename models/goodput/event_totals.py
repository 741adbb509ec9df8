"""How sure a total over failures is: hours that a number of random events, each of its own size, add up to."""

import math
from dataclasses import dataclass

from scipy.stats import chi2

from models.errors import NegativeValueError
from models.guards import checked_confidence, checked_non_negative


@dataclass(frozen=True, slots=True)
class EventTotal:
    """What independent events add up to.

    Parameters
    ----------
    total : float
        Sum of their sizes, none negative.
    squares : float
        Sum of the squares of their sizes.
    largest : float
        The largest size.
    """

    total: float = 0.0
    squares: float = 0.0
    largest: float = 0.0

    def __post_init__(self) -> None:
        for name in ("total", "squares", "largest"):
            checked_non_negative(name, getattr(self, name))
        if self.largest > self.total * (1 + 1e-9):
            raise NegativeValueError("total - largest", self.total - self.largest)


def total_interval(events: EventTotal, confidence: float = 0.9) -> tuple[float, float]:
    """Bound the total that was to be expected, where one was seen.

    Parameters
    ----------
    events : EventTotal
        What was seen.
    confidence : float
        Two-sided level.

    Returns
    -------
    tuple of float
        Lower and upper bound, in the unit of the total; both 0 without events, whose size nobody knows.

    Notes
    -----
    The gamma interval of Fay and Feuer (Statistics in Medicine 16, 1997) for a weighted sum of Poisson counts, each
    size that was seen being a weight. With equal sizes it is the exact interval of a Poisson count, times the size; one
    large event among small ones widens it. For sizes that are random themselves it takes those seen for all there are:
    of eight log-normal ones (sigma 1) a 90% interval held the expected total in 87% of trials. Of an event larger than
    all that were seen it knows nothing.

    Examples
    --------
    >>> [round(bound, 3) for bound in total_interval(EventTotal(total=6.0, squares=12.0, largest=2.0))]
    [1.635, 15.507]
    """
    checked_confidence(confidence)
    if events.total <= 0.0:
        return 0.0, 0.0
    tail = (1.0 - confidence) / 2.0
    low = _gamma_quantile(events.total, events.squares, tail)
    # One more event of the largest size, as the exact Poisson interval counts one more.
    high = _gamma_quantile(events.total + events.largest, events.squares + events.largest**2, 1.0 - tail)
    return low, high


def difference_interval(gained: EventTotal, lost: EventTotal, confidence: float = 0.9) -> tuple[float, float]:
    """Bound what is gained in some events less what is lost in others.

    Parameters
    ----------
    gained, lost : EventTotal
        Two independent totals.
    confidence : float
        Two-sided level.

    Returns
    -------
    tuple of float
        Lower and upper bound of the difference.

    Notes
    -----
    The two intervals combined by the square-and-add rule (MOVER: Zou and Donner, Statistics in Medicine 27, 2008).

    Examples
    --------
    >>> few = EventTotal(total=6.0, squares=12.0, largest=2.0)
    >>> [round(bound, 3) for bound in difference_interval(few, EventTotal())]
    [1.635, 15.507]
    """
    gained_low, gained_high = total_interval(gained, confidence)
    lost_low, lost_high = total_interval(lost, confidence)
    middle = gained.total - lost.total
    return (
        middle - math.hypot(gained.total - gained_low, lost_high - lost.total),
        middle + math.hypot(gained_high - gained.total, lost.total - lost_low),
    )


def _gamma_quantile(mean: float, variance: float, probability: float) -> float:
    degrees = 2.0 * mean**2 / variance
    return float(variance / (2.0 * mean) * chi2.ppf(probability, degrees))
