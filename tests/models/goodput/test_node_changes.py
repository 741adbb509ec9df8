"""Runs in phases: each phase is a run, and their times add up."""

from dataclasses import replace

import pytest

from models.errors import NotPositiveError
from models.goodput.errors import NoPhaseError
from models.goodput.gaps import Exponential, run_gap_law
from models.goodput.node_changes import Phase, ettr_of_phases
from models.goodput.renewal import expected_run
from models.goodput.run_plan import RunPlan

DAY = 86_400.0
PLAN = RunPlan(1, 6.5e-3, 3600, 300, 60.0, 120.0)


def test_one_phase_is_the_run():
    run = expected_run(replace(PLAN, nodes=700, productive_seconds=9 * DAY))
    phased = ettr_of_phases(PLAN, [Phase(700, 9 * DAY)])
    assert phased.ettr == phased.node_weighted_ettr == run.ettr
    assert (phased.wall_seconds, phased.interruptions) == (run.wall_seconds, run.interruptions)


def test_a_change_costs_a_write_a_wait_and_a_restart():
    plan = replace(PLAN, failures_per_node_day=0.0)
    halves = ettr_of_phases(plan, [Phase(700, 4 * DAY), Phase(700, 4 * DAY)])
    whole = ettr_of_phases(plan, [Phase(700, 8 * DAY)])
    # the write at the middle is in both
    assert halves.wall_seconds == pytest.approx(whole.wall_seconds + 300 + 60)


def test_the_whole_lies_between_its_phases_and_large_phases_weigh_more_by_nodes():
    phased = ettr_of_phases(PLAN, [Phase(256, 5 * DAY), Phase(1024, 5 * DAY), Phase(2048, 5 * DAY)])
    ettrs = [phase.ettr for phase in phased.phases]
    assert ettrs == sorted(ettrs, reverse=True)
    assert ettrs[2] < phased.node_weighted_ettr < phased.ettr < ettrs[0]


def test_laws_of_gaps_go_with_their_phases():
    phases = [Phase(256, 5 * DAY), Phase(1024, 5 * DAY)]
    laws = [run_gap_law(replace(PLAN, nodes=phase.nodes)) for phase in phases]
    assert ettr_of_phases(PLAN, phases, laws).ettr == pytest.approx(ettr_of_phases(PLAN, phases).ettr)


def test_phases_that_cannot_be_are_refused():
    with pytest.raises(NoPhaseError):
        ettr_of_phases(PLAN, [])
    with pytest.raises(NoPhaseError):
        ettr_of_phases(PLAN, [Phase(3, DAY)], [Exponential(1.0), Exponential(1.0)])
    with pytest.raises(NotPositiveError):
        Phase(3, 0.0)
