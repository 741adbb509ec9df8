"""The wall-clock time and the interruptions of a run as transforms, at constant failure rates.

Failures come at one rate, or at one of several equally likely rates; either way the run is a sum of independent stages,
one per segment of work, and the transforms of its wall-clock time and of its interruptions are products.
"""

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from scipy import special

from models.goodput.attempts import Attempts
from models.goodput.inversion import ComplexArray
from models.guards import FloatArray

#: complex numbers held at once while many rates and frequencies are worked through
_AT_ONCE: Final = 1_000_000


class RunTransform(Protocol):
    """What the distribution of a run is made from."""

    def of_wall(self, s: ComplexArray) -> ComplexArray:
        """Return E[e^(-s wall)] for each s."""

    def of_interruptions(self, z: ComplexArray) -> ComplexArray:
        """Return E[z^interruptions] for each z."""

    def wall_moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the wall-clock seconds."""

    def interruption_moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the number of failures."""

    def undisturbed_probability(self) -> float:
        """Return the chance of no failure."""


@dataclass(frozen=True, slots=True, eq=False)
class ConstantRates:
    """Failures at a constant rate per second, which is one of ``rates``, each as likely as the other."""

    attempts: Attempts
    rates: FloatArray

    def of_wall(self, s: ComplexArray) -> ComplexArray:
        """Return E[e^(-s wall)] for each s."""
        parts = np.array_split(self.rates, max(1, self.rates.size * s.size // _AT_ONCE))
        return np.asarray(sum(self._wall_at(s, part).sum(axis=0) for part in parts) / self.rates.size)

    def of_interruptions(self, z: ComplexArray) -> ComplexArray:
        """Return E[z^interruptions] for each z."""
        parts = np.array_split(self.rates, max(1, self.rates.size * z.size // _AT_ONCE))
        return np.asarray(sum(self._stages(part[:, None], z).sum(axis=0) for part in parts) / self.rates.size)

    def wall_moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the wall-clock seconds."""
        run, idle = self.attempts, self.attempts.idle_seconds_per_failure
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            cycle = _failed(self.rates, run.cycle_seconds, idle)
            to_safe = _failed(self.rates, run.first_safe_seconds, idle)
            segment = _after_failure(cycle, to_safe, run.cycle_seconds, run.first_safe_seconds)
            whole = run.finish_seconds(run.unsaved + 1)
            last = _until_done(_failed(self.rates, whole, idle), whole)
            before = self._before()
            mean = run.queue_wait_seconds + last[0] + (before * segment[0] if before else 0.0)
            variance = last[1] + (before * segment[1] if before else 0.0)
        return _mixed(mean, variance)

    def interruption_moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of the number of failures."""
        run, before = self.attempts, self._before()
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            whole = self.rates * run.finish_seconds(run.unsaved + 1)
            mean, variance = np.expm1(whole), np.expm1(whole) * np.exp(whole)
            if before:
                fails = -np.expm1(-self.rates * run.cycle_seconds)
                tries = np.exp(self.rates * run.first_safe_seconds)
                mean = mean + before * fails * tries
                variance = variance + before * (fails * (2.0 * tries - 1.0) * tries - (fails * tries) ** 2)
        return _mixed(mean, variance)

    def undisturbed_probability(self) -> float:
        """Return the chance of no failure."""
        return float(np.exp(-self.rates * self.attempts.finish_seconds(self.attempts.segments or 1)).mean())

    def _before(self) -> int:
        return (self.attempts.segments or 1) - 1 - self.attempts.unsaved

    def _wall_at(self, s: ComplexArray, rates: FloatArray) -> ComplexArray:
        theta = rates[:, None] + s
        ratio = np.divide(rates[:, None], theta, out=np.zeros_like(theta), where=theta != 0)
        kappa = ratio * np.exp(-s * self.attempts.idle_seconds_per_failure)
        return self._stages(theta, kappa) * np.exp(-s * self.attempts.queue_wait_seconds)

    def _stages(self, theta: ComplexArray | FloatArray, kappa: ComplexArray) -> ComplexArray:
        """Return the product of the transforms of all stages, the first queue wait left out."""
        run, before = self.attempts, self._before()
        undisturbed = np.exp(-theta * run.finish_seconds(run.unsaved + 1))
        product = undisturbed / (1.0 - kappa * (1.0 - undisturbed))
        if before:
            on, safe = np.exp(-theta * run.cycle_seconds), np.exp(-theta * run.first_safe_seconds)
            product = product * (on + kappa * safe * (1.0 - on) / (1.0 - kappa * (1.0 - safe))) ** before
        return product


@dataclass(frozen=True, slots=True, eq=False)
class _Failed:
    """Chance that an attempt fails within a time; mean and mean square of what it takes if it does, idle included."""

    chance: FloatArray
    mean: FloatArray
    square: FloatArray


def _failed(rates: FloatArray, within: float, idle: float) -> _Failed:
    """Return the failures at each rate: an exponential gap cut off, plus the idle time that follows."""
    x = rates * within
    chance = -np.expm1(-x)
    # Moments of the gap given that it is shorter: uniform for x = 0, and by their integrals else.
    small = x < 1e-4
    safe_x = np.where(small, 1.0, x)
    first = np.where(small, 0.5 - x / 12.0, special.gammainc(2.0, safe_x) / (-np.expm1(-safe_x) * safe_x))
    second = np.where(
        small, 1.0 / 3.0 - x / 12.0, 2.0 * special.gammainc(3.0, safe_x) / (-np.expm1(-safe_x) * safe_x**2)
    )
    gap, square = within * first, within**2 * second
    return _Failed(chance, gap + idle, square + 2.0 * gap * idle + idle**2)


def _until_done(failed: _Failed, needed: float) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of the time until an attempt lasts long enough, failed ones before it included."""
    success = 1.0 - failed.chance
    fails = failed.chance / success
    spread = failed.square - failed.mean**2
    return needed + fails * failed.mean, fails * spread + fails / success * failed.mean**2


def _after_failure(
    cycle: _Failed, to_safe: _Failed, undisturbed: float, needed: float
) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of one segment: its cycle, or what fails in it and all until it is safe again."""
    again_mean, again_variance = _until_done(to_safe, needed)
    failed_mean = cycle.mean + again_mean
    failed_square = cycle.square - cycle.mean**2 + again_variance + failed_mean**2
    mean = (1.0 - cycle.chance) * undisturbed + cycle.chance * failed_mean
    square = (1.0 - cycle.chance) * undisturbed**2 + cycle.chance * failed_square
    return mean, square - mean**2


def _mixed(mean: FloatArray, variance: FloatArray) -> tuple[float, float]:
    """Return mean and standard deviation over equally likely rates."""
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        return math.inf, math.inf
    return float(mean.mean()), math.sqrt(max(0.0, float(variance.mean() + mean.var())))
