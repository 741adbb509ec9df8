"""How fabrics are put together: switches get names, cables get ports, stages of switches join those below."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from math import ceil
from typing import Literal

from models.errors import NotPositiveError
from models.guards import checked_count, checked_positive
from models.topology.errors import RadixTooSmallError
from models.topology.fabric import Adapter, Circuit, Fabric, FabricKind, Link, PeerLink, Switch, Tier

#: NVLink of a Hopper GPU, each way: 450 GB/s (NVLink 4: 18 links of 25 GB/s)
NVLINK_GBPS = 3_600.0
#: ports of an NDR switch
_SMALLEST_RADIX = 64


class Cabling:
    """A fabric in the making; it hands out ports in the order of cabling, so that none is used twice.

    Parameters
    ----------
    hosts, gpus_per_host : int
        At least one.
    adapter_gbps : float
        Gb/s of an adapter, each way, all its ports together; also that of a link between switches.

    Raises
    ------
    NotACountError, NotPositiveError, NotFiniteError
        The numbers describe no hosts.
    """

    def __init__(self, hosts: int, gpus_per_host: int, adapter_gbps: float) -> None:
        check_sizes(hosts=hosts, gpus_per_host=gpus_per_host)
        self.hosts = hosts
        self.gpus_per_host = gpus_per_host
        self.adapter_gbps = checked_positive("adapter_gbps", adapter_gbps)
        self._switches: list[Switch] = []
        self._links: list[Link] = []
        self._peer_links: list[PeerLink] = []
        self._circuits: list[Circuit] = []
        self._used_ports: Counter[str] = Counter()

    def switch(
        self, name: str, tier: Tier, *, pod: int | None = None, rail: int | None = None, plane: int | None = None
    ) -> Switch:
        """Put up a switch."""
        switch = Switch(name, tier, pod, rail, plane)
        self._switches.append(switch)
        return switch

    def attach(self, adapter: Adapter, port: int, parent: Switch, gbps: float) -> Link:
        """Run a cable from an adapter's port to the next free port of a switch."""
        return self._cable(adapter, port, parent, parent.rail, gbps)

    def join(self, child: Switch, parent: Switch) -> None:
        """Run a cable from the next free port of a switch to the next free port of one above."""
        self._cable(child.name, self._next_port(child), parent, child.rail, self.adapter_gbps)

    def pair(
        self, one: Adapter | Switch, other: Adapter | Switch, kind: Literal["mesh", "local", "global"], gbps: float
    ) -> None:
        """Run a cable between equals."""
        self._peer_links.append(PeerLink(_end(one), _end(other), kind, gbps))

    def circuit(self, one: Link, other: Link) -> None:
        """Join two cables in the optical circuit switch that both lead to."""
        self._circuits.append(Circuit(one, other))

    def scale_up(self, hosts_per_domain: int, name: str, gbps: float) -> None:
        """Join the GPUs of every so many hosts in a scale-up domain; a GPU alone needs none."""
        if hosts_per_domain * self.gpus_per_host == 1:
            return
        domains = -(-self.hosts // hosts_per_domain)
        for domain in range(domains):
            nvswitch = self.switch(numbered(name, domain, domains), "nvswitch")
            for host in span(domain, hosts_per_domain, self.hosts):
                for gpu in range(self.gpus_per_host):
                    self.attach(Adapter(host, gpu), 0, nvswitch, gbps)

    def fabric(self, kind: FabricKind) -> Fabric:
        """Return what was built."""
        return Fabric(
            kind,
            self.hosts,
            self.gpus_per_host,
            tuple(self._switches),
            tuple(self._links),
            tuple(self._peer_links),
            circuits=tuple(self._circuits),
        )

    def _next_port(self, switch: Switch) -> int:
        self._used_ports[switch.name] += 1
        return self._used_ports[switch.name]

    def _cable(self, child: Adapter | str, port: int, parent: Switch, rail: int | None, gbps: float) -> Link:
        link = Link(child, port, parent.name, self._next_port(parent), parent.tier, rail, parent.plane, gbps)
        self._links.append(link)
        return link


def _end(end: Adapter | Switch) -> Adapter | str:
    return end.name if isinstance(end, Switch) else end


def check_sizes(**sizes: int) -> None:
    """Refuse what is no whole number from one up.

    >>> check_sizes(hosts=0)
    Traceback (most recent call last):
    models.errors.NotPositiveError: hosts is 0; it must be above zero
    """
    for name, size in sizes.items():
        if checked_count(name, size) == 0:
            raise NotPositiveError(name, size)


def numbered(name: str, number: int, total: int) -> str:
    """Return a name with a number as wide as the last of `total` numbers from 0.

    >>> numbered("rack", 7, 12)
    'rack07'
    """
    return f"{name}{number:0{len(str(total - 1))}d}"


def span(group: int, size: int, total: int) -> range:
    """Return the members of a group of `size`; the last group takes what is left of `total`.

    >>> span(0, 4, 6), span(1, 4, 6)
    (range(0, 4), range(4, 6))
    """
    return range(group * size, min((group + 1) * size, total))


def uplinks_of(down_links: int, oversubscription: float = 1.0) -> int:
    """Return the uplinks of a leaf; at least two, so that no spine is its only way up.

    >>> uplinks_of(32), uplinks_of(1), uplinks_of(48, oversubscription=3.0)
    (32, 2, 16)
    """
    return max(2, ceil(down_links / oversubscription))


def checked_radix(radix: int | None, fits: Callable[[int], bool]) -> int:
    """Return a number of ports per switch that the fabric can be built with.

    Parameters
    ----------
    radix : int or None
        What the switches have; None takes the smallest power of two, from 64, that fits.
    fits : callable
        Tells whether a radix is enough.

    Returns
    -------
    int
        The radix.

    Raises
    ------
    RadixTooSmallError
        It is not enough.

    Examples
    --------
    >>> checked_radix(None, lambda radix: radix >= 100)
    128
    >>> checked_radix(64, lambda radix: radix >= 100)
    Traceback (most recent call last):
    models.topology.errors.RadixTooSmallError: switches of 64 ports cannot join this many hosts; 128 ports can: use \
larger switches, smaller racks or pods, or fewer hosts
    """
    if radix is not None and fits(radix):
        return radix
    enough = next(ports for ports in (_SMALLEST_RADIX << power for power in count()) if fits(ports))
    if radix is not None:
        raise RadixTooSmallError(radix, enough)
    return enough
