"""How often the parts of each class fail and how long they stay away: the input of every availability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from models.availability.errors import UnknownComponentClassError
from models.availability.exact import unavailability
from models.guards import FloatArray, checked_non_negative
from models.rates import HOURS_PER_DAY, RateEstimate, poisson_rate

#: how far a number may be relied on
Trust = Literal["primary", "secondary", "summary", "computed", "assumption", "measured"]


@dataclass(frozen=True, slots=True)
class ComponentRate:
    """One class of components.

    Parameters
    ----------
    component : str
        The class: ``gpu``, ``nic-link``, ``tor``, …
    failures_per_hour : float
        Of one component at work.
    repair_hours : float
        Mean time until it is back.
    source : str
        Where both come from, for a reader.
    trust : str
        Of the failure rate: ``primary`` (read in the paper), ``secondary`` (quoted by another text), ``summary`` (told
        by one), ``computed`` (from published counts), ``measured`` (from a log), ``assumption``.
    failures : int or None
        Failures counted, where the source tells.
    exposure_hours : float or None
        Component-hours in which they were.
    """

    component: str
    failures_per_hour: float
    repair_hours: float
    source: str
    trust: Trust
    failures: int | None = None
    exposure_hours: float | None = None

    def __post_init__(self) -> None:
        checked_non_negative(f"failures_per_hour of {self.component}", self.failures_per_hour)
        checked_non_negative(f"repair_hours of {self.component}", self.repair_hours)

    @property
    def unavailability(self) -> float:
        """Share of the time that a component is down."""
        return unavailability(self.failures_per_hour, self.repair_hours)

    def estimate(self, confidence: float = 0.9) -> RateEstimate | None:
        """Return the rate with its exact interval; None where no counts are published."""
        if self.failures is None or not self.exposure_hours:
            return None
        return poisson_rate(self.failures, self.exposure_hours / HOURS_PER_DAY, confidence)


@dataclass(frozen=True, slots=True)
class ComponentRates(Mapping[str, ComponentRate]):
    """Rates by component class.

    Parameters
    ----------
    rates : tuple of ComponentRate
        One per class.

    Examples
    --------
    >>> link = ComponentRate("nic-link", 1e-6, 4.0, "an example", "assumption")
    >>> rates = ComponentRates((link,))
    >>> rates["nic-link"].failures_per_hour, "tor" in rates
    (1e-06, False)
    """

    rates: tuple[ComponentRate, ...]

    def __getitem__(self, component: str) -> ComponentRate:
        for rate in self.rates:
            if rate.component == component:
                return rate
        raise KeyError(component)

    def __iter__(self) -> Iterator[str]:
        return (rate.component for rate in self.rates)

    def __len__(self) -> int:
        return len(self.rates)

    def with_rates(self, others: Mapping[str, ComponentRate]) -> ComponentRates:
        """Return these rates, each class that the others have taken from there."""
        kept = tuple(rate for rate in self.rates if rate.component not in others)
        return ComponentRates((*kept, *others.values()))

    def with_repair_hours(self, repair_hours: Mapping[str, float]) -> ComponentRates:
        """Return these rates with other repair times.

        Raises
        ------
        UnknownComponentClassError
            If a class has no rate here.
        """
        for component in repair_hours:
            if component not in self:
                raise UnknownComponentClassError(component, self)
        return ComponentRates(
            tuple(
                replace(
                    rate,
                    repair_hours=repair_hours[rate.component],
                    source=f"{rate.source.split('; repair', maxsplit=1)[0]}; repair time as given",
                )
                if rate.component in repair_hours
                else rate
                for rate in self.rates
            )
        )

    def expected_failures(self, counts: Mapping[str, int], hours: float) -> dict[str, float]:
        """Return how many failures of each class to expect from so many components in so long.

        Classes without a rate are left out.

        >>> rates = ComponentRates((ComponentRate("tor", 1e-6, 4.0, "an example", "assumption"),))
        >>> rates.expected_failures({"tor": 250, "agg": 5}, 2000.0)
        {'tor': 0.5}
        """
        return {
            component: self[component].failures_per_hour * count * hours
            for component, count in counts.items()
            if component in self
        }

    def drawn(self, draws: int, rng: np.random.Generator) -> dict[str, FloatArray]:
        """Draw the failure rates of all classes from what their counts leave open.

        Parameters
        ----------
        draws : int
            How many.
        rng : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        dict of ndarray
            Failures per hour, shape (draws,), by class; a class without counts keeps its one value.

        Notes
        -----
        Gamma(k + 1/2) / exposure: the posterior under Jeffreys' prior for a Poisson rate. Each class is drawn once from
        each of as many equally likely strata (McKay, Beckman and Conover 1979), so that few draws suffice.
        """
        found: dict[str, FloatArray] = {}
        for rate in self.rates:
            if rate.failures is None or not rate.exposure_hours:
                found[rate.component] = np.full(draws, rate.failures_per_hour)
            else:
                strata = (rng.permutation(draws) + rng.random(draws)) / draws
                counts: FloatArray = np.asarray(special.gammaincinv(rate.failures + 0.5, strata), dtype=np.float64)
                found[rate.component] = counts / rate.exposure_hours
        return found
