"""Torus of chips: blocks of directly joined chips, their faces joined by optical circuit switches (OCS)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from models.topology.builders.cabling import Cabling, check_sizes, numbered
from models.topology.errors import RadixTooSmallError, ShapeMismatchError, TorusDimensionsError
from models.topology.fabric import Adapter, Fabric

_AXES = "xyz"
_Chips = npt.NDArray[np.object_]
_Integers = npt.NDArray[np.int64]


def torus(
    shape: Sequence[int],
    block: Sequence[int],
    host: Sequence[int],
    *,
    ocs_ports: int | None = None,
    adapter_gbps: float = 400.0,
) -> Fabric:
    """Build a torus of two or three dimensions.

    Inside a block chips are joined to their neighbours by cables of their own. The two opposite faces of all blocks
    meet, position by position, in one OCS each; its circuits lead from the far face of a block to the near face of the
    next one, and from the last block back to the first, so that all blocks make one torus. A dimension of a single chip
    has no cables.

    Parameters
    ----------
    shape : sequence of int
        Chips in each dimension.
    block, host : sequence of int
        Chips of a block and of a host in each dimension. Hosts are numbered block by block.
    ocs_ports : int, optional
        Ports of an OCS, two per block; by default as many as are needed.
    adapter_gbps : float
        Gb/s of a link.

    Returns
    -------
    Fabric
        Of kind ``torus``. Port 2 i + 1 of a chip leads to its near neighbour in dimension i, port 2 i + 2 to the far
        one.

    Raises
    ------
    TorusDimensionsError
        There are not two or three dimensions.
    ShapeMismatchError
        Blocks do not fill the torus, or hosts the block.
    RadixTooSmallError
        There are more blocks than fit on an OCS.
    NotACountError, NotPositiveError, NotFiniteError
        A size cannot be.

    Notes
    -----
    Jouppi et al. (TPU v4, ISCA 2023): 64 blocks of 4 × 4 × 4 chips, 96 optical links each, opposite faces on the same
    OCS, hence 48 of them with 128 ports in use; a tray of 2 × 2 × 1 chips is a host.

    Examples
    --------
    >>> pod = torus(shape=(16, 16, 16), block=(4, 4, 4), host=(2, 2, 1), ocs_ports=128)
    >>> len(pod.switches), len(pod.links), len(pod.circuits), len(pod.peer_links)
    (48, 6144, 3072, 9216)
    """
    for part in (shape, block, host):
        check_sizes(**{f"chips along {axis}": side for axis, side in zip(_AXES, part, strict=False)})
    _check_nesting(shape, block, host)
    grid = [whole // part for whole, part in zip(shape, block, strict=True)]
    if ocs_ports is not None and 2 * prod(grid) > ocs_ports:
        raise RadixTooSmallError(ocs_ports, 2 * prod(grid))
    cabling = Cabling(prod(shape) // prod(host), prod(host), adapter_gbps)
    chips = _chips(shape, block, host)
    for axis in range(len(shape)):
        if shape[axis] > 1:
            # Along the axis: blocks, chips of a block; across it: all columns of chips.
            columns = np.moveaxis(chips, axis, -1).reshape(-1, grid[axis], block[axis])
            _join_block_chips(cabling, columns)
            _join_faces(cabling, chips, axis, block)
    return cabling.fabric("torus")


def _check_nesting(shape: Sequence[int], block: Sequence[int], host: Sequence[int]) -> None:
    if len(shape) not in {2, 3}:
        raise TorusDimensionsError(len(shape))
    for whole, size, part, part_size in (("torus", shape, "blocks", block), ("block", block, "hosts", host)):
        fits = len(size) == len(part_size) and not any(one % other for one, other in zip(size, part_size, strict=True))
        if not fits:
            raise ShapeMismatchError(whole, _times(size), part, _times(part_size))


def _times(shape: Sequence[int]) -> str:
    return " × ".join(str(side) for side in shape)


def _chips(shape: Sequence[int], block: Sequence[int], host: Sequence[int]) -> _Chips:
    """Return the adapters of all chips, shape as the torus."""
    place = np.indices(tuple(shape)).reshape(len(shape), -1)
    sides = [np.array(part)[:, np.newaxis] for part in (shape, block, host)]
    whole, of_block, of_host = sides
    within = place % of_block

    def number(position: _Integers, grid: _Integers) -> _Integers:
        return np.asarray(np.ravel_multi_index(tuple(position), tuple(grid[:, 0])))

    in_block = number(within // of_host, of_block // of_host)
    hosts = number(place // of_block, whole // of_block) * (prod(block) // prod(host)) + in_block
    gpus = number(within % of_host, of_host)
    chips = np.empty(place.shape[1], dtype=object)
    chips[:] = [Adapter(*chip) for chip in zip(hosts.tolist(), gpus.tolist(), strict=True)]
    return chips.reshape(tuple(shape))


def _join_block_chips(cabling: Cabling, columns: _Chips) -> None:
    near, far = columns[..., :-1].ravel().tolist(), columns[..., 1:].ravel().tolist()
    for one, other in zip(near, far, strict=True):
        cabling.pair(one, other, "mesh", cabling.adapter_gbps)


def _join_faces(cabling: Cabling, chips: _Chips, axis: int, block: Sequence[int]) -> None:
    """Lead the two faces of every block, across one axis, to their OCSs, and close the rings."""
    face = [side for dimension, side in enumerate(block) if dimension != axis]
    across = np.moveaxis(chips, axis, -1)
    for number, position in enumerate(product(*(range(side) for side in face))):
        ocs = cabling.switch(numbered(f"ocs-{_AXES[axis]}", number, prod(face)), "ocs")
        # The columns of chips, one for every row of blocks along the axis, at this position of the face.
        steps = tuple(slice(offset, None, side) for offset, side in zip(position, face, strict=True))
        for column in across[steps].reshape(-1, across.shape[-1]):
            near = [cabling.attach(chip, 2 * axis + 1, ocs, cabling.adapter_gbps) for chip in column[:: block[axis]]]
            last = column[block[axis] - 1 :: block[axis]]
            far = [cabling.attach(chip, 2 * axis + 2, ocs, cabling.adapter_gbps) for chip in last]
            for one, other in zip(far, [*near[1:], near[0]], strict=True):
                cabling.circuit(one, other)
