"""What an attempt of a run gets done in a time: work, stalls for checkpoints, and which of these are safe."""

from dataclasses import dataclass

import numpy as np

from models.goodput.run_plan import RunPlan
from models.guards import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Work and stalls in seconds, which add up to the time trained, and how many checkpoints a restart could use."""

    work_seconds: FloatArray
    stall_seconds: FloatArray
    safe_checkpoints: FloatArray


def progress(plan: RunPlan, trained_seconds: FloatArray) -> Progress:
    """Say what was reached after so much time of training, counted from the end of the restart.

    Parameters
    ----------
    plan : RunPlan
        With dt the work between two checkpoints, s the stall and w the write.
    trained_seconds : array of shape (n,)
        Time since training began.

    Returns
    -------
    Progress
        Arrays of shape (n,).

    Notes
    -----
    Training goes in cycles of dt + s. The k-th checkpoint begins at k dt + (k - 1) s and is safe w after its begin:
    for a blocking one, s = w, at the end of its stall; for an asynchronous one while training goes on.

    Examples
    --------
    >>> asynchronous = RunPlan(1, 0.0, 100.0, 0.0, checkpoint_write_seconds=30.0, checkpoint_stall_seconds=10.0)
    >>> reached = progress(asynchronous, np.array([125.0, 135.0]))
    >>> reached.work_seconds.tolist(), reached.stall_seconds.tolist(), reached.safe_checkpoints.tolist()
    ([115.0, 125.0], [10.0, 10.0], [0.0, 1.0])
    """
    interval, stall = plan.checkpoint_interval_seconds, plan.stall_seconds
    write = plan.checkpoint_write_seconds or 0.0
    cycles = np.floor(trained_seconds / (interval + stall))
    work = cycles * interval + np.minimum(trained_seconds - cycles * (interval + stall), interval)
    safe = np.floor((trained_seconds - write + stall) / (interval + stall))
    # Less than nothing is not safe; nor, where rounding meets the very end of a write, work that was not yet done.
    return Progress(work, trained_seconds - work, np.clip(safe, 0.0, np.floor(work / interval)))
