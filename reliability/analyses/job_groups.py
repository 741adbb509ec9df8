"""What is said of one group of attempts, one end, one size: counts with their exact and their clustered intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.rates import HOURS_PER_DAY, MttfEstimate, ShareEstimate, binomial_share, mttf
from models.ratio_estimates import ClusterSums, RatioInterval, clustered_rate, clustered_share


@dataclass(frozen=True, slots=True)
class JobGroup:
    """Attempts of one group: shares of those that ended, and failures per run-hour of all.

    The shares are None where none ended, ``mttf`` where none ran. What is `clustered` takes users, not attempts, for
    independent, and is None for a single user.
    """

    group: str
    attempts: int
    running: int
    run_hours: float
    node_days: float
    gpu_hours: float | None
    infrastructure_failures: int
    user_program_failures: int
    infrastructure: ShareEstimate | None
    user_program: ShareEstimate | None
    mttf: MttfEstimate | None
    clustered_infrastructure: RatioInterval | None
    clustered_user_program: RatioInterval | None
    clustered_rate_per_hour: RatioInterval | None

    @property
    def mean_nodes(self) -> float | None:
        """Nodes of an attempt, the mean over run time."""
        return self.node_days * HOURS_PER_DAY / self.run_hours if self.run_hours else None

    @property
    def mean_gpus(self) -> float | None:
        """GPUs of an attempt, the mean over run time; None where the log names none."""
        return self.gpu_hours / self.run_hours if self.run_hours and self.gpu_hours else None

    def row(self) -> dict[str, Any]:
        """Return the group as one row, units in the keys."""
        by_rate = self.clustered_rate_per_hour
        return {
            "group": self.group,
            "attempts": self.attempts,
            "still_running": self.running,
            "infrastructure_failures": self.infrastructure_failures,
            **_limits("infrastructure", self.infrastructure, self.clustered_infrastructure),
            "user_program_failures": self.user_program_failures,
            **_limits("user_program", self.user_program, self.clustered_user_program),
            "run_hours": self.run_hours,
            "node_days": self.node_days,
            "gpu_hours": self.gpu_hours,
            "mttf_hours": self.mttf.mttf_hours if self.mttf else None,
            "mttf_low_hours": self.mttf.low_hours if self.mttf else None,
            "mttf_high_hours": self.mttf.high_hours if self.mttf else None,
            "mttf_clustered_low_hours": 1.0 / by_rate.high if by_rate and by_rate.high else None,
            "mttf_clustered_high_hours": 1.0 / by_rate.low if by_rate else None,
        }


@dataclass(frozen=True, slots=True)
class EndShare:
    """One way to end: its share of the attempts that ended, and of their GPU-time (None where no GPU is known)."""

    end: str
    attempts: int
    share: ShareEstimate
    clustered: RatioInterval
    gpu_hours: float
    gpu_time: RatioInterval | None

    def row(self) -> dict[str, Any]:
        """Return the end as one row."""
        return {
            "end": self.end,
            "attempts": self.attempts,
            **_limits("attempts", self.share, self.clustered),
            "gpu_hours": self.gpu_hours,
            "gpu_time_share": self.gpu_time.ratio if self.gpu_time else None,
            "gpu_time_clustered_low": self.gpu_time.low if self.gpu_time else None,
            "gpu_time_clustered_high": self.gpu_time.high if self.gpu_time else None,
        }


def job_group(row: Mapping[str, Any], confidence: float) -> JobGroup:
    """Return the group that a row of the question ``attempt_groups`` tells of."""
    attempts, failed, by_program = (int(row[name]) for name in ("attempts", "infrastructure", "user_program"))
    run_hours = float(row["run_hours"])

    def part(name: str) -> RatioInterval | None:
        if row["users_with_ends"] < 2:
            return None  # one user says nothing of how users differ
        squares, products = row[f"{name}_squared"], row[f"{name}_times_attempts"]
        sums = ClusterSums(
            row["users_with_ends"], float(row[name]), float(attempts), squares, products, row["attempts_squared"]
        )
        return clustered_share(sums, confidence)

    by_hour = ClusterSums(
        row["users_with_run_time"],
        float(failed),
        run_hours,
        row["infrastructure_squared"],
        row["infrastructure_times_run_hours"],
        row["run_hours_squared"],
    )
    return JobGroup(
        group=str(row["group_name"]),
        attempts=attempts,
        running=int(row["running"]),
        run_hours=run_hours,
        node_days=float(row["node_days"]),
        gpu_hours=row["gpu_hours"],
        infrastructure_failures=failed,
        user_program_failures=by_program,
        infrastructure=binomial_share(failed, attempts, confidence) if attempts else None,
        user_program=binomial_share(by_program, attempts, confidence) if attempts else None,
        mttf=mttf(failed, run_hours, confidence) if run_hours else None,
        clustered_infrastructure=part("infrastructure"),
        clustered_user_program=part("user_program"),
        clustered_rate_per_hour=clustered_rate(by_hour, confidence) if run_hours else None,
    )


def end_share(row: Mapping[str, Any], confidence: float) -> EndShare:
    """Return the end that a row of the question ``end_mix`` tells of."""
    by_count = ClusterSums(
        row["users"],
        float(row["attempts"]),
        float(row["all_attempts"]),
        row["attempts_squared"],
        row["attempts_times_all"],
        row["all_attempts_squared"],
    )
    by_time = ClusterSums(
        row["users"],
        row["gpu_hours"],
        row["all_gpu_hours"],
        row["gpu_hours_squared"],
        row["gpu_hours_times_all"],
        row["all_gpu_hours_squared"],
    )
    return EndShare(
        end=row["end_name"],
        attempts=int(row["attempts"]),
        share=binomial_share(row["attempts"], row["all_attempts"], confidence),
        clustered=clustered_share(by_count, confidence),
        gpu_hours=row["gpu_hours"],
        gpu_time=clustered_share(by_time, confidence) if row["all_gpu_hours"] else None,
    )


def _limits(name: str, exact: ShareEstimate | None, clustered: RatioInterval | None) -> dict[str, float | None]:
    return {
        f"{name}_share": exact.share if exact else None,
        f"{name}_low": exact.low if exact else None,
        f"{name}_high": exact.high if exact else None,
        f"{name}_clustered_low": clustered.low if clustered else None,
        f"{name}_clustered_high": clustered.high if clustered else None,
    }
