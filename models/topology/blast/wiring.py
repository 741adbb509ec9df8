"""A fabric as arrays, made once: what the questions about faults are computed on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray
from models.topology.fabric import TIERS, Adapter, Fabric, Link, PeerLink

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: who forwards the traffic of others: switches alone, the GPUs (chips of a mesh), or a host's chips as one
Relay = Literal["switches", "gpus", "hosts"]
_RELAYS: dict[str, Relay] = {"torus": "gpus", "railx": "hosts"}

#: fabrics whose arrays are kept; a comparison looks at a few in turn
_KEPT = 4
_NOWHERE = -1

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class Cables:
    """Cables of one sort, one entry each.

    Parameters
    ----------
    lower, upper : array of int
        Numbers of their ends: a GPU or a switch below, a switch above; for cables between equals the two ends.
    gbps : array of float
        Gb/s in each direction.
    rail, plane : array of int
        What they carry; -1 where nothing is said.
    port : array of int
        Port of the lower end.
    """

    lower: IntArray
    upper: IntArray
    gbps: FloatArray
    rail: IntArray
    plane: IntArray
    port: IntArray

    def __len__(self) -> int:
        return len(self.lower)


@dataclass(frozen=True, slots=True, eq=False)
class Wiring:
    """The arrays of a fabric.

    Parameters
    ----------
    fabric : Fabric
        What they are made of.
    relay : str
        Who forwards the traffic of others: ``switches`` alone, ``gpus`` (the chips of a torus) or ``hosts`` (RailX: the
        chips of a host share its cables over their mesh).
    gpu_host, gpu_slot : array of int, shape (gpus,)
        Host of each GPU and its number in it, ascending. A real fabric has the GPUs whose adapters have a cable.
    gpu_rail : array of int, shape (gpus,)
        Rail of each GPU's adapter; -1 where the fabric has none.
    switch_tier : array of int, shape (switches,)
        Place in `TIERS`.
    access : Cables
        From the GPUs' adapters to switches.
    circuit : array of int
        For each of these cables the one that an optical circuit switch joins it to; -1 if none.
    scale_up : Cables
        From the GPUs to NVSwitches.
    trunks : Cables
        From switches to switches above.
    chip_peers, switch_peers : Cables
        Between GPUs, and between switches of a tier.
    """

    fabric: Fabric
    relay: Relay
    gpu_host: IntArray
    gpu_slot: IntArray
    gpu_rail: IntArray
    switch_tier: IntArray
    access: Cables
    circuit: IntArray
    scale_up: Cables
    trunks: Cables
    chip_peers: Cables
    switch_peers: Cables

    @property
    def gpus(self) -> int:
        """How many GPUs there are."""
        return len(self.gpu_host)

    @property
    def switches(self) -> int:
        """How many switches there are."""
        return len(self.switch_tier)

    def host_name(self, host: int) -> str:
        """Return what a host is called."""
        return self.fabric.host_names[host] if self.fabric.host_names else f"host{host}"


def once_per_fabric(make: Callable[[Fabric], Made]) -> Callable[[Fabric], Made]:
    """Keep what is made of the last few fabrics: to hash a fabric would take longer than to look it up."""
    kept: list[tuple[Fabric, Made]] = []

    @wraps(make)
    def look_up(fabric: Fabric) -> Made:
        for known, made in kept:
            if known is fabric:
                return made
        made = make(fabric)
        kept.append((fabric, made))
        del kept[:-_KEPT]
        return made

    return look_up


@once_per_fabric
def wiring_of(fabric: Fabric) -> Wiring:
    """Return the arrays of a fabric.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.

    Returns
    -------
    Wiring
        Kept for the last few fabrics.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> wiring = wiring_of(hpn(hosts=4, gpus_per_host=2, hosts_per_segment=4, aggs_per_plane=3))
    >>> wiring.gpus, len(wiring.access), len(wiring.trunks)
    (8, 16, 12)
    """
    switch_number = {switch.name: number for number, switch in enumerate(fabric.switches)}
    ends = [link.child for link in fabric.links if isinstance(link.child, Adapter)]
    ends += [end for link in fabric.peer_links for end in (link.one, link.other) if isinstance(end, Adapter)]
    seen = np.array([(end.host, end.gpu) for end in ends], dtype=np.int64).reshape(-1, 2)
    width = max(fabric.gpus_per_host, int(seen[:, 1].max(initial=0)) + 1)
    if fabric.kind == "from-lake":
        keys = np.unique(seen[:, 0] * width + seen[:, 1])
    else:
        keys = (np.arange(fabric.hosts)[:, None] * width + np.arange(fabric.gpus_per_host)).ravel()
    gpu_number = np.full(fabric.hosts * width, _NOWHERE, dtype=np.int64)
    gpu_number[keys] = np.arange(len(keys))

    def number(end: Adapter | str) -> int:
        return int(gpu_number[end.host * width + end.gpu]) if isinstance(end, Adapter) else switch_number[end]

    access, scale_up, trunks = [], [], []
    for link in fabric.links:
        if not isinstance(link.child, Adapter):
            trunks.append(link)
        elif link.tier == "nvswitch":
            scale_up.append(link)
        else:
            access.append(link)
    chip_peers = [link for link in fabric.peer_links if isinstance(link.one, Adapter)]
    switch_peers = [link for link in fabric.peer_links if not isinstance(link.one, Adapter)]
    up = _cables(access, number, switch_number)
    gpu_rail = np.full(len(keys), _NOWHERE, dtype=np.int64)
    gpu_rail[up.lower] = up.rail
    return Wiring(
        fabric=fabric,
        relay=_RELAYS.get(fabric.kind, "switches"),
        gpu_host=keys // width,
        gpu_slot=keys % width,
        gpu_rail=gpu_rail,
        switch_tier=np.array([TIERS.index(switch.tier) for switch in fabric.switches], dtype=np.int64),
        access=up,
        circuit=_circuits(fabric, access),
        scale_up=_cables(scale_up, number, switch_number),
        trunks=_cables(trunks, number, switch_number),
        chip_peers=_peers(chip_peers, number),
        switch_peers=_peers(switch_peers, number),
    )


def summed(places: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Return the sum of the values at each place.

    >>> summed(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]), 4).tolist()
    [1.0, 0.0, 5.0, 0.0]
    """
    return np.bincount(places, weights=values, minlength=size).astype(np.float64, copy=False)


def _cables(links: Sequence[Link], number: Callable[[Adapter | str], int], switches: dict[str, int]) -> Cables:
    return Cables(
        lower=np.array([number(link.child) for link in links], dtype=np.int64),
        upper=np.array([switches[link.parent] for link in links], dtype=np.int64),
        gbps=np.array([link.bandwidth_gbps for link in links], dtype=np.float64),
        rail=_numbers([link.rail for link in links]),
        plane=_numbers([link.plane for link in links]),
        port=np.array([link.child_port for link in links], dtype=np.int64),
    )


def _circuits(fabric: Fabric, access: Sequence[Link]) -> IntArray:
    number = {(link.parent, link.parent_port): cable for cable, link in enumerate(access)}
    partner = np.full(len(access), _NOWHERE, dtype=np.int64)
    for circuit in fabric.circuits:
        one, other = (number[link.parent, link.parent_port] for link in (circuit.one, circuit.other))
        partner[one], partner[other] = other, one
    return partner


def _peers(links: Sequence[PeerLink], number: Callable[[Adapter | str], int]) -> Cables:
    nothing = np.full(len(links), _NOWHERE, dtype=np.int64)
    return Cables(
        lower=np.array([number(link.one) for link in links], dtype=np.int64),
        upper=np.array([number(link.other) for link in links], dtype=np.int64),
        gbps=np.array([link.bandwidth_gbps for link in links], dtype=np.float64),
        rail=nothing,
        plane=nothing,
        port=nothing,
    )


def _numbers(values: Sequence[int | None]) -> IntArray:
    return np.array([_NOWHERE if value is None else value for value in values], dtype=np.int64)
