"""Two fabrics on the same failures: simulation and renewal solution agree, and shared luck cancels."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.availability.published import published_rates
from models.errors import NotPositiveError
from models.goodput.run_plan import RunPlan
from models.goodput.simulation.errors import TooFewReplicasError
from models.placement.fabric_failures import class_failures, fabric_ettr, fatal_per_day, mean_speed, standing
from models.placement.leaning import leaning
from models.placement.same_failures import mean_speeds, paired_runs
from tests.models.placement.fabrics import pod

RATES = published_rates("hpn").with_repair_hours({"nic-link": 1 / 3})
DUAL, SINGLE = (
    class_failures(standing(leaning(pod(single_tor=single)), range(375)), RATES) for single in (False, True)
)
PLAN = RunPlan(375, 6.5e-3, 3600, 300)
DAYS = 90 * 86_400.0


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        RunPlan(375, 6.5e-3, 1800, 600, queue_wait_seconds=120, detection_seconds=300, checkpoint_write_seconds=60),
        RunPlan(375, 1e-3, 3600, 300),
    ],
    ids=["hourly", "with all costs", "few failures"],
)
def test_simulated_and_exact_differences_lie_within_each_others_error(plan):
    runs = paired_runs(plan, DUAL, SINGLE, replicas=4000, horizon_seconds=DAYS, rng=np.random.default_rng(5))
    exact = fabric_ettr(plan, DUAL) - fabric_ettr(plan, SINGLE)
    low, high = runs.interval(0.999)
    assert low < exact < high
    assert high - low < 0.25 * exact


def test_a_fabric_against_itself_differs_by_nothing():
    runs = paired_runs(PLAN, DUAL, DUAL, replicas=50, horizon_seconds=DAYS, rng=np.random.default_rng(5))
    assert (runs.one == runs.other).all()
    assert runs.standard_error == 0


def test_swapping_the_fabrics_turns_the_sign():
    one = paired_runs(PLAN, DUAL, SINGLE, replicas=1000, horizon_seconds=DAYS, rng=np.random.default_rng(5))
    other = paired_runs(PLAN, SINGLE, DUAL, replicas=1000, horizon_seconds=DAYS, rng=np.random.default_rng(6))
    error = math.hypot(one.standard_error, other.standard_error)
    assert one.difference + other.difference == pytest.approx(0, abs=3.5 * error)


def test_what_only_one_fabric_suffers_strikes_it_alone():
    runs = paired_runs(PLAN, DUAL, SINGLE, replicas=500, horizon_seconds=DAYS, rng=np.random.default_rng(5))
    more = runs.failures_other - runs.failures_one
    # The clock stands during no wait here: all of the horizon is held.
    expected = (fatal_per_day(SINGLE) - fatal_per_day(DUAL)) * 90
    assert more.min() >= 0
    assert more.mean() == pytest.approx(expected, abs=3.5 * math.sqrt(expected / 500))


def test_shared_failures_make_the_difference_many_times_surer():
    runs = paired_runs(PLAN, DUAL, SINGLE, replicas=500, horizon_seconds=DAYS, rng=np.random.default_rng(5))
    apart = math.sqrt((runs.one.var(ddof=1) + runs.other.var(ddof=1)) / 500)
    assert runs.standard_error < apart / 5


def test_played_outages_slow_as_much_as_the_formula_says():
    rates = published_rates("hpn").with_repair_hours({"nic-link": 30.0, "tor": 300.0, "agg": 900.0})
    rows = class_failures(standing(leaning(pod(single_tor=False)), range(375)), rates)
    speeds = mean_speeds(rows, 2000, DAYS, np.random.default_rng(2))
    assert speeds.mean() == pytest.approx(mean_speed(rows), abs=3.5 * speeds.std(ddof=1) / math.sqrt(2000))


def test_bad_arguments_are_named():
    with pytest.raises(TooFewReplicasError):
        paired_runs(PLAN, DUAL, SINGLE, replicas=1, horizon_seconds=DAYS, rng=np.random.default_rng(5))
    with pytest.raises(NotPositiveError, match="horizon_seconds"):
        paired_runs(PLAN, DUAL, SINGLE, replicas=2, horizon_seconds=math.inf, rng=np.random.default_rng(5))
