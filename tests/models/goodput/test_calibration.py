"""Places in predictions: even if the prediction holds, and told apart from bands too wide, too narrow, or misplaced."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import EmptySampleError, NotAShareError, NotFiniteError
from models.goodput.calibration import empirical_curve, pit_check
from models.goodput.ettr_distribution import ettr_distribution
from models.goodput.run_plan import RunPlan
from models.goodput.simulation.runs import simulate_runs

PLAN = RunPlan(512, 6.5e-3, 3600.0, 300.0, checkpoint_write_seconds=60.0, productive_seconds=1.5 * 86_400)


@given(st.lists(st.floats(min_value=0, max_value=1), min_size=1, max_size=200))
def test_every_place_is_in_one_bin_and_inside_or_outside(places: list[float]) -> None:
    found = pit_check(places)
    assert found.counts.sum() == len(places)
    assert found.inside.k + found.below + found.above == len(places)
    assert found.inside.low <= found.inside.share <= found.inside.high
    assert 0 <= found.least <= found.most <= len(places)


def test_places_in_the_right_distribution_are_even_though_no_failure_is_an_atom() -> None:
    rng = np.random.default_rng(7)
    law = ettr_distribution(PLAN)
    runs = simulate_runs(PLAN, replicas=2_000, rng=rng)
    assert 0.001 < law.undisturbed_probability < 0.3
    found = pit_check([law.randomised_pit(float(wall), rng) for wall in runs.wall_seconds])
    assert found.p_value > 0.001
    assert found.inside.low <= 0.9 <= found.inside.high
    assert found.counts.min() >= found.least
    assert found.counts.max() <= found.most


@pytest.mark.parametrize(("factor", "sinks"), [(0.5, True), (2.0, False)])
def test_a_rate_that_is_half_or_twice_the_true_one_shows(factor: float, sinks: bool) -> None:
    rng = np.random.default_rng(8)
    wrong = ettr_distribution(
        RunPlan(512, factor * 6.5e-3, 3600.0, 300.0, checkpoint_write_seconds=60.0, productive_seconds=1.5 * 86_400)
    )
    runs = simulate_runs(PLAN, replicas=1_000, rng=rng)
    found = pit_check([wrong.randomised_pit(float(wall), rng) for wall in runs.wall_seconds])
    assert found.p_value < 1e-6
    assert (found.below > found.above) == sinks


def test_the_curve_rises_from_the_first_place_to_one() -> None:
    place, share = empirical_curve([0.4, 0.1, 0.8])
    assert place.tolist() == [0.1, 0.4, 0.8]
    assert share.tolist() == pytest.approx([1 / 3, 2 / 3, 1])


def test_places_that_cannot_be_are_refused() -> None:
    with pytest.raises(EmptySampleError):
        pit_check([])
    with pytest.raises(NotAShareError, match="places"):
        pit_check([0.5, 1.5])
    with pytest.raises(NotFiniteError):
        pit_check([float("nan")])
