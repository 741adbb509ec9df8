"""Gompertz lives: a hazard that rises or falls exponentially with age."""

from dataclasses import dataclass

import numpy as np

from models.guards import FloatArray
from models.lifetimes.parametric.family import Parameter, SearchedFamily, column


@dataclass(frozen=True, slots=True)
class Gompertz(SearchedFamily):
    """h(t) = rate exp(slope t), S(t) = exp(-rate (exp(slope t) - 1) / slope).

    With a slope below zero the distribution is defective: the share exp(rate / slope) of the units never fails, so
    that no mean exists, nor quantiles beyond that share.
    """

    name = "Gompertz"
    parameters = (
        Parameter("rate_per_hour", "log", -1, -700.0, 700.0),
        Parameter("slope_per_hour", "identity", -1, -200.0, 500.0),
    )
    shape_starts = ((-8.0,), (-3.0,), (-1.0,), (0.1,), (1.0,), (3.0,), (8.0,), (20.0,))

    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log rate + slope t."""
        return column(theta, 0) + column(theta, 1) * ages

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """-rate (exp(slope t) - 1) / slope."""
        with np.errstate(over="ignore"):
            return -np.exp(column(theta, 0)) * _growth(ages, column(theta, 1))

    def log_survival_between(self, start: FloatArray, end: FloatArray, theta: FloatArray) -> FloatArray:
        """Count from the hazard at the start, so that nothing cancels."""
        with np.errstate(over="ignore"):
            return -np.exp(column(theta, 0) + column(theta, 1) * start) * _growth(end - start, column(theta, 1))

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """log(1 - slope log S / rate) / slope."""
        slope = column(theta, 1)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            linear = -log_survival * np.exp(-column(theta, 0))
            grown = slope * linear
            age = np.where(np.abs(grown) < 1e-12, linear, np.log1p(np.maximum(grown, -1.0)) / slope)
        return np.where(grown <= -1.0, np.inf, age)

    def through(self, age: float, log_cumulative_hazard: FloatArray, shapes: FloatArray) -> FloatArray:
        """Divide the cumulative hazard by the growth up to the age."""
        log_rate = log_cumulative_hazard - np.log(_growth(np.array([age]), shapes))[..., 0]
        return np.concatenate([log_rate[..., None], shapes], axis=-1)


def _growth(ages: FloatArray, slope: FloatArray) -> FloatArray:
    """Integral of exp(slope t) up to each age; the age itself when the slope vanishes."""
    grown = slope * ages
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return np.where(np.abs(grown) < 1e-12, ages * (1.0 + grown / 2.0), np.expm1(grown) / slope)
