"""What a picture of a fabric is made of: marks, bundles of cables and frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from models.topology.fabric import Switch, Tier

Shape = Literal["tiers", "grid", "circle"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A host or a switch, or several alike that are drawn as one.

    Parameters
    ----------
    kind : str
        ``host`` or the tier of the switches.
    x, y : float
        Where it is drawn.
    switches : tuple of str
        The switches it stands for; empty for hosts.
    hosts : tuple of int
        The hosts it stands for; empty for switches.
    pod, rail, plane : int or None
        Of all it stands for; None where they differ or have none.
    cables : int
        Ports in use, of all it stands for: to hosts, upwards, downwards and to peers.
    hosts_below : int
        Different hosts that its switches serve; for hosts their number.
    group : str
        What is expanded to see more of it; empty where all of it is drawn.
    ring : str
        Dimension of the grid whose rings its optical circuit switches close; empty elsewhere.
    """

    kind: Tier | Literal["host"]
    x: float
    y: float
    switches: tuple[str, ...]
    hosts: tuple[int, ...]
    pod: int | None
    rail: int | None
    plane: int | None
    cables: int
    hosts_below: int
    group: str = ""
    ring: str = ""

    @property
    def count(self) -> int:
        """How many hosts or switches it stands for."""
        return len(self.switches) or len(self.hosts)


@dataclass(frozen=True, slots=True)
class Bundle:
    """All cables between two marks, or between a frame of hosts and a mark.

    Parameters
    ----------
    xs, ys : tuple of float
        The line, from its lower end; more than two points make a curve.
    one, other : str
        What its ends are called.
    cables : int
        How many cables it is.
    gbps : float
        Gb/s of all of them in each direction.
    missing : int
        Cables short of what is usual between such marks, of a real fabric (0 elsewhere).
    rail, plane : int or None
        What all of them carry.
    ring : str
        Dimension of the grid along which they lead; empty elsewhere.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    one: str
    other: str
    cables: int
    gbps: float
    missing: int
    rail: int | None
    plane: int | None
    ring: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A box around what belongs together, with a caption.

    Parameters
    ----------
    x0, y0, x1, y1 : float
        Left, bottom, right and top.
    name : str
        What it is called, and what is expanded to see more of it.
    detail : str
        How much is in it.
    is_collapsed : bool
        Whether it stands for more than is drawn.
    holds_switches : bool
        Whether it is drawn around switches, too, and not around hosts alone.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    name: str
    detail: str
    is_collapsed: bool
    holds_switches: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A caption at the left of a row of marks."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A fabric drawn: every switch is in exactly one mark, and so is every host.

    Parameters
    ----------
    shape : str
        ``tiers`` (a tree), ``grid`` (a torus or rings) or ``circle`` (groups that are all joined).
    marks : tuple of Mark
        From the hosts upwards.
    bundles : tuple of Bundle
        The cables between them.
    frames : tuple of Frame
        Groups of hosts, and pods.
    rows : tuple of Row
        The tiers.
    groups : tuple of str
        What can be expanded, in order.
    expanded : str
        What is expanded; empty where everything is drawn.
    """

    shape: Shape
    marks: tuple[Mark, ...]
    bundles: tuple[Bundle, ...]
    frames: tuple[Frame, ...]
    rows: tuple[Row, ...]
    groups: tuple[str, ...]
    expanded: str


def pieces(switches: Sequence[Switch], most: int) -> list[tuple[Switch, ...]]:
    """Cut a row of switches into at most so many pieces (or one per plane, if these are more) of neighbours.

    A piece never spans two planes, and not two rails as long as there is room for a piece per rail.

    Parameters
    ----------
    switches : sequence of Switch
        In order.
    most : int
        At least one.

    Returns
    -------
    list of tuple of Switch
        All of them, by plane, rail and order.

    Examples
    --------
    >>> row = [Switch(f"agg{n}", "agg", plane=n % 2) for n in range(10)]
    >>> [[switch.name for switch in piece] for piece in pieces(row, 4)]
    [['agg0', 'agg2', 'agg4'], ['agg6', 'agg8'], ['agg1', 'agg3', 'agg5'], ['agg7', 'agg9']]
    """
    if len(switches) <= most:
        return [(switch,) for switch in switches]
    by_rail = _classes(switches, rails=True)
    classes = by_rail if len(by_rail) <= most else _classes(switches, rails=False)
    room = max(1, most // len(classes))
    cut: list[tuple[Switch, ...]] = []
    for members in classes:
        count = _even(len(members), min(room, len(members)))
        ends = [-(-len(members) * piece // count) for piece in range(count + 1)]
        cut += [tuple(members[start:end]) for start, end in pairwise(ends)]
    return cut


def _even(members: int, most: int) -> int:
    """Return into how many pieces to cut: so that all are equal, if that takes not less than half as many as may be.

    >>> _even(60, 24), _even(61, 24)
    (20, 24)
    """
    return next((count for count in range(most, most // 2, -1) if members % count == 0), most)


def common(values: Sequence[int | None]) -> int | None:
    """Return what all values are, None where they differ.

    >>> common([3, 3]), common([3, 4]), common([])
    (3, None, None)
    """
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _classes(switches: Sequence[Switch], *, rails: bool) -> list[list[Switch]]:
    found: dict[tuple[int, int], list[Switch]] = {}
    for switch in switches:
        plane = -1 if switch.plane is None else switch.plane
        rail = -1 if switch.rail is None or not rails else switch.rail
        found.setdefault((plane, rail), []).append(switch)
    return [found[key] for key in sorted(found)]


def counted(count: int, tier: str) -> str:
    """Return a number of switches, hosts or groups of them in words.

    >>> counted(31, "leaf"), counted(16, "tor"), counted(1, "core"), counted(48, "ocs")
    ('31 leaves', '16 ToRs', '1 core', '48 OCSs')
    """
    noun = {"tor": "ToR", "leaf": "leaf", "agg": "Agg", "ocs": "OCS", "nvswitch": "NVSwitch domain"}.get(tier, tier)
    if count != 1:
        noun = "leaves" if tier == "leaf" else f"{noun}s"
    return f"{count:,} {noun}"


def called(mark: Mark) -> str:
    """Return what the switches of a mark are called: one by its name, several by the first and the last."""
    return mark.switches[0] if len(mark.switches) == 1 else f"{mark.switches[0]} … {mark.switches[-1]}"
