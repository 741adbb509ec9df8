"""What a collective runs on, channels and groups of GPUs, and what it costs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from models.collectives.errors import MixedGroupError
from models.errors import NotAShareError
from models.guards import checked_count, checked_non_negative, checked_positive


@dataclass(frozen=True, slots=True)
class Channel:
    """A way out of a GPU in the alpha-beta model: a message of m bytes takes latency + m / bandwidth.

    Parameters
    ----------
    latency_seconds : float
        Cost of a message however short (alpha).
    bytes_per_second : float
        Bandwidth in each direction; both are used at once.
    """

    latency_seconds: float
    bytes_per_second: float

    def __post_init__(self) -> None:
        checked_non_negative("latency_seconds", self.latency_seconds)
        checked_positive("bytes_per_second", self.bytes_per_second)

    def seconds(self, sent_bytes: float, messages: float = 1.0) -> float:
        """Return how long messages of so many bytes together take, one after the other.

        >>> Channel(1e-6, 1e9).seconds(1000, messages=2)
        3e-06
        """
        return messages * self.latency_seconds + sent_bytes / self.bytes_per_second

    def at_share(self, share: float) -> Channel:
        """Return the channel with a share of its bandwidth left, above 0.

        >>> Channel(0.0, 50e9).at_share(0.5).bytes_per_second
        25000000000.0
        """
        if not 0.0 < share <= 1.0:
            raise NotAShareError("share of bandwidth left", share)
        return replace(self, bytes_per_second=self.bytes_per_second * share)


@dataclass(frozen=True, slots=True)
class Paths:
    """The two ways out of a GPU.

    Parameters
    ----------
    network : Channel
        Its own network adapter: one per GPU, to other hosts.
    nvlink : Channel
        The scale-up fabric, to the GPUs of its host or domain.
    """

    network: Channel
    nvlink: Channel


#: latencies of NCCL's tuning model (src/graph/tuning.cc, release 2.8: ring, protocol Simple), in seconds
NETWORK_LATENCY_SECONDS = 9.6e-6
NVLINK_LATENCY_SECONDS = 3.4e-6


def _paths(network_gigabytes: float, nvlink_gigabytes: float) -> Paths:
    return Paths(
        network=Channel(NETWORK_LATENCY_SECONDS, network_gigabytes * 1e9),
        nvlink=Channel(NVLINK_LATENCY_SECONDS, nvlink_gigabytes * 1e9),
    )


#: GPUs with the bandwidth of an adapter and of NVLink, each direction: A100 with 200 Gb/s, H100 with 400 Gb/s
PATHS: Mapping[str, Paths] = MappingProxyType({"a100": _paths(25, 300), "h100": _paths(50, 450)})


@dataclass(frozen=True, slots=True)
class Group:
    """GPUs that take part in a collective, as many on each host.

    Parameters
    ----------
    hosts : int
        Hosts with a part of the group.
    per_host : int
        GPUs of the group on each host; each has a rail of its own.
    """

    hosts: int
    per_host: int

    def __post_init__(self) -> None:
        checked_positive("hosts", checked_count("hosts", self.hosts))
        checked_positive("per_host", checked_count("per_host", self.per_host))

    @property
    def ranks(self) -> int:
        """GPUs of the group."""
        return self.hosts * self.per_host


@dataclass(frozen=True, slots=True)
class CollectiveCost:
    """What a collective costs: time, and what one GPU sends, on average over the group.

    Parameters
    ----------
    seconds : float
        From start to end.
    network_messages_per_gpu, nvlink_messages_per_gpu : float
        Messages that a GPU hands to its network adapter, and to NVLink.
    network_bytes_per_gpu, nvlink_bytes_per_gpu : float
        Bytes in them.
    cross_rail_share : float
        Share of the network's bytes that leave one rail and arrive on another, hence climb above the leaf where the
        fabric is rail-optimised, and have no way at all where it is rail-only.
    """

    seconds: float
    network_messages_per_gpu: float = 0.0
    nvlink_messages_per_gpu: float = 0.0
    network_bytes_per_gpu: float = 0.0
    nvlink_bytes_per_gpu: float = 0.0
    cross_rail_share: float = 0.0

    @property
    def bytes_per_network_message(self) -> float:
        """Mean size of a message on the network; 0 without any."""
        messages = self.network_messages_per_gpu
        return self.network_bytes_per_gpu / messages if messages else 0.0

    @property
    def bytes_per_gpu(self) -> float:
        """All that a GPU sends."""
        return self.network_bytes_per_gpu + self.nvlink_bytes_per_gpu


NO_COST = CollectiveCost(0.0)


def in_sequence(*costs: CollectiveCost) -> CollectiveCost:
    """Return the cost of collectives one after the other.

    >>> in_sequence(CollectiveCost(1.0, network_bytes_per_gpu=2.0), CollectiveCost(0.5)).seconds
    1.5
    """
    network = sum(cost.network_bytes_per_gpu for cost in costs)
    crossing = sum(cost.network_bytes_per_gpu * cost.cross_rail_share for cost in costs)
    return CollectiveCost(
        seconds=sum(cost.seconds for cost in costs),
        network_messages_per_gpu=sum(cost.network_messages_per_gpu for cost in costs),
        nvlink_messages_per_gpu=sum(cost.nvlink_messages_per_gpu for cost in costs),
        network_bytes_per_gpu=network,
        nvlink_bytes_per_gpu=sum(cost.nvlink_bytes_per_gpu for cost in costs),
        cross_rail_share=crossing / network if network else 0.0,
    )


def single_level(operation: str, group: Group, paths: Paths) -> Channel:
    """Return the one channel that a group inside a host, or with a GPU per host, uses."""
    if group.hosts > 1 and group.per_host > 1:
        raise MixedGroupError(operation, group.hosts, group.per_host)
    return paths.network if group.hosts > 1 else paths.nvlink


def over_one_level(group: Group, seconds: float, messages_per_gpu: float, bytes_per_gpu: float) -> CollectiveCost:
    """Return the cost of a collective all of whose messages take the same channel."""
    if group.hosts > 1:
        return CollectiveCost(seconds, network_messages_per_gpu=messages_per_gpu, network_bytes_per_gpu=bytes_per_gpu)
    return CollectiveCost(seconds, nvlink_messages_per_gpu=messages_per_gpu, nvlink_bytes_per_gpu=bytes_per_gpu)
