"""Which switches and hosts a set of faults cuts off, by searching the graph of what is left."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from models.availability.nested import IntArray
from models.availability.sparse_draws import Cells, Incidence, cells_from, counted, incidence, union
from models.availability.system import FabricSystem


def cut_off_switches(system: FabricSystem, switches: Cells, trunks: Cells, peers: Cells) -> tuple[Cells, int]:
    """Return the working switches that do not reach the rest of their network, and how many replicas were searched.

    Searched are replicas in which a switch has lost at least half of its cables upwards (or to its equals): with fewer
    lost, any two switches of a stage that is fully joined to the next still have one above in common.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    switches, trunks, peers : Cells
        Switches down, cables between tiers and between equals down, by replica.

    Returns
    -------
    Cells, int
        Switches cut off; replicas searched.
    """
    lost = _cables_lost(system, switches, trunks, peers)
    if not lost.number.size:
        return Cells(*_nothing(), system.wiring.switches), 0
    chosen = _worth_a_search(system, switches, lost)
    found_replica, found_switch = [], []
    for replica in chosen.tolist():
        down = np.zeros(system.wiring.switches, dtype=bool)
        down[switches.number[switches.replica == replica]] = True
        broken = np.zeros(lost.width, dtype=bool)
        broken[lost.number[lost.replica == replica]] = True
        cut = search_switches(system, down, broken)
        found_switch.append(cut)
        found_replica.append(np.full(cut.size, replica))
    if not found_switch:
        return Cells(*_nothing(), system.wiring.switches), 0
    cells = cells_from(np.concatenate(found_replica), np.concatenate(found_switch), system.wiring.switches)
    return cells, chosen.size


def _worth_a_search(system: FabricSystem, switches: Cells, lost: Cells) -> IntArray:
    """Return the replicas in which a working switch has lost half of its cables upwards, or to its equals."""
    ends, trunks = _switch_ends(system), len(system.wiring.trunks)
    has_trunks = np.bincount(ends[:trunks, 0], minlength=system.wiring.switches) > 0
    chosen = []
    for end in (0, 1):
        # Upwards counts the lower end of a cable between tiers; between equals both ends count.
        counts = (np.arange(len(ends)) >= trunks) & ~has_trunks[ends[:, end]]
        if end == 0:
            counts |= np.arange(len(ends)) < trunks
        of_end = counts[lost.number]
        if not of_end.any():
            continue
        these = Cells(lost.replica[of_end], lost.number[of_end], lost.width)
        replicas, switch, count = counted(these, ends[:, end], system.wiring.switches)
        # A cable between equals has its lower and its upper end at different switches: a quarter from either side.
        enough = np.where(has_trunks[switch], 2, 4) * count >= system.links_up[switch]
        alive = ~np.isin(replicas * system.wiring.switches + switch, switches.keys())
        chosen.append(replicas[enough & alive])
    return np.unique(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)


def search_switches(system: FabricSystem, down: np.ndarray, broken: np.ndarray) -> IntArray:
    """Return the working switches outside the part of their network that serves most cables to adapters.

    Parameters
    ----------
    system : FabricSystem
        The fabric.
    down : array of bool, shape (switches,)
        Switches down.
    broken : array of bool, shape (trunks + peers,)
        Cables between switches down.

    Returns
    -------
    array of int
        Numbers of switches.
    """
    ends = _switch_ends(system)
    kept = ~broken & ~down[ends[:, 0]] & ~down[ends[:, 1]]
    part = _components(system.wiring.switches, ends[kept])
    serving = np.where(down, 0, _ways_of_switches(system))
    weight = np.bincount(part, serving)
    network = whole_networks(system)
    # Of each network the heaviest part; a network is told by the number of its first switch.
    main = np.zeros(network.max() + 1, dtype=np.int64)
    order = np.lexsort((weight[part], network))
    main[network[order]] = part[order]
    return np.flatnonzero(~down & (part != main[network]) & (system.wiring.switch_tier > 0))


def whole_networks(system: FabricSystem) -> IntArray:
    """Return for each switch the number of the network it belongs to when nothing is broken; shape (switches,)."""
    return _components(system.wiring.switches, _switch_ends(system))


def cut_off_hosts(system: FabricSystem, ways: Cells) -> tuple[Cells, int]:
    """Return hosts, in fabrics whose chips forward for each other, that do not reach most others.

    Searched are replicas in which a host has lost at least half of its ways.
    """
    unit_ways = np.bincount(system.way_unit, minlength=system.hosts)
    replicas, unit, count = counted(ways, system.way_unit, system.hosts)
    chosen = np.unique(replicas[2 * count >= unit_ways[unit]])
    found_replica, found_host = [], []
    for replica in chosen.tolist():
        lost = np.zeros(system.way_unit.size, dtype=bool)
        lost[ways.number[ways.replica == replica]] = True
        cut = search_hosts(system, lost)
        found_host.append(cut)
        found_replica.append(np.full(cut.size, replica))
    if not found_host:
        return Cells(*_nothing(), system.hosts), 0
    return cells_from(np.concatenate(found_replica), np.concatenate(found_host), system.hosts), chosen.size


def search_hosts(system: FabricSystem, lost: np.ndarray) -> IntArray:
    """Return the hosts outside the largest set of hosts that reach each other when these ways are lost."""
    hosts = system.hosts
    direct = system.way_switch < 0
    alive = ~lost
    over_switch = alive & ~direct
    to_switch = np.stack([system.way_unit[over_switch], hosts + system.way_switch[over_switch]], axis=1)
    pairs = np.flatnonzero(direct)
    # A cable between hosts is two ways, the first half from its one end, the second from the other.
    one, other = pairs[: pairs.size // 2], pairs[pairs.size // 2 :]
    both = alive[one] & alive[other]
    straight = np.stack([system.way_unit[one[both]], system.way_unit[other[both]]], axis=1)
    part = _components(hosts + system.wiring.switches, np.concatenate([to_switch, straight]))[:hosts]
    return np.flatnonzero(part != np.bincount(part).argmax())


def _cables_lost(system: FabricSystem, switches: Cells, trunks: Cells, peers: Cells) -> Cells:
    """Return cables between switches that are down or have an end that is; peers are numbered after trunks."""
    ends = _switch_ends(system)
    width = len(ends)
    shifted = Cells(peers.replica, peers.number + trunks.width, width)
    own = union(Cells(trunks.replica, trunks.number, width), shifted)
    if not switches.number.size or not width:
        return own
    return union(own, switches.spread(_cables_of_switches(system), width))


def _switch_ends(system: FabricSystem) -> IntArray:
    wiring = system.wiring
    lower = np.concatenate([wiring.trunks.lower, wiring.switch_peers.lower])
    return np.stack([lower, np.concatenate([wiring.trunks.upper, wiring.switch_peers.upper])], axis=1)


def _nothing() -> tuple[IntArray, IntArray]:
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)


def _components(size: int, ends: IntArray) -> IntArray:
    matrix = sparse.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    return np.asarray(csgraph.connected_components(matrix, directed=False)[1], dtype=np.int64)


def _cables_of_switches(system: FabricSystem) -> Incidence:
    """Return the cables between switches at each switch, from either end."""
    ends = _switch_ends(system)
    cable = np.arange(len(ends))
    return incidence(ends.T.ravel(), np.concatenate([cable, cable]), system.wiring.switches)


def _ways_of_switches(system: FabricSystem) -> IntArray:
    return np.bincount(system.way_switch[system.way_switch >= 0], minlength=system.wiring.switches)
