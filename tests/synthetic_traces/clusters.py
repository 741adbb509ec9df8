"""Small clusters for the tests, and their histories, each simulated once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from msgspec.structs import replace

from synthetic_traces import preset_spec
from synthetic_traces.simulation.cluster import Simulation
from synthetic_traces.simulation.plant import Plant
from synthetic_traces.simulation.records import Attempt, History
from synthetic_traces.spec.cluster import ClusterSpec, Observability
from synthetic_traces.spec.faults import Batch, DomainFault, FailureMode, Firmware, Lemons, Regression, Repair
from synthetic_traces.spec.serving import ServingSpec
from synthetic_traces.spec.workload import Checkpoints, CrashLoop, Teams

#: few, so that the laws share the simulated histories
SEEDS = tuple(range(4))


def stormy():
    """Sixteen nodes for eight days that fail forty times as often as `tiny`'s and are noticed late.

    So what is rare happens: two faults meet in one attempt, faults meet planned work.
    """
    spec = preset_spec("tiny")
    return replace(
        spec,
        days=8,
        warm_up_days=2,
        fleet=replace(spec.fleet, nodes=16),
        failure_modes=tuple(
            replace(mode, per_1000_node_days=40 * mode.per_1000_node_days) for mode in spec.failure_modes
        ),
        workload=replace(
            spec.workload,
            jobs_per_day=110,
            teams=replace(spec.workload.teams, run_nodes=(3, 5, 7), run_median_days=0.7),
        ),
        scheduler=replace(spec.scheduler, maintenance_every_days=2, maintenance_nodes=3),
        observability=replace(spec.observability, check_interval_seconds=1800, silent_seconds=1800),
    )


def troubled():
    """Thirty-six nodes for ten days on which everything that the simulator can do happens, and often."""
    spec = preset_spec("tiny")
    modes = {
        "gpu_memory": {"shape": 0.7},
        "power": {"shape": 2.0},
        "gpu_unavailable": {"repair": Repair(median_hours=4, useless_share=0.4, relapse_mean_hours=8)},
        "nvlink": {"repair": Repair(median_hours=4, automatic_share=0.5, useless_share=0.5)},
        "filesystem_mount": {"checked_from_day": 4},
        "pcie": {"shape": 2.0, "reference_age_days": 100.0},
    }
    return replace(
        spec,
        days=10,
        warm_up_days=3,
        fleet=replace(
            spec.fleet,
            nodes=36,
            fabric="hpn",
            nodes_per_rack=3,
            racks_per_pod=4,
            oldest_days=300,
            batches=(Batch(name="early", share=0.3, symptom="gpu_memory", factor=3.0),),
            firmware=(
                Firmware(version="550.127.05", symptom="gpu_driver", factor=0.3, from_day=2, rollout_days=4),
                Firmware(version="560.35.03", symptom="ib_link", factor=2.0, from_day=6, rollout_days=2),
            ),
        ),
        failure_modes=(
            *(
                replace(
                    mode,
                    per_1000_node_days=(10 if mode.effect == "down" else 2) * mode.per_1000_node_days,
                    **(modes.get(mode.symptom, {}) if mode.effect == "down" else {}),
                )
                for mode in spec.failure_modes
            ),
            FailureMode(component="fan", symptom="cooling", per_1000_node_days=60, effect="drain", permanent_share=0.5),
            FailureMode(component="gpu", symptom="gpu_driver", slots=8, per_1000_node_days=80, effect="slow"),
            FailureMode(
                component="gpu",
                symptom="gpu_memory",
                slots=8,
                per_1000_node_days=60,
                effect="corrupt",
                duration_median_hours=2,
            ),
        ),
        domain_faults=(
            DomainFault(domain="rack", component="psu", symptom="power", per_1000_domain_days=30, silent=True),
            DomainFault(domain="tor", component="nic", symptom="ib_link", per_1000_domain_days=30, affected_share=0.8),
            DomainFault(
                domain="cluster",
                component="filesystem",
                symptom="filesystem_mount",
                per_1000_domain_days=200,
                affected_share=0.3,
                spread_seconds=900,
            ),
            DomainFault(
                domain="cooling", component="node", symptom="cooling", per_1000_domain_days=200, false_alarm=True
            ),
            DomainFault(domain="leaf", component="nic", symptom="ib_link", per_1000_domain_days=100),
        ),
        lemons=Lemons(share=0.12, per_1000_node_days=500, symptoms=("ib_link", "gpu_unavailable"), weights=(2, 1)),
        regressions=(
            Regression(symptom="nvlink", factor=4.0, from_day=3, to_day=6),
            Regression(symptom="gpu_unavailable", factor=3.0, from_day=5, to_day=9),
        ),
        workload=replace(
            spec.workload,
            users=8,
            jobs_per_day=130,
            classes=tuple(
                replace(job, checkpoint_share=0.6, mean_hours=4.0, high_share=0.1)
                for job in spec.workload.classes
                if job.gpus <= 64
            ),
            chained_share=0.5,
            resubmit_probability=0.5,
            exclude_probability=0.6,
            array_share=0.3,
            array_mean_tasks=5.0,
            dependency_share=0.2,
            cancel_probability=0.08,
            timeout_probability=0.02,
            checkpoints=Checkpoints(interval_minutes=30, write_seconds=300, stall_seconds=20, restart_minutes=6),
            teams=Teams(count=2, run_nodes=(6, 9, 12), run_median_days=1.0, pause_hours=3.0),
            crash_loops=(CrashLoop(day=1.2, nodes=3, crashes=6, mean_hours=1.0),),
        ),
        scheduler=replace(spec.scheduler, preemption_exempt_hours=0.5, maintenance_every_days=3, maintenance_nodes=3),
        observability=Observability(
            missed_share=0.15,
            false_alarms_per_node_day=0.1,
            clock_skew_seconds=1.0,
            burst_most=20,
            lost_share=0.02,
            duplicated_share=0.02,
        ),
        logs=replace(spec.logs, rotate_days=3, compress=True, training_min_gpus=48),
        serving=ServingSpec(prefill_instances=1, decode_instances=2, requests_per_second=0.05, from_day=2.0, days=0.5),
    )


@dataclass(frozen=True, eq=False)
class Case:
    """A cluster and what happened to it."""

    spec: ClusterSpec
    plant: Plant
    history: History
    attempts: tuple[Attempt, ...]

    def started(self):
        """Yield what ran: (attempt, begin, end), the end being that of the log for what still runs."""
        for attempt in self.attempts:
            if attempt.start_seconds is not None:
                end = self.spec.seconds if attempt.end_seconds is None else attempt.end_seconds
                yield attempt, attempt.start_seconds, end

    def on_node(self):
        """What ran on each node: lists of (attempt, begin, end)."""
        ran = defaultdict(list)
        for attempt, begin, end in self.started():
            for node in attempt.nodes:
                ran[node].append((attempt, begin, end))
        return ran

    def by_job(self):
        """The attempts of each job, in order."""
        jobs = defaultdict(list)
        for attempt in self.attempts:
            jobs[attempt.job_id].append(attempt)
        return jobs

    def absences(self):
        """When each node was not in service: lists of (begin, end, kind), from the fault itself on."""
        away = defaultdict(list)
        for fault in self.history.faults:
            if fault.repaired_seconds is not None:
                away[fault.node].append((fault.time_seconds, fault.repaired_seconds, "down"))
        for outage in self.history.outages:
            if outage.state != "down":
                away[outage.node].append((outage.from_seconds, outage.to_seconds, outage.state))
        return {node: sorted(intervals) for node, intervals in away.items()}

    def service(self):
        """Yield when each node was in service: (node, begin, end)."""
        away = self.absences()
        for node in range(self.spec.fleet.nodes):
            begin = 0.0
            for down, up, _ in away.get(node, ()):
                yield node, begin, down
                begin = up
            if begin < self.spec.seconds:
                yield node, begin, self.spec.seconds


@cache
def simulated(spec, seed):
    """One history of a cluster; equal calls return the same."""
    simulation = Simulation(spec, seed)
    history = simulation.run()
    return Case(spec, simulation.plant, history, tuple(history.each_attempt()))


def quiet(**changes):
    """`tiny` with hardly anything to run, nothing planned and nothing noisy: for the laws of the hardware."""
    spec = preset_spec("tiny")
    load = replace(spec.workload, jobs_per_day=1, teams=None, array_share=0.0)
    calm = {
        "warm_up_days": 0,
        "workload": load,
        "scheduler": replace(spec.scheduler, maintenance_nodes=0),
        "observability": replace(spec.observability, missed_share=0.0, false_alarms_per_node_day=0.0),
    }
    return replace(spec, **calm | changes)


def one_mode(rate=50.0, *, days=60, repair=None, fleet=None, more=None, **mode):
    """`quiet` with a single mode; ``fleet`` and ``more`` change the fleet and the cluster."""
    fields = {
        "component": "gpu",
        "symptom": "gpu_memory",
        "slots": 8,
        "xids": (48,),
        "repair": Repair(**{"median_hours": 2.0} | (repair or {})),
    } | mode
    spec = preset_spec("tiny")
    return quiet(
        days=days,
        fleet=replace(spec.fleet, **(fleet or {})),
        failure_modes=(FailureMode(per_1000_node_days=rate, **fields),),
        **(more or {}),
    )
