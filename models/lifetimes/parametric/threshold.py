"""Weibull lives with a location: no failure before a threshold age, which must be given a bound.

The likelihood of three free parameters has no maximum: as the location nears the first failure, and the shape is below
1, it grows without limit (Smith 1985, Biometrika 72:67). With the location kept below a bound that lies below the first
failure it has one. The bound is knowledge from outside, such as the length of a burn-in test that every unit passed.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, special

from models.guards import FloatArray, checked_positive
from models.lifetimes.parametric.errors import NotDeterminedError, NoUpperBoundGivenError
from models.lifetimes.parametric.family import Family, Parameter
from models.lifetimes.parametric.likelihood import LifeLikelihood
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.location_scale import SCALE, SHAPE, Weibull
from models.lifetimes.parametric.optimum import Optimum, maximum
from models.lifetimes.parametric.region import LikelihoodRegion, Quantity, Region, likelihood_drop

# Locations at which the other two parameters are fitted; between them the likeliest is searched for.
_SLICES: Final = 17
_WEIBULL: Final = Weibull()


@dataclass(frozen=True, slots=True)
class WeibullWithLocation(Family):
    """S(t) = exp(-((t - location) / scale)^shape) beyond the location, 1 before; location in [0, bound).

    Parameters
    ----------
    bound_hours : float
        Above 0 and below the first failure.
    """

    bound_hours: float

    name = "Weibull with location"
    parameters = (SCALE, SHAPE, Parameter("location_hours", "identity", 1, 0.0, np.inf))

    def __post_init__(self) -> None:
        checked_positive("bound_hours", self.bound_hours)

    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Ask the Weibull beyond the location; minus infinity before."""
        beyond = ages - theta[..., 2, None]
        with np.errstate(divide="ignore"):
            hazard = _WEIBULL.log_hazard(np.maximum(beyond, 0.0), theta[..., :2])
        return np.where(beyond < 0, -np.inf, hazard)

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Ask the Weibull beyond the location; 0 before."""
        return _WEIBULL.log_survival(np.maximum(ages - theta[..., 2, None], 0.0), theta[..., :2])

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """Add the location to the Weibull's age."""
        return theta[..., 2, None] + _WEIBULL.age_at(log_survival, theta[..., :2])

    def mean_residual_life(self, age: float, theta: FloatArray) -> FloatArray:
        """Add the wait to the location, if still to come, to the Weibull's mean beyond it."""
        location = theta[:, 2]
        beyond = np.array(
            [
                _WEIBULL.mean_residual_life(max(age - at, 0.0), row[None, :2])[0]
                for at, row in zip(location, theta, strict=True)
            ]
        )
        return np.asarray(np.maximum(location - age, 0.0) + beyond)


@dataclass(frozen=True, slots=True, eq=False)
class _Slice:
    """The fit of scale and shape at one location."""

    location: float
    likelihood: LifeLikelihood
    best: Optimum

    def region(self, drop: float) -> LikelihoodRegion:
        return LikelihoodRegion(
            self.likelihood,
            self.best.at,
            self.best.information,
            drop,
            self.likelihood.lives.weights.size,
            lambda coordinates: np.exp(-coordinates[:, 1]),
        )

    def theta(self, coordinates: FloatArray) -> FloatArray:
        pair = self.likelihood.theta(coordinates)
        return np.column_stack([pair, np.full(len(pair), self.location)])


@dataclass(frozen=True, slots=True, eq=False)
class SlicedRegion(Region):
    """A likelihood region put together from its cuts at fixed locations; coordinates are the working parameters."""

    slices: tuple[_Slice, ...]
    drop: float
    ends: FloatArray  # parameters where the region begins and ends along the location

    def limits(self, quantity: Quantity) -> tuple[FloatArray, FloatArray]:
        """Return the extremes over the boundaries of all cuts."""
        peak = max(cut.best.value for cut in self.slices)
        within = [(cut, self.drop - (peak - cut.best.value)) for cut in self.slices]
        points = [cut.theta(cut.region(drop).boundary) for cut, drop in within if drop > 1e-3]
        values = quantity(np.vstack([*points, self.ends]))
        return values.min(axis=0), values.max(axis=0)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws: first a location by the volume of likelihood above it, then the others."""
        evidence = np.array([cut.best.value - 0.5 * np.linalg.slogdet(cut.best.information)[1] for cut in self.slices])
        chosen = rng.multinomial(count, special.softmax(evidence))
        drawn = [
            cut.theta(cut.region(self.drop).draws(int(many), rng))
            for cut, many in zip(self.slices, chosen, strict=True)
            if many
        ]
        return rng.permutation(np.vstack(drawn))


def sliced_region(
    family: WeibullWithLocation, lives: Lives, confidence: float
) -> tuple[FloatArray, SlicedRegion, float]:
    """Fit scale and shape along the location; return the likeliest parameters, their region and log-likelihood.

    Parameters
    ----------
    family : WeibullWithLocation
        With its bound.
    lives : Lives
        At least one failure.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    array of shape (3,), SlicedRegion, float
        The likeliest location may be 0 or the bound itself.

    Raises
    ------
    NoUpperBoundGivenError
        The bound does not lie below the first failure.
    NotDeterminedError
        At no location do the data determine scale and shape.

    Notes
    -----
    The profile likelihood of the location (Smith 1985), cut at 17 even locations and at its peak.

    Examples
    --------
    >>> lives = Lives.right_censored([0] * 4, [1.5, 1.7, 2.0, 3.0], [True] * 4)
    >>> theta, _, _ = sliced_region(WeibullWithLocation(1.0), lives, 0.9)
    >>> bool(0.0 <= theta[2] <= 1.0)
    True
    """
    failed = lives.failed
    first = float(np.where(lives.exact, lives.lower_hours, lives.upper_hours)[failed].min())
    if family.bound_hours >= first:
        raise NoUpperBoundGivenError(family.bound_hours, first)
    drop = likelihood_drop(lives.events, 3, confidence)
    cuts = [cut for at in np.linspace(0.0, family.bound_hours, _SLICES) if (cut := _cut(lives, float(at))) is not None]
    if not cuts:
        raise NotDeterminedError(family.name, lives.events, "at no location do they determine scale and shape")
    peak = max(cuts, key=lambda cut: cut.best.value)
    width = family.bound_hours / (_SLICES - 1)
    refined = optimize.minimize_scalar(
        lambda at: -_height(lives, float(at)),
        bounds=(max(peak.location - width, 0.0), min(peak.location + width, family.bound_hours)),
        method="bounded",
        options={"xatol": 1e-7 * family.bound_hours},
    )
    between = _cut(lives, float(refined.x))
    if between is not None and between.best.value > peak.best.value:
        peak = between
        cuts = sorted([*cuts, peak], key=lambda cut: cut.location)
    theta = peak.theta(peak.best.at[None, :])
    return theta[0], SlicedRegion(tuple(cuts), drop, _ends(cuts, peak, drop)), peak.best.value


def _cut(lives: Lives, location: float) -> _Slice | None:
    entry = np.maximum(lives.entry_hours - location, 0.0)
    lower = np.maximum(lives.lower_hours - location, 0.0)
    upper = lives.upper_hours - location
    kept = np.isfinite(upper) | (lower > entry)  # who left before the location says nothing
    likelihood = LifeLikelihood.of(_WEIBULL, Lives(entry[kept], lower[kept], upper[kept], lives.weights[kept]))
    best = maximum(likelihood, likelihood.starts()[:1], likelihood.low, likelihood.high, ("level", "shape"))
    return None if best.failure else _Slice(location, likelihood, best)


def _height(lives: Lives, location: float) -> float:
    cut = _cut(lives, location)
    return -math.inf if cut is None else cut.best.value


def _ends(cuts: list[_Slice], peak: _Slice, drop: float) -> FloatArray:
    """Parameters at the two locations where the profile has fallen by `drop`, between cuts by a straight line."""
    heights = np.array([cut.best.value for cut in cuts]) - (peak.best.value - drop)
    thetas = np.vstack([cut.theta(cut.best.at[None, :]) for cut in cuts])
    inside = np.flatnonzero(heights > 0)
    ends = []
    for edge, outside in ((inside[0], inside[0] - 1), (inside[-1], inside[-1] + 1)):
        share = 0.0
        if 0 <= outside < len(cuts):
            share = heights[edge] / (heights[edge] - heights[outside])
        neighbour = outside if 0 <= outside < len(cuts) else edge
        ends.append(thetas[edge] + share * (thetas[neighbour] - thetas[edge]))
    return np.vstack(ends)
