"""What a run waits for after a failure: its place in the queue as a whole, or a node in place of the failed one."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.errors import NotAShareError
from models.goodput.run_plan import RunPlan
from models.goodput.simulation.failures import FailureDomain, Strike
from models.goodput.simulation.laws import Law, Rows
from models.guards import FloatArray, checked_count, checked_non_negative

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class SimulatedCluster:
    """The surroundings of a run that keeps its healthy nodes after a failure and has only the failed ones replaced.

    Parameters
    ----------
    repair : Law
        How long a failed node is gone, from its failure on.
    spares : int
        Nodes standing by beyond those of the run; idle ones do not fail.
    handover_seconds : float
        Until a replacement has joined the run; restart time, during which failures strike.
    node_queue : Law or None
        Where no spare is left: the wait for a node of the scheduler, which gets the failed one once it is repaired. The
        run takes what comes first, this or a repaired node of its own; None if the scheduler gives it nothing.
    in_job_restart_seconds : float or None
        Restart overhead where the run did not have to wait, because its processes live on; None for that of the plan.
    in_place_share : float
        Share of the failures of nodes that a restart on the same nodes cures: none is lost.
    domains : tuple of FailureDomain
        What takes several nodes down at once, by its own rate.

    Raises
    ------
    ModelError
        A field cannot be; the message names it.

    Examples
    --------
    >>> from models.goodput.simulation.laws import Fixed
    >>> SimulatedCluster(repair=Fixed(7200.0), spares=4, handover_seconds=60.0).spares
    4
    """

    repair: Law
    spares: int = 0
    handover_seconds: float = 0.0
    node_queue: Law | None = None
    in_job_restart_seconds: float | None = None
    in_place_share: float = 0.0
    domains: tuple[FailureDomain, ...] = ()

    def __post_init__(self) -> None:
        checked_count("spares", self.spares)
        checked_non_negative("handover_seconds", self.handover_seconds)
        if self.in_job_restart_seconds is not None:
            checked_non_negative("in_job_restart_seconds", self.in_job_restart_seconds)
        if not 0.0 <= self.in_place_share <= 1.0:  # NaN fails this too
            raise NotAShareError("in_place_share", self.in_place_share)


class Recovery(Protocol):
    """What happens between a failure and the next restart; one row of replicas at a time."""

    def strike(self, at_seconds: FloatArray, strike: Strike, failed: BoolArray) -> None:
        """Take note of the failures of those replicas that failed at those times of the wall clock."""
        ...

    def ready(self, now_seconds: FloatArray, starts: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Return how long those that start have to wait, and how long their restart then takes."""
        ...


class WholeRequeue:
    """The whole run goes back to the queue, whatever failed."""

    def __init__(self, plan: RunPlan, queue: Law, replicas: int, rng: np.random.Generator) -> None:
        self._waits = Rows(queue, replicas, rng)
        self._restart = np.full(replicas, plan.restart_overhead_seconds)

    def strike(self, at_seconds: FloatArray, strike: Strike, failed: BoolArray) -> None:
        """Nothing to note: no node is missed."""

    def ready(self, now_seconds: FloatArray, starts: BoolArray) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002
        """Return a wait in the queue and the restart overhead of the plan."""
        return self._waits.next(), self._restart


class Replacement:
    """Failed nodes go to repair; the run goes on as soon as no more nodes are gone than there are spares.

    The run and its spares are one stock of nodes. Each failure is one entry: when its nodes come back, and how many.
    """

    def __init__(
        self, plan: RunPlan, cluster: SimulatedCluster, queue: Law, replicas: int, rng: np.random.Generator
    ) -> None:
        self._plan, self._cluster = plan, cluster
        of_queue, of_nodes, of_place, *of_repairs = rng.spawn(4 + len(cluster.domains))
        self._first_waits: FloatArray | None = queue.sample(of_queue, replicas)
        self._node_waits = None if cluster.node_queue is None else Rows(cluster.node_queue, replicas, of_nodes)
        self._place_rng = of_place
        laws = [cluster.repair, *(domain.repair or cluster.repair for domain in cluster.domains)]
        self._repairs = [Rows(law, replicas, of_law) for law, of_law in zip(laws, of_repairs, strict=True)]
        self._back = np.full((replicas, 1), -np.inf)
        self._gone = np.zeros((replicas, 1), dtype=np.intp)
        self._replaced = np.zeros(replicas, dtype=np.bool_)

    def strike(self, at_seconds: FloatArray, strike: Strike, failed: BoolArray) -> None:
        """Send the failed nodes to repair."""
        lost = self._nodes_lost(strike)
        repair = np.choose(strike.kind + 1, [rows.next() for rows in self._repairs])
        failed = failed & (lost > 0)
        slot = np.argmin(self._back, axis=1)  # the entry that ends first has ended, or there is none free
        taken = np.take_along_axis(self._back, slot[:, None], axis=1)[:, 0] > at_seconds
        if (taken & failed).any():
            self._back = np.pad(self._back, ((0, 0), (0, 1)), constant_values=-np.inf)
            self._gone = np.pad(self._gone, ((0, 0), (0, 1)))
            slot = np.argmin(self._back, axis=1)
        (rows,) = np.nonzero(failed)
        self._back[rows, slot[rows]] = at_seconds[rows] + repair[rows]
        self._gone[rows, slot[rows]] = lost[rows]
        self._replaced |= failed

    def ready(self, now_seconds: FloatArray, starts: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Return the wait until nodes enough are there, and the restart with or without hand-over."""
        offers = None if self._node_waits is None else self._node_waits.next()
        overhead = self._plan.restart_overhead_seconds
        if self._first_waits is not None:
            waits, self._first_waits = self._first_waits, None
            return waits, np.full(waits.size, overhead)
        missing = np.where(self._back > now_seconds[:, None], self._gone, 0).sum(axis=1) - self._cluster.spares
        waits = np.zeros(now_seconds.size)
        (short,) = np.nonzero(starts & (missing > 0))
        if short.size:
            waits[short] = self._wait(short, missing[short], now_seconds[short], offers)
        in_job = self._cluster.in_job_restart_seconds
        restart = np.where((waits > 0) | (in_job is None), overhead, overhead if in_job is None else in_job)
        restart = restart + np.where(self._replaced, self._cluster.handover_seconds, 0.0)
        self._replaced &= ~starts
        return waits, restart

    def _wait(self, short: IntArray, missing: IntArray, now: FloatArray, offers: FloatArray | None) -> FloatArray:
        order = np.argsort(self._back[short], axis=1)
        back = np.take_along_axis(self._back[short], order, axis=1)
        gone = np.where(back > now[:, None], np.take_along_axis(self._gone[short], order, axis=1), 0)
        enough = np.argmax(np.cumsum(gone, axis=1) >= missing[:, None], axis=1)
        waits = back[np.arange(short.size), enough] - now
        if offers is None:
            return np.asarray(waits)
        # Nodes of the scheduler come first: it gets as many of ours, those that are gone longest.
        later = np.cumsum(gone[:, ::-1], axis=1)[:, ::-1]
        kept_back = np.diff(np.minimum(later, missing[:, None]), axis=1, append=0)
        taken = offers[short] < waits
        left = gone + np.where(taken[:, None], kept_back, 0)
        self._back[short] = back
        self._gone[short] = left
        return np.where(taken, offers[short], waits)

    def _nodes_lost(self, strike: Strike) -> IntArray:
        lost = np.ones(strike.kind.size, dtype=np.intp)
        if self._cluster.in_place_share > 0:
            lost -= self._place_rng.random(lost.size) < self._cluster.in_place_share
        for kind, domain in enumerate(self._cluster.domains):
            # The last domain is filled in part: it is any of them with equal chance.
            many = -(-self._plan.nodes // domain.nodes)
            part = self._plan.nodes - (many - 1) * domain.nodes
            size = np.where(self._place_rng.integers(many, size=lost.size) == 0, part, domain.nodes)
            lost = np.where(strike.kind == kind, size, lost)
        return lost
