"""Collectives over rings: bandwidth-optimal, with a latency that grows with the ranks.

A group on several hosts runs as many rings as it has GPUs, hence adapters, per host; each ring carries its part of the
data, passes through every GPU of a host over NVLink and leaves the host by an adapter of its own, so that all adapters
work (as NCCL's channels do). Hosts are passed through in alternating directions, so that a ring arrives on the rail it
left; only where the number of hosts is odd, one hop of each ring changes the rail.
"""

from __future__ import annotations

from models.collectives.paths import NO_COST, CollectiveCost, Group, Paths
from models.guards import checked_non_negative


def ring_all_reduce(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of summing a vector over all ranks: a reduce-scatter and an all-gather.

    Parameters
    ----------
    group : Group
        The ranks.
    message_bytes : float
        Bytes of the vector that every rank holds.
    paths : Paths
        Their channels.

    Returns
    -------
    CollectiveCost
        Each GPU sends 2 (N - 1) / N × the vector in 2 (N - 1) steps.

    Raises
    ------
    NegativeValueError, NotFiniteError
        The vector has no such size.

    Notes
    -----
    Patarasuk and Yuan (J. Parallel Distrib. Comput. 69, 2009): 2 (N - 1) (alpha + m / (N beta)).

    Examples
    --------
    >>> from models.collectives.paths import PATHS
    >>> cost = ring_all_reduce(Group(hosts=4, per_host=1), 1e9, PATHS["h100"])
    >>> round(cost.network_bytes_per_gpu / 1e9, 3), round(cost.seconds, 4)
    (1.5, 0.0301)
    """
    return _turn(group, message_bytes, paths, rounds=2)


def ring_reduce_scatter(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of summing a vector over all ranks, each of which keeps its part: half an all-reduce.

    Parameters
    ----------
    group, message_bytes, paths
        As for `ring_all_reduce`: bytes of the whole vector, which every rank holds before.
    """
    return _turn(group, message_bytes, paths, rounds=1)


def ring_all_gather(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of giving all ranks the parts of each: half an all-reduce.

    Parameters
    ----------
    group, message_bytes, paths
        As for `ring_all_reduce`: bytes of the whole vector, which every rank holds afterwards.
    """
    return _turn(group, message_bytes, paths, rounds=1)


def _turn(group: Group, message_bytes: float, paths: Paths, rounds: int) -> CollectiveCost:
    checked_non_negative("message_bytes", message_bytes)
    steps = rounds * (group.ranks - 1)
    if steps == 0:
        return NO_COST
    part = message_bytes / group.ranks
    return _sent(group, steps * _hop_seconds(group, part, paths), steps, part)


def _hop_seconds(group: Group, part_bytes: float, paths: Paths) -> float:
    """Return how long one step of all rings takes, when each GPU hands on so many bytes: its slower channel decides."""
    if group.hosts == 1:
        return paths.nvlink.seconds(part_bytes)
    over_network = paths.network.seconds(part_bytes / group.per_host)
    if group.per_host == 1:
        return over_network
    return max(over_network, paths.nvlink.seconds(part_bytes * (1 - 1 / group.per_host)))


def _sent(group: Group, seconds: float, steps: int, part_bytes: float) -> CollectiveCost:
    """Return the cost of so many steps of all rings, each handing on so many bytes per GPU."""
    if group.hosts == 1:
        return CollectiveCost(seconds, nvlink_messages_per_gpu=steps, nvlink_bytes_per_gpu=steps * part_bytes)
    local = group.per_host - 1
    return CollectiveCost(
        seconds,
        network_messages_per_gpu=steps,
        nvlink_messages_per_gpu=steps * local,
        network_bytes_per_gpu=steps * part_bytes / group.per_host,
        nvlink_bytes_per_gpu=steps * part_bytes * local / group.per_host,
        cross_rail_share=1 / group.hosts if local and group.hosts % 2 else 0.0,
    )
