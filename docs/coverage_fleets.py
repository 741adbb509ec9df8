"""Simulated fleets for the coverage study: units that enter late, leave early and fail by a law that is known.

A fleet is watched through a log of 0.8 median lives. Half of its units run already when the log begins, at an age
uniform up to one median life (left truncation: who failed before is not in the log); the others are installed during
the first half of it. A fifth is removed at some moment before its end (staggered censoring). The number of units is
what makes the expected number of failures the one asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MEDIAN_HOURS: Final = 1000.0
_LOG_MEDIANS: Final = 0.8
_CALIBRATION_UNITS: Final = 200_000
_UNITS_PER_HOST: Final = 4


@dataclass(frozen=True)
class Law:
    """A lifetime distribution as the study needs it; equal laws are the same object.

    Parameters
    ----------
    name
        Of the family.
    cumulative_hazard, age_at
        The cumulative hazard at ages in hours, and its inverse.
    mean_hours
        Mean life.
    """

    name: str
    cumulative_hazard: Callable[[Floats], Floats]
    age_at: Callable[[Floats], Floats]
    mean_hours: float

    def quantile(self, share: float) -> float:
        """Return the age by which this share has failed, hours."""
        return float(self.age_at(np.array([-np.log1p(-share)]))[0])

    def survival(self, age_hours: Floats) -> Floats:
        """Return the share that outlives each age."""
        return np.exp(-self.cumulative_hazard(age_hours))


def law_of(name: str, frozen: Any) -> Law:  # noqa: ANN401 - scipy's frozen distributions have no public type
    """Return the law of one of scipy's distributions, its clock set so that the median is `MEDIAN_HOURS`."""
    unit = MEDIAN_HOURS / float(frozen.median())
    return Law(
        name,
        lambda age: -np.asarray(frozen.logsf(age / unit), dtype=np.float64),
        lambda hazard: np.asarray(frozen.isf(np.exp(-hazard)), dtype=np.float64) * unit,
        float(frozen.mean()) * unit,
    )


EXPONENTIAL: Final = law_of("exponential", stats.expon())
WEIBULL: Final = law_of("Weibull", stats.weibull_min(1.5))


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Lives of units: age when first and last seen, and whether it failed then; shape (units,)."""

    entry_hours: Floats
    exit_hours: Floats
    failed: Bools


def draw_windows(units: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw the ages between which each unit would be watched if it did not fail.

    Parameters
    ----------
    units
        How many.
    rng
        Source of randomness.
    """
    log = _LOG_MEDIANS * MEDIAN_HOURS
    runs_already = rng.random(units) < 0.5
    entry = np.where(runs_already, rng.uniform(0.0, MEDIAN_HOURS, units), 0.0)
    watched = log - np.where(runs_already, 0.0, rng.uniform(0.0, log / 2, units))
    removed = rng.random(units) < 0.2
    return entry, entry + watched * np.where(removed, rng.uniform(0.05, 1.0, units), 1.0)


@cache
def share_failing(law: Law) -> float:
    """Return the share of units alive at their entry that fail while they are watched."""
    entry, leave = draw_windows(_CALIBRATION_UNITS, np.random.default_rng(0))
    return float(-np.expm1(law.cumulative_hazard(entry) - law.cumulative_hazard(leave)).mean())


@cache
def share_seen_to_fail(law: Law, hazard_ratio: float) -> float:
    """Return the share of all units, also of those that fail before their entry, that fail while they are watched."""
    entry, leave = draw_windows(_CALIBRATION_UNITS, np.random.default_rng(0))
    return float((law.survival(entry) ** hazard_ratio - law.survival(leave) ** hazard_ratio).mean())


def draw_fleet(law: Law, expected_failures: float, rng: np.random.Generator) -> Fleet:
    """Draw a fleet of equal units.

    Parameters
    ----------
    law
        Of their lives.
    expected_failures
        In the log.
    rng
        Source of randomness.
    """
    entry, leave = draw_windows(max(2, round(expected_failures / share_failing(law))), rng)
    age = law.age_at(law.cumulative_hazard(entry) + rng.exponential(size=entry.size))
    return Fleet(entry, np.minimum(age, leave), age <= leave)


@dataclass(frozen=True, slots=True, eq=False)
class TwoGroups:
    """A fleet of two kinds of units on hosts of four; `group` is 1 for the kind that fails more often."""

    fleet: Fleet
    group: Floats
    host: npt.NDArray[np.int64]


def draw_two_groups(
    law: Law, hazard_ratio: float, correlation: float, expected_failures: float, rng: np.random.Generator
) -> TwoGroups:
    """Draw a fleet whose hosts are alternately of one kind and of the other.

    Parameters
    ----------
    law
        Of the first kind's lives.
    hazard_ratio
        Of the second kind.
    correlation
        Of a Gaussian copula between the lives of one host. Units that failed before their entry are left out one by
        one, so each one's own law is what it was.
    expected_failures
        In the log.
    rng
        Source of randomness.
    """
    share = (share_seen_to_fail(law, 1.0) + share_seen_to_fail(law, hazard_ratio)) / 2
    hosts = max(2, round(expected_failures / share / _UNITS_PER_HOST))
    host = np.repeat(np.arange(hosts), _UNITS_PER_HOST)
    group = (host % 2).astype(np.float64)
    entry, leave = draw_windows(host.size, rng)
    shared = rng.normal(size=hosts)[host]
    normal = np.sqrt(correlation) * shared + np.sqrt(1.0 - correlation) * rng.normal(size=host.size)
    age = law.age_at(-stats.norm.logsf(normal) / np.where(group > 0, hazard_ratio, 1.0))
    seen = age > entry
    fleet = Fleet(entry[seen], np.minimum(age, leave)[seen], (age <= leave)[seen])
    return TwoGroups(fleet, group[seen], host[seen])


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """Repairable nodes: between which ages each is watched, and the ages at which it fails, node by node."""

    entry_hours: Floats
    exit_hours: Floats
    node: npt.NDArray[np.int64]
    failure_hours: Floats

    @property
    def failures(self) -> npt.NDArray[np.int64]:
        """Of each node."""
        return np.bincount(self.node, minlength=self.entry_hours.size)


def draw_nodes(shape: float, failures_per_node: float, expected_failures: float, rng: np.random.Generator) -> Nodes:
    """Draw nodes that are as bad as old after a repair: a power-law process in their age (Crow, 1974).

    Parameters
    ----------
    shape
        Of the expected number of failures by age t, which is proportional to t^shape.
    failures_per_node
        Expected by the age of `MEDIAN_HOURS`.
    expected_failures
        In the log, of all nodes.
    rng
        Source of randomness.
    """

    def expected(age: Floats) -> Floats:
        return failures_per_node * (age / MEDIAN_HOURS) ** shape

    entry, leave = draw_windows(_CALIBRATION_UNITS, np.random.default_rng(0))
    each = float((expected(leave) - expected(entry)).mean())
    entry, leave = draw_windows(max(2, round(expected_failures / each)), rng)
    counts = rng.poisson(expected(leave) - expected(entry))
    node = np.repeat(np.arange(entry.size), counts)
    low, high = expected(entry)[node], expected(leave)[node]
    age = MEDIAN_HOURS * ((low + rng.random(node.size) * (high - low)) / failures_per_node) ** (1.0 / shape)
    order = np.lexsort((age, node))
    return Nodes(entry, leave, node, age[order])


LEMON_SHARE: Final = 0.03
LEMON_MULTIPLE: Final = 15.0
RACK_NODES: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Correlated:
    """A fleet with lemons and rack incidents, one cell per node and day: failures, days at risk; and the true rate."""

    failures: npt.NDArray[np.int64]
    exposure_days: Floats
    node: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    rack: npt.NDArray[np.int64]
    rate_per_day: float


def draw_correlated(expected_failures: float, rng: np.random.Generator) -> Correlated:
    """Draw a fleet of which some are lemons, and whose racks go down as a whole; racks are built up over twelve days.

    A quarter of the failures of an ordinary node are those of its rack.

    Parameters
    ----------
    expected_failures
        Of all nodes in the log.
    rng
        Source of randomness.
    """
    own, of_rack, days, built = 0.006, 0.002, 60, 12
    rate = own * (1.0 + LEMON_SHARE * (LEMON_MULTIPLE - 1.0)) + of_rack
    racks = max(2, round(expected_failures / (rate * (days - (built - 1) / 2) * RACK_NODES)))
    first_day = rng.integers(built, size=racks)
    watched = np.arange(days) >= first_day[:, None]
    incidents = rng.poisson(of_rack, watched.shape)
    multiple = np.where(rng.random(racks * RACK_NODES) < LEMON_SHARE, LEMON_MULTIPLE, 1.0)
    rack_of_node = np.repeat(np.arange(racks), RACK_NODES)
    failures = rng.poisson(own * multiple[:, None], (multiple.size, days)) + incidents[rack_of_node]
    node, day = np.nonzero(watched[rack_of_node])
    exposure = np.ones(node.size)
    return Correlated(failures[node, day], exposure, node, day, rack_of_node[node], rate)
