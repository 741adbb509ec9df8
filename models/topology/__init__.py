"""Network fabrics: switches and links of Clos, rail-optimised, rail-only, HPN, RailX and NVL72-like clusters."""

from models.topology.build import FABRIC_KINDS, build_fabric
from models.topology.errors import RadixTooSmallError, UnknownFabricKindError
from models.topology.fabric import Adapter, Fabric, FabricKind, Link, NetworkDomain, Switch, Tier, network_domains

__all__ = [
    "FABRIC_KINDS",
    "Adapter",
    "Fabric",
    "FabricKind",
    "Link",
    "NetworkDomain",
    "RadixTooSmallError",
    "Switch",
    "Tier",
    "UnknownFabricKindError",
    "build_fabric",
    "network_domains",
]
