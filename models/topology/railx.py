"""RailX: hosts on a grid, each row and column joined by rings through optical circuit switches."""

from __future__ import annotations

from math import isqrt

from models.topology.cabling import Cabling, numbered
from models.topology.errors import RadixTooSmallError
from models.topology.fabric import Adapter, Fabric, Switch

#: ports of a chip, towards the four sides of its host
_WEST, _EAST, _NORTH, _SOUTH = 1, 2, 3, 4


def railx(hosts: int, gpus_per_host: int, *, ocs_ports: int | None = None, adapter_gbps: float = 400.0) -> Fabric:
    """Build a RailX network: a flat layer of optical circuit switches (OCS) between hosts on a grid.

    The chips of a host are a mesh of a × b, as square as their number allows, joined directly (no switch, hence no
    link here). Each of its a rows of chips is a rail of the host's grid row: its west and its east end go to the OCS of
    that row and rail, which closes the ring. In the same way its b columns of chips are the rails of the grid column.
    The grid is as square as the number of hosts allows; its last row may be partial.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Hosts and chips in each.
    ocs_ports : int, optional
        Ports of an OCS, two per host of the row; by default as many as the grid needs (128 are the published ones).
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
    RailX (arXiv 2507.18889): (R/2)² m² chips with R ports and m × m chips per node. How circuits are
    switched (Hamiltonian cycles) is not part of the cabling.

    Examples
    --------
    >>> published = railx(hosts=64**2, gpus_per_host=5**2, ocs_ports=128)
    >>> published.hosts * published.gpus_per_host, len(published.switches)
    (102400, 640)
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    columns = isqrt(hosts - 1) + 1
    rows = -(-hosts // columns)
    if ocs_ports is not None and 2 * columns > ocs_ports:
        raise RadixTooSmallError(ocs_ports, 2 * columns)
    mesh_rows, mesh_columns = _mesh(gpus_per_host)
    row_switches = _rings(cabling, "row", rows, mesh_rows)
    column_switches = _rings(cabling, "column", columns, mesh_columns)
    for host in range(hosts):
        row, column = divmod(host, columns)
        for rail, ocs in enumerate(row_switches[row]):
            first = rail * mesh_columns
            cabling.attach(Adapter(host, first), _WEST, ocs, adapter_gbps)
            cabling.attach(Adapter(host, first + mesh_columns - 1), _EAST, ocs, adapter_gbps)
        for rail, ocs in enumerate(column_switches[column]):
            cabling.attach(Adapter(host, rail), _NORTH, ocs, adapter_gbps)
            cabling.attach(Adapter(host, gpus_per_host - mesh_columns + rail), _SOUTH, ocs, adapter_gbps)
    return cabling.fabric("railx")


def _rings(cabling: Cabling, name: str, lines: int, rails: int) -> list[list[Switch]]:
    """Put up the OCSs of all rows or columns of the grid, one per rail."""
    return [
        [
            cabling.switch(f"{numbered(name, line, lines)}-{numbered('rail', rail, rails)}", "ocs", rail=rail)
            for rail in range(rails)
        ]
        for line in range(lines)
    ]


def _mesh(chips: int) -> tuple[int, int]:
    """Return the rows and columns of the squarest mesh, not more rows than columns.

    >>> _mesh(8), _mesh(25), _mesh(7)
    ((2, 4), (5, 5), (1, 7))
    """
    rows = next(rows for rows in range(isqrt(chips), 0, -1) if chips % rows == 0)
    return rows, chips // rows
