"""The gang scheduler: priorities, backfill, preemption, requeue, time limits, dependencies."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from synthetic_traces.simulation.books import Books
from synthetic_traces.simulation.clock import Clock
from synthetic_traces.simulation.demand import Demand
from synthetic_traces.simulation.jobs import HIGH, Job, Running
from synthetic_traces.simulation.placement import NEVER, NodePool
from synthetic_traces.simulation.preemption import cheapest_nodes, preemptible
from synthetic_traces.simulation.progress import wall_seconds
from synthetic_traces.simulation.records import EXIT_CODES, REASONS, STATES
from synthetic_traces.simulation.slowness import slowed_end
from synthetic_traces.spec.cluster import HOUR, ClusterSpec

_PASS_SECONDS = 30  # Scheduling passes happen on this raster: the default of Slurm's bf_interval.
_PREEMPTION_SECONDS = 300  # A job that found nobody to preempt looks again after so long.
_COMPLETED, _FAILED, _TIMEOUT, _CANCELLED, _PREEMPTED, _NODE_FAIL, _REQUEUED, _RUNNING, _PENDING = (
    STATES.index(state)
    for state in (
        *("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "PREEMPTED"),
        *("NODE_FAIL", "REQUEUED", "RUNNING", "PENDING"),
    )
)
_ERROR_EXIT = EXIT_CODES.index("1:0")
_RESOURCES, _PRIORITY, _BEGIN_TIME, _DEPENDENCY, _NEVER_SATISFIED = (
    REASONS.index(reason) for reason in ("Resources", "Priority", "BeginTime", "Dependency", "DependencyNeverSatisfied")
)


class GangScheduler:
    """The queue, what runs, and every decision between the two.

    Parameters
    ----------
    spec
        The cluster.
    clock, pool, demand, books
        Shared with the rest of the simulation.
    rng
        For when a user submits again.
    """

    def __init__(
        self, spec: ClusterSpec, clock: Clock, pool: NodePool, demand: Demand, books: Books, rng: np.random.Generator
    ) -> None:
        self._policy = spec.scheduler
        self._load = spec.workload
        self._clock = clock
        self._pool = pool
        self._demand = demand
        self._books = books
        self._rng = rng
        self._queue: list[Job] = []
        self._held: dict[int, Job] = {}
        self._dependents: dict[int, list[Job]] = {}
        self._alive: set[int] = set()
        self._last_of_user: dict[int, int] = {}
        self._pass_at: int | None = None
        self.running: dict[int, Running] = {}
        self.on_node: list[dict[int, Running]] = [{} for _ in range(spec.fleet.nodes)]
        self.started: Callable[[Running], None] = lambda _: None
        self.crashed: Callable[[Running], None] = lambda _: None
        self.left: Callable[[Running], None] = lambda _: None

    # Submission

    def submit(self, job: Job) -> None:
        """Take a new job.

        Parameters
        ----------
        job
            As drawn.
        """
        now = self._clock.now
        previous = self._last_of_user.get(job.user, 0)
        waits = job.waits_for_previous and previous in self._alive
        job.depends_on = previous if waits else 0
        job.submit_seconds = job.eligible_seconds = now
        if job.array_id:  # the id of an array is that of its first task
            job.array_id = self._books.jobs + 1 - job.task
        self._books.submitted(job)
        self._alive.add(job.job_id)
        self._last_of_user[job.user] = job.job_id
        if waits:
            job.reason = _DEPENDENCY
            self._held[job.job_id] = job
            self._dependents.setdefault(previous, []).append(job)
        else:
            self._enqueue(job)
        if job.cancel_after_seconds is not None:
            self._clock.at(now + job.cancel_after_seconds, partial(self._cancel, job))

    def submit_run(self, team: int) -> None:
        """Take a team's next run.

        Parameters
        ----------
        team
            Number of the team.
        """
        self.submit(self._demand.run(team))

    def _enqueue(self, job: Job) -> None:
        insort(self._queue, job, key=Job.rank)
        self.request_pass(self._clock.now)

    def _release(self, job: Job) -> None:
        if self._held.pop(job.job_id, None) is not None:
            self._enqueue(job)

    def _remove(self, job: Job) -> bool:
        place = bisect_left(self._queue, job.rank(), key=Job.rank)
        if place < len(self._queue) and self._queue[place] is job:
            del self._queue[place]
            return True
        return False

    def _cancel(self, job: Job) -> None:
        if job.job_id not in self._alive:
            return
        running = self.running.get(job.job_id)
        if running is not None:
            if not running.doomed_by:
                self.finish(running, _CANCELLED, 0)
        elif self._remove(job) or self._held.pop(job.job_id, None) is not None:
            self._books.never_ran(job, self._clock.now, _CANCELLED)
            self._over(job, _CANCELLED)

    # Passes

    def request_pass(self, time: int) -> None:
        """Ask for a scheduling pass.

        Parameters
        ----------
        time
            Not before this.
        """
        due = math.ceil(time / _PASS_SECONDS) * _PASS_SECONDS
        if self._pass_at is None or due < self._pass_at:
            self._pass_at = due
            self._clock.at(due, partial(self._schedule, due))

    def _schedule(self, due: int) -> None:
        if self._pass_at != due:  # an earlier pass took this one's place
            return
        self._pass_at = None
        now, pool = self._clock.now, self._pool
        shadow, kept = NEVER, None
        blocked = False
        no_room: set[tuple[int, int, int]] = set()  # what found no place in this pass finds none later in it
        for job in self._queue[: self._policy.backfill_depth]:
            preempts = job.qos == HIGH and now - job.preemption_tried >= _PREEMPTION_SECONDS
            wish = (job.nodes, job.gpus_per_node, job.limit_seconds)
            nodes = None
            if preempts or not (wish in no_room or pool.cannot_fit(job.nodes, job.gpus_per_node)):
                allowed = self._allowed(job, now, shadow, kept)
                nodes = pool.place(job.nodes, job.gpus_per_node, allowed)
                if nodes is None and preempts:
                    nodes = self._preempt_for(job, allowed)
                    if nodes is not None:
                        no_room.clear()
            if nodes is not None:
                self._start(job, nodes)
                continue
            if job.excluded < 0:
                no_room.add(wish)
            job.reason = _PRIORITY if blocked else _RESOURCES
            if not blocked:
                blocked = True
                reservation = pool.reservation(job.nodes, job.limit_seconds, now, self._not_excluded(job))
                if reservation is not None:
                    shadow, kept = reservation

    def _allowed(self, job: Job, now: int, shadow: int, kept: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_]:
        until = now + job.limit_seconds
        allowed = self._pool.usable(until)
        if kept is not None and until > shadow:
            allowed &= ~kept
        if job.excluded >= 0:
            allowed[job.excluded] = False
        return allowed

    def _not_excluded(self, job: Job) -> npt.NDArray[np.bool_]:
        allowed = np.ones(len(self._pool.free_gpus), dtype=np.bool_)
        if job.excluded >= 0:
            allowed[job.excluded] = False
        return allowed

    def _preempt_for(self, job: Job, allowed: npt.NDArray[np.bool_]) -> tuple[int, ...] | None:
        job.preemption_tried = self._clock.now
        exempt_seconds = self._policy.preemption_exempt_hours * HOUR
        victims = preemptible(self.running.values(), self._clock.now - exempt_seconds)
        chosen = cheapest_nodes(job, victims, self._pool.free_gpus, allowed)
        if chosen is None:
            return None
        for victim in victims:
            if not chosen.isdisjoint(victim.nodes):
                self.finish(victim, _PREEMPTED, 0, requeue=True, preempted_by=job)
        return tuple(sorted(chosen))

    # Attempts

    def _start(self, job: Job, nodes: tuple[int, ...]) -> None:
        self._remove(job)
        running = Running(job, nodes, self._clock.now)
        self._pool.take(nodes, job.gpus_per_node, running.limit_end_seconds)
        self.running[job.job_id] = running
        for node in nodes:
            self.on_node[node][job.job_id] = running
        if job.first_node < 0:
            job.first_node = nodes[0]
        self.plan_end(running)
        self.started(running)

    def plan_end(self, running: Running) -> None:
        """Plan the end of an attempt as it would come by itself: of its work, or of its time.

        Parameters
        ----------
        running
            The attempt; ends planned earlier are void.
        """
        job = running.job
        end = slowed_end(running.slow, running.start_seconds + wall_seconds(job.work_seconds, job.saving))
        if end > running.limit_end_seconds:
            state = _REQUEUED if job.chained else _TIMEOUT
            self.end_at(running, running.limit_end_seconds, state, 0)
        else:
            self.end_at(running, end, job.ending, job.exit_code)

    def end_at(self, running: Running, time: int, state: int, exit_code: int) -> None:
        """Plan the end of an attempt.

        Parameters
        ----------
        running
            The attempt; ends planned earlier are void.
        time
            When.
        state, exit_code
            Indices into `records.STATES` and `records.EXIT_CODES`.
        """
        running.plan += 1
        running.end_seconds = time
        self._clock.at(time, partial(self._end, running, running.plan, state, exit_code))

    def doom(self, running: Running, fault_id: int, time: int, *, crashes: bool) -> None:
        """Let a fault end an attempt, unless another is faster.

        Parameters
        ----------
        running
            The attempt.
        fault_id
            The fault.
        time
            When it ends.
        crashes
            It ends by itself (FAILED), else Slurm ends it (NODE_FAIL).
        """
        if running.doomed_by and running.end_seconds <= time:
            return
        running.doomed_by = fault_id
        self.end_at(running, time, _FAILED if crashes else _NODE_FAIL, _ERROR_EXIT)

    def _end(self, running: Running, plan: int, state: int, exit_code: int) -> None:
        job = running.job
        if running.plan != plan or self.running.get(job.job_id) is not running:
            return  # it ended another way, or a fault has changed its end
        if job.xid is not None and state == _FAILED and not running.doomed_by:
            self.crashed(running)
        self.finish(running, state, exit_code, requeue=bool(running.doomed_by) or state == _REQUEUED)

    def finish(
        self, running: Running, state: int, exit_code: int, *, requeue: bool = False, preempted_by: Job | None = None
    ) -> None:
        """End an attempt now.

        Parameters
        ----------
        running
            The attempt.
        state, exit_code
            Indices into `records.STATES` and `records.EXIT_CODES`.
        requeue
            The job waits again.
        preempted_by
            The job that takes its nodes.
        """
        job, now = running.job, self._clock.now
        del self.running[job.job_id]
        self._pool.give_back(running.nodes, job.gpus_per_node)
        for node in running.nodes:
            del self.on_node[node][job.job_id]
        second_order = preempted_by is not None and preempted_by.returning
        kept = self._books.ran(
            running,
            now,
            state,
            exit_code,
            preempted_by=preempted_by.job_id if preempted_by is not None else 0,
            second_order=second_order,
        )
        self.left(running)
        self.request_pass(now + 1)
        if not requeue:
            self._over(job, state)
            return
        job.returning = bool(running.doomed_by)
        job.work_seconds = max(1, job.work_seconds - kept)
        job.attempt += 1
        job.submit_seconds = now + 1
        job.eligible_seconds = job.submit_seconds + self._policy.requeue_delay_seconds
        job.reason = _BEGIN_TIME
        self._held[job.job_id] = job
        self._clock.at(job.eligible_seconds, partial(self._release, job))

    def _over(self, job: Job, state: int) -> None:
        now = self._clock.now
        self._alive.discard(job.job_id)
        if job.team is not None:
            pause = self._demand.pause_seconds(job.team)
            self._clock.at(now + pause, partial(self.submit_run, job.team))
        elif state == _FAILED and job.resubmits:
            excludes = self._rng.random() < self._load.exclude_probability
            again = self._demand.again(job, excluded=job.first_node if excludes else -1)
            self._clock.at(now + int(self._rng.integers(30, 900)), partial(self.submit, again))
        for waiting in self._dependents.pop(job.job_id, ()):
            if waiting.job_id not in self._held:
                continue  # cancelled meanwhile
            if state == _COMPLETED:
                waiting.eligible_seconds = now
                self._release(waiting)
            else:
                del self._held[waiting.job_id]
                waiting.reason = _NEVER_SATISFIED
                self._books.never_ran(waiting, now, _CANCELLED)
                self._over(waiting, _CANCELLED)

    def close(self) -> None:
        """Note what runs and waits when the log ends."""
        for running in self.running.values():
            self._books.ran(running, self._clock.now, _RUNNING, 0)
            self.left(running)
        for job in (*self._queue, *self._held.values()):
            self._books.never_ran(job, None, _PENDING)
