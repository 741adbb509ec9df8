"""How close a simulated history lands to what has been published about such a cluster.

Each preset has a list of published figures (Kokolis et al., HPCA 2025; Llama 3, arXiv 2407.21783, table 5; Acme, NSDI
2024; Alibaba HPN, SIGCOMM 2024). The figures of the simulation are counted from the truth, not from its logs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthetic_traces.simulation.plant import Plant
from synthetic_traces.simulation.records import MISSING, STATES, History, Ints
from synthetic_traces.spec.cluster import DAY, ClusterSpec

_MONTH_DAYS = 30.4
_FAILED, _NODE_FAIL = STATES.index("FAILED"), STATES.index("NODE_FAIL")


@dataclass(frozen=True, slots=True)
class Landing:
    """One published figure, and the same of a simulation.

    Parameters
    ----------
    figure
        What it is, with its unit.
    published, simulated
        Both values.
    tolerance
        How far apart they may be, in the figure's unit; None where the figure is only reported beside the other.
    """

    figure: str
    published: float
    simulated: float
    tolerance: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the simulation is as close as it should be.

        >>> Landing("completed, % of jobs", 60, 61.5, 2).holds, Landing("completed, % of jobs", 60, 57, 2).holds
        (True, False)
        """
        return self.tolerance is None or abs(self.simulated - self.published) <= self.tolerance


class Measured:
    """What is counted of a history.

    Parameters
    ----------
    spec, plant, history
        The cluster, its machines, and what happened.
    """

    def __init__(self, spec: ClusterSpec, plant: Plant, history: History) -> None:
        self.spec, self.plant, self.history = spec, plant, history
        a, jobs = history.attempts, history.jobs
        job = a.job_id - 1
        self.gpus: Ints = (jobs.nodes * jobs.gpus_per_node)[job]
        end = np.where(a.end == MISSING, spec.seconds, a.end)
        self.run_seconds: Ints = np.where(a.start == MISSING, 0, end - np.maximum(a.start, 0))
        self.gpu_seconds: Ints = self.gpus * self.run_seconds
        self.infrastructure: npt.NDArray[np.bool_] = a.fault_id > 0
        self.kinds = Counter(fault.kind for fault in history.faults)

    def state_percent(self, state: str) -> float:
        """Return the share of attempts in a state, percent."""
        return 100 * float(np.mean(self.history.attempts.state == STATES.index(state)))

    def jobs_percent(self, least: int, most: int) -> float:
        """Return the share of attempts of these sizes, percent."""
        return 100 * float(np.mean((self.gpus >= least) & (self.gpus <= most)))

    def time_percent(self, least: int, most: int) -> float:
        """Return the share of GPU-time of these sizes, percent."""
        chosen = (self.gpus >= least) & (self.gpus <= most)
        return 100 * float(self.gpu_seconds[chosen].sum() / self.gpu_seconds.sum())

    def used_percent(self) -> float:
        """Return the share of the GPUs' time that was allocated, percent."""
        capacity = self.spec.batch_nodes * self.spec.fleet.gpus_per_node * self.spec.seconds
        return 100 * float(self.gpu_seconds.sum() / capacity)

    def bucket_percent(self, bucket: str) -> float:
        """Return the share of a ledger's bucket in the capacity, percent."""
        buckets = self.history.ledger_gpu_seconds
        return 100 * buckets[bucket] / sum(buckets.values())

    def second_order_percent(self) -> float:
        """Return the second-order share of the goodput that infrastructure failures lost, percent."""
        buckets = self.history.ledger_gpu_seconds
        second = buckets["lost_preemption_second_order"]
        return 100 * second / (second + buckets["lost_infrastructure"])

    def true_rate(self) -> float:
        """Return the expected faults of all kinds that take a node down, per 1000 node-days in service."""
        shared = sum(fault.kind == "critical" and fault.domain_event is not None for fault in self.history.faults)
        expected = sum(self.history.expected_faults.values())
        return 1000 * (expected + shared) / self.history.in_service_node_days

    def r_f(self) -> float:
        """Return the infrastructure failures per 1000 node-days of run time of attempts with more than 128 GPUs."""
        large = self.gpus > 128
        nodes = self.history.jobs.nodes[self.history.attempts.job_id - 1]
        days = float((self.run_seconds * nodes)[large].sum()) / DAY
        return 1000 * float((self.infrastructure & large).sum()) / days

    def crash_loop(self) -> tuple[int, int, int]:
        """Tell of the scripted crash loop how often it was requeued, whom it preempted, on how many GPUs."""
        attempts = self.history.attempts
        looping = [fault.fault_id for fault in self.history.faults if fault.kind == "crash_loop"]
        ended = np.flatnonzero(np.isin(attempts.fault_id, looping))
        victims = np.isin(attempts.preempted_by, np.unique(attempts.job_id[ended]))
        return len(ended), int(victims.sum()), int(self.gpus[victims].sum())

    def symptom_count(self, *symptoms: str) -> int:
        """Return the number of faults that took a node down, or corrupted work, with these symptoms."""
        kinds = {"critical", "silent_corruption"}
        return sum(fault.kind in kinds and fault.symptom in symptoms for fault in self.history.faults)

    def failed_time_percent(self) -> float:
        """Return infrastructure's share of the GPU-time of attempts that ended FAILED or NODE_FAIL, percent."""
        state = self.history.attempts.state
        failed = (state == _FAILED) | (state == _NODE_FAIL)
        return 100 * float(self.gpu_seconds[failed & self.infrastructure].sum() / self.gpu_seconds[failed].sum())

    def user_failures(self) -> int:
        """Return the number of attempts that ended FAILED by their own fault."""
        return int(((self.history.attempts.state == _FAILED) & ~self.infrastructure).sum())


def landings(preset: str, measured: Measured) -> tuple[Landing, ...]:
    """Set a history of a preset beside what was published.

    Parameters
    ----------
    preset
        Its name.
    measured
        Counted from its truth.

    Returns
    -------
    tuple of Landing
        Empty for a preset that stands for no published cluster.
    """
    return _PUBLISHED[preset](measured) if preset in _PUBLISHED else ()


def _rsc(m: Measured, *, rate: float, jobs: float, large: float, used: float) -> list[Landing]:
    return [
        Landing("failures per 1000 node-days (hazard of all causes)", rate, m.true_rate(), 0.15 * rate),
        Landing("r_f of attempts with more than 128 GPUs (realised)", rate, m.r_f(), 0.15 * rate),
        Landing("jobs a day", jobs, len(m.gpus) / m.spec.days, 0.1 * jobs),
        Landing("GPUs allocated, %", used, m.used_percent(), 5),
        Landing("jobs of at most one node, % of jobs", 90, m.jobs_percent(1, 8), 5),
        Landing("jobs of at most one node, % of GPU-time", 10, m.time_percent(1, 8), 5),
        Landing("jobs of 256 GPUs and more, % of GPU-time", large, m.time_percent(256, 1 << 20), 5),
    ]


def _rsc_1(m: Measured) -> tuple[Landing, ...]:
    mix = {
        "COMPLETED": 60,
        "FAILED": 24,
        "PREEMPTED": 10,
        "REQUEUED": 2,
        "TIMEOUT": 0.6,
        "OUT_OF_MEMORY": 0.1,
        "NODE_FAIL": 0.1,
        "CANCELLED": 3.2,
    }
    requeues, preemptions, gpus = m.crash_loop()
    return (
        *_rsc(m, rate=6.50, jobs=7200, large=66, used=83),
        *(Landing(f"{state}, % of jobs", share, m.state_percent(state), 2) for state, share in mix.items()),
        Landing("jobs of one GPU, % of jobs (published: more than 40)", 40, m.jobs_percent(1, 1), 5),
        Landing("jobs of 4,096 GPUs, % of jobs (published: less than 1)", 0, m.jobs_percent(4096, 4096), 1),
        Landing("jobs of 4,096 GPUs, % of GPU-time", 12, m.time_percent(4096, 4096), 5),
        Landing("infrastructure failures, % of jobs", 0.2, 100 * float(m.infrastructure.mean()), 0.1),
        Landing(
            "infrastructure failures, % of run time",
            18.7,
            100 * float(m.gpu_seconds[m.infrastructure].sum() / m.gpu_seconds.sum()),
            3,
        ),
        Landing("second-order share of goodput lost by failures, %", 16, m.second_order_percent()),
        Landing("crash loop: times requeued", 35, requeues, 5),
        Landing("crash loop: preemptions", 548, preemptions),
        Landing("crash loop: GPUs preempted", 7000, gpus),
    )


def _rsc_2(m: Measured) -> tuple[Landing, ...]:
    return tuple(_rsc(m, rate=2.34, jobs=4400, large=52, used=85))


def _llama3(m: Measured) -> tuple[Landing, ...]:
    published = (
        ("faulty GPU", 148, ("gpu_unavailable",)),
        ("GPU memory, HBM3 and SRAM", 91, ("gpu_memory",)),
        ("network switch, cable, NIC", 42, ("ib_link",)),
        ("host maintenance, chassis", 34, ("node_unresponsive",)),
        ("GPU system processor", 17, ("gpu_driver",)),
        ("thermal", 6, ("cooling",)),
        ("silent data corruption", 6, ("silent_data_corruption",)),
        ("SSD, PSU, IO board, CPU, memory", 12, ("disk", "power", "pcie", "cpu", "main_memory")),
    )
    large = m.gpus >= 16384
    software = int(((m.history.attempts.state == _FAILED) & ~m.infrastructure & large).sum())
    stopped = int((m.infrastructure & large).sum()) + software
    return (
        # Tolerances are three standard deviations of a Poisson count.
        *(Landing(f"{name}, count", n, m.symptom_count(*symptoms), 3 * n**0.5) for name, n, symptoms in published),
        Landing("software bugs, dependencies, NCCL watchdogs, count", 63, software, 3 * 63**0.5),
        Landing("unexpected interruptions, count", 419, stopped, 3 * 419**0.5),
        Landing("hours between unexpected interruptions", 3.09, 24 * m.spec.days / stopped, 0.5),
        Landing("productive, % of the run's GPUs (published: more than 90)", 90, m.bucket_percent("productive"), 5),
    )


def _acme(m: Measured) -> tuple[Landing, ...]:
    return (
        Landing("infrastructure failures, count", 281, m.kinds["critical"], 3 * 281**0.5),
        Landing("framework and script failures, count", 2294, m.user_failures(), 3 * 2294**0.5),
        Landing("infrastructure's share of the GPU-time of failed jobs, %", 82, m.failed_time_percent(), 8),
    )


def _hpn(m: Measured) -> tuple[Landing, ...]:
    tiers = Counter(switch.tier for switch in m.plant.fabric.switches)
    months = m.spec.days / _MONTH_DAYS
    links = 16 * m.spec.fleet.nodes * 0.00057 * months
    lost = sum(fault.symptom == "link_lost" for fault in m.history.faults)
    tors = tiers["tor"] * 0.00051 * months
    return (
        Landing("ToR switches", 240, tiers["tor"], 0),
        Landing("aggregation switches", 120, tiers["agg"], 0),
        Landing("NIC-ToR links lost (0.057% a month), count", links, lost, 3 * links**0.5),
        Landing(
            "ToRs lost (0.051% a month), count",
            tors,
            sum(event.kind == "tor" for event in m.history.domain_events),
            max(3 * tors**0.5, 2),
        ),
        Landing("jobs of less than 1,024 GPUs, % of jobs", 96.3, m.jobs_percent(1, 1023), 3),
        Landing("training stopped by a ToR, attempts", 0, 0.0 + _stopped_by_domains(m), 0),
    )


def _stopped_by_domains(m: Measured) -> int:
    shared = [fault.fault_id for fault in m.history.faults if fault.domain_event is not None]
    return int(np.isin(m.history.attempts.fault_id, shared).sum()) if shared else 0


_PUBLISHED: dict[str, Callable[[Measured], tuple[Landing, ...]]] = {
    "rsc-1": _rsc_1,
    "rsc-2": _rsc_2,
    "llama3-16k": _llama3,
    "acme": _acme,
    "hpn-pod": _hpn,
}
