"""Users submit as the workload's specification says: counts against their law, at a thousandth, with fixed seeds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import beta, binom, chi2, chisquare, geom, kstest, norm, poisson

from synthetic_traces import preset_spec
from synthetic_traces.simulation.demand import Demand
from synthetic_traces.simulation.jobs import HIGH, LOW, NORMAL
from synthetic_traces.simulation.progress import NO_SAVING, wall_seconds
from synthetic_traces.simulation.records import STATES
from synthetic_traces.spec.cluster import DAY, HOUR
from synthetic_traces.spec.workload import CrashLoop, JobClass, Teams

RARE = 0.001
FAILED, OUT_OF_MEMORY = STATES.index("FAILED"), STATES.index("OUT_OF_MEMORY")
PLAIN = {
    "array_share": 0.0,
    "chained_share": 0.0,
    "timeout_probability": 0.0,
    "weekend_dip": 0.0,
    "teams": None,
}


def demand(seed=1, days=14, **load):
    spec = preset_spec("tiny")
    spec = replace(spec, warm_up_days=0, days=days, workload=replace(spec.workload, **PLAIN | load))
    return spec, Demand(spec, np.random.SeedSequence(seed))


def drawn(days=2, **load):
    """Jobs of two busy days."""
    spec, source = demand(days=days, **{"jobs_per_day": 8000.0} | load)
    return spec, [job for day in range(days) for _, job in source.day(day)]


def assert_share(count, of, share):
    assert RARE / 2 < binom.cdf(count, of, share) < 1 - RARE / 2, (count, of, share)


def test_jobs_come_within_their_day_in_the_order_of_time(troubled_spec):
    source = Demand(troubled_spec, np.random.SeedSequence(1))
    for day in range(-troubled_spec.warm_up_days, troubled_spec.days):
        seconds = [second for second, _ in source.day(day)]
        assert seconds == sorted(seconds)
        assert day * DAY <= seconds[0] <= seconds[-1] < (day + 1) * DAY


def test_each_day_is_drawn_for_itself():
    (_, one), (_, two) = demand(), demand()
    for day in range(3):
        list(one.day(day))
    assert [second for second, _ in one.day(5)] == [second for second, _ in two.day(5)]


def test_the_day_has_a_rhythm_with_its_peak_at_three_in_the_afternoon():
    _, source = demand(jobs_per_day=6000.0, day_rhythm=0.6)
    hours = np.bincount([second % DAY // HOUR for day in range(4) for second, _ in source.day(day)], minlength=24)
    middle = (np.arange(24) + 0.5 - 15) * 2 * np.pi / 24
    # The mean of the cosine over an hour is that of its middle, a little flattened.
    law = 1 + 0.6 * np.cos(middle) * np.sinc(1 / 24)
    assert chisquare(hours, law / law.sum() * hours.sum()).pvalue > RARE


def test_the_week_has_a_rhythm_that_leaves_the_mean_alone():
    spec, source = demand(jobs_per_day=2000.0, weekend_dip=0.4)
    counts = {True: 0, False: 0}
    for day in range(14):
        counts[(spec.start_utc.weekday() + day) % 7 >= 5] += len(list(source.day(day)))
    for weekend, days, level in ((True, 4, 0.6), (False, 10, 1.16)):
        expected = days * 2000.0 * level
        assert poisson.ppf(RARE / 2, expected) <= counts[weekend] <= poisson.ppf(1 - RARE / 2, expected)
    assert pytest.approx(14) == 4 * 0.6 + 10 * 1.16


def test_sizes_come_by_their_weights():
    spec, jobs = drawn()
    counts = Counter(job.nodes * job.gpus_per_node for job in jobs)
    weights = {one.gpus: one.weight for one in spec.workload.classes}
    total = sum(weights.values())
    expected = [len(jobs) * weight / total for weight in weights.values()]
    assert chisquare([counts[gpus] for gpus in weights], expected).pvalue > RARE
    assert all(job.gpus_per_node == 8 for job in jobs if job.nodes > 1)


def test_qos_comes_by_its_shares():
    _, jobs = drawn()
    for qos, share in ((HIGH, 0.05), (LOW, 0.35), (NORMAL, 0.6)):
        assert_share(sum(job.qos == qos for job in jobs), len(jobs), share)


def test_productive_time_is_log_normal_with_its_mean():
    one = JobClass(gpus=8, weight=1.0, mean_hours=3.0, sigma=1.2)
    _, jobs = drawn(classes=(one,), user_failure_probability=1e-9, out_of_memory_probability=0.0)
    logs = np.log([job.work_seconds for job in jobs])
    assert kstest(logs, norm(np.log(3 * HOUR) - 1.2**2 / 2, 1.2).cdf).pvalue > RARE


def test_users_differ_in_how_often_their_code_fails():
    _, source = demand(users=3000)
    shares = [user.failure_probability for user in source.users]
    assert kstest(shares, beta(9 * 0.22, 9 * 0.78).cdf).pvalue > RARE


def test_each_user_fails_as_often_as_is_this_users_own():
    spec, source = demand(jobs_per_day=8000.0, days=2)
    jobs = [job for day in range(2) for _, job in source.day(day)]
    submitted, failed = Counter(job.user for job in jobs), Counter(job.user for job in jobs if job.ending == FAILED)
    squares = 0.0
    for number, user in enumerate(source.users):
        p, n = user.failure_probability, submitted[number]
        squares += (failed[number] - n * p) ** 2 / (n * p * (1 - p))
    assert chi2.ppf(RARE / 2, spec.workload.users) < squares < chi2.ppf(1 - RARE / 2, spec.workload.users)


def test_what_fails_does_so_no_later_than_it_would_have_ended():
    _, jobs = drawn(user_failure_mean_hours=0.5)
    failing = [job for job in jobs if job.ending == FAILED]
    assert all(job.exit_code and job.work_seconds >= 2 for job in failing)
    assert all(job.exit_code == 0 and job.xid is None for job in jobs if job.ending == 0)
    assert_share(sum(job.xid is not None for job in failing), len(failing), 0.3)
    assert np.mean([job.work_seconds for job in failing]) < 0.5 * HOUR


def test_other_ends_come_by_their_probabilities():
    _, jobs = drawn(user_failure_probability=1e-9, out_of_memory_probability=0.1, cancel_probability=0.2)
    assert_share(sum(job.ending == OUT_OF_MEMORY for job in jobs), len(jobs), 0.1)
    assert_share(sum(job.cancel_after_seconds is not None for job in jobs), len(jobs), 0.2)
    _, late = drawn(user_failure_probability=1e-9, out_of_memory_probability=0.0, timeout_probability=0.1)
    over = [job for job in late if wall_seconds(job.work_seconds, job.saving) > job.limit_seconds]
    assert_share(len(over), len(late), 0.1)
    assert not any(job.chained for job in over)


def test_a_time_limit_leaves_room_for_the_work():
    spec, jobs = drawn(user_failure_probability=1e-9, out_of_memory_probability=0.0)
    most = spec.scheduler.maximum_hours * HOUR
    for job in jobs:
        assert HOUR <= job.limit_seconds <= most
        assert wall_seconds(job.work_seconds, job.saving) <= job.limit_seconds or job.limit_seconds == most


def test_only_jobs_that_save_are_chained_and_ask_for_less_than_they_need():
    classes = (JobClass(gpus=8, weight=1.0, mean_hours=8.0, sigma=1.0, checkpoint_share=0.5),)
    _, jobs = drawn(classes=classes, chained_share=0.4, user_failure_probability=1e-9, out_of_memory_probability=0.0)
    saving = [job for job in jobs if job.saving != NO_SAVING]
    assert_share(len(saving), len(jobs), 0.5)
    chained = [job for job in saving if job.chained]
    assert_share(len(chained), len(saving), 0.4)
    assert not any(job.chained for job in jobs if job.saving == NO_SAVING)
    long = [job for job in chained if wall_seconds(job.work_seconds, job.saving) >= 2 * HOUR]
    assert all(job.limit_seconds < wall_seconds(job.work_seconds, job.saving) for job in long)


def test_a_failed_job_is_submitted_again_a_geometric_number_of_times():
    _, jobs = drawn(resubmit_probability=0.5, user_failure_probability=0.5)
    counts = Counter(min(job.resubmits, 6) for job in jobs if job.ending == FAILED)
    law = np.array([geom.pmf(again + 1, 0.5) for again in range(6)] + [geom.sf(6, 0.5)])
    assert chisquare([counts[again] for again in range(7)], law * counts.total()).pvalue > RARE
    assert all(job.resubmits == 0 for job in jobs if job.ending != FAILED)


def test_what_is_submitted_again_fails_the_same_way_until_it_is_cured():
    _, source = demand(resubmit_probability=0.7)
    job = next(job for _, job in source.day(0) if job.resubmits == 2)
    job.job_id, job.attempt, job.depends_on = 9, 3, 4
    second = source.again(job, excluded=5)
    third = source.again(second, excluded=-1)
    assert (second.resubmits, second.ending, second.exit_code) == (1, job.ending, job.exit_code)
    assert (third.resubmits, third.ending, third.exit_code, third.xid) == (0, 0, 0, None)
    assert second.work_seconds == job.work_seconds <= job.cured_work_seconds == third.work_seconds
    assert (second.excluded, second.attempt, second.depends_on, third.excluded) == (5, 1, 0, -1)
    assert (second.user, second.stem, second.number, second.nodes) == (job.user, job.stem, job.number, job.nodes)


def test_arrays_have_their_mean_size_and_take_their_share():
    _, jobs = drawn(array_share=0.1, array_mean_tasks=6.0)
    assert np.mean([job.array_id > 0 for job in jobs]) == pytest.approx(0.1, abs=0.015)
    heads = sum(job.array_id > 0 and job.task == 0 for job in jobs)
    assert sum(job.array_id > 0 for job in jobs) / heads == pytest.approx(6.0, rel=0.08)


def test_teams_draw_runs_of_their_sizes_one_of_high_qos():
    teams = Teams(count=2, run_nodes=(3, 5), run_median_days=2.0, run_sigma=0.6, user_failure_probability=0.3)
    spec, source = demand(teams=teams)
    for team, qos in ((0, HIGH), (1, NORMAL)):
        runs = [source.run(team) for _ in range(2000)]
        assert {run.qos for run in runs} == {qos}
        assert_share(sum(run.nodes == 3 for run in runs), 2000, 0.5)
        assert_share(sum(run.ending == FAILED for run in runs), 2000, 0.3)
        whole = [run for run in runs if run.ending == 0]
        assert_share(sum(run.work_seconds < 2 * DAY for run in whole), len(whole), 0.5)
        assert {source.users[run.user].name for run in runs} == {f"team{team + 1}"}
        pauses = [source.pause_seconds(team) for _ in range(2000)]
        assert np.mean(pauses) == pytest.approx(spec.workload.teams.pause_hours * HOUR, rel=0.1)
        assert min(pauses) >= 60


def test_a_crash_loop_is_submitted_on_its_day():
    loop = CrashLoop(day=2.5, nodes=4, crashes=35, mean_hours=1.0)
    _, source = demand(crash_loops=(loop,))
    ((second, job),) = source.crash_loops()
    assert (second, job.nodes, job.crashes, job.qos) == (2.5 * DAY, 4, 35, HIGH)
