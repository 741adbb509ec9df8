"""What would change the ETTR of a run: each lever turns a plan into the plan with it, under a stated assumption.

Levers compose: the plan that one returns is the plan the next is given. Two have an ETTR of their own, since no plan
describes them: two levels of checkpoints (`models.goodput.two_level`) and elastic data parallelism
(`models.goodput.elastic`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from models.errors import CheckpointWriteMissingError, NotAShareError
from models.goodput.errors import NotALeverError, NotLeverValuesError
from models.goodput.hot_spares import spare_shortage
from models.goodput.run_plan import RunPlan
from models.guards import checked_count, checked_non_negative


@dataclass(frozen=True, slots=True)
class Lever:
    """A change of a plan that can be asked for by name.

    `values` gives for each value the change takes its meaning; the end of a value's name is its unit. `assumption` is
    what has to hold, `source` where the effect is described.
    """

    name: str
    meaning: str
    values: MappingProxyType[str, str]
    assumption: str
    source: str
    change: Callable[..., RunPlan]

    def pull(self, plan: RunPlan, **values: float) -> RunPlan:
        """Return the plan with this lever.

        >>> plan = RunPlan(2000, 6.5e-3, 3600, 300, detection_seconds=600)
        >>> LEVERS["detection"].pull(plan, detection_seconds=30).detection_seconds
        30.0
        """
        if values.keys() != self.values.keys():
            raise NotLeverValuesError(self.name, tuple(values), tuple(self.values))
        return self.change(plan, **values)


def lever(name: str) -> Lever:
    """Return the lever of a name.

    Raises
    ------
    NotALeverError
        There is none.

    Examples
    --------
    >>> list(lever("in_job_restart").values)
    ['in_job_share', 'in_job_restart_seconds']
    """
    if name not in LEVERS:
        raise NotALeverError(name, tuple(LEVERS))
    return LEVERS[name]


def with_failures_removed(plan: RunPlan, removed_share: float) -> RunPlan:
    """Return the plan without a share of its failures.

    Examples
    --------
    >>> with_failures_removed(RunPlan(2000, 6.5e-3, 3600, 300), 0.2).failures_per_node_day
    0.0052
    """
    left = 1.0 - _checked_share("removed_share", removed_share)
    return replace(plan, failures_per_node_day=plan.failures_per_node_day * left)


def with_detection(plan: RunPlan, detection_seconds: float) -> RunPlan:
    """Return the plan with failures found after another time.

    Examples
    --------
    >>> with_detection(RunPlan(2000, 6.5e-3, 3600, 300, detection_seconds=600), 30).detection_seconds
    30.0
    """
    return replace(plan, detection_seconds=checked_non_negative("detection_seconds", detection_seconds))


def with_restart(plan: RunPlan, restart_overhead_seconds: float) -> RunPlan:
    """Return the plan with another initialisation time.

    Examples
    --------
    >>> with_restart(RunPlan(2000, 6.5e-3, 3600, 300), 60).restart_overhead_seconds
    60.0
    """
    overhead = checked_non_negative("restart_overhead_seconds", restart_overhead_seconds)
    return replace(plan, restart_overhead_seconds=overhead)


def with_in_job_restart(plan: RunPlan, in_job_share: float, in_job_restart_seconds: float) -> RunPlan:
    """Return the plan with processes restarted inside the allocation after a share of the failures.

    Parameters
    ----------
    plan : RunPlan
        The run.
    in_job_share : float
        Share of failures after which all nodes can be used again: software, transient faults.
    in_job_restart_seconds : float
        Initialisation after such a failure.

    Returns
    -------
    RunPlan
        Queue and restart overhead averaged over both kinds of failure.

    Raises
    ------
    NotAShareError, NegativeValueError, NotFiniteError
        A value cannot be.

    Notes
    -----
    Exact in the queue. A mean restart overhead stands for two different ones: ETTR comes out low by a relative error of
    about (rate * their standard deviation)^2 / 2, below 0.1% while failures come ten times slower than restarts.

    Examples
    --------
    >>> plan = with_in_job_restart(RunPlan(2000, 6.5e-3, 3600, 600, queue_wait_seconds=900), 0.5, 60)
    >>> plan.queue_wait_seconds, plan.restart_overhead_seconds
    (450.0, 330.0)
    """
    share = _checked_share("in_job_share", in_job_share)
    fast = checked_non_negative("in_job_restart_seconds", in_job_restart_seconds)
    return replace(
        plan,
        queue_wait_seconds=(1.0 - share) * plan.queue_wait_seconds,
        restart_overhead_seconds=(1.0 - share) * plan.restart_overhead_seconds + share * fast,
    )


def with_failed_node_replaced(plan: RunPlan, replacement_seconds: float) -> RunPlan:
    """Return the plan that keeps its allocation and waits for one node instead of queueing for all.

    Examples
    --------
    >>> with_failed_node_replaced(RunPlan(2000, 6.5e-3, 3600, 300, queue_wait_seconds=1800), 60).queue_wait_seconds
    60.0
    """
    return replace(plan, queue_wait_seconds=checked_non_negative("replacement_seconds", replacement_seconds))


def with_hot_spares(plan: RunPlan, spares: float, repair_seconds: float, swap_seconds: float) -> RunPlan:
    """Return the plan with spare nodes at hand.

    Parameters
    ----------
    plan : RunPlan
        The run; its queue wait is what a failure costs that finds no spare, unless a repair ends sooner.
    spares : float
        Nodes held ready, a whole number.
    repair_seconds : float
        Mean time until a failed node is a spare.
    swap_seconds : float
        Wait of a failure that finds a spare.

    Returns
    -------
    RunPlan
        The queue wait is the mean over failures with and without a spare.

    Raises
    ------
    NotACountError, NegativeValueError, NotFiniteError
        A value cannot be.

    Notes
    -----
    The chance to find none is Erlang's (`models.goodput.hot_spares.spare_shortage`). The spares' own idle time is
    not in the ETTR of the run: of the GPU time bought it gets ETTR * nodes / (nodes + spares).

    Examples
    --------
    >>> plan = RunPlan(2048, 6.5e-3, 3600, 300, queue_wait_seconds=3600)
    >>> round(with_hot_spares(plan, spares=20, repair_seconds=86_400, swap_seconds=30).queue_wait_seconds)
    107
    """
    shortage = spare_shortage(plan, checked_count("spares", spares), repair_seconds)
    without = min(plan.queue_wait_seconds, shortage.wait_seconds)
    swap = min(plan.queue_wait_seconds, checked_non_negative("swap_seconds", swap_seconds))
    return replace(plan, queue_wait_seconds=(1.0 - shortage.chance) * swap + shortage.chance * without)


def with_asynchronous_checkpoints(plan: RunPlan, stall_share: float) -> RunPlan:
    """Return the plan whose checkpoints stop training for a share of their write time.

    Examples
    --------
    >>> plan = RunPlan(2000, 6.5e-3, 3600, 300, checkpoint_write_seconds=148.8)
    >>> round(with_asynchronous_checkpoints(plan, 6.3 / 148.8).stall_seconds, 1)
    6.3
    """
    if plan.checkpoint_write_seconds is None:
        raise CheckpointWriteMissingError
    share = _checked_share("stall_share", stall_share)
    return replace(plan, checkpoint_stall_seconds=share * plan.checkpoint_write_seconds)


def with_write_time(plan: RunPlan, checkpoint_write_seconds: float) -> RunPlan:
    """Return the plan with another write time; the share of it that stalls training stays.

    Examples
    --------
    >>> with_write_time(RunPlan(2000, 6.5e-3, 3600, 300, checkpoint_write_seconds=300), 10).stall_seconds
    10.0
    """
    write = checked_non_negative("checkpoint_write_seconds", checkpoint_write_seconds)
    if plan.checkpoint_stall_seconds is None:
        return replace(plan, checkpoint_write_seconds=write)
    before = plan.checkpoint_write_seconds or 0.0
    share = plan.checkpoint_stall_seconds / before if before > 0.0 else 1.0
    return replace(plan, checkpoint_write_seconds=write, checkpoint_stall_seconds=share * write)


def _checked_share(name: str, share: float) -> float:
    if not 0.0 <= share <= 1.0:
        raise NotAShareError(name, share)
    return float(share)


def _lever(
    name: str, meaning: str, change: Callable[..., RunPlan], assumption: str, source: str, **values: str
) -> Lever:
    return Lever(name, meaning, MappingProxyType(values), assumption, source, change)


LEVERS: Final = MappingProxyType(
    {
        each.name: each
        for each in (
            _lever(
                "drain_lemons",
                "nodes that fail far more often than the fleet are taken out",
                with_failures_removed,
                "the drained nodes' failures go, the run keeps its size from the rest of the fleet",
                "Kokolis et al. (HPCA 2025): 1.2% of nodes; large jobs failing went from 14% to 4%",
                removed_share="share of the run's failures that lemons cause",
            ),
            _lever(
                "dual_tor",
                "each NIC is wired to two top-of-rack switches, so that one link or switch does not stop a host",
                with_failures_removed,
                "failures of links and switches no longer end the run and their slowdown is negligible",
                "Alibaba HPN (SIGCOMM 2024); Llama 3 (arXiv 2407.21783): 35 of 419 interruptions are switch or cable",
                removed_share="share of failures that a link or a top-of-rack switch causes",
            ),
            _lever(
                "detection",
                "failures are found sooner",
                with_detection,
                "all failures take the same time to find; nodes are held and produce nothing until then",
                "ByteRobust (arXiv 2509.16293): 2 to 60 s by inspection against about 10 min by timeout",
                detection_seconds="time from a failure until the run is stopped",
            ),
            _lever(
                "restart",
                "the run initialises faster",
                with_restart,
                "the same time after every start",
                "Kokolis et al. (HPCA 2025): u0 of 5 to 20 min",
                restart_overhead_seconds="initialisation after each start, reading the checkpoint included",
            ),
            _lever(
                "in_job_restart",
                "processes restart inside the allocation where all nodes can be used again",
                with_in_job_restart,
                "after this share of failures there is no queue and the initialisation is shorter",
                "ByteRobust (arXiv 2509.16293): 23% of incidents solved by trying again, failover 11 times faster",
                in_job_share="share of failures after which no node is replaced",
                in_job_restart_seconds="initialisation inside the allocation",
            ),
            _lever(
                "replace_failed_node",
                "the allocation is kept and only the failed node is replaced",
                with_failed_node_replaced,
                "a node is found in this time after every failure; the others wait for it",
                "our own",
                replacement_seconds="mean wait for one node",
            ),
            _lever(
                "hot_spares",
                "spare nodes stand ready",
                with_hot_spares,
                "repairs run beside each other, spares do not fail on the shelf, a failure takes one node",
                "Erlang (1917), Sevastyanov (1957) for any law of repair times; ByteRobust's warm standbys",
                spares="nodes held ready",
                repair_seconds="mean time until a failed node is ready again",
                swap_seconds="wait of a failure that finds a spare",
            ),
            _lever(
                "asynchronous_checkpoints",
                "training goes on while a checkpoint is written",
                with_asynchronous_checkpoints,
                "the write is not slowed by training, nor training by the write beyond the stall",
                "IBM and PyTorch: 148.8 s blocking, 6.3 s of stall for a 7B model; CheckFreq (FAST 2021)",
                stall_share="share of the write during which training stands still",
            ),
            _lever(
                "checkpoint_write",
                "checkpoints are written faster",
                with_write_time,
                "every write takes the same time",
                "Kokolis et al. (HPCA 2025): from 5 min to 10 s",
                checkpoint_write_seconds="from the begin of a checkpoint until a restart can use it",
            ),
        )
    }
)
