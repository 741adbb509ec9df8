"""Checkpoints on two levels: fast ones in memory, which a failure may take with it, and slow ones in remote storage.

A level in the memory of GPUs, hosts or a peer host (Gemini, SOSP 2023; SCR, SC 2010) is written often and read fast,
and is lost with a node that takes all its copies along. The remote level is written rarely and is never lost.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import optimize

from models.errors import NotAShareError
from models.goodput.errors import CheckpointsOverlapError, StallAboveWriteError
from models.goodput.run_plan import RunPlan
from models.guards import FloatArray, checked_count, checked_non_negative, checked_positive

#: More memory checkpoints than this between two remote ones are not looked for.
MOST_COPIES: Final = 4_000
#: e to this power is about the largest number there is.
_MOST_FAILURES: Final = 700.0


@dataclass(frozen=True, slots=True)
class TwoLevel:
    """A run with memory checkpoints in front of the plan's own, which become its remote level.

    Parameters
    ----------
    plan : RunPlan
        The run. Its interval, write and stall are those of the remote level, its restart overhead that of a restart
        from remote storage, reading included.
    copies : int
        Memory checkpoints per remote one; every `copies`-th is also written to remote storage, so that the work
        between two memory checkpoints is the plan's interval over `copies`.
    memory_write_seconds : float
        From the begin of a memory checkpoint until a restart can use it.
    memory_restart_seconds : float
        Initialisation after a failure that memory survived, reading included.
    memory_lost_share : float
        Chance that a failure takes the memory level with it.
    memory_stall_seconds : float or None
        How long training stands still for a memory checkpoint; None for the whole write.

    Raises
    ------
    CheckpointsOverlapError
        A level would begin a checkpoint before the one before it is written.
    ModelError
        A field cannot be; the message names it.

    Examples
    --------
    >>> plan = RunPlan(2048, 6.5e-3, 3600, 600, checkpoint_write_seconds=300)
    >>> levels = TwoLevel(plan, copies=60, memory_write_seconds=1, memory_restart_seconds=60, memory_lost_share=0.1)
    >>> levels.memory_interval_seconds
    60.0
    """

    plan: RunPlan
    copies: int
    memory_write_seconds: float
    memory_restart_seconds: float
    memory_lost_share: float
    memory_stall_seconds: float | None = None

    def __post_init__(self) -> None:
        checked_positive("copies", checked_count("copies", self.copies))
        checked_non_negative("memory_write_seconds", self.memory_write_seconds)
        checked_non_negative("memory_restart_seconds", self.memory_restart_seconds)
        if not 0.0 <= self.memory_lost_share <= 1.0:
            raise NotAShareError("memory_lost_share", self.memory_lost_share)
        if self.memory_stall_seconds is not None:
            stall = checked_non_negative("memory_stall_seconds", self.memory_stall_seconds)
            if stall > self.memory_write_seconds:
                raise StallAboveWriteError(stall, self.memory_write_seconds)
        for period, write in (
            (self.memory_period_seconds, self.memory_write_seconds),
            (self.remote_period_seconds, self.plan.checkpoint_write_seconds or 0.0),
        ):
            if write > period * (1.0 + 1e-9):
                raise CheckpointsOverlapError(write, period)

    @property
    def memory_interval_seconds(self) -> float:
        """Work between two memory checkpoints."""
        return self.plan.checkpoint_interval_seconds / self.copies

    @property
    def memory_period_seconds(self) -> float:
        """Time from one memory checkpoint to the next without a remote one: the work and the stall."""
        return self.memory_interval_seconds + self.stall_seconds

    @property
    def remote_period_seconds(self) -> float:
        """Time from one remote checkpoint to the next."""
        return self.copies * self.memory_period_seconds + self.plan.stall_seconds

    @property
    def stall_seconds(self) -> float:
        """How long one memory checkpoint stops training."""
        return self.memory_write_seconds if self.memory_stall_seconds is None else self.memory_stall_seconds


def two_level_ettr(levels: TwoLevel) -> float:
    """Return the expected ETTR of a long run with two levels of checkpoints.

    Parameters
    ----------
    levels : TwoLevel
        The run and both levels.

    Returns
    -------
    float
        Between 0 and 1; of a long run, whatever the plan's `productive_seconds`.

    Notes
    -----
    A Markov chain over the number of memory checkpoints since the last remote one, solved exactly for failures that are
    exponential while the nodes are held, during restarts and writes too. A failure that memory survives resumes at the
    last memory checkpoint after detection and `memory_restart_seconds`; the allocation is kept, for memory is lost with
    it, so there is no queue. A failure that takes memory along resumes at the last remote checkpoint after detection,
    queue and the plan's restart overhead. An asynchronous remote write is taken as safe at the first memory checkpoint
    after its end, and goes on from memory over failures that memory survives; where both are due, the remote write
    begins first. The setting is that of Di et
    al., "Optimization of multi-level checkpoint model for large scale HPC applications" (IPDPS 2014); the solution is
    our own.

    Examples
    --------
    >>> plan = RunPlan(2048, 6.5e-3, 3600, 600, checkpoint_write_seconds=300)
    >>> levels = TwoLevel(plan, copies=60, memory_write_seconds=1, memory_restart_seconds=60, memory_lost_share=0.1)
    >>> round(two_level_ettr(levels), 3)
    0.86
    """
    plan = levels.plan
    if plan.failures_per_second == 0.0:
        return plan.checkpoint_interval_seconds / levels.remote_period_seconds
    chain = _Chain.of(levels)
    return plan.checkpoint_interval_seconds / chain.cycle_seconds() if chain.onward.min() > 0 else 0.0


def best_two_level(levels: TwoLevel) -> TwoLevel:
    """Find the pair of intervals with the highest long-run ETTR.

    Parameters
    ----------
    levels : TwoLevel
        The run and both levels; its own interval and copies are not used.

    Returns
    -------
    TwoLevel
        The same with the best interval and copies. Where memory is never lost, remote checkpoints are only as frequent
        as `MOST_COPIES` memory ones.

    Raises
    ------
    NotPositiveError
        The memory write takes no time, or nothing ever fails: such levels have no optimum.

    Notes
    -----
    Numerically: for a number of copies the best interval by bounded search, then the number of copies by halving steps
    on a scale of factors. Both optima are flat.

    Examples
    --------
    >>> plan = RunPlan(2048, 6.5e-3, 3600, 600, checkpoint_write_seconds=300)
    >>> levels = TwoLevel(plan, copies=60, memory_write_seconds=1, memory_restart_seconds=60, memory_lost_share=0.1)
    >>> best = best_two_level(levels)
    >>> round(best.memory_interval_seconds), round(best.plan.checkpoint_interval_seconds / 60)
    (114, 100)
    """
    checked_positive("memory_write_seconds", levels.memory_write_seconds)
    checked_positive("failures_per_second", levels.plan.failures_per_second)
    tried: dict[int, tuple[float, TwoLevel]] = {}

    def ettr(copies: int) -> float:
        if copies not in tried:
            tried[copies] = _best_interval(levels, copies)
        return tried[copies][0]

    copies, factor = 1, 16.0
    while factor > 1.0 + 0.5 / copies:
        around = {max(1, round(copies / factor)), copies, min(MOST_COPIES, math.ceil(copies * factor))}
        better = max(sorted(around), key=ettr)
        if better == copies:
            factor = math.sqrt(factor)
        copies = better
    return tried[copies][1]


def _best_interval(levels: TwoLevel, copies: int) -> tuple[float, TwoLevel]:
    """Return the best ETTR with so many memory checkpoints per remote one, and the levels that have it."""
    plan, stall = levels.plan, levels.stall_seconds
    remote_lag = (plan.checkpoint_write_seconds or 0.0) - plan.stall_seconds
    shortest = max(levels.memory_write_seconds - stall, remote_lag / copies - stall, 1e-6 * levels.memory_write_seconds)
    longest = max(2.0 * shortest, 20.0 / plan.failures_per_second)

    def at(log_interval: float) -> TwoLevel:
        # A hair above the shortest, so that rounding does not make writes overlap.
        interval = copies * math.exp(log_interval) * (1.0 + 1e-9)
        return replace(levels, plan=replace(plan, checkpoint_interval_seconds=interval), copies=copies)

    def loss(log_interval: float) -> float:
        return -two_level_ettr(at(float(log_interval)))

    bounds = (math.log(shortest), math.log(longest))
    inner = float(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x)
    best = min((bounds[0], inner), key=loss)
    return -loss(best), at(best)


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """Steps from one safe memory checkpoint to the next; state i has i of them since the last safe remote one.

    `seconds` and `onward` per state: the mean time until the next checkpoint is safe or work falls back to the remote
    one, and the chance of the former. `resumed_*` are those of state 0 right after a restart from remote storage.
    """

    copies: int
    seconds: FloatArray
    onward: FloatArray
    resumed_seconds: float
    resumed_onward: float
    fall_back_seconds: float  # from the loss of memory until a restart from remote storage stands

    @classmethod
    def of(cls, levels: TwoLevel) -> "_Chain":
        """Return the chain of these levels."""
        plan, rate = levels.plan, levels.plan.failures_per_second
        remote_lag = (plan.checkpoint_write_seconds or 0.0) - plan.stall_seconds
        behind = math.ceil(remote_lag / levels.memory_period_seconds - 1e-6)
        steps = np.full(levels.copies + behind, levels.memory_period_seconds)
        steps[levels.copies - 1 :: levels.copies] += plan.stall_seconds
        # After a restart the first memory checkpoint is safe later, by what its write takes in the background.
        resumed = steps + levels.memory_write_seconds - levels.stall_seconds
        again = levels.memory_restart_seconds + resumed
        survives = 1.0 - levels.memory_lost_share
        retry = survives * np.exp(-rate * again)
        # Failures with memory intact are retried until one attempt succeeds or memory is lost.
        ends = levels.memory_lost_share + retry
        recovery = (plan.detection_seconds - survives * np.expm1(-rate * again) / rate) / ends
        fails = -np.expm1(-rate * np.array([steps, resumed]))
        seconds, onward = fails / rate + fails * recovery, 1.0 - fails * (1.0 - retry / ends)
        away = plan.detection_seconds + plan.queue_wait_seconds
        restart = (1.0 / rate + away) * math.expm1(min(rate * plan.restart_overhead_seconds, _MOST_FAILURES))
        return cls(
            copies=levels.copies,
            seconds=seconds[0],
            onward=onward[0],
            resumed_seconds=float(seconds[1, 0]),
            resumed_onward=float(onward[1, 0]),
            fall_back_seconds=plan.queue_wait_seconds + restart,
        )

    def cycle_seconds(self) -> float:
        """Return the mean time from one safe remote checkpoint to the next."""
        begin = self.onward.size - self.copies  # steps made before the remote checkpoint was safe
        after_first, reached = self._seconds_and_chance(1)
        # From the loss of memory back to the last state, falling back as often as it takes.
        lost = (self.fall_back_seconds + self.resumed_seconds + self.resumed_onward * after_first) / (
            self.resumed_onward * reached
        )
        seconds, straight = self._seconds_and_chance(begin)
        return seconds + (1.0 - straight) * lost

    def _seconds_and_chance(self, state: int) -> tuple[float, float]:
        """Return the mean time from a state until the last or a fall back, and the chance of no fall back."""
        kept = np.append(1.0, np.cumprod(self.onward[state:]))
        return float(kept[:-1] @ self.seconds[state:]), float(kept[-1])
