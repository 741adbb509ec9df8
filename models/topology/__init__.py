"""Network fabrics: what they are wired of, who shares fate with whom in them, and what a fault takes down or slows."""

from models.topology.build import FABRIC_KINDS, build_fabric
from models.topology.errors import RadixTooSmallError, UnknownFabricKindError
from models.topology.fabric import (
    Adapter,
    Circuit,
    Fabric,
    FabricKind,
    Link,
    NetworkDomain,
    PeerLink,
    Switch,
    Tier,
    network_domains,
)

__all__ = [
    "FABRIC_KINDS",
    "Adapter",
    "Circuit",
    "Fabric",
    "FabricKind",
    "Link",
    "NetworkDomain",
    "PeerLink",
    "RadixTooSmallError",
    "Switch",
    "Tier",
    "UnknownFabricKindError",
    "build_fabric",
    "network_domains",
]
