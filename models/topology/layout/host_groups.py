"""Which hosts share their first switches: the segments, pods or racks that the wiring itself shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from models.topology.fabric import TIERS, Adapter, Fabric, Switch
from models.topology.layout.drawing import common

#: switches that share at least this share of the hosts of the smaller one are of one group
_SHARED = 0.5
#: tiers that do not group hosts
_SKIPPED = ("nvswitch", "ocs")


@dataclass(frozen=True, slots=True)
class HostGroup:
    """Hosts below the same first switches.

    Parameters
    ----------
    name : str
        What its switches, or else its hosts, have in common in their names; unique in the fabric.
    pod : int or None
        Pod of its switches.
    switches : tuple of Switch
        By rail, plane and name; empty for hosts without a network.
    hosts : tuple of int
        Ascending.
    """

    name: str
    pod: int | None
    switches: tuple[Switch, ...]
    hosts: tuple[int, ...]


def host_groups(fabric: Fabric) -> tuple[HostGroup, ...]:
    """Group the hosts of a fabric by the switches that they are attached to.

    Two first switches belong together if they share at least half of the hosts of the smaller one: a host that is
    wired to a wrong pod does not make one of two. A host belongs where most of its cables go.

    Parameters
    ----------
    fabric : Fabric
        Any fabric with switches above its hosts.

    Returns
    -------
    tuple of HostGroup
        In the order of their switches; hosts without a network come last.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> [(group.name, len(group.switches), len(group.hosts)) for group in host_groups(hpn(hosts=200, gpus_per_host=8))]
    [('pod0-segment0', 16, 128), ('pod0-segment1', 16, 72)]
    """
    links = [
        (link.parent, link.child.host)
        for link in fabric.links
        if isinstance(link.child, Adapter) and link.tier not in _SKIPPED
    ]
    tier_of = {switch.name: TIERS.index(switch.tier) for switch in fabric.switches}
    lowest = min((tier_of[parent] for parent, _ in links), default=0)
    first = [switch for switch in fabric.switches if tier_of[switch.name] == lowest and switch.tier not in _SKIPPED]
    position = {switch.name: number for number, switch in enumerate(first)}
    pairs = np.array([(position[parent], host) for parent, host in links if parent in position], int).reshape(-1, 2)
    cables = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (len(first), fabric.hosts)).tocsr()
    group_of_switch = _joined(cables)
    group_of_host = _homes(cables, group_of_switch)
    groups = range(group_of_switch.max(initial=-1) + 1)
    switches = [
        tuple(sorted((first[number] for number in np.flatnonzero(group_of_switch == group)), key=_order))
        for group in groups
    ]
    hosts = [tuple(np.flatnonzero(group_of_host == group).tolist()) for group in groups]
    names = _names(fabric, switches, hosts)
    found = [
        HostGroup(name, common([switch.pod for switch in own]), own, below)
        for name, own, below in zip(names, switches, hosts, strict=True)
    ]
    alone = tuple(np.flatnonzero(group_of_host < 0).tolist())
    return (*found, *((HostGroup("no network", None, (), alone),) if alone else ()))


def _joined(cables: csr_array) -> np.ndarray:
    """Return the group of each first switch, numbered by first appearance."""
    reached = (cables > 0).astype(float)
    shared = coo_array(reached @ reached.T)
    sizes = np.asarray(reached.sum(axis=1)).ravel()
    enough = shared.data >= _SHARED * np.minimum(sizes[shared.row], sizes[shared.col])
    together = coo_array((shared.data[enough], (shared.row[enough], shared.col[enough])), shared.shape)
    _, labels = connected_components(together, directed=False)
    _, first_seen, numbered = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first_seen), int)
    rank[np.argsort(first_seen)] = np.arange(len(first_seen))
    return rank[numbered]


def _homes(cables: csr_array, group_of_switch: np.ndarray) -> np.ndarray:
    """Return the group of each host, -1 where it has no network."""
    switches, hosts = cables.shape
    groups = int(group_of_switch.max(initial=-1)) + 1
    if groups == 0:
        return np.full(hosts, -1)
    member = coo_array((np.ones(switches), (group_of_switch, np.arange(switches))), (groups, switches))
    by_group = (member.tocsr() @ cables).tocsc()
    home = np.full(hosts, -1)
    for host in np.flatnonzero(np.diff(by_group.indptr)):
        column = slice(by_group.indptr[host], by_group.indptr[host + 1])
        home[host] = by_group.indices[column][np.argmax(by_group.data[column])]
    return home


def _order(switch: Switch) -> tuple[int, int, str]:
    return (
        -1 if switch.rail is None else switch.rail,
        -1 if switch.plane is None else switch.plane,
        switch.name,
    )


def _names(fabric: Fabric, switches: Sequence[Sequence[Switch]], hosts: Sequence[Sequence[int]]) -> list[str]:
    """Return what tells the groups apart: what their hosts or their switches are called, or else numbers."""
    of_switches = [_in_common([switch.name for switch in own]) for own in switches]
    of_hosts = [_of_most([fabric.host_names[host] for host in below]) for below in hosts] if fabric.host_names else []
    for names in (of_hosts, of_switches):
        if names and all(names) and len(set(names)) == len(names):
            return names
    return [f"group {number}" for number in range(len(switches))]


def _in_common(names: list[str]) -> str:
    """Return the words that all names begin with; of one name all of them.

    >>> _in_common(["pod0-rail0-plane0", "pod0-rail0-plane1", "pod0-rail1-plane0"]), _in_common(["pod0-rack3"])
    ('pod0', 'pod0-rack3')
    """
    words = [name.split("-") for name in names]
    same = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    return "-".join(column[0] for column in same) or names[0]


def _of_most(names: list[str]) -> str:
    """Return what most hosts are called but for their last word, empty if no name is that of most.

    >>> _of_most(["a05-dgx-01-c01", "a05-dgx-01-c02", "ufm"]), _of_most(["n1", "n2"])
    ('a05-dgx-01', '')
    """
    stems = Counter(name.rpartition("-")[0] for name in names)
    name, count = stems.most_common(1)[0] if stems else ("", 0)
    return name if 2 * count > len(names) else ""
