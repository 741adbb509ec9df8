"""What moves ETTR most, and the largest run for a target."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import NegativeValueError, NotAShareError, NotPositiveError
from models.goodput.checkpoint_optimum import at_best_interval
from models.goodput.closed_forms import expected_ettr_v1
from models.goodput.errors import FactorNotAboveOneError
from models.goodput.renewal import exact_ettr
from models.goodput.run_plan import RunPlan
from models.goodput.sensitivity import ettr_grid, largest_nodes, sensitivity

RUN = RunPlan(1500, 6.5e-3, 1800, 300, 120, checkpoint_write_seconds=120, detection_seconds=60)


def best_ettr(plan):
    return exact_ettr(at_best_interval(plan))


def test_every_input_has_a_bar_and_the_one_that_buys_most_comes_first():
    tornado = sensitivity(RUN, exact_ettr)
    gains = [bar.gain for bar in tornado.bars]
    assert {bar.name for bar in tornado.bars} == {
        "failures_per_node_day",
        "checkpoint_interval_seconds",
        "checkpoint_write_seconds",
        "restart_overhead_seconds",
        "detection_seconds",
        "queue_wait_seconds",
    }
    assert gains == sorted(gains, reverse=True)
    assert tornado.bars[0].name == "failures_per_node_day"
    for bar in tornado.bars:
        changed = replace(RUN, **{bar.name: bar.low_value})
        assert bar.ettr_at_low == exact_ettr(changed)
        assert bar.gain == pytest.approx(max(bar.ettr_at_low, bar.ettr_at_high, tornado.ettr) - tornado.ettr)
        assert bar.swing >= 0


def test_inputs_of_zero_have_no_bar():
    plain = RunPlan(1500, 6.5e-3, 1800, 300)
    assert {bar.name for bar in sensitivity(plain, exact_ettr).bars} == {
        "failures_per_node_day",
        "checkpoint_interval_seconds",
        "restart_overhead_seconds",
    }


def test_at_the_best_interval_halving_the_rate_buys_at_least_as_much_as_halving_any_time():
    tornado = sensitivity(RUN, best_ettr)
    bars = {bar.name: bar for bar in tornado.bars}
    assert bars["checkpoint_interval_seconds"].swing == 0
    assert tornado.bars[0].name == "failures_per_node_day"


def test_no_change_is_no_sensitivity():
    with pytest.raises(FactorNotAboveOneError, match="above 1"):
        sensitivity(RUN, exact_ettr, factor=1.0)


@given(st.floats(0.05, 0.999), st.sampled_from([exact_ettr, expected_ettr_v1, best_ettr]))
def test_the_largest_run_reaches_the_target_and_one_node_more_does_not(target, ettr):
    largest = largest_nodes(RUN, target, ettr, most_nodes=200_000)
    if largest.reached_by == "some":
        assert ettr(replace(RUN, nodes=largest.nodes)) == largest.ettr >= target
        assert ettr(replace(RUN, nodes=largest.nodes + 1)) < target
    else:
        assert largest.reached_by == "none"
        assert largest.ettr < target


def test_none_and_all_sizes_are_said_so():
    assert largest_nodes(RUN, 1.0, exact_ettr).reached_by == "none"
    assert largest_nodes(RUN, 1.0, exact_ettr).nodes == 0
    reliable = replace(RUN, failures_per_node_day=0.0)
    assert largest_nodes(reliable, 0.9, exact_ettr, most_nodes=4096).reached_by == "all"
    assert largest_nodes(reliable, 0.9, exact_ettr, most_nodes=4096).nodes == 4096
    with pytest.raises(NotAShareError, match="target_ettr"):
        largest_nodes(RUN, -0.1, exact_ettr)
    with pytest.raises(NotPositiveError, match="most_nodes"):
        largest_nodes(RUN, 0.9, exact_ettr, most_nodes=0)


def test_the_map_is_the_formula_at_each_point_and_its_contour_the_largest_run():
    nodes, rates = np.unique(np.geomspace(10, 20_000, 60).astype(int)), [1e-3, 2.34e-3, 6.5e-3]
    grid = ettr_grid(RUN, nodes, rates, best_ettr)
    assert grid.ettr.shape == (3, nodes.size)
    assert grid.ettr[1, 5] == best_ettr(replace(RUN, nodes=int(nodes[5]), failures_per_node_day=2.34e-3))
    assert (np.diff(grid.ettr, axis=0) <= 0).all()
    assert (np.diff(grid.ettr, axis=1) <= 0).all()
    for row, largest in zip(rates, grid.largest_nodes(0.9), strict=True):
        exact = largest_nodes(replace(RUN, failures_per_node_day=row), 0.9, best_ettr).nodes
        assert largest == nodes[nodes <= exact].max()
    assert grid.largest_nodes(1.0).tolist() == [0, 0, 0]
    with pytest.raises(NegativeValueError, match="failures_per_node_day"):
        ettr_grid(RUN, nodes, [-1.0], best_ettr)
