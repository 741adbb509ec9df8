"""What becomes of run time, and the small parts that everything is counted with: clock, columns, stamps."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_traces.logs.stamps import Stamps
from synthetic_traces.simulation.clock import Clock
from synthetic_traces.simulation.demand import saving_of
from synthetic_traces.simulation.progress import NO_SAVING, Saving, progress, wall_seconds
from synthetic_traces.simulation.records import Columns
from synthetic_traces.simulation.slowness import Spell, lost_seconds, slowed_end, with_spell

elapsed_seconds = st.integers(0, 20_000)


@st.composite
def savings(draw):
    write = draw(st.integers(0, 400))
    return Saving(
        interval=draw(st.integers(1, 500)),
        write=write,
        stall=draw(st.integers(0, write)),
        restart=draw(st.integers(0, 500)),
    )


# Progress


@given(elapsed=elapsed_seconds, saving=savings() | st.just(NO_SAVING))
def test_the_parts_of_run_time_add_up(elapsed, saving):
    restart, productive, writing, _ = progress(elapsed, saving)
    assert restart + productive + writing == elapsed
    assert min(restart, productive, writing) >= 0
    assert restart == min(elapsed, saving.restart)


@given(elapsed=elapsed_seconds, saving=savings())
def test_what_is_safe_is_whole_intervals_and_never_more_than_was_done(elapsed, saving):
    _, productive, _, safe = progress(elapsed, saving)
    assert safe % saving.interval == 0
    assert 0 <= safe <= productive


@given(elapsed=elapsed_seconds, saving=savings())
def test_a_checkpoint_is_safe_once_it_is_written(elapsed, saving):
    trained, safe, begun = elapsed - saving.restart, 0, saving.interval
    while begun + saving.write <= trained:
        safe += saving.interval
        begun += saving.stall + saving.interval
    assert progress(elapsed, saving)[3] == safe


@given(elapsed=elapsed_seconds, more=st.integers(0, 500), saving=savings())
def test_no_part_ever_shrinks(elapsed, more, saving):
    before, after = progress(elapsed, saving), progress(elapsed + more, saving)
    assert all(first <= second for first, second in zip(before, after, strict=True))


@given(elapsed=elapsed_seconds, saving=savings())
def test_an_interruption_loses_less_than_an_interval_and_what_was_done_while_writing(elapsed, saving):
    _, productive, _, safe = progress(elapsed, saving)
    assert productive - safe <= saving.interval + saving.write - saving.stall


@given(work=st.integers(1, 20_000), saving=savings() | st.just(NO_SAVING))
def test_wall_time_is_what_the_work_takes(work, saving):
    wall = wall_seconds(work, saving)
    assert progress(wall, saving)[1] == work
    assert progress(wall - 1, saving)[1] == work - 1


@given(elapsed=elapsed_seconds)
def test_a_job_without_checkpoints_starts_from_scratch(elapsed):
    assert progress(elapsed, NO_SAVING) == (0, elapsed, 0, 0)


def test_a_blocking_write_stands_still_as_long_as_it_takes(stormy_spec, troubled_spec):
    blocking, asynchronous = saving_of(stormy_spec), saving_of(troubled_spec)
    assert blocking == Saving(interval=3600, write=90, stall=90, restart=600)
    assert asynchronous == Saving(interval=1800, write=300, stall=20, restart=360)


# Slowness


@st.composite
def spell_lists(draw):
    spells, begin = (), 0
    for _ in range(draw(st.integers(0, 5))):
        begin += draw(st.integers(0, 200))
        spells = with_spell(
            spells, Spell(begin, begin + draw(st.integers(1, 400)), draw(st.sampled_from((0.1, 0.5, 2.0))))
        )
    return spells


def lost_second_by_second(spells, until):
    lost = 0.0
    for second in range(until):
        slowdown = max((s.slowdown for s in spells if s.begin <= second < s.end), default=0.0)
        lost += slowdown / (1 + slowdown)
    return lost


@given(spells=spell_lists(), until=st.integers(0, 1500))
def test_slow_nodes_cost_what_a_count_second_by_second_finds(spells, until):
    assert lost_seconds(spells, until) == pytest.approx(lost_second_by_second(spells, until), abs=1.0)


@given(spells=spell_lists(), undisturbed=st.integers(0, 1500))
def test_a_slowed_attempt_ends_when_its_work_is_done(spells, undisturbed):
    end = slowed_end(spells, undisturbed)
    assert end - lost_seconds(spells, end) == undisturbed


@given(spells=spell_lists(), begin=st.integers(2000, 2100), end=st.integers(2200, 2300), nodes=st.integers(1, 20))
def test_many_nodes_that_are_slow_alike_cost_no_more_than_one(spells, begin, end, nodes):
    one = many = spells
    one = with_spell(one, Spell(begin, end, 0.5))
    for _ in range(nodes):
        many = with_spell(many, Spell(begin, end, 0.5))
    assert many == one


# Clock


@given(st.lists(st.floats(0, 100, allow_nan=False), max_size=30))
def test_the_clock_goes_by_time_and_then_by_the_order_of_planning(times):
    clock, seen = Clock(0), []
    for number, time in enumerate(times):
        clock.at(time, lambda number=number, time=time: seen.append((time, number, clock.now)))
    clock.run(100, every=10, report=lambda _: None)
    assert [(time, number) for time, number, _ in seen] == sorted((time, number) for number, time in enumerate(times))
    assert all(now == math.ceil(time) for time, _, now in seen)
    assert clock.now == 100


def test_the_clock_stops_at_the_end_and_reports_on_its_way():
    clock, seen, told = Clock(-10), [], []
    for time in (-10, 0, 5, 20, 20.5, 30):
        clock.at(time, lambda: seen.append(clock.now))
    clock.run(20, every=10, report=told.append)
    assert seen == [-10, 0, 5, 20]
    assert told == [1 / 3, 1.0]


def test_what_an_action_plans_for_now_happens_now():
    clock, seen = Clock(0), []
    clock.at(1.5, lambda: clock.at(clock.now, lambda: seen.append(clock.now)))
    clock.run(10, every=100, report=lambda _: None)
    assert seen == [2]


# Columns


@given(st.lists(st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 9)), max_size=20))
def test_columns_give_back_their_rows(rows):
    columns = Columns(("first", "second"))
    for row in rows:
        columns.append(*row)
    arrays = columns.arrays()
    assert list(arrays) == ["first", "second"]
    assert all(column.dtype == np.int64 for column in arrays.values())
    assert list(zip(*(column.tolist() for column in arrays.values()), strict=True)) == rows


def test_a_row_with_another_number_of_values_is_refused():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        Columns(("first", "second")).append(1)


# Stamps

START = datetime(2026, 2, 27, tzinfo=UTC)


@given(st.integers(-400 * 86400, 400 * 86400), st.sampled_from("T "))
def test_seconds_are_stamped_as_datetime_does(seconds, between):
    expected = START + timedelta(seconds=seconds)
    assert Stamps(START).second(seconds, between) == expected.replace(tzinfo=None).isoformat(between)


@given(st.integers(-(10**12), 10**13))
def test_microseconds_are_stamped_as_datetime_does(micros):
    expected = START + timedelta(microseconds=micros)
    text = Stamps(START).micros(micros / 1e6)
    assert text == expected.isoformat(timespec="microseconds").replace("+00:00", "Z")
