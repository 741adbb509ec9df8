"""Where jobs go, and who makes room for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_traces.simulation.cluster import Simulation
from synthetic_traces.simulation.jobs import HIGH, LOW, NORMAL, Job, Running
from synthetic_traces.simulation.placement import NEVER, NodePool
from synthetic_traces.simulation.preemption import cheapest_nodes, preemptible

NODES = 6
free_gpus = st.lists(st.integers(min_value=0, max_value=8), min_size=NODES, max_size=NODES)
masks = st.lists(st.booleans(), min_size=NODES, max_size=NODES)
times = st.lists(st.integers(0, 1000), min_size=NODES, max_size=NODES)
EVERYWHERE = np.ones(NODES, dtype=bool)


def job(*, qos=LOW, nodes=1, gpus=8):
    return Job(0, 0, 0, qos, nodes, gpus, limit_seconds=3600, work_seconds=1000, ending=0, exit_code=0)


def running(nodes, *, qos=LOW, start=0, doomed_by=0):
    return Running(job(qos=qos, nodes=len(nodes)), nodes, start, doomed_by=doomed_by)


def pool_with(free, **how):
    pool = NodePool(NODES, 8, **how)
    for node, spare in enumerate(free):
        pool.take([node], 8 - spare, until=100)
    return pool


@given(free=free_gpus, allowed=masks, count=st.integers(1, NODES), gpus=st.integers(1, 8), spread=st.booleans())
def test_a_gang_is_placed_exactly_when_enough_allowed_nodes_fit(free, allowed, count, gpus, spread):
    fitting = [node for node in range(NODES) if allowed[node] and free[node] >= gpus]
    placed = pool_with(free, least_loaded_first=spread).place(count, gpus, np.array(allowed))
    if len(fitting) < count:
        assert placed is None
    else:
        assert list(placed) == sorted(set(placed))
        assert len(placed) == count
        assert set(placed) <= set(fitting)


@given(free=free_gpus, gpus=st.integers(1, 8))
def test_a_small_job_goes_to_the_fullest_node_that_fits(free, gpus):
    placed = pool_with(free).place(1, gpus, EVERYWHERE)
    if placed is not None:
        assert free[placed[0]] == min(spare for spare in free if spare >= gpus)


@given(free=free_gpus, gpus=st.integers(1, 8))
def test_a_small_job_goes_to_the_emptiest_node_where_load_is_to_be_spread(free, gpus):
    placed = pool_with(free, least_loaded_first=True).place(1, gpus, EVERYWHERE)
    assert (placed is None) == (max(free) < gpus)
    if placed is not None:
        assert free[placed[0]] == max(free)


@given(free=free_gpus, count=st.integers(2, NODES), gpus=st.integers(1, 7))
def test_a_gang_of_parts_of_nodes_takes_the_fullest_that_fit(free, count, gpus):
    placed = pool_with(free).place(count, gpus, EVERYWHERE)
    if placed is not None:
        assert sorted(free[node] for node in placed) == sorted(spare for spare in free if spare >= gpus)[:count]


def test_all_nodes_wear_alike():
    pool = NodePool(NODES, 8)
    assert [pool.place(1, 8, EVERYWHERE)[0] for _ in range(2 * NODES)] == 2 * list(range(NODES))
    assert [pool.place(4, 8, EVERYWHERE) for _ in range(3)] == [(0, 1, 2, 3), (0, 1, 4, 5), (2, 3, 4, 5)]


@given(free=free_gpus, count=st.integers(1, NODES), gpus=st.integers(1, 8))
def test_a_cheap_no_is_never_wrong(free, count, gpus):
    pool = pool_with(free)
    fitting = sum(spare >= gpus for spare in free)
    assert pool.cannot_fit(count, gpus) == (fitting < count)


@given(st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(1, 8), st.integers(1, 1000)), max_size=20))
def test_what_is_taken_and_given_back_leaves_the_pool_as_it_was(takes):
    pool, taken = NodePool(NODES, 8), []
    for node, gpus, until in takes:
        if pool.free_gpus[node] >= gpus:
            pool.take([node], gpus, until)
            taken.append((node, gpus, until))
            assert pool.busy_until[node] == max(u for n, _, u in taken if n == node)
            assert not pool.is_idle(node)
    for node, gpus, _ in taken:
        pool.give_back([node], gpus)
    assert pool.free_gpus.tolist() == [8] * NODES
    assert pool.busy_until.tolist() == [0] * NODES
    assert all(pool.is_idle(node) for node in range(NODES))
    assert not pool.cannot_fit(NODES, 8)


@given(accepting=masks, until=times, end=st.integers(0, 1000))
def test_usable_nodes_take_work_and_stay_for_the_whole_job(accepting, until, end):
    pool = NodePool(NODES, 8)
    pool.accepting[:], pool.usable_until[:] = accepting, until
    assert pool.usable(end).tolist() == [a and u >= end for a, u in zip(accepting, until, strict=True)]


@given(busy=times, accepting=masks, allowed=masks, count=st.integers(1, NODES), now=st.integers(0, 1000))
def test_a_reservation_keeps_the_nodes_that_are_free_first(busy, accepting, allowed, count, now):
    pool = NodePool(NODES, 8)
    pool.accepting[:], pool.busy_until[:] = accepting, busy
    may = [a and b for a, b in zip(accepting, allowed, strict=True)]
    reservation = pool.reservation(count, limit=100, now=now, allowed=np.array(allowed))
    free_from = sorted(max(until, now) for until, serves in zip(busy, may, strict=True) if serves)
    if len(free_from) < count:
        assert reservation is None
    else:
        start, kept = reservation
        assert start == free_from[count - 1]
        assert kept.sum() == count
        assert all(np.array(may)[kept])


def test_a_reservation_never_reaches_into_planned_work():
    pool = NodePool(NODES, 8)
    pool.usable_until[:3] = 1099
    pool.busy_until[:] = 1000
    start, kept = pool.reservation(3, limit=100, now=0, allowed=EVERYWHERE)
    assert (start, list(np.flatnonzero(kept))) == (1000, [3, 4, 5])
    assert pool.reservation(4, limit=100, now=0, allowed=EVERYWHERE) is None


def test_a_node_is_busy_until_the_last_time_limit_on_it():
    pool = NodePool(3, 8)
    assert pool.busy_until.tolist() == [0, 0, 0]
    pool.take([0, 1], 4, running((0, 1), start=50).limit_end_seconds)
    pool.take([1], 4, running((1,), start=400).limit_end_seconds)
    assert pool.busy_until.tolist() == [3650, 4000, 0]
    pool.give_back([0, 1], 4)
    assert pool.busy_until.tolist() == [0, 4000, 0]


def test_only_low_attempts_that_have_had_their_time_and_are_not_dying_are_preemptible():
    fair = running((0,), start=10)
    others = [running((1,), qos=qos) for qos in (NORMAL, HIGH)] + [running((2,), start=11), running((3,), doomed_by=7)]
    assert preemptible([fair, *others], started_by=10) == [fair]


def test_preemption_clears_the_nodes_on_which_it_costs_least():
    free = np.array([0, 8, 0, 0])
    victims = [running((0,)), running((2,))]
    everywhere = np.ones(4, dtype=bool)
    assert cheapest_nodes(job(nodes=2), victims, free, everywhere) == {0, 1}
    assert cheapest_nodes(job(nodes=4), victims, free, everywhere) is None
    assert cheapest_nodes(job(nodes=2), victims, free, np.array([True, False, True, True])) == {0, 2}


def test_a_higher_priority_and_then_an_older_job_comes_first():
    old, young, urgent = (job(qos=qos) for qos in (LOW, LOW, HIGH))
    for number, one in enumerate((old, young, urgent), start=1):
        one.job_id = number
    assert sorted([young, old, urgent], key=Job.rank) == [urgent, old, young]


@pytest.mark.parametrize("busy", [True, False])
def test_planned_work_waits_until_the_node_is_idle(stormy_spec, busy):
    simulation = Simulation(stormy_spec, 0)
    machines, pool = simulation._machines, simulation._machines._pool
    node = next(node for node, planned in enumerate(machines.planned) if planned)
    windows = len(machines.planned[node])
    if busy:
        pool.take([node], 1, until=NEVER)
    machines._begin_maintenance(node, 1001)
    assert bool(simulation._books.outages) == (not busy)
    assert pool.accepting[node] == machines.in_service[node] == busy
    assert len(machines.planned[node]) == windows - (not busy)


def test_planned_work_on_a_node_that_is_down_is_done_with_its_repair(stormy_spec):
    simulation = Simulation(stormy_spec, 0)
    machines = simulation._machines
    node = next(node for node, planned in enumerate(machines.planned) if planned)
    machines.in_service[node] = False
    machines._begin_maintenance(node, 1001)
    assert simulation._books.outages == []
    assert machines._pool.usable_until[node] == (machines.planned[node][0] if machines.planned[node] else NEVER)
