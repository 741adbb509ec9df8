"""The discrete-event simulation: nodes that fail, a gang scheduler, and the jobs in between."""

from __future__ import annotations

import heapq
import math
from bisect import insort
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from synthetic_traces.hardware import Hardware, HardwareEvent
from synthetic_traces.jobs import Job, Running, busy_until, cheapest_nodes, preemptible
from synthetic_traces.placement import NEVER, NodePool
from synthetic_traces.records import Attempt, Fault, History, Maintenance
from synthetic_traces.spec import DAY, HOUR, ClusterSpec, FailureMode
from synthetic_traces.workload import Demand, JobRequest, remaining_work_seconds

_PASS_SECONDS = 30  # Scheduling passes happen on this raster: the default of Slurm's bf_interval.
_CAUSES = {"COMPLETED": "completed", "FAILED": "user", "OUT_OF_MEMORY": "out_of_memory"}


class Simulation:
    """One cluster from the begin of its warm-up to the end of its log.

    Time is in whole seconds since the begin of the log, negative during the warm-up. Events are processed in the order
    of (time, sequence), so equal seeds give equal histories.

    Parameters
    ----------
    spec
        The cluster.
    seed
        Of all randomness.
    """

    def __init__(self, spec: ClusterSpec, seed: int) -> None:
        demand, hardware, plan, crash = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4))
        self._spec = spec
        self._demand = Demand(spec, demand)
        self._hardware = Hardware(spec, hardware)
        self._crash = crash
        self._pool = NodePool(spec.nodes, spec.gpus_per_node)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0
        self._now: int = -spec.warm_up_days * DAY
        self._queue: list[Job] = []
        self._running: dict[int, Running] = {}
        self._pass_at: int | None = None
        self._jobs = 0
        self._attempts: list[Attempt] = []
        self._faults: list[Fault] = []
        self._maintenances: list[Maintenance] = []
        self._service_epoch = [0] * spec.nodes
        self._service_since: list[float] = [0.0] * spec.nodes
        self._service_seconds = 0.0
        self._plan_arrivals()
        self._planned = self._plan_maintenance(plan)
        for node in range(spec.nodes):
            self._announce(node)
            self._at(0, partial(self._start_hazards, node))

    def run(self, progress: Callable[[float], None] | None = None) -> History:
        """Process all events up to the end of the log.

        Parameters
        ----------
        progress
            Called now and then with the fraction done, 0 … 1.

        Returns
        -------
        History
            What happened in the log window.
        """
        begin, end = self._now, self._spec.seconds
        reported = begin
        while self._events and self._events[0][0] <= end:
            time, _, action = heapq.heappop(self._events)
            self._now = math.ceil(time)
            if progress is not None and self._now - reported >= DAY:
                reported = self._now
                progress((self._now - begin) / (end - begin))
            action()
        self._now = end
        return self._history()

    # Demand

    def _plan_arrivals(self) -> None:
        for time in self._demand.arrival_seconds(self._now, self._spec.seconds):
            self._at(time, lambda: self._submit(self._demand.job()))
        for team in range(self._spec.workload.teams):
            self._at(self._now, partial(self._submit_run, team))

    def _submit_run(self, team: int) -> None:
        self._submit(self._demand.run(team))

    def _submit(self, request: JobRequest) -> None:
        self._jobs += 1
        job = Job(self._jobs, request, self._now, self._now, request.work_seconds)
        self._enqueue(job)
        if request.cancel_after_seconds is not None:
            self._at(self._now + request.cancel_after_seconds, partial(self._cancel, job))

    def _cancel(self, job: Job) -> None:
        state = f"CANCELLED by {job.request.user.uid}"
        if job in self._queue:
            self._queue.remove(job)
            self._record(job, None, self._now, state, "0:0", "cancelled", None)
        elif (running := self._running.get(job.job_id)) is not None and running.doomed_by is None:
            self._finish(running, state, "0:0", "cancelled")

    # Scheduler

    def _enqueue(self, job: Job) -> None:
        insort(self._queue, job, key=Job.rank)
        self._request_pass(job.eligible_seconds)

    def _request_pass(self, time: int) -> None:
        due = math.ceil(time / _PASS_SECONDS) * _PASS_SECONDS
        if self._pass_at is None or due < self._pass_at:
            self._pass_at = due
            self._at(due, partial(self._schedule, due))

    def _schedule(self, due: int) -> None:
        if self._pass_at != due:  # an earlier pass took this one's place
            return
        self._pass_at = None
        eligible = [job for job in self._queue if job.eligible_seconds <= self._now]
        shadow, kept = NEVER, np.zeros(self._spec.nodes, dtype=np.bool_)
        blocked = False
        for job in eligible[: self._spec.backfill_depth]:
            request = job.request
            until = self._now + request.limit_seconds
            allowed = self._pool.usable(until)
            if until > shadow:
                allowed &= ~kept
            nodes = self._pool.place(request.nodes, request.gpus_per_node, allowed)
            if nodes is None and request.qos == "high":
                nodes = self._preempt_for(request, allowed)
            if nodes is not None:
                self._start(job, nodes)
                continue
            job.reason = "Priority" if blocked else "Resources"
            if not blocked:
                blocked = True
                busy = busy_until(self._running.values(), self._spec.nodes, self._now)
                reservation = self._pool.reservation(request.nodes, request.limit_seconds, self._now, busy)
                shadow, kept = reservation if reservation is not None else (shadow, kept)
        later = [job.eligible_seconds for job in self._queue if job.eligible_seconds > self._now]
        if later:
            self._request_pass(min(later))

    def _preempt_for(self, request: JobRequest, allowed: npt.NDArray[np.bool_]) -> tuple[int, ...] | None:
        exempt_seconds = self._spec.preemption_exempt_hours * HOUR
        victims = preemptible(self._running.values(), self._now - exempt_seconds)
        chosen = cheapest_nodes(request, victims, self._pool.free_gpus, allowed)
        if chosen is None:
            return None
        for victim in victims:
            if not chosen.isdisjoint(victim.nodes):
                self._finish(victim, "PREEMPTED", "0:0", "preempted", requeue=True)
        return tuple(sorted(chosen))

    # Attempts

    def _start(self, job: Job, nodes: tuple[int, ...]) -> None:
        request = job.request
        self._queue.remove(job)
        self._pool.take(nodes, request.gpus_per_node)
        running = Running(job, nodes, self._now)
        self._running[job.job_id] = running
        run_seconds = job.work_seconds + request.restart_seconds
        if run_seconds > request.limit_seconds:
            self._end_later(running, self._now + request.limit_seconds, "TIMEOUT", "0:0", "timeout")
        else:
            cause = _CAUSES[request.ending]
            self._end_later(running, self._now + run_seconds, request.ending, request.exit_code, cause)

    def _end_later(self, running: Running, time: int, state: str, exit_code: str, cause: str) -> None:
        running.plan += 1
        running.end_seconds = time
        self._at(time, partial(self._end, running, running.plan, state, exit_code, cause))

    def _end(self, running: Running, plan: int, state: str, exit_code: str, cause: str) -> None:
        job = running.job
        if self._running.get(job.job_id) is not running or running.plan != plan:
            return  # it ended another way, or a fault has changed its end
        if cause == "user" and job.request.application_xid is not None and self._now >= 1:
            # The kernel prints its line in the second before Slurm books the end.
            time = self._now - float(self._crash.uniform(0.1, 1.0))
            event = self._application_event(job.request.application_xid)
            self._record_fault(running.nodes[0], time, event)
        self._finish(running, state, exit_code, cause, requeue=running.doomed_by is not None)

    def _finish(self, running: Running, state: str, exit_code: str, cause: str, *, requeue: bool = False) -> None:
        job = running.job
        del self._running[job.job_id]
        self._pool.give_back(running.nodes, job.request.gpus_per_node)
        self._record(job, running, self._now, state, exit_code, cause, running.doomed_by)
        self._request_pass(self._now + 1)
        if requeue:
            self._requeue(job, self._now - running.start_seconds)
        elif job.request.team is not None:
            self._at(self._now + self._demand.pause_seconds(), partial(self._submit_run, job.request.team))

    def _requeue(self, job: Job, elapsed_seconds: int) -> None:
        job.work_seconds = remaining_work_seconds(job.request, job.work_seconds, elapsed_seconds)
        job.attempt += 1
        job.submit_seconds = self._now + 1
        job.eligible_seconds = job.submit_seconds + self._spec.requeue_delay_seconds
        job.reason = "BeginTime"
        self._enqueue(job)

    def _record(
        self,
        job: Job,
        running: Running | None,
        end: int | None,
        state: str,
        exit_code: str,
        cause: str,
        fault_id: int | None,
    ) -> None:
        if end is not None and end < 0:
            return  # over before the log begins
        self._attempts.append(
            Attempt(
                job_id=job.job_id,
                number=job.attempt,
                request=job.request,
                submit_seconds=job.submit_seconds,
                eligible_seconds=job.eligible_seconds,
                start_seconds=running.start_seconds if running is not None else None,
                end_seconds=end,
                nodes=running.nodes if running is not None else (),
                state=state,
                exit_code=exit_code,
                cause=cause,
                killed_by_fault=fault_id,
                reason=job.reason,
            )
        )

    # Nodes

    def _start_hazards(self, node: int) -> None:
        self._service_since[node] = float(self._now)
        self._next_hazard(node, float(self._now))

    def _next_hazard(self, node: int, since: float) -> None:
        event = self._hardware.next_event()
        time = since + event.after_seconds
        self._at(time, partial(self._break, node, self._service_epoch[node], time, event))

    def _break(self, node: int, epoch: int, time: float, event: HardwareEvent) -> None:
        if epoch != self._service_epoch[node]:
            return  # the node left service before this could happen
        if event.kind == "benign":
            self._record_fault(node, time, event)
            self._next_hazard(node, time)
            return
        detected = self._now + self._hardware.detection_seconds(event.mode)
        repaired = detected + self._hardware.repair_seconds(event.mode)
        fault = self._record_fault(node, time, event, detected=detected, repaired=repaired)
        self._leave_service(node, time)
        for running in self._running.values():
            if node in running.nodes:
                self._doom(running, fault, detected)
        self._at(repaired, partial(self._return_to_service, node))

    def _doom(self, running: Running, fault: Fault, detected: int) -> None:
        crashes_first = not fault.silent and self._crash.random() < self._spec.failed_before_down_probability
        end = int(self._crash.integers(self._now, detected, endpoint=True)) if crashes_first else detected
        if running.doomed_by is not None and running.end_seconds <= end:
            return  # a fault on another of its nodes is faster
        running.doomed_by = fault.fault_id
        self._end_later(running, end, "FAILED" if crashes_first else "NODE_FAIL", "1:0", fault.component)

    def _application_event(self, xid: int) -> HardwareEvent:
        # Drawn from a stream of its own: what users do must not move the hardware's clocks.
        slots = self._spec.gpus_per_node
        mode = FailureMode("application", "application", slots, per_1000_node_days=0.0, xids=(xid,))
        return HardwareEvent(0.0, mode, "application", int(self._crash.integers(slots)), xid)

    def _record_fault(
        self,
        node: int,
        time: float,
        event: HardwareEvent,
        *,
        detected: int | None = None,
        repaired: int | None = None,
    ) -> Fault:
        fault = Fault(
            fault_id=len(self._faults) + 1,
            time_seconds=time,
            node=node,
            component=event.mode.component,
            slot=event.slot,
            symptom=event.mode.symptom,
            xid=event.xid,
            kind=event.kind,
            silent=event.mode.silent,
            detected_seconds=detected,
            repaired_seconds=repaired,
            killed=(),
        )
        self._faults.append(fault)
        return fault

    def _leave_service(self, node: int, time: float) -> None:
        self._pool.in_service[node] = False
        self._service_epoch[node] += 1
        self._service_seconds += time - self._service_since[node]

    def _return_to_service(self, node: int) -> None:
        self._pool.in_service[node] = True
        self._start_hazards(node)
        self._request_pass(self._now + 1)

    # Planned work

    def _plan_maintenance(self, rng: np.random.Generator) -> list[list[int]]:
        spec = self._spec
        planned: list[list[int]] = [[] for _ in range(spec.nodes)]
        order = rng.permutation(spec.nodes)
        days = range(spec.maintenance_every_days // 2, spec.days, spec.maintenance_every_days)
        for window, day in enumerate(days):
            begin = day * DAY + 9 * HOUR
            for turn in range(spec.maintenance_nodes):
                node = int(order[(window * spec.maintenance_nodes + turn) % spec.nodes])
                planned[node].append(begin)
                self._at(begin, partial(self._begin_maintenance, node, 1001 + window))
        return planned

    def _announce(self, node: int) -> None:
        self._pool.usable_until[node] = self._planned[node][0] if self._planned[node] else NEVER

    def _begin_maintenance(self, node: int, change: int) -> None:
        if not self._pool.in_service[node]:  # already down: the work is done with the repair
            self._planned[node].pop(0)
            self._announce(node)
            return
        if not self._pool.is_idle(node):  # a dying attempt may outlast its limit by minutes
            self._at(self._now + 60, partial(self._begin_maintenance, node, change))
            return
        self._planned[node].pop(0)
        self._announce(node)
        end = self._now + round(self._spec.maintenance_hours * HOUR)
        self._maintenances.append(Maintenance(node, self._now, end, change))
        self._leave_service(node, float(self._now))
        self._at(end, partial(self._return_to_service, node))

    # The clock and the books

    def _at(self, time: float, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (time, self._sequence, action))

    def _history(self) -> History:
        end = self._spec.seconds
        for running in self._running.values():
            self._record(running.job, running, None, "RUNNING", "0:0", "running", None)
        for job in self._queue:
            self._record(job, None, None, "PENDING", "0:0", "pending", None)
        for node in range(self._spec.nodes):
            if self._pool.in_service[node]:
                self._service_seconds += end - self._service_since[node]
        killed: dict[int, list[tuple[int, int]]] = {}
        for attempt in self._attempts:
            if attempt.killed_by_fault is not None:
                killed.setdefault(attempt.killed_by_fault, []).append((attempt.job_id, attempt.number))
        return History(
            attempts=tuple(sorted(self._attempts, key=lambda a: (a.submit_seconds, a.job_id))),
            faults=tuple(replace(fault, killed=tuple(killed.get(fault.fault_id, ()))) for fault in self._faults),
            maintenances=tuple(self._maintenances),
            in_service_node_days=self._service_seconds / DAY,
        )
