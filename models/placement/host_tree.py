"""The sets of hosts below the switches of a fabric as a tree, where each is within the next or apart from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.guards import FloatArray
from models.placement.leaning import IntArray, Leaning, checked_hosts


@dataclass(slots=True, eq=False)
class HostSet:
    """Hosts below the same switches, what lies within, and the price of using them.

    ``touch`` is paid as soon as one of the hosts is used, ``span`` once hosts of more than one part are, or others
    outside, and ``leave`` only in the latter case. ``loose`` are the hosts that are in none of the parts.
    """

    hosts: IntArray
    touch: float
    span: float
    leave: float = 0.0
    parts: list[HostSet] = field(default_factory=list)
    loose: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    @property
    def size(self) -> int:
        """Number of its hosts."""
        return self.hosts.size


def host_tree(lean: Leaning, prices: FloatArray, free: npt.ArrayLike) -> HostSet | None:
    """Order the free hosts of a fabric into a tree.

    Parameters
    ----------
    lean : Leaning
        From `models.placement.leaning.leaning`.
    prices : array of shape (n_switches,)
        What it costs to lean on each switch.
    free : array-like of hosts
        Those that may be used.

    Returns
    -------
    HostSet or None
        The root, all free hosts; None where two switches share some hosts but neither has all of the other's, as the
        rows and columns of a RailX do.

    Examples
    --------
    >>> from models.placement.leaning import leaning
    >>> from models.topology.builders.hpn import hpn
    >>> lean = leaning(hpn(hosts=8, gpus_per_host=1, hosts_per_segment=4, aggs_per_plane=2))
    >>> root = host_tree(lean, np.ones(len(lean.tiers)), range(8))
    >>> [(part.hosts.tolist(), part.touch) for part in root.parts], root.span
    ([([0, 1, 2, 3], 2.0), ([4, 5, 6, 7], 2.0)], 4.0)
    """
    chosen = checked_hosts(lean.fabric, free)
    within = lean.below[chosen].tocsc()
    sets: dict[bytes, HostSet] = {}
    direct: set[bytes] = set()
    tier: dict[bytes, str] = {}
    # Switches come from the hosts upwards: of those that join the same hosts only the first tier joins anything, the
    # others lead on.
    for switch in range(len(lean.tiers)):
        hosts = chosen[np.sort(within.indices[within.indptr[switch] : within.indptr[switch + 1]])]
        if not hosts.size:
            continue
        key = hosts.tobytes()
        found = sets.setdefault(key, HostSet(hosts, 0.0, 0.0))
        if lean.direct[switch]:
            found.touch += float(prices[switch])
            direct.add(key)
        elif key not in direct and tier.setdefault(key, lean.tiers[switch]) == lean.tiers[switch]:
            found.span += float(prices[switch])
        else:
            found.leave += float(prices[switch])
    root = sets.pop(chosen.tobytes(), HostSet(chosen, 0.0, 0.0))
    # A host alone on switches that cost nothing, as on its own NVSwitch, needs no set.
    told = [one for one in sets.values() if one.size > 1 or one.touch + one.leave > 0]
    return _nested(root, sorted(told, key=lambda one: -one.size), lean.fabric.hosts)


def _nested(root: HostSet, sets: list[HostSet], hosts: int) -> HostSet | None:
    """Hang each set, the largest first, below the smallest that holds it."""
    every = [root, *sets]
    owner = np.zeros(hosts, dtype=np.intp)
    for number, one in enumerate(sets, start=1):
        owners = owner[one.hosts]
        if (owners != owners[0]).any():
            return None
        every[owners[0]].parts.append(one)
        owner[one.hosts] = number
    for number, one in enumerate(every):
        one.loose = one.hosts[owner[one.hosts] == number]
    return root
