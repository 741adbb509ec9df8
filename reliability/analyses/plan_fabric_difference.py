"""One run in two fabrics on the same failures: what the first buys in ETTR, GPU-hours and dollars."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from scipy import optimize

from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.guards import FloatArray
from models.placement.fabric_failures import BOTH_WAYS, ClassFailures, fabric_ettr, fabric_ettr_at, fatal_per_day
from models.placement.same_failures import paired_runs
from reliability.analyses.plan_fabric_rates import RunRates
from reliability.analyses.plan_fabric_simulation import watched_days

#: days for which gains are told
GAIN_DAYS: Final = 30.0
#: pairs of runs simulated
PAIRS: Final = 4000
#: repair times longer or shorter than this many times the planned ones are not looked at
_FACTOR: Final = 1e4


@dataclass(frozen=True, slots=True)
class Difference:
    """ETTR in the first fabric less that in the other: exact, with the limits of the counts, and simulated in pairs."""

    exact: float
    low: float | None
    high: float | None
    simulated: float
    simulated_low: float
    simulated_high: float
    pairs: int
    at_half_rates: float
    at_double_rates: float
    even_repair_factor: float | None
    gpu_hours: float
    dollars: float | None

    def document(self) -> dict[str, Any]:
        """Return it for ``--json``."""
        return {
            "ettr_difference": self.exact,
            "ettr_difference_low": self.low,
            "ettr_difference_high": self.high,
            "ettr_difference_simulated": self.simulated,
            "ettr_difference_simulated_low": self.simulated_low,
            "ettr_difference_simulated_high": self.simulated_high,
            "simulated_pairs": self.pairs,
            "ettr_difference_at_half_the_rates": self.at_half_rates,
            "ettr_difference_at_twice_the_rates": self.at_double_rates,
            "repair_factor_at_no_difference": self.even_repair_factor,
            "gpu_hours_per_30_days": self.gpu_hours,
            "dollars_per_30_days": self.dollars,
        }


def difference(
    run: RunPlan,
    gpus: int,
    known: RunRates,
    one: Sequence[ClassFailures],
    other: Sequence[ClassFailures],
    *,
    gpu_hour_dollars: float | None,
    seed: int,
) -> Difference:
    """Hold a long run in one fabric against the same run in another.

    Parameters
    ----------
    run
        As planned; its failure rate is that of its nodes, the same in both. Its end is not looked at.
    gpus
        Of the run.
    known
        Its rates and their draws.
    one, other
        What each fabric adds.
    gpu_hour_dollars
        What a GPU-hour costs; None where nobody says.
    seed
        Of the simulation.
    """
    long = replace(run, productive_seconds=math.inf)

    def between(rates: FloatArray, parts: Mapping[str, FloatArray]) -> FloatArray:
        return fabric_ettr_at(long, one, rates, parts) - fabric_ettr_at(long, other, rates, parts)

    def at(rates: float, repairs: float) -> float:
        return fabric_ettr(long, _scaled(one, rates, repairs)) - fabric_ettr(long, _scaled(other, rates, repairs))

    exact = at(1.0, 1.0)
    low, high = known.limits(between)
    days = watched_days(long, max(fatal_per_day(one), fatal_per_day(other)))
    pairs = paired_runs(
        long,
        one,
        other,
        replicas=PAIRS,
        horizon_seconds=days * SECONDS_PER_DAY,
        rng=np.random.default_rng([seed, 2]),
    )
    simulated_low, simulated_high = pairs.interval(known.confidence)
    gpu_hours = exact * gpus * 24.0 * GAIN_DAYS
    return Difference(
        exact=exact,
        low=low,
        high=high,
        simulated=pairs.difference,
        simulated_low=simulated_low,
        simulated_high=simulated_high,
        pairs=PAIRS,
        at_half_rates=at(0.5, 1.0),
        at_double_rates=at(2.0, 1.0),
        even_repair_factor=_even(lambda factor: at(1.0, factor)),
        gpu_hours=gpu_hours,
        dollars=None if gpu_hour_dollars is None else gpu_hours * gpu_hour_dollars,
    )


def _scaled(classes: Sequence[ClassFailures], rates: float, repairs: float) -> tuple[ClassFailures, ...]:
    """Return the classes with all rates, and all repair times, multiplied."""
    return tuple(
        replace(
            row,
            fatal_per_day=row.fatal_per_day * (rates**2 * repairs if row.component == BOTH_WAYS else rates),
            slowing_per_day=row.slowing_per_day * rates,
            slowed_share=0.0 - math.expm1(-row.slowing_per_day * rates * row.repair_hours * repairs / 24.0),
            repair_hours=row.repair_hours * repairs,
        )
        for row in classes
    )


def _even(difference: Callable[[float], float]) -> float | None:
    """Return the factor on all repair times at which the fabrics are equal; None where no such is near."""
    at_ends = [difference(1.0 / _FACTOR), difference(_FACTOR)]
    if at_ends[0] * at_ends[1] >= 0:
        return None
    root = optimize.brentq(lambda log: difference(math.exp(log)), -math.log(_FACTOR), math.log(_FACTOR), xtol=1e-6)
    return math.exp(float(root))
