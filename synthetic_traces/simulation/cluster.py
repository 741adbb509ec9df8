"""The discrete-event simulation: machines that fail, a gang scheduler, and the jobs in between."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from synthetic_traces.simulation.books import Books
from synthetic_traces.simulation.clock import Clock
from synthetic_traces.simulation.demand import Demand
from synthetic_traces.simulation.hazards import Hazards
from synthetic_traces.simulation.machines import Machines
from synthetic_traces.simulation.placement import NEVER, NodePool
from synthetic_traces.simulation.plant import Plant, draw_plant
from synthetic_traces.simulation.records import History
from synthetic_traces.simulation.scheduling import GangScheduler
from synthetic_traces.simulation.shared_faults import SharedFaults
from synthetic_traces.spec.cluster import DAY, ClusterSpec


class Simulation:
    """One cluster from the begin of its warm-up to the end of its log.

    Time is in whole seconds since the begin of the log, negative during the warm-up. Equal seeds give equal histories.

    Parameters
    ----------
    spec
        The cluster.
    seed
        Of all randomness.
    """

    def __init__(self, spec: ClusterSpec, seed: int) -> None:
        # One stream for each concern, so that a change of one leaves the draws of the others alone.
        demand, *others = np.random.SeedSequence(seed).spawn(8)
        plant, hazards, machines, crashes, planned, shared, users = (np.random.default_rng(child) for child in others)
        self._spec = spec
        self.plant: Plant = draw_plant(spec, plant)
        self._clock = Clock(-spec.warm_up_days * DAY)
        self._books = Books(spec.seconds)
        self._demand = Demand(spec, demand)
        pool = NodePool(
            spec.fleet.nodes, spec.fleet.gpus_per_node, least_loaded_first=spec.scheduler.least_loaded_first
        )
        if spec.serving_nodes:
            pool.take(range(spec.batch_nodes, spec.fleet.nodes), spec.fleet.gpus_per_node, NEVER)
        self._scheduler = GangScheduler(spec, self._clock, pool, self._demand, self._books, users)
        self._hazards = Hazards(spec, self.plant, hazards)
        self._machines = Machines(
            spec, self.plant, self._clock, pool, self._scheduler, self._books, self._hazards, machines, crashes
        )
        self._machines.plan_maintenance(planned)
        self._machines.begin()
        SharedFaults(spec, self.plant, self._clock, self._machines, self._books, shared).plan()
        for day in range(-spec.warm_up_days, spec.days):
            self._clock.at(day * DAY, partial(self._submit_day, day))
        for team in range(self._demand.teams):
            self._clock.at(self._clock.now, partial(self._scheduler.submit_run, team))
        for second, job in self._demand.crash_loops():
            self._clock.at(second, partial(self._scheduler.submit, job))

    def _submit_day(self, day: int) -> None:
        for second, job in self._demand.day(day):
            self._clock.at(second, partial(self._scheduler.submit, job))

    def run(self, progress: Callable[[float], None] | None = None) -> History:
        """Process all events up to the end of the log.

        Parameters
        ----------
        progress
            Called once a simulated day with the fraction done, 0 … 1.

        Returns
        -------
        History
            What happened in the log window.
        """
        spec, books = self._spec, self._books
        self._clock.run(spec.seconds, DAY, progress if progress is not None else lambda _: None)
        self._scheduler.close()
        self._machines.close()
        capacity = float(spec.fleet.nodes * spec.fleet.gpus_per_node * spec.seconds)
        books.gpu_seconds["idle"] += capacity - sum(books.gpu_seconds.values())
        return History(
            users=self._demand.users,
            jobs=books.job_columns(),
            attempts=books.attempt_columns(),
            faults=tuple(sorted(books.faults, key=lambda fault: (fault.time_seconds, fault.fault_id))),
            outages=tuple(sorted(books.outages, key=lambda outage: (outage.from_seconds, outage.node))),
            domain_events=tuple(books.domain_events),
            in_service_node_days=self._machines.service_seconds / DAY,
            expected_faults=dict(self._hazards.expected),
            ledger_gpu_seconds=dict(books.gpu_seconds),
            slow=dict(books.slow),
        )
