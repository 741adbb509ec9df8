"""Node descriptions of InfiniBand: what they say about host, device, switch, plane and rail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

#: descriptions that firmware gives until somebody names the device
_UNNAMED: Final = re.compile(r"Mellanox Technologies|NVIDIA|Aggregation Node|^MT\d+ |Infiniscale|SwitchIB|Quantum")
#: hosts that were not named when the driver described their devices
_NO_HOST: Final = frozenset({"localhost", "localhost.localdomain", "(none)", "unknown"})
_SWITCH: Final = re.compile(r"MF0;([^:;]+):([^/:]*)(?:/(\S+))?")
_DEVICE: Final = re.compile(r"(?:mlx\d+_(?P<mlx>\d{1,3})|HCA-(?P<hca>\d{1,3}))(?:/\S*)?")
_RAIL: Final = re.compile(r"(?<![a-z])rail[-_]?(\d{1,3})(?!\d)", re.IGNORECASE)
_PLANE: Final = re.compile(r"(?<![a-z])plane[-_]?(\d{1,3})(?!\d)", re.IGNORECASE)
_P: Final = re.compile(r"(?:^|[-_.])p(\d{1,3})(?=[-_.]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A channel adapter: its host, its device there, and the device's number from 0; None where the name hides it."""

    host: str | None
    device: str | None
    number: int | None


@dataclass(frozen=True, slots=True)
class SwitchName:
    """A switch: its name and its model; None where it has none."""

    name: str | None
    model: str | None


def adapter(description: str) -> Adapter:
    """Read the description of a channel adapter; ``HCA-N`` counts from 1, ``mlx5_N`` from 0.

    >>> adapter("a08-p1-dgx-04-c01 mlx5_5"), adapter("gpu7 HCA-6").number, adapter("MT4129 ConnectX7").host
    (Adapter(host='a08-p1-dgx-04-c01', device='mlx5_5', number=5), 5, None)
    """
    words = description.split()
    if not words or len(words) > 2 or _UNNAMED.search(description):
        return Adapter(None, None, None)
    device = words[1] if len(words) == 2 else None
    found = _DEVICE.fullmatch(device) if device else None
    number = None
    if found:
        number = int(found["mlx"]) if found["mlx"] else int(found["hca"]) - 1
    return Adapter(None if words[0].lower() in _NO_HOST else words[0], device, number)


def switch(description: str) -> SwitchName:
    """Read the description of a switch; one of several chips of a chassis keeps the chip in its name.

    >>> switch("MF0;A09-LEAF-04:MQM9701/U1"), switch("MF0;core:SX6536/L01/U2").name, switch("leaf 1").name
    (SwitchName(name='A09-LEAF-04', model='MQM9701'), 'core/L01/U2', 'leaf 1')
    """
    found = _SWITCH.fullmatch(description)
    if found is not None:
        chip = f"/{found[3]}" if found[3] and found[3] != "U1" else ""
        return SwitchName(found[1] + chip, found[2] or None)
    if not description.strip() or _UNNAMED.search(description):
        return SwitchName(None, None)
    return SwitchName(description.strip(), None)


def rail_in_name(name: str) -> int | None:
    """Return the rail that a switch's name spells out.

    >>> rail_in_name("pod1-rail3-leaf2"), rail_in_name("trail3")
    (3, None)
    """
    found = _RAIL.search(name)
    return None if found is None else int(found[1])


def planes_in_names(switches: list[str], hosts: list[str]) -> dict[str, int]:
    """Return the planes that switches' names tell.

    ``plane2`` says so. ``P2`` does where switches differ in it and no host's name has it: a host is in all planes, so
    what stands in its name, too, is a place.

    >>> planes_in_names(["leaf-P1-1", "leaf-P2-1"], ["n1"])
    {'leaf-P1-1': 1, 'leaf-P2-1': 2}
    >>> planes_in_names(["leaf-P1-1", "leaf-P2-1"], ["dgx-p1-1"])
    {}
    """
    spelled = {name: int(found[1]) for name in switches if (found := _PLANE.search(name))}
    if spelled or any(_P.search(host) for host in hosts):
        return spelled
    short = {name: int(found[1]) for name in switches if (found := _P.search(name))}
    return short if len(set(short.values())) > 1 else {}
