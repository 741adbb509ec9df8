"""What a simulated cluster is made of: fleet, faults, workload, scheduler, and how all of it is observed and logged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import msgspec

from synthetic_traces.spec.checks import check_not_negative, check_positive, check_shares
from synthetic_traces.spec.faults import Batch, DomainFault, FailureMode, Firmware, Lemons, Regression
from synthetic_traces.spec.serving import ServingSpec
from synthetic_traces.spec.workload import Workload

HOUR = 3600
DAY = 24 * HOUR


class Fleet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The machines and how they are wired.

    Parameters
    ----------
    nodes
        Number of nodes, named ``node-001`` …
    gpus_per_node, gpu_model, cpus_per_node, memory_gb_per_node
        What one node holds; cores and memory are shared out with the GPUs.
    nodes_per_rack, racks_per_pod
        Where they stand. Each rack is a power domain, each pod a cooling domain.
    fabric
        Kind of network, see `models.topology.FABRIC_KINDS`.
    oldest_days
        Age of the oldest rack when the log begins; racks were installed evenly over this time.
    batches
        Nodes bought together that differ.
    driver_version
        Of the GPU driver when the log begins.
    firmware
        Versions rolled out within the log.
    """

    nodes: int
    gpus_per_node: int = 8
    gpu_model: str = "h100"
    cpus_per_node: int = 192
    memory_gb_per_node: int = 2000
    nodes_per_rack: int = 4
    racks_per_pod: int = 8
    fabric: Literal["clos", "rail", "rail-only", "hpn", "hpn-single-tor", "railx", "nvl72"] = "rail"
    oldest_days: float = 365.0
    batches: tuple[Batch, ...] = ()
    driver_version: str = "550.90.07"
    firmware: tuple[Firmware, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a fleet that cannot stand.

        Raises
        ------
        ValueError
            If a count is not positive.
        """
        for name in ("nodes", "gpus_per_node", "nodes_per_rack", "racks_per_pod"):
            if getattr(self, name) < 1:
                raise ValueError(f"fleet.{name} must be at least 1, not {getattr(self, name)}")

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of all nodes, in order.

        >>> Fleet(nodes=2).node_names
        ('node-001', 'node-002')
        """
        width = max(3, len(str(self.nodes)))
        return tuple(f"node-{number:0{width}d}" for number in range(1, self.nodes + 1))


class Scheduler(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The policy of the gang scheduler.

    Parameters
    ----------
    preemption_exempt_hours
        Run time that is guaranteed to a low-QOS job before a high-QOS job may preempt it.
    requeue_delay_seconds
        Time after which a requeued job is eligible again.
    backfill_depth
        Pending jobs that one scheduling pass looks at.
    least_loaded_first
        A job of one node goes to the emptiest node (Slurm's ``LLN``), not to the fullest that fits: gangs then find
        fewer whole nodes free and preempt more.
    maximum_hours
        Longest time limit.
    maintenance_every_days, maintenance_nodes, maintenance_hours
        Every so often, this many nodes are drained for planned work of this length. It is announced: the scheduler
        starts nothing that could still run by then, so planned work interrupts no job.
    """

    preemption_exempt_hours: float = 2.0
    requeue_delay_seconds: int = 120
    backfill_depth: int = 60
    least_loaded_first: bool = False
    maximum_hours: float = 168.0
    maintenance_every_days: int = 7
    maintenance_nodes: int = 4
    maintenance_hours: float = 6.0

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be.

        Raises
        ------
        ValueError
            Naming the field.
        """
        check_positive(
            "scheduler",
            backfill_depth=self.backfill_depth,
            maximum_hours=self.maximum_hours,
            maintenance_every_days=self.maintenance_every_days,
            maintenance_hours=self.maintenance_hours,
        )
        check_not_negative(
            "scheduler",
            preemption_exempt_hours=self.preemption_exempt_hours,
            requeue_delay_seconds=self.requeue_delay_seconds,
            maintenance_nodes=self.maintenance_nodes,
        )


class Observability(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the cluster sees of its faults.

    Parameters
    ----------
    check_interval_seconds
        Period of the health checks; each node has a phase of its own.
    missed_share
        Share of faults that no check sees and no line tells of: the node hangs until Slurm finds it silent.
    false_alarms_per_node_day
        Critical lines about nothing, per node and day; no node goes down for one.
    clock_skew_seconds
        Standard deviation of the constant error of each node's clock.
    crash_first_probability
        Probability that an attempt on a failing, not silent node crashes by itself (FAILED) before the node is taken
        down (NODE_FAIL).
    silent_seconds
        Time after which Slurm takes a node that does not answer for down: ``SlurmdTimeout``.
    burst_probability, burst_most
        Share of faults that repeat their lines, and how often at most, within 20 seconds.
    lost_share, duplicated_share
        Shares of log lines that never arrive, or arrive twice.
    noise_lines_per_node_day
        Mean number of ordinary kernel and daemon lines per node and day.
    """

    check_interval_seconds: int = 300
    missed_share: float = 0.05
    false_alarms_per_node_day: float = 0.02
    clock_skew_seconds: float = 1.0
    crash_first_probability: float = 0.5
    silent_seconds: int = 300
    burst_probability: float = 0.5
    burst_most: int = 500
    lost_share: float = 0.001
    duplicated_share: float = 0.001
    noise_lines_per_node_day: float = 3.0

    def __post_init__(self) -> None:
        """Refuse shares outside 0 … 1 and times below zero.

        Raises
        ------
        ValueError
            Naming the field.
        """
        check_shares(
            "observability",
            missed_share=self.missed_share,
            crash_first_probability=self.crash_first_probability,
            burst_probability=self.burst_probability,
            lost_share=self.lost_share,
            duplicated_share=self.duplicated_share,
        )
        check_positive(
            "observability", check_interval_seconds=self.check_interval_seconds, silent_seconds=self.silent_seconds
        )
        check_not_negative(
            "observability",
            false_alarms_per_node_day=self.false_alarms_per_node_day,
            clock_skew_seconds=self.clock_skew_seconds,
            burst_most=self.burst_most,
            noise_lines_per_node_day=self.noise_lines_per_node_day,
        )


class Logs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files are written, and how they are cut.

    Parameters
    ----------
    rotate_days
        Accounting and syslog begin a new file every so many days; 0 keeps one file of each.
    compress
        Files are packed with Zstandard.
    steps
        Accounting holds the jobs' steps, as ``sacct`` prints them without ``-X``.
    allocation_lines
        The controller's log tells every allocation and completion, not only what went wrong.
    training_min_gpus
        Jobs with checkpoints of at least this size leave a training log.
    """

    rotate_days: int = 0
    compress: bool = False
    steps: bool = True
    allocation_lines: bool = True
    training_min_gpus: int = 129


class ClusterSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cluster, its log window, what fails in it and what runs on it.

    Parameters
    ----------
    cluster
        Name as Slurm prints it.
    start_utc, days
        Begin and length of the log window.
    warm_up_days
        Simulated time before the window, so that jobs already run when the log begins. Hardware does not fail in it,
        so that faults and exposure cover the same window.
    fleet, workload, scheduler, observability, logs
        The parts.
    failure_modes
        What goes wrong. The hazards of those that take a node down add up to the fleet's failure rate, lemons,
        relapses and domain faults apart.
    domain_faults, lemons, regressions
        What correlates failures; none by default.
    serving
        LLM serving on the last nodes of the cluster, which then run no batch jobs; None for none.
    """

    cluster: str
    start_utc: datetime
    days: int
    fleet: Fleet
    failure_modes: tuple[FailureMode, ...]
    workload: Workload
    warm_up_days: int = 7
    scheduler: Scheduler = Scheduler()
    observability: Observability = Observability()
    logs: Logs = Logs()
    domain_faults: tuple[DomainFault, ...] = ()
    lemons: Lemons | None = None
    regressions: tuple[Regression, ...] = ()
    serving: ServingSpec | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises
        ------
        ValueError
            Naming the field and what it must be.
        """
        if self.start_utc.tzinfo is None or self.start_utc.utcoffset() != UTC.utcoffset(None):
            raise ValueError("start_utc must be in UTC, as in 2026-01-01T00:00:00Z")
        if self.start_utc.hour or self.start_utc.minute or self.start_utc.second or self.start_utc.microsecond:
            raise ValueError("start_utc must be a midnight")
        if self.days < 1 or self.warm_up_days < 0:
            raise ValueError("days must be at least 1 and warm_up_days at least 0")
        if not self.failure_modes:
            raise ValueError("failure_modes must name at least one mode")
        self._refuse_unknown_symptoms()
        self._refuse_large_jobs()

    def _refuse_unknown_symptoms(self) -> None:
        known = {mode.symptom for mode in self.failure_modes}
        fleet = self.fleet
        named = [*(b.symptom for b in fleet.batches), *(f.symptom for f in fleet.firmware)]
        named += [regression.symptom for regression in self.regressions]
        for symptom in named:
            if symptom not in known:
                raise ValueError(f"no failure mode has the symptom {symptom!r}; known: {', '.join(sorted(known))}")
        fatal = {mode.symptom for mode in self.failure_modes if mode.effect == "down"}
        for symptom in self.lemons.symptoms if self.lemons else ():
            if symptom not in fatal:
                names = ", ".join(sorted(fatal))
                raise ValueError(f"lemons: no failure mode of symptom {symptom!r} takes a node down; known: {names}")

    def _refuse_large_jobs(self) -> None:
        load = self.workload
        for name, asked in (
            ("classes", [-(-job.gpus // self.fleet.gpus_per_node) for job in load.classes]),
            ("teams", load.teams.run_nodes if load.teams is not None else ()),
            ("crash_loops", [loop.nodes for loop in load.crash_loops]),
        ):
            if max(asked, default=0) > self.batch_nodes:
                raise ValueError(
                    f"workload.{name} asks for {max(asked)} nodes, the cluster has {self.batch_nodes} for jobs"
                )

    @property
    def seconds(self) -> int:
        """Length of the log window in seconds."""
        return self.days * DAY

    @property
    def serving_nodes(self) -> int:
        """Nodes that serve requests and run no jobs: the last ones."""
        return self.serving.nodes_needed if self.serving is not None else 0

    @property
    def batch_nodes(self) -> int:
        """Nodes that run jobs."""
        return self.fleet.nodes - self.serving_nodes

    @property
    def failures_per_1000_node_days(self) -> float:
        """Hazard of all modes that take a node down, per 1000 node-days in service, at the reference age."""
        return sum(mode.per_1000_node_days for mode in self.failure_modes if mode.effect == "down")

    @property
    def has_correlated_faults(self) -> bool:
        """Whether failures cluster: lemons, domain faults, regressions, relapses, crash loops, unequal nodes."""
        unequal = self.lemons or self.domain_faults or self.regressions or self.fleet.batches or self.fleet.firmware
        relapses = any(mode.repair.useless_share > 0 or mode.shape != 1 for mode in self.failure_modes)
        return bool(unequal) or relapses or bool(self.workload.crash_loops)


def plain(spec: ClusterSpec) -> ClusterSpec:
    """Return the same cluster with independent failures of constant rate: a Poisson process.

    Parameters
    ----------
    spec
        Any cluster.

    Returns
    -------
    ClusterSpec
        Without lemons, domain faults, regressions, batches, firmware, relapses, ageing and crash loops.
    """
    modes = tuple(
        msgspec.structs.replace(
            mode, shape=1.0, repair=msgspec.structs.replace(mode.repair, useless_share=0.0), checked_from_day=0
        )
        for mode in spec.failure_modes
    )
    return msgspec.structs.replace(
        spec,
        fleet=msgspec.structs.replace(spec.fleet, batches=(), firmware=()),
        failure_modes=modes,
        workload=msgspec.structs.replace(spec.workload, crash_loops=()),
        domain_faults=(),
        lemons=None,
        regressions=(),
    )


def without_lemons(spec: ClusterSpec) -> ClusterSpec:
    """Return the same cluster in which no node is a lemon; domain faults, relapses and users stay as they are.

    Parameters
    ----------
    spec
        Any cluster.

    Returns
    -------
    ClusterSpec
        In which whoever names a lemon is wrong.
    """
    return msgspec.structs.replace(spec, lemons=None)
