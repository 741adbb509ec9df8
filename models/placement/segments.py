"""Segments: hosts on the same switches, which share what befalls these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.availability.component_rates import ComponentRate
from models.placement.leaning import IntArray, Leaning
from models.rates import HOURS_PER_DAY


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Hosts plugged into the same switches.

    ``fatal`` counts the switches of each tier that take all of them down, ``pairs`` the pairs of switches of ``tier``
    that do so together.
    """

    hosts: IntArray
    fatal: Mapping[str, int]
    tier: str
    pairs: int

    def outages(self, rates: Mapping[str, ComponentRate]) -> tuple[float, float]:
        """Return how often a day the whole segment goes down, and how many hours it then stays.

        A pair of switches that fail at the rate r each and are gone for T goes down 2 r² T times an hour.
        """
        down, hours = 0.0, 0.0
        for tier, many in self.fatal.items():
            if tier in rates:
                down += many * rates[tier].failures_per_hour
                hours += many * rates[tier].failures_per_hour * rates[tier].repair_hours
        if self.pairs and self.tier in rates:
            rate = rates[self.tier]
            both = self.pairs * 2.0 * rate.failures_per_hour**2 * rate.repair_hours
            down += both
            hours += both * rate.repair_hours / 2.0
        return down * HOURS_PER_DAY, hours / down if down else 0.0


def segments(lean: Leaning) -> tuple[Segment, ...]:
    """Group the hosts of a fabric by the switches they are plugged into.

    Parameters
    ----------
    lean : Leaning
        From `models.placement.leaning.leaning`.

    Returns
    -------
    tuple of Segment
        Those of two hosts and more, in the order of their first host; a RailX has none.

    Examples
    --------
    >>> from models.placement.leaning import leaning
    >>> from models.topology.builders.hpn import hpn
    >>> found = segments(leaning(hpn(hosts=20, gpus_per_host=8, hosts_per_segment=8, single_tor=True)))
    >>> [(segment.hosts.size, dict(segment.fatal), segment.pairs) for segment in found]
    [(8, {'tor': 8}, 0), (8, {'tor': 8}, 0), (4, {'tor': 8}, 0)]
    """
    direct = lean.direct & lean.shared
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    switches: dict[bytes, IntArray] = {}
    for host in range(lean.fabric.hosts):
        under = np.sort(lean.below.indices[lean.below.indptr[host] : lean.below.indptr[host + 1]])
        mine = under[direct[under]].astype(np.intp)
        groups[mine.tobytes()].append(host)
        switches[mine.tobytes()] = mine
    found = []
    for key, hosts in groups.items():
        mine = switches[key]
        if len(hosts) < 2 or not mine.size:
            continue
        fatal = mine[lean.takes_down[mine]]
        first = lean.pairs.indices[lean.pairs.indptr[hosts[0]] : lean.pairs.indptr[hosts[0] + 1]]
        spared = [str(tier) for tier in lean.tiers[mine[~lean.takes_down[mine]]]]
        found.append(
            Segment(
                hosts=np.array(hosts, dtype=np.intp),
                fatal={str(tier): int((lean.tiers[fatal] == tier).sum()) for tier in dict.fromkeys(lean.tiers[fatal])},
                tier=spared[0] if spared else "",
                pairs=int(first.size),
            )
        )
    return tuple(found)
