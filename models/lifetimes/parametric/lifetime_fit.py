"""A fitted lifetime distribution, and the questions it answers with intervals."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray, checked_columns, checked_non_negative
from models.lifetimes.parametric.errors import ShareOutOfRangeError
from models.lifetimes.parametric.estimates import Band, Estimate
from models.lifetimes.parametric.family import Family, Parameter
from models.lifetimes.parametric.gompertz import Gompertz
from models.lifetimes.parametric.km_distance import MISFIT_CONFIDENCE, KmDistance, km_distance
from models.lifetimes.parametric.lives import Lives
from models.lifetimes.parametric.region import Quantity, Region

IntervalMethod = Literal["likelihood", "wald", "exact"]

# With fewer failures the reader is warned. In 1,000 simulated Weibull fleets each, with late entry and censoring, the
# nominal 90% likelihood intervals of shape, mean, B10 life and survival held the truth in 85 to 92% of the fleets at 5
# failures, 89 to 91% at 8 to 10, 89 to 91% at 15 to 20 and 88 to 91% at 500; the normal approximation in 79 to 92% at 5
# and 86 to 89% at 10; the likelihood interval without its small-sample correction in 84 to 91% at 5.
FEW_EVENTS: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class LifetimeFit:
    """A fitted lifetime distribution.

    `events` and `units` are sums of weights; `interval_method` says where intervals come from: "likelihood" (profile
    likelihood, the default), "wald" (information at the maximum, logarithmic scale), "exact" (Poisson limits, for the
    piecewise exponential). `theta` are the working parameters on a clock that ticks once per `unit_hours`.
    """

    family: Family
    lives: Lives = field(repr=False)
    unit_hours: float
    theta: FloatArray = field(repr=False)
    log_likelihood: float
    confidence: float
    interval_method: IntervalMethod
    region: Region = field(repr=False)
    to_theta: Callable[[FloatArray], FloatArray] = field(repr=False)

    @property
    def events(self) -> float:
        """Failures, as a sum of weights."""
        return self.lives.events

    @property
    def units(self) -> float:
        """Units, as a sum of weights."""
        return self.lives.units

    @property
    def aic(self) -> float:
        """Akaike's information criterion, 2 k - 2 log L."""
        return 2.0 * self.theta.size - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayesian information criterion, k log(events) - 2 log L: censored lives add no failures to learn from.

        Volinsky and Raftery (2000), Biometrics 56:256.
        """
        return self.theta.size * math.log(self.events) - 2.0 * self.log_likelihood

    @property
    def parameters(self) -> dict[str, Estimate]:
        """Natural parameters by name, with intervals."""
        best = self.theta
        low, high = self.region.limits(self.to_theta)
        return {
            parameter.name: self._natural(parameter, *(np.array([values[place]]) for values in (best, low, high)))
            for place, parameter in enumerate(self.family.parameters)
        }

    def _natural(self, parameter: Parameter, best: FloatArray, low: FloatArray, high: FloatArray) -> Estimate:
        value, lower, upper = (float(parameter.natural(part, self.unit_hours)[0]) for part in (best, low, high))
        return Estimate(value, lower, upper, self.confidence)

    @property
    def mean_hours(self) -> Estimate:
        """Mean life; infinite where none exists, or where the interval does not exclude that none does."""
        return self.mean_residual_life(0.0)

    @property
    def median_hours(self) -> Estimate:
        """Age that half of the units outlive."""
        return self.quantile_hours(0.5)

    def quantile_hours(self, share: float) -> Estimate:
        """Return the age by which a share of the units has failed; B10 life is the quantile of 0.1.

        Parameters
        ----------
        share : float
            Strictly between 0 and 1.

        Returns
        -------
        Estimate
            Infinite if so many never fail.

        Raises
        ------
        ShareOutOfRangeError
            The share is outside (0, 1).

        Examples
        --------
        >>> from models.lifetimes.parametric.fit import fit_lifetime
        >>> fit = fit_lifetime("exponential", Lives.right_censored([0, 0, 0], [100, 200, 300], [True, True, True]))
        >>> round(fit.quantile_hours(0.5).value, 1)  # 200 log 2
        138.6
        """
        if not 0.0 < share < 1.0:
            raise ShareOutOfRangeError(share)
        target = np.array([math.log1p(-share)])
        return self._positive(lambda theta: self.family.age_at(target, theta)[..., 0])

    def mean_residual_life(self, age_hours: float) -> Estimate:
        """Return how much longer a unit of an age lasts on average, in hours.

        Parameters
        ----------
        age_hours : float
            Age reached; 0 or more.

        Returns
        -------
        Estimate
            Infinite where no mean exists.

        Raises
        ------
        NotFiniteError, NegativeValueError
            The age cannot be.

        Examples
        --------
        >>> from models.lifetimes.parametric.fit import fit_lifetime
        >>> fit = fit_lifetime("exponential", Lives.right_censored([0, 0, 0], [100, 200, 300], [True, True, True]))
        >>> round(fit.mean_residual_life(1000.0).value, 6)  # an exponential life knows no age
        200.0
        """
        age = checked_non_negative("age_hours", age_hours) / self.unit_hours
        return self._positive(lambda theta: self.family.mean_residual_life(age, theta))

    def _positive(self, on_clock: Quantity) -> Estimate:
        """Return the estimate of a time that the family gives on its clock."""

        def logarithm(theta: FloatArray) -> FloatArray:
            with np.errstate(divide="ignore"):
                return np.log(on_clock(theta))

        value = float(logarithm(self.theta[None, :])[0])
        low, high = self.region.limits(lambda coordinates: logarithm(self.to_theta(coordinates)))
        return Estimate(
            value=_exp_or_infinite(value) * self.unit_hours,
            low=_exp_or_infinite(min(value, float(low))) * self.unit_hours,
            high=_exp_or_infinite(max(value, float(high))) * self.unit_hours,
            confidence=self.confidence,
        )

    def survival(self, age_hours: npt.ArrayLike) -> Band:
        """Return the share of units that outlive each age, with a pointwise band.

        Parameters
        ----------
        age_hours : array-like of shape (n_ages,)
            Ages, zero or more; beyond the observed lives this extrapolates.

        Returns
        -------
        Band
            Survival between 0 and 1.

        Raises
        ------
        NotFiniteError, NegativeValueError
            An age cannot be.

        Notes
        -----
        Limits are taken of the logarithm of the cumulative hazard, so that they stay between 0 and 1.

        Examples
        --------
        >>> from models.lifetimes.parametric.fit import fit_lifetime
        >>> fit = fit_lifetime("Weibull", Lives.right_censored([0, 0, 0], [100, 200, 300], [True, True, True]))
        >>> fit.survival([0.0, fit.parameters["scale_hours"].value]).value.round(3).tolist()
        [1.0, 0.368]
        """
        return self.conditional_survival(age_hours, 0.0)

    def conditional_survival(self, age_hours: npt.ArrayLike, reached_hours: float) -> Band:
        """Return the share of the units alive at one age that outlive others.

        Parameters
        ----------
        age_hours : array-like of shape (n_ages,)
            Ages; survival to those not beyond `reached_hours` is certain.
        reached_hours : float
            Age known to be reached.

        Returns
        -------
        Band
            S(age) / S(reached).

        Raises
        ------
        NotFiniteError, NegativeValueError
            An age cannot be.

        Examples
        --------
        >>> from models.lifetimes.parametric.fit import fit_lifetime
        >>> fit = fit_lifetime("exponential", Lives.right_censored([0, 0, 0], [100, 200, 300], [True, True, True]))
        >>> fit.conditional_survival([1200.0], 1000.0).value.round(3).tolist()
        [0.368]
        """
        reached = checked_non_negative("reached_hours", reached_hours) / self.unit_hours
        (ages,) = checked_columns(age_hours=age_hours)
        end = np.maximum(ages / self.unit_hours, reached)
        start = np.full_like(end, reached)

        def log_hazard_between(theta: FloatArray) -> FloatArray:
            with np.errstate(divide="ignore", over="ignore"):
                return np.log(-self.family.log_survival_between(start, end, theta))

        value, low, high = self._limits(log_hazard_between)
        with np.errstate(over="ignore"):
            survival, least, most = (np.exp(-np.exp(part)) for part in (value, high, low))
        return Band(ages, survival, least, most, self.confidence)

    def hazard(self, age_hours: npt.ArrayLike) -> Band:
        """Return failures per hour among the units alive at each age, with a pointwise band.

        Parameters
        ----------
        age_hours : array-like of shape (n_ages,)
            Ages above zero, where a falling hazard may be infinite.

        Returns
        -------
        Band
            Per hour; limits are taken of the logarithm.

        Raises
        ------
        NotFiniteError, NegativeValueError
            An age cannot be.

        Examples
        --------
        >>> from models.lifetimes.parametric.fit import fit_lifetime
        >>> fit = fit_lifetime("exponential", Lives.right_censored([0, 0, 0], [100, 200, 300], [True, True, True]))
        >>> fit.hazard([50.0, 500.0]).value.round(6).tolist()
        [0.005, 0.005]
        """
        (ages,) = checked_columns(age_hours=age_hours)
        on_clock = ages / self.unit_hours
        parts = self._limits(lambda theta: self.family.log_hazard(on_clock, theta))
        with np.errstate(over="ignore"):
            value, low, high = (np.exp(part) / self.unit_hours for part in parts)
        return Band(ages, value, low, high, self.confidence)

    def _limits(self, quantity: Quantity) -> tuple[FloatArray, FloatArray, FloatArray]:
        value = quantity(self.theta[None, :])[0]
        low, high = self.region.limits(lambda coordinates: quantity(self.to_theta(coordinates)))
        return value, np.minimum(low, value), np.maximum(high, value)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return working parameters drawn by how well they agree with the data, for predictions.

        Parameters
        ----------
        count : int
            How many.
        rng : numpy.random.Generator
            Source of chance.

        Returns
        -------
        array of shape (count, n_parameters)
            On the clock of `unit_hours`.

        Notes
        -----
        From the posterior under a prior flat in the logarithms of scale and shape, under which predictions from
        complete samples of a location and scale family hold exactly as often as they say (Lawless 2003, appendix E);
        from the normal approximation where the lives are too many to weigh each draw.

        Examples
        --------
        >>> from models.lifetimes.parametric.fit import fit_lifetime
        >>> fit = fit_lifetime("Weibull", Lives.right_censored([0, 0, 0], [100, 200, 300], [True, True, True]))
        >>> fit.draws(5, np.random.default_rng(1)).shape
        (5, 2)
        """
        return self.to_theta(self.region.draws(count, rng))

    @property
    def km_distance(self) -> KmDistance | None:
        """Distance from the Kaplan–Meier curve; None for lives that ended between two ages, which have none."""
        return None if self.lives.has_intervals else _in_hours(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know before trusting the fit, as sentences."""
        return _warnings(self)


def _exp_or_infinite(exponent: float) -> float:
    return math.exp(exponent) if exponent < 700.0 else math.inf


def _in_hours(fit: LifetimeFit) -> KmDistance:
    found = km_distance(fit.family, fit.theta, fit.lives.in_units_of(fit.unit_hours))
    leaves = found.leaves_band_hours
    return KmDistance(
        found.distance,
        found.distance_hours * fit.unit_hours,
        None if leaves is None else leaves * fit.unit_hours,
    )


def _warnings(fit: LifetimeFit) -> tuple[str, ...]:
    warnings = []
    if fit.events < FEW_EVENTS:
        warnings.append(
            f"few failures ({fit.events:g}): the intervals are wide, and hold the truth less often than they promise"
        )
    mean = float(fit.family.mean_residual_life(0.0, fit.theta[None, :])[0]) * fit.unit_hours
    longest = fit.lives.longest_hours
    if math.isinf(mean):
        warnings.append("no mean life exists under this fit: read the median or survival at an age")
    elif mean > longest:
        warnings.append(
            f"the mean of {mean:.3g} h lies beyond the longest life seen, {longest:.3g} h: it is an extrapolation"
        )
    if isinstance(fit.family, Gompertz) and fit.theta[1] < 0:
        never = math.exp(math.exp(fit.theta[0]) / fit.theta[1])
        warnings.append(f"the hazard falls so fast that {never:.1%} of the units never fail: the fit is defective")
    distance = fit.km_distance
    if distance is not None and distance.leaves_band_hours is not None:
        warnings.append(
            f"the {fit.family.name} distribution does not fit: at {distance.leaves_band_hours:.3g} h it leaves the "
            f"{MISFIT_CONFIDENCE:.1%} band of the Kaplan–Meier curve"
        )
    return tuple(warnings)
