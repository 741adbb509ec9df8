"""What a fabric has left under faults: who is down, and the share of its bandwidth that every GPU keeps.

The share of a switch is that of its capacity upwards: of its own links, weighted with the shares of the switches they
lead to; one without a link up keeps all or nothing. The share of a GPU is that of its adapter's links in the same way.
It is exact where traffic is spread over all paths in proportion to their capacity, as in the trees built here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.guards import FloatArray
from models.topology.blast.parts import Faults, no_faults
from models.topology.blast.wiring import BoolArray, Cables, IntArray, Wiring, once_per_fabric, summed, wiring_of
from models.topology.fabric import TIERS, Fabric


@dataclass(frozen=True, slots=True, eq=False)
class Remaining:
    """What is left.

    Parameters
    ----------
    gpus_up : array of bool, shape (gpus,)
        GPUs whose adapter works and that have a way into the network, if they had one.
    switches_up : array of bool, shape (switches,)
        Switches that work.
    access_up, trunks_up, chip_peers_up, switch_peers_up : array of bool
        Cables that work and whose two ends do.
    access_share : array of float
        Share of its bandwidth, up to the top of the fabric, that each cable of an adapter keeps.
    gbps : array of float, shape (gpus,)
        Network bandwidth of each GPU without faults.
    share : array of float, shape (gpus,)
        Share of its network bandwidth that each GPU keeps; 0 for one that is down.
    degraded : array of bool, shape (gpus,)
        GPUs that are up and keep less than all.
    """

    gpus_up: BoolArray
    switches_up: BoolArray
    access_up: BoolArray
    trunks_up: BoolArray
    chip_peers_up: BoolArray
    switch_peers_up: BoolArray
    access_share: FloatArray
    gbps: FloatArray
    share: FloatArray
    degraded: BoolArray


def remaining(wiring: Wiring, faults: Faults) -> Remaining:
    """Return what faults leave of a fabric.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    faults : Faults
        What is broken.

    Returns
    -------
    Remaining
        What is left.
    """
    nics_up = _working_gpus(wiring, faults) & ~faults.nics
    switches_up = ~faults.switches
    access_up = ~faults.access & nics_up[wiring.access.lower] & switches_up[wiring.access.upper]
    access_up &= access_up[wiring.circuit] | (wiring.circuit < 0)
    trunks_up = ~faults.trunks & switches_up[wiring.trunks.lower] & switches_up[wiring.trunks.upper]
    switch_peers_up = ~faults.switch_peers & _both(wiring.switch_peers, switches_up)
    chip_peers_up = ~faults.chip_peers & _both(wiring.chip_peers, nics_up)
    upwards = _switch_shares(wiring, switches_up, trunks_up, switch_peers_up, top=len(TIERS))
    access_share = np.where(access_up, upwards[wiring.access.upper], 0.0)
    full = _of_gpus(wiring, np.ones(len(wiring.access)), np.ones(len(wiring.chip_peers)))
    entered = _of_gpus(wiring, access_up.astype(np.float64), chip_peers_up.astype(np.float64))
    left = _of_gpus(wiring, access_share, chip_peers_up.astype(np.float64))
    gpus_up = nics_up & ((entered > 0) | (full == 0))
    share = np.where(gpus_up, np.divide(left, full, out=np.ones(wiring.gpus), where=full > 0), 0.0)
    return Remaining(
        gpus_up=gpus_up,
        switches_up=switches_up,
        access_up=access_up,
        trunks_up=trunks_up,
        chip_peers_up=chip_peers_up,
        switch_peers_up=switch_peers_up,
        access_share=access_share,
        gbps=full,
        share=share,
        degraded=gpus_up & (left < full),
    )


@once_per_fabric
def untouched(fabric: Fabric) -> Remaining:
    """Return what a fabric has without faults."""
    return remaining(wiring_of(fabric), no_faults(wiring_of(fabric)))


def narrowed_tier(wiring: Wiring, left: Remaining) -> str | None:
    """Return the lowest tier that the degraded GPUs reach with less than their full bandwidth.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    left : Remaining
        What is left of it.

    Returns
    -------
    str or None
        Traffic that turns round below this tier is as fast as before: with ``agg`` in HPN that is the traffic of a
        segment, with ``core`` that of a pod. ``peer`` stands for the links between equals. None if no GPU that is up
        keeps less than all.
    """
    if not left.degraded.any():
        return None
    tiers: list[int] = np.unique(wiring.switch_tier[wiring.switch_tier > 0]).tolist()
    for tier in tiers:
        upwards = _switch_shares(wiring, left.switches_up, left.trunks_up, None, top=tier)
        reached = np.where(left.access_up, upwards[wiring.access.upper], 0.0)
        kept = _of_gpus(wiring, reached, np.ones(len(wiring.chip_peers)))
        if (kept < left.gbps)[left.degraded].any():
            return TIERS[tier]
    return "peer"


def by_carrier(wiring: Wiring, left: Remaining, hosts: BoolArray, carrier: IntArray) -> dict[int, float]:
    """Return the share of the bandwidth of some hosts that is left, by rail or by plane.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    left : Remaining
        What is left of it.
    hosts : array of bool
        The hosts to look at.
    carrier : array of int
        Rail or plane of each of the adapters' cables; -1 has none.

    Returns
    -------
    dict of int to float
        By rail or plane; empty where there are none or no hosts.
    """
    cables = np.flatnonzero(hosts[wiring.gpu_host[wiring.access.lower]] & (carrier >= 0))
    full = np.bincount(carrier[cables], weights=wiring.access.gbps[cables])
    kept = np.bincount(carrier[cables], weights=(wiring.access.gbps * left.access_share)[cables])
    return {int(number): float(kept[number] / full[number]) for number in np.flatnonzero(full)}


def host_shares(wiring: Wiring, left: Remaining) -> FloatArray:
    """Return the share of its network bandwidth that each host keeps; a host without a network keeps all."""
    hosts = wiring.fabric.hosts
    whole = summed(wiring.gpu_host, left.gbps, hosts)
    kept = summed(wiring.gpu_host, left.gbps * left.share, hosts)
    return np.divide(kept, whole, out=np.ones(hosts), where=whole > 0)


def _working_gpus(wiring: Wiring, faults: Faults) -> BoolArray:
    """Return the GPUs that work: a host goes with any of its NVLinks, and GPUs with their NVSwitch."""
    hosts = faults.hosts.copy()
    hosts[wiring.gpu_host[wiring.scale_up.lower[faults.scale_up]]] = True
    working = ~faults.gpus & ~hosts[wiring.gpu_host]
    working[wiring.scale_up.lower[faults.switches[wiring.scale_up.upper]]] = False
    return working


def _both(cables: Cables, up: BoolArray) -> BoolArray:
    return up[cables.lower] & up[cables.upper]


def _switch_shares(
    wiring: Wiring, up: BoolArray, trunks_up: BoolArray, peers_up: BoolArray | None, *, top: int
) -> FloatArray:
    """Return the share of its capacity up to a tier that every switch keeps; peers count as ways up, if given."""
    trunks, count = wiring.trunks, wiring.switches
    full = np.zeros(count)
    kept = np.zeros(count)
    if peers_up is not None:
        full = _of_ends(wiring.switch_peers, np.ones(len(wiring.switch_peers)), count)
        kept = _of_ends(wiring.switch_peers, peers_up.astype(np.float64), count)
    shares = up.astype(np.float64)
    for tier in sorted(set(wiring.switch_tier.tolist()), reverse=True):
        if tier >= top:
            continue
        cables = np.flatnonzero(wiring.switch_tier[trunks.lower] == tier)
        child, gbps = trunks.lower[cables], trunks.gbps[cables]
        carried = np.where(trunks_up[cables], shares[trunks.upper[cables]], 0.0)
        whole = full + summed(child, gbps, count)
        here = kept + summed(child, gbps * carried, count)
        own = (wiring.switch_tier == tier) & (whole > 0)
        shares[own] = up[own] * (here[own] / whole[own])
    return shares


def _of_gpus(wiring: Wiring, access: FloatArray, peers: FloatArray) -> FloatArray:
    """Return Gb/s of every GPU, from the shares that its cables keep; chips of a RailX host have the host's mean."""
    gbps = summed(wiring.access.lower, wiring.access.gbps * access, wiring.gpus)
    if wiring.relay != "hosts":
        return gbps + _of_ends(wiring.chip_peers, peers, wiring.gpus)
    hosts = wiring.fabric.hosts
    of_hosts = summed(wiring.gpu_host, gbps, hosts)
    return (of_hosts / np.bincount(wiring.gpu_host, minlength=hosts))[wiring.gpu_host]


def _of_ends(cables: Cables, share: FloatArray, count: int) -> FloatArray:
    """Return the Gb/s that cables between equals give to each end."""
    gbps = cables.gbps * share
    return summed(cables.lower, gbps, count) + summed(cables.upper, gbps, count)
