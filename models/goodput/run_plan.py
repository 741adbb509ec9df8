"""A training run as planned: the one description that closed forms, exact solutions and the simulation read."""

import math
from dataclasses import dataclass

from models.errors import NotPositiveError
from models.goodput.errors import StallAboveWriteError
from models.guards import checked_count, checked_non_negative, checked_positive

SECONDS_PER_DAY = 86_400.0


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
        w, from the begin of a checkpoint until a restart can use it; v1 does not use it.
    checkpoint_stall_seconds : float or None
        How long training stands still for one checkpoint, at most w; None for a blocking one, which stands still for w.
    detection_seconds : float
        From a failure until the run is stopped: its nodes are held and produce nothing.
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
    checkpoint_stall_seconds: float | None = None
    detection_seconds: float = 0.0
    productive_seconds: float = math.inf

    def __post_init__(self) -> None:
        checked_positive("nodes", checked_count("nodes", self.nodes))
        checked_non_negative("failures_per_node_day", self.failures_per_node_day)
        checked_positive("checkpoint_interval_seconds", self.checkpoint_interval_seconds)
        checked_non_negative("restart_overhead_seconds", self.restart_overhead_seconds)
        checked_non_negative("queue_wait_seconds", self.queue_wait_seconds)
        if self.checkpoint_write_seconds is not None:
            checked_non_negative("checkpoint_write_seconds", self.checkpoint_write_seconds)
        if self.checkpoint_stall_seconds is not None:
            stall = checked_non_negative("checkpoint_stall_seconds", self.checkpoint_stall_seconds)
            if self.checkpoint_write_seconds is None or stall > self.checkpoint_write_seconds:
                raise StallAboveWriteError(stall, self.checkpoint_write_seconds)
        checked_non_negative("detection_seconds", self.detection_seconds)
        if not self.productive_seconds > 0:  # NaN fails this too; infinity is a long run
            raise NotPositiveError("productive_seconds", self.productive_seconds)

    @property
    def failures_per_second(self) -> float:
        """Lambda, the failure rate of the whole run."""
        return self.nodes * self.failures_per_node_day / SECONDS_PER_DAY

    @property
    def stall_seconds(self) -> float:
        """How long one checkpoint stops training: the stall where one is given, else the whole write, else 0."""
        if self.checkpoint_stall_seconds is not None:
            return self.checkpoint_stall_seconds
        return self.checkpoint_write_seconds or 0.0

    @property
    def failure_loss(self) -> float:
        """Share of scheduled time lost to failures: lambda times detection, restart and half an interval done again."""
        lost_seconds = self.detection_seconds + self.restart_overhead_seconds + self.checkpoint_interval_seconds / 2.0
        return self.failures_per_second * lost_seconds
