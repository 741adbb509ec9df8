"""The scenes: every outcome of jobs and nodes that could be provoked, on nodes of their own, all at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.slurm.cluster import USERS
from tests.slurm.stage import BEGAN, Job, Stage
from tests.slurm.truth import Span

ALICE, BOB = USERS
#: the last line of a script that is to end by itself
_DONE: Final = '\ndate "+done %s.%N" >> "$STAMPS/$SLURM_JOB_NAME"\n'
_FIRST_TIME_WAIT: Final = "[ ${SLURM_RESTART_COUNT:-0} -ge 1 ] || sleep 300"
# No line ends in it, so tail must keep it all. In a variable: a bar in the step's command would break sacct's text.
_EAT_MEMORY: Final = "export EAT='head -c 400M /dev/zero | tail -n 1 >/dev/null'\n"


def job_completes(stage: Stage) -> None:
    """Two nodes, sixteen GPUs."""
    job = stage.submit("completes", f"sleep 1{_DONE}", ["gpu-001", "gpu-002"], gpus_per_node=8)
    stage.completes(job)


def job_fails(stage: Stage) -> None:
    """An exit code, a signal, and a step's exit code that the script does not pass on."""
    code = stage.submit("exit-42", f"{_DONE}exit 42", ["gpu-003"], gpus_per_node=1)
    signal = stage.submit("signal-9", f"{_DONE}kill -9 $$", ["gpu-003"], gpus_per_node=1, user=BOB)
    step = stage.submit("step-7", f"srun sh -c 'exit 7'{_DONE}exit 0", ["cpu-002"])
    for job, exit_ in ((code, (42, 0)), (signal, (0, 9))):
        seen = stage.end(job, "FAILED")
        stage.attempt(job, "FAILED", exit=exit_, ended=Span(stage.stamp(job, "done"), seen.latest))
    stage.completes(step)


def job_is_cancelled(stage: Stage) -> None:
    """One while it runs and, behind it, one that waits."""
    running = stage.submit("cancel-running", "sleep 300", ["gpu-003"], gpus_per_node=4)
    stage.run(running)
    waiting = stage.submit("cancel-waiting", "", ["gpu-003"], gpus_per_node=8)
    stage.cluster.wait_for_job(waiting.id, "PENDING")
    for job, user in ((waiting, None), (running, ALICE)):
        with Span() as cancelled:
            stage.cluster.run("scancel", job.id, user=user)
            stage.cluster.wait_for_job(job.id, "CANCELLED")
        stage.attempt(job, "CANCELLED", ended=cancelled, ran=job is running)
        stage.event(job, "cancelled", cancelled)


def job_times_out(stage: Stage) -> None:
    """Its end is moved near; Slurm looks every half minute."""
    job = stage.submit("times-out", "sleep 300", ["gpu-003"], gpus_per_node=1)
    stage.run(job)
    with Span() as ended:
        stage.cluster.run("scontrol", "update", f"jobid={job.id}", "EndTime=now+1")
        stage.cluster.wait_for_job(job.id, "TIMEOUT")
    stage.attempt(job, "TIMEOUT", ended=ended)
    stage.event(job, "timed_out", ended)


def job_runs_out_of_memory(stage: Stage) -> None:
    """The script itself, and a step whose end the script reports as its own failure."""
    if not stage.cluster.kills_for_memory:
        return
    script = stage.submit("memory-script", _EAT_MEMORY + 'eval "$EAT"', ["cpu-001"], "--mem=100M")
    step_script = f"{_EAT_MEMORY}srun sh -c 'eval \"$EAT\"' || exit 1"
    step = stage.submit("memory-step", step_script, ["cpu-001"], "--mem=100M", user=BOB)
    for job, state in ((script, "OUT_OF_MEMORY"), (step, "FAILED")):
        seen = stage.end(job, state)
        stage.attempt(job, state, ended=Span(stage.stamp(job, "began"), seen.latest), step_out_of_memory=True)
    stage.event(script, "out_of_memory", Span(script.submitted.latest, time.time()))


def node_fails_and_job_is_requeued(stage: Stage) -> None:
    """The node comes back after a while, is found to have rebooted, and is resumed; the job runs again."""
    job = stage.submit("node-fails", f"{_FIRST_TIME_WAIT}{_DONE}", ["gpu-004", "gpu-005"], gpus_per_node=8)
    stage.run(job)
    failed, reason = stage.fail("gpu-005")
    time.sleep(2)
    with Span() as rebooted:
        stage.cluster.start_node("gpu-005", after_boot=True)
        stage.cluster.wait_for_node("gpu-005", "down")
    resumed = stage.resume("gpu-005")
    stage.attempt(job, "NODE_FAIL", ended=failed)
    stage.event(job, "node_failed", failed, node="gpu-005")
    stage.outage("gpu-005", "down", reason, failed, rebooted)
    stage.outage("gpu-005", "down", "Node unexpectedly rebooted", rebooted, resumed, continues=True)
    stage.end(job, "COMPLETED")
    requeued = stage.again(job, failed)
    stage.event(job, "requeued", requeued, node="gpu-005")
    stage.completes(job, number=1, submitted=requeued)


def node_fails_for_good(stage: Stage) -> None:
    """The job may not be requeued; the node stays down."""
    job = stage.submit("node-is-lost", "sleep 300", ["gpu-006"], "--no-requeue", gpus_per_node=8, user=BOB)
    stage.run(job)
    failed, reason = stage.fail("gpu-006")
    stage.attempt(job, "NODE_FAIL", ended=failed)
    stage.event(job, "node_failed", failed, node="gpu-006")
    stage.outage("gpu-006", "down", reason, failed, None)


def node_reboots(stage: Stage) -> None:
    """The node crashes and is back before Slurm misses it."""
    job = stage.submit("node-reboots", f"{_FIRST_TIME_WAIT}{_DONE}", ["gpu-007"], gpus_per_node=8)
    stage.run(job)
    failed, reason = stage.fail("gpu-007", comes_back=True)
    resumed = stage.resume("gpu-007")
    stage.attempt(job, "NODE_FAIL", ended=failed)
    stage.event(job, "node_failed", failed, node="gpu-007")
    stage.outage("gpu-007", "down", reason, failed, resumed)
    stage.end(job, "COMPLETED")
    requeued = stage.again(job, failed)
    stage.event(job, "requeued", requeued, node="gpu-007")
    stage.completes(job, number=1, submitted=requeued)


def jobs_are_preempted(stage: Stage) -> None:
    """An urgent job takes two nodes: one job on them is requeued, the other cancelled."""
    requeued = stage.submit(
        "preempt-requeue", f"{_FIRST_TIME_WAIT}{_DONE}", ["gpu-008"], gpus_per_node=8, qos="scavenger"
    )
    cancelled = stage.submit("preempt-cancel", "sleep 300", ["gpu-009"], gpus_per_node=8, qos="cheap")
    stage.run(requeued)
    stage.run(cancelled)
    time.sleep(2)  # accounting may have no start of an attempt that was preempted within a second of it
    with Span() as taken:
        urgent = stage.submit(
            "urgent", f"sleep 1{_DONE}", ["gpu-008", "gpu-009"], gpus_per_node=8, qos="high", user=BOB
        )
        stage.cluster.wait_for_file(stage.stamps / urgent.name)
    stage.completes(urgent)
    for job in (requeued, cancelled):
        stage.attempt(job, "PREEMPTED", ended=taken)
        stage.event(job, "preempted", taken, by_job_id_raw=urgent.id)
    stage.end(requeued, "COMPLETED")
    put_back = stage.again(requeued, taken)
    stage.event(requeued, "requeued", put_back)
    stage.completes(requeued, number=1, submitted=put_back)


def jobs_are_requeued(stage: Stage) -> None:
    """One by the administrator, one by its exit code."""
    by_hand = stage.submit("requeue", f"{_FIRST_TIME_WAIT}{_DONE}", ["cpu-002"])
    by_exit = stage.submit(
        "requeue-99", f"[ ${{SLURM_RESTART_COUNT:-0}} -ge 1 ] || exit 99{_DONE}", ["cpu-002"], user=BOB
    )
    stage.run(by_hand)
    with Span() as asked:
        stage.cluster.run("scontrol", "requeue", by_hand.id)
    for job in (by_hand, by_exit):
        stage.end(job, "COMPLETED")
        requeued = stage.again(job, asked if job is by_hand else Span(stage.stamp(job, "began")))
        stage.attempt(job, "REQUEUED", ended=requeued)
        stage.event(job, "requeued", requeued)
        stage.completes(job, number=1, submitted=requeued)


def array_runs(stage: Stage) -> None:
    """Four tasks of which one fails."""
    script = f"sleep 1{_DONE}[ $SLURM_ARRAY_TASK_ID != 2 ] || exit 3"
    job = stage.submit("array", script, ["cpu-001"], "--array=0-3")
    with Span() as ended:
        for number in range(4):
            stage.cluster.wait_for_job(f"{job.id}_{number}", "COMPLETED", "FAILED")
    begins = [line.split() for line in (stage.stamps / job.name).read_text().splitlines() if line.startswith("began")]
    for _, began, raw, task in begins:
        stage.attempt(
            job, "FAILED" if task == "2" else "COMPLETED", job_id_raw=raw, job_id=f"{job.id}_{task}",
            exit=(3, 0) if task == "2" else (0, 0), started=Span(job.submitted.earliest, float(began)),
            ended=Span(float(began), ended.latest),
        )  # fmt: skip


def heterogeneous_job_runs(stage: Stage) -> None:
    """One job of two unlike parts."""
    with Span() as submitted:
        printed = stage.cluster.run(
            "sbatch", "--parsable", "--job-name=het", "--output=/dev/null", "--time=10",
            "--partition=cpu", "--nodelist=cpu-003", ":", "--partition=gpu", "--nodelist=gpu-010", "--gpus-per-node=2",
            user=BOB, script=f"#!/bin/sh\n{BEGAN}srun --het-group=0,1 sleep 1{_DONE}", STAMPS=str(stage.stamps),
        )  # fmt: skip
    leader = int(printed)
    parts = (Job(str(leader), "het", BOB, "cpu", "normal", ["cpu-003"], 0, submitted),
             Job(str(leader + 1), "het", BOB, "gpu", "normal", ["gpu-010"], 2, submitted))  # fmt: skip
    for offset, part in enumerate(parts):
        stage.completes(part, job_id=f"{leader}+{offset}")


def job_is_resized(stage: Stage) -> None:
    """It gives one of two nodes back: still one attempt, as large as it ever was."""
    job = stage.submit("resize", f"sleep 5{_DONE}", ["gpu-010", "gpu-011"], gpus_per_node=4)
    stage.run(job)
    time.sleep(2)  # accounting tells the rows of a job apart by the second of their submission
    stage.cluster.run("scontrol", "update", f"jobid={job.id}", "NumNodes=1")
    stage.completes(job)


def job_is_suspended_and_node_reboots_as_planned(stage: Stage) -> None:
    """Suspended and resumed; then its node gets new firmware."""
    job = stage.submit("suspend", f"sleep 4{_DONE}", ["cpu-003"])
    stage.run(job)
    for command, kind, state in (("suspend", "suspended", "SUSPENDED"), ("resume", "resumed", "RUNNING")):
        with Span() as done:
            stage.cluster.run("scontrol", command, job.id)
            stage.cluster.wait_for_job(job.id, state)
        stage.event(job, kind, done)
        # The node stops the processes a while after the controller has said so; a resume that overtakes it on a busy
        # machine would leave them stopped for good.
        time.sleep(3)
    stage.completes(job)
    asked = stage.cluster.folder / "out" / "reboot.cpu-003"
    with Span() as away:
        stage.cluster.run("scontrol", "reboot", "ASAP", "nextstate=RESUME", "reason=firmware 24.10", "cpu-003")
        stage.cluster.wait_for_file(asked)
        with Span() as ended:
            stage.cluster.pull_plug("cpu-003")
            stage.cluster.start_node("cpu-003", after_boot=True)
            stage.cluster.wait_for_node("cpu-003", "idle")
    stage.outage("cpu-003", "down", "firmware 24.10 : reboot issued", away, ended, planned=True)


def node_is_drained_under_a_job(stage: Stage) -> None:
    """Accounting counts the drain from the moment the node is empty."""
    reason = "NHC: check_gpu_xid: Xid 79, GPU has fallen off the bus, GPU 3"
    job = stage.submit("drained-under", f"sleep 3{_DONE}", ["gpu-012"], gpus_per_node=8)
    stage.run(job)
    asked = stage.set_node("gpu-012", "state=DRAIN", f"reason={reason}")
    ended = stage.completes(job)
    with Span() as drained:
        stage.cluster.wait_for_node("gpu-012", "drained")
    began = Span(ended.earliest, drained.latest)
    stage.outage("gpu-012", "drain", reason, began, stage.resume("gpu-012"), asked=asked)


def node_is_taken_out_by_hand(stage: Stage) -> None:
    """Drained for an update, later down for a repair."""
    for state, reason, planned in (("drain", "kernel update CHG-1234", True), ("down", "PSU failure, INC-77", False)):
        began = stage.set_node("cpu-004", f"state={state.upper()}", f"reason={reason}")
        stage.cluster.wait_for_node("cpu-004", "drained" if state == "drain" else state)
        stage.outage("cpu-004", state, reason, began, stage.resume("cpu-004"), planned=planned)


def jobs_go_on(stage: Stage) -> None:
    """Played last: one job runs, one job and an array wait while the logs are taken."""
    running = stage.submit("still-running", "sleep 300", ["gpu-001"], gpus_per_node=8)
    waiting = stage.submit("still-waiting", "", ["gpu-006"], gpus_per_node=8, user=BOB)
    array = stage.submit("waiting-array", "", ["gpu-006"], "--array=0-4", gpus_per_node=1)
    stage.run(running)
    stage.attempt(running, "RUNNING")
    stage.attempt(waiting, "PENDING", ran=False)
    stage.attempt(array, "PENDING", ran=False, job_id=f"{array.id}_[0-4]")


SCENES: Final[tuple[Callable[[Stage], None], ...]] = (
    job_completes,
    job_fails,
    job_is_cancelled,
    job_times_out,
    job_runs_out_of_memory,
    node_fails_and_job_is_requeued,
    node_fails_for_good,
    node_reboots,
    jobs_are_preempted,
    jobs_are_requeued,
    array_runs,
    heterogeneous_job_runs,
    job_is_resized,
    job_is_suspended_and_node_reboots_as_planned,
    node_is_drained_under_a_job,
    node_is_taken_out_by_hand,
)


def play(stage: Stage) -> None:
    """Play all scenes at once, then the last.

    Raises
    ------
    ExceptionGroup
        If scenes did not go as written.
    """
    with ThreadPoolExecutor(len(SCENES)) as pool:
        played = [pool.submit(scene, stage) for scene in SCENES]
    problems = []
    for scene, outcome in zip(SCENES, played, strict=True):
        problem = outcome.exception()
        if problem is not None:
            problem.add_note(f"in the scene {scene.__name__}")
            problems.append(problem)
    if problems:
        raise BaseExceptionGroup("scenes did not go as written", problems)
    jobs_go_on(stage)
