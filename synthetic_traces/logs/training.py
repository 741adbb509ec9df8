"""Training logs of large jobs: steps and checkpoints as Megatron-LM prints them, one file per attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.simulation.progress import Saving
from synthetic_traces.simulation.records import MISSING, STATES, History
from synthetic_traces.simulation.slowness import Spell, slowed_end
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


def training_log_lines(spec: ClusterSpec, history: History, row: int, saving: Saving, done: int) -> Iterator[str]:
    """Render one attempt.

    Parameters
    ----------
    spec, history
        The cluster and what happened.
    row
        Row of `History.attempts`.
    saving
        How its job saves its state.
    done
        Productive seconds that the attempts before it kept: it resumes from there.

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
    first_step = done // STEP_SECONDS
    if first_step:
        yield f"0:  loading distributed checkpoint from /ckpt/{job_id} at iteration {first_step}"
    slow = history.slow.get((job_id, int(attempts.number[row])), ())
    training = _Training(stamps, job_id, gpus, saving, slow, end)
    begin = start + saving.restart
    if training.shown(begin) <= end:
        yield f"0: [before the start of training step] datetime: {stamps.second(training.shown(begin), ' ')} "
        yield from training.lines(begin, first_step)
    state = STATES[attempts.state[row]]
    if state == "REQUEUED":
        yield from training.at_the_limit((done + int(attempts.productive[row])) // STEP_SECONDS)
    if state in {"NODE_FAIL", "PREEMPTED", "CANCELLED", "TIMEOUT", "REQUEUED"}:
        yield f"0: slurmstepd: error: *** JOB {job_id} CANCELLED AT {stamps.second(end)} ***"


@dataclass(frozen=True, slots=True)
class _Training:
    stamps: Stamps
    job_id: int
    gpus: int
    saving: Saving
    slow: tuple[Spell, ...]
    end: int

    def shown(self, undisturbed: int) -> int:
        """When comes what would come at ``undisturbed`` if no node were slow."""
        return slowed_end(self.slow, undisturbed) if self.slow else undisturbed

    def lines(self, now: int, step: int) -> Iterator[str]:
        """Render steps and checkpoints; ``now`` runs as if no node were slow."""
        since, interval = 0, self.saving.interval
        while True:
            take = min(_LOGGED_EVERY * STEP_SECONDS, interval - since)
            if self.shown(now + take) > self.end:
                return
            took = self.shown(now + take) - self.shown(now)
            now, since, step = now + take, since + take, step + take // STEP_SECONDS
            yield self._iteration(self.shown(now), step, took * STEP_SECONDS / take)
            if since == interval:
                since = 0
                yield self._saving(step)
                if self.shown(now + self.saving.stall) > self.end:
                    return
                now += self.saving.stall
                yield from self._saved(now, step)

    def at_the_limit(self, step: int) -> Iterator[str]:
        """Render the checkpoint that is written in time before the limit; the truth counts no time for it."""
        yield self._iteration(self.end, step, STEP_SECONDS)
        yield self._saving(step)
        yield f"0:   successfully saved checkpoint from {self._where(step)}"

    def _iteration(self, now: int, step: int, step_seconds: float) -> str:
        return (
            f"{self.gpus - 1}:  [{self.stamps.second(now, ' ')}] iteration {step:8d}/ 9999999 | consumed samples: "
            f"{step * self.gpus:12d} | elapsed time per iteration (ms): {step_seconds * 1000:.1f} | learning rate: "
            f"1.000000E-04 | global batch size: {self.gpus:5d} | number of skipped iterations:   0 |"
        )

    def _where(self, step: int) -> str:
        return f"iteration {step:7d} to /ckpt/{self.job_id}"

    def _saving(self, step: int) -> str:
        return f"0: saving checkpoint at {self._where(step)} in torch_dist format"

    def _saved(self, now: int, step: int) -> Iterator[str]:
        saving, where = self.saving, self._where(step)
        blocking = saving.stall == saving.write
        yield (
            f"0:   successfully saved checkpoint from {where}"
            if blocking
            else (f"0:   scheduled an async checkpoint save at {where}")
        )
        waited = f"{saving.stall * 1000:.2f}"
        yield f"{self.gpus - 1}: (min, max) time across ranks (ms):"
        yield f"{self.gpus - 1}:     save-checkpoint ................................: ({waited}, {waited})"
        safe = self.shown(now + saving.write - saving.stall)
        if not blocking and safe <= self.end:
            yield f"0: [{self.stamps.second(safe, ' ')}]   successfully saved checkpoint from {where}"
