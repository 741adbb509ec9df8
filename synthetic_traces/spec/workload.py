"""Who submits what to a simulated cluster."""

from __future__ import annotations

import msgspec

from synthetic_traces.spec.checks import check_not_negative, check_positive, check_shares


class JobClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Jobs of one size.

    Parameters
    ----------
    gpus
        Size; from one node upwards whole nodes.
    weight
        Relative frequency.
    mean_hours, sigma
        Log-normal productive time: its mean in hours, the standard deviation of its logarithm.
    high_share, low_share
        Shares submitted with high and with low QOS; the rest is normal. High QOS may preempt low.
    checkpoint_share
        Share that writes checkpoints; the others start from scratch after an interruption.
    """

    gpus: int
    weight: float
    mean_hours: float
    sigma: float = 1.5
    high_share: float = 0.05
    low_share: float = 0.35
    checkpoint_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sizes, times and shares that cannot be.

        Raises
        ------
        ValueError
            Naming the field.
        """
        where = f"class of {self.gpus} GPUs"
        check_positive(where, gpus=self.gpus, weight=self.weight, mean_hours=self.mean_hours)
        check_not_negative(where, sigma=self.sigma)
        check_shares(where, high_and_low_share=self.high_share + self.low_share, checkpoint_share=self.checkpoint_share)


class Teams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Teams that train one large model after the other (a closed loop), each run a chain of attempts.

    Parameters
    ----------
    count
        Number of teams; the first has high QOS, the others normal.
    run_nodes
        Sizes of runs in nodes, equally likely.
    run_median_days, run_sigma
        Log-normal productive time of a run.
    pause_hours
        Mean (exponential) pause between two runs of one team.
    user_failure_probability, user_failure_mean_hours
        Probability that a run ends by a fault of its own code, and the mean (exponential) time until it does.
    """

    count: int
    run_nodes: tuple[int, ...]
    run_median_days: float = 2.0
    run_sigma: float = 0.6
    pause_hours: float = 6.0
    user_failure_probability: float = 0.3
    user_failure_mean_hours: float = 12.0

    def __post_init__(self) -> None:
        """Refuse sizes, times and shares that cannot be.

        Raises
        ------
        ValueError
            Naming the field.
        """
        check_not_negative("teams", count=self.count, run_sigma=self.run_sigma)
        check_positive(
            "teams",
            least_run_nodes=min(self.run_nodes, default=0),
            run_median_days=self.run_median_days,
            pause_hours=self.pause_hours,
            user_failure_mean_hours=self.user_failure_mean_hours,
        )
        check_shares("teams", user_failure_probability=self.user_failure_probability)


class Checkpoints(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a job saves its state, and what a start costs.

    Parameters
    ----------
    interval_minutes
        Productive time between two.
    write_seconds
        Time until one is safe.
    stall_seconds
        Time that training stands still for it: equal to the write if blocking, less if asynchronous.
    restart_minutes
        Time from the start of an attempt to its first productive step.
    """

    interval_minutes: float = 60.0
    write_seconds: float = 60.0
    stall_seconds: float = 60.0
    restart_minutes: float = 5.0

    def __post_init__(self) -> None:
        """Refuse times that cannot be.

        Raises
        ------
        ValueError
            Naming the field.
        """
        check_positive("checkpoints", interval_minutes=self.interval_minutes)
        check_not_negative(
            "checkpoints",
            write_seconds=self.write_seconds,
            stall_seconds=self.stall_seconds,
            restart_minutes=self.restart_minutes,
        )


class CrashLoop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One job of high QOS that brings down one of its nodes each time it runs, and is requeued each time.

    Parameters
    ----------
    day
        Of its submission.
    nodes
        Its size.
    crashes
        How many times it does so before it is cured.
    mean_hours
        Mean (exponential) time from a start to the crash.
    """

    day: float
    nodes: int
    crashes: int
    mean_hours: float


class Workload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is submitted.

    Parameters
    ----------
    users
        Number of users; each has its own share of the jobs and its own failure probability.
    jobs_per_day
        Mean number of jobs submitted per day by users.
    day_rhythm, weekend_dip
        Relative swing of that rate over a day (0 … 1, peak at 15:00 UTC), and the share by which it falls on Saturday
        and Sunday.
    classes
        Sizes of the users' jobs.
    user_failure_probability
        Mean over the users of the probability that a job ends by a fault of its own code; the users' own are
        beta-distributed around it with the weight of 9 observations.
    user_failure_mean_hours
        Mean (exponential) time until such a fault shows.
    resubmit_probability
        Probability that a failed job is submitted again as it was (a crash loop of a user), each time anew.
    application_xid_probability
        Probability that such a fault prints an Xid 13, 31 or 43.
    out_of_memory_probability, timeout_probability, cancel_probability
        Probabilities of these ends.
    chained_share
        Share of jobs with checkpoints that ask for less time than they need and requeue themselves at their limit.
    array_share, array_mean_tasks
        Share of jobs that are tasks of an array, and the mean number of tasks.
    dependency_share
        Share of jobs that wait for the user's previous job to complete, and are cancelled if it does not.
    exclude_probability
        Probability that a job submitted again excludes the node that its first attempt began on.
    checkpoints
        Of users' jobs and teams' runs.
    teams
        Closed loops of large runs; None for none.
    crash_loops
        Scripted ones.
    """

    users: int
    jobs_per_day: float
    classes: tuple[JobClass, ...]
    day_rhythm: float = 0.6
    weekend_dip: float = 0.0
    user_failure_probability: float = 0.22
    user_failure_mean_hours: float = 0.5
    resubmit_probability: float = 0.0
    application_xid_probability: float = 0.3
    out_of_memory_probability: float = 0.01
    timeout_probability: float = 0.005
    cancel_probability: float = 0.04
    chained_share: float = 0.0
    array_share: float = 0.0
    array_mean_tasks: float = 8.0
    dependency_share: float = 0.0
    exclude_probability: float = 0.0
    checkpoints: Checkpoints = Checkpoints()
    teams: Teams | None = None
    crash_loops: tuple[CrashLoop, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be.

        Raises
        ------
        ValueError
            Naming the field.
        """
        check_positive(
            "workload",
            users=self.users,
            classes=len(self.classes),
            user_failure_mean_hours=self.user_failure_mean_hours,
            user_failure_probability=self.user_failure_probability,
            array_mean_tasks=self.array_mean_tasks,
        )
        check_not_negative("workload", jobs_per_day=self.jobs_per_day)
        check_shares(
            "workload",
            day_rhythm=self.day_rhythm,
            weekend_dip=self.weekend_dip,
            user_failure_probability=self.user_failure_probability,
            resubmit_probability=self.resubmit_probability,
            application_xid_probability=self.application_xid_probability,
            out_of_memory_probability=self.out_of_memory_probability,
            timeout_probability=self.timeout_probability,
            cancel_probability=self.cancel_probability,
            chained_share=self.chained_share,
            array_share=self.array_share,
            dependency_share=self.dependency_share,
            exclude_probability=self.exclude_probability,
        )
        if self.user_failure_probability == 1 or self.resubmit_probability == 1 or self.array_mean_tasks < 1:
            raise ValueError(
                "workload: user_failure_probability and resubmit_probability must lie below 1, array_mean_tasks not"
            )
