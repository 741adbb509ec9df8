"""The components of a fabric that can fail, class by class."""

from __future__ import annotations

from collections.abc import Sequence

from models.topology.blast.catalogue import catalogue_of
from models.topology.blast.parts import Component, Grouping, class_of, faults_of
from models.topology.fabric import Fabric

__all__ = [
    "Component",
    "Grouping",
    "catalogue_of",
    "component_classes",
    "components",
    "faults_of",
]


def component_classes(fabric: Fabric, *, groupings: Sequence[Grouping] = ()) -> tuple[str, ...]:
    """Return the classes of components that a fabric has, from the GPU outwards.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    groupings : sequence of Grouping
        Hosts that share something beside the network.

    Returns
    -------
    tuple of str
        ``gpu``, ``nic``, ``nic-port``, ``nic-link``, ``nvlink``, ``nvswitch``, ``host``, tiers of switches, pairs of
        them that serve the same adapters (``tor-pair``), cables between tiers (``tor-agg-link``), between equals
        (``local-link``) and to circuit switches (``ocs-link``); ``rail``, ``plane``, ``segment`` and ``pod`` are all
        their switches at once; then the kinds of the groupings.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> component_classes(hpn(hosts=8, gpus_per_host=2, hosts_per_segment=4, aggs_per_plane=2))
    ('gpu', 'nic', 'nic-port', 'nic-link', 'nvlink', 'nvswitch', 'host', 'tor', 'tor-pair', 'agg', 'tor-agg-link', \
'rail', 'plane', 'segment', 'pod')
    """
    return tuple(catalogue_of(fabric, groupings))


def components(fabric: Fabric, kind: str, *, groupings: Sequence[Grouping] = ()) -> tuple[Component, ...]:
    """Return all components of a class.

    Parameters
    ----------
    fabric : Fabric
        Any fabric.
    kind : str
        One of its `component_classes`.
    groupings : sequence of Grouping
        Hosts that share something beside the network.

    Returns
    -------
    tuple of Component
        In the fabric's order.

    Raises
    ------
    UnknownComponentKindError
        The fabric has no such class.

    Examples
    --------
    >>> from models.topology.builders.rail_only import rail_only
    >>> components(rail_only(hosts=2, gpus_per_host=2, hosts_per_leaf=2), "nic-port")[-1]
    Component(kind='nic-port', name='host1/nic1/port1')
    """
    found = class_of(catalogue_of(fabric, groupings), kind)
    return tuple(found.component(number) for number in range(len(found)))
