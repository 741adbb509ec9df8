"""Availability of a fabric, a group of hosts and a placed job by drawing which parts are down at a moment.

A moment of the long run: every part is down with its own unavailability, shocks in force are Poisson. Only what is down
is drawn and followed: from switches to the cables and adapters below them, from there to hosts. Where a switch has lost
half of its cables upwards, which counting cannot judge, the graph of that replica is searched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.availability.component_rates import ComponentRate
from models.availability.exact import checked_probability
from models.availability.nested import IntArray
from models.availability.reachability import cut_off_hosts, cut_off_switches
from models.availability.redundancy import (
    checked_placement,
    level_domains,
    plane_rails,
    shared_ways,
    split_by_beta,
    switch_rates,
    unavailabilities,
)
from models.availability.shocks import ShockLevel
from models.availability.sparse_draws import Cells, cells_from, counted, drawn_down, incidence, union
from models.availability.system import FabricSystem
from models.guards import checked_count, checked_positive
from models.rates import ShareEstimate, binomial_share


@dataclass(frozen=True, slots=True)
class SimulatedAvailability:
    """Shares of replicas in which all is well, each with its exact binomial interval.

    Parameters
    ----------
    fabric : ShareEstimate
        No host has lost the network.
    same_plane : ShareEstimate
        Nor have two adapters of a rail only ways into networks that never meet (HPN's two planes).
    group, pod : ShareEstimate
        No host of the first group, or pod, has lost the network.
    job : ShareEstimate
        At least so many of the job's hosts and spares work, hosts' own faults and shocks included.
    hosts_down, hosts_down_error : float
        Mean number of hosts down at a moment, and its standard error.
    searched : int
        Replicas whose graph was searched.
    """

    fabric: ShareEstimate
    same_plane: ShareEstimate
    group: ShareEstimate
    pod: ShareEstimate
    job: ShareEstimate
    hosts_down: float
    hosts_down_error: float
    searched: int


@dataclass(frozen=True, slots=True, eq=False)
class PartsDown:
    """What is down in which replica.

    Parameters
    ----------
    switches : Cells
        Switches of the network.
    cables : Cells
        Cables from GPUs to switches; numbered after them, cables between chips.
    trunks, peers : Cells
        Cables between tiers of switches, and between equals.
    nics : Cells
        GPUs whose adapter is down.
    hosts : Cells
        Hosts down of themselves.
    """

    switches: Cells
    cables: Cells
    trunks: Cells
    peers: Cells
    nics: Cells
    hosts: Cells


@dataclass(frozen=True, slots=True, eq=False)
class HostsDown:
    """Which hosts are down in which replica.

    Parameters
    ----------
    by_network, by_any : Cells
        Hosts without network; hosts down for any reason.
    planes_apart : array of int
        Replicas in which two adapters of a rail have no network in common.
    searched : int
        Replicas whose graph was searched.
    """

    by_network: Cells
    by_any: Cells
    planes_apart: IntArray
    searched: int


def simulated_availability(
    system: FabricSystem,
    rates: Mapping[str, ComponentRate],
    job_hosts: int,
    spare_hosts: int,
    replicas: int,
    rng: np.random.Generator,
    *,
    beta: float = 0.0,
    shocks: Sequence[ShockLevel] = (),
    confidence: float = 0.9,
) -> SimulatedAvailability:
    """Draw moments of the long run and count those in which all is well.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    rates : mapping
        Rate and repair time by class; a class without one never fails.
    job_hosts, spare_hosts : int
        The job is placed on the first hosts of the fabric, its spares on the next.
    replicas : int
        How many moments.
    rng : numpy.random.Generator
        Source of randomness.
    beta : float
        Share of the failures of switches that take all switches of the same adapters at once.
    shocks : sequence of ShockLevel
        Shared outages of hosts.
    confidence : float
        Of the intervals.

    Returns
    -------
    SimulatedAvailability
        Shares with exact intervals; none down in any replica still leaves a lower limit below 1.

    Raises
    ------
    JobDoesNotFitError
        There are fewer hosts.
    NotAProbabilityError, NotPositiveError, NotACountError
        A number cannot be.

    Examples
    --------
    >>> from models.availability.published import published_rates
    >>> from models.availability.system import fabric_system
    >>> from models.topology.builders.hpn import hpn
    >>> segment = fabric_system(hpn(hosts=128, gpus_per_host=8))
    >>> found = simulated_availability(segment, published_rates("hpn"), 120, 8, 2000, np.random.default_rng(7))
    >>> found.job.low > 0.99, found.fabric.k > 1980
    (True, True)
    """
    several = checked_count("replicas", checked_positive("replicas", replicas))
    placed = checked_placement(system, job_hosts, spare_hosts)
    found = hosts_down(system, rates, several, rng, beta=beta, shocks=shocks)
    per_replica = np.bincount(found.by_any.replica, minlength=several)

    def well(bad: IntArray) -> ShareEstimate:
        return binomial_share(several - np.unique(bad).size, several, confidence)

    of_group = found.by_network.replica[system.group[found.by_network.number] == 0]
    of_pod = found.by_network.replica[system.pod[found.by_network.number] == 0]
    of_job = np.bincount(found.by_any.replica[found.by_any.number < placed], minlength=several)
    return SimulatedAvailability(
        fabric=well(found.by_network.replica),
        same_plane=well(np.concatenate([found.by_network.replica, found.planes_apart])),
        group=well(of_group),
        pod=well(of_pod),
        job=well(np.flatnonzero(of_job > spare_hosts)),
        hosts_down=float(per_replica.mean()),
        hosts_down_error=float(per_replica.std() / np.sqrt(several)),
        searched=found.searched,
    )


def hosts_down(
    system: FabricSystem,
    rates: Mapping[str, ComponentRate],
    replicas: int,
    rng: np.random.Generator,
    *,
    beta: float = 0.0,
    shocks: Sequence[ShockLevel] = (),
) -> HostsDown:
    """Draw which hosts are down at moments of the long run; parameters as for `simulated_availability`."""
    down = unavailabilities(system, rates)
    common = checked_probability("beta", beta)

    def draw(count: int, probability: float) -> Cells:
        return drawn_down(replicas, count, probability, rng)

    adapters = np.unique(system.wiring.access.lower) if system.has_adapters else np.zeros(0, dtype=np.int64)
    own = [*_own_faults(system, down, draw), *(_shocked(system, shock, replicas, rng) for shock in shocks)]
    parts = PartsDown(
        switches=_switches_down(system, rates, down, common, draw),
        cables=_cables_down(system, down, draw),
        trunks=_classed(draw, system.trunk_class, system.trunk_classes, down),
        peers=_classed(draw, system.peer_class, system.peer_classes, down),
        nics=draw(adapters.size, down["nic"]).mapped(adapters, system.wiring.gpus),
        hosts=union(*own),
    )
    return hosts_without(system, parts)


def hosts_without(system: FabricSystem, parts: PartsDown) -> HostsDown:
    """Return the hosts that parts take down with them.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    parts : PartsDown
        What is down, by replica.

    Returns
    -------
    HostsDown
        Hosts without network, and hosts down for any reason.
    """
    cut, searched = cut_off_switches(system, parts.switches, parts.trunks, parts.peers)
    ways = _ways_lost(system, union(parts.switches, cut), parts.cables)
    network = _units_lost(system, ways)
    if not system.has_adapters:
        hosts, more = cut_off_hosts(system, ways)
        network, searched = union(network, hosts), searched + more
    by_network = union(
        network.mapped(system.unit_host, system.hosts), parts.nics.mapped(system.wiring.gpu_host, system.hosts)
    )
    return HostsDown(by_network, union(by_network, parts.hosts), _planes_apart(system, ways), searched)


Draw = Callable[[int, float], Cells]


def _switches_down(
    system: FabricSystem, rates: Mapping[str, ComponentRate], down: Mapping[str, float], beta: float, draw: Draw
) -> Cells:
    """Draw the network switches down: of themselves, and with all others of the same adapters."""
    width = system.wiring.switches
    shared = shared_ways(system)
    redundant = np.zeros(width, dtype=bool)
    redundant[shared.switch] = True
    parts = [draw(width, 0.0)]
    for tier, switches in switch_rates(system, rates):
        alone = switches[~redundant[switches]] if beta else switches
        parts.append(draw(alone.size, down[tier]).mapped(alone, width))
        if beta and alone.size < switches.size:
            own, common = split_by_beta(rates[tier], beta)
            together = switches[redundant[switches]]
            parts.append(draw(together.size, own).mapped(together, width))
            members = np.isin(shared.switch, together)
            of_sets = incidence(shared.number[members], shared.switch[members], shared.sets)
            sets = np.unique(shared.number[members])
            parts.append(draw(sets.size, common).mapped(sets, shared.sets).spread(of_sets, width))
    return union(*parts)


def _cables_down(system: FabricSystem, down: Mapping[str, float], draw: Draw) -> Cells:
    """Draw the cables of units that are down: to switches, and behind them those between chips."""
    access, peers = len(system.wiring.access), len(system.wiring.chip_peers)
    width = access + peers
    to_switches = draw(access, down[system.access_class]) if access else draw(width, 0.0)
    between = draw(peers, down.get("mesh-link", 0.0))
    return union(
        Cells(to_switches.replica, to_switches.number, width), Cells(between.replica, between.number + access, width)
    )


def _classed(draw: Draw, of: IntArray, names: tuple[str, ...], down: Mapping[str, float]) -> Cells:
    """Draw the cables down where they are of several classes."""
    parts = [draw(of.size, 0.0)]
    for number, name in enumerate(names):
        cables = np.flatnonzero(of == number)
        parts.append(draw(cables.size, down[name]).mapped(cables, of.size))
    return union(*parts)


def _ways_lost(system: FabricSystem, switches: Cells, cables: Cells) -> Cells:
    """Return the ways that lead nowhere: the cable is down, or the switch, or it is cut off."""
    ways = np.arange(system.way_unit.size)
    to_switch = np.flatnonzero(system.way_switch >= 0)
    over = incidence(system.way_switch[to_switch], to_switch, system.wiring.switches)
    along = incidence(system.way_cable, ways, cables.width)
    return union(switches.spread(over, ways.size), cables.spread(along, ways.size))


def _units_lost(system: FabricSystem, ways: Cells) -> Cells:
    """Return the units without any way."""
    replica, unit, lost = counted(ways, system.way_unit, system.unit_host.size)
    has = np.bincount(system.way_unit, minlength=system.unit_host.size)
    none = lost == has[unit]
    return Cells(replica[none], unit[none], system.unit_host.size)


def _planes_apart(system: FabricSystem, ways: Cells) -> IntArray:
    """Return the replicas in which of some rail one adapter has lost its one network and another the other."""
    rails = plane_rails(system)
    if rails is None:
        return np.zeros(0, dtype=np.int64)
    touched, side = rails
    kept = touched[ways.number] >= 0
    key = ways.replica[kept] * (touched.max() + 1) + touched[ways.number[kept]]
    sides = np.unique(np.stack([key, side[ways.number[kept]]], axis=1), axis=0)
    both, count = np.unique(sides[:, 0], return_counts=True)
    return np.unique(both[count > 1] // (touched.max() + 1))


def _own_faults(system: FabricSystem, down: Mapping[str, float], draw: Draw) -> list[Cells]:
    """Draw the hosts down of themselves: hosts, GPUs, NVLinks, NVSwitches."""
    hosts, gpus = system.hosts, system.wiring.gpu_host
    found = [draw(hosts, down["host"]), draw(gpus.size, down["gpu"]).mapped(gpus, hosts)]
    if "nvlink" in system.counts:
        found.append(draw(system.counts["nvlink"], down["nvlink"]).mapped(gpus[system.wiring.scale_up.lower], hosts))
    if "nvswitch" in system.counts:
        inside = np.flatnonzero(system.scale_up_domain >= 0)
        of_domain = incidence(system.scale_up_domain[inside], inside, system.counts["nvswitch"])
        found.append(draw(system.counts["nvswitch"], down["nvswitch"]).spread(of_domain, hosts))
    return found


def _shocked(system: FabricSystem, shock: ShockLevel, replicas: int, rng: np.random.Generator) -> Cells:
    """Draw the hosts that shocks in force have taken."""
    domain = level_domains(system, shock)
    domains = int(domain.max()) + 1
    in_force = int(rng.poisson(replicas * domains * shock.load))
    replica = rng.integers(replicas, size=in_force)
    place = incidence(domain, np.arange(system.hosts), domains)
    hit = rng.integers(domains, size=in_force)
    size = place.starts[hit + 1] - place.starts[hit]
    first = np.repeat(place.starts[hit] - np.concatenate([[0], np.cumsum(size)[:-1]]), size)
    host = place.items[first + np.arange(size.sum())]
    taken = rng.random(host.size) < shock.share_taken
    return cells_from(np.repeat(replica, size)[taken], host[taken], system.hosts)
