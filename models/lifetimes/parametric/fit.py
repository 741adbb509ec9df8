"""Fit a lifetime distribution to lives under truncation and censoring by maximum likelihood."""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from models.errors import NoEventsError
from models.guards import FloatArray, checked_confidence
from models.lifetimes.parametric.errors import NotDeterminedError, UnknownFamilyError
from models.lifetimes.parametric.family import Family, SearchedFamily
from models.lifetimes.parametric.gammas import Gamma, GeneralisedGamma
from models.lifetimes.parametric.gompertz import Gompertz
from models.lifetimes.parametric.lifetime_fit import IntervalMethod, LifetimeFit
from models.lifetimes.parametric.likelihood import LifeLikelihood
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.location_scale import Exponential, LogLogistic, LogNormal, Weibull
from models.lifetimes.parametric.optimum import Optimum, maximum
from models.lifetimes.parametric.piecewise import PiecewiseExponential, poisson_region
from models.lifetimes.parametric.region import (
    LikelihoodRegion,
    Region,
    WaldRegion,
    evaluations,
    likelihood_drop,
)
from models.lifetimes.parametric.threshold import WeibullWithLocation, sliced_region

FAMILIES: Final[dict[str, SearchedFamily]] = {
    family.name: family
    for family in (Exponential(), Weibull(), LogNormal(), LogLogistic(), Gamma(), GeneralisedGamma(), Gompertz())
}


# What looks like curvature of a flat likelihood is rounding: relative to 1 plus the log-likelihood, over the square of
# the differences' step. Below a few times that, and below this share of the diagonal, parameters are not determined.
_ROUNDING: Final = 3e-7
_FLAT: Final = 1e-9
# Likelihoods times lives that may be worked on for intervals; beyond, the normal approximation must do.
_AFFORDABLE: Final = 60_000_000
# A search over two shapes climbs from the best few values of the second, since hills may hide behind hills.
_CLIMBS: Final = 3


def fit_lifetime(
    family: str | Family,
    lives: Lives,
    confidence: float = 0.9,
    interval_method: Literal["likelihood", "wald"] = "likelihood",
) -> LifetimeFit:
    """Fit a lifetime distribution by maximum likelihood.

    Parameters
    ----------
    family : str or Family
        A name out of `FAMILIES`, or a family that needs numbers of its own: `PiecewiseExponential(cut_hours)`,
        `WeibullWithLocation(bound_hours)`.
    lives : Lives
        With at least one failure.
    confidence : float
        Coverage of the intervals.
    interval_method : {"likelihood", "wald"}
        Profile-likelihood limits, or the normal approximation on logarithmic scales. Very many distinct lives get the
        latter in any case, as `LifetimeFit.interval_method` then says.

    Returns
    -------
    LifetimeFit
        Intervals are computed when asked for.

    Raises
    ------
    NoEventsError
        Nothing failed.
    NotDeterminedError
        The likelihood has no maximum at usable parameters, as when all failures happen at the last time.
    UnknownFamilyError, ConfidenceOutOfRangeError
        The question cannot be.
    NoUpperBoundGivenError, CutPointsError, IntervalCensoredError
        The family's own numbers do not suit the lives.

    Notes
    -----
    Klein and Moeschberger, Survival Analysis (2003), chapters 3.5 and 12; Lawless, Statistical Models and Methods for
    Lifetime Data (2003), chapters 4 and 5.

    Examples
    --------
    >>> lives = Lives.right_censored([0, 0, 0, 50], [100, 200, 300, 250], [True, True, False, True])
    >>> fit = fit_lifetime("Weibull", lives)
    >>> {name: round(estimate.value, 2) for name, estimate in fit.parameters.items()}
    {'scale_hours': 257.6, 'shape': 2.45}
    """
    checked_confidence(confidence)
    if isinstance(family, str):
        if family not in FAMILIES:
            raise UnknownFamilyError(family, tuple(FAMILIES))
        family = FAMILIES[family]
    if lives.events == 0:
        raise NoEventsError(lives.weights.size)
    match family:
        case PiecewiseExponential():
            rates, value = poisson_region(family, lives, confidence)
            return LifetimeFit(family, lives, 1.0, rates.log_rates, value, confidence, "exact", rates, _as_they_are)
        case WeibullWithLocation():
            theta, region, value = sliced_region(family, lives, confidence)
            return LifetimeFit(family, lives, 1.0, theta, value, confidence, "likelihood", region, _as_they_are)
        case SearchedFamily():
            return _searched(family, lives, confidence, interval_method)
        case _:
            raise UnknownFamilyError(family.name, tuple(FAMILIES))


def _as_they_are(coordinates: FloatArray) -> FloatArray:
    return coordinates


def _searched(
    family: SearchedFamily, lives: Lives, confidence: float, interval_method: Literal["likelihood", "wald"]
) -> LifetimeFit:
    unit_hours = lives.longest_hours
    likelihood = LifeLikelihood.of(family, lives.in_units_of(unit_hours))
    names = ("level", *(parameter.name for parameter in family.parameters[1:]))
    limits = likelihood.low, likelihood.high, names
    starts = likelihood.starts()
    if len(names) > 2:
        starts = starts[np.sort(np.unique(starts[:, -1], return_index=True)[1])]
        scouted = maximum(likelihood.thinned(), starts[:_CLIMBS], *limits)
        starts = starts if scouted.failure else np.vstack([scouted.at, starts])
    best = maximum(likelihood, starts[:1], *limits)
    if best.failure:
        best = maximum(likelihood, starts[1:], *limits) if len(starts) > 1 else best
    _check_determined(family, best, lives.events)
    theta = likelihood.theta(best.at)
    region: Region
    method: IntervalMethod
    if interval_method == "wald" or evaluations(len(names)) * lives.weights.size > _AFFORDABLE:
        region, method = WaldRegion(best.at, best.information, confidence), "wald"
    else:
        drop = likelihood_drop(lives.events, len(names), confidence)
        level_slope = _LevelSlope(likelihood)
        region = LikelihoodRegion(likelihood, best.at, best.information, drop, lives.weights.size, level_slope)
        method = "likelihood"
    # A density per hour instead of per tick of the clock.
    value = best.value - float(lives.weights[lives.exact].sum()) * math.log(unit_hours)
    return LifetimeFit(family, lives, unit_hours, theta, value, confidence, method, region, likelihood.theta)


@dataclass(frozen=True, slots=True, eq=False)
class _LevelSlope:
    """How fast the family's own first parameter moves with the level: turns a prior flat in it into one of levels."""

    likelihood: LifeLikelihood

    def __call__(self, coordinates: FloatArray) -> FloatArray:
        step = np.zeros(coordinates.shape[-1])
        step[0] = 1e-4
        first = (self.likelihood.theta(coordinates + sign * step)[:, 0] for sign in (1.0, -1.0))
        above, below = first
        return np.abs(above - below)


def _check_determined(family: Family, best: Optimum, events: float) -> None:
    if best.failure:
        raise NotDeterminedError(family.name, events, best.failure)
    size = np.sqrt(np.diag(best.information))
    flat = _FLAT + _ROUNDING * (1.0 + abs(best.value)) / np.diag(best.information).min()
    if not (size > 0).all() or np.linalg.det(best.information / np.outer(size, size)) <= flat:
        raise NotDeterminedError(family.name, events, "the likelihood is flat")
