"""Clusters drawn directly: nodes fail at their own rates, domains as one; what comes close in time is one event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.domain_failures import DomainSearch, checked_events, node_propensity, search_domains

DAY = 86_400.0
GAP_SECONDS = 300.0

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Racks within switches within pods: ``members`` has a row per domain, racks first, then switches, then pods."""

    nodes: int
    members: BoolArray
    racks: int
    switches: int
    pods: int


def layout(nodes: int, rack: int, switch: int, pod: int) -> Layout:
    """Nodes in racks, switches and pods of these sizes, side by side."""
    number = np.arange(nodes)
    rows = [number // size == which for size in (rack, switch, pod) for which in range(-(-nodes // size))]
    counts = [-(-nodes // size) for size in (rack, switch, pod)]
    return Layout(nodes, np.array(rows), *counts)


@dataclass(frozen=True, slots=True, eq=False)
class Planted:
    """A domain that fails as one: at how many times, and the share of its nodes that each time hits."""

    domain: int
    times: int
    share: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Events of two or more nodes, which domain each really was of (-1: none), and how often each node failed alone."""

    events: tuple[IntArray, ...]
    truth: IntArray
    lone: IntArray
    days: float


def draw_events(
    plan: Layout,
    rates_per_day: FloatArray,
    days: float,
    rng: np.random.Generator,
    planted: Sequence[Planted] = (),
    wide_events: int = 0,
) -> Drawn:
    """Draw what a log of so many days would say; ``wide_events`` hit 3% of all nodes, wherever they stand."""
    counts = rng.poisson(rates_per_day * days)
    nodes = [np.repeat(np.arange(plan.nodes), counts)]
    times = [rng.uniform(0, days * DAY, int(counts.sum()))]
    source = [np.full(int(counts.sum()), -1)]
    for one in planted:
        members = np.flatnonzero(plan.members[one.domain])
        for start in rng.uniform(0, days * DAY, one.times):
            hit = members[rng.random(members.size) < one.share]
            nodes.append(hit)
            times.append(start + rng.uniform(0, 60.0, hit.size))
            source.append(np.full(hit.size, one.domain))
    for start in rng.uniform(0, days * DAY, wide_events):
        hit = np.flatnonzero(rng.random(plan.nodes) < 0.03)
        nodes.append(hit)
        times.append(start + rng.uniform(0, 60.0, hit.size))
        source.append(np.full(hit.size, -1))
    return _joined(plan.nodes, np.concatenate(nodes), np.concatenate(times), np.concatenate(source), days)


def _joined(count: int, nodes: IntArray, times: FloatArray, source: IntArray, days: float) -> Drawn:
    order = np.argsort(times)
    nodes, source, number = nodes[order], source[order], np.cumsum(np.diff(times[order], prepend=-np.inf) > GAP_SECONDS)
    begins = np.flatnonzero(np.diff(number, prepend=-1))
    events, truth, lone = [], [], np.zeros(count, dtype=np.int64)
    for struck, which in zip(np.split(nodes, begins[1:]), np.split(source, begins[1:]), strict=True):
        distinct = np.unique(struck)
        if distinct.size == 1:
            lone[distinct] += 1
        elif distinct.size:
            events.append(distinct)
            # Planted with two nodes at least: what hit one node of a domain is nobody's to find.
            truth.append(which.max() if np.sum(which == which.max()) > 1 else -1)
    return Drawn(tuple(events), np.array(truth, dtype=np.int64), lone, days)


def searched(plan: Layout, drawn: Drawn, false_discovery_rate: float = 0.05) -> DomainSearch:
    """What the search says of it, which sees nodes and events alone."""
    propensity = node_propensity(drawn.lone, np.full(plan.nodes, drawn.days))
    events = checked_events(drawn.events, plan.nodes)
    return search_domains(events, plan.members, propensity, false_discovery_rate=false_discovery_rate)


#: how the rates of nodes differ in clusters without a domain that fails as one
NULLS = ("equal rates", "lemons", "gamma rates", "hot racks", "quiet", "wide events")


def null_cluster(case: str, rng: np.random.Generator) -> tuple[Layout, Drawn]:
    """Draw a cluster in which nothing but chance, lemons, bad racks or events of the whole cluster joins nodes."""
    nodes = int(rng.choice([96, 256, 512]))
    plan = layout(nodes, rack=4, switch=16, pod=64)
    days = 90.0
    rate = np.full(nodes, 2.0 / nodes * float(rng.choice([1.0, 4.0, 12.0])))
    if case == "lemons":
        rate[rng.random(nodes) < 0.03] *= 15.0
    elif case == "gamma rates":
        rate *= rng.gamma(1.0, 1.0, nodes)
    elif case == "hot racks":
        rate *= np.repeat(rng.gamma(1.0, 1.0, plan.racks), 4)[:nodes]
    elif case == "quiet":
        rate *= 0.1
    return plan, draw_events(plan, rate, days, rng, wide_events=20 if case == "wide events" else 0)


def planted_cluster(rng: np.random.Generator, times: int = 5) -> tuple[Layout, Drawn, IntArray]:
    """Draw a cluster with lemons in which a rack, a switch and a pod fail as one so many times; and name the three."""
    nodes = int(rng.choice([256, 512]))
    plan = layout(nodes, rack=4, switch=16, pod=64)
    rate = np.full(nodes, 2.0 / nodes * float(rng.choice([1.0, 4.0])))
    rate[rng.random(nodes) < 0.03] *= 15.0
    guilty = np.array(
        [
            rng.integers(plan.racks),
            plan.racks + rng.integers(plan.switches),
            plan.racks + plan.switches + rng.integers(plan.pods),
        ]
    )
    planted = [Planted(int(domain), times, float(share)) for domain, share in zip(guilty, (1.0, 0.9, 0.6), strict=True)]
    return plan, draw_events(plan, rate, 90.0, rng, planted, wide_events=5), guilty


@dataclass(frozen=True, slots=True)
class Score:
    """Named events that were right, named ones, and true ones; likewise domains."""

    right: int
    named: int
    true: int
    domains_right: int
    domains_named: int
    domains_true: int


def scored(drawn: Drawn, guilty: IntArray, seen: DomainSearch) -> Score:
    """Hold what was found against what was planted."""
    named = seen.is_domain_event
    found = np.flatnonzero(seen.found)
    return Score(
        right=int(np.sum(named & (seen.domain == drawn.truth))),
        named=int(named.sum()),
        true=int(np.sum(drawn.truth >= 0)),
        domains_right=int(np.isin(found, guilty).sum()),
        domains_named=found.size,
        domains_true=np.unique(guilty).size,
    )
