"""Small fabrics of every kind that hosts share switches in, and published rates to fail them with."""

from __future__ import annotations

from models.topology.build import build_fabric
from models.topology.builders.hpn import hpn
from models.topology.fabric import Fabric

KINDS = ("clos", "rail", "rail-only", "hpn", "hpn-single-tor", "nvl72", "railx")


def small(kind: str, hosts: int = 16) -> Fabric:
    """Return a fabric of a kind whose racks hold 2 hosts and whose pods hold 2 racks."""
    return build_fabric(kind, hosts, 2, 2, 2)


def pod(*, single_tor: bool, hosts: int = 375) -> Fabric:
    """Return HPN at its published sizes, with so many hosts."""
    return hpn(hosts, 8, single_tor=single_tor)
