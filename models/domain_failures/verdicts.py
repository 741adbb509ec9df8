"""What an event of one or several nodes was: of a domain, by chance, a false flag, or of something not told of."""

from __future__ import annotations

import math
from typing import Literal

from models.coincidence import chance_in_window
from models.guards import checked_count, checked_non_negative, checked_positive

Verdict = Literal["domain", "chance", "flagged, all healthy", "no known domain", "single node"]

#: of a flagged crowd so many may have been hurt: jobs fail on healthy nodes, too
_HURT_BY_ACCIDENT = 0.05
#: two nodes with a sign each are no crowd
_CROWD = 3
#: expected number of chance events below which one is not put down to chance
_TOO_FEW = 0.05


def is_false_flag(nodes: int, hurt: int) -> bool:
    """Tell whether several nodes were flagged and nothing was the matter with them.

    Parameters
    ----------
    nodes : int
        Nodes of the event.
    hurt : int
        Those of them that went down or had an attempt fail; the others only have a sign or were drained for a check.

    Returns
    -------
    bool
        Three nodes or more, of which at most 5% were hurt.

    Raises
    ------
    NotACountError
        A number cannot be.

    Examples
    --------
    >>> is_false_flag(77, 0), is_false_flag(77, 3), is_false_flag(4, 1), is_false_flag(2, 0)
    (True, True, False, False)
    """
    return checked_count("nodes", nodes) >= _CROWD and checked_count("hurt", hurt) <= _HURT_BY_ACCIDENT * nodes


def most_nodes_by_chance(events: int, gap_seconds: float, observed_seconds: float) -> int:
    """Return the largest number of nodes that chance may join into one event.

    Parameters
    ----------
    events : int
        Events of the log, of one node or more.
    gap_seconds : float
        Troubles that begin so close to the one before are one event.
    observed_seconds : float
        Length of the log.

    Returns
    -------
    int
        At least 1; an event of more nodes is expected less than 0.05 times in the whole log.

    Raises
    ------
    NotACountError, NegativeValueError, NotPositiveError, NotFiniteError
        The input cannot be.

    Notes
    -----
    Independent troubles are a Poisson process: one is joined to the one before with p = 1 - exp(-rate gap), a chain has
    n or more with p^(n - 1). As if the rate were constant: days with many failures join more.

    Examples
    --------
    >>> most_nodes_by_chance(470, 300.0, 75 * 86_400.0)
    3
    """
    count = checked_count("events", events)
    gap = checked_non_negative("gap_seconds", gap_seconds)
    joined = chance_in_window(count / checked_positive("observed_seconds", observed_seconds), gap)
    if count * joined < _TOO_FEW:
        return 1
    if joined >= 1.0 - 1e-12:
        return count
    return min(count, 1 + math.floor(math.log(_TOO_FEW / count) / math.log(joined)))


def event_verdict(nodes: int, hurt: int, *, of_domain: bool, most_by_chance: int) -> Verdict:
    """Return what an event was.

    Parameters
    ----------
    nodes, hurt : int
        As for ``is_false_flag``.
    of_domain : bool
        Whether a domain is named for it (``search_domains``).
    most_by_chance : int
        As of ``most_nodes_by_chance``.

    Returns
    -------
    str
        The first that holds: ``single node``; ``flagged, all healthy``; ``domain``; ``chance``, for no more nodes than
        chance joins; ``no known domain``.

    Raises
    ------
    NotACountError
        A number cannot be.

    Examples
    --------
    >>> event_verdict(77, 0, of_domain=False, most_by_chance=3)
    'flagged, all healthy'
    >>> event_verdict(4, 4, of_domain=True, most_by_chance=3)
    'domain'
    """
    if checked_count("nodes", nodes) < 2:
        return "single node"
    if is_false_flag(nodes, hurt):
        return "flagged, all healthy"
    if of_domain:
        return "domain"
    return "chance" if nodes <= most_by_chance else "no known domain"
