"""One door to all pictures of fabrics: trees by tier, rings and tori on a grid, dragonflies in a circle."""

from __future__ import annotations

from models.topology.fabric import Fabric
from models.topology.layout.circle import circle_layout
from models.topology.layout.drawing import Layout
from models.topology.layout.grid import rail_grid_layout, torus_layout
from models.topology.layout.tiers import tier_layout


def fabric_layout(fabric: Fabric, expand: str = "") -> Layout:
    """Lay a fabric out as its kind is usually drawn.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    expand : str
        Name of the group of hosts that is drawn in full, if not all can be.

    Returns
    -------
    Layout
        The picture.

    Examples
    --------
    >>> from models.topology.build import build_fabric
    >>> fabric_layout(build_fabric("rail", 64, 8, 4, 8)).shape
    'tiers'
    """
    if fabric.kind == "railx":
        return rail_grid_layout(fabric)
    if fabric.kind == "torus":
        return torus_layout(fabric)
    if fabric.kind == "dragonfly":
        return circle_layout(fabric, expand)
    return tier_layout(fabric, expand)
