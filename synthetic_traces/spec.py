"""What a simulated cluster is made of: nodes, failure modes, workload, scheduler policy; and the presets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from synthetic_traces.errors import UnknownPresetError

HOUR = 3600
DAY = 24 * HOUR

Kind = Literal["critical", "application", "benign"]


@dataclass(frozen=True, slots=True)
class FailureMode:
    """One way in which one kind of component goes wrong, as a Poisson process with a constant hazard.

    The process runs only while the node is in service. A critical mode takes the node out of service and ends every
    attempt on it; a benign one leaves a line in the kernel log and nothing else.

    Parameters
    ----------
    component
        Part that fails: gpu, nic, nvlink, pcie, dimm, disk, filesystem, psu or node.
    symptom
        What an observer sees, from the closed symptom vocabulary (``gpu_memory``, ``ib_link``, …).
    slots
        Number of such parts per node; the failing slot is uniform on ``range(slots)``.
    per_1000_node_days
        Hazard of all slots of a node together, events per 1000 node-days in service.
    xids
        NVRM Xid codes it prints, one of them per event; empty if it prints none.
    detection_seconds
        Longest time until the cluster takes the node out of service (uniform on 1 … this). Health checks run once a
        minute here; a silent node is noticed after Slurm's ``SlurmdTimeout`` of 300 s.
    silent
        The node leaves no line in any log; only the scheduler notices.
    repair_median_hours, repair_sigma
        Log-normal time from detection until the node is back in service: median in hours, standard deviation of its
        logarithm.
    """

    component: str
    symptom: str
    slots: int
    per_1000_node_days: float
    xids: tuple[int, ...] = ()
    detection_seconds: int = 60
    silent: bool = False
    repair_median_hours: float = 6.0
    repair_sigma: float = 0.9


@dataclass(frozen=True, slots=True)
class Workload:
    """Who submits what.

    Two populations share the cluster. *Teams* train large models one run after the other (a closed loop: the next run
    is submitted some hours after the last one ended for good). *Users* submit smaller jobs as a Poisson process whose
    rate follows the hour of the day.

    Parameters
    ----------
    users
        Number of users of smaller jobs; each has its own share of the jobs and its own failure probability.
    jobs_per_day
        Mean number of smaller jobs submitted per day.
    day_rhythm
        Relative swing of that rate around its mean over a day (0 … 1); the peak is at 15:00 UTC.
    gpu_counts, gpu_count_weights
        Sizes of smaller jobs in GPUs and their relative frequencies. From one node upwards sizes are whole nodes.
    median_hours, sigma
        Log-normal duration of a smaller job: median in hours, standard deviation of its logarithm.
    teams
        Number of teams that train large models.
    run_nodes
        Sizes of large runs in nodes, equally likely.
    run_median_days, run_sigma
        Log-normal productive time of a large run.
    run_pause_hours
        Mean (exponential) pause between two runs of one team.
    run_user_failure_probability
        Probability that a large run ends by a fault of its own code.
    checkpoint_hours
        Interval of a large run's checkpoints; after an interruption it resumes from the last one. Smaller jobs start
        from scratch.
    restart_minutes
        Time from the start of a large run's attempt to its first new productive step.
    """

    users: int
    jobs_per_day: float
    day_rhythm: float
    gpu_counts: tuple[int, ...]
    gpu_count_weights: tuple[float, ...]
    median_hours: float
    sigma: float
    teams: int
    run_nodes: tuple[int, ...]
    run_median_days: float
    run_sigma: float
    run_pause_hours: float
    run_user_failure_probability: float
    checkpoint_hours: float
    restart_minutes: float


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster, its log window, what fails in it and what runs on it.

    Parameters
    ----------
    cluster
        Name as Slurm prints it.
    nodes
        Number of nodes, named ``node-001`` …
    gpus_per_node, gpu_model, cpus_per_node, memory_gb_per_node
        What one node holds; cores and memory are shared out with the GPUs.
    start_utc, days
        Begin and length of the log window.
    warm_up_days
        Simulated time before the window, so that jobs already run when the log begins. Hardware does not fail in it,
        so that faults and exposure cover the same window.
    failure_modes
        Critical modes. The sum of their hazards is the true failure rate.
    benign_modes
        Events that are logged but harm nothing.
    workload
        What is submitted.
    failed_before_down_probability
        Probability that an attempt on a failing, not silent node crashes by itself (FAILED) before the health check
        takes the node down (NODE_FAIL).
    preemption_exempt_hours
        Run time that is guaranteed to a low-QOS job before a high-QOS job may preempt it.
    requeue_delay_seconds
        Time after which a requeued job is eligible again.
    backfill_depth
        Pending jobs that one scheduling pass looks at.
    maintenance_every_days, maintenance_nodes, maintenance_hours
        Every so often, this many nodes are drained for planned work of this length. It is announced: the scheduler
        starts nothing that could still run by then, so planned work interrupts no job.
    noise_lines_per_node_day
        Mean number of ordinary kernel and daemon lines per node and day.
    """

    cluster: str
    nodes: int
    gpus_per_node: int
    gpu_model: str
    cpus_per_node: int
    memory_gb_per_node: int
    start_utc: datetime
    days: int
    warm_up_days: int
    failure_modes: tuple[FailureMode, ...]
    benign_modes: tuple[FailureMode, ...]
    workload: Workload
    failed_before_down_probability: float
    preemption_exempt_hours: float
    requeue_delay_seconds: int
    backfill_depth: int
    maintenance_every_days: int
    maintenance_nodes: int
    maintenance_hours: float
    noise_lines_per_node_day: float

    @property
    def seconds(self) -> int:
        """Length of the log window in seconds."""
        return self.days * DAY

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of all nodes, in order."""
        return tuple(f"node-{number:03d}" for number in range(1, self.nodes + 1))

    @property
    def failures_per_1000_node_days(self) -> float:
        """True rate of critical faults per 1000 node-days in service.

        Examples
        --------
        >>> round(preset_spec("tiny").failures_per_1000_node_days, 6)
        12.0
        """
        return sum(mode.per_1000_node_days for mode in self.failure_modes)


_CRITICAL = (
    FailureMode("gpu", "gpu_memory", 8, 2.8, xids=(48, 64, 94, 95), repair_median_hours=5),
    FailureMode("gpu", "gpu_unavailable", 8, 1.1, xids=(79,), repair_median_hours=18),
    FailureMode("gpu", "gpu_driver", 8, 0.7, xids=(119,), repair_median_hours=1, repair_sigma=0.5),
    FailureMode("nvlink", "nvlink", 8, 0.5, xids=(74,), repair_median_hours=12),
    FailureMode("nic", "ib_link", 8, 2.3, repair_median_hours=8),
    FailureMode("pcie", "pcie", 8, 1.2, repair_median_hours=12),
    FailureMode("filesystem", "filesystem_mount", 1, 1.3, repair_median_hours=1, repair_sigma=0.6),
    FailureMode("dimm", "main_memory", 32, 0.4, repair_median_hours=16),
    FailureMode("disk", "disk", 8, 0.25, repair_median_hours=16),
    FailureMode("psu", "power", 6, 0.25, repair_median_hours=24),
    # About one node loss in ten is unexplained by any check.
    FailureMode("node", "node_unresponsive", 1, 1.2, silent=True, detection_seconds=300, repair_median_hours=2),
)
_BENIGN = (
    FailureMode("gpu", "gpu_memory", 8, 8.0, xids=(63,)),
    FailureMode("gpu", "gpu_memory", 8, 3.0, xids=(92,)),
    FailureMode("dimm", "main_memory", 32, 30.0),
    FailureMode("pcie", "pcie", 8, 40.0),
)

_PRESETS = {
    "tiny": ClusterSpec(
        cluster="tiny",
        nodes=64,
        gpus_per_node=8,
        gpu_model="h100",
        cpus_per_node=192,
        memory_gb_per_node=2000,
        start_utc=datetime(2026, 1, 1, tzinfo=UTC),
        days=60,
        warm_up_days=7,
        failure_modes=_CRITICAL,
        benign_modes=_BENIGN,
        workload=Workload(
            users=14,
            jobs_per_day=230,
            day_rhythm=0.6,
            gpu_counts=(1, 2, 4, 8, 16, 32, 64, 128),
            gpu_count_weights=(0.46, 0.12, 0.13, 0.20, 0.05, 0.025, 0.01, 0.005),
            median_hours=0.8,
            sigma=1.5,
            teams=2,
            run_nodes=(18, 20, 24, 28),
            run_median_days=2.0,
            run_sigma=0.6,
            run_pause_hours=6.0,
            run_user_failure_probability=0.3,
            checkpoint_hours=1.0,
            restart_minutes=10.0,
        ),
        failed_before_down_probability=0.5,
        preemption_exempt_hours=1.0,
        requeue_delay_seconds=120,
        backfill_depth=60,
        maintenance_every_days=7,
        maintenance_nodes=4,
        maintenance_hours=6.0,
        noise_lines_per_node_day=3.0,
    )
}


def preset_names() -> tuple[str, ...]:
    """Return the names that :func:`preset_spec` knows.

    >>> preset_names()
    ('tiny',)
    """
    return tuple(sorted(_PRESETS))


def preset_spec(preset: str) -> ClusterSpec:
    """Look a preset up by name.

    Parameters
    ----------
    preset
        Its name.

    Returns
    -------
    ClusterSpec
        The cluster it stands for.

    Raises
    ------
    UnknownPresetError
        There is no such preset; the message names those that exist.

    Examples
    --------
    >>> preset_spec("tiny").nodes
    64
    """
    if preset not in _PRESETS:
        raise UnknownPresetError(preset, _PRESETS)
    return _PRESETS[preset]
