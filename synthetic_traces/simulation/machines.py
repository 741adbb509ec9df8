"""The nodes: they fail, are noticed, drained, repaired, maintained; and what that does to what runs on them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from synthetic_traces.simulation.books import Books
from synthetic_traces.simulation.clock import Clock
from synthetic_traces.simulation.fault_records import Fault, Kind
from synthetic_traces.simulation.hazards import HardwareEvent, Hazards, next_check, repair_seconds
from synthetic_traces.simulation.jobs import Running
from synthetic_traces.simulation.placement import NEVER, NodePool
from synthetic_traces.simulation.plant import Plant
from synthetic_traces.simulation.records import EXIT_CODES, STATES
from synthetic_traces.simulation.scheduling import GangScheduler
from synthetic_traces.simulation.slowness import Spell, with_spell
from synthetic_traces.spec.cluster import DAY, HOUR, ClusterSpec
from synthetic_traces.spec.faults import FailureMode

_CRASH_SECONDS = 90  # An attempt that crashes by itself does so within so long.
_FAILED = STATES.index("FAILED")
_ERROR_EXIT = EXIT_CODES.index("1:0")
_CRASH_LOOP_REPAIR_SECONDS = 1800  # a reboot


class Machines:
    """All nodes in service and out of it.

    Parameters
    ----------
    spec, plant
        The cluster and its machines.
    clock, pool, scheduler, books
        Shared with the rest of the simulation.
    hazards
        When what goes wrong.
    rng
        For what becomes of a fault: is it seen, when is it repaired.
    crashes
        For what becomes of the attempts it hits; a stream of its own, so that the load does not move the hardware.
    """

    def __init__(
        self,
        spec: ClusterSpec,
        plant: Plant,
        clock: Clock,
        pool: NodePool,
        scheduler: GangScheduler,
        books: Books,
        hazards: Hazards,
        rng: np.random.Generator,
        crashes: np.random.Generator,
    ) -> None:
        nodes = spec.fleet.nodes
        self._spec, self._plant, self._clock, self._pool = spec, plant, clock, pool
        self._scheduler, self._books, self._hazards = scheduler, books, hazards
        self._rng, self._crashes = rng, crashes
        self.in_service = [True] * nodes
        self._epoch = [0] * nodes  # grows when a node leaves service: what was planned for it is void
        self._since = [0.0] * nodes
        self._out_since: list[int | None] = [None] * nodes
        self._bucket = [""] * nodes
        self._draining: list[Fault | None] = [None] * nodes
        self._slow_until = [0.0] * nodes
        self._slowdown = [0.0] * nodes
        self.service_seconds = 0.0
        self.planned: list[list[int]] = [[] for _ in range(nodes)]
        scheduler.started = self._started
        scheduler.crashed = self._application_crash
        scheduler.left = self._left

    # Service

    def begin(self) -> None:
        """Start the hazards of all nodes at the begin of the log, and announce planned work."""
        for node in range(self._spec.fleet.nodes):
            self._announce(node)
            self._clock.at(0, partial(self._start_hazards, node))

    def _start_hazards(self, node: int) -> None:
        self._since[node] = float(self._clock.now)
        self._next_hazard(node, float(self._clock.now))

    def _next_hazard(self, node: int, now: float) -> None:
        event = self._hazards.next_event(node, now, self._since[node])
        if event is not None:
            self._clock.at(event.time_seconds, partial(self._happens, node, self._epoch[node], event))

    def _leave_service(self, node: int, time: float, bucket: str) -> None:
        self.in_service[node] = False
        self._pool.accepting[node] = False
        self._epoch[node] += 1
        self._served(node, time)
        self._out_since[node], self._bucket[node] = self._clock.now, bucket
        self._draining[node] = None

    def _served(self, node: int, until: float) -> None:
        self._hazards.served(node, self._since[node], until)
        self.service_seconds += until - self._since[node]
        if node >= self._spec.batch_nodes:
            self._books.gpu_seconds["serving"] += (until - self._since[node]) * self._pool.gpus_per_node

    def _return_to_service(self, node: int) -> None:
        self._charge_outage(node)
        self._out_since[node] = None
        self.in_service[node] = True
        self._pool.accepting[node] = True
        self._start_hazards(node)
        self._scheduler.request_pass(self._clock.now + 1)

    def _charge_outage(self, node: int) -> None:
        since = self._out_since[node]
        if since is not None:
            self._books.gpu_seconds[self._bucket[node]] += (self._clock.now - since) * self._pool.gpus_per_node

    def close(self) -> None:
        """Settle what is in service and out of it when the log ends."""
        for node, serves in enumerate(self.in_service):
            if serves:
                self._served(node, float(self._clock.now))
            else:
                self._charge_outage(node)

    # What happens

    def _happens(self, node: int, epoch: int, event: HardwareEvent) -> None:
        if epoch != self._epoch[node]:
            return  # the node left service before this could happen
        mode = self._spec.failure_modes[event.mode]
        if mode.effect == "down":
            self._breaks(node, event, mode)
            return
        if mode.effect == "drain":
            if self._draining[node] is None:
                self._drains(node, event, mode)
        elif mode.effect == "slow":
            self._note(node, event, mode, "straggler", silent=True)
            self.slow(node, float(self._rng.lognormal(math.log(mode.duration_median_hours * HOUR))), mode.slowdown)
        elif mode.effect == "corrupt":
            self._corrupts(node, event, mode)
        else:
            self._note(node, event, mode, "benign", silent=mode.silent)
        self._next_hazard(node, event.time_seconds)

    def _note(
        self,
        node: int,
        event: HardwareEvent,
        mode: FailureMode,
        kind: Kind,
        *,
        silent: bool,
        **more: Any,  # noqa: ANN401 - further fields of a fault
    ) -> Fault:
        return self._books.fault(
            time_seconds=event.time_seconds,
            node=node,
            component=mode.component,
            slot=event.slot,
            symptom=mode.symptom,
            xid=event.xid,
            kind=kind,
            silent=silent,
            **more,
        )

    def _breaks(self, node: int, event: HardwareEvent, mode: FailureMode) -> None:
        seen = self._spec.observability
        unchecked = event.time_seconds < mode.checked_from_day * DAY
        missed = not mode.silent and (unchecked or self._rng.random() < seen.missed_share)
        silent = mode.silent or missed
        detected = self._detected(node, silent=silent)
        permanent = bool(self._rng.random() < mode.permanent_share)
        helped = bool(self._rng.random() >= mode.repair.useless_share)
        cured = helped and event.lemon and self._cures_lemon()
        fault = self._note(
            node,
            event,
            mode,
            "critical",
            silent=silent,
            missed=missed,
            permanent=permanent,
            repair_helped=helped,
            detected_seconds=detected,
            repaired_seconds=detected + repair_seconds(mode.repair, self._rng),
            lemon=event.lemon,
            cured=cured,
        )
        self.fail(node, fault, crash_first=0.0 if mode.silent else seen.crash_first_probability)
        # The node's clock stands still until it is back, so the part may be changed now.
        self._hazards.mended(node, event.mode, event.slot, replaced=permanent, helped=helped)
        if cured:
            self._hazards.cured(node)
        if not silent:
            self._cascade(fault, mode)

    def _cures_lemon(self) -> bool:
        lemons = self._spec.lemons
        # Where no repair does, nothing is drawn.
        return lemons is not None and lemons.cured_share > 0 and bool(self._rng.random() < lemons.cured_share)

    def _cascade(self, fault: Fault, mode: FailureMode) -> None:
        for cascade in mode.cascades:
            if self._rng.random() >= cascade.probability:
                continue
            time = fault.time_seconds + float(self._rng.exponential(cascade.delay_seconds))
            if time < self._spec.seconds:
                self._books.fault(
                    time_seconds=time,
                    node=fault.node,
                    component=mode.component,
                    slot=fault.slot,
                    symptom=cascade.symptom,
                    xid=cascade.xid,
                    kind="cascade",
                    caused_by=fault.fault_id,
                )

    def _detected(self, node: int, *, silent: bool) -> int:
        seen = self._spec.observability
        if silent:
            return self._clock.now + seen.silent_seconds
        return next_check(self._clock.now, int(self._plant.check_phase[node]), seen.check_interval_seconds)

    def fail(self, node: int, fault: Fault, *, crash_first: float) -> None:
        """Take a node in service down, and with it all that runs on it.

        Parameters
        ----------
        node
            Node number.
        fault
            Why, with the times of detection and repair.
        crash_first
            Probability that an attempt crashes by itself before the node is noticed.
        """
        detected, repaired = fault.detected_seconds, fault.repaired_seconds
        assert detected is not None and repaired is not None  # noqa: S101, PT018 - such faults have both
        self._leave_service(node, fault.time_seconds, "down_unplanned")
        self._books.outage(node, detected, repaired, "down", fault.fault_id)
        for running in tuple(self._scheduler.on_node[node].values()):
            crashes = bool(self._crashes.random() < crash_first)
            last = min(detected, self._clock.now + _CRASH_SECONDS)
            end = int(self._crashes.integers(self._clock.now, last, endpoint=True)) if crashes else detected
            self._scheduler.doom(running, fault.fault_id, end, crashes=crashes)
        self._clock.at(repaired, partial(self._return_to_service, node))

    def slow(self, node: int, seconds: float, slowdown: float) -> None:
        """Let work on a node take longer for a while.

        Parameters
        ----------
        node
            Node number.
        seconds
            For how long.
        slowdown
            Share by which it takes longer.
        """
        self._slow_until[node] = max(self._slow_until[node], self._clock.now + seconds)
        self._slowdown[node] = slowdown
        for running in tuple(self._scheduler.on_node[node].values()):
            self._slowed(running, node)

    def _slowed(self, running: Running, node: int) -> None:
        if not running.doomed_by:
            spell = Spell(self._clock.now, self._slow_until[node], self._slowdown[node])
            running.slow = with_spell(running.slow, spell)
            self._scheduler.plan_end(running)

    def _corrupts(self, node: int, event: HardwareEvent, mode: FailureMode) -> None:
        fault = self._note(node, event, mode, "silent_corruption", silent=True)
        for running in self._scheduler.on_node[node].values():
            if running.corrupt:
                continue  # what comes later makes it no worse
            running.corrupt = True
            since = self._clock.now - running.start_seconds
            latency = float(self._crashes.lognormal(math.log(mode.duration_median_hours * HOUR)))
            self._clock.at(self._clock.now + latency, partial(self._noticed, running, fault, since))

    def _noticed(self, running: Running, fault: Fault, since: int) -> None:
        if self._scheduler.running.get(running.job.job_id) is running and not running.doomed_by:
            running.doomed_by, running.corrupt_since = fault.fault_id, since
            self._scheduler.finish(running, _FAILED, _ERROR_EXIT, requeue=True)

    # Work that can wait

    def _drains(self, node: int, event: HardwareEvent, mode: FailureMode) -> None:
        detected = self._detected(node, silent=False)
        fault = self._note(
            node,
            event,
            mode,
            "drain",
            silent=False,
            permanent=bool(self._rng.random() < mode.permanent_share),
            detected_seconds=detected,
        )
        self._draining[node] = fault
        self._clock.at(detected, partial(self._drain_if_idle, node, event, repair_seconds(mode.repair, self._rng)))

    def _drain_if_idle(self, node: int, event: HardwareEvent, repair: int) -> None:
        fault = self._draining[node]
        if fault is None or not self.in_service[node]:
            return  # it failed meanwhile: that repair does this work, too
        self._pool.accepting[node] = False
        if not self._pool.is_idle(node) and node < self._spec.batch_nodes:
            self._clock.at(self._clock.now + 60, partial(self._drain_if_idle, node, event, repair))
            return
        end = self._clock.now + repair
        self._leave_service(node, float(self._clock.now), "drained")
        self._hazards.mended(node, event.mode, event.slot, replaced=fault.permanent, helped=True)
        self._books.outage(node, self._clock.now, end, "drain", fault.fault_id)
        self._clock.at(end, partial(self._return_to_service, node))

    # What the scheduler tells

    def _started(self, running: Running) -> None:
        for node in running.nodes:
            if self._slow_until[node] > self._clock.now:
                self._slowed(running, node)
        job = running.job
        if job.crashes:
            wait = float(self._crashes.exponential(job.crash_mean_hours * HOUR))
            self._clock.at(self._clock.now + wait, partial(self._crash, running))

    def _left(self, running: Running) -> None:
        # While it was dying its node was out already: those seconds are the attempt's, not the outage's.
        for node in running.nodes:
            since = self._out_since[node]
            if since is not None:
                shared = self._clock.now - max(since, running.start_seconds)
                self._books.gpu_seconds[self._bucket[node]] -= shared * running.job.gpus_per_node

    def _crash(self, running: Running) -> None:
        if self._scheduler.running.get(running.job.job_id) is not running or running.doomed_by:
            return
        running.job.crashes -= 1
        node = running.nodes[int(self._crashes.integers(len(running.nodes)))]
        detected = self._detected(node, silent=False)
        fault = self._books.fault(
            time_seconds=float(self._clock.now),
            node=node,
            component="gpu",
            slot=int(self._crashes.integers(self._spec.fleet.gpus_per_node)),
            symptom="gpu_driver",
            xid=119,
            kind="crash_loop",
            detected_seconds=detected,
            repaired_seconds=detected + _CRASH_LOOP_REPAIR_SECONDS,
        )
        self.fail(node, fault, crash_first=0.0)

    def _application_crash(self, running: Running) -> None:
        # The kernel prints its line in the second before Slurm books the end.
        if self._clock.now < 1:
            return
        self._books.fault(
            time_seconds=self._clock.now - float(self._crashes.uniform(0.1, 1.0)),
            node=running.nodes[0],
            component="application",
            slot=int(self._crashes.integers(self._spec.fleet.gpus_per_node)),
            symptom="application",
            xid=running.job.xid,
            kind="application",
        )

    # Planned work

    def plan_maintenance(self, rng: np.random.Generator) -> None:
        """Plan the maintenance windows; before `begin`.

        Parameters
        ----------
        rng
            For which nodes come when.
        """
        policy, nodes = self._spec.scheduler, self._spec.fleet.nodes
        order = rng.permutation(nodes)
        days = range(policy.maintenance_every_days // 2, self._spec.days, policy.maintenance_every_days)
        for window, day in enumerate(days):
            begin = day * DAY + 9 * HOUR
            for turn in range(policy.maintenance_nodes):
                node = int(order[(window * policy.maintenance_nodes + turn) % nodes])
                self.planned[node].append(begin)
                self._clock.at(begin, partial(self._begin_maintenance, node, 1001 + window))

    def _announce(self, node: int) -> None:
        self._pool.usable_until[node] = self.planned[node][0] if self.planned[node] else NEVER

    def _begin_maintenance(self, node: int, change: int) -> None:
        if self.in_service[node] and not self._pool.is_idle(node) and node < self._spec.batch_nodes:
            # A dying attempt may outlast its limit by minutes.
            self._clock.at(self._clock.now + 60, partial(self._begin_maintenance, node, change))
            return
        self.planned[node].pop(0)
        self._announce(node)
        if not self.in_service[node]:  # already down: the work is done with the repair
            return
        end = self._clock.now + round(self._spec.scheduler.maintenance_hours * HOUR)
        self._books.outage(node, self._clock.now, end, "maintenance", change)
        self._leave_service(node, float(self._clock.now), "down_planned")
        self._clock.at(end, partial(self._return_to_service, node))
