"""Collectives over trees: a latency that grows with the logarithm of the ranks.

They run on one level: inside a host, or between hosts with one GPU each; `hierarchical` puts the levels together.
"""

from __future__ import annotations

import math

from models.collectives.paths import NO_COST, CollectiveCost, Group, Paths, over_one_level, single_level
from models.guards import checked_non_negative


def tree_all_reduce(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of summing a vector up a binomial tree and sending the sum down it, whole at every level.

    Parameters
    ----------
    group : Group
        Ranks inside one host, or one on each host.
    message_bytes : float
        Bytes of the vector.
    paths : Paths
        Their channels.

    Raises
    ------
    MixedGroupError
        Several GPUs on each of several hosts.
    NegativeValueError, NotFiniteError
        The vector has no such size.

    Notes
    -----
    2 ⌈log₂ N⌉ (alpha + m / beta); 2 (N - 1) messages in all (Thakur, Rabenseifner and Gropp, IJHPCA 19, 2005).
    """
    checked_non_negative("message_bytes", message_bytes)
    channel = single_level("tree_all_reduce", group, paths)
    messages = 2 * (group.ranks - 1) / group.ranks
    levels = 2 * (group.ranks - 1).bit_length()
    return over_one_level(group, levels * channel.seconds(message_bytes), messages, messages * message_bytes)


def double_tree_all_reduce(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of summing a vector over two binary trees at once, half of it in each, in pieces of the best size.

    Parameters
    ----------
    group, message_bytes, paths
        As for `tree_all_reduce`.

    Returns
    -------
    CollectiveCost
        As many bytes as over a ring, on average; no rank sends more than twice the vector.

    Notes
    -----
    Sanders, Speck and Träff (Parallel Computing 35, 2009), as built by NCCL since release 2.4: a rank that is inner
    node of one tree is a leaf of the other, so that in the steady state it sends and receives four pieces for each
    piece of both trees. With k pieces of each half and trees of height h = ⌈log₂ N⌉, whose levels take two steps each
    way, (4 h + 4 (k - 1)) steps of alpha + m / (2 k beta) [D]; the best k is √((h - 1) m / (2 alpha beta)).
    """
    checked_non_negative("message_bytes", message_bytes)
    channel = single_level("double_tree_all_reduce", group, paths)
    ranks = group.ranks
    if ranks == 1:
        return NO_COST
    height = (ranks - 1).bit_length()
    transfer = message_bytes / (2 * channel.bytes_per_second)
    best = math.sqrt((height - 1) * transfer / channel.latency_seconds) if channel.latency_seconds else math.inf
    pieces = max(1, round(min(best, message_bytes)))
    seconds = 4 * (height + pieces - 1) * channel.seconds(message_bytes / (2 * pieces))
    messages = 4 * (ranks - 1) / ranks * pieces
    return over_one_level(group, seconds, messages, messages * message_bytes / (2 * pieces))
