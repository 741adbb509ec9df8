"""What happens together, held against chance: co-occurrence, cascades, and events that one moment joins.

Chance means independent Poisson processes of constant rate: a process of rate r shows within a window of length w with
probability 1 - exp(-r w). Nodes that differ in their rates (lemons) make true chance larger than that.
"""

import math
from dataclasses import dataclass

from scipy import special

from models.guards import checked_count, checked_non_negative, checked_positive
from models.rates import ShareEstimate, binomial_share


@dataclass(frozen=True, slots=True)
class Coincidence:
    """How often B accompanies A, and how often it would by chance.

    Parameters
    ----------
    share
        Incidents of A that have B in their window, of all incidents of A, with its exact interval.
    expected_share
        The share that chance alone would give.
    lift, lift_low, lift_high
        Share over expected share; None where chance expects none at all.
    excess, excess_low, excess_high
        Share above chance.
    p_value
        Probability that chance gives at least as many.
    """

    share: ShareEstimate
    expected_share: float
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    excess: float
    excess_low: float
    excess_high: float
    p_value: float


def chance_in_window(rate_per_hour: float, window_hours: float) -> float:
    """Return the probability that a Poisson process shows at least once within a window.

    Parameters
    ----------
    rate_per_hour : float
        Its constant rate.
    window_hours : float
        Length of the window.

    Returns
    -------
    float
        1 - exp(-rate window).

    Raises
    ------
    NegativeValueError, NotFiniteError
        The rate or the window cannot be.

    Examples
    --------
    >>> round(chance_in_window(5e-4, 0.25 * 28), 4)
    0.0035
    """
    rate = checked_non_negative("rate_per_hour", rate_per_hour)
    window = checked_non_negative("window_hours", window_hours)
    return 0.0 - math.expm1(-rate * window)


def coincidence(
    accompanied: int, incidents: int, rate_per_hour: float, window_hours: float, confidence: float = 0.9
) -> Coincidence:
    """Hold the share of incidents that another kind accompanies against chance.

    Parameters
    ----------
    accompanied : int
        Incidents of A with an incident of B in their window.
    incidents : int
        All incidents of A.
    rate_per_hour : float
        Incidents of B per hour of one node.
    window_hours : float
        Length of the window: both sides of A together for a co-occurrence, the time after A for a cascade.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    Coincidence
        Share, chance, lift and excess; the limits of lift and excess are those of the share.

    Raises
    ------
    EmptyShareError, ShareAboveOneError, NotACountError, NegativeValueError, NotFiniteError, ConfidenceOutOfRangeError
        The input cannot be.

    Notes
    -----
    Clopper and Pearson (1934) for the share; chance is 1 - exp(-rate window), and the number of accompanied incidents
    is binomial under it. B's own rate is taken as known.

    Examples
    --------
    >>> xid79_with_pcie = coincidence(43, 100, 5e-5, 1 / 3)
    >>> f"{xid79_with_pcie.share.share:.0%} against {xid79_with_pcie.expected_share:.4%} by chance"
    '43% against 0.0017% by chance'
    """
    share = binomial_share(accompanied, incidents, confidence)
    expected = chance_in_window(rate_per_hour, window_hours)
    return Coincidence(
        share=share,
        expected_share=expected,
        lift=share.share / expected if expected else None,
        lift_low=share.low / expected if expected else None,
        lift_high=share.high / expected if expected else None,
        excess=share.share - expected,
        excess_low=share.low - expected,
        excess_high=share.high - expected,
        p_value=float(special.bdtrc(share.k - 1, share.n, expected)) if share.k else 1.0,
    )


def expected_coincidences(events: int, gap_seconds: float, observed_seconds: float) -> float:
    """Return how many independent events would begin within a gap of the one before by chance.

    Parameters
    ----------
    events : int
        Events observed.
    gap_seconds : float
        Those that begin this close to the one before would be joined.
    observed_seconds : float
        Time observed.

    Returns
    -------
    float
        Expected number of false joins.

    Raises
    ------
    NotACountError, NegativeValueError, NotPositiveError, NotFiniteError
        The input cannot be.

    Notes
    -----
    Times of a Poisson process of rate n / T are exponential apart, so (n - 1) (1 - exp(-n gap / T)).

    Examples
    --------
    >>> round(expected_coincidences(50, 60.0, 60 * 86_400.0), 3)
    0.028
    """
    count = checked_count("events", events)
    gap = checked_non_negative("gap_seconds", gap_seconds)
    observed = checked_positive("observed_seconds", observed_seconds)
    return max(0, count - 1) * chance_in_window(count / observed, gap)
