"""What the scenes need: jobs submitted, states waited for, and the truth written down."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.slurm.cluster import USERS, Cluster
from tests.slurm.truth import Attempt, JobEvent, Outage, Span, Truth

#: every attempt of a job writes when it began
BEGAN: Final = 'date "+began %s.%N $SLURM_JOB_ID $SLURM_ARRAY_TASK_ID" >> "$STAMPS/$SLURM_JOB_NAME"\n'


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was submitted."""

    id: str
    name: str
    user: str
    partition: str
    qos: str
    nodes: list[str]
    gpus: int
    submitted: Span


class Stage:
    """The cluster, and the truth about it as it grows."""

    def __init__(self, cluster: Cluster, truth: Truth) -> None:
        self.cluster = cluster
        self.truth = truth
        self.stamps = cluster.folder / "stamps"
        self.stamps.mkdir()
        self.stamps.chmod(0o1777)

    def submit(
        self,
        name: str,
        script: str,
        nodes: Sequence[str],
        *options: str,
        gpus_per_node: int = 0,
        user: str = USERS[0],
        qos: str = "normal",
    ) -> Job:
        """Submit a batch job."""
        gpus = () if not gpus_per_node else (f"--gpus-per-node={gpus_per_node}",)
        partition = nodes[0][:3]
        with Span() as submitted:
            printed = self.cluster.run(
                "sbatch", "--parsable", f"--job-name={name}", f"--qos={qos}", f"--partition={partition}", "--time=10",
                f"--nodes={len(nodes)}", f"--nodelist={','.join(nodes)}", "--output=/dev/null", *gpus, *options,
                user=user, script=f"#!/bin/sh\n{BEGAN}{script}", STAMPS=str(self.stamps),
            )  # fmt: skip
        return Job(printed.strip(), name, user, partition, qos, list(nodes), gpus_per_node * len(nodes), submitted)

    def run(self, job: Job) -> Span:
        """Wait until the job runs, its script too."""
        with Span() as span:
            self.cluster.wait_for_job(job.id, "RUNNING")
            self.cluster.wait_for_file(self.stamps / job.name)
        return span

    def end(self, job: Job, *states: str) -> Span:
        """Wait until the job has ended; it did between its last word and the return."""
        with Span() as span:
            self.cluster.wait_for_job(job.id, *states)
        return span

    def stamp(self, job: Job, word: str, number: int = 0) -> float:
        """Return when the job's script said so, for the attempt of that number."""
        lines = [line.split() for line in (self.stamps / job.name).read_text().splitlines()]
        return [float(line[1]) for line in lines if line[0] == word][number]

    def attempt(self, job: Job, state: str, number: int = 0, **differs: Any) -> None:
        """Write down how an attempt went."""
        submitted = differs.pop("submitted", job.submitted)
        ran = differs.pop("ran", True)
        facts: dict[str, Any] = {
            "job_id_raw": job.id,
            "job_id": job.id,
            "name": job.name,
            "user": job.user,
            "partition": job.partition,
            "qos": job.qos,
            "state": state,
            "node_count": len(job.nodes),
            "gpu_count": job.gpus,
            "nodes": job.nodes if ran else None,
            "submitted": submitted,
            "started": Span(submitted.earliest, self.stamp(job, "began", number)) if ran else None,
            "exit": (0, 0) if state == "COMPLETED" else None,
        }
        self.truth.attempts.append(Attempt(**facts | differs))

    def completes(self, job: Job, number: int = 0, **differs: Any) -> Span:
        """Wait until the job has completed, write that down, and return when it did."""
        seen = self.end(job, "COMPLETED")
        ended = Span(self.stamp(job, "done", -1), seen.latest)
        self.attempt(job, "COMPLETED", number, ended=ended, **differs)
        return ended

    def again(self, job: Job, at: Span) -> Span:
        """Return when the job, that ended then, was put back into the queue: before it began anew."""
        return Span(at.earliest, self.stamp(job, "began", 1))

    def event(self, job: Job, kind: str, at: Span, **who: str) -> None:
        """Write down what happened to a job."""
        self.truth.job_events.append(JobEvent(job.id, kind, at, **who))

    def set_node(self, node: str, *settings: str) -> Span:
        """Set the state of a node as an administrator does."""
        with Span() as span:
            self.cluster.run("scontrol", "update", f"nodename={node}", *settings)
        return span

    def resume(self, node: str) -> Span:
        """Put a node back to work, after a while: an outage should last some of Slurm's whole seconds."""
        time.sleep(2)
        span = self.set_node(node, "state=RESUME")
        self.cluster.wait_for_node(node, "idle", "mixed", "allocated")
        return span

    def fail(self, node: str, *, comes_back: bool = False) -> tuple[Span, str]:
        """Pull the plug of a node and wait until Slurm has noticed; return when that was and the reason it gives."""
        with Span() as failed:
            self.cluster.pull_plug(node)
            if comes_back:
                time.sleep(2)  # Slurm compares whole seconds: booted after it last answered?
                self.cluster.start_node(node, after_boot=True)
            self.cluster.wait_for_node(node, "down", "down*")
        return failed, "Node unexpectedly rebooted" if comes_back else "Not responding"

    def outage(self, node: str, state: str, reason: str, began: Span, ended: Span | None, **how: Any) -> None:
        """Write down that a node was out of service."""
        self.truth.outages.append(Outage(node, state, reason, how.pop("planned", False), began, ended, **how))
