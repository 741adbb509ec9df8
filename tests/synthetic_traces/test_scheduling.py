"""Laws of the scheduler: requeues, arrays, dependencies, exclusions, drains, preemption in turn."""

from __future__ import annotations

from collections import defaultdict

from msgspec.structs import replace

from tests.synthetic_traces.clusters import SEEDS, simulated


def test_only_jobs_with_checkpoints_requeue_themselves_and_only_at_their_limit(case):
    a, jobs = case.history.attempts, case.history.jobs
    for row, attempt in enumerate(case.attempts):
        if attempt.state == "REQUEUED":
            assert jobs.checkpoints[attempt.job_id - 1]
            assert attempt.end_seconds - attempt.start_seconds == attempt.limit_seconds
            assert a.lost[row] == 0


def test_a_time_limit_ends_an_attempt_on_the_second(case):
    for attempt in case.attempts:
        if attempt.state == "TIMEOUT":
            assert attempt.end_seconds - attempt.start_seconds == attempt.limit_seconds


def test_jobs_are_chained_where_the_specification_asks_for_it(troubled_spec):
    chained = sum(a.state == "REQUEUED" for seed in SEEDS for a in simulated(troubled_spec, seed).attempts)
    load = replace(troubled_spec.workload, chained_share=0.0, teams=None, crash_loops=())
    unchained = sum(a.state == "REQUEUED" for a in simulated(replace(troubled_spec, workload=load), 0).attempts)
    assert chained > 500
    assert unchained == 0


def test_no_attempt_runs_on_the_node_that_its_job_excludes(case):
    excluded = case.history.jobs.excluded
    for attempt, _, _ in case.started():
        assert excluded[attempt.job_id - 1] not in attempt.nodes


def test_users_exclude_nodes_only_where_the_specification_asks_for_it(troubled_spec):
    assert sum((simulated(troubled_spec, seed).history.jobs.excluded >= 0).sum() for seed in SEEDS) > 100
    load = replace(troubled_spec.workload, exclude_probability=0.0)
    assert (simulated(replace(troubled_spec, workload=load), 0).history.jobs.excluded == -1).all()


def test_an_excluded_node_is_the_first_of_a_failed_job_like_it(case):
    jobs = case.history.jobs
    submitted = {a.job_id: a.submit_seconds for a in case.attempts if a.number == 1}
    failed = {
        (*(int(column[job - 1]) for column in (jobs.user, jobs.stem, jobs.number, jobs.gpus_per_node)), node)
        for job, attempts in case.by_job().items()
        if attempts[-1].state == "FAILED"
        for node in attempts[0].nodes[:1]
    }
    for row in range(len(jobs)):
        # Whose own failure the log still tells: it was within a quarter of an hour before.
        if jobs.excluded[row] >= 0 and submitted.get(row + 1, 0) > 900:
            columns = (jobs.user, jobs.stem, jobs.number, jobs.gpus_per_node, jobs.excluded)
            assert tuple(int(column[row]) for column in columns) in failed


def test_tasks_of_an_array_follow_their_head_and_are_submitted_with_it(case):
    jobs = case.history.jobs
    submitted = {a.job_id: a.submit_seconds for a in case.attempts if a.number == 1}
    tasks = 0
    for row in range(len(jobs)):
        head = int(jobs.array_id[row])
        assert jobs.task[row] == (row + 1 - head if head else 0)
        if not head:
            continue
        tasks += row + 1 > head
        assert jobs.array_id[head - 1] == head
        for column in (jobs.user, jobs.nodes, jobs.gpus_per_node):
            assert column[row] == column[head - 1]
        if row + 1 in submitted and head in submitted:
            assert submitted[row + 1] == submitted[head]
    assert tasks


def test_a_job_waits_for_an_earlier_job_of_the_same_user(case):
    jobs = case.history.jobs
    for row in range(len(jobs)):
        parent = int(jobs.depends_on[row])
        assert parent <= row
        assert not parent or jobs.user[parent - 1] == jobs.user[row]


def test_a_dependent_job_starts_only_after_its_parent_completed(case):
    jobs, of_job = case.history.jobs, case.by_job()
    seen = 0
    for job, attempts in of_job.items():
        parent = of_job.get(int(jobs.depends_on[job - 1]))
        if parent is None:
            continue
        for attempt in attempts:
            if attempt.start_seconds is not None:
                seen += 1
                assert parent[-1].state == "COMPLETED"
                assert parent[-1].end_seconds <= attempts[0].eligible_seconds <= attempt.start_seconds
    assert seen


def test_a_job_whose_parent_did_not_complete_is_cancelled_with_it(case):
    jobs, of_job = case.history.jobs, case.by_job()
    for job, attempts in of_job.items():
        parent = of_job.get(int(jobs.depends_on[job - 1]))
        if parent is None or parent[-1].state == "COMPLETED":
            continue
        (attempt,) = attempts
        assert attempt.start_seconds is None
        if parent[-1].end_seconds is None:
            assert (attempt.state, attempt.reason) in {("PENDING", "Dependency"), ("CANCELLED", "Dependency")}
        elif attempt.reason == "DependencyNeverSatisfied":
            assert (attempt.state, attempt.end_seconds) == ("CANCELLED", parent[-1].end_seconds)
        else:  # its user was faster
            assert attempt.state == "CANCELLED"
            assert attempt.end_seconds <= parent[-1].end_seconds


def test_only_what_comes_back_from_a_failure_preempts_in_second_order(case):
    a = case.history.attempts
    number = {(attempt.job_id, attempt.number): row for row, attempt in enumerate(case.attempts)}
    starts = {(attempt.job_id, attempt.start_seconds): attempt.number for attempt in case.attempts}
    preempted = defaultdict(int)
    for row, attempt in enumerate(case.attempts):
        if attempt.state != "PREEMPTED":
            assert a.second_order[row] == 0
            continue
        winner = attempt.preempted_by
        before = number.get((winner, starts[winner, attempt.end_seconds] - 1))
        if starts[winner, attempt.end_seconds] > 1 and before is None:
            continue  # that was before the log began
        returns = before is not None and (case.attempts[before].killed_by_fault is not None or a.second_order[before])
        preempted[bool(a.second_order[row])] += 1
        assert bool(a.second_order[row]) == bool(returns)
    assert preempted[False]


def test_second_order_preemptions_occur(spec):
    assert sum(int(simulated(spec, seed).history.attempts.second_order.sum()) for seed in SEEDS) > 5


def test_a_crash_loop_brings_down_a_node_again_and_again_until_it_is_cured(troubled_spec):
    (loop,) = troubled_spec.workload.crash_loops
    for seed in SEEDS:
        case = simulated(troubled_spec, seed)
        crashes = [fault for fault in case.history.faults if fault.kind == "crash_loop"]
        assert len(crashes) == loop.crashes
        killed = {a.killed_by_fault: a for a in case.attempts}
        (job,) = {killed[fault.fault_id].job_id for fault in crashes if fault.fault_id in killed}
        assert case.history.jobs.nodes[job - 1] == loop.nodes
        attempts = case.by_job()[job]
        assert attempts[0].submit_seconds == int(loop.day * 86400)
        assert {a.qos for a in attempts} == {"high"}
        assert len(attempts) > loop.crashes or attempts[-1].end_seconds is None


def test_nothing_starts_on_a_draining_node_once_it_is_noticed(troubled_spec):
    drains = 0
    for seed in SEEDS:
        case = simulated(troubled_spec, seed)
        ran, absences = case.on_node(), case.absences()
        for fault in case.history.faults:
            if fault.kind != "drain":
                continue
            drains += 1
            back = min(
                (up for down, up, _ in absences.get(fault.node, ()) if down > fault.time_seconds),
                default=case.spec.seconds,
            )
            assert not any(fault.detected_seconds < begin < back for _, begin, _ in ran[fault.node])
    assert drains > 20


def test_nobody_knows_of_a_fault_that_can_wait_before_the_check_has_run(troubled_spec):
    seldom = replace(troubled_spec.observability, check_interval_seconds=7200)
    case = simulated(replace(troubled_spec, observability=seldom), 0)
    ran = case.on_node()
    assert any(
        fault.time_seconds < begin < fault.detected_seconds
        for fault in case.history.faults
        if fault.kind == "drain"
        for _, begin, _ in ran[fault.node]
    )


def test_a_drained_node_leaves_service_once_it_is_idle(troubled_spec):
    drained = serving = 0
    for seed in SEEDS:
        case = simulated(troubled_spec, seed)
        ran, faults = case.on_node(), case.history.faults_by_id
        for outage in case.history.outages:
            if outage.state != "drain":
                continue
            drained += 1
            since = faults[outage.number].detected_seconds
            serving += outage.node >= troubled_spec.batch_nodes
            last = max((end for _, begin, end in ran[outage.node] if begin < outage.from_seconds), default=since)
            assert max(since, last) <= outage.from_seconds <= max(since, last) + 60
    assert drained > 20
    assert serving


def test_serving_nodes_run_no_jobs(troubled_spec):
    assert troubled_spec.serving_nodes == 3
    for seed in SEEDS:
        for attempt, _, _ in simulated(troubled_spec, seed).started():
            assert max(attempt.nodes) < troubled_spec.batch_nodes


def test_planned_work_interrupts_nothing(case):
    ran = case.on_node()
    for outage in case.history.outages:
        if outage.state == "maintenance":
            assert all(end <= outage.from_seconds or begin >= outage.to_seconds for _, begin, end in ran[outage.node])
            assert outage.to_seconds - outage.from_seconds == case.spec.scheduler.maintenance_hours * 3600


def test_nothing_starts_that_could_still_run_when_planned_work_begins(case):
    ran = case.on_node()
    for outage in case.history.outages:
        if outage.state == "maintenance":
            announced = outage.from_seconds // 86400 * 86400 + 9 * 3600
            assert announced <= outage.from_seconds < announced + 1860  # a dying attempt may outlast its limit
            for attempt, begin, _ in ran[outage.node]:
                assert begin >= outage.from_seconds or begin + attempt.limit_seconds <= announced


def test_least_loaded_nodes_first_puts_small_jobs_apart(stormy_spec):
    def in_company(*, least_loaded_first):
        policy = replace(stormy_spec.scheduler, least_loaded_first=least_loaded_first)
        case = simulated(replace(stormy_spec, scheduler=policy), 0)
        small = [(node, a, begin, end) for a, begin, end in case.started() if a.gpus_per_node < 8 for node in a.nodes]
        ran = case.on_node()
        shared = sum(
            any(other is not a and first <= begin < last for other, first, last in ran[node])
            for node, a, begin, _ in small
        )
        return shared / len(small)

    assert in_company(least_loaded_first=True) < in_company(least_loaded_first=False) - 0.2
