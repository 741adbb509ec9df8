"""Laws that hold in every simulated history, whatever the seed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, poisson

from synthetic_traces import preset_spec
from synthetic_traces.simulation import Simulation
from synthetic_traces.workload import QOS_PRIORITY

anything = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seeds = st.integers(min_value=0, max_value=7)  # few, so that the laws share the simulated histories


@pytest.fixture(scope="module")
def simulate(stormy_spec):
    histories = {}

    def run(seed):
        if seed not in histories:
            histories[seed] = Simulation(stormy_spec, seed).run()
        return histories[seed]

    return run


def started(history, log_end):
    """Attempts that ran: (attempt, begin, end), the end being that of the log for those still running."""
    for attempt in history.attempts:
        if attempt.start_seconds is not None:
            end = attempt.end_seconds if attempt.end_seconds is not None else log_end
            yield attempt, attempt.start_seconds, end


def out_of_service(history):
    """Intervals per node in which no job may run, from the moment the cluster knows."""
    intervals = defaultdict(list)
    for fault in history.faults:
        if fault.kind == "critical":
            intervals[fault.node].append((fault.detected_seconds, fault.repaired_seconds))
    for work in history.maintenances:
        intervals[work.node].append((work.from_seconds, work.to_seconds))
    return intervals


@anything
@given(seed=seeds)
def test_no_node_ever_runs_more_than_its_gpus(simulate, stormy_spec, seed):
    changes = defaultdict(list)
    for attempt, begin, end in started(simulate(seed), stormy_spec.seconds):
        for node in attempt.nodes:
            changes[node] += [(begin, attempt.request.gpus_per_node), (end, -attempt.request.gpus_per_node)]
    for node_changes in changes.values():
        used = 0
        for _, change in sorted(node_changes):  # at one instant GPUs are freed before they are taken
            used += change
            assert used <= stormy_spec.gpus_per_node


@anything
@given(seed=seeds)
def test_no_job_runs_on_a_node_that_is_down_or_drained(simulate, stormy_spec, seed):
    history = simulate(seed)
    intervals = out_of_service(history)
    for attempt, begin, end in started(history, stormy_spec.seconds):
        for node in attempt.nodes:
            assert not any(begin < up and down < end for down, up in intervals[node])


@anything
@given(seed=seeds)
def test_intervals_out_of_service_of_one_node_never_overlap(simulate, seed):
    for intervals in out_of_service(simulate(seed)).values():
        intervals.sort()
        assert all(up <= down for (_, up), (down, _) in pairwise(intervals))


@anything
@given(seed=seeds)
def test_attempts_of_one_job_follow_each_other(simulate, seed):
    jobs = defaultdict(list)
    for attempt in simulate(seed).attempts:
        jobs[attempt.job_id].append(attempt)
    for attempts in jobs.values():
        for earlier, later in pairwise(attempts):
            assert later.number == earlier.number + 1
            assert later.submit_seconds > earlier.end_seconds >= earlier.start_seconds
            assert later.request is earlier.request


@anything
@given(seed=seeds)
def test_a_job_is_requeued_exactly_after_a_failure_or_a_preemption(simulate, seed):
    attempts = simulate(seed).attempts
    known = {(attempt.job_id, attempt.number) for attempt in attempts}
    for attempt in attempts:
        interrupted = attempt.killed_by_fault is not None or attempt.cause == "preempted"
        assert ((attempt.job_id, attempt.number + 1) in known) == interrupted


@anything
@given(seed=seeds)
def test_times_of_an_attempt_are_ordered_and_within_its_limit(simulate, stormy_spec, seed):
    for attempt, begin, end in started(simulate(seed), stormy_spec.seconds):
        assert attempt.submit_seconds <= attempt.eligible_seconds <= begin <= end <= stormy_spec.seconds
        # A dying attempt may outlast its limit until its node is given up.
        grace = 1801 if attempt.killed_by_fault is not None else 0
        assert end - begin <= attempt.request.limit_seconds + grace
        assert len(attempt.nodes) == len(set(attempt.nodes)) == attempt.request.nodes


@anything
@given(seed=seeds)
def test_a_critical_fault_kills_every_attempt_on_its_node(simulate, stormy_spec, seed):
    history = simulate(seed)
    running_on = defaultdict(list)
    for attempt, begin, end in started(history, stormy_spec.seconds):
        for node in attempt.nodes:
            running_on[node].append((attempt, begin, end))
    for fault in history.faults:
        if fault.kind != "critical" or fault.detected_seconds > stormy_spec.seconds:
            continue
        for attempt, begin, end in running_on[fault.node]:
            if begin <= fault.time_seconds < end:
                # Where two faults meet in one attempt, the faster one kills it.
                assert attempt.killed_by_fault is not None
                assert fault.time_seconds <= attempt.end_seconds <= fault.detected_seconds


@anything
@given(seed=seeds)
def test_every_killed_attempt_has_its_fault_and_every_kill_its_attempt(simulate, seed):
    history = simulate(seed)
    told_by_attempts = {
        (attempt.killed_by_fault, attempt.job_id, attempt.number)
        for attempt in history.attempts
        if attempt.killed_by_fault is not None
    }
    told_by_faults = {(fault.fault_id, *kill) for fault in history.faults for kill in fault.killed}
    assert told_by_attempts
    assert told_by_attempts == told_by_faults


@anything
@given(seed=seeds)
def test_killed_attempts_end_as_failures_with_the_component_as_cause(simulate, seed):
    history = simulate(seed)
    faults = {fault.fault_id: fault for fault in history.faults}
    for attempt in history.attempts:
        if attempt.killed_by_fault is None:
            assert attempt.state != "NODE_FAIL"
            continue
        fault = faults[attempt.killed_by_fault]
        assert fault.kind == "critical"
        assert attempt.cause == fault.component
        assert fault.node in attempt.nodes
        assert fault.time_seconds <= attempt.end_seconds <= fault.detected_seconds
        assert attempt.state in ({"NODE_FAIL"} if fault.silent else {"NODE_FAIL", "FAILED"})


@anything
@given(seed=seeds)
def test_only_low_qos_is_preempted_and_never_before_its_guaranteed_time(simulate, stormy_spec, seed):
    for attempt in simulate(seed).attempts:
        if attempt.cause == "preempted":
            assert attempt.request.qos == "low"
            assert attempt.end_seconds - attempt.start_seconds >= stormy_spec.preemption_exempt_hours * 3600


@anything
@given(seed=seeds)
def test_node_days_in_service_are_the_window_less_what_was_lost(simulate, stormy_spec, seed):
    history, end = simulate(seed), stormy_spec.seconds
    lost = sum(
        min(fault.repaired_seconds, end) - fault.time_seconds for fault in history.faults if fault.kind == "critical"
    )
    lost += sum(min(work.to_seconds, end) - work.from_seconds for work in history.maintenances)
    expected = stormy_spec.nodes * stormy_spec.days - lost / 86400
    assert history.in_service_node_days == pytest.approx(expected, abs=1e-3)


def test_preemption_and_every_kind_of_end_occur(simulate):
    causes = {attempt.cause for seed in range(4) for attempt in simulate(seed).attempts}
    assert {"completed", "user", "out_of_memory", "timeout", "cancelled", "preempted", "running"} <= causes
    assert {"gpu", "nic", "node"} <= causes


def test_a_higher_priority_waits_less(simulate):
    waits = defaultdict(list)
    for seed in range(4):
        for attempt in simulate(seed).attempts:
            if attempt.start_seconds is not None and attempt.request.nodes == 1:
                waits[attempt.request.qos].append(attempt.start_seconds - attempt.eligible_seconds)
    means = {qos: sum(waits[qos]) / len(waits[qos]) for qos in QOS_PRIORITY}
    assert means["high"] < means["normal"] < means["low"]


@pytest.fixture(scope="module")
def quiet_histories():
    """`tiny` with little to run: the hardware's clocks do not depend on the load."""
    spec = preset_spec("tiny")
    spec = replace(spec, workload=replace(spec.workload, jobs_per_day=10, teams=0))
    return spec, [Simulation(spec, seed).run() for seed in range(8)]


def test_the_fault_count_is_consistent_with_the_true_rate(quiet_histories):
    spec, histories = quiet_histories
    for history in histories:
        expected = spec.failures_per_1000_node_days / 1000 * history.in_service_node_days
        count = sum(fault.kind == "critical" for fault in history.faults)
        # Exact Poisson bounds, 99.9% for all eight seeds together.
        assert poisson.ppf(0.0005 / 8, expected) <= count <= poisson.ppf(1 - 0.0005 / 8, expected)
    exposure = sum(history.in_service_node_days for history in histories)
    total = sum(fault.kind == "critical" for history in histories for fault in history.faults)
    low, high = chi2.ppf(0.0005, 2 * total) / 2 / exposure, chi2.ppf(0.9995, 2 * total + 2) / 2 / exposure
    assert low < spec.failures_per_1000_node_days / 1000 < high


def test_faults_fall_on_the_symptoms_in_proportion_to_their_hazards(quiet_histories):
    spec, histories = quiet_histories
    exposure = sum(history.in_service_node_days for history in histories)
    for mode in spec.failure_modes:
        expected = mode.per_1000_node_days / 1000 * exposure
        count = sum(
            fault.kind == "critical" and fault.symptom == mode.symptom
            for history in histories
            for fault in history.faults
        )
        assert poisson.ppf(0.0001, expected) <= count <= poisson.ppf(0.9999, expected), mode.symptom


def test_the_load_does_not_move_the_clocks_of_the_hardware(quiet_histories):
    spec, _ = quiet_histories
    busier = replace(spec, workload=replace(spec.workload, jobs_per_day=30))
    busy = Simulation(replace(busier, maintenance_nodes=0), 0).run()
    idle = Simulation(replace(spec, maintenance_nodes=0), 0).run()
    assert [f.time_seconds for f in busy.faults if f.kind != "application"] == [
        f.time_seconds for f in idle.faults if f.kind != "application"
    ]
