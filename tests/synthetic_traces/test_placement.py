"""Where jobs go, and who makes room for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_traces.jobs import Job, Running, busy_until, cheapest_nodes, preemptible
from synthetic_traces.placement import NodePool
from synthetic_traces.simulation import Simulation
from synthetic_traces.workload import JobRequest, User, remaining_work_seconds

USER = User("user01", 1001, "vision", 0.2)
NODES = 6
free_gpus = st.lists(st.integers(min_value=0, max_value=8), min_size=NODES, max_size=NODES)
masks = st.lists(st.booleans(), min_size=NODES, max_size=NODES)


def request(*, qos="low", nodes=1, gpus=8, checkpoint=0, restart=0):
    return JobRequest(
        "job", USER, qos, nodes, gpus, 3600, 1000, "COMPLETED", "0:0", None, None, checkpoint, restart, None
    )


def running(nodes, *, qos="low", start=0, doomed_by=None):
    job = Job(1, request(qos=qos, nodes=len(nodes)), submit_seconds=0, eligible_seconds=0, work_seconds=1000)
    return Running(job, nodes, start, doomed_by=doomed_by)


def pool_with(free):
    pool = NodePool(NODES, 8)
    pool.free_gpus[:] = free
    return pool


@given(free=free_gpus, allowed=masks, count=st.integers(1, NODES), gpus=st.integers(1, 8))
def test_a_gang_is_placed_exactly_when_enough_allowed_nodes_fit(free, allowed, count, gpus):
    fitting = [node for node in range(NODES) if allowed[node] and free[node] >= gpus]
    placed = pool_with(free).place(count, gpus, np.array(allowed))
    if len(fitting) < count:
        assert placed is None
    else:
        assert len(set(placed)) == count
        assert set(placed) <= set(fitting)


@given(free=free_gpus, gpus=st.integers(1, 8))
def test_a_small_job_goes_to_the_fullest_node_that_fits(free, gpus):
    placed = pool_with(free).place(1, gpus, np.ones(NODES, dtype=bool))
    if placed is not None:
        assert free[placed[0]] == min(spare for spare in free if spare >= gpus)


@given(
    busy=st.lists(st.integers(0, 1000), min_size=NODES, max_size=NODES),
    serving=masks,
    count=st.integers(1, NODES),
    now=st.integers(0, 1000),
)
def test_a_reservation_keeps_the_nodes_that_are_free_first(busy, serving, count, now):
    pool = NodePool(NODES, 8)
    pool.in_service[:] = serving
    reservation = pool.reservation(count, limit=100, now=now, busy_until=np.array(busy))
    free_from = sorted(max(until, now) for until, serves in zip(busy, serving, strict=True) if serves)
    if len(free_from) < count:
        assert reservation is None
    else:
        start, kept = reservation
        assert start == free_from[count - 1]
        assert kept.sum() == count
        assert all(np.array(serving)[kept])


def test_a_reservation_never_reaches_into_planned_work():
    pool = NodePool(NODES, 8)
    pool.usable_until[:3] = 1099
    start, kept = pool.reservation(3, limit=100, now=0, busy_until=np.full(NODES, 1000))
    assert (start, list(np.flatnonzero(kept))) == (1000, [3, 4, 5])
    assert pool.reservation(4, limit=100, now=0, busy_until=np.full(NODES, 1000)) is None


def test_a_node_is_busy_until_the_last_time_limit_on_it():
    attempts = [running((0, 1), start=50), running((1,), start=400)]
    assert busy_until(attempts, 3, now=500).tolist() == [3650, 4000, 500]


def test_only_low_attempts_that_have_had_their_time_and_are_not_dying_are_preemptible():
    fair = running((0,), start=10)
    others = [running((1,), qos="normal"), running((2,), start=11), running((3,), doomed_by=7)]
    assert preemptible([fair, *others], started_by=10) == [fair]


def test_preemption_clears_the_nodes_on_which_it_costs_least():
    free = np.array([0, 8, 0, 0])
    victims = [running((0,)), running((2,))]
    everywhere = np.ones(4, dtype=bool)
    assert cheapest_nodes(request(nodes=2), victims, free, everywhere) == {0, 1}
    assert cheapest_nodes(request(nodes=4), victims, free, everywhere) is None


@given(elapsed=st.integers(0, 5000), checkpoint=st.integers(1, 500), restart=st.integers(0, 500))
def test_an_interruption_loses_at_most_one_checkpoint_interval_and_the_restart(elapsed, checkpoint, restart):
    left = remaining_work_seconds(request(checkpoint=checkpoint, restart=restart), 10_000, elapsed)
    saved = 10_000 - left
    assert saved % checkpoint == 0
    assert max(0, elapsed - restart) - checkpoint < saved <= max(0, elapsed - restart)


def test_a_job_without_checkpoints_starts_from_scratch():
    assert remaining_work_seconds(request(), 1000, 900) == 1000


@pytest.mark.parametrize("busy", [True, False])
def test_planned_work_waits_until_the_node_is_idle(stormy_spec, busy):
    simulation = Simulation(stormy_spec, 0)
    node = next(node for node, planned in enumerate(simulation._planned) if planned)
    if busy:
        simulation._pool.take([node], 1)
    simulation._begin_maintenance(node, 1001)
    assert bool(simulation._maintenances) == (not busy)
    assert simulation._pool.in_service[node] == busy
