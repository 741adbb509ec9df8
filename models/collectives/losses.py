"""What the loss of a component of a fabric leaves to a training step: its blast radius, read for collectives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.collectives.degraded import NetworkLoss
from models.collectives.errors import NotOfTheNetworkError
from models.collectives.paths import Paths
from models.topology.blast.components import Component, catalogue_of, component_classes, faults_of
from models.topology.blast.radius import blast_radius
from models.topology.blast.remaining import remaining
from models.topology.blast.wiring import IntArray, wiring_of
from models.topology.fabric import TIERS, Fabric, network_domains

#: bytes per second of a Gb/s
_GBPS = 1e9 / 8
#: what computes: without it no step goes on, and a spare takes its place
_COMPUTING = frozenset({"gpu", "nvlink", "nvswitch", "host"})


def network_classes(fabric: Fabric) -> tuple[str, ...]:
    """Return the classes of components that carry traffic between hosts.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.

    Returns
    -------
    tuple of str
        Those of `component_classes` without GPUs, NVLink and hosts.
    """
    return tuple(kind for kind in component_classes(fabric) if kind not in _COMPUTING)


def domain_gpus(fabric: Fabric) -> int:
    """Return how many GPUs NVLink joins: those of an NVSwitch domain, or of a host where there is none.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.

    Examples
    --------
    >>> from models.topology.builders.nvl72 import nvl72
    >>> domain_gpus(nvl72(hosts=36, gpus_per_host=4, hosts_per_domain=18, domains_per_pod=2))
    72
    """
    return int(np.bincount(_domains(fabric)).max())


def fabric_paths(fabric: Fabric, paths: Paths) -> Paths:
    """Return a GPU's channels with the network bandwidth that it has in the fabric, on average.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    paths : Paths
        Latencies, and the bandwidth of NVLink; of the network, too, where the fabric says nothing of it.

    Notes
    -----
    In a torus the links inside a host are those of the network, so that both channels have its bandwidth.
    """
    wiring = wiring_of(fabric)
    gbps = float(wiring.access.gbps.sum())
    if wiring.relay == "gpus":
        gbps += 2 * float(wiring.chip_peers.gbps.sum())
    if gbps <= 0:
        return paths
    network = replace(paths.network, bytes_per_second=gbps / wiring.gpus * _GBPS)
    if wiring.relay != "gpus":
        return replace(paths, network=network)
    return Paths(network, replace(paths.nvlink, bytes_per_second=network.bytes_per_second))


def network_loss(fabric: Fabric, component: Component) -> NetworkLoss:
    """Return what the loss of a component leaves of the network.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    component : Component
        What is lost.

    Returns
    -------
    NetworkLoss
        For the scale-up domain and the GPU that are hit hardest; hosts in it are scale-up domains.

    Raises
    ------
    NotOfTheNetworkError
        A GPU, its NVLink or its host: no step goes on without them.
    UnknownComponentKindError, UnknownComponentError
        The fabric has no such component.

    Notes
    -----
    A GPU without a way into the network keeps nothing of its own; the others of its host can carry its traffic, but
    only after a restart [D].

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> pod = hpn(hosts=256, gpus_per_host=8)
    >>> port = network_loss(pod, Component("nic-port", "host0/nic0/port1"))
    >>> port.gpu_share_left, port.host_share_left, port.above_hosts, port.at_adapter
    (0.5, 0.9375, 1, True)
    >>> agg = network_loss(pod, Component("agg", "pod0-plane0-agg00"))
    >>> round(agg.gpu_share_left, 4), agg.above_hosts, agg.at_adapter
    (0.9917, 128, False)
    """
    if component.kind in _COMPUTING:
        raise NotOfTheNetworkError(component.kind, network_classes(fabric))
    radius = blast_radius(fabric, [component])
    wiring = wiring_of(fabric)
    shares = remaining(wiring, faults_of(wiring, catalogue_of(fabric), [component])).share
    domains = _domains(fabric)
    sizes = np.bincount(domains)
    of_domains = np.bincount(domains, weights=shares) / sizes
    at_adapter = radius.gpus_down > 0 or _entered(fabric, radius.narrows)
    return NetworkLoss(
        component=component.kind,
        gpu_share_left=float(shares.min()),
        host_share_left=float(of_domains.min()),
        above_hosts=1 if at_adapter else max(1, _gpus_below(fabric, component, radius.narrows) // int(sizes.max())),
        at_adapter=at_adapter,
        interrupts=radius.takes_down,
    )


def _domains(fabric: Fabric) -> IntArray:
    """Return the scale-up domain of each GPU: that of its NVSwitch, or its host."""
    wiring = wiring_of(fabric)
    domains = wiring.gpu_host.copy()
    if len(wiring.scale_up):
        domains[wiring.scale_up.lower] = fabric.hosts + wiring.scale_up.upper
    return np.unique(domains, return_inverse=True)[1]


def _entered(fabric: Fabric, tier: str | None) -> bool:
    """Say whether adapters are attached to a tier of switches."""
    wiring = wiring_of(fabric)
    tiers = np.unique(wiring.switch_tier[wiring.access.upper]).tolist()
    return wiring.relay == "switches" and tier in {TIERS[number] for number in tiers}


def _gpus_below(fabric: Fabric, component: Component, tier: str | None) -> int:
    """Return how many GPUs traffic can join without passing what is narrowed: a tier, or links between groups."""
    if component.kind == "global-link":
        wiring = wiring_of(fabric)
        groups = [fabric.switches[router].pod or 0 for router in wiring.access.upper.tolist()]
        return int(np.bincount(groups).max())
    if tier is None or tier == "peer":
        return 1
    below = TIERS[1 : TIERS.index(tier)]
    hosts = max((len(domain.hosts) for domain in network_domains(fabric) if domain.kind in below), default=1)
    return hosts * fabric.gpus_per_host
