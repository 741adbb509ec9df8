"""How sure it is that the infrastructure, and not the user's program, ended a failed attempt: odds by Bayes' rule."""

import math
from dataclasses import dataclass

from models.coincidence import chance_in_window
from models.errors import NotAShareError, ShareAboveOneError
from models.guards import checked_count, checked_non_negative, checked_positive

#: trials that the fleet's share is worth beside a user's own
_FLEET_WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class Certainty:
    """The probability that the infrastructure ended an attempt, and what it is made of.

    Parameters
    ----------
    probability
        Posterior probability, 0 to 1.
    prior_probability
        Before looking for signs.
    likelihood_ratio
        By how much what was seen (a sign, or none) speaks for the infrastructure.
    chance_of_sign
        That such a sign stands in the window by chance.
    """

    probability: float
    prior_probability: float
    likelihood_ratio: float
    chance_of_sign: float


def certainty(
    *,
    failures_per_node_hour: float,
    nodes: int,
    run_hours: float,
    user_failure_share: float,
    detection_share: float,
    signs_per_node_hour: float,
    window_hours: float,
    has_sign: bool,
) -> Certainty:
    """Judge one attempt that ended FAILED.

    Parameters
    ----------
    failures_per_node_hour : float
        Rate at which the infrastructure ends attempts so that they show FAILED, per node-hour of run time.
    nodes : int
        Nodes of the attempt.
    run_hours : float
        How long it ran.
    user_failure_share : float
        Share of attempts of its user that end FAILED by their own fault.
    detection_share : float
        Probability that such a sign stands in the window when the infrastructure ended the attempt.
    signs_per_node_hour : float
        Rate of such signs.
    window_hours : float
        Length of the attribution window.
    has_sign : bool
        Whether one stands in it.

    Returns
    -------
    Certainty
        With the prior and the likelihood ratio.

    Raises
    ------
    NegativeValueError, NotPositiveError, NotFiniteError, NotACountError, NotAShareError
        The input cannot be.

    Notes
    -----
    Prior odds: [1 - exp(-r N t)] / u, infrastructure failures expected in N t node-hours over the user's own share u.
    A sign stands in the window by chance with probability c = 1 - exp(-s N w), and with 1 - (1 - d)(1 - c) when the
    infrastructure ended the attempt, d being the detection share. So a sign multiplies the odds by
    [d + (1 - d) c] / c, and its absence by 1 - d: there both hypotheses need that chance shows none, too.
    All signs of the fleet enter s, those of true failures included, so that c is too large rather than too small.

    Examples
    --------
    >>> seen = certainty(
    ...     failures_per_node_hour=1e-4, nodes=1, run_hours=2.5, user_failure_share=0.2, detection_share=0.9,
    ...     signs_per_node_hour=5e-5, window_hours=0.25, has_sign=True,
    ... )
    >>> round(seen.probability, 3), round(seen.prior_probability, 4)
    (0.989, 0.0012)
    """
    rate = checked_non_negative("failures_per_node_hour", failures_per_node_hour)
    at_risk = checked_count("nodes", nodes) * checked_non_negative("run_hours", run_hours)
    user = checked_positive("user_failure_share", user_failure_share)
    detected = checked_non_negative("detection_share", detection_share)
    for name, share in (("detection_share", detected), ("user_failure_share", user)):
        if share > 1:
            raise NotAShareError(name, share)
    prior_odds = -math.expm1(-rate * at_risk) / user
    chance = chance_in_window(signs_per_node_hour * nodes, window_hours)
    ratio = _sign_ratio(detected, chance) if has_sign else 1.0 - detected
    return Certainty(_probability(prior_odds * ratio), _probability(prior_odds), ratio, chance)


def user_share(failures: int, attempts: int, fleet_failures: int, fleet_attempts: int) -> float:
    """Return the share of a user's attempts that end FAILED by their own fault, drawn towards the fleet's.

    Parameters
    ----------
    failures, attempts : int
        Of the user.
    fleet_failures, fleet_attempts : int
        Of everybody.

    Returns
    -------
    float
        Posterior mean under a Beta prior with the fleet's mean, worth ten attempts; always inside (0, 1).

    Raises
    ------
    NotACountError, ShareAboveOneError
        The counts are no shares.

    Examples
    --------
    >>> round(user_share(0, 0, 200, 1000), 3), round(user_share(90, 90, 200, 1000), 3)
    (0.2, 0.92)
    """
    for hits, trials in ((failures, attempts), (fleet_failures, fleet_attempts)):
        if checked_count("failures", hits) > checked_count("attempts", trials):
            raise ShareAboveOneError(hits, trials)
    fleet = (fleet_failures + 0.5) / (fleet_attempts + 1.0)
    return (failures + _FLEET_WEIGHT * fleet) / (attempts + _FLEET_WEIGHT)


def _sign_ratio(detected: float, chance: float) -> float:
    shown = detected + (1.0 - detected) * chance
    if chance == 0:
        return math.inf if shown else 1.0
    return shown / chance


def _probability(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1.0 + odds)
