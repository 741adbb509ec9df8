"""The state of a fabric as parts go down and come back, kept up to date part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.availability.component_rates import ComponentRate
from models.availability.nested import IntArray
from models.availability.redundancy import level_domains, shared_ways, switch_rates
from models.availability.shocks import ShockLevel
from models.availability.sparse_draws import Incidence, incidence
from models.availability.system import FabricSystem

#: what a part takes with it
Takes = Literal["hosts", "network", "switches", "ways", "cables"]


@dataclass(frozen=True, slots=True, eq=False)
class PartClass:
    """Equal parts, and what each takes with it.

    Parameters
    ----------
    failures_per_hour, repair_hours : float
        Of each part.
    takes : str
        ``hosts`` (of themselves), ``network`` (a host's adapter), ``switches``, ``ways``, or ``cables`` between
        switches.
    reach : Incidence
        Numbers of what each part takes.
    share_taken : float
        Probability that it takes each; below 1 for shocks.
    overlaps : bool
        Whether it can strike again while it lasts.
    """

    failures_per_hour: float
    repair_hours: float
    takes: Takes
    reach: Incidence
    share_taken: float = 1.0
    overlaps: bool = False

    @property
    def count(self) -> int:
        """How many parts."""
        return self.reach.starts.size - 1

    def taken(self, number: int, rng: np.random.Generator) -> tuple[int, ...]:
        """Return what a failure of a part takes."""
        reach = self.reach.items[self.reach.starts[number] : self.reach.starts[number + 1]]
        if self.share_taken < 1.0:
            reach = reach[rng.random(reach.size) < self.share_taken]
        return tuple(reach.tolist())


class Plant:
    """A fabric and what is down in it.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    placed : int
        The first so many hosts are the job's and its spares.

    Attributes
    ----------
    without_network : int
        Hosts that have lost the network.
    placed_down : int
        The job's hosts and spares that are down for any reason.
    """

    def __init__(self, system: FabricSystem, placed: int) -> None:
        wiring = system.wiring
        self._placed = placed
        self._host_of_unit = system.unit_host.tolist()
        self._unit_of_way = system.way_unit.tolist()
        self._ways_left = np.bincount(system.way_unit, minlength=system.unit_host.size).tolist()
        self._cables_left = system.links_up.tolist()
        self._way_faults = [0] * system.way_unit.size
        self._switch_faults = [0] * wiring.switches
        self._host_faults = [0] * system.hosts
        self._network_faults = [0] * system.hosts
        to_switch = np.flatnonzero(system.way_switch >= 0)
        self._ways_of_switch = incidence(system.way_switch[to_switch], to_switch, wiring.switches)
        self._hangs_below, self._hanging = _hanging(system)
        self._cable_faults = [0] * (len(wiring.trunks) + len(wiring.switch_peers))
        self._changes: dict[Takes, Callable[[int, int], None]] = {
            "hosts": self._host,
            "network": self._network,
            "switches": self._switch,
            "ways": self._way,
            "cables": self._cable,
        }
        self.without_network = 0
        self.placed_down = 0

    def change(self, takes: Takes, numbers: Sequence[int], by: int) -> None:
        """Let a part go down (``by=1``) or come back (``by=-1``) with what it takes."""
        for number in numbers:
            self._changes[takes](number, by)

    def _host(self, host: int, by: int) -> None:
        before = self._host_faults[host]
        self._host_faults[host] += by
        if host < self._placed and (before == 0 or self._host_faults[host] == 0):
            self.placed_down += by

    def _network(self, host: int, by: int) -> None:
        before = self._network_faults[host]
        self._network_faults[host] += by
        if before == 0 or self._network_faults[host] == 0:
            self.without_network += by
            self._host(host, by)

    def _way(self, way: int, by: int) -> None:
        before = self._way_faults[way]
        self._way_faults[way] += by
        if before == 0 or self._way_faults[way] == 0:
            unit = self._unit_of_way[way]
            self._ways_left[unit] -= by
            # The last way lost, or the first one back.
            if self._ways_left[unit] == (0 if by > 0 else 1):
                self._network(self._host_of_unit[unit], by)

    def _switch(self, switch: int, by: int) -> None:
        before = self._switch_faults[switch]
        self._switch_faults[switch] += by
        if before == 0 or self._switch_faults[switch] == 0:
            for way in _held(self._ways_of_switch, switch):
                self._way(way, by)
            for cable in _held(self._hangs_below, switch):
                self._cable(cable, by)

    def _cable(self, cable: int, by: int) -> None:
        before = self._cable_faults[cable]
        self._cable_faults[cable] += by
        if before == 0 or self._cable_faults[cable] == 0:
            for switch in self._hanging[cable]:
                self._cables_left[switch] -= by
                if self._cables_left[switch] == (0 if by > 0 else 1):
                    self._switch(switch, by)


def _held(over: Incidence, number: int) -> list[int]:
    found: list[int] = over.items[over.starts[number] : over.starts[number + 1]].tolist()
    return found


def _hanging(system: FabricSystem) -> tuple[Incidence, list[tuple[int, ...]]]:
    """Return the cables between tiers that hang below each switch, and for each cable the switches that need it.

    Between tiers the lower switch needs it; between equals, where there is no tier above, both ends do, and a lost end
    is not followed: its neighbours have others.
    """
    wiring = system.wiring
    trunks = len(wiring.trunks)
    up = np.bincount(wiring.trunks.lower, minlength=wiring.switches)
    needing: list[tuple[int, ...]] = [(switch,) for switch in wiring.trunks.lower.tolist()]
    ends = zip(wiring.switch_peers.lower.tolist(), wiring.switch_peers.upper.tolist(), strict=True)
    needing += [tuple(end for end in pair if up[end] == 0) for pair in ends]
    return incidence(wiring.trunks.upper, np.arange(trunks), wiring.switches), needing


def part_classes(
    system: FabricSystem,
    rates: Mapping[str, ComponentRate],
    *,
    beta: float = 0.0,
    shocks: Sequence[ShockLevel] = (),
) -> tuple[PartClass, ...]:
    """Return all parts of a fabric that fail, by class, and what each takes with it.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    rates : mapping
        Rate and repair time by class; classes without are left out.
    beta : float
        Share of the failures of switches that take all switches of the same adapters at once.
    shocks : sequence of ShockLevel
        Shared outages of hosts.

    Returns
    -------
    tuple of PartClass
        Hosts' own parts, adapters, cables, switches, cables between switches, shocks.
    """
    wiring, hosts = system.wiring, np.arange(system.hosts)
    adapters = np.unique(wiring.access.lower)
    inside = np.flatnonzero(system.scale_up_domain >= 0)
    ways = np.arange(system.way_unit.size)
    along = incidence(system.way_cable, ways, len(wiring.access) + len(wiring.chip_peers))
    access = len(wiring.access)
    found: list[tuple[str, Takes, Incidence]] = [
        ("host", "hosts", _each(hosts)),
        ("gpu", "hosts", _each(wiring.gpu_host)),
        ("nvlink", "hosts", _each(wiring.gpu_host[wiring.scale_up.lower])),
        (
            "nvswitch",
            "hosts",
            incidence(system.scale_up_domain[inside], inside, system.counts.get("nvswitch", 0)),
        ),
        ("nic", "network", _each(wiring.gpu_host[adapters] if system.has_adapters else adapters[:0])),
        (system.access_class, "ways", Incidence(along.starts[: access + 1], along.items)),
        ("mesh-link", "ways", Incidence(along.starts[access:], along.items)),
    ]
    trunks = len(wiring.trunks)
    for number, name in enumerate(system.trunk_classes):
        found.append((name, "cables", _each(np.flatnonzero(system.trunk_class == number))))
    for number, name in enumerate(system.peer_classes):
        found.append((name, "cables", _each(trunks + np.flatnonzero(system.peer_class == number))))
    classes = [
        PartClass(rates[name].failures_per_hour, rates[name].repair_hours, takes, reach)
        for name, takes, reach in found
        if name in rates and reach.starts.size > 1
    ]
    classes += _switch_classes(system, rates, beta)
    for shock in shocks:
        domain = level_domains(system, shock)
        reach = incidence(domain, hosts, int(domain.max()) + 1)
        classes.append(
            PartClass(shock.shocks_per_hour, shock.outage_hours, "hosts", reach, shock.share_taken, overlaps=True)
        )
    return tuple(part for part in classes if part.failures_per_hour > 0 and part.repair_hours > 0)


def _switch_classes(system: FabricSystem, rates: Mapping[str, ComponentRate], beta: float) -> list[PartClass]:
    shared = shared_ways(system)
    redundant = np.isin(np.arange(system.wiring.switches), shared.switch)
    found = []
    for tier, switches in switch_rates(system, rates):
        rate = rates[tier]
        together = redundant[switches]
        for members, share in ((switches[~together], 1.0), (switches[together], 1.0 - beta)):
            found.append(PartClass(share * rate.failures_per_hour, rate.repair_hours, "switches", _each(members)))
        within = np.isin(shared.switch, switches)
        _, number = np.unique(shared.number[within], return_inverse=True)
        sets = incidence(number, shared.switch[within], int(number.max(initial=-1)) + 1)
        found.append(PartClass(beta * rate.failures_per_hour, rate.repair_hours, "switches", sets))
    return [part for part in found if part.count]


def _each(numbers: IntArray) -> Incidence:
    """Return parts that take one thing each."""
    return Incidence(np.arange(numbers.size + 1), numbers)
