"""The parts of an answer about availability: what is whole or not, what a class costs, outages in simulated time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from models.availability.component_rates import ComponentRate
from models.availability.contributions import Contribution
from models.availability.published import HOURS_PER_MONTH
from models.availability.trajectories import OutageHistory
from models.rates import HOURS_PER_DAY, ShareEstimate

#: a year of 365.25 days
HOURS_PER_YEAR: Final = 12.0 * HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class MeasuredAvailability:
    """One thing that is whole or not.

    ``exact`` has limits from the counts of failures, ``simulated`` from the number of replicas. ``outages`` are seen in
    simulated time; ``outages_per_month`` is the exact number. None where a way of reckoning does not apply.
    """

    measure: str
    exact: float | None
    low: float | None
    high: float | None
    simulated: ShareEstimate
    outages_per_month: float | None
    outages: OutageHistory | None

    def row(self) -> dict[str, Any]:
        """Return it as a row of the table."""
        down = 1.0 - (self.simulated.share if self.exact is None else self.exact)
        each = self.outages_per_month
        return {
            "measure": self.measure,
            "availability": self.exact,
            "low": self.low,
            "high": self.high,
            "simulated": self.simulated.share,
            "simulated_low": self.simulated.low,
            "simulated_high": self.simulated.high,
            "replicas": self.simulated.n,
            "minutes_down_per_month": down * HOURS_PER_MONTH * 60.0,
            "outages_per_month": each,
            "mean_outage_hours": down * HOURS_PER_MONTH / each if each else None,
        }


@dataclass(frozen=True, slots=True)
class ClassShare:
    """One class of components, what it fails like and what it costs the fabric and the job."""

    component: str
    count: int
    rate: ComponentRate
    of_fabric: Contribution | None
    of_job: Contribution | None
    confidence: float

    def row(self) -> dict[str, Any]:
        """Return it as a row of the table."""
        estimate = self.rate.estimate(self.confidence)
        per_month = HOURS_PER_MONTH * self.count
        return {
            "component": self.component,
            "count": self.count,
            "failures_per_month": self.rate.failures_per_hour * per_month,
            "failures_low": estimate.low_per_day / HOURS_PER_DAY * per_month if estimate else None,
            "failures_high": estimate.high_per_day / HOURS_PER_DAY * per_month if estimate else None,
            "repair_hours": self.rate.repair_hours,
            "unavailability_of_one": self.rate.unavailability,
            "fabric_minutes_per_month": minutes_down(self.of_fabric),
            "job_minutes_per_month": minutes_down(self.of_job),
            "fabric_outages_per_month": self.of_fabric.outages_per_month if self.of_fabric else 0.0,
            "job_outages_per_month": self.of_job.outages_per_month if self.of_job else 0.0,
            "rate_is": self.rate.trust,
            "source": self.rate.source,
        }


def minutes_down(cost: Contribution | None) -> float:
    """Return what a class costs, in minutes a month."""
    return cost.lost_share * HOURS_PER_MONTH * 60.0 if cost else 0.0


def history_row(found: OutageHistory) -> dict[str, Any]:
    """Return outages in simulated time as a row."""
    return {
        "years": found.hours / HOURS_PER_YEAR,
        "availability": found.availability,
        "standard_error": found.standard_error,
        "outages": found.outages.failures,
        "outages_per_month": found.outages.rate_per_day / HOURS_PER_DAY * HOURS_PER_MONTH,
        "low": found.outages.low_per_day / HOURS_PER_DAY * HOURS_PER_MONTH,
        "high": found.outages.high_per_day / HOURS_PER_DAY * HOURS_PER_MONTH,
        "mean_outage_hours": found.mean_outage_hours,
        "longest_outage_hours": found.longest_outage_hours,
    }
