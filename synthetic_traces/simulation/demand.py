"""The demand: users and their jobs, day by day, and teams that train one large model after the other."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synthetic_traces.simulation.jobs import HIGH, LOW, NORMAL, Job
from synthetic_traces.simulation.progress import NO_SAVING, Saving, wall_seconds
from synthetic_traces.simulation.records import EXIT_CODES, MISSING, STATES, STEMS, User
from synthetic_traces.spec.cluster import DAY, HOUR, ClusterSpec

_LIMIT_MENU_SECONDS = (HOUR, 2 * HOUR, 4 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY)
_ACCOUNTS = ("vision", "speech", "nlp", "infra")
_USER_STEMS = len(STEMS) - 1
_PRETRAIN = STEMS.index("pretrain")
# Exit codes of user faults: an exception, an assertion (SIGABRT), a segmentation fault, a killed child.
_FAULT_EXITS = np.array([EXIT_CODES.index(code) for code in ("1:0", "134:0", "139:0", "137:0")])
_FAULT_EXIT_WEIGHTS = (0.7, 0.12, 0.12, 0.06)
# A crash in the user's own kernel: illegal instruction or address (13), MMU fault (31), channel stopped (43).
_APPLICATION_XIDS = (13, 31, 43)
_FAILED, _OUT_OF_MEMORY, _TIMEOUT = (STATES.index(s) for s in ("FAILED", "OUT_OF_MEMORY", "TIMEOUT"))
_OUT_OF_MEMORY_EXIT = EXIT_CODES.index("0:125")
_WEIGHT_OF_MEAN = 9.0  # observations that a user's failure probability counts as, in the beta distribution over users


class Demand:
    """Draws users, arrival times and jobs. Each day and each team has a random stream of its own.

    Parameters
    ----------
    spec
        The cluster.
    seed
        Source of the streams.
    """

    def __init__(self, spec: ClusterSpec, seed: np.random.SeedSequence) -> None:
        users, days, teams = seed.spawn(3)
        self._spec = spec
        self._load = spec.workload
        self._day_seeds = days.spawn(spec.warm_up_days + spec.days)
        rng = np.random.default_rng(users)
        mean = self._load.user_failure_probability
        shares = rng.beta(_WEIGHT_OF_MEAN * mean, _WEIGHT_OF_MEAN * (1 - mean), self._load.users)
        width = max(2, len(str(self._load.users)))
        self.users = tuple(
            User(f"user{number:0{width}d}", 1000 + number, _ACCOUNTS[number % len(_ACCOUNTS)], float(share))
            for number, share in enumerate(shares, start=1)
        )
        self._user_weights = rng.dirichlet(np.full(self._load.users, 2.0))
        self._failure_probability = shares
        self._teams: list[np.random.Generator] = []
        if self._load.teams is not None:
            count = self._load.teams.count
            failing = self._load.teams.user_failure_probability
            self._teams = [np.random.default_rng(child) for child in teams.spawn(count)]
            self.users += tuple(User(f"team{t + 1}", 2001 + t, f"pretrain{t + 1}", failing) for t in range(count))
        self._saving = saving_of(spec)

    @property
    def teams(self) -> int:
        """Number of teams."""
        return len(self._teams)

    def day(self, day: int) -> Iterator[tuple[int, Job]]:
        """Draw what users submit on one day.

        Parameters
        ----------
        day
            Day of the log, negative in the warm-up.

        Yields
        ------
        tuple
            Second of the submission, and the job; in the order of time.
        """
        load = self._load
        rng = np.random.default_rng(self._day_seeds[day + self._spec.warm_up_days])
        times = self._arrivals(day, rng)
        count = len(times)
        classes = rng.choice(len(load.classes), count, p=_normalised([job.weight for job in load.classes]))
        users = rng.choice(load.users, count, p=self._user_weights)
        arrays, tasks = self._join_arrays(times, classes, users, rng)
        sigma = np.array([job.sigma for job in load.classes])[classes]
        mean = np.array([job.mean_hours for job in load.classes])[classes] * HOUR
        duration = np.maximum(5, rng.lognormal(np.log(mean) - sigma**2 / 2, sigma)).astype(np.int64)
        fate = rng.random(count)
        failing = self._failure_probability[users]
        fails = fate < failing
        no_memory = ~fails & (fate < failing + load.out_of_memory_probability)
        late = ~fails & ~no_memory & (fate > 1 - load.timeout_probability)
        early = np.maximum(2, rng.exponential(load.user_failure_mean_hours * HOUR, count)).astype(np.int64)
        saves = rng.random(count) < np.array([job.checkpoint_share for job in load.classes])[classes]
        chained = saves & (rng.random(count) < load.chained_share)
        wished = rng.uniform(1.1, 4.0, count)
        qos = self._qos(classes, rng)
        columns = (
            users.tolist(),
            rng.integers(_USER_STEMS, size=count).tolist(),
            rng.integers(1000, size=count).tolist(),
            qos.tolist(),
            classes.tolist(),
            duration.tolist(),
            np.where(fails | no_memory, np.minimum(duration, early), duration).tolist(),
            np.select([fails, no_memory, late], [_FAILED, _OUT_OF_MEMORY, _TIMEOUT], 0).tolist(),
            np.where(
                fails,
                rng.choice(_FAULT_EXITS, count, p=_FAULT_EXIT_WEIGHTS),
                np.where(no_memory, _OUT_OF_MEMORY_EXIT, 0),
            ).tolist(),
            np.where(
                fails & (rng.random(count) < load.application_xid_probability),
                rng.choice(_APPLICATION_XIDS, count),
                0,
            ).tolist(),
            np.where(
                rng.random(count) < load.cancel_probability,
                np.maximum(1, rng.lognormal(math.log(HOUR), 1.5, count)),
                0,
            )
            .astype(np.int64)
            .tolist(),
            saves.tolist(),
            chained.tolist(),
            wished.tolist(),
            np.where(fails, rng.geometric(1 - load.resubmit_probability, count) - 1, 0).tolist(),
            (rng.random(count) < load.dependency_share).tolist(),
            arrays.tolist(),
            tasks.tolist(),
        )
        for time, *row in zip(times, *columns, strict=True):
            yield time, self._job(*row)

    def _job(  # noqa: PLR0917 - one column each, from the one place above
        self,
        user: int,
        stem: int,
        number: int,
        qos: int,
        size: int,
        duration: int,
        work: int,
        ending: int,
        exit_code: int,
        xid: int,
        cancel: int,
        saves: bool,  # noqa: FBT001
        chained: bool,  # noqa: FBT001
        wished: float,
        resubmits: int,
        waits: bool,  # noqa: FBT001
        array: int,
        task: int,
    ) -> Job:
        gpus, per_node = self._load.classes[size].gpus, self._spec.fleet.gpus_per_node
        saving = self._saving if saves else NO_SAVING
        wall = wall_seconds(duration, saving)
        if ending == _TIMEOUT:
            limit = self._limit_below(wall)
            work = max(work, limit + HOUR)
        else:
            limit = self._limit_below(wall // 2) if chained else self._limit(wall * wished)
        return Job(
            user=user,
            stem=stem,
            number=number,
            qos=qos,
            nodes=max(1, -(-gpus // per_node)),
            gpus_per_node=min(gpus, per_node),
            limit_seconds=limit,
            work_seconds=work,
            ending=0 if ending == _TIMEOUT else ending,
            exit_code=exit_code,
            xid=xid or None,
            cancel_after_seconds=cancel or None,
            saving=saving,
            chained=(chained or wall > limit) and saves and ending != _TIMEOUT,
            resubmits=resubmits,
            cured_work_seconds=duration,
            waits_for_previous=waits,
            array_id=array,
            task=task,
        )

    def run(self, team: int) -> Job:
        """Draw a team's next large run.

        Parameters
        ----------
        team
            Number of the team.

        Returns
        -------
        Job
            The run; the first team has high QOS, the others normal.
        """
        rng, teams = self._teams[team], self._load.teams
        assert teams is not None  # noqa: S101 - there is no team otherwise
        duration = int(rng.lognormal(math.log(teams.run_median_days * DAY), teams.run_sigma))
        early = max(2, min(duration, int(rng.exponential(teams.user_failure_mean_hours * HOUR))))
        fails = rng.random() < teams.user_failure_probability
        prints = rng.random() < self._load.application_xid_probability
        exit_code = int(rng.choice(_FAULT_EXITS, p=_FAULT_EXIT_WEIGHTS))
        xid = int(rng.choice(_APPLICATION_XIDS))
        return Job(
            user=self._load.users + team,
            stem=_PRETRAIN,
            number=int(rng.integers(1000)),
            qos=HIGH if team == 0 else NORMAL,
            nodes=int(rng.choice(teams.run_nodes)),
            gpus_per_node=self._spec.fleet.gpus_per_node,
            limit_seconds=self._limit(max(duration, 2 * DAY) * float(rng.uniform(1.1, 4.0))),
            work_seconds=early if fails else duration,
            ending=_FAILED if fails else 0,
            exit_code=exit_code if fails else 0,
            xid=xid if fails and prints else None,
            saving=self._saving,
            chained=True,
            team=team,
        )

    def pause_seconds(self, team: int) -> int:
        """Draw the pause before a team's next run.

        Parameters
        ----------
        team
            Number of the team.

        Returns
        -------
        int
            Seconds, exponential.
        """
        assert self._load.teams is not None  # noqa: S101 - there is no team otherwise
        return max(60, int(self._teams[team].exponential(self._load.teams.pause_hours * HOUR)))

    def crash_loops(self) -> Iterator[tuple[int, Job]]:
        """Return the scripted crash loops.

        Yields
        ------
        tuple
            Second of the submission, and the job.
        """
        for loop in self._load.crash_loops:
            work = int(2 * loop.crashes * loop.mean_hours * HOUR)  # it outlasts its crashes
            job = Job(
                user=0,
                stem=_PRETRAIN,
                number=999,
                qos=HIGH,
                nodes=loop.nodes,
                gpus_per_node=self._spec.fleet.gpus_per_node,
                limit_seconds=self._limit(work),
                work_seconds=work,
                ending=0,
                exit_code=0,
                saving=self._saving,
                chained=True,
                crashes=loop.crashes,
                crash_mean_hours=loop.mean_hours,
            )
            yield int(loop.day * DAY), job

    def again(self, job: Job, *, excluded: int) -> Job:
        """Return a job as its user submits it again after it failed.

        Parameters
        ----------
        job
            The job that failed.
        excluded
            Node that it must not run on, or -1.

        Returns
        -------
        Job
            A new job with one resubmission less; it fails the same way until none is left.
        """
        return replace(
            job,
            work_seconds=job.work_seconds if job.resubmits > 1 else job.cured_work_seconds,
            ending=job.ending if job.resubmits > 1 else 0,
            exit_code=job.exit_code if job.resubmits > 1 else 0,
            xid=job.xid if job.resubmits > 1 else None,
            resubmits=job.resubmits - 1,
            excluded=excluded,
            cancel_after_seconds=None,
            waits_for_previous=False,
            array_id=0,
            task=0,
            depends_on=0,
            attempt=1,
            reason=0,
            returning=False,
            preemption_tried=MISSING,
            first_node=-1,
        )

    def _arrivals(self, day: int, rng: np.random.Generator) -> list[int]:
        # A Poisson process whose rate follows the hour of the day and the day of the week (Lewis and Shedler's
        # thinning); the log begins at midnight UTC.
        load = self._load
        weekend = (self._spec.start_utc.weekday() + day) % 7 >= 5
        level = load.jobs_per_day * (1 - load.weekend_dip if weekend else 1 + load.weekend_dip * 2 / 5)
        peak = level * (1 + load.day_rhythm)
        count = rng.poisson(peak)
        times = np.sort(rng.uniform(0, DAY, count))
        rate = level * (1 + load.day_rhythm * np.cos(2 * np.pi * (times - 15 * HOUR) / DAY))
        kept: list[int] = (day * DAY + times[rng.uniform(0, peak, count) < rate]).astype(np.int64).tolist()
        return kept

    def _join_arrays(
        self,
        times: list[int],
        classes: npt.NDArray[np.int64],
        users: npt.NDArray[np.int64],
        rng: np.random.Generator,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        # Some jobs become the head of an array: those that follow are submitted with it, of the same user and size.
        load, count = self._load, len(times)
        arrays, tasks = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        if load.array_share == 0:
            return arrays, tasks
        heads = np.flatnonzero(rng.random(count) < load.array_share / load.array_mean_tasks)
        sizes = 1 + rng.poisson(load.array_mean_tasks - 1, len(heads))
        for number, (head, size) in enumerate(zip(heads.tolist(), sizes.tolist(), strict=True), start=1):
            end = min(count, head + size)
            arrays[head:end], tasks[head:end] = number, np.arange(end - head)
            classes[head:end], users[head:end] = classes[head], users[head]
            times[head:end] = [times[head]] * (end - head)
        return arrays, tasks

    def _qos(self, classes: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        high = np.array([job.high_share for job in self._load.classes])[classes]
        low = np.array([job.low_share for job in self._load.classes])[classes]
        draw = rng.random(len(classes))
        return np.where(draw < high, HIGH, np.where(draw < high + low, LOW, NORMAL))

    def _limit(self, wished: float) -> int:
        most = int(self._spec.scheduler.maximum_hours * HOUR)
        place = bisect_left(_LIMIT_MENU_SECONDS, wished)
        return min(most, _LIMIT_MENU_SECONDS[min(place, len(_LIMIT_MENU_SECONDS) - 1)])

    def _limit_below(self, wall: int) -> int:
        most = int(self._spec.scheduler.maximum_hours * HOUR)
        place = bisect_right(_LIMIT_MENU_SECONDS, wall) - 1
        return min(most, _LIMIT_MENU_SECONDS[max(place, 0)])


def saving_of(spec: ClusterSpec) -> Saving:
    """Return how the jobs of a cluster save their state, those that do.

    Parameters
    ----------
    spec
        The cluster.

    Returns
    -------
    Saving
        In whole seconds.
    """
    asked = spec.workload.checkpoints
    return Saving(
        interval=round(asked.interval_minutes * 60),
        write=round(asked.write_seconds),
        stall=round(min(asked.stall_seconds, asked.write_seconds)),
        restart=round(asked.restart_minutes * 60),
    )


def _normalised(weights: list[float]) -> npt.NDArray[np.float64]:
    array = np.array(weights, dtype=np.float64)
    normalised: npt.NDArray[np.float64] = array / array.sum()
    return normalised
