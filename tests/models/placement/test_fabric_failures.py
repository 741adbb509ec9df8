"""What a fabric does to a run: published crash rates, a difference by hand, and a simulation of slow hours."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.availability.component_rates import ComponentRate
from models.availability.published import HOURS_PER_MONTH, published_rates
from models.errors import NotAShareError
from models.goodput.run_plan import RunPlan
from models.placement.fabric_failures import (
    BOTH_WAYS,
    ClassFailures,
    class_failures,
    fabric_ettr,
    fabric_ettr_at,
    fatal_per_day,
    mean_speed,
    standing,
)
from models.placement.leaning import leaning
from tests.models.placement.fabrics import pod, small

DUAL = standing(leaning(pod(single_tor=False)), range(375))
SINGLE = standing(leaning(pod(single_tor=True)), range(375))
PLAN = RunPlan(375, 6.5e-3, 3600, 300)


def rates(repair_hours: float = 20 / 60):
    found = published_rates("hpn")
    return found.with_repair_hours({"nic-link": repair_hours, "tor": repair_hours, "agg": repair_hours})


def slowing(component: str, slowdown: float, out: float, repair_hours: float = 1.0) -> ClassFailures:
    """Return a class of which `out` parts are out on average."""
    rate = ComponentRate(component, 0.0, repair_hours, "an example", "assumption")
    per_day = out / repair_hours * 24
    return ClassFailures(component, 100, 0, 1, 0.0, per_day, slowdown, -math.expm1(-out), repair_hours, rate)


def test_three_thousand_single_links_crash_a_run_once_or_twice_a_month():
    by_class = {row.component: row.fatal_per_day for row in class_failures(SINGLE, rates())}
    assert by_class["nic-link"] * HOURS_PER_MONTH / 24 == pytest.approx(1.71, abs=5e-3)
    assert by_class["tor"] * HOURS_PER_MONTH / 24 == pytest.approx(24 * 0.00051)


def test_a_dual_homed_run_is_stopped_only_by_two_faults_at_once():
    found = class_failures(DUAL, rates(4.0))
    assert {row.component for row in found if row.fatal_per_day > 0} == {BOTH_WAYS}
    link, tor = rates()["nic-link"].failures_per_hour, rates()["tor"].failures_per_hour
    by_hand = 3000 * (2 * link**2 * 4 + 2 * link * tor * 8) + 24 * 2 * tor**2 * 4
    assert fatal_per_day(found) == pytest.approx(24 * by_hand)


def test_two_links_out_at_once_come_as_often_as_they_do_when_played():
    a, repair, rng = 0.02, 3.0, np.random.default_rng(7)
    down_at = [np.cumsum(rng.exponential(1 / a + repair, 40_000)) for _ in range(2)]
    # Each link is down for `repair` after each of its failures; the pair goes down when the second of them fails.
    other_last = [down_at[1 - n][np.searchsorted(down_at[1 - n], times) - 1] for n, times in enumerate(down_at)]
    both = sum(
        int(((times - last < repair) & (times > last)).sum()) for times, last in zip(down_at, other_last, strict=True)
    )
    hours = min(times[-1] for times in down_at)
    per_hour_up = 1 / (1 / a + repair)
    assert both / hours == pytest.approx(2 * per_hour_up**2 * repair, rel=0.06)


def test_single_minus_dual_is_what_the_hand_says():
    dual, single = class_failures(DUAL, rates()), class_failures(SINGLE, rates())
    link_per_day = 3000 * 0.00057 / HOURS_PER_MONTH * 24
    tor_per_day = 24 * 0.00051 / HOURS_PER_MONTH * 24

    def ettr(per_day: float) -> float:
        rate = per_day / 86_400
        return rate * 3600 * math.exp(-rate * 3900) / -math.expm1(-rate * 3600)

    slow = 1 - math.exp(-6000 * 0.00057 / HOURS_PER_MONTH / 3)
    nodes = 375 * 6.5e-3
    agg = 1 - 120 * 0.00051 / HOURS_PER_MONTH / 3 / 120
    by_hand = ettr(nodes) * (1 - slow / 16) * agg - ettr(nodes + link_per_day + tor_per_day) * agg
    assert fabric_ettr(PLAN, dual) - fabric_ettr(PLAN, single) == pytest.approx(by_hand, abs=2e-6)
    assert by_hand == pytest.approx(0.00122, abs=1e-5)


def test_slow_repairs_eat_up_what_the_second_port_buys():
    def gain(hours: float) -> float:
        dual, single = class_failures(DUAL, rates(hours)), class_failures(SINGLE, rates(hours))
        return fabric_ettr(PLAN, dual) - fabric_ettr(PLAN, single)

    assert gain(0.01) > gain(1.0) > gain(4.0) > 0 > gain(8.0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 3)), min_size=1, max_size=5))
def test_the_mean_speed_is_that_of_all_states_weighed(classes):
    rows = [slowing(f"class{n}", slowdown, out) for n, (slowdown, out) in enumerate(classes)]
    mean = 0.0
    for state in itertools.product([False, True], repeat=len(rows)):
        chance = math.prod(r.slowed_share if out else 1 - r.slowed_share for r, out in zip(rows, state, strict=True))
        mean += chance * (1 - max((r.slowdown for r, out in zip(rows, state, strict=True) if out), default=0.0))
    assert mean_speed(rows) == pytest.approx(mean)
    assert 0 <= mean_speed(rows) <= 1


def test_slow_hours_and_stops_together_give_the_product_when_played_out():
    plan = RunPlan(100, 24 * 0.03 / 100, 3600, 360)
    slow = slowing("nic-link", 0.3, 0.4, repair_hours=2.0)
    rng = np.random.default_rng(11)
    ettr = [_played(plan, slow, 2000.0, rng) for _ in range(150)]
    error = np.std(ettr, ddof=1) / math.sqrt(len(ettr))
    assert np.mean(ettr) == pytest.approx(fabric_ettr(plan, [slow]), abs=3.5 * error)
    assert error < 1e-3


def _played(plan: RunPlan, slow: ClassFailures, hours: float, rng: np.random.Generator) -> float:
    """Play a run event by event: work is saved each hour of training, at the speed that the parts out allow."""
    outages = np.cumsum(rng.exponential(24 / slow.slowing_per_day, int(hours * 2))) - slow.repair_hours
    edges = np.sort(np.concatenate([outages, outages + slow.repair_hours]))
    is_slow = (
        np.searchsorted(outages, edges, side="right")
        - np.searchsorted(outages + slow.repair_hours, edges, side="right")
    ) > 0
    speed = np.where(is_slow, 1 - slow.slowdown, 1.0)
    done = np.concatenate([[0.0], np.cumsum(np.diff(edges) * speed[:-1])])

    def work_until(at: float) -> float:
        place = int(np.searchsorted(edges, at, side="right")) - 1
        return at if place < 0 else edges[0] + done[place] + (at - edges[place]) * speed[place]

    now, work = 0.0, 0.0
    while now < hours:
        fails = now + rng.exponential(1 / 0.03)
        begun = now + plan.restart_overhead_seconds / 3600
        kept = math.floor(max(0.0, min(fails, hours) - begun))
        work += work_until(begun + kept) - work_until(begun)
        now = fails
    return work / hours


def test_rates_at_their_own_value_change_nothing_and_doubled_ones_double():
    found = class_failures(SINGLE, rates())
    same = fabric_ettr_at(
        PLAN, found, [PLAN.failures_per_node_day], {"nic-link": np.array([rates()["nic-link"].failures_per_hour])}
    )
    assert same[0] == pytest.approx(fabric_ettr(PLAN, found))
    doubled = fabric_ettr_at(PLAN, found, [6.5e-3], {"nic-link": np.array([2 * rates()["nic-link"].failures_per_hour])})
    assert doubled[0] < same[0]


def test_the_nvswitch_of_a_host_is_the_hosts_own_and_that_of_a_rack_is_shared():
    assert DUAL.of("nvswitch") is None
    shared = standing(leaning(small("nvl72")), range(8)).of("nvswitch")
    assert shared is not None
    assert (shared.parts, shared.fatal, shared.hosts) == (4, 4, 2)


def test_a_slowdown_of_ones_own_takes_the_place_of_the_bandwidth():
    found = {row.component: row.slowdown for row in class_failures(DUAL, rates(), 0.5)}
    assert found["nic-link"] == found["tor"] == 0.5
    some = {row.component: row.slowdown for row in class_failures(DUAL, rates(), {"tor": 0.01})}
    assert (some["nic-link"], some["tor"]) == (1 / 16, 0.01)
    with pytest.raises(NotAShareError, match="slowdown"):
        class_failures(DUAL, rates(), {"tor": 1.5})
    with pytest.raises(NotAShareError, match="slowdown"):
        class_failures(DUAL, rates(), float("nan"))
