"""Collectives in two levels: inside the hosts over NVLink, and between them rail by rail; and the best of all forms."""

from __future__ import annotations

from collections.abc import Callable

from models.collectives.paths import CollectiveCost, Group, Paths, in_sequence
from models.collectives.rings import ring_all_gather, ring_all_reduce, ring_reduce_scatter
from models.collectives.trees import double_tree_all_reduce

Collective = Callable[[Group, float, Paths], CollectiveCost]


def hierarchical_all_reduce(
    group: Group, message_bytes: float, paths: Paths, *, between: Collective = ring_all_reduce
) -> CollectiveCost:
    """Cost of an all-reduce in three phases: reduce-scatter in the hosts, all-reduce per rail, all-gather in the hosts.

    Parameters
    ----------
    group : Group
        The ranks.
    message_bytes : float
        Bytes of the vector that every rank holds.
    paths : Paths
        Their channels.
    between : callable
        How the ranks of one rail sum their part: `ring_all_reduce` or `double_tree_all_reduce`.

    Returns
    -------
    CollectiveCost
        With G GPUs on each of n hosts a GPU sends 2 (n - 1) / n × 1/G of the vector over the network, all of it on its
        own rail, and 2 (G - 1) / G of it over NVLink.

    Notes
    -----
    The phases follow each other; an implementation that lets them overlap is faster. Cho et al. (BlueConnect,
    MLSys 2019).

    Examples
    --------
    >>> from models.collectives.paths import PATHS
    >>> cost = hierarchical_all_reduce(Group(hosts=4, per_host=8), 8e9, PATHS["h100"])
    >>> round(cost.network_bytes_per_gpu / 1e9, 3), round(cost.nvlink_bytes_per_gpu / 1e9, 3), cost.cross_rail_share
    (1.5, 14.0, 0.0)
    """
    inside, rail = Group(1, group.per_host), Group(group.hosts, 1)
    return in_sequence(
        ring_reduce_scatter(inside, message_bytes, paths),
        between(rail, message_bytes / group.per_host, paths),
        ring_all_gather(inside, message_bytes, paths),
    )


def hierarchical_reduce_scatter(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of a reduce-scatter in the hosts, then of each GPU's part along its rail.

    Parameters
    ----------
    group, message_bytes, paths
        As for `hierarchical_all_reduce`: bytes of the whole vector.
    """
    return in_sequence(
        ring_reduce_scatter(Group(1, group.per_host), message_bytes, paths),
        ring_reduce_scatter(Group(group.hosts, 1), message_bytes / group.per_host, paths),
    )


def hierarchical_all_gather(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of an all-gather along the rails, then in the hosts.

    Parameters
    ----------
    group, message_bytes, paths
        As for `hierarchical_all_reduce`: bytes of the whole vector.
    """
    return in_sequence(
        ring_all_gather(Group(group.hosts, 1), message_bytes / group.per_host, paths),
        ring_all_gather(Group(1, group.per_host), message_bytes, paths),
    )


def all_reduce(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of the fastest all-reduce: flat ring, or in two levels with a ring or a double tree between the hosts.

    Parameters
    ----------
    group, message_bytes, paths
        As for `hierarchical_all_reduce`.

    Notes
    -----
    NCCL chooses by such a model, too.
    """
    return _fastest(
        ring_all_reduce(group, message_bytes, paths),
        hierarchical_all_reduce(group, message_bytes, paths),
        hierarchical_all_reduce(group, message_bytes, paths, between=double_tree_all_reduce),
    )


def reduce_scatter(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of the faster reduce-scatter: flat ring, or in two levels.

    Parameters
    ----------
    group, message_bytes, paths
        As for `hierarchical_reduce_scatter`.
    """
    return _fastest(
        ring_reduce_scatter(group, message_bytes, paths), hierarchical_reduce_scatter(group, message_bytes, paths)
    )


def all_gather(group: Group, message_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of the faster all-gather: flat ring, or in two levels.

    Parameters
    ----------
    group, message_bytes, paths
        As for `hierarchical_all_gather`.
    """
    return _fastest(ring_all_gather(group, message_bytes, paths), hierarchical_all_gather(group, message_bytes, paths))


def _fastest(*costs: CollectiveCost) -> CollectiveCost:
    return min(costs, key=lambda cost: cost.seconds)
