"""Exponential, Weibull, log-normal and log-logistic lives: location and scale families of the logarithm of age."""

from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Final

import numpy as np
from scipy import special

from models.guards import FloatArray
from models.lifetimes.parametric.family import DensityFamily, Parameter, ScaleFamily, column

# Shapes outside are no lifetimes anybody has seen; a likelihood that still rises there determines no shape.
LOWEST_SHAPE: Final = 0.05
HIGHEST_SHAPE: Final = 100.0

# The factor on time may lie anywhere that a shape within its limits can put it.
SCALE: Final = Parameter("scale_hours", "log", 1, -700.0, 700.0)
MEDIAN: Final = Parameter("median_hours", "log", 1, -700.0, 700.0)
SHAPE: Final = Parameter("shape", "log", 0, log(LOWEST_SHAPE), log(HIGHEST_SHAPE))
SIGMA: Final = Parameter("sigma", "log", 0, log(1.0 / HIGHEST_SHAPE), log(1.0 / LOWEST_SHAPE))

_LOG_SHAPES: Final = tuple((log(shape),) for shape in (0.3, 0.6, 1.0, 1.6, 3.0, 6.0, 12.0))
_LOG_SIGMAS: Final = tuple((log(sigma),) for sigma in (0.1, 0.25, 0.5, 1.0, 1.7, 3.0))


@dataclass(frozen=True, slots=True)
class Exponential(ScaleFamily):
    """S(t) = exp(-t / scale): failures that know no age; the scale is the mean time to failure."""

    name = "exponential"
    parameters = (SCALE,)
    shape_starts = ((),)

    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """-log scale."""
        return np.broadcast_arrays(-column(theta, 0), ages)[0]

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """-t / scale."""
        return -ages * np.exp(-column(theta, 0))

    def log_survival_between(self, start: FloatArray, end: FloatArray, theta: FloatArray) -> FloatArray:
        """-(end - start) / scale."""
        return -(end - start) * np.exp(-column(theta, 0))

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """-scale log S."""
        with np.errstate(over="ignore"):
            return -log_survival * np.exp(column(theta, 0))


@dataclass(frozen=True, slots=True)
class Weibull(ScaleFamily):
    """S(t) = exp(-(t / scale)^shape): a hazard that falls (shape below 1) or rises (above 1) as a power of age."""

    name = "Weibull"
    parameters = (SCALE, SHAPE)
    shape_starts = _LOG_SHAPES

    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log shape - log scale + (shape - 1) log(t / scale)."""
        log_scale, log_shape = column(theta, 0), column(theta, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            rising = np.expm1(log_shape) * (np.log(ages) - log_scale)
        # At age 0 an exponent of exactly 0 leaves the hazard at 1 / scale.
        return log_shape - log_scale + np.where(np.isnan(rising), 0.0, rising)

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """-(t / scale)^shape."""
        with np.errstate(divide="ignore", over="ignore"):
            return -np.exp(np.exp(column(theta, 1)) * (np.log(ages) - column(theta, 0)))

    def log_survival_between(self, start: FloatArray, end: FloatArray, theta: FloatArray) -> FloatArray:
        """Write the difference so that it does not cancel for lives that are short against their age."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            log_ratio = np.where(end > start, np.log1p((start - end) / end), 0.0)
            shape = np.exp(column(theta, 1))
            accrued = np.exp(shape * (np.log(end) - column(theta, 0)))
            return np.asarray(np.expm1(shape * log_ratio) * accrued, dtype=np.float64)

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """Scale (-log S)^(1 / shape)."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.asarray(np.exp(column(theta, 0) + np.log(-log_survival) * np.exp(-column(theta, 1))))


@dataclass(frozen=True, slots=True)
class LogNormal(DensityFamily):
    """log T is normal with mean log median and standard deviation sigma: a hazard that rises, then falls."""

    name = "log-normal"
    parameters = (MEDIAN, SIGMA)
    shape_starts = _LOG_SIGMAS

    def log_density(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """-z^2 / 2 - log(sigma t sqrt(2 pi)), z being log(t / median) / sigma."""
        with np.errstate(divide="ignore", invalid="ignore"):
            log_age, z = np.log(ages), _standardised(ages, theta)
            density = -0.5 * z**2 - log(sqrt(2.0 * pi)) - column(theta, 1) - log_age
        # At age 0 the square of the logarithm wins over the logarithm: the density is 0.
        return np.where(np.isneginf(log_age), -np.inf, density)

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log Phi(-z)."""
        return np.asarray(special.log_ndtr(-_standardised(ages, theta)), dtype=np.float64)

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """Median exp(sigma z)."""
        return np.asarray(_exp(column(theta, 0) + np.exp(column(theta, 1)) * normal_score(log_survival)))


@dataclass(frozen=True, slots=True)
class LogLogistic(ScaleFamily):
    """S(t) = 1 / (1 + (t / scale)^shape): the scale is the median; no mean exists for shapes up to 1."""

    name = "log-logistic"
    parameters = (SCALE, SHAPE)
    shape_starts = _LOG_SHAPES

    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log shape - log scale + (shape - 1) log(t / scale) - log(1 + (t / scale)^shape)."""
        log_scale, log_shape = column(theta, 0), column(theta, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            log_age = np.log(ages) - log_scale
            rising = np.expm1(log_shape) * log_age
            falling = np.logaddexp(0.0, np.exp(log_shape) * log_age)
        return log_shape - log_scale + np.where(np.isnan(rising), 0.0, rising) - falling

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """-log(1 + (t / scale)^shape)."""
        with np.errstate(divide="ignore"):
            log_odds = np.exp(column(theta, 1)) * (np.log(ages) - column(theta, 0))
        return -np.logaddexp(0.0, log_odds)

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """Scale (1 / S - 1)^(1 / shape)."""
        with np.errstate(divide="ignore"):
            log_odds = np.log(-np.expm1(log_survival)) - log_survival
        return _exp(column(theta, 0) + log_odds * np.exp(-column(theta, 1)))


def normal_score(log_survival: FloatArray) -> FloatArray:
    """Return z with log Phi(-z) = log survival, exact in both tails.

    >>> normal_score(np.log([0.5, 0.025])).round(3).tolist()
    [-0.0, 1.96]
    """
    failed = -np.expm1(log_survival)
    z = np.where(failed < 0.5, special.ndtri(failed), -special.ndtri_exp(log_survival))
    return np.asarray(z, dtype=np.float64)


def _standardised(ages: FloatArray, theta: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        return (np.log(ages) - column(theta, 0)) * np.exp(-column(theta, 1))


def _exp(exponent: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(exponent), dtype=np.float64)
