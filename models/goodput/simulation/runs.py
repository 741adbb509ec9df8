"""Simulate a planned run many times over, failure by failure: where its wall-clock time goes."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from models.goodput.run_plan import RunPlan
from models.goodput.simulation.attempt import progress
from models.goodput.simulation.cluster import Recovery, Replacement, SimulatedCluster, WholeRequeue
from models.goodput.simulation.errors import HorizonMissingError, NoEndInSightError, TooFewReplicasError
from models.goodput.simulation.failures import NodeLives, Strikes
from models.goodput.simulation.laws import Fixed, Law
from models.guards import FloatArray, checked_confidence, checked_count, checked_positive

#: failures per run beyond which a simulation is given up, and how often it looks whether it will come to that
MOST_FAILURES: Final = 500_000
_LOOK_EVERY: Final = 4096
#: failures in all replicas below which the spread between them says little
FEW_FAILURES: Final = 30


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRuns:
    """Where the time of each simulated run went; the seven kinds of seconds add up to its wall-clock time.

    All arrays have shape (replicas,). `failures` counts every one, `interruptions` those that stopped a run that was
    not down already. A run that did not finish within the horizon has its last unsaved work counted as productive.
    """

    wall_seconds: FloatArray
    queue_seconds: FloatArray  # waiting for a place or for a node
    restart_seconds: FloatArray
    detection_seconds: FloatArray
    checkpoint_seconds: FloatArray  # training stands still for a checkpoint
    lost_seconds: FloatArray  # work done again
    productive_seconds: FloatArray
    failures: npt.NDArray[np.int64]
    interruptions: npt.NDArray[np.int64]
    finished: npt.NDArray[np.bool_]

    @property
    def ettr_per_run(self) -> FloatArray:
        """Productive share of the wall-clock time of each run."""
        return self.productive_seconds / self.wall_seconds

    @property
    def ettr(self) -> float:
        """Mean of the runs' ETTR."""
        return float(self.ettr_per_run.mean())

    @property
    def ettr_standard_error(self) -> float:
        """Monte Carlo error of that mean."""
        return float(self.ettr_per_run.std(ddof=1) / math.sqrt(self.wall_seconds.size))

    def ettr_interval(self, confidence: float = 0.9) -> tuple[float, float]:
        """Return the Monte Carlo interval of the mean ETTR, by Student's t."""
        level = (1.0 + checked_confidence(confidence)) / 2.0
        margin = float(special.stdtrit(self.wall_seconds.size - 1, level)) * self.ettr_standard_error
        return max(0.0, self.ettr - margin), min(1.0, self.ettr + margin)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the interval should know, as sentences."""
        failures = int(self.failures.sum())
        if failures >= FEW_FAILURES:
            return ()
        few = (
            f"only {failures} failures in {self.failures.size:,} simulated runs: "
            "the interval of the mean ETTR is too narrow to be trusted; simulate more or longer runs"
        )
        return (few,)


def simulate_runs(
    plan: RunPlan,
    *,
    gaps: Law | NodeLives | None = None,
    replicas: int,
    rng: np.random.Generator,
    cluster: SimulatedCluster | None = None,
    queue: Law | None = None,
    horizon_seconds: float = math.inf,
) -> SimulatedRuns:
    """Simulate a planned run, every replica on its own luck.

    Parameters
    ----------
    plan : RunPlan
        The run; its checkpoint writes are free where no write time is given.
    gaps : Law or NodeLives, optional
        Held seconds from one failure of the run to the next, or the life of each of its nodes. By default failures are
        exponential with the rate of the plan.
    replicas : int
        Runs simulated, two at least.
    rng : numpy.random.Generator
        Source of chance; two plans with equal seeds meet the same gaps, in units of their mean.
    cluster : SimulatedCluster, optional
        Spares, repair and failure domains. Without it the whole run queues again after each interruption.
    queue : Law, optional
        Wait after submission and, without a cluster, after each interruption; by default always `queue_wait_seconds`.
    horizon_seconds : float
        Wall-clock time after which a run is watched no longer; needed where `productive_seconds` is infinite.

    Returns
    -------
    SimulatedRuns
        Seconds of each kind for each replica.

    Raises
    ------
    HorizonMissingError
        The run has no end, and none was given.
    NoEndInSightError
        Failures come so often that it would practically never finish.
    TooFewReplicasError, NotPositiveError, NotFiniteError
        An argument cannot be.

    Notes
    -----
    One round is one failure of each replica. The clock of failures runs while nodes are held: during detection,
    restart, work and checkpoint writes, not during waits; a renewal law starts anew at each failure (that of
    `exact_ettr` at each attempt: the two differ for gaps that are not exponential if detection takes time). A failure
    while the last one is still being detected is counted, and does not prolong the detection. A run takes up the work
    of its last safe checkpoint (see `progress`); its last second of work ends it, and no checkpoint is written then.

    Examples
    --------
    >>> plan = RunPlan(2000, 6.5e-3, 3600, restart_overhead_seconds=300, productive_seconds=14 * 86_400)
    >>> runs = simulate_runs(plan, replicas=500, rng=np.random.default_rng(1))
    >>> round(runs.ettr, 2), [round(limit, 2) for limit in runs.ettr_interval()]
    (0.72, [0.72, 0.72])
    """
    if checked_count("replicas", replicas) < 2:
        raise TooFewReplicasError(replicas)
    if math.isfinite(horizon_seconds) or not horizon_seconds > 0:
        checked_positive("horizon_seconds", horizon_seconds)
    elif math.isinf(plan.productive_seconds):
        raise HorizonMissingError
    of_failures, of_recovery = rng.spawn(2)
    waits = queue or Fixed(plan.queue_wait_seconds)
    recovery: Recovery
    if cluster is None:
        recovery = WholeRequeue(plan, waits, replicas, of_recovery)
    else:
        recovery = Replacement(plan, cluster, waits, replicas, of_recovery)
    strikes = Strikes(plan, gaps, () if cluster is None else cluster.domains, replicas, of_failures)
    return _Replay(plan, horizon_seconds, replicas).run(strikes, recovery)


class _Replay:
    """The books of all replicas, and the loop that fills them."""

    def __init__(self, plan: RunPlan, horizon_seconds: float, replicas: int) -> None:
        self._plan, self._horizon = plan, horizon_seconds
        self._checkpoints = _checkpoints_needed(plan)
        self.wall, self.queue, self.restart, self.detection, self.checkpoint, self.lost, self.productive = np.zeros(
            (7, replicas)
        )
        self.saved = np.zeros(replicas)  # checkpoints that a restart can use, one interval of work each
        self.down = np.zeros(replicas)  # seconds until the last failure is detected
        self.failures, self.interruptions = np.zeros((2, replicas), dtype=np.int64)
        self.live, self.finished = np.ones(replicas, dtype=np.bool_), np.zeros(replicas, dtype=np.bool_)

    def run(self, strikes: Strikes, recovery: Recovery) -> SimulatedRuns:
        """Play failure after failure until every replica has finished or met the horizon."""
        rounds = 0
        while self.live.any():
            self._play(strikes, recovery)
            rounds += 1
            if rounds % _LOOK_EVERY == 0 and math.isinf(self._horizon):
                self._look_ahead(rounds)
        return SimulatedRuns(
            self.wall,
            self.queue,
            self.restart,
            self.detection,
            self.checkpoint,
            self.lost,
            self.productive,
            self.failures,
            self.interruptions,
            self.finished,
        )

    def _play(self, strikes: Strikes, recovery: Recovery) -> None:
        """Go on from one failure of each replica to its next one, to its end or to the horizon."""
        plan, live = self._plan, self.live
        strike = strikes.next()
        detection = np.minimum(strike.gap_seconds, self.down)
        starts = live & (strike.gap_seconds >= self.down)
        wait, restart_needed = recovery.ready(self.wall + detection, starts)
        wait = np.where(starts, wait, 0.0)
        until_failure = np.where(starts, strike.gap_seconds - detection, 0.0)
        needed = restart_needed + self._seconds_to_finish()
        finishes = starts & np.isfinite(needed) & (needed <= until_failure)
        length = np.where(finishes, needed, until_failure)

        # What the horizon leaves of each.
        budget = self._horizon - self.wall
        watched_to_the_end = detection + wait + length <= budget
        detection = np.minimum(detection, budget)
        wait = np.minimum(wait, budget - detection)
        length = np.minimum(length, budget - detection - wait)
        finishes &= watched_to_the_end
        stopped = live & ~watched_to_the_end
        failed = live & ~finishes & ~stopped

        restart = np.minimum(restart_needed, length)
        reached = progress(plan, length - restart)
        remaining = self._work_remaining()
        # At the very end the work is exactly what was left to do, without the rounding of a long sum.
        work = np.where(finishes, remaining, reached.work_seconds)
        kept = np.where(failed, reached.safe_checkpoints * plan.checkpoint_interval_seconds, work)

        held = np.where(finishes, detection + needed, strike.gap_seconds)
        ended = np.where(stopped, self._horizon, self.wall + wait + held)
        for book, seconds in (
            (self.detection, detection),
            (self.queue, wait),
            (self.restart, restart),
            (self.checkpoint, np.where(finishes, length - restart - remaining, reached.stall_seconds)),
            (self.productive, kept),
            (self.lost, work - kept),
        ):
            np.add(book, seconds, out=book, where=live)
        self.wall = np.where(live, ended, self.wall)
        self.saved += np.where(failed, reached.safe_checkpoints, 0.0)
        self.failures += failed
        self.interruptions += failed & starts
        self.finished |= finishes
        self.down = np.where(starts, plan.detection_seconds, self.down - detection)
        recovery.strike(self.wall, strike, failed)
        self.live = failed

    def _work_remaining(self) -> FloatArray:
        return self._plan.productive_seconds - self.saved * self._plan.checkpoint_interval_seconds

    def _seconds_to_finish(self) -> FloatArray:
        """Return work that remains, and a stall after each interval of it but the last."""
        if math.isinf(self._plan.productive_seconds):
            return np.full(self.saved.size, np.inf)
        return self._work_remaining() + (self._checkpoints - self.saved) * self._plan.stall_seconds

    def _look_ahead(self, rounds: int) -> None:
        """Give up where the run that is furthest behind would take too many failures to finish."""
        done = float(self.saved[self.live].min(initial=self._checkpoints) / max(1, self._checkpoints))
        if rounds > MOST_FAILURES * done:
            raise NoEndInSightError(rounds, done)


def _checkpoints_needed(plan: RunPlan) -> int:
    """Return how many checkpoints a run writes that never fails."""
    if math.isinf(plan.productive_seconds):
        return 0
    intervals = plan.productive_seconds / plan.checkpoint_interval_seconds
    # A run of exactly n intervals ends with the n-th, whatever the rounding of the quotient.
    return math.ceil(intervals * (1.0 - 4e-16)) - 1
