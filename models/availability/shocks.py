"""Shocks: events that hit a domain (rack, ToR, pod, cluster) and take each of its members with one probability.

Estimated from counts: how many events took two or more members of one domain, how many they took, and for how long how
many domains were watched. An event that takes fewer than two cannot be told from an independent failure, so the counts
are cut from below, and the estimates allow for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from models.availability.errors import NotAProbabilityError, TooFewSharedEventsError
from models.availability.nested import DomainStates, shock_states
from models.guards import FloatArray, checked_columns, checked_confidence, checked_non_negative, checked_positive
from models.rates import HOURS_PER_DAY, poisson_rate

#: an event is shared when it takes this many
_FEWEST_SHARED = 2
#: a shock that takes fewer members than this on average cannot be told from independent failures
_FEWEST_TAKEN = 0.1


@dataclass(frozen=True, slots=True)
class ShockLevel:
    """Shocks of one level of domains.

    Parameters
    ----------
    level : str
        ``group`` (hosts under the same switches), ``rack``, ``pod`` or ``cluster``.
    shocks_per_hour : float
        Of one domain.
    outage_hours : float
        Mean time until what a shock took is back.
    share_taken : float
        Probability that a shock takes a member.
    members : int or None
        Hosts of a domain, for ``rack``, which a fabric does not tell.
    """

    level: str
    shocks_per_hour: float
    outage_hours: float
    share_taken: float
    members: int | None = None

    def __post_init__(self) -> None:
        checked_non_negative("shocks_per_hour", self.shocks_per_hour)
        checked_non_negative("outage_hours", self.outage_hours)
        if not 0.0 <= self.share_taken <= 1.0:
            raise NotAProbabilityError("share_taken", self.share_taken)

    @property
    def load(self) -> float:
        """Mean number of shocks in force on a domain."""
        return self.shocks_per_hour * self.outage_hours

    def states(self) -> DomainStates:
        """Return the states of a domain in the long run."""
        return shock_states(self.shocks_per_hour, self.outage_hours, self.share_taken)


@dataclass(frozen=True, slots=True)
class ShockEstimate:
    """Shocks of one level as counts tell them.

    Parameters
    ----------
    level : str
        The level.
    events : int
        Events that took two members or more.
    exposure_domain_hours : float
        Domains watched, times hours.
    share_taken, share_low, share_high : float
        Probability that a shock takes a member, with its likelihood interval.
    shocks_per_hour, low_per_hour, high_per_hour : float
        Shocks of one domain per hour, those that take fewer than two members included.
    confidence : float
        Of both intervals.
    warnings : tuple of str
        What a reader must know.
    """

    level: str
    events: int
    exposure_domain_hours: float
    share_taken: float
    share_low: float
    share_high: float
    shocks_per_hour: float
    low_per_hour: float
    high_per_hour: float
    confidence: float
    warnings: tuple[str, ...] = ()

    @property
    def is_told_apart(self) -> bool:
        """Whether the events took enough members to be told from independent failures that coincide."""
        return not self.warnings


def estimate_shocks(
    level: str,
    taken: npt.ArrayLike,
    members: npt.ArrayLike,
    exposure_domain_hours: float,
    domain_sizes: npt.ArrayLike,
    confidence: float = 0.9,
) -> ShockEstimate:
    """Estimate the shocks of one level from the events that took two members or more.

    Parameters
    ----------
    level : str
        Its name.
    taken, members : array_like
        Shape (events,): members taken by each event, and members of its domain. Events that took fewer than two are
        left out, for they cannot be told from independent failures.
    exposure_domain_hours : float
        Domains watched, times hours.
    domain_sizes : array_like
        Shape (domains,): members of each domain watched; those of one cannot show a shared event.
    confidence : float
        Of the intervals.

    Returns
    -------
    ShockEstimate
        The share taken maximises the likelihood of the counts given that they are two or more; its interval is the
        likelihood ratio's. The rate is the exact Poisson rate of the events seen over the probability that a shock
        shows; its limits take those of the share with them, so they hold the truth at least as often as stated.

    Raises
    ------
    TooFewSharedEventsError
        No event took two or more.
    ZeroExposureError, FailuresWithoutExposureError, LengthMismatchError, NotFiniteError, NegativeValueError
        The counts cannot be.

    Notes
    -----
    Binomial failure rate model: Vesely (1977); Atwood (1986, Technometrics 28:139), who likewise corrects for shocks
    that take nobody. Garwood (1936) for the rate.

    Examples
    --------
    >>> found = estimate_shocks("rack", [4, 3, 4, 2], [4, 4, 4, 4], 50 * 8760.0, [4] * 50)
    >>> found.events, round(found.share_taken, 2), f"{found.shocks_per_hour * 8760:.3f} a rack-year"
    (4, 0.8, '0.082 a rack-year')
    """
    checked_confidence(confidence)
    took, size = _shared(taken, members)
    if took.size == 0:
        raise TooFewSharedEventsError(level)
    (sizes,) = checked_columns(domain_sizes=domain_sizes)
    lowest = _FEWEST_TAKEN / float(max(size.max(), sizes.max()))
    share, share_low, share_high = _share_taken(took, size, lowest, confidence)
    seen = poisson_rate(int(took.size), exposure_domain_hours / HOURS_PER_DAY, confidence)
    warnings = []
    if share <= lowest * 1.001:
        warnings.append(
            f"the events that took several members of one {level} took so few that they cannot be told from "
            "independent failures that coincide"
        )
    return ShockEstimate(
        level=level,
        events=int(took.size),
        exposure_domain_hours=float(exposure_domain_hours),
        share_taken=share,
        share_low=share_low,
        share_high=share_high,
        shocks_per_hour=seen.rate_per_day / HOURS_PER_DAY / _shows(sizes, share),
        low_per_hour=seen.low_per_day / HOURS_PER_DAY / _shows(sizes, share_high),
        high_per_hour=seen.high_per_day / HOURS_PER_DAY / _shows(sizes, share_low),
        confidence=confidence,
        warnings=tuple(warnings),
    )


def shock_rate_bound(exposure_domain_hours: float, confidence: float = 0.9) -> float:
    """Return the upper limit of the shocks of a domain per hour when none was seen, as if each would have shown.

    >>> round(shock_rate_bound(8760.0) * 8760, 2)
    3.0
    """
    checked_positive("exposure_domain_hours", exposure_domain_hours)
    return poisson_rate(0, exposure_domain_hours / HOURS_PER_DAY, confidence).high_per_day / HOURS_PER_DAY


def _shared(taken: npt.ArrayLike, members: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    if np.size(taken) == 0:
        return np.zeros(0), np.zeros(0)
    took, size = checked_columns(taken=taken, members=members)
    above = took > size
    if above.any():
        worst = int(np.argmax(above))
        raise NotAProbabilityError("share of members taken", float(took[worst] / max(size[worst], 1.0)))
    return took[took >= _FEWEST_SHARED], size[took >= _FEWEST_SHARED]


def _shows(sizes: FloatArray, share: float) -> float:
    """Return the probability that a shock takes two members or more of a domain, any domain being as likely."""
    return float(np.mean(stats.binom.sf(_FEWEST_SHARED - 1, sizes, share)))


def _share_taken(took: FloatArray, size: FloatArray, lowest: float, confidence: float) -> tuple[float, float, float]:
    """Return the share with the highest likelihood, and the limits of its likelihood interval."""
    highest = 1.0 - 1e-9

    def likelihood(share: float) -> float:
        shown = stats.binom.logsf(_FEWEST_SHARED - 1, size, share)
        return float(np.sum(stats.binom.logpmf(took, size, share) - shown))

    found = optimize.minimize_scalar(
        lambda share: -likelihood(share), bounds=(lowest, highest), method="bounded", options={"xatol": 1e-9}
    )
    best = float(max((lowest, float(found.x), highest), key=likelihood))
    drop = likelihood(best) - float(stats.chi2.ppf(confidence, 1)) / 2.0

    def above(share: float) -> float:
        return likelihood(share) - drop

    low = lowest if above(lowest) >= 0 else float(optimize.brentq(above, lowest, best))
    high = 1.0 if above(highest) >= 0 else float(optimize.brentq(above, best, highest))
    return (1.0 if best == highest else best), low, high
