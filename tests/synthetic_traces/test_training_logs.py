"""Training logs agree with what the truth says of the attempt: its steps, its checkpoints, what it resumes from."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise

import pytest
from msgspec.structs import replace

from synthetic_traces.logs.training import STEP_SECONDS
from synthetic_traces.simulation.demand import saving_of
from synthetic_traces.simulation.progress import progress
from tests.synthetic_traces.clusters import simulated
from tests.synthetic_traces.reading import moment, rendered

STAMP = re.compile(r"\[(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d)\]")
STEP = re.compile(r"\[(\S+ \S+)\] iteration +(\d+)/.*iteration \(ms\): ([\d.]+)")
SAVED = re.compile(r"successfully saved checkpoint from iteration +(\d+) to /ckpt/(\d+)")


@pytest.fixture(scope="module", params=["stormy", "troubled"])
def logged(request):
    """A case whose jobs of three nodes and more leave logs, and these by (job, number of the attempt)."""
    spec = request.getfixturevalue(f"{request.param}_spec")
    spec = replace(spec, logs=replace(spec.logs, training_min_gpus=24, compress=False))
    lines = rendered(spec, 0, "training")
    named = {tuple(map(int, re.findall(r"\d+", path))): lines[path] for path in lines}
    return simulated(spec, 0), named


def by_key(case):
    """Rows of attempts, by (job, number)."""
    return {(attempt.job_id, attempt.number): (row, attempt) for row, attempt in enumerate(case.attempts)}


def undisturbed_seconds(case, row, attempt):
    """Run time of an attempt without what slow nodes cost it."""
    end = case.spec.seconds if attempt.end_seconds is None else attempt.end_seconds
    return end - attempt.start_seconds - int(case.history.attempts.slowed[row])


def test_large_jobs_with_checkpoints_leave_a_log_for_each_attempt(logged):
    case, logs = logged
    jobs = case.history.jobs
    expected = {
        (attempt.job_id, attempt.number)
        for attempt, _, _ in case.started()
        if jobs.checkpoints[attempt.job_id - 1] and len(attempt.nodes) * attempt.gpus_per_node >= 24
    }
    assert set(logs) == expected
    assert len(expected) > 10


def test_a_log_names_its_job_and_says_nothing_beyond_its_attempt(logged):
    case, logs = logged
    spans = {(attempt.job_id, attempt.number): (begin, end) for attempt, begin, end in case.started()}
    for (job, number), lines in logs.items():
        assert lines[0] == f"0: SLURM_JOB_ID={job}"
        begin, end = spans[job, number]
        stamps = [moment(found[1]) for line in lines if (found := STAMP.search(line))]
        assert all(begin <= (stamp - case.spec.start_utc).total_seconds() <= end for stamp in stamps)
        owners = {int(found[2]) for line in lines if (found := SAVED.search(line))}
        assert owners <= {job}


def test_steps_rise_and_take_as_long_as_they_say(logged):
    case, logs = logged
    saving, rows, slowed = saving_of(case.spec), by_key(case), 0
    for key, lines in logs.items():
        row, attempt = rows[key]
        steps = [(moment(found[1]), int(found[2]), float(found[3])) for line in lines if (found := STEP.search(line))]
        if attempt.state == "REQUEUED":
            steps.pop()  # the last one is printed before the limit, wherever it is
        for (before, first, _), (after, second, ms) in pairwise(steps):
            assert first < second
            wait = (after - before).total_seconds() - ms / 1000 * (second - first)
            if case.history.attempts.slowed[row]:
                slowed += ms > 1000 * STEP_SECONDS
                assert -1 <= wait <= 3 * saving.stall + 1
            else:
                assert ms == 1000 * STEP_SECONDS
                assert wait in {0, saving.stall}
    cost = sum(int(case.history.attempts.slowed[rows[key][0]]) for key in logs)
    assert slowed > 0 or cost < 3600


def test_checkpoints_are_saved_as_often_as_the_truth_says(logged):
    case, logs = logged
    saving, rows, seen = saving_of(case.spec), by_key(case), 0
    for key, lines in logs.items():
        row, attempt = rows[key]
        safe = progress(undisturbed_seconds(case, row, attempt), saving)[3]
        saved = sum(SAVED.search(line) is not None for line in lines)
        seen += saved
        assert saved == safe // saving.interval + (attempt.state == "REQUEUED")
    assert seen > 50


def test_a_job_that_requeues_itself_saves_what_it_has_done(logged):
    case, logs = logged
    kept = defaultdict(int)
    seen = 0
    for row, attempt in enumerate(case.attempts):
        kept[attempt.job_id] += int(case.history.attempts.productive[row])
        lines = logs.get((attempt.job_id, attempt.number))
        if lines is not None and attempt.state == "REQUEUED":
            seen += 1
            saved = [int(found[1]) for line in lines if (found := SAVED.search(line))]
            assert saved[-1] == kept[attempt.job_id] // STEP_SECONDS
    assert seen == sum(lines[-2].startswith("0:   successfully") for lines in logs.values() if "CANCELLED" in lines[-1])


def test_an_asynchronous_checkpoint_is_stamped_when_it_is_safe(logged):
    case, logs = logged
    saving, rows = saving_of(case.spec), by_key(case)
    if saving.stall == saving.write:
        return
    seen = 0
    for key in logs:
        row, attempt = rows[key]
        if case.history.attempts.slowed[row]:
            continue
        begin = attempt.start_seconds + saving.restart - saving.stall
        stamps = [STAMP.search(line) for line in logs[key] if SAVED.search(line)]
        for number, stamp in enumerate([stamp[1] for stamp in stamps if stamp], start=1):
            seen += 1
            second = (moment(stamp) - case.spec.start_utc).total_seconds()
            assert second == begin + number * (saving.interval + saving.stall) + saving.write
    assert seen > 20


def test_an_attempt_resumes_from_what_the_attempts_before_it_kept(logged):
    case, logs = logged
    kept = defaultdict(int)
    a = case.history.attempts
    for row, attempt in enumerate(case.attempts):
        lines = logs.get((attempt.job_id, attempt.number))
        if lines is not None:
            loaded = [re.search(r"at iteration (\d+)", line)[1] for line in lines if "loading distributed" in line]
            assert loaded == ([str(kept[attempt.job_id] // STEP_SECONDS)] if kept[attempt.job_id] else [])
        kept[attempt.job_id] += int(a.productive[row])


def test_what_did_not_end_by_itself_ends_with_a_word_of_slurm(logged):
    case, logs = logged
    for attempt in case.attempts:
        lines = logs.get((attempt.job_id, attempt.number))
        if lines is not None:
            ended = attempt.state in {"NODE_FAIL", "PREEMPTED", "CANCELLED", "TIMEOUT", "REQUEUED"}
            assert ("CANCELLED AT" in lines[-1]) == ended
