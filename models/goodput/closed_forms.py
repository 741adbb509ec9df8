"""Expected ETTR of a planned run: the two published closed forms.

ETTR is productive time over the wall-clock time of a run, queueing included. The forms are first order in the losses,
from Kokolis et al., "Revisiting Reliability in Large-Scale Machine Learning Research Clusters": v1 (arXiv 2410.21680,
2024) counts queueing and treats checkpoint writes as free, v2 (HPCA 2025) counts the writes and not the queue.
"""

from models.errors import CheckpointWriteMissingError
from models.goodput.run_plan import RunPlan

# Above this share of time lost, terms of second order are no longer small and the forms fall short of a simulation.
SMALL_LOSS_LIMIT = 0.4


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
    return _clamped((1.0 - plan.failure_loss) / (1.0 + plan.stall_seconds / plan.checkpoint_interval_seconds))


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
