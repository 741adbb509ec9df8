"""The controller's log: each thing that the scheduler did is said once, when it did it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.synthetic_traces.clusters import simulated
from tests.synthetic_traces.reading import moment, rendered, unfold

LINE = re.compile(r"\[(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})\] (\S.*)")
JOB = re.compile(r"\b[jJ]ob(?:Id=| JobId=)(?:\d+_\d+\((\d+)\)|(\d+))")


@pytest.fixture
def log(case):
    """(second, text) of each line of the controller's log."""
    found = []
    seed = next(seed for seed in range(9) if simulated(case.spec, seed) is case)
    (lines,) = rendered(case.spec, seed, "controller").values()
    for line in lines:
        stamp, millis, text = LINE.fullmatch(line).groups()
        second = (moment(stamp) - case.spec.start_utc) / timedelta(seconds=1)
        found.append((second, int(millis), text))
    return found


def job_of(text):
    found = JOB.search(text)
    return int(found[1] or found[2])


def told(log, beginning):
    return Counter((second, job_of(text)) for second, _, text in log if text.startswith(beginning))


def test_lines_are_in_the_order_of_time_and_in_the_window(case, log):
    times = [second + millis / 1000 for second, millis, _ in log]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < case.spec.seconds + 1
    assert log[0][2].startswith("slurmctld version")


def test_every_start_in_the_window_is_an_allocation(case, log):
    allocations = {
        (second, job_of(text)): unfold(re.search(r"NodeList=(\S+)", text)[1])
        for second, _, text in log
        if text.startswith("sched: Allocate")
    }
    names = case.spec.fleet.node_names
    assert allocations == {
        (begin, attempt.job_id): [names[node] for node in attempt.nodes]
        for attempt, begin, _ in case.started()
        if begin >= 0
    }


def test_every_end_is_told_once_in_the_words_of_its_kind(case, log):
    expected = defaultdict(Counter)
    words = {
        "NODE_FAIL": "requeue job",
        "PREEMPTED": "slurm_job_preempt: preempted",
        "TIMEOUT": "Time limit exhausted",
        "CANCELLED": "_slurm_rpc_kill_job",
    }
    for attempt in case.attempts:
        if attempt.end_seconds is not None:
            beginning = words.get(attempt.state, "_job_complete")
            if attempt.reason == "DependencyNeverSatisfied" and attempt.state == "CANCELLED":
                beginning = "_kill_dependent"
            expected[beginning][attempt.end_seconds, attempt.job_id] += 1
    for beginning, ends in expected.items():
        assert told(log, beginning) == ends, beginning


def test_every_requeue_is_told(case, log):
    requeued = Counter((a.submit_seconds - 1, a.job_id) for a in case.attempts if a.number > 1 and a.submit_seconds > 0)
    assert told(log, "Requeuing") == requeued


def test_a_preemption_says_for_whom_and_a_node_failure_which_node(case, log):
    names = case.spec.fleet.node_names
    for attempt in case.attempts:
        if attempt.state not in {"PREEMPTED", "NODE_FAIL"}:
            continue
        texts = [text for second, _, text in log if second == attempt.end_seconds and JOB.search(text)]
        (text,) = [t for t in texts if job_of(t) == attempt.job_id and t.startswith(("slurm_job_preempt", "requeue"))]
        if attempt.state == "PREEMPTED":
            assert text.endswith(f"to reclaim resources for JobId={attempt.preempted_by}")
        else:
            assert text.endswith(f"node {names[case.history.faults_by_id[attempt.killed_by_fault].node]}")


def test_every_outage_begins_and_ends_in_the_log(case, log):
    names = case.spec.fleet.node_names
    begins, ends, expected_begins, expected_ends = (Counter() for _ in range(4))
    for second, _, text in log:
        found = re.match(
            r"(?:error: Nodes|update_node: node) (\S+) (?:not responding, setting|state set to:?) ?(\S+)", text
        )
        if found:
            (ends if found[2] == "IDLE" else begins)[second, found[1], found[2]] += 1
    for outage in case.history.outages:
        state = "DOWN" if outage.state == "down" else "DRAINED"
        expected_begins[outage.from_seconds, names[outage.node], state] += 1
        if outage.to_seconds <= case.spec.seconds:
            expected_ends[outage.to_seconds, names[outage.node], "IDLE"] += 1
    assert begins == expected_begins
    assert ends == expected_ends


def test_without_allocation_lines_only_what_went_wrong_is_told(troubled_spec):
    few = replace(troubled_spec, logs=replace(troubled_spec.logs, allocation_lines=False))
    (lines,) = rendered(few, 0, "controller").values()
    (all_lines,) = rendered(troubled_spec, 0, "controller").values()
    assert not any("sched: Allocate" in line or "WEXITSTATUS" in line for line in lines)
    assert set(lines) < set(all_lines)
    assert any("due to failure of node" in line for line in lines)
