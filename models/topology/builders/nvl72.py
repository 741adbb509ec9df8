"""Rack-scale scale-up domains such as NVL72, with a rail-optimised network between them."""

from __future__ import annotations

from models.topology.builders.cabling import Cabling, check_sizes
from models.topology.builders.rail import join_rails
from models.topology.fabric import Fabric

#: NVLink of a Blackwell GPU, each way: 1.8 TB/s in both together (NVIDIA, GB200 NVL72)
_NVLINK5_GBPS = 7_200.0


def nvl72(
    hosts: int,
    gpus_per_host: int = 4,
    *,
    hosts_per_domain: int = 18,
    domains_per_pod: int = 8,
    radix: int | None = None,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build scale-up domains of several hosts, and rails over the hosts' adapters.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Compute trays and the GPUs in each; GPU r of every tray is on rail r.
    hosts_per_domain : int
        Trays that share an NVSwitch domain; the last may be partial. The nine switch trays of a rack are one switch
        here: what fails alone in them is not told apart.
    domains_per_pod : int
        Domains whose adapters of a rail share a leaf.
    radix : int, optional
        Ports of a switch; by default the smallest power of two, from 64, that is enough.
    adapter_gbps : float
        Gb/s of an adapter and of a link between switches.

    Returns
    -------
    Fabric
        Of kind ``nvl72``.

    Raises
    ------
    RadixTooSmallError
        A leaf, or the number of pods, needs more ports.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    The blast radius of an NVL72 domain is 72 GPUs.

    Examples
    --------
    >>> from models.topology.fabric import network_domains
    >>> rack = nvl72(hosts=36)
    >>> [(domain.name, len(domain.hosts)) for domain in network_domains(rack) if domain.kind == "nvswitch"]
    [('nvl0', 18), ('nvl1', 18)]
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    check_sizes(hosts_per_domain=hosts_per_domain, domains_per_pod=domains_per_pod)
    cabling.scale_up(hosts_per_domain, "nvl", _NVLINK5_GBPS)
    join_rails(cabling, hosts_per_domain * domains_per_pod, radix)
    return cabling.fabric("nvl72")
