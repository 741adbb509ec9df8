"""A run that goes on without failed replicas, against a simulation written here and against its limits."""

import heapq
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NegativeValueError
from models.goodput.elastic import Elastic, elastic_ettr, replicas_out
from models.goodput.errors import ReplicasDoNotFitError
from models.goodput.run_plan import RunPlan

RUN = Elastic(RunPlan(1600, 6.5e-3, 3600, 600), 50, 7200, leave_stall_seconds=60, rejoin_stall_seconds=20)


def simulated_ettr(run, rng, failures, return_law):
    """Work of the replicas that are there, one failure and one return after the other."""
    replicas, rate = run.replicas, run.plan.failures_per_second / run.replicas
    wall = work = 0.0
    back: list[float] = []
    while failures:
        there = replicas - len(back)
        until_failure = rng.exponential(1 / (rate * there)) if there >= run.least_replicas else np.inf
        until_return = max(0.0, back[0] - wall) if back else np.inf
        passed = min(until_failure, until_return)
        work += passed * (there / replicas if there >= run.least_replicas else 0.0)
        wall += passed
        if until_failure < until_return:
            failures -= 1
            heapq.heappush(back, wall + return_law(rng))
            wall += run.leave_stall_seconds
        else:
            heapq.heappop(back)
            wall += run.rejoin_stall_seconds
    return work / wall


@pytest.mark.parametrize(
    "return_law",
    [lambda rng: rng.exponential(7200), lambda rng: 7200.0, lambda rng: rng.lognormal(np.log(7200) - 0.5, 1.0)],
)
@pytest.mark.parametrize("least", [1, 31])
def test_ettr_agrees_with_a_simulation_whatever_the_law_of_returns(return_law, least):
    run = replace(RUN, least_replicas=least)
    assert elastic_ettr(run) == pytest.approx(
        simulated_ettr(run, np.random.default_rng(2), 15_000, return_law), rel=0.012
    )


@given(st.integers(1, 40), st.floats(0.0, 0.5), st.floats(0.0, 1e5))
def test_without_a_least_number_a_replica_is_there_as_often_as_it_would_be_alone(replicas, rate, away):
    run = Elastic(RunPlan(replicas, rate, 3600, 0), 1, away, leave_stall_seconds=0)
    # One more state than all replicas out does not exist: the chain ends at all of them out.
    assert elastic_ettr(run) == pytest.approx(1 / (1 + rate / 86_400 * away))
    assert replicas_out(run).sum() == pytest.approx(1.0)


@given(st.floats(1e-4, 0.05), st.floats(60.0, 1e5), st.floats(1.0, 4.0))
def test_more_failures_later_returns_and_longer_stalls_never_help(rate, away, factor):
    run = replace(RUN, plan=replace(RUN.plan, failures_per_node_day=rate), return_seconds=away)
    for worse in (
        replace(run, plan=replace(run.plan, failures_per_node_day=rate * factor)),
        replace(run, return_seconds=away * factor),
    ):
        assert elastic_ettr(worse) <= elastic_ettr(run) + 1e-12
    assert elastic_ettr(replace(run, leave_stall_seconds=60 * factor)) <= elastic_ettr(run) + 1e-12


def test_all_replicas_needed_is_a_run_that_waits_for_each_return():
    run = replace(RUN, least_replicas=32, leave_stall_seconds=0, rejoin_stall_seconds=0)
    assert elastic_ettr(run) == pytest.approx(1 / (1 + run.plan.failures_per_second * 7200))


def test_a_run_that_never_fails_loses_nothing():
    assert elastic_ettr(replace(RUN, plan=replace(RUN.plan, failures_per_node_day=0.0))) == 1.0


def test_replicas_that_do_not_fit_are_refused():
    with pytest.raises(ReplicasDoNotFitError, match="1600 nodes do not make whole replicas of 7 nodes"):
        replace(RUN, replica_nodes=7)
    with pytest.raises(ReplicasDoNotFitError):
        replace(RUN, least_replicas=33)
    with pytest.raises(NegativeValueError, match="return_seconds"):
        replace(RUN, return_seconds=-1.0)
