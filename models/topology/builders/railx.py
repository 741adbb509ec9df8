"""RailX: hosts on a grid, each row and column joined by rings through optical circuit switches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import isqrt

import numpy as np
import numpy.typing as npt

from models.topology.builders.cabling import Cabling, check_sizes, numbered
from models.topology.builders.rings import rail_successors
from models.topology.errors import NoRingsError, NotOnTheRingError, RadixTooSmallError
from models.topology.fabric import Adapter, Circuit, Fabric, Link

#: the first of the two sides that a row or column leaves a host at: west before east, north before south
_WEST, _NORTH = 0, 2


def railx(
    hosts: int,
    gpus_per_host: int,
    *,
    ocs_ports: int | None = None,
    links_per_side: int = 1,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a RailX network: a flat layer of optical circuit switches (OCS) between hosts on a grid.

    The chips of a host are a mesh of a × b, as square as their number allows, joined directly. Each of its a rows of
    chips is a rail of the host's grid row: its west and its east end go to the OCS of that row and rail, which closes a
    ring over the hosts of the row. In the same way its b columns of chips are the rails of the grid column. The rails
    of a row or column close different Hamiltonian rings (`rail_successors`). The grid is as square as the number of
    hosts allows; its last row may be partial.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Hosts and chips in each.
    ocs_ports : int, optional
        Ports of an OCS, two per host of the row; by default as many as the grid needs (128 are the published ones).
    links_per_side : int
        Links that a chip on the edge of its host has to that side, each on a rail of its own.
    adapter_gbps : float
        Gb/s of a link.

    Returns
    -------
    Fabric
        Of kind ``railx``; its adapters have a link for each side of the host that their chip lies on.

    Raises
    ------
    RadixTooSmallError
        A row of the grid has more hosts than fit on an OCS.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    RailX (arXiv 2507.18889): (R/2)² m² chips with R ports and m × m chips per node; Hamiltonian decomposition turns
    rail rings into all-to-all, which takes half as many rails as a row has hosts.

    Examples
    --------
    >>> published = railx(hosts=64**2, gpus_per_host=5**2, ocs_ports=128)
    >>> published.hosts * published.gpus_per_host, len(published.switches)
    (102400, 640)
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    check_sizes(links_per_side=links_per_side)
    columns = isqrt(hosts - 1) + 1
    rows = -(-hosts // columns)
    if ocs_ports is not None and 2 * columns > ocs_ports:
        raise RadixTooSmallError(ocs_ports, 2 * columns)
    mesh_rows, mesh_columns = _mesh(gpus_per_host)
    grid = np.arange(rows * columns).reshape(rows, columns)
    chips = np.arange(gpus_per_host).reshape(mesh_rows, mesh_columns)
    for host in range(hosts):
        for one, other in ((chips[:, :-1], chips[:, 1:]), (chips[:-1], chips[1:])):
            for chip, neighbour in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True):
                cabling.pair(Adapter(host, chip), Adapter(host, neighbour), "mesh", adapter_gbps)
    for name, lines, near, far, side in (
        ("row", grid, chips[:, 0], chips[:, -1], _WEST),
        ("column", grid.T, chips[0], chips[-1], _NORTH),
    ):
        for number, line in enumerate(lines):
            label = numbered(name, number, len(lines))
            _join_line(cabling, label, line[line < hosts].tolist(), _Rails(near, far, side, links_per_side))
    return cabling.fabric("railx")


@dataclass(frozen=True, slots=True)
class _Rails:
    """Where the rails of a dimension leave a host.

    Parameters
    ----------
    near, far : array of int, shape (mesh rows or columns,)
        Chips on the two edges.
    side : int
        Which edge the near one is, from 0; the far one is the next.
    links : int
        Of each chip to a side.
    """

    near: npt.NDArray[np.int64]
    far: npt.NDArray[np.int64]
    side: int
    links: int


def _join_line(cabling: Cabling, label: str, hosts: list[int], rails: _Rails) -> None:
    """Lead the rails of a row or column to an OCS each, and close their rings."""
    total = rails.near.size * rails.links
    for rail, successors in enumerate(rail_successors(len(hosts), total).tolist()):
        chip, link = divmod(rail, rails.links)
        ocs = cabling.switch(f"{label}-{numbered('rail', rail, total)}", "ocs", rail=rail)
        ends = []
        for host in hosts:
            ports = (side * rails.links + link + 1 for side in (rails.side, rails.side + 1))
            chips = (int(edge[chip]) for edge in (rails.near, rails.far))
            ends.append(
                [
                    cabling.attach(Adapter(host, at), port, ocs, cabling.adapter_gbps)
                    for at, port in zip(chips, ports, strict=True)
                ]
            )
        if len(hosts) > 1:
            for (_, out), successor in zip(ends, successors, strict=True):
                cabling.circuit(out, ends[successor][0])


@dataclass(frozen=True, slots=True)
class Reclosing:
    """What is switched to close all rings around failed hosts.

    Parameters
    ----------
    fabric : Fabric
        As it was, but for its circuits, which join the survivors only.
    opened, closed : int
        Circuits that are given up, and that are set in their place.
    switches : int
        Optical circuit switches that have to move.
    """

    fabric: Fabric
    opened: int
    closed: int
    switches: int


def reclose(fabric: Fabric, failed_hosts: Collection[int]) -> Reclosing:
    """Close the rings of a RailX network around failed hosts.

    Parameters
    ----------
    fabric : Fabric
        Of kind ``railx``.
    failed_hosts : collection of int
        Numbers of hosts.

    Returns
    -------
    Reclosing
        The fabric with its new circuits, and how much was switched.

    Raises
    ------
    NoRingsError
        The fabric is of another kind.
    NotOnTheRingError
        There is no such host.

    Notes
    -----
    Derived from the abstract of RailX (arXiv 2507.18889), "works around failures": a ring passes over the failed host
    by one circuit from the host before it to the one after it.

    Examples
    --------
    >>> around = reclose(railx(hosts=25, gpus_per_host=4), failed_hosts=[12])
    >>> around.opened, around.closed, around.switches
    (8, 4, 4)
    """
    if fabric.kind != "railx":
        raise NoRingsError(fabric.kind)
    failed = set(failed_hosts)
    unknown = failed.difference(range(fabric.hosts))
    if unknown:
        raise NotOnTheRingError(min(unknown))
    after = {(circuit.one.parent, _host(circuit.one)): circuit for circuit in fabric.circuits}
    circuits = []
    opened = closed = 0
    moved = set()
    for (ocs, host), circuit in after.items():
        target = circuit
        while _host(target.other) in failed and _host(target.other) != host:
            target = after[ocs, _host(target.other)]
        lost = host in failed or _host(circuit.other) in failed
        if lost:
            opened += 1
            moved.add(ocs)
        if host not in failed and _host(target.other) != host:
            circuits.append(Circuit(circuit.one, target.other))
            closed += lost
    return Reclosing(replace(fabric, circuits=tuple(circuits)), opened, closed, len(moved))


def _host(link: Link) -> int:
    return link.child.host if isinstance(link.child, Adapter) else -1


def _mesh(chips: int) -> tuple[int, int]:
    """Return the rows and columns of the squarest mesh, not more rows than columns.

    >>> _mesh(8), _mesh(25), _mesh(7)
    ((2, 4), (5, 5), (1, 7))
    """
    rows = next(rows for rows in range(isqrt(chips), 0, -1) if chips % rows == 0)
    return rows, chips // rows
