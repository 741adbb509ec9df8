"""Dragonfly: groups of routers that are all joined to each other, and a cable between any two groups."""

from __future__ import annotations

from models.topology.builders.cabling import NVLINK_GBPS, Cabling, check_sizes, numbered
from models.topology.errors import TooManyGroupsError
from models.topology.fabric import Adapter, Fabric, Switch


def dragonfly(
    hosts: int,
    gpus_per_host: int,
    *,
    adapters_per_router: int = 8,
    routers_per_group: int | None = None,
    global_links_per_router: int | None = None,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a dragonfly network, as many groups as the hosts need.

    Adapters fill the routers in order, so that a host whose GPUs exceed a router's adapters spreads over several. All
    groups have all their routers, the last one perhaps some without adapters. Each two groups are joined by equally
    many global cables, as many as all groups can afford; what is left of the global ports stays free.

    Parameters
    ----------
    hosts, gpus_per_host : int
        Hosts with an NVSwitch among their GPUs.
    adapters_per_router : int
        The p of the literature.
    routers_per_group, global_links_per_router : int, optional
        The a and h; by default those of a balanced dragonfly, a = 2 p and h = p.
    adapter_gbps : float
        Gb/s of an adapter and of a link between routers.

    Returns
    -------
    Fabric
        Of kind ``dragonfly``; the pod of a router is its group.

    Raises
    ------
    TooManyGroupsError
        There are more than a h + 1 groups.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    Kim et al. (Technology-Driven, Highly-Scalable Dragonfly Topology, ISCA 2008): routers of p + a - 1 + h ports, up to
    a p (a h + 1) adapters, a = 2 p = 2 h for balanced load. Which router of a group holds which global cable is not
    prescribed; here they take turns [D].

    Examples
    --------
    >>> published = dragonfly(hosts=72, gpus_per_host=1, adapters_per_router=2)
    >>> len({router.pod for router in published.switches}), len(published.switches)
    (9, 36)
    """
    cabling = Cabling(hosts, gpus_per_host, adapter_gbps)
    check_sizes(adapters_per_router=adapters_per_router)
    routers = 2 * adapters_per_router if routers_per_group is None else routers_per_group
    global_links = adapters_per_router if global_links_per_router is None else global_links_per_router
    check_sizes(routers_per_group=routers, global_links_per_router=global_links)
    groups = -(-hosts * gpus_per_host // (routers * adapters_per_router))
    if groups > routers * global_links + 1:
        raise TooManyGroupsError(groups, routers * global_links + 1)
    cabling.scale_up(1, "nvswitch", NVLINK_GBPS)
    of_group = [
        [
            cabling.switch(
                f"{numbered('group', group, groups)}-{numbered('router', router, routers)}", "router", pod=group
            )
            for router in range(routers)
        ]
        for group in range(groups)
    ]
    in_order = [router for group in of_group for router in group]
    for host in range(hosts):
        for gpu in range(gpus_per_host):
            router = in_order[(host * gpus_per_host + gpu) // adapters_per_router]
            cabling.attach(Adapter(host, gpu), 1, router, adapter_gbps)
    for group in of_group:
        _join_all(cabling, group)
    _join_groups(cabling, of_group, routers * global_links)
    return cabling.fabric("dragonfly")


def _join_all(cabling: Cabling, group: list[Switch]) -> None:
    for number, one in enumerate(group):
        for other in group[number + 1 :]:
            cabling.pair(one, other, "local", cabling.adapter_gbps)


def _join_groups(cabling: Cabling, groups: list[list[Switch]], global_ports: int) -> None:
    """Join any two groups: in every round, port d of a group leads to the group d + 1 places on."""
    others = len(groups) - 1
    if not others:
        return
    routers = len(groups[0])
    for first in range(0, global_ports // others * others, others):
        for one, own in enumerate(groups):
            for other in range(one + 1, len(groups)):
                near, far = first + other - one - 1, first + others - (other - one)
                cabling.pair(own[near % routers], groups[other][far % routers], "global", cabling.adapter_gbps)
