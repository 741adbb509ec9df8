"""Whether faults split a fabric: GPUs that are up, and no longer reach others that they reached before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from models.topology.blast.forwarding import forwarder_of, forwarders, forwarding_parts
from models.topology.blast.refinement import Colours, mixed
from models.topology.blast.remaining import Remaining, untouched
from models.topology.blast.wiring import BoolArray, IntArray, Wiring, once_per_fabric, wiring_of
from models.topology.fabric import Fabric


def cut_off(wiring: Wiring, left: Remaining) -> BoolArray:
    """Return the GPUs that are up and lost every way to another one that is up.

    An adapter does not forward: with a port on each of two planes, it reaches what either plane reaches, and those with
    nothing but one plane do not reach those with nothing but the other. Where the fabric has rails, the ways within a
    rail count: traffic between rails passes through the hosts.

    Parameters
    ----------
    wiring : Wiring
        The fabric.
    left : Remaining
        What faults leave of it.

    Returns
    -------
    array of bool, shape (gpus,)
        True for both sides of a split.
    """
    lonely = np.zeros(wiring.gpus, dtype=np.bool_)
    if _no_way_lost(wiring, left):
        return lonely
    before, now = _untouched_landings(wiring.fabric), _landings(wiring, left)
    if (now.part == now.part[:1]).all():
        return lonely
    up = np.flatnonzero(left.gpus_up)
    rails = wiring.gpu_rail if wiring.relay == "switches" else np.zeros(wiring.gpus, dtype=np.int64)
    keys = mixed(mixed(before.key) ^ now.key) ^ rails.astype(np.uint64)
    _, first, kind_of = np.unique(keys[up], return_index=True, return_inverse=True)
    examples = up[first]
    lost: BoolArray = before.share_a_part(examples) & ~now.share_a_part(examples)
    lost &= rails[examples][:, None] == rails[examples][None, :]
    lonely[up] = np.asarray(lost.any(axis=1))[kind_of]
    return lonely


@dataclass(frozen=True, slots=True, eq=False)
class _Landings:
    """Which connected parts of the network each GPU has a cable to.

    Parameters
    ----------
    gpu, part : array of int
        Pairs, each once, by GPU.
    key : array of uint64, shape (gpus,)
        The same for GPUs with the same parts.
    """

    gpu: IntArray
    part: IntArray
    key: Colours

    def share_a_part(self, examples: IntArray) -> BoolArray:
        """Return whether any two of some GPUs have a cable to the same part."""
        row = np.full(len(self.key), -1)
        row[examples] = np.arange(len(examples))
        wanted = row[self.gpu] >= 0
        _, column = np.unique(self.part[wanted], return_inverse=True)
        shape = (len(examples), int(column.max(initial=-1)) + 1)
        cables = np.ones(len(column), dtype=np.int64)
        landings = sparse.csr_array((cables, (row[self.gpu[wanted]], column)), shape=shape)
        shared: BoolArray = (landings @ landings.T).toarray() > 0
        return shared


def _no_way_lost(wiring: Wiring, left: Remaining) -> bool:
    """Return whether all switches are joined as before, and all ports of the GPUs that are up lead to them."""
    ports_up = left.access_up | ~left.gpus_up[wiring.access.lower]
    ways = left.trunks_up.all() and left.switch_peers_up.all() and ports_up.all()
    return bool(wiring.relay == "switches" and ways)


@once_per_fabric
def _untouched_landings(fabric: Fabric) -> _Landings:
    return _landings(wiring_of(fabric), untouched(fabric))


def _landings(wiring: Wiring, left: Remaining) -> _Landings:
    part = forwarding_parts(wiring, left)
    size = forwarders(wiring)
    if wiring.relay == "switches":
        gpu, switch = wiring.access.lower[left.access_up], wiring.access.upper[left.access_up]
        pairs = np.sort(gpu * max(1, size) + part[switch])
        gpu, part = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], max(1, size))
    else:
        gpu = np.flatnonzero(left.gpus_up)
        part = part[forwarder_of(wiring)[gpu]]
    key = np.zeros(wiring.gpus, dtype=np.uint64)
    starts = np.flatnonzero(np.diff(gpu, prepend=-1))
    if len(starts):
        key[gpu[starts]] = np.add.reduceat(mixed(part.astype(np.uint64)), starts)
    return _Landings(gpu, part, key)
