"""Spares against Erlang's tables and a simulation written here."""

import heapq
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.errors import NegativeValueError, NotACountError, NotAShareError
from models.goodput.errors import TooManySparesError
from models.goodput.hot_spares import erlang_loss, spare_shortage, spares_needed
from models.goodput.run_plan import RunPlan

RUN = RunPlan(2048, 6.5e-3, 3600, 300)
DAY = 86_400.0


def simulated_shortage(plan, spares, rng, failures, repair_law):
    """Share of failures that find no spare and the mean wait of those, one failure after the other."""
    clock, waits = 0.0, []
    in_repair: list[float] = []
    for _ in range(failures):
        clock += rng.exponential(1 / plan.failures_per_second)
        while in_repair and in_repair[0] <= clock:
            heapq.heappop(in_repair)
        short = len(in_repair) >= spares
        heapq.heappush(in_repair, clock + repair_law(rng))
        if short:
            waits.append(in_repair[0] - clock)
            clock = heapq.heappop(in_repair)
    return len(waits) / failures, float(np.mean(waits))


@pytest.mark.parametrize(
    "repair_law", [lambda rng: rng.exponential(DAY), lambda rng: rng.lognormal(math.log(DAY) - 0.5, 1.0)]
)
@pytest.mark.parametrize("spares", [0, 5, 14])
def test_shortage_and_wait_agree_with_a_simulation_whatever_the_law_of_repairs(spares, repair_law):
    shortage = spare_shortage(RUN, spares, DAY)
    chance, wait = simulated_shortage(RUN, spares, np.random.default_rng(4), 60_000, repair_law)
    assert shortage.chance == pytest.approx(chance, rel=0.06)
    assert shortage.wait_seconds == pytest.approx(wait, rel=0.06)
    assert shortage.mean_wait_seconds == pytest.approx(chance * wait, rel=0.06)


@given(st.integers(0, 200), st.floats(0.01, 150.0))
def test_erlangs_formula_is_a_ratio_of_poisson_chances(servers, load):
    ratio = stats.poisson.pmf(servers, load) / stats.poisson.cdf(servers, load)
    assert erlang_loss(servers, load) == pytest.approx(ratio, rel=1e-6, abs=1e-200)


@pytest.mark.parametrize(("servers", "load", "loss"), [(1, 1.0, 0.5), (10, 4.4612, 0.01), (20, 12.031, 0.01)])
def test_erlangs_formula_reproduces_its_table(servers, load, loss):
    assert erlang_loss(servers, load) == pytest.approx(loss, rel=1e-3)


@given(st.floats(1e-5, 0.1), st.floats(1.0, 10 * DAY), st.floats(1e-6, 0.999))
def test_the_spares_needed_are_the_fewest_that_suffice(rate, repair, chance):
    run = RunPlan(500, rate, 3600, 300)
    needed = spares_needed(run, repair, chance)
    assert spare_shortage(run, needed, repair).chance <= chance
    assert needed == 0 or spare_shortage(run, needed - 1, repair).chance > chance


def test_a_run_that_never_fails_needs_no_spare():
    assert spares_needed(RunPlan(500, 0.0, 3600, 300), DAY, 1e-9) == 0
    assert (
        spare_shortage(RunPlan(500, 0.0, 3600, 300), 0, DAY).mean_wait_seconds == DAY
    )  # of the failures: there are none


def test_impossible_stocks_are_refused():
    with pytest.raises(NotACountError, match="spares"):
        spare_shortage(RUN, 1.5, DAY)
    with pytest.raises(NegativeValueError, match="repair_seconds"):
        spare_shortage(RUN, 1, -1.0)
    for chance in (0.0, 1.1, math.nan):
        with pytest.raises(NotAShareError, match="shortage_chance"):
            spares_needed(RUN, DAY, chance)
    with pytest.raises(TooManySparesError, match="repair faster"):
        spares_needed(RunPlan(1_000_000, 5.0, 3600, 300), DAY, 0.01)
