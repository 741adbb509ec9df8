"""Exact ETTR of a planned run: failures strike during restarts and checkpoint writes too, and work is lost in pieces.

Every attempt is a renewal. In a long run an attempt keeps K safe intervals of work, E[K] = sum over k of P(gap > time
until the kth checkpoint is safe), and takes gap + detection + queue wait; by the renewal-reward theorem ETTR is the
ratio of the means. A run of R productive seconds is a Markov chain over the work that is left, and its ETTR is R over
the mean wall-clock time, first queue wait and first restart included. With a constant failure rate both are closed
forms; Daly's (2006) expected wall time is the special case of blocking checkpoints without detection and queue.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import signal, special

from models.goodput.attempts import Attempts
from models.goodput.gaps import Exponential, GapLaw, run_gap_law
from models.goodput.run_plan import SECONDS_PER_DAY, RunPlan
from models.guards import FloatArray, checked_columns

#: checkpoints of one attempt that are summed one by one; the rest of a heavy tail is an integral
_SUMMED = 200_000
#: chances below this are no chances
_NEGLIGIBLE = 1e-18
#: below this chance of saving one interval in an attempt, a run is said never to get anywhere
_NO_PROGRESS = 1e-6


@dataclass(frozen=True, slots=True)
class ExpectedRun:
    """Mean wall-clock seconds and interruptions of a run; both infinite if it is never done."""

    wall_seconds: float
    interruptions: float
    productive_seconds: float

    @property
    def ettr(self) -> float:
        """Productive seconds over the mean wall-clock seconds."""
        return self.productive_seconds / self.wall_seconds


@dataclass(frozen=True, slots=True)
class TimeShares:
    """Where the wall-clock time of a run goes, as shares that add up to 1; ``productive`` is the ETTR.

    ``checkpoint`` is the stall of the checkpoints whose work was kept; ``lost`` is all that a failure undoes, stalls
    included; ``restart`` includes restarts that a failure cut short.
    """

    productive: float
    checkpoint: float
    restart: float
    lost: float
    detection: float
    queue: float


def exact_ettr(plan: RunPlan, gaps: GapLaw | None = None) -> float:
    """Compute the ETTR of a planned run exactly.

    Parameters
    ----------
    plan : RunPlan
        The run; with infinite ``productive_seconds`` the long-run ETTR.
    gaps : GapLaw, optional
        Law of the gaps between its failures; exponential at the plan's failure rate if left out.

    Returns
    -------
    float
        Productive over mean wall-clock time, from 0 to 1. It is 0 where the run never gets anywhere, which
        `no_progress_warning` says in words.

    Notes
    -----
    Renewal-reward. For a long run at the failure rate λ: λ dt e^(-λ a) / ((1 - e^(-λ c)) (1 + λ (D + q))), where the
    first checkpoint is safe a = u0 + dt + w after a start, the next ones c = dt + s apart, and D is the detection time.

    Examples
    --------
    >>> hourly = RunPlan(2000, 6.5e-3, checkpoint_interval_seconds=3600, restart_overhead_seconds=300)
    >>> round(exact_ettr(hourly), 3)
    0.72
    """
    if gaps is None:
        return float(exact_ettr_at(plan, [plan.failures_per_node_day])[0])
    if isinstance(gaps, Exponential):
        return float(_exponential_ettr(plan, np.array([1.0 / gaps.mean_seconds]))[0])
    if math.isfinite(plan.productive_seconds):
        return expected_run(plan, gaps).ettr
    attempts = Attempts.of(plan)
    kept = attempts.interval_seconds * _safe_checkpoints(attempts, gaps)
    return kept / (gaps.mean_seconds + attempts.idle_seconds_per_failure)


def exact_ettr_at(plan: RunPlan, failures_per_node_day: npt.ArrayLike) -> FloatArray:
    """Compute the exact ETTR of a plan at each of many failure rates, such as draws of an uncertain one.

    Parameters
    ----------
    plan : RunPlan
        The run; its own failure rate is not used.
    failures_per_node_day : array-like of shape (n_rates,)
        Rates to put in its place; failures at each come at a constant rate.

    Returns
    -------
    array of shape (n_rates,)
        As `exact_ettr`.

    Raises
    ------
    NegativeValueError, NotFiniteError, EmptySampleError
        A rate cannot be.

    Notes
    -----
    As `exact_ettr`.

    Examples
    --------
    >>> hourly = RunPlan(2000, 6.5e-3, checkpoint_interval_seconds=3600, restart_overhead_seconds=300)
    >>> exact_ettr_at(hourly, [0.0, 6.5e-3, 1.0]).round(3).tolist()
    [1.0, 0.72, 0.0]
    """
    (rates,) = checked_columns(failures_per_node_day=failures_per_node_day)
    return _exponential_ettr(plan, rates * plan.nodes / SECONDS_PER_DAY)


def expected_run(plan: RunPlan, gaps: GapLaw | None = None) -> ExpectedRun:
    """Compute the mean wall-clock time and the mean number of interruptions of a run.

    Parameters
    ----------
    plan : RunPlan
        The run; a run without end has infinite means, use `exact_ettr` or `time_shares` for it.
    gaps : GapLaw, optional
        Law of the gaps between its failures; exponential at the plan's failure rate if left out.

    Returns
    -------
    ExpectedRun
        Exact means; infinite where they exceed what a float holds.

    Notes
    -----
    At a constant rate λ, with n segments of work of which the last 1 + h are done in one go of T_h seconds, restart
    included: interruptions = e^(λ T_h) - 1 + (n - 1 - h) (1 - e^(-λ c)) e^(λ a), and wall-clock time =
    interruptions × (1/λ + D + q) + q. Otherwise the chain is solved from the last segment backwards.

    Examples
    --------
    >>> fortnight = RunPlan(2000, 6.5e-3, 3600, 300, productive_seconds=14 * 86_400)
    >>> run = expected_run(fortnight)
    >>> round(run.wall_seconds / 86_400, 2), round(run.interruptions), round(run.ettr, 3)
    (19.44, 253, 0.72)
    """
    law = run_gap_law(plan) if gaps is None else gaps
    if math.isinf(plan.productive_seconds):
        return ExpectedRun(math.inf, 0.0 if math.isinf(law.mean_seconds) else math.inf, math.inf)
    attempts = Attempts.of(plan)
    if isinstance(law, Exponential):
        wall, interruptions = _exponential_means(attempts, np.array([1.0 / law.mean_seconds]))
        return ExpectedRun(float(wall[0]), float(interruptions[0]), plan.productive_seconds)
    chain = Chain.of(attempts, law)
    interruptions_left = chain.solve(chain.failing())
    scheduled_left = chain.solve(np.asarray(law.mean_within(chain.finish_seconds), dtype=np.float64))
    failures = float(interruptions_left[-1])
    if math.isinf(failures):
        return ExpectedRun(math.inf, math.inf, plan.productive_seconds)
    idle = attempts.queue_wait_seconds + failures * attempts.idle_seconds_per_failure
    return ExpectedRun(idle + float(scheduled_left[-1]), failures, plan.productive_seconds)


def time_shares(plan: RunPlan, gaps: GapLaw | None = None) -> TimeShares:
    """Say where the wall-clock time of a run goes on average.

    Parameters
    ----------
    plan : RunPlan
        The run, long or of finite length.
    gaps : GapLaw, optional
        Law of the gaps between its failures; exponential at the plan's failure rate if left out.

    Returns
    -------
    TimeShares
        They add up to 1.

    Notes
    -----
    Wald's identity: the mean restart time is the mean of min(gap, u0) per attempt times the mean number of attempts.

    Examples
    --------
    >>> shares = time_shares(RunPlan(2000, 6.5e-3, 3600, 300, queue_wait_seconds=60))
    >>> f"productive {shares.productive:.3f}, restart {shares.restart:.3f}, lost {shares.lost:.3f}"
    'productive 0.714, restart 0.044, lost 0.234'
    """
    law = run_gap_law(plan) if gaps is None else gaps
    attempts = Attempts.of(plan)
    restart_per_attempt = float(law.mean_within(attempts.restart_seconds))
    run = expected_run(plan, law)
    if attempts.segments is None or math.isinf(run.wall_seconds):
        productive = exact_ettr(replace(plan, productive_seconds=math.inf), law)
        per_second = 1.0 / (law.mean_seconds + attempts.idle_seconds_per_failure)
        starts, restart = per_second, per_second * restart_per_attempt
        checkpoint = productive * plan.stall_seconds / attempts.interval_seconds
    else:
        productive, per_second = run.ettr, run.interruptions / run.wall_seconds
        starts = per_second + 1.0 / run.wall_seconds
        restart = starts * restart_per_attempt
        checkpoint = (attempts.segments - 1) * plan.stall_seconds / run.wall_seconds
    detection, queue = per_second * plan.detection_seconds, starts * plan.queue_wait_seconds
    lost = max(0.0, 1.0 - productive - checkpoint - restart - detection - queue)
    return TimeShares(productive, checkpoint, restart, lost, detection, queue)


def no_progress_warning(plan: RunPlan, gaps: GapLaw | None = None) -> str | None:
    """Say that a run gets nowhere, or that it fails more often than it restarts.

    Parameters
    ----------
    plan : RunPlan
        The run.
    gaps : GapLaw, optional
        Law of the gaps between its failures; exponential at the plan's failure rate if left out.

    Returns
    -------
    str or None
        A sentence for the reader; None where neither is the case.

    Examples
    --------
    >>> print(no_progress_warning(RunPlan(100_000, 1.0, 3600, 300)))
    nothing is ever finished: the run fails every 0.864 s on average, and the first checkpoint is safe only 3900 s \
after a start; an attempt gets that far with probability 0
    >>> no_progress_warning(RunPlan(2000, 6.5e-3, 3600, 300)) is None
    True
    """
    law = run_gap_law(plan) if gaps is None else gaps
    attempts = Attempts.of(plan)
    needed, goal = attempts.first_safe_seconds, "the first checkpoint is safe"
    if attempts.segments is not None and attempts.finish_seconds(attempts.segments) < needed:
        needed, goal = attempts.finish_seconds(attempts.segments), "the run is done"
    chance = float(law.survival(needed))
    if chance < _NO_PROGRESS:
        return (
            f"nothing is ever finished: the run fails every {law.mean_seconds:.3g} s on average, and {goal} only "
            f"{needed:g} s after a start; an attempt gets that far with probability {chance:.1g}"
        )
    if plan.restart_overhead_seconds >= law.mean_seconds:
        return (
            f"a restart takes {plan.restart_overhead_seconds:g} s, no less than the mean gap between failures of "
            f"{law.mean_seconds:.3g} s: most restarts fail, and only the exact ETTR has a meaning"
        )
    return None


def _exponential_ettr(plan: RunPlan, rate: FloatArray) -> FloatArray:
    """Return the exact ETTR at each failure rate of the run, per second."""
    attempts = Attempts.of(plan)
    if attempts.segments is not None:
        wall, _ = _exponential_means(attempts, rate)
        return plan.productive_seconds / wall
    kept = attempts.interval_seconds / attempts.cycle_seconds * np.exp(-rate * attempts.first_safe_seconds)
    return kept / (special.exprel(-rate * attempts.cycle_seconds) * (1.0 + rate * attempts.idle_seconds_per_failure))


def _exponential_means(attempts: Attempts, rate: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean wall-clock seconds and mean interruptions of a finite run at each failure rate per second."""
    segments = attempts.segments or 1
    in_one_go = attempts.finish_seconds(attempts.unsaved + 1)
    before = segments - 1 - attempts.unsaved
    cycle = attempts.cycle_seconds
    with np.errstate(over="ignore"):
        # Time at risk: interruptions / rate, in a form that is exact at a rate of zero.
        at_risk = in_one_go * special.exprel(rate * in_one_go)
        if before:
            at_risk = at_risk + before * cycle * special.exprel(-rate * cycle) * np.exp(
                rate * attempts.first_safe_seconds
            )
        interruptions = rate * at_risk
        wall = attempts.queue_wait_seconds + at_risk * (1.0 + rate * attempts.idle_seconds_per_failure)
    return wall, interruptions


def _safe_checkpoints(attempts: Attempts, law: GapLaw) -> float:
    """Return the mean number of checkpoints that an attempt of a long run makes safe."""
    times = attempts.first_safe_seconds + attempts.cycle_seconds * np.arange(_SUMMED)
    chances = law.survival(times)
    total = float(chances.sum())
    if chances[-1] > _NEGLIGIBLE:  # a tail so long is flat from one checkpoint to the next: midpoint rule
        beyond = law.mean_seconds - float(law.mean_within(times[-1] + attempts.cycle_seconds / 2.0))
        total += beyond / attempts.cycle_seconds
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """A finite run as a chain over the segments that are left, for any law of gaps.

    Arrays have one entry per state, from the last ``unsaved`` + 1 segments to all of them. ``kept`` holds the chance
    that an attempt fails with 0, 1, 2, … segments made safe; where fewer segments are left than that, the attempt is
    done instead.
    """

    finish_seconds: FloatArray
    done: FloatArray
    kept: FloatArray
    cut: FloatArray

    @classmethod
    def of(cls, attempts: Attempts, law: GapLaw) -> "Chain":
        """Lay out the chain of a run."""
        states = np.arange((attempts.segments or 1) - attempts.unsaved, dtype=np.float64)
        finish = attempts.finish_seconds(attempts.unsaved + 1) + attempts.cycle_seconds * states
        safe = law.survival(attempts.first_safe_seconds + attempts.cycle_seconds * states)
        done = law.survival(finish)
        # The last checkpoint before the end covers gaps until the run is done, not until one more would be safe.
        return cls(finish, done, -np.diff(safe, prepend=1.0), done - safe)

    def failing(self) -> FloatArray:
        """Return the chance that an attempt fails before the run is done."""
        return 1.0 - self.done

    def solve(self, per_attempt: FloatArray) -> FloatArray:
        """Add up a mean cost per attempt over all attempts, for each state."""
        if self.done[0] <= 0.0 or (self.done.size > 1 and self.kept[0] >= 1.0):
            return np.full_like(per_attempt, np.inf)
        at_last = per_attempt[0] / self.done[0]
        succeeds = 1.0 - self.kept[0]
        cost = per_attempt - self.cut * at_last
        cost[0] = succeeds * at_last
        # v_j (1 - p_0) = cost_j + p_1 v_(j-1) + p_2 v_(j-2) + …: a recursive filter.
        used = 1 + int(np.flatnonzero(self.kept > _NEGLIGIBLE).max(initial=0))
        divisor = np.append(succeeds, -self.kept[1:used])
        with np.errstate(over="ignore", invalid="ignore"):
            solved = np.asarray(signal.lfilter([1.0], divisor, cost), dtype=np.float64)
        return np.where(np.isfinite(solved), solved, np.inf)
