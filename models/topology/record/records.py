"""What a record of cables says, and what was made of it: the input and the findings of `from_links`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from models.topology.fabric import Fabric

Subject = Literal["host", "adapter", "tier", "rail", "plane", "port", "bandwidth", "cable", "scale-up"]


@dataclass(frozen=True, slots=True)
class Edge:
    """One cable as a record tells it; None where it does not say.

    Parameters
    ----------
    child, parent : str
        Names of the lower and of the upper end.
    tier : str or None
        Tier of the parent: ``leaf``, ``spine``, ``core``, …; ``block`` for a scale-up domain.
    plane, rail : int or None
        As the record numbers them.
    port : str or None
        Port of the parent, as it is labelled there.
    bandwidth_gbps : float or None
        Gb/s in each direction.
    """

    child: str
    parent: str
    tier: str | None = None
    plane: int | None = None
    rail: int | None = None
    port: str | None = None
    bandwidth_gbps: float | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A network adapter as its host numbers it (``mlx5_4`` is 4), and the switch it is on, if that is known."""

    host: str
    number: int
    switch: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is known of the ends of the cables beside the cables.

    Parameters
    ----------
    gpus : mapping of str to int or None
        Hosts that the cluster knows, with their GPUs; None where it does not say.
    switches : frozenset of str
        Names of switches, also of those with nothing below.
    unnamed : frozenset of str
        Adapters that stand for themselves, because nobody gave them the name of their host.
    devices : tuple of Device
        Adapters whose host gives them a number.
    """

    gpus: Mapping[str, int | None] = field(default_factory=dict)
    switches: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the record does not say outright, or that does not fit.

    Parameters
    ----------
    subject : str
        What it is about.
    count : int
        How many hosts, switches or cables it concerns.
    sentence : str
        It, for a reader.
    is_contradiction : bool
        Whether the record contradicts itself, rather than being silent.
    """

    subject: Subject
    count: int
    sentence: str
    is_contradiction: bool = False


@dataclass(frozen=True, slots=True)
class WiredFabric:
    """A fabric made from a record of its cables, and how.

    Parameters
    ----------
    fabric : Fabric
        Of kind ``from-lake``; its hosts are the compute hosts that have a name.
    whole : Fabric
        The same with everything else that hangs on it, every cable once: for counting cables and ports.
    findings : tuple of Finding
        What was inferred and what contradicts itself.
    service_hosts : tuple of str
        Hosts on the fabric that compute nothing: fabric managers, storage.
    unnamed : mapping of str to int
        Adapters without a host's name, by the switch they are on.
    unnamed_hosts : int
        Hosts that these adapters are taken to sit in, by how many of them are on one leaf.
    """

    fabric: Fabric
    whole: Fabric
    findings: tuple[Finding, ...]
    service_hosts: tuple[str, ...]
    unnamed: Mapping[str, int]
    unnamed_hosts: int


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts.

    >>> counted(1, "host"), counted(1200, "switch", "switches")
    ('1 host', '1,200 switches')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(names: list[str], shown: int = 4) -> str:
    """Return the first of some names, and how many more there are.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e", "f"])
    ('a, b', 'a, b, c, d and 2 more')
    """
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
