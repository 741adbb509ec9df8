"""Expected ETTR of a planned run: the two published closed forms.

ETTR is productive time over the wall-clock time of a run, queueing included. The forms are first order in the losses,
from Kokolis et al., "Revisiting Reliability in Large-Scale Machine Learning Research Clusters": v1 (arXiv 2410.21680,
2024) counts queueing and treats checkpoint writes as free, v2 (HPCA 2025) counts the writes and not the queue.
"""

import math
from dataclasses import dataclass

from models.errors import CheckpointWriteMissingError, NotPositiveError
from models.guards import checked_count, checked_non_negative, checked_positive

SECONDS_PER_DAY = 86_400.0

# Above this share of time lost, terms of second order are no longer small and the forms fall short of a simulation.
SMALL_LOSS_LIMIT = 0.4


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A training run as planned: its size, its failure rate and its costs.

    Parameters
    ----------
    nodes : int
        Nodes the run holds, all of them needed.
    failures_per_node_day : float
        r_f, infrastructure failures per node-day; zero is allowed.
    checkpoint_interval_seconds : float
        dt, work between two checkpoints.
    restart_overhead_seconds : float
        u0, initialisation after each start.
    queue_wait_seconds : float
        q, mean wait after submission and after each interruption.
    checkpoint_write_seconds : float or None
        w, how long training stands still for one checkpoint; v1 does not use it.
    productive_seconds : float
        R, the work the run has to do; infinite for a long run.

    Raises
    ------
    ModelError
        A field cannot be; the message names it.

    Examples
    --------
    >>> round(RunPlan(2048, 6.5e-3, 3600, 300).failures_per_second * 3600, 4)
    0.5547
    """

    nodes: int
    failures_per_node_day: float
    checkpoint_interval_seconds: float
    restart_overhead_seconds: float
    queue_wait_seconds: float = 0.0
    checkpoint_write_seconds: float | None = None
    productive_seconds: float = math.inf

    def __post_init__(self) -> None:
        checked_positive("nodes", checked_count("nodes", self.nodes))
        checked_non_negative("failures_per_node_day", self.failures_per_node_day)
        checked_positive("checkpoint_interval_seconds", self.checkpoint_interval_seconds)
        checked_non_negative("restart_overhead_seconds", self.restart_overhead_seconds)
        checked_non_negative("queue_wait_seconds", self.queue_wait_seconds)
        if self.checkpoint_write_seconds is not None:
            checked_non_negative("checkpoint_write_seconds", self.checkpoint_write_seconds)
        if not self.productive_seconds > 0:  # NaN fails this too; infinity is a long run
            raise NotPositiveError("productive_seconds", self.productive_seconds)

    @property
    def failures_per_second(self) -> float:
        """Lambda, the failure rate of the whole run."""
        return self.nodes * self.failures_per_node_day / SECONDS_PER_DAY

    @property
    def failure_loss(self) -> float:
        """Share of scheduled time lost to failures: lambda times restart plus half an interval of work done again."""
        lost_seconds = self.restart_overhead_seconds + self.checkpoint_interval_seconds / 2.0
        return self.failures_per_second * lost_seconds


def expected_ettr_v1(plan: RunPlan) -> float:
    """Predict the ETTR of a run with queueing and free checkpoints.

    Parameters
    ----------
    plan : RunPlan
        The run; its checkpoint write time is not used.

    Returns
    -------
    float
        (1 - lambda (u0 + dt/2)) / (1 + (u0 + q)/R + lambda q), clamped to [0, 1].

    Notes
    -----
    Kokolis et al. v1; a slight under-estimate, up to 6% at 16,000 GPUs with hourly checkpoints. Ask
    `small_loss_warning` whether it applies.

    Examples
    --------
    >>> hourly = RunPlan(2000, 6.5e-3, checkpoint_interval_seconds=3600, restart_overhead_seconds=300)
    >>> round(expected_ettr_v1(hourly), 3)
    0.684
    """
    start = (plan.restart_overhead_seconds + plan.queue_wait_seconds) / plan.productive_seconds
    requeue = plan.failures_per_second * plan.queue_wait_seconds
    return _clamped((1.0 - plan.failure_loss) / (1.0 + start + requeue))


def expected_ettr_v2(plan: RunPlan) -> float:
    """Predict the ETTR of a run with blocking checkpoint writes and no queueing.

    Parameters
    ----------
    plan : RunPlan
        The run, with `checkpoint_write_seconds`.

    Returns
    -------
    float
        (1 - lambda (u0 + dt/2)) / (1 + w/dt), clamped to [0, 1].

    Raises
    ------
    CheckpointWriteMissingError
        The plan does not say how long a checkpoint takes.

    Notes
    -----
    Kokolis et al. v2 (HPCA 2025).

    Examples
    --------
    >>> plan = RunPlan(1500, 6.5e-3, 38.4 * 60, restart_overhead_seconds=300, checkpoint_write_seconds=300)
    >>> round(expected_ettr_v2(plan), 3)
    0.74
    """
    if plan.checkpoint_write_seconds is None:
        raise CheckpointWriteMissingError
    return _clamped(
        (1.0 - plan.failure_loss) / (1.0 + plan.checkpoint_write_seconds / plan.checkpoint_interval_seconds)
    )


def small_loss_warning(plan: RunPlan) -> str | None:
    """Say when the closed forms do not apply because failures cost too much.

    Parameters
    ----------
    plan : RunPlan
        The run.

    Returns
    -------
    str or None
        A sentence for the reader when lambda (u0 + dt/2) is above 0.4.

    Notes
    -----
    Both forms keep only terms of first order in the loss.

    Examples
    --------
    >>> small_loss_warning(RunPlan(2048, 6.5e-3, 3600, 300)) is None
    True
    >>> small_loss_warning(RunPlan(12_500, 6.5e-3, 3600, 300))[:49]
    'failures cost 197% of scheduled time (limit 40%);'
    """
    if plan.failure_loss <= SMALL_LOSS_LIMIT:
        return None
    return (
        f"failures cost {plan.failure_loss:.0%} of scheduled time (limit {SMALL_LOSS_LIMIT:.0%}); "
        "the closed form is a small-loss approximation and too low here: checkpoint more often, or simulate"
    )


def _clamped(ettr: float) -> float:
    return min(1.0, max(0.0, ettr))
