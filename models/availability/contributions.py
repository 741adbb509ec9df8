"""What each class of components costs in availability and in outages, and how sure an availability is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.availability.component_rates import ComponentRates
from models.availability.fabric_exact import Conditions, shock_class
from models.availability.published import HOURS_PER_MONTH
from models.guards import FloatArray, checked_confidence

#: an availability as a function of what the parts suffer
Measure = Callable[[Conditions], float]

#: relative step of a rate for a derivative
_STEP: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one class costs.

    Parameters
    ----------
    component : str
        The class, or ``rack shock``, ….
    lost_share : float
        Availability that would be gained if the class never failed.
    outages_per_month : float
        Outages that a failure of the class brings about.
    """

    component: str
    lost_share: float
    outages_per_month: float


def contributions(measure: Measure, conditions: Conditions, components: Sequence[str]) -> tuple[Contribution, ...]:
    """Return what each class costs, the costliest first.

    Parameters
    ----------
    measure : callable
        Availability under given conditions.
    conditions : Conditions
        Rates, beta factor and shocks as they are.
    components : sequence of str
        Classes with a rate; shocks are added.

    Returns
    -------
    tuple of Contribution
        Gains do not add up: where parts are redundant, either class alone would do.

    Notes
    -----
    A coherent system of independent parts goes down, because of the parts of a class, -dA/dU rate (1 - U) times an hour
    (Birnbaum importance; Barlow and Proschan 1975, chapter 7), which is -dA/d(log rate) / (repair (1 - U)); for
    Poisson shocks -dA/d(log rate) / outage. The derivative is a central difference.
    """
    whole = measure(conditions)
    found = []
    repair = {name: (conditions.rates[name].repair_hours, conditions.rates[name].unavailability) for name in components}
    rates = {name: conditions.rates[name].failures_per_hour for name in components}
    for shock in conditions.shocks:
        repair[shock_class(shock)] = (shock.outage_hours, 0.0)
        rates[shock_class(shock)] = shock.shocks_per_hour
    for name, rate in rates.items():
        hours, down = repair[name]
        if rate == 0 or hours == 0:
            continue
        steeper, flatter = (measure(conditions.with_rate(name, rate * (1.0 + step))) for step in (_STEP, -_STEP))
        per_hour = max(0.0, (flatter - steeper) / (2.0 * _STEP)) / (hours * (1.0 - down))
        gained = max(0.0, measure(conditions.with_rate(name, 0.0)) - whole)
        found.append(Contribution(name, gained, per_hour * HOURS_PER_MONTH))
    return tuple(sorted(found, key=lambda contribution: (-contribution.lost_share, contribution.component)))


def availability_limits(
    measure: Measure,
    conditions: Conditions,
    rates: ComponentRates,
    draws: int,
    rng: np.random.Generator,
    confidence: float = 0.9,
) -> tuple[float, float]:
    """Return the limits within which an availability lies, as far as counted failures leave it open.

    Parameters
    ----------
    measure : callable
        Availability under given conditions.
    conditions : Conditions
        What is drawn anew: its rates.
    rates : ComponentRates
        Rates with their counts; a class without counts keeps its one value, so its doubt is not in the limits.
    draws : int
        Rates drawn.
    rng : numpy.random.Generator
        Source of randomness.
    confidence : float
        Of the limits.

    Returns
    -------
    low, high : float
        Quantiles of the availability over rates drawn from Gamma(failures + 1/2) / exposure.
    """
    level = checked_confidence(confidence)
    drawn = rates.drawn(draws, rng)
    counted = [name for name in rates if rates[name].failures is not None]
    found: FloatArray = np.empty(draws)
    for draw in range(draws):
        given = conditions
        for name in counted:
            given = given.with_rate(name, float(drawn[name][draw]))
        found[draw] = measure(given)
    low, high = np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)
