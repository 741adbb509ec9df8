"""Training logs of large jobs: steps and checkpoints as Megatron-LM prints them, one file per attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.simulation.progress import Saving
from synthetic_traces.simulation.records import MISSING, STATES, History
from synthetic_traces.spec.cluster import ClusterSpec

STEP_SECONDS = 10
_LOGGED_EVERY = 90  # steps


def logged_attempts(spec: ClusterSpec, history: History) -> Iterator[int]:
    """Find the attempts that leave a training log.

    Parameters
    ----------
    spec, history
        The cluster and what happened.

    Yields
    ------
    int
        Rows of `History.attempts`: jobs with checkpoints of at least ``logs.training_min_gpus`` GPUs.
    """
    attempts, jobs = history.attempts, history.jobs
    job = attempts.job_id - 1
    large = (jobs.nodes * jobs.gpus_per_node)[job] >= spec.logs.training_min_gpus
    for row, chosen in enumerate(((attempts.start != MISSING) & large & (jobs.checkpoints[job] > 0)).tolist()):
        if chosen:
            yield row


def training_log_lines(spec: ClusterSpec, history: History, row: int, saving: Saving, first_step: int) -> Iterator[str]:
    """Render one attempt.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    row
        Row of `History.attempts`.
    saving
        How its job saves its state.
    first_step
        Step that it resumes from.

    Yields
    ------
    str
        Lines of the log, in UTC; none beyond the attempt's end.
    """
    attempts, stamps = history.attempts, Stamps(spec.start_utc)
    start = int(attempts.start[row])
    end = spec.seconds if attempts.end[row] == MISSING else int(attempts.end[row])
    job_id = int(attempts.job_id[row])
    gpus = int((history.jobs.nodes * history.jobs.gpus_per_node)[job_id - 1])
    yield f"0: SLURM_JOB_ID={job_id}"
    yield f"0: using world size: {gpus}, data-parallel size: {gpus // 8}, tensor-model-parallel size: 8"
    if first_step:
        yield f"0:  loading distributed checkpoint from /ckpt/{job_id} at iteration {first_step}"
    if start + saving.restart <= end:
        yield f"0: [before the start of training step] datetime: {stamps.second(start + saving.restart, ' ')} "
        yield from _Training(stamps, job_id, gpus, saving, end).lines(start + saving.restart, first_step)
    if STATES[attempts.state[row]] in {"NODE_FAIL", "PREEMPTED", "CANCELLED", "TIMEOUT", "REQUEUED"}:
        yield f"0: slurmstepd: error: *** JOB {job_id} CANCELLED AT {stamps.second(end)} ***"


@dataclass(frozen=True, slots=True)
class _Training:
    stamps: Stamps
    job_id: int
    gpus: int
    saving: Saving
    end: int

    def lines(self, now: int, step: int) -> Iterator[str]:
        since, interval = 0, self.saving.interval
        while True:
            take = min(_LOGGED_EVERY * STEP_SECONDS, interval - since)
            if now + take > self.end:
                return
            now, since, step = now + take, since + take, step + take // STEP_SECONDS
            yield self._iteration(now, step)
            if since == interval:
                since = 0
                yield f"0: saving checkpoint at iteration {step:7d} to /ckpt/{self.job_id} in torch_dist format"
                if now + self.saving.stall > self.end:
                    return
                now += self.saving.stall
                yield from self._saved(now, step)

    def _iteration(self, now: int, step: int) -> str:
        return (
            f"{self.gpus - 1}:  [{self.stamps.second(now, ' ')}] iteration {step:8d}/ 9999999 | consumed samples: "
            f"{step * self.gpus:12d} | elapsed time per iteration (ms): {STEP_SECONDS * 1000:.1f} | learning rate: "
            f"1.000000E-04 | global batch size: {self.gpus:5d} | number of skipped iterations:   0 |"
        )

    def _saved(self, now: int, step: int) -> Iterator[str]:
        saving, where = self.saving, f"iteration {step:7d} to /ckpt/{self.job_id}"
        blocking = saving.stall == saving.write
        yield (
            f"0:   successfully saved checkpoint from {where}"
            if blocking
            else (f"0:   scheduled an async checkpoint save at {where}")
        )
        waited = f"{saving.stall * 1000:.2f}"
        yield f"{self.gpus - 1}: (min, max) time across ranks (ms):"
        yield f"{self.gpus - 1}:     save-checkpoint ................................: ({waited}, {waited})"
        safe = now + saving.write - saving.stall
        if not blocking and safe <= self.end:
            yield f"0: [{self.stamps.second(safe, ' ')}]   successfully saved checkpoint from {where}"
