"""The demand: users, their jobs, and teams that train one large model after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthetic_traces.spec import DAY, HOUR, ClusterSpec, Workload

Ending = Literal["COMPLETED", "FAILED", "OUT_OF_MEMORY"]
QOS_PRIORITY = {"high": 300_000, "normal": 200_000, "low": 100_000}

_LIMIT_MENU_SECONDS = (HOUR, 4 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY)
_ACCOUNTS = ("vision", "speech", "nlp", "infra")
_JOB_NAMES = ("train", "finetune", "eval", "sweep", "debug", "preprocess", "notebook", "bench")
# Exit codes of user faults: an exception, an assertion (SIGABRT), a segmentation fault, a killed child.
_EXIT_CODES = ("1:0", "134:0", "139:0", "137:0")
_EXIT_WEIGHTS = (0.7, 0.12, 0.12, 0.06)
# A crash in the user's own kernel: illegal instruction or address (13), MMU fault (31), channel stopped (43).
_APPLICATION_XIDS = (13, 31, 43)
_APPLICATION_XID_PROBABILITY = 0.3
_OOM_PROBABILITY = 0.01
_CANCEL_PROBABILITY = 0.04


@dataclass(frozen=True, slots=True)
class User:
    """Someone who submits jobs.

    Parameters
    ----------
    name, uid, account
        As Slurm knows them.
    failure_probability
        Probability that one of this user's jobs ends by a fault of its own code.
    """

    name: str
    uid: int
    account: str
    failure_probability: float


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as submitted, together with what would become of it on perfect hardware.

    Parameters
    ----------
    name, user, qos
        As submitted.
    nodes, gpus_per_node
        Gang size; jobs of more than one node take whole nodes.
    limit_seconds
        Time limit.
    work_seconds
        Run time after which the job ends by itself, in the way ``ending`` says.
    ending, exit_code
        State and exit code at that moment.
    application_xid
        Xid that the job's own crash prints on one of its nodes, or None.
    cancel_after_seconds
        The user cancels it this long after submission, running or not; None if never.
    checkpoint_seconds, restart_seconds
        Interval of its checkpoints, and time from a start to the first new productive step. An interval of 0 means no
        checkpoints: it starts from scratch.
    team
        Number of the team whose next run waits for this one; None for a user's job.
    """

    name: str
    user: User
    qos: str
    nodes: int
    gpus_per_node: int
    limit_seconds: int
    work_seconds: int
    ending: Ending
    exit_code: str
    application_xid: int | None
    cancel_after_seconds: int | None
    checkpoint_seconds: int
    restart_seconds: int
    team: int | None


def remaining_work_seconds(request: JobRequest, work_seconds: int, elapsed_seconds: int) -> int:
    """Work left after an interrupted attempt.

    Parameters
    ----------
    request
        The job.
    work_seconds
        Work that was left when the attempt started.
    elapsed_seconds
        Length of the attempt.

    Returns
    -------
    int
        The work less what the last checkpoint saved.

    Examples
    --------
    >>> run = JobRequest("r", User("u", 1, "a", 0.0), "high", 2, 8, 9, 9, "COMPLETED", "0:0", None, None, 100, 30, 0)
    >>> remaining_work_seconds(run, 1000, 30 + 250)  # two checkpoints of 100 s each were written
    800
    """
    if request.checkpoint_seconds == 0:
        return work_seconds
    productive = max(0, elapsed_seconds - request.restart_seconds)
    return work_seconds - productive // request.checkpoint_seconds * request.checkpoint_seconds


class Demand:
    """Draws users, arrival times and jobs from one random stream.

    Parameters
    ----------
    spec
        The cluster.
    rng
        Source of randomness.
    """

    def __init__(self, spec: ClusterSpec, rng: np.random.Generator) -> None:
        self._gpus_per_node = spec.gpus_per_node
        self._workload: Workload = spec.workload
        self._rng = rng
        self._users = self._draw_users()
        self._user_weights = rng.dirichlet(np.full(len(self._users), 2.0))
        self._teams = tuple(
            User(f"team{team + 1}", 2001 + team, f"pretrain{team + 1}", self._workload.run_user_failure_probability)
            for team in range(self._workload.teams)
        )

    def _draw_users(self) -> tuple[User, ...]:
        return tuple(
            User(f"user{number:02d}", 1000 + number, _ACCOUNTS[number % len(_ACCOUNTS)], float(share))
            for number, share in enumerate(self._rng.beta(2.0, 7.0, self._workload.users), start=1)
        )

    def arrival_seconds(self, from_seconds: int, to_seconds: int) -> list[int]:
        """Submission times of the users' jobs.

        Parameters
        ----------
        from_seconds, to_seconds
            Interval, seconds since the begin of the log (midnight UTC).

        Returns
        -------
        list of int
            Sorted times of a Poisson process whose rate follows the hour of the day (Lewis and Shedler's thinning).
        """
        swing = self._workload.day_rhythm
        peak = self._workload.jobs_per_day * (1 + swing)
        count = self._rng.poisson(peak * (to_seconds - from_seconds) / DAY)
        times = np.sort(self._rng.uniform(from_seconds, to_seconds, count))
        rate = self._workload.jobs_per_day * (1 + swing * np.cos(2 * np.pi * (times - 15 * HOUR) / DAY))
        return [int(time) for time in times[self._rng.uniform(0, peak, count) < rate]]

    def job(self) -> JobRequest:
        """Draw one user's job.

        Returns
        -------
        JobRequest
            The job.
        """
        rng, load = self._rng, self._workload
        user = self._users[rng.choice(len(self._users), p=self._user_weights)]
        gpus = int(rng.choice(load.gpu_counts, p=load.gpu_count_weights))
        duration = max(5, int(rng.lognormal(math.log(load.median_hours * HOUR), load.sigma)))
        work, ending, exit_code, xid = self._fate(user, min(duration, 7 * DAY), mean_failure_hours=0.5)
        cancel = max(1, int(rng.lognormal(math.log(HOUR), 1.5))) if rng.random() < _CANCEL_PROBABILITY else None
        return JobRequest(
            name=f"{_JOB_NAMES[rng.integers(len(_JOB_NAMES))]}-{rng.integers(1000)}",
            user=user,
            qos=str(rng.choice(("high", "normal", "low"), p=(0.05, 0.6, 0.35))),
            nodes=max(1, gpus // self._gpus_per_node),
            gpus_per_node=min(gpus, self._gpus_per_node),
            limit_seconds=self._limit(duration),
            work_seconds=work,
            ending=ending,
            exit_code=exit_code,
            application_xid=xid,
            cancel_after_seconds=cancel,
            checkpoint_seconds=0,
            restart_seconds=0,
            team=None,
        )

    def run(self, team: int) -> JobRequest:
        """Draw a team's next large run.

        Parameters
        ----------
        team
            Number of the team.

        Returns
        -------
        JobRequest
            The run; the first team has high priority, the others normal.
        """
        rng, load = self._rng, self._workload
        duration = int(rng.lognormal(math.log(load.run_median_days * DAY), load.run_sigma))
        work, ending, exit_code, xid = self._fate(self._teams[team], duration, mean_failure_hours=12.0)
        return JobRequest(
            name=f"pretrain-{rng.integers(1000)}",
            user=self._teams[team],
            qos="high" if team == 0 else "normal",
            nodes=int(rng.choice(load.run_nodes)),
            gpus_per_node=self._gpus_per_node,
            limit_seconds=self._limit(max(duration, 2 * DAY)),
            work_seconds=work,
            ending=ending,
            exit_code=exit_code,
            application_xid=xid,
            cancel_after_seconds=None,
            checkpoint_seconds=round(load.checkpoint_hours * HOUR),
            restart_seconds=round(load.restart_minutes * 60),
            team=team,
        )

    def pause_seconds(self) -> int:
        """Draw the pause before a team's next run.

        Returns
        -------
        int
            Seconds, exponential.
        """
        return max(60, int(self._rng.exponential(self._workload.run_pause_hours * HOUR)))

    def _fate(self, user: User, duration: int, *, mean_failure_hours: float) -> tuple[int, Ending, str, int | None]:
        rng = self._rng
        early = max(2, min(duration, int(rng.exponential(mean_failure_hours * HOUR))))
        draw = rng.random()
        if draw < user.failure_probability:
            exit_code = str(rng.choice(_EXIT_CODES, p=_EXIT_WEIGHTS))
            printed = rng.random() < _APPLICATION_XID_PROBABILITY
            return early, "FAILED", exit_code, int(rng.choice(_APPLICATION_XIDS)) if printed else None
        if draw < user.failure_probability + _OOM_PROBABILITY:
            return early, "OUT_OF_MEMORY", "0:125", None
        return duration, "COMPLETED", "0:0", None

    def _limit(self, duration: int) -> int:
        wished = duration * self._rng.uniform(0.6, 4.0)
        return next((limit for limit in _LIMIT_MENU_SECONDS if limit >= wished), _LIMIT_MENU_SECONDS[-1])
