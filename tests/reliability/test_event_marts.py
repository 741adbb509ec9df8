"""Signs, bursts and events of several nodes, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from reliability.analyses.causes import causes, job_verdict
from reliability.analyses.companions import companions
from reliability.lake import Lake
from tests.lakes import build_lake
from tests.reliability.conftest import Ask

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
RUN = {"start_utc": "2026-01-05", "end_utc": NOON}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_signs_keep_the_programs_lines_apart_and_leave_warnings_out(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        events=[
            {"node": "n1", "time_utc": NOON},
            {"node": "n1", "time_utc": NOON, "symptom": "pcie", "severity": "warning", "code": "pcie:aer"},
            {
                "node": "n1",
                "time_utc": NOON,
                "symptom": "application",
                "domain": "user_program",
                "severity": "info",
                "code": "xid:13",
            },
        ],
        node_states=[
            {"node": "n2", "from_utc": NOON},
            {"node": "n3", "from_utc": NOON, "state": "drain", "symptom": "disk", "domain": "hardware"},
        ],
    )
    rows = ask(lake, "SELECT node, symptom, is_application FROM node_signs ORDER BY node, symptom")
    assert [tuple(row.values()) for row in rows] == [
        ("n1", "application", True),
        ("n1", "gpu_unavailable", False),
        ("n3", "disk", False),
    ]


def test_a_burst_is_counted_once_by_symptom_and_once_by_code(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        events=[
            *({"node": "n1", "time_utc": after(60 * minute), "code": "xid:79"} for minute in range(5)),
            {"node": "n1", "time_utc": after(90), "code": "xid:46"},
            {"node": "n1", "time_utc": after(7200), "code": "xid:79"},
        ],
    )
    rows = ask(lake, "SELECT named_by, kind, line_count FROM sign_bursts ORDER BY named_by, kind, from_micros")
    assert [tuple(row.values()) for row in rows] == [
        ("code", "xid:46", 1),
        ("code", "xid:79", 5),
        ("code", "xid:79", 1),
        ("symptom", "gpu_unavailable", 6),
        ("symptom", "gpu_unavailable", 1),
    ]


def test_44_attempts_and_20_nodes_in_one_second_are_one_event(ask: Ask, tmp_path: Path) -> None:
    nodes = [f"n{number:02}" for number in range(20)]
    lake = build_lake(
        tmp_path / "lake",
        jobs=[{**RUN, "job_id": str(job), "nodes": [nodes[job % 20]], "state": "NODE_FAIL"} for job in range(44)],
        node_states=[{"node": node, "from_utc": NOON} for node in nodes],
    )
    (row,) = ask(lake, "SELECT node_count, attempts_ended, outages, onset_span_seconds, nodes FROM shared_incidents")
    assert (row["node_count"], row["attempts_ended"], row["outages"], row["onset_span_seconds"]) == (20, 44, 20, 0)
    assert list(row["nodes"]) == nodes
    assert (causes(lake).infrastructure_failures, companions(lake).failure_events) == (44, 1)


def test_attempts_of_nodes_that_nobody_can_name_are_still_joined_by_time(ask: Ask, tmp_path: Path) -> None:
    ends = {"a": after(0), "b": after(1), "c": after(3600)}
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            {
                "start_utc": "2026-01-05",
                "end_utc": end,
                "job_id": job,
                "nodes": [f"{job}1", f"{job}2"],
                "state": "NODE_FAIL",
            }
            for job, end in ends.items()
        ],
    )
    rows = ask(lake, "SELECT place_count, node_count, attempts_ended FROM shared_incidents ORDER BY from_utc")
    assert [tuple(row.values()) for row in rows] == [(2, 0, 2), (1, 0, 1)]


def test_what_befalls_one_node_is_one_event_and_other_nodes_join_it_within_the_gap_only(
    ask: Ask, tmp_path: Path
) -> None:
    lake = build_lake(
        tmp_path / "lake",
        jobs=[{**RUN, "nodes": ["n1", "n9"], "state": "FAILED"}],
        events=[
            {"node": "n1", "time_utc": after(-30)},
            {"node": "n2", "time_utc": after(-30 + 60)},
            {"node": "n3", "time_utc": after(-30 + 60 + 61)},
        ],
        node_states=[{"node": "n1", "from_utc": after(200)}],
    )
    sql = "SELECT node_count, attempts_ended, outages, signs FROM shared_incidents ORDER BY from_utc"
    assert [tuple(row.values()) for row in ask(lake, sql)] == [(2, 1, 1, 2), (1, 0, 0, 1)]
    assert len(ask(lake, sql, event_gap_seconds=30)) == 3


def test_a_pcie_fault_that_brings_a_gpu_down_is_named_pcie(ask: Ask, tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        jobs=[{**RUN, "nodes": ["n1"], "state": "FAILED"}],
        events=[
            {"node": "n1", "time_utc": after(-9), "symptom": "pcie", "code": "pcie:aer_fatal"},
            {"node": "n1", "time_utc": after(-9)},
        ],
    )
    assert ask(lake, "SELECT cause FROM attributions")[0]["cause"] == "pcie"


def test_800_000_lines_are_one_incident_quickly(tmp_path: Path) -> None:
    lines = (
        {"node": "n1", "time_utc": NOON + timedelta(milliseconds=number), "symptom": "gpu_memory", "code": "xid:95"}
        for number in range(800_000)
    )
    lake = build_lake(tmp_path / "lake", events=lines, jobs=[{**RUN, "nodes": ["n1"], "state": "FAILED"}])
    begin = perf_counter()
    found = companions(lake)
    assert perf_counter() - begin < 60
    assert (found.events, found.co_occurrence) == (1, ())


def together(tmp_path: Path) -> Lake:
    events = []
    for day in range(1, 11):
        at = datetime(2026, 1, day, 3, tzinfo=UTC)
        events.append({"node": f"n{day}", "time_utc": at, "symptom": "pcie", "code": "pcie:aer_fatal"})
        if day <= 4:
            events.append({"node": f"n{day}", "time_utc": at + timedelta(seconds=3)})
        if day <= 2:
            ipmi = {"symptom": "system_services", "code": "ipmi:critical_interrupt_asserted", "component": "board"}
            events.append({"node": f"n{day}", "time_utc": at + timedelta(seconds=5), **ipmi})
    events.append({"node": "n20", "time_utc": "2026-01-20"})
    return build_lake(tmp_path / "lake", events=events)


def test_pairs_and_triples_are_counted_on_one_node_within_the_window(tmp_path: Path) -> None:
    found = companions(together(tmp_path))
    rows = {(pair.kind, pair.other): pair.found for pair in found.co_occurrence}
    assert (rows["pcie", "xid:79"].share.k, rows["pcie", "xid:79"].share.n) == (4, 10)
    assert (rows["xid:79", "pcie"].share.k, rows["xid:79", "pcie"].share.n) == (4, 5)
    assert rows["pcie", "xid:79 + ipmi"].share.k == 2
    assert ("xid:79", "gpu_unavailable") not in rows
    assert rows["pcie", "xid:79"].expected_share < 1e-3
    narrow = companions(together(tmp_path / "again"), window_seconds=2).co_occurrence
    assert not [pair for pair in narrow if "pcie" in (pair.kind, pair.other) and pair.found.share.k]


def test_cascades_have_a_direction(tmp_path: Path) -> None:
    found = {(pair.kind, pair.other): pair.found.share.k for pair in companions(together(tmp_path)).cascades}
    assert found["pcie", "xid:79"] == 4
    assert ("xid:79", "pcie") not in found


def test_what_begins_in_the_same_moment_is_said_and_not_counted(tmp_path: Path) -> None:
    lake = build_lake(
        tmp_path / "lake",
        events=[
            {"node": "n1", "time_utc": NOON},
            {"node": "n1", "time_utc": NOON, "symptom": "pcie", "code": "pcie:x"},
        ],
    )
    found = companions(lake)
    assert {pair.found.share.k for pair in found.cascades} == {0}
    assert "same moment" in found.warnings[0]


def test_xids_of_programs_are_counted_apart(tmp_path: Path) -> None:
    xid = {"symptom": "application", "domain": "user_program", "severity": "info", "code": "xid:31", "node": "n1"}
    found = companions(
        build_lake(tmp_path / "lake", events=[{**xid, "time_utc": after(second)} for second in range(9)])
    )
    (row,) = found.application_xids
    assert (row["code"], row["incidents"], row["lines"], row["nodes"]) == ("xid:31", 1, 9, 1)
    assert found.events == 0


def test_a_verdict_says_how_sure_it_is(tmp_path: Path) -> None:
    fine = [
        {"job_id": f"f{number}", "nodes": ["n2"], "state": "COMPLETED" if number % 3 else "FAILED", **RUN}
        for number in range(50)
    ]
    lake = build_lake(
        tmp_path / "lake",
        jobs=[
            *fine,
            {**RUN, "job_id": "sign", "nodes": ["n1"], "state": "FAILED"},
            {**RUN, "job_id": "none", "nodes": ["n3"], "state": "FAILED"},
            {**RUN, "job_id": "gone", "nodes": ["n4"], "state": "NODE_FAIL"},
            {**RUN, "job_id": "memory", "nodes": ["n1"], "state": "FAILED", "step_out_of_memory": True},
        ],
        events=[{"node": "n1", "time_utc": after(-3)}],
    )
    judged = {job: job_verdict(lake, job).attempts[0] for job in ("sign", "none", "gone", "memory", "f1")}
    assert judged["sign"]["probability"] > 0.5 > judged["none"]["probability"]
    assert judged["sign"]["probability_low"] <= judged["sign"]["probability"] <= judged["sign"]["probability_high"]
    assert "on n1 3 s before its end" in judged["sign"]["verdict"]
    assert "by chance in" in judged["sign"]["verdict"]
    assert judged["gone"]["probability"] == 1.0
    assert "unattributed" in judged["gone"]["verdict"]
    assert judged["memory"]["probability"] == 0.0
    assert judged["f1"]["probability"] is None
