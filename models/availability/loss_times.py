"""When a k of n system is lost for the first time, and how often it goes down in the long run."""

from __future__ import annotations

from scipy import stats

from models.availability.exact import checked_needed, unavailability
from models.guards import checked_count, checked_non_negative, checked_positive


def hours_to_loss(
    needed: int, members: int, failures_per_hour: float, repair_hours: float, *, repairs_at_once: int | None = None
) -> float:
    """Return the mean time from all members at work until, for the first time, fewer than k of n are.

    Parameters
    ----------
    needed, members : int
        k of n, k at least 1.
    failures_per_hour : float
        Of each member at work, above zero.
    repair_hours : float
        Mean time to repair; 0 is not allowed, for nothing would ever be lost.
    repairs_at_once : int or None
        How many members can be repaired at a time; None for all, 0 for no repair.

    Returns
    -------
    float
        Hours; with k = n the plain 1 / (n rate).

    Raises
    ------
    NeededAboveMembersError, NotPositiveError, NotFiniteError, NotACountError
        The system cannot be.

    Notes
    -----
    Birth and death process of the number of members down, with exponential times: the mean time from j to j + 1 down is
    h(j) = 1/birth(j) + death(j)/birth(j) h(j - 1), birth(j) = (n - j) rate, death(j) = min(j, crews) / repair
    (Trivedi, *Probability and Statistics with Reliability, Queuing and Computer Science Applications*, chapter 8).

    Examples
    --------
    >>> hours_to_loss(2, 2, 0.001, 10.0)
    500.0
    >>> round(hours_to_loss(1, 2, 0.001, 10.0))  # (3 rate + 1 / repair) / (2 rate^2)
    51500
    """
    wanted, several = checked_needed(checked_positive("needed", checked_count("needed", needed)), members)
    rate = checked_positive("failures_per_hour", failures_per_hour)
    repair = 1.0 / checked_positive("repair_hours", repair_hours)
    crews = several if repairs_at_once is None else checked_count("repairs_at_once", repairs_at_once)
    total = step = 0.0
    for down in range(several - wanted + 1):
        birth = (several - down) * rate
        step = 1.0 / birth + min(down, crews) * repair / birth * step
        total += step
    return total


def outages_per_hour(needed: int, members: int, failures_per_hour: float, repair_hours: float) -> float:
    """Return how often a k of n system of equal members goes down in the long run, all repaired at once.

    Parameters
    ----------
    needed, members : int
        k of n, k at least 1.
    failures_per_hour : float
        Of each member at work.
    repair_hours : float
        Mean time to repair.

    Returns
    -------
    float
        Outages per hour; unavailability over it is the mean outage.

    Raises
    ------
    NeededAboveMembersError, NotPositiveError, NegativeValueError, NotFiniteError, NotACountError
        The system cannot be.

    Notes
    -----
    P(exactly k at work) k rate: only then does the next failure bring the system down. True for any distributions with
    these means (Birnbaum importance; Barlow and Proschan 1975, chapter 7).

    Examples
    --------
    >>> f"{outages_per_hour(1, 2, 0.001, 10.0):.4e}"  # 2 rate U A
    '1.9606e-05'
    """
    wanted, several = checked_needed(checked_positive("needed", checked_count("needed", needed)), members)
    rate = checked_non_negative("failures_per_hour", failures_per_hour)
    up = 1.0 - unavailability(rate, repair_hours)
    return float(stats.binom.pmf(wanted, several, up)) * wanted * rate
