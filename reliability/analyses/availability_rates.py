"""How often the parts of a fabric fail: as this cluster's log tells, else as papers state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.availability.common_cause import BetaFactor, beta_factor
from models.availability.component_rates import ComponentRate, ComponentRates
from models.availability.errors import TooFewSharedEventsError
from models.availability.published import published_rates
from models.availability.shocks import ShockEstimate, ShockLevel, estimate_shocks, shock_rate_bound
from models.rates import HOURS_PER_DAY
from models.topology.fabric import TIERS
from reliability.analyses.availability_parts import HOURS_PER_YEAR
from reliability.analyses.rates import Rates, rates
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError

if TYPE_CHECKING:
    from reliability.lake import Lake

#: the same question gets the same answer
_SEED: Final = 20_260_108
#: classes whose faults a node's outages count already
_WITHIN_HOST: Final = ("gpu", "nic")
#: kinds of places that are racks, and those that are pods, to a fabric; the first that a log has an event of is taken
_RACKS: Final = ("rack", "chassis", "power", "cooling")
_PODS: Final = ("pod", "row", "room", "storage")


@dataclass(frozen=True, slots=True)
class FabricRates:
    """Rates of a fabric's classes, and shocks.

    ``measured`` are the classes whose rate is the log's own; ``within_host`` those counted among a node's outages;
    ``betas`` the share of nodes' outages that came with others of one place, by the kind of place.
    """

    rates: ComponentRates
    measured: tuple[str, ...]
    within_host: tuple[str, ...]
    shocks: tuple[ShockLevel, ...]
    shock_estimates: tuple[ShockEstimate, ...]
    betas: Mapping[str, BetaFactor]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def fabric_rates(kind: str, lake: Lake | None, repair_hours: Mapping[str, float], confidence: float) -> FabricRates:
    """Return the rates to reckon with: the log's where there is a lake, else published ones.

    Parameters
    ----------
    kind
        Kind of the fabric.
    lake
        Whose node outages, inventoried components and shared outages are taken; None for published rates. Published
        ones are taken of a lake without node states, too: nobody knows then when a node was down.
    repair_hours
        Repair times given for some classes.
    confidence
        Of the intervals of shocks.

    Returns
    -------
    FabricRates
        Every class says where its rate comes from.

    Raises
    ------
    UnknownComponentClassError
        If a repair time is for a class without a rate.
    """
    published = published_rates(kind)
    found = FabricRates(published, (), (), (), (), {}, (), ())
    if lake is not None:
        try:
            nodes = rates(lake, "node", confidence=confidence)
        except NoDataError:
            found = replace(found, warnings=("the lake has no node states: all rates are published ones",))
        else:
            found = _measured(lake, nodes, published, confidence)
    return replace(found, rates=found.rates.with_repair_hours(repair_hours))


def _measured(lake: Lake, nodes: Rates, published: ComponentRates, confidence: float) -> FabricRates:
    failures, exposure = nodes.groups[0].failures, nodes.groups[0].exposure_days * HOURS_PER_DAY
    with closing(DuckDBEngine(lake)) as engine:
        # Several of the marts below read these, and to work them out anew for each is slow.
        engine.keep("node_intervals", "failure_domains")
        outages = engine.ask("outage_hours")[0]
        inventoried = {str(row["component"]) for row in engine.ask("inventoried")}
        events, places = [], engine.ask("place_sizes")
        if places:
            engine.keep("event_members", "shared_incidents")
            events = engine.ask("shared_outages")
    warnings: list[str] = []
    if outages["repaired"]:
        repair, told = float(outages["outage_hours"]) / int(outages["repaired"]), "mean outage of this log"
    else:
        repair, told = published["host"].repair_hours, "no outage was seen to end: " + published["host"].source
        warnings.append("no outage of a node was seen to end: the repair time of hosts is a published one")
    estimates, levels, bounds = _shocks(events, places, repair, confidence)
    shared = sum(int(row["nodes_hurt"]) for row in events)
    alone = max(0, failures - shared)
    source = f"{failures} unplanned outages in {exposure / HOURS_PER_DAY:,.0f} node-days of this log, all causes"
    if shared:
        source += f", less {failures - alone} that came with others of one place"
    host = ComponentRate(
        "host", alone / exposure, repair, f"{source}; repair time: {told}", "measured", alone, exposure
    )
    measured = {"host": host}
    for component, classes in _network_parts(published).items():
        if component in inventoried:
            measured |= _inventoried(lake, component, classes, published, warnings)
    kept = tuple(rate for rate in published.rates if rate.component not in _WITHIN_HOST or rate.component in measured)
    if failures == 0:
        warnings.append("no node failed in this log: a host's rate is taken as 0; its upper limit is in the interval")
    return FabricRates(
        rates=ComponentRates(kept).with_rates(measured),
        measured=tuple(measured),
        within_host=tuple(name for name in _WITHIN_HOST if name in published and name not in measured),
        shocks=levels,
        shock_estimates=estimates,
        betas={estimate.level: _beta(events, estimate.level, failures, confidence) for estimate in estimates},
        notes=bounds,
        warnings=(*warnings, *(warning for estimate in estimates for warning in estimate.warnings)),
    )


def _beta(events: Sequence[dict[str, Any]], kind: str, failures: int, confidence: float) -> BetaFactor:
    """Return the share of nodes' outages that came with others of one place of a kind."""
    taken = np.array([int(event["nodes_hurt"]) for event in events if event["kind"] == kind])
    counts = np.bincount(taken)
    counts[1] = max(0, failures - int(taken.sum()))
    return beta_factor(counts[1:], np.random.default_rng(_SEED), confidence)


def _network_parts(published: ComponentRates) -> dict[str, tuple[str, ...]]:
    """Return which classes of a fabric a kind of inventoried component stands for."""
    return {
        "nic": tuple(name for name in published if name == "nic"),
        "switch": tuple(name for name in published if name in TIERS),
        "link": tuple(name for name in published if name.endswith("-link")),
    }


def _inventoried(
    lake: Lake, component: str, classes: Sequence[str], published: ComponentRates, warnings: list[str]
) -> dict[str, ComponentRate]:
    """Return the log's rate of an inventoried component for the classes it stands for."""
    try:
        found = rates(lake, component)
    except NoDataError:
        return {}
    failures, days = found.groups[0].failures, found.groups[0].exposure_days
    if found.unit != "component":
        return {}
    if not failures:
        warnings.append(
            f"no failure of a {component} in {days:,.0f} {component}-days of this log: published rates are kept for "
            f"{', '.join(classes)}"
        )
        return {}
    hours = days * HOURS_PER_DAY
    return {
        name: ComponentRate(
            name,
            failures / hours,
            published[name].repair_hours,
            f"{failures} failures in {days:,.0f} {component}-days of this log; repair time as published",
            "measured",
            failures,
            hours,
        )
        for name in classes
    }


def _shocks(
    events: Sequence[dict[str, Any]], places: Sequence[dict[str, Any]], outage_hours: float, confidence: float
) -> tuple[tuple[ShockEstimate, ...], tuple[ShockLevel, ...], tuple[str, ...]]:
    """Estimate the shocks of racks and of pods from the events that took nodes of one place."""
    estimates: list[ShockEstimate] = []
    levels: list[ShockLevel] = []
    notes: list[str] = []
    for level, kinds in (("rack", _RACKS), ("pod", _PODS)):
        watched = {kind: [place for place in places if place["kind"] == kind] for kind in kinds}
        for kind in (kind for kind in kinds if watched[kind]):
            of_kind = [event for event in events if event["kind"] == kind]
            sizes = [int(place["nodes"]) for place in watched[kind]]
            hours = float(sum(place["observed_hours"] for place in watched[kind]))
            try:
                found = estimate_shocks(
                    kind,
                    [int(event["nodes_hurt"]) for event in of_kind],
                    [int(event["nodes_in_domain"]) for event in of_kind],
                    hours,
                    sizes,
                    confidence,
                )
            except TooFewSharedEventsError:
                bound = shock_rate_bound(hours, confidence) * HOURS_PER_YEAR
                notes.append(f"no outage took two nodes of one {kind}: at most {bound:.3g} a {kind}-year")
                continue
            estimates.append(found)
            if found.is_told_apart and all(shock.level != level for shock in levels):
                levels.append(
                    ShockLevel(
                        level, found.shocks_per_hour, outage_hours, found.share_taken, round(float(np.mean(sizes)))
                    )
                )
    return tuple(estimates), tuple(levels), tuple(notes)
