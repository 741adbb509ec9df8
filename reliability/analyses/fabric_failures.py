"""What the log says befell the hosts and switches of a fabric."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from models.topology.fabric import TIERS
from models.topology.layout.host_groups import host_groups
from reliability.analyses.fabric_map import Happened
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters

if TYPE_CHECKING:
    from datetime import datetime

    from reliability.analyses.domain_failures import DomainFailures
    from reliability.analyses.fabric import RealFabric
    from reliability.lake import Lake


def fabric_failures(
    lake: Lake,
    real: RealFabric,
    *,
    named: DomainFailures | None = None,
    from_utc: datetime | None = None,
    to_utc: datetime | None = None,
) -> Happened:
    """Count the unplanned outages of a real fabric's hosts, and what befell its switches.

    Parameters
    ----------
    lake
        Where the logs were taken in.
    real
        The lake's fabric.
    named
        Which events of several nodes are named for which switch, of the same window; None to leave them out.
    from_utc, to_utc
        Half-open window; None for the whole observation.

    Returns
    -------
    Happened
        By name of host or switch; without exposure where the lake has neither node states nor events about switches.
    """
    with closing(DuckDBEngine(lake, Parameters(window_from_utc=from_utc, window_to_utc=to_utc))) as engine:
        rows = engine.ask("fabric_failures", cluster=real.cluster)
        node_days = engine.ask("fabric_exposure", cluster=real.cluster)[0]["node_days"]
    rows += _named(named, real.cluster)
    known = {*real.fabric.host_names, *(switch.name for switch in real.fabric.switches)}
    failures: Counter[str] = Counter()
    for row in rows:
        failures[row["name"]] += int(row["failures"])
    elsewhere = sum(count for name, count in failures.items() if name not in known)
    on_cables = {name: count for name, count in failures.items() if name in known}
    if node_days is None and not rows:
        return Happened()
    exposure = f"{node_days:,.0f} node-days" if node_days is not None else "the switches' events"
    return Happened(on_cables, exposure, elsewhere, _together(named, real))


def unnamed_notes(real: RealFabric) -> dict[str, str]:
    """Return what a map says of switches with adapters that bear no host's name: no host is drawn for them."""
    return {
        switch: f"{count:,} adapter{'' if count == 1 else 's'} without a host's name"
        for switch, count in real.wired.unnamed.items()
        if count
    }


def _together(named: DomainFailures | None, real: RealFabric) -> dict[str, int]:
    """Return how many events of a domain stayed within each group of hosts."""
    if named is None:
        return {}
    group_of = {real.fabric.host_names[host]: group.name for group in host_groups(real.fabric) for host in group.hosts}
    counts: Counter[str] = Counter()
    for event in named.events:
        groups = {group_of.get(node) for node in event.nodes}
        within = groups.pop() if len(groups) == 1 else None
        if event.cluster == real.cluster and event.verdict == "domain" and within is not None:
            counts[within] += 1
    return dict(counts)


def _named(named: DomainFailures | None, cluster: str) -> list[dict[str, Any]]:
    """Return the events that are a single switch's; of switches with the same nodes nobody can tell which it was."""
    if named is None:
        return []
    return [
        {"name": event.domain, "failures": 1}
        for event in named.events
        if event.cluster == cluster and event.verdict == "domain" and event.kind in TIERS and not event.same_nodes
    ]
