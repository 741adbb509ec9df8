"""How much longer a step takes when a part of the network is lost, with and without traffic moving aside."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.collectives.paths import Paths
from models.collectives.step_time import Machine, StepTime, step_time
from models.collectives.volumes import DIMENSIONS, Dimension, TrainingStep, step_volumes
from models.errors import NotAShareError
from models.guards import checked_count, checked_positive

#: what a flow keeps that was hashed onto the path of another one
_SHARED_PATH = 0.5


@dataclass(frozen=True, slots=True)
class NetworkLoss:
    """What a fault leaves of the network, for the GPUs that it hits hardest.

    Parameters
    ----------
    component : str
        What is lost.
    gpu_share_left : float
        Share of its own network bandwidth that the worst hit GPU keeps.
    host_share_left : float
        Share that its host keeps over all adapters.
    above_hosts : int
        Traffic between hosts at most so far apart does not pass the part: 1 for adapters and their switches, the hosts
        below a leaf for what is above leaves, those of a pod for what is above pods.
    at_adapter : bool
        Whether adapters lose it themselves (adapter, its links, ToR or leaf), not the paths above.
    interrupts : bool
        Whether a running job fails of it before anything can slow down.
    """

    component: str
    gpu_share_left: float
    host_share_left: float
    above_hosts: int = 1
    at_adapter: bool = True
    interrupts: bool = False

    def __post_init__(self) -> None:
        checked_positive("above_hosts", checked_count("above_hosts", self.above_hosts))
        for name in ("gpu_share_left", "host_share_left"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise NotAShareError(name, getattr(self, name))

    def share_left(self, paths: Paths, *, rebalanced: bool) -> float:
        """Return the share of bandwidth that the slowest group runs at; 0 where nothing gets through.

        Parameters
        ----------
        paths : Paths
            Channels of a GPU.
        rebalanced : bool
            Traffic takes what is left evenly.

        Notes
        -----
        [D] At the adapters, rebalancing gives each rail a part of the data in proportion to what the worst hit host has
        left of it; what a GPU's own adapter cannot take reaches another one over NVLink, which bounds it. Without it a
        collective runs at the pace of its slowest rank. Above the adapters, adaptive routing spreads flows evenly over
        the paths left; without it those that were rerouted share a path with another flow and run at half its pace,
        however many paths are left.
        """
        if not self.at_adapter:
            spread = self.gpu_share_left
            return spread if rebalanced or spread == 1.0 else min(spread, _SHARED_PATH)
        if not rebalanced:
            return self.gpu_share_left
        relayed = paths.nvlink.bytes_per_second / paths.network.bytes_per_second
        return min(self.host_share_left, self.gpu_share_left + relayed)


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step before and after a fault.

    Parameters
    ----------
    loss : NetworkLoss
        The fault.
    rebalanced : bool
        Whether traffic moves aside.
    before, after : StepTime
        The step, part by part; None after a fault that lets nothing through.
    bandwidth_left_share : float
        Share that the slowest group runs at.
    """

    loss: NetworkLoss
    rebalanced: bool
    before: StepTime
    after: StepTime | None
    bandwidth_left_share: float

    @property
    def step_seconds_before(self) -> float:
        """The step on a whole network."""
        return self.before.step_seconds

    @property
    def step_seconds_after(self) -> float:
        """The step on what is left; infinite where nothing gets through."""
        return math.inf if self.after is None else self.after.step_seconds

    @property
    def slowdown_share(self) -> float:
        """Share of the throughput that is lost: 1 - before / after."""
        return 1.0 - self.step_seconds_before / self.step_seconds_after

    @property
    def limiting(self) -> Dimension | None:
        """The parallelism whose communication grows most; None where none does, or nothing gets through."""
        if self.after is None:
            return None
        grown = {name: self.after.exposed_seconds[name] - self.before.exposed_seconds[name] for name in DIMENSIONS}
        worst = max(DIMENSIONS, key=grown.__getitem__)
        return worst if grown[worst] > 0 else None


def step_change(step: TrainingStep, machine: Machine, loss: NetworkLoss, *, rebalanced: bool) -> StepChange:
    """Return how a step changes when a part of the network is lost.

    Parameters
    ----------
    step : TrainingStep
        The step, on consecutive hosts, the worst hit one among them.
    machine : Machine
        The hosts.
    loss : NetworkLoss
        What is lost.
    rebalanced : bool
        Whether traffic moves aside (adaptive routing, active-active ports, relay over NVLink).

    Returns
    -------
    StepChange
        The step before and after.

    Notes
    -----
    HPN (Qian et al., SIGCOMM 2024) measured 6.25% for one lost port of a host's 16. Read here as a step that is all
    network and whose host spreads its traffic over the other 15: 1 - 15/16. The other reading, a rail's ring at half
    pace, gives the same number where network traffic makes up 1/15 of the step.

    Examples
    --------
    >>> from models.collectives.paths import PATHS
    >>> port = NetworkLoss("nic-port", gpu_share_left=0.5, host_share_left=15 / 16)
    >>> [slowdown(1.0, port.share_left(PATHS["h100"], rebalanced=aside)) for aside in (True, False)]
    [0.0625, 0.5]
    >>> round(slowdown(1 / 15, 0.5), 6)
    0.0625
    """
    before = step_time(step, machine)
    left = loss.share_left(machine.paths, rebalanced=rebalanced)
    passing = {
        volume.dimension
        for volume in step_volumes(step, machine.gpus_per_host)
        if volume.placed.group.hosts > 1 and volume.placed.span_hosts > loss.above_hosts
    }
    if left == 0.0 and passing:
        return StepChange(loss, rebalanced, before, None, left)
    after = step_time(step, machine, dict.fromkeys(passing, left))
    return StepChange(loss, rebalanced, before, after, left)


def slowdown(network_share: float, bandwidth_left_share: float) -> float:
    """Return the share of throughput lost when a share of the step is exposed network traffic.

    Parameters
    ----------
    network_share : float
        Share of the step, before, in which everything waits for the network.
    bandwidth_left_share : float
        Share of bandwidth left, above 0.

    Raises
    ------
    NotAShareError
        One of them is none.

    Notes
    -----
    Amdahl's law: the network part takes 1/b of its time; lost is 1 - 1 / (1 - c + c / b).

    Examples
    --------
    >>> slowdown(1.0, 15 / 16), slowdown(0.0, 0.5)
    (0.0625, 0.0)
    """
    if not 0.0 <= network_share <= 1.0:
        raise NotAShareError("network_share", network_share)
    if not 0.0 < bandwidth_left_share <= 1.0:
        raise NotAShareError("bandwidth_left_share", bandwidth_left_share)
    return 1.0 - 1.0 / (1.0 - network_share + network_share / bandwidth_left_share)
