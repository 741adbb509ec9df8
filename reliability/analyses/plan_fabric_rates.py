"""What is known of the failures of a run in a fabric: those of its nodes without the network, those of the parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.availability.component_rates import ComponentRate, ComponentRates
from models.goodput.draws import RateDraws, draw_interval, rate_draws
from models.guards import FloatArray
from models.rates import poisson_rate
from models.topology.fabric import TIERS, Adapter, Fabric
from reliability.analyses.plan import DRAWS, FailureRate
from reliability.analyses.replay_levers import DUAL_TOR_SYMPTOMS
from reliability.engines.duckdb_engine import DuckDBEngine

if TYPE_CHECKING:
    from reliability.lake import Lake

#: level where the failure rate came without one
_CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class RunRates:
    """Failure rate of the nodes without their network, and draws of it and of the parts' rates.

    Without counts behind the nodes' rate there are no draws, hence no limits.
    """

    rate: FailureRate
    node_draws: RateDraws | None
    part_draws: Mapping[str, FloatArray]

    @property
    def confidence(self) -> float:
        """Level of limits and of simulations."""
        return self.rate.confidence or _CONFIDENCE

    def limits(
        self, value: Callable[[FloatArray, Mapping[str, FloatArray]], FloatArray]
    ) -> tuple[float | None, float | None]:
        """Return the limits that the counts leave of anything computed from both kinds of rates.

        Parameters
        ----------
        value
            Takes the nodes' failures per node-day and the parts' per hour by class, of shape (n,) each.
        """
        if self.node_draws is None:
            return None, None
        found = draw_interval(
            lambda rates: value(rates, {name: drawn[: rates.size] for name, drawn in self.part_draws.items()}),
            self.node_draws,
            self.confidence,
        )
        return found.low, found.high


def run_rates(rate: FailureRate, link_failures: int | None, parts: ComponentRates, seed: int) -> RunRates:
    """Say what is known of the failures of a run.

    Parameters
    ----------
    rate
        Of its nodes, as given, counted or measured.
    link_failures
        Failures among those counted that are the network's; None where nobody knows.
    parts
        Rates of the fabric's parts.
    seed
        Of the draws.
    """
    nodes = _without_links(rate, link_failures)
    node_draws = None
    if nodes.failures is not None and nodes.exposure_node_days is not None:
        node_draws = rate_draws(nodes.failures, nodes.exposure_node_days, DRAWS, np.random.default_rng(seed))
    # One more for the value at the observed rate, which comes first.
    return RunRates(nodes, node_draws, parts.drawn(DRAWS + 1, np.random.default_rng([seed, 1])))


def own_link_rate(rate: FailureRate, link_failures: int, gpus_per_node: int, published: ComponentRate) -> ComponentRate:
    """Return the rate of host links that the counts of a cluster give.

    Parameters
    ----------
    rate
        Of its nodes, with counts.
    link_failures
        Failures among those counted that are the network's, above zero.
    gpus_per_node
        Links of a node: one for each GPU, which is assumed.
    published
        The published rate, for its repair time.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from reliability.analyses.plan import counted_rate
    >>> llama = own_link_rate(counted_rate(419, 54 * 2048), 35, 8, published_rates("clos")["nic-link"])
    >>> f"{llama.failures_per_hour * 730.5:.3%} of links a month"
    '0.120% of links a month'
    """
    exposure_hours = (rate.exposure_node_days or 0.0) * 24.0 * gpus_per_node
    return ComponentRate(
        published.component,
        link_failures / exposure_hours,
        published.repair_hours,
        f"{link_failures:,} failures of this cluster that a link caused, in {rate.exposure_node_days:,.0f} node-days "
        f"of {gpus_per_node} links each, a single one for each adapter assumed; repair time as published",
        "measured",
        link_failures,
        exposure_hours,
    )


def links_among_failures(lake: Lake, rate: FailureRate, *, min_gpus: int = 128) -> int | None:
    """Return how many of the failures behind a lake's own rate have a link of the network as their cause.

    Parameters
    ----------
    lake
        Where the rate was measured.
    rate
        From `reliability.analyses.plan.measured_rate`.
    min_gpus
        The threshold it was measured with.

    Returns
    -------
    int or None
        None where neither failures of attempts nor outages of nodes are as many as those behind the rate.
    """
    with closing(DuckDBEngine(lake)) as engine:
        (row,) = engine.ask("network_failures", min_gpus=min_gpus, symptoms=list(DUAL_TOR_SYMPTOMS))
    for counted in ("attempt", "node"):
        if row[f"{counted}_failures"] == rate.failures:
            return int(row[f"{counted}_link_failures"])
    return None


def tiers_without_rate(fabric: Fabric, rates: ComponentRates) -> tuple[str, ...]:
    """Return the tiers of switches whose failures nobody knows, from the hosts upwards.

    Parameters
    ----------
    fabric
        Its NVSwitches that serve a single host are the host's own and left out.
    rates
        Of its parts.

    Examples
    --------
    >>> from models.topology.builders.nvl72 import nvl72
    >>> tiers_without_rate(nvl72(hosts=36), ComponentRates(()))
    ('nvswitch', 'leaf', 'spine')
    """
    hosts: defaultdict[str, set[int]] = defaultdict(set)
    for link in fabric.links:
        if link.tier == "nvswitch" and isinstance(link.child, Adapter):
            hosts[link.parent].add(link.child.host)
    unknown = {
        switch.tier
        for switch in fabric.switches
        if switch.tier not in rates and (switch.tier != "nvswitch" or len(hosts[switch.name]) > 1)
    }
    return tuple(tier for tier in TIERS if tier in unknown)


def _without_links(rate: FailureRate, link_failures: int | None) -> FailureRate:
    if not link_failures or rate.failures is None or not rate.exposure_node_days:
        return rate
    left = poisson_rate(rate.failures - link_failures, rate.exposure_node_days, rate.confidence or _CONFIDENCE)
    return replace(
        rate,
        per_1000_node_days=left.rate_per_1000_days,
        low=left.low_per_1000_days,
        high=left.high_per_1000_days,
        failures=left.failures,
    )
