"""How long a checkpoint takes to write or to read when all ranks use one storage at once.

Bandwidth is in Gb/s, gigabits (1e9 bits) per second, as everywhere in this project's `_gbps`. Papers on checkpoints
mostly print GB/s, gigabytes: the 50 to 200 GB/s measured over production runs are 400 to 1,600 Gb/s here.
"""

import math
from typing import Final

from models.guards import checked_count, checked_positive

BITS_PER_BYTE: Final = 8.0
BITS_PER_GIGABIT: Final = 1e9


def gbps_from_gigabytes_per_second(gigabytes_per_second: float) -> float:
    """Return gigabits per second of a bandwidth printed in gigabytes per second.

    Parameters
    ----------
    gigabytes_per_second : float
        GB/s, decimal.

    Returns
    -------
    float
        Gb/s.

    Raises
    ------
    NotPositiveError, NotFiniteError
        No bandwidth.

    Examples
    --------
    >>> gbps_from_gigabytes_per_second(250)
    2000.0
    """
    return BITS_PER_BYTE * checked_positive("gigabytes_per_second", gigabytes_per_second)


def write_seconds_from_storage(
    checkpoint_bytes: float, storage_gbps: float, ranks: int = 1, per_rank_gbps: float = math.inf
) -> float:
    """Return the time to write one checkpoint: the storage or the ranks' own links, whichever is slower.

    Parameters
    ----------
    checkpoint_bytes : float
        The whole checkpoint.
    storage_gbps : float
        Gb/s the storage takes from all ranks together.
    ranks : int
        Ranks that write at once, each an equal part.
    per_rank_gbps : float
        Gb/s of one rank to the storage; infinite where only the storage limits.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    NotPositiveError, NotFiniteError, NotACountError
        A size, a bandwidth or a number of ranks cannot be.

    Notes
    -----
    bytes * 8 / (1e9 * min(storage, ranks * per rank)). Opening of files, metadata and the wait for the slowest rank are
    not in it: a measured time, where there is one, is the better w.

    Examples
    --------
    The 5.67 TB of a 405B model (14 bytes a parameter) at 2,000 Gb/s, which is 250 GB/s:

    >>> round(write_seconds_from_storage(405e9 * 14, 2000, ranks=16_384, per_rank_gbps=50), 1)
    22.7
    """
    size = checked_positive("checkpoint_bytes", checkpoint_bytes)
    return size * BITS_PER_BYTE / (BITS_PER_GIGABIT * _joint_gbps(storage_gbps, ranks, per_rank_gbps))


def read_seconds_from_storage(
    checkpoint_bytes: float,
    storage_gbps: float,
    ranks: int = 1,
    per_rank_gbps: float = math.inf,
    copies: int = 1,
) -> float:
    """Return the time to read a checkpoint at a restart.

    Parameters
    ----------
    checkpoint_bytes : float
        The whole checkpoint.
    storage_gbps : float
        Gb/s the storage gives to all ranks together.
    ranks : int
        Ranks that read at once, each an equal part of what is read.
    per_rank_gbps : float
        Gb/s of the storage to one rank; infinite where only the storage limits.
    copies : int
        How often the checkpoint leaves the storage: the number of data-parallel replicas where each reads its own, 1
        where one replica reads and hands on.

    Returns
    -------
    float
        Seconds; a part of the restart overhead u0.

    Raises
    ------
    NotPositiveError, NotFiniteError, NotACountError
        A size, a bandwidth or a number cannot be.

    Examples
    --------
    >>> round(read_seconds_from_storage(405e9 * 14, 2000, copies=8), 1)
    181.4
    """
    many = checked_positive("copies", checked_count("copies", copies))
    return many * write_seconds_from_storage(checkpoint_bytes, storage_gbps, ranks, per_rank_gbps)


def _joint_gbps(storage_gbps: float, ranks: int, per_rank_gbps: float) -> float:
    storage = checked_positive("storage_gbps", storage_gbps)
    writers = checked_positive("ranks", checked_count("ranks", ranks))
    if per_rank_gbps == math.inf:
        return storage
    return min(storage, writers * checked_positive("per_rank_gbps", per_rank_gbps))
