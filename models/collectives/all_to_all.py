"""All-to-all between the GPUs of many hosts: direct, and with PXN, which sends everything along the rails."""

from __future__ import annotations

from models.collectives.paths import CollectiveCost, Group, Paths
from models.guards import checked_non_negative


def direct_all_to_all(group: Group, pair_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of an all-to-all in which every GPU sends to every other one itself.

    Parameters
    ----------
    group : Group
        G GPUs on each of n hosts.
    pair_bytes : float
        Bytes s that each GPU has for each other GPU.
    paths : Paths
        Their channels.

    Returns
    -------
    CollectiveCost
        Each GPU sends G (n - 1) messages of s over the network, (G - 1) / G of them to another rail, and G - 1 over
        NVLink. Both go on at the same time.

    Raises
    ------
    NegativeValueError, NotFiniteError
        The pairs have no such size.

    Examples
    --------
    >>> from models.collectives.paths import PATHS
    >>> cost = direct_all_to_all(Group(hosts=16, per_host=8), 1e6, PATHS["h100"])
    >>> cost.network_messages_per_gpu, cost.bytes_per_network_message, cost.cross_rail_share
    (120, 1000000.0, 0.875)
    """
    checked_non_negative("pair_bytes", pair_bytes)
    remote, local = group.per_host * (group.hosts - 1), group.per_host - 1
    return CollectiveCost(
        seconds=max(
            paths.network.seconds(remote * pair_bytes, remote), paths.nvlink.seconds(local * pair_bytes, local)
        ),
        network_messages_per_gpu=remote,
        nvlink_messages_per_gpu=local,
        network_bytes_per_gpu=remote * pair_bytes,
        nvlink_bytes_per_gpu=local * pair_bytes,
        cross_rail_share=local / group.per_host if remote else 0.0,
    )


def pxn_all_to_all(group: Group, pair_bytes: float, paths: Paths) -> CollectiveCost:
    """Cost of an all-to-all that goes over NVLink to the GPU on the target's rail first, and is bundled there.

    Parameters
    ----------
    group, pair_bytes, paths
        As for `direct_all_to_all`.

    Returns
    -------
    CollectiveCost
        Each adapter sends n - 1 messages of G s, all on its own rail: G times fewer, G times larger ones. NVLink
        carries (G - 1) / G of the network's bytes once, in one bundle per local GPU together with what is for that GPU
        itself.

    Notes
    -----
    NVIDIA, "Doubling all2all performance with NVIDIA Collective Communication Library 2.12" (2022). The same relay is
    the only way between rails of a rail-only network (Wang et al., arXiv 2307.12169). The two phases follow each other
    here [D]; an implementation that lets them overlap hides the shorter one.

    Examples
    --------
    >>> from models.collectives.paths import PATHS
    >>> cost = pxn_all_to_all(Group(hosts=16, per_host=8), 1e6, PATHS["h100"])
    >>> cost.network_messages_per_gpu, cost.bytes_per_network_message, cost.cross_rail_share
    (15, 8000000.0, 0.0)
    """
    checked_non_negative("pair_bytes", pair_bytes)
    remote_hosts, local = group.hosts - 1, group.per_host - 1
    bundle = group.per_host * pair_bytes
    network_bytes, nvlink_bytes = remote_hosts * bundle, local * group.hosts * pair_bytes
    return CollectiveCost(
        seconds=paths.nvlink.seconds(nvlink_bytes, local) + paths.network.seconds(network_bytes, remote_hosts),
        network_messages_per_gpu=remote_hosts,
        nvlink_messages_per_gpu=local,
        network_bytes_per_gpu=network_bytes,
        nvlink_bytes_per_gpu=nvlink_bytes,
    )


def relay_overhead(group: Group, paths: Paths) -> float:
    """Share by which relaying over NVLink lengthens the exchange with other hosts, for long messages.

    Parameters
    ----------
    group : Group
        G GPUs on each host or scale-up domain.
    paths : Paths
        Their channels.

    Returns
    -------
    float
        (C_network / C_NVLink) (G - 1) / G: what a rail-only network costs an all-to-all against one with spines.

    Notes
    -----
    [D] from the relay of arXiv 2307.12169, which publishes 8.2 to 11.2%; with its domains of 256 GPUs and adapters of
    25 GB/s beside NVLink of 300 GB/s (A100), or 50 beside 450 (H100), it comes to 8.3% and 11.1%.

    Examples
    --------
    >>> from models.collectives.paths import PATHS
    >>> [round(100 * relay_overhead(Group(128, 256), PATHS[gpu]), 1) for gpu in ("a100", "h100")]
    [8.3, 11.1]
    """
    ratio = paths.network.bytes_per_second / paths.nvlink.bytes_per_second
    return ratio * (group.per_host - 1) / group.per_host
