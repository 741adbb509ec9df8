"""Faults that many nodes share, and alarms about nothing: drawn before the simulation, played out in it."""

from __future__ import annotations

from functools import partial

import numpy as np

from synthetic_traces.simulation.books import Books
from synthetic_traces.simulation.clock import Clock
from synthetic_traces.simulation.fault_records import DomainEvent
from synthetic_traces.simulation.hazards import next_check, repair_seconds
from synthetic_traces.simulation.machines import Machines
from synthetic_traces.simulation.plant import Domain, Plant
from synthetic_traces.spec.cluster import ClusterSpec
from synthetic_traces.spec.faults import DomainFault, FailureMode


class SharedFaults:
    """Domain events and false alarms.

    Parameters
    ----------
    spec, plant
        The cluster and its machines.
    clock, machines, books
        Shared with the rest of the simulation.
    rng
        Source of randomness.
    """

    def __init__(
        self,
        spec: ClusterSpec,
        plant: Plant,
        clock: Clock,
        machines: Machines,
        books: Books,
        rng: np.random.Generator,
    ) -> None:
        self._spec, self._plant, self._clock = spec, plant, clock
        self._machines, self._books, self._rng = machines, books, rng

    def plan(self) -> None:
        """Draw all domain events and false alarms of the log, and plan them."""
        for fault in self._spec.domain_faults:
            domains = [domain for domain in self._plant.domains if domain.kind == fault.domain and domain.nodes]
            mean = fault.per_1000_domain_days / 1000 * self._spec.days
            for domain, count in zip(domains, self._rng.poisson(mean, len(domains)).tolist(), strict=True):
                for time in self._rng.uniform(0, self._spec.seconds, count).tolist():
                    self._clock.at(time, partial(self._begin, fault, domain, time))
        self._plan_false_alarms()

    def _plan_false_alarms(self) -> None:
        spec = self._spec
        visible = [mode for mode in spec.failure_modes if mode.effect == "down" and not mode.silent]
        weights = np.array([mode.per_1000_node_days for mode in visible])
        if not weights.sum():
            return
        rate = spec.observability.false_alarms_per_node_day * spec.fleet.nodes * spec.days
        count = int(self._rng.poisson(rate))
        times = np.sort(self._rng.uniform(0, spec.seconds, count)).tolist()
        nodes = self._rng.integers(0, spec.fleet.nodes, count).tolist()
        modes = self._rng.choice(len(visible), count, p=weights / weights.sum()).tolist()
        for time, node, mode in zip(times, nodes, modes, strict=True):
            self._clock.at(time, partial(self._false_alarm, time, node, visible[mode], None))

    def _false_alarm(self, time: float, node: int, mode: FailureMode, event: int | None) -> None:
        if not self._machines.in_service[node]:
            return  # a dead node raises no alarm
        self._books.fault(
            time_seconds=time,
            node=node,
            component=mode.component,
            slot=int(self._rng.integers(mode.slots)),
            symptom=mode.symptom,
            xid=int(self._rng.choice(mode.xids)) if mode.xids else None,
            kind="false_alarm",
            domain_event=event,
        )
        if event is not None:
            self._books.hit(event, node)

    def _begin(self, fault: DomainFault, domain: Domain, time: float) -> None:
        down = domain.takes_down and not fault.false_alarm
        event = len(self._books.domain_events) + 1
        self._books.domain_events.append(
            DomainEvent(event, time, domain.name, domain.kind, (), real=not fault.false_alarm, takes_down=down)
        )
        chosen = [node for node in domain.nodes if self._rng.random() < fault.affected_share]
        nodes = chosen or [int(self._rng.choice(domain.nodes))]
        offsets = self._rng.uniform(0, fault.spread_seconds, len(nodes))
        offsets[0] = 0.0
        length = repair_seconds(fault.repair, self._rng)
        for node, offset in zip(nodes, offsets.tolist(), strict=True):
            if fault.false_alarm:
                mode = FailureMode(component=fault.component, symptom=fault.symptom, per_1000_node_days=0.0)
                action = partial(self._false_alarm, time + offset, node, mode, event)
            elif domain.takes_down:
                action = partial(self._hit, fault, node, time + offset, event, length)
            else:
                action = partial(self._slow, fault, node, event, length)
            self._clock.at(time + offset, action)

    def _hit(self, fault: DomainFault, node: int, time: float, event: int, length: int) -> None:
        if not self._machines.in_service[node]:
            return
        seen, now = self._spec.observability, self._clock.now
        detected = now + seen.silent_seconds
        if not fault.silent:
            detected = next_check(now, int(self._plant.check_phase[node]), seen.check_interval_seconds)
        noted = self._books.fault(
            time_seconds=time,
            node=node,
            component=fault.component,
            slot=0,
            symptom=fault.symptom,
            xid=None,
            kind="critical",
            silent=fault.silent,
            detected_seconds=detected,
            repaired_seconds=detected + length + int(self._rng.integers(0, 600)),
            domain_event=event,
        )
        self._books.hit(event, node)
        self._machines.fail(node, noted, crash_first=0.0 if fault.silent else seen.crash_first_probability)

    def _slow(self, fault: DomainFault, node: int, event: int, length: int) -> None:
        if self._machines.in_service[node]:
            self._books.hit(event, node)
            self._machines.slow(node, float(length), fault.slowdown)
