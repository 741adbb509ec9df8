"""What a lifetime distribution must say about itself to be fitted, drawn and asked.

A family works on dimensionless ages (the fit divides by the longest life) and on working parameters that range over
the whole line. Every function takes parameters of shape (..., n_parameters) and ages of shape (n_ages,), or
(..., n_ages) for ages that differ by row of parameters, and returns (..., n_ages), so that a likelihood is computed for
many parameters at once.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.guards import FloatArray


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, how the working value becomes the natural one, and where it may lie.

    `link` is "log" for a positive number, "identity" for any number, "log-hours" for the logarithm of a time.
    `hours_power` is the power of hours in the natural unit. A likeliest working value at `low` or `high` means that
    the data determine none.
    """

    name: str
    link: Literal["log", "identity", "log-hours"]
    hours_power: int
    low: float
    high: float

    def natural(self, working: FloatArray, unit_hours: float) -> FloatArray:
        """Return the value in hours from the working value on a clock of `unit_hours`.

        >>> Parameter("scale_hours", "log", 1, -9.0, 9.0).natural(np.array([0.0]), 50.0).tolist()
        [50.0]
        """
        if self.link == "log-hours":
            return np.asarray(working + np.log(unit_hours), dtype=np.float64)
        with np.errstate(over="ignore"):  # a limit so large is infinite
            value = np.exp(working) if self.link == "log" else working
            return np.asarray(value * unit_hours**self.hours_power, dtype=np.float64)


class Family(ABC):
    """A family of lifetime distributions."""

    name: str
    parameters: tuple[Parameter, ...]

    @abstractmethod
    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Logarithm of the hazard at ages above zero."""

    @abstractmethod
    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Logarithm of the share that outlives each age, also where the share itself underflows."""

    @abstractmethod
    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """Age at which the logarithm of survival falls to a value; infinite where it never does."""

    def log_density(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Logarithm of the density at ages above zero."""
        return self.log_hazard(ages, theta) + self.log_survival(ages, theta)

    def log_density_given(self, start: FloatArray, end: FloatArray, theta: FloatArray) -> FloatArray:
        """Logarithm of the density at `end` among those alive at `start`."""
        return self.log_hazard(end, theta) + self.log_survival_between(start, end, theta)

    def log_survival_between(self, start: FloatArray, end: FloatArray, theta: FloatArray) -> FloatArray:
        """Logarithm of the share of those alive at `start` that outlive `end`."""
        return self.log_survival(end, theta) - self.log_survival(start, theta)

    def mean_residual_life(self, age: float, theta: FloatArray) -> FloatArray:
        """Mean further life beyond an age, one per row of parameters; infinite where no mean exists."""
        from models.lifetimes.parametric.residual_life import mean_residual_life  # noqa: PLC0415 - it reads families

        return mean_residual_life(self, theta, age)


class SearchedFamily(Family):
    """A family whose likeliest member is searched for: its first parameter sets the level, the others the shape."""

    #: working values of the shape parameters to begin a search with, one row per start
    shape_starts: tuple[tuple[float, ...], ...]

    @abstractmethod
    def through(self, age: float, log_cumulative_hazard: FloatArray, shapes: FloatArray) -> FloatArray:
        """Working parameters of the members with these shapes whose cumulative hazard at an age is the one given."""


class ScaleFamily(SearchedFamily):
    """A family whose first working parameter is the logarithm of a factor on time."""

    def through(self, age: float, log_cumulative_hazard: FloatArray, shapes: FloatArray) -> FloatArray:
        """Put the factor so that the member passes through the point."""
        unscaled = np.concatenate([np.zeros((*shapes.shape[:-1], 1)), shapes], axis=-1)
        standard = self.age_at(-np.exp(log_cumulative_hazard)[..., None], unscaled)[..., 0]
        with np.errstate(divide="ignore"):
            unscaled[..., 0] = np.log(age) - np.log(standard)
        return unscaled


class DensityFamily(ScaleFamily):
    """A scale family whose density is simpler than its hazard."""

    @abstractmethod
    def log_density(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Logarithm of the density at ages above zero."""

    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log density less log survival."""
        return self.log_density(ages, theta) - self.log_survival(ages, theta)

    def log_density_given(self, start: FloatArray, end: FloatArray, theta: FloatArray) -> FloatArray:
        """Log density less log survival to the start, which asks the costly survival only once."""
        return self.log_density(end, theta) - self.log_survival(start, theta)


def column(theta: FloatArray, index: int) -> FloatArray:
    """Return one working parameter, ready to be broadcast against ages.

    >>> column(np.array([[1.0, 2.0], [3.0, 4.0]]), 1).tolist()
    [[2.0], [4.0]]
    """
    return theta[..., index, None]
