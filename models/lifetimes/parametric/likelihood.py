"""The log-likelihood of lives under a family, for many parameters at once.

Coordinates of the search are the logarithm of the cumulative hazard at a typical age of failure, which the count of
failures determines well whatever the shape, and the family's shape parameters. In them the likelihood is close to a
paraboloid also under heavy censoring, where scale and shape would lie in a long curved valley.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray
from models.lifetimes.parametric.family import SearchedFamily
from models.lifetimes.parametric.lives import Lives

# Parameters times lives worked on at once: few enough to stay in the processor's cache.
_BLOCK: Final = 200_000
# A start needs no more lives than this.
_START_ROWS: Final = 150
# Rounds in which the level of a start is moved until as many failures are expected as were seen.
_LEVEL_ROUNDS: Final = 4
# Limits of the logarithm of the cumulative hazard; lives watched for a moment late in life have large ones.
_LOWEST_LEVEL: Final = -90.0
_HIGHEST_LEVEL: Final = 90.0


@dataclass(frozen=True, eq=False)
class LifeLikelihood:
    """The likelihood of a family given some lives on a dimensionless clock.

    Parameters
    ----------
    family : SearchedFamily
        The distribution.
    lives : Lives
        At least one failure; ages around 1.
    typical_age : float
        Age at which the first coordinate is the logarithm of the cumulative hazard.
    """

    family: SearchedFamily
    lives: Lives
    typical_age: float

    @classmethod
    def of(cls, family: SearchedFamily, lives: Lives) -> "LifeLikelihood":
        """Build the likelihood around the geometric mean of the ages at failure, middles of intervals included."""
        failed = lives.failed
        middle = (lives.lower_hours[failed] + lives.upper_hours[failed]) / 2.0
        return cls(family, lives, math.exp(float(np.average(np.log(middle), weights=lives.weights[failed]))))

    @cached_property
    def low(self) -> FloatArray:
        """Lower limits of the coordinates."""
        return np.array([_LOWEST_LEVEL, *(parameter.low for parameter in self.family.parameters[1:])])

    @cached_property
    def high(self) -> FloatArray:
        """Upper limits of the coordinates."""
        return np.array([_HIGHEST_LEVEL, *(parameter.high for parameter in self.family.parameters[1:])])

    def theta(self, coordinates: FloatArray) -> FloatArray:
        """Return the family's working parameters for coordinates of shape (..., n_parameters)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # far out no member passes the point
            return self.family.through(self.typical_age, coordinates[..., 0], coordinates[..., 1:])

    def __call__(self, coordinates: FloatArray) -> FloatArray:
        """Return the log-likelihood for coordinates of shape (n, n_parameters); minus infinity beyond their limits.

        Notes
        -----
        With S(a, b) = S(b) / S(a): the sum of w log(f(lower) / S(entry)) for failures at a known age, of
        w log S(entry, lower) for lives still going on, of w log(S(entry, lower) (1 - S(lower, upper))) for failures
        between two ages. Klein and Moeschberger, Survival Analysis (2003), section 3.5.
        """
        step = max(1, _BLOCK // self.lives.weights.size)
        blocks = [self._block(coordinates[row : row + step]) for row in range(0, len(coordinates), step)]
        return np.concatenate(blocks)

    def _block(self, coordinates: FloatArray) -> FloatArray:
        theta = self.theta(coordinates)
        rows = self._rows
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            total = self.family.log_survival(rows.fresh.end, theta) @ rows.fresh.weight
            total += self.family.log_density(rows.fresh_failed.end, theta) @ rows.fresh_failed.weight
            for late, log_share in (
                (rows.late, self.family.log_survival_between),
                (rows.late_failed, self.family.log_density_given),
            ):
                if late.weight.size:
                    total += log_share(late.start, late.end, theta) @ late.weight
            if rows.between.weight.size:
                outlived = self.family.log_survival_between(rows.between.start, rows.between.end, theta)
                total += log_one_minus_exp(outlived) @ rows.between.weight
        inside = ((coordinates >= self.low) & (coordinates <= self.high)).all(axis=-1)
        return np.where(inside & ~np.isnan(total), total, -np.inf)

    @cached_property
    def _rows(self) -> "_Rows":
        lives = self.lives
        entry, lower, upper, weight = lives.entry_hours, lives.lower_hours, lives.upper_hours, lives.weights
        exact, between, late = lives.exact, lives.failed & ~lives.exact, entry > 0
        watched = (lower > entry) & ~exact
        return _Rows(
            fresh=_Spans.of(entry, lower, weight, watched & ~late),
            fresh_failed=_Spans.of(entry, lower, weight, exact & ~late),
            late=_Spans.of(entry, lower, weight, watched & late),
            late_failed=_Spans.of(entry, lower, weight, exact & late),
            between=_Spans.of(lower, upper, weight, between),
        )

    def thinned(self) -> "LifeLikelihood":
        """Return the likelihood of every so many-th life, in the same coordinates, to find where to begin."""
        return LifeLikelihood(self.family, _thinned(self.lives), self.typical_age)

    def starts(self) -> FloatArray:
        """Return coordinates to begin a search with, the likeliest first.

        For each shape the level is the one at which as many failures are expected as were seen, which for families of
        proportional hazards (Weibull, Gompertz) is the likeliest; so the grid of shapes searches the whole plane.
        """
        thin = self.thinned()
        shapes = np.array(self.family.shape_starts, dtype=np.float64)
        level = np.full(len(shapes), math.log(thin.lives.events / thin.lives.units))
        start, end = thin.lives.entry_hours, thin.lives.last_hours
        for _ in range(_LEVEL_ROUNDS):
            theta = self.theta(np.column_stack([level, shapes]))
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                expected = -self.family.log_survival_between(start, end, theta) @ thin.lives.weights
                moved = level + np.log(thin.lives.events / expected)
            level = np.where(np.isfinite(moved), np.clip(moved, _LOWEST_LEVEL, _HIGHEST_LEVEL), level)
        coordinates = np.column_stack([level, shapes])
        return coordinates[np.argsort(-thin(coordinates), kind="stable")]


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """Spans of age with their weights."""

    start: FloatArray
    end: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, start: FloatArray, end: FloatArray, weight: FloatArray, chosen: npt.NDArray[np.bool_]) -> "_Spans":
        return cls(start[chosen], end[chosen], weight[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Lives sorted by what they add to the likelihood: watched from age 0 or from later on, to a failure or not."""

    fresh: _Spans
    fresh_failed: _Spans
    late: _Spans
    late_failed: _Spans
    between: _Spans


def log_one_minus_exp(log_share: npt.ArrayLike) -> FloatArray:
    """Return log(1 - exp(x)) for x below zero, exact for x near zero and for x far below.

    Examples
    --------
    >>> log_one_minus_exp([-1e-20, -50.0]).round(3).tolist()
    [-46.052, -0.0]
    """
    x = np.asarray(log_share, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(x > -math.log(2.0), np.log(-np.expm1(x)), np.log1p(-np.exp(x))))


def _thinned(lives: Lives) -> Lives:
    """Keep every so many-th life, failures and others apart, with weights to match."""
    kept, factor = np.zeros(lives.weights.size, dtype=bool), np.ones(lives.weights.size)
    for group in (lives.failed, ~lives.failed):
        rows = np.flatnonzero(group)
        chosen = rows[:: max(1, rows.size // _START_ROWS)]
        kept[chosen] = True
        if chosen.size:
            factor[chosen] = lives.weights[rows].sum() / lives.weights[chosen].sum()
    return Lives(
        lives.entry_hours[kept], lives.lower_hours[kept], lives.upper_hours[kept], (lives.weights * factor)[kept]
    )
