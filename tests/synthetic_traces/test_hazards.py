"""Faults come as often as their hazards say: counts against the integral of the hazard, for each feature alone.

The integral is told by the simulation (`expected_faults`) and computed here once more from the outages. All bounds are
exact Poisson bounds that a right simulation leaves once in a thousand seeds; the seeds are fixed.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import binom, expon, kstest, norm, poisson

from synthetic_traces import preset_spec
from synthetic_traces.simulation.hazards import next_check, repair_seconds
from synthetic_traces.simulation.plant import draw_plant
from synthetic_traces.spec.cluster import DAY, HOUR
from synthetic_traces.spec.faults import Batch, Firmware, Lemons, Regression, Repair
from tests.synthetic_traces.clusters import one_mode, quiet, simulated

SEEDS = range(6)
RARE = 0.001
RATE = 50.0  # per 1000 node-days, of `one_mode`


def assert_drawn_from(count, expected):
    assert poisson.ppf(RARE / 2, expected) <= count <= poisson.ppf(1 - RARE / 2, expected), (count, expected)


def failures(case):
    return [fault for fault in case.history.faults if fault.kind == "critical"]


def told(case):
    return sum(case.history.expected_faults.values())


def overlap(begin, end, first, last):
    return max(0.0, min(end, last) - max(begin, first))


def node_days(case, first=0.0, last=float("inf"), nodes=None):
    """Node-days in service between two seconds, of some nodes."""
    served = (overlap(a, b, first, last) for node, a, b in case.service() if nodes is None or node in nodes)
    return sum(served) / DAY


def test_constant_hazards_expect_rate_times_exposure():
    spec = quiet(days=20)
    history = simulated(spec, 0).history
    for symptom, expected in history.expected_faults.items():
        modes = [mode for mode in spec.failure_modes if (mode.symptom, mode.effect) == (symptom, "down")]
        rate = sum(mode.per_1000_node_days for mode in modes)
        assert expected == pytest.approx(rate / 1000 * history.in_service_node_days, rel=1e-9)


def test_the_number_of_faults_is_drawn_from_the_true_rate():
    cases = [simulated(quiet(), seed) for seed in SEEDS]
    for case in cases:
        rate = case.spec.failures_per_1000_node_days / 1000
        assert told(case) == pytest.approx(rate * case.history.in_service_node_days, rel=1e-9)
        assert_drawn_from(len(failures(case)), told(case))
    assert_drawn_from(sum(len(failures(case)) for case in cases), sum(map(told, cases)))


def test_faults_fall_on_the_modes_in_proportion_to_their_hazards():
    cases = [simulated(quiet(), seed) for seed in SEEDS]
    exposure = sum(case.history.in_service_node_days for case in cases)
    kinds = {"down": "critical", "none": "benign"}
    counts = defaultdict(int)
    for case in cases:
        for fault in case.history.faults:
            counts[fault.kind, fault.symptom, fault.xid if fault.kind == "benign" else None] += 1
    for mode in quiet().failure_modes:
        xid = mode.xids[0] if mode.xids and mode.effect == "none" else None
        assert_drawn_from(counts[kinds[mode.effect], mode.symptom, xid], mode.per_1000_node_days / 1000 * exposure)


def test_slots_are_hit_alike():
    hits = np.bincount([f.slot for seed in SEEDS for f in failures(simulated(one_mode(), seed))], minlength=8)
    assert len(hits) == 8
    for count in hits:
        assert_drawn_from(count, hits.sum() / 8)


def test_the_load_does_not_move_the_clocks_of_the_hardware():
    spec = quiet(days=30)
    busy = simulated(replace(spec, workload=replace(preset_spec("tiny").workload, jobs_per_day=100)), 0)
    idle = simulated(spec, 0)
    own = {"critical", "benign", "cascade"}
    assert [f.time_seconds for f in busy.history.faults if f.kind in own] == [
        f.time_seconds for f in idle.history.faults if f.kind in own
    ]


def test_a_regression_multiplies_the_hazard_between_its_dates():
    change = Regression(symptom="gpu_memory", factor=5.0, from_day=20, to_day=30)
    spec = one_mode(more={"regressions": (change,)})
    inside = outside = within = without = 0
    for case in (simulated(spec, seed) for seed in SEEDS):
        during, around = node_days(case, 20 * DAY, 30 * DAY), node_days(case)
        assert told(case) == pytest.approx(RATE / 1000 * (around + 4 * during), rel=1e-9)
        within += 5 * RATE / 1000 * during
        without += RATE / 1000 * (around - during)
        inside += sum(20 * DAY <= fault.time_seconds < 30 * DAY for fault in failures(case))
        outside += sum(not 20 * DAY <= fault.time_seconds < 30 * DAY for fault in failures(case))
    assert_drawn_from(inside, within)
    assert_drawn_from(outside, without)


@pytest.mark.parametrize("factor", [0.2, 4.0])
def test_a_firmware_changes_the_hazard_of_the_nodes_that_run_it(factor):
    version = Firmware(version="560.1", symptom="gpu_memory", factor=factor, from_day=10, rollout_days=30)
    spec = one_mode(fleet={"firmware": (version,)})
    before = after = old = new = 0
    for case in (simulated(spec, seed) for seed in SEEDS):
        ((_, since),) = case.plant.rollouts
        assert 10 * DAY < since.min() < since.max() < 40 * DAY
        later = sum(node_days(case, float(since[node]), nodes={node}) for node in range(64))
        assert told(case) == pytest.approx(RATE / 1000 * (node_days(case) + (factor - 1) * later), rel=1e-9)
        old += RATE / 1000 * (node_days(case) - later)
        new += factor * RATE / 1000 * later
        before += sum(fault.time_seconds < since[fault.node] for fault in failures(case))
        after += sum(fault.time_seconds >= since[fault.node] for fault in failures(case))
    assert_drawn_from(before, old)
    assert_drawn_from(after, new)


def test_a_batch_multiplies_the_hazard_of_its_racks():
    batches = tuple(Batch(name=str(f), share=0.25, symptom="gpu_memory", factor=f) for f in (3.0, 0.0))
    spec = one_mode(fleet={"batches": batches})
    counts, expected = defaultdict(int), defaultdict(float)
    for case in (simulated(spec, seed) for seed in SEEDS):
        for name, factor in (("3.0", 3.0), ("0.0", 0.0), ("", 1.0)):
            nodes = {node for node, batch in enumerate(case.plant.batch) if batch == name}
            assert len(nodes) == (32 if factor == 1.0 else 16)
            expected[name] += factor * RATE / 1000 * node_days(case, nodes=nodes)
            counts[name] += sum(fault.node in nodes for fault in failures(case))
        assert case.plant.batch[0] == case.plant.batch[3] == "3.0"
    assert sum(expected.values()) == pytest.approx(sum(told(simulated(spec, seed)) for seed in SEEDS), rel=1e-9)
    for name, count in counts.items():
        assert_drawn_from(count, expected[name])


def test_batch_firmware_and_regressions_multiply():
    batch = Batch(name="bad", share=0.5, symptom="gpu_memory", factor=2.0)
    version = Firmware(version="560.1", symptom="gpu_memory", factor=0.5, from_day=0, rollout_days=1)
    changes = tuple(
        Regression(symptom="gpu_memory", factor=f, from_day=a, to_day=60) for f, a in ((3.0, 20), (0.5, 40))
    )
    spec = one_mode(fleet={"batches": (batch,), "firmware": (version,)}, more={"regressions": changes})
    spans = ((1, 20, 0.5), (20, 40, 1.5), (40, 60, 0.75))
    counts, expected = defaultdict(int), defaultdict(float)
    for case in (simulated(spec, seed) for seed in SEEDS):
        for first, last, factor in spans:
            for bad in (True, False):
                nodes = {node for node, name in enumerate(case.plant.batch) if (name == "bad") == bad}
                hazard = RATE / 1000 * factor * (2.0 if bad else 1.0)
                expected[first, bad] += hazard * node_days(case, first * DAY, last * DAY, nodes)
                counts[first, bad] += sum(
                    fault.node in nodes and first * DAY <= fault.time_seconds < last * DAY for fault in failures(case)
                )
    assert len(counts) == 6
    for key, count in counts.items():
        assert_drawn_from(count, expected[key])


def test_lemons_fail_on_top_of_the_fleet():
    asked = Lemons(share=0.1, per_1000_node_days=300.0, symptoms=("gpu_memory",), weights=(1.0,))
    spec = one_mode(more={"lemons": asked})
    extra = base = bad_days = days = 0
    for case in (simulated(spec, seed) for seed in SEEDS):
        assert len(case.plant.lemons) == 6
        since = {node: lemon.from_seconds for node, lemon in case.plant.lemons.items()}
        bad = sum(node_days(case, begin, nodes={node}) for node, begin in since.items())
        assert told(case) == pytest.approx(RATE / 1000 * node_days(case) + 0.3 * bad, rel=1e-9)
        days, bad_days = days + node_days(case), bad_days + bad
        extra += sum(fault.lemon for fault in failures(case))
        base += sum(not fault.lemon for fault in failures(case))
    assert_drawn_from(extra, 0.3 * bad_days)
    assert_drawn_from(base, RATE / 1000 * days)


def test_some_nodes_are_lemons_from_the_beginning_and_some_turn_bad():
    asked = Lemons(share=1.0, per_1000_node_days=9.0, symptoms=("ib_link", "pcie"), weights=(3.0, 1.0), from_share=0.3)
    spec = quiet(lemons=asked)
    lemons = [lemon for seed in range(20) for lemon in draw_plant(spec, np.random.default_rng(seed)).lemons.values()]
    turned = [lemon.from_seconds for lemon in lemons if lemon.from_seconds > 0]
    assert len(lemons) == 20 * 64
    assert RARE / 2 < binom.cdf(len(turned), len(lemons), 0.7) < 1 - RARE / 2
    assert kstest(np.array(turned) / spec.seconds, "uniform").pvalue > RARE
    assert RARE / 2 < binom.cdf(sum(lemon.symptom == "pcie" for lemon in lemons), len(lemons), 0.25) < 1 - RARE / 2


def test_lemons_differ_by_a_factor_log_uniform_around_the_median():
    asked = Lemons(share=1.0, per_1000_node_days=100.0, symptoms=("pcie",), weights=(1.0,), spread=4.0)
    spec = quiet(lemons=asked)
    lemons = [lemon for seed in range(20) for lemon in draw_plant(spec, np.random.default_rng(seed)).lemons.values()]
    powers = np.log([lemon.per_1000_node_days / 100.0 for lemon in lemons]) / np.log(4.0)
    assert kstest((powers + 1.0) / 2.0, "uniform").pvalue > RARE


def test_lemons_of_which_no_spread_is_told_are_equal_and_draw_nothing_more():
    asked = Lemons(share=0.1, per_1000_node_days=100.0, symptoms=("pcie",), weights=(1.0,))
    plants = [
        draw_plant(quiet(lemons=lemons), np.random.default_rng(1)) for lemons in (asked, replace(asked, spread=1.0))
    ]
    assert {lemon.per_1000_node_days for plant in plants for lemon in plant.lemons.values()} == {100.0}
    assert (plants[0].check_phase == plants[1].check_phase).all()


def test_a_cured_lemon_fails_no_more_of_its_root_cause_and_each_keeps_its_own_hazard_until_then():
    asked = Lemons(
        share=0.3, per_1000_node_days=300.0, symptoms=("gpu_memory",), weights=(1.0,), spread=3.0, cured_share=0.3
    )
    spec = one_mode(more={"lemons": asked})
    extra, expected, repairs, cures = 0, 0.0, 0, 0
    for case in (simulated(spec, seed) for seed in SEEDS):
        cured = {fault.node: fault.time_seconds for fault in failures(case) if fault.cured}
        hazard = sum(
            lemon.per_1000_node_days
            / 1000
            * node_days(case, lemon.from_seconds, cured.get(node, float("inf")), nodes={node})
            for node, lemon in case.plant.lemons.items()
        )
        assert told(case) == pytest.approx(RATE / 1000 * node_days(case) + hazard, rel=1e-9)
        own = [fault for fault in failures(case) if fault.lemon]
        assert all(fault.time_seconds <= cured.get(fault.node, float("inf")) for fault in own)
        extra, expected = extra + len(own), expected + hazard
        repairs, cures = repairs + len(own), cures + len(cured)
    assert_drawn_from(extra, expected)
    assert RARE / 2 < binom.cdf(cures, repairs, 0.3) < 1 - RARE / 2


@pytest.mark.parametrize("regression", [False, True], ids=["alone", "beside a regression"])
def test_a_fault_comes_again_after_a_repair_that_did_not_help(regression):
    again = {"useless_share": 0.6, "relapse_mean_hours": 12.0}
    changes = (Regression(symptom="gpu_memory", factor=8.0, from_day=50, to_day=51),) if regression else ()
    spec = one_mode(20.0, slots=1, repair=again, more={"regressions": changes})
    count, expected, waits, useless = 0, 0.0, [], 0
    for case in (simulated(spec, seed) for seed in SEEDS):
        bad = defaultdict(bool)
        ends = {(fault.node, fault.time_seconds): fault for fault in failures(case)}
        hazard = 0.0
        for node, begin, end in sorted(case.service()):
            factor_days = (end - begin + 7 * overlap(begin, end, 50 * DAY, 51 * DAY) * regression) / DAY
            hazard += 20.0 / 1000 * factor_days + bad[node] * (end - begin) / (12 * HOUR)
            fault = ends.get((node, end))
            if fault is not None and bad[node]:
                waits.append(end - begin)
            bad[node] = fault is not None and not fault.repair_helped
        assert told(case) == pytest.approx(hazard, rel=1e-9)
        count, expected = count + len(failures(case)), expected + hazard
        useless += sum(not fault.repair_helped for fault in failures(case))
    assert_drawn_from(count, expected)
    assert RARE / 2 < binom.cdf(useless, count, 0.6) < 1 - RARE / 2
    if not regression:
        assert kstest(waits, expon(scale=DAY / (2.0 + 0.02)).cdf).pvalue > RARE


@pytest.mark.parametrize(("shape", "permanent"), [(0.7, 0.0), (2.0, 0.0), (0.7, 1.0), (2.0, 1.0), (2.0, 0.5)])
def test_parts_age_in_service_and_a_replaced_one_begins_anew(shape, permanent):
    spec = one_mode(
        shape=shape,
        reference_age_days=100.0,
        permanent_share=permanent,
        slots=2,
        fleet={"oldest_days": 200.0},
    )
    counts, expected = {True: 0, False: 0}, {True: 0.0, False: 0.0}
    for case in (simulated(spec, seed) for seed in SEEDS):
        ages = np.repeat(case.plant.age_days[:, None], 2, axis=1)
        assert (ages[0, 0], ages[-1, 0]) == (200.0, 200.0 / 16)
        by_end = {(fault.node, fault.time_seconds): fault for fault in failures(case)}
        total = 0.0
        for node, begin, end in sorted(case.service()):
            later = ages[node] + (end - begin) / DAY
            # Cumulative hazard of one part: its rate × reference / shape × (age / reference)^shape.
            grown = RATE / 2 / 1000 * 100.0 / shape * ((later / 100) ** shape - (ages[node] / 100) ** shape)
            total += grown.sum()
            expected[node < 32] += grown.sum()
            ages[node] = later
            fault = by_end.get((node, end))
            if fault is not None and fault.permanent:
                ages[node, fault.slot] = 0.0
        assert told(case) == pytest.approx(total, rel=1e-9)
        assert sum(f.permanent for f in failures(case)) in (
            range(len(failures(case)) + 1) if 0 < permanent < 1 else {permanent * len(failures(case))}
        )
        for fault in failures(case):
            counts[fault.node < 32] += 1
    for old in (True, False):
        assert_drawn_from(counts[old], expected[old])


def test_a_part_that_is_replaced_in_a_drain_begins_anew_too():
    def drains(permanent):
        spec = one_mode(effect="drain", shape=4.0, reference_age_days=100.0, permanent_share=permanent, slots=1)
        return sum(fault.kind == "drain" for fault in simulated(spec, 0).history.faults)

    assert 64 / 4 < drains(1.0) < drains(0.0) / 4


def test_the_checks_miss_their_share():
    spec = one_mode(more={"observability": replace(preset_spec("tiny").observability, missed_share=0.2)})
    missed = [fault.missed for seed in SEEDS for fault in failures(simulated(spec, seed))]
    assert RARE / 2 < binom.cdf(sum(missed), len(missed), 0.2) < 1 - RARE / 2


def test_a_fault_is_noticed_after_a_time_uniform_in_the_interval():
    delays = [
        fault.detected_seconds - np.ceil(fault.time_seconds)
        for seed in SEEDS
        for fault in failures(simulated(one_mode(), seed))
    ]
    assert len(delays) > 1000
    assert {min(delays), max(delays)} <= set(range(1, 301))
    assert kstest((np.array(delays) - 0.5) / 300, "uniform").pvalue > RARE


def test_the_next_check_is_the_first_after_now():
    for now in range(700):
        check = next_check(now, phase=17, interval=60)
        assert now < check <= now + 60
        assert check % 60 == 17


def test_false_alarms_come_as_often_as_asked_for_on_nodes_in_service():
    spec = one_mode(more={"observability": replace(preset_spec("tiny").observability, false_alarms_per_node_day=0.1)})
    cases = [simulated(spec, seed) for seed in SEEDS]
    alarms = sum(fault.kind == "false_alarm" for case in cases for fault in case.history.faults)
    assert_drawn_from(alarms, 0.1 * sum(case.history.in_service_node_days for case in cases))


def test_repair_times_are_log_normal_but_for_those_of_robots():
    rng = np.random.default_rng(1)
    by_hand = Repair(median_hours=10.0, sigma=0.5)
    logs = np.log([repair_seconds(by_hand, rng) / HOUR for _ in range(4000)])
    assert kstest(logs, norm(np.log(10), 0.5).cdf).pvalue > RARE
    shared = Repair(median_hours=100.0, sigma=0.1, automatic_share=0.3, automatic_median_hours=1.0, automatic_sigma=0.1)
    fast = sum(repair_seconds(shared, rng) < 10 * HOUR for _ in range(4000))
    assert RARE / 2 < binom.cdf(fast, 4000, 0.3) < 1 - RARE / 2
    assert repair_seconds(Repair(median_hours=0.001), rng) == 600
