"""Gamma and generalised gamma lives."""

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from scipy import special

from models.guards import FloatArray
from models.lifetimes.parametric.family import DensityFamily, Parameter, column
from models.lifetimes.parametric.incomplete_gamma import NORMAL_FROM, log_gamma_excess, log_lower, log_upper
from models.lifetimes.parametric.location_scale import SCALE, SIGMA, normal_score

# The log-normal is the limit at Q = 0; closer to it than this the difference is below the digits of the functions.
_SMALLEST_Q: Final = 1e-5
# Newton steps by which a quantile beyond the range of the inverse functions is found; they converge from one side.
_QUANTILE_STEPS: Final = 60
# The inverse of the incomplete gamma functions is asked within these logarithms of the share.
_INVERTIBLE: Final = -600.0


@dataclass(frozen=True, slots=True)
class Gamma(DensityFamily):
    """Density proportional to t^(shape - 1) exp(-t / scale): the time to the `shape`-th hit of a constant rate."""

    name = "gamma"
    parameters = (SCALE, Parameter("shape", "log", 0, log(0.01), log(1e4)))
    shape_starts = tuple((log(shape),) for shape in (0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0))

    def log_density(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """(shape - 1) log(t / scale) - t / scale - log Gamma(shape) - log scale."""
        shape = np.exp(column(theta, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            x = ages * np.exp(-column(theta, 0))
            rising = (shape - 1.0) * np.log(x)
        density = np.where(np.isnan(rising), 0.0, rising) - x - special.gammaln(shape) - column(theta, 0)
        return np.asarray(density, dtype=np.float64)

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log Q(shape, t / scale)."""
        return log_upper(np.exp(column(theta, 1)), ages * np.exp(-column(theta, 0)))

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """Scale times the inverse of Q."""
        with np.errstate(over="ignore"):
            x = _upper_inverse(np.exp(column(theta, 1)), log_survival)
            return np.asarray(np.exp(column(theta, 0)) * x)


@dataclass(frozen=True, slots=True)
class GeneralisedGamma(DensityFamily):
    """The family of mu, sigma and Q that holds Weibull (Q = 1), log-normal (Q = 0) and gamma (Q = sigma).

    With w = (log t - mu) / sigma, the variable Q^-2 exp(Q w) has a gamma distribution of power Q^-2; for Q below zero
    its lower tail is the survival. Prentice (1974), Biometrika 61:539; Cox et al. (2007), Statistics in Medicine
    26:4352; parametrised as R's flexsurv does.
    """

    name = "generalised gamma"
    parameters = (Parameter("mu_log_hours", "log-hours", 0, -700.0, 700.0), SIGMA, Parameter("q", "identity", 0, -8, 8))
    shape_starts = tuple(
        (log(sigma), q) for q in (-1.0, 0.1, 0.5, 1.0, 2.0, 4.0) for sigma in (0.1, 0.3, 0.7, 1.3, 2.5)
    )

    def log_density(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """log|Q| + p log p - log Gamma(p) + p (Q w - exp(Q w)) - log(sigma t), p being Q^-2."""
        q, power, exponent = self._terms(ages, theta)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            # power (q w - exp(q w) + 1), the last part of the density, is -w^2 / 2 when q is small
            peak = power * (exponent - np.expm1(exponent))
            return np.log(np.abs(q)) + log_gamma_excess(power) + peak - column(theta, 1) - np.log(ages)

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log Q(Q^-2, Q^-2 exp(Q w)), or log P for Q below zero."""
        q, power, exponent = self._terms(ages, theta)
        power, exponent, q = np.broadcast_arrays(power, exponent, q)
        with np.errstate(over="ignore"):
            x = power * np.exp(exponent)
        result = np.empty_like(x)
        up = q > 0
        result[up], result[~up] = log_upper(power[up], x[up]), log_lower(power[~up], x[~up])
        return result

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """exp(mu + sigma w), w from the inverse of the incomplete gamma function."""
        q = _away_from_zero(column(theta, 2))
        power, target, q = np.broadcast_arrays(q**-2.0, log_survival, q)
        x = np.empty_like(target)
        up = q > 0
        x[up] = _upper_inverse(power[up], target[up])
        with np.errstate(divide="ignore", over="ignore"):
            x[~up] = _lower_inverse(power[~up], target[~up])
            return np.asarray(np.exp(column(theta, 0) + np.exp(column(theta, 1)) * np.log(x / power) / q))

    @staticmethod
    def _terms(ages: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return Q, Q^-2 and Q w."""
        q = _away_from_zero(column(theta, 2))
        with np.errstate(divide="ignore"):
            return q, q**-2.0, q * (np.log(ages) - column(theta, 0)) * np.exp(-column(theta, 1))


def _away_from_zero(q: FloatArray) -> FloatArray:
    return np.where(np.abs(q) < _SMALLEST_Q, _SMALLEST_Q, q)


def _upper_inverse(power: FloatArray, log_share: FloatArray) -> FloatArray:
    """Return x with log Q(power, x) = log_share."""
    power, log_share = np.broadcast_arrays(power, log_share)
    within = np.maximum(log_share, _INVERTIBLE)
    failed = -np.expm1(within)
    x = np.where(failed < 0.5, special.gammaincinv(power, failed), special.gammainccinv(power, np.exp(within)))
    x = np.where(power <= NORMAL_FROM, x, _wilson_hilferty(power, normal_score(log_share)))
    far = (log_share < _INVERTIBLE) & np.isfinite(log_share) & (power <= NORMAL_FROM)
    x[np.isneginf(log_share)] = np.inf
    if far.any():
        a, z = power[far], x[far]
        for _ in range(_QUANTILE_STEPS):
            log_share_now = log_upper(a, z)
            log_slope = (a - 1.0) * np.log(z) - z - special.gammaln(a) - log_share_now
            z = z + (log_share_now - log_share[far]) * np.exp(-log_slope)
        x[far] = z
    return x


def _lower_inverse(power: FloatArray, log_share: FloatArray) -> FloatArray:
    """Return x with log P(power, x) = log_share."""
    power, log_share = np.broadcast_arrays(power, log_share)
    share = np.exp(log_share)
    x = np.where(share < 0.5, special.gammaincinv(power, share), special.gammainccinv(power, -np.expm1(log_share)))
    x = np.where(power <= NORMAL_FROM, x, _wilson_hilferty(power, -normal_score(log_share)))
    far = (log_share < _INVERTIBLE) & np.isfinite(log_share) & (power <= NORMAL_FROM)
    first_term = (log_share + special.gammaln(power + 1.0)) / power
    x = np.where(far, np.exp(first_term), x)
    far &= x > 0
    if far.any():
        # log P is concave in log x and never above its first term: from there Newton's steps come up from below.
        a, log_z = power[far], first_term[far]
        for _ in range(_QUANTILE_STEPS):
            z = np.exp(log_z)
            log_share_now = log_lower(a, z)
            log_slope = a * log_z - z - special.gammaln(a) - log_share_now
            log_z = log_z + (log_share[far] - log_share_now) * np.exp(-log_slope)
        x[far] = np.exp(log_z)
    return x


def _wilson_hilferty(power: FloatArray, z: FloatArray) -> FloatArray:
    """Return the gamma quantile at a normal score (Wilson and Hilferty 1931)."""
    return np.asarray(power * (1.0 - 1.0 / (9.0 * power) + z / (3.0 * np.sqrt(power))) ** 3)
