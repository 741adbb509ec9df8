"""Every GPU-second of the window is in exactly one bucket of the ledger, the right one."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from msgspec.structs import replace

from synthetic_traces.simulation.books import BUCKETS
from synthetic_traces.simulation.cluster import Simulation
from synthetic_traces.simulation.demand import saving_of
from synthetic_traces.simulation.progress import progress
from synthetic_traces.simulation.records import STATES
from synthetic_traces.spec.faults import FailureMode
from tests.synthetic_traces.clusters import SEEDS, simulated

OF_ATTEMPTS = (
    *("productive", "checkpoint_write", "restart", "slowed"),
    *("lost_infrastructure", "lost_preemption_second_order", "lost_preemption", "lost_user"),
)
OUT = {"down": "down_unplanned", "drain": "drained", "maintenance": "down_planned"}
#: what ends a fault or begins an outage is on the second, a fault is not: of each outage of a serving node a part of
#: one second may be told as idle
ROUNDING = 8.0


def test_no_bucket_is_negative_and_all_add_up_to_the_capacity(case):
    ledger, fleet = case.history.ledger_gpu_seconds, case.spec.fleet
    assert tuple(ledger) == BUCKETS
    assert min(ledger.values()) >= 0
    assert sum(ledger.values()) == pytest.approx(fleet.nodes * fleet.gpus_per_node * case.spec.seconds, rel=1e-12)


def test_what_was_allocated_is_what_became_of_the_attempts(case):
    allocated = sum(
        len(attempt.nodes) * attempt.gpus_per_node * (end - max(0, begin)) for attempt, begin, end in case.started()
    )
    ledger = case.history.ledger_gpu_seconds
    assert sum(ledger[bucket] for bucket in OF_ATTEMPTS) == pytest.approx(allocated, rel=1e-12)


def test_idle_and_lost_time_agree_with_a_count_second_by_second(case):
    """Looks at each second of each node: GPUs that no attempt holds are idle, or out of service for one reason."""
    spec, ledger = case.spec, case.history.ledger_gpu_seconds
    ran, absences, counted = case.on_node(), case.absences(), Counter()
    for node in range(spec.batch_nodes):
        free = np.full(spec.seconds, spec.fleet.gpus_per_node)
        for attempt, begin, end in ran[node]:
            free[max(0, begin) : end] -= attempt.gpus_per_node
        for begin, end, kind in absences.get(node, ()):
            away = slice(math.ceil(begin), min(end, spec.seconds))
            counted[OUT[kind]] += int(free[away].sum())
            free[away] = 0
        counted["idle"] += int(free.sum())
    for node in range(spec.batch_nodes, spec.fleet.nodes):
        for begin, end, kind in absences.get(node, ()):
            counted[OUT[kind]] += spec.fleet.gpus_per_node * (min(end, spec.seconds) - math.ceil(begin))
    for bucket in OUT.values():
        assert ledger[bucket] == counted[bucket], bucket
    of_serving = sum(len(absences.get(node, ())) for node in range(spec.batch_nodes, spec.fleet.nodes))
    assert counted["idle"] <= ledger["idle"] + 1e-6 <= counted["idle"] + ROUNDING * of_serving + 1e-3


def test_the_parts_of_an_attempt_add_up_to_its_run_time(case):
    a = case.history.attempts
    parts = a.restart + a.productive + a.writing + a.lost + a.slowed
    for row, attempt in enumerate(case.attempts):
        run = 0
        if attempt.start_seconds is not None:
            run = (case.spec.seconds if attempt.end_seconds is None else attempt.end_seconds) - attempt.start_seconds
        assert parts[row] == run
        assert min(a.restart[row], a.productive[row], a.writing[row], a.lost[row], a.slowed[row]) >= 0


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_each_bucket_is_the_sum_over_the_attempts_that_belong_in_it(troubled_spec, seed):
    # Without a warm-up no attempt began before the window, so nothing is cut.
    case = simulated(replace(troubled_spec, warm_up_days=0), seed)
    a, jobs, counted = case.history.attempts, case.history.jobs, Counter()
    for row in range(len(a)):
        gpus = int((jobs.nodes * jobs.gpus_per_node)[a.job_id[row] - 1])
        why = "lost_user"
        if a.fault_id[row]:
            why = "lost_infrastructure"
        elif STATES[a.state[row]] == "PREEMPTED":
            why = "lost_preemption_second_order" if a.second_order[row] else "lost_preemption"
        counted[why] += gpus * int(a.lost[row])
        for bucket, column in (
            ("restart", a.restart), ("productive", a.productive), ("checkpoint_write", a.writing), ("slowed", a.slowed),
        ):  # fmt: skip
            counted[bucket] += gpus * int(column[row])
    assert all(counted[bucket] > 0 for bucket in OF_ATTEMPTS)
    for bucket in OF_ATTEMPTS:
        assert case.history.ledger_gpu_seconds[bucket] == counted[bucket], bucket


def test_only_interrupted_work_is_lost_and_without_checkpoints_all_of_it(case):
    a, jobs = case.history.attempts, case.history.jobs
    for row, attempt in enumerate(case.attempts):
        if attempt.state in {"COMPLETED", "REQUEUED", "RUNNING", "PENDING"}:
            assert a.lost[row] == 0
        elif not jobs.checkpoints[attempt.job_id - 1]:
            assert a.productive[row] == a.writing[row] == a.restart[row] == 0


def test_an_interruption_loses_at_most_a_checkpoint_interval_and_a_write(case):
    a, asked = case.history.attempts, case.spec.workload.checkpoints
    corrupting = any(mode.effect == "corrupt" for mode in case.spec.failure_modes)
    interrupted = 0
    for row, attempt in enumerate(case.attempts):
        if not case.history.jobs.checkpoints[attempt.job_id - 1]:
            continue
        if corrupting and attempt.killed_by_fault is not None:
            continue  # what silent corruption has made worthless may reach far back
        interrupted += attempt.state in {"NODE_FAIL", "PREEMPTED"}
        assert a.lost[row] < 60 * asked.interval_minutes + asked.write_seconds
    assert interrupted


def test_silent_corruption_loses_everything_since_it_began(troubled_spec):
    modes = [
        replace(mode, per_1000_node_days=1000, duration_median_hours=12) if mode.effect == "corrupt" else mode
        for mode in troubled_spec.failure_modes
    ]
    saving, seen = saving_of(troubled_spec), 0
    for seed in SEEDS[:2]:
        case = simulated(replace(troubled_spec, failure_modes=tuple(modes)), seed)
        a, faults = case.history.attempts, case.history.faults
        corruptions = [fault for fault in faults if fault.kind == "silent_corruption"]
        for row, attempt in enumerate(case.attempts):
            killer = case.history.faults_by_id.get(attempt.killed_by_fault)
            if killer is None or killer.kind != "silent_corruption" or a.slowed[row]:
                continue
            since = [math.ceil(fault.time_seconds) for fault in corruptions if fault.node in attempt.nodes]
            first = min(second for second in since if attempt.start_seconds <= second)
            assert first == math.ceil(killer.time_seconds)
            if case.history.jobs.checkpoints[attempt.job_id - 1]:
                seen += 1
                assert a.productive[row] == progress(first - attempt.start_seconds, saving)[3]
    assert seen > 5


def test_slow_nodes_cost_no_more_than_their_slowdown_and_only_where_there_are_some(case):
    slowdowns = [mode.slowdown for mode in case.spec.failure_modes if mode.effect == "slow"]
    slowdowns += [fault.slowdown for fault in case.spec.domain_faults]
    worst, a = max(slowdowns, default=0.0), case.history.attempts
    run = a.restart + a.productive + a.writing + a.lost + a.slowed
    assert (a.slowed <= run * worst / (1 + worst)).all()
    assert a.slowed.any() == bool(slowdowns)


def test_a_straggler_holds_up_all_that_runs_on_it_and_a_gang_as_one(stormy_spec):
    slow = FailureMode(
        component="gpu",
        symptom="gpu_driver",
        per_1000_node_days=60,
        effect="slow",
        slowdown=0.4,
        duration_median_hours=1e6,  # once slow, always slow
    )
    case = simulated(replace(stormy_spec, failure_modes=(slow,)), 0)
    since = {}
    for fault in case.history.faults:
        if fault.kind == "straggler":
            since.setdefault(fault.node, math.ceil(fault.time_seconds))
    assert 3 < len(since) < 16
    rows = {(attempt.job_id, attempt.number): row for row, attempt in enumerate(case.attempts)}
    for attempt, begin, end in case.started():
        slow_from = max(begin, min(since.get(node, end) for node in attempt.nodes))
        lost = max(0, end - slow_from) * 0.4 / 1.4
        assert case.history.attempts.slowed[rows[attempt.job_id, attempt.number]] == pytest.approx(lost, abs=1)


def test_work_is_neither_forgotten_nor_done_twice(spec):
    """What all attempts of a job kept, and what its last one did, is what the job was to do."""
    simulation = Simulation(spec, 0)
    work, submitted = {}, simulation._books.submitted

    def submit(job):
        submitted(job)
        work[job.job_id] = job.work_seconds

    simulation._books.submitted = submit
    a = simulation.run().attempts
    done, last = Counter(), {}
    for row, job in enumerate(a.job_id.tolist()):
        done[job] += int(a.productive[row])
        last[job] = row
    whole = set(a.job_id[a.number == 1].tolist())  # nothing of it before the window
    ended = 0
    for job, row in last.items():
        by_itself = STATES[a.state[row]] in {"COMPLETED", "FAILED", "OUT_OF_MEMORY"} and not a.fault_id[row]
        if job in whole and by_itself:
            ended += 1
            assert done[job] + a.lost[row] == work[job]
    assert ended > 500


def test_corruption_that_nobody_noticed_loses_nothing_when_another_fault_ends_the_attempt(troubled_spec):
    modes = [
        replace(mode, per_1000_node_days=1000, duration_median_hours=10_000) if mode.effect == "corrupt" else mode
        for mode in troubled_spec.failure_modes
    ]
    case = simulated(replace(troubled_spec, failure_modes=tuple(modes)), SEEDS[0])
    a, saving, seen = case.history.attempts, saving_of(troubled_spec), 0
    for row, attempt in enumerate(case.attempts):
        killer = case.history.faults_by_id.get(attempt.killed_by_fault)
        if killer is None or killer.kind != "critical" or a.slowed[row] or attempt.start_seconds < 0:
            continue
        if case.history.jobs.checkpoints[attempt.job_id - 1]:
            seen += 1
            assert a.productive[row] == progress(attempt.end_seconds - attempt.start_seconds, saving)[3]
    assert seen > 5
