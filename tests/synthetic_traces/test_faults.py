"""Laws of what goes wrong: on which machine, when it is noticed, what follows from it."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise

import pytest
from msgspec.structs import replace

from synthetic_traces.spec.cluster import DAY, plain
from synthetic_traces.spec.faults import DomainFault
from tests.synthetic_traces.clusters import SEEDS, one_mode, simulated

DOWN = {"critical", "crash_loop"}


def modes_of(spec, symptom, effect):
    return [mode for mode in spec.failure_modes if mode.symptom == symptom and mode.effect == effect]


def test_faults_lie_in_the_window_and_are_told_in_the_order_of_time(case):
    times = [fault.time_seconds for fault in case.history.faults]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < case.spec.seconds
    numbers = sorted(fault.fault_id for fault in case.history.faults)
    assert numbers == list(range(1, len(numbers) + 1))


def test_nothing_goes_wrong_on_a_node_that_is_out_of_service(case):
    absences = case.absences()
    for fault in case.history.faults:
        if fault.kind != "cascade":  # which comes with what took the node out
            assert not any(down < fault.time_seconds < up for down, up, _ in absences.get(fault.node, ()))


def test_a_cascade_follows_its_cause_on_the_same_part(case):
    faults = case.history.faults_by_id
    for fault in case.history.faults:
        assert (fault.caused_by is not None) == (fault.kind == "cascade")
        if fault.caused_by is None:
            continue
        cause = faults[fault.caused_by]
        assert (cause.kind, cause.silent) == ("critical", False)
        assert (fault.node, fault.slot, fault.component) == (cause.node, cause.slot, cause.component)
        assert cause.time_seconds <= fault.time_seconds < cause.time_seconds + 60
        told = [c for mode in modes_of(case.spec, cause.symptom, "down") for c in mode.cascades]
        assert (fault.symptom, fault.xid) in {(cascade.symptom, cascade.xid) for cascade in told}


def test_only_what_takes_a_node_out_is_detected_and_repaired(case):
    for fault in case.history.faults:
        assert (fault.repaired_seconds is not None) == (fault.kind in DOWN)
        assert (fault.detected_seconds is not None) == (fault.kind in DOWN | {"drain"})
        if fault.kind in DOWN:
            assert fault.repaired_seconds >= fault.detected_seconds + 600


def test_every_fault_that_is_noticed_in_time_is_one_outage(case):
    told = defaultdict(list)
    for outage in case.history.outages:
        if outage.state != "maintenance":
            told[outage.number].append(outage)
    for fault in case.history.faults:
        outages = told.pop(fault.fault_id, [])
        if fault.kind in DOWN and fault.detected_seconds < case.spec.seconds:
            (outage,) = outages
            assert (outage.node, outage.state) == (fault.node, "down")
            assert (outage.from_seconds, outage.to_seconds) == (fault.detected_seconds, fault.repaired_seconds)
        elif fault.kind == "drain":  # unless the node failed before it was idle
            assert [(outage.node, outage.state) for outage in outages] in ([], [(fault.node, "drain")])
        else:
            assert outages == []
    assert told == {}


def test_a_draining_node_is_not_drained_once_more(troubled_spec):
    modes = [
        replace(mode, per_1000_node_days=1500) if mode.effect == "drain" else mode
        for mode in troubled_spec.failure_modes
    ]
    case = simulated(replace(troubled_spec, failure_modes=tuple(modes)), 0)
    absences, drains = case.absences(), defaultdict(list)
    for fault in case.history.faults:
        if fault.kind == "drain":
            drains[fault.node].append(fault.time_seconds)
    assert sum(map(len, drains.values())) > 150
    for node, times in drains.items():
        for first, second in pairwise(times):
            assert any(first < down < second for down, _, _ in absences[node])


def test_checks_notice_what_they_can_see_when_they_next_run(case):
    seen = case.spec.observability
    for fault in case.history.faults:
        if fault.detected_seconds is None:
            continue
        if fault.silent:
            assert fault.detected_seconds == math.ceil(fault.time_seconds) + seen.silent_seconds
            continue
        phase = int(case.plant.check_phase[fault.node])
        assert (fault.detected_seconds - phase) % seen.check_interval_seconds == 0
        assert 0 < fault.detected_seconds - fault.time_seconds <= seen.check_interval_seconds + 1


def test_silent_is_what_no_check_can_see_or_what_the_checks_missed(case):
    for fault in case.history.faults:
        if fault.kind == "critical" and fault.domain_event is None:
            (mode,) = modes_of(case.spec, fault.symptom, "down")
            assert fault.silent == (mode.silent or fault.missed)
            assert fault.missed or fault.time_seconds >= mode.checked_from_day * DAY
            assert not (fault.missed and mode.silent)
        elif fault.domain_event is None:
            assert not fault.missed
            assert fault.silent == (fault.kind in {"straggler", "silent_corruption"})


def test_a_new_check_sees_from_its_day_on_what_went_unseen():
    faults = simulated(one_mode(days=20, checked_from_day=10), 0).history.faults
    before = [fault.missed for fault in faults if fault.time_seconds < 10 * DAY]
    after = [fault.missed for fault in faults if fault.time_seconds >= 10 * DAY]
    assert before
    assert all(before)
    assert after
    assert not any(after)


def test_a_fault_shows_the_xids_and_hits_the_slots_of_its_mode(case):
    effects = {
        "critical": "down",
        "drain": "drain",
        "straggler": "slow",
        "silent_corruption": "corrupt",
        "benign": "none",
    }
    for fault in case.history.faults:
        effect = effects.get(fault.kind)
        if effect is None or fault.domain_event is not None:
            continue
        assert any(
            fault.component == mode.component
            and 0 <= fault.slot < mode.slots
            and (fault.xid in mode.xids if mode.xids else fault.xid is None)
            for mode in modes_of(case.spec, fault.symptom, effect)
        )


def test_false_alarms_take_nothing_down(case):
    alarms = {fault.fault_id for fault in case.history.faults if fault.kind == "false_alarm"}
    assert alarms.isdisjoint(outage.number for outage in case.history.outages if outage.state != "maintenance")
    assert alarms.isdisjoint(attempt.killed_by_fault for attempt in case.attempts)


def test_lemons_fail_of_their_root_cause_and_only_since_they_are_lemons(troubled_spec):
    for seed in SEEDS:
        case = simulated(troubled_spec, seed)
        lemons, asked = case.plant.lemons, troubled_spec.lemons
        assert len(lemons) == round(asked.share * troubled_spec.fleet.nodes)
        assert {lemon.symptom for lemon in lemons.values()} <= set(asked.symptoms)
        for fault in case.history.faults:
            if fault.lemon:
                lemon = lemons[fault.node]
                assert fault.kind == "critical"
                assert fault.symptom == lemon.symptom
                assert fault.time_seconds >= lemon.from_seconds


def test_nodes_that_share_a_fault_share_a_domain(troubled_spec):
    spread = {fault.domain: fault.spread_seconds for fault in troubled_spec.domain_faults}
    for seed in SEEDS:
        case = simulated(troubled_spec, seed)
        domains = {(domain.kind, domain.name): domain for domain in case.plant.domains}
        hit = defaultdict(list)
        for fault in case.history.faults:
            if fault.domain_event is not None:
                hit[fault.domain_event].append(fault)
        for number, event in enumerate(case.history.domain_events, start=1):
            domain, faults = domains[event.kind, event.domain], hit.pop(event.event_id, [])
            assert event.event_id == number
            assert set(event.nodes) <= set(domain.nodes)
            assert event.takes_down == (domain.takes_down and event.real)
            kinds = {"critical"} if event.takes_down else {"false_alarm"} if not event.real else set()
            assert {fault.kind for fault in faults} <= kinds
            if kinds:
                assert sorted(fault.node for fault in faults) == sorted(event.nodes)
            last = event.time_seconds + spread[event.kind]
            assert all(event.time_seconds <= fault.time_seconds <= last for fault in faults)
            if event.kind == "rack":  # of which all nodes are hit, the first at once
                first = [fault.time_seconds for fault in faults if fault.node == domain.nodes[0]]
                assert first in ([], [event.time_seconds])
        assert hit == {}


def test_the_nodes_of_a_domain_come_back_together(troubled_spec):
    for seed in SEEDS:
        case = simulated(troubled_spec, seed)
        returns = defaultdict(list)
        for fault in case.history.faults:
            if fault.domain_event is not None and fault.kind == "critical":
                returns[fault.domain_event].append(fault.repaired_seconds - fault.detected_seconds)
        assert all(max(repairs) - min(repairs) < 600 for repairs in returns.values())


@pytest.mark.parametrize(
    ("fabric", "domain", "takes_down"),
    [
        ("rail", "leaf", True),
        ("rail", "spine", False),
        ("hpn", "tor", False),
        ("hpn-single-tor", "tor", True),
        ("nvl72", "nvswitch", True),
        ("railx", "leaf", None),
        ("clos", "power", True),
        ("clos", "pod", True),
    ],
)
def test_what_the_loss_of_a_domain_does_is_a_matter_of_the_fabric(fabric, domain, takes_down):
    fault = DomainFault(domain=domain, component="nic", symptom="ib_link", per_1000_domain_days=100)
    spec = one_mode(0.0, days=10)
    fleet = replace(spec.fleet, nodes=16, fabric=fabric, racks_per_pod=2)
    history = simulated(replace(spec, fleet=fleet, domain_faults=(fault,)), 0).history
    assert {event.takes_down for event in history.domain_events} == ({takes_down} if takes_down is not None else set())
    assert any(f.kind == "critical" for f in history.faults) == bool(takes_down)


def test_a_degraded_switch_only_slows_what_runs_on_its_nodes(stormy_spec):
    spine = DomainFault(
        domain="spine", component="nic", symptom="ib_link", per_1000_domain_days=2000, slowdown=0.5, spread_seconds=30
    )
    calm = tuple(mode for mode in stormy_spec.failure_modes if mode.effect == "none")
    case = simulated(replace(stormy_spec, failure_modes=calm, domain_faults=(spine,)), 0)
    a = case.history.attempts
    assert a.slowed.any()
    assert not a.fault_id.any()
    # A gang waits for its slowest node, however many are slow.
    run = a.restart + a.productive + a.writing + a.lost + a.slowed
    assert (3 * a.slowed <= run).all()


def test_at_least_one_node_of_a_domain_is_hit():
    rare = DomainFault(domain="rack", component="psu", symptom="power", per_1000_domain_days=50, affected_share=1e-9)
    spec = replace(one_mode(0.0, days=20), domain_faults=(rare,))
    events = simulated(spec, 0).history.domain_events
    assert events
    assert {len(event.nodes) for event in events} <= {0, 1}  # none if that one was out of service
    assert any(event.nodes for event in events)


def test_a_plain_cluster_has_nothing_that_correlates_faults(troubled_spec):
    assert troubled_spec.has_correlated_faults
    spec = plain(troubled_spec)
    assert not spec.has_correlated_faults
    assert spec.failures_per_1000_node_days == pytest.approx(troubled_spec.failures_per_1000_node_days)
    case = simulated(spec, 0)
    assert case.plant.lemons == {}
    assert case.history.domain_events == ()
    assert "crash_loop" not in {fault.kind for fault in case.history.faults}
    assert all(f.repair_helped and not f.lemon and f.domain_event is None for f in case.history.faults)
    for symptom, expected in case.history.expected_faults.items():
        rate = sum(mode.per_1000_node_days for mode in modes_of(spec, symptom, "down"))
        assert expected == pytest.approx(rate / 1000 * case.history.in_service_node_days)
