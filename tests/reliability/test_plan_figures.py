"""Figures of a plan are pure: what is drawn is what the answer says."""

import numpy as np
import pytest

from reliability.analyses.plan import FailureRate, counted_rate, plan
from reliability.analyses.plan_judged import judged
from reliability.analyses.plan_map import ettr_map
from reliability.analyses.plan_sensitivity import sensitivity
from reliability.analyses.plan_sweep import sweep
from reliability.figures.theme import headline

PLANNED = plan(16_384, counted_rate(419, 2048 * 54), checkpoint_write_seconds=20, detection_seconds=60)


def test_the_tornado_draws_what_buys_most_on_top():
    found = sensitivity(PLANNED)
    halved, doubled = found.figure().data
    assert list(halved.y) == [factor.label for factor in reversed(found.factors)]
    for bars, values in (
        (halved, [factor.ettr_halved for factor in found.factors]),
        (doubled, [factor.ettr_doubled for factor in found.factors]),
    ):
        np.testing.assert_allclose(np.array(bars.x) + bars.base, values[::-1])


def test_the_map_draws_the_ettr_the_plan_and_the_target():
    found = ettr_map(PLANNED, 0.9)
    heat, *lines, mark = found.figure().data
    np.testing.assert_array_equal(heat.z, found.ettr)
    assert (mark.x[0], mark.y[0]) == (16_384, PLANNED.rate.per_1000_node_days)
    assert [line.line.width for line in lines if line.contours.start == 0.9] == [3]
    assert f"{found.largest_gpus.middle:,} GPUs" in headline(found.figure())[1]


def test_the_map_says_when_no_size_reaches_the_target():
    slow = plan(8, FailureRate(60.0), checkpoint_write_seconds=60, restart_overhead_seconds=86_400)
    assert "no size reaches" in headline(ettr_map(slow, 0.99).figure())[1]


def test_a_sweep_draws_one_point_per_value_and_the_band_of_counted_rates_alone():
    values = (1024.0, 4096.0, 16_384.0)
    counted = sweep(PLANNED, "gpus", values)
    lines = {trace.name: trace for trace in counted.figure().data if trace.name}
    assert list(lines["exact"].x) == list(values)
    assert list(lines["exact"].y) == [row["ettr_exact"] for row in counted.rows()]
    assert sum(trace.fill == "tonexty" for trace in counted.figure().data) == 1
    given = sweep(plan(1024, FailureRate(6.5)), "gpus", values).figure()
    assert not [trace for trace in given.data if trace.fill]
    assert not [trace for trace in given.data if trace.name == "v2"]


@pytest.mark.parametrize("name", ["v1", "v2", "exact", "simulated"])
def test_formulas_and_simulation_stand_side_by_side(name):
    found = judged(PLANNED)
    drawn = next(trace for trace in found.figure().data if trace.name == name)
    assert list(drawn.y) == [row[f"ettr_{name}"] for row in found.rows()]
