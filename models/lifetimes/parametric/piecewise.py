"""Piecewise exponential lives: a constant hazard between given ages, in closed form and with exact intervals."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from models.guards import FloatArray
from models.lifetimes.parametric.errors import CutPointsError, IntervalCensoredError
from models.lifetimes.parametric.family import Family, Parameter
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.region import Quantity, Region

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PiecewiseExponential(Family):
    """h(t) = rate of the piece that t lies in; a failure at a cut point belongs to the piece that ends there.

    Parameters
    ----------
    cut_hours : tuple of float
        Rising ages at which the hazard may change; the last piece has no end.

    Examples
    --------
    >>> [parameter.name for parameter in PiecewiseExponential((100.0,)).parameters]
    ['rate_per_hour_from_0', 'rate_per_hour_from_100']
    """

    cut_hours: tuple[float, ...]
    #: one rate per piece, named by the age from which it holds
    parameters: tuple[Parameter, ...] = field(init=False, repr=False)

    name = "piecewise exponential"

    def __post_init__(self) -> None:
        edges = np.array([0.0, *self.cut_hours])
        if edges.size < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
            raise CutPointsError(f"{list(self.cut_hours)} do not")
        names = (f"rate_per_hour_from_{start:g}" for start in (0.0, *self.cut_hours))
        rates = tuple(Parameter(name, "log", -1, -np.inf, np.inf) for name in names)
        object.__setattr__(self, "parameters", rates)

    def log_hazard(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Log rate of the piece."""
        piece = self.piece_of(ages)
        return np.asarray(theta[..., piece]) if ages.ndim == 1 else np.take_along_axis(theta, piece, axis=-1)

    def log_survival(self, ages: FloatArray, theta: FloatArray) -> FloatArray:
        """Minus the sum of rate times hours spent in each piece."""
        return np.asarray(-np.einsum("...k,...nk->...n", np.exp(theta), self.hours_in_pieces(ages)))

    def age_at(self, log_survival: FloatArray, theta: FloatArray) -> FloatArray:
        """Age in the piece whose cumulative hazard holds the value."""
        rates = np.exp(theta)
        starts = np.array([0.0, *self.cut_hours])
        accrued = np.cumsum(rates[..., :-1] * np.diff(starts), axis=-1)
        accrued = np.concatenate([np.zeros((*theta.shape[:-1], 1)), accrued], axis=-1)
        target = np.broadcast_to(-log_survival, (*theta.shape[:-1], log_survival.shape[-1]))
        # The last piece that begins below the value: one with a rate of 0 is passed over, unless it is the last.
        piece = np.maximum((accrued[..., None, :] < target[..., None]).sum(axis=-1) - 1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            further = (target - np.take_along_axis(accrued, piece, -1)) / np.take_along_axis(rates, piece, -1)
        return np.asarray(starts[piece] + np.where(target > 0, further, 0.0), dtype=np.float64)

    def mean_residual_life(self, age: float, theta: FloatArray) -> FloatArray:
        """Sum over pieces of survival to the piece times (1 - exp(-rate hours)) / rate."""
        rates = np.exp(theta)
        ends = np.array([*self.cut_hours, np.inf])
        hours = np.maximum(ends - np.maximum(age, np.array([0.0, *self.cut_hours])), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            hazard = np.where(rates > 0, rates * hours, 0.0)  # also without a rate and without an end
            spent = np.where(rates > 0, -np.expm1(-hazard) / rates, hours)
        before = np.exp(-np.cumsum(hazard[..., :-1], axis=-1))
        before = np.concatenate([np.ones((*before.shape[:-1], 1)), before], axis=-1)
        return np.asarray((before * spent).sum(axis=-1))

    def piece_of(self, ages: FloatArray) -> "npt.NDArray[np.intp]":
        """Return the number of the piece of each age."""
        return np.searchsorted(np.asarray(self.cut_hours), ages, side="left")

    def hours_in_pieces(self, ages: FloatArray) -> FloatArray:
        """Return the hours that a life of each age spent in each piece, shape (..., n_pieces)."""
        starts, ends = np.array([0.0, *self.cut_hours]), np.array([*self.cut_hours, np.inf])
        return np.asarray(np.clip(ages[..., None], starts, ends) - starts, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class PoissonRegion(Region):
    """Independent rates with exact Poisson limits, one per piece; coordinates are log rates.

    Parameters
    ----------
    failures, exposure : array of shape (n_pieces,)
        Failures and time at risk in each piece.
    confidence : float
        Coverage of the intervals.

    Notes
    -----
    Limits of one rate are Garwood's. A quantity of several rates gets limits by the method of variance estimates
    recovery (Zou and Donner 2008, Statistics in Medicine 27:1693): each rate in turn goes to its adverse limit and the
    moves of the quantity add up in squares. Quantities are expected in logarithms and moved on their own scale.
    """

    failures: FloatArray
    exposure: FloatArray
    confidence: float

    @property
    def log_rates(self) -> FloatArray:
        """Likeliest log rates; minus infinity where nothing failed."""
        with np.errstate(divide="ignore"):
            return np.log(self.failures / self.exposure)

    def limits(self, quantity: Quantity) -> tuple[FloatArray, FloatArray]:
        """Return the recovered limits."""
        tail = (1.0 - self.confidence) / 2.0
        # A piece without failures has the lower limit 0, log minus infinity.
        least = np.where(self.failures > 0, special.gammaincinv(np.maximum(self.failures, 1e-9), tail), 0.0)
        most = special.gammainccinv(self.failures + 1.0, tail)
        best = self.log_rates
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            low, high = np.log(least / self.exposure), np.log(most / self.exposure)
            moved = [np.where(np.eye(best.size, dtype=bool), limit, best) for limit in (low, high)]
            values = np.exp(quantity(np.vstack([best, *moved, low, high])))
            middle, single, both = values[0], values[1:-2], values[-2:]
            down = middle - np.sqrt((np.maximum(middle - single, 0.0) ** 2).sum(axis=0))
            up = middle + np.sqrt((np.maximum(single - middle, 0.0) ** 2).sum(axis=0))
            # An infinite value, as a mean without a last rate, has a lower limit only: all rates at their adverse one.
            endless = np.isinf(middle)
            down = np.where(endless, both.min(axis=0), np.maximum(down, 0.0))
            up = np.where(endless | np.isnan(up), np.inf, up)
            return np.log(down), np.log(up)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws from the Gamma posteriors under Jeffreys' prior."""
        shape = self.failures + 0.5
        return np.asarray(np.log(rng.gamma(shape, 1.0, (count, shape.size)) / self.exposure))


def poisson_region(family: PiecewiseExponential, lives: Lives, confidence: float) -> tuple[PoissonRegion, float]:
    """Count failures and hours in each piece; return the rates' region and the log-likelihood at the maximum.

    Parameters
    ----------
    family : PiecewiseExponential
        The pieces.
    lives : Lives
        With failures at exact ages only.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    PoissonRegion, float
        The likelihood is the sum of d log(d / T) - d over pieces (Friedman 1982, Annals of Statistics 10:101).

    Raises
    ------
    IntervalCensoredError
        A life ended between two ages: the pieces' failures are not known.
    CutPointsError
        Nobody was watched in some piece.

    Examples
    --------
    >>> lives = Lives.right_censored([0, 0, 0], [50, 120, 200], [True, True, False])
    >>> poisson_region(PiecewiseExponential((100.0,)), lives, 0.9)[0].exposure.tolist()
    [250.0, 120.0]
    """
    if lives.has_intervals:
        raise IntervalCensoredError("a piecewise exponential distribution")
    spent = family.hours_in_pieces(lives.lower_hours) - family.hours_in_pieces(lives.entry_hours)
    exposure = lives.weights @ spent
    if (exposure <= 0).any():
        piece = int(np.argmax(exposure <= 0))
        raise CutPointsError(f"nobody was watched in piece {piece + 1}")
    failures = np.bincount(
        family.piece_of(lives.lower_hours[lives.failed]), lives.weights[lives.failed], minlength=exposure.size
    )
    region = PoissonRegion(failures.astype(np.float64), exposure, confidence)
    log_likelihood = float(special.xlogy(failures, failures / exposure).sum() - failures.sum())
    return region, log_likelihood
