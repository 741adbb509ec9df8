"""What an attempt of a run goes through, and when its checkpoints become safe: the geometry that exact solutions share.

An attempt begins when the run gets its nodes: restart u0, then work. After every dt of work a checkpoint begins, which
stops the work for the stall s; a restart can use it w after its begin (a blocking checkpoint has s = w). The kth
checkpoint of an attempt is therefore safe at u0 + k (dt + s) + (w - s) on the attempt's clock. A failure sends the run
back to the last safe one; the failure takes a while to be detected, the run waits in the queue, and the next attempt
begins. The last work is followed by no checkpoint: the run is done. Writes that take longer than dt + s overlap.
"""

import math
from dataclasses import dataclass

from models.goodput.run_plan import RunPlan


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts of a run, which all look alike but for how much work is left.

    ``segments`` is the work in pieces of one interval, the last one of ``last_seconds``; the checkpoints before the
    last ``unsaved`` + 1 segments can no longer become safe before the run is done, so these are done in one go.
    A long run has infinitely many: ``segments`` is None.
    """

    interval_seconds: float
    cycle_seconds: float
    restart_seconds: float
    write_lag_seconds: float
    idle_seconds_per_failure: float
    queue_wait_seconds: float
    segments: int | None
    last_seconds: float
    unsaved: int

    @classmethod
    def of(cls, plan: RunPlan) -> "Attempts":
        """Read the geometry of a plan.

        Examples
        --------
        >>> attempts = Attempts.of(RunPlan(1, 1e-3, 3600, 300, checkpoint_write_seconds=60, productive_seconds=9000))
        >>> attempts.segments, attempts.last_seconds, attempts.first_safe_seconds, attempts.finish_seconds(3)
        (3, 1800, 3960, 9420)
        """
        interval, stall = plan.checkpoint_interval_seconds, plan.stall_seconds
        cycle = interval + stall
        lag = (plan.checkpoint_write_seconds or 0.0) - stall
        segments, last, unsaved = None, interval, 0
        if math.isfinite(plan.productive_seconds):
            # A quotient that misses a whole number in its last digits is that number.
            segments = max(1, math.ceil(plan.productive_seconds / interval * (1.0 - 1e-12)))
            last = plan.productive_seconds - (segments - 1) * interval
            # Checkpoint k is safe in time if k cycle + lag < (segments - 1) cycle + last.
            unsaved = min(segments - 1, max(0, 1 - math.ceil((last - lag) / cycle)))
        return cls(
            interval_seconds=interval,
            cycle_seconds=cycle,
            restart_seconds=plan.restart_overhead_seconds,
            write_lag_seconds=lag,
            idle_seconds_per_failure=plan.detection_seconds + plan.queue_wait_seconds,
            queue_wait_seconds=plan.queue_wait_seconds,
            segments=segments,
            last_seconds=last,
            unsaved=unsaved,
        )

    @property
    def first_safe_seconds(self) -> float:
        """From the start of an attempt until its first checkpoint is safe."""
        return self.restart_seconds + self.cycle_seconds + self.write_lag_seconds

    def finish_seconds(self, segments: int) -> float:
        """Return how long an attempt takes that does this many last segments without a failure."""
        return self.restart_seconds + (segments - 1) * self.cycle_seconds + self.last_seconds
