"""Elastic data parallelism: the run goes on without the replica that failed, slower, until it is back."""

from dataclasses import dataclass

import numpy as np

from models.goodput.errors import ReplicasDoNotFitError
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray, checked_count, checked_non_negative, checked_positive


@dataclass(frozen=True, slots=True)
class Elastic:
    """A run whose data-parallel replicas fail and return one by one.

    Parameters
    ----------
    plan : RunPlan
        The run; of it nodes and failure rate count. There is no falling back to a checkpoint: the replicas hold equal
        copies of the state.
    replica_nodes : int
        Nodes of one replica, all of them needed by it; a divisor of the plan's nodes.
    return_seconds : float
        Mean time from the failure of a node until its replica trains again.
    leave_stall_seconds : float
        How long all stand still when a replica drops out: detection, new groups, the step done again.
    rejoin_stall_seconds : float
        How long all stand still when a replica comes back: groups, copying the state.
    least_replicas : int
        With fewer the run stands still until one is back.

    Raises
    ------
    ReplicasDoNotFitError
        The nodes are no multiple of a replica's, or fewer replicas than the least needed.
    ModelError
        A field cannot be; the message names it.

    Examples
    --------
    >>> Elastic(RunPlan(12_500, 2.3e-3, 3600, 600), 125, 7200, leave_stall_seconds=180).replicas
    100
    """

    plan: RunPlan
    replica_nodes: int
    return_seconds: float
    leave_stall_seconds: float
    rejoin_stall_seconds: float = 0.0
    least_replicas: int = 1

    def __post_init__(self) -> None:
        checked_positive("replica_nodes", checked_count("replica_nodes", self.replica_nodes))
        checked_positive("least_replicas", checked_count("least_replicas", self.least_replicas))
        checked_non_negative("return_seconds", self.return_seconds)
        checked_non_negative("leave_stall_seconds", self.leave_stall_seconds)
        checked_non_negative("rejoin_stall_seconds", self.rejoin_stall_seconds)
        if self.plan.nodes % self.replica_nodes or self.replicas < self.least_replicas:
            raise ReplicasDoNotFitError(self.plan.nodes, self.replica_nodes, self.least_replicas)

    @property
    def replicas(self) -> int:
        """Replicas when all are there."""
        return self.plan.nodes // self.replica_nodes


def replicas_out(elastic: Elastic) -> FloatArray:
    """Return the share of time with 0, 1, 2, ... replicas out.

    Parameters
    ----------
    elastic : Elastic
        The run.

    Returns
    -------
    array of shape (n_states,)
        Up to one more out than the run can do without; sums to 1.

    Notes
    -----
    Engset's loss system (1918): each replica there fails at its nodes' joint rate, each one out returns on its own. The
    stationary law depends on the law of return times by their mean only. Nothing fails while too few are left.

    Examples
    --------
    >>> replicas_out(Elastic(RunPlan(2, 1.0, 3600, 0), 1, 86_400, leave_stall_seconds=0))
    array([0.25, 0.5 , 0.25])
    """
    replicas, rate = elastic.replicas, elastic.plan.failures_per_second / elastic.replicas
    out = np.arange(replicas - elastic.least_replicas + 2, dtype=np.float64)
    factors = (replicas - out[:-1]) / out[1:] * rate * elastic.return_seconds
    with np.errstate(divide="ignore"):
        weight = np.append(0.0, np.cumsum(np.log(factors)))
    share = np.exp(weight - weight.max())
    return np.asarray(share / share.sum())


def elastic_ettr(elastic: Elastic) -> float:
    """Return the expected ETTR of a run that goes on without failed replicas.

    Parameters
    ----------
    elastic : Elastic
        The run.

    Returns
    -------
    float
        Work done over the work of all replicas in the same time, in the long run.

    Notes
    -----
    Speed with k of n replicas out is (n - k) / n. Failures and returns each stop all others for their stall; failures
    come at the rate of the replicas that are there, and every one that fails returns. The clock of failures and returns
    is taken to stand still during stalls, which therefore add to the time and not to each other: exact where returns
    take long beside a stall, slightly low else. Named after TorchElastic and torchft; FT-HSDP (arXiv 2602.00277) is
    such a run.

    Examples
    --------
    At 100,000 GPUs with a failure every 50 minutes and replicas that are away for two hours:

    >>> run = Elastic(RunPlan(12_500, 2.3e-3, 3600, 600), 125, 7200, leave_stall_seconds=180)
    >>> round(elastic_ettr(run), 3)
    0.923
    """
    share = replicas_out(elastic)
    there = elastic.replicas - np.arange(share.size)
    running = np.where(there >= elastic.least_replicas, there, 0) / elastic.replicas
    speed = float(share @ running)
    # Nothing fails while too few are left: failures come in proportion to the replicas that run.
    failures_per_second = elastic.plan.failures_per_second * speed
    stalls = failures_per_second * (elastic.leave_stall_seconds + elastic.rejoin_stall_seconds)
    return speed / (1.0 + stalls)
