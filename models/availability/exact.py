"""Steady-state availability of parts and of systems of them, exactly: series and k of n.

Members fail and are repaired independently of each other. A member's availability is MTBF / (MTBF + MTTR), whatever
the distributions of its times (alternating renewal process).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from models.availability.errors import NeededAboveMembersError, NoMembersError, NotAProbabilityError
from models.errors import NotFiniteError
from models.guards import FloatArray, checked_count, checked_non_negative


def unavailability(failures_per_hour: float, repair_hours: float) -> float:
    """Return the share of time a part is down, from its failure rate while up.

    Parameters
    ----------
    failures_per_hour : float
        Rate while it works; 0 for a part that never fails.
    repair_hours : float
        Mean time to repair.

    Returns
    -------
    float
        rate x repair / (1 + rate x repair).

    Raises
    ------
    NegativeValueError, NotFiniteError
        A number cannot be.

    Notes
    -----
    Barlow and Proschan, *Statistical Theory of Reliability and Life Testing* (1975), chapter 7: the limit of an
    alternating renewal process depends on the two means alone.

    Examples
    --------
    >>> round(unavailability(0.01, 5.0), 6)
    0.047619
    """
    load = checked_non_negative("failures_per_hour", failures_per_hour) * checked_non_negative(
        "repair_hours", repair_hours
    )
    return load / (1.0 + load)


def series(availabilities: npt.ArrayLike) -> float:
    """Return the availability of a system that needs every member.

    Parameters
    ----------
    availabilities : array_like
        Of each member, between 0 and 1.

    Returns
    -------
    float
        Their product, at most the worst member's.

    Raises
    ------
    NoMembersError, NotAProbabilityError, NotFiniteError
        No members, or no probabilities.

    Examples
    --------
    >>> round(series([0.9, 0.8]), 3)
    0.72
    """
    return float(np.prod(checked_probabilities("availability", availabilities)))


def k_of_n(needed: int, members: int, availability: float) -> float:
    """Return the probability that at least so many of equal members work.

    Parameters
    ----------
    needed, members : int
        k of n; k = n is a series system, k = 1 a parallel one, k = 0 always works.
    availability : float
        Of each member.

    Returns
    -------
    float
        P(X >= k) for X binomial(n, availability).

    Raises
    ------
    NeededAboveMembersError, NotAProbabilityError, NotACountError
        The system cannot be.

    Examples
    --------
    >>> round(k_of_n(2, 3, 0.9), 3), k_of_n(0, 3, 0.9)
    (0.972, 1.0)
    """
    wanted, several = checked_needed(needed, members)
    up = checked_probability("availability", availability)
    if wanted == 0:
        return 1.0
    return float(special.betainc(wanted, several - wanted + 1, up))


def poisson_binomial(probabilities: npt.ArrayLike) -> FloatArray:
    """Return the distribution of how many unequal, independent members work.

    Parameters
    ----------
    probabilities : array_like
        Shape (n,): that each works.

    Returns
    -------
    ndarray
        Shape (n + 1,): probability of 0, 1, … n at work.

    Raises
    ------
    NoMembersError, NotAProbabilityError, NotFiniteError
        No members, or no probabilities.

    Notes
    -----
    Dynamic programming, one member at a time (Barlow and Heidtmann 1984, IEEE Trans. Reliability R-33:322): sums of
    non-negative terms only, so that small probabilities keep their digits.

    Examples
    --------
    >>> poisson_binomial([0.5, 1.0]).tolist()
    [0.0, 0.5, 0.5]
    """
    up = checked_probabilities("probability", probabilities)
    found = np.zeros(up.size + 1)
    found[0] = 1.0
    for count, share in enumerate(up, start=1):
        found[1 : count + 1] = found[1 : count + 1] * (1.0 - share) + found[:count] * share
        found[0] *= 1.0 - share
    return found


def k_of_n_unequal(needed: int, availabilities: npt.ArrayLike) -> float:
    """Return the probability that at least so many of unequal members work.

    Parameters
    ----------
    needed : int
        k.
    availabilities : array_like
        Shape (n,): of each member.

    Returns
    -------
    float
        The upper tail of `poisson_binomial`.

    Raises
    ------
    NeededAboveMembersError, NoMembersError, NotAProbabilityError, NotFiniteError, NotACountError
        The system cannot be.

    Examples
    --------
    >>> round(k_of_n_unequal(2, [0.9, 0.9, 0.9]), 3)
    0.972
    """
    distribution = poisson_binomial(availabilities)
    wanted, _ = checked_needed(needed, distribution.size - 1)
    return min(1.0, float(distribution[wanted:].sum()))


def checked_probability(name: str, value: float) -> float:
    """Return a finite number between 0 and 1.

    >>> checked_probability("availability", 1)
    1.0
    """
    return float(checked_probabilities(name, [value])[0])


def checked_probabilities(name: str, values: npt.ArrayLike) -> FloatArray:
    """Return a non-empty array of numbers between 0 and 1.

    >>> checked_probabilities("availability", [0, 0.5]).tolist()
    [0.0, 0.5]
    """
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.size == 0:
        raise NoMembersError
    if not np.isfinite(array).all():
        raise NotFiniteError(name, int(np.argmin(np.isfinite(array))))
    outside = (array < 0) | (array > 1)
    if outside.any():
        raise NotAProbabilityError(name, float(array[np.argmax(outside)]))
    return array


def checked_needed(needed: float, members: float) -> tuple[int, int]:
    """Return k and n as whole numbers with k at most n and n at least 1.

    >>> checked_needed(2, 3)
    (2, 3)
    """
    wanted, several = checked_count("needed", needed), checked_count("members", members)
    if several == 0:
        raise NoMembersError
    if wanted > several:
        raise NeededAboveMembersError(wanted, several)
    return wanted, several
