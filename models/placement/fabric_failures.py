"""What a fabric does to a run that stands in it: failures by class of part, the slow hours, and the ETTR of both.

A part that takes the run down adds to the failures of its nodes. One that does not only slows it until it is repaired.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.availability.component_rates import ComponentRate
from models.errors import NotAShareError
from models.goodput.renewal import exact_ettr_at
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray
from models.placement.leaning import HOST, LINK, Leaning, Touched, checked_hosts, touched
from models.rates import HOURS_PER_DAY

Slowdown = float | Mapping[str, float] | None
#: the class of faults that cut an adapter's two ways at once
BOTH_WAYS: Final = "both-ways"


@dataclass(frozen=True, slots=True)
class Standing:
    """A run where it stands in a fabric: the parts it leans on, and the adapters with two ways into the network."""

    parts: tuple[Touched, ...]
    twice_homed: int
    switch_pairs: int

    def of(self, component: str) -> Touched | None:
        """Return the parts of a class; None where the run leans on none."""
        return next((row for row in self.parts if row.component == component), None)


@dataclass(frozen=True, slots=True)
class ClassFailures:
    """Failures of the parts of one class, as the run meets them, per day.

    ``fatal_per_day`` take the run down, ``slowing_per_day`` slow it by ``slowdown`` for ``repair_hours``; it is slowed
    by at least one for ``slowed_share`` of the time.
    """

    component: str
    parts: int
    fatal: int
    hosts: int
    fatal_per_day: float
    slowing_per_day: float
    slowdown: float
    slowed_share: float
    repair_hours: float
    rate: ComponentRate


def standing(lean: Leaning, hosts: npt.ArrayLike) -> Standing:
    """Say what a run on these hosts leans on, beyond its nodes.

    Parameters
    ----------
    lean : Leaning
        From `models.placement.leaning.leaning`.
    hosts : array-like of shape (n_hosts,)
        Numbers of the run's hosts.

    Returns
    -------
    Standing
        A scale-up switch that serves a single host belongs to the host and is left out.

    Examples
    --------
    >>> from models.placement.leaning import leaning
    >>> from models.topology.builders.hpn import hpn
    >>> found = standing(leaning(hpn(hosts=375, gpus_per_host=8)), range(375))
    >>> [row.component for row in found.parts], found.twice_homed, found.switch_pairs
    (['host', 'nic-link', 'tor', 'agg', 'tor-agg-link'], 3000, 24)
    """
    chosen = checked_hosts(lean.fabric, hosts)
    parts = tuple(row for row in touched(lean, chosen) if row.component != "nvswitch" or row.hosts > 1)
    pairs = int(np.count_nonzero(np.asarray(lean.pairs[chosen].sum(axis=0)))) if lean.pairs.shape[1] else 0
    return Standing(parts, int(lean.twice_homed[chosen].sum()), pairs)


def class_failures(
    stands: Standing, rates: Mapping[str, ComponentRate], slowdown: Slowdown = None
) -> tuple[ClassFailures, ...]:
    """Work out how often the parts of each class fail a run, and how much of its time they slow it.

    Parameters
    ----------
    stands : Standing
        From `standing`.
    rates : mapping of class to ComponentRate
        Classes that are not in it are left out; so is ``host``, whose failures are those of the run's nodes.
    slowdown : float or mapping of class to float, optional
        Share of its speed that the run loses while a part that slows is out; by default, and for classes that the
        mapping has not, the share of its network bandwidth that the worst-hit host loses.

    Returns
    -------
    tuple of ClassFailures
        From the hosts upwards, and last faults that cut both ways of an adapter at once.

    Raises
    ------
    NotAShareError
        The slowdown is none.

    Notes
    -----
    Parts fail independently and at constant rates. Parts out at a time are Poisson with mean rate × repair, whatever
    the law of repairs (M/G/∞). Two parts that fail at rates a and b and are gone for S and T are out together anew
    ab (S + T) times per hour, to first order: two links of an adapter, a link and the other ToR, both ToRs of a pair.

    Examples
    --------
    3,000 GPUs with a single link each, at the published 0.057% a month; ToRs; Aggs and their links, which take
    nothing down:

    >>> from models.availability.published import published_rates
    >>> from models.placement.leaning import leaning
    >>> from models.topology.builders.hpn import hpn
    >>> single = standing(leaning(hpn(hosts=375, gpus_per_host=8, single_tor=True)), range(375))
    >>> rates = published_rates("hpn-single-tor")
    >>> [round(row.fatal_per_day * 365.25 / 12, 2) for row in class_failures(single, rates)]
    [1.71, 0.01, 0.0, 0.0]
    """
    shares = _by_class(stands, slowdown)
    for share in shares.values():
        if not 0.0 <= share <= 1.0:  # NaN fails this too
            raise NotAShareError("slowdown", share)
    found = []
    for row in stands.parts:
        rate = rates.get(row.component)
        if rate is None or row.component == HOST:
            continue
        slowing = row.parts - row.fatal
        lost = shares.get(row.component, row.lost_share) if row.lost_share > 0.0 else 0.0
        found.append(
            ClassFailures(
                component=row.component,
                parts=row.parts,
                fatal=row.fatal,
                hosts=row.hosts,
                fatal_per_day=row.fatal * rate.failures_per_hour * HOURS_PER_DAY,
                slowing_per_day=slowing * rate.failures_per_hour * HOURS_PER_DAY,
                slowdown=lost if slowing else 0.0,
                slowed_share=0.0 - math.expm1(-slowing * rate.failures_per_hour * rate.repair_hours),
                repair_hours=rate.repair_hours,
                rate=rate,
            )
        )
    if stands.twice_homed and LINK in rates:
        found.append(_both_ways(stands, rates))
    return tuple(found)


def fatal_per_day(classes: Sequence[ClassFailures]) -> float:
    """Return how often a day the fabric takes the run down."""
    return sum(row.fatal_per_day for row in classes)


def mean_speed(classes: Sequence[ClassFailures]) -> float:
    """Return the run's mean speed while it works, 1 where nothing slows it.

    Parameters
    ----------
    classes : sequence of ClassFailures
        From `class_failures`.

    Returns
    -------
    float
        From 0 to 1.

    Notes
    -----
    The ranks of a training step wait for the slowest, so that of several parts out the worst counts and the others do
    not add to it [D].

    Examples
    --------
    >>> rate = ComponentRate("nic-link", 0.0, 1.0, "an example", "assumption")
    >>> link = ClassFailures("nic-link", 10, 0, 1, 0.0, 0.1, 0.0625, 0.2, 1.0, rate)
    >>> mean_speed([link])
    0.9875
    """
    return float(_speed([(row.slowdown, np.array([row.slowed_share])) for row in classes], 1)[0])


def fabric_ettr(plan: RunPlan, classes: Sequence[ClassFailures]) -> float:
    """Return the ETTR of a run in a fabric: its nodes fail, the fabric fails it, and slow hours count for less.

    Parameters
    ----------
    plan : RunPlan
        The run; its failure rate is that of its nodes without the network.
    classes : sequence of ClassFailures
        From `class_failures`.

    Returns
    -------
    float
        Work done per wall-clock time beside a run that nothing stops or slows.

    Notes
    -----
    Failures of nodes and parts add up to one Poisson process, for which `exact_ettr` is exact. What slows is
    independent of what stops, so that the mean work is the product of the two, in the long run.

    Examples
    --------
    >>> plan = RunPlan(375, 6.5e-3, 3600, 300)
    >>> round(fabric_ettr(plan, ()), 3)
    0.942
    """
    return float(fabric_ettr_at(plan, classes, [plan.failures_per_node_day], {})[0])


def fabric_ettr_at(
    plan: RunPlan,
    classes: Sequence[ClassFailures],
    failures_per_node_day: npt.ArrayLike,
    part_rates: Mapping[str, FloatArray],
) -> FloatArray:
    """Return the ETTR in a fabric at each of many rates, such as draws of uncertain ones.

    Parameters
    ----------
    plan : RunPlan
        The run; its own failure rate is not used.
    classes : sequence of ClassFailures
        From `class_failures`.
    failures_per_node_day : array-like of shape (n_draws,)
        Failures of the nodes.
    part_rates : mapping of class to array of shape (n_draws,)
        Failures per hour of one part; a class that is not in it keeps its own rate.

    Returns
    -------
    array of shape (n_draws,)
        As `fabric_ettr`.
    """
    nodes = np.atleast_1d(np.asarray(failures_per_node_day, dtype=np.float64))
    fatal = np.zeros(nodes.size)
    slowed = []
    for row in classes:
        own = row.rate.failures_per_hour
        drawn = part_rates.get(row.component, np.full(nodes.size, own))
        scale = drawn / own if own > 0 else np.ones(nodes.size)
        fatal = fatal + row.fatal_per_day * scale
        mean_out = -np.log1p(-row.slowed_share) if row.slowed_share < 1 else math.inf
        slowed.append((row.slowdown, -np.expm1(-mean_out * scale)))
    return exact_ettr_at(plan, nodes + fatal / plan.nodes) * _speed(slowed, nodes.size)


def _by_class(stands: Standing, slowdown: Slowdown) -> Mapping[str, float]:
    if slowdown is None or isinstance(slowdown, Mapping):
        return slowdown or {}
    return {row.component: slowdown for row in stands.parts}


def _speed(slowed: Sequence[tuple[float, FloatArray]], size: int) -> FloatArray:
    """Return 1 minus the mean of the worst slowdown at a time, for independent classes."""
    lost, none_worse = np.zeros(size), np.ones(size)
    for slowdown, share in sorted(slowed, key=lambda each: -each[0]):
        lost = lost + slowdown * share * none_worse
        none_worse = none_worse * (1.0 - share)
    return 1.0 - lost


def _both_ways(stands: Standing, rates: Mapping[str, ComponentRate]) -> ClassFailures:
    link = rates[LINK]
    # The cables of an adapter end on its host's first tier of switches.
    tier = next((row.component for row in stands.parts if row.component in ("tor", "leaf")), "tor")
    switch = rates.get(tier, ComponentRate(tier, 0.0, 0.0, "", "assumption"))
    a, s = link.failures_per_hour, link.repair_hours
    b, t = switch.failures_per_hour, switch.repair_hours
    per_hour = stands.twice_homed * (2 * a * a * s + 2 * a * b * (s + t)) + stands.switch_pairs * 2 * b * b * t
    return ClassFailures(
        component=BOTH_WAYS,
        parts=stands.twice_homed,
        fatal=stands.twice_homed,
        hosts=1,
        fatal_per_day=per_hour * HOURS_PER_DAY,
        slowing_per_day=0.0,
        slowdown=0.0,
        slowed_share=0.0,
        repair_hours=max(s, t),
        rate=ComponentRate(
            BOTH_WAYS,
            per_hour / stands.twice_homed,
            max(s, t),
            f"derived: two of the parts {LINK} and {tier} out at once, independent of each other",
            "computed",
        ),
    )
