"""Checkpoint intervals against published checks and against the formula they optimise."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NotFiniteError, NotPositiveError, RestartOutpacedError
from models.goodput.checkpoint_intervals import (
    daly_interval_seconds,
    ettr_v2_optimal_interval_seconds,
    young_interval_seconds,
)
from models.goodput.closed_forms import expected_ettr_v2
from models.goodput.run_plan import RunPlan


@pytest.mark.parametrize(
    ("write_seconds", "mttf_seconds", "young", "daly"),
    [(60, 3600, 657.3, 617.9), (300, 11_124, 2583.5, 2387.4), (10, 6480, 360.0, 353.4)],
)
def test_classical_intervals_reproduce_their_published_checks(write_seconds, mttf_seconds, young, daly):
    assert round(young_interval_seconds(write_seconds, mttf_seconds), 1) == young
    assert round(daly_interval_seconds(write_seconds, mttf_seconds), 1) == daly


@pytest.mark.parametrize("write_seconds", [7200.0, 10_000.0])
def test_daly_falls_back_to_the_mttf_when_a_write_takes_twice_as_long(write_seconds):
    assert daly_interval_seconds(write_seconds, 3600.0) == 3600.0


@given(st.floats(1e-3, 1e-2), st.floats(1e3, 1e7))
def test_daly_is_young_less_the_write_when_writes_are_short(write_seconds, mttf_seconds):
    # The third-order terms add young * sqrt(C / 2M) / 3 = C / 3 and less.
    young, daly = (rule(write_seconds, mttf_seconds) for rule in (young_interval_seconds, daly_interval_seconds))
    assert young - write_seconds <= daly <= young


@given(st.floats(1.0, 3600.0), st.floats(1e-7, 1e-3), st.floats(0.0, 900.0))
def test_no_other_interval_beats_the_exact_optimum(write_seconds, failures_per_second, restart_seconds):
    best = ettr_v2_optimal_interval_seconds(write_seconds, failures_per_second, restart_seconds)
    plan = RunPlan(1, failures_per_second * 86_400, best, restart_seconds, checkpoint_write_seconds=write_seconds)
    for factor in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0):
        other = replace(plan, checkpoint_interval_seconds=best * factor)
        assert expected_ettr_v2(other) <= expected_ettr_v2(plan)


@given(st.floats(1.0, 3600.0), st.floats(1e-3, 1e3))
def test_optimum_scales_with_the_unit_of_time(write_seconds, factor):
    seconds = ettr_v2_optimal_interval_seconds(write_seconds, 1e-5, 300.0)
    scaled = ettr_v2_optimal_interval_seconds(write_seconds * factor, 1e-5 / factor, 300.0 * factor)
    assert scaled == pytest.approx(seconds * factor)


def test_rare_failures_make_the_optimum_young_less_the_write():
    assert ettr_v2_optimal_interval_seconds(10.0, 1e-10, 300.0) == pytest.approx(
        young_interval_seconds(10.0, 1e10) - 10.0, rel=1e-6
    )


def test_a_job_that_never_fails_needs_no_checkpoint():
    assert ettr_v2_optimal_interval_seconds(10.0, 0.0, 300.0) == math.inf


def test_restarts_slower_than_failures_have_no_optimum():
    with pytest.raises(RestartOutpacedError, match="shorten the restart"):
        ettr_v2_optimal_interval_seconds(10.0, 1 / 300, 300.0)


@pytest.mark.parametrize("rule", [young_interval_seconds, daly_interval_seconds])
def test_impossible_times_are_refused_by_name(rule):
    with pytest.raises(NotPositiveError, match="checkpoint_write_seconds"):
        rule(0.0, 3600.0)
    with pytest.raises(NotPositiveError, match="mttf_seconds"):
        rule(60.0, -1.0)
    with pytest.raises(NotFiniteError, match="mttf_seconds"):
        rule(60.0, math.nan)
