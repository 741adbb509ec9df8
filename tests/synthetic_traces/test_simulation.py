"""Laws that hold in every simulated history, whatever the cluster and the seed."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from synthetic_traces.simulation.cluster import Simulation
from synthetic_traces.simulation.records import QOS, STATES
from synthetic_traces.spec.cluster import DAY, HOUR
from tests.synthetic_traces.clusters import SEEDS, simulated

INTERRUPTED = {"PREEMPTED", "REQUEUED"}


def test_no_node_ever_runs_more_than_its_gpus(case):
    for ran in case.on_node().values():
        changes = [(begin, attempt.gpus_per_node) for attempt, begin, _ in ran]
        changes += [(end, -attempt.gpus_per_node) for attempt, _, end in ran]
        used = 0
        for _, change in sorted(changes):  # at one instant GPUs are freed before they are taken
            used += change
            assert used <= case.spec.fleet.gpus_per_node


def test_no_job_runs_on_a_node_that_is_down_or_drained(case):
    intervals = defaultdict(list)
    for outage in case.history.outages:
        intervals[outage.node].append((outage.from_seconds, outage.to_seconds))
    for attempt, begin, end in case.started():
        for node in attempt.nodes:
            assert not any(begin < up and down < end for down, up in intervals[node])


def test_intervals_out_of_service_of_one_node_never_overlap(case):
    for intervals in case.absences().values():
        assert all(begin < end for begin, end, _ in intervals)
        assert all(up <= down for (_, up, _), (down, _, _) in pairwise(intervals))


def test_outages_are_told_in_the_order_of_their_begin(case):
    begins = [outage.from_seconds for outage in case.history.outages]
    assert begins == sorted(begins)


def test_attempts_of_one_job_follow_each_other(case):
    for attempts in case.by_job().values():
        for earlier, later in pairwise(attempts):
            assert later.number == earlier.number + 1
            assert later.submit_seconds == earlier.end_seconds + 1 > earlier.start_seconds
            assert len(later.nodes) in {len(earlier.nodes), 0}


def test_a_job_is_requeued_exactly_after_a_failure_a_preemption_or_at_its_limit(case):
    known = {(attempt.job_id, attempt.number) for attempt in case.attempts}
    for attempt in case.attempts:
        interrupted = attempt.killed_by_fault is not None or attempt.state in INTERRUPTED
        assert ((attempt.job_id, attempt.number + 1) in known) == interrupted


def test_times_of_an_attempt_are_ordered_and_within_its_limit(case):
    seen, jobs = case.spec.observability, case.history.jobs
    slowest = max(seen.check_interval_seconds, seen.silent_seconds) + 1
    for attempt, begin, end in case.started():
        assert attempt.submit_seconds <= attempt.eligible_seconds <= begin <= end <= case.spec.seconds
        # A dying attempt may outlast its limit until its node is given up.
        assert end - begin <= attempt.limit_seconds + (slowest if attempt.killed_by_fault is not None else 0)
        assert len(attempt.nodes) == len(set(attempt.nodes)) == jobs.nodes[attempt.job_id - 1]


def test_a_requeued_job_waits_for_its_delay(case):
    delay = case.spec.scheduler.requeue_delay_seconds
    for attempt in case.attempts:
        if attempt.number > 1:
            assert attempt.eligible_seconds == attempt.submit_seconds + delay


def test_a_fault_that_takes_a_node_down_kills_every_attempt_on_it(case):
    ran = case.on_node()
    for fault in case.history.faults:
        if fault.detected_seconds is None or fault.kind == "drain" or fault.detected_seconds > case.spec.seconds:
            continue
        for attempt, begin, end in ran[fault.node]:
            if begin <= fault.time_seconds < end:
                # Where two faults meet in one attempt, the faster one kills it.
                assert attempt.killed_by_fault is not None
                assert fault.time_seconds <= attempt.end_seconds <= fault.detected_seconds


def test_killed_attempts_end_as_failures_of_a_node_of_theirs(case):
    faults = case.history.faults_by_id
    for attempt in case.attempts:
        if attempt.killed_by_fault is None:
            assert attempt.state != "NODE_FAIL"
            continue
        fault = faults[attempt.killed_by_fault]
        assert fault.node in attempt.nodes
        assert fault.time_seconds <= attempt.end_seconds
        if fault.kind == "silent_corruption":
            assert attempt.state == "FAILED"
            continue
        assert fault.kind in {"critical", "crash_loop"}
        assert attempt.end_seconds <= fault.detected_seconds
        unseen = fault.silent and not fault.missed
        assert attempt.state in ({"NODE_FAIL"} if unseen or fault.kind == "crash_loop" else {"NODE_FAIL", "FAILED"})


def test_an_attempt_that_still_runs_was_killed_by_nothing(case):
    for attempt in case.attempts:
        if attempt.end_seconds is None:
            assert attempt.killed_by_fault is None
            assert attempt.state in {"RUNNING", "PENDING"}


def test_an_attempt_that_is_dying_when_the_log_ends_still_runs(stormy_spec):
    # Cut the log between a fault and its detection.
    history = simulated(stormy_spec, 0).history
    dying = next(
        (fault, attempt)
        for fault in history.faults
        for attempt in simulated(stormy_spec, 0).attempts
        if attempt.killed_by_fault == fault.fault_id and attempt.end_seconds - fault.time_seconds > 60
    )
    fault, attempt = dying
    simulation = Simulation(stormy_spec, 0)
    simulation._clock.run(int(fault.time_seconds) + 30, DAY, lambda _: None)
    simulation._scheduler.close()
    columns = simulation._books.attempt_columns()
    (row,) = np.flatnonzero((columns.job_id == attempt.job_id) & (columns.number == attempt.number))
    assert STATES[columns.state[row]] == "RUNNING"
    assert columns.fault_id[row] == 0


def test_only_low_qos_is_preempted_and_never_before_its_guaranteed_time(case):
    for attempt in case.attempts:
        if attempt.state == "PREEMPTED":
            assert attempt.qos == "low"
            assert attempt.end_seconds - attempt.start_seconds >= case.spec.scheduler.preemption_exempt_hours * HOUR


def test_whoever_preempts_has_high_qos_and_starts_then_and_there(case):
    starts = {(attempt.job_id, attempt.start_seconds): attempt for attempt in case.attempts}
    for attempt in case.attempts:
        assert (attempt.preempted_by is not None) == (attempt.state == "PREEMPTED")
        if attempt.preempted_by is not None:
            winner = starts[attempt.preempted_by, attempt.end_seconds]
            assert winner.qos == "high"
            assert not set(winner.nodes).isdisjoint(attempt.nodes)


def test_node_days_in_service_are_the_window_less_what_was_lost(case):
    served = sum(end - begin for _, begin, end in case.service())
    assert case.history.in_service_node_days == pytest.approx(served / DAY, abs=1e-9)


def test_every_kind_of_end_occurs(spec):
    ends = {attempt.state for seed in SEEDS for attempt in simulated(spec, seed).attempts}
    assert set(STATES) - ends <= {"REQUEUED"}
    killers = {
        case.history.faults_by_id[attempt.killed_by_fault].component
        for case in (simulated(spec, seed) for seed in SEEDS)
        for attempt in case.attempts
        if attempt.killed_by_fault is not None
    }
    assert {"gpu", "nic", "node"} <= killers


def test_everything_that_can_go_wrong_does(troubled_spec):
    histories = [simulated(troubled_spec, seed).history for seed in SEEDS]
    kinds = {fault.kind for history in histories for fault in history.faults}
    assert kinds == {
        *("critical", "crash_loop", "drain", "straggler", "silent_corruption"),
        *("cascade", "benign", "application", "false_alarm"),
    }
    assert {outage.state for history in histories for outage in history.outages} == {"down", "drain", "maintenance"}
    events = {(event.kind, event.real, event.takes_down) for history in histories for event in history.domain_events}
    assert events == {
        ("rack", True, True), ("cluster", True, True), ("tor", True, False), ("cooling", False, False),
    }  # fmt: skip


def test_a_higher_priority_waits_less(stormy_spec):
    waits = defaultdict(list)
    for seed in SEEDS:
        for attempt, begin, _ in simulated(stormy_spec, seed).started():
            if len(attempt.nodes) == 1:
                waits[attempt.qos].append(begin - attempt.eligible_seconds)
    low, normal, high = (np.mean(waits[qos]) for qos in QOS)
    assert high < normal < low


def test_another_seed_gives_another_history(stormy_spec):
    first, second = (simulated(stormy_spec, seed) for seed in (1, 2))
    assert first.history.faults != second.history.faults
    assert first.attempts != second.attempts


def test_equal_seeds_give_equal_histories(troubled_spec):
    first = simulated(troubled_spec, 1)
    again = Simulation(troubled_spec, 1).run()
    assert tuple(again.each_attempt()) == first.attempts
    assert (again.faults, again.outages, again.domain_events) == (
        first.history.faults,
        first.history.outages,
        first.history.domain_events,
    )
    assert again.ledger_gpu_seconds == first.history.ledger_gpu_seconds


def test_progress_rises_to_the_end_of_the_log(stormy_spec):
    told = []
    Simulation(stormy_spec, 0).run(told.append)
    assert len(told) >= stormy_spec.days
    assert told == sorted(told)
    assert 0 < told[0] <= told[-1] <= 1
