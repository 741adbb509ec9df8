"""Which groups of hosts a picture shows in full and which it sums up: one pod is expanded, the others are like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from models.topology.fabric import Fabric
from models.topology.layout.drawing import counted
from models.topology.layout.host_groups import HostGroup

#: widths are in spacings of first switches; a host takes half of one
ROOM = 64.0
_GAP = 1.0
_COLLAPSED_WIDTH = 2.6
_HOST_ROWS = 6
#: a group wider than this has several switches to a mark
_WIDEST = 40.0
#: groups of the expanded pod, and other pods, that are told apart when there is no room for all
_MOST_GROUPS = 16
_MOST_PODS = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One or more groups of hosts drawn above each other with their switches.

    Parameters
    ----------
    name, detail : str
        Caption.
    groups : tuple of int
        Which groups it is.
    is_expanded : bool
        Whether each of its hosts is drawn.
    pod : int or None
        The pod it is drawn in; None where pods are not told apart, or it stands for whole pods.
    x0, x1 : float
        Left and right end.
    opens : str
        Group that is expanded to see it in full.
    """

    name: str
    detail: str
    groups: tuple[int, ...]
    is_expanded: bool
    pod: int | None
    x0: float
    x1: float
    opens: str

    @property
    def centre(self) -> float:
        """Its middle."""
        return (self.x0 + self.x1) / 2


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    groups: tuple[int, ...]
    pod: int | None
    width: float
    is_expanded: bool = False


def columns_of(fabric: Fabric, groups: Sequence[HostGroup], expand: str = "") -> tuple[Column, ...]:
    """Lay the groups out from left to right: all in full if there is room, else one of them and sums of the others.

    Parameters
    ----------
    fabric : Fabric
        Whose groups they are.
    groups : sequence of HostGroup
        Of :func:`models.topology.layout.host_groups.host_groups`.
    expand : str
        Name of the group to show in full; where there is none of this name, the first.

    Returns
    -------
    tuple of Column
        Every group is in exactly one.

    Examples
    --------
    >>> from models.topology.layout.host_groups import host_groups
    >>> from models.topology.builders.hpn import hpn
    >>> pod = hpn(hosts=15 * 128, gpus_per_host=8)
    >>> [column.name for column in columns_of(pod, host_groups(pod), "pod0-segment03")][2:5]
    ['pod0-segment02', 'pod0-segment03', 'pod0-segment04']
    """
    per_domain = domain_hosts(fabric)
    widths = [_width(group, per_domain) for group in groups]
    pods = _pods(groups)
    if sum(widths) + _GAP * len(groups) <= ROOM:
        shown = range(len(groups))
        plans = [
            _Plan(groups[i].name, (i,), groups[i].pod if pods else None, widths[i], is_expanded=True) for i in shown
        ]
    else:
        opened = next((number for number, group in enumerate(groups) if group.name == expand), 0)
        plans = _around(groups, pods, opened, widths[opened])
    return _placed(groups, plans)


def _pods(groups: Sequence[HostGroup]) -> list[int]:
    pods = sorted({group.pod for group in groups if group.pod is not None})
    return pods if 1 < len(pods) < len(groups) else []


def _width(group: HostGroup, per_domain: int) -> float:
    hosts = len(group.hosts)
    across = 1.25 * ceil(hosts / per_domain) if per_domain > 1 else ceil(hosts / (2 * _HOST_ROWS))
    return min(_WIDEST, max(1.0, len(group.switches), across))


def domain_hosts(fabric: Fabric) -> int:
    """Return the hosts of the largest scale-up domain."""
    hosts: dict[str, set[int]] = {}
    for link in fabric.links:
        if link.tier == "nvswitch" and not isinstance(link.child, str):
            hosts.setdefault(link.parent, set()).add(link.child.host)
    return max((len(found) for found in hosts.values()), default=1)


def _around(groups: Sequence[HostGroup], pods: Sequence[int], opened: int, width: float) -> list[_Plan]:
    """Return the opened group among the others of its pod, and the other pods; what is too much goes last, summed."""
    here = groups[opened].pod if pods else None
    siblings = [number for number, group in enumerate(groups) if not pods or group.pod == here]
    first = max(0, min(siblings.index(opened) - _MOST_GROUPS // 2, len(siblings) - _MOST_GROUPS))
    near = siblings[first : first + _MOST_GROUPS]
    rest = tuple(number for number in siblings if number not in near)
    plans = [
        _Plan(groups[i].name, (i,), here, max(_COLLAPSED_WIDTH, width if i == opened else 0.0), is_expanded=i == opened)
        for i in near
    ]
    if rest:
        plans.append(_Plan(_more(len(rest)), rest, here, _COLLAPSED_WIDTH))
    others = {pod: tuple(n for n, group in enumerate(groups) if group.pod == pod) for pod in pods if pod != here}
    named = list(others)[: _MOST_PODS if len(others) > _MOST_PODS + 1 else None]
    plans += [_Plan(f"pod {pod}", others[pod], None, _COLLAPSED_WIDTH) for pod in named]
    far = [pod for pod in others if pod not in named]
    if far:
        members = tuple(number for pod in far for number in others[pod])
        plans.append(_Plan(_more(len(far)), members, None, _COLLAPSED_WIDTH))
    return plans


def _more(count: int) -> str:
    return f"{count:,} more"


def _placed(groups: Sequence[HostGroup], plans: Sequence[_Plan]) -> tuple[Column, ...]:
    columns: list[Column] = []
    x = 0.0
    for plan in plans:
        hosts = sum(len(groups[number].hosts) for number in plan.groups)
        detail = counted(hosts, "host")
        if len(plan.groups) > 1:
            detail = f"{counted(len(plan.groups), 'group')}, {detail}"
        if columns and columns[-1].pod != plan.pod:
            x += _GAP
        opens = groups[plan.groups[0]].name
        columns.append(Column(plan.name, detail, plan.groups, plan.is_expanded, plan.pod, x, x + plan.width, opens))
        x += plan.width + _GAP
    return tuple(columns)


def host_spots(hosts: int, per_domain: int, x0: float, x1: float) -> list[tuple[float, float]]:
    """Return where the hosts of a column stand, downwards from y = 0; those of a scale-up domain in a stack.

    >>> host_spots(3, 1, 0.0, 1.0)
    [(0.25, 0.0), (0.75, 0.0), (0.25, -0.42)]
    """
    pitch = 0.42
    if per_domain > 1:
        wide = 1 if per_domain <= _HOST_ROWS else 2
        domains = ceil(hosts / per_domain)
        step = (x1 - x0) / domains
        spots = []
        for host in range(hosts):
            domain, place = divmod(host, per_domain)
            row, side = divmod(place, wide)
            shift = (side - (wide - 1) / 2) * min(0.5, step / 2.5)
            spots.append((x0 + step * (domain + 0.5) + shift, 0.0 - pitch * row))
        return spots
    across = max(1, round(2 * (x1 - x0)))
    across = min(across, hosts)
    step = (x1 - x0) / across
    return [(x0 + step * (host % across + 0.5), 0.0 - pitch * (host // across)) for host in range(hosts)]
