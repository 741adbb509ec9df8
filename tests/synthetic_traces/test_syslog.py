"""The syslog of a history: what is printed when, and what the noise of observation does to it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.stats import binom

from synthetic_traces.logs.syslog import Syslog
from tests.synthetic_traces.clusters import simulated
from tests.synthetic_traces.reading import SYSLOG, rendered

RARE = 0.001
XID = re.compile(r"NVRM: Xid \(PCI:0000:([0-9a-f]{2}):00\): (\d+), ")
BUSES = ("1b", "43", "52", "61", "9d", "c3", "d1", "df")


def clear(spec):
    """The same cluster whose lines all arrive, once, with the right time."""
    exact = {"clock_skew_seconds": 0.0, "lost_share": 0.0, "duplicated_share": 0.0}
    return replace(spec, observability=replace(spec.observability, **exact))


@pytest.fixture(scope="module")
def observed(troubled_spec):
    """A case, and its lines as (second, node, priority, program, text); every fault prints at once and all arrives."""
    spec = clear(troubled_spec)
    case = simulated(spec, 0)
    lines = Syslog(spec, case.plant, case.history, 0).lines(0, spec.days)
    found = []
    for line in lines:
        priority, stamp, node, program, _, text = SYSLOG.fullmatch(line).groups()
        second = (datetime.fromisoformat(stamp) - spec.start_utc).total_seconds()
        found.append((second, int(node[5:]) - 1, int(priority), program, text))
    return case, found


def told_at(lines):
    """Lines by node and time."""
    told = defaultdict(list)
    for second, node, priority, program, text in lines:
        told[node, round(second, 3)].append((priority, program, text))
    return told


def test_syslog_is_in_the_order_of_time(observed):
    seconds = [second for second, *_ in observed[1]]
    assert seconds == sorted(seconds)
    assert 0 <= seconds[0] <= seconds[-1] < observed[0].spec.seconds


def test_a_fault_that_speaks_does_so_at_once(observed):
    case, lines = observed
    told = told_at(lines)
    for fault in case.history.faults:
        first = told.get((fault.node, round(fault.time_seconds, 3)))
        assert (first is None) == fault.silent
        assert fault.silent or any(priority % 8 <= 4 for priority, _, _ in first)


def test_a_silent_node_prints_nothing_until_it_is_back(observed):
    case, lines = observed
    printed = defaultdict(list)
    for second, node, *_ in lines:
        printed[node].append(second)
    silent = [fault for fault in case.history.faults if fault.silent and fault.repaired_seconds is not None]
    assert silent
    for fault in silent:
        until = fault.repaired_seconds - 121
        assert not any(fault.time_seconds <= second < until for second in printed[fault.node])


def test_a_node_prints_its_boot_with_the_driver_it_then_runs_before_it_is_back(observed):
    case, lines = observed
    loading = "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  "
    boots = sorted((node, second, text.removeprefix(loading)) for second, node, *_, text in lines if loading in text)
    expected = sorted(
        (fault.node, fault.repaired_seconds - 116)
        for fault in case.history.faults
        if fault.repaired_seconds is not None and fault.repaired_seconds - 116 < case.spec.seconds
    )
    assert [(node, round(second)) for node, second, _ in boots] == expected
    versions = set()
    for node, second, version in boots:
        runs = [v for since, v in case.plant.driver_versions(node, case.spec.fleet.driver_version) if since <= second]
        assert version == runs[-1]
        versions.add(version)
    assert len(versions) == 3


def test_xids_in_the_syslog_are_those_of_the_truth(observed):
    case, lines = observed
    printed = defaultdict(set)
    for second, node, _, program, text in lines:
        xid = XID.match(text)
        if xid is not None:
            assert program == "kernel"
            printed[node, int(xid[2])].add((round(second, 3), BUSES.index(xid[1])))
    visible = [fault for fault in case.history.faults if fault.xid is not None and not fault.silent]
    for fault in visible:
        assert (round(fault.time_seconds, 3), fault.slot) in printed[fault.node, fault.xid]
    known = {(fault.node, fault.xid) for fault in visible}
    follow_ups = {(fault.node, 63) for fault in visible if fault.xid in {48, 94}}
    assert set(printed) <= known | follow_ups


def test_some_faults_print_once_and_some_in_bursts(observed):
    case, lines = observed
    printed = defaultdict(list)
    for second, node, *_, text in lines:
        if "Xid" in text:
            printed[node, text].append(second)
    bursts = []
    for times in printed.values():
        gaps = np.flatnonzero(np.diff(times) > 20)  # a relapse may say the same again
        bursts += [len(burst) for burst in np.split(np.array(times), gaps + 1)]
    assert min(bursts) == 1
    assert 10 <= max(bursts) <= case.spec.observability.burst_most
    assert sum(burst == 1 for burst in bursts) > len(bursts) / 3


def test_noise_comes_as_often_as_asked_for(observed):
    case, lines = observed
    noise = sum(text.startswith(("IPv6", "perf", "TCP", "usb", "Started", "Selected", "launch")) for *_, text in lines)
    expected = case.spec.observability.noise_lines_per_node_day * case.history.in_service_node_days
    assert noise == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_another_share_of_lost_lines_leaves_the_history_alone(observed, troubled_spec):
    assert simulated(troubled_spec, 0).history.faults == observed[0].history.faults


def test_each_node_stamps_its_lines_with_its_own_clock(observed, troubled_spec):
    case = simulated(troubled_spec, 0)
    seen = replace(troubled_spec.observability, lost_share=0.0, duplicated_share=0.0)
    spec = replace(troubled_spec, observability=seen)
    lines = Syslog(spec, case.plant, case.history, 0).lines(0, spec.days)
    errors = case.plant.clock_error_seconds
    assert 0.5 < errors.std() < 2.0
    for line, (second, node, *_) in zip(lines, observed[1], strict=True):
        stamp = datetime.fromisoformat(SYSLOG.fullmatch(line)[2])
        true = spec.start_utc + timedelta(seconds=second + errors[node])
        assert abs(stamp - true) <= timedelta(microseconds=2)


def test_lines_are_lost_and_doubled_as_often_as_asked_for(troubled_spec):
    spec = replace(troubled_spec, logs=replace(troubled_spec.logs, rotate_days=0, compress=False))
    exact = replace(spec, observability=replace(spec.observability, lost_share=0.0, duplicated_share=0.0))
    sent = sum(map(Counter, rendered(exact, 0, "syslog").values()), Counter())
    ((_, arrived),) = rendered(spec, 0, "syslog").items()
    arrived = Counter(arrived)
    assert set(arrived) <= set(sent)
    lost = sum((sent - arrived).values())
    doubled = sum((arrived - sent).values())
    for count in (lost, doubled):
        assert RARE / 2 < binom.cdf(count, sent.total(), 0.02) < 1 - RARE / 2


def test_how_the_log_is_cut_does_not_change_what_it_says(troubled_spec):
    spec = clear(troubled_spec)
    whole = replace(spec, logs=replace(spec.logs, rotate_days=0))
    cut = rendered(spec, 0, "syslog")
    assert len(cut) == 4
    (lines,) = rendered(whole, 0, "syslog").values()
    assert [line for path in sorted(cut) for line in cut[path]] == lines
